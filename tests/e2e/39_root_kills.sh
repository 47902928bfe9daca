#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S29 "after a crash at any point exactly one of the two opens the vault".
# The daemon is killed at each point of a rotation of the root key, from a key file to a key file, a passphrase and
# shares, and killed again while it puts that in order. Each time it is known beforehand which of the two keys opens
# the vault, and the other one does not; every token leads where it led; the log verifies and says what became of it.
# 39_root_kills.sh [all]: each point with each second one, for each way; untold a few.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/kills.sh
. "$here/kills.sh"
which=${1:-few}

# point                  in force  the intent is   second kills that are passed after it
points='
root_intended            old       settled         key_acts_settling key_acts_settled
root_announced           old       settled         keyring_settling keyring_settled key_acts_settling key_acts_settled
keyring_after_tmp        old       settled         key_acts_settling keyring_settled keyring_settling key_acts_settled
keyring_before_rename    old       settled         key_acts_settled keyring_settling keyring_settled key_acts_settling
keyring_after_rename     new       settled         keyring_settling keyring_settled key_acts_settling key_acts_settled
root_replaced            new       settled         keyring_settled key_acts_settling keyring_settling key_acts_settled
root_settled             new       settled         key_acts_settled key_acts_settling
root_recorded            new       answered        -
'
passphrase='correct horse battery staple'
(umask 077 && printf '%s\n' "$passphrase" >"$work/passphrase")
kills_prepare 5

# rotate_to WAY: what it makes of the keys is in files of its own; it may lose its daemon on the way.
rotate_to() {
    local terms=()
    case $1 in
    keyfile) terms=(--key-file "$work/new.key") ;;
    passphrase) terms=(--passphrase-file "$work/passphrase") ;;
    shares) terms=(--shares 3 --threshold 2) ;;
    esac
    # Shares go to a terminal or a pipe before the vault is asked: whoever is cut off has them.
    "$vaultctl" key rotate root --unseal "$1" "${terms[@]}" --data "$dir" --json >"$work/rotated" 2>"$work/rotated.err" </dev/null || true
}
# launch WAY: with the new key of that way, or the old one; unsealed, or dead at a failpoint.
launch() {
    case $1 in
    old | keyfile)
        key_file=$dir.key
        [ "$1" = old ] || key_file=$work/new.key
        launch_vault
        await 60 answers_or_is_gone unsealed || fail "no answer"
        ;;
    *)
        "$vaultd" --data "$dir" >>"$log" 2>&1 </dev/null &
        daemon=$!
        await 60 answers_or_is_gone sealed || fail "no answer"
        unseal_by "$1" >"$out" 2>"$err" || true
        ;;
    esac
}
unseal_by() {
    case $1 in
    passphrase) "$vaultctl" unseal --data "$dir" --passphrase-file "$work/passphrase" </dev/null ;;
    shares) "$vaultctl" unseal --data "$dir" --share-file - <"$work/shares" ;;
    esac
}
# expect_shut WAY: this one does not open it, whatever is tried.
expect_shut() {
    case $1 in
    old) key_file=$dir.key start_refused "not this vault's root key" ;;
    keyfile) key_file=$work/new.key start_refused "not this vault's root key" ;;
    *)
        "$vaultd" --data "$dir" >>"$log" 2>&1 </dev/null &
        daemon=$!
        await 60 answers_or_is_gone sealed || fail "no answer"
        mv "$dir.key" "$work/aside" # vaultctl would try it, where the header asks for a key file
        ! unseal_by "$1" >"$out" 2>"$err" || fail "it opens by $1, too"
        mv "$work/aside" "$dir.key"
        state_is sealed || fail "it opens by $1, too"
        stop_vault
        ;;
    esac
}

kill_twice() { # WAY POINT IN-FORCE INTENT SECOND
    local way=$1 point=$2 second=$5 what="$1, $2, $5" in_force=old other=$1
    [ "$3" = old ] || in_force=$way other=old
    kills_afresh
    rm -f "$work/new.key" "$work/shares"
    with_point "$point" start_vault
    rotate_to "$way"
    expect_crash "$what"
    jq -r '.shares // [] | .[]' "$work/rotated" >"$work/shares" 2>/dev/null || true
    if [ "$second" != - ]; then
        with_point "$second" launch "$in_force"
        expect_crash "$what"
    fi
    expect_shut "$other"
    launch "$in_force"
    state_is unsealed || fail "$what: it does not open by $in_force"
    expect_contacts "$what"
    expect_log "$what"
    expect 0 as admin audit tail --from 1 --operation root_rotate --json
    expected=ok
    [ "$3" = new ] || expected=unavailable
    jq -es --arg expected $expected '[.[] | select(.phase == "outcome").status] == [$expected]' "$out" >/dev/null ||
        fail "$what: the outcome is not $expected"
    [ ! -e "$dir/data/keyring.new" ] || fail "$what: a keyring is left that opens with a key that is not in force"
    stop_vault
}

count=0
while read -r point in_force intent seconds; do
    [ -n "$point" ] || continue
    for way in keyfile passphrase shares; do
        for second in $seconds; do
            case $which,$way,$point in
            all,* | few,keyfile,* | few,shares,keyring_after_rename | few,passphrase,root_announced) ;;
            *) continue ;;
            esac
            kill_twice $way "$point" "$in_force" "$intent" "$second"
            count=$((count + 1))
            [ "$which" = all ] || break
        done
    done
done <<<"$points"
[ $count -ge 10 ] || fail "only $count cases"
say "$count rotations of the root key, killed and killed again: each time one key of the two opens the vault, and is known"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S27 "an old key is destroyed only when nothing is left under it".
# The daemon is killed at each point of a rotation of a data and of an index key, and killed again at a later one on the
# way back. Each time it goes on by itself; no token changes or leads elsewhere; the old key is then nowhere in the
# keyring file, which is opened here and looked at; the log verifies, and each intent has its outcome.
# 33_rotate_kills.sh [all]: each first point with each second one; untold a few.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/kills.sh
. "$here/kills.sh"
which=${1:-few}

# The points in their order; of what happens twice, =2 is when the old key is destroyed. data, index: of that alone.
# after: what is there when the daemon starts again: none (no new key was made), pending (so the keyring is settled),
# open (so is an intent), both.
points='
rekey_intended            both    open      none
keys_announced            both    both      none
keyring_after_tmp         both    both      none
keyring_before_rename     both    both      none
keyring_after_rename      both    both      made
keys_changed              both    both      made
rekey_key_added           both    open      made
rekey_flipped             both    open      made
rekey_recorded            both    -         made
rekey_moved               both    -         made
rekey_verified            both    -         made
rekey_switched            index   -         made
rekey_swept               index   -         made
rekey_destroy_intended    both    open      made
keys_announced=2          both    both      made
keyring_after_tmp=2       both    both      made
keyring_before_rename=2   both    both      made
keyring_after_rename=2    both    both      gone
keys_changed=2            both    both      gone
rekey_key_removed         both    open      gone
rekey_destroy_recorded    both    -         gone
'
# seconds PURPOSE POINT AFTER STATE: what is passed on the way back; the job's points are passed anew from the first on.
seconds() {
    case $3 in
    both) echo keyring_settling keyring_settled key_acts_settling key_acts_settled ;;
    open) echo key_acts_settling key_acts_settled ;;
    esac
    [ "$4" = made ] || return 0
    # Of the old index nothing but its key is left, or its rows; and of old records none to move.
    case $1,$2 in
    index,rekey_swept | index,rekey_destroy_intended | index,*=2) echo rekey_swept ;;
    index,rekey_switched) echo rekey_swept ;;
    *) echo rekey_moved ;;
    esac
    if [ "$1" = index ]; then
        case $2 in
        rekey_switched | rekey_swept | rekey_destroy_intended | *=2) ;;
        *) echo rekey_switched rekey_swept ;;
        esac
    fi
    echo rekey_verified rekey_destroy_intended keys_announced keyring_after_tmp keyring_before_rename \
        keyring_after_rename keys_changed rekey_key_removed rekey_destroy_recorded
}
few='
data,keyring_after_rename,rekey_moved
data,rekey_verified,keyring_after_rename
data,keyring_after_rename=2,keyring_settling
index,rekey_moved,rekey_switched
index,rekey_swept,rekey_key_removed
'

kills_prepare 5
keys_of() { "$here/keyring_keys.py" "$1/data/keyring" "$dir.key" >"$2" || fail "the keyring does not open"; }
keys_of "$work/pristine" "$work/keys.before"
is_idle() {
    "$vaultctl" key status --data "$dir" --json 2>/dev/null </dev/null |
        jq -e 'all(.keys[]; .state == "active")' >/dev/null
}

# expect_keys WHAT PURPOSE made|none: the first namespace's key of that purpose is another one, and the old one nowhere.
expect_keys() {
    local old
    keys_of "$dir" "$work/keys.after"
    if [ "$3" = none ]; then
        cmp -s "$work/keys.before" "$work/keys.after" || fail "$1: a key was made, or is gone"
        return
    fi
    old=$(sed -n "s/^$2 1 1 //p" "$work/keys.before")
    [ ${#old} -eq 64 ] || fail "no old key to look for"
    ! grep -q "$old" "$work/keys.after" || fail "$1: the keyring has the old key"
    same "$1: keys of that kind" "$(grep -c "^$2 1 " "$work/keys.after")" 1
    grep -q "^$2 1 2 " "$work/keys.after" || fail "$1: not the new key"
    same "$1: all other keys" "$(grep -v "^$2 1 " "$work/keys.after")" "$(grep -v "^$2 1 " "$work/keys.before")"
    [ ! -e "$dir/data/keyring.new" ] || fail "$1: a keyring is left beside the one in force"
}

kill_twice() { # PURPOSE POINT SECOND none|made|gone
    local what="$1, $2, $3"
    kills_afresh
    with_point "$2" start_vault
    "$vaultctl" key rotate "$1" -n milano --data "$dir" --detach >"$out" 2>"$err" </dev/null || true
    expect_crash "$what"
    if [ "$3" != - ]; then
        with_point "$3" launch_vault
        expect_crash "$what"
    fi
    start_vault
    await 60 is_idle || fail "$what: it does not end"
    expect_contacts "$what"
    expect_log "$what"
    stop_vault
    expect_keys "$what" "$1" "$4"
}

count=0
while read -r point purposes after state; do
    [ -n "$point" ] || continue
    for purpose in data index; do
        [ "$purposes" = both ] || [ "$purposes" = "$purpose" ] || continue
        if [ "$which" = all ]; then kill_twice $purpose "$point" - "$state"; fi
        for second in $(seconds $purpose "$point" "$after" "$state"); do
            if [ "$which" = all ] || grep -qxF "$purpose,$point,$second" <<<"$few"; then
                kill_twice $purpose "$point" "$second" "$state"
                count=$((count + 1))
            fi
        done
    done
done <<<"$points"
[ $count -ge 5 ] || fail "only $count cases"
say "$count rotations killed and killed again: each ends by itself, and the old key is nowhere in the keyring"

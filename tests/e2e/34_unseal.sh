#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S28, S29, S30 and S37: how a vault is unsealed that has no key file, and how its root key is replaced. A passphrase that is in no file, no argument and
# no environment of the daemon's; a weaker derivation put into the keyring's header is refused.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

passphrase='correct horse battery staple'
secret() { # FILE LINE: only its owner may read it
    rm -f "$1"
    (umask 077 && printf '%s\n' "$2" >"$1")
}
start_sealed() {
    "$vaultd" --data "$dir" >>"$log" 2>&1 </dev/null &
    daemon=$!
    await 60 answers_or_is_gone sealed || fail "no answer"
    state_is sealed || fail "not sealed"
}
on_terminal() { # CODE [--say PROMPT ANSWER]... -- COMMAND...
    local wanted=$1 code=0
    shift
    python3 "$here/terminal.py" "$@" >"$out" 2>"$err" </dev/null || code=$?
    [ $code -eq "$wanted" ] || fail "exit $code, wanted $wanted, on a terminal: ${*/#"$build"\//}"
}
pause() { sleep 2.1; } # one try in two seconds

# ---- made ----

secret "$work/right" "$passphrase"
secret "$work/wrong" 'incorrect horse battery staple'
secret "$work/short" 'horse'
expect 2 "$vaultctl" init --data "$dir" --unseal passphrase
expect_error 'passphrase-file'
expect 2 "$vaultctl" init --data "$dir" --unseal passphrase --passphrase-file "$work/short"
expect_error 'too short'
chmod 0640 "$work/right"
expect 2 "$vaultctl" init --data "$dir" --unseal passphrase --passphrase-file "$work/right"
expect_error 'only you can read'
chmod 0400 "$work/right"
on_terminal 2 --say 'New passphrase: ' "$passphrase" --say 'Once more: ' 'correct horse battery stable' -- \
    "$vaultctl" init --data "$dir" --unseal passphrase
grep -q 'not the same' "$out" || fail "two different ones were taken"
[ ! -e "$dir" ] || fail "a vault of two passphrases"
on_terminal 0 --say 'New passphrase: ' "$passphrase" --say 'Once more: ' "$passphrase" -- \
    "$vaultctl" init --data "$dir" --unseal passphrase
! grep -q 'horse' "$out" || fail "the terminal shows the passphrase"
[ ! -e "$dir.key" ] || fail "there is a key file"
say "made of a passphrase, typed twice and unseen; no key file"

# ---- unsealed ----

start_sealed
expect 2 "$vaultctl" unseal --data "$dir"
expect_error 'passphrase-file'
expect 5 "$vaultctl" unseal --data "$dir" --passphrase-file "$work/wrong"
expect_error 'right passphrase'
state_is sealed || fail "unsealed by a wrong passphrase"
pause
on_terminal 0 --say 'Passphrase: ' "$passphrase" -- "$vaultctl" unseal --data "$dir"
! grep -q 'horse' "$out" || fail "the terminal shows the passphrase"
state_is unsealed || fail "still sealed"
new_cast
phone=$(token_of '+39 06 5555 0147')
expect 0 as admin seal
pause
feed 0 "$vaultctl" unseal --data "$dir" --passphrase-file - < <(printf '%s\r\nsomething else\n' "$passphrase")
same "the token" "$(token_of '+39 06 5555 0147')" "$phone"
! grep -aq 'horse' "/proc/$daemon/cmdline" "/proc/$daemon/environ" "$log" || fail "the daemon knows the passphrase"
stop_vault
! grep -raq 'horse' "$dir" || fail "the passphrase is on the disk"
say "a wrong one does not unseal, the right one does; no file of the vault's has it"

# ---- a header that asks for less ----

# Offset 35 is the slot: kind, two bytes of size, salt 16, passes 4, memory 4. The check is made anew.
weaken() { # OFFSET HEX
    cp "$work/keyring" "$dir/data/keyring"
    python3 - "$dir/data/keyring" "$1" "$2" <<'PYTHON'
import hashlib, sys
path, offset, new = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3])
data = bytearray(open(path, "rb").read())
assert data[35] == 2 and data[54:58] == b"\0\0\0\3", "the passphrase's slot is not where it should be"
data[offset:offset + len(new)] = new
end = 62 + 24 + 32
data[end:end + 16] = hashlib.blake2b(data[:end], digest_size=16).digest()
open(path, "wb").write(data)
PYTHON
}
refused_at_start() {
    expect 1 timeout 60 "$vaultd" --data "$dir"
    expect_error 'keyring'
}
cp -p "$dir/data/keyring" "$work/keyring"
weaken 54 00000002
refused_at_start
weaken 58 00001000
refused_at_start
# Within bounds nobody can tell before the key is tried.
weaken 38 00
start_sealed
expect 5 "$vaultctl" unseal --data "$dir" --passphrase-file "$work/right"
stop_vault
cp -p "$work/keyring" "$dir/data/keyring"
start_sealed
expect 0 "$vaultctl" unseal --data "$dir" --passphrase-file "$work/right"
same "the token" "$(token_of '+39 06 5555 0147')" "$phone"
stop_vault
say "a weaker derivation is refused at start, another salt at the unseal"

# ---- another root key, while the vault serves ----

start_sealed
expect 0 "$vaultctl" unseal --data "$dir" --passphrase-file "$work/right"
expect 5 as inbox key rotate root --unseal keyfile --key-file "$work/one.key"
[ ! -e "$work/one.key" ] || fail "a key file of a rotation that was refused"
expect 0 as admin key rotate root --unseal keyfile --key-file "$work/one.key" --json
expect_json .ok
same "the token" "$(token_of '+39 06 5555 0147')" "$phone"
expect 0 as admin seal
pause
expect 2 "$vaultctl" unseal --data "$dir"
expect_error 'key-file'
expect 0 "$vaultctl" unseal --data "$dir" --key-file "$work/one.key"
secret "$work/second" 'a quite different passphrase'
expect 0 as admin key rotate root --unseal passphrase --passphrase-file "$work/second"
stop_vault
expect 1 timeout 60 "$vaultd" --data "$dir" --key-file "$work/one.key"
expect_error "not this vault's root key"
start_sealed
expect 0 "$vaultctl" unseal --data "$dir" --passphrase-file "$work/second"
same "the token" "$(token_of '+39 06 5555 0147')" "$phone"
stop_vault
say "rotated from a passphrase to a key file and on to another passphrase: only the newest unseals"

# ---- shares ----

work_vault=$dir
dir=$work/shared
expect 2 "$vaultctl" init --data "$dir" --unseal shares --shares 3
expect 2 "$vaultctl" init --data "$dir" --unseal shares --shares 3 --threshold 4
[ ! -e "$dir" ] || fail "a vault of impossible shares"
expect 0 "$vaultctl" init --data "$dir" --unseal shares --shares 3 --threshold 2 --json
expect_json '(.shares | length) == 3 and (.shares | unique | length) == 3'
json '.shares[]' >"$work/shares"
chmod 0400 "$work/shares"
[ ! -e "$dir.key" ] || fail "there is a key file"
share() { sed -n "$1p" "$work/shares"; }
start_sealed
feed 4 "$vaultctl" unseal --data "$dir" --share-file - < <(share 3)
expect_error '1 of 2 shares are given'
feed 2 "$vaultctl" unseal --data "$dir" --share-file - < <(share 1 | tr '0123456789' '1234567890')
expect_error 'a character of it is wrong'
state_is sealed || fail "unsealed by one share and an altered one"
on_terminal 0 --say 'Share (1 of 2 are missing): ' "$(share 3)" --say 'Share (1 of 2 are missing): ' "$(share 1)" -- \
    "$vaultctl" unseal --data "$dir"
grep -q 'given already' "$out" || fail "a share given twice is not named"
! grep -qF "$(share 1)" "$out" || fail "the terminal shows a share"
state_is unsealed || fail "still sealed"
expect 0 "$vaultctl" namespace create milano --data "$dir"
cp "$work/shares" "$work/old"
expect 0 "$vaultctl" key rotate root --data "$dir" --unseal shares --shares 5 --threshold 3 --json
jq -r '.shares // [] | .[]' "$out" >"$work/new"
same "new shares" "$(lines "$work/new")" 5
stop_vault
start_sealed
feed 1 "$vaultctl" unseal --data "$dir" --share-file - <"$work/old"
expect_error 'another set'
feed 0 "$vaultctl" unseal --data "$dir" --share-file - < <(sed -n 3,5p "$work/new")
state_is unsealed || fail "still sealed"
stop_vault
! grep -raqF "$(sed -n 1p "$work/new")" "$dir" "$log" || fail "a share is on the disk"
say "shares: two of three unseal, a wrong one is named, new ones make the old ones worthless"

# ---- their holders, each with an account of her own ----

eva=4711 mia=4712 max=4713
# by UID command...: vaultctl as that user, who is in the admin socket's group. Her program lies where she can reach it.
by() {
    local uid=$1
    shift
    setpriv --reuid "$uid" --regid $eva --clear-groups "$work/vaultctl" "$@"
}
if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null; then
    say "not tried: only root can become other users"
    exit 0
fi
install -m 0755 "$vaultctl" "$work/vaultctl"
printf '[admin_socket]\ngroup = %s\n[unseal]\nuids = %s, %s, 65533\n' $eva $eva $mia >"$work/holders.conf"
chmod 0600 "$work/holders.conf"
holder_start() {
    "$vaultd" --config "$work/holders.conf" --data "$dir" >>"$log" 2>&1 </dev/null &
    daemon=$!
    await 60 answers_or_is_gone sealed || fail "no answer"
}
holder_start
for nobody in $max 65534; do
    feed 5 by $nobody unseal --data "$dir" --share-file - < <(sed -n 1p "$work/new")
    expect_error 'unseal.uids'
done
feed 4 by $eva unseal --data "$dir" --share-file - < <(sed -n 1p "$work/new")
feed 4 by $mia unseal --data "$dir" --share-file - < <(sed -n 2p "$work/new")
expect_error '2 of 3 shares are given'
state_is sealed || fail "unsealed by two of three"
feed 0 by 65533 unseal --data "$dir" --share-file - < <(sed -n 4p "$work/new")
state_is unsealed || fail "still sealed"
for command in seal 'namespace list' 'key status' 'principal list' freeze 'audit tail'; do
    # shellcheck disable=SC2086 # words
    expect 5 by $eva $command --data "$dir"
done
state_is unsealed || fail "a holder of a share sealed or froze it"
expect 0 "$vaultctl" seal --data "$dir"
stop_vault
dir=$work_vault
say "three people unseal, each from her own account, and may do nothing else; nobody else may"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sealed there are only status and unseal; unsealed and restarted everything is as it was.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

new_vault
expect 1 "$vaultctl" init --data "$dir"
say "a second init over a vault is refused"

expect 3 as admin status
say "no daemon: exit 3"

start_vault
new_cast
phone=$(token_of '+39 06 5555 0147')
expect 0 as admin status --json
expect_json '.state == "unsealed" and (.version | type == "string")'
expect 5 as inbox seal
state_is unsealed || fail "a service sealed the vault"

expect 0 as admin seal
state_is sealed || fail "not sealed"
expect 4 as inbox mask "$phone"
expect 4 as inbox tokenize '+39 06 5555 0147'
expect 4 as paola detokenize --reason check "$phone"
expect 4 as admin namespace list
expect 4 as admin audit tail
say "sealed: only status and unseal"

head -c 32 /dev/urandom >"$work/wrong.key"
code=0
"$vaultctl" unseal --data "$dir" --key-file "$work/wrong.key" >"$out" 2>"$err" </dev/null || code=$?
[ $code -ne 0 ] || fail "unsealed with a wrong key"
state_is sealed || fail "not sealed any more"
sleep 2.1 # one try in two seconds
expect 0 "$vaultctl" unseal --data "$dir" --key-file "$dir.key"
state_is unsealed || fail "still sealed"
same "the token after unseal" "$(token_of +390655550147)" "$phone"
say "a wrong key does not unseal, the right one does"

# A daemon without a key starts sealed.
stop_vault
mv "$dir.key" "$work/kept.key"
"$vaultd" --data "$dir" >>"$log" 2>&1 </dev/null &
daemon=$!
await 60 answers_or_is_gone sealed || fail "no answer"
state_is sealed || fail "not sealed without a key"
expect 0 "$vaultctl" unseal --data "$dir" --key-file "$work/kept.key"
same "the token" "$(token_of +390655550147)" "$phone"
stop_vault
say "without a key file it starts sealed"

# As a systemd credential.
mkdir -m 0700 "$work/credentials"
cp "$work/kept.key" "$work/credentials/contact-vault-root-key"
CREDENTIALS_DIRECTORY=$work/credentials "$vaultd" --data "$dir" >>"$log" 2>&1 </dev/null &
daemon=$!
await 60 answers_or_is_gone unsealed || fail "no answer"
state_is unsealed || fail "not unsealed by the credential"
stop_vault
say "the key as a systemd credential"

mv "$work/kept.key" "$dir.key"
for round in 1 2 3; do
    start_vault
    same "the token, start $round" "$(token_of +390655550147)" "$phone"
    if [ $round -eq 2 ]; then kill_vault; else stop_vault; fi
done
start_vault
expect 0 as paola detokenize --json --reason check "$phone"
same value "$(json .value)" +390655550147
stop_vault
say "restarts, one of them by kill -9, change nothing"

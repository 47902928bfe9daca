#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S46, S47, S48, with real programs.
# Two admins: what one asks for waits for the other, through restarts and a kill; who approves sees whose key
# it is about, and the log names both.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# new_admin NAME BY: who is made by BY.
new_admin() {
    by=$2 new_person "$1"
    expect 0 as "$2" grant "$1" admin
}
# waits WHO COMMAND...: it does; prints the number.
waits() {
    expect 7 as "$@" --json
    json .error.request
}

new_vault
start_vault
expect 0 as admin namespace create milano
new_principal inbox service milano
new_principal sender deliver milano
new_person paola
token=$(token_of '+39 333 123 4567')

# ---- one admin: nobody to wait for ----

expect 0 as admin approvals --json
expect_json '.approvals == "auto" and .active == false'
expect 1 as admin approvals always
new_admin anna admin
expect 0 as anna grant paola reveal -n milano
expect 0 as paola detokenize --reason 'call back' "$token"
expect 0 as anna revoke paola reveal -n milano

# ---- the second one ----

new_admin berta anna
expect 0 as anna approvals --json
expect_json '.approvals == "auto" and .active and .admins == 2'
number=$(waits anna grant paola reveal -n milano --daily 50)
expect 5 as paola detokenize --reason 'not yet' "$token"
same "asked again" "$(waits anna grant paola reveal -n milano --daily 50)" "$number"
expect 5 as anna approve "$number"
expect_error 'nobody approves her own'
expect 0 as berta pending --json
expect_json ".request == $number and .principal == \"anna\" and .operation == \"grant\" and .subject == \"paola\""
shown=$(json .public_key)
expect 0 as berta principal show paola --json
same "the key that is shown" "$shown" "$(json .public_key)"
expect 0 as berta approve "$number"
expect 0 as paola detokenize --reason 'call back' "$token"
expect 1 as berta approve "$number"
expect 0 as anna audit tail --from "$number" --json
jq -es --argjson number "$number" '
    (map(select(.seq == $number))[0] | .principal == "anna" and .operation == "grant" and .status == "pending")
    and (map(select(.operation == "approve" and .status == "ok" and .amount == $number))[0] | .principal == "berta" and .subject == "anna")
    and (map(select(.operation == "approve" and .status == "denied"))[0] | .principal == "anna")
    and (map(select(.operation == "grant" and .phase == "outcome"))[0] | .principal == "anna" and .subject == "paola")' \
    "$out" >/dev/null || fail "the log does not name both"
say "what anna asked for, berta approved; entry $number joins them"

# What only stops somebody does not wait; what ends it does.
expect 0 as anna freeze
expect 5 as paola detokenize --reason 'frozen' "$token"
number=$(waits anna unfreeze)
expect 0 as berta deny "$number"
expect 0 as berta approve "$(waits anna unfreeze)"
expect 0 as anna principal disable paola
expect 0 as berta approve "$(waits anna principal enable paola)"
# Nobody is left out who is needed to approve.
expect 1 as anna principal disable berta
expect 1 as anna revoke berta admin
expect_error 'another admin'

# Who has a key, and is to enrol again, might be somebody else: she waits, and the approver hands on the code.
number=$(waits anna principal invite paola)
expect 0 as berta approve "$number" --json
expect_json '.ok and (.code | length) > 20'

# ---- another key for a service ----

"$vaultctl" keygen -o "$work/next.key" >"$work/next.pub"
number=$(waits anna principal set-key sender --public-key "$work/next.pub")
expect 0 as sender detokenize --reason delivery "$token"
expect 0 as berta approve "$number"
expect 5 as sender detokenize --reason delivery "$token"
mv "$work/next.key" "$work/sender.key"
expect 5 as sender detokenize --reason delivery "$token"
expect 0 as berta approve "$(waits anna grant sender deliver -n milano)"
expect 0 as sender detokenize --reason delivery "$token"

# ---- what waits is in memory: a root key on disk would open the vault before it is approved ----

number=$(waits anna key rotate root --unseal keyfile --key-file "$work/next.root")
[ "$(wc -c <"$work/next.root")" -eq 32 ] || fail "the new root key was not kept"
kill_vault
start_vault
expect 0 as anna approvals --json
expect_json '.active'
expect 0 as berta pending
same "what waits after a kill" "$(wc -c <"$out" | tr -d ' ')" 0
expect 1 as berta approve "$number"
rm -f "$work/next.root"
expect 0 as berta approve "$(waits anna key rotate root --unseal keyfile --key-file "$work/next.root")"
stop_vault
start_refused "root key"
key_file=$work/next.root
start_vault
say "the root key came with its approval, and not before"
stop_vault
expect 0 "$vaultctl" audit verify --data "$dir" --json
expect_json '.ok'

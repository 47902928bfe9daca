#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S6.
# A thousand reveals are in flight, on sixteen connections, while the principal is disabled: none is
# recorded after the entry of the disable, and everything answered is on record.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
in_flight=1024

new_vault
start_vault
new_cast
token=$(token_of '+39 333 123 4567')

log_in paola
session_key paola "$work/paola.session"
"$spender" reveal "$dir/run/vault.sock" "$work/paola.session" $in_flight 1 "$token" >"$work/seen" 2>"$work/seen.err" &
others+=($!)
# Well under way before the door is shut.
many_recorded() {
    # The last entry alone: who reads a log that grows does not come to its end for a long time.
    local last
    last=$("$vaultctl" audit tail --data "$dir" --lines 1 --json 2>/dev/null | jq .seq)
    [ "${last:-0}" -ge 3200 ]
}
await 60 many_recorded || fail "the reveals do not get going: $(cat "$work/seen.err")"
expect 0 as admin principal disable paola
wait "${others[0]}" || fail "the reveals: $(cat "$work/seen.err")"
others=()
cp "$work/seen" "$out"
expect_json ".refused == $in_flight and .answered > 3000 and .unknown == 0"
answered=$(json .answered)

expect 0 as admin audit tail --from 1 --json
jq -s 'sort_by(.seq)' "$out" >"$work/entries"
disabled=$(jq '[.[] | select(.operation == "principal_disable" and .phase == "outcome" and .status == "ok")][0].seq' "$work/entries")
[ "$disabled" -gt 0 ] || fail "no entry of the disable"
same "reveals recorded" "$(jq '[.[] | select(.operation == "detokenize" and .status == "ok")] | length' "$work/entries")" "$answered"
same "reveals recorded after the disable" \
    "$(jq "[.[] | select(.operation == \"detokenize\" and .status == \"ok\" and .seq > $disabled)] | length" "$work/entries")" 0
intent=$(jq '[.[] | select(.operation == "principal_disable" and .phase == "intent")][0].seq' "$work/entries")
same "reveals recorded while it was being disabled" \
    "$(jq "[.[] | select(.operation == \"detokenize\" and .status == \"ok\" and .seq > $intent)] | length" "$work/entries")" 0
say "$answered reveals on record, the last before entry $disabled; $in_flight threads were refused"

# Enabled again, she sees again.
expect 5 as paola detokenize --reason 'after' "$token"
expect 0 as admin principal enable paola
expect 0 as paola detokenize --reason 'back' "$token"
stop_vault

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S6 and S52.
# A thousand reveals are in flight, on sixteen connections, while the principal is disabled, and again while
# she is offboarded: none is recorded after that entry, and everything answered is on record, and in the report.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
in_flight=1024

new_vault
start_vault
new_cast
token=$(token_of '+39 333 123 4567')

# out_in_flight ACT COMMAND...: all of that, with the command that does it.
out_in_flight() {
    local act=$1 before answered out_at intent
    shift
    expect 0 as admin audit tail --lines 1 --json
    before=$(json .seq)
    log_in paola
    session_key paola "$work/paola.session"
    "$spender" reveal "$dir/run/vault.sock" "$work/paola.session" $in_flight 1 "$token" >"$work/seen" 2>"$work/seen.err" &
    others+=($!)
    # Well under way before the door is shut.
    many_recorded() {
        # The last entry alone: who reads a log that grows does not come to its end for a long time.
        local last
        last=$("$vaultctl" audit tail --data "$dir" --lines 1 --json 2>/dev/null | jq .seq)
        [ "${last:-0}" -ge $((before + 3200)) ]
    }
    await 60 many_recorded || fail "the reveals do not get going: $(cat "$work/seen.err")"
    expect 0 "$@"
    wait "${others[0]}" || fail "the reveals: $(cat "$work/seen.err")"
    others=()
    cp "$work/seen" "$out"
    expect_json ".refused == $in_flight and .answered > 3000 and .unknown == 0"
    answered=$(json .answered)

    expect 0 as admin audit tail --from $((before + 1)) --json
    jq -s 'sort_by(.seq)' "$out" >"$work/entries"
    out_at=$(jq "[.[] | select(.operation == \"$act\" and .phase == \"outcome\" and .status == \"ok\")][0].seq" "$work/entries")
    [ "$out_at" -gt 0 ] || fail "no entry of the $act"
    same "reveals recorded" "$(jq '[.[] | select(.operation == "detokenize" and .status == "ok")] | length' "$work/entries")" "$answered"
    same "reveals recorded after the $act" \
        "$(jq "[.[] | select(.operation == \"detokenize\" and .status == \"ok\" and .seq > $out_at)] | length" "$work/entries")" 0
    intent=$(jq "[.[] | select(.operation == \"$act\" and .phase == \"intent\")][0].seq" "$work/entries")
    same "reveals recorded during the $act" \
        "$(jq "[.[] | select(.operation == \"detokenize\" and .status == \"ok\" and .seq > $intent)] | length" "$work/entries")" 0
    say "$act: $answered reveals on record, the last before entry $out_at; $in_flight threads were refused"
}

out_in_flight principal_disable as admin principal disable paola

# Enabled again, she sees again.
expect 5 as paola detokenize --reason 'after' "$token"
expect 0 as admin principal enable paola
expect 0 as paola detokenize --reason 'back' "$token"

out_in_flight principal_offboard as admin principal offboard paola --report "$work/paola.csv"
same "reveals in the report" "$(grep -c ',revealed,ok,' "$work/paola.csv")" "$(jq -s 'map(select(.status == "ok")) | length' <(as admin audit tail --from 1 --principal paola --operation detokenize --json))"
stop_vault

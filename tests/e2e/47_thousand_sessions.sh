#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S6 and S52.
# A thousand sessions are open, and persons reveal on a hundred and thirty connections in them, when one of them is
# disabled and another offboarded: no reveal of either is recorded after the entry, all that was answered is on record,
# their sessions are over, and all others go on.
# 47_thousand_sessions.sh [PERSONS]: nine sessions for each.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
persons=${1:-112}
in_flight=72 # of each of the two: eight reveals at once in each of nine sessions

new_vault
start_vault
expect 0 as admin namespace create milano
new_principal inbox service milano
tokens=()
for i in $(seq 20); do tokens+=("$(token_of "Lead.$i@example.com")"); done

"$crowd" reveal "$dir/run" "$persons" 2 "${tokens[@]}" >"$work/seen" 2>"$work/seen.err" &
others+=($!)
all_open() { grep -q '^open' "$work/seen.err" || ! kill -0 "${others[0]}" 2>/dev/null; }
await 300 all_open
opened=$(sed -n 's/^open //p' "$work/seen.err")
[ "${opened:-0}" -ge 1000 ] || fail "not a thousand sessions: $(cat "$work/seen.err")"
say "$opened sessions are open"

# more_recorded N: so many entries since the last time.
last_entry() { "$vaultctl" audit tail --data "$dir" --lines 1 --json 2>/dev/null | jq .seq; }
more_recorded() {
    local from
    from=$(last_entry)
    so_many() { [ "$(last_entry)" -ge $((from + $1)) ]; }
    await 60 so_many "$1" || fail "the reveals do not go on: $(cat "$work/seen.err")"
}
more_recorded 1000
expect 0 as admin principal disable p1
more_recorded 500
expect 0 as admin principal offboard p2 --report "$work/p2.csv"
more_recorded 1000
kill -TERM "${others[0]}"
wait "${others[0]}" || fail "the crowd: $(cat "$work/seen.err")"
others=()

cp "$work/seen" "$out"
expect_json '.answered > 0'
jq -es "map(select(.name == \"p1\" or .name == \"p2\")) | length == 2 and all(.[]; .live == 0 and .refused == $in_flight)" "$out" >/dev/null ||
    fail "the two: $(jq -c 'select(.name == "p1" or .name == "p2")' "$out")"
jq -es 'map(select(.name != "p1" and .name != "p2")) | all(.[]; .live == 9 and .refused == 0 and .unknown == 0)' "$out" >/dev/null ||
    fail "not all others went on, in all of their sessions"

expect 0 as admin audit tail --from 1 --json
jq -c 'select(.operation == "detokenize" or .operation == "principal_disable" or .operation == "principal_offboard")
    | {seq, operation, principal, phase, status}' "$out" >"$work/entries"
# out_at ACT PHASE
out_at() { jq -s "[.[] | select(.operation == \"$1\" and .phase == \"$2\" and .status == \"ok\")][0].seq" "$work/entries"; }
# recorded NAME FROM: her reveals on record after that entry.
recorded() {
    jq -s "[.[] | select(.operation == \"detokenize\" and .principal == \"$1\" and .status == \"ok\" and .seq > $2)] | length" "$work/entries"
}
check_out() { # NAME ACT
    local intent outcome answered unknown
    intent=$(out_at "$2" intent)
    outcome=$(out_at "$2" outcome)
    [ "$outcome" -gt "$intent" ] && [ "$intent" -gt 0 ] || fail "no entry of the $2"
    same "reveals of $1 recorded after the $2" "$(recorded "$1" "$outcome")" 0
    same "reveals of $1 recorded during the $2" "$(recorded "$1" "$intent")" 0
    answered=$(jq "select(.name == \"$1\").answered" "$work/seen")
    # What was under way when her connections were closed may be on record, and its answer lost.
    unknown=$(jq "select(.name == \"$1\").unknown" "$work/seen")
    on_record=$(recorded "$1" 0)
    [ "$on_record" -ge "$answered" ] || fail "$1: $answered reveals answered, and only $on_record on record"
    [ "$on_record" -le $((answered + unknown)) ] || fail "$1: $on_record reveals on record, $answered answered, $unknown lost"
    lost=$((${lost:-0} + on_record - answered))
    say "$2: $answered reveals of $1 on record, the last before entry $outcome; $in_flight threads were refused"
}
check_out p1 principal_disable
check_out p2 principal_offboard
same "her reveals in the report" "$(grep -c ',revealed,ok,' "$work/p2.csv")" "$(recorded p2 0)"
same "reveals on record" "$(jq -s '[.[] | select(.operation == "detokenize" and .status == "ok")] | length' "$work/entries")" \
    $(($(jq -s 'map(.answered) | add' "$work/seen") + lost))
after=$(out_at principal_offboard outcome)
same "who went on after both" "$(jq -s "[.[] | select(.operation == \"detokenize\" and .status == \"ok\" and .seq > $after).principal] | unique | length" "$work/entries")" $((persons - 2))
expect 0 as admin audit verify --json
expect_json .ok
stop_vault

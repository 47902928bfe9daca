#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S38.
# The log answers: who revealed how much on which day, and who ever saw one contact. A contact that is asked
# about stands in nothing that is printed or kept; a reveal that did not open is told from one that did.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

new_vault
start_vault
new_cast
new_principal luca reveal berlin --person
new_principal auditor privacy milano --person
expect 0 as admin grant auditor audit
maria=Maria.Rossi41@example.com
phone='+1 202-555-0141'
broken='+1 202-555-0142'
printf '%s\n' "$maria" "${maria^^}" 202-555-0141 12025550141 '(202) 555 0141' 202-555-0199 >"$work/needles"
one=$(token_of "$phone") two=$(token_of "$maria") three=$(token_of "$broken")

expect 0 as paola detokenize --reason '=cmd, "a first look"' "$one" "$two"
expect 0 as paola detokenize --reason 'call back' "$one"
expect 0 as sender detokenize --reason delivery "$one"
expect 5 as inbox detokenize --reason curiosity "$one" "$two" # as a whole: it reveals nowhere
expect 1 as luca detokenize --reason curiosity "$one"         # in milano it may nothing

# ---- a record that does not open: on record as granted, and then as failed ----

stop_vault
for offset in $(python3 "$here/records.py" "$dir/data/store/data.mdb" "$three"); do
    python3 "$here/tamper.py" flip "$dir/data/store/data.mdb" $((offset + 60))
done
start_vault
expect 1 as paola detokenize --reason 'call back' --json "$three"
expect_json '.error.code == "corrupt"'

# ---- by the day ----

# An hour of day for everybody's clock: noon is no night, 23:00 is.
zone_of() { printf 'HERE%d' $((10#$(date -u +%H) - $1)); }
log_in auditor
expect 0 env TZ="$(zone_of 12)" "$vaultctl" audit report --data "$dir" --identity "$work/auditor.key" --json
expect_json '[.principals[].principal] == ["inbox", "luca", "paola", "sender"]'
expect_json '.principals | map({key: .principal, value: .}) | from_entries
    | .paola.kind == "person" and .paola.reveals == 4 and .paola.contacts == 3 and .paola.failed == 1
      and .paola.refused == 0 and .paola.night == 0 and (.paola.days | length) == 1
      and (.paola.days[0].reasons == [{reason: "=cmd, \"a first look\"", reveals: 2}, {reason: "call back", reveals: 2}])
      and .paola.first <= .paola.last and .paola.days[0].zone == "HERE"
      and .sender.kind == "service" and .sender.reveals == 1 and .sender.contacts == 1
      and .inbox.reveals == 0 and .inbox.refused == 1 and (.inbox | has("first") | not)
      and .luca.reveals == 0 and .luca.refused == 1'
weekend=0
day=$(TZ=$(zone_of 12) date +%F)
case $(TZ=$(zone_of 12) date +%u) in 6 | 7) weekend=4 ;; esac
same "her day, and weekend" "$(json '.principals[2] | "\(.days[0].day) \(.weekend)"')" "$day $weekend"
expect 0 env TZ="$(zone_of 23)" "$vaultctl" audit report --data "$dir" --identity "$work/auditor.key" --json \
    --principal paola
expect_json '(.principals | length) == 1 and .principals[0].night == 4'
expect 0 as auditor audit report --json --since 2020-01-01 --until 2020-02-01
expect_json '.principals == []'
expect 0 as auditor audit report --json -n berlin
expect_json '.principals == []'
expect 0 as admin audit report --json
expect_json '[.. | objects | has("reasons")] | any | not'
grep -q 'audit role only' "$err" || fail "it is not said why there are no reasons"
expect 5 as paola audit report
expect 2 as auditor audit report --json --csv
expect 2 as auditor audit report --since yesterday

expect 0 as auditor audit report --csv
python3 - "$out" <<'PYTHON' || fail "the cells of the report"
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="", encoding="utf-8"), strict=True))
assert open(sys.argv[1], "rb").read().count(b"\r\n") == 5
(paola,) = [row for row in rows if row["principal"] == "paola"]
assert paola["reveals"] == "4" and paola["failed"] == "1" and paola["contacts"] == "3", paola
assert paola["reasons"] == "'=cmd, \"a first look\" (2), call back (2)", paola
PYTHON
expect 0 python3 "$here/terminal.py" --columns 80 -- "$vaultctl" audit report --data "$dir" --identity "$work/auditor.key"
[ "$(wc -L <"$out")" -le 80 ] || fail "wider than the terminal: $(grep -nE ".{81}" "$out")"
grep -q '^paola, person: 4 reveals of 3 contacts' "$out" || fail "paola's sum"
grep -q '; 1 failed (not shown)' "$out" || fail "the failed one is not told"
say "who revealed how much, by the clock of whoever asks"

# ---- who saw this one ----

expect 0 as auditor audit subject "$one" --json
expect_json '.people == 1 and .reveals == 2 and .services == 1 and .deliveries == 1 and .failed == 0 and .refused == 1'
expect_json '[.entries[] | [.principal, .kind, .outcome, .status, .reason]] == [
    ["paola", "person", "revealed", "ok", "=cmd, \"a first look\""], ["paola", "person", "revealed", "ok", "call back"],
    ["sender", "service", "delivered", "ok", "delivery"], ["luca", "person", "refused", "not_found", "curiosity"]]'
expect_json '.namespace == "milano" and .token == "'"$one"'" and ([.entries[].seq] | . == sort)'
jq -c .entries "$out" >"$work/by_token"
# By number, however it is spelled: on stdin, at the prompt, as an argument.
printf '%s\n' '001 (202) 555 0141' "${maria^^}" "$two" '+1 202-555-0199' >"$work/asked"
feed 1 as auditor audit subject --json - <"$work/asked"
same "by number and by token" "$(jq -sc '.[0].entries' "$out")" "$(cat "$work/by_token")"
jq -es '.[1] == .[2] and .[1].reveals == 1 and .[3].error.code == "not_found"' "$out" >/dev/null || fail "the others"
cat "$out" "$err" >"$work/printed"
expect 0 python3 "$here/terminal.py" --say 'token or contact:' "$phone" --stdout "$work/shown" -- \
    "$vaultctl" audit subject --data "$dir" --identity "$work/auditor.key" --csv
same "rows of the prompted one" "$(lines "$work/shown")" 5
expect 0 as auditor audit subject 12025550141 --wa-id
cat "$out" "$err" "$work/shown" >>"$work/printed"
expect 0 as auditor audit subject "$three" --json
expect_json '.people == 0 and .reveals == 0 and .failed == 1
    and .entries[0].outcome == "failed" and .entries[0].status == "corrupt"'
grep -q "$phone" "$work/printed" && fail "a contact in what was printed"
head -n 1 "$work/needles" >"$work/planted"
feed 1 "$leakfind" "$work/needles" "$work/planted" "$work/printed"
same "hits in what was printed" "$(grep -c "$work/printed:" "$out" || true)" 0
feed 0 "$leakfind" "$work/needles" "$dir" "$log" "$work/printed"
say "who saw one contact, by token or by number, and the number stands nowhere"

# ---- refused, one by one ----

wrong=${one:0:29}$(tr '0-9a-z' '1-9a-hjkmnp-tv-z0' <<<"${one:29:1}")${one:30}
feed 1 as auditor audit subject --json - <<<"$wrong"$'\n'phn_0$'\n'"$two"
jq -es '.[0].error.code == "invalid" and .[1].error.code == "invalid" and .[2].reveals == 1' "$out" >/dev/null ||
    fail "one that is wrong, and one that is not"
expect 2 "$vaultctl" audit subject --socket "$dir/run/admin.sock" "$maria"
expect_error 'give --data DIR'
expect 0 "$vaultctl" audit subject --socket "$dir/run/admin.sock" --identity "$work/auditor.key" "$one"
expect 5 as paola audit subject "$one"
expect 0 as admin audit subject "$one" --json
expect_json '[.entries[] | has("reason")] | any | not'

# Erased, it cannot be looked up any more; the token still finds who saw it.
expect 0 as auditor erase --reason 'asked by letter' "$one"
expect 1 as auditor audit subject "$phone"
expect_error 'its token finds it in the log'
expect 0 as auditor audit subject "$one" --json
same "after the erasure" "$(jq -c .entries "$out")" "$(cat "$work/by_token")"
stop_vault
say "an erased contact's token still answers"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The configuration's limits are those that are in force: budgets of whoever is granted without figures, the
# share at which the log warns, how many connections there may be, how often a checkpoint is made.
# 20_configuration.sh has how the file is read, and the sockets. Owns SECURITY.md S39, as somebody meets it who types a
# reason.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
place=$work/checkpoints
mkdir -m 0700 "$place"
cat >"$work/conf" <<END
[limits]
admin_connections = 2
[budgets]
service_daily = 10
service_hourly = 6
reveal_daily = 3
reveal_hourly = 2
lookup_daily = 4
deliver_daily = 2
deliver_hourly = 2
alarm_percent = 50
[audit]
checkpoint_folder = $place
checkpoint_s = 1
END
vaultd_options=(--config "$work/conf")

new_vault
start_vault
terms=() # whoever is granted something has the defaults
new_cast
terms_of() { as admin principal show "$1" --json | jq -c '.grants[0] | [.daily, .hourly]'; }
same "a service's terms" "$(terms_of inbox)" '[10,6]'
same "a person's terms" "$(terms_of paola)" '[3,2]'
same "a sender's terms" "$(terms_of sender)" '[2,2]'

# ---- budgets: of the hour, then of the day ----

tokens=()
for i in 1 2 3 4 5 6; do tokens+=("$(token_of "one-$i@example.org")"); done
expect 6 as inbox tokenize --json one-7@example.org
expect_json '.error.code == "quota" and .error.retry_after_s > 3500 and .error.retry_after_s <= 3900'
grep -q 'budget_alarm principal=2 namespace=1 percent=50' "$log" || fail "the log does not warn at 50 %"
for i in 0 1; do expect 0 as paola detokenize --reason 'look' "${tokens[i]}"; done
expect 6 as paola detokenize --json --reason 'look' "${tokens[2]}"
expect_json '.error.retry_after_s > 3500 and .error.retry_after_s <= 3900'
for i in 1 2 3 4; do expect 0 as paola lookup "one-$i@example.org"; done
expect 6 as paola lookup --json one-5@example.org
expect_json '.error.retry_after_s > 86000 and .error.retry_after_s <= 86700'
for i in 0 1; do expect 0 as sender detokenize --reason delivery "${tokens[i]}"; done
expect 6 as sender detokenize --json --reason delivery "${tokens[2]}"
expect_json '.error.retry_after_s > 86000 and .error.retry_after_s <= 86700'
# Figures of a grant's own go before the defaults.
expect 0 as admin grant paola reveal -n milano --daily 5 --hourly 5
for i in 2 3 4; do expect 0 as paola detokenize --reason 'look' "${tokens[i]}"; done
expect 6 as paola detokenize --reason 'look' "${tokens[5]}"
say "the file's budgets are in force, for the hour and for the day"

# ---- what a person says it is for ----

stop_vault
printf '[reveal]\npurposes = callback,complaint\n' >>"$work/conf"
start_vault
new_principal aldo audit - --person
why=(--reason 'asked twice' "${tokens[0]}")
expect 0 as admin grant paola reveal -n milano --daily 50 --hourly 50
expect 1 as paola detokenize --json "${why[@]}"
expect_json '.error.message == "purpose: say which (--purpose NAME), one of callback, complaint"'
expect 1 as paola detokenize --purpose curiosity "${why[@]}"
expect_error 'one of callback, complaint'
for contact in 'maria@example.org' '+39 06 5555 0147' '0039 06 5555 0147' '333 123 45 67'; do
    expect 1 as paola detokenize --purpose callback --reason "call $contact" "${tokens[0]}"
    expect_error 'reason: it has '
    ! grep -qF "$contact" "$err" "$log" || fail "a refused reason is repeated"
    expect 1 as paola detokenize --purpose callback --ticket "$contact" "${why[@]}"
    expect_error 'ticket: it has '
done
expect 0 as paola detokenize --purpose callback --ticket INC-20261130-12 "${why[@]}"
expect 0 as admin grant sender deliver -n milano --daily 50 --hourly 50
expect 0 as sender detokenize --reason delivery "${tokens[3]}"
expect 0 as aldo audit tail --operation detokenize --principal paola --json
same "what is on record" "$(jq -cs 'map(select(.purpose)) | map([.purpose, .ticket, .reason])' "$out")" \
    '[["callback","INC-20261130-12","asked twice"]]'
expect 0 as aldo audit tail --operation detokenize --principal paola
grep -qF 'purpose callback  ticket INC-20261130-12  "asked twice"' "$out" || fail "not shown apart: $(cat "$out")"
expect 0 as admin audit tail --operation detokenize --principal paola --json
jq -es 'all(.[]; (has("ticket") or has("reason")) | not) and any(.[]; .purpose == "callback")' "$out" >/dev/null ||
    fail "an admin is told more than a purpose"
say "a person names a purpose of the list; no contact gets into a reason or a ticket"

# ---- checkpoints, idle as it is ----

before=$(cat "$place"/* | wc -l)
three_more() { [ "$(cat "$place"/* | wc -l)" -ge $((before + 3)) ]; }
began=$SECONDS
await 20 three_more || fail "no checkpoint each second"
[ $((SECONDS - began)) -ge 2 ] || fail "three checkpoints in $((SECONDS - began)) s"
cat "$place"/* >"$work/kept"
expect 0 "$vaultctl" audit verify --data "$dir" --checkpoint "$work/kept" --json
expect_json ".ok and .signed and .anchored and .unsigned_tail == 0 and .checkpoints >= $(lines "$work/kept")"
say "idle, it signs once a second, here and in the second place"

# ---- connections ----

"$vaultctl" audit tail --data "$dir" --follow >"$work/first" 2>&1 &
others+=($!)
"$vaultctl" audit tail --data "$dir" --follow >"$work/second" 2>&1 &
others+=($!)
await 20 test -s "$work/first" || fail "the first does not follow"
await 20 test -s "$work/second" || fail "the second does not follow"
code=0
"$vaultctl" principal list --data "$dir" --timeout 2000 >"$out" 2>"$err" </dev/null || code=$?
[ "$code" -ne 0 ] || fail "a third admin where there may be two"
[ ! -s "$out" ] || fail "a third admin is told something"
for pid in "${others[@]}"; do kill -0 "$pid" || fail "one of the two has lost its place"; done
expect 0 as inbox mask "${tokens[0]}" # the data socket has places of its own
kill "${others[0]}"
wait "${others[0]}" 2>/dev/null || true
others=("${others[1]}")
await 20 "$vaultctl" principal list --data "$dir" >/dev/null 2>&1 </dev/null || fail "no place where one has left"
say "two admins and no third, until one leaves"
kill "${others[0]}"
wait "${others[0]}" 2>/dev/null || true
others=()
stop_vault

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S18, S19, S20 and S21, as somebody meets them who tries the rules by hand: grants that end,
# budgets, freeze, erase, retention, relayed keys, and the log that says who did what and why.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

new_vault
start_vault
new_cast
new_principal dora privacy milano --person
new_principal aldo audit - --person
new_person tina
token=$(token_of '+39 333 123 4567')
granted() { # FILTER: of tina's first grant
    expect 0 as admin principal show tina --json
    expect_json ".grants[0] | $1"
}

# ---- grants that end, budgets ----

expect 5 as tina detokenize --reason 'look' "$token"
expect 0 as admin grant tina reveal -n milano --for 3s
began=$SECONDS
expect 0 as tina detokenize --reason 'look' "$token"
same value "$(cat "$out")" '+393331234567'
granted '.until > "2" and .daily == 50 and .hourly == 20 and .used == 1'
ended() { ! as tina mask "$token" >"$out" 2>"$err" </dev/null; }
await 20 ended || fail "a grant for 3 s does not end"
[ $((SECONDS - began)) -ge 2 ] || fail "a grant for 3 s has ended after $((SECONDS - began)) s"
expect 5 as tina detokenize --json --reason 'look' "$token"
expect_json '.error.code == "expired"'
expect_error 'has ended'
spent=1

expect 1 as admin grant tina reveal -n milano --until 2020-01-01
expect 2 as admin grant tina reveal -n milano --until whenever
expect 2 as admin grant tina reveal -n milano --for 0s
expect 0 as admin grant tina reveal -n milano --until "$(date -u -d '+1 day' +%Y-%m-%dT%H:%MZ)" --daily $((spent + 3)) --hourly $((spent + 3))
for i in 1 2 3; do expect 0 as tina detokenize --reason "look $i" "$token"; done
expect 6 as tina detokenize --reason 'look 4' "$token"
expect_error "budget of reveals is used up: of $((spent + 3)) in 24 hours 0 are left, and 1 are asked for; try again in 2[34] h"
expect 6 as tina detokenize --json --reason 'look 4' "$token"
expect_json '.error.code == "quota" and .error.retry_after_s > 86000 and .error.retry_after_s <= 86700'
granted ".used == $((spent + 3)) and .daily == $((spent + 3))"
expect 0 as tina mask "$token"
# One budget, however many grants: a second one beside it, larger, is what counts, and what was spent stays.
expect 0 as admin revoke tina reveal -n milano
expect 5 as tina detokenize --reason 'look' "$token"
expect 1 as admin revoke tina reveal -n milano
expect 0 as admin grant tina reveal -n milano --daily $((spent + 4)) --hourly $((spent + 4))
expect 0 as tina detokenize --reason 'look 5' "$token"
expect 6 as tina detokenize --reason 'look 6' "$token"
expect 1 as admin grant tina admin
expect_error 'never\|no principal may hold'
say "grants end, budgets hold, and principal show tells both"

# ---- freeze ----

expect 5 as inbox freeze
expect 5 as paola freeze
expect 0 as dora freeze
expect 0 as inbox status --json
expect_json '.state == "frozen"'
expect 5 as paola detokenize --json --reason 'look' "$token"
expect_json '.error.code == "frozen"'
expect 0 as paola mask "$token"
expect 0 as sender detokenize --reason delivery "$token"
for who in dora aldo paola; do expect 5 as $who unfreeze; done
expect 0 as aldo freeze --all
expect 5 as sender detokenize --reason delivery "$token"
expect_error frozen
expect 1 as dora freeze # does not let deliveries through again
expect 5 as sender detokenize --reason delivery "$token"
# What is frozen stays so, and nothing but reveals is.
expect 0 as inbox tokenize '+39 333 123 4568'
kill_vault
launch_vault
await 60 answers_or_is_gone frozen || fail "a restart lifts the freeze"
expect 5 as sender detokenize --reason delivery "$token"
expect 5 as paola detokenize --reason 'look' "$token"
expect 0 as admin unfreeze
expect 0 as paola detokenize --reason 'look' "$token"
expect 0 as sender detokenize --reason delivery "$token"
expect 1 as admin unfreeze
state_is unsealed || fail "still frozen"
say "frozen by whoever guards contacts or reads the log, lifted by an admin alone"

# ---- describe ----

expect 0 as inbox describe --json "$token"
expect_json '.kind == "phone" and .namespace == "milano" and .country == "+39" and (.mask | endswith("67")) and has("created") == false'
expect 0 as aldo describe --json "$token"
expect_json '.created > "2"'
expect 1 as crm describe --json "$token"
expect_json '.error.code == "not_found"'

# ---- erase ----

other=$(token_of 'Maria@example.com')
expect 2 as dora erase "$token"
for who in inbox paola sender; do expect 5 as $who erase --reason 'asked' "$token"; done
expect 0 as dora erase --json --reason 'asked by letter' "$token"
expect_json ".token == \"$token\" and .kind == \"phone\""
expect 0 as dora erase --json -n milano --reason 'asked by letter' 'maria@EXAMPLE.com'
expect_json ".token == \"$other\" and .kind == \"email\""
for gone in "$token" "$other"; do
    expect 1 as inbox mask --json "$gone"
    expect_json '.error.code == "not_found"'
    expect 1 as paola detokenize --json --reason 'look' "$gone"
    expect_json '.error.code == "not_found"'
done
expect 1 as inbox lookup --json '+39 333 123 4567' 'maria@example.com'
expect_json '.error.code == "not_found"'
expect 1 as dora erase --json --reason 'asked again' "$token"
expect_json '.error.code == "not_found"'
again=$(token_of '+39 333 123 4567')
[ "$again" != "$token" ] || fail "an erased contact has its old token again"
expect 1 as inbox mask "$token"
same 'token made new' "$(token_of '0039 333 1234567')" "$again"
# In a batch the good ones go, each with its answer in its place.
expect 1 as dora erase --json --reason 'asked again' "$token" "$again" 'phn_nonsense'
same answers "$(jq -r '.token // .error.code' "$out" | tr '\n' ' ')" "not_found $again invalid "
say "erased by token and by value; a new token after"

# ---- retention ----

expect 0 as admin namespace set milano --retain 24mo
expect 0 as admin namespace list --json
same months "$(jq -r 'select(.name == "milano") | .retain_months' "$out")" 24
for bad in 13 0mo 1201mo soon; do expect 2 as admin namespace set milano --retain $bad; done
expect 5 as dora namespace set milano --retain 2y
expect 0 as admin namespace set milano --retain never
expect 0 as admin namespace list --json
expect_json '.retain_months == 0'

# ---- relayed: a key that is proved from behind another uid ----

"$vaultctl" keygen -o "$work/bot.key" >"$work/bot.pub"
expect 0 as admin principal add bot --relayed --public-key "$work/bot.pub"
expect 0 as admin grant bot service -n milano
expect 0 as admin principal show bot --json
expect_json '.relayed == true'
expect 2 as admin principal add other --relayed --uid 5
if unshare -U true 2>/dev/null; then
    # In a user namespace without a map everybody is nobody, and signs as that.
    expect 5 unshare -U "$vaultctl" tokenize --data "$dir" --identity "$work/inbox.key" '+39 333 123 4568'
    expect 0 unshare -U "$vaultctl" tokenize --data "$dir" --identity "$work/bot.key" '+39 333 123 4568'
    expect 0 as aldo audit tail --principal bot --json
    expect_json '.relayed == (if .principal == "bot" then true else null end)'
    jq -es 'any(.[]; .relayed)' "$out" >/dev/null || fail "nothing of a relayed key on record"
    say "a relayed key counts from behind another uid, any other does not; the log says so"
else
    say "left out: a relayed key from behind another uid (no user namespace may be made here)"
fi

# ---- who did what, and why ----

expect 0 as aldo audit tail --principal tina --json
expect_json '.principal == "tina" or .subject == "tina"' # what she did, and what was done to her
same "tina's reveals, with their reasons" \
    "$(jq -rs '[.[] | select(.operation == "detokenize" and .status == "ok") | .reason][-4:] | join(",")' "$out")" \
    'look 1,look 2,look 3,look 5'
jq -es 'any(.[]; .status == "expired") and any(.[]; .status == "quota") and any(.[]; .status == "denied")' "$out" >/dev/null ||
    fail "a refusal of tina's is not in the log"
expect 0 as admin audit tail --principal tina --json
expect_json 'has("reason") == false'
expect 5 as dora audit tail
expect 0 as aldo audit tail --operation erase --json
expect_json '.operation == "erase"'
same "erasures" "$(jq -s '[.[] | select(.phase == "outcome" and .status == "ok")] | length' "$out")" 3
expect 0 as aldo audit tail --token "$token" --json
expect_json ".token == \"$token\""
expect 0 as aldo audit tail --token "$token" --operation erase --json
jq -es 'map(.phase) == ["intent", "outcome", "done", "done"] and .[0].reason == "asked by letter" and .[0].principal == "dora"' "$out" >/dev/null ||
    fail "not who erased it, and why"
expect 0 as aldo audit tail -n milano --operation freeze --json # a freeze is of no namespace
[ ! -s "$out" ] || fail "something of another namespace"
expect 0 as aldo audit tail --operation unfreeze --json
same "how it was lifted" "$(jq -rs 'map(.principal + " " + .phase + " " + .status) | join(", ")' "$out")" \
    'dora done denied, aldo done denied, paola done denied, admin intent ok, admin outcome ok'
expect 0 as aldo audit tail --from 1 --json
cp "$out" "$work/all"
middle=$(jq -rs '.[length / 2 | floor].time' "$work/all")
expect 0 as aldo audit tail --since "$middle" --json
expect_json ".time >= \"$middle\""
later=$(lines "$out")
expect 0 as aldo audit tail --until "$middle" --json
expect_json ".time < \"$middle\""
same "entries before and after" "$(($(lines "$out") + later))" "$(lines "$work/all")"
expect 0 as aldo audit tail -l 3 --json
same "the last three" "$(jq -s 'map(.seq)' "$out")" "$(jq -s '.[-3:] | map(.seq)' "$work/all")"
expect 2 as aldo audit tail --operation nonsense
say "the log by principal, operation, token, namespace and time; reasons for the audit role alone"

# ---- as it grows ----

token=$(token_of '+39 333 123 4570')
# follow FILE: a job of its own, which is interrupted as at a terminal.
follow() {
    env --default-signal=INT,PIPE "$vaultctl" audit tail --data "$dir" --identity "$work/aldo.key" --follow --json \
        --timeout 2000 -l 1 >"$1" 2>"$work/follow.err" &
    others=($!)
}
# ends CODE: the one that follows, by itself and without a word.
ends() {
    local code=0
    wait "${others[0]}" || code=$?
    others=()
    same "exit code of audit tail --follow" $code "$1"
}
seen() { jq -es 'any(.[]; .operation == "detokenize" and .reason == "while followed")' "$work/followed" >/dev/null; }
gone() { ! kill -0 "${others[0]}" 2>/dev/null; }
follow "$work/followed"
await 20 test -s "$work/followed" || fail "audit tail --follow says nothing"
expect 0 as paola detokenize --reason 'while followed' "$token"
await 3 seen || fail "what is done is not seen within three seconds"
kill -INT "${others[0]}"
ends 130
[ ! -s "$work/follow.err" ] || fail "an interrupted audit tail has something to say: $(cat "$work/follow.err")"

mkfifo "$work/pipe"
head -n 1 "$work/pipe" >"$work/first" &
reader=$!
follow "$work/pipe"
wait "$reader"
expect 0 as paola detokenize --reason 'nobody reads on' "$token"
await 20 gone || fail "audit tail --follow goes on for a reader that is gone"
ends 141
[ ! -s "$work/follow.err" ] || fail "an audit tail without reader has something to say: $(cat "$work/follow.err")"

: >"$work/followed"
follow "$work/followed"
await 20 test -s "$work/followed" || fail "audit tail --follow says nothing"
expect 0 as admin audit verify --json
expect_json '.ok and .signed'
stop_vault
await 20 gone || fail "audit tail --follow does not see that the vault is gone"
ends 3
say "audit tail --follow sees what comes, and ends with its reader, its vault or at a word"

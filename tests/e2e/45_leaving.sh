#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S51 and S52.
# A person reaches her budget of reveals, and sees masks. Then she leaves, and all she ever saw is in a file.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

new_vault
printf '[reveal]\npurposes = callback, legal\n' >"$work/conf"
vaultd_options=(--config "$work/conf")
start_vault
new_cast
tokens=()
for i in 1 2 3 4; do tokens+=("$(token_of "+39 06 5555 014$i")"); done

# ---- a person over her budget ----

expect 0 as admin grant paola reveal -n milano --daily 3 --hourly 2
why=(--purpose callback --ticket INC-7 --reason 'asked for a call back')
# What fits is revealed, in order; the line of what does not is empty in a pipe.
expect 6 as paola detokenize "${why[@]}" "${tokens[@]:0:3}"
same "the answer" "$(cat "$out")" "$(printf '%s\n' '+390655550141' '+390655550142')"
same "its lines" "$(lines "$out")" 3
mask=$(as paola mask "${tokens[2]}")
expect_error "value 3: quota: the budget of reveals is used up: of 2 an hour 0 are left, and 1 are asked for; try again in .*; its mask: $mask"
expect 6 as paola detokenize --json "${why[@]}" "${tokens[@]:2:2}"
expect_json ".error.code == \"quota\" and .error.retry_after_s > 3000 and .token != null and .kind == \"phone\" and .mask != null and .value == null"
# The second of them is over the day's as well.
jq -es '.[0].error.retry_after_s < 3901 and .[1].error.retry_after_s > 80000' "$out" >/dev/null || fail "both at one time"
same "the mask" "$(jq -rs '.[0].mask' "$out")" "$mask"
expect 1 as paola detokenize "${why[@]}" "${tokens[2]}" rubbish
expect 0 as admin audit tail --from 1 --principal paola --operation detokenize --json
jq -es '[.[] | select(.status == "ok")] | length == 2' "$out" >/dev/null || fail "not two reveals on record"
jq -es '[.[] | select(.status == "quota")] | length == 3' "$out" >/dev/null || fail "not an entry for each request over it"
# At a terminal the mask stands where the contact would.
expect 6 python3 "$here/terminal.py" --columns 80 -- "$vaultctl" detokenize --data "$dir" --identity "$work/paola.key" "${why[@]}" "${tokens[2]}"
grep -qF -- "$mask   over budget; again in 6" "$out" || fail "the terminal does not show the mask and when"
# A sender's batch is opened as a whole, or not at all.
expect 0 as admin grant sender deliver -n milano --daily 2 --hourly 2
expect 0 as sender detokenize --reason delivery "${tokens[0]}"
expect 6 as sender detokenize --json --reason delivery "${tokens[@]:0:2}"
expect_json '.error.code == "quota" and .value == null and .mask == null'
say "over the budget of reveals: masks, and when"

# ---- she leaves ----

report=$work/paola.csv
new_principal aldo audit -
# A bad path is found before anything is done; so is a file that is there.
expect 1 as admin principal offboard paola --report "$work/nowhere/paola.csv"
expect_error 'nothing was done'
echo mine >"$report"
expect 1 as admin principal offboard paola --report "$report"
expect_error 'there already'
same "the file that was there" "$(cat "$report")" mine
rm "$report"
expect 2 as admin principal offboard paola
expect 1 as admin principal offboard nobody --report "$report"
[ ! -e "$report" ] || fail "a report of nobody"
expect 1 as admin principal offboard "$(as admin principal list --json | jq -r 'select(.grants[0].role == "admin") | .name')" --report "$report"
expect_error 'last admin'
[ ! -e "$report" ] || fail "a report, and nobody was offboarded"
expect 0 as admin principal show paola --json
expect_json '.disabled == false and has("offboarded") == false'

# The report cannot be written: she is out all the same, and it is said how to get it.
code=0
(
    ulimit -f 0 # not a byte into any file
    trap '' XFSZ
    as admin principal offboard paola --report "$report" </dev/null 2>&1
) | cat >"$err" || code=$?
same "the exit code" "$code" 1
expect_error 'paola IS offboarded, for ever; only the report is missing.*vaultctl principal offboard paola --report FILE'
[ ! -e "$report" ] || fail "half a report is left"
expect 5 as paola mask "${tokens[0]}"
expect 0 as admin principal show paola --json
expect_json '.disabled and .offboarded and .grants == []'
expect 0 as admin principal show paola
grep -q 'person, offboarded' "$out" || fail "it is not shown that she has left"

# The same command again: the vault has nothing to do, and the report is written.
expect 0 as admin principal offboard paola --report "$report"
grep -q '^paola was offboarded: no session, no grant, for ever$' "$out" || fail "it does not say what is so"
grep -q '^2 reveals of 2 contacts, the first .*; 0 failed, 0 refused$' "$out" || fail "it does not add up"
same "who may read it" "$(stat -c %a "$report")" 600
same "its heads" "$(head -n 1 "$report" | tr -d '\r')" 'time,token,kind,namespace,purpose,ticket,reason,result,status,seq'
same "what she saw" "$(tail -n +2 "$report" | tr -d '\r' | cut -d, -f2-9 | sort)" \
    "$(printf '%s,phone,milano,callback,,,revealed,ok\n' "${tokens[@]:0:2}" | sort)"
! grep -q '0555014\|asked for' "$report" || fail "a contact or a reason in an admin's report"
expect 1 as admin principal enable paola
expect_error 'offboarded, for ever'
expect 1 as admin grant paola reveal -n milano
expect 0 as admin audit tail --from 1 --operation principal_offboard --json
same "on record" "$(jq -s -c 'map([.phase, .status])' "$out")" '[["intent","ok"],["outcome","ok"]]'

# A service leaves as well; who may see reasons has them in the report.
expect 0 as admin grant aldo admin
expect 0 as aldo principal offboard sender --json --report "$work/sender.csv"
expect_json '.ok and .offboarded and .already == false and .reveals == 1 and .contacts == 1'
grep -q ',delivery,revealed,ok,' "$work/sender.csv" || fail "no reason for whom may see it"
expect 5 as sender detokenize --reason delivery "${tokens[0]}"
# Its name and its key are taken for ever.
expect 1 as admin principal add sender2 --public-key "$work/sender.pub"
expect 1 as admin principal add sender --uid 4242
say "offboarded: out at once, and all that was seen is in a file"
stop_vault

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S51.
# A person reaches her budget of reveals, and sees masks.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

new_vault
start_vault
new_cast
tokens=()
for i in 1 2 3 4; do tokens+=("$(token_of "+39 06 5555 014$i")"); done

# ---- a person over her budget ----

expect 0 as admin grant paola reveal -n milano --daily 3 --hourly 2
why=(--reason 'asked for a call back')
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
stop_vault

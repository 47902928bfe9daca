#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S18.
# A service and a sender spend their budgets while the daemon is killed with -9 again and again: never more
# than the budget, and of tokenize never less than the budget less one block for each kill.
# 14_budgets.sh [KILLS]
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
kills=${1:-10}
batch=5
block_parts=1000 # a block is a thousandth of the day's budget, or what one batch lacks
daily=$((kills * 20000))
reveals=$((kills * 500))

new_vault
start_vault
new_cast
expect 0 as admin grant inbox service -n milano --daily "$daily"
expect 0 as admin grant sender deliver -n milano --daily "$reveals" --hourly "$reveals"
values=()
for i in $(seq 40); do values+=("known-$i@example.org"); done
expect 0 as inbox tokenize --json "${values[@]}"
mapfile -t tokens < <(jq -r .token "$out")
before=${#values[@]} # spent already

"$spender" tokenize "$dir/run/vault.sock" "$work/inbox.key" 8 $batch "${values[@]}" >"$work/spent" 2>"$work/spent.err" &
others+=($!)
"$spender" reveal "$dir/run/vault.sock" "$work/sender.key" 8 1 "${tokens[@]}" >"$work/seen" 2>"$work/seen.err" &
others+=($!)
killed=0
for ((i = 1; i <= kills; i++)); do
    sleep "0.$((RANDOM % 4))$((1 + RANDOM % 9))"
    # Once both budgets are used up there is nothing left to kill for.
    kill -0 "${others[0]}" 2>/dev/null || kill -0 "${others[1]}" 2>/dev/null || break
    kill_vault
    start_vault
    killed=$((killed + 1))
done
wait "${others[0]}" || fail "the spender of tokenize: $(cat "$work/spent.err")"
wait "${others[1]}" || fail "the spender of reveals: $(cat "$work/seen.err")"
others=()
[ "$killed" -ge $((kills / 2)) ] || fail "only $killed kills: the budgets were used up too soon"

cp "$work/spent" "$out"
expect_json '.quota == 8 and .retry_after_s > 0 and .retry_after_s <= 86700'
answered=$(($(json .answered) + before))
block=$((daily / block_parts > batch ? daily / block_parts : batch))
# What was under way when the daemon died was spent, and never answered.
least=$((daily - killed * block - $(json .unknown) - batch))
say "tokenize: $answered of $daily answered, $(json .unknown) without answer, $killed kills, blocks of $block"
[ "$answered" -le "$daily" ] || fail "more than the budget: $answered of $daily"
[ "$answered" -ge "$least" ] || fail "less than the budget less a block a kill: $answered, least $least"

cp "$work/seen" "$out"
expect_json '.quota == 8 and .retry_after_s > 0 and .retry_after_s <= 86700'
answered=$(json .answered)
unknown=$(json .unknown)
say "reveal: $answered of $reveals answered, $unknown without answer"
[ "$answered" -le "$reveals" ] || fail "more than the budget: $answered of $reveals"
[ "$answered" -ge $((reveals - unknown)) ] || fail "less than the budget less what was under way"
expect 0 as admin audit tail --from 1 --operation detokenize --json
same "reveals recorded" "$(jq -s '[.[] | select(.status == "ok")] | length' "$out")" "$reveals"

# Over it: QUOTA and when, exit code 6; the mask is not budgeted.
expect 6 as inbox tokenize "${values[0]}"
expect_error 'budget'
expect 6 as sender detokenize --reason 'one more' "${tokens[0]}"
expect 0 as inbox mask "${tokens[0]}"
expect 0 as admin audit tail --from 1 --principal inbox --json
jq -es 'any(.[]; .operation == "tokenize" and .status == "quota")' "$out" >/dev/null || fail "the refusal is not in the log"
# An import gets a grant of its own for a while, beside the standing one.
expect 0 as admin grant inbox service -n milano --daily $((daily + 100)) --for 2h
expect 0 as inbox tokenize "${values[0]}"
expect 0 as admin audit verify --json
expect_json .ok
stop_vault

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S12.
# 64 threads tokenize overlapping sets while the daemon is killed with -9 again and again: no token that
# was acknowledged is lost or changes, no contact has two tokens. 04_kill.sh [CYCLES]
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cycles=${1:-10}

new_vault
start_vault
new_cast

"$storm" overlap "$dir/run/vault.sock" "$work/inbox.key" 64 >"$work/storm.out" 2>"$work/storm.err" &
others+=($!)
for ((i = 1; i <= cycles; i++)); do
    sleep "0.$((RANDOM % 9))$((1 + RANDOM % 9))"
    kill -0 "${others[0]}" || fail "the storm has ended: $(cat "$work/storm.err")"
    kill_vault
    start_vault
done
sleep 1
kill -TERM "${others[0]}"
code=0
wait "${others[0]}" || code=$?
others=()
cp "$work/storm.out" "$out"
cp "$work/storm.err" "$err"
[ $code -eq 0 ] || fail "the ledger and the vault differ"
expect_json '.lost == 0 and .changed == 0 and .shared == 0 and .unexpected == 0'
contacts=$(json .contacts)
say "$(cat "$out")"
expect 0 as admin status --json
same "contacts counted by the vault" "$(json .contacts)" "$contacts"
expect 0 as admin audit verify --json
expect_json '.ok'
stop_vault
say "$cycles kills, $contacts contacts, each with one token"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S36.
# Most of a vault is erased, and it is compacted while 8 threads tokenize: no request fails, the database file
# becomes smaller, holds nothing any more of what was erased, and all else is what it was, after a restart too.
# Then the daemon is killed with -9 in three places of a compaction (contract/store_compact has all of them): it
# comes up with the old file or the new.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

contacts=6000
kept=300
database=$dir/data/store/data.mdb

new_vault
start_vault
new_cast
new_principal clerk privacy milano

seq -f 'lead%.0f@example.com' 1 $contacts >"$work/leads"
feed 0 as inbox tokenize - <"$work/leads"
cut -f1 "$out" >"$work/tokens"
head -n $kept "$work/leads" >"$work/kept"
head -n $kept "$work/tokens" >"$work/kept.tokens"
# Bytes of a sealed record that will be gone, as they stand in the file: its token, in the record's header.
victim=$(sed -n "${contacts}p" "$work/tokens")
tail -n +$((kept + 1)) "$work/tokens" >"$work/gone"
feed 0 as clerk erase --reason 'asked by letter' - <"$work/gone"

expect_ledger() {
    feed 0 as inbox lookup - <"$work/kept"
    cut -f1 "$out" >"$work/now"
    cmp -s "$work/kept.tokens" "$work/now" || fail "a token changed: $(diff "$work/kept.tokens" "$work/now" | head -3)"
    feed 0 as sender detokenize --reason 'a message goes out' - <"$work/kept.tokens"
    cut -f2 "$out" >"$work/now"
    cmp -s "$work/kept" "$work/now" || fail "a contact is another: $(diff "$work/kept" "$work/now" | head -3)"
    expect 1 as inbox lookup "lead$contacts@example.com"
}
expect_ledger
places() { python3 "$here/records.py" "$database" "$1" | wc -l; }
size() { stat -c %s "$database"; }
[ "$(places "$victim")" -gt 0 ] || fail "the file holds nothing of what was erased even before: nothing is proved"

# ---- under load ----

before=$(size)
"$storm" overlap "$dir/run/vault.sock" "$work/inbox.key" 8 >"$work/storm.out" 2>"$work/storm.err" &
others=($!)
sleep 0.3
expect 5 as inbox compact
expect 2 as admin compact --wait --detach
expect 0 as admin compact --wait --json
expect_json ".ok and .state == \"idle\" and .number == 1 and .bytes_before >= $before and .bytes < .bytes_before
    and .bytes_given_back == .bytes_before - .bytes"
say "$(cat "$out")"
expect 0 as clerk compact --wait
kill -0 "${others[0]}" || fail "the storm has ended: $(cat "$work/storm.err")"
kill -TERM "${others[0]}"
code=0
wait "${others[0]}" || code=$?
others=()
cp "$work/storm.out" "$out"
cp "$work/storm.err" "$err"
[ $code -eq 0 ] || fail "the ledger and the vault differ"
expect_json '.lost == 0 and .changed == 0 and .shared == 0 and .unexpected == 0'
[ "$(size)" -lt "$before" ] || fail "the file has $(size) bytes, and had $before"
same "places of an erased record in the file" "$(places "$victim")" 0
[ "$(places "$(head -n 1 "$work/tokens")")" -gt 0 ] || fail "what was not erased is not found either: nothing is proved"
expect_ledger
stop_vault
start_vault
expect_ledger

# ---- erase --now ends with one ----

victim=$(sed -n 7p "$work/tokens")
feed 0 as clerk erase --now --reason 'asked by letter' - <<<"$victim"
same "places of an erased record in the file" "$(places "$victim")" 0
for list in kept kept.tokens; do sed -i 7d "$work/$list"; done
expect_ledger

# ---- kills ----

is_gone() { ! kill -0 "$daemon" 2>/dev/null; }
made=3
# kill_at FAILPOINT CAME_ABOUT: what the log says of it, after the restart.
kill_at() {
    stop_vault
    CONTACT_VAULT_FAILPOINTS=$1 start_vault
    "$vaultctl" compact --detach --data "$dir" >"$out" 2>"$err" </dev/null || fail "compact"
    if ! await 30 is_gone; then
        say "no failpoints in this build"
        kill_vault
    fi
    wait "$daemon" 2>/dev/null || true
    start_vault
    ! compgen -G "$dir/data/store/compact*" >/dev/null || fail "a copy is left behind"
    made=$((made + $2))
    expect 0 as admin audit tail -l 200 --operation compact --json
    jq -es --argjson ok "$2" 'map(select(.phase == "outcome")) | last | (.status == "ok") == ($ok == 1)' "$out" >/dev/null ||
        fail "the log says something else of the compaction that was killed at $1"
    expect_ledger
}
kill_at store_compact_copying=3 0
kill_at store_compact_flushed 0
kill_at store_compact_renamed 1
expect 0 as admin compact --wait --json
expect_json ".number == $made + 1"

# ---- the log ----

expect 0 as admin audit verify --json
expect_json '.ok'
expect 0 as admin audit tail --from 1 --operation compact --json
jq -es --argjson all "$((made + 3))" 'map(select(.phase == "intent")) as $intents
    | ($intents | length) == $all and ($intents[0].principal == "admin") and ($intents[1].principal == "clerk")
    and (map(select(.phase == "outcome")) | length) == $all' "$out" >/dev/null || fail "the log does not tell of every compaction"
grep -q compacted "$log" || fail "the daemon's log does not speak of compactions"
! grep -q 'store_failed\|record_corrupt' "$log" || fail "something went wrong"
stop_vault
say "after $((made + 1)) compactions and 3 kills every token is what it was"

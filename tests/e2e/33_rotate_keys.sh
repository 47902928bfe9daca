#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S27.
# Keys rotate while 32 threads tokenize: no request fails, no token changes. Then the daemon is killed with -9
# at five points of rotations, under load: each goes on by itself after the start, no token is lost or
# changes, the old keys are gone, and the log says of every key what became of it.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

new_vault
start_vault
new_cast
new_principal clerk privacy milano

# ---- a ledger of contacts, and the storm ----

contacts=400
for ((i = 0; i < contacts; i++)); do echo "lead$i@example.com"; done >"$work/leads"
ledger_is() { # FILE: lookup of every lead, into it
    feed 0 as inbox lookup - <"$work/leads"
    cp "$out" "$1"
}
feed 0 as inbox tokenize - <"$work/leads"
ledger_is "$work/before"
expect_ledger() {
    ledger_is "$work/after"
    cmp -s "$work/before" "$work/after" || fail "a token changed: $(diff "$work/before" "$work/after" | head -3)"
    same "contacts in the ledger" "$(sort -u "$work/after" | wc -l)" "$contacts"
}

start_storm() { # THREADS
    "$storm" overlap "$dir/run/vault.sock" "$work/inbox.key" "$1" >"$work/storm.out" 2>"$work/storm.err" &
    others=($!)
}
# end_storm FILTER: it found all it was ever told, and what the filter says.
end_storm() {
    local code=0
    kill -0 "${others[0]}" || fail "the storm has ended: $(cat "$work/storm.err")"
    kill -TERM "${others[0]}"
    wait "${others[0]}" || code=$?
    others=()
    cp "$work/storm.out" "$out"
    cp "$work/storm.err" "$err"
    [ $code -eq 0 ] || fail "the ledger and the vault differ"
    expect_json '.lost == 0 and .changed == 0 and .shared == 0 and .unexpected == 0'
    expect_json "$1"
    say "$(cat "$out")"
}

# ---- keys as they are ----

# expect_keys DATA INDEX: these are milano's only keys.
expect_keys() {
    expect 0 as admin key status --json
    jq -e --argjson data "$1" --argjson index "$2" '[.keys[] | select(.namespace == "milano")] as $keys
        | ($keys | map([.purpose, .epoch, .state])) == [["data", $data, "active"], ["index", $index, "active"]]
        and $keys[0].records == $keys[1].records and .rekey.running == false and .rekey.stuck == false' \
        "$out" >/dev/null || fail "these are not the keys data $1, index $2"
}
is_idle() {
    "$vaultctl" key status --data "$dir" --json 2>/dev/null </dev/null |
        jq -e 'all(.keys[]; .state == "active")' >/dev/null
}

# ---- rotations under load ----

start_storm 32
sleep 0.5
expect 0 as admin key rotate data -n milano --wait --json
expect_json .ok
expect 0 as clerk key rotate index --wait
expect 0 as admin key rotate data --all --wait
expect 0 as admin key rotate index --all --wait
expect_ledger
sleep 0.5
end_storm '.passing_errors == 0'
expect_keys 3 3
expect 0 as admin key status --json
expect_json '[.keys[] | select(.namespace == "berlin") | .epoch] == [2, 2]'

# Whoever may not, may not; a namespace that is not there is one that is not his.
expect 5 as inbox key rotate data -n milano
expect 5 as paola key status
expect 5 as clerk key rotate data -n berlin
expect 5 as clerk key rotate data -n nowhere
expect 0 as clerk key status --json
expect_json 'all(.keys[]; .namespace == "milano")'
expect 2 as admin key rotate root -n milano
expect 2 as admin key rotate data --all -n milano

# ---- kills ----

# Slowly: so that a kill falls into the middle.
printf '[keys]\nrekey_rate = 4000\n' >"$work/slow.conf"
chmod 0600 "$work/slow.conf"
vaultd_options=(--config "$work/slow.conf")
stop_vault
start_vault
start_storm 4
is_gone() { ! kill -0 "$daemon" 2>/dev/null; }
# kill_in PURPOSE [FAILPOINT]: begins a rotation, and kills the daemon at that point of it, or in its midst.
kill_in() {
    stop_vault
    if [ $# -gt 1 ]; then export CONTACT_VAULT_FAILPOINTS=$2; fi
    start_vault
    unset CONTACT_VAULT_FAILPOINTS
    "$vaultctl" key rotate "$1" -n milano --data "$dir" --detach >"$out" 2>"$err" </dev/null ||
        [ "${2:-}" = rekey_key_added ] || fail "key rotate $1"
    if [ $# -gt 1 ]; then
        await 60 is_gone || say "no failpoints in this build: killed somewhere"
    else
        sleep 0.4
    fi
    kill -9 "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
    start_vault
    await 120 is_idle || fail "the rotation of $1 (${2:-in its midst}) does not end"
    expect_ledger
}
kill_in data rekey_key_added
kill_in data
kill_in index rekey_switched
kill_in index
kill_in data rekey_key_removed
end_storm .
expect_keys 6 5

# ---- erased now: by a copy of the data neither ----

expect 0 as clerk erase --now --reason 'asked by letter' lead0@example.com
expect_keys 7 6
expect 1 as inbox lookup lead0@example.com

# ---- the log ----

expect 0 as admin audit verify --json
expect_json '.ok'
expect 0 as admin audit tail --from 1 --json
jq -es '(map(select(.operation == "key_destroyed" and .namespace == "milano" and .phase == "outcome" and .status == "ok"))
        | map([.subject, .amount]) | unique) as $gone
    | ($gone | map(select(.[0] == "data")) | map(.[1])) == [1, 2, 3, 4, 5, 6]
    and ($gone | map(select(.[0] == "index")) | map(.[1])) == [1, 2, 3, 4, 5]' "$out" >/dev/null ||
    fail "the log does not say of each old key that it was destroyed"
jq -es '[.[] | select(.operation == "key_rotate" or .operation == "key_destroyed")]
    | (map(select(.phase == "intent")) | length) == (map(select(.phase == "outcome")) | length)' "$out" >/dev/null ||
    fail "an intent about a key has no outcome"
grep -q rekey_begun "$log" && grep -q rekey_ended "$log" || fail "the daemon's log does not speak of rotations"
! grep -q 'rekey_stuck\|record_corrupt' "$log" || fail "something was stuck"
expect 0 as admin status --json
same "contacts counted by the vault" "$(json .contacts)" "$("$vaultctl" key status --data "$dir" --json | jq '[.keys[] | select(.purpose == "data") | .records] | add')"
stop_vault
say "data keys 1 to 6 and index keys 1 to 5 are gone, and every token is what it was"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S34, S35.
# Two namespaces. One is shredded while the other is under load: its keys are nowhere in the keyring file when the
# command returns, its tokens are nobody's, its rows go; the other's clients notice nothing. Then the daemon is killed at
# each point of further shreds, and again on its way back: each ends by itself, and no key comes back.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

new_vault
start_vault
new_cast
new_principal clerk privacy berlin
new_principal courier deliver berlin
new_principal dpo audit -

for ((i = 0; i < 200; i++)); do echo "lead$i@example.com"; done >"$work/leads"
feed 0 as inbox tokenize - <"$work/leads"
cut -f 1 "$out" >"$work/milano"
head -n 40 "$work/leads" >"$work/few"
feed 0 as crm tokenize - <"$work/few"
cut -f 1 "$out" >"$work/berlin"
expect_berlin() {
    feed 0 as courier detokenize --reason 'the contacts are still there' - <"$work/berlin"
    cut -f 2 "$out" >"$work/revealed"
    cmp -s "$work/few" "$work/revealed" || fail "berlin's tokens lead elsewhere: $(head -3 "$work/revealed")"
}
expect_berlin

keys_of() { "$here/keyring_keys.py" "$1" "$2" >"$3" || fail "the keyring $1 does not open"; }
# expect_gone OLD OLD_ROOT NAMESPACE: the old file has its keys, and the vault's has none of them, under no name.
expect_gone() {
    keys_of "$1" "$2" "$work/keys.old"
    keys_of "$dir/data/keyring" "$dir.key" "$work/keys"
    grep -E "^(data|index) $3 " "$work/keys.old" | cut -d ' ' -f 4 >"$work/keys.gone"
    same "keys of namespace $3 in the old keyring" "$(lines "$work/keys.gone")" 2
    ! grep -q -F -f "$work/keys.gone" "$work/keys" || fail "a key of namespace $3 is in the keyring"
    ! grep -qE "^(data|index) $3 " "$work/keys" || fail "the keyring names a key of namespace $3"
}
state_of() { # NAMESPACE
    "$vaultctl" namespace list --data "$dir" --json 2>/dev/null </dev/null |
        jq -r --arg name "$1" 'select(.name == $name) | .state'
}
is_swept() { [ "$(state_of "$1")" = swept ]; }
# number_of NAMESPACE: by the order in which they were made.
number_of() {
    "$vaultctl" namespace list --data "$dir" --json 2>/dev/null </dev/null |
        jq -s --arg name "$1" '[.[].name] | index($name) + 1'
}
horizon() { # keys|disk: a time, or it fails
    "$vaultctl" key status --data "$dir" --json 2>/dev/null </dev/null | jq -re ".horizon.$1 // error(\"none\")" ||
        fail "no horizon of the $1" >&2
}

# ---- who may, and how it is asked ----

expect 2 as admin namespace shred milano
expect_error 'say --yes'
expect 5 as dpo namespace shred milano --yes
expect 1 as admin namespace shred nowhere --yes
same "milano" "$(state_of milano)" active

# ---- one goes, the other is under load ----

cp "$dir/data/keyring" "$work/keyring.old"
before=$(horizon disk)
[[ $before < $(date -u +%FT%T) ]] || fail "the horizon of the disk is $before, which is no time that was"
"$storm" overlap "$dir/run/vault.sock" "$work/crm.key" 8 >"$work/storm.out" 2>"$work/storm.err" &
others=($!)
sleep 0.5
expect 0 as admin namespace shred milano --yes --json
expect_json .ok
# At once: before its rows are swept.
expect_gone "$work/keyring.old" "$dir.key" 1
grep -q '^data 2 ' "$work/keys" && grep -q '^index 2 ' "$work/keys" || fail "berlin's keys went, too"

expect 5 as inbox tokenize lead0@example.com
expect_error 'no such namespace\|no grant'
expect 5 as inbox lookup lead0@example.com
token=$(head -n 1 "$work/milano")
expect 1 as admin describe --json "$token"
expect_json '.error.code == "not_found"'
expect 1 as crm mask --json "$token"
expect_json '.error.code == "not_found" and .error.message == "no such token"'
expect 5 as sender detokenize --reason 'is it still there' "$token"
expect 1 as clerk erase --reason 'asked by letter' "$token"
expect 1 as admin namespace create milano
expect_error shredded
expect 1 as admin namespace set milano --retain 24mo
expect 1 as admin namespace shred milano --yes
expect 1 as admin grant courier deliver -n milano
expect 5 as admin key rotate data -n milano
expect 0 as admin revoke inbox service -n milano

await 60 is_swept milano || fail "milano is not swept: $(state_of milano)"
kill -TERM "${others[0]}"
wait "${others[0]}" || fail "the storm lost something: $(cat "$work/storm.err")"
others=()
cp "$work/storm.out" "$out"
expect_json '.lost == 0 and .changed == 0 and .shared == 0 and .unexpected == 0 and .passing_errors == 0'
say "$(cat "$out")"
expect_berlin
expect 1 as admin describe --json "$token"
expect_json '.error.code == "not_found"'

expect 0 as admin namespace list --json
expect_json '.name != "milano" or (.state == "swept" and .contacts == 0)'
expect 0 as admin key status --json
expect_json '.sweep.left == 0 and all(.keys[]; .namespace != "milano") and (.keys[0].due | type) == "null"'

# ---- what is said of it ----

# The old pages of the disk have milano's keys until another root key comes.
same "the disk's horizon" "$(horizon disk)" "$before"
# Nor is the old file worth anything without the old root key.
expect 0 as admin key rotate root --unseal keyfile --key-file "$work/new.key"
! "$here/keyring_keys.py" "$work/keyring.old" "$work/new.key" >/dev/null 2>&1 || fail "the new root key opens the old keyring"
[[ $(horizon disk) > $before ]] || fail "another root key, and the horizon of the disk is $(horizon disk)"
cp "$dir.key" "$work/old.key"
mv -f "$work/new.key" "$dir.key"
expect_gone "$work/keyring.old" "$work/old.key" 1

expect 0 as clerk erase --now --json --reason 'asked by letter' "$(tail -n 1 "$work/berlin")"
tail -n 1 "$out" | jq -e '.horizon.disk != null and .horizon.keys > .horizon.disk' >/dev/null || fail "erase --now does not say the horizon"
erased=$("$vaultctl" audit tail --data "$dir" --identity "$work/dpo.key" --operation erase --json </dev/null |
    jq -rs 'map(select(.phase == "outcome" and .status == "ok")) | last | .time')
[[ $erased < $(horizon keys) ]] || fail "erased at $erased, and the horizon is $(horizon keys)"
sed -i '$d' "$work/few" "$work/berlin"

expect 0 as dpo audit tail --from 1 --json
jq -es '[.[] | select(.operation == "namespace_shred" and .namespace == "milano")]
    | map([.phase, .status]) == [["done", "denied"], ["intent", "ok"], ["outcome", "ok"]] or
      map(select(.phase != "done") | [.phase, .status]) == [["intent", "ok"], ["outcome", "ok"]]' "$out" >/dev/null ||
    fail "the log does not say that milano was shredded"
same "ends of milano's sweep" "$(jq -s '[.[] | select(.operation == "swept" and .namespace == "milano")] | length' "$out")" 1

# ---- kills ----

points=(shred_keys_leave keyring_before_rename keyring_after_rename shred_keys_left sweep_index sweep_tokens
    sweep_records sweep_over sweep_entered)
for point in "${points[@]}"; do
    name=${point//_/-}
    expect 0 as admin namespace create "$name"
    new_principal "p-$name" service "$name"
    feed 0 as "p-$name" tokenize - < <(head -n 12 "$work/leads")
done
is_gone() { ! kill -0 "$daemon" 2>/dev/null; }
# run_into POINT NAMESPACE: the daemon is started with it, and the namespace shredded, if it stands that long.
run_into() {
    export CONTACT_VAULT_FAILPOINTS=$1
    launch_vault
    unset CONTACT_VAULT_FAILPOINTS
    await 60 answers_or_is_gone unsealed || fail "neither up nor gone"
    "$vaultctl" namespace shred "$2" --yes --data "$dir" >"$out" 2>"$err" </dev/null || true
    await 20 is_gone || say "no failpoints in this build: killed somewhere, not at $1"
    kill -9 "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
    daemon=
}
stop_vault
for point in "${points[@]}"; do
    name=${point//_/-}
    cp "$dir/data/keyring" "$work/keyring.old"
    run_into "$point" "$name"
    case $point in # on its way back
    sweep_*) run_into sweep_over "$name" ;;
    *) run_into shred_keys_left "$name" ;;
    esac
    start_vault
    [ "$(state_of "$name")" != active ] || expect 0 as admin namespace shred "$name" --yes
    expect_gone "$work/keyring.old" "$dir.key" "$(number_of "$name")"
    await 60 is_swept "$name" || fail "killed at $point, and $name is $(state_of "$name")"
    stop_vault
done
start_vault
expect_berlin
expect 0 as admin audit verify --json
expect_json .ok
expect 0 as dpo audit tail --from 1 --json
jq -es '[.[] | select(.operation == "namespace_shred" and .phase != "done")]
    | (map(select(.phase == "intent")) | length) == (map(select(.phase == "outcome")) | length)' "$out" >/dev/null ||
    fail "a shred has no outcome"
jq -es --argjson n "$((${#points[@]} + 1))" '[.[] | select(.operation == "swept") | .namespace] | unique | length == $n' \
    "$out" >/dev/null || fail "a sweep's end is not in the log"
! grep -q record_corrupt "$log" || fail "something was damaged"
expect 0 as admin status --json
contacts=$(json .contacts)
same "namespaces that are left" "$(json .namespaces)" 1
stop_vault
for table in record token index; do
    python3 "$here/rows.py" list "$dir/data/store" $table >"$work/rows"
    same "rows of the table $table" "$(lines "$work/rows")" "$contacts"
done
say "shredded $((${#points[@]} + 1)) namespaces, and berlin is what it was"

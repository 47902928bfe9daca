#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S9.
# The log proves itself offline; any one byte changed in a copy is found and its place named. With the public
# key its signatures are checked, and with checkpoints kept elsewhere that nothing is missing at its end.
# Who finds which attack: 16.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

place=$work/second-place
mkdir -m 0700 "$place"
printf '[audit]\ncheckpoint_folder = %s\n' "$place" >"$work/conf"
vaultd_options=(--config "$work/conf")
new_vault
start_vault
new_cast
tokens=()
for i in 0 1 2 3 4 5 6 7 8 9; do tokens+=("$(token_of "+1 202-555-010$i")"); done
expect 0 as paola detokenize --reason 'a first look' "${tokens[@]}"
expect 0 as sender detokenize --reason delivery "${tokens[3]}"
expect 5 as inbox detokenize --reason curiosity "${tokens[3]}"

expect 0 as admin audit verify --json # with DIR/audit.pub
expect_json '.ok and .entries > 20 and .signed and .checkpoints > 0 and .anchored == false'
expect 0 as admin audit tail --from 1 --json
expect_json '.seq and .time and .operation and .status'
same "numbers" "$(jq -s '[.[].seq] == ([range(.[0].seq; .[0].seq + length)])' "$out")" true
jq -es 'any(.[]; .operation == "detokenize" and .principal == "inbox" and .status == "denied")' "$out" >/dev/null ||
    fail "the refused reveal is not in the log"
say "running: the log is whole, and holds the refusal too"

for i in $(seq 200); do echo "${tokens[0]}"; done >"$work/many"
reveal_on() {
    while [ ! -e "$work/enough" ]; do as paola detokenize --reason 'while it is verified' - <"$work/many" || return 1; done
}
reveal_on >"$work/revealed" 2>&1 &
others=($!)
cat "$place"/* >"$work/kept"
entries=0
for i in 1 2 3 4 5; do
    before=$entries
    expect 0 "$vaultctl" audit verify --data "$dir" --checkpoint "$work/kept" --json
    expect_json '.ok and .anchored'
    entries=$(json .entries)
done
touch "$work/enough"
wait "${others[0]}" || fail "reveals while the log is verified: $(tail -n 1 "$work/revealed")"
others=()
[ "$entries" -gt "$before" ] || fail "the log did not grow"
say "verified while it grew to $entries entries"
stop_vault

audit=$dir/data/audit
expect 0 "$vaultd" audit-verify "$audit" --json
expect_json '.ok and .signed == false and .anchored == false'
entries=$(json .entries)
expect 0 "$vaultd" audit-verify "$audit"
grep -q 'signatures not checked' "$out" || fail "it does not say that it checks no signature"
grep -q 'not anchored' "$out" || fail "it does not say what it cannot see"

# ---- the public key, and checkpoints kept elsewhere ----

cat "$place"/* >"$work/kept"
key=(--public-key "$dir/audit.pub")
expect 0 "$vaultd" audit-verify "$audit" "${key[@]}" --checkpoint "$work/kept" --json
expect_json '.ok and .signed and .anchored and .unclean == 0 and .unsigned_tail == 0'
"$vaultctl" init --data "$work/another" >"$out" 2>"$err" </dev/null || fail "a second vault"
expect 1 "$vaultd" audit-verify "$audit" --public-key "$work/another/audit.pub" --json
expect_json '.ok == false and (.fault | test("signature"))'
expect 2 "$vaultd" audit-verify "$audit" --public-key "$work/conf"
expect 2 "$vaultd" audit-verify "$audit" "${key[@]}" --checkpoint "$work/conf"
expect_error 'no checkpoint of this vault'
expect 2 "$vaultd" audit-verify "$audit" "${key[@]}" --checkpoint "$work/none"
# A line that was altered is not believed, and not passed over: each of its fields.
for field in 5 6 7 8 9 10; do
    awk -v field=$field '{ last = substr($field, length($field)); sub(/.$/, last == "1" ? "2" : "1", $field) } 1' \
        "$work/kept" >"$work/altered"
    expect 1 "$vaultd" audit-verify "$audit" "${key[@]}" --checkpoint "$work/altered" --json
    expect_json '.ok == false and (.fault | test("^line 1 of the checkpoints kept elsewhere"))'
done
# Other lines are nobody's business; without the key it says that it is not anchored.
{ echo 'a note by the auditor'; cat "$work/kept"; } >"$work/noted"
expect 0 "$vaultd" audit-verify "$audit" "${key[@]}" --checkpoint "$work/noted" --json
expect_json .anchored
expect 0 "$vaultd" audit-verify "$audit" --checkpoint "$work/kept" --json
expect_json '.anchored == false'
say "$(lines "$work/kept") checkpoints kept elsewhere stand in the log; an altered one is found"

# verify_finds WHAT: the copy is refused, with a place.
verify_finds() {
    expect 1 "$vaultd" audit-verify "$work/copy" --json
    expect_json '.ok == false and (.fault | length > 0)'
}
fresh_copy() { rm -rf "$work/copy" && cp -a "$audit" "$work/copy"; }

python3 "$here/tamper.py" places "$audit" >"$work/places"
[ "$(lines "$work/places")" -ge 40 ] || fail "too few places to tamper with"
while read -r file offset; do
    fresh_copy
    python3 "$here/tamper.py" flip "$work/copy/$file" "$offset"
    verify_finds
done <"$work/places"
say "$(lines "$work/places") bytes changed, one at a time, over $entries entries: each found"

first=$(find "$audit" -type f -printf '%f\n' | sort | sed -n 1p)
fresh_copy
rm "$work/copy/$first"
code=0
"$vaultd" audit-verify "$work/copy" >"$out" 2>"$err" || code=$?
[ $code -ne 0 ] || fail "a log without its first segment passed"
fresh_copy
truncate -s 100 "$work/copy/$first"
code=0
"$vaultd" audit-verify "$work/copy" >"$out" 2>"$err" || code=$?
[ $code -ne 0 ] || fail "a log cut at its head passed"
say "a segment missing or cut short: found"

fresh_copy
expect 0 "$vaultd" audit-verify "$work/copy" --json
sha256sum "$audit"/* >"$work/sums"
expect 0 "$vaultd" audit-verify "$audit"
sha256sum -c --quiet "$work/sums" || fail "verification changed the log"
say "verification only reads"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S9.
# The log proves itself offline; any one byte changed in a copy is found and its place named.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

new_vault
start_vault
new_cast
tokens=()
for i in 0 1 2 3 4 5 6 7 8 9; do tokens+=("$(token_of "+1 202-555-010$i")"); done
expect 0 as paola detokenize --reason 'a first look' "${tokens[@]}"
expect 0 as sender detokenize --reason delivery "${tokens[3]}"
expect 5 as inbox detokenize --reason curiosity "${tokens[3]}"

expect 0 as admin audit verify --json
expect_json '.ok and .entries > 20'
expect 0 as admin audit tail --from 1 --json
expect_json '.seq and .time and .operation and .status'
same "numbers" "$(jq -s '[.[].seq] == ([range(.[0].seq; .[0].seq + length)])' "$out")" true
jq -es 'any(.[]; .operation == "detokenize" and .principal == "inbox" and .status == "denied")' "$out" >/dev/null ||
    fail "the refused reveal is not in the log"
say "running: the log is whole, and holds the refusal too"
stop_vault

audit=$dir/data/audit
expect 0 "$vaultd" audit-verify "$audit" --json
expect_json '.ok == true'
entries=$(json .entries)

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

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The main job: contacts in, tokens and masks out, a reveal on record.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

new_vault
start_vault
new_cast

expect 0 as inbox tokenize --json '+39 06 5555 0147'
expect_json '.token | test("^phn_[0-9a-hjkmnp-tv-z]{27}$")'
expect_json '.kind == "phone"'
expect_json '.mask | test("^\\+39 .*47$") and (contains("5555") | not)'
phone=$(json .token)
expect 0 as inbox tokenize --json 'Maria.Rossi@Example.com'
expect_json '.token | test("^eml_[0-9a-hjkmnp-tv-z]{27}$")'
expect_json '.kind == "email"'
expect_json '.mask | test("^[Mm].*@e.*\\.com$") and (ascii_downcase | contains("rossi") or contains("example") | not)'
email=$(json .token)
say "a phone number and an address became $phone and $email"

for spelling in '0039 06 55550147' '+390655550147' '+39 (06) 5555-0147' '+39.06.5555.0147'; do
    same "$spelling" "$(token_of "$spelling")" "$phone"
done
for spelling in maria.rossi@example.com 'MARIA.ROSSI@EXAMPLE.COM'; do
    same "$spelling" "$(token_of "$spelling")" "$email"
done
expect 0 as inbox tokenize --wa-id --json 390655550147
same "the wa_id" "$(json .token)" "$phone"
[ "$(token_of maria.rossi+news@example.com)" != "$email" ] || fail "a plus tag was dropped"
say "other spellings of a contact give its token"

[ "$(token_of '+39 06 5555 0147' crm)" != "$phone" ] || fail "two namespaces share a token"
say "another namespace gives another token"

expect 0 as inbox lookup --json +390655550147
same lookup "$(json .token)" "$phone"
expect 1 as inbox lookup --json +390655550199
expect_json '.error.code == "not_found"'
say "lookup finds what is there and makes nothing"

expect 0 as inbox mask --json "$phone" "$email"
same masks "$(lines "$out")" 2
expect_json '.mask and .token and .kind'
same order "$(jq -rs '[.[].token]|join(" ")' "$out")" "$phone $email"

expect 0 as paola detokenize --json --reason 'customer asks for a call back' "$phone" "$email"
same values "$(jq -rs '[.[].value]|join(" ")' "$out")" "+390655550147 Maria.Rossi@example.com"
expect 0 as sender detokenize --json --reason delivery "$phone"
same value "$(json .value)" +390655550147
say "a person with the right, and the sender, are given the contact; the first spelling of an address stays"

expect 0 as admin audit tail --from 1 --json
jq -es --arg t "$phone" 'any(.[]; .operation == "detokenize" and .principal == "paola" and .token == $t and .status == "ok")' "$out" >/dev/null ||
    fail "the reveal is not in the log"
jq -es --arg t "$phone" 'any(.[]; .operation == "detokenize" and .principal == "sender" and .token == $t)' "$out" >/dev/null ||
    fail "the delivery is not in the log"
! grep -q 0655550147 "$out" || fail "the log holds a contact"
say "both reveals are in the log, the contact is not"

# A batch: order kept, each bad item by itself.
printf '%s\n' '+390655550147' 'not a contact' 'maria.rossi@example.com' '+999123' '+1 202-555-0142' >"$work/batch"
feed 1 as inbox tokenize --json - <"$work/batch"
same "lines of the batch" "$(lines "$out")" 5
same "the batch" "$(jq -rs '[.[] | .kind // .error.code] | join(" ")' "$out")" "phone invalid email invalid phone"
same "its first" "$(jq -rs '.[0].token' "$out")" "$phone"
same "its third" "$(jq -rs '.[2].token' "$out")" "$email"
! grep -q -e 999123 -e 'not a contact' "$out" "$err" || fail "an error repeats what was given"
say "a batch keeps its order, and bad items cost the good ones nothing"

for i in $(seq 4096); do printf 'lead-%04d@example.org\n' "$i"; done >"$work/big"
feed 0 as inbox tokenize --json - <"$work/big"
same "tokens of 4,096" "$(jq -r .token "$out" | sort -u | wc -l)" 4096
cp "$out" "$work/first"
feed 0 as inbox tokenize --json - <"$work/big"
cmp -s "$out" "$work/first" || fail "a second run of the batch gave other answers"
say "4,096 in one go, and the same tokens the second time"
stop_vault

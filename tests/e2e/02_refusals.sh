#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who may not, may not: by role, by socket, by namespace, by token, by being disabled.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

new_vault
start_vault
new_cast
phone=$(token_of '+39 06 5555 0147')
foreign=$(token_of '+49 30 23125 147' crm)

# denied CODE NAME command...: no, and not a word of the contact.
denied() {
    local code=$1
    shift
    expect "$code" as "$@"
    ! grep -q -e 0655550147 -e 3023125147 "$out" "$err" || fail "the refusal holds the contact"
}

denied 5 inbox detokenize --reason curiosity "$phone"
denied 5 sender tokenize '+39 06 5555 0148'
denied 5 sender mask "$phone"
denied 5 paola tokenize '+39 06 5555 0148'
denied 5 inbox namespace create napoli
denied 5 inbox principal add friend --public-key "$work/inbox.pub"
denied 5 inbox grant inbox reveal -n milano
denied 5 paola grant inbox reveal -n milano
denied 5 inbox audit tail
say "each role does its own work and no other"

for socket in "ipc://$dir/run/vault.sock" "ipc://$dir/run/admin.sock"; do
    code=0
    "$vaultctl" detokenize --socket "$socket" --reason 'an admin is curious' "$phone" >"$out" 2>"$err" </dev/null || code=$?
    [ $code -eq 5 ] || [ $code -eq 1 ] || fail "exit $code of an admin's reveal on $socket"
    ! grep -q 0655550147 "$out" "$err" || fail "an admin was given a contact on $socket"
    code=0
    "$vaultctl" tokenize --socket "$socket" -n milano '+39 06 5555 0148' >"$out" 2>"$err" </dev/null || code=$?
    [ $code -ne 0 ] || fail "an admin tokenized on $socket"
done
say "an admin gets no contact on either socket"

code=0
"$vaultctl" namespace create napoli --socket "ipc://$dir/run/vault.sock" >"$out" 2>"$err" </dev/null || code=$?
[ $code -ne 0 ] || fail "an admin operation on the data socket"
expect 0 as admin namespace list --json
! grep -q napoli "$out" || fail "the data socket made a namespace"
say "admin operations do not exist on the data socket"

new_person bob
"$vaultctl" keygen -o "$work/robot.key" >"$work/robot.pub" 2>"$err" || fail "keygen"
expect 0 as admin principal add robot --public-key "$work/robot.pub"
expect 0 as admin grant bob admin --for 1h # without an end he would take the first admin's place
expect 1 as admin grant bob reveal -n milano
expect_error admin
expect 0 as admin grant robot admin
expect 1 as admin grant robot deliver -n milano
expect_error admin
expect 1 as admin grant robot reveal -n milano
expect_error person
expect 1 as admin grant paola admin
expect_error reveal
expect 1 as admin grant sender admin
say "no principal holds admin together with reveal or deliver"

# A token of a foreign namespace looks like one that was never made: code and text.
unknown=$(python3 "$here/wire.py" token phone 00112233445566778899aabbccddeeff)
expect 1 as paola detokenize --json --reason check "$foreign"
cp "$out" "$work/foreign"
expect 1 as paola detokenize --json --reason check "$unknown"
cmp -s "$out" "$work/foreign" || fail "a foreign token can be told from an unknown one: $(cat "$work/foreign")"
expect_json '.error.code == "not_found"'
expect 1 as inbox mask --json "$foreign"
cp "$out" "$work/foreign"
expect 1 as inbox mask --json "$unknown"
cmp -s "$out" "$work/foreign" || fail "a foreign token can be told from an unknown one by its mask"
expect 1 as inbox mask --json "eml_${phone#phn_}"
expect_json '.error.code == "not_found" or .error.code == "invalid"'
say "a foreign token and one that never was are answered alike"

# Copied wrong: malformed, never "not found". Every position, and every swap of neighbours.
: >"$work/wrong"
for ((i = 4; i < 31; i++)); do
    letter=${phone:i:1}
    other=7
    [ "$letter" != 7 ] || other=w
    printf '%s%s%s\n' "${phone:0:i}" "$other" "${phone:i+1}" >>"$work/wrong"
    next=${phone:i+1:1}
    if [ $i -lt 30 ] && [ "$letter" != "$next" ]; then
        printf '%s%s%s%s\n' "${phone:0:i}" "$next" "$letter" "${phone:i+2}" >>"$work/wrong"
    fi
done
printf '%s\n' phn_ "${phone}0" "${phone%?}" "xxx_${phone#phn_}" "${phone^^}" hello "${phone/phn_/phn-}" >>"$work/wrong"
feed 1 as inbox mask --json - <"$work/wrong"
same "answers" "$(lines "$out")" "$(lines "$work/wrong")"
expect_json '.error.code == "invalid"'
say "$(lines "$work/wrong") tokens copied wrong: each malformed"

# Bad contacts: refused with a text that names what was wrong and not the contact.
while read -r value; do
    expect 1 as inbox tokenize --json -- "$value"
    expect_json '.error.code == "invalid" and (.error.message | length > 8)'
    # A country code alone is no contact, and may be named.
    [ ${#value} -le 4 ] || ! grep -qF -- "$value" "$out" "$err" || fail "the error repeats the contact"
done <<'END'
3331234567
+44 (0)20 7946 0018
+44 02079460018
+0 123 456 789
+39
++390655550147
hello@
@example.com
two@signs@example.com
"quoted"@example.com
user@[192.0.2.1]
user@exa_mple.com
user name@example.com
END
expect 1 as inbox tokenize --json 3331234567
expect_json '.error.message | test("country code")'
say "bad contacts are refused, with a reason"

# Disabled while its connection is open.
halves() {
    for i in $(seq 5000); do printf 'open-%05d@example.org\n' "$i"; done
    until [ -e "$work/disabled" ]; do sleep 0.05; done
    for i in $(seq 5001 10000); do printf 'open-%05d@example.org\n' "$i"; done
}
(
    set +e
    halves | as inbox tokenize --json - >"$work/slow.out" 2>"$work/slow.err"
    echo "${PIPESTATUS[1]}" >"$work/slow.code"
) &
others+=($!)
await 30 test -s "$work/slow.out" || fail "nothing of the first half was answered"
expect 0 as admin principal disable inbox
touch "$work/disabled"
await 30 test -s "$work/slow.code" || fail "the second half was never answered"
[ "$(cat "$work/slow.code")" -ne 0 ] || fail "a disabled principal went on"
[ "$(grep -c '"token"' "$work/slow.out")" -le 5000 ] || fail "a disabled principal was given tokens"
expect 5 as inbox mask "$phone"
say "a disabled principal is refused, on a connection that was open too (exit $(cat "$work/slow.code"))"

expect 0 as admin revoke paola reveal -n milano
denied 5 paola detokenize --reason check "$phone"
say "a revoked grant is gone"
stop_vault

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# vaultctl as a person and as a script meet it: help, exit codes, --json, stdin, one line of error.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# Help everywhere, with an example, on stdout, exit 0.
expect 0 "$vaultctl" --help
grep -q tokenize "$out" || fail "--help does not name the commands"
mapfile -t commands < <(sed -n '/^Commands:$/,/^$/s/^  \([a-z]*\( [a-z]*\)\?\)  .*/\1/p' "$out")
[ ${#commands[@]} -ge 24 ] || fail "only ${#commands[@]} commands in --help"
for command in "${commands[@]}"; do
    # shellcheck disable=SC2086 # two words are two arguments
    expect 0 "$vaultctl" $command --help
    grep -q "vaultctl ${command%% *}" "$out" || fail "--help of $command shows no example"
    [ ! -s "$err" ] || fail "--help of $command writes to stderr"
done
say "${#commands[@]} commands have help with an example"

# usage_error arguments...: exit 2, one line on stderr, nothing on stdout.
usage_error() {
    expect 2 "$vaultctl" "$@"
    [ ! -s "$out" ] || fail "a usage error on stdout: $*"
    [ -s "$err" ] || fail "no error for: $*"
}
usage_error
usage_error frobnicate
usage_error tokenize --no-such-option x
usage_error keygen
usage_error principal add
usage_error grant somebody
usage_error grant somebody emperor --data "$dir"
usage_error mask --data
expect 2 "$vaultctl" detokenize --data "$dir" phn_x
expect_error reason
say "usage errors: exit 2"

expect 3 "$vaultctl" status --data "$work/nowhere"
same "lines of error" "$(lines "$err")" 1
expect 3 "$vaultctl" status --data "$work/nowhere" --json
expect_json '.error.code == "unavailable" and (.error.message | length > 0)'
expect 3 "$vaultctl" status --socket "ipc://$work/nowhere.sock"
new_vault
expect 3 "$vaultctl" status --data "$dir"
say "nobody there: exit 3, in one line"

[ "$(stat -c %a "$dir.key")" = 400 ] || fail "mode $(stat -c %a "$dir.key") of the key file"
[ "$(stat -c %s "$dir.key")" = 32 ] || fail "size of the key file"
[ "$(stat -c %a "$dir/data")" = 700 ] || fail "mode $(stat -c %a "$dir/data") of the data"

"$vaultctl" keygen -o "$work/one.key" >"$work/one.pub"
[ "$(stat -c %a "$work/one.key")" = 600 ] || [ "$(stat -c %a "$work/one.key")" = 400 ] || fail "others may read an identity"
expect 1 "$vaultctl" keygen -o "$work/one.key"
say "an identity is private and never overwritten"

start_vault
new_cast
[ "$(stat -c %a "$dir/run/admin.sock")" = 660 ] || fail "mode $(stat -c %a "$dir/run/admin.sock") of admin.sock"
expect 0 as admin status --json
expect_json 'has("state") and has("version") and has("namespaces") and has("contacts")'
expect 0 as inbox status --json
expect_json 'has("state") and has("version") and (has("contacts") | not)'
expect 0 as admin namespace list --json
expect_json 'has("name")'
expect 0 as admin principal list --json
expect_json 'has("name")'
same principals "$(jq -rs '[.[].name] | contains(["inbox", "crm", "sender", "paola"])' "$out")" true
expect 0 as admin principal show --json paola
expect_json '.name == "paola" and (tostring | contains("reveal")) and (tostring | contains("milano"))'
expect 1 as admin principal show nobody
expect 1 as admin namespace create milano
expect 1 as admin principal add paola --public-key "$work/one.pub"
expect 1 as admin namespace create 'no spaces'
say "lists and shows; a name in use is refused"

# Who: by identity file, by the environment; where: by socket, by directory, by the environment.
value=+12025550147
expect 0 as inbox tokenize --json $value
token=$(json .token)
for socket in "$dir/run/vault.sock" "ipc://$dir/run/vault.sock"; do
    expect 0 "$vaultctl" mask --socket "$socket" --identity "$work/inbox.key" --json "$token"
done
expect 0 env CONTACT_VAULT_SOCKET="ipc://$dir/run/vault.sock" CONTACT_VAULT_IDENTITY="$work/inbox.key" \
    CONTACT_VAULT_NAMESPACE=milano "$vaultctl" tokenize --json $value
same "the token by environment" "$(json .token)" "$token"
expect 5 "$vaultctl" mask --data "$dir" --identity "$work/one.key" "$token"
cp "$work/inbox.key" "$work/open.key"
chmod 0644 "$work/open.key"
code=0
"$vaultctl" mask --data "$dir" --identity "$work/open.key" "$token" >"$out" 2>"$err" </dev/null || code=$?
[ $code -ne 0 ] || fail "an identity that others may read was taken"
say "who and where, by option and by environment"

# A principal with two namespaces must say which.
expect 0 as admin grant inbox service -n berlin
code=0
as inbox tokenize $value >"$out" 2>"$err" </dev/null || code=$?
[ $code -ne 0 ] || fail "a namespace was guessed"
expect_error namespace
expect 0 as inbox tokenize -n milano --json $value
same "the token with -n" "$(json .token)" "$token"
expect 0 as admin revoke inbox service -n berlin

# What could be done about it, and nothing else.
(umask 077 && head -c 32 /dev/urandom >"$work/other.key")
expect 0 as admin seal
expect 5 as admin unseal --key-file "$work/other.key"
expect_error 'name the right file with --key-file'
! grep -q 'vaultctl grant' "$err" || fail "a grant is no help with a wrong root key"
unseals() { as admin unseal >"$out" 2>"$err" </dev/null; }
await 10 unseals || fail "no unseal after one that was refused"
expect 5 as sender tokenize -n milano $value
expect_error 'an admin can help with: vaultctl grant'
"$vaultctl" keygen -o "$work/gone.key" >"$work/gone.pub"
expect 0 as admin principal add gone --public-key "$work/gone.pub"
expect 0 as admin grant gone service -n milano
expect 0 as admin principal disable gone
code=0
as gone tokenize $value >"$out" 2>"$err" </dev/null || code=$?
[ $code -eq 5 ] || fail "exit code $code of a principal that is disabled"
! grep -q 'vaultctl grant' "$err" || fail "a grant is no help to who is disabled"
# The words by which vaultctl knows that a smaller batch would do.
for words in 'no memory for this batch' 'or memory short'; do
    grep -rqF "$words" "$root/vaultd/dispatch" || fail "vaultctl waits for words the vault does not say: $words"
done
say "advice fits its cause"

# Many lines on stdin: one answer each, in order; exit 1 if any failed.
for i in $(seq 1 9000); do printf 'line-%05d@example.org\n' "$i"; done >"$work/many"
feed 0 as inbox tokenize --json - <"$work/many"
same answers "$(lines "$out")" 9000
expect_json '.token and .kind == "email" and .mask'
sed -i '4500s/.*/rubbish/' "$work/many"
jq -r .token "$out" >"$work/tokens"
feed 1 as inbox lookup --json - <"$work/many"
same answers "$(lines "$out")" 9000
same "the bad one" "$(sed -n 4500p "$out" | jq -r .error.code)" invalid
same "the one after" "$(sed -n 4501p "$out" | jq -r .token)" "$(sed -n 4501p "$work/tokens")"
feed 0 as inbox mask --json - <"$work/tokens"
same answers "$(lines "$out")" 9000
printf '%s' "$value" | as inbox tokenize --json - >"$out"
same "a last line without its newline" "$(json .token)" "$token"
say "thousands of lines: one answer each, in order"

# For people: no JSON, one line each, nothing but text.
expect 0 as inbox tokenize $value
grep -q "$token" "$out" || fail "the token is not shown"
! grep -q $'\033' "$out" "$err" || fail "colour into a pipe"
expect 1 as inbox mask phn_rubbish
same "lines of error" "$(lines "$err")" 1
[ -z "$(tr -d '\n' <"$out")" ] || fail "a bad token has something on stdout"
# A person's screen shows the error in the place of the answer; a file has an empty line there.
if command -v script >/dev/null; then
    script -qec "'$vaultctl' mask --data '$dir' --identity '$work/inbox.key' phn_rubbish 2>'$err' || true" /dev/null >"$out" </dev/null
    [ ! -s "$out" ] || fail "a bad token leaves an empty line on a terminal"
    same "lines of error" "$(lines "$err")" 1
    expect 1 as inbox mask phn_rubbish
    same "lines for a file" "$(lines "$out")" 1
fi
expect 0 as admin audit tail
expect 0 as admin audit verify
expect 0 "$vaultd" --help
expect 0 "$vaultd" --version
stop_vault

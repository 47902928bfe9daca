#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The C program in README.md compiles without a warning, runs, and says what the README says it does.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$root/README.md" >"$work/example.c"
[ -s "$work/example.c" ] || fail "no example in README.md"
compiler=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
sanitize=$(sed -n 's/^CONTACT_VAULT_SANITIZE:[A-Z]*=//p' "$build/CMakeCache.txt")
# The header alone in the include path: it stands by itself.
mkdir "$work/include"
cp "$root/client/contactvault.h" "$work/include/"
expect 0 "$compiler" -std=c17 -Wall -Wextra -Wpedantic -Werror ${sanitize:+-fsanitize="$sanitize"} -I"$work/include" \
    "$work/example.c" -o "$work/example" -L"$build/client" -lcontactvault -Wl,-rpath,"$build/client"

# And by the README's own line, in a folder laid out as it says. A library with a sanitizer wants it in the program, too.
mkdir -p "$work/clone/build"
ln -s "$root/client" "$work/clone/client"
ln -s "$build" "$work/clone/build/release"
cp "$work/example.c" "$work/clone/"
line=$(sed -n 's/^    \(cc -Iclient .*\)/\1/p' "$root/README.md")
same "compile lines in README.md" "$(printf '%s\n' "$line" | grep -c .)" 1
cc() { "$compiler" ${sanitize:+-fsanitize="$sanitize"} "$@"; }
(cd "$work/clone" && eval "$line") >"$out" 2>"$err" || fail "the README's line does not compile its example"

new_vault
start_vault
new_cast
expect 0 "$work/example" "$dir/run/vault.sock" "$work/inbox.key"
same "lines" "$(lines "$out")" 3
sed -n 1p "$out" | grep -qE '^phn_[0-9a-z]{27} \+39 .*47$' || fail "the first line is not a phone's token and mask"
sed -n 2p "$out" | grep -qE '^eml_[0-9a-z]{27} .*@.*\.com$' || fail "the second line is not an address's token and mask"
sed -n 3p "$out" | grep -qE '^invalid: ' || fail "the third line is not an error"
cp "$out" "$work/first"
expect 0 "$work/clone/example" "$dir/run/vault.sock" "$work/inbox.key"
cmp -s "$out" "$work/first" || fail "built by the README's line it says something else"
token=$(awk 'NR == 1 { print $1 }' "$out")
same "the token" "$(token_of '+39 06 5555 0147')" "$token"
stop_vault

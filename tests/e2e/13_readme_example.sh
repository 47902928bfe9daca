#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# README.md's first hour, taken from the page itself: its commands run as they stand there, in a folder laid out
# as it says, and its C program compiles without a warning and says what the README says it does.
# (Its build is 26_operating_guide_clean's.)
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

blocks() { awk -v want="$1" -f "$root/tests/support/fences.awk" "$root/README.md"; }
compiler=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
sanitize=$(sed -n 's/^CONTACT_VAULT_SANITIZE:[A-Z]*=//p' "$build/CMakeCache.txt")

clone=$work/clone
mkdir -p "$clone/build" "$work/home/.config" "$work/include"
ln -s "$root/client" "$clone/client"
ln -s "$build" "$clone/build/release"
blocks c >"$clone/example.c" || fail "no C example in README.md"
blocks sh >"$work/hour" || fail "no commands in README.md"
for command in init 'principal add' enrol login grant tokenize detokenize 'audit verify'; do
    grep -q "^[^#]*vaultctl $command" "$work/hour" || fail "the first hour has no vaultctl $command"
done

# The header alone in the include path: it stands by itself.
sed -i '/^# /d' "$clone/example.c"
cp "$root/client/contactvault.h" "$work/include/"
expect 0 "$compiler" -std=c17 -Wall -Wextra -Wpedantic -Werror ${sanitize:+-fsanitize="$sanitize"} -I"$work/include" \
    "$clone/example.c" -o "$work/example" -L"$build/client" -lcontactvault -Wl,-rpath,"$build/client"

# The commands. What they put in the background ends with them; a library with a sanitizer wants it in the program, too.
{
    echo 'set -eu'
    # shellcheck disable=SC2016 # for the shell that runs it
    echo 'trap '\''code=$?; kill $(jobs -p) 2>/dev/null || true; wait; exit $code'\'' EXIT'
    # Who types the page sits at a terminal, and has a phone.
    printf 'export VAULTCTL_REAL=%q VAULTCTL_PLAYED=%q\n' "$vaultctl" "$work/played"
    printf 'vaultctl() { %q "$@"; }\n' "$root/tests/support/at_terminal.sh"
    printf 'cc() { %q %s "$@"; }\n' "$compiler" "${sanitize:+-fsanitize=$sanitize}"
    cat "$work/hour"
} >"$work/script"
mkdir "$work/played"
started() { (cd "$clone" && env -u XDG_CONFIG_HOME HOME="$work/home" timeout 150 bash "$work/script"); }
expect 0 started

said() { grep -qE -- "$1" "$out" || fail "the first hour does not say: $1"; }
token=$(sed -nE '/^(phn_[0-9a-z]{27})[[:space:]]+\+39 .*47$/{s//\1/p;q}' "$out")
[ -n "$token" ] || fail "no token and mask of a phone"
# By the command line and by the C program, compiled by the README's own line: one token.
same "times the token is given" "$(grep -cE "^${token}[[:space:]]+\\+39 .*47\$" "$out")" 2
said '^eml_[0-9a-z]{27} .*@.*\.com$'
said '^invalid: '
said '^\+390655550147$'
said "paola.*detokenize.*$token"
same "files left behind" "$(find "$work/home" | wc -l)" 2

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S23.
# Text handed to LOG, and a poisoned function, must not compile, and for that reason; the same program
# with a number in its place must.
# Usage: must_not_compile.sh COMPILER. Exit 77: no such compiler here.
set -euo pipefail
compiler=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

command -v "$compiler" >/dev/null || {
    echo "skipped: there is no $compiler"
    exit 77
}
compiles() { # as a module's file is compiled; prints what the compiler says
    "$compiler" -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-value -fsyntax-only \
        -iquote "$root/proto" -iquote "$root/vaultd/base" -include "$root/vaultd/base/poison.h" \
        "$@" "$here/log_pointer_must_not_compile.c" 2>&1
}

faults=0
fault() {
    printf '%s\n' "$@"
    faults=$((faults + 1))
}
refused() { # CASE WORDS: taken with a number; refused without, and for that reason
    local said
    if ! said=$(compiles "-DWITH_$1" -DAS_NUMBER); then
        fault "$1 is refused with a number too, so that its refusal means nothing:" "$said"
    elif said=$(compiles "-DWITH_$1"); then
        fault "$1 compiles with $compiler"
    elif ! grep -qiE "$2" <<<"$said"; then
        fault "$1 is refused for another reason:" "$said"
    fi
}
for thing in LITERAL TEXT WRITABLE_TEXT POINTER BYTES BYTES_DATA ARRAY CONTACT LETTER RATIO; do
    refused "$thing" '_Generic|not compatible with any generic'
done
refused NAME 'expected'
refused STATUS_NAME 'expected'
refused PRINTF 'poison'
refused COPY 'poison'
exit $((faults > 0))

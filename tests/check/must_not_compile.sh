#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Text handed to LOG, and a poisoned function, must not compile; a number must.
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
    "$compiler" -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only \
        -iquote "$root/proto" -iquote "$root/vaultd/base" -include "$root/vaultd/base/poison.h" \
        "$@" "$here/log_pointer_must_not_compile.c" 2>&1
}

compiles -DWITH_NUMBER || {
    echo "a number is refused, so that no refusal means anything"
    exit 1
}
faults=0
refused() { # MACRO WORDS: refused, and for that reason
    local said
    if said=$(compiles "-D$1"); then
        echo "$1 compiles with $compiler"
        faults=$((faults + 1))
    elif ! grep -qiE "$2" <<<"$said"; then
        printf '%s is refused for another reason:\n%s\n' "$1" "$said"
        faults=$((faults + 1))
    fi
}
for text in LITERAL TEXT POINTER LETTER RATIO; do
    refused "WITH_$text" '_Generic|not compatible with any generic'
done
refused WITH_NAME 'expected'
refused WITH_STATUS_NAME 'expected'
refused WITH_PRINTF 'poison'
refused WITH_COPY 'poison'
exit $((faults > 0))

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every promise in SECURITY.md's table is owned by tests that are there and name its number.
# Usage: promises.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"

faults=0
rows=0
fault() {
    echo "promises: $1" >&2
    faults=1
}
while IFS='|' read -r _ number _ owners _; do
    number=${number// /}
    rows=$((rows + 1))
    names=$(grep -o '`[^`]*`' <<<"$owners" | tr -d '`' || true)
    [ -n "$names" ] || fault "$number has no owner"
    for name in $names; do
        # `tests/e2e/07`, then `09`, stand for the scenarios that begin so.
        files=$(find tests -type f -name "${name##*/}*" ! -path '*/corpus/*')
        [ -n "$files" ] || fault "$number: no test is called $name"
        for file in $files; do
            grep -qE "\\b$number\\b" "$file" || fault "$number is not named in $file"
        done
    done
done < <(grep -E '^\| S[0-9]+ \|' SECURITY.md)
[ "$rows" -ge 16 ] || fault "only $rows promises were found"
exit $faults

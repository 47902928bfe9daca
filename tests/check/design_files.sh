#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The list under "## Files" in vaultd/DESIGN.md (lines "- `path` what it is") names each source file
# of the product exactly once, and nothing that is not there. Usage: design_files.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
export LC_ALL=C

if [ ! -f vaultd/DESIGN.md ]; then
    echo "design_files: vaultd/DESIGN.md is not there" >&2
    exit 1
fi
# Outside a clone (a source archive) the tree itself is the list.
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    there=$(git ls-files -- vaultd proto client tools)
else
    there=$(find vaultd proto client tools -type f)
fi
there=$(grep -E '\.(c|h|cc|sh|bash)$' <<<"$there" | sort)
# shellcheck disable=SC2016 # the backquotes are Markdown's
listed=$(sed -n '/^## Files[[:space:]]*$/,/^## /{s/^- `\([^`]*\)` .*/\1/p;}' vaultd/DESIGN.md | sort)

faults=0
report() { # SENTENCE PATHS
    if [ -n "$2" ]; then
        printf 'design_files: %s\n%s\n' "$1" "$2" >&2
        faults=1
    fi
}
report 'in the tree, and not in DESIGN.md:' "$(comm -23 <(uniq <<<"$there") <(uniq <<<"$listed"))"
report 'in DESIGN.md, and not in the tree:' "$(comm -13 <(uniq <<<"$there") <(uniq <<<"$listed"))"
report 'in DESIGN.md more than once:' "$(uniq -d <<<"$listed")"
exit $faults

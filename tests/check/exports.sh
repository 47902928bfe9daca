#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# libcontactvault exports what contactvault.h declares CV_API, each name in the map's version node,
# and nothing else. Usage: exports.sh LIBRARY COMPILER [ROOT]
set -euo pipefail
library=$1
compiler=$2
header=${3:-$(dirname "$0")/../..}/client/contactvault.h
export LC_ALL=C

# The compiler sees the header without comments; CV_API is made a word that can be found.
declared=$("$compiler" -E -P -x c "$header" |
    tr '\n' ' ' | grep -oE 'visibility\("default"\)[^;]*;' | grep -oE 'cv_[a-z0-9_]+ ?\(' |
    tr -d ' (' | sort -u)
exported=$(nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | sort -u)

faults=0
report() { # SENTENCE NAMES
    if [ -n "$2" ]; then
        printf 'exports: %s\n%s\n' "$1" "$2" >&2
        faults=1
    fi
}
[ "$(wc -l <<<"$declared")" -ge 30 ] || report 'the header was not understood; it seems to declare:' "${declared:-nothing}"
names=$(sed 's/@.*//' <<<"$exported" | sort -u)
report 'exported, and not in the header:' "$(comm -13 <(echo "$declared") <(echo "$names"))"
report 'in the header, and not exported:' "$(comm -23 <(echo "$declared") <(echo "$names"))"
report 'exported without its version:' "$(grep -vE '@@CONTACTVAULT_[0-9]+$' <<<"$exported" || true)"
soname=$(readelf -d "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
[[ $soname =~ ^libcontactvault\.so\.[0-9]+$ ]] || report 'a soname of another form:' "${soname:-none}"
[ $faults -eq 0 ] || exit 1
echo "exports: $(wc -l <<<"$declared") functions, and nothing else"

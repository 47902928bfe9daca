#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two programs that know mdoc find nothing in the pages to warn of; what is in man/ is what is
# installed. Usage: man_lint.sh BUILD
set -euo pipefail
build=$1
cd "$(dirname "$0")/../.."
place=$(mktemp -d "${TMPDIR:-/tmp}/contact-vault-man.XXXXXX")
trap 'rm -rf "$place"' EXIT

faults=0
fault() {
    echo "man_lint: $1" >&2
    faults=1
}
pages=(man/*.[1-8])
[ ${#pages[@]} -ge 4 ] || fault "only ${#pages[@]} pages"
for page in "${pages[@]}"; do
    mandoc -T lint -W warning "$page" >&2 || fault "$page: mandoc has something to say"
    said=$(groff -ww -W break -m mandoc -T utf8 -z "$page" 2>&1)
    [ -z "$said" ] || fault "$page: groff says: $said"
    longest=$(awk 'length > m { m = length } END { print m }' "$page")
    [ "$longest" -le 100 ] || fault "$page has a line of $longest characters"
done
# A page that names another of ours names one that is there.
while read -r name; do
    [ -f "man/$name" ] || fault "$name is referred to, and is not there"
done < <(sed -n 's/^\.Xr \(vault[a-z.]*\|contactvault\) \([0-9]\).*/\1.\2/p' "${pages[@]}" | sort -u)

DESTDIR=$place cmake --install "$build" --component man >/dev/null
there=$(find "$place" -type f -printf '%f\n' | sort)
listed=$(printf '%s\n' "${pages[@]##*/}" | sort)
[ "$there" = "$listed" ] || fault "installed: ${there//$'\n'/ }; in man/: ${listed//$'\n'/ }"
for page in $there; do
    [ -n "$(find "$place" -path "*/man/man${page##*.}/$page")" ] || fault "$page is installed elsewhere"
done
exit $faults

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each key of the configuration's table stands at its default in vaultd.conf.5 and in
# vaultd.conf.example, and no other; the page has each number's range, too.
# Usage: man_config.sh CONFIG_ROWS
set -euo pipefail
rows=$("$1")
cd "$(dirname "$0")/../.."
export LC_ALL=C
page=man/vaultd.conf.5

faults=0
compare() { # WHERE LINES
    local missing extra
    missing=$(comm -23 <(sort <<<"$table") <(sort <<<"$2"))
    extra=$(comm -13 <(sort <<<"$table") <(sort <<<"$2"))
    [ -z "$missing" ] || { printf 'man_config: not in %s:\n%s\n' "$1" "$missing" >&2 && faults=1; }
    [ -z "$extra" ] || { printf 'man_config: in %s, and not so in the table:\n%s\n' "$1" "$extra" >&2 && faults=1; }
}
table=$(cut -d ' ' -f 1,2 <<<"$rows")
[ "$(wc -l <<<"$table")" -ge 30 ] || { echo "man_config: only $(wc -l <<<"$table") rows" >&2 && faults=1; }

compare $page "$(awk '
    /^\.S[hs] / { section = "" }
    /^\.Ss \[/ { section = substr($2, 2, length($2) - 2) }
    /^\.It / && section != "" { print section " " $2 "=" $4 }' $page)"
compare vaultd.conf.example "$(awk '
    /^\[/ { section = substr($1, 2, length($1) - 2) }
    /^#[a-z_]+ =/ { print section " " substr($1, 2) "=" $3 }' vaultd/vaultd.conf.example)"

# The range is in the key's own text; that of budgets stands above them all.
text_of() { # SECTION KEY
    awk -v section="$1" -v key="$2" '
        /^\.Ss / { inside = $2 == "[" section "]"; here = inside && section == "budgets" }
        /^\.It / && inside { here = $2 == key }
        /^\.(Sh|El)/ { here = 0 }
        here' $page | tr '\n' ' '
}
range_above=$(awk '/^\.Ss \[budgets\]/ { here = 1 } /^\.Bl/ { here = 0 } here' $page | tr '\n' ' ')
while read -r section setting lowest highest; do
    [ -n "${lowest:-}" ] || continue
    range="$lowest to $highest"
    grep -qF "$range" <<<"$(text_of "$section" "${setting%%=*}")" ||
        { [ "$section" = budgets ] && grep -qF "$range" <<<"$range_above"; } ||
        { echo "man_config: $page does not say of $section.${setting%%=*}: $range" >&2 && faults=1; }
done <<<"$rows"
exit $faults

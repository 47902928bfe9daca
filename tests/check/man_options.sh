#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each command and option that the programs take, and the name of its value, is in their pages; and
# nothing else is. So are exit codes and the variables of the environment.
# Usage: man_options.sh VAULTCTL VAULTD
set -euo pipefail
vaultctl=$1
vaultd=$2
cd "$(dirname "$0")/../.."
export LC_ALL=C
unset ARGP_HELP_FMT

faults=0
# compare WHAT PROGRAM PAGE: each a list of lines.
compare() {
    local missing extra
    missing=$(comm -23 <(sort -u <<<"$2") <(sort -u <<<"$3"))
    extra=$(comm -13 <(sort -u <<<"$2") <(sort -u <<<"$3"))
    [ -n "$2" ] || { echo "man_options: no $1 found" >&2 && faults=1; }
    [ -z "$missing" ] || { printf 'man_options: %s, and not in the page:\n%s\n' "$1" "$missing" >&2 && faults=1; }
    [ -z "$extra" ] || { printf 'man_options: %s, in the page alone:\n%s\n' "$1" "$extra" >&2 && faults=1; }
}

# ---- what the programs say ----

commands=$("$vaultctl" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\( [a-z-]\+\)\{0,1\}\)  .*/\1/p')
# options_of NAME program [words...]: "NAME: -n --namespace=NS", a line each.
options_of() {
    local name=$1
    shift
    "$@" --help | sed -n 's/^  \(-.,\|   \) \(--[a-z][a-z-]*\(=[^ ]\+\)\{0,1\}\)\( .*\)\{0,1\}$/\1 \2/p' |
        sed "s/,//; s/^ */$name: /"
}
of_vaultctl() {
    local command
    while read -r command; do
        # shellcheck disable=SC2086 # two words are two arguments
        options_of "$command" "$vaultctl" $command
    done <<<"$commands"
}
of_vaultd() {
    options_of serving "$vaultd"
    options_of init "$vaultd" init
    options_of audit-verify "$vaultd" audit-verify
    options_of restore "$vaultd" restore
}

# ---- what the pages say ----

# page_options PAGE SECTION COMMON: the lists of options under each .Ss of SECTION; those under the
# heading COMMON are everybody's.
page_options() {
    awk -v section="$2" -v common="$3" '
        function option(  i, text) {
            for (i = 2; i <= NF; i++) {
                if ($i == "Fl") { text = text " -" $(i + 1) }
                if ($i == "Ar") { text = text "=" $(i + 1) }
            }
            gsub(/\\&/, "", text)
            return substr(text, 2)
        }
        /^\.S[hs] / { heading = substr($0, 5) }
        /^\.Sh / { inside = heading == section; count = 0 }
        /^\.Ss / { count = split(heading, names, ", ") }
        /^\.Ss / && inside && heading != common { for (i = 1; i <= count; i++) all[names[i]] = 1 }
        /^\.It Fl / && heading == common { shared[option()] = 1; next }
        /^\.It Fl / && inside { for (i = 1; i <= count; i++) print names[i] ": " option() }
        END { for (name in all) for (text in shared) print name ": " text }' "$1"
}
page_commands() {
    sed -n '/^\.Sh COMMANDS/,/^\.Sh OPTIONS/s/^\.Ss //p' man/vaultctl.1 | sed 's/, /\n/g'
}
# items PAGE SECTION: the first word behind each .It there, a macro left out.
items() { sed -n "/^\\.Sh $2\$/,/^\\.Sh /s/^\\.It \\(Ev \\)\\{0,1\\}\\([^ ]*\\).*/\\2/p" "$1"; }

compare "commands of vaultctl" "$commands" "$(page_commands)"
compare "options of vaultctl" "$(of_vaultctl)" "$(page_options man/vaultctl.1 COMMANDS OPTIONS)"
compare "options of vaultd" "$(of_vaultd)" "$(page_options man/vaultd.8 DESCRIPTION 'all four')"
compare "exit codes of vaultctl" \
    "$(sed -n '/^enum exit_code/,/}/s/.*EXIT_[A-Z_]* = \([0-9]\),.*/\1/p' tools/vaultctl/vaultctl.h)" \
    "$(items man/vaultctl.1 'EXIT STATUS')"
compare "variables of vaultctl" \
    "$(sed -n 's/.*\(environment\|getenv\|is_set\)("\([A-Z_]*\)").*/\2/p' tools/vaultctl/*.c)" \
    "$(items man/vaultctl.1 ENVIRONMENT)"
# The small vocabularies of --json: the words in .Li behind the field's name.
vocabulary() { # FIELD
    awk -v field="$1" '/^\.It/ || /^\.El/ { here = $3 == field } here && /^\.Li/' man/vaultctl.1 |
        sed 's/^\.Li //' | tr -s ' ,;.' '\n' | sed '/^$/d'
}
words_of() { "$vaultctl" --completion | sed -n "s/^$1='\(.*\)'\$/\1/p" | tr ' ' '\n'; }
compare "operations in the log" "$(words_of _vaultctl_operations)" "$(vocabulary operation)"
compare "roles" "$(words_of _vaultctl_roles)" "$(vocabulary role)"
compare "codes of errors" "$(sed -n 's/.*\[STATUS_[A-Z_]*\] = "\([a-z_]*\)".*/\1/p' proto/status.c | grep -vx ok)" \
    "$(vocabulary error.code)"
# An option is not spoken of that no command has.
known=$(of_vaultctl | grep -o -- '--[a-z-]*' && printf -- '--version\n--completion\n')
spoken=$(grep -v '^\.\\"' man/vaultctl.1 | grep -o 'Fl -[a-z][a-z-]*' | sed 's/Fl /-/')
strange=$(comm -13 <(sort -u <<<"$known") <(sort -u <<<"$spoken"))
[ -z "$strange" ] || { echo "man_options: vaultctl.1 speaks of ${strange//$'\n'/ }" >&2 && faults=1; }
exit $faults

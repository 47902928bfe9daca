#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the compiler does not see of the house's rules (vaultd/DESIGN.md): who may include what, who
# may make a receipt, who may print. Usage: layers.sh [ROOT]. Prints each fault; exit 1 if any.
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"

faults=0
fault() { # RULE LINES
    if [ -n "$2" ]; then
        printf 'layers: %s\n%s\n' "$1" "$2" >&2
        faults=$((faults + 1))
    fi
}

# As grep, but finding nothing is no failure (1), while a bad pattern is (2).
search() { grep "$@" || [ $? -eq 1 ]; }

# sources PATTERN FOLDER...: what matches in C and C++ files.
sources() {
    local pattern=$1
    shift
    search -rnE --include='*.c' --include='*.h' --include='*.cc' -e "$pattern" -- "$@"
}

# Drops the lines of files whose path begins so.
except() { search -vE "^($1)"; }

product=(vaultd proto client tools)
include='^[[:space:]]*#[[:space:]]*include[[:space:]]*'

found=$(sources "$include[\"<][^\">]*\\.\\./" "${product[@]}" tests)
fault 'no include climbs out of its folder' "$found"

# A third-party header has one home. Benchmarks may use what they measure.
while read -r headers home; do
    found=$(sources "$include[<\"]($headers)" "${product[@]}" | except "$home")
    fault "<$headers> belongs to $home" "$found"
done <<'HOMES'
nng/                              vaultd/rpc/|client/|tools/bench/
lmdb\.h                           vaultd/store/store_lmdb|tools/bench/
msgpack                           proto/
idn2\.h                           vaultd/contact/
uni(case|conv|ctype|norm|str|types)\.h vaultd/contact/|tools/vaultctl/terminal
uniwidth\.h                       tools/vaultctl/terminal
libpsl\.h                         vaultd/contact/
ini\.h                            vaultd/host/
seccomp\.h                        vaultd/host/
linux/(landlock|seccomp)\.h       vaultd/host/
jansson\.h                        tools/vaultctl/|tools/bench/
qrencode\.h                       tools/vaultctl/qr
phonenumbers/                     tools/
sodium                            vaultd/(base|journal|keyring|audit|access|vault|backup|restore|dispatch)/|vaultd/[a-z_]+\.c:|client/|tools/
cmocka\.h                         tests/
HOMES

found=$(sources 'startup_text\.h' "${product[@]}" | except 'vaultd/[a-z_]+\.c:|vaultd/host/')
fault 'text to stderr is for main and host/ alone: everything else logs typed events' "$found"

receipt='\(struct audit_receipt\)[[:space:]]*\{|struct audit_receipt [a-z_]+(\[[^]]*\])?[[:space:]]*='
receipt="$receipt|receipts?(\\[[^]]*\\])?(\\.|->)(sequence|token)[[:space:]]*=[^=]"
receipt="$receipt|(memcpy|memset)\\([^,]*receipt"
found=$(sources "$receipt" "${product[@]}" | except 'vaultd/audit/')
fault 'only audit/ makes a receipt: recorded before opened is a type, not a habit' "$found"

# The compiler poisons these in the modules; here for what is compiled without poison.h too.
printers='(printf|fprintf|vprintf|vfprintf|dprintf|sprintf|vsprintf|puts|fputs|perror|syslog|vsyslog'
printers="(^|[^a-z_])$printers|strcpy|strcat|stpcpy|atoi|atol|gets)[[:space:]]*\\("
found=$(sources "$printers" vaultd | except 'vaultd/main[a-z_]*\.c:')
fault 'nothing in vaultd/ prints but log.c, and main to its own stdout' "$found"

found=$(sources 'POISON_EXEMPT' vaultd | except 'vaultd/base/poison\.h')
fault 'nobody opts out of poison.h' "$found"

# A path of one developer's machine has no business here. The brackets keep this line from finding
# itself.
machine='(^|[^A-Za-z0-9_./-])/(wor[k]|hom[e]/[a-z]+|roo[t])(/|[^A-Za-z0-9_-]|$)|share[d]/design|[.]librar[y]/'
found=$(search -rnIE --exclude-dir=.git --exclude-dir=build --exclude=LICENSE -e "$machine" -- .)
fault 'no path of a machine of ours' "$found"

if [ "$faults" -gt 0 ]; then
    printf 'layers: %d rules broken\n' "$faults" >&2
    exit 1
fi
echo "layers: every rule holds"

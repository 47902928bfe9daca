#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each module is compiled with its own include path against every other's header: what an arrow
# leads to compiles, and nothing else does. Usage: include_arrows.sh COMPILER COMPILE_COMMANDS.json
set -euo pipefail
compiler=$1
commands=$2

# The house (ARCHITECTURE's picture, written down a second time on purpose).
declare -A arrows=(
    [base]=""
    [journal]="base"
    [contact]="base"
    [keyring]="base"
    [store]="base"
    [audit]="base journal keyring"
    [access]="base store keyring"
    [vault]="base contact keyring store"
    [dispatch]="base access vault audit"
    [rpc]="base dispatch"
    [host]="base"
)
declare -A header=(
    [base]=log.h [journal]=journal.h [contact]=contact.h [keyring]=keyring.h [store]=store.h
    [audit]=audit.h [access]=access.h [vault]=vault.h [dispatch]=dispatch.h [rpc]=server.h
    [host]=sandbox.h
)

# The quoted include path that a module's files are really compiled with.
path_of() {
    grep -E -m1 "\"command\".* -c [^ ]*/vaultd/$1/[a-z_]+\.c\"" "$commands" |
        grep -oE -e '-iquote [^ "]+' -e '-I ?[^ "]+' | tr '\n' ' '
}

faults=0
for module in "${!arrows[@]}"; do
    read -ra path <<<"$(path_of "$module")"
    if [ "${#path[@]}" -eq 0 ]; then
        echo "no file of vaultd/$module/ in $commands"
        faults=$((faults + 1))
        continue
    fi
    for other in "${!arrows[@]}"; do
        expected=refused
        case " $module ${arrows[$module]} " in *" $other "*) expected=compiles ;; esac
        got=compiles
        printf '#include "%s"\n' "${header[$other]}" |
            "$compiler" -std=c17 -D_GNU_SOURCE -fsyntax-only "${path[@]}" -x c - 2>/dev/null || got=refused
        if [ $got != $expected ]; then
            echo "vaultd/$module including \"${header[$other]}\" of $other: $got, and should be $expected"
            faults=$((faults + 1))
        fi
    done
done
[ "$faults" -eq 0 ] || exit 1
echo "include_arrows: ${#arrows[@]} modules see what they may, and nothing else"

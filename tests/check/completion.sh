#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What bash offers where the cursor stands, with bash-completion and without; every option that a
# command's --help names is offered, and no other; and neither vaultctl nor a vault is asked.
# Usage: completion.sh VAULTCTL BUILD
set -euo pipefail
vaultctl=$(realpath "$1")
build=$(realpath "$2")
here=$(realpath "$(dirname "$0")")
library=/usr/share/bash-completion/bash_completion
export LC_ALL=C
unset ARGP_HELP_FMT

faults=0
fault() {
    echo "completion: $1" >&2
    faults=1
}
place=$(mktemp -d "${TMPDIR:-/tmp}/contact-vault-completion.XXXXXX")
trap 'rm -rf "$place"' EXIT
mkdir "$place/bin" "$place/home" "$place/here" "$place/here/folder" "$place/installed"
touch "$place/here/one.key" "$place/here/two words.key" "$place/here/-x" "$place/here/[\$(>ran)]"
# Whoever asks vaultctl while a line is completed leaves a trace.
printf '#!/bin/sh\necho asked >>"%s/asked"\n' "$place" >"$place/bin/vaultctl"
chmod +x "$place/bin/vaultctl"

"$vaultctl" --completion >"$place/script"
DESTDIR=$place/installed cmake --install "$build" --component completion >/dev/null
installed=$(find "$place/installed" -path '*/share/bash-completion/completions/vaultctl')
[ -n "$installed" ] || fault "the script is not installed"
cmp -s "$place/script" "${installed:-/dev/null}" || fault "the installed script is not the one that is printed"
[ -r $library ] || fault "bash-completion is not installed (tools/install-deps.sh check)"

# complete [LIBRARY] <LINES: for each line of words, of which the last is at the cursor (_ stands for
# none, ~ for a blank), what is offered.
cat >"$place/complete" <<'BASH'
[ -z "${1:-}" ] || . "$1" || exit 1
. "$SCRIPT" || exit 1
shopt -s nullglob # so that what is taken for a pattern of files is gone
[ "$(complete -p vaultctl)" = 'complete -F _vaultctl vaultctl' ] || exit 1
while read -r line; do
    read -ra COMP_WORDS <<<"$line"
    COMP_WORDS=("${COMP_WORDS[@]//\~/ }")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    COMP_WORDS[COMP_CWORD]=${COMP_WORDS[COMP_CWORD]/#_/}
    COMP_LINE=${COMP_WORDS[*]} COMP_POINT=${#COMP_LINE}
    _vaultctl vaultctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    printf '%s' "$line ->"
    [ ${#COMPREPLY[@]} -eq 0 ] || printf ' %s' "${COMPREPLY[@]// /\~}"
    echo
done
BASH
offered() {
    (cd "$place/here" && env -i PATH="$place/bin:$PATH" HOME="$place/home" SCRIPT="$place/script" \
        bash --noprofile --norc "$place/complete" "$@")
}

# What is offered, in one order: readline sorts it for itself.
in_order() {
    local line words
    while read -r line; do
        words=$(tr ' ' '\n' <<<"${line#* ->}" | sort | tr '\n' ' ')
        echo "${line%% ->*} ->${words% }"
    done
}

# ---- where the cursor stands ----

cat >"$place/wanted" <<'CASES'
vaultctl to -> tokenize
vaultctl fre -> freeze
vaultctl com -> compact
vaultctl compact --de -> --detach
vaultctl name -> namespace
vaultctl namespace _ -> create list set shred
vaultctl principal dis -> disable
vaultctl audit _ -> tail report subject verify
vaultctl frobnicate _ ->
vaultctl -- -> --help --version --completion
vaultctl unseal --key -> --key-file
vaultctl unseal --pass -> --passphrase-file
vaultctl init --data folder --un -> --unseal
vaultctl init --unseal _ -> keyfile passphrase shares
vaultctl key rotate root --unseal k -> keyfile
vaultctl unseal --key-file _ -> -x [$(>ran)] folder one.key two~words.key
vaultctl unseal --key-file one -> one.key
vaultctl unseal --key-file two -> two~words.key
vaultctl unseal --key-file = two -> two~words.key
vaultctl unseal --key-file = -> -x [$(>ran)] folder one.key two~words.key
vaultctl unseal --key-file=on -> --key-file=one.key
vaultctl unseal --data _ -> folder
vaultctl unseal --data = folder --da -> --data
vaultctl keygen -o one -> one.key
vaultctl recipient _ -> new add list remove
vaultctl recipient add lawyer --public-key one -> one.key
vaultctl restore one.key --audit _ -> folder
vaultctl restore one --recipient two -> two~words.key
vaultctl restore --accept-l -> --accept-lost-erasures
vaultctl grant paola _ -> service deliver reveal admin privacy audit
vaultctl grant paola re -> reveal
vaultctl grant -n milano paola a -> admin audit
vaultctl grant --namespace = milano paola a -> admin audit
vaultctl grant --until 2026-12-31T18 : 00 paola pr -> privacy
vaultctl grant --until 2026-12-31T18 : _ ->
vaultctl grant --socket ipc : ///tmp/x -n milano paola pr -> privacy
vaultctl grant _ ->
vaultctl grant paola reveal _ ->
vaultctl revoke paola del -> deliver
vaultctl tokenize _ ->
vaultctl tokenize --wa -> --wa-id
vaultctl tokenize --wa-id --re -> --region
vaultctl tokenize --region _ ->
vaultctl tokenize -- -> --namespace --wa-id --region --data --socket --server-uid --identity --timeout --json --help --usage
vaultctl tokenize -- --wa ->
vaultctl import one -> one.key
vaultctl import -o two -> two~words.key
vaultctl import one.key --column = NAME ->
vaultctl import one.key --col -> --column
vaultctl import one.key --column phone --res -> --resume
vaultctl audit tail --operation detok -> detokenize
vaultctl audit tail --operation=princ -> --operation=principal_add --operation=principal_list --operation=principal_show --operation=principal_disable --operation=principal_enable --operation=principal_invite
vaultctl audit tail --principal _ ->
vaultctl audit tail -f --li -> --lines
vaultctl audit report --cs -> --csv
vaultctl audit subject --wa -> --wa-id
vaultctl audit verify f -> folder
vaultctl audit verify -- f -> folder
vaultctl --json to ->
vaultctl grant $(>ran) re -> reveal
vaultctl unseal --key-file $(>ran) ->
vaultctl unseal --data=`>ran` ->
vaultctl grant paola $(>ran) ->
vaultctl $(>ran) $(>ran) ->
vaultctl tokenize --$(>ran) ->
vaultctl unseal --key-file [$ -> [$(>ran)]
CASES
sed 's/ ->.*//' "$place/wanted" >"$place/lines"
for with in '' $library; do
    offered ${with:+"$with"} <"$place/lines" >"$place/offered" || fault "the script does not load with ${with:-nothing else}"
    diff <(in_order <"$place/wanted") <(in_order <"$place/offered") >"$place/differ" ||
        fault "wanted < and offered >, with ${with:-nothing else}:"$'\n'"$(cat "$place/differ")"
done

# ---- all commands, all options ----

commands=$("$vaultctl" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\( [a-z]\+\)\{0,1\}\)  .*/\1/p')
[ -n "$commands" ] || fault "no commands found in --help"
first=$(cut -d ' ' -f 1 <<<"$commands" | uniq | tr '\n' ' ')
[ "$(offered <<<'vaultctl _')" = "vaultctl _ -> ${first% }" ] || fault "not all commands are offered: $(offered <<<'vaultctl _')"
while read -r command; do
    # shellcheck disable=SC2086 # two words are two arguments
    wanted=$("$vaultctl" $command --help | sed -n 's/^  \(-.,\|   \) \(--[a-z-]*\).*/\2/p' | sort)
    got=$(offered <<<"vaultctl $command --" | sed 's/.* -> //' | tr ' ' '\n' | sort)
    [ "$wanted" = "$got" ] || fault "of $command: $(diff <(echo "$wanted") <(echo "$got"))"
done <<<"$commands"

# ---- as bash itself comes by it ----

# bash-completion finds the installed script by the name of the program.
found=$(env -i PATH="$PATH" HOME="$place/home" BASH_COMPLETION_USER_DIR="${installed%/completions/*}" bash --noprofile --norc -c \
    ". $library && _completion_loader vaultctl; complete -p vaultctl" 2>/dev/null || true)
[ "$found" = 'complete -F _vaultctl vaultctl' ] || fault "bash-completion does not find the installed script"
# A person types, and readline splits the line.
python3 "$here/completion_typed.py" "$place/script" "$place/here" || faults=1

[ -z "$(find "$place" -name ran)" ] || fault "what was typed was run"
[ ! -e "$place/asked" ] || fault "vaultctl was run while a line was completed"
exit $faults

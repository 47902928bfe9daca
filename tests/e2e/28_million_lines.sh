#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# However many lines go through a pipe, vaultctl needs no more memory for them: its peak for FEW and for MANY lines.
# Usage: 28_million_lines.sh [FEW [MANY]]
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

few=${1:-20000}
many=${2:-120000}
# What AddressSanitizer keeps back of what was freed would grow with the lines.
export ASAN_OPTIONS=quarantine_size_mb=1:thread_local_quarantine_size_kb=64
spare_kib=3072
# An import has sixteen threads, each with a pool of the allocator's that fills up when chance gives it work.
import_spare_kib=6144

peak() { python3 "$here/peak.py" "$work/peak" "$@"; }
# grows_not WHAT SPARE: the two peaks, in $few_kib and $many_kib.
grows_not() {
    [ "$many_kib" -le $((few_kib + $2)) ] || fail "$1: $few_kib KiB for $few lines, $many_kib KiB for $many"
    say "$1: $few_kib KiB for $few lines, $many_kib KiB for $many"
}
# through COMMAND INPUT OUTPUT LINES arguments...: a pipe on both sides; its peak is in $kib.
through() {
    local act=$1 input=$2 output=$3 wanted=$4
    shift 4
    # shellcheck disable=SC2002 # a pipe is what is tested
    cat "$input" | peak "$vaultctl" "$act" --data "$dir" "$@" - 2>"$err" | cat >"$output"
    kib=$(cat "$work/peak")
    same "lines of $act" "$(lines "$output")" "$wanted"
    [ ! -s "$err" ] || fail "something on stderr"
}

new_vault
start_vault
new_cast
seq -f 'line-%.0f@example.org' "$many" >"$work/many"
head -n "$few" "$work/many" >"$work/few"
inbox=(--identity "$work/inbox.key")

through tokenize "$work/few" "$work/out-few" "$few" "${inbox[@]}" --json
few_kib=$kib
through tokenize "$work/many" "$work/out-many" "$many" "${inbox[@]}" --json
many_kib=$kib
grows_not tokenize $spare_kib
jq -r .token "$work/out-many" >"$work/tokens"
head -n "$few" "$work/tokens" >"$work/tokens-few"
jq -r .token "$work/out-few" | cmp - "$work/tokens-few" || fail "the first $few lines have other tokens"

through mask "$work/tokens-few" "$work/out-few" "$few" "${inbox[@]}" --json
few_kib=$kib
through mask "$work/tokens" "$work/out-many" "$many" "${inbox[@]}" --json
many_kib=$kib
grows_not mask $spare_kib

# As a table of two columns: half the file, by which every pool is full, and all of it.
few=$((many / 2))
head -n "$few" "$work/many" >"$work/few"
for size in few many; do
    { echo 'id,email' && awk '{ print NR "," $0 }' "$work/$size"; } >"$work/$size.csv"
    peak "$vaultctl" import --data "$dir" "${inbox[@]}" "$work/$size.csv" --column email -o "$work/$size.out" \
        >"$out" 2>"$err" </dev/null || fail "import of $size"
    declare "${size}_kib=$(cat "$work/peak")"
done
grows_not import $import_spare_kib
cut -d, -f 2 "$work/many.out" | tail -n +2 | cmp - "$work/tokens" || fail "import has other tokens than tokenize"
stop_vault

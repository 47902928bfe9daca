#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What it costs to replace keys of a vault that is at work: how long each rotation takes, and what
# eight clients notice of it. They tokenize (known and new), look up, mask and detokenize all the
# time; every answer is held against what it should be.
#
# rotate.sh [CONTACTS [RATE [SECONDS [PAUSE_US]]]]
#   CONTACTS   in five namespaces; default 1,000,000
#   RATE       rekey_rate, contacts a second; default 0: as fast as it goes
#   SECONDS    of a window in which no key rotates; default 6
#   PAUSE_US   a client rests so long between two calls; default 0: all are always waiting for one
#
# Each namespace's keys rotate by themselves, one after the other, and before each rotation there is
# a window without: five pairs for data keys, five for index keys. A ratio is taken within a pair,
# then the median of the five. Only ratios of one run count.
set -euo pipefail
cd "$(dirname "$0")/../.."

contacts=${1:-1000000}
rate=${2:-0}
seconds=${3:-6}
pause_us=${4:-0}
spaces=5
build=$PWD/build/release
vaultctl=$build/tools/vaultctl/vaultctl
cmake --preset release >/dev/null
cmake --build --preset release --target vaultd vaultctl rotate_load >/dev/null

work=$(mktemp -d "${TMPDIR:-/tmp}/contact-vault-bench.XXXXXX")
dir=$work/vault
results=$work/results # of rotate_load
times=$work/times     # PURPOSE NUMBER SECONDS
daemon='' load=''
export NO_COLOR=1
unset SUDO_UID CONTACT_VAULT_SOCKET CONTACT_VAULT_IDENTITY CONTACT_VAULT_NAMESPACE
cleanup() {
    local code=$?
    for pid in $load $daemon; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
    exit $code
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() {
    echo "rotate.sh: $*" >&2
    if [ -s "$work/load.err" ]; then cat "$work/load.err" >&2; fi
    exit 1
}
# await SECONDS command...: until it succeeds.
await() {
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $until ] || fail "waited too long for: $*"
        sleep 0.05
    done
}
now() { date +%s.%N; }
since() { awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.2f", to - from }'; }
progress() { if [ -t 2 ]; then printf '\r%-60s' "$*" >&2; fi; }

# ---- a vault ----

is_unsealed() { "$vaultctl" status --data "$dir" --json 2>/dev/null | grep -q unsealed; }
# start_vault DATA KEY-FILE
start_vault() {
    "$build/vaultd/vaultd" --data "$1" --key-file "$2" --config "$work/vaultd.conf" >>"$work/vaultd.log" 2>&1 </dev/null &
    daemon=$!
    await 60 is_unsealed
}
make_vault() {
    "$vaultctl" init --data "$dir" >/dev/null
    printf '[budgets]\nlookup_daily = 0\n[keys]\nrekey_rate = %d\n' "$rate" >"$work/vaultd.conf"
    start_vault "$dir" "$dir.key"
    "$vaultctl" keygen -o "$work/bench.key" >"$work/bench.pub"
    "$vaultctl" principal add bench --public-key "$work/bench.pub" --data "$dir" >/dev/null
    for ((i = 0; i < spaces; i++)); do
        "$vaultctl" namespace create "bench$i" --data "$dir" >/dev/null
        for role in service deliver; do
            # So large that no run comes to its end.
            "$vaultctl" grant bench $role -n "bench$i" --daily 4000000000 --hourly 4000000000 --data "$dir" >/dev/null
        done
    done
}

# ---- its clients ----

has_filled() { grep -qs '^filled' "$results" || ! kill -0 "$load" 2>/dev/null; }
start_load() {
    mkfifo "$work/orders"
    "$build/tools/bench/rotate_load" "$dir/run/vault.sock" "$work/bench.key" "$contacts" $spaces "$pause_us" \
        <"$work/orders" >"$results" 2>"$work/load.err" &
    load=$!
    exec 3>"$work/orders"
    await 600 has_filled
    kill -0 "$load" 2>/dev/null || fail "the clients have ended"
}
end_load() {
    local code=0
    exec 3>&-
    wait "$load" || code=$?
    load=
    read -r _ calls failed changed < <(grep '^total' "$results") || fail "the clients have ended"
    return $code
}
# window LABEL command...: what the clients notice meanwhile.
window() {
    local label=$1
    shift
    echo begin >&3
    "$@"
    echo "end $label" >&3
}
# timed PURPOSE NUMBER command...
timed() {
    local label="$1 $2" began
    shift 2
    began=$(now)
    "$@" >/dev/null </dev/null || fail "$*"
    echo "$label $(since "$began")" >>"$times"
}

# ---- rotations ----

rotate_pairs() { # PURPOSE
    for ((i = 0; i < spaces; i++)); do
        progress "$1 keys, $((i + 1)) of $spaces"
        window "without_$1_$i" sleep "$seconds"
        window "$1_$i" timed "$1" "$i" "$vaultctl" key rotate "$1" -n "bench$i" --wait --data "$dir"
    done
}
rotate_root() {
    progress "root key"
    window root_0 timed root 0 "$vaultctl" key rotate root --unseal keyfile --key-file "$work/new.key" --data "$dir"
}
# One key of each purpose in each namespace, under which all is.
old_keys_are_gone() {
    "$vaultctl" key status --data "$dir" --json >"$work/keys.json"
    jq -e --argjson spaces $spaces '.rekey.running == false and .rekey.stuck == false
        and (.keys | length) == 2 * $spaces and all(.keys[]; .state == "active" and .epoch == 2)
        and ([.keys[] | select(.purpose == "data") | .records] | add) == ([.keys[] | select(.purpose == "index") | .records] | add)' \
        "$work/keys.json" >/dev/null
}

# ---- the table ----

# pairs PURPOSE ACT COLUMN: a line for each: without, with, ratio.
pairs() {
    awk -v purpose="$1" -v act="$2" -v column="$3" '
        $2 == act && $1 ~ "^without_" purpose "_" { split($1, part, "_"); without[part[3]] = $column }
        $2 == act && $1 ~ "^" purpose "_" { split($1, part, "_"); with[part[2]] = $column }
        END { for (i in with) if (without[i] > 0) print without[i], with[i], with[i] / without[i] }' "$results"
}
median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
column() { pairs "$1" "$2" "$3" | cut -d' ' -f"$4" | median; }
print_rotation() { # PURPOSE CONTACTS
    awk -v purpose="$1" -v contacts="$2" '$1 == purpose { sum += $3 }
        END { printf "%-8s %10d contacts in %8.2f s %10.0f a second\n", purpose, contacts, sum, contacts / sum }' "$times"
}
print_table() {
    local purpose act
    echo "$contacts contacts in $spaces namespaces, filled in $(awk '/^filled/ { print $3 }' "$results") s; rekey_rate $rate; $(nproc) cores, $(uname -r)"
    echo
    print_rotation data "$contacts"
    print_rotation index "$contacts"
    awk '$1 == "root" { printf "%-8s %30s %8.2f s\n", $1, "in", $3 }' "$times"
    printf '\n%-24s %12s %12s %12s %9s\n' "eight clients" "" without with ratio
    for purpose in data index; do
        printf '%-24s %12s %12.0f %12.0f %9.2f\n' "$purpose: calls" "a second" \
            "$(column $purpose all 4 1)" "$(column $purpose all 4 2)" "$(column $purpose all 4 3)"
        for act in all known new lookup mask detokenize; do
            printf '%-24s %12s %12.0f %12.0f %9.2f\n' "$purpose: $act" "p99 us" \
                "$(column $purpose $act 6 1)" "$(column $purpose $act 6 2)" "$(column $purpose $act 6 3)"
        done
    done
    awk '$1 == "root_0" && $2 == "all" { printf "\nslowest call while the root key was replaced: %d us\n", $7 }' "$results"
    echo "$calls calls, $failed failed, $changed tokens or contacts changed"
    echo
    echo "without: in the window before each rotation. with: while it ran. Medians of five pairs; the"
    echo "ratio is taken within a pair."
}

make_vault
start_load
rotate_pairs data
rotate_pairs index
rotate_root
end_load || code=1
old_keys_are_gone || fail "old keys are left: $(cat "$work/keys.json")"
progress ''
print_table
exit ${code:-0}

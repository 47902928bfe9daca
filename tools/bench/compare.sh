#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The vault's rates beside those of an nng REQ/REP echo of 64 bytes, in one run: interleaved rounds,
# medians, ratios. Only ratios of one run count; the machine itself varies by two.
#
# compare.sh [ROUNDS [SECONDS [CONTACTS]]]    default: 5 rounds, 3 seconds each, 100,000 contacts
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=${1:-5}
seconds=${2:-3}
contacts=${3:-100000}
build=$PWD/build/release
bench=$build/tools/bench
vaultctl=$build/tools/vaultctl/vaultctl
cmake --preset release >/dev/null
cmake --build --preset release --target vaultd vaultctl vault_load wire_load echo_server echo_load >/dev/null

work=$(mktemp -d "${TMPDIR:-/tmp}/contact-vault-bench.XXXXXX")
export XDG_RUNTIME_DIR=$work # where sessions are kept
dir=$work/vault
pids=()
unset SUDO_UID CONTACT_VAULT_SOCKET CONTACT_VAULT_IDENTITY CONTACT_VAULT_NAMESPACE
cleanup() {
    local code=$?
    for pid in ${pids[@]+"${pids[@]}"}; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
    exit $code
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# shellcheck source=tools/lib/phone.sh
. tools/lib/phone.sh
"$vaultctl" init --data "$dir" >/dev/null
# Who reveals fetches its tokens by lookup first: more of them than a person may.
printf '[budgets]\nlookup_daily = 0\n' >"$work/vaultd.conf"
"$build/vaultd/vaultd" --data "$dir" --key-file "$dir.key" --config "$work/vaultd.conf" >"$work/vaultd.log" 2>&1 </dev/null &
pids+=($!)
"$bench/echo_server" "ipc://$work/echo.sock" >"$work/echo.log" 2>&1 </dev/null &
pids+=($!)
for _ in $(seq 200); do
    if "$vaultctl" status --data "$dir" --json 2>/dev/null | grep -q unsealed; then break; fi
    sleep 0.05
done
"$vaultctl" namespace create bench --data "$dir" >/dev/null
for actor in "service service" "reader reveal"; do
    read -r name role <<<"$actor"
    if [ "$role" = reveal ]; then
        code=$("$vaultctl" principal add "$name" --person --data "$dir" --json | jq -r .code)
        person_enrol "$name" "$code" >/dev/null 2>&1
        person_log_in "$name" >/dev/null
        person_session "$name" "$work/session"
        mv "$work/session" "$work/$name.key"
    else
        "$vaultctl" keygen -o "$work/$name.key" >"$work/$name.pub"
        "$vaultctl" principal add "$name" --public-key "$work/$name.pub" --data "$dir" >/dev/null
    fi
    # So large that no run comes to its end; the default of a role may be less than one takes.
    "$vaultctl" grant "$name" "$role" -n bench --daily 4000000000 --hourly 4000000000 --data "$dir" >/dev/null
done
"$bench/vault_load" "$dir/run/vault.sock" "$work/service.key" fill "$contacts"

# The vault as the echo is loaded, from nng's asynchronous contexts; and as a service loads it, from
# threads of the client library. wire|library IDENTITY ACT OUTSTANDING BATCH
wire() { "$bench/wire_load" "ipc://$dir/run/vault.sock" "$work/$1.key" "$2" "$3" "$seconds" "$4" "$contacts"; }
library() { "$bench/vault_load" "$dir/run/vault.sock" "$work/$1.key" "$2" "$3" "$seconds" "$4" "$contacts"; }
echoes() { "$bench/echo_load" "ipc://$work/echo.sock" "$1" "$seconds"; }
# Rows of the table: name | which echo it is held against | contacts a call | command. The echoes stand first.
rows=(
    "echo of 64 bytes, 1 outstanding|echo_1|1|echoes 1"
    "echo of 64 bytes, 64 outstanding|echo_64|1|echoes 64"
    "tokenize known, 1 outstanding|echo_1|1|wire service known 1 1"
    "tokenize known, 64 outstanding|echo_64|1|wire service known 64 1"
    "mask, 64 outstanding|echo_64|1|wire service mask 64 1"
    "detokenize, 1 outstanding|echo_1|1|wire reader detokenize 1 1"
    "detokenize, 64 outstanding|echo_64|1|wire reader detokenize 64 1"
    "tokenize new, 1 outstanding|echo_1|1|wire service new 1 1"
    "tokenize new, 64 outstanding|echo_64|1|wire service new 64 1"
    "256 known a call, 4 outstanding|echo_64|256|wire service known 4 256"
    "256 new a call, 4 outstanding|echo_64|256|wire service new 4 256"
    "256 detokenize a call, 4 outstanding|echo_64|256|wire reader detokenize 4 256"
    "library: tokenize known, 1 thread|echo_1|1|library service known 1 1"
    "library: tokenize known, 64 threads|echo_64|1|library service known 64 1"
    "library: detokenize, 64 threads|echo_64|1|library reader detokenize 64 1"
)

for ((round = 1; round <= rounds; round++)); do
    for i in "${!rows[@]}"; do
        IFS='|' read -r name yardstick batch command <<<"${rows[$i]}"
        # shellcheck disable=SC2086 # a command and its words
        line=$($command)
        read -r rate median p99 < <(sed -n 's/.*: \([0-9]*\) a second, median \([0-9]*\) us, p99 \([0-9]*\) us/\1 \2 \3/p' <<<"$line")
        echo "$i $yardstick $round $((rate * batch)) $median $p99" >>"$work/results"
        if [ -t 2 ]; then printf '\r%d of %d rounds, %-45s' $round "$rounds" "$name" >&2; fi
    done
done
if [ -t 2 ]; then printf '\r%70s\r' '' >&2; fi

# median FILE-FILTER COLUMN: of a column over the rounds.
median() { awk -v row="$1" -v column="$2" '$1 == row { print $column }' "$work/results" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
# The ratio is taken within a round, then the median of the ratios.
ratio() {
    awk -v row="$1" '
        $1 == 0 { echo_1[$3] = $4 } $1 == 1 { echo_64[$3] = $4 }
        $1 == row { print $4 / ($2 == "echo_1" ? echo_1[$3] : echo_64[$3]) }' "$work/results" |
        sort -g | awk '{ v[NR] = $1 } END { printf "%.2f", v[int((NR + 1) / 2)] }'
}
echo "$rounds interleaved rounds of $seconds s, medians; $contacts contacts; $(nproc) cores, $(uname -r)"
printf '\n%-42s %12s %9s %9s %9s\n' "" "a second" "to echo" "median us" "p99 us"
for i in "${!rows[@]}"; do
    printf '%-42s %12d %9s %9d %9d\n' "${rows[$i]%%|*}" "$(median "$i" 4)" "$(ratio "$i")" "$(median "$i" 5)" "$(median "$i" 6)"
done
echo
echo "a second: contacts, or echoes. to echo: median of the ratios within each round, to the echo at as"
echo "many outstanding (256 a call: to the echo at 64). library: through threads of libcontactvault."

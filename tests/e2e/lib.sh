# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What every scenario needs: a vault in a folder of its own, a daemon started and stopped by its pid,
# and expectations that say what they wanted. Source it first: . "$(dirname "$0")/lib.sh"
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${VAULT_BUILD:-$root/build/dev}
vaultd=$build/vaultd/vaultd
vaultctl=$build/tools/vaultctl/vaultctl
leakfind=$build/tools/leakfind/leakfind
storm=$build/tests/storm
spender=$build/tests/spender
crowd=$build/tests/crowd

scenario=$(basename "$0" .sh)
work=$(mktemp -d "${TMPDIR:-/tmp}/contact-vault-$scenario.XXXXXX")
# Everybody may pass through: vaults are asked by more than one user.
chmod 0711 "$work"
dir=$work/vault
log=$work/vaultd.log
out=$work/out
err=$work/err
daemon=
others=() # pids of what else runs in the background
export NO_COLOR=1 PYTHONDONTWRITEBYTECODE=1
unset CONTACT_VAULT_SOCKET CONTACT_VAULT_IDENTITY CONTACT_VAULT_NAMESPACE
# Where sessions are kept, and where an identity is looked for that nobody named: nowhere of the developer's.
export XDG_RUNTIME_DIR=$work XDG_CONFIG_HOME=$work
# The first admin is whoever runs the scenario, also under sudo.
unset SUDO_UID SUDO_GID SUDO_USER

# A scenario that mounts something says how to take it down.
before_removal() { :; }
cleanup() {
    local code=$?
    for pid in $daemon ${others[@]+"${others[@]}"}; do
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    # A daemon that was killed has no exit code to tell it by.
    if grep -qs 'WARNING: ThreadSanitizer\|ERROR: AddressSanitizer\|ERROR: LeakSanitizer\|runtime error:' "$log"; then
        echo "a sanitizer has something to say about the daemon:"
        grep -A 12 -m 1 'Sanitizer\|runtime error:' "$log"
        code=1
    fi
    if [ $code -ne 0 ] && [ $code -ne 77 ]; then
        echo "FAILED: $scenario (exit $code)"
        if [ -f "$log" ]; then
            echo "--- last lines of the daemon's log"
            tail -n 25 "$log"
        fi
    fi
    if [ "${VAULT_KEEP:-}" = yes ]; then
        echo "kept: $work"
    else
        before_removal
        rm -rf "$work"
    fi
    exit $code
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '%s: %s\n' "$scenario" "$*"; }
fail() {
    printf '%s: FAILED: %s\n' "$scenario" "$*"
    if [ -s "$out" ]; then sed 's/^/  out| /' "$out" | sed -n 1,10p; fi
    if [ -s "$err" ]; then sed 's/^/  err| /' "$err" | sed -n 1,10p; fi
    exit 1
}
# ctest counts this as skipped, not as passed.
skip() {
    say "skipped: $*"
    exit 77
}

# ---- expectations ----

# expect CODE command...: runs it with empty stdin; its output is in $out and $err.
expect() {
    local wanted=$1 code=0
    shift
    "$@" >"$out" 2>"$err" </dev/null || code=$?
    [ "$code" -eq "$wanted" ] || fail "exit $code, wanted $wanted, of: ${*/#"$build"\//}"
}
# feed CODE command...: the same with the scenario's stdin.
feed() {
    local wanted=$1 code=0
    shift
    "$@" >"$out" 2>"$err" || code=$?
    [ "$code" -eq "$wanted" ] || fail "exit $code, wanted $wanted, of: ${*/#"$build"\//}"
}
# expect_json FILTER: every document in $out must make the jq filter true.
expect_json() {
    [ -s "$out" ] || fail "no output, wanted one where $1"
    jq -es "length > 0 and all(.[]; $1)" "$out" >/dev/null || fail "not so: $1"
}
expect_error() { # TEXT: one line on stderr that holds it
    grep -qi -- "$1" "$err" || fail "stderr does not say: $1"
}
json() { jq -r "$1" "$out"; }
same() { # WHAT LEFT RIGHT
    [ "$2" = "$3" ] || fail "$1: $2 is not $3"
}
lines() { wc -l <"$1" | tr -d ' '; }

# ---- the daemon ----

new_vault() { "$vaultctl" init --data "$dir" >"$out" 2>"$err" </dev/null || fail "init"; }

vaultd_options=() # beside where the data and the key are
# launch_vault [wrapper...]: starts it and does not wait; the wrapper must exec the daemon.
launch_vault() {
    "$@" "$vaultd" --data "$dir" --key-file "${key_file:-$dir.key}" ${vaultd_options[@]+"${vaultd_options[@]}"} >>"$log" 2>&1 </dev/null &
    daemon=$!
}
state_is() { [ "$("$vaultctl" status --data "$dir" --json 2>/dev/null </dev/null | jq -r .state)" = "$1" ]; }
# await SECONDS command...: until it succeeds.
await() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.05
    done
}
answers_or_is_gone() { state_is "$1" || ! kill -0 "$daemon" 2>/dev/null; }
start_vault() {
    launch_vault "$@"
    await 60 answers_or_is_gone unsealed || fail "the daemon did not come up"
    kill -0 "$daemon" 2>/dev/null || fail "the daemon stopped at start"
}
# start_refused TEXT [CODE wanted to differ from 0]: it must say TEXT and end by itself.
start_refused() {
    local code=0 before=0
    [ ! -f "$log" ] || before=$(wc -c <"$log")
    timeout 60 "$vaultd" --data "$dir" --key-file "${key_file:-$dir.key}" ${vaultd_options[@]+"${vaultd_options[@]}"} >>"$log" 2>&1 </dev/null || code=$?
    tail -c "+$((before + 1))" "$log" >"$err"
    : >"$out"
    [ $code -ne 0 ] && [ $code -lt 124 ] || fail "exit $code of a daemon that should have refused to start"
    expect_error "$1"
}
stop_vault() {
    local code=0
    kill -TERM "$daemon"
    wait "$daemon" || code=$?
    daemon=
    [ $code -eq 0 ] || fail "exit $code of a daemon told to stop"
}
kill_vault() {
    kill -9 "$daemon"
    wait "$daemon" 2>/dev/null || true
    daemon=
}
alive() { kill -0 "$daemon" 2>/dev/null; }

# ---- people ----

# A person's phone, passphrase and key file are $work/NAME.phone, .pass and .key.
in_session() {
    "$vaultctl" whoami --data "$dir" --identity "$work/$1.key" --json 2>/dev/null </dev/null | jq -e .idle_s >/dev/null
}
log_in() {
    python3 "$here/person.py" login "$work/$1.phone" -- \
        "$vaultctl" login --data "$dir" --identity "$work/$1.key" --passphrase-file "$work/pass" >/dev/null
}
# new_person NAME [--relayed | --uid N]: invited by the admin (by=NAME: another one), enrolled, and in a session.
new_person() {
    local name=$1
    shift
    (umask 077 && echo "a passphrase for tests" >"$work/pass")
    expect 0 as "${by:-admin}" principal add "$name" --person --json "$@"
    expect 0 python3 "$here/person.py" enrol "$work/$name.phone" "$(json .code)" "$name" -- \
        "$vaultctl" enrol --data "$dir" --identity "$work/$name.key" --passphrase-file "$work/pass"
}
# session_key NAME FILE: the key of her session, as an identity for programs that know no sessions.
session_key() {
    local session
    for session in "$work/contact-vault"/*; do
        if [ "$(sed -n 3p "$session")" = "$(sed -n '2s/.* //p' "$work/$1.key")" ]; then
            (umask 077 && printf 'contact-vault identity 1\n%s\n' "$(sed -n 2p "$session")" >"$2")
            return
        fi
    done
    fail "no session of $1"
}
# as NAME command...: vaultctl with that principal's key, a person in a session; "admin" is who runs
# this. With stay_out=1 a person whose session is over does not log in again.
as() {
    local who=$1 command=("$2")
    shift 2
    case ${command[0]} in
    namespace | principal | audit | key | recipient | canary | notify)
        command+=("$1")
        shift
        ;;
    esac
    if [ "$who" = admin ]; then
        "$vaultctl" "${command[@]}" --data "$dir" "$@"
        return
    fi
    if [ -f "$work/$who.phone" ] && [ -z "${stay_out:-}" ] && ! in_session "$who"; then
        log_in "$who" || return
    fi
    "$vaultctl" "${command[@]}" --data "$dir" --identity "$work/$who.key" "$@"
}
# Budgets no scenario can use up; those about budgets give their own.
terms=(--daily 100000000 --hourly 100000000)
# new_principal NAME ROLE NAMESPACE [--person]
new_principal() {
    local name=$1 role=$2 namespace=$3
    shift 3
    if [ "${1:-}" = --person ]; then
        new_person "$name"
    else
        "$vaultctl" keygen -o "$work/$name.key" >"$work/$name.pub" 2>"$err" || fail "keygen $name"
        expect 0 as admin principal add "$name" --public-key "$work/$name.pub" "$@"
    fi
    case $role in
    service | deliver | reveal) expect 0 as admin grant "$name" "$role" -n "$namespace" "${terms[@]}" ;;
    audit) expect 0 as admin grant "$name" "$role" ;;
    *) expect 0 as admin grant "$name" "$role" -n "$namespace" ;;
    esac
}
# The cast of most scenarios: two brands, a service in each, the sender, a privileged person.
new_cast() {
    expect 0 as admin namespace create milano
    expect 0 as admin namespace create berlin
    new_principal inbox service milano
    new_principal crm service berlin
    new_principal sender deliver milano
    new_principal paola reveal milano --person
}
# token_of VALUE [NAME]: its token, made if new.
token_of() {
    expect 0 as "${2:-inbox}" tokenize --json "$1"
    json .token
}

for program in "$vaultd" "$vaultctl" "$leakfind"; do
    [ -x "$program" ] || fail "no $program: build first (cmake --preset dev && cmake --build --preset dev)"
done

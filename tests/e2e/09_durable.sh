#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S12 and S1.
# What kill -9 cannot show, for the page cache survives it: strace sees the flush between the last write
# and the reply. And the judge is judged: with the flushes taken out, it says so.
#
# Only root may read what a process that is not dumpable hands to the kernel, file names above all.
# shellcheck source=tests/e2e/namespace.sh
. "$(dirname "$0")/namespace.sh"
enter_namespace "only root can trace the daemon" "$@"
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
command -v strace >/dev/null || skip "no strace"
strace -f -o /dev/null true 2>/dev/null || skip "strace may not trace here"

traced() {
    # Leaks cannot be looked for under ptrace.
    start_vault env ASAN_OPTIONS=detect_leaks=0 "$@" \
        strace -f -ttt -s 256 -o "$work/trace" -e "trace=$(python3 "$here/flushes.py" calls)"
}
now() { date +%s.%N; }
spans=()
# during NAME CODE command...
during() {
    local name=$1 from
    shift
    from=$(now)
    expect "$@"
    spans+=("$name=$from..$(now)")
}
acts() {
    spans=()
    during tokenize 0 as inbox tokenize --json "$1"
    token=$(json .token)
    during detokenize 0 as paola detokenize --reason check "$token"
    during namespace_create 0 as admin namespace create "$2"
    during principal_disable 0 as admin principal disable "$3"
}
judge() { python3 "$here/flushes.py" check "$work/trace" "$dir/data" "${spans[@]}"; }
# The wrapper is strace, and strace waits for the daemon it traces.
stop_traced() {
    local pid
    pid=$(cat "/proc/$daemon/task/$daemon/children")
    kill -TERM $pid
    wait "$daemon" || true
    daemon=
}

new_vault
start_vault
new_cast
stop_vault

traced
acts '+1 202-555-0101' roma crm
stop_traced
feed 0 judge
say "$(tr '\n' ';' <"$out")"

key_file=$dir.key
traced CONTACT_VAULT_FAILPOINTS=store_skip_flush,journal_skip_flush
acts '+1 202-555-0102' napoli sender
stop_traced
feed 1 judge
for name in tokenize detokenize namespace_create principal_disable; do
    grep -q "^$name: a reply left while" "$out" || fail "$name without its flush was not noticed"
done
say "with the flushes taken out, each of the four is found out"

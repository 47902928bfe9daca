#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Group commit by count: 64 writers at once cost at most one flush for four acknowledged writes.
#
# Only root may read what a process that is not dumpable hands to the kernel, file names above all.
# shellcheck source=tests/e2e/namespace.sh
. "$(dirname "$0")/namespace.sh"
enter_namespace "only root can trace the daemon" "$@"
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
command -v strace >/dev/null || skip "no strace"
strace -f -o /dev/null true 2>/dev/null || skip "strace may not trace here"

new_vault
start_vault
new_cast
stop_vault
start_vault env ASAN_OPTIONS=detect_leaks=0 strace -f -ttt -s 256 -o "$work/trace" \
    -e "trace=$(python3 "$here/flushes.py" calls)"

from=$(date +%s.%N)
feed 0 "$storm" distinct "$dir/run/vault.sock" "$work/inbox.key" 64 40
to=$(date +%s.%N)
writes=$(json .acknowledged)
same "writes" "$writes" 2560
kill -TERM "$(cat "/proc/$daemon/task/$daemon/children")"
wait "$daemon" || true
daemon=
flushes=$(python3 "$here/flushes.py" count "$work/trace" "$dir/data" "$from" "$to")
[ "$flushes" -gt 0 ] || fail "no flush was seen"
[ $((flushes * 4)) -le "$writes" ] || fail "$flushes flushes for $writes writes"
say "$writes acknowledged writes of 64 threads, $flushes flushes"

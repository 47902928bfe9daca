#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Hostile bytes on the real sockets; honest clients go on meanwhile and after.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

new_vault
start_vault
new_cast
phone=$(token_of '+1 202-555-0147')
resident() { awk '/^VmRSS/ { print $2 }' "/proc/$daemon/status"; }
before=$(resident)

for socket in vault admin; do
    feed 0 python3 "$here/hostile.py" "$dir/run/$socket.sock"
    say "$(cat "$out")"
    alive || fail "the daemon stopped"
    same "the token" "$(token_of +12025550147)" "$phone"
    expect 0 as admin namespace list
done
after=$(resident)
[ $((after - before)) -lt 262144 ] || fail "$before KiB of memory became $after"
expect 0 as admin audit verify --json
stop_vault
say "honest clients were answered throughout; memory from $before to $after KiB"

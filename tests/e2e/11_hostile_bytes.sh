#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S13.
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

# As much locked memory as Debian grants a service: a crowd of strangers must leave most of it to the rest.
modest=(bash -c 'ulimit -l 8192; exec "$@"' -)
if [ "$(id -u)" -eq 0 ]; then
    modest+=(setpriv --inh-caps=-ipc_lock --bounding-set=-ipc_lock --)
fi
locked() { awk '/^VmLck/ { print $2 }' "/proc/$daemon/status"; } # 0 under a sanitizer, which locks nothing
start_vault "${modest[@]}"
locked_at_rest=$(locked)
most=0
python3 "$here/hostile.py" "$dir/run/vault.sock" crowd 15 >"$work/crowd" 2>&1 &
crowd=$!
others+=("$crowd")
await 30 grep -q '^crowd' "$work/crowd" || fail "no crowd: $(cat "$work/crowd")"
calls=0
while kill -0 "$crowd" 2>/dev/null; do
    same "the token" "$(token_of +12025550147)" "$phone"
    expect 0 as admin namespace list
    calls=$((calls + 2))
    now=$(locked)
    [ "$now" -le "$most" ] || most=$now
done
wait "$crowd" || fail "the crowd: $(cat "$work/crowd")"
[ "$calls" -ge 20 ] || fail "only $calls honest calls in the crowd's time"
[ "$most" -lt 6144 ] || fail "$most KiB locked"
expect 0 as admin status
stop_vault
say "$(tail -n 1 "$work/crowd"); $calls honest calls meanwhile; locked from $locked_at_rest to $most KiB"
say "honest clients were answered throughout; memory from $before to $after KiB"

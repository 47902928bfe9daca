#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The configuration: checked without touching anything, refused as a whole with every fault by its line, in
# force where it is right. What the service manager and the journal hear, and how SIGTERM and SIGHUP are taken.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
conf=$work/vaultd.conf
write() { cat >"$conf" && chmod 0644 "$conf"; }
log_says() { tail -c "+$((log_from + 1))" "$log" | grep -q -- "$1"; }
log_from=0
from_here() { log_from=$(wc -c <"$log"); }

# ---- checked ----

expect 0 "$vaultd" --check-config --data "$dir"
same "what is said of nothing but defaults" "$(cat "$out")" ok
write <"$root/vaultd/vaultd.conf.example"
expect 0 "$vaultd" --check-config --config "$conf" --data "$dir"
[ ! -e "$dir" ] || fail "--check-config made the data directory"
expect 2 "$vaultd" --check-config
write <<END
[vault]
data = $dir
quark = 1
[limits]
workers = many
workers = 3
nonsense
[sockets]
[audit]
checkpoint_folder = $work/nowhere
END
expect 1 "$vaultd" --check-config --config "$conf"
sed -n "s#^vaultd: $work/##p" "$err" >"$work/said"
cat >"$work/wanted" <<END
vaultd.conf:3: vault.quark: there is no such key; [vault] takes data key_file map_gib
vaultd.conf:5: limits.workers: a number from 1 to 1024
vaultd.conf:6: limits.workers: said already, in line 5
vaultd.conf:7: a line is [section], key = value, or a comment that begins with #
vaultd.conf:8: sockets: there is no such section; there are [vault] [socket] [admin_socket] [unseal] [limits] [budgets] [notify] [reveal] [audit] [keys] [backup] [log]
vaultd.conf:10: audit.checkpoint_folder: there is no such folder
END
diff "$work/wanted" "$work/said" || fail "other faults were said"
same "lines" "$(lines "$err")" 6
[ ! -s "$out" ] || fail "something on stdout beside the faults"
new_vault
find "$dir" -printf '%p %m %T@\n' | sort >"$work/before"
expect 1 "$vaultd" --config "$conf" --key-file "$dir.key"
expect 1 "$vaultd" --check-config --config "$conf"
write <<<"[vault]"
expect 0 "$vaultd" --check-config --config "$conf" --data "$dir"
find "$dir" -printf '%p %m %T@\n' | sort >"$work/after"
diff "$work/before" "$work/after" || fail "the data directory was touched"
# One fault is enough, whichever part finds it.
for fault in '[limits]
workers = many' '[budgets]
reveal_daily = 5'; do
    write <<<"$fault"
    expect 1 "$vaultd" --config "$conf" --data "$dir" --key-file "$dir.key"
    same "lines of one fault" "$(lines "$err")" 1
done
say "six faults, each by its line; nothing starts and nothing is touched"

chmod 0666 "$conf"
expect 1 "$vaultd" --config "$conf" --data "$dir"
expect_error 'may write'
expect 1 "$vaultd" --config "$work/none.conf" --data "$dir"
expect_error 'No such file'
say "a file that others may write to is refused"

# ---- the log's public key, from init ----

same "mode of audit.pub" "$(stat -c %a "$dir/audit.pub")" 644
grep -qxF -- "$(cat "$dir/audit.pub")" <("$vaultd" init --data "$work/second" --key-file "$work/second.key") &&
    fail "two vaults with one key"
grep -qE '^contact-vault public 1 [A-Za-z0-9+/]{43}=$' "$dir/audit.pub" || fail "audit.pub: $(cat "$dir/audit.pub")"

# ---- in force ----

mkdir -m 0755 "$work/run"
mkdir -m 0700 "$work/checkpoints"
write <<END
[vault]
data = $work/another
key_file = $dir.key
[socket]
path = $work/run/v.sock
mode = 0606
[admin_socket]
path = $work/run/a.sock
mode = 0600
group = $(id -gn)
[limits]
drain_s = 60
write_s = 60
handshake_s = 60
stranger_s = 120
strangers_per_uid = 2
[audit]
checkpoint_folder = $work/checkpoints
checkpoint_s = 1
[log]
level = notice
END
# start_configured [VARIABLE=value...]: what is on the command line goes before the file.
start_configured() {
    env "$@" "$vaultd" --config "$conf" --data "$dir" >>"$log" 2>&1 </dev/null &
    daemon=$!
    await 60 configured_answers || fail "the daemon did not come up"
}
configured_answers() {
    [ "$("$vaultctl" status --socket "ipc://$work/run/v.sock" --json 2>/dev/null </dev/null | jq -r .state)" = unsealed ] ||
        ! alive
}

heard_alive() { [ "$(grep -c WATCHDOG=1 "$work/heard")" -ge 4 ]; }

# The service manager: a path, then an abstract name.
for ear in "$work/notify" "@contact-vault-test.$$"; do
    : >"$work/heard"
    python3 "$here/notified.py" "$ear" >"$work/heard" &
    others=($!)
    await 20 grep -q listening "$work/heard" || fail "no ear"
    start_configured NOTIFY_SOCKET="$ear" WATCHDOG_USEC=600000
    alive || fail "the daemon stopped at start"
    await 20 grep -q 'READY=1 STATUS=unsealed' "$work/heard" || fail "not told ready: $(cat "$work/heard")"
    expect 0 "$vaultctl" seal --socket "ipc://$work/run/a.sock"
    await 20 grep -qx 'STATUS=sealed' "$work/heard" || fail "not told of the seal"
    await 20 heard_alive || fail "not told that it is alive"
    stop_vault
    await 20 grep -q 'STOPPING=1 STATUS=stopping' "$work/heard" || fail "not told that it stops"
    kill "${others[0]}"
    wait "${others[0]}" 2>/dev/null || true
    others=()
done
say "the service manager hears: ready, sealed, alive, stopping"

start_configured
[ "$(stat -c %a "$work/run/v.sock")" = 606 ] || fail "mode $(stat -c %a "$work/run/v.sock") of the data socket"
[ "$(stat -c %a "$work/run/a.sock")" = 600 ] || fail "mode $(stat -c %a "$work/run/a.sock") of the admin socket"
[ ! -S "$dir/run/vault.sock" ] || fail "it listens where it was not told to"
expect 0 "$vaultctl" namespace create milano --socket "ipc://$work/run/a.sock"
kept() { [ -n "$(find "$work/checkpoints" -type f -size +0)" ]; }
await 20 kept || fail "no checkpoint in the second place"
! grep -q ' info vaultd: ' "$log" || fail "the log's level is not in force"
grep -qE '^20[0-9-]{8}T[0-9:.]{12}Z notice vaultd: started' "$log" || fail "no time in front of the log's lines"
say "sockets, modes, checkpoint folder and level are in force"

# SIGHUP changes nothing, and is said.
from_here
kill -HUP "$daemon"
await 20 log_says 'reload_ignored' || fail "SIGHUP is not said"
configured_answers && alive || fail "SIGHUP ended it"

# A caller who does not take his answers holds the drain up, for as long as it may last.
clog() {
    : >"$work/clog" # before the one in the background does it
    python3 "$here/clog.py" "$work/run/v.sock" >"$work/clog" &
    others=($!)
    await 30 grep -q clogged "$work/clog" || fail "the connection takes whatever it is sent"
}
unclog() {
    : >"$work/clog" # before the one in the background does it
    kill -9 "${others[0]}"
    wait "${others[0]}" 2>/dev/null || true
    others=()
}
clog
from_here
kill -TERM "$daemon"
await 20 log_says stopping || fail "SIGTERM is not heard"
sleep 1
alive || fail "the drain did not wait for what was in flight"
stop_vault # a second SIGTERM, and exit 0
log_says 'drain_cut told_to=yes' || fail "the drain was not cut by the second SIGTERM"
unclog
sed -i 's/^drain_s = 60/drain_s = 2/' "$conf"
start_configured
clog
from_here
before=$SECONDS
stop_vault
log_says 'drain_cut told_to=no' || fail "the drain was not cut by its deadline"
[ $((SECONDS - before)) -ge 1 ] && [ $((SECONDS - before)) -le 20 ] || fail "a drain of $((SECONDS - before)) s"
unclog
start_configured
stop_vault
say "SIGTERM waits for what is in flight; a second one, or the deadline, ends that; each time in good order"

# What closed the log is in the second place too.
expect 0 "$vaultctl" audit verify --json "$dir/data/audit"
same "the newest line of the second place" \
    "$(tail -qn 1 "$work/checkpoints"/checkpoints-* | tail -n 1 | cut -d ' ' -f 6)" \
    "$(json '.first + .entries - 1')"
say "the checkpoint of an orderly stop is kept"

# ---- a maintenance thread that does not come back ----

# As when another machine's disk is gone: after a while, and in the very first write there. A release has no such
# places to fail at.
hung_in() { # FAILPOINT
    ear=$work/notify.$1
    : >"$work/heard"
    python3 "$here/notified.py" "$ear" >"$work/heard" &
    others=($!)
    await 20 grep -q listening "$work/heard" || fail "no ear"
    start_configured NOTIFY_SOCKET="$ear" WATCHDOG_USEC=600000 CONTACT_VAULT_FAILPOINTS="$1"
    await 20 heard_alive || fail "not told that it is alive"
    quiet() {
        local before
        before=$(grep -c WATCHDOG=1 "$work/heard")
        sleep 2
        [ "$(grep -c WATCHDOG=1 "$work/heard")" -eq "$before" ]
    }
    if [ "$3" = silent ]; then
        await 30 quiet || fail "told that it is alive, and its maintenance thread hangs"
    else
        sleep 3
        ! quiet || fail "not told that it is alive, and only the second place hangs"
    fi
    alive || fail "the daemon stopped by itself"
    expect 0 "$vaultctl" namespace create "$2" --socket "ipc://$work/run/a.sock"
    from_here
    before=$SECONDS
    stop_vault # exit 0
    took=$((SECONDS - before))
    [ $took -ge 4 ] && [ $took -le 15 ] || fail "$took s to stop with a hung maintenance thread"
    for said in 'sealed recorded=ok' 'maintenance_hangs patience_ms=5000' 'stopped code=0'; do
        log_says "$said" || fail "not in the log: $said"
    done
    kill "${others[0]}"
    wait "${others[0]}" 2>/dev/null || true
    others=()
    start_configured
    expect 0 "$vaultctl" namespace list --socket "ipc://$work/run/a.sock" --json
    expect_json '.name != null'
    grep -q "$2" "$out" || fail "what was made before the stop is gone"
    stop_vault
    expect 0 "$vaultctl" audit verify --json "$dir/data/audit"
    expect_json '.ok and .unclean == 0'
}
if grep -qa maintenance_tick_hangs "$vaultd"; then
    hung_in maintenance_tick_hangs=30 berlin silent
    hung_in audit_kept_hangs=3 roma alive
    say "the watchdog hears nothing of a hung maintenance thread; SIGTERM ends it all the same, in good order"
fi

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S26, with unit/place.
# The service under a real systemd, in a machine of its own (support/machine.sh): installed, started sealed,
# unsealed by its credential; who is in the socket's group may call and nobody else; killed and stuck it comes
# back; told to stop it leaves nothing; and how shut in it is.
# shellcheck source=tests/support/machine.sh
. "$(dirname "$0")/../support/machine.sh"
machine_enter "$@"
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

release=${VAULT_RELEASE:-$build/release}
[ -f "$release/cmake_install.cmake" ] || fail "no release build in $release: ctest -R build/release makes it"
service=contact-vault.service
exposure_max=2.0

# ---- installed ----

machine_make
DESTDIR=$machine cmake --install "$release" >"$work/install.log" 2>&1 || fail "$(tail -n 5 "$work/install.log")"
ldconfig -r "$machine"
machine_boot
expect 0 in_machine systemd-sysusers
for user in alice bob carol; do expect 0 in_machine useradd --no-create-home --user-group "$user"; done
for user in alice carol; do expect 0 in_machine usermod -aG contact-vault-users "$user"; done
expect 0 in_machine usermod -aG contact-vault-admins carol
# It looks the manual's pages up, where there is a program to read them with.
pages=yes
in_machine sh -c 'command -v man' >/dev/null || pages=no
expect 0 in_machine systemd-analyze verify --man="$pages" /usr/lib/systemd/system/$service
[ ! -s "$err" ] || fail "systemd has something to say about the unit"
say "installed in a machine with $(in_machine systemctl --version | sed -n 1p)"

# As docs say: the vault is made by the daemon's user, its key goes where only root reads it.
expect 0 in_machine install -d -m 0711 -o contact-vault -g contact-vault /var/lib/contact-vault
expect 0 in_machine install -d -m 0700 -o contact-vault -g contact-vault /run/contact-vault-key
expect 0 as_user contact-vault vaultctl init --data /var/lib/contact-vault \
    --key-file /run/contact-vault-key/root --admin-uid 0

show() { in_machine systemctl show -P "$1" $service; }
journal() { in_machine journalctl --no-pager -o cat -u $service; }
main_pid() { show MainPID; }
status_text_is() { [ "$(show StatusText)" = "$1" ]; }
state() { in_machine vaultctl status --json 2>/dev/null | jq -r .state; }
state_is() { [ "$(state)" = "$1" ]; }

expect 3 in_machine vaultctl status
expect_error 'None runs as a service here'
expect 0 in_machine install -d -m 0755 -o contact-vault -g contact-vault /run/contact-vault
expect 0 as_user contact-vault vaultd --check-config --config /etc/contact-vault/vaultd.conf
same "the installed configuration" "$(cat "$out")" ok
expect 0 in_machine rmdir /run/contact-vault

# ---- without its credential ----

expect 0 in_machine systemctl start $service
same "its status" "$(show StatusText)" sealed
same "untold, vaultctl sees it" "$(state)" sealed
journal >"$work/journal"
grep -q 'no root key was handed over: the vault is sealed' "$work/journal" || fail "its log does not say that it is sealed"
expect 4 in_machine vaultctl namespace create milano
expect_error sealed
expect 0 in_machine systemctl stop $service
expect 3 in_machine vaultctl status
say "without a credential it starts sealed, and says so"

# ---- with it ----

expect 0 in_machine install -d -m 0700 /etc/credstore.encrypted
expect 0 in_machine systemd-creds encrypt --with-key=host --name=contact-vault-root-key \
    /run/contact-vault-key/root /etc/credstore.encrypted/contact-vault-root-key
expect 0 in_machine rm -r /run/contact-vault-key
expect 0 in_machine systemctl start $service
same "its status" "$(show StatusText)" unsealed
same "result" "$(show Result)/$(show ActiveState)" success/active
state_is unsealed || fail "not unsealed by its credential"
same "the run folder and the key in it" "$(in_machine find /run/contact-vault /run/contact-vault-key 2>/dev/null | LC_ALL=C sort | tr '\n' ' ')" \
    "/run/contact-vault /run/contact-vault/admin.sock /run/contact-vault/vault.sock "
say "unsealed by the encrypted credential"

# ---- shut in ----

pid=$(main_pid)
of_process() { in_machine sed -n "s/^$1:[[:space:]]*//p" "/proc/$pid/status"; }
# limit NAME [PID]: the hard one.
limit() { in_machine sed -n "s/^$1  *[^ ]*  *\([^ ]*\) .*/\1/p" "/proc/${2:-$pid}/limits"; }
same "its user" "$(in_machine stat -c %U "/var/lib/contact-vault/data")" contact-vault
same "uid" "$(of_process Uid | cut -f1)" "$(in_machine id -u contact-vault)"
same "capabilities" "$(of_process CapEff)/$(of_process CapBnd)" 0000000000000000/0000000000000000
same "no new privileges" "$(of_process NoNewPrivs)" 1
same "umask" "$(of_process Umask)" 0077
[ "$(of_process Seccomp_filters)" -gt 1 ] || fail "the unit's filter of calls and vaultd's own are not both in force"
same "core" "$(limit 'Max core file size')" 0
# Process 1 can raise it with CAP_SYS_RESOURCE (bit 24) alone, which a container may lack.
wanted=unlimited
if [ $(((0x$(in_machine sed -n 's/^CapEff:[[:space:]]*//p' /proc/1/status) >> 24) & 1)) -eq 0 ]; then
    wanted=$(limit 'Max locked memory' 1)
fi
same "locked memory" "$(limit 'Max locked memory')" "$wanted"
journal >"$work/journal"
grep -qE 'sandbox landlock_abi=[1-9][0-9]* seccomp=(yes|true|1)' "$work/journal" ||
    fail "vaultd's own sandbox: $(grep -m 1 sandbox "$work/journal")"
! grep -iE 'warning|error' "$work/journal" || fail "the log has something to complain about"
expect 0 in_machine systemd-analyze security --no-pager $service
figure=$(sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\) .*/\1/p' "$out")
awk -v figure="$figure" -v most=$exposure_max 'BEGIN { exit !(figure != "" && figure + 0 <= most + 0) }' ||
    fail "exposure ${figure:-unknown}, wanted $exposure_max or better"
say "exposure $figure, and its own sandbox besides: $(grep -m 1 -o 'sandbox landlock.*' "$work/journal")"

# ---- who may call ----

for socket in vault:contact-vault-users admin:contact-vault-admins; do
    same "the ${socket%:*} socket" "$(in_machine stat -c '%a %U %G' "/run/contact-vault/${socket%:*}.sock")" \
        "660 contact-vault ${socket#*:}"
done
expect 0 in_machine vaultctl namespace create milano
for user in alice bob; do
    expect 0 in_machine vaultctl principal add $user --uid "$(in_machine id -u $user)"
    expect 0 in_machine vaultctl grant $user service -n milano
done
expect 0 as_user alice vaultctl tokenize --json '+39 06 5555 0147'
token=$(json .token)
expect 3 as_user bob vaultctl tokenize '+39 06 5555 0147'
expect_error 'permission denied'
expect 5 as_user carol vaultctl tokenize '+39 06 5555 0147'
expect 3 as_user alice vaultctl namespace list
expect_error 'permission denied'
expect 5 as_user carol vaultctl namespace list
say "a member of the group tokenizes; who is in none is refused by the socket, who is unknown by the vault"

# S26: somebody else could put a socket there.
expect 0 in_machine chmod g+w /run/contact-vault
expect 3 as_user alice vaultctl tokenize '+39 06 5555 0147'
expect_error 'so it is not asked'
expect 0 in_machine chmod g-w /run/contact-vault
expect 0 as_user alice vaultctl mask "$token"
# A socket of another user in its place, in folders that are in order: she hears nothing.
expect 0 in_machine mv /run/contact-vault/vault.sock /run/contact-vault/away.sock
touch "$work/heard"
in_machine python3 -c '
import os, socket, sys
ear = socket.socket(socket.AF_UNIX)
ear.bind("/run/contact-vault/vault.sock")
os.chmod("/run/contact-vault/vault.sock", 0o666)
os.setuid(int(sys.argv[1]))
ear.listen()
print("listening", flush=True)
ear.settimeout(8)
callers = heard = 0

def listen_to(caller):
    got = b""
    try:
        caller.settimeout(2)
        caller.sendall(b"\0SP\0\0\x31\0\0") # it greets as a vault does, and gets a greeting
        while more := caller.recv(4096):
            got += more
    except OSError:
        pass
    return len(got[8:])

try:
    while True:
        caller, _ = ear.accept()
        callers += 1
        heard += listen_to(caller)
except TimeoutError:
    print("callers", callers, "heard", heard, flush=True)
' "$(in_machine id -u bob)" >"$work/heard" 2>&1 &
others+=($!)
await 20 grep -q listening "$work/heard" || fail "no false server: $(cat "$work/heard")"
expect 3 as_user alice vaultctl tokenize --timeout 3000 '+39 06 5555 0147'
expect_error 'is not trusted; nothing was sent'
wait "${others[-1]}" || true
unset 'others[-1]'
grep -q 'callers [1-9][0-9]* heard 0$' "$work/heard" || fail "a false server was told something: $(cat "$work/heard")"
expect 0 in_machine mv /run/contact-vault/away.sock /run/contact-vault/vault.sock
say "vaultctl, untold, asks nobody but the vault"

# ---- killed, stuck, restarted, stopped ----

is_another() { [ "$(main_pid)" != 0 ] && [ "$(main_pid)" != "$pid" ] && state_is unsealed; }
comes_back() {
    await 40 is_another || fail "$1, it does not come back: $(show ActiveState) $(show StatusText)"
    pid=$(main_pid)
    expect 0 as_user alice vaultctl lookup --json '0039 06 55550147'
    same "the token, $1" "$(json .token)" "$token"
}
expect 0 in_machine kill -9 "$pid"
comes_back "killed"
expect 0 in_machine systemctl restart $service
comes_back "restarted"

# ---- alarms, out of all that shuts it in ----

printf '[notify]\ncommand = /usr/bin/logger\narguments = -t vault-alarm -p auth.alert\n' |
    in_machine tee -a /etc/contact-vault/vaultd.conf >/dev/null
expect 0 in_machine systemctl restart $service
comes_back "with a notifier"
expect 0 in_machine vaultctl notify test
alarm_came() { in_machine journalctl --no-pager -o cat -t vault-alarm | grep -q '^{"event":"test",'; }
await 20 alarm_came || fail "no alarm reached the journal: $(journal | tail -n 3)"
say "alarms reach the journal through logger, within the unit's own limits"

# The watchdog, with less patience than in the unit.
expect 0 in_machine mkdir -p /run/systemd/system/$service.d
printf '[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\n' | in_machine tee /run/systemd/system/$service.d/soon.conf >/dev/null
expect 0 in_machine systemctl daemon-reload
expect 0 in_machine systemctl restart $service
comes_back "restarted with a watchdog"
sleep 3
same "the process after three seconds of a watchdog of two" "$(main_pid)" "$pid"
expect 0 in_machine kill -STOP "$pid"
comes_back "stuck"
journal >"$work/journal"
grep -qi 'watchdog timeout' "$work/journal" || fail "it was not the watchdog that brought it back"
say "killed, restarted and stuck it comes back, unsealed, with the same tokens"

expect 0 in_machine systemctl stop $service
same "how it ended" "$(show Result) $(show ExecMainStatus) $(show ActiveState)" "success 0 inactive"
for name in vaultd vaultd-notifier; do
    ! in_machine pgrep -x $name || fail "a $name is left running"
done
! in_machine test -e /run/contact-vault || fail "its run folder is left"
expect 0 in_machine vaultctl audit verify --json
expect_json .ok
expect 3 in_machine vaultctl status

# The same key in plain on the vault's own disk is none.
expect 0 in_machine install -d -m 0700 /etc/credstore
expect 0 in_machine systemd-creds decrypt --name=contact-vault-root-key \
    /etc/credstore.encrypted/contact-vault-root-key /etc/credstore/contact-vault-root-key
same "bytes of the key" "$(in_machine stat -c %s /etc/credstore/contact-vault-root-key)" 32
expect 0 in_machine rm /etc/credstore.encrypted/contact-vault-root-key
expect 1 in_machine systemctl start $service
same "how it ended" "$(show ExecMainStatus)" 243 # systemd's word for CREDENTIALS
expect 0 in_machine systemctl stop $service
machine_stop || fail "the machine does not stop"
say "stopped in good order, the log is proven, no process is left"

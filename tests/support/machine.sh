# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A machine within this one, for what only an installed service shows: the host's own files underneath, whatever is
# written kept in memory above them, and a real systemd as process 1 in namespaces of its own (processes, mounts,
# network, host name, control groups). Nothing of it is left when it is stopped: with process 1 all others die.
#
# machine_enter goes before lib.sh is sourced, the others after it. $machine is the machine's root folder.
# shellcheck disable=SC2154,SC2317 # lib.sh's variables, and a function that it calls

# machine_enter "$@": goes on as root in a mount namespace of its own, or skips (77) with the reason.
machine_enter() {
    [ "${VAULT_IN_MACHINE:-}" != yes ] || return 0
    local why=
    if [ "$(id -u)" -ne 0 ]; then
        why="only root can boot a machine"
    elif [ ! -x /lib/systemd/systemd ]; then
        why="no systemd is installed here"
    elif ! grep -q overlay /proc/filesystems && ! modprobe -q overlay; then
        why="the kernel has no overlayfs"
    elif ! unshare -m -p -f -C -i -u -n true 2>/dev/null; then
        why="no namespaces may be made here"
    fi
    if [ -n "$why" ]; then
        echo "$(basename "$0" .sh): skipped: $why"
        exit 77
    fi
    VAULT_IN_MACHINE=yes exec unshare -m --propagation private "$0" "$@"
}

machine_group=
machine_keeper=
# machine_make: its files, not running yet: "$machine" can be installed into. It stands on the folder $machine_below,
# or on this machine's own root.
machine_make() {
    unset VAULT_KEEP # it is in memory: there is nothing to keep
    machine=$work/machine/root
    mkdir "$work/machine"
    mount -t tmpfs -o size=2g,mode=0755 tmpfs "$work/machine" || skip "no tmpfs may be mounted here"
    mkdir "$work/machine/"{above,work,root,cgroup}
    mount -t overlay -o "lowerdir=${machine_below:-/},upperdir=$work/machine/above,workdir=$work/machine/work" overlay "$machine" ||
        skip "no overlay may be mounted here"
    mount -t cgroup2 cgroup2 "$work/machine/cgroup" || skip "the kernel has no unified control groups"
    before_removal() {
        if [ "${code:-0}" -ne 0 ] && [ -n "$machine_keeper" ]; then machine_explain; fi
        machine_stop
    }
}

# machine_explain: the last lines of its journal, for a scenario that failed.
machine_explain() { in_machine journalctl --no-pager -o short-precise -n 25 2>/dev/null || true; }

# Runs as the machine's process 1 and becomes its systemd. The machine has a network, without a way out.
# shellcheck disable=SC2016 # the inner shell expands
machine_process_1='
set -eu
cd "$0"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=0755,nosuid tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=0755,nosuid tmpfs dev
for node in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 0666 "dev/${node%:*}" c 1 "${node#*:}"; done
mknod -m 0666 dev/tty c 5 0
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mkdir -p run/before
pivot_root . run/before
umount -l run/before
mount --make-rshared / # as on a machine: by this a service gets its credentials
cd /
exec env -i container=contact-vault-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --unit=basic.target --log-target=journal --show-status=no </dev/null'

# machine_boot: starts it and waits until it has booted.
machine_boot() {
    machine_group=$work/machine/cgroup/contact-vault-test.$$
    mkdir "$machine_group"
    (
        echo "$BASHPID" >"$machine_group/cgroup.procs"
        # It dies with the scenario, however that ends.
        exec setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --cgroup --ipc --uts --net \
            bash -c "$machine_process_1" "$machine"
    ) >"$work/machine.log" 2>&1 </dev/null &
    machine_keeper=$!
    await 60 machine_is_up || fail "the machine does not boot: $(tail -n 5 "$work/machine.log")"
}
machine_is_up() {
    kill -0 "$machine_keeper" 2>/dev/null || fail "the machine is gone: $(tail -n 5 "$work/machine.log")"
    machine_pid=$(cat "/proc/$machine_keeper/task/$machine_keeper/children" 2>/dev/null) || return 1
    machine_pid=${machine_pid%% *}
    [ -n "$machine_pid" ] && [ "$(cat "/proc/$machine_pid/comm" 2>/dev/null)" = systemd ] || return 1
    case $(in_machine systemctl is-system-running 2>/dev/null) in
    running | degraded) ;;
    *) return 1 ;;
    esac
}

# in_machine command...: as root of the machine. as_user NAME command...: as that user of it, with his groups.
in_machine() {
    nsenter --target "$machine_pid" --mount --pid --cgroup --ipc --uts --net --wd=/ \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C SYSTEMD_PAGER=cat "$@"
}
as_user() {
    local user=$1
    shift
    in_machine runuser -u "$user" -- "$@"
}

# machine_stop: at once, and all that is in it. Fails if a process outlives it.
machine_stop() {
    local code=0
    if [ -n "$machine_keeper" ]; then
        kill -9 "$machine_keeper" 2>/dev/null || true
        wait "$machine_keeper" 2>/dev/null || true
        machine_keeper=
    fi
    if [ -n "$machine_group" ]; then
        await 20 machine_is_empty || {
            echo "left running in the machine: $(cat "$machine_group"/cgroup.procs 2>/dev/null)"
            code=1
        }
        find "$machine_group" -depth -type d -exec rmdir {} + 2>/dev/null || true
        machine_group=
    fi
    for mounted in cgroup root; do umount -l "$work/machine/$mounted" 2>/dev/null || true; done
    umount -l "$work/machine" 2>/dev/null || true
    return $code
}
machine_is_empty() { ! grep -q 'populated 1' "$machine_group/cgroup.events" 2>/dev/null; }

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The same check on Debian 13, in a root of its own under build/debian13: made by debootstrap from the mirror that
# this machine's apt uses, kept for the next time, made anew when it is broken. It runs in namespaces of its own
# (mounts, processes), so that nothing stays mounted or running, whatever happens in there.

debian13_root=build/debian13/root

# debian13_prepare: the root folder with the tree in it. By root alone.
debian13_prepare() {
    if [ "$(id -u)" -ne 0 ]; then
        echo "check.sh --debian13: only root can make a root folder of another release" >&2
        return 1
    fi
    debian13_make && debian13_copy_tree
}

# The mirror this machine has its own packages from.
debian13_mirror() {
    # shellcheck disable=SC2016 # apt expands
    apt-get indextargets --format '$(SITE) $(LABEL)' 'Created-By: Packages' |
        awk '$2 == "Debian" { print $1; exit }'
}

debian13_is_whole() {
    [ -f "$debian13_root/whole" ] && [ "$(chroot "$debian13_root" dpkg --audit 2>&1)" = "" ] &&
        [ -x "$debian13_root/usr/bin/apt-get" ]
}

debian13_make() {
    local mirror
    if debian13_is_whole; then return 0; fi
    mirror=$(debian13_mirror)
    [ -n "$mirror" ] || {
        echo "check.sh --debian13: apt knows no mirror of Debian; apt-get update may help" >&2
        return 1
    }
    echo "== Debian 13 into $debian13_root"
    rm -rf --one-file-system "$debian13_root"
    mkdir -p "$debian13_root"
    debootstrap --variant=minbase trixie "$debian13_root" "$mirror" >build/debian13/debootstrap.log 2>&1 || {
        tail -n 20 build/debian13/debootstrap.log
        return 1
    }
    # Nothing in there must outlive a power cut.
    echo force-unsafe-io >"$debian13_root/etc/dpkg/dpkg.cfg.d/contact-vault"
    touch "$debian13_root/whole"
}

# The tree as it is here, builds apart; what was built in there before stays, so that only what changed is built.
debian13_copy_tree() {
    local tree=$debian13_root/contact-vault
    mkdir -p "$tree"
    find "$tree" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
    tar -c --exclude=./build --exclude=./.git . | tar -x --no-same-owner -C "$tree"
}

# Process 1 of the other release: mounts what a machine has, and leaves ours behind.
# shellcheck disable=SC2016 # the inner shell expands
debian13_process_1='
set -eu
root=$1
shift
mount --bind "$root" "$root"
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
cd "$root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount --rbind /dev dev
mount -t tmpfs -o mode=0755 tmpfs run
find tmp -mindepth 1 -delete # a disk, as ours is: in memory no two writers ever share a flush
mkdir run/before
pivot_root . run/before
umount -l /run/before
rmdir /run/before
cd /contact-vault
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/ LC_ALL=C.UTF-8 \
    ${FUZZ_SECONDS:+FUZZ_SECONDS="$FUZZ_SECONDS"} tools/check.sh "$@" || exit
exit 0'

# debian13_command arguments of check.sh...: fills the array $command.
# shellcheck disable=SC2034 # check.sh runs it
debian13_command() {
    command=(unshare --mount --pid --fork --kill-child --propagation private
        bash -c "$debian13_process_1" debian13 "$PWD/$debian13_root" "$@")
}

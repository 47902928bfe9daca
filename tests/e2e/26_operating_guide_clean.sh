#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034 # what machine.sh and guide.sh read
# A Debian 12 with nothing in it, this tree, and two pages: README.md's first command and its build, then the whole of
# docs/OPERATING.md, with its build. What works here needs nothing that only a developer's machine has.
# Wants root, debootstrap and the Debian mirror that this machine's apt uses. Minutes.
# shellcheck source=tests/support/machine.sh
. "$(dirname "$0")/../support/machine.sh"
if ! command -v debootstrap >/dev/null; then
    echo "26_operating_guide_clean: skipped: debootstrap is not installed (tools/install-deps.sh nightly)"
    exit 77
fi
machine_enter "$@"
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/guide.sh
. "$(dirname "$0")/../support/guide.sh"

# shellcheck disable=SC2016 # apt expands it
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Release: bookworm' 2>/dev/null | head -n 1)
[ -n "$mirror" ] || skip "this machine's apt knows no mirror of bookworm"
tree=$work/bookworm
debootstrap --variant=minbase --include=systemd-sysv bookworm "$tree" "$mirror" >"$work/debootstrap.log" 2>&1 ||
    skip "no bookworm can be fetched: $(tail -n 1 "$work/debootstrap.log")"
say "a bookworm of $(du -sm "$tree" | cut -f 1) MB"

# ---- README.md: the first command, as root in the new tree ----

source_folder=$tree/usr/src/contact-vault
mkdir -p "$source_folder"
if git -C "$root" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    (cd "$root" && git ls-files -z | xargs -0 tar -c --) | tar -x -C "$source_folder"
else
    tar -C "$root" --exclude=./build -c . | tar -x -C "$source_folder"
fi
# Read from here on: what somebody edits meanwhile is not what was copied.
readme=$source_folder/README.md
guide=$source_folder/docs/OPERATING.md
# The way to the mirror is the machine's business, not the pages'.
cp /etc/resolv.conf "$tree/etc/resolv.conf" 2>/dev/null || true
# Devices of its own: this machine's must not be there when the tree is removed.
for node in null:3 zero:5 full:7 random:8 urandom:9; do
    rm -f "$tree/dev/${node%:*}"
    mknod -m 0666 "$tree/dev/${node%:*}" c 1 "${node#*:}"
done
[ -e "$tree/dev/fd" ] || ln -s /proc/self/fd "$tree/dev/fd"
mount -t proc proc "$tree/proc"
before_removal() { umount -l "$tree/proc" 2>/dev/null || true; }
# shellcheck disable=SC2016 # the shell in the tree expands
in_tree() {
    chroot "$tree" env -i HOME=/tmp/home PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
        bash -c 'mkdir -p "$HOME" && cd /usr/src/contact-vault && . /dev/stdin' >"$work/tree.log" 2>&1
}
grep -q '^    \./tools/try\.sh ' "$readme" || fail "README.md's first command is another"
in_tree <<<'./tools/try.sh' || fail "try.sh in a new tree: $(tail -n 15 "$work/tree.log")"
say "README.md: $(tail -n 1 "$work/tree.log")"
# Who types the pages sits at a terminal and has a phone: here a program, which the pages need not.
in_tree <<<'apt-get -q -y install --no-install-recommends python3' || fail "no phone in the new tree"
{
    echo 'set -eu'
    # shellcheck disable=SC2016 # the shell in the tree expands
    echo 'export VAULTCTL_PLAYED=/tmp/played VAULTCTL_REAL=$PWD/build/release/tools/vaultctl/vaultctl'
    echo 'mkdir -p /tmp/played && vaultctl() { /usr/src/contact-vault/tests/support/at_terminal.sh "$@"; }'
    awk -v want='sh build' -f "$root/tests/support/fences.awk" "$readme"
    awk -v want='sh' -f "$root/tests/support/fences.awk" "$readme" |
        sed '/^cc -Iclient/i awk -v want=c -f tests/support/fences.awk README.md | sed "/^# /d" >example.c'
} >"$work/hour" || fail "no commands in README.md"
in_tree <"$work/hour" || fail "README.md's first hour in a new tree: $(tail -n 15 "$work/tree.log")"
grep -qE '^phn_[0-9a-z]{27} \+39' "$work/tree.log" || fail "the first hour gives no token by the C program"
say "README.md: its first hour"

# ---- docs/OPERATING.md: all of it, in a machine that stands on that tree ----

in_tree < <(echo 'set -eu' && awk -v want='sh build' -f "$root/tests/support/fences.awk" "$guide") ||
    fail "the guide's build: $(tail -n 15 "$work/tree.log")"
before_removal
machine_below=$tree
machine_make
source_folder=$machine/usr/src/contact-vault
guide_script built >"$source_folder/guide.sh"
machine_boot
guide_follow
guide_holds

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/OPERATING.md, taken from the page itself and typed in its order, as root, in a machine of its own with a real
# systemd (support/machine.sh): install, make, unseal, grant, import, watch, back up and restore, copy and put back, rotate
# all keys, compact, an incident, a second place, erase, shred, upgrade, uninstall. What is not typed here is the build: the
# test build/release has made it (26_operating_guide_clean types that, too).
# shellcheck source=tests/support/machine.sh
. "$(dirname "$0")/../support/machine.sh"
machine_enter "$@"
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/guide.sh
. "$(dirname "$0")/../support/guide.sh"

release=${VAULT_RELEASE:-$build/release}
[ -f "$release/cmake_install.cmake" ] || fail "no release build in $release: ctest -R build/release makes it"

machine_make
# What the guide's "cmake --install build/release" does; its words are checked, and again for the upgrade.
DESTDIR=$machine cmake --install "$release" >"$work/install.log" 2>&1 || fail "$(tail -n 5 "$work/install.log")"
source_folder=$machine/usr/src/contact-vault
mkdir -p "$source_folder/build/release"
cp "$release/install_manifest.txt" "$source_folder/build/release/"
guide_script installed >"$source_folder/guide.sh"
machine_boot
guide_follow
guide_holds

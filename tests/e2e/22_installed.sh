#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2119 # start_vault needs no wrapper here
# What `cmake --install` puts where: exactly the files of installed.txt, a configuration that is never written
# over, and a tree that runs where it lies. Uses the release build that the test build/release makes.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

release=${VAULT_RELEASE:-$build/release}
[ -f "$release/cmake_install.cmake" ] || fail "no release build in $release: ctest -R build/release makes it"
tree=$work/tree
install_it() { DESTDIR=$tree cmake --install "$release" >"$work/install.log" 2>&1 || fail "$(tail -n 5 "$work/install.log")"; }

# ---- the files ----

umask 0022
install_it
# The folder of a machine's libraries has another name on each.
triplet=$(sed -n 's/^CMAKE_INSTALL_LIBDIR:[A-Z]*=lib\/\?//p' "$release/CMakeCache.txt")
(cd "$tree" && find . ! -type d | sed "s#^\./##; s#^usr/lib/${triplet:-none}/#usr/lib/TRIPLET/#" | LC_ALL=C sort) >"$work/found"
LC_ALL=C sort "$here/installed.txt" | diff - "$work/found" || fail "other files were installed than installed.txt names"
! find "$tree" -perm /6000 | grep . || fail "something installed runs as another user"
! find "$tree" -perm /0022 ! -type l | grep . || fail "others may write to something installed"
unit=$tree/usr/lib/systemd/system/contact-vault.service
grep -qx 'ExecStart=/usr/sbin/vaultd --config /etc/contact-vault/vaultd.conf' "$unit" || fail "the unit starts something else"
! grep -rlF -e "$root/vaultd/" -e "$build" "$tree/etc" "$unit" "$tree/usr/lib/sysusers.d" || fail "a path of the build is in what was installed"
! find "$tree/usr/bin" "$tree/usr/sbin" -type f -exec readelf -d {} + | grep -iE 'R(UN)?PATH' ||
    fail "a program looks for libraries where it was built"
say "$(lines "$work/found") files, each where it belongs"

# ---- the configuration is the administrator's ----

conf=$tree/etc/contact-vault/vaultd.conf
same "mode of the configuration" "$(stat -c %a "$conf")" 644
echo '# mine' >>"$conf"
cp "$conf" "$work/mine"
install_it
cmp -s "$conf" "$work/mine" || fail "a second installation wrote over the configuration"
grep -q 'Left as it is: .*vaultd.conf' "$work/install.log" || fail "it is not said that the configuration was left"
rm "$conf"
install_it
[ -f "$conf" ] || fail "a configuration that is gone does not come back"
# Its keys are all known; of the machine nothing but the groups and folders is missing.
code=0
"$tree/usr/sbin/vaultd" --check-config --config "$conf" >"$out" 2>"$err" || code=$?
[ ! -s "$err" ] || ! grep -vE 'socket\.(group|path): (there is no such (group|folder)|the user this runs as|the folder|a folder)' "$err" ||
    fail "the installed configuration is wrong"
say "a configuration that is there stays as it is"

# ---- the tree runs ----

# A root of its own has ldconfig; here the folder is named.
LD_LIBRARY_PATH=$(dirname "$(find "$tree/usr/lib" -name 'libcontactvault.so.0' -print -quit)")
export LD_LIBRARY_PATH
vaultd=$tree/usr/sbin/vaultd
vaultctl=$tree/usr/bin/vaultctl
same "vaultctl's version" "$("$vaultctl" --version)" "vaultctl $(sed -n 's/^project(contact-vault VERSION \([0-9.]*\) .*/\1/p' "$root/CMakeLists.txt")"
new_vault # by vaultctl, which finds vaultd in ../sbin
start_vault
grep -q 'sandbox landlock_abi=[1-9][0-9]* seccomp=yes' "$log" || say "note: $(grep -m 1 sandbox "$log" || echo 'no word of the sandbox')"
new_cast
token=$(token_of '+39 06 5555 0147')
expect 0 as inbox lookup --json --region it '06 5555 0147'
same "the token of a national number" "$(json .token)" "$token"
stop_vault
say "init, start, tokenize, --region and stop from the installed tree"

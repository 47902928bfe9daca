#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing from Debian's own packages: install-deps.sh try|check|nightly|coverage|debian13|build|run
# (build: what an installed vault is built with; run: what that needs to run, without a compiler).
# Asks apt for nothing when nothing is missing. As root, or as somebody who may sudo.
set -euo pipefail

# A name, or several separated by | where releases of Debian call it differently: the first that exists.
build=(gcc g++ libc6-dev cmake ninja-build 'pkg-config|pkgconf'
    libsodium-dev liblmdb-dev libnng-dev 'libmsgpack-dev|libmsgpack-c-dev' libidn2-dev libunistring-dev
    libpsl-dev libjansson-dev libqrencode-dev libseccomp-dev libinih-dev liboath-dev)
try=(jq oathtool)
check=(jq zbar-tools oathtool libcmocka-dev libphonenumber-dev libprotobuf-dev strace python3
    python3-msgpack nanomsg-utils util-linux procps systemd mandoc groff-base bash-completion make valgrind)
nightly=('clang-14|clang' 'libclang-rt-14-dev|libclang-rt-dev' debootstrap)
coverage=(gcovr)
debian13=(debootstrap)
run=(libsodium23 liblmdb0 libnng1 'libmsgpackc2|libmsgpack-c2' libidn2-0 'libunistring2|libunistring5'
    'libpsl5|libpsl5t64' libjansson4 libqrencode4 libseccomp2 libinih1 'liboath0|liboath0t64' libphonenumber8 'libprotobuf32|libprotobuf32t64')

case ${1:-} in
try) wanted=("${build[@]}" "${try[@]}") ;;
check) wanted=("${build[@]}" "${check[@]}") ;;
nightly) wanted=("${build[@]}" "${check[@]}" "${nightly[@]}" debootstrap) ;;
coverage) wanted=("${build[@]}" "${check[@]}" "${coverage[@]}") ;;
build) wanted=("${build[@]}" libphonenumber-dev) ;;
run) wanted=("${run[@]}") ;;
debian13) wanted=("${debian13[@]}") ;; # the rest in there
*)
    echo "usage: install-deps.sh try|check|nightly|coverage|debian13|build|run" >&2
    exit 2
    ;;
esac

is_installed() {
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}
is_known() {
    apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'
}
any_installed() {
    local name
    for name in ${1//|/ }; do
        if is_installed "$name"; then return 0; fi
    done
    return 1
}
# The first of the names that apt knows; with no package lists yet, the first.
choose() {
    local name
    for name in ${1//|/ }; do
        if is_known "$name"; then
            echo "$name"
            return 0
        fi
    done
    echo "${1%%|*}"
    return 1
}

command -v dpkg-query >/dev/null || {
    echo "install-deps.sh: this is no Debian; wanted: ${wanted[*]}" >&2
    exit 1
}
missing=()
for names in "${wanted[@]}"; do
    any_installed "$names" || missing+=("$names")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "install-deps.sh: missing: ${missing[*]}; run this as root, or install sudo" >&2
        exit 1
    }
    as_root=(sudo)
fi
apt() {
    ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" </dev/null
}
names_of_missing() {
    local names all=0
    chosen=()
    for names in "${missing[@]}"; do
        chosen+=("$(choose "$names")") || all=1
    done
    return $all
}

echo "installing from Debian: ${missing[*]}"
if ! names_of_missing || ! apt install --no-install-recommends "${chosen[@]}"; then
    # No package lists, or lists that are out of date.
    apt update
    names_of_missing || true
    apt install --no-install-recommends "${chosen[@]}"
fi

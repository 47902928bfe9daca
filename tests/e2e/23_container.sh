#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The container recipe, vaultd/service/Containerfile. No container engine runs here: container_steps.py does the
# recipe's own instructions one by one above a root folder that debootstrap makes, and what they say of running is done
# with namespaces: its user, its environment, its volumes, no network, no terminal, and all else read-only. What an
# engine does besides (its own filter of calls, its ways of handing over secrets) is not tested.
# shellcheck source=tests/support/machine.sh
. "$(dirname "$0")/../support/machine.sh"
machine_enter "$@"
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
unset VAULT_KEEP
command -v debootstrap >/dev/null || skip "no debootstrap is installed here"

# ---- the recipe's steps ----

# shellcheck disable=SC2016 # apt expands
mirror=$(apt-get indextargets --format '$(SITE) $(LABEL)' 'Created-By: Packages' | awk '$2 == "Debian" { print $1; exit }')
[ -n "$mirror" ] || skip "apt knows no mirror of Debian"
base=$build/container/base
if [ ! -f "$base.whole" ]; then
    rm -rf --one-file-system "$base"
    mkdir -p "$base"
    debootstrap --variant=minbase bookworm "$base" "$mirror" >"$work/debootstrap.log" 2>&1 ||
        fail "no root folder of Debian 12: $(tail -n 3 "$work/debootstrap.log")"
    echo force-unsafe-io >"$base/etc/dpkg/dpkg.cfg.d/container" # as engines' images have it
    touch "$base.whole"
fi
say "the recipe's steps, by hand"
stages=$build/container/stages
rm -rf --one-file-system "$stages"
mkdir -p "$stages"
before_removal() {
    if [ -n "$daemon" ]; then kill -9 "$daemon" 2>/dev/null || true; fi
    umount -R -l "$stages/image" "$stages/build" 2>/dev/null || true
    rm -rf --one-file-system "$stages"
}
python3 "$here/container_steps.py" "$root/vaultd/service/Containerfile" "$root" "$base" "$stages" \
    >"$work/image.json" 2>"$work/steps.log" || fail "$(tail -n 15 "$work/steps.log")"
image=$stages/image
of_image() { jq -r "$1" "$work/image.json"; }
user=$(of_image .user)
[ "${user%%:*}" -ge 1000 ] || fail "it runs as $user"
! chroot "$image" sh -c 'command -v gcc cmake' || fail "a compiler is in the image"
same "volumes" "$(of_image '.volumes | join(" ")')" "/var/lib/contact-vault /run/contact-vault"

# ---- run ----

mkdir "$work/volumes" "$work/volumes/key" "$work/volumes/secrets"
mapfile -t environment < <(of_image '.environment | to_entries[] | "\(.key)=\(.value)"')
mapfile -t entrypoint < <(of_image '.entrypoint[]')
mapfile -t command < <(of_image '.cmd[]')
for volume in $(of_image '.volumes[]'); do # a new volume begins as the folder of the image
    mkdir -p "$work/volumes$volume"
    cp -a "$image$volume/." "$work/volumes$volume/"
    chown --reference "$image$volume" "$work/volumes$volume"
    chmod --reference "$image$volume" "$work/volumes$volume"
done
chown "$user" "$work/volumes/key"
mkdir -p "$image/key" "$image/run/secrets"
# shellcheck disable=SC2016 # the inner shell expands
inside='
set -eu
image=$1 volumes=$2
shift 2
mount --rbind "$image" "$image"
for folder in var/lib/contact-vault run/contact-vault key; do mount --bind "$volumes/$folder" "$image/$folder"; done
mount --bind "$volumes/secrets" "$image/run/secrets"
mount -o remount,bind,ro "$image/run/secrets"
mount -o remount,bind,ro "$image"
mount -t proc proc "$image/proc"
cd "$image"
exec chroot "$image" "$@"'
# run_image command...: as the image says it runs.
as_image=(unshare --mount --pid --fork --kill-child --ipc --uts --net bash -c "$inside" run "$image" "$work/volumes"
    /usr/bin/setpriv --reuid="${user%%:*}" --regid="${user##*:}" --clear-groups --no-new-privs --bounding-set=-all
    env -i "${environment[@]}")
run_image() { "${as_image[@]}" "$@"; }
# start_image STATE: the entrypoint with its command, without a terminal; $daemon is the namespaces' keeper.
start_image() {
    "${as_image[@]}" "${entrypoint[@]}" "${command[@]}" >>"$log" 2>&1 </dev/null &
    daemon=$!
    await 60 answers_or_is_gone "$1" || fail "it does not come up"
    kill -0 "$daemon" 2>/dev/null || fail "it ended at the start"
}
call() { run_image vaultctl "$@"; } # from another container, which shares the folder of the sockets
state_is() { [ "$(call status --json 2>/dev/null </dev/null | jq -r .state)" = "$1" ]; }
stop_image() {
    local inner code=0
    inner=$(cat "/proc/$daemon/task/$daemon/children")
    kill -"$(of_image .stopsignal)" "${inner%% *}"
    wait "$daemon" || code=$?
    daemon=
    same "how it ended" "$code" 0
}

expect 0 run_image "${entrypoint[@]}" init --data /var/lib/contact-vault --key-file /key/root --admin-uid "${user%%:*}"
expect 1 run_image touch /var/lib/other
start_image sealed
grep -q 'no root key was handed over: the vault is sealed' "$log" || fail "it does not say that it is sealed"
stop_image
mv "$work/volumes/key/root" "$work/volumes/secrets/contact-vault-root-key"
chown "$user" "$work/volumes/secrets/contact-vault-root-key"
start_image unsealed
mapfile -t healthcheck < <(of_image '.healthcheck[]')
expect 0 run_image "${healthcheck[@]}"
expect 0 call namespace create milano
# A caller known by a key, as one with user ids of its own would be.
run_image sh -c 'cd /key && vaultctl keygen -o inbox.key' >"$work/inbox.pub" 2>"$err" || fail "keygen"
cp "$work/inbox.pub" "$work/volumes/key/"
expect 0 call principal add inbox --public-key /key/inbox.pub --relayed
expect 0 call grant inbox service -n milano
expect 0 call tokenize --identity /key/inbox.key --json '+39 06 5555 0147'
token=$(json .token)
stop_image
start_image unsealed
expect 0 call lookup --identity /key/inbox.key --region IT --json '06 5555 0147'
same "the token, in another container on the same volume" "$(json .token)" "$token"
stop_image
say "made, started sealed and by its secret, stopped; what lasts is on the volume"

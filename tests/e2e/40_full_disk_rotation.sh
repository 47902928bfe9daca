#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S27 "no lookup misses, and an old key is destroyed only when nothing is left under it", on a full disk.
# A data key, an index key and the root key are rotated, and the disk fills meanwhile: every lookup hits, no key is
# destroyed, what key status says never goes back and never says it is over. With space it goes on by itself and ends,
# without a restart. A rotation that is begun on a full disk is refused, and makes no key.
# shellcheck source=tests/e2e/namespace.sh
. "$(dirname "$0")/namespace.sh"
enter_namespace "no mount namespace may be made here" --mount "$@"
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

disk=$work/disk
mkdir "$disk"
mount -t tmpfs -o size=64m tmpfs "$disk" 2>/dev/null || skip "no tmpfs may be mounted here"
dir=$disk/vault
key_file=$work/first.key
before_removal() { umount -l "$disk" 2>/dev/null || true; }

contacts=1200
printf '[keys]\nrekey_rate = 400\n' >"$work/slow.conf"
chmod 0600 "$work/slow.conf"
vaultd_options=(--config "$work/slow.conf")
expect 0 "$vaultctl" init --data "$dir" --key-file "$key_file"
start_vault
new_cast
for i in $(seq $contacts); do printf 'lead-%04d@example.org\n' "$i"; done >"$work/leads"
feed 0 as inbox tokenize --json - <"$work/leads"
jq -r .token "$out" >"$work/tokens"
sed -n '1~100p' "$work/leads" >"$work/some"
sed -n '1~100p' "$work/tokens" >"$work/some-tokens"

fill() {
    head -c 64M /dev/zero >"$disk/ballast" 2>/dev/null || true
    [ "$(df --output=avail "$disk" | tail -n 1)" -eq 0 ] || fail "the disk is not full"
}
expect_tokens() {
    feed 0 as inbox lookup --json - <"$work/leads"
    jq -r .token "$out" | cmp -s - "$work/tokens" || fail "$1: a token changed"
}
expect_values() {
    feed 0 as paola detokenize --json --reason 'is it whole?' - <"$work/some-tokens"
    jq -r .value "$out" | cmp -s - "$work/some" || fail "$1: a token leads elsewhere"
}
done_before=0
# expect_going PURPOSE: on its way, and it says so, and no more than is true.
expect_going() {
    expect 0 as admin key status --json
    jq -e --arg purpose "$1" --argjson before "$done_before" '.rekey.running == true and .rekey.stuck == false
        and .rekey.done >= $before and .rekey.done <= .rekey.total
        and ([.keys[] | select(.namespace == "milano" and .purpose == $purpose) | .state] | sort) == ["active", "retired"]' \
        "$out" >/dev/null || fail "key status does not say that it goes on"
    done_before=$(json .rekey.done)
}
is_running() { "$vaultctl" key status --data "$dir" --json 2>/dev/null </dev/null | jq -e .rekey.running >/dev/null; }
waits() { kill -0 "${others[0]}" 2>/dev/null; }
has_ended() { ! waits; }

# ---- data and index keys ----

for purpose in data index; do
    pid=$daemon
    done_before=0
    "$vaultctl" key rotate $purpose -n milano --wait --data "$dir" >"$work/waited" 2>&1 </dev/null &
    others=($!)
    await 20 is_running || fail "it does not begin"
    fill
    cp "$dir/data/keyring" "$work/keyring"
    expect_going $purpose
    # Longer than it takes with space.
    until=$((SECONDS + 8))
    while [ $SECONDS -lt $until ]; do
        expect_tokens "$purpose, full"
        expect_going $purpose
        sleep 0.5
    done
    waits || fail "who waits for it was told it is over: $(cat "$work/waited")"
    cmp -s "$dir/data/keyring" "$work/keyring" || fail "$purpose: the keyring changed on a full disk"
    expect_values "$purpose, full"
    other=index
    [ $purpose = data ] || other=data
    expect 6 as admin key rotate $other -n berlin
    expect 0 as admin key status --json
    expect_json '[.keys[] | select(.namespace == "berlin")] | length == 2'
    say "$purpose: $done_before of what is to be done is done, and on a full disk it goes no further"
    rm "$disk/ballast"
    await 90 has_ended || fail "with space back it does not end"
    wait "${others[0]}" || fail "with space back it fails: $(cat "$work/waited")"
    others=()
    same "the daemon" "$daemon" "$pid"
    alive || fail "the daemon stopped"
    expect 0 as admin key status --json
    expect_json '.rekey.running == false and .rekey.stuck == false
        and ([.keys[] | select(.namespace == "milano") | .records] | unique) == ['$contacts']'
    expect_tokens "$purpose, after"
    expect_values "$purpose, after"
done
say "with space back both went on by themselves and ended"

# ---- the root key ----

# vaultctl keeps the new key where it does not know better.
fill
cp "$dir/data/keyring" "$work/keyring"
expect 6 as admin key rotate root --unseal keyfile --key-file "$work/never.key"
cmp -s "$dir/data/keyring" "$work/keyring" || fail "the keyring changed on a full disk"
expect_tokens "root, full"
rm "$disk/ballast"
expect 0 as admin key rotate root --unseal keyfile --key-file "$work/second.key"
stop_vault
start_refused "not this vault's root key"
key_file=$work/second.key
start_vault
expect_tokens "root, after"
expect_values "root, after"

# ---- the log ----

expect 0 as admin audit verify --json
expect_json .ok
expect 0 as admin audit tail --from 1 --json
jq -es '[.[] | select(.operation == "key_rotate" or .operation == "key_destroyed" or .operation == "root_rotate")]
    | (map(select(.phase == "intent")) | length) == (map(select(.phase == "outcome")) | length)
    and (map(select(.phase == "outcome" and .operation == "key_destroyed" and .status == "ok").subject) | sort) == ["data", "index"]' \
    "$out" >/dev/null || fail "the log does not say what became of each key"
tries=$(jq -s '[.[] | select(.operation == "key_destroyed" and .phase == "intent")] | length' "$out")
[ "$tries" -le 12 ] || fail "$tries tries to destroy two keys fill the log"
stop_vault
say "the root key stays as it was on a full disk, and rotates with space; $tries tries to destroy two keys"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S1.
# A full disk: a clear error, no crash, honest callers go on, no reveal without its entry in the log; and
# when space is back everything works again without a restart.
#
# The disk is a small tmpfs in a mount namespace of its own, so nothing is left mounted whatever happens.
# shellcheck source=tests/e2e/namespace.sh
. "$(dirname "$0")/namespace.sh"
enter_namespace "no mount namespace may be made here" --mount "$@"
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

disk=$work/disk
mkdir "$disk"
mount -t tmpfs -o size=64m tmpfs "$disk" 2>/dev/null || skip "no tmpfs may be mounted here"
dir=$disk/vault
before_removal() { umount -l "$disk" 2>/dev/null || true; }

new_vault
start_vault
new_cast
for i in $(seq 4000); do printf 'before-%04d@example.org\n' "$i"; done >"$work/before"
feed 0 as inbox tokenize --json - <"$work/before"
jq -r .token "$out" >"$work/tokens"
feed 0 as paola detokenize --json --reason 'before the disk is full' - <"$work/tokens"
revealed=$(jq -r 'select(.value) | .value' "$out" | wc -l)
same revealed "$revealed" 4000

head -c 64M /dev/zero >"$disk/ballast" 2>/dev/null || true
[ "$(df --output=avail "$disk" | tail -n 1)" -eq 0 ] || fail "the disk is not full"
say "the disk is full"

# New contacts until the vault says no; one by one an LMDB may still find a freed page.
refused=no
for round in $(seq 40); do
    for i in $(seq 2000); do printf 'during-%02d-%04d@example.org\n' "$round" "$i"; done >"$work/during"
    code=0
    as inbox tokenize --json - <"$work/during" >"$out" 2>"$err" || code=$?
    alive || fail "the daemon stopped"
    if [ $code -ne 0 ]; then
        refused=$round
        break
    fi
done
[ "$refused" != no ] || fail "80,000 contacts on a full disk"
[ $code -eq 6 ] || [ $code -eq 1 ] || fail "exit $code of a tokenize on a full disk"
grep -qi 'unavailable\|full\|space' "$out" "$err" || fail "the error does not say what is wrong"
say "batch $refused of new contacts is refused: $(cat "$err" "$out" | head -n 1 | cut -c1-120)"

feed 0 as inbox tokenize --json - <"$work/before"
same "tokens of known contacts" "$(jq -r .token "$out" | cmp - "$work/tokens" && echo same)" same
feed 0 as inbox mask --json - <"$work/tokens"
say "known contacts and masks are answered as before"

# Reveals go on while the log has room, and not one further.
refused=no
for round in $(seq 60); do
    code=0
    as paola detokenize --json --reason 'while the disk is full' - <"$work/tokens" >"$out" 2>"$err" || code=$?
    alive || fail "the daemon stopped"
    revealed=$((revealed + $(jq -r 'select(.value) | .value' "$out" | wc -l)))
    if [ $code -ne 0 ]; then
        refused=$round
        break
    fi
done
[ "$refused" != no ] || fail "240,000 reveals with no room for the log"
say "a reveal of 4,000 is refused, after $revealed revealed: $(cut -c1-120 "$err")"
state_is unsealed || fail "no status on a full disk"

rm "$disk/ballast"
await 20 as inbox tokenize 'after@example.org' >/dev/null 2>&1 </dev/null || fail "no new contact with space back"
await 20 as paola detokenize --reason 'space is back' "$(head -n 1 "$work/tokens")" >/dev/null 2>&1 </dev/null ||
    fail "no reveal with space back"
revealed=$((revealed + 1))
feed 0 as inbox tokenize --json - <"$work/during"
say "space is back, and so is the vault, without a restart"

expect 0 as admin audit verify --json
expect_json .ok
expect 0 as admin audit tail --from 1 --json
recorded=$(jq -s '[.[] | select(.operation == "detokenize" and .status == "ok" and .token)] | length' "$out")
[ "$recorded" -ge "$revealed" ] || fail "$revealed contacts were revealed, $recorded recorded"
say "$revealed reveals, $recorded recorded"
stop_vault
start_vault
feed 0 as inbox lookup --json - <"$work/before"
same "tokens after a restart" "$(jq -r .token "$out" | cmp - "$work/tokens" && echo same)" same
stop_vault

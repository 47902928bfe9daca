#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S32, S33.
# The restore drill: a backup under load, the machine gone, and a vault out of the backup: every token handed
# out before reveals the same, what was erased since is gone, rights that were taken stay taken, the log goes
# on and is proved, and the second place of before is accepted. Then each thing that may be wrong with a
# backup is refused with its own word and leaves nothing; then a restore is killed at each step, and run again.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

second=$work/second
mkdir -m 0700 "$second" "$work/tmp"
cat >"$work/vaultd.conf" <<CONF
[audit]
checkpoint_folder = $second
CONF
vaultd_options=(--config "$work/vaultd.conf")

new_vault
start_vault
new_cast
new_principal clerk privacy milano
new_principal aldo audit -
new_principal bruno reveal milano --person
expect 0 as admin recipient new safe -o "$work/safe.key"

for ((i = 0; i < 1200; i++)); do echo "lead$i@example.com"; done >"$work/leads"
feed 0 as inbox tokenize - <"$work/leads"
cut -f1 "$out" >"$work/tokens"
sed -n 1,20p "$work/tokens" >"$work/some"
feed 0 as paola detokenize --reason drill - <"$work/some"
cp "$out" "$work/revealed"
early=$(sed -n 100p "$work/tokens")
expect 0 as clerk erase --reason gone "$early" # before the backup: never there again

# ---- a backup under load ----

"$storm" overlap "$dir/run/vault.sock" "$work/inbox.key" 4 >"$work/storm.out" 2>"$work/storm.err" &
others=($!)
expect 0 as admin backup "$work/backup"
kill -TERM "${others[0]}"
wait "${others[0]}" || fail "the ledger and the vault differ"
others=()
cp -r "$dir/data/audit" "$work/early"

# ---- what happens after it, and must not be undone ----

late=$(sed -n 200p "$work/tokens")
expect 0 as clerk erase --reason gone "$late"
expect 0 as admin principal disable bruno
expect 0 as admin revoke crm service -n berlin
new_principal nino reveal milano --person
expect 0 as admin namespace create torino
feed 0 as nino detokenize --reason drill - <"$work/some" # by somebody the backup does not know
expect 0 as admin freeze
sleep 2.5 # until the second place has the freeze
kill_vault
cp -r "$dir/data/audit" "$work/newer"
cp "$dir/audit.pub" "$work/audit.pub"
mv "$dir" "$work/gone" # the machine
root_key=$work/root.key
mv "$dir.key" "$root_key"
[ -s "$(ls "$second"/checkpoints-* | head -1)" ] || fail "the second place is empty"

restore() { "$vaultctl" restore "$work/backup" --data "$dir" --recipient "$work/safe.key" --key-file "$root_key" "$@"; }
nothing_left() { [ ! -e "$dir" ] || fail "something is left of a restore that was refused: $(ls -la "$dir")"; }

# ---- is it good? ----

expect 0 "$vaultctl" backup --verify "$work/backup" --recipient "$work/safe.key" --key-file "$root_key" --tmp "$work/tmp" --json
expect_json '.ok and .restored == false and .contacts >= 1199 and .namespaces == 2 and .entries > 20'
same "left behind by a verify" "$(ls -A "$work/tmp")" ""
contacts=$(json .contacts)

# ---- refused, each by its own word ----

# refused NAME TEXT command...: with this word for programs and these for people, and nothing is left.
refused() {
    local name=$1 text=$2
    shift 2
    expect 1 "$@" --json
    expect_json ".ok == false and .fault == \"$name\" and (.message | test(\"$text\"))"
    nothing_left
}
refused log_needed 'accept-lost-erasures' restore
cp "$work/backup" "$work/b" && cp "$work/backup.keyring" "$work/b.keyring"
other() { "$vaultctl" restore "$work/b" --data "$dir" --recipient "$work/safe.key" --key-file "$root_key" --audit "$work/newer" "$@"; }
again() { cp "$work/backup" "$work/b" && cp "$work/backup.keyring" "$work/b.keyring"; }
truncate -s -100 "$work/b" && refused truncated 'its end is missing' other && again
flip() { # FILE OFFSET
    printf '\377' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
flip "$work/b" 100000 && refused chunk_altered 'damaged' other && again
flip "$work/b" 40 && refused header_altered 'header is damaged' other && again
echo more >>"$work/b" && refused trailing 'behind its end' other && again
head -c 100 /dev/urandom >"$work/b" && refused not_a_backup 'no backup' other && again
cp "$work/b.keyring" "$work/b" && refused wrong_part 'taken for each other' other && again
rm "$work/b.keyring" && refused unreadable 'are both FILE' other && again
size=$(stat -c %s "$work/b")
python3 - "$work/b" <<'PY'
import sys
data = open(sys.argv[1], 'rb').read()
chunk = 65536 + 21
begin = len(data) - (len(data) - 68 - 112 - 72) % chunk - 2 * chunk if len(data) > 4 * chunk else None
head = 68 + 112 + 72
first, second = data[head:head + chunk], data[head + chunk:head + 2 * chunk]
open(sys.argv[1], 'wb').write(data[:head] + second + first + data[head + 2 * chunk:])
PY
same "size of the reordered backup" "$(stat -c %s "$work/b")" "$size"
refused chunk_altered 'damaged' other && again
"$vaultctl" recipient new nobody -o "$work/nobody.key" --data "$work/none" >"$out" 2>"$err" </dev/null || true
head -c 32 /dev/urandom >"$work/wrong.key" && chmod 400 "$work/wrong.key"
refused wrong_root_key 'not the root key' "$vaultctl" restore "$work/b" --data "$dir" --recipient "$work/safe.key" --key-file "$work/wrong.key" --audit "$work/newer"
printf 'contact-vault recipient private 1\n%s\n' "$(head -c 32 /dev/urandom | base64)" >"$work/nobody.key"
refused wrong_key 'sealed to other recipients' "$vaultctl" restore "$work/b" --data "$dir" --recipient "$work/nobody.key" --key-file "$root_key" --audit "$work/newer"
mkdir "$dir" && echo x >"$dir/file"
expect 1 restore --audit "$work/newer"
expect_error 'not empty'
same "a directory that was not empty" "$(ls -A "$dir")" file
rm -r "$dir"

# ---- a newer log that is none ----

mkdir "$work/older" && refused log_missing 'no log' restore --audit "$work/older"
rm -r "$work/older" && cp -r "$work/newer" "$work/older"
flip "$work/older/00000001.seg" 3000 && refused log_altered 'not whole|altered' restore --audit "$work/older"

# Whole, and ending too early: only what was kept elsewhere tells.
cat "$second"/checkpoints-* >"$work/kept"
refused log_altered 'ends before it' restore --audit "$work/early" --checkpoint "$work/kept"
refused no_checkpoints 'no checkpoint' restore --audit "$work/newer" --checkpoint "$work/leads"
expect 2 restore --accept-lost-erasures --checkpoint "$work/kept"

# ---- killed at each step, and then it works ----

points=(restore_read restore_replayed restore_before_rename)
[ "${1:-}" != all ] || points=(restore_rows_read restore_read restore_verified restore_erased restore_replayed restore_recorded restore_before_rename)
for point in "${points[@]}"; do
    CONTACT_VAULT_FAILPOINTS=$point expect 86 restore --audit "$work/newer"
    [ ! -e "$dir/data" ] || fail "after a kill at $point there is a vault"
    start_refused 'no vault'
done
# What each has left the next one has cleared away; nobody else's is.
CONTACT_VAULT_FAILPOINTS=restore_rows_read expect 86 restore --audit "$work/newer"
echo mine >"$dir/mine"
expect 1 restore --audit "$work/newer"
expect_error 'not empty'
[ -e "$dir/mine" ] || fail "a file that is not its own was removed"
rm -r "$dir"
CONTACT_VAULT_FAILPOINTS=restore_renamed expect 86 restore --audit "$work/newer"
[ -e "$dir/data/version" ] || fail "after the rename there is no vault"
expect 1 restore --audit "$work/newer"
expect_error 'holds a vault already'
rm -r "$dir"

# ---- restored ----

expect 0 restore --audit "$work/newer" --checkpoint "$work/kept" --json
expect_json ".ok and .restored and .log == \"newer\" and .contacts == $contacts and .erased >= 1 and .disabled == 1 and .revoked == 1
    and .frozen and .principals_lost == 1 and .namespaces_lost == 1 and .grants_lost == 1 and .admins_kept == 0"
same "modes" "$(stat -c %a "$dir" "$dir/data" "$dir/audit.pub" | tr '\n' ' ')" "711 700 644 "
cmp "$dir/audit.pub" "$work/audit.pub" || fail "the log is signed by another key"
cp "$root_key" "$dir.key"
launch_vault
await 60 answers_or_is_gone frozen || fail "the restored vault does not come up, or is not frozen"
alive || fail "the restored vault stopped at start"
feed 0 as inbox lookup - < <(sed -n 1,20p "$work/leads")
cut -f1 "$out" | cmp - "$work/some" || fail "a token changed"
expect 0 as admin unfreeze
feed 0 as paola detokenize --reason drill - <"$work/some"
cmp "$out" "$work/revealed" || fail "a token reveals something else"
for token in "$early" "$late"; do
    expect 1 as paola detokenize --reason drill "$token"
done
expect 5 as bruno detokenize --reason drill "$(sed -n 1p "$work/some")"
expect 5 as crm tokenize nobody@example.com
stop_vault
cat "$second"/checkpoints-* >"$work/kept"
expect 0 "$vaultctl" audit verify --data "$dir" --public-key "$work/audit.pub" --checkpoint "$work/kept" --json
expect_json '.ok and .anchored and .unclean == 0'
expect 0 "$vaultctl" audit verify --data "$dir" --public-key "$work/audit.pub"
grep -q 'since it was restored, entry' "$out" || fail "nothing is said of the restore"

# ---- the old machine comes back: two of them are one too many ----

mv "$dir" "$work/restored"
mv "$work/gone" "$dir"
start_refused 'another copy of this vault'
rm -r "$dir"

# ---- and with the log lost ----

expect 0 restore --accept-lost-erasures --json
expect_json '.ok and .log == "backup" and .erased == 0'
rm -r "${second:?}"/* && start_vault
feed 6 as paola detokenize --reason drill - <"$work/some" # every budget starts spent
expect 0 as aldo audit tail --operation restored --json
expect_json '.subject == "log-lost"'
stop_vault
"$leakfind" "$work/leads" "$dir" "$work/backup" "$work/backup.keyring" || fail "a contact stands in a file"

# ---- a root key in shares, and one made of a passphrase ----

rm -r "$dir" "$dir.key" "${second:?}"/*
expect 0 "$vaultctl" init --data "$dir" --unseal shares --shares 3 --threshold 2 --json
jq -r '.shares[]' "$out" >"$work/shares"
"$vaultd" --data "$dir" "${vaultd_options[@]}" >>"$log" 2>&1 </dev/null &
daemon=$!
await 60 answers_or_is_gone sealed || fail "the vault with shares does not come up"
expect 0 "$vaultctl" unseal --data "$dir" --share-file "$work/shares"
expect 0 as admin recipient new safe -o "$work/second.key"
expect 0 as admin backup "$work/shared"
echo 'a passphrase that is long enough' >"$work/passphrase" && chmod 600 "$work/passphrase"
expect 0 as admin key rotate root --unseal passphrase --passphrase-file "$work/passphrase"
expect 0 as admin backup "$work/passed"
stop_vault
good() { "$vaultctl" backup --verify "$work/$1" --recipient "$work/second.key" --tmp "$work/tmp" --json "${@:2}"; }
sed -n '3p;1p' "$work/shares" >"$work/two"
expect 0 good shared --share-file "$work/two"
expect_json '.ok and .contacts == 0'
sed -n 2p "$work/shares" >"$work/one"
expect 2 good shared --share-file "$work/one"
expect 0 good passed --passphrase-file "$work/passphrase"
echo 'a passphrase that is quite another' >"$work/passphrase"
expect 1 good passed --passphrase-file "$work/passphrase"
expect_json '.fault == "wrong_root_key"'
expect 2 good shared
expect_error 'share'

say "killed at $((${#points[@]} + 2)) steps, refused 17 ways, restored twice"

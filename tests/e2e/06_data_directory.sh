#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S10 and S8.
# A data directory that is not what it should be: each fault gets a clear error and a non-zero exit, and
# nothing is lost once it is put right.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

new_vault
start_vault
new_cast
phone=$(token_of '+1 202-555-0147')
email=$(token_of 'Maria@example.com')
expect 0 as paola detokenize --reason check "$phone"

# Two daemons on one directory.
code=0
timeout 60 "$vaultd" --data "$dir" --key-file "$dir.key" >"$out" 2>"$err" </dev/null || code=$?
[ $code -ne 0 ] && [ $code -lt 124 ] || fail "exit $code of a second daemon"
expect_error another
state_is unsealed || fail "the first daemon does not answer any more"
same "the token" "$(token_of +12025550147)" "$phone"
expect 1 "$vaultctl" init --data "$dir"
say "a second daemon is turned away, the first goes on"

# An older keyring, and an older store.
cp -a "$dir/data" "$work/older"
expect 0 as admin namespace create roma
stop_vault
cp -a "$dir/data" "$work/whole"
keyring=$(cd "$dir/data" && find . -name 'keyring*' -type f)
database=$(cd "$dir/data" && find . -name 'data.mdb' -type f)
segment=$(cd "$dir/data" && find ./audit -type f | sort | sed -n 1p)
[ -n "$keyring" ] && [ -n "$database" ] && [ -n "$segment" ] || fail "keyring, store or audit not found"

# put_right: and everything is there again.
put_right() {
    rm -rf "$dir/data"
    cp -a "$work/whole" "$dir/data"
}
still_whole() {
    put_right
    start_vault
    same "the phone's token" "$(token_of +12025550147)" "$phone"
    same "the address's token" "$(token_of maria@example.com)" "$email"
    stop_vault
    put_right
}
# refused WHAT TEXT: the daemon says TEXT and does not start.
refused() {
    start_refused "$2"
    say "$1: $(sed -n "s#$work/##g; s/^vaultd: //p" "$err" | cut -c1-150)"
    put_right
}

cp "$work/older/$keyring" "$dir/data/$keyring"
refused "an older keyring put back" older
cp "$work/older/$database" "$dir/data/$database"
refused "an older store put back" older
still_whole

# Another version of the whole.
sed -i 's/[0-9][0-9]*$/1/' "$dir/data/version"
refused "a data directory of the version before" 'data version 1'
printf nonsense >"$dir/data/version"
refused "a version file that is none" version
still_whole

# The keyring file.
truncate -s 100 "$dir/data/$keyring"
refused "a keyring cut short" keyring
: >"$dir/data/$keyring"
refused "an empty keyring" keyring
rm "$dir/data/$keyring"
refused "no keyring" keyring
size=$(stat -c %s "$dir/data/$keyring")
for offset in 0 8 9 12 30 $((size / 2)) $((size - 1)); do
    python3 "$here/tamper.py" flip "$dir/data/$keyring" $offset
    start_refused 'key\|vault'
    put_right
done
python3 "$here/tamper.py" flip "$dir/data/$keyring" 8 0x03
refused "a keyring of another version" 'version\|keyring'
still_whole

# The root key.
cp "$dir.key" "$work/kept.key"
rm -f "$dir.key"
head -c 32 /dev/urandom >"$dir.key"
chmod 0400 "$dir.key"
refused "a wrong root key" key
rm -f "$dir.key"
printf short >"$dir.key"
chmod 0400 "$dir.key"
refused "a root key too short" key
rm -f "$dir.key"
refused "no root key" key
cp "$work/kept.key" "$dir.key"
chmod 0644 "$dir.key"
refused "a root key that everybody may read" 'key\|mode\|read'
chmod 0400 "$dir.key"
still_whole

# The store.
head -c 65536 /dev/urandom >"$dir/data/$database"
refused "a store of noise" store
truncate -s 6000 "$dir/data/$database"
refused "a store cut short" store
vault_id=$(od -An -tx1 -j10 -N16 "$dir/data/$keyring" | tr -d ' \n')
python3 "$here/tamper.py" find "$dir/data/$database" "$(printf vault | od -An -tx1 | tr -d ' \n')01$vault_id" >"$work/at"
[ -s "$work/at" ] || fail "the vault's row was not found"
while read -r offset; do
    python3 "$here/tamper.py" flip "$dir/data/$database" $((offset + 5)) 0x03
done <"$work/at"
refused "a vault's row of another version" 'version'
still_whole

# A record altered, and two records that changed places: found at use, and the neighbours unharmed.
# live TOKEN: where its record stands. LMDB copies pages, and leaves old ones behind; in the one that
# counts a changed byte is noticed.
live() {
    local offset code
    for offset in $(python3 "$here/records.py" "$dir/data/$database" "$1"); do
        python3 "$here/tamper.py" flip "$dir/data/$database" $((offset + 30))
        start_vault
        code=0
        as inbox mask "$1" >"$out" 2>"$err" </dev/null || code=$?
        stop_vault
        put_right
        if [ $code -ne 0 ]; then
            echo "$offset" >"$work/at"
            return 0
        fi
    done
    fail "no record of $1"
}
live "$phone"
phone_at=$(cat "$work/at")
live "$email"
email_at=$(cat "$work/at")
for place in 0 2 5 9 20 28 60; do
    python3 "$here/tamper.py" flip "$dir/data/$database" $((phone_at + place))
    start_vault
    expect 1 as paola detokenize --json --reason check "$phone" "$email"
    # While its header is not believed nobody knows its namespace, and it may be as if it did not exist.
    if [ $place -lt 28 ]; then wanted='not_found|corrupt'; else wanted=corrupt; fi
    jq -rs '[.[] | .value // .error.code] | join(" ")' "$out" | grep -qE "^($wanted) Maria@example.com\$" ||
        fail "byte $place of a record"
    expect 1 as inbox mask --json "$phone"
    expect_json ".error.code | test(\"^($wanted)\$\")"
    expect 1 as inbox tokenize --json +12025550147
    expect_json '.error.code == "corrupt"'
    stop_vault
    put_right
done
say "a record altered in seven places: found each time, never another contact, never a second token"
# Whole, and only what is sealed in them.
for piece in '0 100' '28 72'; do
    read -r from size <<<"$piece"
    python3 "$here/tamper.py" swap "$dir/data/$database" $((phone_at + from)) $((email_at + from)) "$size"
    start_vault
    expect 1 as paola detokenize --json --reason check "$phone" "$email"
    expect_json '.error.code | test("^(corrupt|not_found)$")'
    expect 1 as inbox tokenize --json +12025550147 maria@example.com
    expect_json '.error.code == "corrupt"'
    stop_vault
    put_right
done
say "two records that changed places: neither is given out"
still_whole

# The log.
python3 "$here/tamper.py" flip "$dir/data/$segment" 200
refused "a byte of the log changed" 'audit\|segment\|byte\|log'
rm "$dir/data/$segment"
refused "a segment of the log missing" 'audit\|segment\|log'
rm -r "$dir/data/audit"
refused "the whole log missing" 'audit\|log'
still_whole

# No vault at all.
rm -rf "$dir/data"
start_refused 'vault\|init\|data'
mkdir "$work/empty"
dir_kept=$dir
dir=$work/empty key_file=$dir_kept.key
start_refused 'vault\|init\|data'
dir=$dir_kept
say "no vault in the directory: said so"
put_right

# A path too long for a socket.
long=$work/$(printf 'x%.0s' $(seq 100))
mkdir "$long"
cp -a "$dir" "$long/vault"
key_file=$dir.key dir=$long/vault
start_refused '107\|too long'
say "a socket path over 107 bytes: said so"

# An init that was cut short, with everything made but the admin. Without failpoints it makes a whole one.
dir=$work/cut key_file=$work/cut.key
code=0
CONTACT_VAULT_FAILPOINTS=init_before_admin "$vaultctl" init --data "$dir" >"$out" 2>"$err" </dev/null || code=$?
if [ $code -ne 0 ]; then
    start_refused 'init was cut short'
    say "an init that was cut short: said so"
fi

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S31.
# A backup while others tokenize: nobody is refused, and both files hold what they should. Then vaultctl is killed
# in the middle of one, then the daemon is, then the disk is full: never is there a FILE, what the log says
# is right, and the next backup works.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

new_vault
start_vault
new_cast
new_principal aldo audit -
backups=$work/backups
mkdir "$backups"
for ((i = 0; i < 3000; i++)); do echo "lead$i@example.com"; done >"$work/leads"
feed 0 as inbox tokenize - <"$work/leads"

# holds FILE: sound, signed, and with at least the leads; what it says is in $out.
holds() {
    expect 0 "$build/tests/backup_look" "$work/safe.key" "$dir/audit.pub" "$1"
    expect_json '.records >= 3000 and .tokens == .records and .entries > 10'
}
no_file() { # FILE: neither part has its name
    [ ! -e "$1" ] && [ ! -e "$1.keyring" ] || fail "there is a $1 of a backup that failed"
}
last_end() { # FILTER: about the log's newest word on a backup
    expect 0 as aldo audit tail --operation backup_ended --json
    jq -es "last | $1" "$out" >/dev/null || fail "the log does not say of the backup: $1"
}

# ---- recipients ----

expect 1 as admin backup "$backups/none"
expect_error 'vaultctl recipient new'
no_file "$backups/none"
expect 0 as admin recipient new safe -o "$work/safe.key"
expect_error 'belongs offline'
grep -q '^contact-vault recipient public 1 ' "$out" || fail "no public half was printed"
same mode "$(stat -c %a "$work/safe.key")" 600
expect 1 as admin recipient new other -o "$work/safe.key"
expect_error 'never overwritten'
expect 1 as admin recipient new safe -o "$work/second.key"
[ ! -e "$work/second.key" ] || fail "a private half was left of a recipient that was refused"
expect 2 as admin recipient add sender --public-key "$work/sender.pub"
expect_error "not a recipient's public key"

# ---- under load, and slowly ----

"$storm" overlap "$dir/run/vault.sock" "$work/inbox.key" 4 >"$work/storm.out" 2>"$work/storm.err" &
others=($!)
expect 0 as admin backup "$backups/first" --json
expect_json '.bytes > 500000 and .rows > 9000 and (.backup | length) == 32'
kill -TERM "${others[0]}"
wait "${others[0]}" || fail "the ledger and the vault differ"
others=()
cp "$work/storm.out" "$out"
expect_json '.lost == 0 and .changed == 0 and .passing_errors == 0 and .unexpected == 0'
holds "$backups/first"
last_end '.status == "ok"'
same mode "$(stat -c %a "$backups/first" "$backups/first.keyring" | sort -u)" 600
"$leakfind" "$work/leads" "$backups" || fail "a contact stands in a backup"
expect 1 as admin backup "$backups/first"
expect_error 'nothing is overwritten'
holds "$backups/first"

# in_the_middle FILE: a backup is under way, in the background, for some ten seconds at this rate.
slowly() {
    "$vaultctl" backup "$1" --rate 1 --data "$dir" >"$work/slow.out" 2>"$work/slow.err" </dev/null &
    others=($!)
    await 10 test -s "$1.part" || fail "no backup began: $(cat "$work/slow.err")"
}
# Enough for two seconds.
for ((i = 0; i < 9000; i++)); do echo "more$i@example.com"; done >"$work/more"
feed 0 as inbox tokenize - <"$work/more"

# ---- told to stop ----

slowly "$backups/stopped"
kill -TERM "${others[0]}"
wait "${others[0]}" && fail "a backup that was told to stop says that it was made"
others=()
no_file "$backups/stopped"
[ ! -e "$backups/stopped.part" ] || fail "a .part was left behind"
last_end '.status == "unavailable" and .subject == "given-up"'

# ---- kill -9 of vaultctl ----

slowly "$backups/killed"
kill -9 "${others[0]}"
wait "${others[0]}" 2>/dev/null || true
others=()
no_file "$backups/killed"
works_again() { as admin backup "$backups/killed" >"$out" 2>"$err" </dev/null; }
await 30 works_again || fail "no backup can be made after one was killed"
holds "$backups/killed"
expect 0 as aldo audit tail --operation backup_ended --json
jq -es 'any(.[]; .subject == "displaced")' "$out" >/dev/null || fail "the log does not say what became of the killed one"

# ---- kill -9 of the daemon ----

slowly "$backups/orphaned"
kill_vault
wait "${others[0]}" && fail "a backup says that it was made, and the daemon was killed"
others=()
no_file "$backups/orphaned"
same 'lines of its word' "$(lines "$work/slow.err")" 1
start_vault
expect 0 as admin backup "$backups/orphaned"
holds "$backups/orphaned"

# ---- a full disk, on vaultctl's side ----

(ulimit -f 100; trap '' XFSZ; as admin backup "$backups/large") >"$out" 2>"$err" </dev/null && fail "a backup on a full disk"
same 'lines of its word' "$(lines "$err")" 1
expect_error 'File too large; there is no backup'
no_file "$backups/large"
last_end '.subject == "given-up"'

# ---- gone, and still on record ----

expect 0 as admin recipient remove safe
expect 1 as admin backup "$backups/nobody"
expect 0 "$vaultctl" audit verify --data "$dir"
say "backups under load, told to stop, killed on either side and on a full disk"

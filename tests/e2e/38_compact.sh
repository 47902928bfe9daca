#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S36.
# Most of a vault is erased, and it is compacted while 8 threads tokenize: no request fails, the database file
# becomes smaller, holds nothing any more of what was erased, and all else is what it was, after a restart too.
# Then the daemon is killed with -9 at each step of a compaction: it comes up with the old file or the new.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

contacts=20000
kept=500
database=$dir/data/store/data.mdb

new_vault
start_vault
new_cast
new_principal clerk privacy milano

seq -f 'lead%.0f@example.com' 1 $contacts >"$work/leads"
feed 0 as inbox tokenize - <"$work/leads"
cut -f1 "$out" >"$work/tokens"
head -n $kept "$work/leads" >"$work/kept"
head -n $kept "$work/tokens" >"$work/kept.tokens"
# Bytes of a sealed record that will be gone, as they stand in the file: its token, in the record's header.
victim=$(sed -n "${contacts}p" "$work/tokens")
tail -n +$((kept + 1)) "$work/tokens" >"$work/gone"
feed 0 as clerk erase --reason 'asked by letter' - <"$work/gone"

expect_ledger() {
    feed 0 as inbox lookup - <"$work/kept"
    cut -f1 "$out" >"$work/now"
    cmp -s "$work/kept.tokens" "$work/now" || fail "a token changed: $(diff "$work/kept.tokens" "$work/now" | head -3)"
    feed 0 as sender detokenize --reason 'a message goes out' - <"$work/kept.tokens"
    cut -f2 "$out" >"$work/now"
    cmp -s "$work/kept" "$work/now" || fail "a contact is another: $(diff "$work/kept" "$work/now" | head -3)"
    expect 1 as inbox lookup "lead$contacts@example.com"
}
expect_ledger
python3 - "$database" "$victim" <<'END' || fail "the file holds nothing of what was erased even before: nothing is proved"
import sys
sys.path.insert(0, sys.argv[0])
alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
END
say "set up"

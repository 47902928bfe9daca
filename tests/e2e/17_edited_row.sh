#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S7, as a whole: an edited, copied, moved, added or removed row of who may do what, by
# somebody with a hex editor or LMDB's own tools, keeps the vault sealed; and the refusal says why.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
store=$dir/data/store
rows() { python3 "$here/rows.py" "$1" "$store" access "${@:2}"; }
# Keys: type and number (vaultd/DESIGN.md, "Access rows").
principal() { printf '70%08x' "$1"; }
namespace() { printf '6e%08x' "$1"; }
settings=7300000001
altered='refusing to unseal: a row of principals, grants or namespaces in the database was altered'
another='refusing to unseal: the principals, grants and namespaces in the database are not those the log recorded last'

new_vault
start_vault
new_cast # principals: 1 the admin, 2 inbox, 3 crm, 4 sender, 5 paola; namespaces: 1 milano, 2 berlin
token=$(token_of '+39 333 123 4567')
expect 0 as admin grant paola privacy -n milano
stop_vault
before=$(rows get "$(principal 5)")
copied=$(rows get "$(namespace 1)")
start_vault
expect 0 as admin revoke paola privacy -n milano
expect 0 as admin freeze
stop_vault
cp -a "$dir/data" "$work/data"
same 'rows' "$(rows list | cut -d ' ' -f 1 | tr '\n' ' ')" \
    "$(namespace 1) $(namespace 2) $(for i in 1 2 3 4 5; do printf '%s ' "$(principal $i)"; done)$settings "
bring_back() { rm -rf "$dir/data" && cp -a "$work/data" "$dir/data"; }

# refused WHAT TEXT: the database is as somebody has left it. Nothing that was written is repaired.
refused() {
    sha256sum "$store/data.mdb" >"$work/sum"
    start_refused "$2"
    same "lines that refuse" "$(grep -c '^vaultd: refusing to' "$err")" 1
    bring_back
    say "$1: $(sed -n 's/^vaultd: refusing to //p' "$err")"
}

# ---- with a hex editor, in the file ----

# Before the grants stand number 4, kind, flags, uid 4, key 32, created 8, size of name, name, count; before
# all of it version, suite and the nonce.
role_of() { echo $((2 + 24 + 4 + 1 + 1 + 4 + 32 + 8 + 1 + $1 + 1)); } # SIZE OF NAME
edited() { # KEY OFFSET MASK: wherever that row's bytes stand in the file
    local at
    rows places "$1" >"$work/places"
    [ -s "$work/places" ] || fail "the row's bytes are not in the file"
    while read -r at; do python3 "$here/tamper.py" flip "$store/data.mdb" $((at + $2)) "$3"; done <"$work/places"
}
edited "$(principal 5)" "$(role_of 5)" $((3 ^ 4)) # reveal to admin
refused "paola's role edited, from reveal to admin" "$altered"
edited "$(principal 3)" "$(($(role_of 3) + 4))" $((2 ^ 1)) # berlin to milano
refused "the namespace of crm's grant edited" "$altered"
edited "$(principal 1)" 0 2
refused "a version of another day" "$altered"
edited $settings $((2 + 24 + 4)) 1 # from people to nobody
refused "the freeze edited away" "$altered"
edited "$(namespace 1)" $((2 + 24 + 4 + 8)) 1
refused "a retention edited in" "$altered"

# ---- with LMDB's own tools ----

rows put "$(principal 5)" "$(rows get "$(principal 1)")"
refused "the admin's row copied over paola's" "$altered"
rows put "$(principal 6)" "$(rows get "$(principal 1)")"
refused "the admin's row copied to a new one" "$altered"
rows put "$(namespace 2)" "$copied"
refused "one namespace's row copied over another's" "$altered"
left=$(rows get "$(principal 4)")
rows put "$(principal 4)" "$(rows get "$(principal 5)")"
rows put "$(principal 5)" "$left"
refused "two principals exchanged" "$altered"
rows delete "$(principal 3)"
refused "a row removed from the middle" "$altered"
rows delete "$(principal 5)"
refused "the last row removed" "$another"
rows delete $settings
refused "the freeze removed" "$another"
for i in 1 2 3 4 5; do rows delete "$(principal $i)"; done
refused "all principals removed" "$another"
rows put 7a00000001 00
refused "a row of a kind that is none" "$altered"

# Sealed by the vault itself, once: only the log knows that it was revoked.
rows put "$(principal 5)" "$before"
refused "paola's row from before the revoke put back" "$another"

# ---- what is refused at start is refused to whoever brings the key later, and he is told why ----

rows put "$(principal 5)" "$before"
"$vaultd" --data "$dir" >>"$log" 2>&1 </dev/null &
daemon=$!
await 60 answers_or_is_gone sealed || fail "it did not come up sealed"
expect 1 "$vaultctl" unseal --data "$dir" --key-file "$dir.key"
expect_error 'not those the log recorded last'
state_is sealed || fail "unsealed all the same"
expect 4 as paola detokenize --reason 'look' "$token"
expect 4 as paola erase --reason 'look' "$token"
stop_vault
bring_back
say "unseal: the same words, exit code 1, and the vault stays sealed"

# ---- as it was, it opens, and what was revoked is ----

launch_vault
await 60 answers_or_is_gone frozen || fail "it does not come up frozen, as it was"
expect 5 as paola erase --reason 'look' "$token"
expect 5 as paola detokenize --reason 'look' "$token"
expect_error frozen
expect 0 as admin unfreeze
expect 0 as paola detokenize --reason 'look' "$token"
same value "$(cat "$out")" '+393331234567'
stop_vault

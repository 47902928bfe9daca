#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What another project gets: the library installed under a prefix of its own, the example copied out of the tree
# and built there by make and pkg-config alone, and run against a vault, under valgrind too.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
for tool in make pkg-config valgrind cmake; do
    command -v "$tool" >/dev/null || skip "no $tool"
done

# ---- the library, built as it is released ----

compiler=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
prefix=$work/prefix
expect 0 cmake -S "$root" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DCMAKE_C_COMPILER="$compiler" -DCONTACT_VAULT_TESTS=OFF
expect 0 cmake --build "$work/build" --target contactvault
expect 0 cmake --install "$work/build" --component library --prefix "$work/elsewhere"
mv "$work/elsewhere" "$prefix" # it may be moved
rm -rf "$work/build"
pc=$(find "$prefix" -name contactvault.pc)
lib=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH=${pc%/*}
same "what is installed" "$(cd "$prefix" && find . ! -type d | sed 's|.*/||' | sort | tr '\n' ' ')" \
    "contactvault.h contactvault.pc libcontactvault.so libcontactvault.so.0 libcontactvault.so.0.1.0 "
same "a link" "$(readlink "$lib/libcontactvault.so")" libcontactvault.so.0
same "a link" "$(readlink "$lib/libcontactvault.so.0")" libcontactvault.so.0.1.0
expect 0 "$here/../check/exports.sh" "$lib/libcontactvault.so.0.1.0" "$compiler"
same "the version" "$(pkg-config --modversion contactvault)" 0.1.0
expect 0 pkg-config --validate contactvault

# ---- the example, out of the tree ----

cp -r "$root/client/example" "$work/example"
expect 0 make -C "$work/example" CC="$compiler" CFLAGS="-O1 -g -Wall -Wextra -Wpedantic -Werror"
webhook=$work/example/webhook
printf '#include <contactvault.h>\nint main() { return cv_status_name(CV_OK) == nullptr; }\n' >"$work/plus.cc"
read -ra flags <<<"$(pkg-config --cflags --libs contactvault)"
expect 0 g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror "$work/plus.cc" -o "$work/plus" "${flags[@]}" -Wl,-rpath,"$lib"
expect 0 "$work/plus"

new_vault
start_vault
new_cast
socket=$dir/run/vault.sock
receive() { "$@" "$webhook" receive "$socket" "$work/inbox.key"; }
deliver() { "$@" "$webhook" deliver "$socket" "$work/sender.key"; }
leaks=definite,indirect
checked=(valgrind --quiet --error-exitcode=99 --leak-check=full "--show-leak-kinds=$leaks" "--errors-for-leak-kinds=$leaks")

# Numbers and texts of one request, an empty line, and another; one that is no number, one line that is no message.
numbers=(393331234567 390655550147 447700900123)
inbound() {
    printf 'm1 %s Ciao, is it still there?\nm2 %s hello\nm3 12 who?\nnonsense\n\nm4 %s hi\n' "${numbers[@]}"
}

# ---- in: tokens and masks are stored, and no number ----

feed 0 receive < <(inbound)
cp "$out" "$work/store"
cp "$err" "$work/said"
same "messages stored" "$(cut -f 1 "$work/store" | tr '\n' ' ')" "m1 m2 m4 "
same "its text" "$(awk -F '\t' '$1 == "m1" { print $4 }' "$work/store")" "Ciao, is it still there?"
i=0
while IFS=$'\t' read -r id token mask _; do
    expect 0 as inbox lookup --json --wa-id "${numbers[i]}"
    same "the token of $id" "$token" "$(json .token)"
    same "the mask of $id" "$mask" "$(json .mask)"
    i=$((i + 1))
done <"$work/store"
same "rows compared" $i 3
grep -q '^refused m3 ' "$work/said" || fail "what is no number is not refused"
grep -q '^refused - ' "$work/said" || fail "a line that is no message is not refused"
for number in "${numbers[@]}"; do
    if grep -q "${number:2}" "$work/store" "$work/said"; then fail "a number is stored, or said"; fi
done
feed 0 receive "${checked[@]}" < <(inbound)
cmp -s "$out" "$work/store" || fail "under valgrind it stores something else"

# ---- out: the sender alone sees the number ----

awk -F '\t' '{ print $1, $2, "Yes, it is." } END { print "m9 phn_000000000000000000000000000 lost" }' "$work/store" >"$work/queue"
printf '+%s\tYes, it is.\n' "${numbers[@]}" >"$work/wanted"
feed 0 deliver <"$work/queue"
cmp -s "$out" "$work/wanted" || fail "not delivered to whom it should be"
grep -q '^refused m9 ' "$err" || fail "a token of nobody is not refused"
feed 0 deliver "${checked[@]}" <"$work/queue"
cmp -s "$out" "$work/wanted" || fail "under valgrind it delivers something else"
expect 0 as admin audit tail --from 1 --principal sender --operation detokenize --json
same "reveals on record" "$(jq -s '[.[] | select(.status == "ok")] | length' "$out")" 6
# Who may not is no reason to lose a message: a person is called.
feed 1 "$webhook" deliver "$socket" "$work/inbox.key" <"$work/queue"
grep -q '^the vault refuses: denied' "$err" || fail "it does not say that the vault refuses"
same "kept" "$(grep -c '^again ' "$err")" 4
[ ! -s "$out" ] || fail "delivered by somebody who may not"

# ---- what holds it up: frozen, over the budget, sealed, gone ----

# held COMMAND: all that is given comes again, nothing is done.
held() {
    feed 75 "$@"
    [ ! -s "$out" ] || fail "something was done"
    if grep -q '^refused m[124] ' "$err"; then fail "a message was refused that should be held"; fi
}
expect 0 as admin freeze --all
held deliver "${checked[@]}" <"$work/queue"
same "kept" "$(grep -c '^again ' "$err")" 4
expect 0 as admin unfreeze
feed 0 deliver <"$work/queue"
cmp -s "$out" "$work/wanted" || fail "after the freeze it is not delivered"

# Two more may be tokenized in a day; five come at once. What fits is stored, and the rest held.
new_principal small service milano
expect 0 as admin grant small service -n milano --daily 2
more() { for n in 1 2 3 4 5; do printf 'n%s 44770090010%s hi\n' $n $n; done; }
feed 75 "${checked[@]}" "$webhook" receive "$socket" "$work/small.key" < <(more)
same "stored within the budget" "$(lines "$out")" 2
same "held" "$(grep -c '^again n' "$err")" 3
if grep -q '^refused' "$err"; then fail "over the budget a message was refused"; fi

expect 0 as admin seal
held receive "${checked[@]}" < <(inbound)
expect 0 as admin unseal --key-file "$dir.key"
feed 0 receive < <(inbound)
cmp -s "$out" "$work/store" || fail "after the seal it stores something else"

stop_vault
held receive < <(inbound)
expect_error 'is vaultd running'

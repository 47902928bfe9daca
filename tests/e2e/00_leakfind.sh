#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The search that other scenarios trust: it finds one planted needle in every encoding, at every
# alignment and across borders and holes, and nothing where there is nothing.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

phone='+39 06 5555 0147'
digits=390655550147
email='Maria.Rossi@Example.com'
printf '%s\n%s\n' "$phone" "$email" >"$work/needles"
box=$work/box
mkdir "$box"

search() { "$leakfind" "$work/needles" "$box"; }

# found WHAT: what is in the box must be found exactly there.
found() {
    feed 1 search
    grep -q ": $2, needle $1\$" "$out" || fail "not found as $2: needle $1 ($3)"
    ! grep -qF -e "$phone" -e "$digits" -e "$email" "$out" "$err" || fail "the report repeats the needle"
}
plant() { head -c "$1" /dev/urandom >"$box/file" && cat >>"$box/file" && head -c 100 /dev/urandom >>"$box/file"; }

head -c 3000000 /dev/urandom >"$box/file"
feed 0 search
say "nothing is found in random bytes"

for before in 0 1 2 3 1048570 1048576; do
    printf '%s' "$phone" | plant $before
    found 1 plain "as given, after $before bytes"
    grep -q "file:$before: plain" "$out" || fail "the offset is wrong: $(cat "$out")"
    printf '+%s' $digits | plant $before
    found 1 plain "E.164, after $before bytes"
    printf '%s' $digits | plant $before
    found 1 plain "digits, after $before bytes"
    printf '%s' "${email,,}" | plant $before
    found 2 plain "lower case, after $before bytes"
    printf '%s' "$email" | rev | tr -d '\n' | plant $before
    found 2 reversed "reversed, after $before bytes"
    printf '%s' "$email" | od -An -tx1 | tr -d ' \n' | plant $before
    found 2 hex "hex, after $before bytes"
    printf '%s' "$email" | od -An -tx1 | tr -d ' \n' | tr a-f A-F | plant $before
    found 2 hex "HEX, after $before bytes"
done
say "found plain, reversed and in hex, also across the border of a chunk"

for text in "$phone" "+$digits" "$digits" "$email" "${email,,}"; do
    case $text in *@*) needle=2 ;; *) needle=1 ;; esac
    for before in '' a ab abc; do
        for after in '' x xy; do
            printf '%s%s%s' "$before" "$text" "$after" | base64 -w0 | plant 17
            found $needle base64 "'$before' in front, '$after' behind"
            printf '%s%s%s' "$before" "$text" "$after" | base64 -w0 | tr '+/' '-_' | plant 17
            found $needle base64 "url-safe, '$before' in front, '$after' behind"
        done
    done
done
# Letters whose base64 is different in the two alphabets.
printf '%s\n' '~~~???>>>~~~' >"$work/needles"
for before in '' a ab; do
    printf '%s~~~???>>>~~~' "$before" | base64 -w0 | plant 5
    found 1 base64 "standard alphabet, '$before' in front"
    printf '%s~~~???>>>~~~' "$before" | base64 -w0 | tr '+/' '-_' | plant 5
    found 1 base64 "url-safe alphabet, '$before' in front"
done
say "found in base64 at every alignment, in both alphabets"

printf '%s\n' "$email" >"$work/needles"
rm "$box/file"
truncate -s 8G "$box/sparse"
printf '%s' "$email" | dd of="$box/sparse" bs=1M seek=6000 conv=notrunc status=none
feed 1 search
grep -q "sparse:$((6000 * 1024 * 1024)): plain, needle 1" "$out" || fail "not found behind a hole"
say "found behind six gigabytes of hole"

rm "$box/sparse"
CANARY=$email sleep 30 &
daemon=$! # so that it ends with the scenario, whatever happens
feed 1 "$leakfind" "$work/needles" "/proc/$daemon/environ"
kill_vault
say "found in a process's environment"

mkdir "$box/deep"
printf '%s' "$email" >"$box/deep/inner"
feed 1 search
rm -r "$box/deep"
ln -s "$work/needles" "$box/link"
feed 0 search
say "folders are walked, links are not followed"

printf '123456\n' >"$work/needles"
feed 2 search
: >"$work/needles"
feed 2 search
feed 2 "$leakfind" "$work/needles"
printf '%s\n' "$email" >"$work/needles"
feed 2 "$leakfind" "$work/needles" "$work/no-such-folder"
say "too short, no needles, no path: exit 2"

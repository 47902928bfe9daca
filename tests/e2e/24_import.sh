#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# vaultctl import: tokens where contacts stood and every other byte as it was; no contact in what is written; and after
# kill -9, a vault that went away, a budget used up or a full disk it goes on and ends with the same bytes.
# shellcheck source=tests/e2e/namespace.sh
. "$(dirname "$0")/namespace.sh"
enter_namespace "no mount namespace may be made here" --mount "$@"
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

rows=${1:-30000}
kills_wanted=6
disk=$work/disk
mkdir "$disk"
mount -t tmpfs -o size=1m tmpfs "$disk" 2>/dev/null || skip "no tmpfs may be mounted here"
before_removal() { umount -l "$disk" 2>/dev/null || true; }
imported() { python3 "$here/imported.py" "$@"; }
leads() { python3 "$root/tools/bench/leads.py" "$@"; }
both=(--column phone --column email)

new_vault
start_vault
new_cast

# ---- leads as people have them ----

leads_csv=$root/tests/data/leads.csv
# Two hundred rows, some of them rubbish: their cells are empty, and named by line without what stood there.
expect 1 as inbox import "$leads_csv" "${both[@]}" -o "$work/leads.csv" --errors "$work/faults.csv" --json
same "documents" "$(lines "$out")" 1
expect_json '.rows == 200 and .tokens > 250 and .emptied > 20 and .left_out == 0 and (.output | endswith("leads.csv"))'
[ ! -s "$err" ] || fail "something on stderr besides --errors"
emptied=$(json .emptied)
tokens=$(json .tokens)
for file in leads.csv faults.csv; do same "mode of $file" "$(stat -c %a "$work/$file")" 600; done
for end in part import; do [ ! -e "$work/leads.csv.$end" ] || fail "leads.csv.$end is left behind"; done
imported values "$leads_csv" phone email >"$work/values"
feed 1 as inbox lookup --json - <"$work/values"
cp "$out" "$work/answers"
judged=$(imported judge "$leads_csv" "$work/answers" "$work/leads.csv" phone email) || fail "leads.csv: $judged"
same "rows, tokens, emptied" "$judged" "200 $tokens $emptied"
same "faults" "$(lines "$work/faults.csv")" $((emptied + 1))
same "the first line of the faults" "$(sed -n 1p "$work/faults.csv")" "line,column,code,message"
line=$(sed -n '2s/,.*//p' "$work/faults.csv")
column=$(sed -n 2p "$work/faults.csv" | cut -d, -f2)
sed -n "${line}p" "$work/leads.csv" | grep -q ',,' || fail "line $line has no empty cell in its column $column"
# Nothing of the columns is in what was written, in any encoding; the search has found a planted one first.
awk 'length >= 7' "$work/values" | sort -u >"$work/needles"
head -n 1 "$work/needles" >"$work/planted"
feed 1 "$leakfind" "$work/needles" "$work/leads.csv" "$work/faults.csv" "$work/planted"
! grep -qv "^$work/planted:" "$out" || fail "a contact in what was written"
say "$tokens tokens, $emptied cells emptied, no contact in the file"

# For a person: a summary, and the first few faults.
expect 1 as inbox import "$leads_csv" "${both[@]}" -o "$work/again.csv"
cmp -s "$work/again.csv" "$work/leads.csv" || fail "the same leads, another file"
same "said" "$(cat "$out")" "200 rows, $tokens tokens, $emptied cells emptied"
same "faults said" "$(lines "$err")" 10
expect_error 'line 7, phone: write + and the country code, or give --region; the cell is emptied'
feed 0 "$leakfind" "$work/needles" "$err"
# With the region there are fewer; those that were replaced already stay as they are.
expect 1 as inbox import "$leads_csv" "${both[@]}" --region IT -o "$work/italian.csv" --json
[ "$(json .emptied)" -lt "$emptied" ] || fail "--region helped nobody"
expect 0 as inbox import "$work/leads.csv" "${both[@]}" -o "$work/twice.csv" --json
expect_json '.tokens == 0 and .emptied == 0'
cmp -s "$work/twice.csv" "$work/leads.csv" || fail "tokens did not stay"

# ---- every byte but the contacts ----

value='+39 06 5555 0147'
phone=$(token_of "$value")
email=$(token_of maria@example.com)
printf '\xef\xbb\xbfid,"who, really",phone\r\n1,"say ""hi""",%s\r\n2," x ","%s"\r\n\r\n3,"two\nlines",maria@example.com' \
    "$value" "$value" >"$work/odd"
printf '\xef\xbb\xbfid,"who, really",phone\r\n1,"say ""hi""",%s\r\n2," x ",%s\r\n\r\n3,"two\nlines",%s' \
    "$phone" "$phone" "$email" >"$work/wanted"
expect 0 as inbox import "$work/odd" --column phone -o "$work/odd.out"
cmp "$work/odd.out" "$work/wanted" || fail "another byte than a contact's was changed"
# Rows of which nobody can tell which cell is which are left out as a whole; kinds can be insisted on.
printf 'phone,email\n%s,maria@example.com\n%s\n%s,maria@example.com,x\n"%s"x,y\n%s,%s\n,\n' \
    "$value" "$value" "$value" "$value" maria@example.com "$value" >"$work/ragged"
printf 'phone,email\n%s,%s\n,\n,\n' "$phone" "$email" >"$work/wanted"
expect 1 as inbox import "$work/ragged" --column phone=phone --column email=email -o "$work/ragged.out" \
    --errors "$work/ragged.faults" --json
expect_json '.rows == 6 and .tokens == 2 and .emptied == 2 and .left_out == 3'
cmp "$work/ragged.out" "$work/wanted" || fail "ragged rows"
same "lines with faults" "$(cut -d, -f1,2 "$work/ragged.faults" | tr '\n' ' ')" "line,column 3, 4, 5, 6,phone 6,email "
! grep -q 5555 "$work/ragged.out" "$work/ragged.faults" || fail "a contact of a ragged row was written"
say "CRLF, quotes, a byte order mark, line breaks in fields; ragged rows"

# ---- what is refused ----

refused() { # CODE TEXT arguments...
    local wanted=$1 text=$2
    shift 2
    expect "$wanted" as inbox import "$@"
    same "lines of error" "$(lines "$err")" 1
    expect_error "$text"
}
refused 2 'which columns' "$work/odd" -o "$work/new"
refused 2 'say where to write: -o' "$work/odd" --column phone
refused 2 'no column of the first line is called so (it has 3)' "$work/odd" --column telephone -o "$work/new"
refused 2 'given twice' "$work/odd" --column phone --column phone=phone -o "$work/new"
refused 2 'No such file' "$work/nowhere" --column phone -o "$work/new"
refused 2 'no file' /dev/null --column phone -o "$work/new"
refused 2 'not both' "$work/odd" --column phone --wa-id --region IT -o "$work/new"
refused 1 'is there already; name another with -o' "$work/odd" --column phone -o "$work/wanted"
refused 1 'is there already; name another with --errors' "$work/odd" --column phone -o "$work/new" --errors "$work/wanted"
refused 2 'written by -o; name another' "$work/odd" --column phone -o "$work/new" --errors "$work/new"
refused 2 'written by -o; name another' "$work/odd" --column phone -o "$work/new" --errors "$work/new.import"
printf '%s,maria@example.com\n' "$value" >"$work/headless"
refused 2 'no column' "$work/headless" --column phone -o "$work/new"
! grep -q '5555\|maria' "$err" || fail "a file without a header: its contacts were told"
: >"$work/empty"
refused 2 'is empty' "$work/empty" --column phone -o "$work/new"
refused 1 'No such file' "$work/odd" --column phone -o "$work/nowhere/new"
expect 5 as sender import -n milano "$work/odd" --column phone -o "$work/new"
(flock 9 && exec sleep 60) 9>"$work/new.part" & # one process, that ends when it is told to
others+=($!)
await 10 test -e "$work/new.part" || fail "no lock"
await 10 bash -c "! flock -n '$work/new.part' true" || fail "no lock"
refused 1 'another import is writing it' "$work/odd" --column phone -o "$work/new"
kill "$!"
wait "$!" 2>/dev/null || true
others=()
rm "$work/new.part"
[ -z "$(ls "$work"/new* 2>/dev/null)" ] || fail "a refusal leaves files"
# In a folder that others write to: what they laid there is neither written to nor believed.
odd=("$work/odd" --column phone -o "$work/new")
echo theirs >"$work/theirs"
ln "$work/theirs" "$work/new.part"
refused 1 "another user's" "${odd[@]}"
rm "$work/new.part"
ln -s theirs "$work/new.part"
refused 1 'new.part: ' "${odd[@]}"
rm "$work/new.part"
ln "$work/theirs" "$work/new.import.new"
expect 0 as inbox import "${odd[@]}"
same "what was theirs" "$(cat "$work/theirs")" theirs
rm "$work/new"
if chown 4711 "$work/theirs" 2>/dev/null; then
    mv "$work/theirs" "$work/new.part"
    refused 1 "another user's" "${odd[@]}"
    same "what was theirs" "$(cat "$work/new.part")" theirs
    rm "$work/new.part"
    {
        echo contact-vault import 1
        for name in file_size file_time_ns options file_offset file_line out_offset errors_offset rows tokens emptied \
            left_out whole; do echo $name 0; done
        echo end
    } >"$work/new.import"
    refused 1 'of another file' "${odd[@]}" --resume
    chown 4711 "$work/new.import"
    refused 1 'none of ours' "${odd[@]}" --resume
    rm "$work/new.import"
fi
cp "$work/odd" "$work/new.part"
refused 1 'it is to be imported' "$work/new.part" --column phone -o "$work/new"
cmp "$work/odd" "$work/new.part" || fail "what was to be imported is written over"
rm "$work/new.part"
[ -z "$(ls "$work"/new* 2>/dev/null)" ] || fail "a refusal leaves files"
say "refusals: one line each, and nothing left behind"

# ---- kill -9, again and again ----

leads "$rows" --bad 1 --seed 7 >"$work/big.csv"
big=("$work/big.csv" "${both[@]}" -o "$work/killed.csv" --errors "$work/killed.faults")
start_import() {
    # Not by `as`: a function in the background is a shell, and its pid not the program's.
    "$vaultctl" import --data "$dir" --identity "$work/inbox.key" "$@" >"$work/import.out" 2>"$work/import.err" </dev/null &
    others=($!)
}
end_import() { # sets $code
    code=0
    wait "${others[0]}" 2>/dev/null || code=$?
    others=()
}
state() { sed -n "s/^$1 //p" "$work/killed.csv.import"; }
# Not where it has just noted how far it came: some way behind that.
came_forward_or_ended() {
    [ "$(state rows 2>/dev/null)" != "$done_so_far" ] || ! kill -0 "${others[0]}" 2>/dev/null
}
kills=0
done_so_far=0
start_import "${big[@]}"
while :; do
    await 60 test -e "$work/killed.csv.import" || fail "no notes"
    await 60 came_forward_or_ended || fail "it does not come forward"
    if [ "$kills" -lt $kills_wanted ]; then
        sleep "0.$((RANDOM % 3))"
        kill -9 "${others[0]}" 2>/dev/null || true
    fi
    end_import
    [ "$code" -ge 128 ] || break
    kills=$((kills + 1))
    [ ! -e "$work/killed.csv" ] || fail "there is a file before it is whole"
    done_so_far=$(state rows)
    # As if the disk had got something else behind the last flush, and more than is still to be written over it.
    head -c 5000000 /dev/zero | tr '\0' x | tee -a "$work/killed.csv.part" >>"$work/killed.faults"
    if [ "$kills" -eq 1 ]; then
        refused 1 'interrupted; go on with --resume' "${big[@]}"
        refused 1 'of another file, or of other columns' "$work/big.csv" --column phone -o "$work/killed.csv" --resume
    fi
    start_import "${big[@]}" --resume
done
same "exit code" "$code" 1
[ "$kills" -ge 2 ] || fail "killed only $kills times"
[ "$done_so_far" -gt 0 ] || fail "it never noted how far it came"
expect 1 as inbox import "$work/big.csv" "${both[@]}" -o "$work/whole.csv" --errors "$work/whole.faults"
same "what is said" "$(cat "$work/import.out")" "$(cat "$out")"
cmp "$work/killed.csv" "$work/whole.csv" || fail "after $kills kills it is another file"
cmp "$work/killed.faults" "$work/whole.faults" || fail "after $kills kills other faults"
imported values "$work/big.csv" phone email >"$work/values"
feed 1 as inbox lookup --json - <"$work/values"
cp "$out" "$work/answers"
judged=$(imported judge "$work/big.csv" "$work/answers" "$work/killed.csv" phone email) || fail "big: $judged"
say "$kills kills, the same bytes: rows, tokens, emptied: $judged"
# Killed behind its last word: what is left is to take the notes away.
start_import "$work/big.csv" "${both[@]}" -o "$work/killed2.csv"
await 20 test -e "$work/killed2.csv.import" || fail "no notes"
kill -9 "${others[0]}" 2>/dev/null || true
end_import
sed -e 's/^whole .*/whole 1/' "$work/killed2.csv.import" >"$work/notes"
cp "$work/notes" "$work/killed2.csv.import"
mv "$work/killed2.csv.part" "$work/killed2.csv"
expect 0 as inbox import "$work/big.csv" "${both[@]}" -o "$work/killed2.csv" --resume
[ ! -e "$work/killed2.csv.import" ] || fail "notes are left"
head -c 20 "$work/notes" >"$work/killed3.csv.import"
refused 1 'cannot be read, or is none of ours' "$work/big.csv" "${both[@]}" -o "$work/killed3.csv" --resume

# ---- a vault that goes away; a budget used up ----

# Back within the time to wait, nobody notices.
start_import "$work/big.csv" "${both[@]}" -o "$work/restart.csv" --timeout 60000
sleep 0.7
kill_vault
start_vault
end_import
same "exit code" "$code" 1
cmp "$work/restart.csv" "$work/whole.csv" || fail "after the vault's restart it is another file"
# Away for longer: it says how to go on.
start_import "$work/big.csv" "${both[@]}" -o "$work/away.csv" --timeout 1500
await 20 grep -qs '^rows [1-9]' "$work/away.csv.import" || fail "no row is done"
kill_vault
end_import
[ "$code" -eq 3 ] || [ "$code" -eq 6 ] || fail "exit $code without a vault"
grep -q 'rows are done; go on with the same command and --resume' "$work/import.err" || fail "it does not say how to go on"
start_vault
expect 1 as inbox import "$work/big.csv" "${both[@]}" -o "$work/away.csv" --resume
cmp "$work/away.csv" "$work/whole.csv" || fail "after the vault came back it is another file"
new_principal poor service milano
expect 0 as admin grant poor service -n milano --daily 5000
expect 6 as poor import "$work/big.csv" "${both[@]}" -o "$work/poor.csv" --json
same "documents" "$(lines "$out")" 1
expect_json '.error.code == "quota" and .error.retry_after_s > 0'
expect_error 'rows are done; go on with the same command and --resume'
grep -q '^rows [1-9]' "$work/poor.csv.import" || fail "nothing was done of the budget there was"
expect 0 as admin grant poor service -n milano --daily 100000000
expect 1 as poor import "$work/big.csv" "${both[@]}" -o "$work/poor.csv" --resume
cmp "$work/poor.csv" "$work/whole.csv" || fail "after the budget it is another file"
say "a restart is not noticed; a vault away and a budget used up are gone on from"

# ---- a full disk ----

full=("$work/big.csv" "${both[@]}" -o "$disk/full.csv")
expect 1 as inbox import "${full[@]}"
expect_error 'full.csv.*: No space left on device'
expect_error 'go on with the same command and --resume'
same "lines of error, but for the first faults" "$(grep -vc 'line [0-9]*, ' "$err")" 2
[ ! -e "$disk/full.csv" ] || fail "half a file has the whole one's name"
expect 1 as inbox import "${full[@]}" --resume
expect_error 'No space left'
mount -o remount,size=64m "$disk"
expect 1 as inbox import "${full[@]}" --resume
cmp "$disk/full.csv" "$work/whole.csv" || fail "after a full disk it is another file"
say "a full disk: said, and gone on from"
stop_vault

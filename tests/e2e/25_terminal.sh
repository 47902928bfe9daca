#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# vaultctl on a real terminal, as a person has it: what it asks for, warns of and shows, in 80 columns, in colours or without.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# on_terminal CODE [options of terminal.py] -- command...: what was shown is in $out.
on_terminal() {
    local wanted=$1 code=0
    shift
    python3 "$here/terminal.py" "$@" >"$out" 2>"$err" </dev/null || code=$?
    [ "$code" -eq "$wanted" ] || fail "exit $code, wanted $wanted, of: ${*/#"$build"\//}"
}
inbox=(--data "$dir" --identity "$work/inbox.key")
paola=(--data "$dir" --identity "$work/paola.key")
admin=(--data "$dir")
shows() { grep -qF -- "$1" "$out" || fail "the terminal does not show: $1"; }
shows_not() { ! grep -qF -- "$1" "$out" || fail "the terminal shows: $1"; }
# No line wider than so many columns; escape sequences take none.
fits() {
    python3 - "$out" "$1" <<'END' || fail "wider than $1 columns"
import re, sys, unicodedata
for line in open(sys.argv[1], encoding="utf-8", newline="\n"):
    for part in re.sub("\033\\[[0-9;]*m", "", line.rstrip("\n")).split("\r"):
        width = sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in part)
        if width > int(sys.argv[2]):
            sys.exit(f"{width}: {part!r}")
END
}
export TERM=xterm-256color
unset NO_COLOR
escape=$'\033'

new_vault
start_vault
new_cast
value='+39 06 5555 0147'
token=$(token_of "$value")

# ---- asked for, not typed as an argument ----

on_terminal 0 --say 'contact: ' "$value" --say 'contact: ' '' -- "$vaultctl" tokenize "${inbox[@]}"
shows "$token"
shows_not 'history'
on_terminal 0 --say 'contact: ' "$value" --say 'contact: ' EOF -- "$vaultctl" lookup "${inbox[@]}"
shows "$token"
log_in paola
on_terminal 0 --say 'reason' 'customer asked for a call' --say 'token: ' "$token" --say 'token: ' '' -- \
    "$vaultctl" detokenize "${paola[@]}"
shows +390655550147
on_terminal 0 --say 'reason' 'he asked again' -- "$vaultctl" detokenize "${paola[@]}" "$token"
shows +390655550147
on_terminal 2 --say 'reason' '' -- "$vaultctl" detokenize "${paola[@]}" "$token"
shows 'say why: --reason TEXT'
new_principal aldo audit -
expect 0 as aldo audit tail --operation detokenize --json
same "the reasons that were typed" "$(jq -r 'select(.status == "ok" and .token) | .reason' "$out" | tr '\n' ';')" \
    'customer asked for a call;he asked again;'
new_principal dora privacy milano --person
victim=$(token_of gone@example.com)
log_in dora
on_terminal 0 --say 'reason' 'by letter' --say 'token or contact: ' gone@example.com --say 'token or contact: ' '' -- \
    "$vaultctl" erase --data "$dir" --identity "$work/dora.key"
shows "$victim	erased"
# Without a terminal nobody is asked.
expect 2 as paola detokenize "$token"
expect_error 'say why: --reason'
say "contacts and reasons are asked for"

# ---- one warning, on a terminal alone ----

note='stays in the shell'
on_terminal 0 -- "$vaultctl" tokenize "${inbox[@]}" "$value" maria@example.com "$value"
same "warnings" "$(grep -cF "$note" "$out")" 1
on_terminal 0 -- "$vaultctl" mask "${inbox[@]}" "$token"
shows_not "$note"
on_terminal 0 --stdin "$work/inbox.pub" -- "$vaultctl" status "${inbox[@]}"
shows_not "$note"
expect 0 as inbox tokenize "$value"
[ ! -s "$err" ] || fail "a warning without a terminal"
say "one warning of a contact on the command line"

# ---- tables, colours, 80 columns ----

long=$(printf 'n%.0s' $(seq 63))
expect 0 as admin namespace create "$long"
new_person "p$long" --relayed
expect 0 as admin grant "p$long" reveal -n "$long" --for 8h --daily 50 --hourly 20
expect 0 as admin principal disable "p$long"
paint() { # TEXT...: a list that fits, with colours; and the same without
    local list=("$@") plain
    on_terminal 0 -- "$vaultctl" "${list[@]}"
    fits 80
    grep -q "$escape\[" "$out" || fail "no colour on a terminal: ${list[*]}"
    plain=$(sed "s/$escape\[[0-9]*m//g" "$out")
    on_terminal 0 -- env NO_COLOR=1 "$vaultctl" "${list[@]}"
    ! grep -q "$escape" "$out" || fail "colour in spite of NO_COLOR: ${list[*]}"
    same "the text without colours" "$plain" "$(cat "$out")"
    on_terminal 0 -- env TERM=dumb "$vaultctl" "${list[@]}"
    ! grep -q "$escape" "$out" || fail "colour on a dumb terminal: ${list[*]}"
    expect 0 "$vaultctl" "${list[@]}"
    ! grep -q "$escape" "$out" || fail "colour into a pipe: ${list[*]}"
}
paint namespace list "${admin[@]}"
paint principal list "${admin[@]}"
paint principal show "p$long" "${admin[@]}"
paint status "${admin[@]}"
as inbox tokenize -n berlin "$value" >"$out" 2>&1 </dev/null || true # a refusal, so that the log shows one
paint audit tail -l 1000 "${admin[@]}"
on_terminal 0 -- "$vaultctl" namespace list "${admin[@]}"
grep -qE 'NAMESPACE +CONTACTS +CREATED' "$out" || fail "no heads"
grep -qE '^milano +2 +20' "$out" || fail "milano is not in its columns"
on_terminal 0 -- "$vaultctl" principal show inbox "${admin[@]}"
shows 'known by   contact-vault public 1 '
shows 'service in milano ('
on_terminal 0 --columns 40 -- "$vaultctl" audit tail -l 1000 "${admin[@]}"
fits 40
on_terminal 2 -- "$vaultctl" keygen
grep -q "^$escape\[31mvaultctl keygen:$escape\[0m say where" "$out" || fail "an error is not red"
# What others wrote steers nothing.
on_terminal 0 -- "$vaultctl" detokenize "${paola[@]}" --reason $'\xe2\x80\xaex' "$token"
on_terminal 0 -- "$vaultctl" audit tail --data "$dir" --identity "$work/aldo.key" --operation detokenize
shows '\u{202e}x'
! grep -q $'\xe2\x80\xae' "$out" || fail "a reason turns the direction of writing"
say "tables fit, colours go with NO_COLOR"

# ---- progress, for what takes more than two seconds ----

mkfifo "$work/slow"
feed_slowly() {
    for i in $(seq 8); do
        seq -f "slow-$i-%.0f@example.com" 1024
        sleep 0.5
    done
}
feed_slowly >"$work/slow" &
on_terminal 0 --stdin "$work/slow" --stdout "$work/tokens" -- "$vaultctl" tokenize "${inbox[@]}" -
same tokens "$(lines "$work/tokens")" 8192
tr '\r' '\n' <"$out" >"$work/drawn"
grep -qE '^[0-9]+ values, [0-9]+ a second' "$work/drawn" || fail "no progress of a pipe"
[ "$(grep -c 'a second' "$work/drawn")" -gt 3 ] || fail "progress stands still"
grep -q '^8192 values' "$work/drawn" || fail "progress does not come to its end"
fits 80
# None where it is piped, and none for what is quick.
feed_slowly >"$work/slow" &
expect 0 bash -c "'$vaultctl' tokenize --data '$dir' --identity '$work/inbox.key' - <'$work/slow'"
[ ! -s "$err" ] || fail "progress into a pipe"
printf 'one@example.com\n' >"$work/one"
on_terminal 0 --stdin "$work/one" --stdout "$work/tokens" -- "$vaultctl" tokenize "${inbox[@]}" -
[ ! -s "$out" ] || fail "progress of what is quick"
# An import knows how long the file is, so it says what is left.
python3 "$root/tools/bench/leads.py" 80000 >"$work/leads.csv"
on_terminal 0 -- "$vaultctl" import "${inbox[@]}" "$work/leads.csv" --column phone --column email -o "$work/out.csv"
tr '\r' '\n' <"$out" >"$work/drawn"
grep -qE '^\[#+\.*\] +[0-9]+ %  [0-9]+ rows, [0-9]+ a second  [0-9]+:[0-9]{2} left' "$work/drawn" || fail "no bar of an import"
grep -qE '^\[#+\] 100 %  80000 rows, ' "$work/drawn" || fail "the bar does not come to its end"
grep -qE '^80000 rows, [0-9]+ tokens$' "$work/drawn" || fail "no summary"
fits 80
say "progress with rate and time left, for those who wait"
stop_vault

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S45 with unit/session_file and unit/identity_file. A person from her first day on, at a real terminal: an
# admin adds her, she enrols with a phone that reads the QR code off the screen, logs in, reveals within her budget and sees
# masks over it, logs out, loses her phone; two admins decide together what she may; she leaves.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
for program in zbarimg oathtool; do command -v $program >/dev/null || fail "no $program: tools/install-deps.sh check"; done

export TERM=xterm-256color
phrase='correct horse battery staple'
phone="python3 '$here/person.py'"
# at_home NAME command...: on her own machine, as it were: her identity and her sessions are in places of their own.
at_home() {
    local who=$1
    shift
    mkdir -p "$work/$who/run"
    env -u NO_COLOR XDG_CONFIG_HOME="$work/$who" XDG_RUNTIME_DIR="$work/$who/run" "$@"
}
# on_terminal CODE NAME [options of terminal.py] -- command...: what was shown is in $out.
on_terminal() {
    local wanted=$1 who=$2 code=0
    shift 2
    at_home "$who" python3 "$here/terminal.py" "$@" >"$out" 2>"$err" </dev/null || code=$?
    [ "$code" -eq "$wanted" ] || fail "exit $code, wanted $wanted, of: ${*/#"$build"\//}"
}
shows() { grep -qF -- "$1" "$out" || fail "the terminal does not show: $1"; }
shows_not() { ! grep -qF -- "$1" "$out" || fail "the terminal shows: $1"; }
# What she is asked for, and answers.
with_passphrase=(--say 'Passphrase: ' "$phrase")
code_of() { with_code=(--reckon 'recovery code): ' "$phone code '$work/$1.phone'"); }
# add NAME [option...]: her enrolment code is in $code.
add() {
    expect 0 as admin principal add "$@" --person --json
    code=$(json .code)
    same "its life" "$(json .expires_s)" 86400
}
# enrol NAME [NAME]: at a terminal, with a phone that looks at it. Her NAME is told to vaultctl where it is given twice.
enrol() {
    local who=$1
    shift
    on_terminal 0 "$who" --say 'Enrolment code: ' "$code" --say 'New passphrase: ' "$phrase" --say 'Once more: ' "$phrase" \
        --reckon 'shows now: ' "$phone scan '$work/$who.phone'" -- "$vaultctl" enrol "$@" --data "$dir"
}

new_vault
start_vault
expect 0 as admin namespace create milano
new_principal inbox service milano
token=$(token_of '+39 06 5555 0147')

# ---- an admin adds her ----

"$vaultctl" keygen -o "$work/made.key" >"$work/made.pub"
expect 2 as admin principal add maria --person --public-key "$work/made.pub"
expect_error 'makes her own key'
on_terminal 0 admin -- "$vaultctl" principal add maria --person --data "$dir"
shows 'give maria the code yourself: it works once'
code=$(sed -n 2p "$out")
[[ $code =~ ^[0-9a-z-]{27,40}$ ]] || fail "no enrolment code: $code"
expect 0 as admin principal show maria --json
expect_json '.kind == "person" and .enrolled == false and (has("public_key") or has("uid") | not)'

# ---- she enrols ----

on_terminal 5 maria --say 'Enrolment code: ' "${code%?????}00000" -- "$vaultctl" enrol maria --data "$dir"
[ ! -e "$work/maria/contact-vault/identity" ] || fail "a key for a code that is none"
# Who gives up before the first code has changed nothing, and leaves nothing. (254: ended by signal 2.)
on_terminal 254 maria --say 'Enrolment code: ' "$code" --say 'New passphrase: ' "$phrase" --say 'Once more: ' "$phrase" \
    --say 'shows now: ' $'\003' -- "$vaultctl" enrol maria --data "$dir"
same "files" "$(ls "$work/maria/contact-vault")" ''
enrol maria maria
shows 'enrolled as maria'
shows_not "$code"
shows_not "$phrase"
same "its modes" "$(stat -c %a "$work/maria/contact-vault" "$work/maria/contact-vault/identity" | tr '\n' ' ')" '700 600 '
same "files" "$(ls "$work/maria/contact-vault")" identity
same "recovery codes" "$(jq '.recovery | unique | length' "$work/maria.phone")" 8
expect 0 as admin principal show maria --json
expect_json '.enrolled and .public_key == "'"$(sed -n 2p "$work/maria/contact-vault/identity")"'"'
# The code is used up.
on_terminal 5 other --say 'Enrolment code: ' "$code" -- "$vaultctl" enrol maria --data "$dir"
say "enrolled, with a QR code that zbarimg reads and codes that oathtool reckons"

# ---- and logs in ----

expect 0 as admin grant maria reveal -n milano --daily 3 --hourly 3
# Without a terminal nobody is asked, and only what needs no session goes on.
expect 5 at_home maria "$vaultctl" detokenize --reason 'call back' --data "$dir" --json "$token"
expect_json '.error.code == "no_session"'
expect 0 at_home maria "$vaultctl" status --data "$dir"
code_of maria
on_terminal 5 maria --say 'Passphrase: ' 'not this one' -- "$vaultctl" login --data "$dir"
shows 'not the passphrase of this identity'
on_terminal 0 maria "${with_passphrase[@]}" "${with_code[@]}" -- "$vaultctl" login --data "$dir"
shows 'logged in as maria'
same "modes of her session" "$(stat -c %a "$work/maria/run/contact-vault" "$work/maria/run/contact-vault"/* | tr '\n' ' ')" '700 600 '
on_terminal 0 maria -- "$vaultctl" whoami --data "$dir"
shows 'maria'
shows 'reveal in milano'
# A code is good once, ever.
used=$(jq -r .step "$work/maria.phone")
again=$(oathtool --totp --base32 --now "$(date -u -d "@$((used * 30))" '+%F %T UTC')" "$(jq -r .secret "$work/maria.phone")")
on_terminal 5 maria "${with_passphrase[@]}" --say 'recovery code): ' "$again" -- "$vaultctl" login --data "$dir"
shows 'this code was used: wait for the next one'
say "logged in, once with each code"

# ---- reveals, within her budget ----

for i in 1 2 3; do
    on_terminal 0 maria --say 'reason' "call back $i" -- "$vaultctl" detokenize --data "$dir" "$token"
    shows +390655550147
done
on_terminal 6 maria -- "$vaultctl" detokenize --reason 'call back 4' --data "$dir" "$token"
shows_not +390655550147
shows '+39 ••• ••• ••47   over budget; again in '
expect 0 at_home maria "$vaultctl" whoami --data "$dir" --json
expect_json '.grants[0].used == 3 and .grants[0].daily == 3 and .lasts_s > 28000 and .idle_s > 800 and .enrolled'
say "three reveals, and then a mask"

# ---- a session ends ----

on_terminal 0 maria -- "$vaultctl" logout --data "$dir"
shows 'logged out'
same "sessions" "$(ls "$work/maria/run/contact-vault")" ''
expect 5 at_home maria "$vaultctl" mask --data "$dir" "$token"
expect_error no_session
# On the spot, with a recovery code: the phone is not at hand.
recovery=$(jq -r '.recovery[0]' "$work/maria.phone")
on_terminal 0 maria "${with_passphrase[@]}" --say 'recovery code): ' "$recovery" -- "$vaultctl" mask --data "$dir" "$token"
shows 'has no session with this vault'
shows '+39 •••'
expect 0 at_home maria "$vaultctl" whoami --data "$dir" --json
expect_json '.codes_left == 7'
# The vault's start ends it, and the file goes with it.
stop_vault
start_vault
expect 5 at_home maria "$vaultctl" mask --data "$dir" "$token"
expect_error no_session
same "sessions" "$(ls "$work/maria/run/contact-vault")" ''
on_terminal 5 maria "${with_passphrase[@]}" --say 'recovery code): ' "$recovery" -- "$vaultctl" login --data "$dir"
say "a session ends by logout and by restart; a recovery code is good once"

# ---- a terminal without colours; a key elsewhere; without a terminal at all ----

add luca
on_terminal 0 luca --say 'Enrolment code: ' "$(tr a-z- 'A-Z ' <<<"$code")" --say 'New passphrase: ' "$phrase" --say 'Once more: ' "$phrase" \
    --reckon 'shows now: ' "$phone scan '$work/luca.phone'" -- \
    env NO_COLOR=1 "$vaultctl" enrol luca --identity "$work/luca.key" --data "$dir"
! grep -q $'\033' "$out" || fail "colour in spite of NO_COLOR"
on_terminal 0 luca --columns 40 -- "$vaultctl" whoami --data "$dir" --identity "$work/inbox.key"
(umask 077 && echo "$phrase" >"$work/phrase")
add anna
expect 0 at_home anna python3 "$here/person.py" enrol "$work/anna.phone" "$code" anna -- \
    "$vaultctl" enrol --passphrase-file "$work/phrase" --identity "$work/anna.key" --data "$dir"
expect_json '.principal == "anna" and (.ok or (.recovery_codes | length) == 8)'
expect 0 at_home anna python3 "$here/person.py" login "$work/anna.phone" -- \
    "$vaultctl" login --passphrase-file "$work/phrase" --identity "$work/anna.key" --data "$dir" --json
expect_json '.principal == "anna" and .codes_left == 8'
expect 0 at_home anna "$vaultctl" whoami --identity "$work/anna.key" --data "$dir" --json
expect_json '.principal == "anna" and .lasts_s > 0'
say "enrolled without colours, and without a terminal"

# ---- she loses her phone: a new key, and grants anew ----

expect 0 as admin principal invite maria --json
code=$(json .code)
mv "$work/maria" "$work/before"
enrol maria maria
on_terminal 5 before --say 'Passphrase: ' "$phrase" -- "$vaultctl" login --data "$dir"
code_of maria
on_terminal 0 maria "${with_passphrase[@]}" "${with_code[@]}" -- "$vaultctl" login --data "$dir"
expect 5 at_home maria "$vaultctl" detokenize --reason 'call back' --data "$dir" "$token"
expect 0 as admin grant maria reveal -n milano
expect 0 at_home maria "$vaultctl" detokenize --reason 'call back' --data "$dir" "$token"
say "enrolled anew: the key before is void, and so are the grants it had"

# ---- two admins, each at a terminal of her own ----

log_in_at() {
    code_of "$1"
    on_terminal 0 "$1" "${with_passphrase[@]}" "${with_code[@]}" -- "$vaultctl" login --data "$dir"
}
add rosa
enrol rosa rosa
expect 0 as admin grant rosa admin
log_in_at rosa
shows_not wait
# The one by user id was for the beginning.
expect 5 as admin grant maria audit
on_terminal 0 rosa -- "$vaultctl" principal add sara --person --data "$dir"
code=$(sed -n 2p "$out")
enrol sara sara
on_terminal 0 rosa -- "$vaultctl" grant sara admin --data "$dir"
on_terminal 0 rosa -- "$vaultctl" approvals --data "$dir"
shows 'in force; 2 admins could approve'
on_terminal 7 rosa -- "$vaultctl" grant maria reveal -n milano --daily 60 --data "$dir"
number=$(sed -n 's/.*waits for a second admin: vaultctl approve \([0-9]*\).*/\1/p' "$out")
[ -n "$number" ] || fail "no number of a request"
log_in_at sara
shows '1 request waits for your approval: vaultctl pending'
on_terminal 0 sara -- "$vaultctl" whoami --data "$dir"
shows "waiting for you  1 request"
on_terminal 0 sara --columns 160 -- "$vaultctl" pending --data "$dir"
shows rosa
# The key that she is shown is the one on maria's own machine.
shows "$(sed -n 2p "$work/maria/contact-vault/identity")"
on_terminal 5 rosa -- "$vaultctl" approve "$number" --data "$dir"
shows 'nobody approves her own'
expect 0 at_home maria "$vaultctl" whoami --data "$dir" --json
expect_json '.waiting == 0 and all(.grants[]; .daily != 60)'
on_terminal 0 sara -- "$vaultctl" approve "$number" --data "$dir"
expect 0 at_home maria "$vaultctl" whoami --data "$dir" --json
expect_json 'any(.grants[]; .role == "reveal" and .daily == 60)'
expect 0 at_home sara "$vaultctl" whoami --data "$dir" --json
expect_json '.waiting == 0'
say "rosa asked, sara was told at her login and approved"

# ---- she leaves ----

report=$work/maria.csv
on_terminal 0 rosa -- "$vaultctl" principal offboard maria --report "$report" --data "$dir"
shows 'maria is offboarded: no session, no grant, for ever'
shows '4 reveals of 1 contact'
# Her session was open.
expect 5 at_home maria "$vaultctl" mask --data "$dir" "$token"
on_terminal 5 maria --say 'Passphrase: ' "$phrase" -- "$vaultctl" login --data "$dir"
same "what she saw" "$(grep -c "$token" "$report")" 4
! grep -q 0655550147 "$report" || fail "a contact in the report"
say "she left, and what she saw is in a file"

stop_vault

# ---- nothing of it lies about ----

for secret in "$phrase" "$(jq -r .secret "$work/maria.phone")" "$recovery"; do
    found=$(grep -rlF -- "$secret" "$dir" "$log" "$work/maria" "$work/before" || true)
    [ -z "$found" ] || fail "a secret lies in $found"
done

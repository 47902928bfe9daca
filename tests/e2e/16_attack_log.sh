#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S9 and S17, and what "What the log does not hold against" says.
# Somebody writes to the files of a stopped vault, knows the log's format and has no key. Who finds it?
#   bare   audit verify, with the log alone
#   key    audit verify, with the public key the auditor was given
#   kept   the same, with the checkpoints of the second place too
#   start  the daemon's start without a second place
#   2nd    the daemon's start with it
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
attacker() { python3 "$here/attack.py" "$@"; }
place=$work/second-place # the daemon adds to it; no attacker comes there
auditor=$work/auditor
audit=$dir/data/audit
mkdir -m 0700 "$place" "$auditor"
# configure SECONDS: between two checkpoints.
configure() { printf '[audit]\ncheckpoint_folder = %s\ncheckpoint_s = %s\n' "$place" "$1" >"$work/conf"; }
configure 3600
with_place=(--config "$work/conf")

# ---- the judges ----

verify() { # sets $verdict, as start does
    local code=0
    # As `vaultctl audit verify` runs it.
    "$vaultd" audit-verify --json "$audit" "$@" >"$out" 2>"$err" </dev/null || code=$?
    [ $code -le 1 ] || fail "exit $code of audit-verify"
    if [ "$code" -eq 0 ]; then
        expect_json .ok
        verdict=ok
    else
        expect_json '.ok == false and (.fault | length > 0) and .entry > 0'
        verdict=found
    fi
}
started_or_gone() { tail -c "+$((from + 1))" "$log" | grep -q 'started pid=' || ! alive; }
# start [OPTION...]: found (and what it said is in $err) or ok; either way nothing runs then.
start() {
    local code=0
    vaultd_options=("$@")
    from=$(wc -c <"$log")
    launch_vault
    await 60 started_or_gone || fail "it neither starts nor stops"
    if alive; then
        stop_vault
        verdict=ok
    else
        wait "$daemon" || code=$?
        daemon=
        same "exit code of a refused start" "$code" 1
        tail -c "+$((from + 1))" "$log" >"$err"
        expect_error 'vaultd: refusing to'
        verdict=found
    fi
}
copy() { rm -rf "$2" && cp -a --sparse=always "$1" "$2"; }
# keep NAME, bring_back NAME: the vault and the second place as they are.
keep() { copy "$dir" "$work/$1" && copy "$place" "$work/$1.place"; }
bring_back() { copy "$work/$1" "$dir" && copy "$work/$1.place" "$place"; }

# attacked WHAT WANTED... [TEXT]: the five verdicts; "-" is not asked. TEXT: what a refused start says.
attacked() {
    local what=$1 wanted=("${@:2:5}") text=${7:-} got=() i
    cat "$place"/checkpoints-* >"$auditor/checkpoints"
    copy "$dir" "$work/attacked"
    verify
    got+=("$verdict")
    verify --public-key "$auditor/public"
    got+=("$verdict")
    verify --public-key "$auditor/public" --checkpoint "$auditor/checkpoints"
    got+=("$verdict")
    start
    got+=("$verdict")
    if [ "$verdict" = ok ]; then
        copy "$work/attacked" "$dir"
    elif [ -n "$text" ]; then
        expect_error "$text"
    fi
    start "${with_place[@]}"
    got+=("$verdict")
    for i in 0 1 2 3 4; do
        [ "${wanted[i]}" = - ] || [ "${wanted[i]}" = "${got[i]}" ] ||
            fail "$what: wanted ${wanted[*]}, got ${got[*]} (bare key kept start 2nd)"
    done
    printf '%s: %-58s %s\n' "$scenario" "$what" "${got[*]}"
}
number_of() { # OPERATION PHASE [nth from the end]: of an entry
    attacker list "$audit" | awk -v o="$1" -v p="$2" '$2 == o && $3 == p {print $1}' | tail -n "${3:-1}" | head -n 1
}
reveal=13 # operations' numbers
revoke=55
opened=201
closed=202

# ---- two days of a vault ----

new_vault
cp "$dir/audit.pub" "$auditor/public"
vaultd_options=("${with_place[@]}")
start_vault
new_cast
token=$(token_of '+39 333 123 4567')
expect 0 as paola detokenize --reason 'the first day' "$token"
stop_vault
keep yesterday
start_vault
token_of '+39 333 123 4568' >/dev/null
expect 0 as paola detokenize --reason 'the second day' "$token"
expect 0 as sender detokenize --reason 'a delivery' "$token"
expect 5 as inbox detokenize --reason 'curiosity' "$token"
stop_vault
keep today

# ---- a log of one segment ----

say "bare key kept start 2nd"
attacked 'nothing' ok ok ok ok ok
bring_back today
attacker copy "$audit"
attacked "written anew by the attacker's tool, nothing changed" ok ok ok ok ok

bring_back today
attacker edit "$audit" "$(number_of $reveal 1 2)" sender gerard
attacked 'an entry edited, the chain computed again' ok found found found found 'altered'
bring_back today
attacker cut "$audit" "$(number_of $closed 1)"
attacked 'the last entry cut off' ok ok found found found 'its end was cut'
bring_back today
attacker cut "$audit" "$(($(number_of $opened 1) + 1))"
attacked 'the second day cut off, behind a checkpoint' ok ok found found found 'its end was cut'
bring_back today
attacker strip "$audit" "$(number_of $opened 1)"
attacked "the second day's later checkpoints taken out, the rest chained" ok ok found found found 'the one the database saw'
bring_back today
attacker strip "$audit" "$(number_of $closed 1 2)"
# While sealed nothing is done: behind CLOSED stands OPENED.
attacked "all of the second day's checkpoints taken out" found found found found found
bring_back today
attacker append "$audit" "$(number_of $reveal 1 2)"
attacked 'an entry added behind the last, which is CLOSED' found found found found found

bring_back today
copy "$work/yesterday" "$dir"
# SECURITY.md: without a second place nobody can tell.
attacked 'the whole directory of yesterday' ok ok found ok found
bring_back today
copy "$work/yesterday" "$dir"
{ yes || true; } | head -c 9000000 >>"$(ls "$place"/checkpoints-*)"
for month in 9999-11 9999-12; do
    : >"$place/$(basename "$(ls "$place"/checkpoints-* | head -n 1)" | cut -c 1-20)-$month"
done
attacked 'the same, with scribble and later months in the second place' ok ok found ok found
bring_back today
attacker strip "$audit" "$(number_of $closed 1 2)"
copy "$work/yesterday/data/store" "$dir/data/store"
attacked "yesterday's database and a log without later checkpoints" found found found found found
bring_back today
attacker strip "$audit" "$(number_of $opened 1)"
copy "$work/yesterday/data/store" "$dir/data/store"
# OPENED found the database as yesterday left it. What says that it went on is a login of today, which is a change of the
# rules: without one nothing on this disk would.
attacked "yesterday's database and a log without checkpoints behind OPENED" ok ok found found found
bring_back today
attacker cut "$audit" "$(number_of $closed 1)"
python3 "$here/rows.py" delete "$dir/data/store" meta "$(printf log | od -An -tx1 | tr -d ' ')"
attacked "the last entry cut off, and what the database saw of the log removed" ok ok found found found
bring_back today
copy "$work/yesterday/data/store" "$dir/data/store"
attacked "yesterday's database" ok ok ok found found 'the database is older'
bring_back today
copy "$work/yesterday/data/audit" "$audit"
attacked "yesterday's log" ok ok found found found 'the log'

bring_back today
vaultd_options=("${with_place[@]}")
start_vault
expect 0 as admin namespace create napoli # with keys of its own
stop_vault
copy "$work/yesterday/data/keyring" "$dir/data/keyring"
attacked "yesterday's keyring" ok ok ok found found 'older'

# ---- killed, and so without a last checkpoint ----

bring_back today
vaultd_options=("${with_place[@]}")
start_vault
expect 0 as paola detokenize --reason 'the third day' "$token"
kill_vault
keep killed
attacker edit "$audit" "$(number_of $reveal 1)" paola sender
# SECURITY.md: what was entered after the newest checkpoint can still be rewritten.
attacked 'killed; the entry after the newest checkpoint edited' ok ok ok ok ok
bring_back killed
attacker edit "$audit" "$(number_of $reveal 1)" paola laura
attacked 'killed; the same, with a name that nobody has' ok ok ok found found 'names a principal'
bring_back killed
attacker cut "$audit" "$(number_of $reveal 1)"
attacked 'killed; the entry after the newest checkpoint cut off' ok ok ok ok ok
bring_back killed
attacker append "$audit" "$(number_of $reveal 1)"
attacked 'killed; an entry added behind the newest checkpoint' ok ok ok ok ok
bring_back killed
attacker append "$audit" "$(number_of $reveal 1)" 26
attacked 'killed; the same, 26 hours ahead' ok ok ok found found 'from the future'
bring_back killed
attacker edit "$audit" "$(number_of $reveal 1 2)" inbox crm
attacked 'killed; an entry before it edited' ok found found found found 'altered'

# A revoke is signed at once, and elsewhere before the attacker gets at it.
bring_back today
row=$(python3 "$here/rows.py" get "$dir/data/store" access 7000000005) # paola's
vaultd_options=("${with_place[@]}")
start_vault
before=$(cat "$place"/checkpoints-* | wc -l)
expect 0 as admin revoke paola reveal -n milano
one_more() { [ "$(cat "$place"/checkpoints-* | wc -l)" -gt "$before" ]; }
await 5 one_more || fail "a revoke is not signed at once"
kill_vault
attacker cut "$audit" "$(number_of $revoke 2)"
python3 "$here/rows.py" put "$dir/data/store" access 7000000005 "$row"
# Without a second place, and before the database is told, it never happened.
attacked 'killed; a revoke undone, in the database and in the log' ok ok found - found

bring_back today
configure 1
vaultd_options=("${with_place[@]}")
start_vault
before=$(cat "$place"/checkpoints-* | wc -l)
three_more() { [ "$(cat "$place"/checkpoints-* | wc -l)" -ge $((before + 3)) ]; }
await 20 three_more || fail "no checkpoint each second, idle as it is"
kill_vault
configure 3600
last=$(tail -qn 1 "$place"/checkpoints-* | tail -n 1 | cut -d ' ' -f 6) # its number, of the line
attacker cut "$audit" "$last"
# The database is told of a checkpoint every five seconds at most: it may or may not have seen this one.
attacked 'killed; the newest checkpoint cut off' ok ok found - found

# ---- a log of two segments ----

bring_back today
vaultd_options=("${with_place[@]}")
start_vault
for i in $(seq 4096); do echo "$token"; done >"$work/tokens"
long=$(printf 'x%.0s' $(seq 200))
for i in 1 2 3 4 5 6; do feed 0 as paola detokenize --reason "$long" - <"$work/tokens"; done
stop_vault
keep long
same "segments with entries" "$(attacker list "$audit" | awk '{print $4}' | sort -u | tr '\n' ' ')" '1 2 '
attacker swap "$audit" 1 2 files
attacked 'two segments change names' found found found found found '0000000[12]'
bring_back long
attacker swap "$audit" 1 2 headers
attacked 'two segments change places, headers and checksums too' found found found found found 'number is not its place'
bring_back long
attacker swap "$audit" 1 2 chain
attacked 'two segments change places, numbers and chain too' ok found found found found 'altered'
bring_back long
attacker strip "$audit" "$(number_of $opened 1)"
attacked '24,576 reveals without a checkpoint' found found found found found 'the one the database saw'
bring_back long
attacker behead "$audit"
attacked 'the first segment removed, and a made-up file that says so' found found found found found 'start: its signature'

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S18, S42 and S43.
# The daemon is killed at each point of a login and of an enrolment: before the code is used up nobody was let in, and
# it is good still; from then on it is refused for ever, whether its answer came through or not. No session outlives it,
# wrong codes stay counted. Two logins race with one code: one is let in. Two sessions spend one budget under kills.
# 46_login_kills.sh [TIMES]: so many times four races; and with more than one, both kinds of code at every point.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/kills.sh
. "$here/kills.sh"
times=${1:-1}
budget=60

# The points in their order, and what a killed login or enrolment has done to its code.
points='
login_checked    good
access_intended  good
access_committed used
access_recorded  used
login_recorded   used
'

kills_prepare 6
kills_afresh
start_vault
expect 0 as admin grant paola reveal -n milano --daily $budget --hourly $budget
expect 0 as admin principal add maria --person --json
invitation=$(json .code)
stop_vault
rm -rf "$work/pristine"
cp -a "$dir" "$work/pristine"
cp -a "$work/paola.phone" "$work/pristine.phone"

# The same key without its passphrase, whose derivation takes longer than all the rest.
"$crowd" plain "$work/paola.key" "$(cat "$work/pass")" "$work/paola.plain" || fail "no plain key"
chmod 600 "$work/paola.plain"

recovery_code() { jq -r ".recovery[$1]" "$work/paola.phone"; }
# log_in_by CODE FACTOR: the exit code wanted; with that very factor, by paola's key.
log_in_by() {
    feed "$1" "$vaultctl" login --data "$dir" --identity "$work/paola.plain" <<<"$2"
}
no_session_is_left() { # WHAT
    expect 5 "$vaultctl" detokenize --reason 'still here?' --data "$dir" --identity "$work/old.session" "$token"
    ! in_session paola || fail "$1: a session outlived the daemon"
}
# expect_pairs WHAT OPERATION: the log verifies, and has one outcome for each such intent.
expect_pairs() {
    expect 0 as admin audit verify --json
    expect_json .ok
    expect 0 as admin audit tail --from 1 --operation "$2" --json
    jq -es '[.[] | select(.phase == "intent").seq] as $intents | ($intents | length) > 0 and
        ($intents | sort) == ([.[] | select(.phase == "outcome").refers] | sort)' "$out" >/dev/null ||
        fail "$1: an intent without its one outcome"
}

# ---- a login cut off ----

cut_login() { # POINT FATE KIND
    local what="$3 at $1" code
    kills_afresh
    cp -a "$work/pristine.phone" "$work/paola.phone"
    # The first login is one to be outlived, the second the one that is cut off.
    with_point "$1=2" start_vault
    log_in_by 0 "$(recovery_code 0)"
    session_key paola "$work/old.session"
    expect 0 "$vaultctl" detokenize --reason 'it is a session' --data "$dir" --identity "$work/old.session" "$token"
    code=$(recovery_code 1)
    [ "$3" = recovery ] || code=$(python3 "$here/person.py" ahead "$work/paola.phone")
    log_in_by 6 "$code"
    expect_error "not known whether"
    expect_crash "$what"
    start_vault
    no_session_is_left "$what"
    if [ "$2" = good ]; then
        log_in_by 0 "$code"
    fi
    log_in_by 5 "$code"
    expect_error 'used'
    expect_pairs "$what" login
    kill_vault
}
token=$(sed -n 1p "$work/tokens")
for kind in totp recovery; do
    cut=0
    while read -r point fate; do
        [ -n "$point" ] || continue
        # Every day what differs: two points with nothing between them are one, and the two kinds of code part early.
        [ "$times" -gt 1 ] || [ "$kind,$point" != totp,access_recorded ] || continue
        [ "$times" -gt 1 ] || [ $kind = totp ] || [[ $point = access_[ic]* ]] || continue
        cut_login "$point" "$fate" $kind
        cut=$((cut + 1))
    done <<<"$points"
    say "a $kind login, killed at $cut points: its code is good until it is used up, and never after"
done

# ---- wrong codes stay counted ----

kills_afresh
with_point login_refused=3 start_vault
log_in_by 5 'aaaa-aaaa-aaaa-aaaa'
log_in_by 5 'aaaa-aaaa-aaaa-aaaa'
log_in_by 6 'aaaa-aaaa-aaaa-aaaa'
expect_crash 'a wrong code, before it was said to be'
start_vault
log_in_by 5 'aaaa-aaaa-aaaa-aaaa'
log_in_by 5 'aaaa-aaaa-aaaa-aaaa'
expect_error 'locked'
log_in_by 6 "$(recovery_code 2)"
kill_vault
start_vault
log_in_by 6 "$(recovery_code 2)"
kill_vault
say "five wrong codes lock, one of them cut off before its answer, and a kill does not unlock"

# ---- an enrolment cut off ----

# The phone she scanned is hers whatever came of it; the invitation is used up with the commit.
cut_enrolment() { # POINT FATE
    local what="an enrolment at $1" after=0
    kills_afresh
    rm -f "$work"/maria.*
    with_point "$1" start_vault
    expect 6 python3 "$here/person.py" enrol "$work/maria.phone" "$invitation" maria -- \
        "$vaultctl" enrol --data "$dir" --identity "$work/maria.key" --passphrase-file "$work/pass"
    expect_crash "$what"
    start_vault
    if [ "$2" = good ]; then
        after=5
    fi
    expect $after python3 "$here/person.py" login "$work/maria.phone" -- \
        "$vaultctl" login --data "$dir" --identity "$work/maria.key" --passphrase-file "$work/pass"
    [ "$2" = used ] || rm "$work/maria.key" "$work/maria.phone"
    # Of the key that is in the vault already there would be no other file: under another name.
    expect $((5 - after)) python3 "$here/person.py" enrol "$work/maria.again" "$invitation" maria -- \
        "$vaultctl" enrol --data "$dir" --identity "$work/maria.second" --passphrase-file "$work/pass"
    rm -f "$work/maria.second"
    expect 5 python3 "$here/person.py" enrol "$work/maria.again" "$invitation" maria -- \
        "$vaultctl" enrol --data "$dir" --identity "$work/maria.second" --passphrase-file "$work/pass"
    expect_pairs "$what" enrol_confirm
    kill_vault
}
cut_enrolment access_intended good
cut_enrolment access_committed used
if [ "$times" -gt 1 ]; then
    cut_enrolment access_recorded used
fi
say "an enrolment, killed: the invitation is good until it is used up, and never after"

# ---- two logins with one code ----

mkdir -m 700 "$work/left" "$work/right"
race() { # FACTOR
    local side pids=() codes=()
    for side in left right; do
        XDG_RUNTIME_DIR=$work/$side "$vaultctl" login --data "$dir" --identity "$work/paola.plain" \
            <<<"$1" >"$work/$side/out" 2>"$work/$side/err" &
        pids+=($!)
    done
    for side in "${pids[@]}"; do
        local code=0
        wait "$side" || code=$?
        codes+=("$code")
    done
    case "${codes[*]}" in
    '0 5' | '5 0') ;;
    *) fail "two logins with one code: exit codes ${codes[*]}" ;;
    esac
}
for ((round = 1; round <= times; round++)); do
    kills_afresh
    cp -a "$work/pristine.phone" "$work/paola.phone"
    start_vault
    # Four losers are not locked out; a fifth would be.
    race "$(python3 "$here/person.py" ahead "$work/paola.phone")"
    for i in 0 1 2; do race "$(recovery_code $i)"; done
    expect 0 as admin audit tail --from 1 --operation login --json
    jq -es '(map(select(.phase == "outcome" and .status == "ok")) | length) == 4 and
        (map(select(.status == "denied")) | length) == 4' "$out" >/dev/null || fail "not four in and four out on record"
    kill_vault
done
say "two logins with one code, $((4 * times)) times: one was let in, the other refused"

# ---- two sessions, one budget ----

kills_afresh
cp -a "$work/pristine.phone" "$work/paola.phone"
mapfile -t tokens <"$work/tokens"
answered=0
unknown=0
# spend_in_two POINT: until the daemon dies there, or until the budget is used up.
spend_in_two() {
    local side
    with_point "$1" start_vault
    for side in left right; do
        log_in_by 0 "$(python3 "$here/person.py" code "$work/paola.phone")"
        session_key paola "$work/$side.session"
    done
    for side in left right; do
        "$spender" reveal "$dir/run/vault.sock" "$work/$side.session" 4 1 "${tokens[@]}" >"$work/$side.spent" 2>"$work/$side.err" &
        others+=($!)
    done
    if [ "$1" != none ]; then
        expect_crash "reveals at $1"
        start_vault
    fi
    for side in "${others[@]}"; do wait "$side" || fail "a spender: $(cat "$work"/*.err)"; done
    others=()
    cat "$work/left.spent" "$work/right.spent" >"$out"
    # Whose session ended with the daemon is refused; else the budget is what ends it.
    if [ "$1" = none ]; then expect_json '.quota == 4'; else expect_json '.refused == 4'; fi
    answered=$((answered + $(jq -s 'map(.answered) | add' "$out")))
    unknown=$((unknown + $(jq -s 'map(.unknown) | add' "$out")))
    expect 0 as admin audit tail --from 1 --principal paola --operation detokenize --json
    recorded=$(jq -s '[.[] | select(.status == "ok")] | length' "$out")
    [ "$answered" -le "$recorded" ] || fail "$1: $answered answered, and $recorded on record"
    [ "$recorded" -le $budget ] || fail "$1: $recorded reveals, of $budget"
    [ "$1" = none ] || kill_vault
}
spend_in_two reveal_recorded=30
spend_in_two reveal_spent=20
spend_in_two reveal_recorded=3
[ "$recorded" -ge 40 ] && [ "$recorded" -lt $budget ] || fail "the last kill was not near the budget's end: $recorded"
spend_in_two none
same "reveals on record" "$recorded" $budget
[ "$answered" -ge $((budget - unknown)) ] || fail "less than the budget less what was under way: $answered"
expect 0 as admin audit verify --json
expect_json .ok
stop_vault
say "two sessions, one budget, three kills: $recorded of $budget on record, $answered answered"

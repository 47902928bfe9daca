#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S18, S42 and S43.
# The daemon is killed at each point of a login and of an enrolment: before the code is used up nobody was let in, and
# it is good still; from then on it is refused for ever, whether its answer came through or not. No session outlives it,
# wrong codes stay counted. Two logins race with one code: one is let in. Two sessions spend one budget under kills.
# 46_login_kills.sh [RACES]: so many times four races.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/kills.sh
. "$here/kills.sh"
races=${1:-1}

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
expect 0 as admin principal add maria --person --json
invitation=$(json .code)
stop_vault
rm -rf "$work/pristine"
cp -a "$dir" "$work/pristine"
cp -a "$work/paola.phone" "$work/pristine.phone"

recovery_code() { jq -r ".recovery[$1]" "$work/paola.phone"; }
# log_in_by CODE FACTOR [KEY]: exit code wanted; with that very code, by paola's key.
log_in_by() {
    feed "$1" "$vaultctl" login --data "$dir" --identity "${3:-$work/paola.key}" --passphrase-file "$work/pass" <<<"$2"
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
    while read -r point fate; do
        [ -z "$point" ] || cut_login "$point" "$fate" $kind
    done <<<"$points"
    say "a $kind login, killed at each point: its code is good until it is used up, and never after"
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


#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The document is enough: clients that know proto/PROTOCOL.md and nothing else of ours meet a real vault.
# protocol/ writes the frames itself, with python3-msgpack; nng_req is nng's REQ socket, nanocat nanomsg's.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# Debian's own Python, which has Debian's python3-msgpack.
# Persons have enrolled with vaultctl, and are in a session whenever a scene begins; it gets the key of that.
scene() {
    local person
    for person in paola dora; do
        if [ -f "$work/$person.phone" ]; then
            in_session $person || log_in $person
            session_key $person "$work/$person.session"
        fi
    done
    /usr/bin/python3 "$here/protocol/scenes.py" "$1" "$dir"
}
# play SCENE...: what each has seen is said.
play() {
    local name
    for name in "$@"; do
        expect 0 scene "$name"
        while read -r line; do say "$line"; done <"$out"
    done
}

new_vault
start_vault

# ---- frames written by hand ----

expect 0 scene public
cp "$out" "$work/inbox.pub"
expect 0 as admin principal add inbox --public-key "$work/inbox.pub"
expect 0 "$vaultctl" keygen -o "$work/other.key"
cp "$out" "$work/other.pub"
feed 0 scene identity_file <"$work/other.key"
same "the public line of keygen's file" "$(cat "$out")" "$(cat "$work/other.pub")"
new_person paola
new_person dora
play vectors examples cast identity work refusals holds busy limits throttles

# ---- an nng REQ socket, and nanomsg's ----

printf '\x81\x00\x01' >"$work/status" # the body of PROTOCOL.md's example
expect 0 nanocat --req --connect "ipc://$dir/run/vault.sock" --file "$work/status" --raw --recv-timeout 20
cp "$out" "$work/reply"
feed 0 scene read_status <"$work/reply"
say "nanocat, off the shelf: $(cat "$out")"

expect 0 "$build/tests/nng_req" "ipc://$dir/run/vault.sock" "$(id -u)" milano
grep -qx 'known as admin' "$out" || fail "nng_req: $(cat "$out")"
# To be a service by uid wants a Unix user who is not the first admin.
other=daemon
as_other=()
if [ "$(id -u)" -eq 0 ]; then
    as_other=(setpriv "--reuid=$other" "--regid=$other" --clear-groups)
elif sudo -n -u "$other" true 2>/dev/null; then
    as_other=(sudo -n -u "$other")
fi
# start_nng_req [option]: in the background; it reads contacts from fd 3, $work/lines has what it prints.
start_nng_req() {
    rm -f "$work/contacts"
    mkfifo "$work/contacts"
    : >"$work/lines"
    "${as_other[@]}" "$work/nng_req" "ipc://$dir/run/vault.sock" "$(id -u)" milano "$@" \
        <"$work/contacts" >"$work/lines" 2>"$work/said" &
    nng_req=$!
    others+=("$nng_req")
    exec 3>"$work/contacts"
    await 20 grep -q '^known as website$' "$work/lines" || fail "nng_req: $(cat "$work/said")"
}
asked() { [ "$(grep -cx asked "$work/lines")" -eq "$1" ]; }
stands_still() { ! grep -hs '^State:' "/proc/$daemon/task/"*/status | grep -qv 'T (stopped)'; }
# stopped_in_between: a request is sent that the vault has not read when it is killed.
stopped_in_between() {
    local before
    before=$(grep -cx asked "$work/lines")
    kill -STOP "$daemon"
    await 10 stands_still || fail "the daemon does not stop"
    echo 'lost@example.org' >&3
    await 20 asked $((before + 1)) || fail "nng_req: $(cat "$work/lines" "$work/said")"
    kill_vault
    start_vault
}
nng_req_says() { # CODE TEXT
    local code=0
    wait "$nng_req" || code=$?
    exec 3>&-
    same "nng_req's exit code" "$code" "$1"
    grep -q -- "$2" "$work/said" || fail "nng_req: $(cat "$work/said")"
}
if [ ${#as_other[@]} -eq 0 ]; then
    say "left out: nng's REQ socket as a service (neither root nor sudo: there is only one Unix user here)"
else
    install -m 0755 "$build/tests/nng_req" "$work/nng_req"
    expect 0 as admin principal add website --uid "$(id -u "$other")"
    expect 0 as admin grant website service -n milano "${terms[@]}"
    start_nng_req
    printf '%s\n' '+39 06 5555 0147' maria@example.com >&3
    await 20 grep -q ' m.*@' "$work/lines" || fail "nng_req: $(cat "$work/lines" "$work/said")"
    grep -qx "phn_[0-9a-z]\{27\} +39 ••• ••• ••47" "$work/lines" || fail "$(cat "$work/lines")"
    say "nng's REQ socket: $(grep phn_ "$work/lines")"
    stopped_in_between
    nng_req_says 3 'not known whether it was executed: Connection reset'
    start_nng_req --resend
    stopped_in_between
    nng_req_says 1 'status 3: '
    say "a lost connection is told as such; with the resend time as it comes the request was sent again"
fi

# ---- statuses that somebody has to do something for ----

# A byte of a record is changed.
expect 0 scene kept_token
kept=$(cat "$out")
stop_vault
database=$(find "$dir/data" -name data.mdb)
python3 "$here/records.py" "$database" "$kept" >"$work/at"
[ -s "$work/at" ] || fail "no record of $kept"
while read -r offset; do
    python3 "$here/tamper.py" flip "$database" $((offset + 60))
done <"$work/at"
start_vault
play corrupt
stop_vault

# A fault of the vault's own: one that only a failpoint makes, for no honest way to one was found.
start_vault env CONTACT_VAULT_FAILPOINTS=vault_tokenize_conflict
play internal
stop_vault

# No file may grow over 16 MiB, until it may: a disk that is full, and then is not.
start_vault bash -c 'trap "" XFSZ; ulimit -S -f 16384; exec "$@"' -
scene unavailable >"$work/unavailable" 2>&1 &
scene=$!
others+=("$scene")
await 60 grep -q '^full' "$work/unavailable" || fail "never full: $(cat "$work/unavailable")"
sleep 1.5
prlimit --pid "$daemon" --fsize=unlimited
wait "$scene" || fail "$(cat "$work/unavailable")"
say "$(tail -n 1 "$work/unavailable")"
stop_vault

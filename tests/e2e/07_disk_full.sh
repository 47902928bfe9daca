#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S1, S22 and S52.
# A full disk: a clear error, no crash, honest callers go on, no reveal without its entry in the log; erase,
# freeze, disable, offboard and revoke still work, each on record; and when space is back everything works again without
# a restart, the reserve too: the second time the disk is full it carries them once more.
#
# The disk is a small tmpfs in a mount namespace of its own, so nothing is left mounted whatever happens.
# shellcheck source=tests/e2e/namespace.sh
. "$(dirname "$0")/namespace.sh"
enter_namespace "no mount namespace may be made here" --mount "$@"
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

disk=$work/disk
mkdir "$disk"
mount -t tmpfs -o size=64m tmpfs "$disk" 2>/dev/null || skip "no tmpfs may be mounted here"
dir=$disk/vault
before_removal() { umount -l "$disk" 2>/dev/null || true; }

new_vault
start_vault
new_cast
new_principal dora privacy milano --person
new_principal otto reveal milano --person
new_principal aldo audit - --person
new_principal nina reveal milano --person
feed 0 as admin canary add -n milano <<<'canary@example.org'
canary=$(cat "$out")
for i in $(seq 4000); do printf 'before-%04d@example.org\n' "$i"; done >"$work/before"
feed 0 as inbox tokenize --json - <"$work/before"
jq -r .token "$out" >"$work/tokens"
reason=$(printf 'before the disk is full %0170d' 0 | tr 0 x)
feed 0 as paola detokenize --json --reason "$reason" - <"$work/tokens"
revealed=$(jq -r 'select(.value) | .value' "$out" | wc -l)
same revealed "$revealed" 4000
# Hundreds to be erased, from all over the database: twice by token and by value, so many each time.
for part in 1 2; do
    awk -v part=$part 'NR % 10 == part' "$work/tokens" >"$work/erase-tokens-$part"
    awk -v part=$part 'NR % 10 == part + 2' "$work/before" >"$work/erase-values-$part"
done
erased=400
awk 'NR % 10 == 0 || NR % 10 > 4' "$work/before" >"$work/left"
awk 'NR % 10 == 0 || NR % 10 > 4' "$work/tokens" >"$work/left-tokens"

fill() {
    head -c 64M /dev/zero >"$disk/ballast" 2>/dev/null || true
    [ "$(df --output=avail "$disk" | tail -n 1)" -eq 0 ] || fail "the disk is not full"
}
# until_refused ROUNDS command...: 0 once it is refused; $code and what it said are kept.
until_refused() {
    local rounds=$1
    shift
    for round in $(seq "$rounds"); do
        code=0
        "$@" || code=$?
        alive || fail "the daemon stopped"
        [ "$code" -eq 0 ] || return 0
    done
    return 1
}
series=0
new_contacts() {
    series=$((series + 1))
    for i in $(seq 2000); do printf 'during-%03d-%04d@example.org\n' $series "$i"; done >"$work/during"
    as inbox tokenize --json - <"$work/during" >"$out" 2>"$err"
}
reveals() {
    local status=0
    as paola detokenize --json --reason "$reason" - <"$work/left-tokens" >"$out" 2>"$err" || status=$?
    revealed=$((revealed + $(jq -r 'select(.value) | .value' "$out" | wc -l)))
    return $status
}
says_full() {
    [ "$code" -eq 6 ] || [ "$code" -eq 1 ] || fail "exit $code on a full disk"
    grep -qi 'unavailable\|full\|space\|cannot be written' "$out" "$err" || fail "the error does not say what is wrong"
}

# What must go on: PART of the contacts is erased, an account is disabled, a right revoked, reveals frozen.
protect() {
    local part=$1 person=$2 service=$3
    feed 0 as dora erase --json --reason 'asked for it' - <"$work/erase-tokens-$part"
    same "erased by token" "$(lines "$out")" $erased
    feed 0 as dora erase --json -n milano --reason 'asked for it' - <"$work/erase-values-$part"
    same "erased by value" "$(lines "$out")" $erased
    feed 1 as inbox mask --json - <"$work/erase-tokens-$part"
    expect_json '.error.code == "not_found"'
    feed 1 as inbox lookup --json - <"$work/erase-values-$part"
    expect_json '.error.code == "not_found"'
    expect 0 as admin principal disable "$person"
    expect 5 as "$person" mask "$(head -n 1 "$work/left-tokens")"
    expect 0 as admin principal offboard "$person" --report "$work/$person.csv"
    expect 0 as admin revoke "$service" service -n "$4"
    expect 0 as aldo freeze --all
    state_is frozen || fail "it is not frozen"
    expect 5 as paola detokenize --reason 'frozen' "$(head -n 1 "$work/left-tokens")"
    expect_error frozen
    alive || fail "the daemon stopped"
}
# on_record PART: each of them with its intent and its outcome.
on_record() {
    expect 0 as admin audit tail --from 1 --operation erase --json
    jq -es --argjson wanted "$((2 * erased * $1))" '
        [.[] | select(.phase == "intent") | .token] as $intents |
        [.[] | select(.phase == "outcome" and .status == "ok") | .token] as $outcomes |
        ($intents | unique | length) == $wanted and ($intents | sort) == ($outcomes | sort)' "$out" >/dev/null ||
        fail "not every erase has its intent and its outcome"
    for act in principal_disable principal_offboard revoke freeze; do
        expect 0 as admin audit tail --from 1 --operation $act --json
        jq -es --argjson wanted "$1" '
            ([.[] | select(.phase == "intent")] | length) >= $wanted and
            ([.[] | select(.phase == "outcome" and .status == "ok")] | length) >= $wanted' "$out" >/dev/null ||
            fail "no intent or no outcome of $act"
    done
    expect 0 as admin audit verify --json
    expect_json .ok
}

# ---- full ----

fill
say "the disk is full"
until_refused 40 new_contacts || fail "80,000 contacts on a full disk"
says_full
say "batch $round of new contacts is refused: $(cat "$err" "$out" | head -n 1 | cut -c1-120)"

feed 0 as inbox tokenize --json - <"$work/before"
same "tokens of known contacts" "$(jq -r .token "$out" | cmp - "$work/tokens" && echo same)" same
feed 0 as inbox mask --json - <"$work/tokens"
say "known contacts and masks are answered as before"

# Reveals go on while the log has room, and not one further.
until_refused 60 reveals || fail "140,000 reveals with no room for the log"
says_full
say "a reveal of 2,400 is refused, after $revealed revealed: $(head -n 1 "$err" | cut -c1-120)"
state_is unsealed || fail "no status on a full disk"

# Who opens a canary now is disabled all the same, out of the reserve.
expect 5 as nina detokenize --reason 'on a full disk' "$(head -n 1 "$work/left-tokens")" "$canary"
expect_error 'this principal is disabled'
expect 0 as admin principal show nina --json
expect_json .disabled
expect 0 as admin audit tail --from 1 --operation canary --json
expect_json '.principal == "nina" and .status == "denied"'

protect 1 otto crm berlin
on_record 1
say "$((2 * erased)) contacts erased, one disabled, then offboarded, one revoked, all frozen: each on record"

# ---- space is back ----

rm "$disk/ballast"
await 20 as admin unfreeze >/dev/null 2>&1 </dev/null || fail "not unfrozen with space back"
await 20 as inbox tokenize 'after@example.org' >/dev/null 2>&1 </dev/null || fail "no new contact with space back"
await 20 as paola detokenize --reason 'space is back' "$(head -n 1 "$work/left-tokens")" >/dev/null 2>&1 </dev/null ||
    fail "no reveal with space back"
revealed=$((revealed + 1))
feed 0 as inbox tokenize --json - <"$work/during"
say "space is back, and so is the vault, without a restart"

# ---- full once more ----

fill
until_refused 40 new_contacts || fail "80,000 contacts on a disk full once more"
says_full
until_refused 60 reveals || fail "140,000 reveals with no room for the log, once more"
says_full
protect 2 sender inbox milano
on_record 2
say "full once more: the reserve was made again, and carries as much again"

# Whoever restarts it to help himself finds it as it was.
kill_vault
launch_vault
await 60 answers_or_is_gone frozen || fail "it does not start on a full disk"
alive || fail "it does not start on a full disk"
on_record 2
say "killed and started on the full disk"

rm "$disk/ballast"
await 20 as admin unfreeze >/dev/null 2>&1 </dev/null || fail "not unfrozen with space back again"
expect 0 as admin audit verify --json
expect_json .ok
expect 0 as admin audit tail --from 1 --json
recorded=$(jq -s '[.[] | select(.operation == "detokenize" and .status == "ok" and .token)] | length' "$out")
[ "$recorded" -ge "$revealed" ] || fail "$revealed contacts were revealed, $recorded recorded"
say "$revealed reveals, $recorded recorded"
stop_vault
start_vault
expect 0 as admin grant inbox service -n milano "${terms[@]}"
feed 0 as inbox lookup --json - <"$work/left"
same "tokens after a restart" "$(jq -r .token "$out" | cmp - "$work/left-tokens" && echo same)" same
feed 1 as inbox lookup --json - <"$work/erase-values-2"
expect_json '.error.code == "not_found"'
stop_vault

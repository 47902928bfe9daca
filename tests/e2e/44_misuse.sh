#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Misuse is noticed: a person who opens a canary sees nothing and is disabled, through a kill; a sender goes on; the
# operators are told by a command of theirs, of lookups that find nothing too, and never hear a contact or a token. What
# runs that command leaves with the daemon. Owns SECURITY.md S49, S50 with the real programs.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
told=$work/told
cat >"$work/alarm" <<END
#!/bin/sh
{ printf '%s ' "\$@"; cat; } >>$told
END
chmod 0755 "$work/alarm"
cat >"$work/conf" <<END
[budgets]
alarm_lookup_misses = 3
[notify]
command = $work/alarm
arguments = from  the-vault
END
vaultd_options=(--config "$work/conf")
canary_number='+44 20 7946 0958'
canary_digits=2079460958

tells() { # TIMES PATTERN: so often it is told
    [ "$(grep -c -- "$2" "$told" 2>/dev/null)" = "$1" ]
}
is_told() {
    await 15 tells "$1" "$2" || fail "not told $1 times: $2; but: $(cat "$told" 2>/dev/null)"
}
helper_of() { cat "/proc/$1/task/$1/children" 2>/dev/null; }
has_gone() { ! kill -0 "$1" 2>/dev/null; }

# ---- whose command it may be ----

new_vault
chmod 0775 "$work/alarm"
start_refused "$work/alarm could be replaced by somebody else"
chmod 0755 "$work/alarm"
ln -s alarm "$work/link"
sed "s|/alarm$|/link|" "$work/conf" >"$work/conf.link"
expect 1 "$vaultd" --data "$dir" --config "$work/conf.link" --check-config
expect_error "notify.command: .*/link is a link"
expect 0 "$vaultd" --data "$dir" --config "$work/conf" --check-config

start_vault
new_cast
new_principal luca reveal milano --person

# ---- whether alarms arrive ----

expect 0 as admin notify test
is_told 1 '^from the-vault {"event":"test","time":"[-0-9TZ:]*","principal":"[^"]*"}$'
helper=$(helper_of "$daemon")
helper=${helper// /}
[ -n "$helper" ] || fail "there is no helper"
# No file of the vault's is open in it: the pipe, nothing, and the log.
for fd in /proc/"$helper"/fd/*; do
    case $(readlink "$fd") in
    pipe:* | /dev/null | "$log") ;;
    *) fail "the helper has $(readlink "$fd")" ;;
    esac
done
say "the operators are told, by a process that has nothing of the vault's"

# ---- a person ----

first=$(token_of '+44 20 7946 0959')
feed 0 as admin canary add -n milano --json <<<"$canary_number"
canary=$(json .token)
same "its number" "$(json .number)" 1
same "its token, to whom it is sent as any other" "$(token_of "$canary_number")" "$canary"
expect 0 as paola mask "$first" "$canary"
expect 0 as paola detokenize --reason 'call back' "$first"
expect 5 as paola detokenize --json --reason 'call back' "$first" "$canary"
kill_vault # the moment it has answered
expect_json '.error.code == "denied" and .error.message == "this principal is disabled"'
! grep -q 2079460 "$out" "$err" || fail "a contact of the batch was shown"
is_told 1 '"event":"canary","time":"[-0-9TZ:]*","principal":"paola","namespace":"milano","canary":1}'
is_told 1 '"event":"suspended","time":"[-0-9TZ:]*","principal":"paola","canary":1}'
await 15 has_gone "$helper" || fail "the helper outlives a daemon that was killed"
start_vault
expect 5 as paola detokenize --json --reason 'call back' "$first"
expect_error 'principal'
expect 0 as admin principal show paola --json
expect_json '.disabled == true'
expect 0 as admin audit tail --operation canary --json
expect_json '.principal == "paola" and .status == "denied" and .amount == 1 and (has("token") | not)'
expect 0 as luca detokenize --reason 'call back' "$first"
say "who opens a canary sees nothing, and is disabled before he is answered"

# ---- a service, and lookups that find nothing ----

expect 0 as sender detokenize --reason delivery "$first" "$canary"
is_told 1 '"event":"canary","time":"[-0-9TZ:]*","principal":"sender","namespace":"milano","canary":1}'
expect 0 as sender detokenize --reason delivery "$first"
expect 1 as inbox lookup a@example.org b@example.org
expect 1 as inbox lookup c@example.org
is_told 1 '"event":"lookup_misses","time":"[-0-9TZ:]*","principal":"inbox","namespace":"milano","misses":3}'
! grep -q "$canary_digits\|$canary\|$first\|@\|2079460959" "$told" || fail "a contact or a token was told"
expect 0 as admin canary list
grep -q "^$canary" "$out" || fail "the list has no $canary"
say "a sender goes on; the operators hear of it, and never a contact or a token"

# ---- a backup has them, and they can be lifted ----

expect 0 as admin recipient new safe -o "$work/safe.recipient"
expect 0 as admin backup "$work/backup"
expect 0 as admin canary remove "$canary"
expect 0 as luca detokenize --reason 'call back' "$canary"
stop_vault
expect 0 "$vaultctl" restore "$work/backup" --data "$work/again" --recipient "$work/safe.recipient" \
    --key-file "$dir.key" --audit "$dir/data/audit"
key_file=$dir.key
dir=$work/again
start_vault
expect 5 as luca detokenize --reason 'call back' "$canary"
expect_error 'this principal is disabled'
is_told 1 '"event":"suspended","time":"[-0-9TZ:]*","principal":"luca","canary":1}'
helper=$(helper_of "$daemon")
helper=${helper// /}
stop_vault
await 15 has_gone "$helper" || fail "the helper outlives the daemon"
say "a backup has them"

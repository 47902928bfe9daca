#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The names that --json gives are those that vaultctl.1 promises, command by command: none that is not there
# said, and none said that never comes.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# ---- what the page says: "command: name", a line each ----

documented() {
    awk '/^\.Sh / { inside = $0 == ".Sh JSON OUTPUT" }
        /^\.Ss / { count = split(substr($0, 5), names, ", ") }
        /^\.It Va / && inside { for (i = 1; i <= count; i++) print names[i] ": " $3 }' "$root/man/vaultctl.1" | sort -u
}

# ---- what the program gives ----

# took COMMAND: notes the names in $out, each with the command; those of an error stand by themselves.
took() {
    [ -s "$out" ] || fail "no document from $1"
    echo "$1" >>"$work/commands"
    jq -r --arg command "$1" '(if has("error") then "errors" else $command end) as $place
        | paths(type != "object" and type != "array")
        | map(if type == "number" then "[]" else "." + . end) | join("") | "\($place): \(.[1:])"' "$out" \
        >>"$work/names" || fail "no JSON, or no object, from $1"
}
# ask CODE WHO COMMAND... : one or two words, and the rest.
ask() {
    local code=$1 who=$2 name=$3
    case $name in namespace | principal | audit | key | recipient | canary | notify) name+=" $4" ;; esac
    shift 2
    expect "$code" as "$who" "$@" --json
    took "$name"
}

expect 0 "$vaultctl" init --data "$dir" --json
took init
printf '[reveal]\npurposes = callback, legal\n[notify]\ncommand = /usr/bin/true\n' >"$work/conf"
vaultd_options=(--config "$work/conf")
start_vault
expect 0 "$vaultctl" keygen -o "$work/inbox.key" --json
took keygen
json .public_key >"$work/inbox.pub"
for name in sender clerk auditor; do "$vaultctl" keygen -o "$work/$name.key" >"$work/$name.pub"; done

ask 0 admin namespace create milano
ask 0 admin namespace set milano --retain 24mo
new_person paola
cp "$out" "$work/enrolled"
expect 0 as admin principal invite paola --json
took 'principal invite'
cp "$work/enrolled" "$out"
took enrol
for name in inbox sender clerk auditor; do
    ask 0 admin principal add $name --relayed --public-key "$work/$name.pub"
done
ask 0 admin principal add visitor --uid 4294967000
ask 0 admin principal add nina --person
ask 0 admin grant paola reveal -n milano --for 8h --daily 4 --hourly 2
ask 0 admin grant inbox service -n milano
ask 0 admin grant clerk privacy -n milano
ask 0 admin grant auditor audit
ask 0 admin grant sender deliver -n milano
ask 0 admin revoke sender deliver -n milano
ask 0 admin principal disable visitor
ask 0 admin principal enable visitor

ask 0 inbox tokenize '+39 06 5555 0147' maria@example.com
token=$(jq -rs '.[0].token' "$out")
ask 0 inbox lookup '+39 06 5555 0147'
ask 0 inbox mask "$token"
ask 0 inbox describe "$token"
ask 0 auditor describe "$token"
printf 'name,phone\nMaria,+39 06 5555 0147\nLuca,none\n' >"$work/leads.csv"
ask 1 inbox import "$work/leads.csv" --column phone -o "$work/safe.csv"
ask 0 paola detokenize --purpose callback --ticket INC-7 --reason 'call back' "$token"
ask 0 admin status
ask 0 inbox status
ask 0 admin namespace list
ask 0 admin key rotate data -n milano --wait
ask 0 admin key rotate root --unseal shares --shares 3 --threshold 2
mv "$dir.key" "$work/first.key"
ask 0 admin key rotate root --unseal keyfile --key-file "$dir.key"
expect 0 "$vaultctl" init --data "$work/shared" --unseal shares --shares 3 --threshold 2 --json
took init
expect 0 as admin namespace create hamburg
ask 0 admin namespace shred hamburg --yes
ask 0 admin key status
ask 0 admin compact --wait
ask 0 admin recipient new safe -o "$work/safe.recipient"
cp "$out" "$work/recipient"
ask 0 admin recipient list
ask 0 admin backup "$work/backup"
ask 0 admin canary add 'canary@example.org'
canary=$(json .token)
ask 0 admin canary list
ask 0 admin canary remove "$canary"
ask 0 admin notify test
ask 0 admin recipient remove safe
sed -n 's/.*"public_key":"\([^"]*\)".*/\1/p' "$work/recipient" >"$work/safe.pub"
ask 0 admin recipient add safe --public-key "$work/safe.pub"
ask 0 admin principal list
ask 0 admin principal show paola
ask 0 admin principal list
ask 0 admin principal show visitor

# Errors: of a value, of a call, and one that says when to come back.
ask 1 inbox mask phn_rubbish
ask 5 inbox detokenize --reason curiosity "$token"
ask 0 paola detokenize --purpose callback --ticket INC-7 --reason 'call back' "$token"
ask 6 paola detokenize --purpose callback --reason 'call back' "$token"

ask 0 clerk erase --reason 'asked by letter' "$token"
log_out() { stay_out=1 ask 0 paola logout; }
ask 0 paola whoami
log_out
expect 0 python3 "$here/person.py" login "$work/paola.phone" -- \
    "$vaultctl" login --data "$dir" --identity "$work/paola.key" --passphrase-file "$work/pass" --json
took login
ask 0 admin freeze --all
ask 0 admin unfreeze
# In a user namespace without a map everybody is nobody, and signs as that: relayed.
can_relay=no
if unshare -U true 2>/dev/null; then
    can_relay=yes
    expect 0 unshare -U "$vaultctl" tokenize --data "$dir" --identity "$work/inbox.key" --json '+39 06 5555 0148'
    took tokenize
    revealed=$token
    token=$(json .token)
    expect 0 as admin grant sender deliver -n milano
    expect 0 unshare -U "$vaultctl" detokenize --data "$dir" --identity "$work/sender.key" --json --reason delivery "$token"
    took detokenize
fi
ask 0 auditor audit subject "${revealed:-$token}" "$token"
ask 0 auditor audit tail --from 1
ask 0 admin audit tail --from 1
jq -es 'all(.[]; has("reason") | not)' "$out" >/dev/null || fail "an admin was told a reason"
ask 0 auditor audit report
ask 0 admin audit report
# Their purposes, which are the configuration's words, at the most.
jq -e '[..|.reason? // empty] | unique == ["callback"]' "$out" >/dev/null || fail "an admin was told a reason"
ask 0 admin principal offboard paola --report "$work/paola.csv"
ask 0 admin principal show paola
ask 0 admin principal list
ask 0 admin audit verify
# Two people: from the second admin with a key on, what gives rights away waits.
ask 0 admin approvals never
ask 0 admin approvals auto
"$vaultctl" keygen -o "$work/visitor.key" >"$work/visitor.pub"
ask 0 admin principal set-key visitor --public-key "$work/visitor.pub"
new_person anna
expect 0 as admin grant anna admin
by=anna new_person berta
expect 0 as anna grant berta admin
by=anna new_person clara
"$vaultctl" keygen -o "$work/inbox.new" >"$work/inbox.new.pub"
ask 0 anna approvals
ask 7 anna principal set-key inbox --public-key "$work/inbox.new.pub"
ask 7 anna principal invite clara
ask 7 anna key rotate root --unseal keyfile --key-file "$work/never.key"
ask 0 berta pending
jq -r .request "$out" >"$work/waiting"
ask 0 berta approve "$(sed -n 1p "$work/waiting")"
ask 0 berta approve "$(sed -n 2p "$work/waiting")"
ask 0 anna deny "$(sed -n 3p "$work/waiting")"
ask 0 anna seal
ask 0 admin status
ask 0 admin unseal
stop_vault
restore() {
    "$vaultctl" restore "$work/backup" --data "$work/again" --recipient "$work/safe.recipient" --key-file "$dir.key" --audit "$dir/data/audit" --json
}
expect 0 restore
took restore
expect 1 restore # there is a vault now
took restore

# A log that somebody has changed.
cp -r "$dir/data/audit" "$work/copy"
first=$(find "$work/copy" -type f -printf '%f\n' | sort | sed -n 1p)
printf X | dd of="$work/copy/$first" bs=1 seek=200 conv=notrunc 2>/dev/null
expect 1 "$vaultctl" audit verify "$work/copy" --json
took 'audit verify'
say "$(sort -u "$work/names" | wc -l | tr -d ' ') names from $(sort -u "$work/commands" | wc -l | tr -d ' ') commands"

# ---- both ways ----

all=$("$vaultctl" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\( [a-z-]\+\)\{0,1\}\)  .*/\1/p' | sort)
same "commands that were run" "$(sort -u "$work/commands")" "$all"
sort -u "$work/names" >"$work/given"
documented >"$work/said"
if [ $can_relay = no ]; then
    say "left out: a relayed key (no user namespace may be made here)"
    sed -i '/^audit tail: relayed$/d; /^audit subject: entries\[\].relayed$/d' "$work/said"
fi
: >"$out"
: >"$err"
missing=$(comm -23 "$work/given" "$work/said")
[ -z "$missing" ] || fail "vaultctl.1 does not say:"$'\n'"$missing"
never=$(comm -13 "$work/given" "$work/said")
[ -z "$never" ] || fail "vaultctl.1 says what never came:"$'\n'"$never"
say "vaultctl.1 says all of them, and no other"

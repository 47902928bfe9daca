#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Owns SECURITY.md S11.
# No contact in any file, log, error or in what the system tells about the process, in any encoding; nor what a person enrols
# and logs in by: code, passphrase, TOTP secret, recovery codes, session key. The search has found a planted one first.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

new_vault
start_vault
new_cast

# ---- what a person has ----

new_person nina
expect 0 as admin grant nina reveal -n milano "${terms[@]}"
expect 0 as admin principal add olga --person --json
jq -r '.code, (.code | gsub("-"; ""))' "$out" >"$work/secrets" # waits: stored as a hash
expect 0 as admin principal add anna --person --json
code=$(json .code)
tr -d - <<<"$code" >>"$work/secrets" # used
expect 0 python3 "$here/person.py" enrol "$work/anna.phone" "$code" anna -- \
    "$vaultctl" enrol --data "$dir" --identity "$work/anna.key" --passphrase-file "$work/pass"
in_session nina || log_in nina
session_key nina "$work/nina.session"
{
    cat "$work/pass"
    for phone in "$work"/*.phone; do jq -r '.secret, .recovery[], (.recovery[] | gsub("-"; ""))' "$phone"; done
    sed -n 2p "$work/nina.session"
} >>"$work/secrets"
# As bytes, too. (A line of needles ends at a newline: the pieces around one.)
python3 - "$work/secrets" "$work"/*.phone "$work/nina.session" <<'END'
import base64, json, re, sys
raw = [base64.b32decode(json.load(open(path))["secret"]) for path in sys.argv[2:-1]]
key = open(sys.argv[-1]).read().split("\n")[1].split()[-1]
raw.append(base64.b64decode(key + "=" * (-len(key) % 4)))
with open(sys.argv[1], "ab") as to:
    for secret in raw:
        assert len(secret) >= 20
        to.writelines(piece + b"\n" for piece in secret.split(b"\n") if len(piece) >= 7)
END

# ---- the contacts ----

# The leads, some more of each kind, and rubbish.
awk -f "$root/tools/lib/csv.awk" -f /dev/stdin "$root/tests/data/leads.csv" >"$work/values" <<'END'
    NR > 1 { csv($0, field); if (field[2] != "") print field[2]; if (field[3] != "") print field[3] }
END
for i in $(seq 100 199); do
    printf '+1 202-555-0%s\nCanary.%s@Fiction-%s.example\n' "$i" "$i" "$i"
done >>"$work/values"
printf '%s\n' 'call the lady with the red car' 'nobody@@nowhere.example' '+99 9999 9999 9999 9999' >>"$work/values"
awk 'length >= 7' "$work/values" | sort -u >"$work/needles"
cat "$work/secrets" >>"$work/needles"
say "$(lines "$work/values") contacts, $(lines "$work/needles") needles"

: >"$work/errors"
code=0
"$vaultctl" tokenize --data "$dir" --identity "$work/inbox.key" --json - <"$work/values" >"$work/tokens" 2>>"$work/errors" || code=$?
[ $code -le 1 ] || fail "exit $code of the batch"
same "answers" "$(lines "$work/tokens")" "$(lines "$work/values")"
jq -r 'select(.token) | .token' "$work/tokens" | sort -u >"$work/good"
[ "$(lines "$work/good")" -gt 250 ] || fail "only $(lines "$work/good") tokens"
feed 0 as paola detokenize --json --reason 'a reason that is a reason' - <"$work/good"
same values "$(jq -r 'select(.value) | .value' "$out" | wc -l)" "$(lines "$work/good")"
# What a reveal gives is a needle too: the canonical forms.
jq -r .value "$out" | awk 'length >= 7' >>"$work/needles"
while read -r bad; do
    "$vaultctl" tokenize --data "$dir" --identity "$work/inbox.key" "$bad" >>"$work/errors" 2>&1 </dev/null || true
done < <(tail -n 3 "$work/values")
as inbox lookup -- '+1 202-555-0999' '+99 9999 9999 9999 9999' >>"$work/errors" 2>&1 </dev/null || true
as admin audit tail --from 1 --json >"$work/audit" 2>>"$work/errors" </dev/null
[ -s "$work/audit" ] || fail "the log is empty"

searched=("$dir" "$log" "$work/errors" "$work/audit" "/proc/$daemon/cmdline")
if [ "$(id -u)" -eq 0 ]; then
    searched+=("/proc/$daemon/environ")
elif cat "/proc/$daemon/environ" >/dev/null 2>&1; then
    fail "the process can be looked into by its own user"
fi
# not_found WHEN: nothing is in there, and one needle put in there would be seen.
not_found() {
    head -n 1 "$work/needles" | tr -d '\n' | base64 -w0 >"$dir/data/planted"
    feed 1 "$leakfind" "$work/needles" "${searched[@]}"
    same "hits of the planted one" "$(grep -vc "^$dir/data/planted:" "$out" || true)" 0
    rm "$dir/data/planted"
    feed 0 "$leakfind" "$work/needles" "${searched[@]}"
    say "$1: $(cat "$err")"
}
not_found "running"
grep -q 'Max core file size *0 *0' "/proc/$daemon/limits" || fail "a core could be dumped"
searched=("$dir" "$log" "$work/errors" "$work/audit")
kill_vault
not_found "killed"
start_vault
stop_vault
not_found "stopped"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, and plays the whole story with the real programs in a temporary
# folder: contacts in, tokens out, reveals on record. Exit 0 only if each step held.
#
# try.sh [--keep]
#   --keep   leave the vault running at the end, and say how to use it
set -euo pipefail
cd "$(dirname "$0")/.."

keep=no
case ${1:-} in
'') ;;
--keep) keep=yes ;;
*)
    sed -n '3,7s/^# \{0,1\}//p' "$0"
    [ "$1" = --help ] && exit 0 || exit 2
    ;;
esac

build=$PWD/build/release
vaultd=$build/vaultd/vaultd
vaultctl=$build/tools/vaultctl/vaultctl
leakfind=$build/tools/leakfind/leakfind
leads=$PWD/tests/data/leads.csv
started=$SECONDS
bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\033[1m' dim=$'\033[2m' plain=$'\033[0m'; fi

work=$(mktemp -d "${TMPDIR:-/tmp}/contact-vault-try.XXXXXX")
export XDG_RUNTIME_DIR=$work # where sessions are kept
chmod 0711 "$work"
dir=$work/vault
daemon=
held=no
# The first admin is whoever plays, also under sudo.
unset SUDO_UID CONTACT_VAULT_SOCKET CONTACT_VAULT_IDENTITY CONTACT_VAULT_NAMESPACE

cleanup() {
    local code=$?
    if [ $held = no ] || [ $keep = no ]; then
        if [ -n "$daemon" ]; then
            kill "$daemon" 2>/dev/null || true
            wait "$daemon" 2>/dev/null || true
        fi
        [ $code -eq 0 ] || tail -n 20 "$work/vaultd.log" 2>/dev/null || true
        rm -rf "$work"
    fi
    exit $code
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- telling ----

number=0
step() {
    number=$((number + 1))
    printf '\n%s%2d. %s%s\n' "$bold" $number "$*" "$plain"
}
tell() { printf '    %s\n' "$*"; }
fail() {
    printf '    %sNOT SO:%s %s\n' "$bold" "$plain" "$*"
    [ ! -s "$work/err" ] || sed 's/^/    | /' "$work/err"
    exit 1
}
# The command as the reader could type it in the folder: short names instead of long paths.
show() {
    local word text=''
    if [ "$1" = as ]; then set -- vaultctl "${@:3}" --data vault --identity "$2.key"; fi
    for word in "$@"; do
        word=${word#"$build/vaultd/"}
        word=${word#"$build/tools/vaultctl/"}
        word=${word#"$build/tools/leakfind/"}
        word=${word#"$work/"}
        case $word in *' '*) word="'$word'" ;; esac
        text="$text $word"
    done
    printf '    %s$%s%s\n' "$dim" "$text" "$plain"
}
# run CODE command...: shows it, runs it, wants that exit code. Output in out and err.
run() {
    local wanted=$1
    shift
    show "$@"
    quiet "$wanted" "$@"
}
quiet() {
    local wanted=$1 code=0
    shift
    "$@" >"$work/out" 2>"$work/err" || code=$?
    [ "$code" -eq "$wanted" ] || fail "exit code $code, wanted $wanted"
}
output() { sed 's/^/    /' "$work/out" "$work/err"; }
# What a command that was refused had to say.
refused() { output | sed -n 1,3p; }

# ---- the actors ----

# shellcheck source=tools/lib/phone.sh
. tools/lib/phone.sh

as() { # NAME command...
    local who=$1
    shift
    "$vaultctl" "$@" --data "$dir" --identity "$work/$who.key"
}
start_vault() {
    "$vaultd" --data "$dir" --key-file "$dir.key" --config "$work/vaultd.conf" >>"$work/vaultd.log" 2>&1 </dev/null &
    daemon=$!
    local deadline=$((SECONDS + 20))
    until "$vaultctl" status --data "$dir" --json 2>/dev/null | grep -q unsealed; do
        kill -0 "$daemon" 2>/dev/null || fail "the daemon stopped"
        [ $SECONDS -lt $deadline ] || fail "the daemon does not answer"
        sleep 0.05
    done
}
# tokenize VALUES ANSWERS OPTIONS...: as the service, one answer a line; bad ones fail by themselves.
tokenize() {
    local values=$1 result=$2 code=0
    shift 2
    show vaultctl tokenize --data vault --identity inbox.key --json "$@" - "<" "$values"
    as inbox tokenize --json "$@" - <"$values" >"$result" 2>"$work/err" || code=$?
    [ $code -le 1 ] || fail "exit code $code"
    [ "$(wc -l <"$result")" -eq "$(wc -l <"$values")" ] || fail "not one answer a line"
}
# A person makes her key and her second factor herself: the admin gives her a code, and holds nothing of hers.
enrol() { # NAME
    run 0 "$vaultctl" principal add "$1" --person --data "$dir"
    output
    show vaultctl enrol "$1" --data vault --identity "$1.key"
    person_enrol "$1" "$(grep -o '[0-9a-z]\{4\}\(-[0-9a-z]\{2,4\}\)\{6\}' "$work/out")" >"$work/out" 2>"$work/err" || fail "$1 does not enrol"
    tell "her key is made, behind a passphrase; her phone has the secret, and the first code was right"
    log_in "$1" now
}
log_in() { # NAME STEP
    show vaultctl login --data vault --identity "$1.key"
    person_log_in "$1" "$2" >"$work/out" 2>"$work/err" || fail "$1 does not log in"
    output
}
# column NAME KIND: a column of the leads, of the rows that have a phone, a wa_id or an email.
column() {
    awk -v wanted="$1" -v kind="$2" -f tools/lib/csv.awk -f /dev/stdin "$leads" <<'END'
        NR == 1 { next }
        {
            csv($0, field)
            phone = field[2] == "" ? "" : field[4] == "whatsapp" ? "wa_id" : "phone"
            if (kind == phone || (kind == "email" && field[3] != "")) {
                print wanted == "name" ? field[1] : wanted == "email" ? field[3] : field[2]
            }
        }
END
}

# ---- the story ----

printf '%sContact Vault: the story, with the real programs%s\n' "$bold" "$plain"
step "Install what is missing, and build"
tools/install-deps.sh try
mkdir -p build
tell "building in build/release (the first time takes a minute)"
if ! cmake --preset release -DCONTACT_VAULT_TESTS=OFF >build/try.log 2>&1 ||
    ! cmake --build --preset release >>build/try.log 2>&1; then
    tail -n 40 build/try.log
    fail "the build; all of it is in build/try.log"
fi
tell "built: vaultd, vaultctl, libcontactvault"

step "Make a vault and start the daemon"
run 0 "$vaultctl" init --data "$dir"
output
mkdir "$work/elsewhere"
printf '[audit]\ncheckpoint_folder = %s\n' "$work/elsewhere" >"$work/vaultd.conf"
run 0 "$vaultd" --check-config --data "$dir" --config "$work/vaultd.conf"
show vaultd --data "$dir" --key-file "$dir.key" --config "$work/vaultd.conf" "&"
start_vault
run 0 "$vaultctl" status --data "$dir"
output

step "Make a namespace and three identities: a service, the sender, a privileged person"
run 0 "$vaultctl" namespace create milano --data "$dir"
for actor in "inbox service" "sender deliver"; do
    read -r name role <<<"$actor"
    run 0 "$vaultctl" keygen -o "$work/$name.key"
    cp "$work/out" "$work/$name.pub"
    run 0 "$vaultctl" principal add "$name" --public-key "$work/$name.pub" --data "$dir"
    run 0 "$vaultctl" grant "$name" "$role" -n milano --data "$dir"
done
enrol paola
run 0 "$vaultctl" grant paola reveal -n milano --data "$dir"
run 1 "$vaultctl" grant paola admin --data "$dir"
refused
tell "nobody holds admin together with reveal"

step "The service tokenizes $(($(wc -l <"$leads") - 1)) leads, as sales teams have them"
column phone phone >"$work/phones"
column phone wa_id >"$work/wa_ids"
column email email >"$work/emails"
tokenize "$work/phones" "$work/phones.json"
tokenize "$work/wa_ids" "$work/wa_ids.json" --wa-id
tokenize "$work/emails" "$work/emails.json"
cat "$work/phones.json" "$work/wa_ids.json" "$work/emails.json" >"$work/all.json"
jq -r '.token // empty' "$work/all.json" >"$work/tokens"
sort -u "$work/tokens" >"$work/distinct"
tell "$(wc -l <"$work/all.json") phone numbers and addresses: $(wc -l <"$work/distinct") contacts, $(($(wc -l <"$work/tokens") - $(wc -l <"$work/distinct"))) of them again in another spelling, $(jq -r 'select(.error) | .error.code' "$work/all.json" | wc -l) refused:"
jq -r 'select(.error) | .error.message' "$work/all.json" | sort | uniq -c | sort -rn >"$work/errors"
sed -n 's/^/    /; 1,8p' "$work/errors"
tell "   ... and $(awk 'NR > 8 { n += $1 } END { print n + 0 }' "$work/errors") for $(($(wc -l <"$work/errors") - 8)) other reasons"
[ "$(wc -l <"$work/distinct")" -gt 100 ] || fail "too few contacts"
[ "$(wc -l <"$work/distinct")" -lt "$(wc -l <"$work/tokens")" ] || fail "no duplicate was found"
jq -es 'any(.[]; .error)' "$work/all.json" >/dev/null || fail "no rubbish was refused"

step "The inbox, as an agent sees it"
paste "$work/phones.json" <(column name phone) | awk '/"token"/ && shown++ < 4' >"$work/shown"
paste "$work/wa_ids.json" <(column name wa_id) | awk '/"token"/ && shown++ < 2' >>"$work/shown"
paste "$work/emails.json" <(column name email) | awk '/"token"/ && shown++ < 4' >>"$work/shown"
while IFS=$'\t' read -r answer name; do
    printf '    %s  %s  %s\n' "$(jq -r .token <<<"$answer")" "$(jq -r .mask <<<"$answer")" "$name"
done <"$work/shown"

step "The service tries to reveal one"
token=$(head -n 1 "$work/tokens")
run 5 as inbox detokenize --reason curiosity "$token"
refused

step "A privileged person reveals it, and says why; the sender reveals it to deliver"
run 0 as paola detokenize --reason 'customer asked for a call back' "$token"
output
run 0 as sender detokenize --reason 'delivery of a message' "$token"
output
run 0 "$vaultctl" audit tail --data "$dir"
grep -q "paola.*$token\|$token.*paola" "$work/out" || fail "the log does not show it"
grep detokenize "$work/out" | tail -n 3 | sed 's/^/    /'

step "The admin tries, on both sockets"
for socket in vault admin; do
    code=0
    show vaultctl detokenize --socket "vault/run/$socket.sock" --reason 'just looking' "$token"
    "$vaultctl" detokenize --socket "$dir/run/$socket.sock" --reason 'just looking' "$token" >"$work/out" 2>"$work/err" || code=$?
    [ $code -eq 5 ] || [ $code -eq 1 ] || fail "exit code $code"
    ! grep -q '^+' "$work/out" || fail "a contact came back"
    refused
done

step "A budget: a third reveal where two are allowed"
run 0 "$vaultctl" grant paola reveal -n milano --daily 2 --hourly 2 --data "$dir"
run 0 as paola detokenize --reason 'the same customer once more' "$token"
run 6 as paola detokenize --reason 'and again' "$token"
refused

step "Somebody asks to be forgotten: erased by the contact itself, on record"
enrol dora
run 0 "$vaultctl" grant dora privacy -n milano --data "$dir"
run 0 as inbox tokenize forget-me@example.org
output
erased=$(grep -o 'eml_[0-9a-z]*' "$work/out")
run 0 as dora erase --reason 'request of 3 May' forget-me@example.org
output
run 1 as sender detokenize --reason 'delivery of a message' "$erased"
refused

step "Something is wrong: freeze first, ask later"
run 0 as dora freeze --all
run 5 as sender detokenize --reason 'delivery of a message' "$token"
refused
run 5 as dora unfreeze
refused
run 0 "$vaultctl" unfreeze --data "$dir"
run 0 as sender detokenize --reason 'delivery of a message' "$token"

step "kill -9, start again: the same tokens"
show kill -9 "$daemon"
# In one group, so that the shell's own "Killed" goes nowhere, too.
{
    kill -9 "$daemon"
    wait "$daemon" || true
} 2>/dev/null
start_vault
cp "$work/all.json" "$work/before.json"
tokenize "$work/phones" "$work/phones.json"
tokenize "$work/wa_ids" "$work/wa_ids.json" --wa-id
tokenize "$work/emails" "$work/emails.json"
cat "$work/phones.json" "$work/wa_ids.json" "$work/emails.json" | cmp - "$work/before.json" || fail "answers differ"
tell "all $(wc -l <"$work/before.json") answers are the same, byte for byte"

step "Verify the log; then change one byte of a copy"
run 0 "$vaultctl" audit verify --data "$dir"
output
tell "kept elsewhere, and held against the log: what was signed until now is still there"
run 0 "$vaultctl" audit verify --data "$dir" --public-key "$dir/audit.pub" --checkpoint "$work"/elsewhere/checkpoints-*
output
cp -r "$dir/data/audit" "$work/copy"
segment=$(find "$work/copy" -type f | sort | sed -n 1p)
offset=1000
byte=$(od -An -tu1 -j$offset -N1 "$segment" | tr -d ' ')
# shellcheck disable=SC2059 # the format is the byte
printf "\\$(printf %03o $((byte ^ 1)))" | dd of="$segment" bs=1 seek=$offset conv=notrunc status=none
run 1 "$vaultd" audit-verify "$work/copy"
output

step "Make a backup, erase somebody, lose the machine, and restore"
run 0 "$vaultctl" recipient new safe -o "$work/safe.key" --data "$dir"
tell "sealed to a key that goes into a safe: the machine that makes a backup cannot open it"
run 0 "$vaultctl" backup "$work/backup" --data "$dir"
sed "s#$work/##g; s/^/    /" "$work/out"
late=$(sed -n 2p "$work/distinct")
[ "$late" != "$token" ] || late=$(sed -n 3p "$work/distinct")
tell "the vault was started again since she logged in, and a code of her phone is good once: she takes the next one"
log_in dora '30 seconds'
run 0 as dora erase --reason 'request of 4 May' "$late"
show kill -9 "$daemon"
{
    kill -9 "$daemon"
    wait "$daemon" || true
} 2>/dev/null
daemon=
show mv vault lost
mv "$dir" "$work/lost"
run 0 "$vaultctl" restore "$work/backup" --data "$dir" --recipient "$work/safe.key" --key-file "$dir.key" --audit "$work/lost/data/audit"
sed "s#$work/##g; s/^/    /" "$work/out"
start_vault
run 0 as sender detokenize --reason 'delivery of a message' "$token"
output
tell "the same token as before; and who was erased after the backup is not back:"
run 1 as sender detokenize --reason 'delivery of a message' "$late"
refused

step "Search for every plaintext over the vault, the lost one, and the backup"
cat "$work/phones" "$work/wa_ids" "$work/emails" | awk 'length >= 7' | sort -u >"$work/needles"
head -n 1 "$work/emails" | tr -d '\n' | base64 -w0 >"$dir/data/planted"
searched=("$dir" "$work/lost" "$work/backup" "$work/backup.keyring" "$work/vaultd.log")
run 1 "$leakfind" "$work/needles" "${searched[@]}"
[ "$(grep -c '/planted:' "$work/out")" -eq "$(wc -l <"$work/out")" ] || fail "found elsewhere too"
tell "one was planted, in base64, and found:"
sed "s#$work/#    #" "$work/out" | sed -n 1p
rm "$dir/data/planted"
run 0 "$leakfind" "$work/needles" "${searched[@]}"
tell "without it: $(cat "$work/err")"
tell "$(wc -l <"$work/needles") plaintexts; plain, reversed, hex, base64 at every alignment"

if [ $keep = no ]; then
    step "Stop"
    kill "$daemon"
    wait "$daemon" || fail "the daemon did not stop in good order"
    daemon=
    tell "stopped; the folder is removed"
fi
held=yes
printf '\n%sEvery step held.%s %d seconds.\n' "$bold" "$plain" $((SECONDS - started))
if [ $keep = yes ]; then
    disown "$daemon"
    cat <<END

The vault is running (process $daemon) in $dir. You are its admin. To go on:

    export PATH=$build/tools/vaultctl:\$PATH
    cd $work
    vaultctl status --data vault
    vaultctl tokenize --data vault --identity inbox.key '+39 06 5555 0147'
    vaultctl detokenize --data vault --identity sender.key --reason 'trying it out' $token
    vaultctl audit tail --data vault

To end it:

    kill $daemon && rm -r $work
END
fi

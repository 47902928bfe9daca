#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# vaultctl for a page whose commands are typed without a terminal: stands before it in PATH and plays whoever would sit
# there. An enrolment code is read off what `principal add` has said, a phone is person.py, and who has no session is asked
# for one as vaultctl would at a terminal. $VAULTCTL_REAL, $VAULTCTL_PLAYED (a folder that all who play may write to) are
# in the environment, or, for users who have another, in at_terminal.conf beside this file.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
person=$here/person.py
[ -f "$person" ] || person=$here/../e2e/person.py
# shellcheck source=/dev/null # it is there in a machine alone
[ ! -f "$here/at_terminal.conf" ] || . "$here/at_terminal.conf"
real=$VAULTCTL_REAL
played=$VAULTCTL_PLAYED
umask 077
phone=$played/$(id -un).phone
pass=$played/$(id -un).pass
[ -f "$pass" ] || echo 'a passphrase for tests' >"$pass"

where=() # --data DIR, if it is told
for ((i = 1; i < $#; i++)); do
    if [ "${!i}" = --data ]; then
        next=$((i + 1))
        where=(--data "${!next}")
    fi
done

case "${1:-} ${2:-}" in
'principal add' | 'principal invite')
    said=$("$real" "$@")
    echo "$said"
    (umask 022 && sed -n '/enrolment code/{n;p}' <<<"$said" >"$played/$3.code")
    ;;
'enrol '*)
    name=() who=$(id -un)
    [ $# -lt 2 ] || [[ $2 = -* ]] || name=("$2") who=$2
    exec python3 "$person" enrol "$phone" "$(cat "$played/$who.code")" "${name[@]}" -- "$real" enrol "${where[@]}" --passphrase-file "$pass"
    ;;
'login '*) exec python3 "$person" login "$phone" -- "$real" "$@" --passphrase-file "$pass" ;;
*)
    code=0
    "$real" "$@" 2>"$played/$$.err" || code=$?
    if [ $code -eq 5 ] && grep -q 'vaultctl login begins one' "$played/$$.err" && [ -f "$phone" ]; then
        rm "$played/$$.err"
        python3 "$person" login "$phone" -- "$real" login "${where[@]}" --passphrase-file "$pass" >&2 </dev/null
        exec "$real" "$@"
    fi
    cat "$played/$$.err" >&2
    rm "$played/$$.err"
    exit $code
    ;;
esac

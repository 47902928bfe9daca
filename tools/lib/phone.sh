# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A person without a terminal, for scripts that show or measure: she enrols and logs in by vaultctl, and her phone is
# oathtool. Sourced by try.sh and the benchmarks, which say $vaultctl, $dir and $work.

# person_enrol NAME CODE: makes $work/NAME.key, and notes the phone's secret in $work/NAME.phone. The first code is of the
# step before now, so that the present one is left for the login.
person_enrol() {
    local name=$1 shown
    [ -f "$work/pass" ] || (umask 077 && echo "correct horse battery staple" >"$work/pass")
    coproc ENROL { "$vaultctl" enrol "$name" --data "$dir" --identity "$work/$name.key" --passphrase-file "$work/pass" --json; }
    echo "$2" >&"${ENROL[1]}"
    read -r shown <&"${ENROL[0]}" || return 1
    (umask 077 && jq -r .secret <<<"$shown" >"$work/$name.phone")
    oathtool --totp -b -N '30 seconds ago' "$(cat "$work/$name.phone")" >&"${ENROL[1]}"
    # Its end closes what we read from, too.
    local pid=$ENROL_PID
    cat <&"${ENROL[0]}" >/dev/null
    wait "$pid"
}

# person_log_in NAME [STEP]: with the present code, or with that of another step: '30 seconds'.
person_log_in() {
    oathtool --totp -b -N "${2:-now}" "$(cat "$work/$1.phone")" |
        "$vaultctl" login --data "$dir" --identity "$work/$1.key" --passphrase-file "$work/pass"
}

# person_session NAME FILE: the key of her session as an identity, for programs that know no sessions.
person_session() {
    local session
    for session in "$XDG_RUNTIME_DIR"/contact-vault/*; do
        if [ "$(sed -n 3p "$session")" = "$(sed -n '2s/.* //p' "$work/$1.key")" ]; then
            (umask 077 && printf 'contact-vault identity 1\n%s\n' "$(sed -n 2p "$session")" >"$2")
            return 0
        fi
    done
    return 1
}

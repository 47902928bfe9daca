# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Following docs/OPERATING.md in a machine (machine.sh): its commands, taken from the page, and what must have come of them.
# shellcheck disable=SC2154 # lib.sh's variables

guide=$root/docs/OPERATING.md
guide_kinds=(install init systemctl systemd-creds enrol login 'principal invite' grant tokenize detokenize import freeze seal erase cp 'audit verify'
    backup 'backup --verify' restore compact 'key rotate' 'key rotate root' 'key status' 'namespace shred')

# guide_script built|installed: the page as one script. installed: what its cmake installs was put there from outside;
# only its words are checked.
guide_script() {
    cat <<'END'
set -euo pipefail
trap 'echo "the guide fails: $BASH_COMMAND" >&2' ERR
END
    # Who types the page sits at a terminal, and has a phone: at_terminal.sh, before vaultctl in everybody's PATH.
    # shellcheck disable=SC2016 # for the shell that runs it
    echo 'export HOME=~root PATH=/usr/local/bin:$PATH'
    if [ "$1" != built ]; then
        # shellcheck disable=SC2016 # for the shell that runs it
        echo 'cmake() { [ "$*" = "--install build/release" ] || { echo "cmake $*?" >&2; return 1; }; }'
    fi
    awk -v want=sh -f "$root/tests/support/fences.awk" "$guide" || fail "no commands in $guide"
}

# guide_people: those who type it are played by a vaultctl of their own, in the machine.
guide_people() {
    local bin=$machine/usr/local/bin
    mkdir -p "$bin" "$machine/var/played"
    chmod 1777 "$machine/var/played"
    cp "$root/tests/support/at_terminal.sh" "$bin/vaultctl"
    cp "$root/tests/e2e/person.py" "$bin/"
    chmod 0755 "$bin/vaultctl" "$bin/person.py"
    echo 'VAULTCTL_REAL=/usr/bin/vaultctl VAULTCTL_PLAYED=/var/played' >"$bin/at_terminal.conf"
}

# Types it. All it says is in $work/said.
guide_follow() {
    local code=0 kind
    guide_people
    for kind in "${guide_kinds[@]}"; do
        grep -qE "^[^#]*\\b$kind( |\$)" "$guide" || fail "the guide has no step with $kind"
    done
    in_machine bash -c 'cd /usr/src/contact-vault && exec bash -x guide.sh' >"$work/said" 2>"$err" </dev/null || code=$?
    cp "$work/said" "$out"
    if [ $code -ne 0 ]; then
        tail -n 12 "$err" >"$work/last" && mv "$work/last" "$err"
        fail "exit $code: $(grep -m 1 '^the guide fails' "$err" || echo 'the guide fails')"
    fi
}

guide_says() { grep -qE -- "$1" "$work/said" || fail "following the guide, nothing says: $1"; }

# guide_holds: what must have come of it.
guide_holds() {
    local installed left token
    guide_says '^unsealed'
    guide_says '^\+390655550147$'
    guide_says '^Maria,phn_[0-9a-z]{27},eml_[0-9a-z]{27}$'
    guide_says '^refused, as it should be$'
    guide_says 'anchored'
    guide_says 'paola.*detokenize'
    guide_says '^The backup is good, of '
    guide_says '^The vault is restored, of '
    guide_says '^rotated: only the new root key unseals'
    guide_says '^compacted: '
    guide_says '^brand-that-was.*shredded'
    guide_says '^erased before .*: opens with no key that the vault has'
    # The last token it gives: to a new contact, when all has been gone through but the end.
    token=$(sed -nE 's/^(phn_[0-9a-z]{27})[[:space:]]+\+39 .*49$/\1/p' "$work/said" | tail -n 1)
    [ -n "$token" ] || fail "no token came of it"
    # Gone: every file that was installed but the configuration. Left: contacts, credential, copy of the key.
    left=0
    while read -r installed; do
        case $installed in
        /etc/*) ;;
        *)
            left=$((left + 1))
            if [ -e "$machine$installed" ] || [ -L "$machine$installed" ]; then fail "uninstalled, and $installed is there"; fi
            ;;
        esac
    done <"$machine/usr/src/contact-vault/build/release/install_manifest.txt"
    [ $left -ge 15 ] || fail "only $left files were installed"
    for left in /etc/contact-vault/vaultd.conf /var/lib/contact-vault/data/keyring /mnt/key-copy/contact-vault-root-key; do
        in_machine test -e "$left" || fail "$left is gone"
    done
    same "the daemon" "$(in_machine pgrep -x vaultd || true)" ""
    say "every step of the guide works; it gave $token"
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Kills at named points, and kills again on the way back: each case begins with the same small vault. Source it after
# lib.sh. A daemon that dies at such a point ends with 86, so a point that was not passed is seen.
# shellcheck disable=SC2154 # lib.sh's variables
crashed=86
grep -qa CONTACT_VAULT_FAILPOINTS "$vaultd" || skip "no failpoints in this build"

# kills_prepare CONTACTS: a vault with so many, stopped, to begin each case with.
kills_prepare() {
    new_vault
    start_vault
    new_cast
    for ((i = 1; i <= $1; i++)); do echo "Lead.$i@example.com"; done >"$work/leads"
    feed 0 as inbox tokenize --json - <"$work/leads"
    jq -r .token "$out" >"$work/tokens"
    stop_vault
    cp -a "$dir" "$work/pristine"
    cp -a "$dir.key" "$work/pristine.key"
}
kills_afresh() {
    rm -rf "$dir"
    cp -a "$work/pristine" "$dir"
    cp -a "$work/pristine.key" "$dir.key"
    key_file=$dir.key
}

# with_point POINT command...: with that failpoint, for what is started by it.
with_point() {
    export CONTACT_VAULT_FAILPOINTS=$1
    shift
    "$@"
    unset CONTACT_VAULT_FAILPOINTS
}
# expect_crash WHAT: the daemon ends at its failpoint, and by nothing else.
expect_crash() {
    local code=0
    await 60 is_gone || fail "$1: not passed"
    wait "$daemon" || code=$?
    daemon=
    [ $code -eq $crashed ] || fail "$1: exit $code, wanted $crashed"
}
is_gone() { ! kill -0 "$daemon" 2>/dev/null; }

# expect_contacts WHAT: every token is what it was, and leads where it led.
expect_contacts() {
    feed 0 as inbox lookup --json - <"$work/leads"
    jq -r .token "$out" | cmp -s - "$work/tokens" || fail "$1: a token changed"
    feed 0 as paola detokenize --json --reason 'is it whole?' - <"$work/tokens"
    jq -r .value "$out" | cmp -s - "$work/leads" || fail "$1: a token leads elsewhere"
}
# expect_log WHAT: it verifies, and each intent about keys has one outcome.
expect_log() {
    expect 0 as admin audit verify --json
    expect_json .ok
    expect 0 as admin audit tail --from 1 --json
    jq -es '[.[] | select(.operation == "key_rotate" or .operation == "key_destroyed" or .operation == "root_rotate")]
        | map({phase, about: [.operation, .namespace, .subject, .amount]})
        | (map(select(.phase == "intent").about) | sort) as $intents
        | ($intents | length) > 0 and $intents == (map(select(.phase == "outcome").about) | sort)' "$out" >/dev/null ||
        fail "$1: an intent without its one outcome"
}

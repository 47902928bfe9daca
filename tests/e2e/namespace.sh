# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# enter_namespace WHY [--mount] arguments...: goes on as root: real root where we are, else root of a user
# namespace; with --mount, in a mount namespace of its own. Skips (77) where neither may be had. To be
# called before lib.sh is sourced, with the scenario's own arguments.
enter_namespace() {
    local why=$1 flags=()
    shift
    [ "${VAULT_IN_NAMESPACE:-}" != yes ] || return 0
    export VAULT_IN_NAMESPACE=yes
    if [ "${1:-}" = --mount ]; then
        flags+=(-m)
        shift
    fi
    if [ "$(id -u)" -eq 0 ]; then
        if [ ${#flags[@]} -eq 0 ]; then return 0; fi
        if unshare -m true 2>/dev/null; then exec unshare -m "$0" "$@"; fi
    fi
    if unshare -Ur "${flags[@]}" true 2>/dev/null; then exec unshare -Ur "${flags[@]}" "$0" "$@"; fi
    echo "$(basename "$0" .sh): skipped: $why"
    exit 77
}

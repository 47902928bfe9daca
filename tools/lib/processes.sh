# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A command in a session of its own, so that whatever it starts can be told from everything else: every
# process carries its session's number until it makes another.

# run_in_session FILE command...: writes the session's number to FILE, gives the command's exit code.
run_in_session() {
    local file=$1
    shift
    # shellcheck disable=SC2016 # the inner shell expands
    setsid --wait bash -c 'echo $$ >"$0" && exec "$@"' "$file" "$@" </dev/null
}

# session_members NUMBER: pids, zombies left out.
session_members() {
    local stat rest fields
    for stat in /proc/[0-9]*/stat; do
        rest=$(cat "$stat" 2>/dev/null) || continue
        # The name in brackets may hold anything: what counts stands behind the last bracket.
        read -r -a fields <<<"${rest##*) }"
        if [ "${fields[3]:-}" = "$1" ] && [ "${fields[0]}" != Z ]; then
            stat=${stat#/proc/}
            echo "${stat%/stat}"
        fi
    done
}

# end_session NUMBER: kills what is left of it; says so and fails if anything was.
end_session() {
    local pids
    pids=$(session_members "$1")
    [ -n "$pids" ] || return 0
    sleep 1 # something may be on its way out
    pids=$(session_members "$1")
    [ -n "$pids" ] || return 0
    for pid in $pids; do
        printf 'left running: %s %s\n' "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
        kill -9 "$pid" 2>/dev/null || true
    done
    return 1
}

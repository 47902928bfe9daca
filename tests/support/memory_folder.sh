#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints a folder in memory with room for what tests write, else TMPDIR, else /tmp.
set -euo pipefail
kib_wanted=$((1024 * 1024))

read -r type kib < <(df --output=fstype,avail /dev/shm 2>/dev/null | tail -n 1) || true
if [ "${type:-}" = tmpfs ] && [ "$kib" -ge $kib_wanted ] && [ -w /dev/shm ]; then
    echo /dev/shm
else
    echo "${TMPDIR:-/tmp}"
fi

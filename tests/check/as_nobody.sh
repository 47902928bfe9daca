#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a test program as an ordinary user: root passes by what would stop her.
# Usage: as_nobody.sh PROGRAM. Exit 77: we are no root, so it runs as such a user anyway.
set -euo pipefail
ordinary=65534

if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null; then
    echo "skipped: only root can become another user (with setpriv)"
    exit 77
fi
# Where she can reach it: the build folder may be root's alone.
folder=$(mktemp -d /tmp/cv_test.nobody.XXXXXX)
trap 'rm -rf "$folder"' EXIT
chmod 0755 "$folder"
install -m 0755 "$1" "$folder/program"
setpriv --reuid=$ordinary --regid=$ordinary --clear-groups --no-new-privs "$folder/program"

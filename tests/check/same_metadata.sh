#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a test that compares the phone table with libphonenumber, if the table was made from the version that is
# installed: of another, plans differ by right. Usage: same_metadata.sh TABLE COMMAND...
set -eu
table=$1
shift
source=$(sed -n 's/^ \* Source: libphonenumber \([^,]*\),.*/\1/p' "$table")
# shellcheck disable=SC2016 # dpkg-query expands
installed=$(dpkg-query -W -f '${Version}' libphonenumber-dev 2>/dev/null | sed 's/[^0-9.].*//')
if [ -n "$installed" ] && [ "$installed" != "$source" ]; then
    echo "skipped: $table comes from libphonenumber $source, installed is $installed"
    exit 77
fi
exec "$@"

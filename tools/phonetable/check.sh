#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check.sh PHONETABLE VERSION TABLE: is the committed table what the generator makes of the same data?
set -eu
phonetable=$1 version=$2 table=$3
source=$(sed -n 's/^ \* Source: libphonenumber \([^,]*\),.*/\1/p' "$table")

if [ "$source" != "$version" ]; then
    echo "SKIP: $table comes from libphonenumber $source, installed is $version"
    exit 77
fi
made=$(mktemp)
trap 'rm -f "$made"' EXIT
"$phonetable" "$version" >"$made"
if ! cmp "$made" "$table"; then
    echo "$table differs from what $phonetable makes: cmake --build BUILD --target phone_table" >&2
    exit 1
fi
echo "same, byte for byte"

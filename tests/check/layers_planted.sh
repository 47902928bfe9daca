#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# layers.sh must find each kind of fault when it is there: they are planted in a copy of the tree, each
# in a file of its own. Usage: layers_planted.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
copy=$(mktemp -d /tmp/cv_test.layers.XXXXXX)
trap 'rm -rf "$copy"' EXIT

for folder in vaultd proto client tools tests/check; do
    mkdir -p "$copy/$folder"
    cp -R "$root/$folder/." "$copy/$folder"
done
"$here/layers.sh" "$copy" >/dev/null # without one, nothing is found

planted=()
plant() { # FILE LINE RULE: the line, in that file, breaks the rule whose words are given
    local file="${1%.*}_${#planted[@]}.${1##*.}"
    printf '%s\n' "$2" >"$copy/$file"
    planted+=("$file" "$2" "$3")
}

plant vaultd/contact/planted.c '#include "../store/store.h"' 'climbs out'
plant tests/check/planted.c '# include "a/../../b.h"' 'climbs out'
plant vaultd/vault/planted.c '#include <nng/nng.h>' '<nng/> belongs'
plant vaultd/vault/planted.c '#include <lmdb.h>' 'lmdb'
plant vaultd/store/planted.h '#include "lmdb.h"' 'lmdb'
plant client/planted.c '#include <msgpack.h>' 'msgpack'
plant client/planted.c '#include <unistr.h>' 'uni('
plant client/planted.c '#include <libpsl.h>' 'libpsl'
plant client/planted.c '#include <seccomp.h>' 'seccomp'
plant vaultd/planted.c '#include <ini.h>' 'ini'
plant vaultd/rpc/planted.c '#include <linux/landlock.h>' 'landlock'
plant client/planted.c '#include <jansson.h>' 'jansson'
plant vaultd/contact/planted.c '#include <phonenumbers/phonenumberutil.h>' 'phonenumbers'
plant vaultd/store/planted.c '#include <sodium.h>' 'sodium'
plant vaultd/rpc/planted.c '#include <sodium/randombytes.h>' 'sodium'
plant vaultd/base/planted.h '#include <cmocka.h>' 'cmocka'
plant vaultd/dispatch/planted.c '#include "startup_text.h"' 'text to stderr'
plant vaultd/dispatch/planted.c 'f((struct audit_receipt){.sequence = 1});' 'makes a receipt'
plant vaultd/dispatch/planted.c '    struct audit_receipt mine = {0};' 'makes a receipt'
plant vaultd/vault/planted.c '    receipt->sequence = 7;' 'makes a receipt'
plant vaultd/vault/planted.c '    receipts[i].sequence = 7;' 'makes a receipt'
plant vaultd/vault/planted.c '    memcpy(receipt, bytes, size);' 'makes a receipt'
plant vaultd/vault/planted.c '    (void)printf("%s", value);' 'nothing in vaultd/ prints'
plant vaultd/planted.c '    fputs(value, stderr);' 'nothing in vaultd/ prints'
plant vaultd/host/planted.c '#define POISON_EXEMPT' 'opts out'
machine=/wor
plant tools/planted.txt "cd ${machine}k/main" 'a machine of ours'
plant tests/check/planted.md "see ../share""d/design/X.md" 'a machine of ours'

# Each hit on one line with its rule before it.
said=$("$here/layers.sh" "$copy" 2>&1 || true)
said=$(awk '/^layers: /{rule = $0; next} {print rule " " $0}' <<<"$said")

missed=0
for ((i = 0; i < ${#planted[@]}; i += 3)); do
    if ! grep -F -- "${planted[i]}:" <<<"$said" | grep -qF -- "${planted[i + 2]}"; then
        printf 'not found in %s: %s\n' "${planted[i]}" "${planted[i + 1]}" >&2
        missed=$((missed + 1))
    fi
done
if [ "$missed" -gt 0 ]; then exit 1; fi
echo "layers_planted: every planted fault was found"

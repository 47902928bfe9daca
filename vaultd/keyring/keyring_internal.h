/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyring_internal.h: the keyring as its own files see it.
 *
 * 1. `root` and `keys` are both there (unsealed) or both NULL (sealed).
 * 2. `keys` holds rows as keyring_file.h has them, strictly ascending, frozen. A change builds a
 * new arena and swaps, so a row is never seen half written.
 * 3. `header` is what stands in the file at `path`.
 */
#ifndef CONTACT_VAULT_KEYRING_INTERNAL_H
#define CONTACT_VAULT_KEYRING_INTERNAL_H

#include "keyring.h"
#include "keyring_file.h"

struct keyring {
    char *path;
    struct keyring_header header;
    struct secret *root;
    struct secret *keys;
};

/* The key's bytes (KEYRING_KEY_BYTES). SEALED or NOT_FOUND. */
MUST_USE enum status keyring_find(const struct keyring *keyring, struct key_name name,
                                  const uint8_t **ret_key);

#endif

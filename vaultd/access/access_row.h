/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access_row.h: namespaces, principals, recipients and settings as sealed rows of the store.
 * Format: top of access_row.c.
 */
#ifndef CONTACT_VAULT_ACCESS_ROW_H
#define CONTACT_VAULT_ACCESS_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access_internal.h"
#include "bytes.h"
#include "status.h"

struct keyring;

enum {
    ACCESS_ROW_NAMESPACE = 'n',
    ACCESS_ROW_PRINCIPAL = 'p',
    ACCESS_ROW_RECIPIENT = 'r',
    ACCESS_ROW_SETTINGS = 's', /* one or none */
    ACCESS_SETTINGS_NUMBER = 1,
    ACCESS_ROW_KEY_BYTES = 5,
    ACCESS_ROW_VALUE_BYTES_MAX = 6144,

    /* The largest is a principal's: its own fields, then its grants. */
    ACCESS_PLAIN_GRANT_BYTES = 1 + 4 + ACCESS_DIGEST_BYTES + 8 + 4 + 4,
    ACCESS_PLAIN_PERSON_BYTES =
        ACCESS_DIGEST_BYTES + 8 + FACTOR_BOX_BYTES + 8 + RECOVERY_CODES * CODE_DIGEST_BYTES,
    ACCESS_PLAIN_BYTES_MAX = 4 + 1 + 1 + 4 + PUBLIC_KEY_BYTES + 8 + 1 + NAME_BYTES_MAX +
                             ACCESS_PLAIN_PERSON_BYTES + 1 +
                             ACCESS_GRANTS_MAX * ACCESS_PLAIN_GRANT_BYTES,
};

/* One row, as the store holds it. */
struct access_row {
    uint8_t key[ACCESS_ROW_KEY_BYTES];
    uint8_t value[ACCESS_ROW_VALUE_BYTES_MAX];
    size_t size;
};

/* Also sets the entry's hash. */
MUST_USE enum status access_row_seal(const struct keyring *keyring, struct access_entry *entry,
                                     struct access_row *ret_row);

/* The row's number and type; CORRUPT: no key of ours. */
MUST_USE enum status access_row_read_key(struct bytes key, uint8_t *ret_type, uint32_t *ret_number);

/* Into the one that is there, of the key's type, all zeros. Strict. CORRUPT: altered, moved, of
 * another version, or against a rule. */
MUST_USE enum status access_row_open(const struct keyring *keyring, struct bytes key,
                                     struct bytes value, struct access_entry *entry);

/* ---- access_plain.c: a row in clear ---- */

size_t access_plain_encode(const struct access_entry *entry,
                           uint8_t ret_plain[static ACCESS_PLAIN_BYTES_MAX]);
/* Into the one that is there, all zeros. false: not well formed, or against a rule. */
bool access_plain_decode(struct bytes plain, struct access_entry *entry);

#endif

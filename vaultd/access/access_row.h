/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access_row.h: principals and namespaces as sealed rows of the store. Format: top of access_row.c.
 */
#ifndef CONTACT_VAULT_ACCESS_ROW_H
#define CONTACT_VAULT_ACCESS_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "access_internal.h"
#include "bytes.h"
#include "status.h"

struct keyring;

enum {
    ACCESS_ROW_NAMESPACE = 'n',
    ACCESS_ROW_PRINCIPAL = 'p',
    ACCESS_ROW_KEY_BYTES = 5,
    ACCESS_ROW_VALUE_BYTES_MAX = 4096,
};

/* One row, as the store holds it. */
struct access_row {
    uint8_t key[ACCESS_ROW_KEY_BYTES];
    uint8_t value[ACCESS_ROW_VALUE_BYTES_MAX];
    size_t size;
};

/* Both also set entry->hash. */
MUST_USE enum status access_row_seal_principal(const struct keyring *keyring,
                                               struct principal_entry *entry,
                                               struct access_row *ret_row);
MUST_USE enum status access_row_seal_namespace(const struct keyring *keyring,
                                               struct namespace_entry *entry,
                                               struct access_row *ret_row);

/* The row's number and type; CORRUPT: no key of ours. */
MUST_USE enum status access_row_read_key(struct bytes key, uint8_t *ret_type, uint32_t *ret_number);

/* Strict. CORRUPT: altered, moved, of another version, or against a rule. */
MUST_USE enum status access_row_open_principal(const struct keyring *keyring, struct bytes key,
                                               struct bytes value,
                                               struct principal_entry *ret_entry);
MUST_USE enum status access_row_open_namespace(const struct keyring *keyring, struct bytes key,
                                               struct bytes value,
                                               struct namespace_entry *ret_entry);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* vault_internal.h: what the files of vault/ share. */
#ifndef CONTACT_VAULT_VAULT_INTERNAL_H
#define CONTACT_VAULT_VAULT_INTERNAL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "contact.h"
#include "keyring.h"
#include "store.h"
#include "vault.h"

struct vault {
    struct store *store;
    struct keyring *keyring;
    uint8_t vault_id[VAULT_ID_BYTES];
    uint8_t instance_id[INSTANCE_ID_BYTES];
    atomic_bool
        keyring_unknown; /* its file may or may not have been replaced; only a restart can tell */
};

/* The epoch new records of a namespace are sealed under, and the generation they are found by. */
struct vault_epoch {
    uint32_t data;
    uint32_t index;
};

/* Within a step: nothing is ever written under an epoch read outside the writing transaction.
 * NOT_FOUND: no such namespace. */
MUST_USE enum status vault_epoch_read(struct store_txn *txn, uint32_t namespace_id,
                                      struct vault_epoch *ret_epoch);
/* Adds to a namespace's count of contacts, within a step. */
MUST_USE enum status vault_count_add(struct store_txn *txn, uint32_t namespace_id, uint64_t added);

/* ---- the record (DESIGN.md, "Records") ---- */

enum {
    ROW_KEY_BYTES = 8,
    RECORD_HEADER_BYTES = 28,
    RECORD_PAD_BYTES = 32,
    RECORD_INNER_MAX =
        (2 + 2 * CONTACT_BYTES_MAX + RECORD_PAD_BYTES - 1) / RECORD_PAD_BYTES * RECORD_PAD_BYTES,
    RECORD_BYTES_MAX = RECORD_HEADER_BYTES + RECORD_INNER_MAX + KEYRING_BOX_EXTRA,
    RECORD_NONCE_BYTES = 24,
    INDEX_KEY_BYTES = 4 + 4 + 1 + BLIND_INDEX_BYTES,
};

/* What stands in a record's header, in clear and bound as associated data. */
struct record_header {
    enum contact_kind kind;
    uint32_t epoch;
    uint32_t namespace_id;
    struct token token;
};

/* CORRUPT: not a record of a version we know. Nothing is vouched for until the record opens. */
MUST_USE enum status vault_record_header(struct bytes record, struct record_header *ret_header);

/* A record to be. */
struct record_draft {
    uint64_t row;
    struct record_header header;
    const struct contact *contact;
    const uint8_t *nonce; /* RECORD_NONCE_BYTES, never used before */
};

/* `record` takes RECORD_BYTES_MAX; `inner` RECORD_INNER_MAX of scratch, which holds plaintext. */
MUST_USE enum status vault_record_seal(const struct vault *vault, const struct record_draft *draft,
                                       uint8_t *inner, uint8_t *record, size_t *ret_size);

/* The contact's views lie in `inner` (RECORD_INNER_MAX of scratch). CORRUPT is logged with the row.
 */
MUST_USE enum status vault_record_open(const struct vault *vault, uint64_t row, struct bytes record,
                                       uint8_t *inner, struct record_header *ret_header,
                                       struct contact *ret_contact);

#endif

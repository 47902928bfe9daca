/* SPDX-License-Identifier: Apache-2.0 */
/* vault_internal.h: what the files of vault/ share. */
#ifndef CONTACT_VAULT_VAULT_INTERNAL_H
#define CONTACT_VAULT_VAULT_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "keyring.h"
#include "store.h"
#include "vault.h"
#include "vault_record.h"

struct vault_uses;

struct vault {
    struct store *store;
    struct keyring *keyring;
    struct vault_uses *uses; /* not written down yet */
    uint8_t vault_id[VAULT_ID_BYTES];
    uint8_t instance_id[INSTANCE_ID_BYTES];
    atomic_bool
        keyring_unknown; /* its file may or may not have been replaced; only a restart can tell */
};

/*
 * The epoch new records of a namespace are sealed under, and the generation contacts are found by.
 * index_other is the other generation there are rows of while an index key rotates, else 0: newer
 * than `index`, it is being filled, and what is new is written under both; older, its rows are
 * being removed. Whoever erases deletes the rows of both.
 */
struct vault_epoch {
    uint32_t data;
    uint32_t index;
    uint32_t index_other;
};

/* Within a step: nothing is ever written under an epoch read outside the writing transaction.
 * NOT_FOUND: no such namespace. */
MUST_USE enum status vault_epoch_read(struct store_txn *txn, uint32_t namespace_id,
                                      struct vault_epoch *ret_epoch);
MUST_USE enum status vault_epoch_write(struct store_txn *txn, uint32_t namespace_id,
                                       const struct vault_epoch *epoch);

/* How many records are sealed under each data key of a namespace, and how many index rows there are
 * under each index key; changed in the same step as the rows. */
enum { VAULT_COUNTS_MAX = 32 };
struct vault_count_line {
    enum key_purpose purpose;
    uint32_t number;
    uint64_t rows;
};
struct vault_counts {
    size_t count;
    struct vault_count_line lines[VAULT_COUNTS_MAX]; /* ascending; what is not there is 0 */
};
struct vault_count_change {
    enum key_purpose purpose;
    uint32_t number;
    int64_t by;
};
/* Within a step. */
MUST_USE enum status vault_counts_read(struct store_txn *txn, uint32_t namespace_id,
                                       struct vault_counts *ret_counts);
/* None of them falls below 0. */
MUST_USE enum status vault_counts_change(struct store_txn *txn, uint32_t namespace_id,
                                         const struct vault_count_change *changes, size_t count);
/* Number 0: of all of that purpose. */
uint64_t vault_counts_of(const struct vault_counts *counts, enum key_purpose purpose,
                         uint32_t number);
/* Within a step: a namespace's epochs and counts, gone. */
MUST_USE enum status vault_namespace_forget(struct store_txn *txn, uint32_t namespace_id);
/* A row of STORE_META that holds a u64, within a step; one that is absent counts as 0. */
MUST_USE enum status vault_meta_get(struct store_txn *txn, struct bytes key, uint64_t *ret_number);
MUST_USE enum status vault_meta_put(struct store_txn *txn, struct bytes key, uint64_t number);

/* ---- keys (DESIGN.md, "Two files, one truth") ---- */

/* What the store says the keyring's generation is. */
struct vault_generation {
    uint64_t settled;
    uint64_t pending; /* 0: none */
};
/* Within a step. */
MUST_USE enum status vault_generation_read(struct store_txn *txn,
                                           struct vault_generation *ret_generation);
MUST_USE enum status vault_generation_write(struct store_txn *txn,
                                            const struct vault_generation *generation);
/* `found` is the keyring's: could it be, whatever a crash cut in two? */
bool vault_generation_fits(const struct vault_generation *generation, uint64_t found);
/* After an unseal: what a crash left pending is settled. */
MUST_USE enum status vault_keys_settle(struct vault *vault);
/* New keys, in keyring and store. */
MUST_USE enum status vault_keys_add(struct vault *vault, const struct key_name *names,
                                    size_t count);
/* Keys leave both. */
MUST_USE enum status vault_keys_remove(struct vault *vault, const struct key_name *names,
                                       size_t count);

/* ---- rows (DESIGN.md, "Token rows and blind index") ---- */

enum { INDEX_KEY_BYTES = 4 + 4 + 1 + BLIND_INDEX_BYTES };

/* The key of a row number: ROW_KEY_BYTES. */
struct bytes vault_row_key(uint64_t row, uint8_t to[static ROW_KEY_BYTES]);
/* Where a contact stands in the blind index. */
MUST_USE enum status vault_index_key(const struct vault *vault, uint32_t namespace_id,
                                     uint32_t generation, const struct contact *contact,
                                     uint8_t to[static INDEX_KEY_BYTES]);

/*
 * Within a step: opens the record a place leads to and compares all that the place said with what
 * it vouches for. NOT_FOUND: no such record. CORRUPT: it does not open, or is another one.
 */
MUST_USE enum status vault_place_open(const struct vault *vault, struct store_txn *txn,
                                      const struct vault_place *place, uint8_t *inner,
                                      struct record_opened *ret_opened);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "vault_check.h"
#include "vault_uses.h"

/* The row of STORE_META that says which vault this is (DESIGN.md, "Meta rows"). */
#define ROW_VAULT "vault"

enum {
    VAULT_ROW_VERSION = 1,
    VAULT_ROW_BYTES = 1 + VAULT_ID_BYTES + INSTANCE_ID_BYTES,
};

enum status
vault_meta_put(struct store_txn *txn, struct bytes key, uint64_t number)
{
    uint8_t value[8];

    put_u64(value, number);
    return store_put(txn, STORE_META, STORE_REPLACE, key, bytes_of(value, sizeof value));
}

enum status
vault_meta_get(struct store_txn *txn, struct bytes key, uint64_t *ret_number)
{
    struct bytes value;
    enum status status = store_get(txn, STORE_META, key, &value);

    if (status == STATUS_NOT_FOUND) {
        *ret_number = 0;
        return STATUS_OK;
    }
    if (status == STATUS_OK && value.size != 8) {
        return STATUS_CORRUPT;
    }
    if (status == STATUS_OK) {
        *ret_number = get_u64(value.data);
    }
    return status;
}

/* ---- the vault's own row, and its agreement with the keyring ---- */

struct meta {
    uint8_t vault_row[VAULT_ROW_BYTES];
    struct vault_generation keyring;
};

static enum status
create_step(struct store_txn *txn, void *state)
{
    const struct meta *meta = state;
    enum status status = store_put(txn, STORE_META, STORE_INSERT, bytes_of_text(ROW_VAULT),
                                   bytes_of(meta->vault_row, sizeof meta->vault_row));

    if (status == STATUS_OK) {
        status = vault_generation_write(txn, &meta->keyring);
    }
    return status;
}

enum status
vault_create(struct store *store, const struct keyring *keyring,
             const uint8_t instance_id[static INSTANCE_ID_BYTES])
{
    struct meta meta = {.keyring = {.settled = keyring_generation(keyring)}};

    meta.vault_row[0] = VAULT_ROW_VERSION;
    memcpy(meta.vault_row + 1, keyring_vault_id(keyring), VAULT_ID_BYTES);
    memcpy(meta.vault_row + 1 + VAULT_ID_BYTES, instance_id, INSTANCE_ID_BYTES);
    return store_update(store, create_step, &meta);
}

static enum status
read_meta_step(struct store_txn *txn, void *state)
{
    struct meta *meta = state;
    struct bytes row;
    enum status status = store_get(txn, STORE_META, bytes_of_text(ROW_VAULT), &row);

    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && (row.size != VAULT_ROW_BYTES ||
                                                               row.data[0] != VAULT_ROW_VERSION))) {
        return STATUS_CORRUPT;
    }
    if (status == STATUS_OK) {
        memcpy(meta->vault_row, row.data, VAULT_ROW_BYTES);
        status = vault_generation_read(txn, &meta->keyring);
    }
    return status;
}

struct replacing {
    const uint8_t *vault_id;
    const uint8_t *before;
    const uint8_t *after;
};

static enum status
replace_instance_step(struct store_txn *txn, void *state)
{
    const struct replacing *replacing = state;
    uint8_t row[VAULT_ROW_BYTES];
    struct meta meta;
    enum status status = read_meta_step(txn, &meta);

    if (status != STATUS_OK) {
        return status;
    }
    memcpy(row, meta.vault_row, sizeof row);
    if (memcmp(row + 1, replacing->vault_id, VAULT_ID_BYTES) != 0 ||
        memcmp(row + 1 + VAULT_ID_BYTES, replacing->before, INSTANCE_ID_BYTES) != 0) {
        return STATUS_CORRUPT;
    }
    memcpy(row + 1 + VAULT_ID_BYTES, replacing->after, INSTANCE_ID_BYTES);
    return store_put(txn, STORE_META, STORE_REPLACE, bytes_of_text(ROW_VAULT),
                     bytes_of(row, sizeof row));
}

enum status
vault_replace_instance(struct store *store, const struct keyring *keyring,
                       const uint8_t before[static INSTANCE_ID_BYTES],
                       const uint8_t instance_id[static INSTANCE_ID_BYTES])
{
    struct replacing replacing = {
        .vault_id = keyring_vault_id(keyring), .before = before, .after = instance_id};

    return store_update(store, replace_instance_step, &replacing);
}

static enum status
compare_keyring(const struct meta *meta, const struct keyring *keyring, char *ret_fault)
{
    uint64_t found = keyring_generation(keyring);

    if (memcmp(meta->vault_row + 1, keyring_vault_id(keyring), VAULT_ID_BYTES) != 0) {
        (void)snprintf(ret_fault, VAULT_FAULT_BYTES,
                       "the keyring and the store belong to two different vaults");
        return STATUS_CORRUPT;
    }
    if (vault_generation_fits(&meta->keyring, found)) {
        return STATUS_OK;
    }
    (void)snprintf(ret_fault, VAULT_FAULT_BYTES,
                   "the %s is an older copy put back: the keyring is at generation %llu, the store "
                   "expects %llu; put the newer one back, or restore a backup",
                   found < meta->keyring.settled ? "keyring" : "store", (unsigned long long)found,
                   (unsigned long long)meta->keyring.settled);
    return STATUS_CORRUPT;
}

enum status
vault_open(struct store *store, struct keyring *keyring, char ret_fault[static VAULT_FAULT_BYTES],
           struct vault **ret_vault)
{
    struct vault *vault = NULL;
    struct meta meta = {0};
    enum status status = store_view(store, read_meta_step, &meta);

    if (status != STATUS_OK) {
        (void)snprintf(ret_fault, VAULT_FAULT_BYTES, "the store holds no vault of this version");
        return status;
    }
    status = compare_keyring(&meta, keyring, ret_fault);
    if (status != STATUS_OK) {
        return status;
    }
    vault = calloc(1, sizeof *vault);
    if (vault == NULL || (vault->uses = vault_uses_new()) == NULL) {
        free(vault);
        (void)snprintf(ret_fault, VAULT_FAULT_BYTES, "out of memory");
        return STATUS_INTERNAL;
    }
    vault->store = store;
    vault->keyring = keyring;
    memcpy(vault->vault_id, meta.vault_row + 1, VAULT_ID_BYTES);
    memcpy(vault->instance_id, meta.vault_row + 1 + VAULT_ID_BYTES, INSTANCE_ID_BYTES);
    *ret_vault = vault;
    return STATUS_OK;
}

void
vault_close(struct vault **vault)
{
    if (*vault != NULL) {
        vault_uses_free(&(*vault)->uses);
        free(*vault);
        *vault = NULL;
    }
}

const uint8_t *
vault_instance_id(const struct vault *vault)
{
    return vault->instance_id;
}

enum status
vault_unseal(struct vault *vault, const struct secret *root)
{
    enum status status = keyring_unseal(vault->keyring, root);

    if (status == STATUS_OK) {
        status = vault_keys_settle(vault);
        if (status != STATUS_OK) {
            keyring_seal(vault->keyring);
        }
    }
    return status;
}

void
vault_slot(const struct vault *vault, struct unseal_slot *ret_slot)
{
    keyring_slot(vault->keyring, ret_slot);
}

void
vault_seal(struct vault *vault)
{
    keyring_seal(vault->keyring);
}

bool
vault_failed(const struct vault *vault)
{
    return atomic_load(&vault->keyring_unknown) || store_failed(vault->store);
}

bool
vault_keep_reserve(struct vault *vault)
{
    return store_keep_reserve(vault->store);
}

enum status
vault_compact_begin(struct vault *vault, uint64_t *ret_lacks)
{
    return store_compact_begin(vault->store, ret_lacks);
}

enum status
vault_compact_step(struct vault *vault, bool *ret_ended)
{
    return store_compact_step(vault->store, ret_ended);
}

struct vault_compaction
vault_compact_look(const struct vault *vault)
{
    struct store_compact_about about;

    store_compact_look(vault->store, &about);
    return (struct vault_compaction){
        .copying = about.state == STORE_COMPACT_COPYING,
        .waiting = about.state == STORE_COMPACT_WAITING,
        .made = about.made,
        .done = about.done,
        .total = about.total,
        .bytes = about.bytes,
        .held_us = about.held_us,
    };
}

uint64_t
vault_compactions(const struct vault *vault)
{
    return vault_compact_look(vault).made;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_internal.h"

#include <stdio.h>
#include <stdlib.h>

/* Rows of STORE_META that are vault's (DESIGN.md, "Meta rows"). */
#define ROW_VAULT "vault"
#define ROW_KEYRING "keyring"
#define ROW_KEYRING_PENDING "keyring_pending"

enum {
    VAULT_ROW_VERSION = 1,
    VAULT_ROW_BYTES = 1 + VAULT_ID_BYTES + INSTANCE_ID_BYTES,
    NAMESPACE_KEY_BYTES = 6 + 4, /* "epoch/" or "count/", then the namespace's id */
    EPOCH_ROW_BYTES = 8,
    FIRST_NUMBER = 1, /* of epochs and generations */
};

static struct bytes
namespace_key(const char *prefix, uint32_t namespace_id, uint8_t to[static NAMESPACE_KEY_BYTES])
{
    memcpy(to, prefix, NAMESPACE_KEY_BYTES - 4);
    put_u32(to + NAMESPACE_KEY_BYTES - 4, namespace_id);
    return bytes_of(to, NAMESPACE_KEY_BYTES);
}

static enum status
put_number(struct store_txn *txn, struct bytes key, uint64_t number)
{
    uint8_t value[8];

    put_u64(value, number);
    return store_put(txn, STORE_META, STORE_REPLACE, key, bytes_of(value, sizeof value));
}

/* A row that is absent counts as 0. */
static enum status
get_number(struct store_txn *txn, struct bytes key, uint64_t *ret_number)
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
    uint64_t keyring;
    uint64_t pending;
};

static enum status
create_step(struct store_txn *txn, void *state)
{
    const struct meta *meta = state;
    enum status status = store_put(txn, STORE_META, STORE_INSERT, bytes_of_text(ROW_VAULT),
                                   bytes_of(meta->vault_row, sizeof meta->vault_row));

    if (status == STATUS_OK) {
        status = put_number(txn, bytes_of_text(ROW_KEYRING), meta->keyring);
    }
    return status;
}

enum status
vault_create(struct store *store, const struct keyring *keyring,
             const uint8_t instance_id[static INSTANCE_ID_BYTES])
{
    struct meta meta = {.keyring = keyring_generation(keyring)};

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
        status = get_number(txn, bytes_of_text(ROW_KEYRING), &meta->keyring);
    }
    if (status == STATUS_OK) {
        status = get_number(txn, bytes_of_text(ROW_KEYRING_PENDING), &meta->pending);
    }
    return status;
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
    if (found == meta->keyring || (meta->pending == meta->keyring + 1 && found == meta->pending)) {
        return STATUS_OK;
    }
    (void)snprintf(ret_fault, VAULT_FAULT_BYTES,
                   "the %s is an older copy put back: the keyring is at generation %llu, the store "
                   "expects %llu; put the newer one back, or restore a backup",
                   found < meta->keyring ? "keyring" : "store", (unsigned long long)found,
                   (unsigned long long)meta->keyring);
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
    if (vault == NULL) {
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
    free(*vault);
    *vault = NULL;
}

const uint8_t *
vault_instance_id(const struct vault *vault)
{
    return vault->instance_id;
}

static enum status
announce_step(struct store_txn *txn, void *state)
{
    const uint64_t *generation = state;
    enum status status = put_number(txn, bytes_of_text(ROW_KEYRING_PENDING), *generation);

    /* The one before is in force, even if its own settling was not written. */
    if (status == STATUS_OK) {
        status = put_number(txn, bytes_of_text(ROW_KEYRING), *generation - 1);
    }
    return status;
}

static enum status
settle_step(struct store_txn *txn, void *state)
{
    const uint64_t *generation = state;
    enum status status = put_number(txn, bytes_of_text(ROW_KEYRING), *generation);

    if (status == STATUS_OK) {
        status = put_number(txn, bytes_of_text(ROW_KEYRING_PENDING), 0);
    }
    return status;
}

static enum status
settle(struct vault *vault)
{
    struct meta meta = {0};
    uint64_t generation = keyring_generation(vault->keyring);
    char fault[VAULT_FAULT_BYTES];
    enum status status = store_view(vault->store, read_meta_step, &meta);

    if (status == STATUS_OK) {
        status = compare_keyring(&meta, vault->keyring, fault);
    }
    if (status == STATUS_OK && (meta.pending != 0 || generation != meta.keyring)) {
        status = store_update(vault->store, settle_step, &generation);
    }
    return status;
}

enum status
vault_unseal(struct vault *vault, const struct secret *root)
{
    enum status status = keyring_unseal(vault->keyring, root);

    if (status == STATUS_OK) {
        status = settle(vault);
        if (status != STATUS_OK) {
            keyring_seal(vault->keyring);
        }
    }
    return status;
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

/* Store and keyring agree again whatever step a crash falls on (DESIGN.md, "Two files, one truth").
 */
static enum status
add_keys(struct vault *vault, const struct key_name *names, size_t count)
{
    uint64_t next = keyring_generation(vault->keyring) + 1;
    enum status status = store_update(vault->store, announce_step, &next);

    if (status == STATUS_OK) {
        status = keyring_add_keys(vault->keyring, names, count);
        if (status == STATUS_INTERNAL) {
            atomic_store(&vault->keyring_unknown, true);
        }
    }
    if (status == STATUS_OK) {
        status = store_update(vault->store, settle_step, &next);
    }
    return status;
}

/* ---- namespaces ---- */

static enum status
namespace_step(struct store_txn *txn, void *state)
{
    const uint32_t *namespace_id = state;
    uint8_t key[NAMESPACE_KEY_BYTES];
    uint8_t epoch[EPOCH_ROW_BYTES];
    struct bytes found;
    enum status status =
        store_get(txn, STORE_META, namespace_key("epoch/", *namespace_id, key), &found);

    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    put_u32(epoch, FIRST_NUMBER);
    put_u32(epoch + 4, FIRST_NUMBER);
    status = store_put(txn, STORE_META, STORE_INSERT, namespace_key("epoch/", *namespace_id, key),
                       bytes_of(epoch, sizeof epoch));
    if (status == STATUS_OK) {
        status = put_number(txn, namespace_key("count/", *namespace_id, key), 0);
    }
    return status;
}

enum status
vault_namespace_create(struct vault *vault, uint32_t namespace_id)
{
    const struct key_name names[] = {
        {KEY_DATA, namespace_id, FIRST_NUMBER},
        {KEY_INDEX, namespace_id, FIRST_NUMBER},
    };
    enum status status = STATUS_OK;

    if (!keyring_has(vault->keyring, names[0])) {
        status = add_keys(vault, names, sizeof names / sizeof names[0]);
    }
    if (status == STATUS_OK) {
        status = store_update(vault->store, namespace_step, &namespace_id);
    }
    return status;
}

static struct key_name
reason_key(uint32_t year)
{
    return (struct key_name){KEY_REASON, 0, year};
}

bool
vault_has_reason_key(const struct vault *vault, uint32_t year)
{
    return keyring_has(vault->keyring, reason_key(year));
}

enum status
vault_reason_key_create(struct vault *vault, uint32_t year)
{
    const struct key_name name = reason_key(year);

    return keyring_has(vault->keyring, name) ? STATUS_OK : add_keys(vault, &name, 1);
}

enum status
vault_epoch_read(struct store_txn *txn, uint32_t namespace_id, struct vault_epoch *ret_epoch)
{
    uint8_t key[NAMESPACE_KEY_BYTES];
    struct bytes row;
    enum status status =
        store_get(txn, STORE_META, namespace_key("epoch/", namespace_id, key), &row);

    if (status == STATUS_OK && row.size != EPOCH_ROW_BYTES) {
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK) {
        *ret_epoch = (struct vault_epoch){get_u32(row.data), get_u32(row.data + 4)};
    }
    return status;
}

enum status
vault_count_add(struct store_txn *txn, uint32_t namespace_id, uint64_t added)
{
    uint8_t key[NAMESPACE_KEY_BYTES];
    uint64_t count = 0;
    enum status status = get_number(txn, namespace_key("count/", namespace_id, key), &count);

    if (status == STATUS_OK) {
        status = put_number(txn, namespace_key("count/", namespace_id, key), count + added);
    }
    return status;
}

struct count_state {
    uint32_t namespace_id;
    uint64_t count;
};

static enum status
count_step(struct store_txn *txn, void *state)
{
    struct count_state *wanted = state;
    uint8_t key[NAMESPACE_KEY_BYTES];

    return get_number(txn, namespace_key("count/", wanted->namespace_id, key), &wanted->count);
}

enum status
vault_count(struct vault *vault, uint32_t namespace_id, uint64_t *ret_contacts)
{
    struct count_state state = {.namespace_id = namespace_id};
    enum status status = store_view(vault->store, count_step, &state);

    if (status == STATUS_OK) {
        *ret_contacts = state.count;
    }
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of the keyring, and its agreement with the store (DESIGN.md, "Two files, one truth"). */
#include "vault_internal.h"

#include "failpoint.h"

/* Rows of STORE_META (DESIGN.md, "Meta rows"). */
#define ROW_KEYRING "keyring"
#define ROW_KEYRING_PENDING "keyring_pending"

enum {
    REASON_YEAR_FIRST = 1970, /* clock_year knows none before */
    REASON_YEAR_LAST = 9999,
    KEYS_AT_ONCE = 64,
};

enum status
vault_generation_read(struct store_txn *txn, struct vault_generation *ret_generation)
{
    enum status status = vault_meta_get(txn, bytes_of_text(ROW_KEYRING), &ret_generation->settled);

    if (status == STATUS_OK) {
        status = vault_meta_get(txn, bytes_of_text(ROW_KEYRING_PENDING), &ret_generation->pending);
    }
    return status;
}

enum status
vault_generation_write(struct store_txn *txn, const struct vault_generation *generation)
{
    enum status status = vault_meta_put(txn, bytes_of_text(ROW_KEYRING), generation->settled);

    if (status == STATUS_OK) {
        status = vault_meta_put(txn, bytes_of_text(ROW_KEYRING_PENDING), generation->pending);
    }
    return status;
}

bool
vault_generation_fits(const struct vault_generation *generation, uint64_t found)
{
    return found == generation->settled ||
           (generation->pending == generation->settled + 1 && found == generation->pending);
}

static enum status
read_step(struct store_txn *txn, void *state)
{
    return vault_generation_read(txn, state);
}

static enum status
write_step(struct store_txn *txn, void *state)
{
    return vault_generation_write(txn, state);
}

static enum status
settle(struct vault *vault, uint64_t generation)
{
    struct vault_generation settled = {.settled = generation};

    return store_update_reserved(vault->store, write_step, &settled);
}

enum status
vault_keys_settle(struct vault *vault)
{
    struct vault_generation found = {0};
    uint64_t generation = keyring_generation(vault->keyring);
    enum status status = store_view(vault->store, read_step, &found);

    if (status != STATUS_OK) {
        return status;
    }
    if (!vault_generation_fits(&found, generation)) {
        return STATUS_CORRUPT;
    }
    if (found.pending == 0 && found.settled == generation) {
        return STATUS_OK;
    }
    CRASH_POINT("keyring_settling");
    status = settle(vault, generation);
    CRASH_POINT("keyring_settled");
    return status;
}

typedef enum status keyring_change(struct keyring *keyring, const struct key_name *names,
                                   size_t count);

/* Store and keyring agree again whatever step a crash falls on. Out of the store's reserve if need
 * be: what takes keys away must not wait for space, and it is two small rows. */
static enum status
change_keys(struct vault *vault, keyring_change *change, const struct key_name *names, size_t count)
{
    uint64_t generation = keyring_generation(vault->keyring);
    /* The one before is in force, even if its own settling was not written. */
    struct vault_generation announced = {.settled = generation, .pending = generation + 1};
    enum status status = store_update_reserved(vault->store, write_step, &announced);

    CRASH_POINT("keys_announced");
    if (status == STATUS_OK) {
        status = change(vault->keyring, names, count);
        if (status == STATUS_INTERNAL) {
            atomic_store(&vault->keyring_unknown, true);
        }
    }
    CRASH_POINT("keys_changed");
    return status == STATUS_OK ? settle(vault, announced.pending) : status;
}

enum status
vault_keys_add(struct vault *vault, const struct key_name *names, size_t count)
{
    return change_keys(vault, keyring_add_keys, names, count);
}

enum status
vault_keys_remove(struct vault *vault, const struct key_name *names, size_t count)
{
    return change_keys(vault, keyring_remove_keys, names, count);
}

bool
vault_is_root(const struct vault *vault, const struct secret *root)
{
    return keyring_is_root(vault->keyring, root);
}

enum status
vault_replace_root(struct vault *vault, const struct secret *root, const struct unseal_slot *slot)
{
    uint64_t generation = keyring_generation(vault->keyring);
    struct vault_generation announced = {.settled = generation, .pending = generation + 1};
    enum status status = store_update(vault->store, write_step, &announced);

    CRASH_POINT("root_announced");
    if (status == STATUS_OK) {
        status = keyring_replace_root(vault->keyring, root, slot);
        if (status == STATUS_INTERNAL) {
            atomic_store(&vault->keyring_unknown, true);
        }
    }
    CRASH_POINT("root_replaced");
    if (status == STATUS_OK) {
        /* Done and in force; should this fail, the pending row still fits, and the next one
         * settles. */
        (void)!settle(vault, announced.pending);
    }
    return status;
}

uint64_t
vault_keyring_generation(const struct vault *vault)
{
    return keyring_generation(vault->keyring);
}

/* ---- keys of reasons ---- */

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

    return keyring_has(vault->keyring, name) ? STATUS_OK : vault_keys_add(vault, &name, 1);
}

/* Of that year and before, the oldest first. */
static size_t
find_reason_keys(const struct vault *vault, uint32_t last, struct key_name *ret_names, size_t limit)
{
    size_t count = 0;

    for (uint32_t year = REASON_YEAR_FIRST; year <= last && count < limit; year++) {
        if (vault_has_reason_key(vault, year)) {
            ret_names[count++] = reason_key(year);
        }
    }
    return count;
}

enum status
vault_reason_keys_destroy(struct vault *vault, uint32_t year)
{
    struct key_name names[KEYS_AT_ONCE];
    uint32_t last = year < REASON_YEAR_LAST ? year : (uint32_t)REASON_YEAR_LAST;
    enum status status = STATUS_OK;
    size_t count;

    if (!keyring_is_unsealed(vault->keyring)) {
        return STATUS_SEALED;
    }
    while (status == STATUS_OK &&
           (count = find_reason_keys(vault, last, names, KEYS_AT_ONCE)) > 0) {
        status = vault_keys_remove(vault, names, count);
    }
    return status;
}

enum status
vault_audit_public_key(const struct vault *vault, uint8_t ret_key[static PUBLIC_KEY_BYTES])
{
    return keyring_audit_public_key(vault->keyring, ret_key);
}

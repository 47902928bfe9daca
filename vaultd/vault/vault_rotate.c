/* SPDX-License-Identifier: Apache-2.0 */
/* New data and index keys, and what there is of them. */
#include "vault_rekey_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "failpoint.h"

_Static_assert((int)ROTATED_DATA == (int)KEY_DATA && (int)ROTATED_INDEX == (int)KEY_INDEX,
               "a vault_key's purpose names it in the keyring");
/* Data keys, the two generations of an index key, and one of each that is being made. */
_Static_assert(VAULT_COUNTS_MAX >= 2 * VAULT_KEYS_MAX, "each key has its count");

static struct key_name
name_of(struct vault_key key)
{
    return (struct key_name){(enum key_purpose)key.purpose, key.namespace_id, key.number};
}

bool
vault_has_key(const struct vault *vault, struct vault_key key)
{
    return keyring_has(vault->keyring, name_of(key));
}

/* A namespace's keys of one purpose, ascending; at most VAULT_KEYS_MAX are told. */
static size_t
list_keys(const struct vault *vault, enum rotated_key purpose, uint32_t namespace_id,
          struct vault_key_state *ret_states)
{
    size_t index =
        keyring_index_of(vault->keyring, name_of((struct vault_key){purpose, namespace_id, 0}));
    size_t count = 0;
    struct key_name name;
    uint64_t created_ms;

    while (count < VAULT_KEYS_MAX && keyring_at(vault->keyring, index++, &name, &created_ms) &&
           (int)name.purpose == (int)purpose && name.namespace_id == namespace_id) {
        ret_states[count++] = (struct vault_key_state){.key = {purpose, namespace_id, name.number},
                                                       .created_ms = created_ms};
    }
    return count;
}

bool
vault_made_key(const struct vault *vault, struct vault_key key)
{
    struct vault_key_state states[VAULT_KEYS_MAX];
    size_t count = list_keys(vault, key.purpose, key.namespace_id, states);

    return count > 0 && states[count - 1].key.number >= key.number;
}

/* ---- what there is ---- */

struct reading {
    uint32_t namespace_id;
    struct vault_epoch epoch;
    struct vault_counts counts;
};

static enum status
read_step(struct store_txn *txn, void *state)
{
    struct reading *reading = state;
    enum status status = vault_epoch_read(txn, reading->namespace_id, &reading->epoch);

    return status == STATUS_OK ? vault_counts_read(txn, reading->namespace_id, &reading->counts)
                               : status;
}

static uint64_t
lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void
add_progress(const struct reading *reading, enum rotated_key purpose,
             struct vault_rekey_progress *progress)
{
    const struct vault_epoch *epoch = &reading->epoch;
    uint64_t contacts = vault_counts_of(&reading->counts, KEY_DATA, 0);
    uint64_t other = vault_counts_of(&reading->counts, KEY_INDEX, epoch->index_other);

    if (purpose == ROTATED_DATA) {
        progress->total += contacts;
        progress->done += vault_counts_of(&reading->counts, KEY_DATA, epoch->data);
        return;
    }
    progress->total += 2 * contacts;
    if (epoch->index_other > epoch->index) {
        progress->done += lower(other, contacts);
    } else {
        other = epoch->index_other == 0 ? 0 : lower(other, contacts);
        progress->done += 2 * contacts - other;
    }
}

static size_t
tell_keys(const struct vault *vault, const struct reading *reading, enum rotated_key purpose,
          struct vault_key_state *ret_states, struct vault_rekey_progress *progress)
{
    size_t count = list_keys(vault, purpose, reading->namespace_id, ret_states);

    for (size_t i = 0; i < count; i++) {
        ret_states[i].active = i + 1 == count;
        ret_states[i].records =
            vault_counts_of(&reading->counts, (enum key_purpose)purpose, ret_states[i].key.number);
    }
    if (count > 1) {
        add_progress(reading, purpose, progress);
    }
    return count;
}

enum status
vault_keys_of(struct vault *vault, uint32_t namespace_id,
              struct vault_key_state ret_states[static 2 * VAULT_KEYS_MAX], size_t *ret_count,
              struct vault_rekey_progress *progress)
{
    struct reading reading = {.namespace_id = namespace_id};
    enum status status = store_view(vault->store, read_step, &reading);
    size_t count;

    if (status == STATUS_OK) {
        count = tell_keys(vault, &reading, ROTATED_DATA, ret_states, progress);
        count += tell_keys(vault, &reading, ROTATED_INDEX, ret_states + count, progress);
        *ret_count = count;
    }
    return status;
}

/* ---- making new ones ---- */

enum status
vault_rotation_plan(struct vault *vault, enum rotated_key purpose, uint32_t namespace_id,
                    struct vault_key *ret_key)
{
    struct vault_key_state states[VAULT_KEYS_MAX];
    struct reading reading = {.namespace_id = namespace_id};
    size_t most = purpose == ROTATED_INDEX ? 1 : VAULT_KEYS_MAX - 1;
    size_t count = list_keys(vault, purpose, namespace_id, states);
    enum status status = store_view(vault->store, read_step, &reading);

    if (status == STATUS_OK && count == 0) {
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK && count > most) {
        status = STATUS_CONFLICT;
    }
    if (status == STATUS_OK) {
        *ret_key = (struct vault_key){purpose, namespace_id, states[count - 1].key.number + 1};
    }
    return status;
}

struct flipping {
    const struct vault_key *keys;
    size_t count;
};

/* From now on what is new is written under the new key: of an index, under both. */
static enum status
flip_step(struct store_txn *txn, void *state)
{
    const struct flipping *flipping = state;
    enum status status = STATUS_OK;

    for (size_t i = 0; status == STATUS_OK && i < flipping->count; i++) {
        const struct vault_key *key = &flipping->keys[i];
        struct vault_epoch epoch;

        status = vault_epoch_read(txn, key->namespace_id, &epoch);
        if (status == STATUS_OK && key->purpose == ROTATED_DATA && key->number > epoch.data) {
            epoch.data = key->number;
        } else if (status == STATUS_OK && key->purpose == ROTATED_INDEX && epoch.index_other == 0 &&
                   key->number > epoch.index) {
            epoch.index_other = key->number;
        }
        if (status == STATUS_OK) {
            status = vault_epoch_write(txn, key->namespace_id, &epoch);
        }
    }
    return status;
}

enum status
rekey_flip(struct vault *vault, const struct vault_key *keys, size_t count)
{
    struct flipping flipping = {.keys = keys, .count = count};

    return store_update(vault->store, flip_step, &flipping);
}

enum status
vault_rotate(struct vault *vault, const struct vault_key *keys, size_t count)
{
    struct key_name *names = calloc(count, sizeof *names);
    enum status status;

    assert(count > 0);
    if (names == NULL) {
        return STATUS_UNAVAILABLE;
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = name_of(keys[i]);
    }
    status = vault_keys_add(vault, names, count);
    /* The file has them: what the store could not take is settled by the next change. */
    if (status != STATUS_OK && !vault_failed(vault) && keyring_has(vault->keyring, names[0])) {
        status = STATUS_OK;
    }
    free(names);
    if (status != STATUS_OK) {
        return status;
    }
    CRASH_POINT("rekey_key_added");
    status = rekey_flip(vault, keys, count);
    CRASH_POINT("rekey_flipped");
    /* The keys are there: if the store is full, the job flips the rows when it is not. */
    return status == STATUS_UNAVAILABLE ? STATUS_OK : status;
}

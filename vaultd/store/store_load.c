/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a new store in large transactions, each page once. */
#include "store_internal.h"

#include <assert.h>
#include <stdlib.h>

enum { ROW_KEY_BYTES = 8 };

static enum status
check_sizes(const struct bytes *keys, const struct bytes *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i].size == 0) {
            return STATUS_INVALID;
        }
        if (keys[i].size > STORE_KEY_BYTES_MAX || values[i].size > STORE_VALUE_BYTES_MAX) {
            return STATUS_TOO_LARGE;
        }
    }
    return STATUS_OK;
}

/* What is allocated from now on is behind what was loaded. */
static void
pass_row(struct store *store, struct bytes key)
{
    if (key.size == ROW_KEY_BYTES && get_u64(key.data) >= store->next_row) {
        store->next_row = get_u64(key.data) + 1;
    }
}

static enum status
load(struct store *store, const struct store_row *rows, size_t count)
{
    struct store_engine_txn *engine = NULL;
    enum status status = STATUS_UNAVAILABLE;

    if (!atomic_load(&store->failed)) {
        status = store->backend->begin(store->engine, true, &engine);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = store->backend->append(engine, rows, count);
    if (status != STATUS_OK) {
        store->backend->end(engine);
        return status;
    }
    if (rows[count - 1].table == STORE_RECORD) {
        pass_row(store, rows[count - 1].key);
    }
    return store_commit(store, engine, false);
}

enum status
store_load(struct store *store, enum store_table table, const struct bytes *keys,
           const struct bytes *values, size_t count)
{
    struct store_row *rows;
    enum status status = check_sizes(keys, values, count);

    assert(table != STORE_META && table < STORE_TABLES);
    if (status != STATUS_OK || count == 0) {
        return status;
    }
    rows = calloc(count, sizeof *rows);
    if (rows == NULL) {
        return STATUS_INTERNAL;
    }
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct store_row){.table = table, .key = keys[i], .value = values[i]};
    }
    status = load(store, rows, count);
    free(rows);
    return status;
}

enum status
store_load_counts(struct store *store, uint64_t changes, uint64_t next_row)
{
    struct store_engine_txn *engine = NULL;
    enum status status = store->backend->begin(store->engine, true, &engine);

    if (status != STATUS_OK) {
        return status;
    }
    if (atomic_load(&store->changes) < changes) {
        atomic_store(&store->changes, changes);
    }
    store->next_row = store->next_row < next_row ? next_row : store->next_row;
    return store_commit(store, engine, false);
}

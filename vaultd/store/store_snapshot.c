/* SPDX-License-Identifier: Apache-2.0 */
#include "store_snapshot.h"

#include <assert.h>
#include <stdlib.h>

#include "store_internal.h"

struct store_snapshot {
    struct store *store;
    struct store_engine_txn *txn;
    uint64_t changes;
    uint64_t next_row;
    uint64_t rows[STORE_TABLES];
};

static bool
is_own(enum store_table table, struct bytes key)
{
    return table == STORE_META && (bytes_equal(key, bytes_of_text(STORE_FORMAT_KEY)) ||
                                   bytes_equal(key, bytes_of_text(STORE_CHANGES_KEY)) ||
                                   bytes_equal(key, bytes_of_text(STORE_COMPACTED_KEY)));
}

/* The first two are there since the store was made. */
static enum status
read_own(struct store_snapshot *snapshot)
{
    const struct bytes keys[] = {bytes_of_text(STORE_CHANGES_KEY), bytes_of_text(STORE_FORMAT_KEY),
                                 bytes_of_text(STORE_COMPACTED_KEY)};
    enum { COUNT = sizeof keys / sizeof *keys };
    struct bytes values[COUNT];
    enum status status =
        snapshot->store->backend->get_many(snapshot->txn, STORE_META, keys, COUNT, values);

    if (status != STATUS_OK) {
        return status;
    }
    if (values[0].data == NULL || values[0].size != STORE_CHANGES_BYTES || values[1].data == NULL) {
        return STATUS_CORRUPT;
    }
    snapshot->changes = get_u64(values[0].data);
    snapshot->next_row = get_u64(values[0].data + 8);
    for (size_t i = 0; i < COUNT; i++) {
        snapshot->rows[STORE_META] -= values[i].data == NULL ? 0 : 1;
    }
    return STATUS_OK;
}

static enum status
look(struct store_snapshot *snapshot)
{
    enum status status = STATUS_OK;

    for (int table = 0; table < STORE_TABLES && status == STATUS_OK; table++) {
        status = snapshot->store->backend->count(snapshot->txn, (enum store_table)table,
                                                 &snapshot->rows[table]);
    }
    return status == STATUS_OK ? read_own(snapshot) : status;
}

enum status
store_snapshot_open(struct store *store, struct store_snapshot **ret_snapshot)
{
    struct store_snapshot *snapshot = calloc(1, sizeof *snapshot);
    enum status status = STATUS_INTERNAL;

    if (snapshot == NULL) {
        return status;
    }
    snapshot->store = store;
    status = store->backend->begin(store->engine, false, &snapshot->txn);
    if (status == STATUS_OK) {
        status = look(snapshot);
    }
    if (status == STATUS_OK) {
        *ret_snapshot = snapshot;
        snapshot = NULL;
    }
    store_snapshot_close(&snapshot);
    return status;
}

void
store_snapshot_close(struct store_snapshot **snapshot)
{
    if (*snapshot == NULL) {
        return;
    }
    if ((*snapshot)->txn != NULL) {
        (*snapshot)->store->backend->end((*snapshot)->txn);
    }
    free(*snapshot);
    *snapshot = NULL;
}

uint64_t
store_snapshot_changes(const struct store_snapshot *snapshot)
{
    return snapshot->changes;
}

uint64_t
store_snapshot_next_row(const struct store_snapshot *snapshot)
{
    return snapshot->next_row;
}

uint64_t
store_snapshot_rows(const struct store_snapshot *snapshot, enum store_table table)
{
    assert(table < STORE_TABLES);
    return snapshot->rows[table];
}

static enum status
scan(const struct store_backend *backend, struct store_cursor *cursor, enum store_table table,
     struct bytes after, store_visit *visit, void *state)
{
    enum status status;
    struct bytes key;
    struct bytes value;

    while ((status = backend->cursor_next(cursor, &key, &value)) == STATUS_OK) {
        if (is_own(table, key) || (after.size > 0 && bytes_equal(key, after))) {
            continue;
        }
        status = visit(state, key, value);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status
store_snapshot_scan(struct store_snapshot *snapshot, enum store_table table, struct bytes after,
                    store_visit *visit, void *state)
{
    const struct store_backend *backend = snapshot->store->backend;
    struct store_cursor *cursor = NULL;
    enum status status;

    assert(table < STORE_TABLES && after.size <= STORE_KEY_BYTES_MAX);
    status = backend->cursor_open(snapshot->txn, table, after, &cursor);
    if (status == STATUS_OK) {
        status = scan(backend, cursor, table, after, visit, state);
        backend->cursor_close(cursor);
    }
    return status;
}

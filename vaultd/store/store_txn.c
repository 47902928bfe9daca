/* SPDX-License-Identifier: Apache-2.0 */
/* What a step may do. It reads its own write set first, then the transaction of its group. */
#include "store_internal.h"

#include <assert.h>
#include <string.h>

/* An error of the engine or of memory stays with the transaction. */
static enum status
noted(struct store_txn *txn, enum status status)
{
    if (status != STATUS_OK && txn->error == STATUS_OK) {
        txn->error = status;
    }
    return status;
}

static enum status
check_keys(enum store_table table, const struct bytes *keys, size_t count)
{
    assert(table < STORE_TABLES);
    for (size_t i = 0; i < count; i++) {
        if (keys[i].size > STORE_KEY_BYTES_MAX) {
            return STATUS_TOO_LARGE;
        }
        if (keys[i].size == 0) {
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

bool
store_is_own_row(enum store_table table, struct bytes key)
{
    return table == STORE_META && (bytes_equal(key, bytes_of_text(STORE_FORMAT_KEY)) ||
                                   bytes_equal(key, bytes_of_text(STORE_CHANGES_KEY)) ||
                                   bytes_equal(key, bytes_of_text(STORE_COMPACTED_KEY)));
}

/* May these keys be written by this step? */
static enum status
check_writes(const struct store_txn *txn, enum store_table table, const struct bytes *keys,
             size_t count)
{
    enum status status = check_keys(table, keys, count);

    assert(txn->writes != NULL);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = store_is_own_row(table, keys[i]) ? STATUS_INVALID : STATUS_OK;
    }
    if (status == STATUS_OK && count > STORE_STEP_ROWS_MAX - store_writes_count(txn->writes)) {
        status = STATUS_TOO_LARGE;
    }
    return status;
}

static enum status
get_keys(struct store_txn *txn, enum store_table table, const struct bytes *keys, size_t count,
         struct bytes *ret_values)
{
    const struct store_row *row;
    enum status status;

    if (count == 1 && txn->writes != NULL &&
        (row = store_writes_find(txn->writes, table, keys[0])) != NULL) {
        ret_values[0] = row->value;
        return STATUS_OK;
    }
    status = noted(txn, txn->store->backend->get_many(txn->engine, table, keys, count, ret_values));
    for (size_t i = 0; i < count && status == STATUS_OK && txn->writes != NULL; i++) {
        row = store_writes_find(txn->writes, table, keys[i]);
        if (row != NULL) {
            ret_values[i] = row->value;
        }
    }
    return status;
}

enum status
store_get_many(struct store_txn *txn, enum store_table table, const struct bytes *keys,
               size_t count, struct bytes *ret_values)
{
    enum status status = check_keys(table, keys, count);

    return status == STATUS_OK ? get_keys(txn, table, keys, count, ret_values) : status;
}

enum status
store_get(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes *ret_value)
{
    struct bytes value = {.data = NULL};
    enum status status = store_get_many(txn, table, &key, 1, &value);

    if (status == STATUS_OK && value.data == NULL) {
        status = STATUS_NOT_FOUND;
    }
    if (status == STATUS_OK) {
        *ret_value = value;
    }
    return status;
}

static enum status
find_conflict(struct store_txn *txn, enum store_table table, const struct bytes *keys, size_t count)
{
    struct bytes *values = store_writes_alloc(txn->writes, count * sizeof *values);
    enum status status = values == NULL ? noted(txn, STATUS_INTERNAL) : STATUS_OK;

    if (status == STATUS_OK) {
        status = get_keys(txn, table, keys, count, values);
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = values[i].data == NULL ? STATUS_OK : STATUS_CONFLICT;
    }
    return status;
}

/* The keys were all absent, so a deletion of what was inserted so far is as if nothing happened. */
static enum status
undo_inserts(struct store_txn *txn, enum store_table table, const struct bytes *keys, size_t count)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = noted(txn, store_writes_put(txn->writes, table, keys[i], bytes_of(NULL, 0)));
    }
    return status == STATUS_OK ? STATUS_CONFLICT : status;
}

/* The same key twice in one call is a conflict too: the second finds the first. */
static bool
is_written(const struct store_txn *txn, enum store_table table, struct bytes key)
{
    const struct store_row *row = store_writes_find(txn->writes, table, key);

    return row != NULL && row->value.data != NULL;
}

static enum status
write_rows(struct store_txn *txn, enum store_table table, enum store_put_mode mode,
           const struct bytes *keys, const struct bytes *values, size_t count)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        /* An empty value is there; only a NULL one is a deletion. */
        struct bytes value = values[i].data == NULL ? bytes_of("", 0) : values[i];

        if (mode == STORE_INSERT && is_written(txn, table, keys[i])) {
            return undo_inserts(txn, table, keys, i);
        }
        status = noted(txn, store_writes_put(txn->writes, table, keys[i], value));
    }
    return status;
}

enum status
store_put_many(struct store_txn *txn, enum store_table table, enum store_put_mode mode,
               const struct bytes *keys, const struct bytes *values, size_t count)
{
    enum status status = check_writes(txn, table, keys, count);

    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = values[i].size > STORE_VALUE_BYTES_MAX ? STATUS_TOO_LARGE : STATUS_OK;
    }
    if (status == STATUS_OK && mode == STORE_INSERT) {
        status = find_conflict(txn, table, keys, count);
    }
    return status == STATUS_OK ? write_rows(txn, table, mode, keys, values, count) : status;
}

enum status
store_put(struct store_txn *txn, enum store_table table, enum store_put_mode mode, struct bytes key,
          struct bytes value)
{
    return store_put_many(txn, table, mode, &key, &value, 1);
}

enum status
store_delete_many(struct store_txn *txn, enum store_table table, const struct bytes *keys,
                  size_t count)
{
    enum status status = check_writes(txn, table, keys, count);

    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = noted(txn, store_writes_put(txn->writes, table, keys[i], bytes_of(NULL, 0)));
    }
    return status;
}

/* ---- scan: the write set and the engine's rows, merged ---- */

struct merge {
    const struct store_write *write; /* next of the write set; NULL: none */
    struct store_cursor *cursor;
    bool has_row;
    struct bytes key; /* next of the engine, if has_row */
    struct bytes value;
};

static enum status
next_row(struct store_txn *txn, struct merge *merge)
{
    enum status status =
        txn->store->backend->cursor_next(merge->cursor, &merge->key, &merge->value);

    merge->has_row = status == STATUS_OK;
    return status == STATUS_NOT_FOUND ? STATUS_OK : noted(txn, status);
}

/* Takes the lowest key of the two sides; on the same key the write set wins. */
static enum status
take_lowest(struct store_txn *txn, struct merge *merge, struct bytes *ret_key,
            struct bytes *ret_value)
{
    const struct store_row *written = merge->write == NULL ? NULL : store_write_row(merge->write);
    int order = -1;

    if (merge->has_row) {
        order = written == NULL ? 1 : store_writes_compare(written->key, merge->key);
    }
    if (order > 0) {
        *ret_key = merge->key;
        *ret_value = merge->value;
        return next_row(txn, merge);
    }
    *ret_key = written->key;
    *ret_value = written->value;
    merge->write = store_writes_next(merge->write);
    return order == 0 ? next_row(txn, merge) : STATUS_OK;
}

static enum status
scan_merged(struct store_txn *txn, struct merge *merge, struct bytes to, store_visit *visit,
            void *state)
{
    enum status status = next_row(txn, merge);

    while (status == STATUS_OK && (merge->has_row || merge->write != NULL)) {
        struct bytes key;
        struct bytes value;

        status = take_lowest(txn, merge, &key, &value);
        if (status == STATUS_OK && to.data != NULL && store_writes_compare(key, to) >= 0) {
            break;
        }
        if (status == STATUS_OK && value.data != NULL) {
            status = visit(state, key, value);
        }
    }
    return status;
}

enum status
store_scan(struct store_txn *txn, enum store_table table, struct bytes from, struct bytes to,
           store_visit *visit, void *state)
{
    const struct store_backend *backend = txn->store->backend;
    struct merge merge = {.write = NULL};
    enum status status;

    assert(table < STORE_TABLES);
    if (from.size > STORE_KEY_BYTES_MAX || to.size > STORE_KEY_BYTES_MAX) {
        return STATUS_TOO_LARGE;
    }
    if (txn->writes != NULL) {
        merge.write = store_writes_from(txn->writes, table, from);
    }
    status = noted(txn, backend->cursor_open(txn->engine, table, from, &merge.cursor));
    if (status == STATUS_OK) {
        status = scan_merged(txn, &merge, to, visit, state);
        backend->cursor_close(merge.cursor);
    }
    return status;
}

enum status
store_allocate(struct store_txn *txn, uint64_t count, uint64_t *ret_first)
{
    struct store *store = txn->store;

    assert(txn->writes != NULL);
    if (count > UINT64_MAX - store->next_row) {
        return STATUS_TOO_LARGE;
    }
    *ret_first = store->next_row;
    store->next_row += count;
    return STATUS_OK;
}

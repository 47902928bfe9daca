/* SPDX-License-Identifier: Apache-2.0 */
#include "store_faulty.h"

#include <stdatomic.h>

static _Atomic uint64_t calls;
static uint64_t fails_at;
static bool fails_for_good;
static enum faulty_commit commit_fails;

void
store_faulty_fail_at(uint64_t call, enum faulty_commit how, bool for_good)
{
    atomic_store(&calls, 0);
    fails_at = call;
    fails_for_good = for_good;
    commit_fails = how;
}

uint64_t
store_faulty_calls(void)
{
    return atomic_load(&calls);
}

static bool
fails(void)
{
    uint64_t call = atomic_fetch_add(&calls, 1) + 1;

    return fails_at != 0 && (call == fails_at || (fails_for_good && call > fails_at));
}

static enum status
faulty_open(const struct store_options *options, struct store_engine **ret_engine)
{
    return fails() ? STATUS_UNAVAILABLE : store_lmdb_backend.open(options, ret_engine);
}

static void
faulty_close(struct store_engine *engine)
{
    store_lmdb_backend.close(engine);
}

static enum status
faulty_begin(struct store_engine *engine, bool write, struct store_engine_txn **ret_txn)
{
    return fails() ? STATUS_UNAVAILABLE : store_lmdb_backend.begin(engine, write, ret_txn);
}

static void
faulty_end(struct store_engine_txn *txn)
{
    store_lmdb_backend.end(txn);
}

static enum status
faulty_commit(struct store_engine_txn *txn, bool reserved)
{
    if (!fails()) {
        return store_lmdb_backend.commit(txn, reserved);
    }
    if (commit_fails == FAULTY_UNKNOWN_KEPT) {
        (void)!store_lmdb_backend.commit(txn, reserved);
    } else {
        store_lmdb_backend.end(txn);
    }
    return commit_fails == FAULTY_ABORTED ? STATUS_UNAVAILABLE : STATUS_INTERNAL;
}

/* Not counted: a thread of its own calls it at any time. */
static bool
faulty_keep_reserve(struct store_engine *engine)
{
    return store_lmdb_backend.keep_reserve(engine);
}

static enum status
faulty_get_many(struct store_engine_txn *txn, enum store_table table, const struct bytes *keys,
                size_t count, struct bytes *ret_values)
{
    return fails() ? STATUS_UNAVAILABLE
                   : store_lmdb_backend.get_many(txn, table, keys, count, ret_values);
}

/* Half of the rows are there when it fails. */
static enum status
faulty_apply(struct store_engine_txn *txn, const struct store_row *rows, size_t count)
{
    if (!fails()) {
        return store_lmdb_backend.apply(txn, rows, count);
    }
    (void)!store_lmdb_backend.apply(txn, rows, count / 2);
    return STATUS_UNAVAILABLE;
}

/* Likewise. */
static enum status
faulty_append(struct store_engine_txn *txn, const struct store_row *rows, size_t count)
{
    if (!fails()) {
        return store_lmdb_backend.append(txn, rows, count);
    }
    (void)!store_lmdb_backend.append(txn, rows, count / 2);
    return STATUS_UNAVAILABLE;
}

static enum status
faulty_last_key(struct store_engine_txn *txn, enum store_table table, struct bytes *ret_key)
{
    return fails() ? STATUS_UNAVAILABLE : store_lmdb_backend.last_key(txn, table, ret_key);
}

static enum status
faulty_count(struct store_engine_txn *txn, enum store_table table, uint64_t *ret_rows)
{
    return fails() ? STATUS_UNAVAILABLE : store_lmdb_backend.count(txn, table, ret_rows);
}

static enum status
faulty_cursor_open(struct store_engine_txn *txn, enum store_table table, struct bytes from,
                   struct store_cursor **ret_cursor)
{
    return fails() ? STATUS_UNAVAILABLE
                   : store_lmdb_backend.cursor_open(txn, table, from, ret_cursor);
}

static enum status
faulty_cursor_next(struct store_cursor *cursor, struct bytes *ret_key, struct bytes *ret_value)
{
    return fails() ? STATUS_UNAVAILABLE
                   : store_lmdb_backend.cursor_next(cursor, ret_key, ret_value);
}

static void
faulty_cursor_close(struct store_cursor *cursor)
{
    store_lmdb_backend.cursor_close(cursor);
}

static enum status
faulty_copy_begin(struct store_engine *engine, struct store_copy **ret_copy, uint64_t *ret_lacks)
{
    *ret_lacks = 0;
    return fails() ? STATUS_UNAVAILABLE
                   : store_lmdb_backend.copy_begin(engine, ret_copy, ret_lacks);
}

static enum status
faulty_copy_step(struct store_copy *copy, bool *ret_done)
{
    return fails() ? STATUS_UNAVAILABLE : store_lmdb_backend.copy_step(copy, ret_done);
}

/* Half of the rows are there when it fails. */
static enum status
faulty_copy_rows(struct store_copy *copy, const struct store_row *rows, size_t count)
{
    if (!fails()) {
        return store_lmdb_backend.copy_rows(copy, rows, count);
    }
    (void)!store_lmdb_backend.copy_rows(copy, rows, count / 2);
    return STATUS_UNAVAILABLE;
}

static enum status
faulty_copy_flush(struct store_copy *copy, bool durable)
{
    return fails() ? STATUS_UNAVAILABLE : store_lmdb_backend.copy_flush(copy, durable);
}

static enum status
faulty_copy_replace(struct store_copy *copy)
{
    enum status status;

    if (!fails()) {
        return store_lmdb_backend.copy_replace(copy);
    }
    if (commit_fails == FAULTY_ABORTED) {
        return STATUS_UNAVAILABLE;
    }
    status = store_lmdb_backend.copy_replace(copy);
    return status == STATUS_OK ? STATUS_INTERNAL : status;
}

static bool
faulty_copy_settle(struct store_copy *copy)
{
    return store_lmdb_backend.copy_settle(copy);
}

static void
faulty_copy_end(struct store_copy *copy)
{
    store_lmdb_backend.copy_end(copy);
}

static void
faulty_copy_progress(const struct store_copy *copy, uint64_t *ret_done, uint64_t *ret_total)
{
    store_lmdb_backend.copy_progress(copy, ret_done, ret_total);
}

static uint64_t
faulty_size(struct store_engine *engine)
{
    return store_lmdb_backend.size(engine);
}

const struct store_backend store_faulty_backend = {
    .open = faulty_open,
    .close = faulty_close,
    .begin = faulty_begin,
    .end = faulty_end,
    .commit = faulty_commit,
    .keep_reserve = faulty_keep_reserve,
    .get_many = faulty_get_many,
    .apply = faulty_apply,
    .append = faulty_append,
    .last_key = faulty_last_key,
    .count = faulty_count,
    .cursor_open = faulty_cursor_open,
    .cursor_next = faulty_cursor_next,
    .cursor_close = faulty_cursor_close,
    .copy_begin = faulty_copy_begin,
    .copy_step = faulty_copy_step,
    .copy_rows = faulty_copy_rows,
    .copy_flush = faulty_copy_flush,
    .copy_replace = faulty_copy_replace,
    .copy_settle = faulty_copy_settle,
    .copy_end = faulty_copy_end,
    .copy_progress = faulty_copy_progress,
    .size = faulty_size,
};

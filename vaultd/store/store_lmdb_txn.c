/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions of the LMDB engine: the pool of snapshots, the one writer, and room for its commit.
 */
#include "store_lmdb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    FREE_LIST_PAGES = 16, /* a commit's own bookkeeping */
    FREED_PER_PAGE = 256, /* page numbers in one page of the free list, about half full */
};

static struct store_engine_txn *
take_from_pool(struct store_engine *engine)
{
    struct store_engine_txn *txn;

    (void)pthread_mutex_lock(&engine->lock);
    txn = engine->pool;
    if (txn != NULL) {
        engine->pool = txn->next;
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return txn;
}

static void
give_to_pool(struct store_engine_txn *txn)
{
    struct store_engine *engine = txn->engine;

    (void)pthread_mutex_lock(&engine->lock);
    txn->next = engine->pool;
    engine->pool = txn;
    (void)pthread_mutex_unlock(&engine->lock);
}

static enum status
begin_view(struct store_engine *engine, struct store_engine_txn **ret_txn)
{
    struct store_engine_txn *txn = take_from_pool(engine);
    int error;

    if (txn != NULL) {
        error = mdb_txn_renew(txn->txn);
    } else {
        txn = calloc(1, sizeof *txn);
        if (txn == NULL) {
            return STATUS_INTERNAL;
        }
        txn->engine = engine;
        error = mdb_txn_begin(engine->env, NULL, MDB_RDONLY, &txn->txn);
    }
    if (error == 0) {
        *ret_txn = txn;
        return STATUS_OK;
    }
    if (txn->txn != NULL) {
        mdb_txn_abort(txn->txn);
    }
    free(txn);
    return error == MDB_READERS_FULL ? STATUS_BUSY : store_lmdb_failed(error, __LINE__);
}

enum status
store_lmdb_begin(struct store_engine *engine, bool write, struct store_engine_txn **ret_txn)
{
    MDB_txn *txn = NULL;
    int error;

    if (!write) {
        return begin_view(engine, ret_txn);
    }
    error = mdb_txn_begin(engine->env, NULL, 0, &txn);
    if (error != 0) {
        return store_lmdb_failed(error, __LINE__);
    }
    engine->writer = (struct store_engine_txn){.engine = engine, .txn = txn, .is_write = true};
    *ret_txn = &engine->writer;
    return STATUS_OK;
}

void
store_lmdb_end(struct store_engine_txn *txn)
{
    if (txn->is_write) {
        mdb_txn_abort(txn->txn);
        return;
    }
    mdb_txn_reset(txn->txn);
    give_to_pool(txn);
}

/* Pages that an earlier commit has freed. Some may still be read, so this is an upper bound. */
static uint64_t
count_free_pages(struct store_engine *engine)
{
    enum { FREE_DBI = 0 }; /* LMDB's list: transaction -> count, page numbers */
    struct store_engine_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val list;
    uint64_t pages = 0;

    if (begin_view(engine, &txn) != STATUS_OK) {
        return 0;
    }
    if (mdb_cursor_open(txn->txn, FREE_DBI, &cursor) == 0) {
        while (mdb_cursor_get(cursor, &key, &list, MDB_NEXT) == 0) {
            size_t count;

            memcpy(&count, list.mv_data, sizeof count);
            pages += count;
        }
        mdb_cursor_close(cursor);
    }
    store_lmdb_end(txn);
    return pages;
}

static uint64_t
lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/*
 * At most these pages are written: a leaf and a split for each row, the branches above them and the
 * pages of large values, as far as the trees have so many; what deletions emptied; the free list.
 */
static int
count_pages(const struct store_engine_txn *txn, uint64_t *ret_pages)
{
    uint64_t pages = FREE_LIST_PAGES + txn->value_pages + txn->deleted;

    for (int table = 0; table < STORE_TABLES; table++) {
        MDB_stat stat;
        int error = mdb_stat(txn->txn, txn->engine->tables[table], &stat);

        if (error != 0) {
            return error;
        }
        pages += lower(2 * txn->rows[table], stat.ms_leaf_pages);
        pages += lower(stat.ms_depth * txn->rows[table], stat.ms_branch_pages);
    }
    *ret_pages = pages + pages / FREED_PER_PAGE;
    return 0;
}

/* Can this transaction be written for certain? */
static bool
has_space(const struct store_engine_txn *txn)
{
    struct store_engine *engine = txn->engine;
    uint64_t pages = 0;
    MDB_envinfo info;
    uint64_t used;

    if (mdb_env_info(engine->env, &info) != 0 || count_pages(txn, &pages) != 0) {
        return false;
    }
    used = ((uint64_t)info.me_last_pgno + 1) * engine->page_bytes;
    return store_space_ensure(&engine->space, used, pages * engine->page_bytes, txn->grows) ||
           count_free_pages(engine) > 2 * pages;
}

/* After an error LMDB may refuse for good: then it could not undo a half-written meta page. */
static bool
is_usable(struct store_engine *engine)
{
    MDB_txn *txn = NULL;

    if (mdb_txn_begin(engine->env, NULL, 0, &txn) != 0) {
        return false;
    }
    mdb_txn_abort(txn);
    return true;
}

enum status
store_lmdb_commit(struct store_engine_txn *txn)
{
    struct store_engine *engine = txn->engine;
    enum status status;
    int error;

    if (!has_space(txn)) {
        mdb_txn_abort(txn->txn);
        return store_lmdb_failed(ENOSPC, __LINE__);
    }
    error = mdb_txn_commit(txn->txn);
    if (error == 0) {
        return STATUS_OK;
    }
    status = store_lmdb_failed(error, __LINE__);
    return store_lmdb_is_shortage(error) && is_usable(engine) ? status : STATUS_INTERNAL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Room for a commit of the LMDB engine: how much it can need at most, and whether that is there. */
#include "store_lmdb.h"

#include <string.h>

#include "clock.h"

enum {
    FREE_LIST_PAGES = 16, /* a commit's own bookkeeping */
    FREED_PER_PAGE = 256, /* page numbers in one page of the free list, about half full */
    RETRY_MS = 2000,      /* on a full disk: so often the reserve is tried to be had */
};

/* Pages that this transaction may use again: no view can still read them. */
static uint64_t
count_free_pages(const struct store_engine_txn *txn)
{
    enum { FREE_DBI = 0 }; /* LMDB's list: transaction that freed them -> count, page numbers */
    struct store_engine_txn *view = NULL;
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val list;
    uint64_t pages = 0;

    if (store_lmdb_begin(txn->engine, false, &view) != STATUS_OK) {
        return 0;
    }
    if (mdb_cursor_open(view->txn, FREE_DBI, &cursor) == 0) {
        while (mdb_cursor_get(cursor, &key, &list, MDB_NEXT) == 0) {
            size_t freed_by;
            size_t count;

            memcpy(&freed_by, key.mv_data, sizeof freed_by);
            if (freed_by >= txn->snapshot) {
                break;
            }
            memcpy(&count, list.mv_data, sizeof count);
            pages += count;
        }
        mdb_cursor_close(cursor);
    }
    store_lmdb_end(view);
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
        int error = mdb_stat(txn->txn, txn->file->tables[table], &stat);

        if (error != 0) {
            return error;
        }
        pages += lower(2 * txn->rows[table], stat.ms_leaf_pages);
        pages += lower(stat.ms_depth * txn->rows[table], stat.ms_branch_pages);
    }
    *ret_pages = pages + pages / FREED_PER_PAGE;
    return 0;
}

int
store_lmdb_file_used(const struct store_lmdb_file *file, uint64_t *ret_used)
{
    MDB_envinfo info;
    int error = mdb_env_info(file->env, &info);

    *ret_used = error == 0 ? ((uint64_t)info.me_last_pgno + 1) * file->page_bytes : 0;
    return error;
}

/*
 * At the end of the file, or in pages freed before. What wants its pages in a row, which freed ones
 * need not be, has room at the end in any case: large values, and a long list of what was freed.
 */
static bool
has_space(const struct store_engine_txn *txn, uint64_t used, uint64_t pages,
          enum store_writer writer)
{
    struct store_lmdb_file *file = txn->file;
    uint64_t at_end = txn->value_pages;
    uint64_t free_pages;

    if (store_space_ensure(&file->space, used, pages * file->page_bytes, writer)) {
        return true;
    }
    free_pages = count_free_pages(txn);
    if (free_pages > 2 * pages) {
        writer = STORE_WRITES_RESERVED; /* the end is for the rare case only */
        at_end += pages > FREED_PER_PAGE ? pages / FREED_PER_PAGE + 1 : 0;
    } else {
        at_end += FREE_LIST_PAGES + (pages > free_pages ? pages - free_pages : 0);
    }
    return store_space_ensure(&file->space, used, at_end * file->page_bytes, writer);
}

bool
store_lmdb_has_room(const struct store_engine_txn *txn, bool reserved)
{
    struct store_engine *engine = txn->engine;
    enum store_writer writer = txn->grows ? STORE_WRITES_CONTACTS : STORE_WRITES_OTHER;
    uint64_t pages = 0;
    uint64_t used = 0;
    bool has;

    if (store_lmdb_file_used(txn->file, &used) != 0 || count_pages(txn, &pages) != 0) {
        return false;
    }
    (void)pthread_mutex_lock(&engine->space_lock);
    has = has_space(txn, used, pages, reserved ? STORE_WRITES_RESERVED : writer);
    (void)pthread_mutex_unlock(&engine->space_lock);
    return has;
}

bool
store_lmdb_keep_reserve(struct store_engine *engine)
{
    uint64_t used = 0;
    uint64_t now = clock_monotonic_ms();
    bool there = false;

    (void)pthread_mutex_lock(&engine->space_lock);
    if (now >= engine->retry_ms && store_lmdb_file_used(engine->file, &used) == 0) {
        there = store_space_keep(&engine->file->space, used);
        engine->retry_ms = there ? 0 : now + RETRY_MS;
    }
    (void)pthread_mutex_unlock(&engine->space_lock);
    return there;
}

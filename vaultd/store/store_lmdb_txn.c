/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions of the LMDB engine: the pool of snapshots, and the one writer. */
#include "store_lmdb.h"

#include <errno.h>
#include <stdlib.h>

/* With `lock` held. What it will read is not older than the last commit so far. */
static void
enter_views(struct store_engine_txn *txn)
{
    struct store_lmdb_file *file = txn->file;

    txn->snapshot = file->committed;
    txn->prev = NULL;
    txn->next = file->views;
    if (file->views != NULL) {
        file->views->prev = txn;
    }
    file->views = txn;
}

static void
leave_views(struct store_engine_txn *txn)
{
    if (txn->prev == NULL) {
        txn->file->views = txn->next;
    } else {
        txn->prev->next = txn->next;
    }
    if (txn->next != NULL) {
        txn->next->prev = txn->prev;
    }
}

/* From the pool, or new and not begun; NULL when memory is short. */
static struct store_engine_txn *
take_view(struct store_engine *engine)
{
    struct store_engine_txn *txn;
    struct store_lmdb_file *file;

    (void)pthread_mutex_lock(&engine->lock);
    file = engine->file;
    txn = file->pool;
    if (txn != NULL) {
        file->pool = txn->next;
    } else {
        txn = calloc(1, sizeof *txn);
    }
    if (txn != NULL) {
        txn->engine = engine;
        txn->file = file;
        enter_views(txn);
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return txn;
}

static void
give_to_pool(struct store_engine_txn *txn)
{
    struct store_engine *engine = txn->engine;

    (void)pthread_mutex_lock(&engine->lock);
    leave_views(txn);
    txn->next = txn->file->pool;
    txn->file->pool = txn;
    (void)pthread_mutex_unlock(&engine->lock);
}

/* As long as it is among the views, its file is open. */
static void
drop_view(struct store_engine_txn *txn)
{
    if (txn->txn != NULL) {
        mdb_txn_abort(txn->txn);
    }
    (void)pthread_mutex_lock(&txn->engine->lock);
    leave_views(txn);
    (void)pthread_mutex_unlock(&txn->engine->lock);
    free(txn);
}

static enum status
begin_view(struct store_engine *engine, struct store_engine_txn **ret_txn)
{
    struct store_engine_txn *txn = take_view(engine);
    int error;

    if (txn == NULL) {
        return STATUS_INTERNAL;
    }
    error = txn->txn == NULL ? mdb_txn_begin(txn->file->env, NULL, MDB_RDONLY, &txn->txn)
                             : mdb_txn_renew(txn->txn);
    if (error == 0) {
        *ret_txn = txn;
        return STATUS_OK;
    }
    drop_view(txn);
    return error == MDB_READERS_FULL ? STATUS_BUSY : store_lmdb_failed(error, __LINE__);
}

/* What any view reads now or later is not older. */
static uint64_t
find_oldest_view(struct store_engine *engine)
{
    uint64_t oldest;

    (void)pthread_mutex_lock(&engine->lock);
    oldest = engine->file->committed;
    for (const struct store_engine_txn *view = engine->file->views; view != NULL;
         view = view->next) {
        oldest = view->snapshot < oldest ? view->snapshot : oldest;
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return oldest;
}

enum status
store_lmdb_begin(struct store_engine *engine, bool write, struct store_engine_txn **ret_txn)
{
    MDB_txn *txn = NULL;
    int error;

    if (!write) {
        return begin_view(engine, ret_txn);
    }
    error = mdb_txn_begin(engine->file->env, NULL, 0, &txn);
    if (error != 0) {
        return store_lmdb_failed(error, __LINE__);
    }
    engine->writer = (struct store_engine_txn){.engine = engine,
                                               .file = engine->file,
                                               .txn = txn,
                                               .is_write = true,
                                               .snapshot = find_oldest_view(engine)};
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

/* After an error LMDB may refuse for good: then it could not undo a half-written meta page. */
static bool
is_usable(struct store_engine *engine)
{
    MDB_txn *txn = NULL;

    if (mdb_txn_begin(engine->file->env, NULL, 0, &txn) != 0) {
        return false;
    }
    mdb_txn_abort(txn);
    return true;
}

static void
note_commit(struct store_engine *engine, uint64_t committed)
{
    (void)pthread_mutex_lock(&engine->lock);
    engine->file->committed = committed;
    (void)pthread_mutex_unlock(&engine->lock);
}

enum status
store_lmdb_commit(struct store_engine_txn *txn, bool reserved)
{
    struct store_engine *engine = txn->engine;
    uint64_t number = mdb_txn_id(txn->txn);
    enum status status;
    int error;

    if (!store_lmdb_has_room(txn, reserved)) {
        mdb_txn_abort(txn->txn);
        return store_lmdb_failed(ENOSPC, __LINE__);
    }
    error = mdb_txn_commit(txn->txn);
    if (error == 0) {
        note_commit(engine, number);
        return STATUS_OK;
    }
    status = store_lmdb_failed(error, __LINE__);
    return store_lmdb_is_shortage(error) && is_usable(engine) ? status : STATUS_INTERNAL;
}

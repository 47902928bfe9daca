/* SPDX-License-Identifier: Apache-2.0 */
/* store_lmdb.h: the LMDB engine, shared by the files of its name. */
#ifndef CONTACT_VAULT_STORE_LMDB_H
#define CONTACT_VAULT_STORE_LMDB_H

#include <lmdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "store_backend.h"
#include "store_space.h"

struct store_engine_txn {
    struct store_engine *engine;
    MDB_txn *txn;
    bool is_write;
    bool grows;                    /* rows of contacts were put */
    uint64_t rows[STORE_TABLES];   /* written */
    uint64_t value_pages;          /* of their own, for large values */
    uint64_t deleted;              /* rows */
    uint64_t snapshot;             /* of the writer: no view reads an older one; of a view: its own,
                                      or an older one */
    struct store_engine_txn *next; /* in the pool, or among the views */
    struct store_engine_txn *prev; /* among the views */
};

/*
 * Invariants:
 * 1. `pool` holds read transactions that are reset: they have a reader slot and pin no page.
 * 2. `views` holds those that are open, each since before it pinned a page. `committed` is the last
 *    transaction that has been.
 * 3. `writer` belongs to whoever holds LMDB's write lock; `space` to whoever holds space_lock,
 * which comes before `lock`.
 */
struct store_engine {
    MDB_env *env;
    MDB_dbi tables[STORE_TABLES];
    pthread_mutex_t lock; /* of pool, views, committed */
    struct store_engine_txn *pool;
    struct store_engine_txn *views;
    uint64_t committed;
    struct store_engine_txn writer;
    pthread_mutex_t space_lock;
    struct store_space space;
    uint64_t retry_ms; /* the reserve could not be had: not tried again before then */
    uint64_t page_bytes;
};

/* No room: nothing that matters has been written when LMDB says so. */
bool store_lmdb_is_shortage(int error);
/* LMDB's word, or errno, as ours. Logged here, once; not passed up. */
enum status store_lmdb_failed(int error, int line);

/* Can this transaction be written for certain? */
bool store_lmdb_has_room(const struct store_engine_txn *txn, bool reserved);

/* ---- the entries of store_backend ---- */

enum status store_lmdb_begin(struct store_engine *engine, bool write,
                             struct store_engine_txn **ret_txn);
void store_lmdb_end(struct store_engine_txn *txn);
enum status store_lmdb_commit(struct store_engine_txn *txn, bool reserved);
bool store_lmdb_keep_reserve(struct store_engine *engine);
enum status store_lmdb_get_many(struct store_engine_txn *txn, enum store_table table,
                                const struct bytes *keys, size_t count, struct bytes *ret_values);
enum status store_lmdb_apply(struct store_engine_txn *txn, const struct store_row *rows,
                             size_t count);
enum status store_lmdb_append(struct store_engine_txn *txn, const struct store_row *rows,
                              size_t count);
enum status store_lmdb_last_key(struct store_engine_txn *txn, enum store_table table,
                                struct bytes *ret_key);
enum status store_lmdb_count(struct store_engine_txn *txn, enum store_table table,
                             uint64_t *ret_rows);
enum status store_lmdb_cursor_open(struct store_engine_txn *txn, enum store_table table,
                                   struct bytes from, struct store_cursor **ret_cursor);
enum status store_lmdb_cursor_next(struct store_cursor *cursor, struct bytes *ret_key,
                                   struct bytes *ret_value);
void store_lmdb_cursor_close(struct store_cursor *cursor);

#endif

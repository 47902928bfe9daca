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

struct store_lmdb_file;

struct store_engine_txn {
    struct store_engine *engine;
    struct store_lmdb_file *file; /* the one it began on */
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
 * An open database file. Invariants:
 * 1. `pool` holds read transactions that are reset: they have a reader slot and pin no page.
 * 2. `views` holds those that are open, each since before it pinned a page. `committed` is the last
 *    transaction that has been. All three under the engine's `lock`.
 */
struct store_lmdb_file {
    MDB_env *env;
    MDB_dbi tables[STORE_TABLES];
    struct store_engine_txn *pool;
    struct store_engine_txn *views;
    uint64_t committed;
    struct store_space space; /* under the engine's `space_lock` */
    uint64_t page_bytes;
};

/*
 * Invariants:
 * 1. `file` is changed by the writer alone, with both locks held: who holds one of them, or is the
 *    writer, may read it. A file that was replaced lives on until its last view has ended.
 * 2. `writer` belongs to whoever holds LMDB's write lock; `space_lock` comes before `lock`.
 */
struct store_engine {
    struct store_lmdb_file *file;
    pthread_mutex_t lock; /* of every file's pool, views, committed */
    struct store_engine_txn writer;
    pthread_mutex_t space_lock;
    uint64_t retry_ms; /* the reserve could not be had: not tried again before then */
    uint64_t map_bytes;
    char *folder;
};

/* The names of the two files, and of their copies while there are some; all in one folder. */
#define STORE_LMDB_DATA "data.mdb"
#define STORE_LMDB_LOCK "lock.mdb"
#define STORE_LMDB_COPY "compact.mdb"
#define STORE_LMDB_COPY_LOCK "compact.mdb-lock" /* as LMDB names it */

/* Opens, or makes, the folder's database, or with MDB_NOSUBDIR the file of that path. */
MUST_USE enum status store_lmdb_file_open(const char *path, uint64_t map_bytes, unsigned flags,
                                          struct store_lmdb_file **ret_file);
/* Nobody reads it any more. NULL is fine. */
void store_lmdb_file_close(struct store_lmdb_file *file);
/* Bytes of the file that the last commit uses. 0, or LMDB's word. */
int store_lmdb_file_used(const struct store_lmdb_file *file, uint64_t *ret_used);
/* Takes away what a killed process left of a copy. */
MUST_USE enum status store_lmdb_copy_remove(const char *folder);
/* The names in the folder are on disk. */
MUST_USE enum status store_lmdb_sync_folder(const char *path);

/* Puts a row, records at the end of their table first. LMDB's word. */
int store_lmdb_put(MDB_txn *txn, MDB_dbi table, bool at_end, struct bytes key, struct bytes value);

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
enum status store_lmdb_copy_begin(struct store_engine *engine, struct store_copy **ret_copy,
                                  uint64_t *ret_lacks);
enum status store_lmdb_copy_step(struct store_copy *copy, bool *ret_done);
enum status store_lmdb_copy_rows(struct store_copy *copy, const struct store_row *rows,
                                 size_t count);
enum status store_lmdb_copy_flush(struct store_copy *copy, bool durable);
enum status store_lmdb_copy_replace(struct store_copy *copy);
bool store_lmdb_copy_settle(struct store_copy *copy);
void store_lmdb_copy_end(struct store_copy *copy);
void store_lmdb_copy_progress(const struct store_copy *copy, uint64_t *ret_done,
                              uint64_t *ret_total);
uint64_t store_lmdb_size(struct store_engine *engine);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The store on LMDB 0.9: one named database for each table, copy-on-write, one writer. */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failpoint.h"
#include "log.h"
#include "store_backend.h"
#include "store_space.h"

enum {
    READERS_MAX = 512, /* slots in the lock file; 72 bytes each */
    FOLDER_MODE = 0700,
    FILE_MODE = 0600,
    FREE_LIST_PAGES = 16,          /* a commit's own bookkeeping */
    FREED_PER_PAGE = 256,          /* page numbers in one page of the free list, about half full */
    INLINE_VALUE_BYTES_MAX = 2000, /* larger values get pages of their own */
};

static const uint64_t map_bytes_default = (uint64_t)1 << 40;
static const char *const table_names[STORE_TABLES] = {"meta", "record", "token", "index", "access"};

struct store_engine_txn {
    struct store_engine *engine;
    MDB_txn *txn;
    bool is_write;
    bool grows;                    /* rows of contacts were put */
    uint64_t rows[STORE_TABLES];   /* written */
    uint64_t value_pages;          /* of their own, for large values */
    struct store_engine_txn *next; /* in the pool */
};

/*
 * Invariants:
 * 1. `pool` holds read transactions that are reset: they have a reader slot and pin no page.
 * 2. `writer` and `space` belong to whoever holds LMDB's write lock.
 */
struct store_engine {
    MDB_env *env;
    MDB_dbi tables[STORE_TABLES];
    pthread_mutex_t lock; /* of the pool */
    struct store_engine_txn *pool;
    struct store_engine_txn writer;
    struct store_space space;
    uint64_t page_bytes;
};

struct store_cursor {
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val value;
    int result; /* of having read the row above */
};

/* ---- LMDB's words for ours ---- */

static MDB_val
val_of(struct bytes bytes)
{
    /* LMDB takes what is only read by a pointer that is not const. */
    union {
        const void *in;
        void *out;
    } data = {.in = bytes.data};

    return (MDB_val){.mv_size = bytes.size, .mv_data = data.out};
}

static struct bytes
bytes_of_val(const MDB_val *val)
{
    return bytes_of(val->mv_data, val->mv_size);
}

/* No room: nothing that matters has been written when LMDB says so. */
static bool
is_shortage(int error)
{
    return error == MDB_MAP_FULL || error == MDB_TXN_FULL || error == ENOSPC || error == EDQUOT ||
           error == EFBIG;
}

static bool
is_corruption(int error)
{
    return error == MDB_CORRUPTED || error == MDB_PAGE_NOTFOUND || error == MDB_INVALID ||
           error == MDB_VERSION_MISMATCH || error == MDB_INCOMPATIBLE;
}

/* Logged here, once; not passed up. */
static enum status
failed(int error, int line)
{
    enum log_event event = EVENT_STORE_FAILED;
    enum status status = STATUS_UNAVAILABLE;

    if (is_shortage(error)) {
        event = EVENT_STORE_FULL;
    } else if (is_corruption(error)) {
        status = STATUS_CORRUPT;
    } else if (error == ENOMEM) {
        event = EVENT_MEMORY_SHORT;
        status = STATUS_INTERNAL;
    }
    LOG(LOG_LEVEL_ERROR, event, F("error", error), F("line", line));
    return status;
}

/* ---- opening and closing ---- */

static enum status
sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -1 : fsync(fd);
    int error = errno;

    if (fd >= 0) {
        (void)close(fd);
    }
    return result == 0 ? STATUS_OK : failed(error, __LINE__);
}

/* LMDB flushes what it writes, not the names of its files. */
static enum status
sync_names(const char *folder)
{
    enum status status = sync_folder(folder);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int parent = fd < 0 ? -1 : openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (status == STATUS_OK && (parent < 0 || fsync(parent) != 0)) {
        status = failed(errno, __LINE__);
    }
    if (parent >= 0) {
        (void)close(parent);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return status;
}

static int
open_tables(struct store_engine *engine)
{
    MDB_txn *txn = NULL;
    int error = mdb_txn_begin(engine->env, NULL, 0, &txn);

    if (error != 0) {
        return error;
    }
    for (int table = 0; table < STORE_TABLES && error == 0; table++) {
        error = mdb_dbi_open(txn, table_names[table], MDB_CREATE, &engine->tables[table]);
    }
    if (error != 0) {
        mdb_txn_abort(txn);
        return error;
    }
    return mdb_txn_commit(txn);
}

static int
open_environment(struct store_engine *engine, const struct store_options *options)
{
    /* Not MDB_NOMEMINIT: memory of the process would reach the file. */
    unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (FAILPOINT("store_skip_flush") ? MDB_NOSYNC : 0);
    uint64_t map_bytes = options->map_bytes == 0 ? map_bytes_default : options->map_bytes;
    int stale = 0;
    int error = mdb_env_create(&engine->env);

    if (error == 0) {
        error = mdb_env_set_maxdbs(engine->env, STORE_TABLES);
    }
    if (error == 0) {
        error = mdb_env_set_maxreaders(engine->env, READERS_MAX);
    }
    if (error == 0) {
        error = mdb_env_set_mapsize(engine->env, map_bytes);
    }
    if (error == 0) {
        error = mdb_env_open(engine->env, options->folder, flags, FILE_MODE);
    }
    if (error == 0) {
        /* Slots of a killed process would pin pages for ever. */
        error = mdb_reader_check(engine->env, &stale);
    }
    return error;
}

/* A file cut short would end the process with SIGBUS at the first page that is not there. */
static enum status
check_size(struct store_engine *engine)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat about;
    int fd = -1;
    int error = mdb_env_info(engine->env, &info);

    if (error == 0) {
        error = mdb_env_stat(engine->env, &stat);
    }
    if (error == 0) {
        error = mdb_env_get_fd(engine->env, &fd);
    }
    if (error == 0 && fstat(fd, &about) != 0) {
        error = errno;
    }
    if (error != 0) {
        return failed(error, __LINE__);
    }
    engine->page_bytes = stat.ms_psize;
    if ((uint64_t)about.st_size < ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize) {
        return failed(MDB_CORRUPTED, __LINE__);
    }
    store_space_init(&engine->space, fd, info.me_mapsize);
    return STATUS_OK;
}

static void
lmdb_close(struct store_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    while (engine->pool != NULL) {
        struct store_engine_txn *next = engine->pool->next;

        mdb_txn_abort(engine->pool->txn);
        free(engine->pool);
        engine->pool = next;
    }
    if (engine->env != NULL) {
        mdb_env_close(engine->env);
    }
    (void)pthread_mutex_destroy(&engine->lock);
    free(engine);
}

static enum status
lmdb_open(const struct store_options *options, struct store_engine **ret_engine)
{
    struct store_engine *engine = calloc(1, sizeof *engine);
    enum status status;
    int error;

    if (engine == NULL) {
        return STATUS_INTERNAL;
    }
    (void)pthread_mutex_init(&engine->lock, NULL);
    error = mkdir(options->folder, FOLDER_MODE) != 0 && errno != EEXIST ? errno : 0;
    if (error == 0) {
        error = open_environment(engine, options);
    }
    status = error == 0 ? check_size(engine) : failed(error, __LINE__);
    if (status == STATUS_OK) {
        error = open_tables(engine);
        status = error == 0 ? sync_names(options->folder) : failed(error, __LINE__);
    }
    if (status == STATUS_OK) {
        *ret_engine = engine;
        engine = NULL;
    }
    lmdb_close(engine);
    return status;
}

/* ---- transactions ---- */

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
    return error == MDB_READERS_FULL ? STATUS_BUSY : failed(error, __LINE__);
}

static enum status
lmdb_begin(struct store_engine *engine, bool write, struct store_engine_txn **ret_txn)
{
    MDB_txn *txn = NULL;
    int error;

    if (!write) {
        return begin_view(engine, ret_txn);
    }
    error = mdb_txn_begin(engine->env, NULL, 0, &txn);
    if (error != 0) {
        return failed(error, __LINE__);
    }
    engine->writer = (struct store_engine_txn){.engine = engine, .txn = txn, .is_write = true};
    *ret_txn = &engine->writer;
    return STATUS_OK;
}

static void
lmdb_end(struct store_engine_txn *txn)
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
    lmdb_end(txn);
    return pages;
}

/* At most these pages are written: a leaf and a split for each row, the branches above, the rest.
 */
static int
count_pages(const struct store_engine_txn *txn, uint64_t *ret_pages)
{
    uint64_t pages = FREE_LIST_PAGES + txn->value_pages;

    for (int table = 0; table < STORE_TABLES; table++) {
        MDB_stat stat;
        uint64_t branches;
        int error = mdb_stat(txn->txn, txn->engine->tables[table], &stat);

        if (error != 0) {
            return error;
        }
        branches = txn->rows[table] * stat.ms_depth;
        pages += 2 * txn->rows[table];
        pages += branches < stat.ms_branch_pages ? branches : stat.ms_branch_pages;
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

static enum status
lmdb_commit(struct store_engine_txn *txn)
{
    struct store_engine *engine = txn->engine;
    enum status status;
    int error;

    if (!has_space(txn)) {
        mdb_txn_abort(txn->txn);
        return failed(ENOSPC, __LINE__);
    }
    error = mdb_txn_commit(txn->txn);
    if (error == 0) {
        return STATUS_OK;
    }
    status = failed(error, __LINE__);
    return is_shortage(error) && is_usable(engine) ? status : STATUS_INTERNAL;
}

/* ---- rows ---- */

static enum status
lmdb_get_many(struct store_engine_txn *txn, enum store_table table, const struct bytes *keys,
              size_t count, struct bytes *ret_values)
{
    MDB_dbi dbi = txn->engine->tables[table];

    for (size_t i = 0; i < count; i++) {
        MDB_val key = val_of(keys[i]);
        MDB_val value;
        int error = mdb_get(txn->txn, dbi, &key, &value);

        if (error != 0 && error != MDB_NOTFOUND) {
            return failed(error, __LINE__);
        }
        ret_values[i] = error == 0 ? bytes_of_val(&value) : bytes_of(NULL, 0);
    }
    return STATUS_OK;
}

static bool
is_contact(enum store_table table)
{
    return table == STORE_RECORD || table == STORE_TOKEN || table == STORE_INDEX;
}

/* Records come in the order of their row numbers: appended, a page is filled before the next. */
static int
put_row(struct store_engine_txn *txn, const struct store_row *row)
{
    MDB_dbi dbi = txn->engine->tables[row->table];
    MDB_val key = val_of(row->key);
    MDB_val value = val_of(row->value);
    int error = MDB_KEYEXIST;

    txn->grows |= is_contact(row->table);
    if (row->value.size > INLINE_VALUE_BYTES_MAX) {
        txn->value_pages += row->value.size / txn->engine->page_bytes + 2;
    }
    if (row->table == STORE_RECORD) {
        error = mdb_put(txn->txn, dbi, &key, &value, MDB_APPEND);
    }
    return error == MDB_KEYEXIST ? mdb_put(txn->txn, dbi, &key, &value, 0) : error;
}

static int
delete_row(struct store_engine_txn *txn, const struct store_row *row)
{
    MDB_val key = val_of(row->key);
    int error = mdb_del(txn->txn, txn->engine->tables[row->table], &key, NULL);

    return error == MDB_NOTFOUND ? 0 : error;
}

static enum status
lmdb_apply(struct store_engine_txn *txn, const struct store_row *rows, size_t count)
{
    int error = 0;

    for (size_t i = 0; i < count && error == 0; i++) {
        error = rows[i].value.data == NULL ? delete_row(txn, &rows[i]) : put_row(txn, &rows[i]);
        txn->rows[rows[i].table]++;
    }
    return error == 0 ? STATUS_OK : failed(error, __LINE__);
}

static enum status
lmdb_last_key(struct store_engine_txn *txn, enum store_table table, struct bytes *ret_key)
{
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    int error = mdb_cursor_open(txn->txn, txn->engine->tables[table], &cursor);

    if (error == 0) {
        error = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
        mdb_cursor_close(cursor);
    }
    if (error == 0) {
        *ret_key = bytes_of_val(&key);
        return STATUS_OK;
    }
    return error == MDB_NOTFOUND ? STATUS_NOT_FOUND : failed(error, __LINE__);
}

/* ---- scanning ---- */

static enum status
lmdb_cursor_open(struct store_engine_txn *txn, enum store_table table, struct bytes from,
                 struct store_cursor **ret_cursor)
{
    struct store_cursor *cursor = calloc(1, sizeof *cursor);
    int error;

    if (cursor == NULL) {
        return STATUS_INTERNAL;
    }
    error = mdb_cursor_open(txn->txn, txn->engine->tables[table], &cursor->cursor);
    if (error != 0) {
        free(cursor);
        return failed(error, __LINE__);
    }
    cursor->key = val_of(from);
    cursor->result = mdb_cursor_get(cursor->cursor, &cursor->key, &cursor->value,
                                    from.size == 0 ? MDB_FIRST : MDB_SET_RANGE);
    *ret_cursor = cursor;
    return STATUS_OK;
}

static enum status
lmdb_cursor_next(struct store_cursor *cursor, struct bytes *ret_key, struct bytes *ret_value)
{
    if (cursor->result == MDB_NOTFOUND) {
        return STATUS_NOT_FOUND;
    }
    if (cursor->result != 0) {
        return failed(cursor->result, __LINE__);
    }
    *ret_key = bytes_of_val(&cursor->key);
    *ret_value = bytes_of_val(&cursor->value);
    cursor->result = mdb_cursor_get(cursor->cursor, &cursor->key, &cursor->value, MDB_NEXT);
    return STATUS_OK;
}

static void
lmdb_cursor_close(struct store_cursor *cursor)
{
    mdb_cursor_close(cursor->cursor);
    free(cursor);
}

const struct store_backend store_lmdb_backend = {
    .open = lmdb_open,
    .close = lmdb_close,
    .begin = lmdb_begin,
    .end = lmdb_end,
    .commit = lmdb_commit,
    .get_many = lmdb_get_many,
    .apply = lmdb_apply,
    .last_key = lmdb_last_key,
    .cursor_open = lmdb_cursor_open,
    .cursor_next = lmdb_cursor_next,
    .cursor_close = lmdb_cursor_close,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packed copy of the database, which then takes its place. It is a file beside the first, of
 * another name and with a lock file of its own, so that LMDB never has one file open twice; both
 * are renamed within their folder. Until then it is worth nothing: nothing of it is flushed before
 * its time, and what a killed process left is removed at the next opening.
 */
#include "store_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "clock.h"
#include "failpoint.h"
#include "store_writes.h"

enum {
    PATH_BYTES = 4096,
    STEP_MS = 20,             /* of copying; a file that is not in memory is read meanwhile */
    STEP_BYTES = 1024 * 1024, /* then it is committed, so that little waits in memory */
    LOOK_ROWS = 32,           /* so often at the clock */
    ROWS_AT_ONCE = 256,
    PAGES_OF_ROW = 6,               /* a leaf, a split, the branches above */
    PAGES_OF_STEP = 1024,           /* of rows that come in order, and the large ones' */
    FLUSH_BYTES = 4 * 1024 * 1024,  /* a flush of more would hold up the others' */
    SPARE_BYTES = 16 * 1024 * 1024, /* of the disk, left to everybody else */
    BATCH_BYTES = ROWS_AT_ONCE * PAGES_OF_ROW * 4096,
};

struct store_copy {
    struct store_engine *engine;
    struct store_lmdb_file *file;
    struct store_lmdb_file *old; /* once it was replaced, until its last view has ended */
    bool replaced;
    int table; /* being copied; its rows up to `last` are */
    uint8_t last[STORE_KEY_BYTES_MAX];
    size_t last_size; /* 0: none yet */
    uint64_t unflushed;
    uint64_t done; /* rows */
    uint64_t total;
};

/* ---- names ---- */

static bool
make_path(const char *folder, const char *name, char ret_path[static PATH_BYTES])
{
    int size = snprintf(ret_path, PATH_BYTES, "%s/%s", folder, name);

    return size > 0 && size < PATH_BYTES;
}

static enum status
remove_name(const char *folder, const char *name)
{
    char path[PATH_BYTES];

    if (!make_path(folder, name, path)) {
        return STATUS_UNAVAILABLE;
    }
    return unlink(path) == 0 || errno == ENOENT ? STATUS_OK : store_lmdb_failed(errno, __LINE__);
}

enum status
store_lmdb_copy_remove(const char *folder)
{
    enum status status = remove_name(folder, STORE_LMDB_COPY);
    enum status lock_status = remove_name(folder, STORE_LMDB_COPY_LOCK);

    return status == STATUS_OK ? lock_status : status;
}

static enum status
rename_name(const char *folder, const char *from, const char *to)
{
    char old_path[PATH_BYTES];
    char new_path[PATH_BYTES];

    if (!make_path(folder, from, old_path) || !make_path(folder, to, new_path)) {
        return STATUS_UNAVAILABLE;
    }
    return rename(old_path, new_path) == 0 ? STATUS_OK : store_lmdb_failed(errno, __LINE__);
}

/* ---- room ---- */

static bool
disk_has(const struct store_engine *engine, uint64_t wanted, uint64_t *ret_lacks)
{
    struct statvfs disk;
    uint64_t free_bytes;

    *ret_lacks = 0;
    if (statvfs(engine->folder, &disk) != 0) {
        return false;
    }
    free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    *ret_lacks = free_bytes < wanted ? wanted - free_bytes : 0;
    return *ret_lacks == 0;
}

/* Rows, and bytes of the pages they are in: a packed copy takes no more. */
static enum status
measure(struct store_engine *engine, uint64_t *ret_rows, uint64_t *ret_bytes)
{
    struct store_engine_txn *view = NULL;
    enum status status = store_lmdb_begin(engine, false, &view);
    uint64_t pages = 0;
    uint64_t rows = 0;
    int error = 0;

    if (status != STATUS_OK) {
        return status;
    }
    for (int table = 0; table < STORE_TABLES && error == 0; table++) {
        MDB_stat stat = {0};

        error = mdb_stat(view->txn, view->file->tables[table], &stat);
        pages += stat.ms_leaf_pages + stat.ms_branch_pages + stat.ms_overflow_pages;
        rows += stat.ms_entries;
    }
    *ret_rows = rows;
    *ret_bytes = pages * view->file->page_bytes;
    store_lmdb_end(view);
    return error == 0 ? STATUS_OK : store_lmdb_failed(error, __LINE__);
}

/* Blocks for what is written next; and others find some still when they need them. */
static enum status
make_room(struct store_copy *copy, uint64_t pages)
{
    struct store_lmdb_file *file = copy->file;
    uint64_t used = 0;
    uint64_t lacks = 0;
    int error = store_lmdb_file_used(file, &used);

    if (error != 0) {
        return store_lmdb_failed(error, __LINE__);
    }
    if (!store_space_ensure(&file->space, used, pages * file->page_bytes, STORE_WRITES_CONTACTS) ||
        !disk_has(copy->engine, SPARE_BYTES / 2, &lacks)) {
        return store_lmdb_failed(ENOSPC, __LINE__);
    }
    return STATUS_OK;
}

/* ---- beginning and ending ---- */

enum status
store_lmdb_copy_begin(struct store_engine *engine, struct store_copy **ret_copy,
                      uint64_t *ret_lacks)
{
    struct store_copy *copy = calloc(1, sizeof *copy);
    char path[PATH_BYTES];
    uint64_t bytes = 0;
    enum status status = copy == NULL ? STATUS_INTERNAL : STATUS_OK;

    *ret_lacks = 0;
    if (status == STATUS_OK) {
        copy->engine = engine;
        status = measure(engine, &copy->total, &bytes);
    }
    if (status == STATUS_OK) {
        bytes += store_space_left(&engine->file->space) + BATCH_BYTES + SPARE_BYTES;
        status = disk_has(engine, bytes, ret_lacks) ? STATUS_OK : STATUS_UNAVAILABLE;
    }
    if (status == STATUS_OK) {
        status = make_path(engine->folder, STORE_LMDB_COPY, path)
                     ? store_lmdb_copy_remove(engine->folder)
                     : STATUS_UNAVAILABLE;
    }
    if (status == STATUS_OK) {
        status =
            store_lmdb_file_open(path, engine->map_bytes, MDB_NOSUBDIR | MDB_NOSYNC, &copy->file);
    }
    if (status != STATUS_OK) {
        store_lmdb_copy_end(copy);
        return status;
    }
    CRASH_POINT("store_compact_begun");
    *ret_copy = copy;
    return STATUS_OK;
}

void
store_lmdb_copy_end(struct store_copy *copy)
{
    if (copy == NULL) {
        return;
    }
    store_lmdb_file_close(copy->old);
    if (!copy->replaced) {
        store_lmdb_file_close(copy->file);
        (void)!store_lmdb_copy_remove(copy->engine->folder);
    }
    free(copy);
}

/* ---- copying ---- */

static enum status
begin_both(struct store_copy *copy, struct store_engine_txn **ret_view, MDB_txn **ret_txn)
{
    enum status status = store_lmdb_begin(copy->engine, false, ret_view);
    int error;

    if (status != STATUS_OK) {
        return status;
    }
    error = mdb_txn_begin(copy->file->env, NULL, 0, ret_txn);
    if (error != 0) {
        store_lmdb_end(*ret_view);
        return store_lmdb_failed(error, __LINE__);
    }
    return STATUS_OK;
}

static enum status
end_both(struct store_engine_txn *view, MDB_txn *txn, enum status status)
{
    int error = 0;

    store_lmdb_end(view);
    if (status == STATUS_OK) {
        error = mdb_txn_commit(txn);
    } else {
        mdb_txn_abort(txn);
    }
    return error == 0 ? status : store_lmdb_failed(error, __LINE__);
}

/* LMDB itself takes longer keys and values: whoever edited the file may have put some. */
static enum status
copy_row(struct store_copy *copy, MDB_txn *txn, struct bytes key, struct bytes value)
{
    int error = MDB_CORRUPTED;

    if (key.size <= STORE_KEY_BYTES_MAX && value.size <= STORE_VALUE_BYTES_MAX) {
        error = store_lmdb_put(txn, copy->file->tables[copy->table], true, key, value);
    }
    if (error != 0) {
        return store_lmdb_failed(error, __LINE__);
    }
    memcpy(copy->last, key.data, key.size);
    copy->last_size = key.size;
    copy->done++;
    return STATUS_OK;
}

/* From behind the last row copied; NOT_FOUND behind the table's last. */
static enum status
copy_some(struct store_copy *copy, struct store_engine_txn *view, MDB_txn *txn, uint64_t *ret_bytes)
{
    const struct bytes last = bytes_of(copy->last, copy->last_size);
    struct store_cursor *cursor = NULL;
    uint64_t until_ms = clock_monotonic_ms() + STEP_MS;
    enum status status = store_lmdb_cursor_open(view, (enum store_table)copy->table, last, &cursor);

    *ret_bytes = 0;
    for (uint64_t rows = 0; status == STATUS_OK && *ret_bytes < STEP_BYTES; rows++) {
        struct bytes key;
        struct bytes value;

        if (rows % LOOK_ROWS == LOOK_ROWS - 1 && clock_monotonic_ms() >= until_ms) {
            break;
        }
        status = store_lmdb_cursor_next(cursor, &key, &value);
        if (status == STATUS_OK && (rows > 0 || !bytes_equal(key, last))) {
            status = copy_row(copy, txn, key, value);
            *ret_bytes += key.size + value.size;
        }
    }
    if (cursor != NULL) {
        store_lmdb_cursor_close(cursor);
    }
    return status;
}

enum status
store_lmdb_copy_step(struct store_copy *copy, bool *ret_done)
{
    struct store_engine_txn *view = NULL;
    MDB_txn *txn = NULL;
    uint64_t bytes = 0;
    bool table_ends;
    enum status status = make_room(copy, PAGES_OF_STEP);

    if (status == STATUS_OK) {
        status = begin_both(copy, &view, &txn);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = copy_some(copy, view, txn, &bytes);
    table_ends = status == STATUS_NOT_FOUND;
    status = end_both(view, txn, table_ends ? STATUS_OK : status);
    CRASH_POINT("store_compact_copying");
    if (status == STATUS_OK && table_ends) {
        copy->table++;
        copy->last_size = 0;
    }
    *ret_done = copy->table == STORE_TABLES;
    copy->unflushed += bytes;
    return status == STATUS_OK && copy->unflushed >= FLUSH_BYTES ? store_lmdb_copy_flush(copy, true)
                                                                 : status;
}

/* What it has already is not written again. */
static int
write_row(MDB_txn *txn, MDB_dbi table, struct bytes key, struct bytes value)
{
    union {
        const void *in;
        void *out;
    } data = {.in = key.data};
    MDB_val key_val = {.mv_size = key.size, .mv_data = data.out};
    MDB_val there;
    int error = mdb_get(txn, table, &key_val, &there);

    if (value.data == NULL) {
        return error == 0 ? mdb_del(txn, table, &key_val, NULL)
                          : (error == MDB_NOTFOUND ? 0 : error);
    }
    if (error == 0 && bytes_equal(bytes_of(there.mv_data, there.mv_size), value)) {
        return 0;
    }
    return error == 0 || error == MDB_NOTFOUND ? store_lmdb_put(txn, table, false, key, value)
                                               : error;
}

/* What the scan has not come to, it will find as it is then. */
static bool
is_passed(const struct store_copy *copy, const struct store_row *row)
{
    if ((int)row->table != copy->table) {
        return (int)row->table < copy->table;
    }
    return store_writes_compare(row->key, bytes_of(copy->last, copy->last_size)) <= 0;
}

static enum status
copy_batch(struct store_copy *copy, const struct store_row *rows, size_t count)
{
    struct store_engine_txn *view = NULL;
    MDB_txn *txn = NULL;
    enum status status = make_room(copy, (uint64_t)ROWS_AT_ONCE * PAGES_OF_ROW);

    if (status == STATUS_OK) {
        status = begin_both(copy, &view, &txn);
    }
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct bytes value = rows[i].value;
        int error;

        if (!is_passed(copy, &rows[i])) {
            continue;
        }
        if (value.data == NULL) {
            status = store_lmdb_get_many(view, rows[i].table, &rows[i].key, 1, &value);
        }
        if (status == STATUS_OK) {
            error = write_row(txn, copy->file->tables[rows[i].table], rows[i].key, value);
            status = error == 0 ? STATUS_OK : store_lmdb_failed(error, __LINE__);
        }
    }
    return end_both(view, txn, status);
}

enum status
store_lmdb_copy_rows(struct store_copy *copy, const struct store_row *rows, size_t count)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count && status == STATUS_OK; i += ROWS_AT_ONCE) {
        status = copy_batch(copy, rows + i, count - i < ROWS_AT_ONCE ? count - i : ROWS_AT_ONCE);
    }
    return status;
}

enum status
store_lmdb_copy_flush(struct store_copy *copy, bool durable)
{
    int error;

    if (!durable) {
        /* A help, for the flush to come finds less to do; but the kernel tells an error of the disk
         * to one call only, and a flush behind this one would know nothing of it. */
        error = sync_file_range(copy->file->space.fd, 0, 0,
                                SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                                    SYNC_FILE_RANGE_WAIT_AFTER);
        return error == 0 ? STATUS_OK : store_lmdb_failed(errno, __LINE__);
    }
    error = mdb_env_sync(copy->file->env, 1);
    copy->unflushed = 0;
    return error == 0 ? STATUS_OK : store_lmdb_failed(error, __LINE__);
}

/* ---- taking its place ---- */

/* On disk, with the reserve that every database has and no block more. */
static enum status
finish(struct store_copy *copy)
{
    struct store_lmdb_file *file = copy->file;
    MDB_envinfo info;
    uint64_t used = 0;
    int error = store_lmdb_file_used(file, &used);

    if (error == 0) {
        error = mdb_env_info(file->env, &info);
    }
    if (error != 0) {
        return store_lmdb_failed(error, __LINE__);
    }
    store_space_trim(&file->space, used);
    error = mdb_env_sync(file->env, 1);
    if (error == 0 && !FAILPOINT("store_skip_flush")) {
        error = mdb_env_set_flags(file->env, MDB_NOSYNC, 0);
    }
    file->committed = info.me_last_txnid;
    return error == 0 ? STATUS_OK : store_lmdb_failed(error, __LINE__);
}

/* From here on a restart may find the copy. */
static enum status
take_names(const char *folder)
{
    enum status status = rename_name(folder, STORE_LMDB_COPY, STORE_LMDB_DATA);

    if (status != STATUS_OK) {
        return STATUS_UNAVAILABLE;
    }
    CRASH_POINT("store_compact_renamed");
    /* Who looks into the database from outside (mdb_stat) finds the lock that belongs to it. The
     * vault itself makes a new one at its next start. */
    (void)!rename_name(folder, STORE_LMDB_COPY_LOCK, STORE_LMDB_LOCK);
    CRASH_POINT("store_compact_lock_renamed");
    return store_lmdb_sync_folder(folder) == STATUS_OK ? STATUS_OK : STATUS_INTERNAL;
}

enum status
store_lmdb_copy_replace(struct store_copy *copy)
{
    struct store_engine *engine = copy->engine;
    enum status status = finish(copy);

    CRASH_POINT("store_compact_flushed");
    if (status != STATUS_OK) {
        return STATUS_UNAVAILABLE; /* of whatever kind: no name has changed */
    }
    status = take_names(engine->folder);
    if (status != STATUS_OK && status != STATUS_INTERNAL) {
        return STATUS_UNAVAILABLE;
    }
    CRASH_POINT("store_compact_synced");
    (void)pthread_mutex_lock(&engine->space_lock);
    (void)pthread_mutex_lock(&engine->lock);
    copy->old = engine->file;
    engine->file = copy->file;
    engine->retry_ms = 0;
    copy->replaced = true;
    (void)pthread_mutex_unlock(&engine->lock);
    (void)pthread_mutex_unlock(&engine->space_lock);
    return status;
}

bool
store_lmdb_copy_settle(struct store_copy *copy)
{
    struct store_engine *engine = copy->engine;
    struct store_lmdb_file *old = NULL;
    bool settled;

    (void)pthread_mutex_lock(&engine->lock);
    if (copy->old != NULL && copy->old->views == NULL) {
        old = copy->old;
        copy->old = NULL;
    }
    settled = copy->old == NULL;
    (void)pthread_mutex_unlock(&engine->lock);
    store_lmdb_file_close(old);
    return settled;
}

void
store_lmdb_copy_progress(const struct store_copy *copy, uint64_t *ret_done, uint64_t *ret_total)
{
    *ret_total = copy->total;
    *ret_done = copy->done < copy->total ? copy->done : copy->total;
}

uint64_t
store_lmdb_size(struct store_engine *engine)
{
    uint64_t size;

    (void)pthread_mutex_lock(&engine->space_lock);
    size = store_space_size(&engine->file->space);
    (void)pthread_mutex_unlock(&engine->space_lock);
    return size;
}

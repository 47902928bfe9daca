/* SPDX-License-Identifier: Apache-2.0 */
/* The store on LMDB 0.9: one named database for each table, copy-on-write, one writer. */
#include "store_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failpoint.h"
#include "log.h"

enum {
    READERS_MAX = 512, /* slots in the lock file; 72 bytes each */
    FOLDER_MODE = 0700,
    FILE_MODE = 0600,
};

#ifdef __SANITIZE_THREAD__
static const uint64_t map_bytes_default = (uint64_t)1 << 34; /* its shadow has no room for more */
#else
static const uint64_t map_bytes_default = (uint64_t)1 << 40;
#endif
static const char *const table_names[STORE_TABLES] = {"meta", "record", "token", "index", "access"};

bool
store_lmdb_is_shortage(int error)
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

enum status
store_lmdb_failed(int error, int line)
{
    enum log_event event = EVENT_STORE_FAILED;
    enum status status = STATUS_UNAVAILABLE;

    if (store_lmdb_is_shortage(error)) {
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

enum status
store_lmdb_sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -1 : fsync(fd);
    int error = errno;

    if (fd >= 0) {
        (void)close(fd);
    }
    return result == 0 ? STATUS_OK : store_lmdb_failed(error, __LINE__);
}

/* LMDB flushes what it writes, not the names of its files. */
static enum status
sync_names(const char *folder)
{
    enum status status = store_lmdb_sync_folder(folder);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int parent = fd < 0 ? -1 : openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (status == STATUS_OK && (parent < 0 || fsync(parent) != 0)) {
        status = store_lmdb_failed(errno, __LINE__);
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
open_tables(struct store_lmdb_file *file)
{
    MDB_txn *txn = NULL;
    int error = mdb_txn_begin(file->env, NULL, 0, &txn);

    if (error != 0) {
        return error;
    }
    for (int table = 0; table < STORE_TABLES && error == 0; table++) {
        error = mdb_dbi_open(txn, table_names[table], MDB_CREATE, &file->tables[table]);
    }
    if (error != 0) {
        mdb_txn_abort(txn);
        return error;
    }
    return mdb_txn_commit(txn);
}

static int
open_environment(struct store_lmdb_file *file, const char *path, uint64_t map_bytes, unsigned flags)
{
    int stale = 0;
    int error = mdb_env_create(&file->env);

    /* Not MDB_NOMEMINIT: memory of the process would reach the file. */
    flags |= MDB_NOTLS | MDB_NORDAHEAD | (FAILPOINT("store_skip_flush") ? MDB_NOSYNC : 0);
    if (error == 0) {
        error = mdb_env_set_maxdbs(file->env, STORE_TABLES);
    }
    if (error == 0) {
        error = mdb_env_set_maxreaders(file->env, READERS_MAX);
    }
    if (error == 0) {
        error = mdb_env_set_mapsize(file->env, map_bytes);
    }
    if (error == 0) {
        error = mdb_env_open(file->env, path, flags, FILE_MODE);
    }
    if (error == 0) {
        /* Slots of a killed process would pin pages for ever. */
        error = mdb_reader_check(file->env, &stale);
    }
    return error;
}

/* A file cut short would end the process with SIGBUS at the first page that is not there. */
static enum status
check_size(struct store_lmdb_file *file)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat about;
    int fd = -1;
    int error = mdb_env_info(file->env, &info);

    if (error == 0) {
        error = mdb_env_stat(file->env, &stat);
    }
    if (error == 0) {
        error = mdb_env_get_fd(file->env, &fd);
    }
    if (error == 0 && fstat(fd, &about) != 0) {
        error = errno;
    }
    if (error != 0) {
        return store_lmdb_failed(error, __LINE__);
    }
    file->page_bytes = stat.ms_psize;
    file->committed = info.me_last_txnid;
    if ((uint64_t)about.st_size < ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize) {
        return store_lmdb_failed(MDB_CORRUPTED, __LINE__);
    }
    store_space_init(&file->space, fd, info.me_mapsize);
    return STATUS_OK;
}

void
store_lmdb_file_close(struct store_lmdb_file *file)
{
    if (file == NULL) {
        return;
    }
    while (file->pool != NULL) {
        struct store_engine_txn *next = file->pool->next;

        mdb_txn_abort(file->pool->txn);
        free(file->pool);
        file->pool = next;
    }
    if (file->env != NULL) {
        mdb_env_close(file->env);
    }
    free(file);
}

enum status
store_lmdb_file_open(const char *path, uint64_t map_bytes, unsigned flags,
                     struct store_lmdb_file **ret_file)
{
    struct store_lmdb_file *file = calloc(1, sizeof *file);
    enum status status;
    int error;

    if (file == NULL) {
        return STATUS_INTERNAL;
    }
    error = open_environment(file, path, map_bytes, flags);
    status = error == 0 ? check_size(file) : store_lmdb_failed(error, __LINE__);
    if (status == STATUS_OK) {
        error = open_tables(file);
        status = error == 0 ? STATUS_OK : store_lmdb_failed(error, __LINE__);
    }
    if (status == STATUS_OK) {
        *ret_file = file;
        file = NULL;
    }
    store_lmdb_file_close(file);
    return status;
}

static void
lmdb_close(struct store_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    store_lmdb_file_close(engine->file);
    (void)pthread_mutex_destroy(&engine->space_lock);
    (void)pthread_mutex_destroy(&engine->lock);
    free(engine->folder);
    free(engine);
}

static enum status
lmdb_open(const struct store_options *options, struct store_engine **ret_engine)
{
    struct store_engine *engine = calloc(1, sizeof *engine);
    enum status status = STATUS_INTERNAL;

    if (engine == NULL) {
        return STATUS_INTERNAL;
    }
    (void)pthread_mutex_init(&engine->lock, NULL);
    (void)pthread_mutex_init(&engine->space_lock, NULL);
    engine->map_bytes = options->map_bytes == 0 ? map_bytes_default : options->map_bytes;
    engine->folder = strdup(options->folder);
    if (engine->folder != NULL) {
        status = mkdir(options->folder, FOLDER_MODE) != 0 && errno != EEXIST
                     ? store_lmdb_failed(errno, __LINE__)
                     : store_lmdb_copy_remove(options->folder);
    }
    if (status == STATUS_OK) {
        status = store_lmdb_file_open(options->folder, engine->map_bytes, 0, &engine->file);
    }
    if (status == STATUS_OK) {
        status = sync_names(options->folder);
    }
    if (status == STATUS_OK) {
        *ret_engine = engine;
        engine = NULL;
    }
    lmdb_close(engine);
    return status;
}

const struct store_backend store_lmdb_backend = {
    .open = lmdb_open,
    .close = lmdb_close,
    .begin = store_lmdb_begin,
    .end = store_lmdb_end,
    .commit = store_lmdb_commit,
    .keep_reserve = store_lmdb_keep_reserve,
    .get_many = store_lmdb_get_many,
    .apply = store_lmdb_apply,
    .append = store_lmdb_append,
    .last_key = store_lmdb_last_key,
    .count = store_lmdb_count,
    .cursor_open = store_lmdb_cursor_open,
    .cursor_next = store_lmdb_cursor_next,
    .cursor_close = store_lmdb_cursor_close,
    .copy_begin = store_lmdb_copy_begin,
    .copy_step = store_lmdb_copy_step,
    .copy_rows = store_lmdb_copy_rows,
    .copy_flush = store_lmdb_copy_flush,
    .copy_replace = store_lmdb_copy_replace,
    .copy_settle = store_lmdb_copy_settle,
    .copy_end = store_lmdb_copy_end,
    .copy_progress = store_lmdb_copy_progress,
    .size = store_lmdb_size,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S36 "the database file holds no page of what was erased", for the store. */
/* Compaction beside writers, readers, full disks and kill -9: the store is the same before and
 * after, but for its free pages. */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_backend.h"
#include "store_disk.h"
#include "store_faulty.h"
#include "store_folder.h"
#include "store_sync.h"

enum {
    MAP_BYTES = 1 << 30,
    VALUE_BYTES = 300,
    KEY_BYTES = 16,
    MIB = 1 << 20,
    DISK_BYTES = 128 * MIB,
    SKIPPED = 77,
    CRASHED = 86,
    CALLS_MAX = 200,
};

static struct store *
open_store(const char *path)
{
    const struct store_options options = {.folder = path, .map_bytes = MAP_BYTES};
    struct store *store = NULL;

    assert_int_equal(store_open(&options, &store), STATUS_OK);
    return store;
}

/* ---- rows: each has its number in it, and a mark that says which of its values it is ---- */

struct span {
    uint64_t from;
    uint64_t count;
    uint64_t mark;  /* 0: deleted */
    uint64_t every; /* only each so many-th */
};

/* Not in the order of the numbers, as tokens are not. */
static struct bytes
key_of(uint64_t number, uint8_t ret_key[static KEY_BYTES])
{
    put_u64(ret_key, number * UINT64_C(0x9e3779b97f4a7c15));
    put_u64(ret_key + 8, number);
    return bytes_of(ret_key, KEY_BYTES);
}

static enum status
write_row(struct store_txn *txn, uint64_t number, uint64_t mark)
{
    uint8_t key_bytes[KEY_BYTES];
    uint8_t row[8];
    uint8_t value[VALUE_BYTES];
    struct bytes token = key_of(number, key_bytes);
    struct bytes record;
    enum status status;

    put_u64(row, number);
    record = bytes_of(row, sizeof row);
    if (mark == 0) {
        status = store_delete_many(txn, STORE_RECORD, &record, 1);
        return status == STATUS_OK ? store_delete_many(txn, STORE_TOKEN, &token, 1) : status;
    }
    memset(value, (int)(number & 0xff), sizeof value);
    put_u64(value, mark);
    put_u64(value + 8, number);
    status = store_put(txn, STORE_RECORD, STORE_REPLACE, record, bytes_of(value, sizeof value));
    return status == STATUS_OK
               ? store_put(txn, STORE_TOKEN, STORE_REPLACE, token, bytes_of(value, 16))
               : status;
}

static enum status
write_step(struct store_txn *txn, void *state)
{
    const struct span *span = state;
    enum status status = STATUS_OK;

    for (uint64_t i = 0; i < span->count && status == STATUS_OK; i++) {
        if ((span->from + i) % span->every == 0) {
            status = write_row(txn, span->from + i, span->mark);
        }
    }
    return status;
}

/* In steps of 2,000. */
static void
write_rows(struct store *store, struct span span)
{
    enum { AT_ONCE = 2000 };
    uint64_t end = span.from + span.count;

    span.every = span.every == 0 ? 1 : span.every;
    for (; span.from < end; span.from += AT_ONCE) {
        span.count = end - span.from < AT_ONCE ? end - span.from : AT_ONCE;
        assert_int_equal(store_update(store, write_step, &span), STATUS_OK);
    }
}

/* The row's mark in both tables, 0 where it is in none, UINT64_MAX where they differ. */
static uint64_t
mark_of(struct store_txn *txn, uint64_t number)
{
    uint8_t key_bytes[KEY_BYTES];
    uint8_t row[8];
    struct bytes record = {0};
    struct bytes token = {0};
    enum status status;

    put_u64(row, number);
    status = store_get(txn, STORE_RECORD, bytes_of(row, sizeof row), &record);
    if (store_get(txn, STORE_TOKEN, key_of(number, key_bytes), &token) != status) {
        return UINT64_MAX;
    }
    if (status == STATUS_NOT_FOUND) {
        return 0;
    }
    return status == STATUS_OK && record.size == VALUE_BYTES && token.size == 16 &&
                   memcmp(record.data, token.data, 16) == 0 && get_u64(record.data + 8) == number
               ? get_u64(record.data)
               : UINT64_MAX;
}

struct expected {
    const uint64_t *marks; /* of rows 1 to count */
    uint64_t count;
    uint64_t wrong;
    uint64_t rows;
};

static enum status
count_row(void *state, struct bytes key, struct bytes value)
{
    (void)key;
    (void)value;
    ++*(uint64_t *)state;
    return STATUS_OK;
}

static enum status
check_step(struct store_txn *txn, void *state)
{
    struct expected *expected = state;
    enum status status;

    expected->wrong = expected->rows = 0;
    for (uint64_t number = 1; number <= expected->count; number++) {
        expected->wrong += mark_of(txn, number) != expected->marks[number];
    }
    status = store_scan(txn, STORE_TOKEN, (struct bytes){0}, (struct bytes){0}, count_row,
                        &expected->rows);
    return status;
}

/* What is there is just that. */
static void
check_marks(struct store *store, const uint64_t *marks, uint64_t count)
{
    struct expected expected = {.marks = marks, .count = count};
    uint64_t there = 0;

    for (uint64_t number = 1; number <= count; number++) {
        there += marks[number] != 0;
    }
    assert_int_equal(store_view(store, check_step, &expected), STATUS_OK);
    assert_int_equal(expected.wrong, 0);
    assert_int_equal(expected.rows, there);
}

static enum status
tenth_step(struct store_txn *txn, void *state)
{
    *(uint64_t *)state = mark_of(txn, 10);
    return STATUS_OK;
}

static uint64_t *
marks_new(uint64_t count)
{
    uint64_t *marks = calloc(count + 1, sizeof *marks);

    assert_non_null(marks);
    return marks;
}

static void
set_marks(uint64_t *marks, struct span span)
{
    for (uint64_t i = span.from; i < span.from + span.count; i++) {
        if (i % (span.every == 0 ? 1 : span.every) == 0) {
            marks[i] = span.mark;
        }
    }
}

static void
write_and_set(struct store *store, uint64_t *marks, struct span span)
{
    write_rows(store, span);
    set_marks(marks, span);
}

/* ---- compacting ---- */

static enum status
go_on(struct store *store)
{
    enum status status = STATUS_OK;
    bool ended = false;

    while (!ended && status == STATUS_OK) {
        status = store_compact_step(store, &ended);
    }
    return status;
}

static enum status
compact(struct store *store)
{
    uint64_t lacks;
    enum status status = store_compact_begin(store, &lacks);

    return status == STATUS_OK ? go_on(store) : status;
}

static struct store_compact_about
look(struct store *store)
{
    struct store_compact_about about;

    store_compact_look(store, &about);
    return about;
}

/* Names in the folder that begin with "compact". */
static int
leftovers(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    int count = 0;

    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        count += strncmp(entry->d_name, "compact", 7) == 0;
    }
    (void)closedir(folder);
    return count;
}

static uint64_t
file_bytes(const char *folder)
{
    char path[FOLDER_PATH_BYTES];
    struct stat about;
    struct folder where;

    (void)snprintf(where.path, sizeof where.path, "%s", folder);
    folder_file(&where, "data.mdb", path);
    assert_int_equal(stat(path, &about), 0);
    return (uint64_t)about.st_size;
}

static void
gives_space_back(void **state)
{
    enum { ROWS = 60000, LEFT_EVERY = 20 };
    struct folder folder;
    struct store *store;
    uint64_t *marks = marks_new(ROWS);
    uint64_t before;
    uint64_t changes;

    (void)state;
    folder_make(&folder);
    store = open_store(folder.path);
    write_and_set(store, marks, (struct span){.from = 1, .count = ROWS, .mark = 7});
    write_and_set(store, marks, (struct span){.from = 1, .count = ROWS});
    write_and_set(store, marks,
                  (struct span){.from = 1, .count = ROWS, .mark = 9, .every = LEFT_EVERY});
    before = file_bytes(folder.path);
    changes = store_changes(store);
    assert_int_equal(look(store).bytes, before);

    assert_int_equal(compact(store), STATUS_OK);

    /* 3,000 rows of some 400 bytes, and the reserve of 9 MiB. */
    assert_true(before > 24 * MIB);
    assert_true(file_bytes(folder.path) < 11 * MIB);
    assert_int_equal(look(store).bytes, file_bytes(folder.path));
    assert_int_equal(look(store).made, 1);
    assert_int_equal(look(store).state, STORE_COMPACT_IDLE);
    assert_int_equal(store_changes(store), changes);
    assert_true(store_keep_reserve(store));
    assert_int_equal(leftovers(folder.path), 0);
    check_marks(store, marks, ROWS);
    /* And again, with what was written since. */
    write_and_set(store, marks, (struct span){.from = 5, .count = 100, .mark = 11});
    assert_int_equal(compact(store), STATUS_OK);
    check_marks(store, marks, ROWS);
    changes = store_changes(store);
    store_close(&store);

    store = open_store(folder.path);
    assert_int_equal(store_changes(store), changes);
    assert_int_equal(look(store).made, 2);
    check_marks(store, marks, ROWS);
    write_and_set(store, marks, (struct span){.from = 1, .count = 100, .mark = 13});
    check_marks(store, marks, ROWS);
    store_close(&store);
    folder_remove(&folder);
    free(marks);
}

/* Bytes of a value that was deleted are in the file before, and not after. */
static bool
file_holds(const char *folder, struct bytes text)
{
    char path[FOLDER_PATH_BYTES];
    struct folder where;
    size_t size;
    uint8_t *data;
    bool holds;

    (void)snprintf(where.path, sizeof where.path, "%s", folder);
    folder_file(&where, "data.mdb", path);
    data = file_load(path, &size);
    holds = memmem(data, size, text.data, text.size) != NULL;
    free(data);
    return holds;
}

static void
holds_nothing_of_what_was_deleted(void **state)
{
    enum { ROWS = 4000, GONE = 1234 };
    struct folder folder;
    struct store *store;
    uint8_t gone[24];

    (void)state;
    memset(gone, GONE & 0xff, sizeof gone);
    put_u64(gone, UINT64_C(0xdecafbadcafe0001));
    put_u64(gone + 8, GONE);
    folder_make(&folder);
    store = open_store(folder.path);
    write_rows(store,
               (struct span){.from = 1, .count = ROWS, .mark = UINT64_C(0xdecafbadcafe0001)});
    write_rows(store, (struct span){.from = GONE, .count = 1});
    assert_true(file_holds(folder.path, bytes_of(gone, sizeof gone)));
    assert_int_equal(compact(store), STATUS_OK);
    assert_false(file_holds(folder.path, bytes_of(gone, sizeof gone)));
    store_close(&store);
    folder_remove(&folder);
}

/* ---- a view that began before ---- */

struct long_view {
    struct store *store;
    uint64_t before;
    uint64_t after;
};

static enum status
view_across_step(struct store_txn *txn, void *state)
{
    struct long_view *view = state;
    bool ended = false;

    view->before = mark_of(txn, 3);
    write_rows(view->store, (struct span){.from = 3, .count = 1, .mark = 55});
    while (look(view->store).state != STORE_COMPACT_WAITING) {
        assert_int_equal(store_compact_step(view->store, &ended), STATUS_OK);
        assert_false(ended);
    }
    /* On the new file. */
    write_rows(view->store, (struct span){.from = 3, .count = 1, .mark = 66});
    for (int i = 0; i < 10; i++) {
        assert_int_equal(store_compact_step(view->store, &ended), STATUS_OK);
        assert_false(ended);
    }
    view->after = mark_of(txn, 3);
    return STATUS_OK;
}

static void
a_view_goes_on_with_what_it_saw(void **state)
{
    enum { ROWS = 3000 };
    struct folder folder;
    uint64_t *marks = marks_new(ROWS);
    struct long_view view = {0};
    uint64_t lacks;

    (void)state;
    folder_make(&folder);
    view.store = open_store(folder.path);
    write_and_set(view.store, marks, (struct span){.from = 1, .count = ROWS, .mark = 44});
    assert_int_equal(store_compact_begin(view.store, &lacks), STATUS_OK);
    assert_int_equal(store_compact_begin(view.store, &lacks), STATUS_CONFLICT);
    assert_int_equal(look(view.store).state, STORE_COMPACT_COPYING);
    assert_int_equal(store_view(view.store, view_across_step, &view), STATUS_OK);
    assert_int_equal(view.before, 44);
    assert_int_equal(view.after, 44);
    marks[3] = 66;
    assert_int_equal(go_on(view.store), STATUS_OK);
    assert_int_equal(look(view.store).state, STORE_COMPACT_IDLE);
    check_marks(view.store, marks, ROWS);
    store_close(&view.store);
    view.store = open_store(folder.path);
    check_marks(view.store, marks, ROWS);
    store_close(&view.store);
    folder_remove(&folder);
    free(marks);
}

/* ---- writers and readers beside it ---- */

enum { WRITERS = 4, READERS = 2, LANE_ROWS = 4000, COMPACTIONS = 5 };

struct lane {
    struct store *store;
    uint64_t *marks; /* of all; a lane writes its own rows */
    uint64_t first;
    uint64_t acknowledged;
    atomic_bool *stopping;
};

/* Deletes every seventh time, else replaces or puts, at random within the lane. */
static void *
write_on(void *argument)
{
    struct lane *lane = argument;
    uint64_t random = lane->first * 2 + 1;

    while (!atomic_load(lane->stopping)) {
        struct span span = {.count = 1, .every = 1};

        random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
        span.from = lane->first + (random >> 33) % LANE_ROWS;
        span.mark = (random >> 20) % 7 == 0 ? 0 : lane->acknowledged + 1;
        if (store_update(lane->store, write_step, &span) != STATUS_OK) {
            return NULL;
        }
        lane->marks[span.from] = span.mark;
        lane->acknowledged++;
    }
    return lane;
}

static enum status
consistent_step(struct store_txn *txn, void *state)
{
    uint64_t *at = state;

    for (int i = 0; i < 50; i++) {
        *at = *at % ((uint64_t)WRITERS * LANE_ROWS) + 1;
        if (mark_of(txn, *at) == UINT64_MAX) {
            return STATUS_CORRUPT;
        }
    }
    return STATUS_OK;
}

static void *
read_on(void *argument)
{
    struct lane *lane = argument;
    uint64_t at = 0;

    while (!atomic_load(lane->stopping)) {
        if (store_view(lane->store, consistent_step, &at) != STATUS_OK) {
            return NULL;
        }
    }
    return lane;
}

static void
nothing_is_lost_beside_writers(void **state)
{
    enum { ROWS = WRITERS * LANE_ROWS };
    struct folder folder;
    struct store *store;
    uint64_t *marks = marks_new(ROWS);
    atomic_bool stopping = false;
    struct lane lanes[WRITERS + READERS];
    pthread_t threads[WRITERS + READERS];
    uint64_t changes;

    (void)state;
    folder_make(&folder);
    store = open_store(folder.path);
    write_and_set(store, marks, (struct span){.from = 1, .count = ROWS, .mark = 1000000});
    for (size_t i = 0; i < WRITERS + READERS; i++) {
        lanes[i] = (struct lane){
            .store = store, .marks = marks, .first = i * LANE_ROWS + 1, .stopping = &stopping};
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < WRITERS ? write_on : read_on, &lanes[i]), 0);
    }
    for (int i = 0; i < COMPACTIONS; i++) {
        assert_int_equal(compact(store), STATUS_OK);
    }
    atomic_store(&stopping, true);
    for (size_t i = 0; i < WRITERS + READERS; i++) {
        void *result = NULL;

        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
    }
    assert_int_equal(look(store).made, COMPACTIONS);
    check_marks(store, marks, ROWS);
    changes = store_changes(store);
    store_close(&store);
    store = open_store(folder.path);
    assert_int_equal(store_changes(store), changes);
    check_marks(store, marks, ROWS);
    store_close(&store);
    folder_remove(&folder);
    free(marks);
}

/* More is written than can be remembered: it gives up, and nothing has changed. */
static void
gives_up_when_too_much_is_written(void **state)
{
    enum { ROWS = 130000 };
    struct folder folder;
    struct store *store;
    uint64_t *marks = marks_new(ROWS);
    uint64_t lacks;

    (void)state;
    folder_make(&folder);
    store = open_store(folder.path);
    assert_int_equal(store_compact_begin(store, &lacks), STATUS_OK);
    write_and_set(store, marks, (struct span){.from = 1, .count = ROWS, .mark = 3});
    assert_int_equal(go_on(store), STATUS_BUSY);
    assert_int_equal(leftovers(folder.path), 0);
    assert_int_equal(look(store).made, 0);
    check_marks(store, marks, ROWS);
    assert_int_equal(compact(store), STATUS_OK);
    check_marks(store, marks, ROWS);
    store_close(&store);
    folder_remove(&folder);
    free(marks);
}

/* ---- every call of the engine fails once ---- */

/* True: the call was reached. */
static bool
compact_with_failure(uint64_t call, enum faulty_commit how)
{
    enum { ROWS = 300 };
    const struct span changed = {.from = 10, .count = 50, .mark = 2, .every = 1};
    struct folder folder;
    struct store_options options = {.folder = folder.path, .map_bytes = MAP_BYTES};
    struct store *store = NULL;
    uint64_t *marks = marks_new(ROWS);
    uint64_t lacks;
    uint64_t tenth = 0;
    enum status status;
    bool reached;

    folder_make(&folder);
    store_faulty_fail_at(0, how, false);
    assert_int_equal(store_open_with(&store_faulty_backend, &options, &store), STATUS_OK);
    write_and_set(store, marks, (struct span){.from = 1, .count = ROWS, .mark = 1});
    store_faulty_fail_at(call, how, false);
    status = store_compact_begin(store, &lacks);
    if (status == STATUS_OK) {
        struct span span = changed;

        if (store_update(store, write_step, &span) == STATUS_OK) {
            set_marks(marks, changed);
        }
        status = go_on(store);
    }
    reached = store_faulty_calls() >= call;
    store_faulty_fail_at(0, how, false);
    if (!store_failed(store)) {
        check_marks(store, marks, ROWS);
        write_and_set(store, marks, (struct span){.from = 200, .count = 3, .mark = 5});
        assert_int_equal(leftovers(folder.path), 0);
        assert_int_equal(look(store).made, status == STATUS_OK);
    }
    store_close(&store);
    store = open_store(folder.path);
    assert_int_equal(store_view(store, tenth_step, &tenth), STATUS_OK);
    if (reached && how == FAULTY_UNKNOWN_KEPT && tenth != marks[10]) {
        set_marks(marks, changed); /* a commit of which nobody knew */
    }
    check_marks(store, marks, ROWS);
    store_close(&store);
    folder_remove(&folder);
    free(marks);
    return reached;
}

static void
any_call_may_fail(void **state)
{
    const enum faulty_commit ways[] = {FAULTY_ABORTED, FAULTY_UNKNOWN_KEPT};

    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        uint64_t call = 1;

        while (call < CALLS_MAX && compact_with_failure(call, ways[i])) {
            call++;
        }
        assert_in_range(call, 10, CALLS_MAX - 1);
    }
}

static atomic_bool folder_flush_fails;

/* The folder's; files are flushed by fdatasync. */
__attribute__((visibility("default"))) int fsync(int fd);
int
fsync(int fd)
{
    if (atomic_exchange(&folder_flush_fails, false)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

static void
fail_flush(uint64_t sync, uint64_t file_syncs)
{
    enum { ROWS = 300 };
    struct folder folder;
    struct store *store;
    uint64_t *marks = marks_new(ROWS);

    folder_make(&folder);
    store = open_store(folder.path);
    write_and_set(store, marks, (struct span){.from = 1, .count = ROWS, .mark = 1});
    sync_fail_in(sync);
    atomic_store(&folder_flush_fails, sync > file_syncs);
    assert_int_not_equal(compact(store), STATUS_OK);
    sync_fail_in(0);
    assert_int_equal(store_failed(store), sync > file_syncs);
    if (sync <= file_syncs) {
        write_and_set(store, marks, (struct span){.from = 7, .count = 1, .mark = 2});
    }
    store_close(&store);
    store = open_store(folder.path);
    assert_int_equal(leftovers(folder.path), 0);
    assert_int_equal(look(store).made, sync > file_syncs);
    check_marks(store, marks, ROWS);
    store_close(&store);
    folder_remove(&folder);
    free(marks);
}

/* The flush before the change of files fails, for whatever reason: the old file goes on. That of
 * the folder behind it: nobody knows which of the two a power cut leaves, so the store stops. */
static void
a_failed_flush_stops_at_the_right_moment(void **state)
{
    enum { FILE_SYNCS = 2 };
    static const int errors[] = {EIO, ENOSPC, ENOMEM};

    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        sync_fail_with(errors[i]);
        for (uint64_t sync = 1; sync <= FILE_SYNCS; sync++) {
            fail_flush(sync, FILE_SYNCS);
        }
    }
    fail_flush(FILE_SYNCS + 1, FILE_SYNCS);
    sync_fail_with(EIO);
}

static atomic_bool write_back_fails;

/* As the kernel does it: an error of the disk is told to one call, and to no later one. */
__attribute__((visibility("default"))) int sync_file_range(int fd, off64_t from, off64_t size,
                                                           unsigned flags);
int
sync_file_range(int fd, off64_t from, off64_t size, unsigned flags)
{
    if (atomic_exchange(&write_back_fails, false)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_sync_file_range, fd, from, size, flags);
}

static struct store *written_to;
static int durable_flushes;

/* So much is written during the first flush behind the scan that the next pass is not the last. */
static enum status
write_and_flush(struct store_copy *copy, bool durable)
{
    enum { MORE_THAN_THE_LAST = 1000 };

    if (durable && durable_flushes++ == 0) {
        write_rows(written_to, (struct span){.from = 1, .count = MORE_THAN_THE_LAST, .mark = 2});
    }
    return store_lmdb_backend.copy_flush(copy, durable);
}

static void
a_failed_write_back_is_not_passed_over(void **state)
{
    enum { ROWS = 2000 };
    struct store_backend backend = store_lmdb_backend;
    struct folder folder;
    const struct store_options options = {.folder = folder.path, .map_bytes = MAP_BYTES};
    uint64_t *marks = marks_new(ROWS);

    (void)state;
    folder_make(&folder);
    backend.copy_flush = write_and_flush;
    assert_int_equal(store_open_with(&backend, &options, &written_to), STATUS_OK);
    write_and_set(written_to, marks, (struct span){.from = 1, .count = ROWS, .mark = 1});
    durable_flushes = 0;
    atomic_store(&write_back_fails, true);
    assert_int_equal(compact(written_to), STATUS_UNAVAILABLE);
    assert_false(atomic_load(&write_back_fails));
    assert_int_equal(look(written_to).made, 0);
    assert_int_equal(leftovers(folder.path), 0);
    set_marks(marks, (struct span){.from = 1, .count = 1000, .mark = 2});
    check_marks(written_to, marks, ROWS);
    store_close(&written_to);
    folder_remove(&folder);
    free(marks);
}

/* ---- rows that no store wrote ---- */

static void
plant(const char *path, size_t key_bytes, size_t value_bytes)
{
    static const uint8_t bytes[3 * STORE_VALUE_BYTES_MAX] = {1};
    const struct store_options options = {.folder = path, .map_bytes = MAP_BYTES};
    const struct store_row row = {.table = STORE_TOKEN,
                                  .key = bytes_of(bytes, key_bytes),
                                  .value = bytes_of(bytes, value_bytes)};
    struct store_engine *engine = NULL;
    struct store_engine_txn *txn = NULL;

    assert_int_equal(store_lmdb_backend.open(&options, &engine), STATUS_OK);
    assert_int_equal(store_lmdb_backend.begin(engine, true, &txn), STATUS_OK);
    assert_int_equal(store_lmdb_backend.apply(txn, &row, 1), STATUS_OK);
    assert_int_equal(store_lmdb_backend.commit(txn, false), STATUS_OK);
    store_lmdb_backend.close(engine);
}

/* A file that somebody edited may have keys as long as LMDB takes them. */
static void
a_row_of_no_size_of_ours_ends_it(void **state)
{
    enum { LMDB_KEY_BYTES_MAX = 511 };
    static const struct {
        size_t key_bytes, value_bytes;
    } planted[] = {
        {LMDB_KEY_BYTES_MAX, 16}, {STORE_KEY_BYTES_MAX + 1, 16}, {16, STORE_VALUE_BYTES_MAX + 1}};

    (void)state;
    for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++) {
        struct folder folder;
        struct store *store;
        uint64_t *marks = marks_new(100);

        folder_make(&folder);
        store = open_store(folder.path);
        store_close(&store);
        plant(folder.path, planted[i].key_bytes, planted[i].value_bytes);
        store = open_store(folder.path);
        assert_int_equal(compact(store), STATUS_CORRUPT);
        assert_int_equal(leftovers(folder.path), 0);
        write_and_set(store, marks, (struct span){.from = 1, .count = 100, .mark = 1});
        store_close(&store);
        folder_remove(&folder);
        free(marks);
    }
}

/* ---- kill -9 ---- */

enum { CRASH_ROWS = 2000 };

/* Compacts, with some rows written on the way, and says in the exit code how it ended. */
static int
role_compact(const char *path)
{
    const struct store_options options = {.folder = path, .map_bytes = MAP_BYTES};
    struct span span = {.from = 100, .count = 100, .mark = 2, .every = 1};
    struct store *store = NULL;
    uint64_t lacks;
    bool ended = false;
    enum status status = store_open(&options, &store);

    if (status == STATUS_OK) {
        status = store_compact_begin(store, &lacks);
    }
    if (status == STATUS_OK) {
        status = store_compact_step(store, &ended);
    }
    if (status == STATUS_OK) {
        status = store_update(store, write_step, &span);
    }
    if (status == STATUS_OK) {
        status = go_on(store);
    }
    store_close(&store);
    return status == STATUS_OK ? 0 : 1;
}

static void
a_kill_leaves_the_old_file_or_the_new(void **state)
{
    static const struct {
        const char *point;
        int made; /* afterwards */
    } points[] = {
        {"store_compact_begun", 0},     {"store_compact_copying=1", 0},
        {"store_compact_copying=4", 0}, {"store_compact_flushed", 0},
        {"store_compact_renamed", 1},   {"store_compact_lock_renamed", 1},
        {"store_compact_synced", 1},
    };
    struct folder folder;
    uint64_t *marks = marks_new(CRASH_ROWS);
    uint64_t changes;
    uint64_t made = 0;
    struct store *store;

    (void)state;
    folder_make(&folder);
    store = open_store(folder.path);
    write_and_set(store, marks, (struct span){.from = 1, .count = CRASH_ROWS, .mark = 1});
    write_and_set(store, marks, (struct span){.from = 500, .count = 700});
    changes = store_changes(store);
    store_close(&store);
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        assert_int_equal(run_role("compact", folder.path, points[i].point), CRASHED);
        store = open_store(folder.path);
        assert_int_equal(leftovers(folder.path), 0);
        made += (uint64_t)points[i].made;
        assert_int_equal(look(store).made, made);
        assert_true(store_changes(store) >= changes);
        changes = store_changes(store);
        /* Written by the child, unless it was killed before. */
        if (strncmp(points[i].point, "store_compact_begun", 19) != 0 &&
            strcmp(points[i].point, "store_compact_copying=1") != 0) {
            set_marks(marks, (struct span){.from = 100, .count = 100, .mark = 2});
        }
        check_marks(store, marks, CRASH_ROWS);
        write_and_set(store, marks, (struct span){.from = 100, .count = 200, .mark = i + 5});
        store_close(&store);
    }
    assert_int_equal(run_role("compact", folder.path, ""), 0);
    folder_remove(&folder);
    free(marks);
}

/* ---- a disk that is full ---- */

static struct folder disk;

static void
refuses_without_room(void **state)
{
    enum { ROWS = 60000 };
    struct store *store = open_store(disk.path);
    uint64_t *marks = marks_new(ROWS);
    uint64_t lacks = 0;

    (void)state;
    write_and_set(store, marks, (struct span){.from = 1, .count = ROWS, .mark = 1});
    write_and_set(store, marks, (struct span){.from = 1, .count = ROWS});
    write_and_set(store, marks, (struct span){.from = 1, .count = 500, .mark = 2});
    disk_fill(disk.path);
    assert_int_equal(store_compact_begin(store, &lacks), STATUS_UNAVAILABLE);
    /* Its own reserve, what it leaves to others, and little more. */
    assert_in_range(lacks, 25 * MIB, 36 * MIB);
    assert_int_equal(look(store).state, STORE_COMPACT_IDLE);
    assert_int_equal(leftovers(disk.path), 0);
    disk_empty(disk.path);
    assert_int_equal(compact(store), STATUS_OK);
    assert_true(file_bytes(disk.path) < 11 * MIB);
    check_marks(store, marks, ROWS);
    store_close(&store);
    free(marks);
}

static void
gives_up_when_the_disk_fills(void **state)
{
    enum { ROWS = 20000 };
    struct store *store = open_store(disk.path);
    uint64_t *marks = marks_new(ROWS);
    uint64_t made;
    uint64_t lacks = 0;
    bool ended = false;

    (void)state;
    write_and_set(store, marks, (struct span){.from = 1, .count = ROWS, .mark = 1});
    made = look(store).made;
    assert_int_equal(store_compact_begin(store, &lacks), STATUS_OK);
    assert_int_equal(store_compact_step(store, &ended), STATUS_OK);
    disk_fill(disk.path);
    assert_int_equal(go_on(store), STATUS_UNAVAILABLE);
    assert_int_equal(leftovers(disk.path), 0);
    assert_int_equal(look(store).made, made);
    /* What the copy had is there for the others again. */
    write_and_set(store, marks, (struct span){.from = 1, .count = 1000, .mark = 2});
    disk_empty(disk.path);
    assert_int_equal(compact(store), STATUS_OK);
    check_marks(store, marks, ROWS);
    store_close(&store);
    free(marks);
}

static int
role_disk(const char *path)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_without_room),
        cmocka_unit_test(gives_up_when_the_disk_fills),
    };

    (void)snprintf(disk.path, sizeof disk.path, "%s", path);
    return disk_mount(path, DISK_BYTES) ? cmocka_run_group_tests(tests, NULL, NULL) : SKIPPED;
}

static void
on_a_small_disk(void **state)
{
    struct folder folder;
    int code;

    (void)state;
    folder_make(&folder);
    code = run_role("disk", folder.path, "");
    folder_remove(&folder);
    if (code == SKIPPED) {
        skip();
    }
    assert_int_equal(code, 0);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_space_back),
        cmocka_unit_test(holds_nothing_of_what_was_deleted),
        cmocka_unit_test(a_view_goes_on_with_what_it_saw),
        cmocka_unit_test(nothing_is_lost_beside_writers),
        cmocka_unit_test(gives_up_when_too_much_is_written),
        cmocka_unit_test(any_call_may_fail),
        cmocka_unit_test(a_failed_flush_stops_at_the_right_moment),
        cmocka_unit_test(a_failed_write_back_is_not_passed_over),
        cmocka_unit_test(a_row_of_no_size_of_ours_ends_it),
        cmocka_unit_test(a_kill_leaves_the_old_file_or_the_new),
        cmocka_unit_test(on_a_small_disk),
    };

    if (argc == 3 && strcmp(argv[1], "compact") == 0) {
        return role_compact(argv[2]);
    }
    if (argc == 3 && strcmp(argv[1], "disk") == 0) {
        return role_disk(argv[2]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

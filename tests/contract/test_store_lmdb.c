/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S12 "what was acknowledged survives", for the store. */
/* The store and the world: kill -9, full disks and maps, failed flushes, files that are no store.
 */
#include "store.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_folder.h"
#include "store_sync.h"

enum { MAP_BYTES = 64 * 1024 * 1024, SMALL_MAP_BYTES = 2 * 1024 * 1024, VALUE_BYTES = 4000 };

/* 1 TiB, sparse; ThreadSanitizer does not always leave that much of the address space. */
#ifdef __SANITIZE_THREAD__
#define DEFAULT_MAP MAP_BYTES
#else
#define DEFAULT_MAP 0
#endif

static struct store *
open_store(const struct folder *folder, uint64_t map_bytes)
{
    struct store_options options = {.folder = folder->path, .map_bytes = map_bytes};
    struct store *store = NULL;

    assert_int_equal(store_open(&options, &store), STATUS_OK);
    return store;
}

struct numbered {
    uint64_t number;
    uint64_t count; /* rows from number on */
    size_t value_bytes;
};

/* Puts each number into two tables. */
static enum status
put_step(struct store_txn *txn, void *state)
{
    static const uint8_t value[VALUE_BYTES];
    const struct numbered *rows = state;
    enum status status = STATUS_OK;

    for (uint64_t i = 0; i < rows->count && status == STATUS_OK; i++) {
        uint8_t bytes[8];
        struct bytes key = bytes_of(bytes, sizeof bytes);

        put_u64(bytes, rows->number + i);
        status =
            store_put(txn, STORE_RECORD, STORE_REPLACE, key, bytes_of(value, rows->value_bytes));
        if (status == STATUS_OK) {
            status = store_put(txn, STORE_TOKEN, STORE_REPLACE, key, key);
        }
    }
    return status;
}

static enum status
delete_step(struct store_txn *txn, void *state)
{
    const struct numbered *rows = state;
    enum status status = STATUS_OK;

    for (uint64_t i = 0; i < rows->count && status == STATUS_OK; i++) {
        uint8_t bytes[8];
        struct bytes key = bytes_of(bytes, sizeof bytes);

        put_u64(bytes, rows->number + i);
        status = store_delete_many(txn, STORE_RECORD, &key, 1);
        if (status == STATUS_OK) {
            status = store_delete_many(txn, STORE_TOKEN, &key, 1);
        }
    }
    return status;
}

/* How many numbers, from 1 without a gap, are in both tables; DENIED where it is in one. */
static enum status
count_step(struct store_txn *txn, void *state)
{
    uint64_t *count = state;

    for (*count = 0;; ++*count) {
        uint8_t bytes[8];
        struct bytes key = bytes_of(bytes, sizeof bytes);
        struct bytes value;
        enum status record;

        put_u64(bytes, *count + 1);
        record = store_get(txn, STORE_RECORD, key, &value);
        if (store_get(txn, STORE_TOKEN, key, &value) != record) {
            return STATUS_DENIED;
        }
        if (record != STATUS_OK) {
            return record == STATUS_NOT_FOUND ? STATUS_OK : record;
        }
    }
}

static enum status
put_rows(struct store *store, uint64_t number, uint64_t count, size_t value_bytes)
{
    struct numbered rows = {.number = number, .count = count, .value_bytes = value_bytes};

    return store_update(store, put_step, &rows);
}

static uint64_t
count_rows(struct store *store)
{
    uint64_t count = 0;

    assert_int_equal(store_view(store, count_step, &count), STATUS_OK);
    return count;
}

/* Puts row after row until there is no room; returns the last that was acknowledged. */
static uint64_t
fill(struct store *store, uint64_t from)
{
    uint64_t number = from;
    enum status status = STATUS_OK;

    while (status == STATUS_OK) {
        status = put_rows(store, number + 1, 1, VALUE_BYTES);
        number += status == STATUS_OK;
        assert_true(number < 1000000);
    }
    assert_int_equal(status, STATUS_UNAVAILABLE);
    assert_false(store_failed(store));
    return number;
}

static void
check_goes_on(struct store *store, uint64_t last)
{
    struct numbered half = {.number = last / 2 + 1, .count = 1};

    assert_int_equal(count_rows(store), last);
    assert_int_equal(put_rows(store, last + 1, 1, VALUE_BYTES), STATUS_UNAVAILABLE);
    /* Erasing works with the disk full, one by one as it comes. */
    for (; half.number <= last; half.number++) {
        assert_int_equal(store_update(store, delete_step, &half), STATUS_OK);
    }
    assert_int_equal(count_rows(store), last / 2);
    /* What was freed is used again. */
    for (uint64_t i = 1; i <= last / 4; i++) {
        assert_int_equal(put_rows(store, last / 2 + i, 1, VALUE_BYTES), STATUS_OK);
    }
    assert_int_equal(count_rows(store), last / 2 + last / 4);
}

static void
goes_on_after_a_full_map(void **state)
{
    struct folder folder;
    struct store *store;

    (void)state;
    folder_make(&folder);
    store = open_store(&folder, SMALL_MAP_BYTES);
    check_goes_on(store, fill(store, 0));
    store_close(&store);
    folder_remove(&folder);
}

static void
limit_file_size(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
goes_on_after_a_full_disk(void **state)
{
    struct folder folder;
    struct store *store;
    uint64_t last;

    (void)state;
    folder_make(&folder);
    store = open_store(&folder, MAP_BYTES);
    assert_int_equal(put_rows(store, 1, 1, VALUE_BYTES), STATUS_OK);
    (void)signal(SIGXFSZ, SIG_IGN);
    limit_file_size(24 * 1024 * 1024 + 1234); /* within a page, so that a write would be short */
    last = fill(store, 1);
    check_goes_on(store, last);
    last = fill(store, last / 2 + last / 4);
    limit_file_size(0);
    assert_int_equal(put_rows(store, last + 1, 3000, VALUE_BYTES), STATUS_OK);
    assert_int_equal(count_rows(store), last + 3000);
    store_close(&store);
    store = open_store(&folder, MAP_BYTES);
    assert_int_equal(count_rows(store), last + 3000);
    store_close(&store);
    folder_remove(&folder);
}

struct neighbour {
    pthread_t thread;
    struct store *store;
    struct numbered rows;
    enum status status;
};

static void *
put_neighbour(void *argument)
{
    struct neighbour *neighbour = argument;

    neighbour->status = store_update(neighbour->store, put_step, &neighbour->rows);
    return NULL;
}

/* A step that is too large for the map, among small ones in the same group. */
static void
a_large_step_costs_its_neighbours_nothing(void **state)
{
    enum { NEIGHBOURS = 16, LARGE = 3, LARGE_ROWS = 4000 };
    struct folder folder;
    struct store *store;
    struct neighbour neighbours[NEIGHBOURS];

    (void)state;
    folder_make(&folder);
    store = open_store(&folder, SMALL_MAP_BYTES);
    for (uint64_t i = 0; i < NEIGHBOURS; i++) {
        neighbours[i] = (struct neighbour){
            .store = store, .rows = {.number = i * 10000, .count = 1, .value_bytes = VALUE_BYTES}};
        neighbours[i].rows.count = i == LARGE ? LARGE_ROWS : 1;
        assert_int_equal(pthread_create(&neighbours[i].thread, NULL, put_neighbour, &neighbours[i]),
                         0);
    }
    for (int i = 0; i < NEIGHBOURS; i++) {
        assert_int_equal(pthread_join(neighbours[i].thread, NULL), 0);
        assert_int_equal(neighbours[i].status, i == LARGE ? STATUS_UNAVAILABLE : STATUS_OK);
    }
    assert_false(store_failed(store));
    store_close(&store);
    folder_remove(&folder);
}

/* LMDB would go on after a failed flush; the store does not. */
static void
a_failed_flush_is_for_good(void **state)
{
    struct folder folder;
    struct store *store;

    (void)state;
    folder_make(&folder);
    store = open_store(&folder, MAP_BYTES);
    assert_int_equal(put_rows(store, 1, 1, 10), STATUS_OK);
    sync_fail_in(1);
    assert_int_equal(put_rows(store, 2, 1, 10), STATUS_UNAVAILABLE);
    assert_true(store_failed(store));
    assert_int_equal(put_rows(store, 3, 1, 10), STATUS_UNAVAILABLE);
    store_close(&store);
    store = open_store(&folder, MAP_BYTES);
    assert_false(store_failed(store));
    assert_int_equal(count_rows(store), 1);
    store_close(&store);
    folder_remove(&folder);
}

static void
expect_open(const struct folder *folder, enum status status)
{
    struct store_options options = {.folder = folder->path, .map_bytes = MAP_BYTES};
    struct store *store = NULL;

    assert_int_equal(store_open(&options, &store), status);
    assert_null(store);
}

static void
replace_in_file(const char *path, const char *from, const char *to)
{
    size_t size;
    uint8_t *data = file_load(path, &size);
    size_t length = strlen(from);
    int found = 0;

    for (size_t at = 0; at + length <= size; at++) {
        if (memcmp(data + at, from, length) == 0) {
            file_write_at(path, at, to, length);
            found++;
        }
    }
    assert_true(found > 0);
    free(data);
}

static void
refuses_what_is_no_store(void **state)
{
    struct folder folder;
    struct folder nowhere = {.path = "/nonexistent/vault/store"};
    struct store *store;
    char path[FOLDER_PATH_BYTES];
    static uint8_t garbage[16384];

    (void)state;
    folder_make(&folder);
    store = open_store(&folder, MAP_BYTES);
    assert_int_equal(put_rows(store, 1, 2000, VALUE_BYTES), STATUS_OK);
    store_close(&store);
    folder_file(&folder, "data.mdb", path);
    replace_in_file(path, "cvstore\x01", "cvstore\x02");
    expect_open(&folder, STATUS_CORRUPT); /* of another version */
    replace_in_file(path, "cvstore\x02", "cvstore\x01");
    assert_int_equal(truncate(path, 64 * 1024), 0);
    expect_open(&folder, STATUS_CORRUPT); /* cut short */
    memset(garbage, 0x5a, sizeof garbage);
    file_write_at(path, 0, garbage, sizeof garbage);
    expect_open(&folder, STATUS_CORRUPT);
    folder_remove(&folder);
    expect_open(&nowhere, STATUS_UNAVAILABLE);
}

static void
files_are_the_owners_alone(void **state)
{
    struct folder parent;
    struct folder folder;
    struct store *store;
    struct stat about;
    char path[FOLDER_PATH_BYTES];

    (void)state;
    folder_make(&parent);
    folder_file(&parent, "store", folder.path);
    store = open_store(&folder, DEFAULT_MAP);
    assert_int_equal(put_rows(store, 1, 1, 10), STATUS_OK);
    store_close(&store);
    assert_int_equal(stat(folder.path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    folder_file(&folder, "data.mdb", path);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_in_range(about.st_size, 1, 16 * 1024 * 1024);
    folder_file(&folder, "lock.mdb", path);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    folder_remove(&parent);
}

/* ---- roles: this program again, in a process of its own ---- */

enum { ROLE_FLUSHED = 0, ROLE_NOT_FLUSHED = 10, ROLE_WRONG = 12 };

static struct store *
open_for_role(const char *path)
{
    struct store_options options = {.folder = path, .map_bytes = MAP_BYTES};
    struct store *store = NULL;

    if (store_open(&options, &store) != STATUS_OK) {
        exit(ROLE_WRONG);
    }
    return store;
}

static int
role_update(const char *path)
{
    struct store *store = open_for_role(path);
    uint64_t before = sync_count();
    int code = ROLE_WRONG;

    if (put_rows(store, 1, 1, 10) == STATUS_OK) {
        code = sync_count() > before ? ROLE_FLUSHED : ROLE_NOT_FLUSHED;
    }
    store_close(&store);
    return code;
}

static void
an_answer_means_a_flush(void **state)
{
    struct folder folder;

    (void)state;
    folder_make(&folder);
    assert_int_equal(run_role("update", folder.path, ""), ROLE_FLUSHED);
#ifdef CONTACT_VAULT_FAILPOINTS
    assert_int_equal(run_role("update", folder.path, "store_skip_flush"), ROLE_NOT_FLUSHED);
#endif
    folder_remove(&folder);
}

/* Each of eight threads tells the pipe a number once it is acknowledged. */
enum { KILL_THREADS = 8 };

struct teller {
    pthread_t thread;
    struct store *store;
    uint64_t lane;
};

static enum status
lane_step(struct store_txn *txn, void *state)
{
    uint8_t bytes[16];
    struct bytes key = bytes_of(bytes, sizeof bytes);
    const uint64_t *lane_and_number = state;
    enum status status;

    put_u64(bytes, lane_and_number[0]);
    put_u64(bytes + 8, lane_and_number[1]);
    status = store_put(txn, STORE_INDEX, STORE_REPLACE, key, key);
    return status == STATUS_OK ? store_put(txn, STORE_TOKEN, STORE_REPLACE, key, key) : status;
}

static void *
tell(void *argument)
{
    struct teller *teller = argument;
    uint64_t message[2] = {teller->lane, 0};

    for (message[1] = 1;; message[1]++) {
        if (store_update(teller->store, lane_step, message) != STATUS_OK ||
            write(STDOUT_FILENO, message, sizeof message) != (ssize_t)sizeof message) {
            exit(ROLE_WRONG);
        }
    }
    return NULL;
}

static int
role_tell(const char *path)
{
    struct teller tellers[KILL_THREADS];
    struct store *store = open_for_role(path);

    for (uint64_t i = 0; i < KILL_THREADS; i++) {
        tellers[i] = (struct teller){.store = store, .lane = i};
        if (pthread_create(&tellers[i].thread, NULL, tell, &tellers[i]) != 0) {
            return ROLE_WRONG;
        }
    }
    (void)pthread_join(tellers[0].thread, NULL);
    return ROLE_WRONG;
}

/* Kills a writer after some answers; ret_last[lane] is the last number it was told of. */
static void
kill_a_writer(const char *path, int answers, uint64_t ret_last[static KILL_THREADS])
{
    uint64_t message[2];
    int pipes[2];
    pid_t child;

    assert_int_equal(pipe(pipes), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(pipes[1], STDOUT_FILENO);
        (void)close(pipes[0]);
        (void)close(pipes[1]);
        (void)execl("/proc/self/exe", "role", "tell", path, (char *)NULL);
        _exit(ROLE_WRONG);
    }
    (void)close(pipes[1]);
    for (int i = 0; read(pipes[0], message, sizeof message) == (ssize_t)sizeof message; i++) {
        assert_true(message[0] < KILL_THREADS);
        ret_last[message[0]] =
            message[1] > ret_last[message[0]] ? message[1] : ret_last[message[0]];
        if (i == answers) {
            assert_int_equal(kill(child, SIGKILL), 0);
        }
    }
    (void)close(pipes[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static enum status
check_lanes_step(struct store_txn *txn, void *state)
{
    const uint64_t *last = state;

    for (uint64_t lane = 0; lane < KILL_THREADS; lane++) {
        for (uint64_t number = 1; number <= last[lane]; number++) {
            uint8_t bytes[16];
            struct bytes value;

            put_u64(bytes, lane);
            put_u64(bytes + 8, number);
            if (store_get(txn, STORE_INDEX, bytes_of(bytes, 16), &value) != STATUS_OK ||
                store_get(txn, STORE_TOKEN, bytes_of(bytes, 16), &value) != STATUS_OK) {
                return STATUS_DENIED;
            }
        }
    }
    return STATUS_OK;
}

static void
survives_kill(void **state)
{
    struct folder folder;
    uint64_t changes = 0;

    (void)state;
    folder_make(&folder);
    for (int round = 0; round < 8; round++) {
        uint64_t last[KILL_THREADS] = {0};
        struct store *store;

        kill_a_writer(folder.path, 40 + 57 * round, last);
        store = open_store(&folder, MAP_BYTES);
        assert_int_equal(store_view(store, check_lanes_step, last), STATUS_OK);
        assert_true(store_changes(store) > changes);
        changes = store_changes(store);
        store_close(&store);
    }
    folder_remove(&folder);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_after_a_full_map),
        cmocka_unit_test(goes_on_after_a_full_disk),
        cmocka_unit_test(a_large_step_costs_its_neighbours_nothing),
        cmocka_unit_test(a_failed_flush_is_for_good),
        cmocka_unit_test(refuses_what_is_no_store),
        cmocka_unit_test(files_are_the_owners_alone),
        cmocka_unit_test(an_answer_means_a_flush),
        cmocka_unit_test(survives_kill),
    };

    if (argc == 3 && strcmp(argv[1], "update") == 0) {
        return role_update(argv[2]);
    }
    if (argc == 3 && strcmp(argv[1], "tell") == 0) {
        return role_tell(argv[2]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* On a full disk and in a full map: contacts are erased and small rows changed out of the reserve.
 */
#include "store.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_disk.h"
#include "store_folder.h"
#include "store_sync.h"

enum {
    MAP_BYTES = 1024 * 1024 * 1024,
    FULL_MAP_BYTES = 64 * 1024 * 1024, /* the smallest with a whole reserve */
    DISK_BYTES = 72 * 1024 * 1024,
    RECORD_BYTES = 233,
    KEY_BYTES = 24,
    CHUNK = 1024, /* contacts put by one step */
    LARGE_CHUNK = 16 * CHUNK,
    FEW = 64, /* and yet more pages than a row of the access state takes */
    ROWS_PER_CONTACT = 3,
    ERASED = (STORE_RESERVED_ROWS - 1) / ROWS_PER_CONTACT, /* by one step, beside a count */
    BATCH = 4096,
    BACK_MS = 5000,
};

static struct store *
open_store(const struct folder *folder, uint64_t map_bytes)
{
    struct store_options options = {.folder = folder->path, .map_bytes = map_bytes};
    struct store *store = NULL;

    assert_int_equal(store_open(&options, &store), STATUS_OK);
    return store;
}

/* ---- contacts: a record, and two rows at random places that lead to it ---- */

static uint64_t
scatter(uint64_t number)
{
    number = (number ^ (number >> 31)) * 0x9e3779b97f4a7c15U;
    number = (number ^ (number >> 29)) * 0xbf58476d1ce4e5b9U;
    return number ^ (number >> 32);
}

struct contact {
    uint8_t row[8];
    uint8_t token[KEY_BYTES];
    uint8_t index[KEY_BYTES];
};

static void
make_contact(uint64_t number, struct contact *ret_contact)
{
    memset(ret_contact, 0, sizeof *ret_contact);
    put_u64(ret_contact->row, number);
    put_u64(ret_contact->token, scatter(number));
    put_u64(ret_contact->index, scatter(number + (1U << 30)));
}

struct range {
    uint64_t first;
    uint64_t count;
    uint64_t stride; /* of the numbers, when erased */
    uint64_t modulus;
};

static enum status
put_contacts(struct store_txn *txn, void *state)
{
    static const uint8_t record[RECORD_BYTES] = {1};
    const struct range *range = state;
    enum status status = STATUS_OK;

    for (uint64_t i = 0; i < range->count && status == STATUS_OK; i++) {
        struct contact contact;
        struct bytes row = bytes_of(contact.row, sizeof contact.row);

        make_contact(range->first + i, &contact);
        status = store_put(txn, STORE_RECORD, STORE_INSERT, row, bytes_of(record, sizeof record));
        if (status == STATUS_OK) {
            status =
                store_put(txn, STORE_TOKEN, STORE_INSERT, bytes_of(contact.token, KEY_BYTES), row);
        }
        if (status == STATUS_OK) {
            status =
                store_put(txn, STORE_INDEX, STORE_INSERT, bytes_of(contact.index, KEY_BYTES), row);
        }
    }
    return status;
}

static enum status
erase_contacts(struct store_txn *txn, void *state)
{
    const struct range *range = state;
    enum status status = STATUS_OK;
    uint8_t count[8];

    for (uint64_t i = 0; i < range->count && status == STATUS_OK; i++) {
        struct contact contact;
        struct bytes row = bytes_of(contact.row, sizeof contact.row);
        struct bytes token = bytes_of(contact.token, KEY_BYTES);
        struct bytes index = bytes_of(contact.index, KEY_BYTES);
        struct bytes found;

        make_contact(1 + (range->first + i) * range->stride % range->modulus, &contact);
        status = store_get(txn, STORE_RECORD, row, &found); /* each is there once */
        if (status == STATUS_OK) {
            status = store_delete_many(txn, STORE_RECORD, &row, 1);
        }
        if (status == STATUS_OK) {
            status = store_delete_many(txn, STORE_TOKEN, &token, 1);
        }
        if (status == STATUS_OK) {
            status = store_delete_many(txn, STORE_INDEX, &index, 1);
        }
    }
    put_u64(count, range->first);
    return status == STATUS_OK ? store_put(txn, STORE_META, STORE_REPLACE, bytes_of_text("count"),
                                           bytes_of(count, sizeof count))
                               : status;
}

/* A freeze, a disable: one row of the access state, of some size, replaced. */
static enum status
put_access(struct store_txn *txn, void *state)
{
    static uint8_t value[1500];

    return store_put(txn, STORE_ACCESS, STORE_REPLACE, bytes_of_text(state),
                     bytes_of(value, sizeof value));
}

static enum status
put_count(struct store *store, uint64_t first, uint64_t count)
{
    struct range range = {.first = first, .count = count};

    return store_update(store, put_contacts, &range);
}

/* Chunk by chunk, then one by one, until no contact fits; returns the last. */
static uint64_t
fill(struct store *store, uint64_t last)
{
    for (uint64_t count = LARGE_CHUNK; count > 0; count /= 4) {
        while (put_count(store, last + 1, count) == STATUS_OK) {
            last += count;
        }
        assert_false(store_failed(store));
    }
    assert_int_equal(put_count(store, last + 1, 1), STATUS_UNAVAILABLE);
    return last;
}

typedef enum status update_call(struct store *store, store_step *step, void *state);

/* Prime to every count of contacts here, so that a batch lies scattered over the whole table. */
enum { STRIDE = 1000003 };

static uint64_t
erase(struct store *store, uint64_t erased, uint64_t count, uint64_t contacts)
{
    while (count > 0) {
        struct range range = {.first = erased, .stride = STRIDE, .modulus = contacts};

        range.count = count < ERASED ? count : ERASED;
        assert_int_equal(store_update_reserved(store, erase_contacts, &range), STATUS_OK);
        erased += range.count;
        count -= range.count;
    }
    return erased;
}

static enum status
access_by(struct store *store, update_call *call)
{
    char key[] = "principal";

    return call(store, put_access, key);
}

/* What may go on does, for as long as it may take. */
static void
check_reserve(struct store *store, uint64_t contacts, uint64_t to_erase)
{
    for (int i = 0; i < 100; i++) {
        assert_int_equal(access_by(store, store_update_reserved), STATUS_OK);
    }
    assert_true(contacts > to_erase);
    (void)erase(store, 0, to_erase, contacts);
    assert_int_equal(access_by(store, store_update_reserved), STATUS_OK);
    assert_false(store_failed(store));
    /* There is room now in pages that were freed. */
    assert_int_equal(put_count(store, contacts + 1, 1), STATUS_OK);
}

static void
in_a_full_map(void **state)
{
    struct folder folder;
    struct store *store;

    (void)state;
    folder_make(&folder);
    store = open_store(&folder, FULL_MAP_BYTES);
    check_reserve(store, fill(store, 0), BATCH);
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

static int
end_limits(void **state)
{
    (void)state;
    limit_file_size(0);
    space_full(false);
    return 0;
}

/* From here on the file has the blocks it has: one byte behind them is refused. */
static void
freeze_size(const struct folder *folder)
{
    char path[FOLDER_PATH_BYTES];
    struct stat about;

    folder_file(folder, "data.mdb", path);
    assert_int_equal(stat(path, &about), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    limit_file_size((rlim_t)about.st_size);
    space_full(true);
}

static bool
await_reserve(struct store *store)
{
    bool there = false;

    for (int ms = 0; ms < BACK_MS && !there; ms += 10) {
        there = store_keep_reserve(store);
        (void)usleep(10000);
    }
    return there;
}

static void
on_a_full_disk(void **state)
{
    struct folder folder;
    struct store *store;
    uint64_t contacts;

    (void)state;
    folder_make(&folder);
    store = open_store(&folder, MAP_BYTES);
    for (contacts = 0; contacts < 6 * LARGE_CHUNK; contacts += LARGE_CHUNK) {
        assert_int_equal(put_count(store, contacts + 1, LARGE_CHUNK), STATUS_OK);
    }
    assert_true(store_keep_reserve(store));
    freeze_size(&folder);
    contacts = fill(store, contacts);
    check_reserve(store, contacts, BATCH);
    /* When there is space again, a reserve is made again. */
    (void)end_limits(NULL);
    assert_true(await_reserve(store));
    freeze_size(&folder);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(access_by(store, store_update_reserved), STATUS_OK);
    }
    store_close(&store);
    (void)end_limits(NULL);
    store = open_store(&folder, MAP_BYTES);
    store_close(&store);
    folder_remove(&folder);
}

/* ---- a view that is held open: no page it may read is used again ---- */

struct pin {
    pthread_t thread;
    struct store *store;
    sem_t held;
    sem_t release;
};

static enum status
hold_step(struct store_txn *txn, void *state)
{
    struct pin *pin = state;
    struct bytes value;
    enum status status = store_get(txn, STORE_META, bytes_of_text("changes"), &value);

    (void)sem_post(&pin->held);
    (void)sem_wait(&pin->release);
    return status;
}

static void *
hold(void *argument)
{
    struct pin *pin = argument;

    if (store_view(pin->store, hold_step, pin) != STATUS_OK) {
        abort();
    }
    return NULL;
}

static void
pin_pages(struct pin *pin, struct store *store)
{
    pin->store = store;
    assert_int_equal(sem_init(&pin->held, 0, 0), 0);
    assert_int_equal(sem_init(&pin->release, 0, 0), 0);
    assert_int_equal(pthread_create(&pin->thread, NULL, hold, pin), 0);
    assert_int_equal(sem_wait(&pin->held), 0);
}

static void
unpin_pages(struct pin *pin)
{
    assert_int_equal(sem_post(&pin->release), 0);
    assert_int_equal(pthread_join(pin->thread, NULL), 0);
    assert_int_equal(sem_destroy(&pin->held), 0);
    assert_int_equal(sem_destroy(&pin->release), 0);
}

static struct store *
open_full(struct folder *ret_folder, uint64_t chunks, uint64_t *ret_contacts)
{
    struct store *store;
    uint64_t contacts;

    folder_make(ret_folder);
    store = open_store(ret_folder, MAP_BYTES);
    for (contacts = 0; contacts < chunks * CHUNK; contacts += CHUNK) {
        assert_int_equal(put_count(store, contacts + 1, CHUNK), STATUS_OK);
    }
    assert_true(store_keep_reserve(store));
    freeze_size(ret_folder);
    *ret_contacts = fill(store, contacts);
    return store;
}

static uint64_t
count_access(struct store *store, update_call *call)
{
    enum status status = STATUS_OK;
    uint64_t count = 0;

    for (; status == STATUS_OK && count < 100000; count += status == STATUS_OK) {
        status = access_by(store, call);
    }
    assert_int_equal(status, STATUS_UNAVAILABLE);
    assert_false(store_failed(store));
    return count;
}

/* What is not reserved is refused before the reserve is touched. */
static void
nobody_else_takes_it(void **state)
{
    struct folder folder;
    struct store *store;
    static struct pin pin; /* outlives a test that fails, as its thread does */
    uint64_t contacts;
    uint64_t ordinary;

    (void)state;
    store = open_full(&folder, 20, &contacts);
    pin_pages(&pin, store);
    /* Small rows have a place of their own, contacts have left it; then comes the reserve. */
    ordinary = count_access(store, store_update);
    assert_true(ordinary > 10);
    (void)erase(store, 0, ERASED, contacts);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(access_by(store, store_update_reserved), STATUS_OK);
        assert_int_equal(access_by(store, store_update), STATUS_UNAVAILABLE);
    }
    assert_true(count_access(store, store_update_reserved) > 2 * ordinary);
    unpin_pages(&pin);
    assert_int_equal(access_by(store, store_update_reserved), STATUS_OK); /* used again */
    store_close(&store);
    (void)end_limits(NULL);
    folder_remove(&folder);
}

/* Free pages that a view still reads are no room: taken for it, a commit would fail half way. */
static void
pages_in_use_are_no_room(void **state)
{
    struct folder folder;
    struct store *store;
    static struct pin pin; /* outlives a test that fails, as its thread does */
    uint64_t contacts;
    uint64_t erased;
    uint64_t last;

    (void)state;
    store = open_full(&folder, 30, &contacts);
    erased = erase(store, 0, contacts / 2, contacts);
    pin_pages(&pin, store);
    last = fill(store, contacts);
    assert_true(last > contacts + 10); /* what was free before it was */
    for (int i = 0; i < 5; i++) {
        erased = erase(store, erased, 1, contacts);
    }
    assert_int_equal(fill(store, last), last);
    unpin_pages(&pin);
    assert_int_equal(access_by(store, store_update_reserved), STATUS_OK);
    assert_int_equal(put_count(store, last + 1, 1), STATUS_OK);
    store_close(&store);
    (void)end_limits(NULL);
    folder_remove(&folder);
}

/* ---- many at once: who may share a commit, and still be told apart ---- */

struct caller {
    pthread_t thread;
    struct store *store;
    update_call *call;
    store_step *step;
    struct range range;
    char key[2];
    uint64_t ok;
    uint64_t refused;
    bool wrong;
};

static void *
call_on(void *argument)
{
    enum { CALLS = 100 };
    struct caller *caller = argument;
    void *state = caller->step == put_access ? (void *)caller->key : (void *)&caller->range;

    for (int i = 0; i < CALLS; i++) {
        enum status status = caller->call(caller->store, caller->step, state);

        caller->ok += status == STATUS_OK;
        caller->refused += status == STATUS_UNAVAILABLE;
        caller->wrong |= status != STATUS_OK && status != STATUS_UNAVAILABLE;
        (void)store_keep_reserve(caller->store);
    }
    return NULL;
}

static void
neighbours_do_not_share_it(void **state)
{
    enum { CALLERS = 8 };
    struct folder folder;
    struct store *store;
    struct caller callers[CALLERS];
    uint64_t contacts;

    (void)state;
    store = open_full(&folder, 20, &contacts);
    for (uint64_t i = 0; i < CALLERS; i++) {
        bool reserved = i % 2 == 0;

        callers[i] = (struct caller){
            .store = store,
            .call = reserved ? store_update_reserved : store_update,
            .step = reserved ? put_access : put_contacts,
            .range = {.first = contacts + 1 + i * FEW, .count = FEW},
            .key = {(char)('a' + i)},
        };
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_on, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
        assert_false(callers[i].wrong);
        assert_int_equal(i % 2 == 0 ? callers[i].refused : callers[i].ok, 0);
    }
    assert_false(store_failed(store));
    store_close(&store);
    (void)end_limits(NULL);
    folder_remove(&folder);
}

static void
a_full_disk_is_rarely_asked(void **state)
{
    struct folder folder;
    struct store *store;
    static struct pin pin; /* outlives a test that fails, as its thread does */
    uint64_t contacts;
    uint64_t asked;

    (void)state;
    store = open_full(&folder, 5, &contacts);
    asked = space_asked();
    for (int i = 0; i < 1000; i++) {
        assert_true(store_keep_reserve(store));
    }
    assert_int_equal(space_asked(), asked);
    pin_pages(&pin, store);
    (void)count_access(store, store_update_reserved);
    unpin_pages(&pin);
    asked = space_asked();
    for (int i = 0; i < 1000; i++) {
        assert_false(store_keep_reserve(store));
    }
    assert_in_range(space_asked() - asked, 1, 2);
    store_close(&store);
    (void)end_limits(NULL);
    folder_remove(&folder);
}

/* A copy that dropped zeros: blocks the file seems to have are asked for before they are used. */
static void
holes_are_not_taken_for_blocks(void **state)
{
    struct folder folder;
    struct store *store;
    char path[FOLDER_PATH_BYTES];
    struct stat about;

    (void)state;
    folder_make(&folder);
    store = open_store(&folder, MAP_BYTES);
    assert_int_equal(put_count(store, 1, CHUNK), STATUS_OK);
    store_close(&store);
    folder_file(&folder, "data.mdb", path);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(truncate(path, about.st_size + 32 * 1024 * 1024), 0);
    store = open_store(&folder, MAP_BYTES);
    space_full(true);
    assert_false(store_keep_reserve(store));
    assert_int_equal(put_count(store, CHUNK + 1, CHUNK), STATUS_UNAVAILABLE);
    space_full(false);
    assert_true(await_reserve(store));
    assert_int_equal(put_count(store, CHUNK + 1, CHUNK), STATUS_OK);
    store_close(&store);
    folder_remove(&folder);
}

/* ---- a disk that is really full ---- */

enum { SKIPPED = 77 };

static struct folder disk;

static void
on_a_disk_of_its_own(void **state)
{
    struct folder folder;
    struct store *store;
    uint64_t contacts;

    (void)state;
    folder_file(&disk, "store", folder.path);
    store = open_store(&folder, MAP_BYTES);
    for (contacts = 0; contacts < 40 * CHUNK; contacts += 10 * CHUNK) {
        assert_int_equal(put_count(store, contacts + 1, 10 * CHUNK), STATUS_OK);
    }
    assert_true(store_keep_reserve(store));
    disk_fill(disk.path);
    contacts = fill(store, contacts);
    check_reserve(store, contacts, contacts / 2);
    disk_empty(disk.path);
    assert_true(await_reserve(store));
    store_close(&store);
    store = open_store(&folder, MAP_BYTES);
    store_close(&store);
}

static int
role_disk(const char *path)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(on_a_disk_of_its_own)};

    (void)snprintf(disk.path, sizeof disk.path, "%s", path);
    return disk_mount(path, DISK_BYTES) ? cmocka_run_group_tests(tests, NULL, NULL) : SKIPPED;
}

static void
on_a_really_full_disk(void **state)
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
        cmocka_unit_test(in_a_full_map),
        cmocka_unit_test_teardown(on_a_full_disk, end_limits),
        cmocka_unit_test_teardown(nobody_else_takes_it, end_limits),
        cmocka_unit_test_teardown(pages_in_use_are_no_room, end_limits),
        cmocka_unit_test_teardown(neighbours_do_not_share_it, end_limits),
        cmocka_unit_test_teardown(a_full_disk_is_rarely_asked, end_limits),
        cmocka_unit_test_teardown(holes_are_not_taken_for_blocks, end_limits),
        cmocka_unit_test(on_a_really_full_disk),
    };

    if (argc == 3 && strcmp(argv[1], "disk") == 0) {
        return role_disk(argv[2]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

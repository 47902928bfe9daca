/* SPDX-License-Identifier: Apache-2.0 */
/* What store.h promises, asked of each engine. */
#include "store.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_backend.h"
#include "store_faulty.h"
#include "store_folder.h"
#include "store_snapshot.h"

enum { MAP_BYTES = 256 * 1024 * 1024, MANY = 4096, WRITERS = 64, UPDATES = 25 };

/* One test's store. */
struct fixture {
    const struct store_backend *backend;
    struct folder folder;
    struct store *store;
};

static void
open_store(struct fixture *fixture)
{
    struct store_options options = {.folder = fixture->folder.path, .map_bytes = MAP_BYTES};

    assert_int_equal(store_open_with(fixture->backend, &options, &fixture->store), STATUS_OK);
}

static void
reopen(struct fixture *fixture)
{
    store_close(&fixture->store);
    open_store(fixture);
}

static int
set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    fixture->backend = *state;
    folder_make(&fixture->folder);
    store_faulty_fail_at(0, FAULTY_ABORTED, false);
    open_store(fixture);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *fixture = *state;

    store_close(&fixture->store);
    folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

/* ---- small steps ---- */

static struct bytes
key_of(uint64_t number, uint8_t ret_key[static 8])
{
    put_u64(ret_key, number);
    return bytes_of(ret_key, 8);
}

struct row {
    enum store_table table;
    enum store_put_mode mode;
    const char *key;
    const char *value; /* NULL: deleted, or expected to be absent */
};

static enum status
put_step(struct store_txn *txn, void *state)
{
    const struct row *row = state;
    struct bytes key = bytes_of_text(row->key);

    if (row->value == NULL) {
        return store_delete_many(txn, row->table, &key, 1);
    }
    return store_put(txn, row->table, row->mode, key, bytes_of_text(row->value));
}

static enum status
put(struct store *store, enum store_put_mode mode, const char *key, const char *value)
{
    struct row row = {.table = STORE_TOKEN, .mode = mode, .key = key, .value = value};

    return store_update(store, put_step, &row);
}

static enum status
check_step(struct store_txn *txn, void *state)
{
    const struct row *row = state;
    struct bytes value = {.data = NULL};
    enum status status = store_get(txn, row->table, bytes_of_text(row->key), &value);

    if (row->value == NULL) {
        return status == STATUS_NOT_FOUND ? STATUS_OK : STATUS_DENIED;
    }
    if (status != STATUS_OK) {
        return status;
    }
    return bytes_equal(value, bytes_of_text(row->value)) ? STATUS_OK : STATUS_DENIED;
}

static void
expect(struct store *store, const char *key, const char *value)
{
    struct row row = {.table = STORE_TOKEN, .key = key, .value = value};

    assert_int_equal(store_view(store, check_step, &row), STATUS_OK);
}

/* ---- the contract ---- */

static void
puts_gets_and_deletes(void **state)
{
    struct fixture *fixture = *state;

    expect(fixture->store, "a", NULL);
    assert_int_equal(put(fixture->store, STORE_REPLACE, "a", "one"), STATUS_OK);
    expect(fixture->store, "a", "one");
    assert_int_equal(put(fixture->store, STORE_REPLACE, "a", "two"), STATUS_OK);
    expect(fixture->store, "a", "two");
    assert_int_equal(put(fixture->store, STORE_REPLACE, "a", ""), STATUS_OK);
    expect(fixture->store, "a", "");
    reopen(fixture);
    expect(fixture->store, "a", "");
    assert_int_equal(put(fixture->store, STORE_REPLACE, "a", NULL), STATUS_OK);
    expect(fixture->store, "a", NULL);
    assert_int_equal(put(fixture->store, STORE_REPLACE, "a", NULL), STATUS_OK); /* is not there */
}

static void
tables_are_apart(void **state)
{
    struct fixture *fixture = *state;
    struct row row = {.key = "k", .value = "v"};

    for (int table = 0; table < STORE_TABLES; table++) {
        row.table = (enum store_table)table;
        row.value = NULL;
        assert_int_equal(store_view(fixture->store, check_step, &row), STATUS_OK);
        row.value = "v";
        assert_int_equal(store_update(fixture->store, put_step, &row), STATUS_OK);
        assert_int_equal(store_view(fixture->store, check_step, &row), STATUS_OK);
    }
}

static void
insert_meets_a_conflict(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(put(fixture->store, STORE_INSERT, "a", "one"), STATUS_OK);
    assert_int_equal(put(fixture->store, STORE_INSERT, "a", "two"), STATUS_CONFLICT);
    expect(fixture->store, "a", "one");
    assert_int_equal(put(fixture->store, STORE_REPLACE, "a", NULL), STATUS_OK);
    assert_int_equal(put(fixture->store, STORE_INSERT, "a", "three"), STATUS_OK);
    expect(fixture->store, "a", "three");
}

/* Goes on after a conflict, and must find that the failed call wrote nothing. */
static enum status
insert_many_step(struct store_txn *txn, void *state)
{
    struct bytes keys[] = {bytes_of_text("x"), bytes_of_text("y"), bytes_of_text("x")};
    struct bytes values[] = {bytes_of_text("1"), bytes_of_text("2"), bytes_of_text("3")};
    struct bytes value;

    (void)state;
    if (store_put_many(txn, STORE_TOKEN, STORE_INSERT, keys, values, 3) != STATUS_CONFLICT ||
        store_get(txn, STORE_TOKEN, keys[0], &value) != STATUS_NOT_FOUND ||
        store_get(txn, STORE_TOKEN, keys[1], &value) != STATUS_NOT_FOUND ||
        store_put_many(txn, STORE_TOKEN, STORE_INSERT, keys, values, 2) != STATUS_OK) {
        return STATUS_DENIED;
    }
    keys[0] = bytes_of_text("z"); /* "y" is there now */
    return store_put_many(txn, STORE_TOKEN, STORE_INSERT, keys, values, 2) == STATUS_CONFLICT
               ? STATUS_OK
               : STATUS_DENIED;
}

static void
insert_many_is_all_or_nothing(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(store_update(fixture->store, insert_many_step, NULL), STATUS_OK);
    expect(fixture->store, "x", "1");
    expect(fixture->store, "y", "2");
    expect(fixture->store, "z", NULL);
}

struct expected_scan {
    const char *const *keys;
    size_t count;
    bool wrong;
};

static enum status
visit_expected(void *state, struct bytes key, struct bytes value)
{
    struct expected_scan *expected = state;

    expected->wrong |= expected->keys[expected->count] == NULL ||
                       !bytes_equal(key, bytes_of_text(expected->keys[expected->count])) ||
                       value.size != 1;
    expected->count += !expected->wrong;
    return STATUS_OK;
}

static enum status
stop_visit(void *state, struct bytes key, struct bytes value)
{
    (void)key;
    (void)value;
    ++*(int *)state;
    return STATUS_EXPIRED;
}

static bool
scans_as(struct store_txn *txn, const char *from, const char *to, const char *const *keys)
{
    struct expected_scan expected = {.keys = keys};
    struct bytes end = to == NULL ? bytes_of(NULL, 0) : bytes_of_text(to);
    enum status status =
        store_scan(txn, STORE_TOKEN, bytes_of_text(from), end, visit_expected, &expected);

    return status == STATUS_OK && !expected.wrong && keys[expected.count] == NULL;
}

/* The store holds b d f h; the step writes a, c, h, i and deletes d. */
static enum status
scan_step(struct store_txn *txn, void *state)
{
    static const char *const before[] = {"b", "d", "f", "h", NULL};
    static const char *const after[] = {"a", "b", "c", "f", "h", "i", NULL};
    static const char *const middle[] = {"b", "c", "f", NULL};
    static const char *const none[] = {NULL};
    static const char *const written[] = {"a", "c", "h", "i"};
    struct bytes gone = bytes_of_text("d");
    int visits = 0;

    (void)state;
    if (!scans_as(txn, "", NULL, before)) {
        return STATUS_DENIED;
    }
    for (size_t i = 0; i < 4; i++) {
        if (store_put(txn, STORE_TOKEN, STORE_REPLACE, bytes_of_text(written[i]),
                      bytes_of_text("n")) != STATUS_OK) {
            return STATUS_DENIED;
        }
    }
    if (store_delete_many(txn, STORE_TOKEN, &gone, 1) != STATUS_OK ||
        !scans_as(txn, "", NULL, after) || !scans_as(txn, "b", "h", middle) ||
        !scans_as(txn, "d", "f", none) || !scans_as(txn, "j", NULL, none)) {
        return STATUS_DENIED;
    }
    if (store_scan(txn, STORE_TOKEN, bytes_of_text("b"), bytes_of(NULL, 0), stop_visit, &visits) !=
        STATUS_EXPIRED) {
        return STATUS_DENIED;
    }
    return visits == 1 ? STATUS_OK : STATUS_DENIED;
}

static enum status
scanned_step(struct store_txn *txn, void *state)
{
    static const char *const after[] = {"a", "b", "c", "f", "h", "i", NULL};

    (void)state;
    return scans_as(txn, "", NULL, after) ? STATUS_OK : STATUS_DENIED;
}

static void
scans_merge_what_was_written(void **state)
{
    struct fixture *fixture = *state;

    for (const char *const *key = (const char *const[]){"b", "d", "f", "h", NULL}; *key != NULL;
         key++) {
        assert_int_equal(put(fixture->store, STORE_REPLACE, *key, "o"), STATUS_OK);
    }
    assert_int_equal(store_update(fixture->store, scan_step, NULL), STATUS_OK);
    assert_int_equal(store_view(fixture->store, scanned_step, NULL), STATUS_OK);
}

static enum status
read_own_step(struct store_txn *txn, void *state)
{
    struct bytes keys[] = {bytes_of_text("old"), bytes_of_text("new"), bytes_of_text("none")};
    struct bytes values[3];
    struct bytes value;

    (void)state;
    if (store_put(txn, STORE_TOKEN, STORE_REPLACE, keys[1], bytes_of_text("2")) != STATUS_OK ||
        store_get_many(txn, STORE_TOKEN, keys, 3, values) != STATUS_OK ||
        !bytes_equal(values[0], bytes_of_text("1")) ||
        !bytes_equal(values[1], bytes_of_text("2")) || values[2].data != NULL) {
        return STATUS_DENIED;
    }
    if (store_delete_many(txn, STORE_TOKEN, keys, 2) != STATUS_OK ||
        store_get(txn, STORE_TOKEN, keys[0], &value) != STATUS_NOT_FOUND ||
        store_get(txn, STORE_TOKEN, keys[1], &value) != STATUS_NOT_FOUND ||
        store_put(txn, STORE_TOKEN, STORE_INSERT, keys[0], bytes_of_text("3")) != STATUS_OK) {
        return STATUS_DENIED;
    }
    /* A view lives until the step returns, whatever is written meanwhile. */
    return bytes_equal(values[0], bytes_of_text("1")) && bytes_equal(values[1], bytes_of_text("2"))
               ? STATUS_OK
               : STATUS_DENIED;
}

static void
a_step_reads_its_own_writes(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(put(fixture->store, STORE_REPLACE, "old", "1"), STATUS_OK);
    assert_int_equal(store_update(fixture->store, read_own_step, NULL), STATUS_OK);
    expect(fixture->store, "old", "3");
    expect(fixture->store, "new", NULL);
}

static enum status
fail_step(struct store_txn *txn, void *state)
{
    enum status status =
        store_put(txn, STORE_TOKEN, STORE_REPLACE, bytes_of_text("failed"), bytes_of_text("never"));

    return status == STATUS_OK ? *(enum status *)state : status;
}

static void
a_failed_step_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    enum status status = STATUS_QUOTA;
    uint64_t changes = store_changes(fixture->store);
    uint64_t flushes = store_flushes(fixture->store);

    assert_int_equal(store_update(fixture->store, fail_step, &status), STATUS_QUOTA);
    expect(fixture->store, "failed", NULL);
    assert_int_equal(store_changes(fixture->store), changes);
    assert_int_equal(store_flushes(fixture->store), flushes); /* nothing written, nothing flushed */
    reopen(fixture);
    expect(fixture->store, "failed", NULL);
}

static enum status
sizes_step(struct store_txn *txn, void *state)
{
    static const uint8_t zeros[STORE_VALUE_BYTES_MAX + 1];
    struct bytes largest_key = bytes_of(zeros, STORE_KEY_BYTES_MAX);
    struct bytes large_key = bytes_of(zeros, STORE_KEY_BYTES_MAX + 1);
    struct bytes value;

    (void)state;
    if (store_put(txn, STORE_INDEX, STORE_INSERT, large_key, bytes_of(zeros, 1)) !=
            STATUS_TOO_LARGE ||
        store_get(txn, STORE_INDEX, large_key, &value) != STATUS_TOO_LARGE ||
        store_delete_many(txn, STORE_INDEX, &large_key, 1) != STATUS_TOO_LARGE ||
        store_put(txn, STORE_INDEX, STORE_INSERT, bytes_of(zeros, 0), bytes_of(zeros, 1)) !=
            STATUS_INVALID ||
        store_put(txn, STORE_INDEX, STORE_INSERT, largest_key,
                  bytes_of(zeros, STORE_VALUE_BYTES_MAX + 1)) != STATUS_TOO_LARGE ||
        store_put(txn, STORE_META, STORE_REPLACE, bytes_of_text("changes"), bytes_of(zeros, 1)) !=
            STATUS_INVALID) {
        return STATUS_DENIED;
    }
    return store_put(txn, STORE_INDEX, STORE_INSERT, largest_key,
                     bytes_of(zeros, STORE_VALUE_BYTES_MAX));
}

static enum status
largest_step(struct store_txn *txn, void *state)
{
    static const uint8_t zeros[STORE_VALUE_BYTES_MAX];
    struct bytes value = {.data = NULL};
    enum status status = store_get(txn, STORE_INDEX, bytes_of(zeros, STORE_KEY_BYTES_MAX), &value);

    (void)state;
    if (status != STATUS_OK) {
        return status;
    }
    return bytes_equal(value, bytes_of(zeros, sizeof zeros)) ? STATUS_OK : STATUS_DENIED;
}

static void
sizes_have_limits(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(store_update(fixture->store, sizes_step, NULL), STATUS_OK);
    reopen(fixture);
    assert_int_equal(store_view(fixture->store, largest_step, NULL), STATUS_OK);
}

static enum status
too_many_rows_step(struct store_txn *txn, void *state)
{
    enum status status = STATUS_OK;
    uint64_t *rows = state;

    for (*rows = 0; status == STATUS_OK && *rows < 2 * STORE_STEP_ROWS_MAX; ++*rows) {
        uint8_t key[8];

        status = store_put(txn, STORE_TOKEN, STORE_REPLACE, key_of(*rows * 7919, key),
                           bytes_of_text("v"));
    }
    return status;
}

static void
rows_of_a_step_have_a_limit(void **state)
{
    struct fixture *fixture = *state;
    uint64_t rows = 0;

    assert_int_equal(store_update(fixture->store, too_many_rows_step, &rows), STATUS_TOO_LARGE);
    assert_int_equal(rows, STORE_STEP_ROWS_MAX + 1);
}

/* A batch of new contacts: a record, a token and an index row each, the latter in no order. */
static enum status
batch_step(struct store_txn *txn, void *state)
{
    uint64_t first = 0;
    enum status status = store_allocate(txn, MANY, &first);

    for (uint64_t i = 0; i < MANY && status == STATUS_OK; i++) {
        uint8_t row[8];
        uint8_t scattered[8];
        struct bytes row_key = key_of(first + i, row);
        struct bytes other_key = key_of((first + i) * 0x9e3779b97f4a7c15, scattered);

        status = store_put(txn, STORE_RECORD, STORE_INSERT, row_key, other_key);
        if (status == STATUS_OK) {
            status = store_put(txn, STORE_TOKEN, STORE_INSERT, other_key, row_key);
        }
        if (status == STATUS_OK) {
            status = store_put(txn, STORE_INDEX, STORE_INSERT, other_key, row_key);
        }
    }
    *(uint64_t *)state = first;
    return status;
}

static enum status
count_visit(void *state, struct bytes key, struct bytes value)
{
    (void)key;
    (void)value;
    ++*(uint64_t *)state;
    return STATUS_OK;
}

static enum status
count_records_step(struct store_txn *txn, void *state)
{
    *(uint64_t *)state = 0;
    return store_scan(txn, STORE_RECORD, bytes_of(NULL, 0), bytes_of(NULL, 0), count_visit, state);
}

static void
takes_large_batches(void **state)
{
    struct fixture *fixture = *state;
    uint64_t first = 0;
    uint64_t records = 0;

    assert_int_equal(store_update(fixture->store, batch_step, &first), STATUS_OK);
    assert_int_equal(first, 1);
    assert_int_equal(store_update(fixture->store, batch_step, &first), STATUS_OK);
    assert_int_equal(first, MANY + 1);
    assert_int_equal(store_view(fixture->store, count_records_step, &records), STATUS_OK);
    assert_int_equal(records, 2 * MANY);
}

static enum status
allocate_step(struct store_txn *txn, void *state)
{
    uint8_t key[8];
    enum status status = store_allocate(txn, 1, state);

    if (status != STATUS_OK) {
        return status;
    }
    return store_put(txn, STORE_RECORD, STORE_INSERT, key_of(*(uint64_t *)state, key),
                     bytes_of_text("v"));
}

/* Records mostly come in order, which an engine may use; re-sealed ones do not. */
static void
records_may_come_in_any_order(void **state)
{
    static const char *const keys[] = {"00000005", "00000009", "00000002", "00000005",
                                       "00000007", "00000009", NULL};
    struct fixture *fixture = *state;
    struct row row = {.table = STORE_RECORD, .mode = STORE_REPLACE};

    for (int i = 0; keys[i] != NULL; i++) {
        row.key = keys[i];
        row.value = i % 2 == 0 ? "even" : "odd";
        assert_int_equal(store_update(fixture->store, put_step, &row), STATUS_OK);
        assert_int_equal(store_view(fixture->store, check_step, &row), STATUS_OK);
    }
    row.key = "00000005";
    row.value = "odd";
    assert_int_equal(store_view(fixture->store, check_step, &row), STATUS_OK);
}

static enum status
delete_record_step(struct store_txn *txn, void *state)
{
    uint8_t bytes[8];
    struct bytes key = key_of(*(uint64_t *)state, bytes);

    return store_delete_many(txn, STORE_RECORD, &key, 1);
}

static void
row_numbers_never_come_back(void **state)
{
    struct fixture *fixture = *state;
    uint64_t last = 0;
    uint64_t next = 0;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(store_update(fixture->store, allocate_step, &next), STATUS_OK);
        assert_true(next > last);
        last = next;
    }
    assert_int_equal(store_update(fixture->store, delete_record_step, &last), STATUS_OK);
    reopen(fixture);
    assert_int_equal(store_update(fixture->store, allocate_step, &next), STATUS_OK);
    assert_true(next > last);
}

static void
changes_are_counted_and_kept(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before = store_changes(fixture->store);

    for (int i = 0; i < 3; i++) {
        assert_int_equal(put(fixture->store, STORE_REPLACE, "a", "v"), STATUS_OK);
    }
    assert_int_equal(store_changes(fixture->store), before + 3);
    reopen(fixture);
    assert_int_equal(store_changes(fixture->store), before + 3);
    assert_int_equal(store_flushes(fixture->store), 0);
}

/* ---- many at once ---- */

struct writer {
    pthread_t thread;
    struct store *store;
    uint64_t number;
    uint64_t acknowledged;
    bool fails; /* every step of it fails after writing */
    bool wrong;
};

static enum status
writer_step(struct store_txn *txn, void *state)
{
    struct writer *writer = state;
    uint8_t key[8];
    struct bytes bytes = key_of(writer->number << 32 | writer->acknowledged, key);
    enum status status = store_put(txn, STORE_INDEX, STORE_INSERT, bytes, bytes);

    if (status == STATUS_OK) {
        status = store_put(txn, STORE_TOKEN, STORE_INSERT, bytes, bytes);
    }
    return status == STATUS_OK && writer->fails ? STATUS_EXPIRED : status;
}

static void *
write_many(void *argument)
{
    struct writer *writer = argument;
    enum status expected = writer->fails ? STATUS_EXPIRED : STATUS_OK;

    for (int i = 0; i < UPDATES; i++) {
        writer->wrong |= store_update(writer->store, writer_step, writer) != expected;
        writer->acknowledged++;
    }
    return NULL;
}

static enum status
check_writer_step(struct store_txn *txn, void *state)
{
    struct writer *writer = state;
    enum status status = STATUS_OK;

    for (uint64_t i = 0; i < UPDATES && status == STATUS_OK; i++) {
        uint8_t key[8];
        struct bytes bytes = key_of(writer->number << 32 | i, key);
        struct bytes value = {.data = NULL};
        enum status found = store_get(txn, STORE_INDEX, bytes, &value);

        if (found != (writer->fails ? STATUS_NOT_FOUND : STATUS_OK) ||
            store_get(txn, STORE_TOKEN, bytes, &value) != found) {
            status = STATUS_DENIED;
        }
    }
    return status;
}

static void
run_writers(struct store *store, struct writer *writers, bool some_fail)
{
    for (uint64_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.store = store, .number = i, .fails = some_fail && i % 3 == 1};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_many, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
        assert_false(writers[i].wrong);
    }
}

static void
writers_share_flushes(void **state)
{
    static struct writer writers[WRITERS];
    struct fixture *fixture = *state;
    uint64_t before = store_flushes(fixture->store);

    run_writers(fixture->store, writers, false);
    assert_in_range(store_flushes(fixture->store) - before, 1, WRITERS * UPDATES / 4);
    reopen(fixture);
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(store_view(fixture->store, check_writer_step, &writers[i]), STATUS_OK);
    }
}

static void
a_failing_step_costs_its_neighbours_nothing(void **state)
{
    static struct writer writers[WRITERS];
    struct fixture *fixture = *state;

    run_writers(fixture->store, writers, true);
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(store_view(fixture->store, check_writer_step, &writers[i]), STATUS_OK);
    }
}

/* The same new key by everybody: one wins, and the others see it. */
static void *
insert_the_same(void *argument)
{
    struct writer *writer = argument;
    enum status status = put(writer->store, STORE_INSERT, "same", "v");

    writer->acknowledged = status == STATUS_OK;
    writer->wrong = status != STATUS_OK && status != STATUS_CONFLICT;
    return NULL;
}

static void
one_insert_wins(void **state)
{
    static struct writer writers[WRITERS];
    struct fixture *fixture = *state;
    uint64_t won = 0;

    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.store = fixture->store};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, insert_the_same, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
        assert_false(writers[i].wrong);
        won += writers[i].acknowledged;
    }
    assert_int_equal(won, 1);
}

/* Two rows that are always written together are always seen alike, twice in one view. */
static enum status
pair_step(struct store_txn *txn, void *state)
{
    uint8_t *value = state;
    enum status status =
        store_put(txn, STORE_TOKEN, STORE_REPLACE, bytes_of_text("left"), bytes_of(value, 8));

    return status == STATUS_OK ? store_put(txn, STORE_ACCESS, STORE_REPLACE, bytes_of_text("right"),
                                           bytes_of(value, 8))
                               : status;
}

static enum status
same_step(struct store_txn *txn, void *state)
{
    struct bytes left[2] = {{.data = NULL}};
    struct bytes right = {.data = NULL};

    (void)state;
    if (store_get(txn, STORE_TOKEN, bytes_of_text("left"), &left[0]) != STATUS_OK ||
        store_get(txn, STORE_ACCESS, bytes_of_text("right"), &right) != STATUS_OK ||
        store_get(txn, STORE_TOKEN, bytes_of_text("left"), &left[1]) != STATUS_OK) {
        return STATUS_NOT_FOUND;
    }
    return bytes_equal(left[0], right) && bytes_equal(left[0], left[1]) ? STATUS_OK : STATUS_DENIED;
}

struct reader {
    pthread_t thread;
    struct store *store;
    _Atomic bool *stop;
    bool wrong;
};

static void *
read_pairs(void *argument)
{
    struct reader *reader = argument;

    while (!atomic_load(reader->stop)) {
        reader->wrong |= store_view(reader->store, same_step, NULL) != STATUS_OK;
    }
    return NULL;
}

static void
a_view_is_one_moment(void **state)
{
    enum { READERS = 4, ROUNDS = 200 };
    struct fixture *fixture = *state;
    struct reader readers[READERS];
    _Atomic bool stop = false;
    uint8_t value[8] = {0};

    assert_int_equal(store_update(fixture->store, pair_step, value), STATUS_OK);
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.store = fixture->store, .stop = &stop};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_pairs, &readers[i]), 0);
    }
    for (uint64_t round = 0; round < ROUNDS; round++) {
        put_u64(value, round);
        assert_int_equal(store_update(fixture->store, pair_step, value), STATUS_OK);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
        assert_false(readers[i].wrong);
    }
}

/* What the reserve is for is an update like any other. */
static void
reserved_steps_are_updates(void **state)
{
    struct fixture *fixture = *state;
    struct row row = {.table = STORE_TOKEN, .mode = STORE_INSERT, .key = "r", .value = "one"};
    uint64_t changes = store_changes(fixture->store);

    assert_int_equal(store_update_reserved(fixture->store, put_step, &row), STATUS_OK);
    assert_int_equal(store_update_reserved(fixture->store, put_step, &row), STATUS_CONFLICT);
    assert_int_equal(store_changes(fixture->store), changes + 1);
    assert_true(store_keep_reserve(fixture->store));
    reopen(fixture);
    expect(fixture->store, "r", "one");
    row.value = NULL;
    assert_int_equal(store_update_reserved(fixture->store, put_step, &row), STATUS_OK);
    expect(fixture->store, "r", NULL);
}

/* ---- snapshots ---- */

struct walk {
    uint64_t rows;
    uint64_t most; /* then the visitor ends the scan */
    uint8_t key[STORE_KEY_BYTES_MAX];
    size_t key_size;
};

static enum status
walk_row(void *state, struct bytes key, struct bytes value)
{
    struct walk *walk = state;

    assert_true(bytes_equal(value, bytes_of_text("old")));
    memcpy(walk->key, key.data, key.size);
    walk->key_size = key.size;
    return ++walk->rows == walk->most ? STATUS_BUSY : STATUS_OK;
}

static void
put_many(struct store *store, const char *value)
{
    char key[16];

    for (int i = 0; i < 20; i++) {
        (void)snprintf(key, sizeof key, "k%02d", i);
        assert_int_equal(put(store, STORE_REPLACE, key, value), STATUS_OK);
    }
}

/* Whatever is changed, added or deleted meanwhile; and each piece is read by another thread. */
struct piece {
    struct store_snapshot *snapshot;
    struct walk *walk;
    enum status status;
};

static void *
read_piece(void *state)
{
    struct piece *piece = state;

    piece->status = store_snapshot_scan(piece->snapshot, STORE_TOKEN,
                                        bytes_of(piece->walk->key, piece->walk->key_size), walk_row,
                                        piece->walk);
    return NULL;
}

static void
a_snapshot_outlives_its_step(void **state)
{
    struct fixture *fixture = *state;
    struct walk walk = {.most = 7};
    struct piece piece = {.walk = &walk};
    uint64_t changes;
    pthread_t thread;

    put_many(fixture->store, "old");
    changes = store_changes(fixture->store);
    assert_int_equal(store_snapshot_open(fixture->store, &piece.snapshot), STATUS_OK);
    for (int i = 1; i <= 3; i++) {
        put_many(fixture->store, "new");
        assert_int_equal(put(fixture->store, STORE_REPLACE, "k99", "new"), STATUS_OK);
        assert_int_equal(put(fixture->store, STORE_REPLACE, "k05", NULL), STATUS_OK);
        assert_int_equal(pthread_create(&thread, NULL, read_piece, &piece), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(piece.status, i < 3 ? STATUS_BUSY : STATUS_OK);
        walk.most += 7;
    }
    assert_int_equal(walk.rows, 20);
    assert_int_equal(store_snapshot_rows(piece.snapshot, STORE_TOKEN), 20);
    assert_int_equal(store_snapshot_rows(piece.snapshot, STORE_META), 0);
    assert_int_equal(store_snapshot_changes(piece.snapshot), changes);
    store_snapshot_close(&piece.snapshot);
    assert_null(piece.snapshot);
    expect(fixture->store, "k00", "new");
}

/* The store's own rows are nobody's to copy. */
static enum status
refuse_row(void *state, struct bytes key, struct bytes value)
{
    (void)state;
    (void)key;
    (void)value;
    return STATUS_INTERNAL;
}

static void
a_snapshot_knows_the_next_row_number(void **state)
{
    struct fixture *fixture = *state;
    struct store_snapshot *snapshot = NULL;
    uint64_t first = 0;

    assert_int_equal(put(fixture->store, STORE_REPLACE, "a", "old"), STATUS_OK);
    assert_int_equal(store_snapshot_open(fixture->store, &snapshot), STATUS_OK);
    assert_int_equal(store_snapshot_scan(snapshot, STORE_META, (struct bytes){0}, refuse_row, NULL),
                     STATUS_OK);
    first = store_snapshot_next_row(snapshot);
    store_snapshot_close(&snapshot);
    reopen(fixture);
    assert_int_equal(store_snapshot_open(fixture->store, &snapshot), STATUS_OK);
    assert_int_equal(store_snapshot_next_row(snapshot), first);
    store_snapshot_close(&snapshot);
}

/* Pages that it sees are not written again, though they were freed: it is an old view. */
static void
a_snapshot_is_whole_after_many_commits(void **state)
{
    struct fixture *fixture = *state;
    struct store_snapshot *snapshot = NULL;
    struct walk walk = {0};

    put_many(fixture->store, "old");
    assert_int_equal(store_snapshot_open(fixture->store, &snapshot), STATUS_OK);
    for (int i = 0; i < 10; i++) {
        put_many(fixture->store, "new");
    }
    assert_true(store_keep_reserve(fixture->store));
    assert_int_equal(store_snapshot_scan(snapshot, STORE_TOKEN, (struct bytes){0}, walk_row, &walk),
                     STATUS_OK);
    assert_int_equal(walk.rows, 20);
    store_snapshot_close(&snapshot);
}

#define CONTRACT(test) cmocka_unit_test_prestate_setup_teardown(test, set_up, tear_down, backend)

static int
run_contract(const char *name, void *backend)
{
    const struct CMUnitTest tests[] = {
        CONTRACT(puts_gets_and_deletes),
        CONTRACT(tables_are_apart),
        CONTRACT(insert_meets_a_conflict),
        CONTRACT(insert_many_is_all_or_nothing),
        CONTRACT(scans_merge_what_was_written),
        CONTRACT(a_step_reads_its_own_writes),
        CONTRACT(a_failed_step_leaves_nothing),
        CONTRACT(sizes_have_limits),
        CONTRACT(rows_of_a_step_have_a_limit),
        CONTRACT(takes_large_batches),
        CONTRACT(row_numbers_never_come_back),
        CONTRACT(records_may_come_in_any_order),
        CONTRACT(changes_are_counted_and_kept),
        CONTRACT(writers_share_flushes),
        CONTRACT(a_failing_step_costs_its_neighbours_nothing),
        CONTRACT(one_insert_wins),
        CONTRACT(a_view_is_one_moment),
        CONTRACT(reserved_steps_are_updates),
        CONTRACT(a_snapshot_outlives_its_step),
        CONTRACT(a_snapshot_knows_the_next_row_number),
        CONTRACT(a_snapshot_is_whole_after_many_commits),
    };

    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int
main(void)
{
    struct store_backend lmdb = store_lmdb_backend;
    struct store_backend faulty = store_faulty_backend;

    return run_contract("lmdb", &lmdb) + run_contract("wrapped", &faulty);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a new store for a restore: in order and whole, and numbers that never go back. */
#include "store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_backend.h"
#include "store_faulty.h"
#include "store_folder.h"

enum { MAP_BYTES = 256 * 1024 * 1024, ROWS = 20000, STEP = 6000, KEY_BYTES = 8 };

struct fixture {
    struct folder folder;
    struct store *store;
    uint8_t keys[ROWS][KEY_BYTES];
    struct bytes key[ROWS];
    struct bytes value[ROWS];
};

static void
open_store(struct fixture *fixture)
{
    struct store_options options = {.folder = fixture->folder.path, .map_bytes = MAP_BYTES};

    assert_int_equal(store_open_with(&store_faulty_backend, &options, &fixture->store), STATUS_OK);
}

static int
set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    folder_make(&fixture->folder);
    store_faulty_fail_at(0, FAULTY_ABORTED, false);
    open_store(fixture);
    for (uint64_t i = 0; i < ROWS; i++) {
        put_u64(fixture->keys[i], 3 * i + 1);
        fixture->key[i] = bytes_of(fixture->keys[i], KEY_BYTES);
        fixture->value[i] = fixture->key[i];
    }
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *fixture = *state;

    store_faulty_fail_at(0, FAULTY_ABORTED, false);
    store_close(&fixture->store);
    folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

static enum status
load(struct fixture *fixture, enum store_table table, size_t from, size_t count)
{
    return store_load(fixture->store, table, fixture->key + from, fixture->value + from, count);
}

static enum status
count_row(void *state, struct bytes key, struct bytes value)
{
    size_t *count = state;

    assert_true(bytes_equal(key, value));
    *count += 1;
    return STATUS_OK;
}

struct counting {
    enum store_table table;
    size_t count;
};

static enum status
count_step(struct store_txn *txn, void *state)
{
    struct counting *counting = state;

    counting->count = 0;
    return store_scan(txn, counting->table, (struct bytes){0}, (struct bytes){0}, count_row,
                      &counting->count);
}

static size_t
count_rows(struct fixture *fixture, enum store_table table)
{
    struct counting counting = {.table = table};

    assert_int_equal(store_view(fixture->store, count_step, &counting), STATUS_OK);
    return counting.count;
}

static enum status
allocate_step(struct store_txn *txn, void *state)
{
    return store_allocate(txn, 1, state);
}

static uint64_t
next_row(struct fixture *fixture)
{
    uint64_t row = 0;

    assert_int_equal(store_update(fixture->store, allocate_step, &row), STATUS_OK);
    return row;
}

/* ---- tests ---- */

static void
rows_loaded_are_there_after_a_restart(void **state)
{
    struct fixture *fixture = *state;

    for (enum store_table table = STORE_RECORD; table < STORE_TABLES; table++) {
        for (size_t at = 0; at < ROWS; at += STEP) {
            assert_int_equal(load(fixture, table, at, ROWS - at < STEP ? ROWS - at : STEP),
                             STATUS_OK);
        }
    }
    assert_int_equal(load(fixture, STORE_TOKEN, 0, 0), STATUS_OK);
    assert_int_equal(next_row(fixture), 3 * (uint64_t)ROWS - 1);
    store_close(&fixture->store);
    open_store(fixture);
    for (enum store_table table = STORE_RECORD; table < STORE_TABLES; table++) {
        assert_int_equal(count_rows(fixture, table), ROWS);
    }
    assert_int_equal(next_row(fixture), 3 * (uint64_t)ROWS - 1);
}

static void
a_row_out_of_order_or_there_already_is_refused_whole(void **state)
{
    struct fixture *fixture = *state;
    struct bytes key = fixture->key[7];

    assert_int_equal(load(fixture, STORE_TOKEN, 0, 5), STATUS_OK);
    assert_int_equal(load(fixture, STORE_TOKEN, 4, 3), STATUS_CONFLICT);
    assert_int_equal(count_rows(fixture, STORE_TOKEN), 5);
    fixture->key[7] = fixture->key[8];
    fixture->value[7] = fixture->key[8];
    assert_int_equal(load(fixture, STORE_TOKEN, 6, 4), STATUS_CONFLICT);
    fixture->key[7] = fixture->value[7] = key;
    assert_int_equal(count_rows(fixture, STORE_TOKEN), 5);
    assert_int_equal(load(fixture, STORE_TOKEN, 5, 4), STATUS_OK);
    assert_int_equal(count_rows(fixture, STORE_TOKEN), 9);
}

static void
keys_and_values_keep_to_their_limits(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t large[STORE_VALUE_BYTES_MAX + 1];
    struct bytes empty = bytes_of(large, 0);
    struct bytes long_key = bytes_of(large, STORE_KEY_BYTES_MAX + 1);
    struct bytes long_value = bytes_of(large, sizeof large);

    assert_int_equal(store_load(fixture->store, STORE_INDEX, &empty, &empty, 1), STATUS_INVALID);
    assert_int_equal(store_load(fixture->store, STORE_INDEX, &long_key, &empty, 1),
                     STATUS_TOO_LARGE);
    assert_int_equal(store_load(fixture->store, STORE_INDEX, fixture->key, &long_value, 1),
                     STATUS_TOO_LARGE);
    assert_int_equal(count_rows(fixture, STORE_INDEX), 0);
}

static void
counts_go_up_and_never_down(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(load(fixture, STORE_RECORD, 0, 10), STATUS_OK);
    assert_int_equal(store_load_counts(fixture->store, 5000, 900), STATUS_OK);
    assert_true(store_changes(fixture->store) >= 5000);
    assert_int_equal(store_load_counts(fixture->store, 7, 8), STATUS_OK);
    assert_true(store_changes(fixture->store) >= 5001);
    assert_int_equal(next_row(fixture), 900);
    store_close(&fixture->store);
    open_store(fixture);
    assert_true(store_changes(fixture->store) >= 5001);
    assert_true(next_row(fixture) >= 900);
}

/* Whichever call of the engine fails, a piece is there whole or not at all. */
static void
a_failure_leaves_whole_pieces(void **state)
{
    struct fixture *fixture = *state;
    size_t loaded = 0;
    size_t failures = 0;
    uint64_t call = 1;

    do {
        store_faulty_fail_at(call, FAULTY_ABORTED, false);
        if (load(fixture, STORE_TOKEN, loaded, 4) == STATUS_OK) {
            loaded += 4;
        } else {
            failures++;
        }
        store_faulty_fail_at(0, FAULTY_ABORTED, false);
        assert_int_equal(count_rows(fixture, STORE_TOKEN), loaded);
    } while (call++ < 8);
    assert_true(failures >= 3);
    assert_true(loaded >= 4);
}

static void
after_a_commit_that_nobody_knows_of_nothing_more_is_loaded(void **state)
{
    struct fixture *fixture = *state;

    store_faulty_fail_at(4, FAULTY_UNKNOWN_LOST, false); /* begin, append, counts, commit */
    assert_int_equal(load(fixture, STORE_TOKEN, 0, 4), STATUS_UNAVAILABLE);
    assert_true(store_failed(fixture->store));
    assert_int_equal(load(fixture, STORE_TOKEN, 0, 4), STATUS_UNAVAILABLE);
}

static void
the_stores_own_rows_are_known(void **state)
{
    (void)state;
    assert_true(store_is_own_row(STORE_META, bytes_of_text("format")));
    assert_true(store_is_own_row(STORE_META, bytes_of_text("changes")));
    assert_false(store_is_own_row(STORE_META, bytes_of_text("vault")));
    assert_false(store_is_own_row(STORE_ACCESS, bytes_of_text("format")));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_loaded_are_there_after_a_restart),
        TEST(a_row_out_of_order_or_there_already_is_refused_whole),
        TEST(keys_and_values_keep_to_their_limits),
        TEST(counts_go_up_and_never_down),
        TEST(a_failure_leaves_whole_pieces),
        TEST(after_a_commit_that_nobody_knows_of_nothing_more_is_loaded),
        TEST(the_stores_own_rows_are_known),
    };

    return cmocka_run_group_tests_name("store_load", tests, NULL, NULL);
}

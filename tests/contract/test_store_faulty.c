/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's nth call fails, for every n: never half a step, never a wrong OK. */
#include "store.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store_faulty.h"
#include "store_folder.h"

enum {
    MAP_BYTES = 64 * 1024 * 1024,
    STEPS = 6,
    CALLERS = 8,
    CALLS_MAX = 400, /* more than a run makes */
    ROW_TABLES = 3,
};

static const enum store_table row_tables[ROW_TABLES] = {STORE_RECORD, STORE_TOKEN, STORE_INDEX};

/* A step writes its number into three tables, having looked for it by get and by scan. */
struct call {
    pthread_t thread;
    struct store *store;
    uint64_t number;
    enum status status;
};

static enum status
count_visit(void *state, struct bytes key, struct bytes value)
{
    (void)key;
    (void)value;
    ++*(uint64_t *)state;
    return STATUS_OK;
}

/* Overlooks every status: the store must not let an engine's error pass as success. */
static enum status
careless_step(struct store_txn *txn, void *state)
{
    struct call *call = state;
    uint8_t bytes[8];
    struct bytes key = bytes_of(bytes, sizeof bytes);
    struct bytes value;
    uint64_t rows = 0;

    put_u64(bytes, call->number);
    (void)!store_get(txn, STORE_TOKEN, key, &value);
    (void)!store_scan(txn, STORE_INDEX, bytes_of(NULL, 0), bytes_of(NULL, 0), count_visit, &rows);
    for (int i = 0; i < ROW_TABLES; i++) {
        (void)!store_put(txn, row_tables[i], STORE_INSERT, key, key);
    }
    return STATUS_OK;
}

static void *
call_update(void *argument)
{
    struct call *call = argument;

    call->status = store_update(call->store, careless_step, call);
    return NULL;
}

struct fault {
    uint64_t at;
    enum faulty_commit how;
    bool for_good;
    bool together; /* all steps at once, so that they share transactions */
};

static void
run_calls(struct store *store, struct call *calls, size_t count, bool together)
{
    for (size_t i = 0; i < count; i++) {
        calls[i] = (struct call){.store = store, .number = i + 1};
        assert_int_equal(pthread_create(&calls[i].thread, NULL, call_update, &calls[i]), 0);
        if (!together) {
            assert_int_equal(pthread_join(calls[i].thread, NULL), 0);
        }
    }
    for (size_t i = 0; i < count && together; i++) {
        assert_int_equal(pthread_join(calls[i].thread, NULL), 0);
    }
}

/* In how many of the tables is the row? Read by an engine that does not fail. */
static enum status
count_rows_step(struct store_txn *txn, void *state)
{
    uint64_t *number_then_count = state;
    uint8_t bytes[8];
    uint64_t count = 0;

    put_u64(bytes, *number_then_count);
    for (int i = 0; i < ROW_TABLES; i++) {
        struct bytes value;
        enum status status = store_get(txn, row_tables[i], bytes_of(bytes, sizeof bytes), &value);

        if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
            return status;
        }
        count += status == STATUS_OK;
    }
    *number_then_count = count;
    return STATUS_OK;
}

static void
check_calls(const struct store_options *options, const struct call *calls, size_t count,
            const struct fault *fault, bool store_had_failed)
{
    struct store *store = NULL;

    assert_int_equal(store_open(options, &store), STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        uint64_t rows = calls[i].number;

        assert_int_equal(store_view(store, count_rows_step, &rows), STATUS_OK);
        assert_true(rows == 0 || rows == ROW_TABLES);
        if (calls[i].status == STATUS_OK) {
            assert_int_equal(rows, ROW_TABLES);
        } else {
            assert_int_equal(calls[i].status, STATUS_UNAVAILABLE);
            assert_true(rows == 0 || (store_had_failed && fault->how == FAULTY_UNKNOWN_KEPT));
        }
    }
    store_close(&store);
}

/* One run with one fault. Returns the calls the engine got. */
static uint64_t
run_fault(const struct fault *fault)
{
    struct folder folder;
    struct call calls[CALLERS] = {{.status = STATUS_INTERNAL}};
    struct store *store = NULL;
    size_t count = fault->together ? CALLERS : STEPS;
    bool failed = false;
    uint64_t made;
    struct store_options options;
    enum status status;

    folder_make(&folder);
    options = (struct store_options){.folder = folder.path, .map_bytes = MAP_BYTES};
    store_faulty_fail_at(fault->at, fault->how, fault->for_good);
    status = store_open_with(&store_faulty_backend, &options, &store);
    if (status == STATUS_OK) {
        run_calls(store, calls, count, fault->together);
        failed = store_failed(store);
        if (failed) {
            uint64_t changes = store_changes(store);

            store_faulty_fail_at(0, FAULTY_ABORTED, false);
            assert_int_equal(store_update(store, careless_step, &calls[0]), STATUS_UNAVAILABLE);
            assert_int_equal(store_changes(store), changes); /* failed for good */
        }
    } else {
        assert_int_equal(status, STATUS_UNAVAILABLE);
        count = 0;
    }
    made = store_faulty_calls();
    store_close(&store);
    check_calls(&options, calls, count, fault, failed);
    folder_remove(&folder);
    return made;
}

static void
run_every_call(struct fault fault)
{
    uint64_t made;

    fault.at = 0;
    made = run_fault(&fault);
    assert_in_range(made, STEPS * 5, CALLS_MAX);
    for (fault.at = 1; fault.at <= made; fault.at++) {
        (void)run_fault(&fault);
    }
}

static void
one_call_fails(void **state)
{
    (void)state;
    run_every_call((struct fault){.how = FAULTY_ABORTED});
}

static void
one_call_fails_among_many_callers(void **state)
{
    (void)state;
    run_every_call((struct fault){.how = FAULTY_ABORTED, .together = true});
}

static void
all_calls_fail_from_one_on(void **state)
{
    (void)state;
    run_every_call((struct fault){.how = FAULTY_ABORTED, .for_good = true, .together = true});
}

static void
a_commit_is_lost(void **state)
{
    (void)state;
    run_every_call((struct fault){.how = FAULTY_UNKNOWN_LOST, .together = true});
}

static void
a_commit_is_kept(void **state)
{
    (void)state;
    run_every_call((struct fault){.how = FAULTY_UNKNOWN_KEPT, .together = true});
}

/* After a known abort the store goes on: only the step that met it was refused. */
static void
goes_on_after_a_known_abort(void **state)
{
    struct folder folder;
    struct store *store = NULL;
    struct call calls[STEPS];
    struct store_options options;
    int refused = 0;

    (void)state;
    folder_make(&folder);
    options = (struct store_options){.folder = folder.path, .map_bytes = MAP_BYTES};
    store_faulty_fail_at(0, FAULTY_ABORTED, false);
    assert_int_equal(store_open_with(&store_faulty_backend, &options, &store), STATUS_OK);
    store_faulty_fail_at(2, FAULTY_ABORTED, false); /* the first step's first read */
    run_calls(store, calls, STEPS, false);
    for (size_t i = 0; i < STEPS; i++) {
        refused += calls[i].status != STATUS_OK;
    }
    assert_int_equal(refused, 1);
    assert_int_equal(calls[0].status, STATUS_UNAVAILABLE);
    assert_false(store_failed(store));
    store_close(&store);
    folder_remove(&folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_call_fails),
        cmocka_unit_test(one_call_fails_among_many_callers),
        cmocka_unit_test(all_calls_fail_from_one_on),
        cmocka_unit_test(a_commit_is_lost),
        cmocka_unit_test(a_commit_is_kept),
        cmocka_unit_test(goes_on_after_a_known_abort),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

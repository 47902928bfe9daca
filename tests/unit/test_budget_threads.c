/* SPDX-License-Identifier: Apache-2.0 */
/* Many callers on one budget, with a log that takes a while and sometimes fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "budget.h"

#define START ((uint64_t)1700000000000)

enum {
    THREADS = 12,
    RECORD_US = 200,
    FAILS_EACH = 7, /* every seventh block is not recorded */
};

static const struct budget_key key = {1, 2, BUDGET_LOOKUP};

struct storm {
    struct budgets *budgets;
    struct budget_limits limits;
    bool fails;
    atomic_ullong now_ms;
    atomic_uint recording;
    atomic_uint recording_most;
    atomic_ullong blocks;
    atomic_ullong recorded; /* units in the log */
    atomic_ullong drawn;
    atomic_ullong busy;
};

struct caller {
    pthread_t thread;
    struct storm *storm;
    uint32_t amount_most;
    bool may_wait;
    uint32_t turns; /* 0: until QUOTA */
};

/* Stands in for the log. */
static bool
record(struct storm *storm, uint32_t block)
{
    unsigned at_once = atomic_fetch_add(&storm->recording, 1) + 1;
    unsigned long long number = atomic_fetch_add(&storm->blocks, 1);
    bool fails = storm->fails && number % FAILS_EACH == FAILS_EACH - 1;

    if (at_once > atomic_load(&storm->recording_most)) {
        atomic_store(&storm->recording_most, at_once);
    }
    (void)usleep(RECORD_US);
    (void)atomic_fetch_add(&storm->now_ms, 1);
    if (!fails) {
        (void)atomic_fetch_add(&storm->recorded, block);
    }
    (void)atomic_fetch_sub(&storm->recording, 1);
    return !fails;
}

static enum status
draw(struct caller *caller, uint32_t amount)
{
    struct storm *storm = caller->storm;
    struct budget_draw it = {key, storm->limits, atomic_load(&storm->now_ms), amount,
                             caller->may_wait};
    uint32_t block = 0;
    uint32_t retry_after_s = 0;
    enum status status = budgets_draw(storm->budgets, &it, &block, &retry_after_s);
    bool recorded = true;

    if (status == STATUS_OK && block > 0) {
        recorded = record(storm, block);
        budgets_block_recorded(storm->budgets, &it, block, recorded);
    }
    if (status == STATUS_OK && recorded) {
        (void)atomic_fetch_add(&storm->drawn, amount);
    }
    return status;
}

static void *
call(void *argument)
{
    struct caller *caller = argument;

    for (uint32_t turn = 0; caller->turns == 0 || turn < caller->turns; turn++) {
        enum status status = draw(caller, 1 + turn % caller->amount_most);

        if (status == STATUS_BUSY) {
            (void)atomic_fetch_add(&caller->storm->busy, 1);
            (void)usleep(RECORD_US);
        } else if (status != STATUS_OK) {
            return status == STATUS_QUOTA ? NULL : argument;
        }
    }
    return NULL;
}

static void
storm_run(struct storm *storm, struct caller callers[static THREADS])
{
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i].storm = storm;
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        void *fault = NULL;

        assert_int_equal(pthread_join(callers[i].thread, &fault), 0);
        assert_null(fault);
    }
    assert_int_equal(storm->recording_most, 1);
}

static void
storm_make(struct storm *storm, uint32_t daily, bool fails)
{
    memset(storm, 0, sizeof *storm);
    storm->limits.daily = daily;
    storm->fails = fails;
    atomic_store(&storm->now_ms, START);
    assert_int_equal(budgets_new(&storm->budgets), STATUS_OK);
}

static void
test_all_of_it_is_drawn_and_no_more(void **state)
{
    struct storm storm;
    struct caller callers[THREADS];

    (void)state;
    for (unsigned fails = 0; fails < 2; fails++) {
        storm_make(&storm, 20000, fails != 0);
        for (unsigned i = 0; i < THREADS; i++) {
            callers[i] = (struct caller){.amount_most = 1, .may_wait = true};
        }
        storm_run(&storm, callers);
        assert_int_equal(storm.drawn, 20000);
        assert_int_equal(storm.recorded, 20000);
        assert_int_equal(budgets_used(storm.budgets, key, storm.now_ms), 20000);
        budgets_free(&storm.budgets);
    }
}

/* Nobody has to be refused: each draw is counted, none twice. */
static void
test_every_draw_counts_once(void **state)
{
    struct storm storm;
    struct caller callers[THREADS];
    unsigned long long drawn;
    unsigned long long expected = 0;

    (void)state;
    storm_make(&storm, 1000000, false);
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.amount_most = 1 + 40 * i, .may_wait = true, .turns = 300};
        for (uint32_t turn = 0; turn < 300; turn++) {
            expected += 1 + turn % callers[i].amount_most;
        }
    }
    storm_run(&storm, callers);
    drawn = storm.drawn;
    assert_int_equal(drawn, expected);
    assert_int_equal(budgets_used(storm.budgets, key, storm.now_ms), storm.recorded);
    /* What was not drawn is in the one block in use. */
    assert_in_range(storm.recorded, drawn, drawn + 1000);
    budgets_free(&storm.budgets);
}

/* Half may not wait: they never record, and draw only what others had recorded. */
static void
test_who_may_not_wait_draws_from_what_there_is(void **state)
{
    struct storm storm;
    struct caller callers[THREADS];

    (void)state;
    storm_make(&storm, 50000, true);
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.amount_most = 3, .may_wait = i % 2 == 0};
    }
    storm_run(&storm, callers);
    assert_in_range(storm.drawn, 50000 - 2, 50000);
    assert_true(storm.busy > 0);
    budgets_free(&storm.budgets);

    /* And alone they get nothing at all. */
    storm_make(&storm, 50000, false);
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.amount_most = 3, .may_wait = false, .turns = 100};
    }
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i].storm = &storm;
        assert_null(call(&callers[i]));
    }
    assert_int_equal(storm.busy, THREADS * 100);
    assert_int_equal(storm.blocks, 0);
    assert_int_equal(budgets_used(storm.budgets, key, storm.now_ms), 0);
    budgets_free(&storm.budgets);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_it_is_drawn_and_no_more),
        cmocka_unit_test(test_every_draw_counts_once),
        cmocka_unit_test(test_who_may_not_wait_draws_from_what_there_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

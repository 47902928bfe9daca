/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S18 "never more than the budget".
 * Budgets, case by case: statuses and numbers. test_budget_strict.c has what holds for any
 * schedule, test_budget_threads.c what holds for many callers at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "budget_table.h"
#include "log.h"

#define SECOND ((uint64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define START (5600000 * 5 * MINUTE) /* a bucket of either window begins here */

enum {
    DAY_S = 24 * 3600,
    BUCKET_S = 5 * 60,
    HOUR_S = 3600,
    HOUR_BUCKET_S = 60,
};

static const struct budget_key person = {7, 0, BUDGET_REVEAL};
static const struct budget_key service = {7, 3, BUDGET_LOOKUP};
static const struct budget_key misses = {7, 3, BUDGET_MISSES};

/* ---- stand-ins, by the linker's --wrap ---- */

static unsigned alarms;
static uint64_t alarm_fields[3];
static bool memory_short;

void __wrap_log_write(enum log_level level, enum log_event event, const struct log_field *fields,
                      unsigned count);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void
__wrap_log_write(enum log_level level, enum log_event event, const struct log_field *fields,
                 unsigned count)
{
    assert_int_equal(level, LOG_LEVEL_WARNING);
    assert_true(event == EVENT_BUDGET_ALARM || event == EVENT_LOOKUP_MISSES);
    assert_int_equal(count, 3);
    assert_string_equal(fields[0].name, "principal");
    assert_string_equal(fields[1].name, "namespace");
    assert_string_equal(fields[2].name, event == EVENT_BUDGET_ALARM ? "percent" : "misses");
    for (unsigned i = 0; i < count; i++) {
        alarm_fields[i] = fields[i].number;
    }
    alarms++;
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return memory_short ? NULL : __real_calloc(count, size);
}

static int
set_up(void **state)
{
    struct budgets *budgets = NULL;

    alarms = 0;
    assert_int_equal(budgets_new(&budgets), STATUS_OK);
    *state = budgets;
    return 0;
}

static int
tear_down(void **state)
{
    struct budgets *budgets = *state;

    budgets_free(&budgets);
    assert_null(budgets);
    budgets_free(&budgets);
    return 0;
}

/* ---- calls ---- */

static struct budget_limits
limits(uint32_t daily, uint32_t hourly)
{
    return (struct budget_limits){.daily = daily, .hourly = hourly};
}

/* 0: taken; else the seconds to wait. */
static uint32_t
take(struct budgets *budgets, struct budget_limits of, uint64_t now_ms, uint32_t amount)
{
    uint32_t retry_after_s = 0;
    enum status status = budgets_take(budgets, person, of, now_ms, amount, &retry_after_s);

    if (status == STATUS_OK) {
        assert_int_equal(retry_after_s, 0);
        return 0;
    }
    assert_int_equal(status, STATUS_QUOTA);
    assert_int_not_equal(retry_after_s, 0);
    return retry_after_s;
}

static struct budget_draw
draw_of(struct budget_limits of, uint64_t now_ms, uint32_t amount)
{
    return (struct budget_draw){service, of, now_ms, amount, .may_wait = true};
}

/* The block asked for, which is recorded; 0: none was needed. */
static uint32_t
draw(struct budgets *budgets, struct budget_limits of, uint64_t now_ms, uint32_t amount)
{
    struct budget_draw it = draw_of(of, now_ms, amount);
    uint32_t block = UINT32_MAX;
    uint32_t retry_after_s = 0;

    assert_int_equal(budgets_draw(budgets, &it, &block, &retry_after_s), STATUS_OK);
    assert_int_equal(retry_after_s, 0);
    if (block > 0) {
        budgets_block_recorded(budgets, &it, block, true);
    }
    return block;
}

/* The seconds of a QUOTA. */
static uint32_t
draw_refused(struct budgets *budgets, struct budget_limits of, uint64_t now_ms, uint32_t amount)
{
    struct budget_draw it = draw_of(of, now_ms, amount);
    uint32_t block = UINT32_MAX;
    uint32_t retry_after_s = 0;

    assert_int_equal(budgets_draw(budgets, &it, &block, &retry_after_s), STATUS_QUOTA);
    assert_int_equal(block, 0);
    return retry_after_s;
}

/* ---- taking ---- */

static void
test_a_day_holds_the_daily_figure_and_no_more(void **state)
{
    struct budgets *budgets = *state;
    const struct budget_limits fifty = limits(50, 0);

    assert_int_equal(budgets_used(budgets, person, START), 0);
    assert_int_equal(take(budgets, fifty, START, 30), 0);
    assert_int_equal(take(budgets, fifty, START, 21), DAY_S + BUCKET_S);
    assert_int_equal(budgets_used(budgets, person, START), 30);
    assert_int_equal(take(budgets, fifty, START + 1, 20), 0);
    assert_int_equal(take(budgets, fifty, START + 1, 51), UINT32_MAX);
    assert_int_equal(take(budgets, fifty, START + 1, 1), DAY_S + BUCKET_S);
    assert_int_equal(take(budgets, fifty, START + DAY, 1), BUCKET_S);
    assert_int_equal(take(budgets, fifty, START + DAY + 5 * MINUTE - 1, 1), 1);
    assert_int_equal(budgets_used(budgets, person, START + DAY + 5 * MINUTE - 1), 50);
    assert_int_equal(take(budgets, fifty, START + DAY + 5 * MINUTE, 50), 0);
    assert_int_equal(budgets_used(budgets, person, START + 9 * DAY), 0);
}

static void
test_an_hour_holds_the_hourly_figure(void **state)
{
    struct budgets *budgets = *state;

    assert_int_equal(take(budgets, limits(0, 10), START + 30 * SECOND, 10), 0);
    assert_int_equal(take(budgets, limits(0, 10), START + 30 * SECOND, 1),
                     HOUR_S + HOUR_BUCKET_S - 30);
    assert_int_equal(take(budgets, limits(0, 10), START + HOUR + MINUTE - 1, 1), 1);
    assert_int_equal(take(budgets, limits(0, 10), START + HOUR + MINUTE, 10), 0);
}

static void
test_retry_after_is_when_that_amount_fits(void **state)
{
    struct budgets *budgets = *state;
    const struct budget_limits thirty = limits(30, 0);
    const uint32_t whole = DAY_S + BUCKET_S;

    assert_int_equal(take(budgets, thirty, START, 10), 0);
    assert_int_equal(take(budgets, thirty, START + HOUR, 10), 0);
    assert_int_equal(take(budgets, thirty, START + 2 * HOUR, 10), 0);
    assert_int_equal(take(budgets, thirty, START + 2 * HOUR, 1), whole - 2 * HOUR_S);
    assert_int_equal(take(budgets, thirty, START + 2 * HOUR, 10), whole - 2 * HOUR_S);
    assert_int_equal(take(budgets, thirty, START + 2 * HOUR, 11), whole - HOUR_S);
    assert_int_equal(take(budgets, thirty, START + 2 * HOUR, 30), whole);
    assert_int_equal(take(budgets, thirty, START + 2 * HOUR, 31), UINT32_MAX);
    /* A second is whole: 1 ms more than 7 s are 8. */
    assert_int_equal(take(budgets, thirty, START + DAY + 5 * MINUTE - 7001, 1), 8);
}

static void
test_the_later_of_day_and_hour_counts(void **state)
{
    struct budgets *budgets = *state;

    assert_int_equal(take(budgets, limits(20, 10), START, 10), 0);
    assert_int_equal(take(budgets, limits(20, 10), START, 1), HOUR_S + HOUR_BUCKET_S);
    assert_int_equal(take(budgets, limits(20, 10), START, 11), UINT32_MAX);
    assert_int_equal(take(budgets, limits(20, 10), START + 2 * HOUR, 10), 0);
    assert_int_equal(take(budgets, limits(20, 10), START + 2 * HOUR, 1),
                     DAY_S + BUCKET_S - 2 * HOUR_S);
    assert_int_equal(take(budgets, limits(25, 10), START + 2 * HOUR, 1), HOUR_S + HOUR_BUCKET_S);
}

static void
test_limits_change_from_call_to_call(void **state)
{
    struct budgets *budgets = *state;

    assert_int_equal(take(budgets, limits(0, 0), START, 1000), 0);
    assert_int_equal(take(budgets, limits(50, 0), START, 1), DAY_S + BUCKET_S);
    assert_int_equal(take(budgets, limits(1000, 0), START, 1), DAY_S + BUCKET_S);
    assert_int_equal(take(budgets, limits(1001, 0), START, 1), 0);
    assert_int_equal(take(budgets, limits(0, 0), START, UINT32_MAX), 0);
    assert_int_equal(take(budgets, limits(0, 0), START, UINT32_MAX), 0);
    assert_int_equal(take(budgets, limits(UINT32_MAX, 0), START, 1), DAY_S + BUCKET_S);
}

static void
test_budgets_are_apart(void **state)
{
    struct budgets *budgets = *state;
    const struct budget_key others[] = {
        {8, 0, BUDGET_REVEAL}, {7, 1, BUDGET_REVEAL}, {7, 0, BUDGET_LOOKUP}};
    uint32_t retry_after_s = 0;

    assert_int_equal(take(budgets, limits(5, 5), START, 5), 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(budgets_used(budgets, others[i], START), 0);
        assert_int_equal(budgets_take(budgets, others[i], limits(5, 5), START, 5, &retry_after_s),
                         STATUS_OK);
    }
    assert_int_equal(budgets_used(budgets, person, START), 5);
}

static void
test_a_clock_that_goes_back_gains_nothing(void **state)
{
    struct budgets *budgets = *state;

    assert_int_equal(take(budgets, limits(10, 0), START + DAY, 5), 0);
    assert_int_equal(take(budgets, limits(10, 0), START, 5), 0);
    assert_int_equal(budgets_used(budgets, person, START), 10);
    assert_int_equal(take(budgets, limits(10, 0), START, 1), 2 * DAY_S + BUCKET_S);
    assert_int_equal(take(budgets, limits(10, 0), START + 2 * DAY, 1), BUCKET_S);
    /* Nor for who comes for the first time. */
    assert_int_equal(draw(budgets, limits(10, 0), START, 10), 10);
    assert_int_equal(draw_refused(budgets, limits(10, 0), START, 1), 3 * DAY_S + BUCKET_S);
}

static void
test_a_window_never_turns_back(void **state)
{
    uint32_t units[61];
    struct budget_window window;

    (void)state;
    budget_window_init(&window, units, 61, 60 * 1000, START);
    budget_window_add(&window, 5);
    budget_window_advance(&window, START - 1);
    budget_window_advance(&window, 0);
    assert_int_equal(window.sum, 5);
    assert_int_equal(budget_window_room(&window, 7), 2);
    assert_int_equal(budget_window_room(&window, 5), 0);
    assert_int_equal(budget_window_room(&window, 4), 0);
    /* Near the beginning of time, too. */
    budget_window_init(&window, units, 61, 60 * 1000, 0);
    budget_window_add(&window, 5);
    assert_int_equal(budget_window_fits_ms(&window, 5, 0, 1), HOUR + MINUTE);
    budget_window_take_out(&window, 0, 5);
    assert_int_equal(window.sum, 0);
}

static void
test_what_is_given_back_may_be_taken_again(void **state)
{
    struct budgets *budgets = *state;
    const struct budget_limits ten = limits(10, 10);

    budgets_give_back(budgets, person, START, 5); /* who has no budget yet */
    assert_int_equal(budgets_used(budgets, person, START), 0);
    assert_int_equal(take(budgets, ten, START, 10), 0);
    budgets_give_back(budgets, person, START, 4);
    assert_int_equal(budgets_used(budgets, person, START), 6);
    assert_int_equal(take(budgets, ten, START, 5), DAY_S + BUCKET_S);
    assert_int_equal(take(budgets, ten, START, 4), 0);
    /* What left by itself takes nothing with it. */
    assert_int_equal(take(budgets, ten, START + 2 * DAY, 7), 0);
    budgets_give_back(budgets, person, START, 4);
    assert_int_equal(budgets_used(budgets, person, START + 2 * DAY), 7);
    /* By a clock that lags, the amount was added later than it says. */
    assert_int_equal(take(budgets, ten, START + 2 * DAY - 30 * MINUTE, 3), 0);
    budgets_give_back(budgets, person, START + 2 * DAY - 30 * MINUTE, 3);
    assert_int_equal(budgets_used(budgets, person, START + 2 * DAY), 7);
    assert_int_equal(take(budgets, ten, START + 2 * DAY, 3), 0);
}

/* ---- drawing ---- */

static void
test_a_block_is_what_is_missing_or_a_thousandth(void **state)
{
    struct budgets *budgets = *state;
    const struct budget_limits many = limits(100000, 0);

    assert_int_equal(draw(budgets, many, START, 1), 100);
    assert_int_equal(budgets_used(budgets, service, START), 100);
    for (unsigned i = 0; i < 99; i++) {
        assert_int_equal(draw(budgets, many, START, 1), 0);
    }
    assert_int_equal(budgets_used(budgets, service, START), 100);
    assert_int_equal(draw(budgets, many, START, 1), 100);
    assert_int_equal(draw(budgets, many, START, 49), 0);
    assert_int_equal(draw(budgets, many, START, 250), 200); /* 50 are left */
    assert_int_equal(budgets_used(budgets, service, START), 400);
    assert_int_equal(draw(budgets, many, START, 0), 0);
    assert_int_equal(draw(budgets, limits(999, 0), START, 1), 1);
}

static void
test_a_block_is_no_more_than_remains(void **state)
{
    struct budgets *budgets = *state;
    const struct budget_limits both = limits(10000, 25);

    assert_int_equal(draw(budgets, both, START, 12), 12);
    assert_int_equal(draw(budgets, both, START, 4), 10);
    assert_int_equal(draw(budgets, both, START, 8), 3); /* 6 left, 3 more in this hour */
    assert_int_equal(budgets_used(budgets, service, START), 25);
    assert_int_equal(draw_refused(budgets, both, START, 2), HOUR_S + HOUR_BUCKET_S);
    assert_int_equal(draw_refused(budgets, both, START, 26), UINT32_MAX);
    assert_int_equal(draw(budgets, both, START, 1), 0);
    assert_int_equal(draw(budgets, both, START + 2 * HOUR, 1), 10);
    /* No daily figure: a thousandth of the hourly one. */
    assert_int_equal(draw(budgets, limits(0, 30000), START + 2 * HOUR, 10), 30);
    assert_int_equal(draw_refused(budgets, limits(34, 0), START + 2 * HOUR, 1),
                     DAY_S + BUCKET_S - 2 * HOUR_S);
}

static void
test_what_is_drawn_counts_when_it_is_drawn(void **state)
{
    struct budgets *budgets = *state;
    const struct budget_limits ten = limits(10, 0);

    assert_int_equal(draw(budgets, limits(5000, 0), START, 1), 5);
    assert_int_equal(draw(budgets, ten, START + 12 * HOUR, 4), 0);
    assert_int_equal(draw(budgets, ten, START + 12 * HOUR, 5), 5);
    assert_int_equal(draw_refused(budgets, ten, START + 12 * HOUR, 1), DAY_S / 2 + BUCKET_S);
    assert_int_equal(draw(budgets, ten, START + DAY + 5 * MINUTE, 1), 1);
    assert_int_equal(draw_refused(budgets, ten, START + DAY + 5 * MINUTE, 1), DAY_S / 2);
}

static void
test_without_limit_no_blocks_but_counts(void **state)
{
    struct budgets *budgets = *state;
    struct budget_draw it = draw_of(limits(0, 0), START, 5000);
    uint32_t block = UINT32_MAX;
    uint32_t retry_after_s;

    it.may_wait = false;
    assert_int_equal(budgets_draw(budgets, &it, &block, &retry_after_s), STATUS_OK);
    assert_int_equal(block, 0);
    assert_int_equal(budgets_used(budgets, service, START), 5000);
    assert_int_equal(draw_refused(budgets, limits(5000, 0), START, 1), DAY_S + BUCKET_S);
}

static void
test_what_was_not_recorded_is_given_back(void **state)
{
    struct budgets *budgets = *state;
    const struct budget_limits ten = limits(10, 0);
    struct budget_draw it = draw_of(ten, START, 10);
    uint32_t block = 0;
    uint32_t retry_after_s;

    assert_int_equal(budgets_draw(budgets, &it, &block, &retry_after_s), STATUS_OK);
    assert_int_equal(block, 10);
    assert_int_equal(budgets_used(budgets, service, START), 10);
    budgets_block_recorded(budgets, &it, block, false);
    assert_int_equal(budgets_used(budgets, service, START), 0);
    assert_int_equal(draw(budgets, ten, START, 9), 9);
    assert_int_equal(draw(budgets, limits(2000, 0), START, 1), 2);
    it = draw_of(limits(2000, 0), START, 3); /* one is left, and stays */
    assert_int_equal(budgets_draw(budgets, &it, &block, &retry_after_s), STATUS_OK);
    assert_int_equal(block, 2);
    budgets_block_recorded(budgets, &it, block, false);
    assert_int_equal(budgets_used(budgets, service, START), 11);
    assert_int_equal(draw(budgets, limits(2000, 0), START, 1), 0);
}

static void
test_who_may_not_wait_is_told_busy(void **state)
{
    struct budgets *budgets = *state;
    const struct budget_limits many = limits(100000, 0);
    struct budget_draw quick = draw_of(many, START + HOUR, 10);
    struct budget_draw slow = draw_of(many, START + HOUR, 60);
    uint32_t block = UINT32_MAX;
    uint32_t ignored;
    uint32_t retry_after_s;

    quick.may_wait = false;
    quick.now_ms = START;
    assert_int_equal(budgets_draw(budgets, &quick, &ignored, &retry_after_s), STATUS_BUSY);
    assert_int_equal(ignored, 0);
    assert_int_equal(budgets_used(budgets, service, START), 0);
    assert_int_equal(draw(budgets, many, START, 50), 100);
    quick.now_ms = START + HOUR;
    assert_int_equal(budgets_draw(budgets, &quick, &ignored, &retry_after_s), STATUS_OK);
    /* 40 are left, and belong to who records the next block. */
    assert_int_equal(budgets_draw(budgets, &slow, &block, &retry_after_s), STATUS_OK);
    assert_int_equal(block, 100);
    assert_int_equal(budgets_draw(budgets, &quick, &ignored, &retry_after_s), STATUS_BUSY);
    /* Over the limit whatever becomes of the block; the 60 count as of now. */
    quick.limits = limits(65, 0);
    assert_int_equal(budgets_draw(budgets, &quick, &ignored, &retry_after_s), STATUS_QUOTA);
    assert_int_equal(retry_after_s, DAY_S + BUCKET_S);
    quick.limits = many;
    budgets_block_recorded(budgets, &slow, block, true);
    assert_int_equal(budgets_used(budgets, service, START + HOUR), 200);
    quick.amount = 80;
    assert_int_equal(budgets_draw(budgets, &quick, &ignored, &retry_after_s), STATUS_OK);
    assert_int_equal(ignored, 0);
    quick.amount = 1;
    assert_int_equal(budgets_draw(budgets, &quick, &ignored, &retry_after_s), STATUS_BUSY);
}

static void
test_a_block_of_larger_limits_is_not_drawn_past_smaller_ones(void **state)
{
    struct budgets *budgets = *state;

    assert_int_equal(draw(budgets, limits(100000, 0), START, 1), 100);
    assert_int_equal(draw(budgets, limits(50, 0), START, 40), 0);
    assert_int_equal(draw_refused(budgets, limits(50, 0), START, 10), DAY_S + BUCKET_S);
    assert_int_equal(draw(budgets, limits(50, 0), START, 9), 0);
    assert_int_equal(draw_refused(budgets, limits(50, 0), START, 1), DAY_S + BUCKET_S);
    assert_int_equal(draw_refused(budgets, limits(100000, 50), START, 1), HOUR_S + HOUR_BUCKET_S);
    assert_int_equal(draw(budgets, limits(51, 0), START, 1), 0);
    assert_int_equal(draw(budgets, limits(100000, 0), START, 1), 0);
    assert_int_equal(budgets_used(budgets, service, START), 100);
}

static void
test_a_block_grows_old(void **state)
{
    struct budgets *budgets = *state;
    const struct budget_limits many = limits(100000, 0);

    assert_int_equal(draw(budgets, many, START, 1), 100);
    assert_int_equal(draw(budgets, many, START + BUDGET_BLOCK_LIFE_MS - 1, 1), 0);
    assert_int_equal(budgets_used(budgets, service, START + BUDGET_BLOCK_LIFE_MS - 1), 100);
    assert_int_equal(budgets_used(budgets, service, START + BUDGET_BLOCK_LIFE_MS), 2);
    assert_int_equal(draw(budgets, many, START + BUDGET_BLOCK_LIFE_MS, 1), 100);
}

/* Not while it is promised to who records the next one. */
static void
test_a_block_grows_old_while_the_next_is_recorded(void **state)
{
    struct budgets *budgets = *state;
    const struct budget_limits many = limits(100000, 0);
    struct budget_draw it = draw_of(many, START + BUDGET_BLOCK_LIFE_MS - 1, 60);
    uint32_t block = 0;
    uint32_t retry_after_s;

    assert_int_equal(draw(budgets, many, START, 50), 100);
    assert_int_equal(budgets_draw(budgets, &it, &block, &retry_after_s), STATUS_OK);
    assert_int_equal(block, 100);
    assert_int_equal(budgets_used(budgets, service, START + BUDGET_BLOCK_LIFE_MS), 200);
    budgets_block_recorded(budgets, &it, block, true);
    assert_int_equal(budgets_used(budgets, service, START + BUDGET_BLOCK_LIFE_MS), 200);
    assert_int_equal(draw(budgets, many, START + BUDGET_BLOCK_LIFE_MS, 90), 0);
    assert_int_equal(draw(budgets, many, START + BUDGET_BLOCK_LIFE_MS, 1), 100);
}

/* A take counts what is reserved, too. */
static void
test_a_take_stands_back_behind_a_block(void **state)
{
    struct budgets *budgets = *state;
    uint32_t retry_after_s = 0;

    assert_int_equal(draw(budgets, limits(5000, 0), START, 1), 5);
    assert_int_equal(budgets_take(budgets, service, limits(10, 0), START, 6, &retry_after_s),
                     STATUS_QUOTA);
    assert_int_equal(budgets_take(budgets, service, limits(10, 0), START, 5, &retry_after_s),
                     STATUS_OK);
    assert_int_equal(budgets_used(budgets, service, START), 10);
}

/* ---- the log says it again ---- */

static void
test_a_block_counts_until_the_next_one(void **state)
{
    struct budgets *budgets = *state;

    assert_int_equal(budgets_replay(budgets, service, START, 100), STATUS_OK);
    assert_int_equal(budgets_replay(budgets, person, START + HOUR, 2), STATUS_OK);
    assert_int_equal(budgets_replay(budgets, service, START + 10 * HOUR, 40), STATUS_OK);
    assert_int_equal(budgets_replay(budgets, person, START + 11 * HOUR, 3), STATUS_OK);
    budgets_replayed(budgets, START + 20 * HOUR);
    assert_int_equal(budgets_used(budgets, service, START + 20 * HOUR), 140);
    assert_int_equal(budgets_used(budgets, person, START + 20 * HOUR), 5);
    /* A reveal counts at its own time. */
    assert_int_equal(budgets_used(budgets, person, START + HOUR + DAY + 5 * MINUTE - 1), 5);
    assert_int_equal(budgets_used(budgets, person, START + HOUR + DAY + 5 * MINUTE), 3);
    /* The first block, until the second; the second, until the log ended. */
    assert_int_equal(budgets_used(budgets, service, START + 10 * HOUR + DAY + 5 * MINUTE - 1), 140);
    assert_int_equal(budgets_used(budgets, service, START + 10 * HOUR + DAY + 5 * MINUTE), 40);
    assert_int_equal(budgets_used(budgets, person, START + 11 * HOUR + DAY + 5 * MINUTE), 0);
    assert_int_equal(budgets_used(budgets, service, START + 20 * HOUR + DAY + 5 * MINUTE - 1), 40);
    assert_int_equal(budgets_used(budgets, service, START + 20 * HOUR + DAY + 5 * MINUTE), 0);
}

static void
test_what_was_replayed_is_spent(void **state)
{
    struct budgets *budgets = *state;

    assert_int_equal(budgets_replay(budgets, service, START, 100), STATUS_OK);
    assert_int_equal(budgets_replay(budgets, service, START + MINUTE, (uint64_t)1 << 40),
                     STATUS_OK);
    assert_int_equal(draw_refused(budgets, limits(99, 0), START + MINUTE, 1),
                     DAY_S + BUCKET_S - 60);
    budgets_replayed(budgets, START + HOUR);
    assert_int_equal(draw_refused(budgets, limits(UINT32_MAX, 0), START + HOUR, 1),
                     DAY_S + BUCKET_S);
    assert_int_equal(draw_refused(budgets, limits(0, 100), START + HOUR, 1),
                     HOUR_S + HOUR_BUCKET_S);
    /* What is left of a block of before is not drawn: nobody knows how much it is. */
    assert_int_equal(draw(budgets, limits(5000, 0), START + 3 * DAY, 1), 5);
}

/* ---- the alarm ---- */

static void
test_the_alarm_rings_once_on_crossing(void **state)
{
    struct budgets *budgets = *state;
    const struct budget_limits hundred = limits(100, 0);

    assert_int_equal(take(budgets, hundred, START, 79), 0);
    assert_int_equal(alarms, 0);
    assert_int_equal(take(budgets, hundred, START + HOUR, 3), 0);
    assert_int_equal(alarms, 1);
    assert_int_equal(alarm_fields[0], 7);
    assert_int_equal(alarm_fields[1], 0);
    assert_int_equal(alarm_fields[2], 82);
    assert_int_equal(take(budgets, hundred, START + HOUR, 18), 0);
    assert_int_equal(take(budgets, hundred, START + HOUR, 1), DAY_S + BUCKET_S - HOUR_S);
    assert_int_equal(alarms, 1);
    /* Below again a day later: armed again. */
    assert_int_equal(take(budgets, hundred, START + DAY + 30 * MINUTE, 58), 0);
    assert_int_equal(alarms, 1);
    assert_int_equal(take(budgets, hundred, START + DAY + 30 * MINUTE, 1), 0);
    assert_int_equal(alarms, 2);
    assert_int_equal(alarm_fields[2], 80);
}

static void
test_the_alarm_may_be_set_and_silenced(void **state)
{
    struct budgets *budgets = *state;

    budgets_set_alarm(budgets, 0);
    assert_int_equal(take(budgets, limits(100, 0), START, 97), 0);
    assert_int_equal(alarms, 0);
    budgets_set_alarm(budgets, 96);
    assert_int_equal(take(budgets, limits(0, 200), START, 0), 0);
    assert_int_equal(alarms, 0);
    assert_int_equal(take(budgets, limits(100, 0), START, 1), 0);
    assert_int_equal(alarms, 1);
    /* A block counts as a whole. */
    budgets_set_alarm(budgets, 50);
    assert_int_equal(draw(budgets, limits(10000, 0), START, 4995), 4995);
    assert_int_equal(alarms, 1);
    assert_int_equal(draw(budgets, limits(10000, 0), START, 1), 10);
    assert_int_equal(alarms, 2);
    assert_int_equal(alarm_fields[1], 3);
    assert_int_equal(alarm_fields[2], 50);
    assert_int_equal(draw(budgets, limits(10000, 0), START, 1), 0);
    assert_int_equal(alarms, 2);
}

struct heard {
    unsigned count;
    struct budget_key key;
    uint64_t number;
};

static void
hear(void *state, struct budget_key key, uint64_t number)
{
    struct heard *heard = state;

    *heard = (struct heard){heard->count + 1, key, number};
}

static void
test_who_listens_hears_each_alarm(void **state)
{
    struct budgets *budgets = *state;
    struct heard heard = {0};

    budgets_set_listener(budgets, hear, &heard);
    assert_int_equal(take(budgets, limits(100, 0), START, 79), 0);
    assert_int_equal(heard.count, 0);
    assert_int_equal(take(budgets, limits(100, 0), START, 1), 0);
    assert_int_equal(take(budgets, limits(100, 0), START, 1), 0);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.key.principal, 7);
    assert_int_equal(heard.key.class, BUDGET_REVEAL);
    assert_int_equal(heard.number, 80);
    assert_int_equal(draw(budgets, limits(1000, 0), START, 800), 800);
    assert_int_equal(heard.count, 2);
    assert_int_equal(heard.key.namespace_id, 3);
    budgets_count_misses(budgets, misses, START, 10, 10);
    assert_int_equal(heard.count, 3);
    assert_int_equal(heard.key.class, BUDGET_MISSES);
    assert_int_equal(heard.number, 10);
    budgets_set_listener(budgets, NULL, NULL);
    budgets_count_misses(budgets, misses, START + DAY, 10, 10);
    assert_int_equal(heard.count, 3);
}

static void
test_misses_ring_within_an_hour_and_again_each_hour(void **state)
{
    struct budgets *budgets = *state;
    struct budget_key elsewhere = misses;

    elsewhere.namespace_id = 4;
    budgets_count_misses(budgets, misses, START, 60, 100);
    budgets_count_misses(budgets, elsewhere, START, 60, 100);
    budgets_count_misses(budgets, misses, START + 30 * MINUTE, 39, 100);
    assert_int_equal(alarms, 0);
    budgets_count_misses(budgets, misses, START + 59 * MINUTE, 1, 100);
    assert_int_equal(alarms, 1);
    assert_int_equal(alarm_fields[0], 7);
    assert_int_equal(alarm_fields[1], 3);
    assert_int_equal(alarm_fields[2], 100);
    budgets_count_misses(budgets, misses, START + 59 * MINUTE, 500, 100);
    assert_int_equal(alarms, 1);
    /* He goes on: once an hour. */
    budgets_count_misses(budgets, misses, START + 118 * MINUTE, 100, 100);
    assert_int_equal(alarms, 1);
    budgets_count_misses(budgets, misses, START + 119 * MINUTE, 1, 100);
    assert_int_equal(alarms, 2);
    /* Below for a while, and back within the hour since the last alarm. */
    budgets_count_misses(budgets, misses, START + 5 * HOUR, 99, 100);
    assert_int_equal(alarms, 2);
    budgets_count_misses(budgets, misses, START + 5 * HOUR, 1, 100);
    assert_int_equal(alarms, 3);
    budgets_count_misses(budgets, misses, START + 6 * HOUR + MINUTE, 1, 100);
    budgets_count_misses(budgets, misses, START + 6 * HOUR + MINUTE, 99, 100);
    assert_int_equal(alarms, 4);
    /* All at once is an alarm as well; nothing is taken from any budget. */
    budgets_count_misses(budgets, elsewhere, START + 9 * HOUR, 4096, 100);
    assert_int_equal(alarms, 5);
    assert_int_equal(budgets_used(budgets, service, START + 9 * HOUR), 0);
}

/* ---- memory ---- */

static void
test_memory_does_not_grow_for_ever(void **state)
{
    struct budget_table *table = calloc(1, sizeof *table);
    struct budget *kept = NULL;
    struct budget *budget = NULL;

    (void)state;
    assert_int_equal(budget_table_get(table, service, START, &kept), STATUS_OK);
    kept->recording = 1;
    for (uint32_t i = 0; i < 100; i++) {
        for (uint32_t j = 0; j < 100; j++) {
            struct budget_key key = {100 + i * 100 + j, j, BUDGET_LOOKUP};

            assert_int_equal(budget_table_get(table, key, START + i * DAY, &budget), STATUS_OK);
            budget_window_add(&budget->day, 1);
        }
        assert_true(table->count <= BUDGET_TABLE_SWEEP_MIN);
    }
    assert_ptr_equal(budget_table_find(table, service, START + 100 * DAY), kept);
    /* Those in use stay, however many, and apart from each other: some share a chain. */
    for (unsigned pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < 2 * BUDGET_TABLE_CHAINS; i++) {
            const struct budget_key keys[] = {{1, i, BUDGET_LOOKUP}, {i + 2, 1, BUDGET_REVEAL}};

            for (unsigned j = 0; j < 2; j++) {
                assert_int_equal(budget_table_get(table, keys[j], START + 200 * DAY, &budget),
                                 STATUS_OK);
                assert_int_equal(budget->day.sum, pass == 0 ? 0 : 2 * i + j + 1);
                budget_window_add(&budget->day, 2 * i + j + 1);
            }
        }
    }
    budget_table_clear(table);
    assert_null(budget_table_find(table, service, START));
    free(table);
}

static void
test_without_memory_nothing_is_spent(void **state)
{
    struct budgets *budgets = *state;
    struct budgets *none = NULL;
    struct budget_draw it = draw_of(limits(10, 0), START, 1);
    uint32_t block = UINT32_MAX;
    uint32_t retry_after_s = 0;

    memory_short = true;
    assert_int_equal(budgets_new(&none), STATUS_UNAVAILABLE);
    assert_null(none);
    assert_int_equal(budgets_replay(budgets, person, START, 1), STATUS_UNAVAILABLE);
    assert_int_equal(budgets_take(budgets, person, limits(10, 0), START, 1, &retry_after_s),
                     STATUS_UNAVAILABLE);
    assert_int_equal(budgets_draw(budgets, &it, &block, &retry_after_s), STATUS_UNAVAILABLE);
    assert_int_equal(block, 0);
    memory_short = false;
    assert_int_equal(take(budgets, limits(10, 0), START, 10), 0);
    assert_int_equal(draw(budgets, limits(10, 0), START, 10), 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* ---- taken back, asked beforehand, forgotten ---- */

static void
test_what_was_not_done_goes_back_into_its_block(void **state)
{
    struct budgets *budgets = *state;
    const struct budget_limits thousand = limits(1000, 0);
    struct budget_draw it = draw_of(thousand, START, 64);

    /* Fifteen failures would eat it all, if they counted. */
    for (int i = 0; i < 100; i++) {
        uint32_t block = draw(budgets, thousand, START, 64);

        assert_int_equal(block, i == 0 ? 64 : 0);
        budgets_undo_draw(budgets, &it);
        assert_int_equal(budgets_used(budgets, service, START), 64);
    }
    /* The same units are there for who comes next, and none besides. */
    assert_int_equal(draw(budgets, thousand, START, 64), 0);
    assert_int_equal(draw(budgets, thousand, START, 936), 936);
    assert_int_not_equal(draw_refused(budgets, thousand, START, 1), 0);
    /* Of a budget nobody knows there is nothing to take back. */
    it.key.principal = 99;
    budgets_undo_draw(budgets, &it);
}

static void
test_what_was_not_done_goes_back_into_no_other_block(void **state)
{
    struct budgets *budgets = *state;
    const struct budget_limits many = limits(100000, 0);
    struct budget_draw first = draw_of(many, START, 50);
    struct budget_draw second = draw_of(many, START + MINUTE, 70);
    struct budget_draw free_of_limits = draw_of(limits(0, 0), START + MINUTE, 40);

    assert_int_equal(draw(budgets, many, START, 50), 100);
    assert_int_equal(draw(budgets, many, START, 40), 0);
    assert_int_equal(draw(budgets, many, START + MINUTE, 70), 100); /* 10 of the old, 60 of this */
    assert_int_equal(budgets_used(budgets, service, START + MINUTE), 200);
    budgets_undo_draw(budgets, &first);
    assert_int_equal(budgets_used(budgets, service, START + MINUTE), 150);
    budgets_undo_draw(budgets, &second);
    assert_int_equal(budgets_used(budgets, service, START + MINUTE), 140);
    /* What no block was asked for is in none. */
    assert_int_equal(draw(budgets, limits(0, 0), START + MINUTE, 40), 0);
    budgets_undo_draw(budgets, &free_of_limits);
    assert_int_equal(budgets_used(budgets, service, START + MINUTE), 140);
    assert_int_equal(draw(budgets, many, START + MINUTE, 100), 0);
    assert_int_equal(draw(budgets, many, START + MINUTE, 1), 100);
}

/* Not even while the next block is being recorded. */
static void
test_what_was_not_done_makes_no_block_larger(void **state)
{
    struct budgets *budgets = *state;
    const struct budget_limits many = limits(100000, 0);
    struct budget_draw first = draw_of(many, START, 90);
    struct budget_draw second = draw_of(many, START, 20);
    uint32_t block = 0;
    uint32_t retry_after_s;

    assert_int_equal(draw(budgets, many, START, 90), 100);
    assert_int_equal(budgets_draw(budgets, &second, &block, &retry_after_s), STATUS_OK);
    assert_int_equal(block, 100);
    budgets_undo_draw(budgets, &first);
    budgets_block_recorded(budgets, &second, block, true);
    assert_int_equal(budgets_used(budgets, service, START), 120);
    assert_int_equal(draw(budgets, many, START, 100), 0);
    assert_int_equal(draw(budgets, many, START, 1), 100);
}

static void
test_room_is_seen_without_spending(void **state)
{
    struct budgets *budgets = *state;
    const struct budget_limits ten = limits(10, 0);
    struct budget_draw it = draw_of(ten, START, 10);

    assert_true(budgets_has_room(budgets, &it));
    it.amount = 11;
    assert_false(budgets_has_room(budgets, &it));
    (void)draw(budgets, ten, START, 4);
    it.amount = 6;
    assert_true(budgets_has_room(budgets, &it));
    it.amount = 7;
    assert_false(budgets_has_room(budgets, &it));
    assert_int_equal(budgets_used(budgets, service, START), 4);
}

static void
test_what_is_left_is_told(void **state)
{
    struct budgets *budgets = *state;
    const struct budget_limits both = limits(10, 4);
    struct budget_draw it = draw_of(limits(100, 0), START, 20);
    struct budget_room room;
    uint32_t block, retry_after_s;

    budgets_room(budgets, service, both, START, &room);
    assert_int_equal(room.daily, 10);
    assert_int_equal(room.hourly, 4);
    (void)draw(budgets, both, START, 3);
    budgets_room(budgets, service, both, START, &room);
    assert_int_equal(room.daily, 7);
    assert_int_equal(room.hourly, 1);
    budgets_room(budgets, service, limits(2, 0), START, &room); /* the grant was made smaller */
    assert_int_equal(room.daily, 0);
    assert_int_equal(room.hourly, UINT32_MAX);
    /* What is promised to a draw whose block is on its way to the log is not left. */
    assert_int_equal(budgets_draw(budgets, &it, &block, &retry_after_s), STATUS_OK);
    assert_true(block > 0);
    budgets_room(budgets, service, it.limits, START, &room);
    assert_int_equal(room.daily, 100 - 3 - 20);
    budgets_block_recorded(budgets, &it, block, true);
    budgets_room(budgets, service, it.limits, START, &room);
    assert_int_equal(room.daily, 100 - 3 - 20);
}

static void
test_a_grant_that_ends_has_a_budget_of_its_own(void **state)
{
    struct budgets *budgets = *state;
    struct budget_key extra = service;

    extra.class = BUDGET_LOOKUP_EXTRA;
    assert_int_equal(budgets_replay(budgets, extra, START, 7), STATUS_OK);
    assert_int_equal(budgets_replay(budgets, extra, START + HOUR, 5), STATUS_OK);
    budgets_replayed(budgets, START + 2 * HOUR);
    assert_int_equal(budgets_used(budgets, extra, START + 2 * HOUR), 12);
    assert_int_equal(budgets_used(budgets, service, START + 2 * HOUR), 0);
    /* As blocks: the first counts from the second's time. */
    assert_int_equal(budgets_used(budgets, extra, START + DAY + 30 * MINUTE), 12);
    /* And once more, from the beginning, when the log could not be read to its end. */
    budgets_clear(budgets);
    assert_int_equal(budgets_used(budgets, extra, START + 2 * HOUR), 0);
    assert_int_equal(budgets_replay(budgets, extra, START + 2 * HOUR, 7), STATUS_OK);
    budgets_replayed(budgets, START + 2 * HOUR);
    assert_int_equal(budgets_used(budgets, extra, START + 2 * HOUR), 7);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_day_holds_the_daily_figure_and_no_more),
        TEST(test_an_hour_holds_the_hourly_figure),
        TEST(test_retry_after_is_when_that_amount_fits),
        TEST(test_the_later_of_day_and_hour_counts),
        TEST(test_limits_change_from_call_to_call),
        TEST(test_budgets_are_apart),
        TEST(test_a_clock_that_goes_back_gains_nothing),
        TEST(test_a_window_never_turns_back),
        TEST(test_what_is_given_back_may_be_taken_again),
        TEST(test_a_block_is_what_is_missing_or_a_thousandth),
        TEST(test_a_block_is_no_more_than_remains),
        TEST(test_what_is_drawn_counts_when_it_is_drawn),
        TEST(test_without_limit_no_blocks_but_counts),
        TEST(test_what_was_not_recorded_is_given_back),
        TEST(test_who_may_not_wait_is_told_busy),
        TEST(test_a_block_of_larger_limits_is_not_drawn_past_smaller_ones),
        TEST(test_a_block_grows_old),
        TEST(test_a_block_grows_old_while_the_next_is_recorded),
        TEST(test_a_take_stands_back_behind_a_block),
        TEST(test_a_block_counts_until_the_next_one),
        TEST(test_what_was_replayed_is_spent),
        TEST(test_the_alarm_rings_once_on_crossing),
        TEST(test_who_listens_hears_each_alarm),
        TEST(test_misses_ring_within_an_hour_and_again_each_hour),
        TEST(test_the_alarm_may_be_set_and_silenced),
        TEST(test_memory_does_not_grow_for_ever),
        TEST(test_without_memory_nothing_is_spent),
        TEST(test_what_was_not_done_goes_back_into_its_block),
        TEST(test_what_was_not_done_goes_back_into_no_other_block),
        TEST(test_what_was_not_done_makes_no_block_larger),
        TEST(test_room_is_seen_without_spending),
        TEST(test_what_is_left_is_told),
        TEST(test_a_grant_that_ends_has_a_budget_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

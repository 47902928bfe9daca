/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budgets under any schedule: simulated weeks of takes, draws, failures of the log and crashes,
 * beside an oracle that keeps every unit with its time. Never more than the figure in any 24 hours
 * or any hour; never refused where there is room; refused until retry_after_s and taken at it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"

#define SECOND ((uint64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define START (5600000 * 5 * MINUTE)

enum {
    DAY_BUCKETS = 289,
    HOUR_BUCKETS = 61,
    EVENTS_MAX = 400000,
    DAYS = 30,
    SEEDS = 24,
    KINDS = 2,
};

/* ---- chance, the same in each run ---- */

static uint64_t
random_next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static uint32_t
random_below(uint64_t *seed, uint32_t limit)
{
    return (uint32_t)(random_next(seed) >> 16) % limit;
}

static bool
random_percent(uint64_t *seed, uint32_t percent)
{
    return random_below(seed, 100) < percent;
}

/* ---- what happened, all of it ---- */

struct event {
    uint64_t time_ms;
    uint64_t amount;
};

struct events {
    size_t count;
    struct event *events;
};

static void
events_add(struct events *events, uint64_t time_ms, uint64_t amount)
{
    assert_true(events->count < EVENTS_MAX);
    events->events[events->count++] = (struct event){time_ms, amount};
}

/* At begins_ms or later. */
static uint64_t
events_since(const struct events *events, uint64_t begins_ms)
{
    uint64_t sum = 0;

    for (size_t i = events->count; i > 0 && events->events[i - 1].time_ms >= begins_ms; i--) {
        sum += events->events[i - 1].amount;
    }
    return sum;
}

/* One key, its budget, its log. */
struct subject {
    struct budget_key key;
    struct events spent;
    struct events logged;
    struct events missed; /* time of a crash or of a block that may stand in the log: one each */
    uint64_t block_max;
    bool may_undo; /* the draw that made the event `undo_event` of those spent */
    struct budget_draw undo;
    size_t undo_event;
};

struct world {
    uint64_t seed;
    uint64_t now_ms;
    struct budget_limits limits;
    struct budgets *budgets;
    bool crashes;
    unsigned refusals;
    unsigned retried;
    struct subject subjects[KINDS];
};

static void
world_make(struct world *world, uint64_t seed, bool crashes)
{
    const struct budget_key keys[KINDS] = {{3, 9, BUDGET_LOOKUP}, {3, 0, BUDGET_REVEAL}};

    *world = (struct world){
        .seed = seed * 0x9e3779b97f4a7c15,
        .now_ms = START + seed * 12345,
        .crashes = crashes,
    };
    world->limits.daily = 200 + random_below(&world->seed, seed % 3 == 0 ? 40000 : 4000);
    world->limits.hourly = random_percent(&world->seed, 30) ? 0 : world->limits.daily / 5;
    assert_int_equal(budgets_new(&world->budgets), STATUS_OK);
    for (unsigned i = 0; i < KINDS; i++) {
        struct subject *subject = &world->subjects[i];
        struct events *all[] = {&subject->spent, &subject->logged, &subject->missed};

        subject->key = keys[i];
        for (unsigned j = 0; j < 3; j++) {
            all[j]->events = calloc(EVENTS_MAX, sizeof *all[j]->events);
            assert_non_null(all[j]->events);
        }
    }
}

static void
world_remove(struct world *world)
{
    budgets_free(&world->budgets);
    for (unsigned i = 0; i < KINDS; i++) {
        free(world->subjects[i].spent.events);
        free(world->subjects[i].logged.events);
        free(world->subjects[i].missed.events);
    }
}

/* ---- the oracle ---- */

/* Every unit spent makes a window that ends with it: if none of those is too full, none is. */
static void
assert_strict(const struct world *world, const struct subject *subject)
{
    assert_true(events_since(&subject->spent, world->now_ms - DAY + 1) <= world->limits.daily);
    if (world->limits.hourly != 0) {
        assert_true(events_since(&subject->spent, world->now_ms - HOUR + 1) <=
                    world->limits.hourly);
    }
}

static bool
window_has_room(const struct world *world, const struct subject *subject, uint64_t bucket_ms,
                uint64_t buckets, uint32_t limit, uint64_t amount)
{
    uint64_t begins_ms = (world->now_ms / bucket_ms - buckets + 1) * bucket_ms;

    return limit == 0 || events_since(&subject->spent, begins_ms) + amount <= limit;
}

/*
 * To the bucket, there is room for it. Without crashes that is exact. With them a block is lost by
 * each, by each failure of the log, by the one that grew old, and the one whose use began before
 * the window counts in it as a whole.
 */
static bool
has_room(const struct world *world, const struct subject *subject, uint64_t amount)
{
    uint64_t blocks = subject->missed.count == 0
                          ? 0
                          : events_since(&subject->missed, world->now_ms - DAY - HOUR) + 3;
    uint64_t wanted =
        amount + (subject->key.class == BUDGET_LOOKUP ? blocks * subject->block_max : 0);

    return window_has_room(world, subject, 5 * MINUTE, DAY_BUCKETS, world->limits.daily, wanted) &&
           window_has_room(world, subject, MINUTE, HOUR_BUCKETS, world->limits.hourly, wanted);
}

/* ---- what may happen ---- */

/* What a new process knows is what the log says: of so far back as it promised to be enough. */
static void
crash(struct world *world)
{
    size_t next[KINDS] = {0};

    world->now_ms += random_below(&world->seed, 1000);
    budgets_free(&world->budgets);
    assert_int_equal(budgets_new(&world->budgets), STATUS_OK);
    for (;;) {
        const struct event *first = NULL;
        unsigned of = 0;

        for (unsigned i = 0; i < KINDS; i++) {
            const struct events *logged = &world->subjects[i].logged;

            if (next[i] < logged->count &&
                (first == NULL || logged->events[next[i]].time_ms < first->time_ms)) {
                first = &logged->events[next[i]];
                of = i;
            }
        }
        if (first == NULL) {
            break;
        }
        next[of]++;
        if (first->time_ms + BUDGET_REPLAY_MS >= world->now_ms) {
            assert_int_equal(budgets_replay(world->budgets, world->subjects[of].key, first->time_ms,
                                            first->amount),
                             STATUS_OK);
        }
    }
    budgets_replayed(world->budgets, world->now_ms);
    for (unsigned i = 0; i < KINDS; i++) {
        struct subject *subject = &world->subjects[i];

        assert_true(budgets_used(world->budgets, subject->key, world->now_ms) >=
                    events_since(&subject->spent, world->now_ms - DAY + 1));
        events_add(&subject->missed, world->now_ms, 1);
        subject->may_undo = false;
    }
}

static void
spent_by(struct world *world, struct subject *subject, const struct budget_draw *draw)
{
    events_add(&subject->spent, draw->now_ms, draw->amount);
    if (!subject->may_undo && random_percent(&world->seed, 10)) {
        subject->may_undo = true;
        subject->undo = *draw;
        subject->undo_event = subject->spent.count - 1;
    }
}

/* Some while later it turns out that nothing was done. Only a restart still counts it. */
static void
undo(struct world *world, struct subject *subject)
{
    if (!subject->may_undo || !random_percent(&world->seed, 20)) {
        return;
    }
    subject->may_undo = false;
    budgets_undo_draw(world->budgets, &subject->undo);
    subject->spent.events[subject->undo_event].amount = 0;
    if (world->crashes) {
        events_add(&subject->missed, world->now_ms, 1);
    }
}

/* False: the process is gone. */
static bool
record(struct world *world, struct subject *subject, const struct budget_draw *draw, uint32_t block)
{
    bool durable = !random_percent(&world->seed, 5);
    bool said = durable;

    world->now_ms += random_below(&world->seed, 50);
    if (block > subject->block_max) {
        subject->block_max = block;
    }
    if (!durable && world->crashes && random_percent(&world->seed, 50)) {
        durable = true; /* the log failed, and yet it stands there */
        events_add(&subject->missed, world->now_ms, 1);
    }
    if (durable) {
        events_add(&subject->logged, world->now_ms, block);
    }
    if (world->crashes && random_percent(&world->seed, 1)) {
        crash(world);
        return false;
    }
    budgets_block_recorded(world->budgets, draw, block, said);
    if (said) {
        spent_by(world, subject, draw);
    }
    return true;
}

static enum status
lookup(struct world *world, struct subject *subject, uint32_t amount, uint32_t *ret_retry_after_s)
{
    struct budget_draw draw = {subject->key, world->limits, world->now_ms, amount, true};
    uint32_t block = UINT32_MAX;
    enum status status;

    draw.may_wait = random_percent(&world->seed, 70);
    status = budgets_draw(world->budgets, &draw, &block, ret_retry_after_s);
    if (status == STATUS_BUSY) {
        assert_false(draw.may_wait);
        draw.may_wait = true;
        status = budgets_draw(world->budgets, &draw, &block, ret_retry_after_s);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (block == 0) {
        spent_by(world, subject, &draw);
    } else {
        (void)record(world, subject, &draw, block);
    }
    return STATUS_OK;
}

static enum status
reveal(struct world *world, struct subject *subject, uint32_t amount, uint32_t *ret_retry_after_s)
{
    enum status status = budgets_take(world->budgets, subject->key, world->limits, world->now_ms,
                                      amount, ret_retry_after_s);
    uint64_t taken_ms = world->now_ms;

    if (status != STATUS_OK) {
        return status;
    }
    if (random_percent(&world->seed, 10)) {
        budgets_give_back(world->budgets, subject->key, taken_ms, amount);
        return STATUS_OK;
    }
    events_add(&subject->logged, world->now_ms, amount);
    events_add(&subject->spent, world->now_ms, amount);
    return STATUS_OK;
}

static enum status
spend(struct world *world, struct subject *subject, uint32_t amount, uint32_t *ret_retry_after_s)
{
    enum status status = subject->key.class == BUDGET_LOOKUP
                             ? lookup(world, subject, amount, ret_retry_after_s)
                             : reveal(world, subject, amount, ret_retry_after_s);

    assert_strict(world, subject);
    return status;
}

/* ---- what must hold ---- */

/* After a refusal nothing is spent until then: the last second but one refuses, the last takes. */
static void
check_retry_after(struct world *world, struct subject *subject, uint32_t amount,
                  uint32_t retry_after_s)
{
    uint64_t refused_ms = world->now_ms;
    uint32_t again_s = 0;

    assert_int_not_equal(retry_after_s, UINT32_MAX);
    assert_in_range(retry_after_s, 1, 24 * 3600 + 300);
    if (retry_after_s > 1) {
        world->now_ms = refused_ms + (retry_after_s - 1) * SECOND;
        assert_int_equal(spend(world, subject, amount, &again_s), STATUS_QUOTA);
        assert_int_equal(again_s, 1);
    }
    world->now_ms = refused_ms + retry_after_s * SECOND;
    assert_int_equal(spend(world, subject, amount, &again_s), STATUS_OK);
    world->retried++;
}

static void
step(struct world *world, uint32_t pace_ms)
{
    struct subject *subject = &world->subjects[random_below(&world->seed, KINDS)];
    uint32_t amount = random_percent(&world->seed, 80)
                          ? random_below(&world->seed, 4)
                          : random_below(&world->seed, world->limits.daily / 20);
    uint32_t retry_after_s = 0;
    bool room;
    enum status status;

    world->now_ms += random_below(&world->seed, pace_ms);
    if (world->crashes && random_below(&world->seed, 4000) == 0) {
        crash(world);
    }
    undo(world, subject);
    room = has_room(world, subject, amount);
    status = spend(world, subject, amount, &retry_after_s);
    if (status == STATUS_OK) {
        assert_true(room || world->crashes);
        return;
    }
    assert_int_equal(status, STATUS_QUOTA);
    assert_false(room);
    world->refusals++;
    if (random_percent(&world->seed, 5)) {
        check_retry_after(world, subject, amount, retry_after_s);
    }
}

static uint64_t last_seed; /* which life it was that failed */

static int
say_last_seed(void **state)
{
    (void)state;
    print_message("last seed: %llu\n", (unsigned long long)last_seed);
    return 0;
}

static void
live(uint64_t seed, bool crashes)
{
    const uint32_t paces_ms[] = {1000, 20 * 1000, 3 * 60 * 1000, 30 * 60 * 1000, 10 * 3600 * 1000};
    struct world world;

    last_seed = seed;
    world_make(&world, seed, crashes);
    for (uint64_t ends_ms = world.now_ms + DAYS * DAY; world.now_ms < ends_ms;) {
        uint32_t pace = random_below(&world.seed, 5);
        uint32_t pace_ms = paces_ms[pace];
        uint32_t steps = 1 + random_below(&world.seed, pace < 3 ? 400 : pace == 3 ? 40 : 6);

        for (; steps > 0 && world.now_ms < ends_ms; steps--) {
            step(&world, pace_ms);
        }
    }
    /* It did come to the limits. */
    assert_true(world.refusals > 10);
    assert_true(world.retried > 0);
    world_remove(&world);
}

static void
test_exact_to_the_bucket(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        live(seed, false);
    }
}

static void
test_strict_through_crashes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        live(100 + seed, true);
    }
}

/* At full speed within a day: what a crash costs is at most a block. */
static void
test_a_crash_costs_at_most_a_block(void **state)
{
    struct world world;
    struct subject *subject = &world.subjects[0];
    uint32_t retry_after_s = 0;
    uint64_t spent;
    uint64_t crashes;

    (void)state;
    world_make(&world, 1, true);
    world.limits = (struct budget_limits){.daily = 50000};
    while (lookup(&world, subject, 1 + random_below(&world.seed, 20), &retry_after_s) ==
           STATUS_OK) {
        world.now_ms += random_below(&world.seed, 5000);
        if (random_below(&world.seed, 50) == 0) {
            crash(&world);
        }
        assert_strict(&world, subject);
    }
    spent = events_since(&subject->spent, 0);
    crashes = events_since(&subject->missed, 0);
    assert_true(world.now_ms - START < DAY);
    assert_true(crashes > 50);
    assert_true(spent <= 50000);
    assert_true(spent + crashes * subject->block_max + 20 >= 50000);
    world_remove(&world);
}

/* Drawn at the end of a block's life, and remembered for a day from then on. */
static void
test_the_log_is_read_back_far_enough(void **state)
{
    struct world world;
    struct subject *subject = &world.subjects[0];
    uint32_t retry_after_s = 0;

    (void)state;
    world_make(&world, 1, true);
    world.limits = (struct budget_limits){.daily = 100000};
    while (subject->logged.count == 0) { /* the log fails at times */
        assert_int_equal(lookup(&world, subject, 1, &retry_after_s), STATUS_OK);
    }
    assert_int_equal(subject->logged.events[0].amount, 100);
    world.now_ms = subject->logged.events[0].time_ms + DAY - MINUTE;
    assert_int_equal(lookup(&world, subject, 99, &retry_after_s), STATUS_OK);
    assert_int_equal(subject->logged.count, 1);
    world.now_ms += DAY - MINUTE;
    crash(&world);
    assert_in_range(budgets_used(world.budgets, subject->key, world.now_ms), 99, 100);
    world_remove(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_exact_to_the_bucket, say_last_seed),
        cmocka_unit_test_teardown(test_strict_through_crashes, say_last_seed),
        cmocka_unit_test(test_a_crash_costs_at_most_a_block),
        cmocka_unit_test(test_the_log_is_read_back_far_enough),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

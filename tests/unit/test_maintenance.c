/* SPDX-License-Identifier: Apache-2.0 */
/* The maintenance thread above a dispatch of this test's own, whose tick comes back when told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "clock.h"
#include "dispatch.h"
#include "maintenance.h"

enum { STEP_MS = 10, PATIENCE_MS = 10000, SHORT_MS = 300, NS_PER_MS = 1000000 };

static atomic_bool hangs;
static atomic_bool sealed;
static atomic_uint begun;
static atomic_uint ended;
static atomic_uint stuck;

static void
rest(void)
{
    const struct timespec pause = {.tv_nsec = (long)STEP_MS * NS_PER_MS};

    (void)nanosleep(&pause, NULL);
}

void
dispatch_tick(struct dispatch *dispatch)
{
    (void)dispatch;
    begun++;
    if (hangs) {
        stuck++;
    }
    while (hangs) {
        rest();
    }
    ended++;
}

static atomic_bool keeper_hangs;
static atomic_uint kept;

void
dispatch_keep_elsewhere(struct dispatch *dispatch)
{
    (void)dispatch;
    kept++;
    while (keeper_hangs) {
        rest();
    }
}

bool
dispatch_is_sealed(struct dispatch *dispatch)
{
    (void)dispatch;
    return sealed;
}

static void
await(const atomic_uint *count, unsigned wanted)
{
    const uint64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;

    while (*count < wanted) {
        assert_true(clock_monotonic_ms() < deadline_ms);
        rest();
    }
}

static struct maintenance *
started(void)
{
    struct maintenance *maintenance = NULL;

    hangs = sealed = keeper_hangs = false;
    kept = 0;
    begun = ended = stuck = 0;
    assert_int_equal(maintenance_start(NULL, &maintenance), STATUS_OK);
    return maintenance;
}

/* The second place is gone: everything else goes on, but for the end. */
static void
a_keeper_that_hangs_keeps_nothing_else(void **state)
{
    struct maintenance *maintenance = started();
    unsigned ticks;

    (void)state;
    await(&kept, 1);
    keeper_hangs = true;
    ticks = ended;
    await(&ended, ticks + 5);
    assert_false(maintenance_stop(&maintenance, SHORT_MS));
    assert_non_null(maintenance);
    keeper_hangs = false;
    assert_true(maintenance_stop(&maintenance, PATIENCE_MS));
    assert_null(maintenance);
}

static void
it_ticks_and_tells(void **state)
{
    struct maintenance *maintenance = started();
    uint64_t first_ms = maintenance_ticked_ms(maintenance);

    (void)state;
    assert_false(maintenance_saw_sealed(maintenance));
    sealed = true;
    await(&ended, ended + 3);
    assert_true(maintenance_saw_sealed(maintenance));
    assert_true(maintenance_ticked_ms(maintenance) > first_ms);
    assert_true(maintenance_stop(&maintenance, PATIENCE_MS));
    assert_null(maintenance);
    assert_true(maintenance_stop(&maintenance, 0));
}

/* What happened before the stop is seen by a whole tick. */
static void
the_last_tick_comes_after_the_stop(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct maintenance *maintenance = started();
        unsigned before;

        await(&ended, 1);
        before = begun;
        assert_true(maintenance_stop(&maintenance, PATIENCE_MS));
        assert_true(begun > before);
        assert_int_equal(begun, ended);
    }
}

static void
a_tick_that_hangs_is_waited_for_so_long(void **state)
{
    struct maintenance *maintenance = started();
    uint64_t from_ms, ticked_ms;
    unsigned now;

    (void)state;
    await(&ended, 1);
    hangs = true;
    await(&stuck, 1);
    ticked_ms = maintenance_ticked_ms(maintenance);
    now = begun;
    from_ms = clock_monotonic_ms();
    assert_false(maintenance_stop(&maintenance, SHORT_MS));
    assert_true(clock_monotonic_ms() - from_ms >= SHORT_MS);
    assert_true(clock_monotonic_ms() - from_ms < PATIENCE_MS);
    assert_non_null(maintenance);
    assert_int_equal(begun, now);
    assert_int_equal(maintenance_ticked_ms(maintenance), ticked_ms);
    /* It comes back after all, and can still be stopped. */
    hangs = false;
    assert_true(maintenance_stop(&maintenance, PATIENCE_MS));
    assert_null(maintenance);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_ticks_and_tells),
        cmocka_unit_test(a_keeper_that_hangs_keeps_nothing_else),
        cmocka_unit_test(the_last_tick_comes_after_the_stop),
        cmocka_unit_test(a_tick_that_hangs_is_waited_for_so_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

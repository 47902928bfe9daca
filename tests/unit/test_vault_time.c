/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vault time beside a wall clock that anybody may set. The kernel's clocks are this file's own (the
 * linker's --wrap stands in front of clock_gettime). Vault time is one per process, so the tests
 * are one story, in this order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

#define SECOND ((uint64_t)1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define WALL_BEGINS ((uint64_t)1700000000123)
#define BOOT_BEGINS ((uint64_t)77777)

static uint64_t wall_ms = WALL_BEGINS;
static uint64_t boot_ms = BOOT_BEGINS;
static uint64_t monotonic_ms = 55;
static unsigned other_clocks_read;

int __wrap_clock_gettime(clockid_t id, struct timespec *ret_now);

int
__wrap_clock_gettime(clockid_t id, struct timespec *ret_now)
{
    uint64_t now_ms = 0;

    switch (id) {
    case CLOCK_REALTIME:
        now_ms = wall_ms;
        break;
    case CLOCK_BOOTTIME:
        now_ms = boot_ms;
        break;
    case CLOCK_MONOTONIC:
        now_ms = monotonic_ms;
        break;
    default:
        other_clocks_read++;
        break;
    }
    ret_now->tv_sec = (time_t)(now_ms / SECOND);
    ret_now->tv_nsec = (long)(now_ms % SECOND) * 1000000 + 999999; /* never rounded up */
    return 0;
}

/* As the three clocks go when nobody touches them. */
static void
pass(uint64_t ms)
{
    wall_ms += ms;
    boot_ms += ms;
    monotonic_ms += ms;
}

/* The boot clock goes on while the machine sleeps, the monotonic one does not. */
static void
sleep_machine(uint64_t ms)
{
    wall_ms += ms;
    boot_ms += ms;
}

static void
test_each_clock_says_its_own(void **state)
{
    (void)state;
    assert_int_equal(clock_wall_ms(), WALL_BEGINS);
    assert_int_equal(clock_monotonic_ms(), 55);
}

static void
test_before_the_start_it_is_the_wall_clock(void **state)
{
    (void)state;
    assert_int_equal(clock_vault_ms(), WALL_BEGINS);
    wall_ms -= HOUR;
    assert_int_equal(clock_vault_ms(), WALL_BEGINS - HOUR);
    wall_ms += HOUR;
}

/* The wall clock was set back while the vault was down. In a process of its own, to leave this one
 * unstarted. */
static void
test_it_starts_at_the_log_where_that_is_later(void **state)
{
    int result = 0;
    pid_t child = fork();

    (void)state;
    assert_int_not_equal(child, -1);
    if (child == 0) {
        clock_vault_start(WALL_BEGINS + DAY);
        pass(SECOND);
        _exit(clock_vault_ms() == WALL_BEGINS + DAY + SECOND ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    assert_int_equal(clock_vault_ms(), WALL_BEGINS);
}

/* The log is older than the wall clock: the usual case. */
static void
test_it_starts_at_the_wall_clock(void **state)
{
    (void)state;
    clock_vault_start(WALL_BEGINS - DAY);
    assert_int_equal(clock_vault_ms(), WALL_BEGINS);
}

static void
test_it_follows_the_boot_clock(void **state)
{
    uint64_t before_ms = clock_vault_ms();

    (void)state;
    pass(1);
    assert_int_equal(clock_vault_ms(), before_ms + 1);
    pass(7 * HOUR + 345);
    assert_int_equal(clock_vault_ms(), before_ms + 7 * HOUR + 346);
    sleep_machine(2 * HOUR);
    assert_int_equal(clock_vault_ms(), before_ms + 9 * HOUR + 346);
    wall_ms += HOUR; /* alone, both stand still for it */
    monotonic_ms += HOUR;
    assert_int_equal(clock_vault_ms(), before_ms + 9 * HOUR + 346);
    wall_ms -= HOUR;
}

static void
test_the_wall_clock_set_a_day_back_takes_nothing(void **state)
{
    uint64_t before_ms = clock_vault_ms();

    (void)state;
    wall_ms -= DAY;
    assert_int_equal(clock_vault_ms(), before_ms);
    pass(SECOND);
    assert_int_equal(clock_vault_ms(), before_ms + SECOND);
    wall_ms = 0;
    assert_int_equal(clock_vault_ms(), before_ms + SECOND);
    assert_int_equal(clock_wall_ms(), 0);
    wall_ms = before_ms + SECOND;
}

static void
test_the_wall_clock_set_a_day_forth_gives_nothing(void **state)
{
    uint64_t before_ms = clock_vault_ms();

    (void)state;
    wall_ms += DAY;
    assert_int_equal(clock_vault_ms(), before_ms);
    pass(SECOND);
    assert_int_equal(clock_vault_ms(), before_ms + SECOND);
    wall_ms -= DAY;
    assert_int_equal(clock_vault_ms(), before_ms + SECOND);
    assert_int_equal(clock_vault_ms(), wall_ms);
}

/* A second start, as each unseal makes one. */
static void
test_it_starts_again_at_the_log_where_that_is_later(void **state)
{
    uint64_t logged_ms = clock_vault_ms() + 3 * HOUR;

    (void)state;
    clock_vault_start(logged_ms);
    assert_int_equal(clock_vault_ms(), logged_ms);
    pass(5);
    assert_int_equal(clock_vault_ms(), logged_ms + 5);
}

static void
test_a_second_start_never_makes_it_less(void **state)
{
    uint64_t before_ms = clock_vault_ms();

    (void)state;
    assert_true(wall_ms < before_ms);
    clock_vault_start(0);
    assert_int_equal(clock_vault_ms(), before_ms);
    clock_vault_start(before_ms - DAY);
    assert_int_equal(clock_vault_ms(), before_ms);
    wall_ms -= 30 * DAY;
    pass(HOUR);
    clock_vault_start(before_ms);
    assert_int_equal(clock_vault_ms(), before_ms + HOUR);
    assert_int_equal(other_clocks_read, 0);
}

static void
test_the_year_is_that_of_utc(void **state)
{
    (void)state;
    assert_int_equal(clock_year(0), 1970);
    assert_int_equal(clock_year(WALL_BEGINS), 2023);
    assert_int_equal(clock_year((uint64_t)1704067199999), 2023);
    assert_int_equal(clock_year((uint64_t)1704067200000), 2024);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_clock_says_its_own),
        cmocka_unit_test(test_before_the_start_it_is_the_wall_clock),
        cmocka_unit_test(test_it_starts_at_the_log_where_that_is_later),
        cmocka_unit_test(test_it_starts_at_the_wall_clock),
        cmocka_unit_test(test_it_follows_the_boot_clock),
        cmocka_unit_test(test_the_wall_clock_set_a_day_back_takes_nothing),
        cmocka_unit_test(test_the_wall_clock_set_a_day_forth_gives_nothing),
        cmocka_unit_test(test_it_starts_again_at_the_log_where_that_is_later),
        cmocka_unit_test(test_a_second_start_never_makes_it_less),
        cmocka_unit_test(test_the_year_is_that_of_utc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

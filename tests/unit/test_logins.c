/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: SECURITY.md S43, of the counting by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "access.h"
#include "logins.h"

static struct logins *logins;
static const uint64_t now_ms = 1000000;
enum { MINUTE_MS = 60 * 1000 };

static int
set_up(void **state)
{
    (void)state;
    return logins_new(&logins) == STATUS_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    logins_free(&logins);
    return 0;
}

static void
s43_five_in_a_quarter_of_an_hour_lock_for_one(void **state)
{
    uint64_t last_ms = now_ms + LOGINS_WINDOW_MS - 1;

    (void)state;
    for (uint64_t i = 0; i < 4; i++) {
        assert_false(logins_note_failure(logins, 3, now_ms + i));
        assert_int_equal(logins_locked_s(logins, 3, now_ms + i), 0);
    }
    assert_true(logins_note_failure(logins, 3, last_ms));
    assert_int_equal(logins_locked_s(logins, 3, last_ms), 900);
    assert_int_equal(logins_locked_s(logins, 3, last_ms + LOGINS_LOCKED_MS - 1), 1);
    assert_int_equal(logins_locked_s(logins, 3, last_ms + LOGINS_LOCKED_MS), 0);
    assert_int_equal(logins_locked_s(logins, 4, last_ms), 0); /* another person */
}

static void
s43_four_and_one_after_the_quarter_do_not_lock(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 4; i++) {
        (void)logins_note_failure(logins, 3, now_ms);
    }
    assert_false(logins_note_failure(logins, 3, now_ms + LOGINS_WINDOW_MS));
    /* The newest four of the last quarter, and one more. */
    for (uint64_t i = 0; i < 3; i++) {
        assert_false(logins_note_failure(logins, 3, now_ms + LOGINS_WINDOW_MS + i));
    }
    assert_true(logins_note_failure(logins, 3, now_ms + LOGINS_WINDOW_MS + MINUTE_MS));
}

static void
after_a_lock_there_are_five_again(void **state)
{
    uint64_t at_ms = now_ms;

    (void)state;
    for (int lock = 0; lock < 3; lock++) {
        for (uint64_t i = 0; i < 4; i++) {
            assert_false(logins_note_failure(logins, ACCESS_ROWS_MAX, at_ms));
        }
        assert_true(logins_note_failure(logins, ACCESS_ROWS_MAX, at_ms));
        at_ms += LOGINS_LOCKED_MS;
    }
    logins_clear(logins);
    assert_int_equal(logins_locked_s(logins, ACCESS_ROWS_MAX, now_ms), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(s43_five_in_a_quarter_of_an_hour_lock_for_one),
        TEST(s43_four_and_one_after_the_quarter_do_not_lock),
        TEST(after_a_lock_there_are_five_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A clock that was wrong for a while: set two years ahead, an entry made, and set right again. The
 * clock is this file's own; it stands in front of base/clock.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "clock.h"
#include "fixture.h"
#include "throttle.h"

static uint64_t ahead_ms;
static uint64_t held_ms; /* the monotonic clock stands still here; 0: it does not */

static uint64_t
read_ms(clockid_t id)
{
    struct timespec now = {0};

    (void)clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t
clock_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME) + ahead_ms;
}

/* Each look is a minute later, so that no pause between two tries holds the test up. */
uint64_t
clock_monotonic_ms(void)
{
    static uint64_t looks;

    if (held_ms != 0) {
        return held_ms;
    }
    return read_ms(CLOCK_MONOTONIC) + ++looks * 60000;
}

static void
test_reveals_go_on_after_a_clock_that_was_ahead(void **state)
{
    const uint64_t two_years_ms = (uint64_t)2 * 366 * 24 * 3600 * 1000;
    const char *values[] = {"a@example.com"};
    char token[TOKEN_TEXT_BYTES + 1] = {0};
    const char *tokens[] = {token};
    struct fixture fixture;
    struct caller admin;
    struct caller service;
    struct caller person;

    (void)state;
    fixture_make(&fixture);
    caller_make(&admin, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    caller_make(&service, &fixture, PEER_DATA, 2001);
    caller_make(&person, &fixture, PEER_DATA, 2002);
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "service", PRINCIPAL_SERVICE, 2001), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "person", PRINCIPAL_PERSON, 2002), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "service", ROLE_SERVICE, "brand"), STATUS_OK);
    ahead_ms = two_years_ms;
    assert_int_equal(caller_grant(&admin, OP_GRANT, "person", ROLE_REVEAL, "brand"), STATUS_OK);
    ahead_ms = 0;
    assert_int_equal(caller_hello(&service), STATUS_OK);
    assert_int_equal(caller_hello(&person), STATUS_OK);
    assert_int_equal(caller_values(&service, OP_TOKENIZE, values, 1, NULL, NULL), STATUS_OK);
    memcpy(token, caller_item_text(&service, 0, FIELD_TOKEN).data, TOKEN_TEXT_BYTES);
    dispatch_tick(fixture.dispatch);
    assert_int_equal(caller_values(&person, OP_DETOKENIZE, tokens, 1, NULL, "after"), STATUS_OK);

    /* And so it is when nobody ticked: the vault was closed meanwhile. */
    ahead_ms = 2 * two_years_ms;
    assert_int_equal(dispatch_seal(fixture.dispatch), STATUS_OK);
    ahead_ms = 0;
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    assert_int_equal(caller_hello(&person), STATUS_OK);
    assert_int_equal(caller_values(&person, OP_DETOKENIZE, tokens, 1, NULL, "later"), STATUS_OK);
    caller_remove(&admin);
    caller_remove(&service);
    caller_remove(&person);
    fixture_remove(&fixture);
}

/* S16: so many at once, then so many a second. */
static void
test_a_throttle_gives_back_by_the_second(void **state)
{
    static struct throttle throttle;

    (void)state;
    held_ms = 1000000;
    throttle_init(&throttle, 5, 2);
    assert_true(throttle_take(&throttle, 7, 5));
    assert_false(throttle_take(&throttle, 7, 1));
    assert_false(throttle_take(&throttle, 7, 0));
    assert_true(throttle_take(&throttle, 8, 1));
    held_ms += 999;
    assert_true(throttle_take(&throttle, 9, 1));
    held_ms += 501; /* one second and a half: the half is not lost */
    assert_true(throttle_take(&throttle, 7, 2));
    assert_false(throttle_take(&throttle, 7, 1));
    held_ms += 500;
    assert_true(throttle_take(&throttle, 7, 2));
    assert_false(throttle_take(&throttle, 7, 1));
    assert_false(throttle_take(&throttle, 8, UINT32_MAX));
    throttle_fini(&throttle);
    held_ms = 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_throttle_gives_back_by_the_second),
        cmocka_unit_test(test_reveals_go_on_after_a_clock_that_was_ahead),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

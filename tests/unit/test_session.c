/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: SECURITY.md S41, of sessions by themselves: how long they live, whose they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "session.h"

static struct sessions *sessions;
static const uint64_t start_ms = 1000000;

static int
set_up(void **state)
{
    (void)state;
    return sessions_new(&sessions) == STATUS_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    sessions_free(&sessions);
    return 0;
}

/* Key and connection of the nth session of a test. */
static void
fill(uint32_t nth, uint8_t key[static PUBLIC_KEY_BYTES],
     uint8_t connection[static CONNECTION_ID_BYTES])
{
    memset(key, 0, PUBLIC_KEY_BYTES);
    memset(connection, 0, CONNECTION_ID_BYTES);
    memcpy(key, &nth, sizeof nth);
    memcpy(connection, &nth, sizeof nth);
}

static enum status
open_nth(uint32_t nth, uint32_t principal, uint64_t now_ms, uint64_t *ret_id)
{
    uint8_t key[PUBLIC_KEY_BYTES], connection[CONNECTION_ID_BYTES];
    const struct session_spec spec = {
        .principal = principal, .uid = 1000, .key = key, .connection = connection};

    fill(nth, key, connection);
    return sessions_open(sessions, &spec, now_ms, ret_id);
}

static uint64_t
by_key(uint32_t nth, uint32_t uid, uint64_t now_ms)
{
    uint8_t key[PUBLIC_KEY_BYTES], connection[CONNECTION_ID_BYTES];
    uint32_t principal = 0;

    fill(nth, key, connection);
    return sessions_by_key(sessions, key, uid, now_ms, &principal);
}

static void
s41_a_session_ends_a_quarter_of_an_hour_after_its_last_use(void **state)
{
    uint64_t id = 0;

    (void)state;
    assert_int_equal(open_nth(1, 7, start_ms, &id), STATUS_OK);
    assert_true(sessions_use(sessions, id, 7, start_ms + SESSION_IDLE_MS - 1));
    assert_true(sessions_use(sessions, id, 7, start_ms + 2 * SESSION_IDLE_MS - 2));
    assert_false(sessions_use(sessions, id, 7, start_ms + 3 * SESSION_IDLE_MS - 2));
    assert_int_equal(by_key(1, 1000, start_ms + 3 * SESSION_IDLE_MS - 2), 0);
}

static void
s41_a_session_ends_after_eight_hours_however_it_is_used(void **state)
{
    uint64_t id = 0;
    uint64_t at_ms = 0;

    (void)state;
    assert_int_equal(open_nth(1, 7, start_ms, &id), STATUS_OK);
    for (at_ms = 0; at_ms < SESSION_LASTS_MS; at_ms += SESSION_IDLE_MS / 2) {
        assert_true(sessions_use(sessions, id, 7, start_ms + at_ms));
    }
    assert_false(sessions_use(sessions, id, 7, start_ms + SESSION_LASTS_MS));
}

/* A look is no use, and a clock read a moment before another's is not in the future. */
static void
looking_does_not_prolong_it(void **state)
{
    uint64_t id = 0;
    uint32_t idle_s = 0, lasts_s = 0;

    (void)state;
    assert_int_equal(open_nth(1, 7, start_ms, &id), STATUS_OK);
    assert_true(sessions_left(sessions, id, start_ms + 60000, &idle_s, &lasts_s));
    assert_int_equal(idle_s, 840);
    assert_int_equal(lasts_s, 8 * 3600 - 60);
    assert_true(sessions_use(sessions, id, 7, start_ms + 5000));
    assert_true(sessions_use(sessions, id, 7, start_ms + 4999));
    assert_true(sessions_left(sessions, id, start_ms + 4999, &idle_s, &lasts_s));
    assert_int_equal(idle_s, 900);
    assert_false(sessions_left(sessions, id, start_ms + 5000 + SESSION_IDLE_MS, &idle_s, &lasts_s));
}

static void
s41_a_session_is_one_persons_and_one_uids(void **state)
{
    uint8_t key[PUBLIC_KEY_BYTES], connection[CONNECTION_ID_BYTES];
    const struct session_spec relayed = {
        .principal = 8, .uid = 1000, .relayed = true, .key = key, .connection = connection};
    uint64_t id = 0, relayed_id = 0;

    (void)state;
    assert_int_equal(open_nth(1, 7, start_ms, &id), STATUS_OK);
    assert_false(sessions_use(sessions, id, 8, start_ms));
    assert_int_equal(by_key(1, 1001, start_ms), 0);
    assert_int_equal(by_key(1, 1000, start_ms), id);
    assert_int_equal(by_key(2, 1000, start_ms), 0);
    fill(2, key, connection);
    assert_int_equal(sessions_open(sessions, &relayed, start_ms, &relayed_id), STATUS_OK);
    assert_int_equal(by_key(2, 1001, start_ms), relayed_id);
    fill(1, key, connection);
    assert_int_equal(sessions_by_connection(sessions, connection, start_ms), id);
    connection[15] = 1;
    assert_int_equal(sessions_by_connection(sessions, connection, start_ms), 0);
    assert_int_equal(open_nth(1, 9, start_ms, &id), STATUS_CONFLICT); /* the same key */
}

static void
s41_what_is_ended_is_over_and_its_number_is_never_given_again(void **state)
{
    uint64_t first = 0, second = 0, other = 0;

    (void)state;
    assert_int_equal(open_nth(1, 7, start_ms, &first), STATUS_OK);
    assert_int_equal(open_nth(2, 9, start_ms, &other), STATUS_OK);
    sessions_end(sessions, first);
    assert_false(sessions_use(sessions, first, 7, start_ms));
    assert_int_equal(open_nth(3, 7, start_ms, &second), STATUS_OK); /* in its place */
    assert_int_not_equal(second, first);
    assert_false(sessions_use(sessions, first, 7, start_ms));
    sessions_end(sessions, first); /* which is nothing any more */
    assert_true(sessions_use(sessions, second, 7, start_ms));
    sessions_end_of(sessions, 7);
    assert_false(sessions_use(sessions, second, 7, start_ms));
    assert_true(sessions_use(sessions, other, 9, start_ms));
    sessions_end_all(sessions);
    assert_int_equal(sessions_count(sessions, 0, start_ms), 0);
}

static void
a_person_has_so_many_and_all_together_so_many(void **state)
{
    uint64_t ids[SESSIONS_OF_ONE_MAX + 1] = {0};
    uint64_t id = 0;
    uint32_t nth = 1;

    (void)state;
    for (size_t i = 0; i <= SESSIONS_OF_ONE_MAX; i++) {
        assert_int_equal(open_nth(nth++, 7, start_ms + i, &ids[i]), STATUS_OK);
    }
    assert_int_equal(sessions_count(sessions, 7, start_ms + 100), SESSIONS_OF_ONE_MAX);
    assert_false(sessions_use(sessions, ids[0], 7, start_ms + 100)); /* least recently used */
    assert_true(sessions_use(sessions, ids[1], 7, start_ms + 100));
    while (sessions_count(sessions, 0, start_ms + 100) < SESSIONS_MAX) {
        assert_int_equal(open_nth(nth, 100 + nth / 32, start_ms + 100, &id), STATUS_OK);
        nth++;
    }
    assert_int_equal(open_nth(nth, 99, start_ms + 100, &id), STATUS_BUSY);
    /* Who has many makes room for himself, and what is over for anybody. */
    assert_int_equal(open_nth(nth++, 7, start_ms + 100, &id), STATUS_OK);
    assert_int_equal(open_nth(nth, 99, start_ms + 100 + SESSION_IDLE_MS, &id), STATUS_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(s41_a_session_ends_a_quarter_of_an_hour_after_its_last_use),
        TEST(s41_a_session_ends_after_eight_hours_however_it_is_used),
        TEST(looking_does_not_prolong_it),
        TEST(s41_a_session_is_one_persons_and_one_uids),
        TEST(s41_what_is_ended_is_over_and_its_number_is_never_given_again),
        TEST(a_person_has_so_many_and_all_together_so_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

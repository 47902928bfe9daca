/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S18 "never more than the budget", S21 "a grant that has ended", as far as
 * clocks go. Somebody sets the wall clock, forth and back, while the vault runs and between two
 * runs. The system's clocks are moved by this file: it stands in front of clock_gettime.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fixture.h"
#include "throttle.h"

enum { SECOND = 1, MINUTE = 60, HOUR = 3600, DAY = 24 * HOUR };

static int64_t wall_set_s; /* by hand */
static int64_t passed_s;   /* time that really went by, for every clock */

int __real_clock_gettime(clockid_t id, struct timespec *ret_now);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret_now);

int
__wrap_clock_gettime(clockid_t id, struct timespec *ret_now)
{
    int failed = __real_clock_gettime(id, ret_now);

    ret_now->tv_sec += passed_s + (id == CLOCK_REALTIME ? wall_set_s : 0);
    return failed;
}

/* ---- one service, one person, one sender, with small budgets ---- */

struct world {
    struct fixture fixture;
    struct caller admin, service, person, auditor;
    char token[TOKEN_TEXT_BYTES + 1];
};

static const char *const values[] = {"a@example.com"};

static enum status
grant(struct world *world, const char *name, enum role role, uint64_t lasts_s)
{
    caller_begin(&world->admin, OP_GRANT, role == ROLE_AUDIT ? 2 : 3 + (lasts_s > 0));
    message_put_text(&world->admin.request, FIELD_NAME, name);
    message_put_uint(&world->admin.request, FIELD_ROLE, role);
    if (role != ROLE_AUDIT) {
        message_put_text(&world->admin.request, FIELD_NAMESPACE, "brand");
    }
    if (lasts_s > 0) {
        message_put_uint(&world->admin.request, FIELD_LASTS_S, lasts_s);
    }
    return caller_send(&world->admin);
}

static enum status
tokenize(struct world *world)
{
    return caller_values(&world->service, OP_TOKENIZE, values, 1, NULL, NULL);
}

static enum status
reveal(struct world *world)
{
    const char *const tokens[] = {world->token};

    enum status status = caller_values(&world->person, OP_DETOKENIZE, tokens, 1, NULL, "why");

    return status == STATUS_OK ? caller_item_status(&world->person, 0) : status;
}

static void
say_hello(struct world *world)
{
    assert_int_equal(caller_hello(&world->admin), STATUS_OK);
    assert_int_equal(caller_hello(&world->service), STATUS_OK);
    assert_int_equal(caller_hello(&world->person), STATUS_OK);
    assert_int_equal(caller_hello(&world->auditor), STATUS_OK);
}

static void
make(struct world *world, struct access_budgets defaults)
{
    wall_set_s = 0;
    passed_s = 0;
    fixture_make(&world->fixture);
    /* From the next opening on. */
    world->fixture.defaults = defaults;
    fixture_close(&world->fixture);
    assert_int_equal(fixture_open(&world->fixture), STATUS_OK);
    caller_make(&world->admin, &world->fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    caller_make(&world->service, &world->fixture, PEER_DATA, 2001);
    caller_make(&world->person, &world->fixture, PEER_DATA, 2002);
    caller_make(&world->auditor, &world->fixture, PEER_ADMIN, 2003);
    assert_int_equal(caller_hello(&world->admin), STATUS_OK);
    assert_int_equal(caller_namespace_create(&world->admin, "brand"), STATUS_OK);
    assert_int_equal(caller_principal_add(&world->admin, "service", PRINCIPAL_SERVICE, 2001),
                     STATUS_OK);
    assert_int_equal(caller_principal_add(&world->admin, "person", PRINCIPAL_PERSON, 2002),
                     STATUS_OK);
    assert_int_equal(caller_principal_add(&world->admin, "auditor", PRINCIPAL_PERSON, 2003),
                     STATUS_OK);
    assert_int_equal(grant(world, "service", ROLE_SERVICE, 0), STATUS_OK);
    assert_int_equal(grant(world, "person", ROLE_REVEAL, 2 * DAY), STATUS_OK);
    assert_int_equal(grant(world, "auditor", ROLE_AUDIT, 0), STATUS_OK);
    say_hello(world);
    assert_int_equal(tokenize(world), STATUS_OK);
    memcpy(world->token, caller_item_text(&world->service, 0, FIELD_TOKEN).data, TOKEN_TEXT_BYTES);
    world->token[TOKEN_TEXT_BYTES] = '\0';
}

static void
drop(struct world *world)
{
    caller_remove(&world->admin);
    caller_remove(&world->service);
    caller_remove(&world->person);
    caller_remove(&world->auditor);
    fixture_remove(&world->fixture);
    wall_set_s = 0;
    passed_s = 0;
}

static void
restart(struct world *world)
{
    fixture_close(&world->fixture);
    assert_int_equal(fixture_open(&world->fixture), STATUS_OK);
    say_hello(world);
}

/* How many entries of that act there are, and the amount of the last. */
static size_t
count_acts(struct world *world, enum audit_act act, uint64_t *ret_amount)
{
    const struct message_list *items = NULL;
    size_t count;

    caller_begin(&world->auditor, OP_AUDIT_READ, 2);
    message_put_uint(&world->auditor.request, FIELD_FROM, 1);
    message_put_uint(&world->auditor.request, FIELD_ACT, act);
    assert_int_equal(caller_send(&world->auditor), STATUS_OK);
    assert_true(message_list(world->auditor.reply, FIELD_ITEMS, &items));
    count = message_list_count(items);
    if (count > 0) {
        assert_true(message_uint(message_list_message(items, count - 1), FIELD_AMOUNT, ret_amount));
    }
    return count;
}

/* ---- while it runs ---- */

static void
test_s18_budgets_hold_whoever_sets_the_clock(void **state)
{
    const struct access_budgets small = {
        .service = {3, 0}, .lookup = {3, 0}, .reveal = {2, 0}, .deliver = {2, 0}};
    struct world world;

    (void)state;
    make(&world, small);
    assert_int_equal(tokenize(&world), STATUS_OK);
    assert_int_equal(tokenize(&world), STATUS_OK);
    assert_int_equal(reveal(&world), STATUS_OK);
    assert_int_equal(reveal(&world), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        static const int64_t moves[] = {0, DAY, -DAY};

        wall_set_s = moves[i];
        dispatch_tick(world.fixture.dispatch);
        assert_int_equal(tokenize(&world), STATUS_QUOTA);
        assert_int_equal(reveal(&world), STATUS_QUOTA);
    }
    /* Nor does it help to seal and unseal under a clock that is ahead. */
    wall_set_s = DAY;
    assert_int_equal(dispatch_seal(world.fixture.dispatch), STATUS_OK);
    assert_int_equal(
        dispatch_unseal(world.fixture.dispatch, world.fixture.root, world.fixture.fault),
        STATUS_OK);
    assert_int_equal(tokenize(&world), STATUS_QUOTA);
    assert_int_equal(reveal(&world), STATUS_QUOTA);
    wall_set_s = -DAY;
    /* A day that really passed, on a clock that is a day behind. */
    passed_s = DAY + 10 * MINUTE;
    assert_int_equal(tokenize(&world), STATUS_OK);
    assert_int_equal(reveal(&world), STATUS_OK);
    drop(&world);
}

static void
test_s21_a_grant_ends_when_its_time_has_passed_whoever_sets_the_clock(void **state)
{
    const struct access_budgets large = {.service = {100000, 0}, .lookup = {100000, 0}};
    struct world world;

    (void)state;
    make(&world, large);
    wall_set_s = 10 * DAY;
    assert_int_equal(reveal(&world), STATUS_OK);
    wall_set_s = -10 * DAY;
    assert_int_equal(reveal(&world), STATUS_OK);
    passed_s = 2 * DAY - MINUTE;
    assert_int_equal(reveal(&world), STATUS_OK);
    passed_s = 2 * DAY + SECOND;
    assert_int_equal(reveal(&world), STATUS_EXPIRED);
    wall_set_s = -20 * DAY;
    assert_int_equal(reveal(&world), STATUS_EXPIRED);
    /* Nor does a restart on a clock put back bring it to life. */
    dispatch_tick(world.fixture.dispatch);
    restart(&world);
    assert_int_equal(reveal(&world), STATUS_EXPIRED);
    drop(&world);
}

static void
test_a_clock_that_was_set_is_an_entry(void **state)
{
    const struct access_budgets large = {.service = {100000, 0}};
    struct world world;
    uint64_t amount = 0;

    (void)state;
    make(&world, large);
    dispatch_tick(world.fixture.dispatch);
    assert_int_equal(count_acts(&world, AUDIT_ACT_CLOCK_FORWARD, &amount), 0);
    wall_set_s = DAY;
    dispatch_tick(world.fixture.dispatch);
    dispatch_tick(world.fixture.dispatch);
    assert_int_equal(count_acts(&world, AUDIT_ACT_CLOCK_FORWARD, &amount), 1);
    assert_in_range(amount, (uint64_t)DAY * 1000 - 100, (uint64_t)DAY * 1000 + 100);
    wall_set_s = 0;
    dispatch_tick(world.fixture.dispatch);
    assert_int_equal(count_acts(&world, AUDIT_ACT_CLOCK_BACK, &amount), 1);
    assert_in_range(amount, (uint64_t)DAY * 1000 - 100, (uint64_t)DAY * 1000 + 100);
    assert_int_equal(count_acts(&world, AUDIT_ACT_CLOCK_FORWARD, &amount), 1);
    drop(&world);
}

/* ---- between two runs ---- */

static void
test_s18_budgets_outlive_a_restart_on_a_clock_put_back(void **state)
{
    const struct access_budgets small = {
        .service = {3, 0}, .lookup = {3, 0}, .reveal = {2, 0}, .deliver = {2, 0}};
    struct world world;
    uint64_t amount = 0;

    (void)state;
    make(&world, small);
    assert_int_equal(tokenize(&world), STATUS_OK);
    assert_int_equal(tokenize(&world), STATUS_OK);
    assert_int_equal(reveal(&world), STATUS_OK);
    assert_int_equal(reveal(&world), STATUS_OK);
    wall_set_s = -DAY;
    restart(&world);
    assert_int_equal(tokenize(&world), STATUS_QUOTA);
    assert_int_equal(reveal(&world), STATUS_QUOTA);
    /* That the clock is behind the log's time is said at the first tick. */
    dispatch_tick(world.fixture.dispatch);
    assert_int_equal(count_acts(&world, AUDIT_ACT_CLOCK_BACK, &amount), 1);
    passed_s = DAY + 10 * MINUTE;
    assert_int_equal(tokenize(&world), STATUS_OK);
    assert_int_equal(reveal(&world), STATUS_OK);
    drop(&world);
}

/* Reasons are sealed under the key of the log's own year, which is there whatever year it is. */
static void
test_reveals_go_on_after_a_clock_that_was_two_years_ahead(void **state)
{
    const struct access_budgets large = {
        .service = {100000, 0}, .lookup = {100000, 0}, .reveal = {1000, 0}};
    struct world world;

    (void)state;
    make(&world, large);
    wall_set_s = 732 * (int64_t)DAY;
    restart(&world);
    assert_int_equal(grant(&world, "person", ROLE_REVEAL, 0), STATUS_OK);
    wall_set_s = 0;
    assert_int_equal(reveal(&world), STATUS_OK);
    restart(&world);
    assert_int_equal(reveal(&world), STATUS_OK);
    /* The turn of a year while it runs. */
    passed_s = 366 * (int64_t)DAY;
    dispatch_tick(world.fixture.dispatch);
    assert_int_equal(reveal(&world), STATUS_OK);
    drop(&world);
}

/* The coming year's key cannot be made: it is tried again now and then, not at every tick. */
static void
test_a_key_that_cannot_be_made_is_not_tried_at_every_tick(void **state)
{
    const struct access_budgets large = {.service = {100000, 0}};
    char in_the_way[FIXTURE_PATH_BYTES];
    struct world world;
    uint64_t changes;

    (void)state;
    make(&world, large);
    dispatch_tick(world.fixture.dispatch);
    fixture_path(&world.fixture, "keyring.new", in_the_way);
    assert_int_equal(mkdir(in_the_way, 0700), 0);
    /* To the last day of the year, by the log's own time. */
    while (clock_year(clock_vault_ms() + (uint64_t)DAY * 1000) == clock_year(clock_vault_ms())) {
        passed_s += HOUR;
    }
    dispatch_tick(world.fixture.dispatch);
    changes = store_changes(world.fixture.store);
    for (int i = 0; i < 5; i++) {
        dispatch_tick(world.fixture.dispatch);
    }
    assert_int_equal(store_changes(world.fixture.store), changes);
    assert_int_equal(rmdir(in_the_way), 0);
    passed_s += 2 * MINUTE;
    dispatch_tick(world.fixture.dispatch);
    assert_in_range(store_changes(world.fixture.store), changes + 1, changes + 4);
    drop(&world);
}

/* S16: so many at once, then so many a second. */
static void
test_a_throttle_gives_back_by_the_second(void **state)
{
    static struct throttle throttle;

    (void)state;
    throttle_init(&throttle, 5, 2);
    assert_true(throttle_take(&throttle, 7, 5));
    assert_false(throttle_take(&throttle, 7, 1));
    assert_false(throttle_take(&throttle, 7, 0));
    assert_true(throttle_take(&throttle, 8, 1));
    passed_s += 1;
    assert_true(throttle_take(&throttle, 7, 2));
    assert_false(throttle_take(&throttle, 7, 1));
    passed_s += 1;
    assert_true(throttle_take(&throttle, 7, 2));
    assert_false(throttle_take(&throttle, 7, 1));
    assert_false(throttle_take(&throttle, 8, UINT32_MAX));
    throttle_fini(&throttle);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_throttle_gives_back_by_the_second),
        cmocka_unit_test(test_s18_budgets_hold_whoever_sets_the_clock),
        cmocka_unit_test(test_s21_a_grant_ends_when_its_time_has_passed_whoever_sets_the_clock),
        cmocka_unit_test(test_a_clock_that_was_set_is_an_entry),
        cmocka_unit_test(test_s18_budgets_outlive_a_restart_on_a_clock_put_back),
        cmocka_unit_test(test_a_key_that_cannot_be_made_is_not_tried_at_every_tick),
        cmocka_unit_test(test_reveals_go_on_after_a_clock_that_was_two_years_ahead),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S18 "never more than the budget", S24: what fails is given
 * back, an import leaves the standing budget alone; past the budget nothing is looked at. And what
 * is destroyed by its age is not destroyed by one wrong clock. And an erase that gives way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <time.h>

#include "clock.h"
#include "dispatch_internal.h"
#include "fixture.h"
#include "store_faulty.h"

enum { DAY = 24 * 3600, YEAR = 366 * DAY, HOUR = 3600 };

/* ---- clocks that this file moves, lookups that it counts ---- */

static int64_t wall_set_s;
static int64_t passed_s;
static unsigned lookups;

int __real_clock_gettime(clockid_t id, struct timespec *ret_now);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret_now);
enum status __real_vault_lookup(struct vault *vault, struct scratch *scratch, uint32_t namespace_id,
                                enum contact_form form, struct vault_item *items, size_t count);
enum status __wrap_vault_lookup(struct vault *vault, struct scratch *scratch, uint32_t namespace_id,
                                enum contact_form form, struct vault_item *items, size_t count);

int
__wrap_clock_gettime(clockid_t id, struct timespec *ret_now)
{
    int failed = __real_clock_gettime(id, ret_now);

    ret_now->tv_sec += passed_s + (id == CLOCK_REALTIME ? wall_set_s : 0);
    return failed;
}

enum status
__wrap_vault_lookup(struct vault *vault, struct scratch *scratch, uint32_t namespace_id,
                    enum contact_form form, struct vault_item *items, size_t count)
{
    lookups++;
    return __real_vault_lookup(vault, scratch, namespace_id, form, items, count);
}

/* ---- one service, one eraser ---- */

static struct fixture fixture;
static struct caller admin, service, privacy;

static void
say_hello(void)
{
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    assert_int_equal(caller_hello(&service), STATUS_OK);
    assert_int_equal(caller_hello(&privacy), STATUS_OK);
}

static void
restart(void)
{
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    say_hello();
}

static void
make(uint32_t daily, const struct store_backend *backend)
{
    wall_set_s = passed_s = 0;
    store_faulty_fail_at(0, FAULTY_ABORTED, false);
    fixture_make_over(&fixture, backend);
    fixture.defaults.service = (struct budget_limits){daily, 0};
    fixture.defaults.lookup = (struct budget_limits){256, 0};
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    caller_make(&admin, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    caller_make(&service, &fixture, PEER_DATA, 2001);
    caller_make(&privacy, &fixture, PEER_DATA, 2002);
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "service", PRINCIPAL_SERVICE, 2001), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "privacy", PRINCIPAL_PERSON, 2002), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "service", ROLE_SERVICE, "brand"), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "privacy", ROLE_PRIVACY, "brand"), STATUS_OK);
    say_hello();
}

static void
drop(void)
{
    store_faulty_fail_at(0, FAULTY_ABORTED, false);
    caller_remove(&admin);
    caller_remove(&service);
    caller_remove(&privacy);
    fixture_remove(&fixture);
    wall_set_s = passed_s = 0;
}

static enum status
ask(struct caller *caller, enum operation operation, const char *prefix, size_t count)
{
    static char texts[128][64];
    static const char *values[128];

    assert_in_range(count, 1, 128);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%s%zu@example.com", prefix, i);
        values[i] = texts[i];
    }
    return caller_values(caller, operation, values, count, NULL,
                         operation == OP_ERASE ? "asked" : NULL);
}

static uint64_t
contacts(void)
{
    uint64_t count = UINT64_MAX;

    caller_begin(&admin, OP_STATUS, 0);
    assert_int_equal(caller_send(&admin), STATUS_OK);
    assert_true(message_uint(admin.reply, FIELD_CONTACTS, &count));
    return count;
}

/* ---- budgets ---- */

static void
test_s18_past_the_budget_nothing_is_looked_at(void **state)
{
    (void)state;
    make(30, &store_lmdb_backend);
    assert_int_equal(ask(&service, OP_TOKENIZE, "a", 30), STATUS_OK);
    lookups = 0;
    for (size_t count = 1; count <= 64; count *= 2) {
        assert_int_equal(ask(&service, OP_LOOKUP, "a", count), STATUS_QUOTA);
        assert_int_equal(ask(&service, OP_TOKENIZE, "a", count), STATUS_QUOTA);
    }
    assert_int_equal(lookups, 0);
    drop();
}

static void
test_what_the_store_could_not_take_is_not_spent(void **state)
{
    (void)state;
    make(100, &store_faulty_backend);
    for (int i = 0; i < 20; i++) {
        /* For good: whatever the store is asked, it says no. */
        store_faulty_fail_at(1, FAULTY_ABORTED, true);
        assert_int_equal(ask(&service, OP_TOKENIZE, "a", 64), STATUS_UNAVAILABLE);
        store_faulty_fail_at(0, FAULTY_ABORTED, false);
    }
    assert_int_equal(ask(&service, OP_TOKENIZE, "a", 64), STATUS_OK);
    assert_int_equal(ask(&service, OP_TOKENIZE, "b", 36), STATUS_OK);
    assert_int_equal(ask(&service, OP_TOKENIZE, "c", 1), STATUS_QUOTA);
    drop();
}

static void
grant_for_two_hours(uint32_t daily)
{
    caller_begin(&admin, OP_GRANT, 5);
    message_put_text(&admin.request, FIELD_NAME, "service");
    message_put_uint(&admin.request, FIELD_ROLE, ROLE_SERVICE);
    message_put_text(&admin.request, FIELD_NAMESPACE, "brand");
    message_put_uint(&admin.request, FIELD_LASTS_S, 2 * HOUR);
    message_put_uint(&admin.request, FIELD_DAILY, daily);
    assert_int_equal(caller_send(&admin), STATUS_OK);
}

static void
test_an_import_leaves_the_standing_budget_as_it_was(void **state)
{
    (void)state;
    make(10, &store_lmdb_backend);
    assert_int_equal(ask(&service, OP_TOKENIZE, "a", 4), STATUS_OK);
    grant_for_two_hours(100);
    assert_int_equal(ask(&service, OP_TOKENIZE, "b", 100), STATUS_OK);
    /* Its own is used up, and then the standing one. */
    assert_int_equal(ask(&service, OP_TOKENIZE, "c", 6), STATUS_OK);
    assert_int_equal(ask(&service, OP_TOKENIZE, "d", 1), STATUS_QUOTA);
    restart();
    assert_int_equal(ask(&service, OP_TOKENIZE, "d", 1), STATUS_QUOTA);
    drop();

    make(10, &store_lmdb_backend);
    grant_for_two_hours(100);
    assert_int_equal(ask(&service, OP_TOKENIZE, "b", 90), STATUS_OK);
    passed_s = 3 * HOUR;
    assert_int_equal(ask(&service, OP_TOKENIZE, "c", 10), STATUS_OK);
    assert_int_equal(ask(&service, OP_TOKENIZE, "d", 1), STATUS_QUOTA);
    drop();
}

/* ---- what is destroyed by its age ---- */

static void
retain_two_years(void)
{
    caller_begin(&admin, OP_NAMESPACE_SET, 2);
    message_put_text(&admin.request, FIELD_NAME, "brand");
    message_put_uint(&admin.request, FIELD_RETAIN_MONTHS, 24);
    assert_int_equal(caller_send(&admin), STATUS_OK);
}

static void
tick(void)
{
    for (int i = 0; i < 5; i++) {
        dispatch_tick(fixture.dispatch);
    }
}

static void
test_s24_a_machine_that_comes_up_in_the_wrong_year_destroys_nothing(void **state)
{
    (void)state;
    make(1000, &store_lmdb_backend);
    assert_int_equal(ask(&service, OP_TOKENIZE, "a", 5), STATUS_OK);
    retain_two_years();
    wall_set_s = 3 * (int64_t)YEAR;
    restart();
    tick();
    assert_int_equal(contacts(), 5);
    /* However often it is started meanwhile: its own entries carry the wrong year by now. */
    passed_s = HOUR;
    restart();
    tick();
    assert_int_equal(contacts(), 5);
    /* Put right within the day: vault time stays ahead, and yet nothing is old. */
    wall_set_s = 0;
    passed_s = 2 * DAY;
    tick();
    assert_int_equal(contacts(), 5);
    drop();
}

static void
test_s24_when_both_clocks_agree_for_a_day_it_was_long(void **state)
{
    (void)state;
    make(1000, &store_lmdb_backend);
    assert_int_equal(ask(&service, OP_TOKENIZE, "a", 5), STATUS_OK);
    retain_two_years();
    passed_s = 3 * (int64_t)YEAR;
    restart();
    tick();
    assert_int_equal(contacts(), 5);
    passed_s += DAY + HOUR;
    tick();
    assert_int_equal(contacts(), 0);
    drop();
}

/* Somebody erases at the wrong moment: the sweep waits for a tick, not for a day. */
static void
test_s24_a_sweep_that_finds_somebody_erasing_goes_on(void **state)
{
    (void)state;
    make(1000, &store_lmdb_backend);
    assert_int_equal(ask(&service, OP_TOKENIZE, "a", 5), STATUS_OK);
    retain_two_years();
    tick();
    passed_s = 3 * (int64_t)YEAR;
    (void)pthread_mutex_lock(&fixture.dispatch->erasing);
    tick();
    assert_int_equal(contacts(), 5);
    (void)pthread_mutex_unlock(&fixture.dispatch->erasing);
    tick();
    assert_int_equal(contacts(), 0);
    drop();
}

/* ---- erases give way ---- */

static void
test_an_erase_gives_way_between_two_steps(void **state)
{
    size_t done = 0;

    (void)state;
    make(1000, &store_lmdb_backend);
    assert_int_equal(ask(&service, OP_TOKENIZE, "a", 128), STATUS_OK);
    (void)atomic_fetch_add(&fixture.dispatch->gate.wanted, 1);
    assert_int_equal(ask(&privacy, OP_ERASE, "a", 128), STATUS_OK);
    (void)atomic_fetch_sub(&fixture.dispatch->gate.wanted, 1);
    for (size_t i = 0; i < 128; i++) {
        enum status status = caller_item_status(&privacy, i);

        assert_true(status == STATUS_OK || status == STATUS_BUSY);
        assert_true(i == 0 || status == STATUS_BUSY || done == i);
        done += status == STATUS_OK;
    }
    assert_int_equal(done, VAULT_ERASED_CERTAINLY);
    assert_int_equal(contacts(), 128 - done);
    /* The rest, when it is asked again. */
    assert_int_equal(ask(&privacy, OP_ERASE, "a", 128), STATUS_OK);
    assert_int_equal(contacts(), 0);
    drop();
}

static void
test_a_second_eraser_does_not_wait_behind_the_gate(void **state)
{
    (void)state;
    make(1000, &store_lmdb_backend);
    assert_int_equal(ask(&service, OP_TOKENIZE, "a", 1), STATUS_OK);
    (void)pthread_mutex_lock(&fixture.dispatch->erasing);
    /* Nor does it pay for the look-ups of what is not done. */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ask(&privacy, OP_ERASE, "a", 1), STATUS_BUSY);
    }
    (void)pthread_mutex_unlock(&fixture.dispatch->erasing);
    assert_int_equal(contacts(), 1);
    assert_int_equal(ask(&privacy, OP_ERASE, "a", 1), STATUS_OK);
    assert_int_equal(contacts(), 0);
    assert_int_equal(budgets_used(fixture.budgets,
                                  (struct budget_key){privacy.peer.principal, 1, BUDGET_LOOKUP},
                                  clock_vault_ms()),
                     1);
    drop();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_s18_past_the_budget_nothing_is_looked_at),
        cmocka_unit_test(test_what_the_store_could_not_take_is_not_spent),
        cmocka_unit_test(test_an_import_leaves_the_standing_budget_as_it_was),
        cmocka_unit_test(test_s24_a_sweep_that_finds_somebody_erasing_goes_on),
        cmocka_unit_test(test_s24_when_both_clocks_agree_for_a_day_it_was_long),
        /* After the one above: vault time does not come back in one process. */
        cmocka_unit_test(test_s24_a_machine_that_comes_up_in_the_wrong_year_destroys_nothing),
        cmocka_unit_test(test_an_erase_gives_way_between_two_steps),
        cmocka_unit_test(test_a_second_eraser_does_not_wait_behind_the_gate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a program is told to do about every status, and about an outcome that nobody knows. */
#include "contactvault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client_fixture.h"

/* Written by hand, from PROTOCOL.md's "Status". */
static const struct {
    enum cv_status status;
    enum cv_advice advice, with_time; /* without and with retry_after_s */
} table[] = {
    {CV_OK, CV_DONE, CV_DONE},
    {CV_INVALID, CV_REFUSE, CV_REFUSE},
    {CV_TOO_LARGE, CV_REFUSE, CV_REFUSE},
    {CV_UNAUTHENTICATED, CV_REFUSE, CV_REFUSE},
    {CV_DENIED, CV_REFUSE, CV_REFUSE},
    {CV_QUOTA, CV_REFUSE, CV_HOLD},
    {CV_NOT_FOUND, CV_REFUSE, CV_REFUSE},
    {CV_CONFLICT, CV_REFUSE, CV_REFUSE},
    {CV_EXPIRED, CV_REFUSE, CV_REFUSE},
    {CV_SEALED, CV_HOLD, CV_HOLD},
    {CV_BUSY, CV_RETRY, CV_RETRY},
    {CV_UNAVAILABLE, CV_HOLD, CV_HOLD},
    {CV_CORRUPT, CV_REFUSE, CV_REFUSE},
    {CV_INTERNAL, CV_REFUSE, CV_REFUSE},
    {CV_FROZEN, CV_HOLD, CV_HOLD},
    {CV_NO_SESSION, CV_REFUSE, CV_REFUSE},
    {CV_PENDING, CV_REFUSE, CV_REFUSE},
};

enum { STATUSES = sizeof table / sizeof *table };

static void
test_every_status_has_its_advice(void **state)
{
    (void)state;

    for (unsigned i = 0; i < STATUSES; i++) {
        struct cv_reply reply = {.status = table[i].status};
        struct cv_item item = {.status = table[i].status};
        assert_int_equal(table[i].status, i);
        assert_int_equal(cv_advice_of(&reply), table[i].advice);
        assert_int_equal(cv_item_advice(&item), table[i].advice);
        reply.retry_after_s = 1;
        assert_int_equal(cv_advice_of(&reply), table[i].with_time);
        reply.outcome_unknown = item.outcome_unknown = true;
        assert_int_equal(cv_advice_of(&reply), CV_LOOK);
        assert_int_equal(cv_item_advice(&item), CV_LOOK);
    }
    assert_non_null(cv_status_name((enum cv_status)(STATUSES - 1)));
    assert_null(cv_status_name((enum cv_status)STATUSES)); /* one more would need its row here */
}

static void
test_advice_has_names(void **state)
{
    static const char *const names[] = {"done", "retry", "hold", "refuse", "look"};
    (void)state;

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(cv_advice_name((enum cv_advice)i), names[i]);
    assert_null(cv_advice_name((enum cv_advice)5));
}

typedef enum cv_status contact_call(struct cv_client *, const struct cv_query *,
                                    struct cv_reply **);

static void
assert_advice(struct fixture *fixture, contact_call *call, const char *word, enum cv_advice advice)
{
    struct cv_query query = {.values = &word, .count = 1, .reason = word};
    struct cv_reply *reply;

    (void)call(fixture->client, &query, &reply);
    assert_string_equal(cv_advice_name(cv_advice_of(reply)), cv_advice_name(advice));
    cv_reply_free(&reply);
}

/* The same fault leaves a change unknown, and neither a reveal that was answered nor a question. */
static void
test_a_fault_in_a_change_is_to_be_looked_after(void **state)
{
    struct fixture *fixture = *state;
    static const char *const faults[] = {"unavailable", "internal"};
    static const enum cv_advice usual[] = {CV_HOLD, CV_REFUSE};

    for (unsigned i = 0; i < 2; i++) {
        assert_advice(fixture, cv_erase, faults[i], CV_LOOK);
        assert_advice(fixture, cv_detokenize, faults[i], usual[i]);
        assert_advice(fixture, cv_tokenize, faults[i], usual[i]);
        assert_advice(fixture, cv_describe, faults[i], usual[i]);
    }
    assert_advice(fixture, cv_erase, "drop", CV_LOOK);
    assert_advice(fixture, cv_detokenize, "drop", CV_LOOK); /* no answer: it may be on record */
    assert_advice(fixture, cv_lookup, "drop", CV_HOLD);
    assert_advice(fixture, cv_erase, "busy", CV_RETRY);
    assert_advice(fixture, cv_erase, "frozen", CV_HOLD);
    assert_advice(fixture, cv_erase, "no_session", CV_REFUSE);
    assert_advice(fixture, cv_erase, "pending", CV_REFUSE);
    assert_advice(fixture, cv_tokenize, "quota", CV_HOLD);
    assert_advice(fixture, cv_tokenize, "over", CV_REFUSE);
    assert_advice(fixture, cv_tokenize, "one", CV_DONE);
}

/* An answer in which one item failed: {status: 0, items: [{status: 11, message: ""}]}, and 10. */
static void
test_a_fault_in_an_item_of_an_erase(void **state)
{
    struct fixture *fixture = *state;
    static const char *const values[] = {FAKE_TOKEN};
    struct cv_query query = {.values = values, .count = 1, .reason = "raw:822000239182200b21a0"};
    struct cv_reply *reply;

    assert_int_equal(cv_erase(fixture->client, &query, &reply), CV_OK);
    assert_int_equal(reply->items[0].status, CV_UNAVAILABLE);
    assert_int_equal(cv_item_advice(&reply->items[0]), CV_LOOK);
    cv_reply_free(&reply);
    query.reason = "raw:822000239182200a21a0";
    assert_int_equal(cv_erase(fixture->client, &query, &reply), CV_OK);
    assert_int_equal(cv_item_advice(&reply->items[0]), CV_RETRY);
    cv_reply_free(&reply);
    query.reason = "raw:822000239182200b21a0";
    assert_int_equal(cv_detokenize(fixture->client, &query, &reply), CV_OK);
    assert_int_equal(cv_item_advice(&reply->items[0]), CV_HOLD);
    cv_reply_free(&reply);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_has_its_advice),
        cmocka_unit_test(test_advice_has_names),
        FIXTURE_TEST(test_a_fault_in_a_change_is_to_be_looked_after),
        FIXTURE_TEST(test_a_fault_in_an_item_of_an_erase),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

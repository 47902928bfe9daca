/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of people, against a fake vault: enrolling, logging in, what a session is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client_fixture.h"
#include "message.h"

static struct cv_identity *
new_identity(void)
{
    struct cv_identity *identity = NULL;

    assert_int_equal(cv_identity_new(&identity), CV_OK);
    return identity;
}

static enum cv_status
enrol(struct fixture *fixture, const struct cv_identity *identity, const char *factor)
{
    const struct cv_enrolment enrolment = {
        .code = FAKE_CODE, .name = "maria", .identity = identity};
    struct cv_reply *begun = NULL, *reply = NULL;

    assert_int_equal(cv_enrol_begin(fixture->client, &enrolment, &begun), CV_OK);
    enum cv_status status = cv_enrol_confirm(fixture->client, &enrolment, begun, factor, &reply);
    cv_reply_free(&begun);
    cv_reply_free(&reply);
    return status;
}

static void
test_enrolling_gives_a_secret_and_codes(void **state)
{
    struct fixture *fixture = *state;
    struct cv_identity *identity = new_identity();
    struct cv_enrolment enrolment = {.code = FAKE_CODE, .identity = identity};
    struct cv_reply *begun = NULL;

    assert_int_equal(cv_enrol_begin(fixture->client, &enrolment, &begun), CV_OK);
    assert_string_equal(begun->principal, "maria");
    assert_memory_equal(begun->secret, "12345678901234567890", CV_SECRET_BYTES);
    assert_int_equal(begun->code_count, CV_RECOVERY_CODES);
    assert_string_equal(begun->codes[0], FAKE_RECOVERY);
    assert_string_equal(begun->codes[7], "rrrr-rrrr-rrr8");
    assert_int_equal(atomic_load(&fixture->fake.counts->hellos), 0); /* as a stranger */
    cv_reply_free(&begun);
    enrolment.code = "another";
    assert_int_equal(cv_enrol_begin(fixture->client, &enrolment, &begun), CV_UNAUTHENTICATED);
    cv_reply_free(&begun);
    assert_int_equal(enrol(fixture, identity, "000000"), CV_DENIED);
    assert_int_equal(enrol(fixture, identity, FAKE_FACTOR), CV_OK);
    cv_identity_free(&identity);
}

static void
test_what_is_no_reply_of_the_first_half(void **state)
{
    struct fixture *fixture = *state;
    struct cv_identity *identity = new_identity();
    const struct cv_enrolment enrolment = {.code = FAKE_CODE, .identity = identity};
    struct cv_reply *begun = NULL, *reply = NULL;

    assert_int_equal(cv_state(fixture->client, &begun), CV_OK);
    assert_int_equal(cv_enrol_confirm(fixture->client, &enrolment, begun, FAKE_FACTOR, &reply),
                     CV_INVALID);
    cv_reply_free(&begun);
    cv_reply_free(&reply);
    cv_identity_free(&identity);
}

/* The factor is asked of whoever has proved her key, and of nobody else. */
static void
test_a_session(void **state)
{
    struct fixture *fixture = *state;
    struct cv_identity *identity = new_identity(), *session = new_identity();
    struct cv_reply *reply = NULL;

    assert_int_equal(enrol(fixture, identity, FAKE_FACTOR), CV_OK);
    assert_int_equal(fixture_reopen(fixture, &(struct cv_options){.identity = identity}), CV_OK);
    assert_int_equal(tokenize_one(fixture->client, "one", &reply), CV_NO_SESSION);
    assert_int_equal(cv_advice_of(reply), CV_REFUSE);
    cv_reply_free(&reply);
    assert_int_equal(cv_whoami(fixture->client, &reply), CV_OK);
    assert_int_equal(reply->lasts_s, 0);
    assert_true(reply->principals->enrolled);
    cv_reply_free(&reply);
    assert_int_equal(cv_login(fixture->client, session, "000000", &reply), CV_DENIED);
    cv_reply_free(&reply);
    assert_int_equal(cv_login(fixture->client, session, "locked", &reply), CV_QUOTA);
    assert_int_equal(reply->retry_after_s, 86399);
    cv_reply_free(&reply);
    assert_int_equal(cv_login(fixture->client, session, FAKE_FACTOR, &reply), CV_OK);
    assert_string_equal(reply->principal, "maria");
    assert_int_equal(reply->idle_s, 900);
    assert_int_equal(reply->lasts_s, 28800);
    assert_int_equal(reply->codes_left, 8);
    assert_int_equal(reply->waiting, 2);
    cv_reply_free(&reply);
    assert_int_equal(tokenize_one(fixture->client, "one", &reply),
                     CV_OK); /* this one has it, too */
    cv_reply_free(&reply);

    assert_int_equal(fixture_reopen(fixture, &(struct cv_options){.identity = session}), CV_OK);
    assert_int_equal(tokenize_one(fixture->client, "one", &reply), CV_OK);
    cv_reply_free(&reply);
    assert_int_equal(cv_whoami(fixture->client, &reply), CV_OK);
    assert_string_equal(reply->principals->name, "maria");
    assert_int_equal(reply->principals->kind, CV_PERSON);
    assert_int_equal(reply->principals->grant_count, 1);
    assert_string_equal(reply->principals->grants[0].namespace_name, "shop");
    assert_int_equal(reply->principals->grants[0].used, 12);
    assert_int_equal(reply->idle_s, 900);
    cv_reply_free(&reply);
    assert_int_equal(cv_logout(fixture->client, &reply), CV_OK);
    cv_reply_free(&reply);
    assert_int_equal(tokenize_one(fixture->client, "one", &reply), CV_UNAUTHENTICATED);
    cv_reply_free(&reply);
    cv_identity_free(&identity);
    cv_identity_free(&session);
}

/* What is signed names the connection: after a loss it is signed anew, over the new one. */
static void
test_a_login_on_a_connection_that_came_back(void **state)
{
    struct fixture *fixture = *state;
    struct cv_identity *identity = new_identity(), *session = new_identity();
    struct cv_reply *reply = NULL;

    assert_int_equal(enrol(fixture, identity, FAKE_FACTOR), CV_OK);
    assert_int_equal(fixture_reopen(fixture, &(struct cv_options){.identity = identity}), CV_OK);
    assert_int_equal(cv_hello(fixture->client, &reply), CV_OK);
    cv_reply_free(&reply);
    fake_kill(&fixture->fake);
    fake_restart(&fixture->fake);
    /* Sent before the loss was noticed it is not repeated: it may have used the code up. */
    if (cv_login(fixture->client, session, FAKE_FACTOR, &reply) == CV_UNAVAILABLE) {
        assert_true(reply->outcome_unknown);
        cv_reply_free(&reply);
        (void)cv_login(fixture->client, session, FAKE_FACTOR, &reply);
    }
    assert_int_equal(reply->status, CV_OK);
    cv_reply_free(&reply);
    cv_identity_free(&identity);
    cv_identity_free(&session);
}

static void
test_only_a_key_logs_in(void **state)
{
    struct fixture *fixture = *state;
    struct cv_identity *session = new_identity();
    struct cv_reply *reply = NULL;

    assert_int_equal(cv_login(fixture->client, session, FAKE_FACTOR, &reply), CV_INVALID);
    assert_non_null(strstr(reply->message, "own key"));
    cv_reply_free(&reply);
    cv_identity_free(&session);
}

static void
test_adding_a_person_gives_a_code(void **state)
{
    struct fixture *fixture = *state;
    const struct cv_new_principal maria = {.name = "maria", .kind = CV_PERSON, .any_uid = true};
    struct cv_reply *reply = NULL;

    assert_int_equal(cv_principal_add(fixture->client, &maria, &reply), CV_OK);
    assert_string_equal(reply->code, FAKE_CODE);
    assert_int_equal(reply->lasts_s, 86400);
    cv_reply_free(&reply);
    assert_sent(fixture, OP_PRINCIPAL_ADD, FIELD_BIT(FIELD_NAME) | FIELD_BIT(FIELD_KIND));
    const struct cv_new_principal at_home = {.name = "maria", .kind = CV_PERSON, .uid = 1001};
    assert_int_equal(cv_principal_add(fixture->client, &at_home, &reply), CV_OK);
    cv_reply_free(&reply);
    assert_sent_uint(fixture, FIELD_UID, 1001);
    assert_int_equal(cv_principal_invite(fixture->client, "maria", &reply), CV_OK);
    assert_string_equal(reply->code, FAKE_CODE);
    cv_reply_free(&reply);
    assert_sent(fixture, OP_PRINCIPAL_INVITE, FIELD_BIT(FIELD_NAME));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_enrolling_gives_a_secret_and_codes),
        FIXTURE_TEST(test_what_is_no_reply_of_the_first_half),
        FIXTURE_TEST(test_a_session),
        FIXTURE_TEST(test_a_login_on_a_connection_that_came_back),
        FIXTURE_TEST(test_only_a_key_logs_in),
        FIXTURE_TEST(test_adding_a_person_gives_a_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

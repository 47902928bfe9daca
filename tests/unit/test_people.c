/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: SECURITY.md S40 to S44: how persons are enrolled, let in and kept out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "fixture.h"
#include "log_reader.h"
#include "logins.h"
#include "session.h"
#include "still_clock.h"
#include "totp.h"

enum {
    MARIA_UID = 2001,
    READER_UID = 2002,
    ADA_UID = 2003,
    OTHER_UID = 2999,
    SECOND_MS = 1000,
    DAY_MS = 24 * 3600 * 1000,
    ENTRIES = 64,
};

static struct fixture fixture;
static struct caller admin, maria;
static struct log_reader log_reader;
static struct log_entry entries[ENTRIES];

static struct person *
her(void)
{
    return people_find(&fixture, MARIA_UID);
}

static void
make_callers(void)
{
    caller_make(&admin, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    caller_make(&maria, &fixture, PEER_DATA, MARIA_UID);
}

static void
drop_callers(void)
{
    caller_remove(&maria);
    caller_remove(&admin);
}

static int
set_up(void **state)
{
    (void)state;
    fixture_make(&fixture);
    fixture.people_stay_out = true;
    make_callers();
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "reader", PRINCIPAL_SERVICE, READER_UID),
                     STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "reader", ROLE_AUDIT, NULL), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "maria", PRINCIPAL_PERSON, MARIA_UID), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "maria", ROLE_REVEAL, "brand"), STATUS_OK);
    log_reader_make(&log_reader, &fixture, READER_UID);
    log_reader_skip(&log_reader);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    log_reader_remove(&log_reader);
    drop_callers();
    fixture_remove(&fixture);
    return 0;
}

/* As by kill -9. */
static void
restart(void)
{
    log_reader_remove(&log_reader);
    drop_callers();
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    make_callers();
    log_reader_make(&log_reader, &fixture, READER_UID);
}

/* ---- what she asks ---- */

static enum status
look(struct caller *caller)
{
    const char *values[] = {"nobody@example.com"};

    return caller_values(caller, OP_LOOKUP, values, 1, "brand", NULL);
}

static enum status
ask_plain(struct caller *caller, enum operation operation)
{
    caller_begin(caller, operation, 0);
    return caller_send(caller);
}

static enum status
log_in_at(uint64_t step)
{
    char digits[TOTP_DIGITS + 1];

    people_code(her(), step, digits);
    return people_log_in_with(&maria, her(), digits);
}

static void
next_step(void)
{
    still_clock_pass_ms(TOTP_STEP_MS);
}

static void
must_log_in(void)
{
    next_step();
    assert_int_equal(log_in_at(people_now_step()), STATUS_OK);
}

static uint64_t
retry_after_s(const struct caller *caller)
{
    uint64_t seconds = 0;

    (void)!message_uint(caller->reply, FIELD_RETRY_AFTER_S, &seconds);
    return seconds;
}

/* ---- S40: enrolment ---- */

/* Somebody who is invited, and the code. */
static struct person *
invite(const char *name, uint32_t uid)
{
    struct bytes code = {0};

    caller_begin(&admin, OP_PRINCIPAL_ADD, 3);
    message_put_text(&admin.request, FIELD_NAME, name);
    message_put_uint(&admin.request, FIELD_KIND, PRINCIPAL_PERSON);
    message_put_uint(&admin.request, FIELD_UID, uid);
    assert_int_equal(caller_send(&admin), STATUS_OK);
    assert_true(message_bytes(admin.reply, FIELD_CODE, &code));
    return people_invite(&fixture, name, uid, code);
}

static void
invite_again(const char *name, uint32_t uid)
{
    struct bytes code = {0};

    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_INVITE, name), STATUS_OK);
    assert_true(message_bytes(admin.reply, FIELD_CODE, &code));
    (void)people_invite(&fixture, name, uid, code);
}

static void
test_s40_a_code_is_good_once(void **state)
{
    struct person *ada = invite("ada", ADA_UID);

    (void)state;
    assert_int_equal(people_enrol(&fixture, ada), STATUS_OK);
    next_step();
    assert_int_equal(people_enrol(&fixture, ada), STATUS_UNAUTHENTICATED);
}

static void
test_s40_a_code_is_good_for_a_day_and_a_later_one_ends_it(void **state)
{
    struct person *ada = invite("ada", ADA_UID);
    struct person before = *ada;

    (void)state;
    invite_again("ada", ADA_UID);
    assert_int_equal(people_enrol(&fixture, &before), STATUS_UNAUTHENTICATED);
    still_clock_pass_ms(DAY_MS - 1);
    before = *ada;
    still_clock_pass_ms(1);
    assert_int_equal(people_enrol(&fixture, ada), STATUS_UNAUTHENTICATED);
    invite_again("ada", ADA_UID);
    still_clock_pass_ms(DAY_MS - 1);
    assert_int_equal(people_enrol(&fixture, ada), STATUS_OK);
}

static void
test_s40_a_code_is_hers_and_her_uids_and_who_tries_is_on_record(void **state)
{
    struct person *ada = invite("ada", ADA_UID);
    struct person thief = *ada;
    struct caller caller;
    uint8_t instance[INSTANCE_ID_BYTES], nonce[NONCE_BYTES];

    (void)state;
    log_reader_skip(&log_reader);
    thief.uid = OTHER_UID;
    assert_int_equal(people_enrol(&fixture, &thief), STATUS_UNAUTHENTICATED);
    assert_int_equal(log_reader_since(&log_reader, entries, ENTRIES), 1);
    assert_int_equal(entries[0].act, OP_ENROL_BEGIN);
    assert_int_equal(entries[0].result, STATUS_UNAUTHENTICATED);
    assert_string_equal(entries[0].principal, "");
    assert_string_equal(entries[0].subject, "ada");
    (void)strcpy(thief.name, "maria"); /* whose code it is not */
    thief.uid = MARIA_UID;
    assert_int_equal(people_enrol(&fixture, &thief), STATUS_UNAUTHENTICATED);
    /* Nor does a code guessed at: one letter changed. */
    thief = *ada;
    thief.code[0] = thief.code[0] == '0' ? '1' : '0';
    caller_make(&caller, &fixture, PEER_DATA, ADA_UID);
    assert_int_equal(people_enrol_begin(&caller, &thief, instance, nonce), STATUS_UNAUTHENTICATED);
    caller_remove(&caller);
    assert_int_equal(people_enrol(&fixture, ada), STATUS_OK);
}

static void
test_s40_nothing_is_granted_to_who_has_no_key_yet(void **state)
{
    struct person *ada = invite("ada", ADA_UID);

    (void)state;
    assert_int_equal(caller_grant(&admin, OP_GRANT, "ada", ROLE_REVEAL, "brand"), STATUS_CONFLICT);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "ada", ROLE_ADMIN, NULL), STATUS_CONFLICT);
    assert_int_equal(people_enrol(&fixture, ada), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "ada", ROLE_REVEAL, "brand"), STATUS_OK);
}

static void
test_s40_an_admin_cannot_bring_the_key_of_a_person(void **state)
{
    const uint8_t key[PUBLIC_KEY_BYTES] = {9};

    (void)state;
    caller_begin(&admin, OP_PRINCIPAL_ADD, 3);
    message_put_text(&admin.request, FIELD_NAME, "eve");
    message_put_uint(&admin.request, FIELD_KIND, PRINCIPAL_PERSON);
    message_put_bytes(&admin.request, FIELD_PUBLIC_KEY, bytes_of(key, sizeof key));
    assert_int_equal(caller_send(&admin), STATUS_INVALID);
}

static void
test_s40_who_enrols_again_is_somebody_else(void **state)
{
    struct caller in_session;
    uint8_t earlier[64];

    (void)state;
    must_log_in();
    assert_int_equal(look(&maria), STATUS_OK);
    memcpy(earlier, her()->key, sizeof earlier);
    caller_make(&in_session, &fixture, PEER_DATA, MARIA_UID);
    assert_int_equal(people_prove(&in_session, her()->session_key), STATUS_OK);
    assert_int_equal(look(&in_session), STATUS_OK);

    invite_again("maria", MARIA_UID);
    assert_int_equal(look(&in_session), STATUS_OK); /* until she uses it */
    assert_int_equal(people_enrol(&fixture, her()), STATUS_OK); /* a new phone, the same minute */
    assert_int_equal(look(&in_session), STATUS_UNAUTHENTICATED);
    assert_int_equal(look(&maria), STATUS_UNAUTHENTICATED);
    assert_int_equal(people_prove(&in_session, earlier), STATUS_UNAUTHENTICATED);
    must_log_in();
    assert_int_equal(look(&maria), STATUS_DENIED);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "maria", ROLE_REVEAL, "brand"), STATUS_OK);
    assert_int_equal(look(&maria), STATUS_OK);
    caller_remove(&in_session);
}

/* ---- S41: sessions ---- */

static void
test_s41_a_key_alone_opens_next_to_nothing(void **state)
{
    static const enum operation enough[] = {OP_STATUS, OP_WHOAMI, OP_FREEZE};

    (void)state;
    assert_int_equal(caller_grant(&admin, OP_GRANT, "maria", ROLE_PRIVACY, "brand"), STATUS_OK);
    for (int by_uid = 0; by_uid < 2; by_uid++) {
        assert_int_equal(by_uid ? caller_hello_by_uid(&maria) : people_prove(&maria, her()->key),
                         STATUS_OK);
        for (size_t i = 0; i < sizeof enough / sizeof *enough; i++) {
            assert_int_equal(ask_plain(&maria, enough[i]), STATUS_OK);
        }
        assert_int_equal(caller_unfreeze(&admin), STATUS_OK);
        log_reader_skip(&log_reader);
        assert_int_equal(look(&maria), STATUS_NO_SESSION);
        assert_int_equal(ask_plain(&maria, OP_KEY_STATUS), STATUS_NO_SESSION);
        assert_int_equal(ask_plain(&maria, OP_LOGOUT), STATUS_NO_SESSION);
        assert_int_equal(log_reader_since(&log_reader, entries, ENTRIES), 3);
        assert_string_equal(entries[0].principal, "maria");
    }
}

static void
test_s41_a_session_speaks_by_its_key_from_her_uid(void **state)
{
    struct caller second;

    (void)state;
    must_log_in();
    assert_int_equal(look(&maria), STATUS_OK); /* where she logged in */
    caller_make(&second, &fixture, PEER_DATA, MARIA_UID);
    assert_int_equal(people_prove(&second, her()->session_key), STATUS_OK);
    assert_int_equal(look(&second), STATUS_OK);
    caller_remove(&second);
    caller_make(&second, &fixture, PEER_DATA, OTHER_UID);
    assert_int_equal(people_prove(&second, her()->session_key), STATUS_UNAUTHENTICATED);
    assert_int_equal(people_prove(&second, her()->key), STATUS_UNAUTHENTICATED);
    caller_remove(&second);
}

static void
test_s41_a_session_ends_by_itself_whatever_the_clock_says(void **state)
{
    (void)state;
    must_log_in();
    still_clock_set_wall_ms(-DAY_MS);
    still_clock_pass_ms(SESSION_IDLE_MS - 1);
    assert_int_equal(look(&maria), STATUS_OK);
    /* What needs no session does not prolong it. */
    still_clock_pass_ms(SESSION_IDLE_MS / 2);
    assert_int_equal(ask_plain(&maria, OP_STATUS), STATUS_OK);
    assert_int_equal(ask_plain(&maria, OP_WHOAMI), STATUS_OK);
    still_clock_pass_ms(SESSION_IDLE_MS / 2);
    assert_int_equal(look(&maria), STATUS_NO_SESSION);
    still_clock_set_wall_ms(0);
    must_log_in();
    for (int i = 0; i < SESSION_LASTS_MS / (SESSION_IDLE_MS / 2); i++) {
        assert_int_equal(look(&maria), STATUS_OK);
        still_clock_pass_ms(SESSION_IDLE_MS / 2);
    }
    assert_int_equal(look(&maria), STATUS_NO_SESSION);
    assert_int_equal(people_prove(&maria, her()->session_key), STATUS_UNAUTHENTICATED);
}

static void
test_s41_a_session_ends_with_a_logout_on_every_connection(void **state)
{
    struct caller second;

    (void)state;
    must_log_in();
    caller_make(&second, &fixture, PEER_DATA, MARIA_UID);
    assert_int_equal(people_prove(&second, her()->session_key), STATUS_OK);
    assert_int_equal(ask_plain(&second, OP_LOGOUT), STATUS_OK);
    assert_int_equal(look(&second), STATUS_NO_SESSION);
    assert_int_equal(look(&maria), STATUS_NO_SESSION);
    caller_remove(&second);
}

static void
test_s41_a_session_ends_when_she_is_disabled(void **state)
{
    (void)state;
    must_log_in();
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_DISABLE, "maria"), STATUS_OK);
    assert_int_equal(look(&maria), STATUS_DENIED);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_ENABLE, "maria"), STATUS_OK);
    assert_int_equal(look(&maria), STATUS_NO_SESSION);
}

static void
test_s41_a_session_ends_at_a_seal_and_at_a_restart(void **state)
{
    (void)state;
    must_log_in();
    assert_int_equal(dispatch_seal(fixture.dispatch), STATUS_OK);
    assert_int_equal(dispatch_unseal(fixture.dispatch, fixture.root, fixture.fault), STATUS_OK);
    assert_int_equal(look(&maria), STATUS_NO_SESSION);
    must_log_in();
    restart();
    assert_int_equal(people_prove(&maria, her()->session_key), STATUS_UNAUTHENTICATED);
}

/* ---- S42: once ---- */

static void
test_s42_a_step_lets_in_once(void **state)
{
    uint64_t now;

    (void)state;
    must_log_in();
    now = people_now_step();
    assert_int_equal(log_in_at(now), STATUS_DENIED);
    assert_int_equal(log_in_at(now - 1), STATUS_DENIED); /* before one that was used */
    assert_int_equal(log_in_at(now + 1), STATUS_OK);
    /* Killed and opened again, and with the clock set back to when it was good. */
    restart();
    assert_int_equal(log_in_at(now + 1), STATUS_DENIED);
    still_clock_pass_ms(4 * (uint64_t)DAY_MS);
    restart();
    still_clock_set_wall_ms(-4 * (int64_t)DAY_MS);
    assert_int_equal(log_in_at(now + 1), STATUS_DENIED);
    still_clock_set_wall_ms(0);
}

static void
test_s42_a_recovery_code_lets_in_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        assert_int_equal(people_log_in_with(&maria, her(), her()->recovery[i]), STATUS_OK);
        assert_int_equal(look(&maria), STATUS_OK);
    }
    restart();
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(people_log_in_with(&maria, her(), her()->recovery[i]), STATUS_DENIED);
    }
}

static void *
log_in_once(void *state)
{
    struct caller *caller = state;
    struct person copy = *people_find(&fixture, MARIA_UID);
    char digits[TOTP_DIGITS + 1];
    enum status status;

    people_code(&copy, people_now_step(), digits);
    status = people_log_in_with(caller, &copy, digits);
    return (void *)(uintptr_t)status;
}

static void
test_s42_of_two_at_once_with_one_code_one_is_let_in(void **state)
{
    enum { RACERS = 4, ROUNDS = 8 };
    struct caller racers[RACERS];

    (void)state;
    for (int i = 0; i < RACERS; i++) {
        caller_make(&racers[i], &fixture, PEER_DATA, MARIA_UID);
    }
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[RACERS];
        unsigned in = 0;

        still_clock_pass_ms(LOGINS_LOCKED_MS);
        for (int i = 0; i < RACERS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, log_in_once, &racers[i]), 0);
        }
        for (int i = 0; i < RACERS; i++) {
            void *status = NULL;

            (void)pthread_join(threads[i], &status);
            in += (uintptr_t)status == STATUS_OK;
        }
        assert_int_equal(in, 1);
    }
    for (int i = 0; i < RACERS; i++) {
        caller_remove(&racers[i]);
    }
}

/* ---- S43: wrong ones ---- */

static void
test_s43_a_factor_is_tried_only_after_the_key(void **state)
{
    const uint8_t signature[SIGNATURE_BYTES] = {0};
    char digits[TOTP_DIGITS + 1];

    (void)state;
    next_step();
    people_code(her(), people_now_step(), digits);
    for (int i = 0; i < 2 * LOGINS_FAILURES; i++) {
        /* By her uid; then by her key, with a session's key that she did not sign. */
        assert_int_equal(i % 2 ? caller_hello_by_uid(&maria) : people_prove(&maria, her()->key),
                         STATUS_OK);
        caller_begin(&maria, OP_LOGIN, 3);
        message_put_bytes(&maria.request, FIELD_PUBLIC_KEY,
                          bytes_of(her()->key + 32, PUBLIC_KEY_BYTES));
        message_put_bytes(&maria.request, FIELD_SIGNATURE, bytes_of(signature, SIGNATURE_BYTES));
        message_put_text(&maria.request, FIELD_FACTOR, digits);
        assert_int_equal(caller_send(&maria), STATUS_INVALID);
    }
    /* Nothing was counted, and the code is as good as it was. */
    assert_int_equal(log_in_at(people_now_step()), STATUS_OK);
}

static void
test_s43_what_is_no_factor_is_not_counted(void **state)
{
    static const char *const none[] = {"12345", "1234567", "12 34 56", "abcdefg"};

    (void)state;
    for (int i = 0; i < 2 * LOGINS_FAILURES; i++) {
        assert_int_equal(people_log_in_with(&maria, her(), none[i % 4]), STATUS_INVALID);
    }
    must_log_in();
}

/* Not one of the steps around now. */
static void
wrong_code(char ret_code[static TOTP_DIGITS + 1])
{
    char near[3][TOTP_DIGITS + 1];

    for (int i = 0; i < 3; i++) {
        people_code(her(), people_now_step() - 1 + (uint64_t)i, near[i]);
    }
    (void)strcpy(ret_code, "000000");
    while (strcmp(ret_code, near[0]) == 0 || strcmp(ret_code, near[1]) == 0 ||
           strcmp(ret_code, near[2]) == 0) {
        ret_code[TOTP_DIGITS - 1]++;
    }
}

static void
lock_her_out(void)
{
    char wrong[TOTP_DIGITS + 1];

    for (int i = 0; i < LOGINS_FAILURES; i++) {
        wrong_code(wrong);
        assert_int_equal(people_log_in_with(&maria, her(), wrong), STATUS_DENIED);
    }
}

static void
test_s43_five_wrong_ones_lock_for_a_quarter_of_an_hour(void **state)
{
    (void)state;
    next_step();
    log_reader_skip(&log_reader);
    lock_her_out();
    assert_int_equal(log_reader_since(&log_reader, entries, ENTRIES), LOGINS_FAILURES + 1);
    assert_int_equal(entries[LOGINS_FAILURES].act, OP_LOGIN);
    assert_int_equal(entries[LOGINS_FAILURES].result, STATUS_QUOTA);
    assert_int_equal(log_in_at(people_now_step()), STATUS_QUOTA); /* whatever is given */
    assert_int_equal(retry_after_s(&maria), 900);
    assert_int_equal(people_log_in_with(&maria, her(), her()->recovery[0]), STATUS_QUOTA);
    /* Killed, opened again: locked all the same. */
    restart();
    assert_int_equal(log_in_at(people_now_step()), STATUS_QUOTA);
    still_clock_pass_ms(LOGINS_LOCKED_MS);
    assert_int_equal(log_in_at(people_now_step()), STATUS_OK);
}

static void
test_s43_wrong_ones_are_counted_through_a_restart(void **state)
{
    char wrong[TOTP_DIGITS + 1];

    (void)state;
    next_step();
    for (int i = 0; i < LOGINS_FAILURES; i++) {
        restart();
        wrong_code(wrong);
        assert_int_equal(people_log_in_with(&maria, her(), wrong), STATUS_DENIED);
    }
    assert_int_equal(log_in_at(people_now_step()), STATUS_QUOTA);
}

/* ---- S44: the first admin ---- */

static void
test_s44_the_first_admin_is_nobody_once_another_is_enrolled(void **state)
{
    struct caller ada;

    (void)state;
    assert_int_equal(caller_principal_add(&admin, "ada", PRINCIPAL_PERSON, ADA_UID), STATUS_OK);
    caller_begin(&admin, OP_GRANT, 3);
    message_put_text(&admin.request, FIELD_NAME, "ada");
    message_put_uint(&admin.request, FIELD_ROLE, ROLE_ADMIN);
    message_put_uint(&admin.request, FIELD_LASTS_S, 3600);
    assert_int_equal(caller_send(&admin), STATUS_OK);
    /* Who is admin for an hour does not take his place. */
    assert_int_equal(ask_plain(&admin, OP_NAMESPACE_LIST), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "ada", ROLE_ADMIN, NULL), STATUS_OK);
    assert_int_equal(ask_plain(&admin, OP_NAMESPACE_LIST), STATUS_DENIED);
    assert_int_equal(caller_hello(&admin), STATUS_UNAUTHENTICATED);
    /* And the list says so: as the vault's own act, behind the grant. */
    assert_true(access_by_name(fixture.access, bytes_of_text("admin"))->disabled);
    restart();
    assert_int_equal(caller_hello(&admin), STATUS_UNAUTHENTICATED);
    caller_make(&ada, &fixture, PEER_ADMIN, ADA_UID);
    assert_int_equal(caller_hello(&ada), STATUS_OK);
    assert_int_not_equal(caller_name(&ada, OP_PRINCIPAL_ENABLE, "admin"), STATUS_OK);
    assert_int_equal(caller_name(&ada, OP_PRINCIPAL_DISABLE, "ada"), STATUS_CONFLICT);
    assert_int_equal(caller_grant(&ada, OP_REVOKE, "ada", ROLE_ADMIN, NULL), STATUS_CONFLICT);
    assert_int_equal(caller_name(&ada, OP_PRINCIPAL_INVITE, "admin"), STATUS_CONFLICT);
    caller_remove(&ada);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_s40_a_code_is_good_once),
        TEST(test_s40_a_code_is_good_for_a_day_and_a_later_one_ends_it),
        TEST(test_s40_a_code_is_hers_and_her_uids_and_who_tries_is_on_record),
        TEST(test_s40_nothing_is_granted_to_who_has_no_key_yet),
        TEST(test_s40_an_admin_cannot_bring_the_key_of_a_person),
        TEST(test_s40_who_enrols_again_is_somebody_else),
        TEST(test_s41_a_key_alone_opens_next_to_nothing),
        TEST(test_s41_a_session_speaks_by_its_key_from_her_uid),
        TEST(test_s41_a_session_ends_by_itself_whatever_the_clock_says),
        TEST(test_s41_a_session_ends_with_a_logout_on_every_connection),
        TEST(test_s41_a_session_ends_when_she_is_disabled),
        TEST(test_s41_a_session_ends_at_a_seal_and_at_a_restart),
        TEST(test_s42_a_step_lets_in_once),
        TEST(test_s42_a_recovery_code_lets_in_once),
        TEST(test_s42_of_two_at_once_with_one_code_one_is_let_in),
        TEST(test_s43_a_factor_is_tried_only_after_the_key),
        TEST(test_s43_what_is_no_factor_is_not_counted),
        TEST(test_s43_five_wrong_ones_lock_for_a_quarter_of_an_hour),
        TEST(test_s43_wrong_ones_are_counted_through_a_restart),
        TEST(test_s44_the_first_admin_is_nobody_once_another_is_enrolled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

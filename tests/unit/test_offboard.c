/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns SECURITY.md S52 "who was offboarded is out of everything when it has returned": open
 * connections, hello, rules, on record with intent and outcome; for ever, through a restart; and
 * what an admin may read of what she saw.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "clock.h"
#include "dispatch_internal.h"
#include "fixture.h"
#include "session.h"

enum { MARIA_UID = 4001, LENA_UID = 4009 };

static struct fixture fixture;
static struct caller admin, service, maria;
static char token[TOKEN_TEXT_BYTES + 1];

static void
say_hello(void)
{
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    assert_int_equal(caller_hello(&service), STATUS_OK);
}

static int
set_up(void **state)
{
    const char *value = "+393331234567";

    (void)state;
    fixture_make(&fixture);
    fixture_close(&fixture);
    fixture.purposes = "callback, legal";
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    caller_make(&admin, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    caller_make(&service, &fixture, PEER_DATA, 2001);
    caller_make(&maria, &fixture, PEER_DATA, MARIA_UID);
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "service", PRINCIPAL_SERVICE, 2001), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "maria", PRINCIPAL_PERSON, MARIA_UID), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "service", ROLE_SERVICE, "brand"), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "maria", ROLE_REVEAL, "brand"), STATUS_OK);
    say_hello();
    assert_int_equal(caller_hello(&maria), STATUS_OK);
    assert_int_equal(caller_values(&service, OP_TOKENIZE, &value, 1, NULL, NULL), STATUS_OK);
    memcpy(token, caller_item_text(&service, 0, FIELD_TOKEN).data, TOKEN_TEXT_BYTES);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    caller_remove(&admin);
    caller_remove(&service);
    caller_remove(&maria);
    fixture_remove(&fixture);
    return 0;
}

static enum status
reveal(struct caller *caller)
{
    caller_begin(caller, OP_DETOKENIZE, 3);
    message_put_list(&caller->request, FIELD_VALUES, 1);
    message_add_bytes(&caller->request, bytes_of_text(token));
    message_put_text(&caller->request, FIELD_REASON, "asked for a call back");
    message_put_text(&caller->request, FIELD_REASON_PURPOSE, "callback");
    enum status status = caller_send(caller);

    return status == STATUS_OK ? caller_item_status(caller, 0) : status;
}

/* Of principal_list: is this one said to have left? */
static bool
is_listed_offboarded(const char *name)
{
    const struct message_list *items = NULL;
    bool offboarded = false;
    bool disabled = false;

    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_SHOW, name), STATUS_OK);
    assert_true(message_list(admin.reply, FIELD_ITEMS, &items));
    (void)!message_bool(message_list_message(items, 0), FIELD_OFFBOARDED, &offboarded);
    assert_true(message_bool(message_list_message(items, 0), FIELD_DISABLED, &disabled));
    assert_true(disabled || !offboarded);
    return offboarded;
}

static const char *
refusal(void)
{
    static char text[MESSAGE_BYTES_MAX + 1];
    struct bytes message = {0};

    assert_true(message_bytes(admin.reply, FIELD_MESSAGE, &message));
    memcpy(text, message.data, message.size);
    text[message.size] = '\0';
    return text;
}

static void
expect_out(void)
{
    assert_true(is_listed_offboarded("maria"));
    assert_int_equal(access_by_name(fixture.access, bytes_of_text("maria"))->grant_count, 0);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_ENABLE, "maria"), STATUS_CONFLICT);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_OFFBOARD, "maria"), STATUS_CONFLICT);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_INVITE, "maria"), STATUS_CONFLICT);
    assert_string_equal(
        refusal(),
        "this principal was offboarded, for ever: add who comes back under another name");
    assert_int_equal(caller_grant(&admin, OP_GRANT, "maria", ROLE_REVEAL, "brand"),
                     STATUS_CONFLICT);
}

static void
test_s52_out_of_everything_when_it_returns_and_for_ever(void **state)
{
    (void)state;
    assert_false(is_listed_offboarded("maria"));
    assert_int_equal(reveal(&maria), STATUS_OK);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_OFFBOARD, "nobody"), STATUS_NOT_FOUND);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_OFFBOARD, "maria"), STATUS_OK);
    assert_int_equal(reveal(&maria), STATUS_DENIED);
    assert_int_equal(caller_hello(&maria), STATUS_UNAUTHENTICATED);
    expect_out();
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    say_hello();
    assert_int_equal(caller_hello(&maria), STATUS_UNAUTHENTICATED);
    expect_out();
}

/* Nor does a service come back by another key. */
static void
test_s52_no_key_is_put_in_the_place_of_one_that_left(void **state)
{
    const uint8_t key[PUBLIC_KEY_BYTES] = {0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7,
                                           0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
                                           0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25,
                                           0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};

    (void)state;
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_OFFBOARD, "service"), STATUS_OK);
    caller_begin(&admin, OP_PRINCIPAL_SET_KEY, 2);
    message_put_text(&admin.request, FIELD_NAME, "service");
    message_put_bytes(&admin.request, FIELD_PUBLIC_KEY, bytes_of(key, sizeof key));
    assert_int_equal(caller_send(&admin), STATUS_CONFLICT);
}

/* On an open connection, too, the uid that is hers no more is not the newcomer's. */
static void
test_s52_a_newcomer_with_her_uid_is_somebody_else(void **state)
{
    struct caller next;

    (void)state;
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_OFFBOARD, "maria"), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "next", PRINCIPAL_SERVICE, MARIA_UID), STATUS_OK);
    caller_make(&next, &fixture, PEER_DATA, MARIA_UID);
    assert_int_equal(caller_hello_by_uid(&next), STATUS_OK);
    assert_int_equal(reveal(&next), STATUS_DENIED);
    assert_int_equal(reveal(&maria), STATUS_DENIED);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "next", ROLE_DELIVER, "brand"), STATUS_OK);
    assert_int_equal(reveal(&next), STATUS_OK);
    assert_int_equal(reveal(&maria), STATUS_DENIED);
    caller_remove(&next);
}

static size_t
live_sessions(const char *name)
{
    const struct principal *principal = access_by_name(fixture.access, bytes_of_text(name));

    return sessions_count(fixture.dispatch->sessions, principal->number, clock_boot_ms());
}

/* Her sessions end, and her second factor is kept nowhere. */
static void
test_s52_her_sessions_end_and_her_factor_is_forgotten(void **state)
{
    static const struct factor none;
    const struct principal *gone;

    (void)state;
    assert_true(live_sessions("maria") > 0);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_OFFBOARD, "maria"), STATUS_OK);
    assert_int_equal(live_sessions("maria"), 0);
    gone = access_by_name(fixture.access, bytes_of_text("maria"));
    assert_true(gone->has_key);
    assert_memory_equal(&gone->factor, &none, sizeof none);
    assert_false(access_is_enrolled(gone));
}

static enum status
ask_to_enrol(struct caller *caller, struct bytes code)
{
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint8_t secret_key[64];

    assert_int_equal(crypto_sign_keypair(public_key, secret_key), 0);
    caller_begin(caller, OP_ENROL_BEGIN, 2);
    message_put_bytes(&caller->request, FIELD_CODE, code);
    message_put_bytes(&caller->request, FIELD_PUBLIC_KEY, bytes_of(public_key, PUBLIC_KEY_BYTES));
    return caller_send(caller);
}

/* Who leaves before she came: the code that she was invited with is worth nothing. */
static void
test_s52_an_invitation_ends_with_it(void **state)
{
    static const char *const names[] = {"lena", "lena-2"};
    struct caller lena;
    struct bytes text = {0};
    uint8_t code[CODE_BYTES_MAX];
    size_t size;

    (void)state;
    caller_make(&lena, &fixture, PEER_DATA, LENA_UID);
    for (int i = 0; i < 2; i++) {
        caller_begin(&admin, OP_PRINCIPAL_ADD, 3);
        message_put_text(&admin.request, FIELD_NAME, names[i]);
        message_put_uint(&admin.request, FIELD_KIND, PRINCIPAL_PERSON);
        message_put_uint(&admin.request, FIELD_UID, LENA_UID);
        assert_int_equal(caller_send(&admin), STATUS_OK);
        assert_true(message_bytes(admin.reply, FIELD_CODE, &text));
        assert_in_range(text.size, 1, sizeof code);
        memcpy(code, text.data, text.size);
        assert_int_equal(ask_to_enrol(&lena, bytes_of(code, text.size)), STATUS_OK);
        size = text.size;
        assert_int_equal(caller_name(&admin, OP_PRINCIPAL_OFFBOARD, names[i]), STATUS_OK);
        assert_int_equal(ask_to_enrol(&lena, bytes_of(code, size)), STATUS_UNAUTHENTICATED);
    }
    caller_remove(&lena);
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
}

static void
test_s52_the_last_admin_stays(void **state)
{
    (void)state;
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_OFFBOARD, "admin"), STATUS_CONFLICT);
    assert_false(is_listed_offboarded("admin"));
}

static enum status
count_acts(void *state, const struct audit_entry *entry)
{
    unsigned *counts = state;
    bool about = bytes_equal(entry->subject, bytes_of_text("maria")) &&
                 bytes_equal(entry->principal, bytes_of_text("admin"));

    if (entry->operation == OP_PRINCIPAL_OFFBOARD && about && entry->has_access_tag) {
        counts[0] += entry->phase == AUDIT_INTENT;
        counts[1] += entry->phase == AUDIT_OUTCOME && entry->result == STATUS_OK;
    }
    return STATUS_OK;
}

static void
expect_on_record(void)
{
    unsigned counts[2] = {0};

    assert_int_equal(audit_read(fixture.audit, 1, audit_last(fixture.audit), count_acts, counts),
                     STATUS_OK);
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[1], 1);
}

static void
test_s52_it_is_on_record(void **state)
{
    (void)state;
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_OFFBOARD, "maria"), STATUS_OK);
    expect_on_record();
}

/* What she saw, for what: the purpose is a word of the configuration's. Text and ticket are not for
 * admins. */
static void
test_an_admin_reads_what_she_saw_and_for_what(void **state)
{
    const struct message_list *items = NULL;
    struct bytes text;
    const struct message *entry;

    (void)state;
    assert_int_equal(reveal(&maria), STATUS_OK);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_OFFBOARD, "maria"), STATUS_OK);
    caller_begin(&admin, OP_AUDIT_READ, 3);
    message_put_uint(&admin.request, FIELD_FROM, 1);
    message_put_text(&admin.request, FIELD_PRINCIPAL, "maria");
    message_put_uint(&admin.request, FIELD_ACT, OP_DETOKENIZE);
    assert_int_equal(caller_send(&admin), STATUS_OK);
    assert_true(message_list(admin.reply, FIELD_ITEMS, &items));
    assert_int_equal(message_list_count(items), 1);
    entry = message_list_message(items, 0);
    assert_true(message_bytes(entry, FIELD_REASON_PURPOSE, &text));
    assert_true(bytes_equal(text, bytes_of_text("callback")));
    assert_true(message_bytes(entry, FIELD_TOKEN, &text));
    assert_true(bytes_equal(text, bytes_of_text(token)));
    assert_false(message_bytes(entry, FIELD_REASON, &text));
    assert_false(message_bytes(entry, FIELD_TICKET, &text));
}

int
main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_s52_out_of_everything_when_it_returns_and_for_ever),
        TEST(test_s52_no_key_is_put_in_the_place_of_one_that_left),
        TEST(test_s52_a_newcomer_with_her_uid_is_somebody_else),
        TEST(test_s52_her_sessions_end_and_her_factor_is_forgotten),
        TEST(test_s52_an_invitation_ends_with_it),
        TEST(test_s52_the_last_admin_stays),
        TEST(test_s52_it_is_on_record),
        TEST(test_an_admin_reads_what_she_saw_and_for_what),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

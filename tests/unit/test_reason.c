/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be said of why, and where it stands afterwards.
 * Owns SECURITY.md S39 "no contact in a reason, and its purpose is one of the list".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "log_reader.h"

enum { AUDIT_UID = 2001, SERVICE_UID, REVEAL_UID, DELIVER_UID, PRIVACY_UID };

#define LIST "callback, complaint, legal"

static struct fixture fixture;
static struct caller admin;
/* One each of who reveals as a person, reveals to deliver, and erases. */
static struct caller person, sender, clerk;
static struct log_reader reader;
static char token[TOKEN_TEXT_BYTES + 1];

static void
add(const char *name, enum principal_kind kind, uint32_t uid, enum role role, const char *where)
{
    assert_int_equal(caller_principal_add(&admin, name, kind, uid), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, name, role, where), STATUS_OK);
}

static void
connect_as(struct caller *caller, uint32_t uid)
{
    caller_make(caller, &fixture, PEER_DATA, uid);
    assert_int_equal(caller_hello(caller), STATUS_OK);
}

static void
connect_all(void)
{
    connect_as(&person, REVEAL_UID);
    connect_as(&sender, DELIVER_UID);
    connect_as(&clerk, PRIVACY_UID);
    log_reader_make(&reader, &fixture, AUDIT_UID);
}

static void
disconnect_all(void)
{
    caller_remove(&person);
    caller_remove(&sender);
    caller_remove(&clerk);
    log_reader_remove(&reader);
}

/* A contact of its own, since it may be erased. */
static void
make_token(void)
{
    static unsigned number;
    struct caller service;
    char text[] = "+39333123????";
    const char *value = text;

    (void)snprintf(strchr(text, '?'), 5, "%04u", ++number);
    connect_as(&service, SERVICE_UID);
    assert_int_equal(caller_values(&service, OP_TOKENIZE, &value, 1, NULL, NULL), STATUS_OK);
    memcpy(token, caller_item_text(&service, 0, FIELD_TOKEN).data, TOKEN_TEXT_BYTES);
    caller_remove(&service);
}

static void
make_vault(void)
{
    fixture_make(&fixture);
    caller_make(&admin, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_OK);
    add("auditor", PRINCIPAL_PERSON, AUDIT_UID, ROLE_AUDIT, NULL);
    add("service", PRINCIPAL_SERVICE, SERVICE_UID, ROLE_SERVICE, "brand");
    add("person", PRINCIPAL_PERSON, REVEAL_UID, ROLE_REVEAL, "brand");
    add("sender", PRINCIPAL_SERVICE, DELIVER_UID, ROLE_DELIVER, "brand");
    add("clerk", PRINCIPAL_PERSON, PRIVACY_UID, ROLE_PRIVACY, "brand");
    caller_remove(&admin);
}

static int
set_up(void **state)
{
    (void)state;
    make_vault();
    make_token();
    connect_all();
    return 0;
}

static int
set_up_with_a_list(void **state)
{
    (void)state;
    make_vault();
    make_token();
    fixture_close(&fixture);
    fixture.purposes = LIST;
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    connect_all();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    disconnect_all();
    fixture_remove(&fixture);
    return 0;
}

/* Left out: NULL. */
struct why {
    const char *reason, *purpose, *ticket;
};

static enum status
ask(struct caller *caller, enum operation operation, struct why why)
{
    caller_begin(caller, operation, 2U + (why.purpose != NULL) + (why.ticket != NULL));
    message_put_list(&caller->request, FIELD_VALUES, 1);
    message_add_bytes(&caller->request, bytes_of_text(token));
    message_put_text(&caller->request, FIELD_REASON, why.reason);
    if (why.purpose != NULL) {
        message_put_text(&caller->request, FIELD_REASON_PURPOSE, why.purpose);
    }
    if (why.ticket != NULL) {
        message_put_text(&caller->request, FIELD_TICKET, why.ticket);
    }
    return caller_send(caller);
}

/* And nothing of it is entered. */
static void
refused(struct caller *caller, enum operation operation, struct why why, const char *message)
{
    uint64_t last = audit_last(fixture.audit);
    struct bytes said = {0};

    assert_int_equal(ask(caller, operation, why), STATUS_INVALID);
    assert_true(message_bytes(caller->reply, FIELD_MESSAGE, &said));
    if (!bytes_equal(said, bytes_of_text(message))) {
        fail_msg("\"%s\": %.*s, not %s", why.reason, (int)said.size, (const char *)said.data,
                 message);
    }
    assert_int_equal(audit_last(fixture.audit), last);
}

/* And the first entry of it has all three. */
static void
taken(struct caller *caller, enum operation operation, struct why why)
{
    struct log_entry entries[2] = {0};

    log_reader_skip(&reader);
    assert_int_equal(ask(caller, operation, why), STATUS_OK);
    assert_int_equal(caller_item_status(caller, 0), STATUS_OK);
    assert_int_equal(log_reader_since(&reader, entries, 2), operation == OP_ERASE ? 2 : 1);
    assert_int_equal(entries[0].act, operation);
    assert_string_equal(entries[0].reason, why.reason);
    assert_string_equal(entries[0].purpose, why.purpose != NULL ? why.purpose : "");
    assert_string_equal(entries[0].ticket, why.ticket != NULL ? why.ticket : "");
    assert_string_equal(entries[1].reason, ""); /* an outcome has its intent's */
    assert_string_equal(entries[1].purpose, "");
    assert_string_equal(entries[1].ticket, "");
}

#define BY_TOKEN "; write which contact you mean as its token, or not at all"
#define SHORTER "; if it is only long, write a letter between its digits"
#define PRINTABLE "ticket: printable ASCII, and no blank before or behind it"
#define ONE_OF "purpose: say which (--purpose NAME), one of " LIST

/* ---- no contact ---- */

static void
a_reason_has_no_contact_in_it(void **state)
{
    static const struct why rows[] = {
        {"call maria@example.com", "an e-mail address", NULL},
        {"call +39 333 123 4567", "a phone number", NULL},
        {"call 0039 333 123 4567", "a phone number", NULL},
        {"call 333 123 45 67", "ten digits in a row", NULL},
        {"\xd9\xa3\xd9\xa3\xd9\xa3 1234567", "ten digits in a row", NULL},
    };
    char expected[MESSAGE_BYTES_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *text = rows[i].reason;
        const char *found = rows[i].purpose;

        (void)snprintf(expected, sizeof expected, "reason: it has %s in it" BY_TOKEN, found);
        refused(&person, OP_DETOKENIZE, (struct why){text, NULL, NULL}, expected);
        refused(&sender, OP_DETOKENIZE, (struct why){text, NULL, "INC-7"}, expected);
        refused(&clerk, OP_ERASE, (struct why){text, NULL, NULL}, expected);
    }
}

static void
a_ticket_has_none_either(void **state)
{
    static const struct why rows[] = {
        {"because", "an e-mail address", "maria@example.com"},
        {"because", "a phone number", "+393331234567"},
        {"because", "ten digits in a row", "3331234567"},
    };
    char expected[MESSAGE_BYTES_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct why why = {"because", NULL, rows[i].ticket};

        (void)snprintf(expected, sizeof expected, "ticket: it has %s in it" SHORTER,
                       rows[i].purpose);
        refused(&person, OP_DETOKENIZE, why, expected);
        refused(&clerk, OP_ERASE, why, expected);
    }
}

static void
a_reason_is_one_line(void **state)
{
    static const char no_control[] = "reason: one line of text, no control bytes";

    (void)state;
    refused(&person, OP_DETOKENIZE, (struct why){"two\nlines", NULL, NULL}, no_control);
    refused(&person, OP_DETOKENIZE, (struct why){"\x01\x01\x01ptext", NULL, NULL}, no_control);
    refused(&clerk, OP_ERASE, (struct why){"\x7f", NULL, NULL}, no_control);
}

static void
a_ticket_is_printable_without_blanks_around(void **state)
{
    static const char *const bad[] = {" INC-7", "INC-7 ",    " ",
                                      "INC\t7", "INC-7\x7f", "INC-\xc3\xa9"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        refused(&person, OP_DETOKENIZE, (struct why){"because", NULL, bad[i]}, PRINTABLE);
    }
}

/* ---- in the log ---- */

#define TEN_TIMES(text) text text text text text text text text text text

static void
text_and_ticket_are_in_the_log(void **state)
{
    (void)state;
    taken(&person, OP_DETOKENIZE, (struct why){"asked for a call back", NULL, NULL});
    taken(&person, OP_DETOKENIZE, (struct why){"asked twice", NULL, "INC-20261130-12"});
    taken(&sender, OP_DETOKENIZE, (struct why){"d", NULL, "a b"});
    taken(&clerk, OP_ERASE, (struct why){"asked by letter", NULL, "letter of 3 May"});
    make_token();
    taken(&clerk, OP_ERASE, (struct why){"asked by letter", NULL, NULL});
    make_token();
}

/* This one is nothing but digits. */
static void
a_reason_may_name_a_token(void **state)
{
    (void)state;
    taken(&person, OP_DETOKENIZE,
          (struct why){"as phn_000000000000000000000000000.", NULL,
                       "phn_000000000000000000000000000"});
    refused(&person, OP_DETOKENIZE, (struct why){"as phn_000000000000000000000000001", NULL, NULL},
            "reason: it has a phone number in it" BY_TOKEN);
    refused(&person, OP_DETOKENIZE,
            (struct why){"phn_000000000000000000000000000 +39 333 1234", NULL, NULL},
            "reason: it has a phone number in it" BY_TOKEN);
}

/* As long as each may be, in a page of the log that is full of them. */
static void
the_longest_are_in_the_log(void **state)
{
    static const char purpose[] = "a_purpose_of_all_thirty_two_byte";
    static const char text[] = TEN_TIMES("twenty bytes of why.");
    static const char ticket[] = TEN_TIMES("INC-7.") "INC7";
    static struct log_entry entries[AUDIT_PAGE_MAX];

    (void)state;
    disconnect_all();
    fixture_close(&fixture);
    fixture.purposes = purpose;
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    connect_all();
    for (size_t i = 0; i < AUDIT_PAGE_MAX; i++) {
        assert_int_equal(ask(&person, OP_DETOKENIZE, (struct why){text, purpose, ticket}),
                         STATUS_OK);
    }
    assert_int_equal(log_reader_since(&reader, entries, AUDIT_PAGE_MAX), AUDIT_PAGE_MAX);
    for (size_t i = 0; i < AUDIT_PAGE_MAX; i++) {
        assert_string_equal(entries[i].reason, text);
        assert_string_equal(entries[i].purpose, purpose);
        assert_string_equal(entries[i].ticket, ticket);
    }
}

/* The purpose is a word of the configuration's. */
static void
an_admin_is_told_the_purpose_alone(void **state)
{
    const struct message_list *items = NULL;
    struct bytes text;

    (void)state;
    taken(&person, OP_DETOKENIZE, (struct why){"asked twice", "legal", "INC-7"});
    caller_make(&admin, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    caller_begin(&admin, OP_AUDIT_READ, 1);
    message_put_uint(&admin.request, FIELD_FROM, audit_last(fixture.audit));
    assert_int_equal(caller_send(&admin), STATUS_OK);
    assert_true(message_list(admin.reply, FIELD_ITEMS, &items));
    assert_int_equal(message_list_count(items), 1);
    assert_false(message_bytes(message_list_message(items, 0), FIELD_REASON, &text));
    assert_false(message_bytes(message_list_message(items, 0), FIELD_TICKET, &text));
    assert_true(message_bytes(message_list_message(items, 0), FIELD_REASON_PURPOSE, &text));
    assert_true(bytes_equal(text, bytes_of_text("legal")));
    caller_remove(&admin);
}

/* ---- purposes ---- */

static void
without_a_list_there_is_no_purpose(void **state)
{
    (void)state;
    refused(&person, OP_DETOKENIZE, (struct why){"because", "callback", NULL},
            "purpose: this vault has no list of them; say it in --reason");
}

static void
a_person_says_one_of_the_list(void **state)
{
    static const char *const wrong[] = {
        "curiosity",           "call", "callbac", "callback,",  "Callback",
        "callback, complaint", " ",    ",",       " complaint", "maria@example.com"};

    (void)state;
    refused(&person, OP_DETOKENIZE, (struct why){"because", NULL, NULL}, ONE_OF);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        refused(&person, OP_DETOKENIZE, (struct why){"because", wrong[i], NULL}, ONE_OF);
        refused(&sender, OP_DETOKENIZE, (struct why){"because", wrong[i], NULL}, ONE_OF);
        refused(&clerk, OP_ERASE, (struct why){"because", wrong[i], NULL}, ONE_OF);
    }
    taken(&person, OP_DETOKENIZE, (struct why){"asked twice", "callback", NULL});
    taken(&person, OP_DETOKENIZE, (struct why){"broken", "complaint", "INC-7"});
    taken(&person, OP_DETOKENIZE, (struct why){"letter of 3 May", "legal", NULL});
}

/* What for is asked of who looks at a contact: a sender does not, and who erases sees none. */
static void
services_and_erasing_need_none(void **state)
{
    (void)state;
    taken(&sender, OP_DETOKENIZE, (struct why){"delivery", NULL, NULL});
    taken(&sender, OP_DETOKENIZE, (struct why){"delivery", "callback", "m-1"});
    taken(&clerk, OP_ERASE, (struct why){"asked by letter", NULL, NULL});
    make_token();
    taken(&clerk, OP_ERASE, (struct why){"asked by letter", "legal", "INC-7"});
    make_token();
}

/* Who tries what he may not is entered with why he says he does. */
static void
a_refusal_has_them_too(void **state)
{
    struct log_entry entry = {0};

    (void)state;
    memcpy(token, "phn_000000000000000000000000000", TOKEN_TEXT_BYTES);
    log_reader_skip(&reader);
    assert_int_equal(ask(&person, OP_DETOKENIZE, (struct why){"guessing", "legal", "INC-7"}),
                     STATUS_OK);
    assert_int_equal(caller_item_status(&person, 0), STATUS_NOT_FOUND);
    assert_int_equal(log_reader_since(&reader, &entry, 1), 1);
    assert_int_equal(entry.result, STATUS_NOT_FOUND);
    assert_string_equal(entry.reason, "guessing");
    assert_string_equal(entry.purpose, "legal");
    assert_string_equal(entry.ticket, "INC-7");
    make_token();
}

int
main(void)
{
    const struct CMUnitTest without[] = {
        cmocka_unit_test(a_reason_has_no_contact_in_it),
        cmocka_unit_test(a_ticket_has_none_either),
        cmocka_unit_test(a_reason_is_one_line),
        cmocka_unit_test(a_ticket_is_printable_without_blanks_around),
        cmocka_unit_test(text_and_ticket_are_in_the_log),
        cmocka_unit_test(a_reason_may_name_a_token),
        cmocka_unit_test(without_a_list_there_is_no_purpose),
        cmocka_unit_test(the_longest_are_in_the_log),
    };
    const struct CMUnitTest with_a_list[] = {
        cmocka_unit_test(a_person_says_one_of_the_list),
        cmocka_unit_test(services_and_erasing_need_none),
        cmocka_unit_test(a_refusal_has_them_too),
        cmocka_unit_test(an_admin_is_told_the_purpose_alone),
    };

    return cmocka_run_group_tests_name("without", without, set_up, tear_down) +
           cmocka_run_group_tests_name("with a list", with_a_list, set_up_with_a_list, tear_down);
}

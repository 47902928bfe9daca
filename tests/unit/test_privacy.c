/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S19 "erased is erased, and on record", S20 "a freeze stops reveals", S24 "what
 * nobody uses is erased". Through dispatch, with a clock that this file moves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <time.h>

#include "fixture.h"

enum { DAY = 24 * 3600, MONTH = 31 * DAY };

static int64_t passed_s;

int __real_clock_gettime(clockid_t id, struct timespec *ret_now);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret_now);

int
__wrap_clock_gettime(clockid_t id, struct timespec *ret_now)
{
    int failed = __real_clock_gettime(id, ret_now);

    ret_now->tv_sec += passed_s;
    return failed;
}

static struct fixture fixture;
static struct caller admin, service, privacy, person, sender, auditor, foreign;

static void
add(const char *name, enum principal_kind kind, uint32_t uid, enum role role, const char *where)
{
    assert_int_equal(caller_principal_add(&admin, name, kind, uid), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, name, role, where), STATUS_OK);
}

static void
connect_as(struct caller *caller, enum peer_socket socket, uint32_t uid)
{
    caller_make(caller, &fixture, socket, uid);
    assert_int_equal(caller_hello(caller), STATUS_OK);
}

static struct caller *const all[] = {&admin,  &service, &privacy, &person,
                                     &sender, &auditor, &foreign};

static int
set_up(void **state)
{
    (void)state;
    passed_s = 0;
    fixture_make(&fixture);
    connect_as(&admin, PEER_ADMIN, FIXTURE_ADMIN_UID);
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_OK);
    assert_int_equal(caller_namespace_create(&admin, "rival"), STATUS_OK);
    add("service", PRINCIPAL_SERVICE, 2001, ROLE_SERVICE, "brand");
    add("privacy", PRINCIPAL_PERSON, 2002, ROLE_PRIVACY, "brand");
    add("person", PRINCIPAL_PERSON, 2003, ROLE_REVEAL, "brand");
    add("sender", PRINCIPAL_SERVICE, 2004, ROLE_DELIVER, "brand");
    add("auditor", PRINCIPAL_PERSON, 2005, ROLE_AUDIT, NULL);
    add("foreign", PRINCIPAL_PERSON, 2006, ROLE_PRIVACY, "rival");
    connect_as(&service, PEER_DATA, 2001);
    connect_as(&privacy, PEER_DATA, 2002);
    connect_as(&person, PEER_DATA, 2003);
    connect_as(&sender, PEER_DATA, 2004);
    connect_as(&auditor, PEER_ADMIN, 2005);
    connect_as(&foreign, PEER_DATA, 2006);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        caller_remove(all[i]);
    }
    fixture_remove(&fixture);
    return 0;
}

static void
token_of(const char *value, char ret_token[static TOKEN_TEXT_BYTES + 1])
{
    assert_int_equal(caller_values(&service, OP_TOKENIZE, &value, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_item_status(&service, 0), STATUS_OK);
    memcpy(ret_token, caller_item_text(&service, 0, FIELD_TOKEN).data, TOKEN_TEXT_BYTES);
    ret_token[TOKEN_TEXT_BYTES] = '\0';
}

static enum status
reveal(struct caller *caller, const char *token)
{
    enum status status = caller_values(caller, OP_DETOKENIZE, &token, 1, NULL, "why");

    return status == STATUS_OK ? caller_item_status(caller, 0) : status;
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

/* ---- the log, as the auditor reads it ---- */

struct seen {
    uint64_t sequence, phase, result;
    char principal[NAME_BYTES_MAX + 1];
    char token[TOKEN_TEXT_BYTES + 1];
    char reason[REASON_BYTES_MAX + 1];
};

static void
copy_text(const struct message *item, enum field field, char *to)
{
    struct bytes text = {0};

    (void)!message_bytes(item, field, &text);
    if (text.size > 0) {
        memcpy(to, text.data, text.size);
    }
    to[text.size] = '\0';
}

/* The last entries of that operation, newest first. */
static size_t
read_acts(struct caller *reader, enum operation act, struct seen *ret_seen, size_t most)
{
    const struct message_list *items = NULL;
    size_t count;

    caller_begin(reader, OP_AUDIT_READ, 2);
    message_put_uint(&reader->request, FIELD_FROM, 1);
    message_put_uint(&reader->request, FIELD_ACT, act);
    assert_int_equal(caller_send(reader), STATUS_OK);
    assert_true(message_list(reader->reply, FIELD_ITEMS, &items));
    count = message_list_count(items);
    for (size_t i = 0; i < count && i < most; i++) {
        const struct message *item = message_list_message(items, count - 1 - i);

        assert_true(message_uint(item, FIELD_SEQUENCE, &ret_seen[i].sequence));
        assert_true(message_uint(item, FIELD_PHASE, &ret_seen[i].phase));
        assert_true(message_uint(item, FIELD_RESULT, &ret_seen[i].result));
        copy_text(item, FIELD_PRINCIPAL, ret_seen[i].principal);
        copy_text(item, FIELD_TOKEN, ret_seen[i].token);
        copy_text(item, FIELD_REASON, ret_seen[i].reason);
    }
    return count;
}

/* ---- erase ---- */

static void
test_s19_erased_by_token_a_contact_is_gone_and_gets_a_new_token(void **state)
{
    char old[TOKEN_TEXT_BYTES + 1];
    char fresh[TOKEN_TEXT_BYTES + 1];
    const char *values[] = {old};
    const char *contact[] = {"+393331234567"};
    struct seen seen[2];

    (void)state;
    token_of(contact[0], old);
    assert_int_equal(contacts(), 1);
    assert_int_equal(caller_values(&privacy, OP_ERASE, values, 1, NULL, "asked by mail"),
                     STATUS_OK);
    assert_int_equal(caller_item_status(&privacy, 0), STATUS_OK);
    assert_int_equal(contacts(), 0);
    assert_int_equal(reveal(&person, old), STATUS_NOT_FOUND);
    assert_int_equal(caller_values(&service, OP_LOOKUP, contact, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_item_status(&service, 0), STATUS_NOT_FOUND);
    token_of(contact[0], fresh);
    assert_string_not_equal(old, fresh);
    assert_int_equal(reveal(&person, old), STATUS_NOT_FOUND);
    assert_int_equal(reveal(&person, fresh), STATUS_OK);

    assert_int_equal(read_acts(&auditor, OP_ERASE, seen, 2), 2);
    assert_int_equal(seen[1].phase, AUDIT_INTENT);
    assert_string_equal(seen[1].principal, "privacy");
    assert_string_equal(seen[1].token, old);
    assert_string_equal(seen[1].reason, "asked by mail");
    assert_int_equal(seen[0].phase, AUDIT_OUTCOME);
    assert_int_equal(seen[0].result, STATUS_OK);
    assert_string_equal(seen[0].token, old);
}

static void
test_s19_erase_takes_contacts_and_tokens_in_one_batch_and_answers_in_order(void **state)
{
    char phone[TOKEN_TEXT_BYTES + 1];
    char mail[TOKEN_TEXT_BYTES + 1];
    const char *batch[] = {mail, "0039 333 1234567", "rubbish", "nobody@example.com", "phn_short",
                           mail};

    (void)state;
    token_of("+393331234567", phone);
    token_of("a@example.com", mail);
    assert_int_equal(caller_values(&privacy, OP_ERASE, batch, 6, NULL, "both"), STATUS_OK);
    assert_int_equal(caller_item_status(&privacy, 0), STATUS_OK);
    assert_int_equal(caller_item_status(&privacy, 1), STATUS_OK);
    assert_memory_equal(caller_item_text(&privacy, 1, FIELD_TOKEN).data, phone, TOKEN_TEXT_BYTES);
    assert_int_equal(caller_item_status(&privacy, 2), STATUS_INVALID);
    assert_int_equal(caller_item_status(&privacy, 3), STATUS_NOT_FOUND);
    assert_int_equal(caller_item_status(&privacy, 4), STATUS_INVALID);
    /* The same once more: gone already. */
    assert_int_equal(caller_item_status(&privacy, 5), STATUS_NOT_FOUND);
    assert_int_equal(contacts(), 0);
}

static void
test_s19_another_namespaces_token_is_not_there_to_erase(void **state)
{
    char token[TOKEN_TEXT_BYTES + 1];
    const char *values[] = {token};
    struct seen seen[1];

    (void)state;
    token_of("a@example.com", token);
    assert_int_equal(caller_values(&foreign, OP_ERASE, values, 1, NULL, "mine?"), STATUS_OK);
    assert_int_equal(caller_item_status(&foreign, 0), STATUS_NOT_FOUND);
    assert_int_equal(reveal(&person, token), STATUS_OK);
    assert_int_equal(read_acts(&auditor, OP_ERASE, seen, 1), 1);
    assert_int_equal(seen[0].phase, AUDIT_DONE);
    assert_int_equal(seen[0].result, STATUS_NOT_FOUND);
    assert_string_equal(seen[0].principal, "foreign");
    assert_int_equal(caller_values(&service, OP_ERASE, values, 1, NULL, "may I?"), STATUS_DENIED);
}

static void
test_a_large_batch_is_erased_whole(void **state)
{
    enum { COUNT = 700 };
    static char texts[COUNT][32];
    static const char *values[COUNT];
    struct seen seen[1];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "p%zu@example.com", i);
        values[i] = texts[i];
    }
    assert_int_equal(caller_values(&service, OP_TOKENIZE, values, COUNT, NULL, NULL), STATUS_OK);
    assert_int_equal(contacts(), COUNT);
    assert_int_equal(caller_values(&privacy, OP_ERASE, values, COUNT, NULL, "all"), STATUS_OK);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(caller_item_status(&privacy, i), STATUS_OK);
    }
    assert_int_equal(contacts(), 0);
    assert_int_equal(read_acts(&auditor, OP_ERASE, seen, 1), AUDIT_PAGE_MAX);
}

/* ---- describe ---- */

static void
test_describe_tells_when_only_to_who_looks_after_the_vault(void **state)
{
    char token[TOKEN_TEXT_BYTES + 1];
    const char *values[] = {token};
    const struct message_list *items = NULL;
    uint64_t created = 0;

    (void)state;
    token_of("+393331234567", token);
    assert_int_equal(caller_values(&service, OP_DESCRIBE, values, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_item_text(&service, 0, FIELD_COUNTRY).size, 3);
    assert_memory_equal(caller_item_text(&service, 0, FIELD_COUNTRY).data, "+39", 3);
    assert_memory_equal(caller_item_text(&service, 0, FIELD_NAMESPACE).data, "brand", 5);
    assert_true(message_list(service.reply, FIELD_ITEMS, &items));
    assert_false(message_uint(message_list_message(items, 0), FIELD_CREATED, &created));
    assert_int_equal(caller_values(&auditor, OP_DESCRIBE, values, 1, NULL, NULL), STATUS_OK);
    assert_true(message_list(auditor.reply, FIELD_ITEMS, &items));
    assert_true(message_uint(message_list_message(items, 0), FIELD_CREATED, &created));
    assert_in_range(created / 1000, (uint64_t)time(NULL) - 60, (uint64_t)time(NULL) + 60);
    assert_int_equal(caller_values(&foreign, OP_DESCRIBE, values, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_item_status(&foreign, 0), STATUS_NOT_FOUND);
}

/* ---- reasons ---- */

static void
test_reasons_are_for_the_audit_role_alone(void **state)
{
    char token[TOKEN_TEXT_BYTES + 1];
    struct seen seen[1];

    (void)state;
    token_of("a@example.com", token);
    assert_int_equal(reveal(&person, token), STATUS_OK);
    assert_int_equal(read_acts(&auditor, OP_DETOKENIZE, seen, 1), 1);
    assert_string_equal(seen[0].reason, "why");
    assert_int_equal(read_acts(&admin, OP_DETOKENIZE, seen, 1), 1);
    assert_string_equal(seen[0].reason, "");
    assert_null(memmem(admin.reply_bytes, admin.reply_size, "why", 3));
}

/* ---- freeze ---- */

static enum status
freeze(struct caller *caller, bool deliveries_too)
{
    caller_begin(caller, OP_FREEZE, deliveries_too);
    if (deliveries_too) {
        message_put_bool(&caller->request, FIELD_ALL, true);
    }
    return caller_send(caller);
}

static enum status
unfreeze(struct caller *caller)
{
    caller_begin(caller, OP_UNFREEZE, 0);
    return caller_send(caller);
}

static void
test_s20_a_freeze_stops_people_and_if_told_deliveries_until_an_admin_lifts_it(void **state)
{
    char token[TOKEN_TEXT_BYTES + 1];
    struct seen seen[1];

    (void)state;
    token_of("a@example.com", token);
    assert_int_equal(freeze(&service, false), STATUS_DENIED);
    assert_int_equal(freeze(&privacy, false), STATUS_OK);
    assert_int_equal(reveal(&person, token), STATUS_FROZEN);
    assert_int_equal(reveal(&sender, token), STATUS_OK);
    assert_int_equal(freeze(&auditor, false), STATUS_CONFLICT);
    assert_int_equal(freeze(&auditor, true), STATUS_OK);
    assert_int_equal(reveal(&person, token), STATUS_FROZEN);
    assert_int_equal(reveal(&sender, token), STATUS_FROZEN);
    /* Who freezes less than is frozen lets nothing go. */
    assert_int_equal(freeze(&privacy, false), STATUS_CONFLICT);
    assert_int_equal(reveal(&sender, token), STATUS_FROZEN);
    assert_int_equal(unfreeze(&auditor), STATUS_DENIED);
    /* Over a restart. */
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        assert_int_equal(caller_hello(all[i]), STATUS_OK);
    }
    assert_int_equal(reveal(&sender, token), STATUS_FROZEN);
    token_of("a@example.com", token);
    assert_int_equal(unfreeze(&admin), STATUS_OK);
    assert_int_equal(reveal(&person, token), STATUS_OK);
    assert_int_equal(reveal(&sender, token), STATUS_OK);
    assert_int_equal(read_acts(&auditor, OP_FREEZE, seen, 1) >= 5, 1);
}

/* ---- retention ---- */

static void
retain(const char *name, uint64_t months, enum status expected)
{
    caller_begin(&admin, OP_NAMESPACE_SET, 2);
    message_put_text(&admin.request, FIELD_NAME, name);
    message_put_uint(&admin.request, FIELD_RETAIN_MONTHS, months);
    assert_int_equal(caller_send(&admin), expected);
}

static void
pass(int64_t seconds)
{
    passed_s += seconds;
    for (int i = 0; i < 20; i++) {
        dispatch_tick(fixture.dispatch);
    }
}

/* A month's last days and 31 more may skip the month between: January 30, March 2. */
static void
pass_to_early_in_a_month(void)
{
    struct timespec now;
    struct tm day;

    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    assert_non_null(gmtime_r(&now.tv_sec, &day));
    if (day.tm_mday > 20) {
        pass((32 - day.tm_mday) * (int64_t)DAY);
    }
}

static void
test_s24_what_nobody_used_for_its_months_is_erased_and_the_rest_stays(void **state)
{
    char unused[TOKEN_TEXT_BYTES + 1];
    char looked_up[TOKEN_TEXT_BYTES + 1];
    char sent_to[TOKEN_TEXT_BYTES + 1];
    const char *lookup[] = {"b@example.com"};
    const char *masked[] = {unused};
    struct seen seen[1];

    (void)state;
    pass_to_early_in_a_month();
    retain("nowhere", 3, STATUS_NOT_FOUND);
    token_of("a@example.com", unused);
    token_of("b@example.com", looked_up);
    token_of("c@example.com", sent_to);
    retain("brand", 3, STATUS_OK);
    retain("brand", 3, STATUS_CONFLICT);
    for (int month = 0; month < 3; month++) {
        pass(MONTH);
        assert_int_equal(caller_values(&service, OP_LOOKUP, lookup, 1, NULL, NULL), STATUS_OK);
        assert_int_equal(reveal(&sender, sent_to), STATUS_OK);
        /* To look at a mask is no use of a contact. */
        assert_int_equal(caller_values(&service, OP_MASK, masked, 1, NULL, NULL), STATUS_OK);
        pass(2);
        assert_int_equal(contacts(), 3);
    }
    pass(MONTH);
    assert_int_equal(contacts(), 2);
    assert_int_equal(reveal(&person, unused), STATUS_NOT_FOUND);
    assert_int_equal(reveal(&person, looked_up), STATUS_OK);
    assert_int_equal(reveal(&person, sent_to), STATUS_OK);
    assert_int_equal(read_acts(&auditor, OP_ERASE, seen, 1), 2);
    assert_string_equal(seen[0].principal, "");
    assert_string_equal(seen[0].token, unused);
    assert_int_equal(seen[0].result, STATUS_OK);
    /* For ever, when it is taken back. */
    retain("brand", 0, STATUS_OK);
    pass(60 * (int64_t)MONTH);
    assert_int_equal(contacts(), 2);
}

/* ---- disabled, enabled ---- */

static void
test_enabled_again_a_principal_has_its_grants(void **state)
{
    char token[TOKEN_TEXT_BYTES + 1];

    (void)state;
    token_of("a@example.com", token);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_ENABLE, "person"), STATUS_CONFLICT);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_DISABLE, "person"), STATUS_OK);
    assert_int_equal(reveal(&person, token), STATUS_DENIED);
    assert_int_equal(caller_hello(&person), STATUS_UNAUTHENTICATED);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_ENABLE, "person"), STATUS_OK);
    assert_int_equal(caller_hello(&person), STATUS_OK);
    assert_int_equal(reveal(&person, token), STATUS_OK);
}

int
main(void)
{
#define WITH_VAULT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_VAULT(test_s19_erased_by_token_a_contact_is_gone_and_gets_a_new_token),
        WITH_VAULT(test_s19_erase_takes_contacts_and_tokens_in_one_batch_and_answers_in_order),
        WITH_VAULT(test_s19_another_namespaces_token_is_not_there_to_erase),
        WITH_VAULT(test_a_large_batch_is_erased_whole),
        WITH_VAULT(test_describe_tells_when_only_to_who_looks_after_the_vault),
        WITH_VAULT(test_reasons_are_for_the_audit_role_alone),
        WITH_VAULT(test_s20_a_freeze_stops_people_and_if_told_deliveries_until_an_admin_lifts_it),
        WITH_VAULT(test_enabled_again_a_principal_has_its_grants),
        WITH_VAULT(test_s24_what_nobody_used_for_its_months_is_erased_and_the_rest_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The golden replies, decoded by the client: what a caller sees of them. */
#include "client_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

enum { LINE_BYTES = 16 * 1024 };

/* The bytes of the reply of that name in tests/vectors/messages.txt. */
static struct bytes
golden(const char *name)
{
    static uint8_t bytes[LINE_BYTES];
    static char line[LINE_BYTES];
    FILE *file = fopen(TESTS_DIR "/vectors/messages.txt", "r");
    bool named = false, found = false; /* a request may have the same name */
    size_t size = 0;

    assert_non_null(file);
    while (size == 0 && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "name: ", 6) == 0)
            named = strcmp(line + 6, name) == 0;
        else if (strncmp(line, "direction: ", 11) == 0)
            found = named && strcmp(line + 11, "reply") == 0;
        else if (found && strncmp(line, "hex: ", 5) == 0)
            assert_int_equal(
                sodium_hex2bin(bytes, sizeof bytes, line + 5, strlen(line + 5), NULL, &size, NULL),
                0);
    }
    fclose(file);
    assert_true(size > 0);
    return bytes_of(bytes, size);
}

static struct cv_reply *
decode(enum operation operation, size_t value_count, const char *name)
{
    static const char *const values[] = {"a", "b"};
    struct request request = {.operation = operation};
    struct message_parser *parser = NULL;

    if (value_count > 0) {
        request.values = values;
        request.value_count = value_count;
    }
    assert_int_equal(message_parser_new(&parser), STATUS_OK);
    struct cv_reply *reply = reply_decode(parser, &request, golden(name));
    message_parser_free(&parser);
    return reply;
}

static void
test_batches(void **state)
{
    (void)state;
    struct cv_reply *reply = decode(OP_TOKENIZE, 2, "tokenize, one good item and one bad");
    assert_int_equal(reply->status, CV_OK);
    assert_int_equal(reply->count, 2);
    assert_string_equal(reply->items[0].token, "phn_014d2pf2dbsqqzxq5tk1v58cgg1");
    assert_string_equal(reply->items[0].mask,
                        "+39 \u2022\u2022\u2022 \u2022\u2022\u2022 \u2022\u202267");
    assert_int_equal(reply->items[1].status, CV_INVALID);
    assert_string_equal(reply->items[1].message, "write + and the country code, or give --region");
    cv_reply_free(&reply);

    reply = decode(OP_TOKENIZE, 1, "tokenize, one good item and one bad");
    assert_int_equal(reply->status, CV_INTERNAL);
    cv_reply_free(&reply);

    reply = decode(OP_DETOKENIZE, 2, "detokenize, a person's over the budget");
    assert_int_equal(reply->status, CV_OK);
    assert_string_equal(reply->items[0].value, "+393331234567");
    assert_int_equal(reply->items[0].retry_after_s, 0);
    assert_int_equal(reply->items[1].status, CV_QUOTA);
    assert_null(reply->items[1].value);
    assert_string_equal(reply->items[1].mask,
                        "+39 \u2022\u2022\u2022 \u2022\u2022\u2022 \u2022\u202267");
    assert_string_equal(reply->items[1].token, "phn_014d2pf2dbsqqzxq5tk1v58cgg1");
    assert_int_equal(reply->items[1].kind, CV_PHONE);
    assert_int_equal(reply->items[1].retry_after_s, 11520);
    assert_int_equal(cv_item_advice(&reply->items[1]), CV_HOLD);
    cv_reply_free(&reply);

    reply = decode(OP_DETOKENIZE, 2, "detokenize");
    assert_int_equal(reply->status, CV_OK);
    assert_string_equal(reply->items[0].value, "+393331234567");
    assert_int_equal(reply->items[1].kind, CV_EMAIL);
    assert_string_equal(reply->items[1].value, "maria@example.com");
    cv_reply_free(&reply);
}

static void
test_lists(void **state)
{
    (void)state;
    struct cv_reply *reply = decode(OP_NAMESPACE_LIST, 0, "namespace_list, answered");
    assert_int_equal(reply->count, 1);
    assert_string_equal(reply->namespaces[0].name, "shop");
    assert_int_equal(reply->namespaces[0].created_ms, 1790000000000);
    assert_int_equal(reply->namespaces[0].contacts, 300);
    cv_reply_free(&reply);

    reply = decode(OP_PRINCIPAL_SHOW, 0, "principal_show of one who was offboarded");
    assert_int_equal(reply->count, 1);
    assert_true(reply->principals[0].offboarded && reply->principals[0].disabled);
    assert_int_equal(reply->principals[0].uid, 1003);
    assert_int_equal(reply->principals[0].grant_count, 0);
    cv_reply_free(&reply);

    reply = decode(OP_PRINCIPAL_SHOW, 0, "principal_show, answered");
    assert_int_equal(reply->count, 1);
    assert_string_equal(reply->principals[0].name, "anna");
    assert_int_equal(reply->principals[0].kind, CV_PERSON);
    assert_int_equal(reply->principals[0].public_key[0], 0x79);
    assert_int_equal(reply->principals[0].public_key[31], 0x64);
    assert_int_equal(reply->principals[0].grant_count, 2);
    assert_int_equal(reply->principals[0].grants[0].role, CV_ROLE_ADMIN);
    assert_string_equal(reply->principals[0].grants[1].namespace_name, "shop");
    cv_reply_free(&reply);

    reply = decode(OP_PRINCIPAL_LIST, 0, "principal_list, a page");
    assert_int_equal(reply->count, 1);
    assert_string_equal(reply->principals[0].name, "anna");
    assert_int_equal(reply->next, 258);
    cv_reply_free(&reply);
    reply = decode(OP_PRINCIPAL_LIST, 0, "principal_list, behind the last");
    assert_int_equal(reply->status, CV_OK);
    assert_int_equal(reply->count, 0);
    assert_int_equal(reply->next, 10);
    cv_reply_free(&reply);
    reply = decode(OP_PRINCIPAL_LIST, 0, "principal_list that does not say where to go on");
    assert_int_equal(reply->status, CV_INTERNAL);
    cv_reply_free(&reply);

    reply = decode(OP_AUDIT_READ, 0, "audit_read, answered");
    assert_int_equal(reply->next, 70001);
    assert_int_equal(reply->entries[0].sequence, 70000);
    assert_string_equal(reply->entries[0].principal, "anna");
    assert_string_equal(cv_act_name(reply->entries[0].act), "detokenize");
    cv_reply_free(&reply);
}

static void
test_compactions(void **state)
{
    (void)state;
    struct cv_reply *reply = decode(OP_COMPACT, 0, "compact: under way");
    assert_string_equal(reply->state, "running");
    assert_int_equal(reply->number, 3);
    assert_int_equal(reply->bytes, 250000000);
    assert_int_equal(reply->done, 120);
    assert_int_equal(reply->total, 3000000);
    assert_int_equal(reply->result, CV_OK);
    cv_reply_free(&reply);
    reply = decode(OP_COMPACT, 0, "compact: the last one failed");
    assert_int_equal(reply->result, CV_BUSY);
    cv_reply_free(&reply);
}

static void
test_what_the_rules_added(void **state)
{
    (void)state;
    struct cv_reply *reply = decode(OP_ERASE, 2, "erase, one gone and one that was not there");
    assert_int_equal(reply->status, CV_OK);
    assert_string_equal(reply->items[0].token, "phn_014d2pf2dbsqqzxq5tk1v58cgg1");
    assert_int_equal(reply->items[1].status, CV_NOT_FOUND);
    cv_reply_free(&reply);
    reply = decode(OP_TOKENIZE, 2, "erase, one gone and one that was not there");
    assert_int_equal(reply->status, CV_INTERNAL); /* no mask */
    cv_reply_free(&reply);

    reply = decode(OP_DESCRIBE, 1, "describe, for an auditor");
    assert_string_equal(reply->items[0].country, "+39");
    assert_int_equal(reply->items[0].created_ms, 1790000000000);
    cv_reply_free(&reply);
    reply = decode(OP_DESCRIBE, 1, "describe, for a service");
    assert_string_equal(reply->items[0].namespace_name, "shop");
    assert_null(reply->items[0].country);
    assert_int_equal(reply->items[0].created_ms, 0);
    cv_reply_free(&reply);

    reply = decode(OP_NAMESPACE_LIST, 0, "namespace_list with retention");
    assert_int_equal(reply->namespaces[0].retain_months, 24);
    cv_reply_free(&reply);

    reply = decode(OP_PRINCIPAL_SHOW, 0, "principal_show with the terms of grants");
    assert_true(reply->principals[0].relayed);
    assert_int_equal(reply->principals[0].grants[0].until_ms, 1798761600000);
    assert_int_equal(reply->principals[0].grants[0].daily, 50);
    assert_int_equal(reply->principals[0].grants[0].hourly, 10);
    assert_int_equal(reply->principals[0].grants[0].used, 7);
    assert_int_equal(reply->principals[0].grants[1].role, CV_ROLE_AUDIT);
    cv_reply_free(&reply);
}

static void
test_backups(void **state)
{
    (void)state;
    struct cv_reply *reply = decode(OP_BACKUP_BEGIN, 0, "backup_begin: at three");
    assert_int_equal(reply->backup[15], 0xbf);
    assert_int_equal(reply->time_ms, 1790000000000);
    assert_int_equal(reply->total, 300000);
    assert_int_equal(reply->bytes, 52428800);
    cv_reply_free(&reply);
    reply = decode(OP_BACKUP_READ, 0, "backup_read: there is more");
    assert_int_equal(reply->data_size, 8);
    assert_memory_equal(reply->data, "cvbackup", 8);
    assert_int_equal(reply->next, 131297);
    cv_reply_free(&reply);
    reply = decode(OP_BACKUP_READ, 0, "backup_read: the end");
    assert_int_equal(reply->next, 0);
    assert_int_equal(reply->done, 300000);
    cv_reply_free(&reply);
    reply = decode(OP_BACKUP_READ, 0, "backup_begin: at three");
    assert_int_equal(reply->status, CV_INTERNAL); /* no data */
    cv_reply_free(&reply);
    reply = decode(OP_RECIPIENT_LIST, 0, "recipient_list: one");
    assert_string_equal(reply->recipients[0].name, "safe");
    assert_int_equal(reply->recipients[0].public_key[31], 0x5f);
    cv_reply_free(&reply);
    reply = decode(OP_PENDING, 0, "pending: one");
    assert_int_equal(reply->approvals, CV_APPROVALS_AUTO);
    assert_true(reply->approvals_active);
    assert_int_equal(reply->total, 2);
    assert_int_equal(reply->waiting, 1);
    assert_int_equal(reply->requests[0].number, 4711);
    assert_string_equal(reply->requests[0].principal, "anna");
    assert_string_equal(reply->requests[0].text, "grant reveal to maria in shop");
    assert_string_equal(reply->requests[0].subject, "maria");
    assert_int_equal(reply->requests[0].public_key[31], 0x5f);
    cv_reply_free(&reply);
    reply = decode(OP_GRANT, 0, "grant: waits for a second admin");
    assert_int_equal(reply->status, CV_PENDING);
    assert_int_equal(reply->request, 4711);
    cv_reply_free(&reply);
    reply = decode(OP_CANARY_ADD, 0, "canary_add: its token");
    assert_string_equal(reply->token, "phn_014d2pf2dbsqqzxq5tk1v58cgg1");
    assert_int_equal(reply->number, 3);
    cv_reply_free(&reply);
    reply = decode(OP_CANARY_ADD, 0, "recipient_list: one"); /* no token */
    assert_int_equal(reply->status, CV_INTERNAL);
    cv_reply_free(&reply);
    reply = decode(OP_CANARY_LIST, 0, "canary_list: one, gone");
    assert_int_equal(reply->count, 1);
    assert_string_equal(reply->canaries[0].namespace_name, "lab");
    assert_true(reply->canaries[0].gone);
    cv_reply_free(&reply);
}

static void
test_the_log(void **state)
{
    (void)state;
    struct cv_reply *reply =
        decode(OP_AUDIT_READ, 0, "audit_read with a reason, a block and a jump of the clock");
    assert_int_equal(reply->count, 3);
    assert_string_equal(reply->entries[0].reason, "customer asked for a call back");
    assert_true(reply->entries[0].relayed);
    assert_string_equal(cv_act_name(reply->entries[1].act), "budget");
    assert_int_equal(reply->entries[1].amount, 4096);
    assert_string_equal(cv_act_name(reply->entries[2].act), "clock_forward");
    assert_null(reply->entries[2].principal);
    assert_int_equal(reply->next, 70003);
    cv_reply_free(&reply);

    reply = decode(OP_AUDIT_READ, 0, "audit_read: a reveal that did not open then");
    assert_int_equal(reply->count, 2);
    assert_int_equal(reply->entries[0].refers, 0);
    assert_string_equal(cv_phase_name(reply->entries[1].phase), "outcome");
    assert_int_equal(reply->entries[1].result, CV_CORRUPT);
    assert_int_equal(reply->entries[1].refers, 70000);
    cv_reply_free(&reply);

    reply = decode(OP_AUDIT_READ, 0, "audit_read with a purpose and a ticket");
    assert_int_equal(reply->count, 1);
    assert_string_equal(reply->entries[0].reason, "broken on arrival");
    assert_string_equal(reply->entries[0].purpose, "complaint");
    assert_string_equal(reply->entries[0].ticket, "case 4711");
    cv_reply_free(&reply);

    reply = decode(OP_AUDIT_READ, 0, "audit_read: none of this part, but not the end");
    assert_int_equal(reply->status, CV_OK);
    assert_int_equal(reply->count, 0);
    assert_int_equal(reply->next, 90000);
    cv_reply_free(&reply);
}

static void
test_single_answers(void **state)
{
    (void)state;
    struct cv_reply *reply = decode(OP_STATUS, 0, "status, for an admin");
    assert_string_equal(reply->state, "unsealed");
    assert_string_equal(reply->release, "0.1.0");
    assert_true(reply->has_totals);
    assert_int_equal(reply->contacts_total, 1234567);
    assert_int_equal(reply->namespaces_total, 2);
    cv_reply_free(&reply);

    reply = decode(OP_STATUS, 0, "status, for an auditor of a frozen vault");
    assert_string_equal(reply->state, "frozen");
    assert_int_equal(reply->frozen, CV_FREEZE_ALL);
    assert_int_equal(reply->audit_key[0], 0x79);
    cv_reply_free(&reply);

    reply = decode(OP_DETOKENIZE, 1, "frozen");
    assert_int_equal(reply->status, CV_FROZEN);
    cv_reply_free(&reply);
    reply = decode(OP_DETOKENIZE, 1, "expired");
    assert_int_equal(reply->status, CV_EXPIRED);
    cv_reply_free(&reply);

    reply = decode(OP_TOKENIZE, 1, "refused");
    assert_int_equal(reply->status, CV_DENIED);
    assert_string_equal(reply->message, "not permitted");
    cv_reply_free(&reply);

    reply = decode(OP_TOKENIZE, 1, "over quota");
    assert_int_equal(reply->status, CV_QUOTA);
    assert_int_equal(reply->retry_after_s, 3600);
    cv_reply_free(&reply);

    reply = decode(OP_GRANT, 0, "done, nothing to tell");
    assert_int_equal(reply->status, CV_OK);
    assert_string_equal(reply->message, "");
    cv_reply_free(&reply);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches),        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_compactions),    cmocka_unit_test(test_what_the_rules_added),
        cmocka_unit_test(test_backups),        cmocka_unit_test(test_the_log),
        cmocka_unit_test(test_single_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

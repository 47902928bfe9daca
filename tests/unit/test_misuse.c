/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S49 "who opens a canary", S50 "a canary is like any other". Also: what the
 * operators are told, and that neither a contact nor a token is in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "failpoint.h"
#include "fixture.h"
#include "notice.h"
#include "unseal.h"

enum { TOLD_MAX = 32, ENTRIES_MAX = 64, ROWS_MAX = 8, CONTACTS = 4, CANARIES_A_DAY = 64 };

static const char *const contacts[CONTACTS] = {"+442079460958", "+442079460959",
                                               "first@example.com", "second@example.com"};
static const char disabled_fault[] = "this principal is disabled";

/* ---- who is told ---- */

struct told {
    enum notice_event event;
    char principal[NAME_BYTES_MAX + 1];
    char namespace_name[NAME_BYTES_MAX + 1];
    uint64_t number;
};

static struct told told[TOLD_MAX];
static size_t told_count;

static void
copy_name(struct bytes name, char to[static NAME_BYTES_MAX + 1])
{
    if (name.size > 0) {
        memcpy(to, name.data, name.size);
    }
    to[name.size] = '\0';
}

static void
tell(void *state, const struct notice *notice)
{
    assert_ptr_equal(state, &told_count);
    assert_in_range(told_count, 0, TOLD_MAX - 1);
    assert_in_range(notice->time_ms, clock_vault_ms() - 10000, clock_vault_ms());
    memset(&told[told_count], 0, sizeof told[0]);
    told[told_count].event = notice->event;
    told[told_count].number = notice->number;
    copy_name(notice->principal, told[told_count].principal);
    copy_name(notice->namespace_name, told[told_count].namespace_name);
    told_count++;
}

static void
assert_told(size_t i, enum notice_event event, const char *principal, const char *namespace_name,
            uint64_t number)
{
    assert_in_range(i, 0, told_count - 1);
    assert_int_equal(told[i].event, event);
    assert_string_equal(told[i].principal, principal);
    assert_string_equal(told[i].namespace_name, namespace_name);
    assert_int_equal(told[i].number, number);
}

/* ---- one vault, its people ---- */

static struct fixture fixture;
static struct caller admin, service, sender, maria, privacy;
static char tokens[CONTACTS][TOKEN_TEXT_BYTES + 1];

static void
say_hello(void)
{
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    assert_int_equal(caller_hello(&service), STATUS_OK);
    assert_int_equal(caller_hello(&sender), STATUS_OK);
    assert_int_equal(caller_hello(&privacy), STATUS_OK);
}

static void
add(const char *name, enum principal_kind kind, uint32_t uid, enum role role, struct caller *caller)
{
    assert_int_equal(caller_principal_add(&admin, name, kind, uid), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, name, role, "brand"), STATUS_OK);
    caller_make(caller, &fixture, PEER_DATA, uid);
    assert_int_equal(caller_hello(caller), STATUS_OK);
}

static int
make(void **state)
{
    (void)state;
    told_count = 0;
    fixture_make(&fixture);
    fixture.tell = tell;
    fixture.teller = &told_count;
    fixture.alarm_lookup_misses = 10;
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    caller_make(&admin, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_OK);
    add("service", PRINCIPAL_SERVICE, 2001, ROLE_SERVICE, &service);
    add("sender", PRINCIPAL_SERVICE, 2002, ROLE_DELIVER, &sender);
    add("maria", PRINCIPAL_PERSON, 2003, ROLE_REVEAL, &maria);
    add("privacy", PRINCIPAL_PERSON, 2004, ROLE_PRIVACY, &privacy);
    assert_int_equal(caller_values(&service, OP_TOKENIZE, contacts, CONTACTS, NULL, NULL),
                     STATUS_OK);
    for (size_t i = 0; i < CONTACTS; i++) {
        memcpy(tokens[i], caller_item_text(&service, i, FIELD_TOKEN).data, TOKEN_TEXT_BYTES);
    }
    return 0;
}

static int
drop(void **state)
{
    (void)state;
    caller_remove(&admin);
    caller_remove(&service);
    caller_remove(&sender);
    caller_remove(&maria);
    caller_remove(&privacy);
    fixture_remove(&fixture);
    return 0;
}

static void
restart(void)
{
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    say_hello();
}

static enum status
canary_add(const char *value, const char *namespace_name)
{
    caller_begin(&admin, OP_CANARY_ADD, namespace_name != NULL ? 2 : 1);
    message_put_text(&admin.request, FIELD_VALUE, value);
    if (namespace_name != NULL) {
        message_put_text(&admin.request, FIELD_NAMESPACE, namespace_name);
    }
    return caller_send(&admin);
}

static enum status
canary_remove(const char *token)
{
    caller_begin(&admin, OP_CANARY_REMOVE, 1);
    message_put_text(&admin.request, FIELD_TOKEN, token);
    return caller_send(&admin);
}

static size_t
canary_list(void)
{
    const struct message_list *items = NULL;

    caller_begin(&admin, OP_CANARY_LIST, 0);
    assert_int_equal(caller_send(&admin), STATUS_OK);
    assert_true(message_list(admin.reply, FIELD_ITEMS, &items));
    return message_list_count(items);
}

static bool
is_gone(size_t i)
{
    const struct message_list *items = NULL;
    bool gone = false;

    assert_true(message_list(admin.reply, FIELD_ITEMS, &items));
    (void)!message_bool(message_list_message(items, i), FIELD_GONE, &gone);
    return gone;
}

static enum status
reveal(struct caller *caller, size_t first, size_t count)
{
    const char *values[CONTACTS];

    for (size_t i = 0; i < count; i++) {
        values[i] = tokens[first + i];
    }
    return caller_values(caller, OP_DETOKENIZE, values, count, NULL, "asked to call");
}

static void
assert_message(const struct caller *caller, const char *text)
{
    struct bytes message = {0};

    assert_true(message_bytes(caller->reply, FIELD_MESSAGE, &message));
    assert_int_equal(message.size, strlen(text));
    assert_memory_equal(message.data, text, message.size);
}

/* Nothing of the kind is in the answer. */
static void
assert_shows_no_contact(const struct caller *caller)
{
    for (size_t i = 0; i < CONTACTS; i++) {
        assert_null(
            memmem(caller->reply_bytes, caller->reply_size, contacts[i], strlen(contacts[i])));
    }
}

/* ---- the log ---- */

struct line {
    uint32_t act;
    enum audit_phase phase;
    enum status result;
    char principal[NAME_BYTES_MAX + 1];
    char subject[NAME_BYTES_MAX + 1];
    uint64_t amount;
    uint8_t kind; /* 0: no token */
    bool has_reason;
};

static struct line lines[ENTRIES_MAX];
static size_t line_count;

static enum status
take_line(void *state, const struct audit_entry *entry)
{
    (void)state;
    if (entry->has_checkpoint) {
        return STATUS_OK;
    }
    assert_in_range(line_count, 0, ENTRIES_MAX - 1);
    lines[line_count] = (struct line){.act = entry->operation,
                                      .phase = entry->phase,
                                      .result = entry->result,
                                      .amount = entry->amount,
                                      .kind = entry->token_kind,
                                      .has_reason = entry->reason.size > 0};
    copy_name(entry->principal, lines[line_count].principal);
    copy_name(entry->subject, lines[line_count].subject);
    line_count++;
    return STATUS_OK;
}

static void
read_log_since(uint64_t last)
{
    uint64_t now = audit_last(fixture.audit);

    line_count = 0;
    assert_int_equal(audit_wait(fixture.audit, now), STATUS_OK);
    assert_int_equal(audit_read(fixture.audit, last + 1, now - last, take_line, NULL), STATUS_OK);
}

static void
assert_line(size_t i, uint32_t act, enum audit_phase phase, enum status result,
            const char *principal, const char *subject)
{
    assert_in_range(i, 0, line_count - 1);
    assert_int_equal(lines[i].act, act);
    assert_int_equal(lines[i].phase, phase);
    assert_int_equal(lines[i].result, result);
    assert_string_equal(lines[i].principal, principal);
    assert_string_equal(lines[i].subject, subject);
}

/* ---- a person ---- */

static void
test_who_opens_a_canary_is_disabled_before_the_answer(void **state)
{
    uint64_t last;

    (void)state;
    assert_int_equal(canary_add(contacts[1], "brand"), STATUS_OK);
    assert_int_equal(reveal(&maria, 0, 1), STATUS_OK);
    last = audit_last(fixture.audit);
    assert_int_equal(reveal(&maria, 1, 1), STATUS_DENIED);
    assert_message(&maria, disabled_fault);
    assert_shows_no_contact(&maria);
    read_log_since(last);
    assert_int_equal(line_count, 4);
    assert_line(0, AUDIT_ACT_CANARY, AUDIT_DONE, STATUS_DENIED, "maria", "");
    assert_int_equal(lines[0].amount, 1);
    assert_int_equal(lines[0].kind, 0);
    assert_line(1, OP_DETOKENIZE, AUDIT_DONE, STATUS_DENIED, "maria", "");
    assert_int_equal(lines[1].kind, CONTACT_PHONE);
    assert_true(lines[1].has_reason);
    assert_line(2, OP_PRINCIPAL_DISABLE, AUDIT_INTENT, STATUS_OK, "", "maria");
    assert_line(3, OP_PRINCIPAL_DISABLE, AUDIT_OUTCOME, STATUS_OK, "", "maria");
    assert_int_equal(lines[3].amount, 1);
    assert_int_equal(told_count, 2);
    assert_told(0, NOTICE_CANARY, "maria", "brand", 1);
    assert_told(1, NOTICE_SUSPENDED, "maria", "", 1);
    /* From now on like anybody who is disabled, in the same words; no alarm again. */
    assert_int_equal(reveal(&maria, 0, 1), STATUS_DENIED);
    assert_message(&maria, disabled_fault);
    assert_int_equal(reveal(&maria, 1, 1), STATUS_DENIED);
    assert_message(&maria, disabled_fault);
    assert_int_equal(told_count, 2);
    /* As after a kill: it was durable before the answer. */
    restart();
    caller_remove(&maria);
    caller_make(&maria, &fixture, PEER_DATA, 2003);
    assert_int_not_equal(caller_hello(&maria), STATUS_OK);
    /* An admin lifts it. */
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_ENABLE, "maria"), STATUS_OK);
    assert_int_equal(caller_hello(&maria), STATUS_OK);
    assert_int_equal(reveal(&maria, 0, 1), STATUS_OK);
    assert_int_equal(reveal(&maria, 1, 1), STATUS_DENIED);
    assert_int_equal(told_count, 4);
}

/* Enabled again, she is in when she logs in again: what was open then is over. */
static void
test_with_her_end_her_sessions(void **state)
{
    (void)state;
    fixture.people_stay_out = true;
    assert_int_equal(canary_add(contacts[1], "brand"), STATUS_OK);
    assert_int_equal(reveal(&maria, 1, 1), STATUS_DENIED);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_ENABLE, "maria"), STATUS_OK);
    assert_int_equal(reveal(&maria, 0, 1), STATUS_NO_SESSION);
}

static void
test_of_a_batch_with_a_canary_nothing_is_opened(void **state)
{
    uint64_t last;
    uint64_t used;
    const struct budget_key key = {4, 0, BUDGET_REVEAL}; /* maria is the fourth */

    (void)state;
    assert_int_equal(canary_add(contacts[3], NULL), STATUS_OK);
    assert_int_equal(canary_add(contacts[2], NULL), STATUS_OK);
    assert_int_equal(reveal(&maria, 0, 1), STATUS_OK);
    used = budgets_used(fixture.budgets, key, clock_vault_ms());
    assert_int_equal(used, 1);
    last = audit_last(fixture.audit);
    assert_int_equal(reveal(&maria, 0, CONTACTS), STATUS_DENIED);
    assert_shows_no_contact(&maria);
    read_log_since(last);
    assert_int_equal(line_count, 2 + CONTACTS + 2);
    /* Both canaries, by their numbers, in the batch's order. */
    assert_line(0, AUDIT_ACT_CANARY, AUDIT_DONE, STATUS_DENIED, "maria", "");
    assert_int_equal(lines[0].amount, 2);
    assert_line(1, AUDIT_ACT_CANARY, AUDIT_DONE, STATUS_DENIED, "maria", "");
    assert_int_equal(lines[1].amount, 1);
    for (size_t i = 0; i < CONTACTS; i++) {
        assert_line(2 + i, OP_DETOKENIZE, AUDIT_DONE, STATUS_DENIED, "maria", "");
    }
    /* One alarm for the batch; nothing was spent. */
    assert_int_equal(told_count, 2);
    assert_told(0, NOTICE_CANARY, "maria", "brand", 2);
    assert_int_equal(budgets_used(fixture.budgets, key, clock_vault_ms()), used);
}

static void
test_whoever_was_refused_too_often_is_disabled_all_the_same(void **state)
{
    static const char *values[BATCH_ITEMS_MAX];

    (void)state;
    assert_int_equal(canary_add(contacts[0], NULL), STATUS_OK);
    /* A token of nobody's: made of one that was erased. */
    assert_int_equal(caller_values(&privacy, OP_ERASE, (const char *[]){tokens[1]}, 1, NULL, "why"),
                     STATUS_OK);
    for (size_t i = 0; i < BATCH_ITEMS_MAX; i++) {
        values[i] = tokens[1];
    }
    assert_int_equal(
        caller_values(&maria, OP_DETOKENIZE, values, BATCH_ITEMS_MAX, NULL, "asked to call"),
        STATUS_OK);
    assert_int_equal(caller_values(&maria, OP_DETOKENIZE, values, 64, NULL, "asked to call"),
                     STATUS_QUOTA);
    assert_int_equal(told_count, 0);
    assert_int_equal(reveal(&maria, 0, 2), STATUS_DENIED);
    assert_message(&maria, disabled_fault);
    assert_int_equal(told_count, 2);
    assert_told(1, NOTICE_SUSPENDED, "maria", "", 1);
}

/* What she may not open anyway is no trap, nor is what only shows a mask. */
static void
test_only_opening_counts(void **state)
{
    const char *values[] = {tokens[0]};
    struct caller other;

    (void)state;
    assert_int_equal(canary_add(contacts[0], NULL), STATUS_OK);
    assert_int_equal(caller_values(&maria, OP_MASK, values, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_values(&maria, OP_DESCRIBE, values, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_values(&service, OP_LOOKUP, contacts, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_values(&service, OP_TOKENIZE, contacts, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_namespace_create(&admin, "elsewhere"), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "other", PRINCIPAL_PERSON, 2009), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "other", ROLE_REVEAL, "elsewhere"), STATUS_OK);
    caller_make(&other, &fixture, PEER_DATA, 2009);
    assert_int_equal(caller_hello(&other), STATUS_OK);
    assert_int_equal(reveal(&other, 0, 1), STATUS_OK);
    assert_int_equal(caller_item_status(&other, 0), STATUS_NOT_FOUND);
    assert_int_equal(reveal(&other, 0, 1), STATUS_OK); /* he is still there */
    assert_int_equal(caller_freeze(&admin, false), STATUS_OK);
    assert_int_equal(reveal(&maria, 0, 1), STATUS_FROZEN);
    assert_int_equal(caller_unfreeze(&admin), STATUS_OK);
    assert_int_equal(told_count, 0);
    caller_remove(&other);
}

/* ---- a service ---- */

static void
test_a_sender_goes_on_and_the_operators_are_told(void **state)
{
    uint64_t last;

    (void)state;
    assert_int_equal(canary_add(contacts[1], NULL), STATUS_OK);
    last = audit_last(fixture.audit);
    assert_int_equal(reveal(&sender, 0, CONTACTS), STATUS_OK);
    for (size_t i = 0; i < CONTACTS; i++) {
        struct bytes value = caller_item_text(&sender, i, FIELD_VALUE);

        assert_int_equal(value.size, strlen(contacts[i]));
        assert_memory_equal(value.data, contacts[i], value.size);
    }
    read_log_since(last);
    assert_int_equal(line_count, 1 + CONTACTS);
    assert_line(0, AUDIT_ACT_CANARY, AUDIT_DONE, STATUS_OK, "sender", "");
    assert_int_equal(lines[0].amount, 1);
    assert_line(1, OP_DETOKENIZE, AUDIT_DONE, STATUS_OK, "sender", "");
    assert_int_equal(told_count, 1);
    assert_told(0, NOTICE_CANARY, "sender", "brand", 1);
    assert_int_equal(reveal(&sender, 0, 1), STATUS_OK);
    assert_int_equal(told_count, 1);
}

/* ---- a canary is like any other ---- */

struct row_copy {
    size_t size;
    uint8_t bytes[1024];
};

struct rows {
    enum store_table table;
    size_t count;
    struct row_copy rows[ROWS_MAX];
};

static enum status
copy_row(void *state, struct bytes key, struct bytes value)
{
    struct rows *rows = state;

    (void)key;
    assert_in_range(rows->count, 0, ROWS_MAX - 1);
    assert_in_range(value.size, 1, sizeof rows->rows[0].bytes);
    rows->rows[rows->count].size = value.size;
    memcpy(rows->rows[rows->count++].bytes, value.data, value.size);
    return STATUS_OK;
}

static enum status
copy_rows(struct store_txn *txn, void *state)
{
    struct rows *rows = state;
    const bool marks = rows->table == STORE_ACCESS;
    const struct bytes from = marks ? bytes_of_text("c") : (struct bytes){0};
    const struct bytes to = marks ? bytes_of_text("d") : (struct bytes){0};

    rows->count = 0;
    return store_scan(txn, rows->table, from, to, copy_row, rows);
}

static void
test_a_canary_is_like_any_other(void **state)
{
    static struct rows before = {.table = STORE_RECORD};
    static struct rows after = {.table = STORE_RECORD};
    static struct rows marks = {.table = STORE_ACCESS};
    const size_t header = 12; /* version, suite, kind, flags, epoch, namespace */
    char mask[MASK_BYTES_MAX + 1] = "";
    struct bytes text;

    (void)state;
    assert_int_equal(store_view(fixture.store, copy_rows, &before), STATUS_OK);
    assert_int_equal(before.count, CONTACTS);
    assert_int_equal(canary_add(contacts[0], NULL), STATUS_OK);     /* is there */
    assert_int_equal(canary_add("+442079460960", NULL), STATUS_OK); /* is not */
    assert_true(message_bytes(admin.reply, FIELD_TOKEN, &text));
    assert_int_equal(text.size, TOKEN_TEXT_BYTES);
    assert_memory_equal(text.data, "phn_", 4);
    memcpy(tokens[1], text.data, text.size);
    assert_int_equal(store_view(fixture.store, copy_rows, &after), STATUS_OK);
    assert_int_equal(after.count, CONTACTS + 1);
    /* Marking wrote nothing beside it, and the new record looks like the first one. */
    for (size_t i = 0; i < CONTACTS; i++) {
        assert_int_equal(after.rows[i].size, before.rows[i].size);
        assert_memory_equal(after.rows[i].bytes, before.rows[i].bytes, before.rows[i].size);
    }
    assert_int_equal(after.rows[CONTACTS].size, before.rows[0].size);
    assert_memory_equal(after.rows[CONTACTS].bytes, before.rows[0].bytes, header);
    /* Marks say nothing, and are of one size. */
    assert_int_equal(canary_add(contacts[3], NULL), STATUS_OK);
    assert_int_equal(canary_remove(tokens[3]), STATUS_OK);
    assert_int_equal(store_view(fixture.store, copy_rows, &marks), STATUS_OK);
    assert_int_equal(marks.count, 3);
    for (size_t i = 0; i < marks.count; i++) {
        const uint8_t *token = before.rows[0].bytes + header;

        assert_int_equal(marks.rows[i].size, marks.rows[0].size);
        assert_null(memmem(marks.rows[i].bytes, marks.rows[i].size, token, TOKEN_BYTES));
    }
    /* Masks. */
    assert_int_equal(
        caller_values(&maria, OP_MASK, (const char *[]){tokens[0], tokens[1]}, 2, NULL, NULL),
        STATUS_OK);
    text = caller_item_text(&maria, 0, FIELD_MASK);
    memcpy(mask, text.data, text.size);
    text = caller_item_text(&maria, 1, FIELD_MASK);
    assert_int_equal(text.size, strlen(mask));
    assert_memory_equal(text.data, mask, text.size - 2); /* the last two digits differ */
}

/* The log names a canary by its number: who reads it does not learn which token it is. */
static void
test_the_log_does_not_say_which_it_is(void **state)
{
    uint64_t last = audit_last(fixture.audit);

    (void)state;
    assert_int_equal(canary_add(contacts[0], NULL), STATUS_OK);
    assert_int_equal(canary_remove(tokens[0]), STATUS_OK);
    read_log_since(last);
    assert_int_equal(line_count, 4);
    assert_line(0, OP_CANARY_ADD, AUDIT_INTENT, STATUS_OK, "admin", "");
    assert_line(1, OP_CANARY_ADD, AUDIT_OUTCOME, STATUS_OK, "admin", "");
    assert_line(2, OP_CANARY_REMOVE, AUDIT_INTENT, STATUS_OK, "admin", "");
    assert_line(3, OP_CANARY_REMOVE, AUDIT_OUTCOME, STATUS_OK, "admin", "");
    for (size_t i = 0; i < line_count; i++) {
        assert_int_equal(lines[i].kind, 0);
        assert_int_equal(lines[i].amount, 1);
    }
}

/* ---- adding, listing, removing ---- */

static void
test_whether_it_was_there_is_not_told(void **state)
{
    static uint8_t first[256];
    size_t size;

    (void)state;
    assert_int_equal(canary_add("+442079460970", "brand"), STATUS_OK);
    size = admin.reply_size;
    assert_in_range(size, 1, sizeof first);
    memcpy(first, admin.reply_bytes, size);
    assert_int_equal(canary_add(contacts[0], "brand"), STATUS_OK);
    assert_int_equal(admin.reply_size, size); /* another token, another number; no field more */
    assert_int_equal(canary_add(contacts[0], "brand"), STATUS_CONFLICT);
    assert_shows_no_contact(&admin);
    assert_int_equal(canary_add("nothing", "brand"), STATUS_INVALID);
    assert_int_equal(canary_add(contacts[1], "nowhere"), STATUS_INVALID);
    assert_int_equal(caller_namespace_create(&admin, "other"), STATUS_OK);
    assert_int_equal(canary_add(contacts[1], NULL), STATUS_INVALID); /* which? */
    assert_int_equal(canary_list(), 2);
}

static void
test_the_list_says_what_became_of_them(void **state)
{
    (void)state;
    assert_int_equal(canary_list(), 0);
    assert_int_equal(caller_namespace_create(&admin, "other"), STATUS_OK);
    assert_int_equal(canary_add(contacts[0], "brand"), STATUS_OK);
    assert_int_equal(canary_add(contacts[1], "brand"), STATUS_OK);
    assert_int_equal(canary_add(contacts[2], "other"), STATUS_OK);
    assert_int_equal(caller_values(&privacy, OP_ERASE, (const char *[]){tokens[0]}, 1, NULL, "why"),
                     STATUS_OK);
    assert_int_equal(caller_name(&admin, OP_NAMESPACE_SHRED, "other"), STATUS_OK);
    restart();
    assert_int_equal(canary_list(), 3);
    assert_true(is_gone(0));
    assert_false(is_gone(1));
    assert_true(is_gone(2));
    assert_memory_equal(caller_item_text(&admin, 1, FIELD_TOKEN).data, tokens[1], TOKEN_TEXT_BYTES);
    assert_memory_equal(caller_item_text(&admin, 1, FIELD_NAMESPACE).data, "brand", 5);
    /* Of a contact that is gone there is no trap, and the next one of that number is no canary. */
    assert_int_equal(caller_hello(&maria), STATUS_OK);
    assert_int_equal(caller_values(&service, OP_TOKENIZE, contacts, 1, NULL, NULL), STATUS_OK);
    assert_memory_not_equal(caller_item_text(&service, 0, FIELD_TOKEN).data, tokens[0],
                            TOKEN_TEXT_BYTES);
    assert_int_equal(reveal(&maria, 0, 1), STATUS_OK);
    memcpy(tokens[0], caller_item_text(&service, 0, FIELD_TOKEN).data, TOKEN_TEXT_BYTES);
    assert_int_equal(reveal(&maria, 0, 1), STATUS_OK);
    assert_int_equal(caller_item_status(&maria, 0), STATUS_OK);
    assert_int_equal(told_count, 0);
}

static void
test_one_that_was_removed_is_none_and_its_row_is_used_again(void **state)
{
    uint64_t number = 0;

    (void)state;
    assert_int_equal(canary_add(contacts[0], NULL), STATUS_OK);
    assert_int_equal(canary_add(contacts[1], NULL), STATUS_OK);
    assert_int_equal(canary_remove(tokens[0]), STATUS_OK);
    assert_int_equal(canary_remove(tokens[0]), STATUS_NOT_FOUND);
    assert_int_equal(canary_remove(tokens[2]), STATUS_NOT_FOUND);
    assert_int_equal(canary_list(), 1);
    restart();
    assert_int_equal(caller_hello(&maria), STATUS_OK);
    assert_int_equal(reveal(&maria, 0, 1), STATUS_OK);
    assert_int_equal(canary_add(contacts[2], NULL), STATUS_OK);
    assert_true(message_uint(admin.reply, FIELD_NUMBER, &number));
    assert_int_equal(number, 1);
    assert_int_equal(canary_list(), 2);
    assert_int_equal(reveal(&maria, 2, 1), STATUS_DENIED);
    assert_told(0, NOTICE_CANARY, "maria", "brand", 1);
}

/* By adding, an admin can ask whether a contact is there: so he can do it so often, and no more. */
static void
test_an_admin_adds_so_many_a_day_through_a_restart(void **state)
{
    char text[32];

    (void)state;
    for (unsigned i = 0; i < CANARIES_A_DAY; i++) {
        (void)snprintf(text, sizeof text, "c%u@example.com", i);
        if (i == CANARIES_A_DAY / 2) {
            restart();
        }
        assert_int_equal(canary_add("nothing", NULL), STATUS_INVALID); /* costs nothing */
        assert_int_equal(canary_add(text, NULL), STATUS_OK);
    }
    assert_int_equal(canary_add("more@example.com", NULL), STATUS_QUOTA);
    restart();
    assert_int_equal(canary_add("more@example.com", NULL), STATUS_QUOTA);
    assert_int_equal(canary_list(), CANARIES_A_DAY);
}

/* This program again, which dies when the canary is there and the log does not have the outcome. */
static int
add_and_crash(const char *folder)
{
    char path[FIXTURE_PATH_BYTES];

    fixture.backend = &store_lmdb_backend;
    (void)snprintf(fixture.folder, sizeof fixture.folder, "%s", folder);
    fixture_path(&fixture, "key", path);
    if (unseal_keyfile_read(path, &fixture.root) != STATUS_OK ||
        fixture_open(&fixture) != STATUS_OK) {
        return 1;
    }
    caller_make(&admin, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    return caller_hello(&admin) == STATUS_OK && canary_add("c@example.com", NULL) == STATUS_OK ? 2
                                                                                               : 3;
}

static int
run_crash(void)
{
    int ended = 0;
    pid_t child = fork();

    if (child == 0) {
        (void)setenv("CONTACT_VAULT_FAILPOINTS", "change_in_force", 1);
        (void)execl("/proc/self/exe", "test_misuse", fixture.folder, (char *)NULL);
        _exit(4);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFEXITED(ended));
    return WEXITSTATUS(ended);
}

/* The outcome that the next unseal writes has no name in it: it is spent by the intent. */
static void
test_a_crash_while_one_is_added(void **state)
{
    (void)state;
#ifdef CONTACT_VAULT_FAILPOINTS
    fixture_close(&fixture);
    assert_int_equal(run_crash(), FAILPOINT_CRASHED);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    say_hello();
    assert_int_equal(canary_list(), 1);
    for (unsigned i = 1; i < CANARIES_A_DAY; i++) {
        char text[32];

        (void)snprintf(text, sizeof text, "c%u@example.com", i);
        assert_int_equal(canary_add(text, NULL), STATUS_OK);
    }
    assert_int_equal(canary_add("more@example.com", NULL), STATUS_QUOTA);
#else
    (void)run_crash;
    skip();
#endif
}

/* ---- other alarms ---- */

static void
test_lookups_that_find_nothing_are_told_once(void **state)
{
    const char *absent[6] = {"a@example.org", "b@example.org", "c@example.org",
                             "d@example.org", contacts[0],     "nothing"};

    (void)state;
    assert_int_equal(caller_values(&service, OP_LOOKUP, absent, 6, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_values(&service, OP_LOOKUP, absent, 4, NULL, NULL), STATUS_OK);
    /* Another principal's are his own. */
    assert_int_equal(caller_values(&privacy, OP_LOOKUP, absent, 4, NULL, NULL), STATUS_OK);
    assert_int_equal(told_count, 0);
    assert_int_equal(caller_values(&service, OP_LOOKUP, absent, 2, NULL, NULL), STATUS_OK);
    assert_int_equal(told_count, 1);
    assert_told(0, NOTICE_LOOKUP_MISSES, "service", "brand", 10);
    assert_int_equal(caller_values(&service, OP_LOOKUP, absent, 4, NULL, NULL), STATUS_OK);
    assert_int_equal(told_count, 1);
    /* To erase by value is to look up. */
    assert_int_equal(caller_values(&privacy, OP_ERASE, absent, 4, "brand", "why"), STATUS_OK);
    assert_int_equal(told_count, 1);
    assert_int_equal(caller_values(&privacy, OP_ERASE, absent, 2, "brand", "why"), STATUS_OK);
    assert_int_equal(told_count, 2);
    assert_told(1, NOTICE_LOOKUP_MISSES, "privacy", "brand", 10);
    /* What is made when it is not there was no miss. */
    restart();
    assert_int_equal(caller_values(&service, OP_TOKENIZE, absent, 4, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_values(&service, OP_LOOKUP, absent, 4, NULL, NULL), STATUS_OK);
    assert_int_equal(told_count, 2);
}

/* Fewer than sixteen are answered where they arrive, more on a worker: both count. */
static void
test_a_large_batch_of_misses_counts_as_well(void **state)
{
    static char texts[40][32];
    const char *values[40];

    (void)state;
    for (size_t i = 0; i < 40; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "n%zu@example.org", i);
        values[i] = texts[i];
    }
    assert_int_equal(caller_values(&service, OP_LOOKUP, values, 40, NULL, NULL), STATUS_OK);
    assert_int_equal(told_count, 1);
    assert_told(0, NOTICE_LOOKUP_MISSES, "service", "brand", 40);
}

static void
test_a_share_of_the_budget_is_told(void **state)
{
    const struct caller_terms terms = {.daily = 5};

    (void)state;
    assert_int_equal(caller_grant_on_terms(&admin, "maria", ROLE_REVEAL, "brand", &terms),
                     STATUS_OK);
    assert_int_equal(reveal(&maria, 0, 3), STATUS_OK);
    assert_int_equal(told_count, 0);
    assert_int_equal(reveal(&maria, 0, 1), STATUS_OK);
    assert_int_equal(told_count, 1);
    assert_told(0, NOTICE_BUDGET, "maria", "", 80);
}

static void
test_whether_alarms_arrive_can_be_tried(void **state)
{
    (void)state;
    caller_begin(&admin, OP_NOTIFY_TEST, 0);
    assert_int_equal(caller_send(&admin), STATUS_OK);
    assert_int_equal(told_count, 1);
    assert_told(0, NOTICE_TEST, "admin", "", 0);
    fixture.tell = NULL;
    restart();
    caller_begin(&admin, OP_NOTIFY_TEST, 0);
    assert_int_equal(caller_send(&admin), STATUS_NOT_FOUND);
    /* Without anybody to tell, a canary does what it does. */
    assert_int_equal(caller_hello(&maria), STATUS_OK);
    assert_int_equal(canary_add(contacts[0], NULL), STATUS_OK);
    assert_int_equal(reveal(&maria, 0, 1), STATUS_DENIED);
    assert_message(&maria, disabled_fault);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make, drop)

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_who_opens_a_canary_is_disabled_before_the_answer),
        TEST(test_with_her_end_her_sessions),
        TEST(test_of_a_batch_with_a_canary_nothing_is_opened),
        TEST(test_whoever_was_refused_too_often_is_disabled_all_the_same),
        TEST(test_only_opening_counts),
        TEST(test_a_sender_goes_on_and_the_operators_are_told),
        TEST(test_a_canary_is_like_any_other),
        TEST(test_the_log_does_not_say_which_it_is),
        TEST(test_whether_it_was_there_is_not_told),
        TEST(test_the_list_says_what_became_of_them),
        TEST(test_one_that_was_removed_is_none_and_its_row_is_used_again),
        TEST(test_an_admin_adds_so_many_a_day_through_a_restart),
        TEST(test_a_crash_while_one_is_added),
        TEST(test_lookups_that_find_nothing_are_told_once),
        TEST(test_a_large_batch_of_misses_counts_as_well),
        TEST(test_a_share_of_the_budget_is_told),
        TEST(test_whether_alarms_arrive_can_be_tried),
    };

    if (argc > 1) {
        _exit(add_and_crash(argv[1])); /* what is left of the vault is the parent's to remove */
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S18 "never more than the budget", as a caller meets it: what is paid, what is
 * free, when he may come back, and what the log holds of it; S51: what a person is told instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "stage.h"

enum { BUCKET_S = 300 }; /* of the window of a day */

/* `count` times the same value in one batch. */
static enum status
ask_many(struct caller *caller, enum operation operation, const char *value, size_t count)
{
    const char *values[16];

    assert_in_range(count, 1, sizeof values / sizeof values[0]);
    for (size_t i = 0; i < count; i++) {
        values[i] = value;
    }
    return caller_values(caller, operation, values, count, NULL,
                         operation == OP_DETOKENIZE ? "ticket 8" : NULL);
}

/* Where a refusal stands: of a person's reveals in the item, else in the reply. */
static const struct message *
refusal_of(const struct caller *caller)
{
    const struct message_list *items = NULL;

    return message_list(caller->reply, FIELD_ITEMS, &items) ? message_list_message(items, 0)
                                                            : caller->reply;
}

static uint64_t
retry_after_s(const struct caller *caller)
{
    uint64_t seconds = 0;

    (void)!message_uint(refusal_of(caller), FIELD_RETRY_AFTER_S, &seconds);
    return seconds;
}

/* ---- budgets ---- */

/* Blocks that were drawn, all together; nothing else came into the log. */
static uint64_t
blocks_of(enum audit_act act)
{
    size_t count = stage_read_log();
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(stage.entries[i].act, act);
        assert_int_equal(stage.entries[i].result, STATUS_OK);
        sum += stage.entries[i].amount;
    }
    return sum;
}

static uint64_t
blocks(void)
{
    return blocks_of(AUDIT_ACT_BUDGET);
}

static void
refuse_over_budget(struct caller *caller, enum operation operation, const char *value,
                   const char *where, const char *name)
{
    log_reader_skip(&stage.cast.log);
    assert_int_equal(stage_ask(caller, operation, value, where), STATUS_QUOTA);
    stage_expect_refusal(operation, STATUS_QUOTA, name);
}

/* The words of the caller's last refusal. */
static void
expect_words(const struct caller *caller, const char *words)
{
    struct bytes message;

    assert_true(message_bytes(refusal_of(caller), FIELD_MESSAGE, &message));
    assert_int_equal(message.size, strlen(words));
    assert_memory_equal(message.data, words, message.size);
}

/* Again QUOTA a second before the time told, and not at that time. */
static void
wait_as_told(struct caller *caller, enum operation operation, const char *value)
{
    uint64_t wait_s = retry_after_s(caller);

    assert_true(wait_s > 1);
    stage_pass_s(wait_s - 1);
    assert_int_equal(stage_ask(caller, operation, value, NULL), STATUS_QUOTA);
    stage_pass_s(1);
    assert_int_equal(stage_ask(caller, operation, value, NULL), STATUS_OK);
}

static void
test_s18_tokenize_and_lookup_spend_one_budget(void **state)
{
    struct caller spender;

    (void)state;
    stage_add_namespaces();
    stage_add("spender", PRINCIPAL_SERVICE, 3003);
    stage_grant("spender", ROLE_SERVICE, "brand", (struct caller_terms){.daily = 5});
    stage_connect(&spender, 3003);
    log_reader_skip(&stage.cast.log);
    /* New ones, which are handed to a worker: paid for once. */
    assert_int_equal(stage_ask(&spender, OP_TOKENIZE, "n1@example.com", NULL), STATUS_OK);
    assert_int_equal(stage_ask(&spender, OP_TOKENIZE, "n2@example.com", NULL), STATUS_OK);
    assert_int_equal(ask_many(&spender, OP_LOOKUP, "n1@example.com", 2), STATUS_OK);
    assert_int_equal(blocks(), 4);
    /* A batch is done as a whole or not at all. */
    assert_int_equal(ask_many(&spender, OP_LOOKUP, "n1@example.com", 2), STATUS_QUOTA);
    expect_words(&spender, "the budget of tokenize and lookup is used up: of 5 in 24 hours 1 are "
                           "left, and 2 are asked for");
    stage_expect_refusal(OP_LOOKUP, STATUS_QUOTA, "spender");
    assert_string_equal(stage.entries[0].namespace_name, "brand");
    assert_int_equal(stage_ask(&spender, OP_LOOKUP, "nobody@example.com", NULL), STATUS_NOT_FOUND);
    assert_int_equal(blocks(), 1);
    refuse_over_budget(&spender, OP_TOKENIZE, "n3@example.com", NULL, "spender");
    /* Nothing was made of it. */
    assert_int_equal(stage_ask(&stage.cast.maker, OP_LOOKUP, "n3@example.com", "brand"),
                     STATUS_NOT_FOUND);
    refuse_over_budget(&spender, OP_LOOKUP, "n1@example.com", NULL, "spender");
    /* Masks are free. */
    assert_int_equal(stage_ask(&spender, OP_MASK, stage.cast.kept, NULL), STATUS_OK);
    assert_int_equal(stage_ask(&spender, OP_DESCRIBE, stage.cast.kept, NULL), STATUS_OK);
    /* And another namespace has a budget of its own. */
    stage_grant("spender", ROLE_SERVICE, "half", (struct caller_terms){.daily = 1});
    assert_int_equal(stage_ask(&spender, OP_TOKENIZE, "n1@example.com", "half"), STATUS_OK);
    assert_int_equal(stage_ask(&spender, OP_TOKENIZE, "n1@example.com", "half"), STATUS_QUOTA);
    stage_revoke("spender", ROLE_SERVICE, "half");
    assert_int_equal(stage_ask(&spender, OP_LOOKUP, "n1@example.com", NULL), STATUS_QUOTA);
    assert_in_range(retry_after_s(&spender), DAY_S - BUCKET_S, DAY_S + BUCKET_S);
    wait_as_told(&spender, OP_LOOKUP, "n1@example.com");
    caller_remove(&spender);
}

static void
test_s18_a_block_is_on_record_before_it_is_used(void **state)
{
    struct caller spender;

    (void)state;
    stage_add("spender", PRINCIPAL_SERVICE, 3003);
    stage_grant("spender", ROLE_SERVICE, "brand", (struct caller_terms){.daily = 5000});
    stage_connect(&spender, 3003);
    for (int round = 0; round < 3; round++) {
        log_reader_skip(&stage.cast.log);
        assert_int_equal(stage_ask(&spender, OP_TOKENIZE, "n1@example.com", NULL), STATUS_OK);
        assert_int_equal(blocks(), 5);
        assert_string_equal(stage.entries[0].principal, "spender");
        assert_string_equal(stage.entries[0].namespace_name, "brand");
        for (int i = 1; i < 5; i++) {
            assert_int_equal(stage_ask(&spender, OP_LOOKUP, "n1@example.com", NULL), STATUS_OK);
            assert_int_equal(blocks(), 0);
        }
    }
    caller_remove(&spender);
}

/* To wait would not help: nothing tells when. */
static void
test_s18_more_at_once_than_the_whole_budget(void **state)
{
    struct caller spender;

    (void)state;
    stage_add("spender", PRINCIPAL_SERVICE, 3003);
    stage_grant("spender", ROLE_SERVICE, "brand", (struct caller_terms){.daily = 5});
    stage_connect(&spender, 3003);
    log_reader_skip(&stage.cast.log);
    assert_int_equal(ask_many(&spender, OP_LOOKUP, "n1@example.com", 6), STATUS_QUOTA);
    assert_int_equal(retry_after_s(&spender), 0);
    stage_expect_refusal(OP_LOOKUP, STATUS_QUOTA, "spender");
    assert_int_equal(ask_many(&spender, OP_LOOKUP, "n1@example.com", 5), STATUS_OK);
    caller_remove(&spender);
}

static int
set_up_few_lookups(void **state)
{
    const struct access_budgets few = {
        .service = {100, 0}, .lookup = {4, 0}, .reveal = {100, 0}, .deliver = {100, 0}};

    (void)state;
    cast_make(&stage.cast, 0, &few);
    return 0;
}

static void
test_s18_an_erase_by_value_is_a_lookup_and_by_token_is_free(void **state)
{
    struct caller *dpo = stage_member(PRIVACY);
    char token[TOKEN_TEXT_BYTES + 1];

    (void)state;
    stage_token_in("brand", "e1@example.com", token);
    assert_int_equal(stage_ask(dpo, OP_LOOKUP, "e1@example.com", NULL), STATUS_OK); /* the second */
    assert_int_equal(stage_ask(dpo, OP_ERASE, "e1@example.com", NULL), STATUS_OK);
    assert_int_equal(stage_ask(dpo, OP_ERASE, "e1@example.com", NULL), STATUS_NOT_FOUND);
    stage_token_in("brand", "e2@example.com", token);
    refuse_over_budget(dpo, OP_ERASE, "e2@example.com", NULL, "dpo");
    assert_true(retry_after_s(dpo) > 0);
    assert_int_equal(stage_ask(dpo, OP_MASK, token, NULL), STATUS_OK);
    assert_int_equal(stage_ask(dpo, OP_ERASE, token, NULL), STATUS_OK);
    assert_int_equal(stage_ask(dpo, OP_MASK, token, NULL), STATUS_NOT_FOUND);
    assert_int_equal(stage_ask(dpo, OP_LOOKUP, "e2@example.com", NULL), STATUS_QUOTA);
}

/* Three a day, and no more than two in an hour: people and deliveries alike. */
static void
test_s18_reveals_by_the_day_and_by_the_hour(void **state)
{
    const struct {
        enum who who;
        enum role role;
    } revealers[] = {{REVEAL, ROLE_REVEAL}, {DELIVER, ROLE_DELIVER}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct caller *caller = stage_member(revealers[i].who);
        const char *name = cast_name(revealers[i].who);

        stage_pass_s(DAY_S + BUCKET_S); /* what cast_make revealed is gone */
        dispatch_tick(stage.cast.fixture.dispatch);
        stage_grant(name, revealers[i].role, "brand",
                    (struct caller_terms){.daily = 3, .hourly = 2});
        assert_int_equal(stage_ask(caller, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_OK);
        /* What is no reveal costs nothing. */
        assert_int_equal(stage_ask(caller, OP_MASK, stage.cast.kept, NULL),
                         revealers[i].who == REVEAL ? STATUS_OK : STATUS_DENIED);
        assert_int_equal(stage_ask(caller, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_OK);
        refuse_over_budget(caller, OP_DETOKENIZE, stage.cast.kept, NULL, name);
        expect_words(caller, "the budget of reveals is used up: of 2 an hour 0 are left, and 1 are "
                             "asked for");
        assert_in_range(retry_after_s(caller), HOUR_S - BUCKET_S, HOUR_S + BUCKET_S);
        assert_false(cast_told_contact(&stage.cast, ON_DATA, revealers[i].who));
        wait_as_told(caller, OP_DETOKENIZE, stage.cast.kept);
        refuse_over_budget(caller, OP_DETOKENIZE, stage.cast.kept, NULL, name);
        expect_words(caller, "the budget of reveals is used up: of 3 in 24 hours 0 are left, and 1 "
                             "are asked for");
        assert_in_range(retry_after_s(caller), DAY_S - HOUR_S - 2 * BUCKET_S, DAY_S);
        wait_as_told(caller, OP_DETOKENIZE, stage.cast.kept);
    }
}

static void
test_s18_only_what_is_revealed_is_paid(void **state)
{
    struct caller *lead = stage_member(REVEAL);
    const char *values[] = {stage.cast.kept, "phn_000000000000000000000000000", "rubbish"};

    (void)state;
    stage_grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.daily = 3});
    assert_int_equal(caller_values(lead, OP_DETOKENIZE, values, 3, NULL, "one of three"),
                     STATUS_OK);
    assert_int_equal(caller_values(lead, OP_DETOKENIZE, values, 3, NULL, "one of three"),
                     STATUS_OK);
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_OK);
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_QUOTA);
}

/* A sender's messages go out as a whole, or wait as a whole. */
static void
test_s18_a_batch_of_deliveries_is_paid_as_a_whole(void **state)
{
    struct caller *deliver = stage_member(DELIVER);

    (void)state;
    stage_grant(cast_name(DELIVER), ROLE_DELIVER, "brand", (struct caller_terms){.daily = 3});
    stage_pass_s(DAY_S + BUCKET_S); /* what cast_make revealed is gone */
    assert_int_equal(ask_many(deliver, OP_DETOKENIZE, stage.cast.kept, 2), STATUS_OK);
    log_reader_skip(&stage.cast.log);
    assert_int_equal(ask_many(deliver, OP_DETOKENIZE, stage.cast.kept, 2), STATUS_QUOTA);
    stage_expect_refusal(OP_DETOKENIZE, STATUS_QUOTA, cast_name(DELIVER));
    assert_false(cast_told_contact(&stage.cast, ON_DATA, DELIVER));
    assert_int_equal(stage_ask(deliver, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_OK);
}

static uint64_t
item_uint(const struct caller *caller, size_t i, enum field field)
{
    const struct message_list *items = NULL;
    uint64_t value = 0;

    assert_true(message_list(caller->reply, FIELD_ITEMS, &items));
    (void)!message_uint(message_list_message(items, i), field, &value);
    return value;
}

/* Not now: her mask of it, as OP_MASK tells it, and when. */
static void
expect_held(const struct caller *caller, size_t i, const char *token, const char *mask)
{
    struct bytes text = caller_item_text(caller, i, FIELD_MASK);

    assert_int_equal(caller_item_status(caller, i), STATUS_QUOTA);
    assert_int_equal(text.size, strlen(mask));
    assert_memory_equal(text.data, mask, text.size);
    text = caller_item_text(caller, i, FIELD_TOKEN);
    assert_int_equal(text.size, TOKEN_TEXT_BYTES);
    assert_memory_equal(text.data, token, text.size);
    assert_int_equal(caller_item_text(caller, i, FIELD_VALUE).size, 0);
    assert_true(caller_item_text(caller, i, FIELD_MESSAGE).size > 0);
}

/* How many entries since the last look are reveals that were granted. */
static size_t
granted_entries(size_t count)
{
    size_t granted = 0;

    for (size_t i = 0; i < count; i++) {
        granted += stage.entries[i].act == OP_DETOKENIZE && stage.entries[i].result == STATUS_OK;
    }
    return granted;
}

/* Of a person's batch the first that fit are revealed, and each other one is a mask and a time. A
 * bad item among them stays what it is, and on record stands what was opened. */
static void
test_s51_a_person_over_budget_sees_masks_and_when(void **state)
{
    struct caller *lead = stage_member(REVEAL);
    char a[TOKEN_TEXT_BYTES + 1];
    char b[TOKEN_TEXT_BYTES + 1];
    char mask_b[MESSAGE_BYTES_MAX + 1];
    const char *values[] = {a, "rubbish", stage.cast.kept, b, a, b};
    size_t entries;

    (void)state;
    stage_token_in("brand", "anna@example.com", a);
    stage_token_in("brand", "bert@example.com", b);
    assert_int_equal(stage_ask(lead, OP_MASK, b, NULL), STATUS_OK);
    (void)snprintf(mask_b, sizeof mask_b, "%.*s", (int)caller_item_text(lead, 0, FIELD_MASK).size,
                   caller_item_text(lead, 0, FIELD_MASK).data);
    stage_grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.daily = 3, .hourly = 2});
    log_reader_skip(&stage.cast.log);
    assert_int_equal(caller_values(lead, OP_DETOKENIZE, values, 6, NULL, "ticket 9"), STATUS_OK);
    assert_int_equal(caller_item_status(lead, 0), STATUS_OK);
    assert_int_equal(caller_item_status(lead, 1), STATUS_INVALID);
    assert_int_equal(caller_item_status(lead, 2), STATUS_OK);
    expect_held(lead, 3, b, mask_b);
    expect_held(lead, 5, b, mask_b);
    /* The first of those held fits when the hour is over, what is more than an hour's with it; the
     * second is the day's. */
    assert_in_range(item_uint(lead, 3, FIELD_RETRY_AFTER_S), HOUR_S - BUCKET_S, HOUR_S + BUCKET_S);
    assert_in_range(item_uint(lead, 4, FIELD_RETRY_AFTER_S), DAY_S - BUCKET_S, DAY_S + BUCKET_S);
    entries = stage_read_log();
    assert_int_equal(entries, 3);
    assert_int_equal(granted_entries(entries), 2);
    assert_int_equal(stage.entries[0].result, STATUS_QUOTA);
    /* Nothing is left over, and the answer alone is masks. */
    assert_int_equal(caller_values(lead, OP_DETOKENIZE, values + 3, 1, NULL, "again"), STATUS_OK);
    expect_held(lead, 0, b, mask_b);
    assert_int_equal(granted_entries(stage_read_log()), 0);
    wait_as_told(lead, OP_DETOKENIZE, b);
}

/* Masks are no way around the bound on refusals. */
static void
test_s51_a_flood_over_the_budget_is_refused_whole(void **state)
{
    struct caller *lead = stage_member(REVEAL);
    enum status status = STATUS_OK;
    unsigned asked = 0;

    (void)state;
    stage_grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.daily = 1});
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_OK);
    while (status == STATUS_OK && asked++ < 2 * BATCH_ITEMS_MAX) {
        status =
            caller_values(lead, OP_DETOKENIZE, (const char *[]){stage.cast.kept}, 1, NULL, "flood");
    }
    assert_int_equal(status, STATUS_QUOTA);
    assert_in_range(asked, BATCH_ITEMS_MAX / 2, BATCH_ITEMS_MAX + 2);
}

/* A person has one budget of reveals, and each namespace its own figure for it. */
static void
test_s18_the_tightest_of_several_namespaces_counts(void **state)
{
    struct caller *lead = stage_member(REVEAL);
    char half[TOKEN_TEXT_BYTES + 1];
    const char *both[] = {stage.cast.kept, half};

    (void)state;
    stage_add_namespaces();
    stage_token_in("half", "a@example.com", half);
    stage_grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.daily = 4});
    stage_grant("lead", ROLE_REVEAL, "half", (struct caller_terms){.daily = 2});
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_OK);
    assert_int_equal(caller_values(lead, OP_DETOKENIZE, both, 2, NULL, "two"), STATUS_OK);
    assert_int_equal(caller_item_status(lead, 0), STATUS_OK);
    assert_int_equal(caller_item_status(lead, 1), STATUS_QUOTA);
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, half, NULL), STATUS_QUOTA);
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_OK);
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_OK);
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_QUOTA);
}

static void
test_s18_nothing_but_time_gives_a_budget_back(void **state)
{
    struct caller *lead = stage_member(REVEAL);

    (void)state;
    stage_grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.daily = 1});
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_OK);
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_QUOTA);
    stage_revoke("lead", ROLE_REVEAL, "brand");
    stage_grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.daily = 1});
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_QUOTA);
    assert_int_equal(caller_name(&stage.cast.hand, OP_PRINCIPAL_DISABLE, "lead"), STATUS_OK);
    assert_int_equal(caller_name(&stage.cast.hand, OP_PRINCIPAL_ENABLE, "lead"), STATUS_OK);
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_QUOTA);
    assert_int_equal(dispatch_seal(stage.cast.fixture.dispatch), STATUS_OK);
    assert_int_equal(dispatch_unseal(stage.cast.fixture.dispatch, stage.cast.fixture.root,
                                     stage.cast.fixture.fault),
                     STATUS_OK);
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_QUOTA);
    fixture_close(&stage.cast.fixture);
    assert_int_equal(fixture_open(&stage.cast.fixture), STATUS_OK);
    assert_int_equal(caller_hello(lead), STATUS_OK);
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_QUOTA);
    wait_as_told(lead, OP_DETOKENIZE, stage.cast.kept);
}

/* `count` times, and then no more. */
static void
expect_room(struct caller *caller, enum operation operation, const char *value, const char *where,
            unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(stage_ask(caller, operation, value, where), STATUS_OK);
    }
    assert_int_equal(stage_ask(caller, operation, value, where), STATUS_QUOTA);
}

/* An import's grant: beside the standing one, with a budget of its own that is spent first. */
static void
test_s18_a_grant_that_ends_brings_its_own_lookups(void **state)
{
    struct caller *service = stage_member(SERVICE);
    const struct caller_terms import = {.daily = 5, .lasts_s = HOUR_S};

    (void)state;
    stage_add_namespaces();
    stage_grant("inbox", ROLE_SERVICE, "half", (struct caller_terms){.daily = 2});
    expect_room(service, OP_TOKENIZE, "a@example.com", "half", 2);
    stage_grant("inbox", ROLE_SERVICE, "half", import);
    log_reader_skip(&stage.cast.log);
    assert_int_equal(stage_ask(service, OP_LOOKUP, "a@example.com", "half"), STATUS_OK);
    assert_int_equal(blocks_of(AUDIT_ACT_BUDGET_EXTRA), 1);
    expect_room(service, OP_TOKENIZE, "a@example.com", "half", 4);
    stage_pass_s(HOUR_S);
    assert_int_equal(stage_ask(service, OP_TOKENIZE, "a@example.com", "half"), STATUS_QUOTA);
    /* A day later the standing two are there, and no more. */
    stage_pass_s(DAY_S + BUCKET_S);
    expect_room(service, OP_TOKENIZE, "a@example.com", "half", 2);
    /* Once more, and this time the import first: the standing two are left when it has ended. */
    stage_pass_s(DAY_S + BUCKET_S);
    dispatch_tick(stage.cast.fixture.dispatch);
    stage_grant("inbox", ROLE_SERVICE, "half", import);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(stage_ask(service, OP_LOOKUP, "a@example.com", "half"), STATUS_OK);
    }
    stage_pass_s(HOUR_S);
    expect_room(service, OP_TOKENIZE, "a@example.com", "half", 2);
}

/* Of reveals there is one budget, and the larger figure counts while it lasts. */
static void
test_s18_a_grant_that_ends_raises_the_figure_of_reveals(void **state)
{
    struct caller *lead = stage_member(REVEAL);

    (void)state;
    stage_grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.daily = 2});
    expect_room(lead, OP_DETOKENIZE, stage.cast.kept, NULL, 2);
    stage_grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.daily = 5, .lasts_s = HOUR_S});
    expect_room(lead, OP_DETOKENIZE, stage.cast.kept, NULL, 3);
    stage_pass_s(HOUR_S);
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_QUOTA);
    stage_pass_s(DAY_S + BUCKET_S);
    expect_room(lead, OP_DETOKENIZE, stage.cast.kept, NULL, 2);
}
int
main(void)
{
#define IN(world, test) cmocka_unit_test_setup_teardown(test, world, stage_tear_down)
    const struct CMUnitTest tests[] = {
        IN(stage_set_up, test_s18_tokenize_and_lookup_spend_one_budget),
        IN(stage_set_up, test_s18_a_block_is_on_record_before_it_is_used),
        IN(stage_set_up, test_s18_more_at_once_than_the_whole_budget),
        IN(set_up_few_lookups, test_s18_an_erase_by_value_is_a_lookup_and_by_token_is_free),
        IN(stage_set_up, test_s18_reveals_by_the_day_and_by_the_hour),
        IN(stage_set_up, test_s18_only_what_is_revealed_is_paid),
        IN(stage_set_up, test_s18_a_batch_of_deliveries_is_paid_as_a_whole),
        IN(stage_set_up, test_s51_a_person_over_budget_sees_masks_and_when),
        IN(stage_set_up, test_s51_a_flood_over_the_budget_is_refused_whole),
        IN(stage_set_up, test_s18_the_tightest_of_several_namespaces_counts),
        IN(stage_set_up, test_s18_nothing_but_time_gives_a_budget_back),
        IN(stage_set_up, test_s18_a_grant_that_ends_brings_its_own_lookups),
        IN(stage_set_up, test_s18_a_grant_that_ends_raises_the_figure_of_reveals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

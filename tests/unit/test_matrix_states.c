/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S2 "a foreign token is one that does not exist", S3 "no admin operation returns
 * a contact" and "admin excludes revealing", S18 "never more than the budget", S21 "a grant that
 * has ended", where an answer hangs on more than the role: whose token, which namespace, which of
 * several grants, how much was spent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>

#include "cast.h"
#include "hello.h"
#include "still_clock.h"

enum { SECOND_MS = 1000, HOUR_S = 3600, DAY_S = 24 * HOUR_S, BUCKET_S = 300, MOST_ENTRIES = 256 };

static struct cast cast;
static struct log_entry entries[MOST_ENTRIES];

/* ---- what the tests are made of ---- */

static int
set_up(void **state)
{
    (void)state;
    cast_make(&cast, 0, NULL);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    cast_remove(&cast);
    return 0;
}

static struct caller *
member(enum who who)
{
    return &cast.callers[ON_DATA][who];
}

static void
pass_s(uint64_t seconds)
{
    still_clock_pass_ms(seconds * SECOND_MS);
}

static void
connect_as(struct caller *caller, uint32_t uid)
{
    caller_make(caller, &cast.fixture, PEER_DATA, uid);
    assert_int_equal(caller_hello(caller), STATUS_OK);
}

static void
add(const char *name, enum principal_kind kind, uint32_t uid)
{
    assert_int_equal(caller_principal_add(&cast.hand, name, kind, uid), STATUS_OK);
}

static void
grant(const char *name, enum role role, const char *where, struct caller_terms terms)
{
    assert_int_equal(caller_grant_on_terms(&cast.hand, name, role, where, &terms), STATUS_OK);
}

static void
revoke(const char *name, enum role role, const char *where)
{
    assert_int_equal(caller_grant(&cast.hand, OP_REVOKE, name, role, where), STATUS_OK);
}

/* One value: the reply's status, or else the item's. */
static enum status
ask(struct caller *caller, enum operation operation, const char *value, const char *where)
{
    bool wants_reason = operation == OP_DETOKENIZE || operation == OP_ERASE;
    enum status status =
        caller_values(caller, operation, &value, 1, where, wants_reason ? "ticket 7" : NULL);

    return status == STATUS_OK ? caller_item_status(caller, 0) : status;
}

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

static uint64_t
retry_after_s(const struct caller *caller)
{
    uint64_t seconds = 0;

    (void)!message_uint(caller->reply, FIELD_RETRY_AFTER_S, &seconds);
    return seconds;
}

static void
message_of(const struct caller *caller, char ret_text[static MESSAGE_BYTES_MAX + 1])
{
    struct bytes text = {0};

    assert_true(message_bytes(caller->reply, FIELD_MESSAGE, &text));
    (void)snprintf(ret_text, MESSAGE_BYTES_MAX + 1, "%.*s", (int)text.size, text.data);
}

static size_t
read_log(void)
{
    return log_reader_since(&cast.log, entries, MOST_ENTRIES);
}

/* The one entry since the last look. */
static void
expect_refusal(enum operation operation, enum status status, const char *name)
{
    assert_int_equal(read_log(), 1);
    assert_int_equal(entries[0].act, operation);
    assert_int_equal(entries[0].phase, AUDIT_DONE);
    assert_int_equal(entries[0].result, status);
    assert_string_equal(entries[0].principal, name);
}

static void
token_in(const char *where, const char *value, char ret_token[static TOKEN_TEXT_BYTES + 1])
{
    assert_int_equal(ask(&cast.maker, OP_TOKENIZE, value, where), STATUS_OK);
    memcpy(ret_token, caller_item_text(&cast.maker, 0, FIELD_TOKEN).data, TOKEN_TEXT_BYTES);
    ret_token[TOKEN_TEXT_BYTES] = '\0';
}

/* Two more namespaces, in which the maker makes tokens. */
static void
add_namespaces(void)
{
    static const char *const names[] = {"half", "rival"};

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(caller_namespace_create(&cast.hand, names[i]), STATUS_OK);
        grant("maker", ROLE_SERVICE, names[i], (struct caller_terms){0});
    }
}

/* ---- whose token ---- */

enum whose { BRAND, HALF, RIVAL, ABSENT, MALFORMED, ERASED, WHOSE_COUNT };

/* In brand they hold the one role, in half the other, in rival none. */
enum { MIXED_SERVICE = WHO_COUNT, MIXED_PERSON, ASKERS };

/* clang-format off */
static const struct {
    enum operation operation;
    int asker;
    const char *answers; /* a letter for each of enum whose: O ok, D denied, M missing, I invalid */
} token_rows[] = {
    /*                              in brand, where he has his role
     *                              | in half, where a mixed one has another
     *                              | | in rival: nobody's
     *                              | | | never there
     *                              | | | | malformed
     *                              | | | | | erased */
    {OP_MASK,       SERVICE,       "O M M M I M"},
    {OP_MASK,       REVEAL,        "O M M M I M"},
    {OP_MASK,       PRIVACY,       "O M M M I M"},
    {OP_MASK,       MIXED_SERVICE, "O D M M I M"}, /* deliver there */
    {OP_MASK,       MIXED_PERSON,  "O O M M I M"}, /* reveal there */
    {OP_DESCRIBE,   SERVICE,       "O M M M I M"},
    {OP_DESCRIBE,   REVEAL,        "O M M M I M"},
    {OP_DESCRIBE,   PRIVACY,       "O M M M I M"},
    {OP_DESCRIBE,   ADMIN,         "O O O M I M"}, /* vault-wide */
    {OP_DESCRIBE,   AUDIT,         "O O O M I M"},
    {OP_DESCRIBE,   MIXED_SERVICE, "O D M M I M"},
    {OP_DESCRIBE,   MIXED_PERSON,  "O O M M I M"},
    {OP_DETOKENIZE, DELIVER,       "O M M M I M"},
    {OP_DETOKENIZE, REVEAL,        "O M M M I M"},
    {OP_DETOKENIZE, MIXED_SERVICE, "D O M M I M"}, /* service in brand */
    {OP_DETOKENIZE, MIXED_PERSON,  "D O M M I M"}, /* privacy in brand */
    {OP_ERASE,      PRIVACY,       "O M M M I M"},
    {OP_ERASE,      MIXED_PERSON,  "O D M M I M"},
};
/* clang-format on */

struct tokens {
    char text[WHOSE_COUNT][TOKEN_TEXT_BYTES + 1];
};

static struct caller mixed_service;
static struct caller mixed_person;

static void
add_mixed(void)
{
    add_namespaces();
    add("mixed-service", PRINCIPAL_SERVICE, 3001);
    grant("mixed-service", ROLE_SERVICE, "brand", (struct caller_terms){0});
    grant("mixed-service", ROLE_DELIVER, "half", (struct caller_terms){0});
    add("mixed-person", PRINCIPAL_PERSON, 3002);
    grant("mixed-person", ROLE_PRIVACY, "brand", (struct caller_terms){0});
    grant("mixed-person", ROLE_REVEAL, "half", (struct caller_terms){0});
    connect_as(&mixed_service, 3001);
    connect_as(&mixed_person, 3002);
}

static void
remove_mixed(void)
{
    caller_remove(&mixed_service);
    caller_remove(&mixed_person);
}

/* Fresh ones, because some of them get erased. */
static void
make_tokens(struct tokens *ret_tokens)
{
    static const char *const names[] = {[BRAND] = "brand", [HALF] = "half", [RIVAL] = "rival"};
    static const struct token nothing = {{1, 2, 3}};
    static unsigned serial;
    char value[64];

    for (int whose = 0; whose <= RIVAL; whose++) {
        (void)snprintf(value, sizeof value, "t%u@example.com", serial++);
        token_in(names[whose], value, ret_tokens->text[whose]);
    }
    token_format(CONTACT_EMAIL, &nothing, ret_tokens->text[ABSENT]);
    memcpy(ret_tokens->text[MALFORMED], ret_tokens->text[BRAND], TOKEN_TEXT_BYTES + 1);
    ret_tokens->text[MALFORMED][9] ^= 1; /* another letter, or none of the 32 */
    (void)snprintf(value, sizeof value, "t%u@example.com", serial++);
    token_in("brand", value, ret_tokens->text[ERASED]);
    assert_int_equal(ask(member(PRIVACY), OP_ERASE, ret_tokens->text[ERASED], NULL), STATUS_OK);
}

static enum status
status_of(char letter)
{
    switch (letter) {
    case 'O':
        return STATUS_OK;
    case 'D':
        return STATUS_DENIED;
    case 'M':
        return STATUS_NOT_FOUND;
    case 'C':
        return STATUS_CONFLICT;
    default:
        assert_int_equal(letter, 'I');
        return STATUS_INVALID;
    }
}

/* What the log shall hold about one token: the refusal; the reveal; or an erasure's two. */
static void
expect_about(enum operation operation, const char *token, enum status status, size_t count)
{
    bool erased = operation == OP_ERASE && status == STATUS_OK;
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        enum audit_phase phase = AUDIT_DONE;

        if (strcmp(entries[i].token, token) != 0) {
            continue;
        }
        if (erased) {
            phase = found == 0 ? AUDIT_INTENT : AUDIT_OUTCOME;
        }
        assert_int_equal(entries[i].act, operation);
        assert_int_equal(entries[i].result, status);
        assert_int_equal(entries[i].phase, phase);
        assert_string_equal(entries[i].reason, phase == AUDIT_OUTCOME ? "" : "ticket 9");
        found++;
    }
    assert_int_equal(found, erased ? 2 : 1);
}

static void
expect_log(enum operation operation, const struct tokens *tokens, const char *letters)
{
    size_t count = read_log();
    size_t expected = 0;

    if (operation == OP_DETOKENIZE || operation == OP_ERASE) {
        for (int whose = 0; whose < WHOSE_COUNT; whose++) {
            enum status status = status_of(letters[2 * whose]);

            if (whose != MALFORMED) {
                expect_about(operation, tokens->text[whose], status, count);
                expected += operation == OP_ERASE && status == STATUS_OK ? 2 : 1;
            }
        }
    }
    assert_int_equal(count, expected);
}

static void
test_s2_whose_token_it_is(void **state)
{
    struct tokens tokens;

    (void)state;
    add_mixed();
    for (size_t row = 0; row < sizeof token_rows / sizeof token_rows[0]; row++) {
        enum operation operation = token_rows[row].operation;
        int asker = token_rows[row].asker;
        struct caller *caller = asker == MIXED_SERVICE  ? &mixed_service
                                : asker == MIXED_PERSON ? &mixed_person
                                                        : member((enum who)asker);
        const char *values[WHOSE_COUNT];
        bool wants_reason = operation == OP_DETOKENIZE || operation == OP_ERASE;

        make_tokens(&tokens);
        for (int whose = 0; whose < WHOSE_COUNT; whose++) {
            values[whose] = tokens.text[whose];
        }
        log_reader_skip(&cast.log);
        assert_int_equal(caller_values(caller, operation, values, WHOSE_COUNT, NULL,
                                       wants_reason ? "ticket 9" : NULL),
                         STATUS_OK);
        for (size_t whose = 0; whose < WHOSE_COUNT; whose++) {
            char letter = token_rows[row].answers[2 * whose];
            enum status got = caller_item_status(caller, whose);

            if (got != status_of(letter)) {
                fail_msg("%s by asker %d, token %zu: expected %s, got %s",
                         operation_name(operation), asker, whose, status_name(status_of(letter)),
                         status_name(got));
            }
            /* Not there, not his, gone: one answer, to the letter. */
            if (letter == 'M') {
                assert_true(bytes_equal(caller_item_text(caller, whose, FIELD_MESSAGE),
                                        caller_item_text(caller, ABSENT, FIELD_MESSAGE)));
            }
        }
        expect_log(operation, &tokens, token_rows[row].answers);
    }
    remove_mixed();
}

/* ---- which namespace ---- */

static void
test_s2_a_namespace_that_is_not_his_is_one_that_is_not_there(void **state)
{
    char text[2][MESSAGE_BYTES_MAX + 1];
    const char *const names[] = {"rival", "nowhere"};
    const struct {
        enum operation operation;
        enum who who;
    } askers[] = {{OP_TOKENIZE, SERVICE},
                  {OP_LOOKUP, SERVICE},
                  {OP_LOOKUP, REVEAL},
                  {OP_LOOKUP, PRIVACY},
                  {OP_ERASE, PRIVACY}};

    (void)state;
    add_namespaces();
    for (size_t i = 0; i < sizeof askers / sizeof askers[0]; i++) {
        enum operation operation = askers[i].operation;
        struct caller *caller = member(askers[i].who);

        for (size_t name = 0; name < 2; name++) {
            log_reader_skip(&cast.log);
            assert_int_equal(ask(caller, operation, "a@example.com", names[name]), STATUS_DENIED);
            message_of(caller, text[name]);
            expect_refusal(operation, STATUS_DENIED, cast_name(askers[i].who));
            assert_string_equal(entries[0].namespace_name, "");
        }
        assert_string_equal(text[0], text[1]);
        assert_int_not_equal(ask(caller, operation, "a@example.com", "brand"), STATUS_DENIED);
    }
}

/* Nor does another role there help. */
static void
test_a_role_counts_in_its_own_namespace_alone(void **state)
{
    (void)state;
    add_mixed();
    log_reader_skip(&cast.log);
    assert_int_equal(ask(&mixed_service, OP_TOKENIZE, "a@example.com", "half"), STATUS_DENIED);
    expect_refusal(OP_TOKENIZE, STATUS_DENIED, "mixed-service");
    assert_int_equal(ask(&mixed_service, OP_LOOKUP, "a@example.com", "half"), STATUS_DENIED);
    expect_refusal(OP_LOOKUP, STATUS_DENIED, "mixed-service");
    assert_int_equal(ask(&mixed_person, OP_ERASE, "a@example.com", "half"), STATUS_DENIED);
    expect_refusal(OP_ERASE, STATUS_DENIED, "mixed-person");
    assert_int_equal(ask(&mixed_service, OP_TOKENIZE, "a@example.com", "brand"), STATUS_OK);
    assert_int_equal(ask(&mixed_person, OP_LOOKUP, "a@example.com", "half"), STATUS_NOT_FOUND);
    assert_int_equal(ask(&mixed_person, OP_LOOKUP, "a@example.com", "brand"), STATUS_OK);
    remove_mixed();
}

static void
test_who_has_several_namespaces_says_which(void **state)
{
    struct caller *service = member(SERVICE);

    (void)state;
    add_namespaces();
    assert_int_equal(ask(service, OP_TOKENIZE, "a@example.com", NULL), STATUS_OK);
    grant("inbox", ROLE_SERVICE, "half", (struct caller_terms){.lasts_s = HOUR_S});
    log_reader_skip(&cast.log);
    assert_int_equal(ask(service, OP_TOKENIZE, "a@example.com", NULL), STATUS_INVALID);
    assert_int_equal(read_log(), 0);
    /* One that has ended is none. */
    pass_s(HOUR_S);
    assert_int_equal(ask(service, OP_TOKENIZE, "a@example.com", NULL), STATUS_OK);
}

/* ---- grants that end ---- */

static void
test_s21_beside_one_that_stands_an_ended_grant_is_none(void **state)
{
    struct caller *service = member(SERVICE);
    char brand[TOKEN_TEXT_BYTES + 1];
    char half[TOKEN_TEXT_BYTES + 1];

    (void)state;
    add_namespaces();
    token_in("brand", "a@example.com", brand);
    token_in("half", "a@example.com", half);
    grant("inbox", ROLE_SERVICE, "half", (struct caller_terms){.lasts_s = HOUR_S});
    assert_int_equal(ask(service, OP_MASK, half, NULL), STATUS_OK);
    assert_int_equal(ask(service, OP_DESCRIBE, half, NULL), STATUS_OK);
    assert_int_equal(ask(service, OP_LOOKUP, "a@example.com", "half"), STATUS_OK);
    pass_s(HOUR_S);
    assert_int_equal(ask(service, OP_MASK, half, NULL), STATUS_NOT_FOUND);
    assert_int_equal(ask(service, OP_DESCRIBE, half, NULL), STATUS_NOT_FOUND);
    assert_int_equal(ask(service, OP_MASK, brand, NULL), STATUS_OK);
    log_reader_skip(&cast.log);
    assert_int_equal(ask(service, OP_TOKENIZE, "a@example.com", "half"), STATUS_DENIED);
    expect_refusal(OP_TOKENIZE, STATUS_DENIED, "inbox");
    assert_int_equal(ask(service, OP_LOOKUP, "a@example.com", "brand"), STATUS_OK);
}

/* A reveal that ended in one namespace, and one that stands in another. */
static void
test_s21_an_ended_reveal_opens_nothing_of_its_namespace(void **state)
{
    struct caller *lead = member(REVEAL);
    char half[TOKEN_TEXT_BYTES + 1];

    (void)state;
    add_namespaces();
    token_in("half", "a@example.com", half);
    grant("lead", ROLE_REVEAL, "half", (struct caller_terms){.lasts_s = HOUR_S});
    assert_int_equal(ask(lead, OP_DETOKENIZE, half, NULL), STATUS_OK);
    pass_s(HOUR_S);
    log_reader_skip(&cast.log);
    assert_int_equal(ask(lead, OP_DETOKENIZE, half, NULL), STATUS_NOT_FOUND);
    expect_refusal(OP_DETOKENIZE, STATUS_NOT_FOUND, "lead");
    assert_string_equal(entries[0].token, half);
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_OK);
}

/* Another role stands in the same namespace: it is his, and only what has ended is told so. */
static void
test_s21_the_role_that_ended_is_the_one_that_counts(void **state)
{
    struct caller *service = member(SERVICE);
    char token[TOKEN_TEXT_BYTES + 1];

    (void)state;
    add_namespaces();
    token_in("brand", "a@example.com", token);
    grant("inbox", ROLE_PRIVACY, "brand", (struct caller_terms){.lasts_s = HOUR_S});
    pass_s(HOUR_S);
    log_reader_skip(&cast.log);
    assert_int_equal(ask(service, OP_ERASE, token, NULL), STATUS_EXPIRED);
    expect_refusal(OP_ERASE, STATUS_EXPIRED, "inbox");
    assert_int_equal(ask(service, OP_DETOKENIZE, token, NULL), STATUS_DENIED);
    assert_int_equal(ask(service, OP_MASK, token, NULL), STATUS_OK);
    /* With a privacy grant elsewhere the question is whose token it is. */
    grant("inbox", ROLE_PRIVACY, "half", (struct caller_terms){0});
    log_reader_skip(&cast.log);
    assert_int_equal(ask(service, OP_ERASE, token, NULL), STATUS_DENIED);
    expect_refusal(OP_ERASE, STATUS_DENIED, "inbox");
    assert_string_equal(entries[0].token, token);
}

static void
test_s21_given_again_it_is_in_force_at_once(void **state)
{
    struct caller *lead = member(REVEAL);
    uint64_t until_ms;

    (void)state;
    revoke("lead", ROLE_REVEAL, "brand");
    grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.lasts_s = HOUR_S});
    pass_s(HOUR_S - 1);
    grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.lasts_s = HOUR_S});
    pass_s(2);
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_OK);
    pass_s(HOUR_S);
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_EXPIRED);
    until_ms = still_clock_now_ms() + 5 * SECOND_MS;
    grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.until_ms = until_ms});
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_OK);
    pass_s(5);
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_EXPIRED);
    /* An end that is past is none to give. */
    assert_int_equal(caller_grant_on_terms(&cast.hand, "lead", ROLE_REVEAL, "brand",
                                           &(struct caller_terms){.until_ms = until_ms}),
                     STATUS_INVALID);
    assert_int_equal(
        caller_grant_on_terms(&cast.hand, "lead", ROLE_REVEAL, "brand",
                              &(struct caller_terms){.until_ms = until_ms + DAY_S, .lasts_s = 9}),
        STATUS_INVALID);
}

/* ---- budgets ---- */

/* Blocks that were drawn, all together; nothing else came into the log. */
static uint64_t
blocks_of(enum audit_act act)
{
    size_t count = read_log();
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(entries[i].act, act);
        assert_int_equal(entries[i].result, STATUS_OK);
        sum += entries[i].amount;
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
    log_reader_skip(&cast.log);
    assert_int_equal(ask(caller, operation, value, where), STATUS_QUOTA);
    expect_refusal(operation, STATUS_QUOTA, name);
}

/* Again QUOTA a second before the time told, and not at that time. */
static void
wait_as_told(struct caller *caller, enum operation operation, const char *value)
{
    uint64_t wait_s = retry_after_s(caller);

    assert_true(wait_s > 1);
    pass_s(wait_s - 1);
    assert_int_equal(ask(caller, operation, value, NULL), STATUS_QUOTA);
    pass_s(1);
    assert_int_equal(ask(caller, operation, value, NULL), STATUS_OK);
}

static void
test_s18_tokenize_and_lookup_spend_one_budget(void **state)
{
    struct caller spender;

    (void)state;
    add_namespaces();
    add("spender", PRINCIPAL_SERVICE, 3003);
    grant("spender", ROLE_SERVICE, "brand", (struct caller_terms){.daily = 5});
    connect_as(&spender, 3003);
    log_reader_skip(&cast.log);
    /* New ones, which are handed to a worker: paid for once. */
    assert_int_equal(ask(&spender, OP_TOKENIZE, "n1@example.com", NULL), STATUS_OK);
    assert_int_equal(ask(&spender, OP_TOKENIZE, "n2@example.com", NULL), STATUS_OK);
    assert_int_equal(ask_many(&spender, OP_LOOKUP, "n1@example.com", 2), STATUS_OK);
    assert_int_equal(blocks(), 4);
    /* A batch is done as a whole or not at all. */
    assert_int_equal(ask_many(&spender, OP_LOOKUP, "n1@example.com", 2), STATUS_QUOTA);
    expect_refusal(OP_LOOKUP, STATUS_QUOTA, "spender");
    assert_string_equal(entries[0].namespace_name, "brand");
    assert_int_equal(ask(&spender, OP_LOOKUP, "nobody@example.com", NULL), STATUS_NOT_FOUND);
    assert_int_equal(blocks(), 1);
    refuse_over_budget(&spender, OP_TOKENIZE, "n3@example.com", NULL, "spender");
    /* Nothing was made of it. */
    assert_int_equal(ask(&cast.maker, OP_LOOKUP, "n3@example.com", "brand"), STATUS_NOT_FOUND);
    refuse_over_budget(&spender, OP_LOOKUP, "n1@example.com", NULL, "spender");
    /* Masks are free. */
    assert_int_equal(ask(&spender, OP_MASK, cast.kept, NULL), STATUS_OK);
    assert_int_equal(ask(&spender, OP_DESCRIBE, cast.kept, NULL), STATUS_OK);
    /* And another namespace has a budget of its own. */
    grant("spender", ROLE_SERVICE, "half", (struct caller_terms){.daily = 1});
    assert_int_equal(ask(&spender, OP_TOKENIZE, "n1@example.com", "half"), STATUS_OK);
    assert_int_equal(ask(&spender, OP_TOKENIZE, "n1@example.com", "half"), STATUS_QUOTA);
    revoke("spender", ROLE_SERVICE, "half");
    assert_int_equal(ask(&spender, OP_LOOKUP, "n1@example.com", NULL), STATUS_QUOTA);
    assert_in_range(retry_after_s(&spender), DAY_S - BUCKET_S, DAY_S + BUCKET_S);
    wait_as_told(&spender, OP_LOOKUP, "n1@example.com");
    caller_remove(&spender);
}

static void
test_s18_a_block_is_on_record_before_it_is_used(void **state)
{
    struct caller spender;

    (void)state;
    add("spender", PRINCIPAL_SERVICE, 3003);
    grant("spender", ROLE_SERVICE, "brand", (struct caller_terms){.daily = 5000});
    connect_as(&spender, 3003);
    for (int round = 0; round < 3; round++) {
        log_reader_skip(&cast.log);
        assert_int_equal(ask(&spender, OP_TOKENIZE, "n1@example.com", NULL), STATUS_OK);
        assert_int_equal(blocks(), 5);
        assert_string_equal(entries[0].principal, "spender");
        assert_string_equal(entries[0].namespace_name, "brand");
        for (int i = 1; i < 5; i++) {
            assert_int_equal(ask(&spender, OP_LOOKUP, "n1@example.com", NULL), STATUS_OK);
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
    add("spender", PRINCIPAL_SERVICE, 3003);
    grant("spender", ROLE_SERVICE, "brand", (struct caller_terms){.daily = 5});
    connect_as(&spender, 3003);
    log_reader_skip(&cast.log);
    assert_int_equal(ask_many(&spender, OP_LOOKUP, "n1@example.com", 6), STATUS_QUOTA);
    assert_int_equal(retry_after_s(&spender), 0);
    expect_refusal(OP_LOOKUP, STATUS_QUOTA, "spender");
    assert_int_equal(ask_many(&spender, OP_LOOKUP, "n1@example.com", 5), STATUS_OK);
    caller_remove(&spender);
}

static int
set_up_few_lookups(void **state)
{
    const struct access_budgets few = {
        .service = {100, 0}, .lookup = {4, 0}, .reveal = {100, 0}, .deliver = {100, 0}};

    (void)state;
    cast_make(&cast, 0, &few);
    return 0;
}

static void
test_s18_an_erase_by_value_is_a_lookup_and_by_token_is_free(void **state)
{
    struct caller *dpo = member(PRIVACY);
    char token[TOKEN_TEXT_BYTES + 1];

    (void)state;
    token_in("brand", "e1@example.com", token);
    assert_int_equal(ask(dpo, OP_LOOKUP, "e1@example.com", NULL), STATUS_OK); /* the second */
    assert_int_equal(ask(dpo, OP_ERASE, "e1@example.com", NULL), STATUS_OK);
    assert_int_equal(ask(dpo, OP_ERASE, "e1@example.com", NULL), STATUS_NOT_FOUND);
    token_in("brand", "e2@example.com", token);
    refuse_over_budget(dpo, OP_ERASE, "e2@example.com", NULL, "dpo");
    assert_true(retry_after_s(dpo) > 0);
    assert_int_equal(ask(dpo, OP_MASK, token, NULL), STATUS_OK);
    assert_int_equal(ask(dpo, OP_ERASE, token, NULL), STATUS_OK);
    assert_int_equal(ask(dpo, OP_MASK, token, NULL), STATUS_NOT_FOUND);
    assert_int_equal(ask(dpo, OP_LOOKUP, "e2@example.com", NULL), STATUS_QUOTA);
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
        struct caller *caller = member(revealers[i].who);
        const char *name = cast_name(revealers[i].who);

        pass_s(DAY_S + BUCKET_S); /* what cast_make revealed is gone */
        dispatch_tick(cast.fixture.dispatch);
        grant(name, revealers[i].role, "brand", (struct caller_terms){.daily = 3, .hourly = 2});
        assert_int_equal(ask(caller, OP_DETOKENIZE, cast.kept, NULL), STATUS_OK);
        /* What is no reveal costs nothing. */
        assert_int_equal(ask(caller, OP_MASK, cast.kept, NULL),
                         revealers[i].who == REVEAL ? STATUS_OK : STATUS_DENIED);
        assert_int_equal(ask(caller, OP_DETOKENIZE, cast.kept, NULL), STATUS_OK);
        refuse_over_budget(caller, OP_DETOKENIZE, cast.kept, NULL, name);
        assert_in_range(retry_after_s(caller), HOUR_S - BUCKET_S, HOUR_S + BUCKET_S);
        assert_false(cast_told_contact(&cast, ON_DATA, revealers[i].who));
        wait_as_told(caller, OP_DETOKENIZE, cast.kept);
        refuse_over_budget(caller, OP_DETOKENIZE, cast.kept, NULL, name);
        assert_in_range(retry_after_s(caller), DAY_S - HOUR_S - 2 * BUCKET_S, DAY_S);
        wait_as_told(caller, OP_DETOKENIZE, cast.kept);
    }
}

static void
test_s18_only_what_is_revealed_is_paid_and_a_batch_as_a_whole(void **state)
{
    struct caller *lead = member(REVEAL);
    const char *values[] = {cast.kept, "phn_000000000000000000000000000", "rubbish"};

    (void)state;
    grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.daily = 3});
    assert_int_equal(caller_values(lead, OP_DETOKENIZE, values, 3, NULL, "one of three"),
                     STATUS_OK);
    assert_int_equal(caller_values(lead, OP_DETOKENIZE, values, 3, NULL, "one of three"),
                     STATUS_OK);
    log_reader_skip(&cast.log);
    assert_int_equal(ask_many(lead, OP_DETOKENIZE, cast.kept, 2), STATUS_QUOTA);
    expect_refusal(OP_DETOKENIZE, STATUS_QUOTA, "lead");
    assert_false(cast_told_contact(&cast, ON_DATA, REVEAL));
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_OK);
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_QUOTA);
}

/* A person has one budget of reveals, and each namespace its own figure for it. */
static void
test_s18_the_tightest_of_several_namespaces_counts(void **state)
{
    struct caller *lead = member(REVEAL);
    char half[TOKEN_TEXT_BYTES + 1];
    const char *both[] = {cast.kept, half};

    (void)state;
    add_namespaces();
    token_in("half", "a@example.com", half);
    grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.daily = 4});
    grant("lead", ROLE_REVEAL, "half", (struct caller_terms){.daily = 2});
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_OK);
    assert_int_equal(caller_values(lead, OP_DETOKENIZE, both, 2, NULL, "two"), STATUS_QUOTA);
    assert_int_equal(ask(lead, OP_DETOKENIZE, half, NULL), STATUS_OK);
    assert_int_equal(ask(lead, OP_DETOKENIZE, half, NULL), STATUS_QUOTA);
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_OK);
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_OK);
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_QUOTA);
}

static void
test_s18_nothing_but_time_gives_a_budget_back(void **state)
{
    struct caller *lead = member(REVEAL);

    (void)state;
    grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.daily = 1});
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_OK);
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_QUOTA);
    revoke("lead", ROLE_REVEAL, "brand");
    grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.daily = 1});
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_QUOTA);
    assert_int_equal(caller_name(&cast.hand, OP_PRINCIPAL_DISABLE, "lead"), STATUS_OK);
    assert_int_equal(caller_name(&cast.hand, OP_PRINCIPAL_ENABLE, "lead"), STATUS_OK);
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_QUOTA);
    assert_int_equal(dispatch_seal(cast.fixture.dispatch), STATUS_OK);
    assert_int_equal(dispatch_unseal(cast.fixture.dispatch, cast.fixture.root, cast.fixture.fault),
                     STATUS_OK);
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_QUOTA);
    fixture_close(&cast.fixture);
    assert_int_equal(fixture_open(&cast.fixture), STATUS_OK);
    assert_int_equal(caller_hello(lead), STATUS_OK);
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_QUOTA);
    wait_as_told(lead, OP_DETOKENIZE, cast.kept);
}

/* `count` times, and then no more. */
static void
expect_room(struct caller *caller, enum operation operation, const char *value, const char *where,
            unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(ask(caller, operation, value, where), STATUS_OK);
    }
    assert_int_equal(ask(caller, operation, value, where), STATUS_QUOTA);
}

/* An import's grant: beside the standing one, with a budget of its own that is spent first. */
static void
test_s18_a_grant_that_ends_brings_its_own_lookups(void **state)
{
    struct caller *service = member(SERVICE);
    const struct caller_terms import = {.daily = 5, .lasts_s = HOUR_S};

    (void)state;
    add_namespaces();
    grant("inbox", ROLE_SERVICE, "half", (struct caller_terms){.daily = 2});
    expect_room(service, OP_TOKENIZE, "a@example.com", "half", 2);
    grant("inbox", ROLE_SERVICE, "half", import);
    log_reader_skip(&cast.log);
    assert_int_equal(ask(service, OP_LOOKUP, "a@example.com", "half"), STATUS_OK);
    assert_int_equal(blocks_of(AUDIT_ACT_BUDGET_EXTRA), 1);
    expect_room(service, OP_TOKENIZE, "a@example.com", "half", 4);
    pass_s(HOUR_S);
    assert_int_equal(ask(service, OP_TOKENIZE, "a@example.com", "half"), STATUS_QUOTA);
    /* A day later the standing two are there, and no more. */
    pass_s(DAY_S + BUCKET_S);
    expect_room(service, OP_TOKENIZE, "a@example.com", "half", 2);
    /* Once more, and this time the import first: the standing two are left when it has ended. */
    pass_s(DAY_S + BUCKET_S);
    dispatch_tick(cast.fixture.dispatch);
    grant("inbox", ROLE_SERVICE, "half", import);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ask(service, OP_LOOKUP, "a@example.com", "half"), STATUS_OK);
    }
    pass_s(HOUR_S);
    expect_room(service, OP_TOKENIZE, "a@example.com", "half", 2);
}

/* Of reveals there is one budget, and the larger figure counts while it lasts. */
static void
test_s18_a_grant_that_ends_raises_the_figure_of_reveals(void **state)
{
    struct caller *lead = member(REVEAL);

    (void)state;
    grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.daily = 2});
    expect_room(lead, OP_DETOKENIZE, cast.kept, NULL, 2);
    grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.daily = 5, .lasts_s = HOUR_S});
    expect_room(lead, OP_DETOKENIZE, cast.kept, NULL, 3);
    pass_s(HOUR_S);
    assert_int_equal(ask(lead, OP_DETOKENIZE, cast.kept, NULL), STATUS_QUOTA);
    pass_s(DAY_S + BUCKET_S);
    expect_room(lead, OP_DETOKENIZE, cast.kept, NULL, 2);
}

/* ---- taken back, and given again ---- */

static void
test_s6_revoked_and_granted_again(void **state)
{
    static const struct {
        enum who who;
        enum role role;
        const char *where;
        enum on_socket socket;
        enum operation operation;
    } roles[] = {{SERVICE, ROLE_SERVICE, "brand", ON_DATA, OP_TOKENIZE},
                 {DELIVER, ROLE_DELIVER, "brand", ON_DATA, OP_DETOKENIZE},
                 {REVEAL, ROLE_REVEAL, "brand", ON_DATA, OP_DETOKENIZE},
                 {PRIVACY, ROLE_PRIVACY, "brand", ON_DATA, OP_ERASE},
                 {ADMIN, ROLE_ADMIN, NULL, ON_ADMIN, OP_NAMESPACE_CREATE},
                 {AUDIT, ROLE_AUDIT, NULL, ON_ADMIN, OP_AUDIT_READ}};

    (void)state;
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        const char *name = cast_name(roles[i].who);

        revoke(name, roles[i].role, roles[i].where);
        cast_arrange(&cast, roles[i].operation);
        log_reader_skip(&cast.log);
        assert_int_equal(cast_ask(&cast, roles[i].socket, roles[i].who, roles[i].operation),
                         STATUS_DENIED);
        expect_refusal(roles[i].operation, STATUS_DENIED, name);
        grant(name, roles[i].role, roles[i].where, (struct caller_terms){0});
        assert_int_equal(cast_ask(&cast, roles[i].socket, roles[i].who, roles[i].operation),
                         STATUS_OK);
    }
}

/* As if the grant had been given when the principal had another key. No operation changes a key
 * yet, so it is done behind the vault's back. */
static void
bind_to_another(const char *name)
{
    const struct principal *principal = access_by_name(cast.fixture.access, bytes_of_text(name));
    struct grant *given = (struct grant *)(uintptr_t)&principal->grants[0];

    given->bound_to[0] ^= 1;
}

static void
test_a_grant_bound_to_another_identity_is_none(void **state)
{
    const struct {
        enum who who;
        enum role role;
    } bound[] = {{REVEAL, ROLE_REVEAL}, {DELIVER, ROLE_DELIVER}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct caller *caller = member(bound[i].who);
        const char *name = cast_name(bound[i].who);

        bind_to_another(name);
        log_reader_skip(&cast.log);
        assert_int_equal(ask(caller, OP_DETOKENIZE, cast.kept, NULL), STATUS_DENIED);
        expect_refusal(OP_DETOKENIZE, STATUS_DENIED, name);
        assert_int_equal(ask(caller, OP_MASK, cast.kept, NULL), STATUS_DENIED);
        /* Given again, it is bound to whom he is now. */
        grant(name, bound[i].role, "brand", (struct caller_terms){0});
        assert_int_equal(ask(caller, OP_DETOKENIZE, cast.kept, NULL), STATUS_OK);
    }
}

/* ---- several roles ---- */

static void
test_service_and_privacy_together_do_both_and_no_more(void **state)
{
    static const struct {
        enum operation operation;
        enum status status;
    } both[] = {{OP_TOKENIZE, STATUS_OK}, {OP_LOOKUP, STATUS_OK},         {OP_MASK, STATUS_OK},
                {OP_DESCRIBE, STATUS_OK}, {OP_DETOKENIZE, STATUS_DENIED}, {OP_ERASE, STATUS_OK},
                {OP_FREEZE, STATUS_OK}};

    (void)state;
    grant("inbox", ROLE_PRIVACY, "brand", (struct caller_terms){0});
    for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) {
        cast_arrange(&cast, both[i].operation);
        assert_int_equal(cast_ask(&cast, ON_DATA, SERVICE, both[i].operation), both[i].status);
    }
    assert_int_equal(cast_ask(&cast, ON_ADMIN, SERVICE, OP_UNFREEZE), STATUS_DENIED);
    revoke("inbox", ROLE_PRIVACY, "brand");
    cast_arrange(&cast, OP_ERASE);
    assert_int_equal(cast_ask(&cast, ON_DATA, SERVICE, OP_ERASE), STATUS_DENIED);
    assert_int_equal(cast_ask(&cast, ON_DATA, SERVICE, OP_FREEZE), STATUS_DENIED);
    assert_int_equal(cast_ask(&cast, ON_DATA, SERVICE, OP_TOKENIZE), STATUS_OK);
}

/* clang-format off */
static const struct {
    enum principal_kind kind;
    int holds; /* 0: nothing */
    const char *answers; /* O granted, C conflict, I not for this kind of principal */
} exclusions[] = {
    /*                                 service deliver reveal privacy admin audit */
    {PRINCIPAL_PERSON,  0,            "I I O O O O"},
    {PRINCIPAL_PERSON,  ROLE_REVEAL,  "I I C O C O"},
    {PRINCIPAL_PERSON,  ROLE_PRIVACY, "I I O C O O"},
    {PRINCIPAL_PERSON,  ROLE_ADMIN,   "I I C O C O"},
    {PRINCIPAL_PERSON,  ROLE_AUDIT,   "I I O O O C"},
    {PRINCIPAL_SERVICE, 0,            "O O I O O O"},
    {PRINCIPAL_SERVICE, ROLE_SERVICE, "C O I O O O"},
    {PRINCIPAL_SERVICE, ROLE_DELIVER, "O C I O C O"},
    {PRINCIPAL_SERVICE, ROLE_PRIVACY, "O O I C O O"},
    {PRINCIPAL_SERVICE, ROLE_ADMIN,   "O C I O C O"},
    {PRINCIPAL_SERVICE, ROLE_AUDIT,   "O O I O O C"},
};
/* clang-format on */

static const char *
where_of(enum role role)
{
    return role == ROLE_ADMIN || role == ROLE_AUDIT ? NULL : "brand";
}

static void
test_s3_which_roles_go_together(void **state)
{
    static const enum role order[] = {ROLE_SERVICE, ROLE_DELIVER, ROLE_REVEAL,
                                      ROLE_PRIVACY, ROLE_ADMIN,   ROLE_AUDIT};
    char text[MESSAGE_BYTES_MAX + 1];
    char name[32];

    (void)state;
    for (size_t row = 0; row < sizeof exclusions / sizeof exclusions[0]; row++) {
        enum role held = (enum role)exclusions[row].holds;

        (void)snprintf(name, sizeof name, "holder-%zu", row);
        add(name, exclusions[row].kind, 4000 + (uint32_t)row);
        if (held != 0) {
            grant(name, held, where_of(held), (struct caller_terms){0});
        }
        for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
            enum status expected = status_of(exclusions[row].answers[2 * i]);

            log_reader_skip(&cast.log);
            assert_int_equal(caller_grant(&cast.hand, OP_GRANT, name, order[i], where_of(order[i])),
                             expected);
            assert_int_equal(read_log(), expected == STATUS_OK ? 2 : 0);
            if (expected == STATUS_OK) {
                revoke(name, order[i], where_of(order[i]));
            } else if (expected == STATUS_CONFLICT && order[i] != held) {
                message_of(&cast.hand, text);
                assert_non_null(strstr(text, "admin together with reveal or deliver"));
            }
        }
    }
}

/* For as long as it lasts, and not longer. */
static void
test_s3_an_admin_for_a_while_may_not_reveal_meanwhile(void **state)
{
    (void)state;
    add("deputy", PRINCIPAL_PERSON, 4100);
    grant("deputy", ROLE_ADMIN, NULL, (struct caller_terms){.lasts_s = HOUR_S});
    assert_int_equal(caller_grant(&cast.hand, OP_GRANT, "deputy", ROLE_REVEAL, "brand"),
                     STATUS_CONFLICT);
    pass_s(HOUR_S);
    assert_int_equal(caller_grant(&cast.hand, OP_GRANT, "deputy", ROLE_REVEAL, "brand"), STATUS_OK);
    assert_int_equal(caller_grant(&cast.hand, OP_GRANT, "deputy", ROLE_ADMIN, NULL),
                     STATUS_CONFLICT);
}

/* ---- relayed ---- */

struct key_pair {
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
};

static void
add_by_key(const char *name, const struct key_pair *key, bool relayed)
{
    struct message_writer *request = &cast.hand.request;

    caller_begin(&cast.hand, OP_PRINCIPAL_ADD, 3u + relayed);
    message_put_text(request, FIELD_NAME, name);
    message_put_uint(request, FIELD_KIND, PRINCIPAL_SERVICE);
    message_put_bytes(request, FIELD_PUBLIC_KEY, bytes_of(key->public_key, PUBLIC_KEY_BYTES));
    if (relayed) {
        message_put_bool(request, FIELD_RELAYED, true);
    }
    assert_int_equal(caller_send(&cast.hand), STATUS_OK);
    grant(name, ROLE_DELIVER, "brand", (struct caller_terms){0});
}

/* As one who believes to have that uid; signed by `signer`. */
static enum status
prove_key(struct caller *caller, const struct key_pair *key, const struct key_pair *signer,
          uint32_t uid)
{
    const uint8_t nonce[NONCE_BYTES] = {9};
    uint8_t transcript[HELLO_TRANSCRIPT_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    struct bytes instance = {0};
    struct bytes vault_nonce = {0};
    struct hello hello = {.public_key = key->public_key, .client_nonce = nonce, .uid = uid};

    caller_begin(caller, OP_HELLO, 3);
    message_put_uint(&caller->request, FIELD_VERSION, PROTOCOL_VERSION);
    message_put_bytes(&caller->request, FIELD_NONCE, bytes_of(nonce, NONCE_BYTES));
    message_put_bytes(&caller->request, FIELD_PUBLIC_KEY,
                      bytes_of(key->public_key, PUBLIC_KEY_BYTES));
    assert_int_equal(caller_send(caller), STATUS_OK);
    assert_true(message_bytes(caller->reply, FIELD_INSTANCE, &instance));
    assert_true(message_bytes(caller->reply, FIELD_NONCE, &vault_nonce));
    hello.instance_id = instance.data;
    hello.vault_nonce = vault_nonce.data;
    hello_transcript(&hello, transcript);
    (void)crypto_sign_detached(signature, NULL, transcript, sizeof transcript, signer->secret_key);
    caller_begin(caller, OP_PROVE, 2);
    message_put_bytes(&caller->request, FIELD_SIGNATURE, bytes_of(signature, sizeof signature));
    message_put_uint(&caller->request, FIELD_UID, uid);
    return caller_send(caller);
}

static bool
shown_as_relayed(const char *name)
{
    const struct message_list *items = NULL;
    bool relayed = false;

    assert_int_equal(caller_name(&cast.hand, OP_PRINCIPAL_SHOW, name), STATUS_OK);
    assert_true(message_list(cast.hand.reply, FIELD_ITEMS, &items));
    (void)!message_bool(message_list_message(items, 0), FIELD_RELAYED, &relayed);
    return relayed;
}

static void
test_relayed_is_told_and_nobody_else_is(void **state)
{
    enum { HERE = 3333, THERE = 4444 };
    struct key_pair near;
    struct key_pair far;
    struct caller caller;

    (void)state;
    (void)crypto_sign_keypair(near.public_key, near.secret_key);
    (void)crypto_sign_keypair(far.public_key, far.secret_key);
    add_by_key("near", &near, false);
    add_by_key("far", &far, true);
    assert_false(shown_as_relayed("near"));
    assert_true(shown_as_relayed("far"));
    caller_make(&caller, &cast.fixture, PEER_DATA, HERE);
    log_reader_skip(&cast.log);
    assert_int_equal(prove_key(&caller, &near, &near, THERE), STATUS_UNAUTHENTICATED);
    assert_int_equal(prove_key(&caller, &far, &near, THERE), STATUS_UNAUTHENTICATED);
    assert_int_equal(read_log(), 0);
    assert_int_equal(prove_key(&caller, &near, &near, HERE), STATUS_OK);
    assert_int_equal(ask(&caller, OP_DETOKENIZE, cast.kept, NULL), STATUS_OK);
    assert_int_equal(read_log(), 1);
    assert_string_equal(entries[0].principal, "near");
    assert_false(entries[0].relayed);
    assert_int_equal(prove_key(&caller, &far, &far, THERE), STATUS_OK);
    assert_int_equal(ask(&caller, OP_DETOKENIZE, cast.kept, NULL), STATUS_OK);
    assert_int_equal(ask(&caller, OP_MASK, cast.kept, NULL), STATUS_DENIED);
    assert_int_equal(read_log(), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(entries[i].principal, "far");
        assert_true(entries[i].relayed);
    }
    /* Disabled, its key is proved in vain, and the log says so. */
    assert_int_equal(caller_name(&cast.hand, OP_PRINCIPAL_DISABLE, "far"), STATUS_OK);
    log_reader_skip(&cast.log);
    assert_int_equal(prove_key(&caller, &far, &far, THERE), STATUS_UNAUTHENTICATED);
    expect_refusal(OP_PROVE, STATUS_UNAUTHENTICATED, "far");
    assert_true(entries[0].relayed);
    caller_remove(&caller);
}

/* ---- who it was before ---- */

/* Who says hello anew is nobody until it succeeds: the id he had does not count meanwhile. */
static void
test_a_hello_that_came_to_nothing_leaves_nobody_known(void **state)
{
    const uint8_t nonce[NONCE_BYTES] = {1};
    struct key_pair unknown;
    struct caller caller;
    uint8_t tokenize[128];
    size_t size;

    (void)state;
    (void)crypto_sign_keypair(unknown.public_key, unknown.secret_key);
    for (int end = 0; end < 3; end++) {
        connect_as(&caller, cast.callers[ON_DATA][SERVICE].peer.uid);
        /* The request that would be answered, with the id of this hello. */
        assert_int_equal(ask(&caller, OP_TOKENIZE, "a@example.com", NULL), STATUS_OK);
        size = caller.request.size;
        assert_in_range(size, 1, sizeof tokenize);
        memcpy(tokenize, caller.request.data, size);
        caller_begin(&caller, OP_HELLO, end == 0 ? 2 : 3);
        message_put_uint(&caller.request, FIELD_VERSION, PROTOCOL_VERSION + (end == 0));
        message_put_bytes(&caller.request, FIELD_NONCE, bytes_of(nonce, NONCE_BYTES));
        if (end > 0) {
            message_put_bytes(&caller.request, FIELD_PUBLIC_KEY,
                              bytes_of(unknown.public_key, PUBLIC_KEY_BYTES));
        }
        assert_int_equal(caller_send(&caller), end == 0 ? STATUS_INVALID : STATUS_OK);
        if (end == 2) {
            assert_int_equal(prove_key(&caller, &unknown, &unknown, caller.peer.uid),
                             STATUS_UNAUTHENTICATED);
        }
        log_reader_skip(&cast.log);
        assert_int_equal(caller_send_bytes(&caller, bytes_of(tokenize, size)),
                         STATUS_UNAUTHENTICATED);
        assert_int_equal(read_log(), 0);
        caller_remove(&caller);
    }
}

/* ---- whatever they ask ---- */

/* One more field than the request has, whether or not it takes it. */
static void
put_extra(struct message_writer *request, enum field field)
{
    const char *const texts[] = {[FIELD_NAMESPACE] = "brand",
                                 [FIELD_REASON] = "because",
                                 [FIELD_NAME] = "inbox",
                                 [FIELD_PRINCIPAL] = "sender",
                                 [FIELD_TOKEN] = cast.kept};

    request->data[0]++; /* a map of so many fields, of less than fifteen */
    switch (field) {
    case FIELD_VALUES:
        message_put_list(request, field, 2);
        message_add_bytes(request, bytes_of_text("+393331234567"));
        message_add_bytes(request, bytes_of_text(cast.kept));
        break;
    case FIELD_NAMESPACE:
    case FIELD_REASON:
    case FIELD_NAME:
    case FIELD_PRINCIPAL:
    case FIELD_TOKEN:
        message_put_text(request, field, texts[field]);
        break;
    case FIELD_ALL:
    case FIELD_RELAYED:
        message_put_bool(request, field, true);
        break;
    case FIELD_ACT:
        message_put_uint(request, field, OP_DETOKENIZE);
        break;
    case FIELD_UNTIL:
        message_put_uint(request, field, still_clock_now_ms() + DAY_S);
        break;
    default:
        message_put_uint(request, field, 1);
        break;
    }
}

static void
ask_with(enum on_socket socket, enum who who, enum operation operation, enum field field)
{
    struct caller *caller = &cast.callers[socket][who];

    cast_arrange(&cast, operation);
    cast_begin(&cast, socket, who, operation);
    put_extra(&caller->request, field);
    if (caller_send(caller) == STATUS_OK && operation == OP_SEAL) {
        assert_int_equal(
            dispatch_unseal(cast.fixture.dispatch, cast.fixture.root, cast.fixture.fault),
            STATUS_OK);
    }
    if (cast_told_contact(&cast, socket, who)) {
        fail_msg("%s with field %d tells %s a contact", operation_name(operation), (int)field,
                 cast_title(who));
    }
    if (who == ADMIN && cast_told_reason(&cast, socket, who)) {
        fail_msg("%s with field %d tells an admin a reason", operation_name(operation), (int)field);
    }
}

/* Every operation, with every field it takes or does not. */
static void
test_s3_whatever_is_asked_no_admin_and_no_auditor_is_told_a_contact(void **state)
{
    static const enum field extra[] = {
        FIELD_NAMESPACE, FIELD_VALUES,        FIELD_FORM,    FIELD_REASON,
        FIELD_NAME,      FIELD_KIND,          FIELD_ROLE,    FIELD_FROM,
        FIELD_LIMIT,     FIELD_ALL,           FIELD_LASTS_S, FIELD_UNTIL,
        FIELD_DAILY,     FIELD_RETAIN_MONTHS, FIELD_RELAYED, FIELD_SINCE,
        FIELD_TOKEN,     FIELD_PRINCIPAL,     FIELD_ACT};
    static const enum who askers[] = {ADMIN, AUDIT};

    (void)state;
    for (unsigned i = 0; i < OPERATION_LIMIT * SOCKETS * 2; i++) {
        enum operation operation = (enum operation)(i / (SOCKETS * 2));

        /* These would forget who asks. */
        if (operation_name(operation) == NULL || operation == OP_HELLO || operation == OP_PROVE ||
            operation == OP_UNSEAL) {
            continue;
        }
        for (size_t field = 0; field < sizeof extra / sizeof extra[0]; field++) {
            ask_with((enum on_socket)(i % SOCKETS), askers[i / SOCKETS % 2], operation,
                     extra[field]);
        }
    }
}

int
main(void)
{
#define IN(world, test) cmocka_unit_test_setup_teardown(test, world, tear_down)
    const struct CMUnitTest tests[] = {
        IN(set_up, test_s2_whose_token_it_is),
        IN(set_up, test_s2_a_namespace_that_is_not_his_is_one_that_is_not_there),
        IN(set_up, test_a_role_counts_in_its_own_namespace_alone),
        IN(set_up, test_who_has_several_namespaces_says_which),
        IN(set_up, test_s21_beside_one_that_stands_an_ended_grant_is_none),
        IN(set_up, test_s21_an_ended_reveal_opens_nothing_of_its_namespace),
        IN(set_up, test_s21_the_role_that_ended_is_the_one_that_counts),
        IN(set_up, test_s21_given_again_it_is_in_force_at_once),
        IN(set_up, test_s18_tokenize_and_lookup_spend_one_budget),
        IN(set_up, test_s18_a_block_is_on_record_before_it_is_used),
        IN(set_up, test_s18_more_at_once_than_the_whole_budget),
        IN(set_up_few_lookups, test_s18_an_erase_by_value_is_a_lookup_and_by_token_is_free),
        IN(set_up, test_s18_reveals_by_the_day_and_by_the_hour),
        IN(set_up, test_s18_only_what_is_revealed_is_paid_and_a_batch_as_a_whole),
        IN(set_up, test_s18_the_tightest_of_several_namespaces_counts),
        IN(set_up, test_s18_nothing_but_time_gives_a_budget_back),
        IN(set_up, test_s18_a_grant_that_ends_brings_its_own_lookups),
        IN(set_up, test_s18_a_grant_that_ends_raises_the_figure_of_reveals),
        IN(set_up, test_s6_revoked_and_granted_again),
        IN(set_up, test_a_grant_bound_to_another_identity_is_none),
        IN(set_up, test_service_and_privacy_together_do_both_and_no_more),
        IN(set_up, test_s3_which_roles_go_together),
        IN(set_up, test_s3_an_admin_for_a_while_may_not_reveal_meanwhile),
        IN(set_up, test_relayed_is_told_and_nobody_else_is),
        IN(set_up, test_a_hello_that_came_to_nothing_leaves_nobody_known),
        IN(set_up, test_s3_whatever_is_asked_no_admin_and_no_auditor_is_told_a_contact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

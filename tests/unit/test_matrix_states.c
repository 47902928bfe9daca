/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S2 "a foreign token is one that does not exist", S6 "in force when it
 * returns", S21 "a grant that has ended", where an answer hangs on more than the role: whose token,
 * which namespace, which of several grants.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "stage.h"
#include "still_clock.h"

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
    stage_add_namespaces();
    stage_add("mixed-service", PRINCIPAL_SERVICE, 3001);
    stage_grant("mixed-service", ROLE_SERVICE, "brand", (struct caller_terms){0});
    stage_grant("mixed-service", ROLE_DELIVER, "half", (struct caller_terms){0});
    stage_add("mixed-person", PRINCIPAL_PERSON, 3002);
    stage_grant("mixed-person", ROLE_PRIVACY, "brand", (struct caller_terms){0});
    stage_grant("mixed-person", ROLE_REVEAL, "half", (struct caller_terms){0});
    stage_connect(&mixed_service, 3001);
    stage_connect(&mixed_person, 3002);
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
        stage_token_in(names[whose], value, ret_tokens->text[whose]);
    }
    token_format(CONTACT_EMAIL, &nothing, ret_tokens->text[ABSENT]);
    memcpy(ret_tokens->text[MALFORMED], ret_tokens->text[BRAND], TOKEN_TEXT_BYTES + 1);
    ret_tokens->text[MALFORMED][9] ^= 1; /* another letter, or none of the 32 */
    (void)snprintf(value, sizeof value, "t%u@example.com", serial++);
    stage_token_in("brand", value, ret_tokens->text[ERASED]);
    assert_int_equal(stage_ask(stage_member(PRIVACY), OP_ERASE, ret_tokens->text[ERASED], NULL),
                     STATUS_OK);
}

/* What the log shall hold about one token: the refusal; the reveal; or an erasure's two. */
static void
expect_about(enum operation operation, const char *token, enum status status, size_t count)
{
    bool erased = operation == OP_ERASE && status == STATUS_OK;
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        enum audit_phase phase = AUDIT_DONE;

        if (strcmp(stage.entries[i].token, token) != 0) {
            continue;
        }
        if (erased) {
            phase = found == 0 ? AUDIT_INTENT : AUDIT_OUTCOME;
        }
        assert_int_equal(stage.entries[i].act, operation);
        assert_int_equal(stage.entries[i].result, status);
        assert_int_equal(stage.entries[i].phase, phase);
        assert_string_equal(stage.entries[i].reason, phase == AUDIT_OUTCOME ? "" : "ticket 9");
        found++;
    }
    assert_int_equal(found, erased ? 2 : 1);
}

static void
expect_log(enum operation operation, const struct tokens *tokens, const char *letters)
{
    size_t count = stage_read_log();
    size_t expected = 0;

    if (operation == OP_DETOKENIZE || operation == OP_ERASE) {
        for (int whose = 0; whose < WHOSE_COUNT; whose++) {
            enum status status = stage_status(letters[2 * whose]);

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
                                                        : stage_member((enum who)asker);
        const char *values[WHOSE_COUNT];
        bool wants_reason = operation == OP_DETOKENIZE || operation == OP_ERASE;

        make_tokens(&tokens);
        for (int whose = 0; whose < WHOSE_COUNT; whose++) {
            values[whose] = tokens.text[whose];
        }
        log_reader_skip(&stage.cast.log);
        assert_int_equal(caller_values(caller, operation, values, WHOSE_COUNT, NULL,
                                       wants_reason ? "ticket 9" : NULL),
                         STATUS_OK);
        for (size_t whose = 0; whose < WHOSE_COUNT; whose++) {
            char letter = token_rows[row].answers[2 * whose];
            enum status got = caller_item_status(caller, whose);

            if (got != stage_status(letter)) {
                fail_msg("%s by asker %d, token %zu: expected %s, got %s",
                         operation_name(operation), asker, whose, status_name(stage_status(letter)),
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
    stage_add_namespaces();
    for (size_t i = 0; i < sizeof askers / sizeof askers[0]; i++) {
        enum operation operation = askers[i].operation;
        struct caller *caller = stage_member(askers[i].who);

        for (size_t name = 0; name < 2; name++) {
            log_reader_skip(&stage.cast.log);
            assert_int_equal(stage_ask(caller, operation, "a@example.com", names[name]),
                             STATUS_DENIED);
            stage_message(caller, text[name]);
            stage_expect_refusal(operation, STATUS_DENIED, cast_name(askers[i].who));
            assert_string_equal(stage.entries[0].namespace_name, "");
        }
        assert_string_equal(text[0], text[1]);
        assert_int_not_equal(stage_ask(caller, operation, "a@example.com", "brand"), STATUS_DENIED);
    }
}

/* Nor does another role there help. */
static void
test_a_role_counts_in_its_own_namespace_alone(void **state)
{
    (void)state;
    add_mixed();
    log_reader_skip(&stage.cast.log);
    assert_int_equal(stage_ask(&mixed_service, OP_TOKENIZE, "a@example.com", "half"),
                     STATUS_DENIED);
    stage_expect_refusal(OP_TOKENIZE, STATUS_DENIED, "mixed-service");
    assert_int_equal(stage_ask(&mixed_service, OP_LOOKUP, "a@example.com", "half"), STATUS_DENIED);
    stage_expect_refusal(OP_LOOKUP, STATUS_DENIED, "mixed-service");
    assert_int_equal(stage_ask(&mixed_person, OP_ERASE, "a@example.com", "half"), STATUS_DENIED);
    stage_expect_refusal(OP_ERASE, STATUS_DENIED, "mixed-person");
    assert_int_equal(stage_ask(&mixed_service, OP_TOKENIZE, "a@example.com", "brand"), STATUS_OK);
    assert_int_equal(stage_ask(&mixed_person, OP_LOOKUP, "a@example.com", "half"),
                     STATUS_NOT_FOUND);
    assert_int_equal(stage_ask(&mixed_person, OP_LOOKUP, "a@example.com", "brand"), STATUS_OK);
    remove_mixed();
}

static void
test_who_has_several_namespaces_says_which(void **state)
{
    struct caller *service = stage_member(SERVICE);

    (void)state;
    stage_add_namespaces();
    assert_int_equal(stage_ask(service, OP_TOKENIZE, "a@example.com", NULL), STATUS_OK);
    stage_grant("inbox", ROLE_SERVICE, "half", (struct caller_terms){.lasts_s = HOUR_S});
    log_reader_skip(&stage.cast.log);
    assert_int_equal(stage_ask(service, OP_TOKENIZE, "a@example.com", NULL), STATUS_INVALID);
    assert_int_equal(stage_read_log(), 0);
    /* One that has ended is none. */
    stage_pass_s(HOUR_S);
    assert_int_equal(stage_ask(service, OP_TOKENIZE, "a@example.com", NULL), STATUS_OK);
}

/* ---- grants that end ---- */

static void
test_s21_beside_one_that_stands_an_ended_grant_is_none(void **state)
{
    struct caller *service = stage_member(SERVICE);
    char brand[TOKEN_TEXT_BYTES + 1];
    char half[TOKEN_TEXT_BYTES + 1];

    (void)state;
    stage_add_namespaces();
    stage_token_in("brand", "a@example.com", brand);
    stage_token_in("half", "a@example.com", half);
    stage_grant("inbox", ROLE_SERVICE, "half", (struct caller_terms){.lasts_s = HOUR_S});
    assert_int_equal(stage_ask(service, OP_MASK, half, NULL), STATUS_OK);
    assert_int_equal(stage_ask(service, OP_DESCRIBE, half, NULL), STATUS_OK);
    assert_int_equal(stage_ask(service, OP_LOOKUP, "a@example.com", "half"), STATUS_OK);
    stage_pass_s(HOUR_S);
    assert_int_equal(stage_ask(service, OP_MASK, half, NULL), STATUS_NOT_FOUND);
    assert_int_equal(stage_ask(service, OP_DESCRIBE, half, NULL), STATUS_NOT_FOUND);
    assert_int_equal(stage_ask(service, OP_MASK, brand, NULL), STATUS_OK);
    log_reader_skip(&stage.cast.log);
    assert_int_equal(stage_ask(service, OP_TOKENIZE, "a@example.com", "half"), STATUS_DENIED);
    stage_expect_refusal(OP_TOKENIZE, STATUS_DENIED, "inbox");
    assert_int_equal(stage_ask(service, OP_LOOKUP, "a@example.com", "brand"), STATUS_OK);
}

/* A reveal that ended in one namespace, and one that stands in another. */
static void
test_s21_an_ended_reveal_opens_nothing_of_its_namespace(void **state)
{
    struct caller *lead = stage_member(REVEAL);
    char half[TOKEN_TEXT_BYTES + 1];

    (void)state;
    stage_add_namespaces();
    stage_token_in("half", "a@example.com", half);
    stage_grant("lead", ROLE_REVEAL, "half", (struct caller_terms){.lasts_s = HOUR_S});
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, half, NULL), STATUS_OK);
    stage_pass_s(HOUR_S);
    log_reader_skip(&stage.cast.log);
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, half, NULL), STATUS_NOT_FOUND);
    stage_expect_refusal(OP_DETOKENIZE, STATUS_NOT_FOUND, "lead");
    assert_string_equal(stage.entries[0].token, half);
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_OK);
}

/* Another role stands in the same namespace: it is his, and only what has ended is told so. */
static void
test_s21_the_role_that_ended_is_the_one_that_counts(void **state)
{
    struct caller *service = stage_member(SERVICE);
    char token[TOKEN_TEXT_BYTES + 1];

    (void)state;
    stage_add_namespaces();
    stage_token_in("brand", "a@example.com", token);
    stage_grant("inbox", ROLE_PRIVACY, "brand", (struct caller_terms){.lasts_s = HOUR_S});
    stage_pass_s(HOUR_S);
    log_reader_skip(&stage.cast.log);
    assert_int_equal(stage_ask(service, OP_ERASE, token, NULL), STATUS_EXPIRED);
    stage_expect_refusal(OP_ERASE, STATUS_EXPIRED, "inbox");
    assert_int_equal(stage_ask(service, OP_DETOKENIZE, token, NULL), STATUS_DENIED);
    assert_int_equal(stage_ask(service, OP_MASK, token, NULL), STATUS_OK);
    /* With a privacy grant elsewhere the question is whose token it is. */
    stage_grant("inbox", ROLE_PRIVACY, "half", (struct caller_terms){0});
    log_reader_skip(&stage.cast.log);
    assert_int_equal(stage_ask(service, OP_ERASE, token, NULL), STATUS_DENIED);
    stage_expect_refusal(OP_ERASE, STATUS_DENIED, "inbox");
    assert_string_equal(stage.entries[0].token, token);
}

static void
test_s21_given_again_it_is_in_force_at_once(void **state)
{
    struct caller *lead = stage_member(REVEAL);
    uint64_t until_ms;

    (void)state;
    stage_revoke("lead", ROLE_REVEAL, "brand");
    stage_grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.lasts_s = HOUR_S});
    stage_pass_s(HOUR_S - 1);
    stage_grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.lasts_s = HOUR_S});
    stage_pass_s(2);
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_OK);
    stage_pass_s(HOUR_S);
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_EXPIRED);
    until_ms = still_clock_now_ms() + 5 * SECOND_MS;
    stage_grant("lead", ROLE_REVEAL, "brand", (struct caller_terms){.until_ms = until_ms});
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_OK);
    stage_pass_s(5);
    assert_int_equal(stage_ask(lead, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_EXPIRED);
    /* An end that is past is none to give. */
    assert_int_equal(caller_grant_on_terms(&stage.cast.hand, "lead", ROLE_REVEAL, "brand",
                                           &(struct caller_terms){.until_ms = until_ms}),
                     STATUS_INVALID);
    assert_int_equal(
        caller_grant_on_terms(
            &stage.cast.hand, "lead", ROLE_REVEAL, "brand",
            &(struct caller_terms){.until_ms = until_ms + DAY_S * SECOND_MS, .lasts_s = 9}),
        STATUS_INVALID);
}
/* Where a person's reason would stand, and like one for the audit role alone. */
static void
test_the_terms_of_a_grant_are_in_the_log(void **state)
{
    const struct caller_terms terms = {
        .until_ms = UINT64_C(1798761599000), .daily = 20, .hourly = 5};
    const char *expected = "ends 2026-12-31T23:59:59Z; a day 20, an hour 5 (0: the default)";
    struct caller *hand = &stage.cast.hand;

    (void)state;
    log_reader_skip(&stage.cast.log);
    stage_grant("lead", ROLE_REVEAL, "brand", terms);
    assert_int_equal(stage_read_log(), 2);
    assert_int_equal(stage.entries[0].phase, AUDIT_INTENT);
    assert_int_equal(stage.entries[0].amount, 20);
    assert_string_equal(stage.entries[0].reason, expected);
    caller_begin(hand, OP_AUDIT_READ, 1);
    message_put_uint(&hand->request, FIELD_FROM, stage.entries[0].sequence);
    assert_int_equal(caller_send(hand), STATUS_OK);
    assert_null(memmem(hand->reply_bytes, hand->reply_size, "a day 20", 8));
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

        stage_revoke(name, roles[i].role, roles[i].where);
        cast_arrange(&stage.cast, roles[i].operation);
        log_reader_skip(&stage.cast.log);
        assert_int_equal(cast_ask(&stage.cast, roles[i].socket, roles[i].who, roles[i].operation),
                         STATUS_DENIED);
        stage_expect_refusal(roles[i].operation, STATUS_DENIED, name);
        stage_grant(name, roles[i].role, roles[i].where, (struct caller_terms){0});
        assert_int_equal(cast_ask(&stage.cast, roles[i].socket, roles[i].who, roles[i].operation),
                         STATUS_OK);
    }
}

/* As if the grant had been given when the principal had another key. No operation changes a key
 * yet, so it is done behind the vault's back. */
static void
bind_to_another(const char *name)
{
    const struct principal *principal =
        access_by_name(stage.cast.fixture.access, bytes_of_text(name));
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
        struct caller *caller = stage_member(bound[i].who);
        const char *name = cast_name(bound[i].who);

        bind_to_another(name);
        log_reader_skip(&stage.cast.log);
        assert_int_equal(stage_ask(caller, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_DENIED);
        stage_expect_refusal(OP_DETOKENIZE, STATUS_DENIED, name);
        assert_int_equal(stage_ask(caller, OP_MASK, stage.cast.kept, NULL), STATUS_DENIED);
        /* Given again, it is bound to whom he is now. */
        stage_grant(name, bound[i].role, "brand", (struct caller_terms){0});
        assert_int_equal(stage_ask(caller, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_OK);
    }
}

int
main(void)
{
#define IN(world, test) cmocka_unit_test_setup_teardown(test, world, stage_tear_down)
    const struct CMUnitTest tests[] = {
        IN(stage_set_up, test_s2_whose_token_it_is),
        IN(stage_set_up, test_s2_a_namespace_that_is_not_his_is_one_that_is_not_there),
        IN(stage_set_up, test_a_role_counts_in_its_own_namespace_alone),
        IN(stage_set_up, test_who_has_several_namespaces_says_which),
        IN(stage_set_up, test_s21_beside_one_that_stands_an_ended_grant_is_none),
        IN(stage_set_up, test_s21_an_ended_reveal_opens_nothing_of_its_namespace),
        IN(stage_set_up, test_s21_the_role_that_ended_is_the_one_that_counts),
        IN(stage_set_up, test_s21_given_again_it_is_in_force_at_once),
        IN(stage_set_up, test_the_terms_of_a_grant_are_in_the_log),
        IN(stage_set_up, test_s6_revoked_and_granted_again),
        IN(stage_set_up, test_a_grant_bound_to_another_identity_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

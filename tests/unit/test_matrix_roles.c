/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S3 "admin excludes revealing" and "no admin operation returns a contact",
 * whatever is asked. Which roles go together, and who somebody is: relayed, or nobody any more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>

#include "hello.h"
#include "stage.h"
#include "still_clock.h"

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
    stage_grant("inbox", ROLE_PRIVACY, "brand", (struct caller_terms){0});
    for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) {
        cast_arrange(&stage.cast, both[i].operation);
        assert_int_equal(cast_ask(&stage.cast, ON_DATA, SERVICE, both[i].operation),
                         both[i].status);
    }
    assert_int_equal(cast_ask(&stage.cast, ON_ADMIN, SERVICE, OP_UNFREEZE), STATUS_DENIED);
    stage_revoke("inbox", ROLE_PRIVACY, "brand");
    cast_arrange(&stage.cast, OP_ERASE);
    assert_int_equal(cast_ask(&stage.cast, ON_DATA, SERVICE, OP_ERASE), STATUS_DENIED);
    assert_int_equal(cast_ask(&stage.cast, ON_DATA, SERVICE, OP_FREEZE), STATUS_DENIED);
    assert_int_equal(cast_ask(&stage.cast, ON_DATA, SERVICE, OP_TOKENIZE), STATUS_OK);
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

/* Intent and outcome; who tried to give what is excluded; of what makes no sense, nothing. */
static void
expect_grant(const char *name, enum role role, enum status status)
{
    static const size_t counts[STATUS_COUNT] = {[STATUS_OK] = 2, [STATUS_CONFLICT] = 1};
    size_t count = stage_read_log();

    assert_int_equal(count, counts[status]);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(stage.entries[i].act, OP_GRANT);
        assert_int_equal(stage.entries[i].result, status);
        assert_int_equal(stage.entries[i].role, role);
        assert_string_equal(stage.entries[i].principal, "hand");
        assert_string_equal(stage.entries[i].subject, name);
    }
    assert_true(count != 1 || stage.entries[0].phase == AUDIT_DONE);
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
        stage_add(name, exclusions[row].kind, 4000 + (uint32_t)row);
        if (held != 0) {
            stage_grant(name, held, where_of(held), (struct caller_terms){0});
        }
        for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
            enum status expected = stage_status(exclusions[row].answers[2 * i]);

            log_reader_skip(&stage.cast.log);
            assert_int_equal(
                caller_grant(&stage.cast.hand, OP_GRANT, name, order[i], where_of(order[i])),
                expected);
            expect_grant(name, order[i], expected);
            if (expected == STATUS_OK) {
                stage_revoke(name, order[i], where_of(order[i]));
            } else if (expected == STATUS_CONFLICT && order[i] != held) {
                stage_message(&stage.cast.hand, text);
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
    stage_add("deputy", PRINCIPAL_PERSON, 4100);
    stage_grant("deputy", ROLE_ADMIN, NULL, (struct caller_terms){.lasts_s = HOUR_S});
    assert_int_equal(caller_grant(&stage.cast.hand, OP_GRANT, "deputy", ROLE_REVEAL, "brand"),
                     STATUS_CONFLICT);
    stage_pass_s(HOUR_S);
    assert_int_equal(caller_grant(&stage.cast.hand, OP_GRANT, "deputy", ROLE_REVEAL, "brand"),
                     STATUS_OK);
    assert_int_equal(caller_grant(&stage.cast.hand, OP_GRANT, "deputy", ROLE_ADMIN, NULL),
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
    struct message_writer *request = &stage.cast.hand.request;

    caller_begin(&stage.cast.hand, OP_PRINCIPAL_ADD, 3u + relayed);
    message_put_text(request, FIELD_NAME, name);
    message_put_uint(request, FIELD_KIND, PRINCIPAL_SERVICE);
    message_put_bytes(request, FIELD_PUBLIC_KEY, bytes_of(key->public_key, PUBLIC_KEY_BYTES));
    if (relayed) {
        message_put_bool(request, FIELD_RELAYED, true);
    }
    assert_int_equal(caller_send(&stage.cast.hand), STATUS_OK);
    stage_grant(name, ROLE_DELIVER, "brand", (struct caller_terms){0});
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

    assert_int_equal(caller_name(&stage.cast.hand, OP_PRINCIPAL_SHOW, name), STATUS_OK);
    assert_true(message_list(stage.cast.hand.reply, FIELD_ITEMS, &items));
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
    caller_make(&caller, &stage.cast.fixture, PEER_DATA, HERE);
    log_reader_skip(&stage.cast.log);
    assert_int_equal(prove_key(&caller, &near, &near, THERE), STATUS_UNAUTHENTICATED);
    assert_int_equal(prove_key(&caller, &far, &near, THERE), STATUS_UNAUTHENTICATED);
    assert_int_equal(stage_read_log(), 0);
    assert_int_equal(prove_key(&caller, &near, &near, HERE), STATUS_OK);
    assert_int_equal(stage_ask(&caller, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_OK);
    assert_int_equal(stage_read_log(), 1);
    assert_string_equal(stage.entries[0].principal, "near");
    assert_false(stage.entries[0].relayed);
    assert_int_equal(prove_key(&caller, &far, &far, THERE), STATUS_OK);
    assert_int_equal(stage_ask(&caller, OP_DETOKENIZE, stage.cast.kept, NULL), STATUS_OK);
    assert_int_equal(stage_ask(&caller, OP_MASK, stage.cast.kept, NULL), STATUS_DENIED);
    assert_int_equal(stage_read_log(), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(stage.entries[i].principal, "far");
        assert_true(stage.entries[i].relayed);
    }
    /* Disabled, its key is proved in vain, and the log says so. */
    assert_int_equal(caller_name(&stage.cast.hand, OP_PRINCIPAL_DISABLE, "far"), STATUS_OK);
    log_reader_skip(&stage.cast.log);
    assert_int_equal(prove_key(&caller, &far, &far, THERE), STATUS_UNAUTHENTICATED);
    stage_expect_refusal(OP_PROVE, STATUS_UNAUTHENTICATED, "far");
    assert_true(stage.entries[0].relayed);
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
        stage_connect(&caller, stage.cast.callers[ON_DATA][SERVICE].peer.uid);
        /* The request that would be answered, with the id of this hello. */
        assert_int_equal(stage_ask(&caller, OP_TOKENIZE, "a@example.com", NULL), STATUS_OK);
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
        log_reader_skip(&stage.cast.log);
        assert_int_equal(caller_send_bytes(&caller, bytes_of(tokenize, size)),
                         STATUS_UNAUTHENTICATED);
        assert_int_equal(stage_read_log(), 0);
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
                                 [FIELD_TOKEN] = stage.cast.kept,
                                 [FIELD_TICKET] = "case 7",
                                 [FIELD_REASON_PURPOSE] = "callback"};

    request->data[0]++; /* a map of so many fields, of less than fifteen */
    switch (field) {
    case FIELD_VALUES:
        message_put_list(request, field, 2);
        message_add_bytes(request, bytes_of_text("+393331234567"));
        message_add_bytes(request, bytes_of_text(stage.cast.kept));
        break;
    case FIELD_NAMESPACE:
    case FIELD_REASON:
    case FIELD_NAME:
    case FIELD_PRINCIPAL:
    case FIELD_TOKEN:
    case FIELD_TICKET:
    case FIELD_REASON_PURPOSE:
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
        message_put_uint(request, field, still_clock_now_ms() + DAY_S * SECOND_MS);
        break;
    default:
        message_put_uint(request, field, 1);
        break;
    }
}

static void
ask_with(enum on_socket socket, enum who who, enum operation operation, enum field field)
{
    struct caller *caller = &stage.cast.callers[socket][who];

    cast_arrange(&stage.cast, operation);
    cast_begin(&stage.cast, socket, who, operation);
    put_extra(&caller->request, field);
    if (caller_send(caller) == STATUS_OK && operation == OP_SEAL) {
        assert_int_equal(dispatch_unseal(stage.cast.fixture.dispatch, stage.cast.fixture.root,
                                         stage.cast.fixture.fault),
                         STATUS_OK);
    }
    if (cast_told_contact(&stage.cast, socket, who)) {
        fail_msg("%s with field %d tells %s a contact", operation_name(operation), (int)field,
                 cast_title(who));
    }
    if (who == ADMIN && cast_told_reason(&stage.cast, socket, who)) {
        fail_msg("%s with field %d tells an admin a reason", operation_name(operation), (int)field);
    }
}

/* Every operation, with every field it takes or does not. */
static void
test_s3_whatever_is_asked_no_admin_and_no_auditor_is_told_a_contact(void **state)
{
    static const enum field extra[] = {
        FIELD_NAMESPACE,     FIELD_VALUES, FIELD_FORM,      FIELD_REASON,        FIELD_NAME,
        FIELD_KIND,          FIELD_ROLE,   FIELD_FROM,      FIELD_LIMIT,         FIELD_ALL,
        FIELD_LASTS_S,       FIELD_UNTIL,  FIELD_DAILY,     FIELD_RETAIN_MONTHS, FIELD_RELAYED,
        FIELD_SINCE,         FIELD_TOKEN,  FIELD_PRINCIPAL, FIELD_ACT,           FIELD_TICKET,
        FIELD_REASON_PURPOSE};
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
#define IN(world, test) cmocka_unit_test_setup_teardown(test, world, stage_tear_down)
    const struct CMUnitTest tests[] = {
        IN(stage_set_up, test_service_and_privacy_together_do_both_and_no_more),
        IN(stage_set_up, test_s3_which_roles_go_together),
        IN(stage_set_up, test_s3_an_admin_for_a_while_may_not_reveal_meanwhile),
        IN(stage_set_up, test_relayed_is_told_and_nobody_else_is),
        IN(stage_set_up, test_a_hello_that_came_to_nothing_leaves_nobody_known),
        IN(stage_set_up, test_s3_whatever_is_asked_no_admin_and_no_auditor_is_told_a_contact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

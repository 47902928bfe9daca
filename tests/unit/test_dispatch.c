/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the promises of one contact, one token; of an error for each bad item; of the same order.
 * Owns SECURITY.md S1 "recorded before opened", S2 "a foreign token is one that does not exist", S3
 * "admin excludes revealing", S6 "in force when it returns", S7 "an edited row keeps the vault
 * sealed", S14 "another connection's id is not executed", S16 "whoever is refused cannot fill the
 * log".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"
#include "hello.h"
#include "scratch.h"

enum { SERVICE_UID = 2001, REVEAL_UID = 2003, OTHER_UID = 2004 };

static struct fixture fixture;
static struct caller admin;
static struct caller service;
static struct caller person;
static struct caller other; /* may reveal in another namespace */

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

static int
set_up(void **state)
{
    (void)state;
    fixture_make(&fixture);
    connect_as(&admin, PEER_ADMIN, FIXTURE_ADMIN_UID);
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_OK);
    assert_int_equal(caller_namespace_create(&admin, "rival"), STATUS_OK);
    add("service", PRINCIPAL_SERVICE, SERVICE_UID, ROLE_SERVICE, "brand");
    add("person", PRINCIPAL_PERSON, REVEAL_UID, ROLE_REVEAL, "brand");
    add("other", PRINCIPAL_PERSON, OTHER_UID, ROLE_REVEAL, "rival");
    connect_as(&service, PEER_DATA, SERVICE_UID);
    connect_as(&person, PEER_DATA, REVEAL_UID);
    connect_as(&other, PEER_DATA, OTHER_UID);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    caller_remove(&admin);
    caller_remove(&service);
    caller_remove(&person);
    caller_remove(&other);
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

static void
assert_text(struct bytes got, const char *expected)
{
    assert_int_equal(got.size, strlen(expected));
    assert_memory_equal(got.data, expected, got.size);
}

/* ---- one contact, one token ---- */

static void
test_spellings_of_one_contact_give_one_token(void **state)
{
    const char *const spellings[] = {"+39 333 123 4567", "0039 333 1234567", "+393331234567",
                                     "Maria@EXAMPLE.com", "maria@example.com"};

    (void)state;
    assert_int_equal(caller_values(&service, OP_TOKENIZE, spellings, 5, NULL, NULL), STATUS_OK);
    for (size_t i = 1; i < 5; i++) {
        struct bytes first = caller_item_text(&service, i < 3 ? 0 : 3, FIELD_TOKEN);

        assert_true(bytes_equal(first, caller_item_text(&service, i, FIELD_TOKEN)));
    }
    assert_text(caller_item_text(&service, 0, FIELD_MASK), "+39 ••• ••• ••67");
    assert_text(caller_item_text(&service, 3, FIELD_MASK), "m•••@e•••.com");
}

static void
test_the_form_first_seen_is_revealed(void **state)
{
    char token[TOKEN_TEXT_BYTES + 1];
    const char *values[] = {token};

    (void)state;
    token_of("First.Seen@example.com", token);
    token_of("first.seen@EXAMPLE.com", token);
    assert_int_equal(caller_values(&person, OP_DETOKENIZE, values, 1, NULL, "check"), STATUS_OK);
    assert_text(caller_item_text(&person, 0, FIELD_VALUE), "First.Seen@example.com");
}

static void
test_lookup_never_makes_a_token(void **state)
{
    const char *const values[] = {"+393480000001"};
    char token[TOKEN_TEXT_BYTES + 1];

    (void)state;
    assert_int_equal(caller_values(&service, OP_LOOKUP, values, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_item_status(&service, 0), STATUS_NOT_FOUND);
    assert_int_equal(caller_values(&service, OP_LOOKUP, values, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_item_status(&service, 0), STATUS_NOT_FOUND);
    token_of(values[0], token);
    assert_int_equal(caller_values(&service, OP_LOOKUP, values, 1, NULL, NULL), STATUS_OK);
    assert_text(caller_item_text(&service, 0, FIELD_TOKEN), token);
}

enum { RACERS = 16, RACE_ROUNDS = 20 };

struct racer {
    struct caller caller;
    pthread_barrier_t *start;
    char tokens[RACE_ROUNDS][TOKEN_TEXT_BYTES];
};

static void *
race(void *state)
{
    struct racer *racer = state;

    for (unsigned round = 0; round < RACE_ROUNDS; round++) {
        char value[32];
        const char *values[] = {value};

        (void)snprintf(value, sizeof value, "race-%u@example.com", round);
        (void)pthread_barrier_wait(racer->start);
        if (caller_values(&racer->caller, OP_TOKENIZE, values, 1, NULL, NULL) == STATUS_OK &&
            caller_item_status(&racer->caller, 0) == STATUS_OK) {
            memcpy(racer->tokens[round], caller_item_text(&racer->caller, 0, FIELD_TOKEN).data,
                   TOKEN_TEXT_BYTES);
        }
    }
    return NULL;
}

static void
test_racing_callers_get_one_token(void **state)
{
    static struct racer racers[RACERS];
    pthread_t threads[RACERS];
    pthread_barrier_t start;

    (void)state;
    (void)pthread_barrier_init(&start, NULL, RACERS);
    for (size_t i = 0; i < RACERS; i++) {
        connect_as(&racers[i].caller, PEER_DATA, SERVICE_UID);
        racers[i].start = &start;
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        (void)pthread_join(threads[i], NULL);
        caller_remove(&racers[i].caller);
    }
    (void)pthread_barrier_destroy(&start);
    for (size_t i = 0; i < RACERS; i++) {
        for (size_t round = 0; round < RACE_ROUNDS; round++) {
            assert_int_not_equal(racers[i].tokens[round][0], 0);
            assert_memory_equal(racers[i].tokens[round], racers[0].tokens[round], TOKEN_TEXT_BYTES);
        }
    }
}

/* ---- batches ---- */

static void
test_a_full_batch_keeps_its_order_and_its_bad_items(void **state)
{
    static char texts[BATCH_ITEMS_MAX][32];
    static const char *values[BATCH_ITEMS_MAX];
    static char tokens[BATCH_ITEMS_MAX][TOKEN_TEXT_BYTES + 1];

    (void)state;
    for (unsigned i = 0; i < BATCH_ITEMS_MAX; i++) {
        /* Every fifth is rubbish; every seventh repeats the first. */
        (void)snprintf(texts[i], sizeof texts[i], i % 5 == 4 ? "rubbish %u" : "b%u@example.com",
                       i % 7 == 0 ? 0 : i);
        values[i] = texts[i];
    }
    assert_int_equal(caller_values(&service, OP_TOKENIZE, values, BATCH_ITEMS_MAX, NULL, NULL),
                     STATUS_OK);
    for (unsigned i = 0; i < BATCH_ITEMS_MAX; i++) {
        if (i % 5 == 4) {
            assert_int_equal(caller_item_status(&service, i), STATUS_INVALID);
            (void)strcpy(tokens[i], "rubbish");
        } else {
            memcpy(tokens[i], caller_item_text(&service, i, FIELD_TOKEN).data, TOKEN_TEXT_BYTES);
        }
        if (i % 7 == 0 && i % 5 != 4) {
            assert_memory_equal(tokens[i], tokens[0], TOKEN_TEXT_BYTES);
        }
        values[i] = tokens[i];
    }
    assert_int_equal(caller_values(&person, OP_DETOKENIZE, values, BATCH_ITEMS_MAX, NULL, "all"),
                     STATUS_OK);
    for (unsigned i = 0; i < BATCH_ITEMS_MAX; i++) {
        if (i % 5 == 4) {
            assert_int_equal(caller_item_status(&person, i), STATUS_INVALID);
        } else {
            assert_text(caller_item_text(&person, i, FIELD_VALUE), texts[i]);
        }
    }
}

static void
test_a_batch_over_the_limit_is_refused_whole(void **state)
{
    static const char *values[BATCH_ITEMS_MAX + 1];

    (void)state;
    for (size_t i = 0; i < BATCH_ITEMS_MAX + 1; i++) {
        values[i] = "a@example.com";
    }
    assert_int_equal(caller_values(&service, OP_TOKENIZE, values, BATCH_ITEMS_MAX + 1, NULL, NULL),
                     STATUS_TOO_LARGE);
}

/* ---- what one may not learn ---- */

static void
test_a_foreign_token_is_one_that_does_not_exist(void **state)
{
    char foreign[TOKEN_TEXT_BYTES + 1];
    char absent[TOKEN_TEXT_BYTES + 1];
    const char *values[] = {foreign, absent};
    const enum operation operations[] = {OP_MASK, OP_DETOKENIZE};
    const struct token nothing = {{1, 2, 3}};

    (void)state;
    token_of("+393331234567", foreign);
    token_format(CONTACT_PHONE, &nothing, absent);
    for (size_t i = 0; i < 2; i++) {
        const char *reason = operations[i] == OP_DETOKENIZE ? "curious" : NULL;

        assert_int_equal(caller_values(&other, operations[i], values, 2, NULL, reason), STATUS_OK);
        assert_int_equal(caller_item_status(&other, 0), STATUS_NOT_FOUND);
        assert_int_equal(caller_item_status(&other, 1), STATUS_NOT_FOUND);
        assert_true(bytes_equal(caller_item_text(&other, 0, FIELD_MESSAGE),
                                caller_item_text(&other, 1, FIELD_MESSAGE)));
    }
}

static void
test_a_token_copied_wrong_is_malformed(void **state)
{
    char token[TOKEN_TEXT_BYTES + 1];
    const char *values[] = {token};

    (void)state;
    token_of("+393331234567", token);
    token[10] = token[10] == '0' ? '1' : '0';
    assert_int_equal(caller_values(&service, OP_MASK, values, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_item_status(&service, 0), STATUS_INVALID);
    assert_text(caller_item_text(&service, 0, FIELD_MESSAGE),
                "malformed token: a letter is wrong, missing or too many");
}

static void
test_a_foreign_namespace_and_none_give_one_answer(void **state)
{
    const char *const values[] = {"a@example.com"};
    char text[2][MESSAGE_BYTES_MAX];
    const char *const names[] = {"rival", "nowhere"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct bytes message;

        assert_int_equal(caller_values(&service, OP_TOKENIZE, values, 1, names[i], NULL),
                         STATUS_DENIED);
        assert_true(message_bytes(service.reply, FIELD_MESSAGE, &message));
        (void)snprintf(text[i], sizeof text[i], "%.*s", (int)message.size, message.data);
    }
    assert_string_equal(text[0], text[1]);
}

/* A grant counts where it was given, and nowhere else. */
static void
test_delivering_for_one_namespace_opens_no_other(void **state)
{
    char token[TOKEN_TEXT_BYTES + 1];
    const char *values[] = {token};
    struct caller both;

    (void)state;
    token_of("+393331234567", token);
    add("both", PRINCIPAL_SERVICE, 4004, ROLE_SERVICE, "brand");
    assert_int_equal(caller_grant(&admin, OP_GRANT, "both", ROLE_DELIVER, "rival"), STATUS_OK);
    connect_as(&both, PEER_DATA, 4004);
    assert_int_equal(caller_values(&both, OP_MASK, values, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_item_status(&both, 0), STATUS_OK);
    assert_int_equal(caller_values(&both, OP_DETOKENIZE, values, 1, NULL, "why"), STATUS_OK);
    assert_int_equal(caller_item_status(&both, 0), STATUS_DENIED);
    assert_int_equal(caller_item_text(&both, 0, FIELD_VALUE).size, 0);
    caller_remove(&both);
}

/* ---- who you are ---- */

static void
test_another_connections_id_is_not_taken(void **state)
{
    const char *const values[] = {"not.executed@example.com"};
    struct caller second;
    uint8_t own[CONNECTION_ID_BYTES];
    uint64_t before = 0;
    uint64_t after = 0;

    (void)state;
    connect_as(&second, PEER_DATA, SERVICE_UID);
    memcpy(own, second.peer.connection, sizeof own);
    caller_begin(&second, OP_TOKENIZE, 1);
    message_put_list(&second.request, FIELD_VALUES, 1);
    message_add_bytes(&second.request, bytes_of_text(values[0]));
    assert_int_equal(vault_count(fixture.vault, 1, &before), STATUS_OK);
    second.peer.connection[3] ^= 1;
    assert_int_equal(caller_send(&second), STATUS_UNAUTHENTICATED);
    assert_int_equal(vault_count(fixture.vault, 1, &after), STATUS_OK);
    assert_int_equal(after, before);
    memcpy(second.peer.connection, own, sizeof own);
    assert_int_equal(caller_send(&second), STATUS_OK);
    assert_int_equal(vault_count(fixture.vault, 1, &after), STATUS_OK);
    assert_int_equal(after, before + 1);
    caller_remove(&second);
}

struct key_pair {
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
};

enum lie { NO_LIE, LIE_UID, LIE_KEY, LIE_NONCE, LIE_INSTANCE, LIES };

/* Asks for a challenge, and gives the instance and the vault's nonce. */
static void
ask_for_challenge(struct caller *caller, const struct key_pair *key, const uint8_t *nonce,
                  uint8_t ret_instance[static INSTANCE_ID_BYTES],
                  uint8_t ret_nonce[static NONCE_BYTES])
{
    struct bytes instance;
    struct bytes vault_nonce;

    caller_begin(caller, OP_HELLO, 3);
    message_put_uint(&caller->request, FIELD_VERSION, PROTOCOL_VERSION);
    message_put_bytes(&caller->request, FIELD_NONCE, bytes_of(nonce, NONCE_BYTES));
    message_put_bytes(&caller->request, FIELD_PUBLIC_KEY,
                      bytes_of(key->public_key, PUBLIC_KEY_BYTES));
    assert_int_equal(caller_send(caller), STATUS_OK);
    assert_true(message_bytes(caller->reply, FIELD_INSTANCE, &instance));
    assert_true(message_bytes(caller->reply, FIELD_NONCE, &vault_nonce));
    memcpy(ret_instance, instance.data, INSTANCE_ID_BYTES);
    memcpy(ret_nonce, vault_nonce.data, NONCE_BYTES);
}

static enum status
prove(struct caller *caller, const struct hello *hello, const uint8_t *secret_key)
{
    uint8_t transcript[HELLO_TRANSCRIPT_BYTES];
    uint8_t signature[SIGNATURE_BYTES];

    hello_transcript(hello, transcript);
    (void)crypto_sign_detached(signature, NULL, transcript, sizeof transcript, secret_key);
    caller_begin(caller, OP_PROVE, 2);
    message_put_bytes(&caller->request, FIELD_SIGNATURE, bytes_of(signature, sizeof signature));
    message_put_uint(&caller->request, FIELD_UID, hello->uid);
    return caller_send(caller);
}

/* A hello by key, told with one lie. */
static enum status
hello_by_key(struct caller *caller, const struct key_pair *key, const struct key_pair *wrong,
             enum lie lie)
{
    const uint8_t nonce[NONCE_BYTES] = {9};
    uint8_t instance[INSTANCE_ID_BYTES];
    uint8_t vault_nonce[NONCE_BYTES];
    const struct hello hello = {.instance_id = instance,
                                .public_key = key->public_key,
                                .client_nonce = nonce,
                                .vault_nonce = vault_nonce,
                                .uid = lie == LIE_UID ? caller->peer.uid + 1 : caller->peer.uid};

    ask_for_challenge(caller, key, nonce, instance, vault_nonce);
    vault_nonce[0] ^= lie == LIE_NONCE;
    instance[0] ^= lie == LIE_INSTANCE;
    return prove(caller, &hello, lie == LIE_KEY ? wrong->secret_key : key->secret_key);
}

/* A wrong proof uses the challenge up: the right one that follows it is none. */
static enum status
prove_twice(struct caller *caller, const struct key_pair *key, const struct key_pair *wrong)
{
    const uint8_t nonce[NONCE_BYTES] = {9};
    uint8_t instance[INSTANCE_ID_BYTES];
    uint8_t vault_nonce[NONCE_BYTES];
    const struct hello hello = {.instance_id = instance,
                                .public_key = key->public_key,
                                .client_nonce = nonce,
                                .vault_nonce = vault_nonce,
                                .uid = caller->peer.uid};

    ask_for_challenge(caller, key, nonce, instance, vault_nonce);
    assert_int_equal(prove(caller, &hello, wrong->secret_key), STATUS_UNAUTHENTICATED);
    return prove(caller, &hello, key->secret_key);
}

static void
test_a_key_is_proved_or_refused(void **state)
{
    struct key_pair key;
    struct key_pair wrong;
    struct caller caller;

    (void)state;
    (void)crypto_sign_keypair(key.public_key, key.secret_key);
    (void)crypto_sign_keypair(wrong.public_key, wrong.secret_key);
    caller_begin(&admin, OP_PRINCIPAL_ADD, 3);
    message_put_text(&admin.request, FIELD_NAME, "keyed");
    message_put_uint(&admin.request, FIELD_KIND, PRINCIPAL_SERVICE);
    message_put_bytes(&admin.request, FIELD_PUBLIC_KEY, bytes_of(key.public_key, PUBLIC_KEY_BYTES));
    assert_int_equal(caller_send(&admin), STATUS_OK);
    caller_make(&caller, &fixture, PEER_DATA, 3333);
    for (int lie = NO_LIE; lie < LIES; lie++) {
        assert_int_equal(hello_by_key(&caller, &key, &wrong, (enum lie)lie),
                         lie == NO_LIE ? STATUS_OK : STATUS_UNAUTHENTICATED);
    }
    /* A key nobody has gets a challenge, and then no entry. */
    assert_int_equal(hello_by_key(&caller, &wrong, &key, NO_LIE), STATUS_UNAUTHENTICATED);
    assert_int_equal(prove_twice(&caller, &key, &wrong), STATUS_UNAUTHENTICATED);
    /* Nor is a proof that was good once. */
    assert_int_equal(hello_by_key(&caller, &key, &wrong, NO_LIE), STATUS_OK);
    assert_int_equal(caller_send(&caller), STATUS_UNAUTHENTICATED);
    caller_remove(&caller);
}

/* What was sent under one identity is not executed under the next. */
static void
test_a_second_hello_gives_another_id(void **state)
{
    const char *const values[] = {"a@example.com"};
    struct caller caller;
    uint8_t first[CONNECTION_ID_BYTES];
    uint8_t second[CONNECTION_ID_BYTES];

    (void)state;
    connect_as(&caller, PEER_DATA, SERVICE_UID);
    memcpy(first, caller.peer.connection, sizeof first);
    assert_int_equal(caller_hello(&caller), STATUS_OK);
    memcpy(second, caller.peer.connection, sizeof second);
    assert_memory_not_equal(first, second, sizeof first);
    memcpy(caller.peer.connection, first, sizeof first);
    caller_begin(&caller, OP_LOOKUP, 1);
    message_put_list(&caller.request, FIELD_VALUES, 1);
    message_add_bytes(&caller.request, bytes_of_text(values[0]));
    memcpy(caller.peer.connection, second, sizeof second);
    assert_int_equal(caller_send(&caller), STATUS_UNAUTHENTICATED);
    caller_remove(&caller);
}

static void
test_proofs_that_do_not_hold_are_soon_not_even_checked(void **state)
{
    struct key_pair key;
    struct key_pair wrong;
    struct caller caller;
    unsigned refused = 0;

    (void)state;
    (void)crypto_sign_keypair(key.public_key, key.secret_key);
    (void)crypto_sign_keypair(wrong.public_key, wrong.secret_key);
    caller_make(&caller, &fixture, PEER_DATA, 3401);
    while (refused < 64 && hello_by_key(&caller, &key, &wrong, LIE_KEY) == STATUS_UNAUTHENTICATED) {
        refused++;
    }
    assert_in_range(refused, 16, 63);
    assert_int_equal(hello_by_key(&caller, &key, &wrong, LIE_KEY), STATUS_BUSY);
    caller_remove(&caller);
    /* Another user is not held up by it. */
    caller_make(&caller, &fixture, PEER_DATA, 3402);
    assert_int_equal(hello_by_key(&caller, &key, &wrong, LIE_KEY), STATUS_UNAUTHENTICATED);
    caller_remove(&caller);
}

/* ---- roles ---- */

static void
test_admin_excludes_revealing_both_ways(void **state)
{
    (void)state;
    assert_int_equal(caller_grant(&admin, OP_GRANT, "admin", ROLE_REVEAL, "brand"),
                     STATUS_CONFLICT);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "person", ROLE_ADMIN, NULL), STATUS_CONFLICT);
}

static void
test_a_revoke_is_in_force_when_it_returns(void **state)
{
    char token[TOKEN_TEXT_BYTES + 1];
    const char *values[] = {token};
    struct caller mover;

    (void)state;
    token_of("+393331234567", token);
    add("mover", PRINCIPAL_PERSON, 4010, ROLE_REVEAL, "brand");
    connect_as(&mover, PEER_DATA, 4010);
    assert_int_equal(caller_values(&mover, OP_DETOKENIZE, values, 1, NULL, "before"), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_REVOKE, "mover", ROLE_REVEAL, "brand"), STATUS_OK);
    assert_int_equal(caller_values(&mover, OP_DETOKENIZE, values, 1, NULL, "after"), STATUS_DENIED);
    caller_remove(&mover);
}

static void
test_a_seal_is_in_force_when_it_returns(void **state)
{
    char token[TOKEN_TEXT_BYTES + 1];
    const char *values[] = {token};

    (void)state;
    token_of("+393331234567", token);
    caller_begin(&admin, OP_SEAL, 0);
    assert_int_equal(caller_send(&admin), STATUS_OK);
    assert_int_equal(caller_values(&person, OP_DETOKENIZE, values, 1, NULL, "after"),
                     STATUS_SEALED);
    assert_int_equal(dispatch_unseal(fixture.dispatch, fixture.root, fixture.fault), STATUS_OK);
    assert_int_equal(caller_values(&person, OP_DETOKENIZE, values, 1, NULL, "again"), STATUS_OK);
}

static void
test_a_disable_is_in_force_when_it_returns(void **state)
{
    char token[TOKEN_TEXT_BYTES + 1];
    const char *values[] = {token};
    struct caller leaver;

    (void)state;
    token_of("+393331234567", token);
    add("leaver", PRINCIPAL_PERSON, 4001, ROLE_REVEAL, "brand");
    connect_as(&leaver, PEER_DATA, 4001);
    assert_int_equal(caller_values(&leaver, OP_DETOKENIZE, values, 1, NULL, "before"), STATUS_OK);
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_DISABLE, "leaver"), STATUS_OK);
    assert_int_equal(caller_values(&leaver, OP_DETOKENIZE, values, 1, NULL, "after"),
                     STATUS_DENIED);
    caller_remove(&leaver);
}

/* ---- the log ---- */

struct tally {
    uint64_t granted;
    uint64_t denied;
    uint64_t last;
    uint64_t disabled_at;
    uint64_t granted_after;
    const char *principal;
};

static enum status
count_entry(void *state, const struct audit_entry *entry)
{
    struct tally *tally = state;
    bool about = bytes_equal(entry->principal, bytes_of_text(tally->principal));

    tally->last = entry->sequence;
    if (entry->operation == OP_DETOKENIZE && about) {
        tally->granted += entry->result == STATUS_OK;
        tally->denied += entry->result != STATUS_OK;
        tally->granted_after += entry->result == STATUS_OK && tally->disabled_at != 0;
    }
    if (entry->operation == OP_PRINCIPAL_DISABLE && entry->phase == AUDIT_OUTCOME &&
        bytes_equal(entry->subject, bytes_of_text(tally->principal))) {
        tally->disabled_at = entry->sequence;
    }
    return STATUS_OK;
}

static struct tally
tally_of(const char *principal)
{
    struct tally tally = {.principal = principal};

    assert_int_equal(audit_wait(fixture.audit, audit_last(fixture.audit)), STATUS_OK);
    assert_int_equal(audit_read(fixture.audit, 1, audit_last(fixture.audit), count_entry, &tally),
                     STATUS_OK);
    return tally;
}

static void
test_every_reveal_and_every_refusal_is_in_the_log(void **state)
{
    char token[TOKEN_TEXT_BYTES + 1];
    const char *values[] = {token, token, "rubbish"};
    struct tally before = tally_of("person");
    struct tally after;

    (void)state;
    token_of("+393331234567", token);
    assert_int_equal(caller_values(&person, OP_DETOKENIZE, values, 3, NULL, "ticket 4"), STATUS_OK);
    after = tally_of("person");
    assert_int_equal(after.granted - before.granted, 2);
    before = tally_of("service");
    assert_int_equal(caller_values(&service, OP_DETOKENIZE, values, 1, NULL, "try"), STATUS_DENIED);
    after = tally_of("service");
    assert_int_equal(after.denied - before.denied, 1);
}

static void
test_a_refusal_reaches_the_disk_by_itself(void **state)
{
    const char *values[] = {"phn_000000000000000000000000000"};
    struct tally tally = {.principal = "service"};
    uint64_t denied = tally_of("service").denied;

    (void)state;
    assert_int_equal(caller_values(&service, OP_DETOKENIZE, values, 1, NULL, "try"), STATUS_DENIED);
    dispatch_tick(fixture.dispatch);
    /* audit_read shows what is on disk, and nobody else has waited. */
    assert_int_equal(audit_read(fixture.audit, 1, audit_last(fixture.audit), count_entry, &tally),
                     STATUS_OK);
    assert_int_equal(tally.denied, denied + 1);
}

static void
test_refused_attempts_cannot_fill_the_log(void **state)
{
    static const char *values[BATCH_ITEMS_MAX];
    struct caller prober;
    struct tally tally;

    (void)state;
    for (size_t i = 0; i < BATCH_ITEMS_MAX; i++) {
        values[i] = "phn_000000000000000000000000000";
    }
    add("prober", PRINCIPAL_PERSON, 4003, ROLE_REVEAL, "brand");
    connect_as(&prober, PEER_DATA, 4003);
    assert_int_equal(caller_values(&prober, OP_DETOKENIZE, values, BATCH_ITEMS_MAX, NULL, "probe"),
                     STATUS_OK);
    assert_int_equal(caller_values(&prober, OP_DETOKENIZE, values, 64, NULL, "probe"),
                     STATUS_QUOTA);
    tally = tally_of("prober");
    assert_int_equal(tally.denied, BATCH_ITEMS_MAX);
    caller_remove(&prober);
}

static void
test_nor_can_requests_refused_as_a_whole(void **state)
{
    const char *values[] = {"phn_000000000000000000000000000"};
    struct caller knocker;
    enum status status = STATUS_DENIED;
    unsigned count = 0;

    (void)state;
    add("knocker", PRINCIPAL_SERVICE, 4005, ROLE_SERVICE, "brand");
    connect_as(&knocker, PEER_DATA, 4005);
    while (status == STATUS_DENIED && count < 2 * BATCH_ITEMS_MAX) {
        status = caller_values(&knocker, OP_DETOKENIZE, values, 1, NULL, "let me in");
        count++;
    }
    assert_int_equal(status, STATUS_QUOTA);
    assert_in_range(count, BATCH_ITEMS_MAX, BATCH_ITEMS_MAX + 64);
    caller_remove(&knocker);
}

static void
test_a_reveal_wants_one_line_of_reason(void **state)
{
    char token[TOKEN_TEXT_BYTES + 1];
    const char *values[] = {token};

    (void)state;
    token_of("+393331234567", token);
    assert_int_equal(caller_values(&person, OP_DETOKENIZE, values, 1, NULL, ""), STATUS_INVALID);
    assert_int_equal(caller_values(&person, OP_DETOKENIZE, values, 1, NULL, "a\nb"),
                     STATUS_INVALID);
}

static void
test_a_reveal_needs_the_receipt_of_its_own_token(void **state)
{
    struct vault_place places[2] = {{.kind = CONTACT_EMAIL}, {.kind = CONTACT_EMAIL}};
    struct audit_receipt receipt = {.sequence = 1};
    const char *const values[] = {"one@example.com", "two@example.com"};
    struct bytes contact;
    enum contact_kind kind;
    struct scratch *scratch = NULL;

    (void)state;
    assert_int_equal(scratch_new(&scratch), STATUS_OK);
    assert_int_equal(caller_values(&service, OP_TOKENIZE, values, 2, NULL, NULL), STATUS_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(
            token_parse(caller_item_text(&service, i, FIELD_TOKEN), &kind, &places[i].token),
            STATUS_OK);
    }
    assert_int_equal(vault_locate(fixture.vault, places, 2), STATUS_OK);
    memcpy(receipt.token, places[0].token.bytes, TOKEN_BYTES);
    assert_int_equal(vault_reveal(fixture.vault, scratch, &receipt, &places[1], &contact),
                     STATUS_INTERNAL);
    receipt.sequence = 0;
    assert_int_equal(vault_reveal(fixture.vault, scratch, &receipt, &places[0], &contact),
                     STATUS_INTERNAL);
    receipt.sequence = 1;
    assert_int_equal(vault_reveal(fixture.vault, scratch, &receipt, &places[0], &contact),
                     STATUS_OK);
    assert_text(contact, values[0]);
    scratch_free(&scratch);
}

/* ---- disable against reveals in flight ---- */

enum { REVEALERS = 8 };

struct revealer {
    struct caller caller;
    const char *token;
    atomic_uint *revealed;
    bool refused;
};

static void *
reveal_until_refused(void *state)
{
    struct revealer *revealer = state;
    const char *values[] = {revealer->token};

    while (caller_values(&revealer->caller, OP_DETOKENIZE, values, 1, NULL, "flood") == STATUS_OK) {
        (void)atomic_fetch_add(revealer->revealed, 1);
    }
    revealer->refused = true;
    return NULL;
}

static void
test_no_reveal_is_recorded_after_the_disable(void **state)
{
    static struct revealer revealers[REVEALERS];
    pthread_t threads[REVEALERS];
    char token[TOKEN_TEXT_BYTES + 1];
    atomic_uint revealed = 0;
    struct tally tally;

    (void)state;
    token_of("+393331234567", token);
    add("flooder", PRINCIPAL_PERSON, 4002, ROLE_REVEAL, "brand");
    for (size_t i = 0; i < REVEALERS; i++) {
        connect_as(&revealers[i].caller, PEER_DATA, 4002);
        revealers[i].token = token;
        revealers[i].revealed = &revealed;
        assert_int_equal(pthread_create(&threads[i], NULL, reveal_until_refused, &revealers[i]), 0);
    }
    while (atomic_load(&revealed) < 200) {
        (void)usleep(1000);
    }
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_DISABLE, "flooder"), STATUS_OK);
    for (size_t i = 0; i < REVEALERS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_true(revealers[i].refused);
        caller_remove(&revealers[i].caller);
    }
    tally = tally_of("flooder");
    assert_int_equal(tally.granted, atomic_load(&revealed));
    assert_int_not_equal(tally.disabled_at, 0);
    assert_int_equal(tally.granted_after, 0);
}

/* ---- closing and opening again ---- */

static void
test_a_restart_keeps_tokens_and_grants(void **state)
{
    char before[TOKEN_TEXT_BYTES + 1];
    char after[TOKEN_TEXT_BYTES + 1];

    (void)state;
    token_of("restart@example.com", before);
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    assert_int_equal(caller_hello(&service), STATUS_OK);
    token_of("restart@example.com", after);
    assert_string_equal(before, after);
}

struct edit {
    uint8_t key[64];
    size_t key_size;
    uint8_t value[STORE_VALUE_BYTES_MAX];
    size_t value_size;
    size_t flip;
    bool remove;
};

static enum status
first_row(void *state, struct bytes key, struct bytes value)
{
    struct edit *edit = state;

    memcpy(edit->key, key.data, key.size);
    edit->key_size = key.size;
    memcpy(edit->value, value.data, value.size);
    edit->value_size = value.size;
    return STATUS_OK; /* the last one stays */
}

static enum status
edit_step(struct store_txn *txn, void *state)
{
    struct edit *edit = state;
    struct bytes key;
    enum status status =
        store_scan(txn, STORE_ACCESS, (struct bytes){0}, (struct bytes){0}, first_row, edit);

    key = bytes_of(edit->key, edit->key_size);
    if (status != STATUS_OK) {
        return status;
    }
    if (edit->remove) {
        return store_delete_many(txn, STORE_ACCESS, &key, 1);
    }
    edit->value[edit->flip] ^= 1;
    return store_put(txn, STORE_ACCESS, STORE_REPLACE, key,
                     bytes_of(edit->value, edit->value_size));
}

static void
test_an_edited_access_row_keeps_the_vault_sealed(void **state)
{
    struct edit flip = {.flip = 30};
    struct edit back = {.flip = 30};

    (void)state;
    assert_int_equal(store_update(fixture.store, edit_step, &flip), STATUS_OK);
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_CORRUPT);
    assert_non_null(strstr(fixture.fault, "altered"));
    assert_int_equal(store_update(fixture.store, edit_step, &back), STATUS_OK);
    assert_int_equal(dispatch_unseal(fixture.dispatch, fixture.root, fixture.fault), STATUS_OK);
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    assert_int_equal(caller_hello(&service), STATUS_OK);
    assert_int_equal(caller_hello(&person), STATUS_OK);
    assert_int_equal(caller_hello(&other), STATUS_OK);
}

/* Last: it leaves a vault that rightly refuses to open. A row taken out whole opens row by row, and
 * only the log can tell. */
static void
test_a_removed_access_row_keeps_the_vault_sealed(void **state)
{
    struct edit remove_last = {.remove = true};

    (void)state;
    assert_int_equal(store_update(fixture.store, edit_step, &remove_last), STATUS_OK);
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_CORRUPT);
    assert_non_null(strstr(fixture.fault, "not those the log recorded last"));
}

static void
test_a_wrong_root_key_is_denied_and_the_right_one_still_opens(void **state)
{
    struct secret *wrong = NULL;

    (void)state;
    assert_int_equal(dispatch_seal(fixture.dispatch), STATUS_OK);
    assert_int_equal(secret_new(ROOT_KEY_BYTES, &wrong), STATUS_OK);
    assert_int_equal(dispatch_unseal(fixture.dispatch, wrong, fixture.fault), STATUS_DENIED);
    assert_int_equal(caller_hello(&service), STATUS_SEALED);
    assert_int_equal(dispatch_unseal(fixture.dispatch, fixture.root, fixture.fault), STATUS_OK);
    assert_int_equal(caller_hello(&service), STATUS_OK);
    secret_free(&wrong);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spellings_of_one_contact_give_one_token),
        cmocka_unit_test(test_the_form_first_seen_is_revealed),
        cmocka_unit_test(test_lookup_never_makes_a_token),
        cmocka_unit_test(test_racing_callers_get_one_token),
        cmocka_unit_test(test_a_full_batch_keeps_its_order_and_its_bad_items),
        cmocka_unit_test(test_a_batch_over_the_limit_is_refused_whole),
        cmocka_unit_test(test_a_foreign_token_is_one_that_does_not_exist),
        cmocka_unit_test(test_a_token_copied_wrong_is_malformed),
        cmocka_unit_test(test_a_foreign_namespace_and_none_give_one_answer),
        cmocka_unit_test(test_delivering_for_one_namespace_opens_no_other),
        cmocka_unit_test(test_another_connections_id_is_not_taken),
        cmocka_unit_test(test_a_key_is_proved_or_refused),
        cmocka_unit_test(test_a_second_hello_gives_another_id),
        cmocka_unit_test(test_proofs_that_do_not_hold_are_soon_not_even_checked),
        cmocka_unit_test(test_admin_excludes_revealing_both_ways),
        cmocka_unit_test(test_a_revoke_is_in_force_when_it_returns),
        cmocka_unit_test(test_a_seal_is_in_force_when_it_returns),
        cmocka_unit_test(test_a_disable_is_in_force_when_it_returns),
        cmocka_unit_test(test_every_reveal_and_every_refusal_is_in_the_log),
        cmocka_unit_test(test_a_refusal_reaches_the_disk_by_itself),
        cmocka_unit_test(test_refused_attempts_cannot_fill_the_log),
        cmocka_unit_test(test_nor_can_requests_refused_as_a_whole),
        cmocka_unit_test(test_a_reveal_wants_one_line_of_reason),
        cmocka_unit_test(test_a_reveal_needs_the_receipt_of_its_own_token),
        cmocka_unit_test(test_no_reveal_is_recorded_after_the_disable),
        cmocka_unit_test(test_a_wrong_root_key_is_denied_and_the_right_one_still_opens),
        cmocka_unit_test(test_a_restart_keeps_tokens_and_grants),
        cmocka_unit_test(test_an_edited_access_row_keeps_the_vault_sealed),
        cmocka_unit_test(test_a_removed_access_row_keeps_the_vault_sealed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S6 "no reveal is recorded after the disable", with the reveal held for a second
 * between the check of its grant and its entry; and: a step that is run twice gives one token.
 * Needs failpoints; without them it is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"

static struct fixture fixture;
static struct caller admin;
static struct caller service;
static struct caller person;
static char token[TOKEN_TEXT_BYTES + 1];

static int
set_up(void **state)
{
    (void)state;
    fixture_make(&fixture);
    caller_make(&admin, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    caller_make(&service, &fixture, PEER_DATA, 2001);
    caller_make(&person, &fixture, PEER_DATA, 2002);
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "service", PRINCIPAL_SERVICE, 2001), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "person", PRINCIPAL_PERSON, 2002), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "service", ROLE_SERVICE, "brand"), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "person", ROLE_REVEAL, "brand"), STATUS_OK);
    assert_int_equal(caller_hello(&service), STATUS_OK);
    assert_int_equal(caller_hello(&person), STATUS_OK);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    caller_remove(&admin);
    caller_remove(&service);
    caller_remove(&person);
    fixture_remove(&fixture);
    return 0;
}

/* The first run of the step makes a token and is then told to run again. What is answered must be
 * what is stored. */
static void
test_a_step_run_twice_gives_the_token_that_is_stored(void **state)
{
    const char *values[] = {"twice@example.com"};
    uint64_t contacts = 0;

    (void)state;
    assert_int_equal(caller_values(&service, OP_TOKENIZE, values, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_item_status(&service, 0), STATUS_OK);
    memcpy(token, caller_item_text(&service, 0, FIELD_TOKEN).data, TOKEN_TEXT_BYTES);
    assert_int_equal(caller_values(&service, OP_LOOKUP, values, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_item_status(&service, 0), STATUS_OK);
    assert_memory_equal(caller_item_text(&service, 0, FIELD_TOKEN).data, token, TOKEN_TEXT_BYTES);
    assert_int_equal(vault_count(fixture.vault, 1, &contacts), STATUS_OK);
    assert_int_equal(contacts, 1);
}

static void *
reveal(void *state)
{
    const char *values[] = {token};
    enum status *status = state;

    *status = caller_values(&person, OP_DETOKENIZE, values, 1, NULL, "held");
    return NULL;
}

struct order {
    uint64_t revealed;
    uint64_t disabled;
};

static enum status
note(void *state, const struct audit_entry *entry)
{
    struct order *order = state;

    if (entry->operation == OP_DETOKENIZE && entry->result == STATUS_OK) {
        order->revealed = entry->sequence;
    }
    if ((entry->operation == OP_PRINCIPAL_DISABLE || entry->operation == OP_PRINCIPAL_OFFBOARD) &&
        entry->phase == AUDIT_INTENT) {
        order->disabled = entry->sequence;
    }
    return STATUS_OK;
}

/* The reveal is held for a second before its entry. */
static void
expect_to_wait(enum operation operation)
{
    enum status status = STATUS_INTERNAL;
    struct order order = {0};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, reveal, &status), 0);
    (void)usleep(300 * 1000);
    assert_int_equal(caller_name(&admin, operation, "person"), STATUS_OK);
    (void)pthread_join(thread, NULL);
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(audit_read(fixture.audit, 1, audit_last(fixture.audit), note, &order),
                     STATUS_OK);
    assert_int_not_equal(order.revealed, 0);
    assert_int_not_equal(order.disabled, 0);
    assert_true(order.revealed < order.disabled);
}

static void
test_a_disable_waits_for_the_reveal_that_was_admitted(void **state)
{
    (void)state;
    expect_to_wait(OP_PRINCIPAL_DISABLE);
}

/* S52 */
static void
test_an_offboarding_waits_for_it_too(void **state)
{
    (void)state;
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_ENABLE, "person"), STATUS_OK);
    assert_int_equal(caller_hello(&person), STATUS_OK);
    expect_to_wait(OP_PRINCIPAL_OFFBOARD);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_step_run_twice_gives_the_token_that_is_stored),
        cmocka_unit_test(test_a_disable_waits_for_the_reveal_that_was_admitted),
        cmocka_unit_test(test_an_offboarding_waits_for_it_too),
    };

#ifndef CONTACT_VAULT_FAILPOINTS
    return 77;
#endif
    (void)setenv("CONTACT_VAULT_FAILPOINTS", "dispatch_reveal_pause,vault_tokenize_conflict=1", 1);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

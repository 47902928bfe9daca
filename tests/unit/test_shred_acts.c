/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shredding from outside: what is answered to whom afterwards, what stands in the log, that the
 * sweep goes on by itself, and what a keyring does that cannot be written. Owns, with test_shred.c:
 * SECURITY.md S34 "its tokens are not_found to everybody and its grants permit nothing".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "keyring.h"
#include "log_reader.h"
#include "still_clock.h"

enum {
    AUDITOR_UID = 2001,
    SERVICE_UID,
    SENDER_UID,
    CONTACTS = 150, /* several steps of the sweep */
    ENTRIES = 64,
    TICKS_MAX = 100,
    DAY_MS = 24 * 3600 * 1000,
    PAUSE_MS = 1100,
};

static struct fixture fixture;
static struct caller admin, service, sender;
static struct log_reader log_reader;
static struct log_entry entries[ENTRIES];
static char token[TOKEN_TEXT_BYTES + 1], other_token[TOKEN_TEXT_BYTES + 1];

/* An engine of which no snapshot can be had for a while. */
static struct store_backend backend;
static bool no_views;

static enum status
begin_txn(struct store_engine *engine, bool write, struct store_engine_txn **ret_txn)
{
    return no_views && !write ? STATUS_BUSY : store_lmdb_backend.begin(engine, write, ret_txn);
}

static void
connect_all(void)
{
    caller_make(&admin, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    assert_int_equal(caller_hello(&admin), STATUS_OK);
}

static void
connect_others(void)
{
    caller_make(&service, &fixture, PEER_DATA, SERVICE_UID);
    assert_int_equal(caller_hello(&service), STATUS_OK);
    caller_make(&sender, &fixture, PEER_DATA, SENDER_UID);
    assert_int_equal(caller_hello(&sender), STATUS_OK);
    log_reader_make(&log_reader, &fixture, AUDITOR_UID);
    log_reader_skip(&log_reader);
}

static void
restart(void)
{
    log_reader_remove(&log_reader);
    caller_remove(&sender);
    caller_remove(&service);
    caller_remove(&admin);
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    connect_all();
    connect_others();
}

static void
add(const char *name, enum principal_kind kind, uint32_t uid, enum role role, const char *where)
{
    assert_int_equal(caller_principal_add(&admin, name, kind, uid), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, name, role, where), STATUS_OK);
}

static enum status
tokenize(const char *text, const char *where)
{
    return caller_values(&service, OP_TOKENIZE, &text, 1, where, NULL);
}

static void
keep_token(char *to)
{
    struct bytes text = caller_item_text(&service, 0, FIELD_TOKEN);

    memcpy(to, text.data, TOKEN_TEXT_BYTES);
    to[TOKEN_TEXT_BYTES] = '\0';
}

static int
set_up(void **state)
{
    static char texts[CONTACTS][48];
    const char *values[CONTACTS];

    (void)state;
    no_views = false;
    backend = store_lmdb_backend;
    backend.begin = begin_txn;
    fixture_make_over(&fixture, &backend);
    connect_all();
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_OK);
    assert_int_equal(caller_namespace_create(&admin, "rival"), STATUS_OK);
    add("service", PRINCIPAL_SERVICE, SERVICE_UID, ROLE_SERVICE, "brand");
    assert_int_equal(caller_grant(&admin, OP_GRANT, "service", ROLE_SERVICE, "rival"), STATUS_OK);
    add("sender", PRINCIPAL_SERVICE, SENDER_UID, ROLE_DELIVER, "brand");
    add("auditor", PRINCIPAL_PERSON, AUDITOR_UID, ROLE_AUDIT, NULL);
    connect_others();
    for (size_t i = 0; i < CONTACTS; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "c%zu@example.com", i);
        values[i] = texts[i];
    }
    assert_int_equal(caller_values(&service, OP_TOKENIZE, values, CONTACTS, "brand", NULL),
                     STATUS_OK);
    keep_token(token);
    assert_int_equal(tokenize("c0@example.com", "rival"), STATUS_OK);
    keep_token(other_token);
    log_reader_skip(&log_reader);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    log_reader_remove(&log_reader);
    caller_remove(&sender);
    caller_remove(&service);
    caller_remove(&admin);
    fixture_remove(&fixture);
    return 0;
}

static enum status
shred(const char *name)
{
    return caller_name(&admin, OP_NAMESPACE_SHRED, name);
}

static const struct message *
item(size_t index)
{
    const struct message_list *items = NULL;

    assert_true(message_list(admin.reply, FIELD_ITEMS, &items));
    assert_true(index < message_list_count(items));
    return message_list_message(items, index);
}

/* Of "brand", the first. */
static void
expect_listed(const char *state, uint64_t contacts)
{
    struct bytes found = {0};
    uint64_t number = 0;

    caller_begin(&admin, OP_NAMESPACE_LIST, 0);
    assert_int_equal(caller_send(&admin), STATUS_OK);
    assert_true(message_bytes(item(0), FIELD_STATE, &found));
    assert_true(bytes_equal(found, bytes_of_text(state)));
    assert_true(message_uint(item(0), FIELD_CONTACTS, &number));
    assert_int_equal(number, contacts);
}

static uint64_t
status_field(enum field field)
{
    uint64_t number = 0;

    caller_begin(&admin, OP_KEY_STATUS, 0);
    assert_int_equal(caller_send(&admin), STATUS_OK);
    assert_true(message_uint(admin.reply, field, &number));
    return number;
}

static void
tick_until_swept(void)
{
    for (int i = 0; i < TICKS_MAX && status_field(FIELD_LEFT) > 0; i++) {
        dispatch_tick(fixture.dispatch);
        still_clock_pass_ms(100);
    }
    dispatch_tick(fixture.dispatch);
    expect_listed("swept", 0);
}

static bool
has_key(enum key_purpose purpose)
{
    return keyring_has(fixture.keyring, (struct key_name){purpose, 1, 1});
}

static size_t
count_entries(uint64_t act, uint64_t phase, size_t count)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        if (entries[i].act == act && entries[i].phase == phase) {
            assert_string_equal(entries[i].namespace_name, "brand");
            found++;
        }
    }
    return found;
}

/* Nobody gets anything of it, and it is told as what does not exist. */
static void
expect_gone(void)
{
    const char *values[] = {token};

    assert_int_equal(tokenize("c0@example.com", "brand"), STATUS_DENIED);
    assert_int_equal(tokenize("c0@example.com", "nowhere"), STATUS_DENIED);
    assert_int_equal(caller_values(&service, OP_MASK, values, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_item_status(&service, 0), STATUS_NOT_FOUND);
    assert_int_equal(caller_values(&admin, OP_DESCRIBE, values, 1, NULL, NULL), STATUS_OK);
    assert_int_equal(caller_item_status(&admin, 0), STATUS_NOT_FOUND);
    assert_int_equal(caller_values(&sender, OP_DETOKENIZE, values, 1, NULL, "delivering a message"),
                     STATUS_DENIED);
    assert_false(has_key(KEY_DATA));
    assert_false(has_key(KEY_INDEX));
    /* The other namespace is the only one now. */
    assert_int_equal(tokenize("c0@example.com", NULL), STATUS_OK);
    assert_true(
        bytes_equal(caller_item_text(&service, 0, FIELD_TOKEN), bytes_of_text(other_token)));
}

static void
test_s34_a_shredded_namespace_is_nobodys(void **state)
{
    size_t count;

    (void)state;
    assert_int_equal(shred("nowhere"), STATUS_NOT_FOUND);
    assert_int_equal(shred("brand"), STATUS_OK);
    expect_gone();
    expect_listed("shredded", CONTACTS);
    assert_int_equal(status_field(FIELD_LEFT), CONTACTS);
    assert_int_equal(shred("brand"), STATUS_CONFLICT);
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_CONFLICT);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "sender", ROLE_SERVICE, "brand"),
                     STATUS_CONFLICT);
    assert_int_equal(caller_grant(&admin, OP_REVOKE, "sender", ROLE_DELIVER, "brand"), STATUS_OK);
    count = log_reader_since(&log_reader, entries, ENTRIES);
    assert_int_equal(count_entries(OP_NAMESPACE_SHRED, AUDIT_INTENT, count), 1);
    assert_int_equal(count_entries(OP_NAMESPACE_SHRED, AUDIT_OUTCOME, count), 1);
    restart();
    expect_gone();
    tick_until_swept();
    expect_gone();
    count = log_reader_since(&log_reader, entries, ENTRIES);
    assert_int_equal(count_entries(AUDIT_ACT_SWEPT, AUDIT_DONE, count), 1);
    assert_int_equal(count_entries(OP_NAMESPACE_SHRED, AUDIT_OUTCOME, count), 0);
    restart();
    for (int i = 0; i < 3; i++) {
        dispatch_tick(fixture.dispatch);
    }
    count = log_reader_since(&log_reader, entries, ENTRIES);
    assert_int_equal(count_entries(AUDIT_ACT_SWEPT, AUDIT_DONE, count), 0);
}

static void
test_the_sweep_keeps_to_the_rate(void **state)
{
    uint64_t left;

    (void)state;
    fixture.rekey_rate = 50;
    restart();
    assert_int_equal(shred("brand"), STATUS_OK);
    dispatch_tick(fixture.dispatch);
    left = status_field(FIELD_LEFT);
    assert_int_equal(left, CONTACTS); /* a second's worth was spent on the index */
    for (int i = 0; i < 10; i++) {
        dispatch_tick(fixture.dispatch);
    }
    assert_int_equal(status_field(FIELD_LEFT), left); /* no time has passed */
    tick_until_swept();
}

/* The full disk's case: the file cannot be written. It is shredded all the same, and says so. */
static void
test_keys_that_cannot_leave_go_later(void **state)
{
    char path[FIXTURE_PATH_BYTES];
    size_t count;

    (void)state;
    fixture_path(&fixture, "keyring.new", path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(shred("brand"), STATUS_UNAVAILABLE);
    assert_true(has_key(KEY_DATA));
    assert_int_equal(tokenize("c0@example.com", "brand"), STATUS_DENIED);
    still_clock_pass_ms(PAUSE_MS);
    dispatch_tick(fixture.dispatch);
    assert_true(has_key(KEY_DATA));
    restart(); /* nor at the unseal, which goes on: nobody can use them */
    assert_true(has_key(KEY_DATA));
    assert_int_equal(rmdir(path), 0);
    still_clock_pass_ms(PAUSE_MS);
    dispatch_tick(fixture.dispatch);
    expect_gone();
    count = log_reader_since(&log_reader, entries, ENTRIES);
    assert_in_range(count_entries(AUDIT_ACT_KEY_DESTROYED, AUDIT_OUTCOME, count), 2, 4);
    tick_until_swept();
    restart();
    expect_gone();
}

/* That a look failed does not mean that there is nothing to be swept. */
static void
test_the_sweep_is_not_forgotten_over_a_failure(void **state)
{
    (void)state;
    assert_int_equal(shred("brand"), STATUS_OK);
    no_views = true;
    dispatch_tick(fixture.dispatch);
    no_views = false;
    expect_listed("shredded", CONTACTS);
    still_clock_pass_ms(PAUSE_MS);
    tick_until_swept();
}

/* What restore does again from the log. */
static void
test_a_shred_is_done_again_by_name(void **state)
{
    (void)state;
    assert_int_equal(dispatch_shred(fixture.dispatch, bytes_of_text("nowhere")), STATUS_NOT_FOUND);
    assert_int_equal(dispatch_shred(fixture.dispatch, bytes_of_text("brand")), STATUS_OK);
    assert_int_equal(dispatch_shred(fixture.dispatch, bytes_of_text("brand")), STATUS_OK);
    expect_gone();
    restart();
    expect_gone();
}

/* By age; and the root key's own. */
static void
test_key_status_says_when_a_key_is_due(void **state)
{
    uint64_t began = still_clock_now_ms();
    uint64_t due = 0;

    (void)state;
    (void)status_field(FIELD_CREATED);
    assert_false(message_uint(item(0), FIELD_DUE, &due));
    fixture.data_key_max_days = 30;
    restart();
    assert_int_equal(status_field(FIELD_CREATED), began);
    assert_true(message_uint(item(0), FIELD_DUE, &due)); /* data */
    assert_int_equal(due, began + 30 * (uint64_t)DAY_MS);
    assert_false(message_uint(item(1), FIELD_DUE, &due)); /* index */
    fixture.data_key_max_records = CONTACTS;
    restart();
    assert_int_equal(status_field(FIELD_HORIZON), began);
    assert_true(message_uint(item(0), FIELD_DUE, &due));
    assert_int_equal(due, began + DAY_MS); /* it has so many: once a day */
    assert_true(message_uint(item(2), FIELD_DUE, &due));
    assert_int_equal(due, began + 30 * (uint64_t)DAY_MS); /* the rival's has not */
}

#define WITH_VAULT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_VAULT(test_s34_a_shredded_namespace_is_nobodys),
        WITH_VAULT(test_the_sweep_keeps_to_the_rate),
        WITH_VAULT(test_keys_that_cannot_leave_go_later),
        WITH_VAULT(test_the_sweep_is_not_forgotten_over_a_failure),
        WITH_VAULT(test_a_shred_is_done_again_by_name),
        WITH_VAULT(test_key_status_says_when_a_key_is_due),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rotations from outside: who may, what is answered, what stands in the log, how fast the
 * maintenance thread goes, what it begins by itself, and what a crash left open. Owns, with
 * test_rekey.c: SECURITY.md S27 "each key made or destroyed is on record"; S29 "only
 * the new root key unseals", S30 "a wrong share is named", S37 "nobody else may".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "keyring.h"
#include "log_reader.h"
#include "secret.h"
#include "share.h"
#include "slot.h"
#include "still_clock.h"
#include "vault_rekey.h"

enum {
    AUDITOR_UID = 2001,
    SERVICE_UID,
    PRIVACY_UID,
    CONTACTS = 300,
    ENTRIES = 64,
    TICKS_MAX = 200,
    DAY_MS = 24 * 3600 * 1000,
    HOUR_MS = 3600 * 1000,
    PAUSE_MS = 2000,
    RECORD_VALUE_MAX = 1024,
};

static struct fixture fixture;
static struct caller admin, service, privacy;
static struct log_reader log_reader;
static struct log_entry entries[ENTRIES];

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
    caller_make(&privacy, &fixture, PEER_DATA, PRIVACY_UID);
    assert_int_equal(caller_hello(&privacy), STATUS_OK);
    log_reader_make(&log_reader, &fixture, AUDITOR_UID);
    log_reader_skip(&log_reader);
}

static void
disconnect_all(void)
{
    log_reader_remove(&log_reader);
    caller_remove(&privacy);
    caller_remove(&service);
    caller_remove(&admin);
}

/* As a crash, and a start after it. */
static void
restart(void)
{
    disconnect_all();
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

static int
set_up(void **state)
{
    (void)state;
    fixture_make(&fixture);
    connect_all();
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_OK);
    assert_int_equal(caller_namespace_create(&admin, "rival"), STATUS_OK);
    add("service", PRINCIPAL_SERVICE, SERVICE_UID, ROLE_SERVICE, "brand");
    add("privacy", PRINCIPAL_PERSON, PRIVACY_UID, ROLE_PRIVACY, "brand");
    add("auditor", PRINCIPAL_SERVICE, AUDITOR_UID, ROLE_AUDIT, NULL);
    connect_others();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    disconnect_all();
    fixture_remove(&fixture);
    return 0;
}

static void
make_contacts(size_t count)
{
    static char texts[CONTACTS][48];
    const char *values[CONTACTS];

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "c%zu@example.com", i);
        values[i] = texts[i];
    }
    assert_int_equal(caller_values(&service, OP_TOKENIZE, values, count, NULL, NULL), STATUS_OK);
}

static enum status
rotate(struct caller *caller, enum rotated_key purpose, const char *where)
{
    caller_begin(caller, OP_KEY_ROTATE, 2);
    message_put_uint(&caller->request, FIELD_PURPOSE, purpose);
    if (where != NULL) {
        message_put_text(&caller->request, FIELD_NAMESPACE, where);
    } else {
        message_put_bool(&caller->request, FIELD_ALL, true);
    }
    return caller_send(caller);
}

static void
ask_status(struct caller *caller, uint64_t from)
{
    caller_begin(caller, OP_KEY_STATUS, 1);
    message_put_uint(&caller->request, FIELD_FROM, from);
    assert_int_equal(caller_send(caller), STATUS_OK);
}

static size_t
key_count(const struct caller *caller)
{
    const struct message_list *items = NULL;

    assert_true(message_list(caller->reply, FIELD_ITEMS, &items));
    return message_list_count(items);
}

static uint64_t
number_in(const struct caller *caller, enum field field)
{
    uint64_t number = 0;

    (void)!message_uint(caller->reply, field, &number);
    return number;
}

static bool
state_is(struct caller *caller, const char *expected)
{
    struct bytes state = {0};

    ask_status(caller, 0);
    assert_true(message_bytes(caller->reply, FIELD_STATE, &state));
    return bytes_equal(state, bytes_of_text(expected));
}

/* The maintenance thread, until nothing rotates. */
static void
tick_until(const char *state)
{
    for (int i = 0; i < TICKS_MAX; i++) {
        dispatch_tick(fixture.dispatch);
        if (state_is(&admin, state)) {
            return;
        }
        still_clock_pass_ms(100);
    }
    fail_msg("not %s", state);
}

static bool
has_key(enum rotated_key purpose, uint32_t namespace_id, uint32_t number)
{
    return vault_has_key(fixture.vault, (struct vault_key){purpose, namespace_id, number});
}

static void
expect_entry(const struct log_entry *entry, uint64_t act, enum audit_phase phase,
             enum status result, const char *principal)
{
    assert_int_equal(entry->act, act);
    assert_int_equal(entry->phase, phase);
    assert_int_equal(entry->result, result);
    assert_string_equal(entry->principal, principal);
}

static void
expect_about(const struct log_entry *entry, const char *where, const char *purpose, uint64_t number)
{
    assert_string_equal(entry->namespace_name, where);
    assert_string_equal(entry->subject, purpose);
    assert_int_equal(entry->amount, number);
}

/* ---- the whole way ---- */

static void
test_s27_each_key_made_or_destroyed_is_on_record(void **state)
{
    (void)state;
    make_contacts(CONTACTS);
    assert_true(state_is(&admin, "idle"));
    assert_int_equal(number_in(&admin, FIELD_TOTAL), 0);
    assert_int_equal(key_count(&admin), 4);
    log_reader_skip(&log_reader);
    assert_int_equal(rotate(&admin, ROTATED_DATA, "brand"), STATUS_OK);
    assert_true(state_is(&admin, "running"));
    assert_int_equal(number_in(&admin, FIELD_TOTAL), CONTACTS);
    assert_int_equal(number_in(&admin, FIELD_DONE), 0);
    assert_int_equal(key_count(&admin), 5);
    assert_int_equal(log_reader_since(&log_reader, entries, ENTRIES), 2);
    for (size_t i = 0; i < 2; i++) {
        expect_entry(&entries[i], OP_KEY_ROTATE, i == 0 ? AUDIT_INTENT : AUDIT_OUTCOME, STATUS_OK,
                     "admin");
        expect_about(&entries[i], "brand", "data", 2);
    }
    tick_until("idle");
    assert_false(has_key(ROTATED_DATA, 1, 1));
    assert_int_equal(log_reader_since(&log_reader, entries, ENTRIES), 2);
    for (size_t i = 0; i < 2; i++) {
        expect_entry(&entries[i], AUDIT_ACT_KEY_DESTROYED, i == 0 ? AUDIT_INTENT : AUDIT_OUTCOME,
                     STATUS_OK, "");
        expect_about(&entries[i], "brand", "data", 1);
    }
}

static void
test_privacy_rotates_its_namespace_and_no_other(void **state)
{
    (void)state;
    assert_int_equal(rotate(&service, ROTATED_DATA, "brand"), STATUS_DENIED);
    assert_int_equal(rotate(&privacy, ROTATED_DATA, "rival"), STATUS_DENIED);
    assert_int_equal(rotate(&privacy, ROTATED_DATA, "nowhere"), STATUS_DENIED);
    assert_int_equal(rotate(&privacy, ROTATED_DATA, NULL), STATUS_OK);
    assert_true(has_key(ROTATED_DATA, 1, 2));
    assert_false(has_key(ROTATED_DATA, 2, 2));
    assert_true(state_is(&privacy, "running"));
    assert_int_equal(key_count(&privacy), 3);
    /* One has it in one namespace: it need not be named. An admin has none. */
    caller_begin(&privacy, OP_KEY_ROTATE, 1);
    message_put_uint(&privacy.request, FIELD_PURPOSE, ROTATED_INDEX);
    assert_int_equal(caller_send(&privacy), STATUS_OK);
    caller_begin(&admin, OP_KEY_ROTATE, 1);
    message_put_uint(&admin.request, FIELD_PURPOSE, ROTATED_INDEX);
    assert_int_equal(caller_send(&admin), STATUS_INVALID);
    caller_begin(&admin, OP_KEY_ROTATE, 3);
    message_put_uint(&admin.request, FIELD_PURPOSE, ROTATED_INDEX);
    message_put_bool(&admin.request, FIELD_ALL, true);
    message_put_text(&admin.request, FIELD_NAMESPACE, "brand");
    assert_int_equal(caller_send(&admin), STATUS_INVALID);
}

static void
test_all_passes_over_what_rotates(void **state)
{
    (void)state;
    assert_int_equal(rotate(&admin, ROTATED_INDEX, "brand"), STATUS_OK);
    assert_int_equal(rotate(&admin, ROTATED_INDEX, "brand"), STATUS_CONFLICT);
    assert_int_equal(rotate(&admin, ROTATED_INDEX, NULL), STATUS_OK);
    assert_false(has_key(ROTATED_INDEX, 1, 3));
    assert_true(has_key(ROTATED_INDEX, 2, 2));
    assert_int_equal(rotate(&admin, ROTATED_INDEX, NULL), STATUS_CONFLICT);
    tick_until("idle");
    assert_int_equal(rotate(&admin, ROTATED_INDEX, NULL), STATUS_OK);
    assert_true(has_key(ROTATED_INDEX, 1, 3));
}

static void
test_status_goes_by_namespaces(void **state)
{
    (void)state;
    ask_status(&admin, 2);
    assert_int_equal(key_count(&admin), 2);
    assert_memory_equal(caller_item_text(&admin, 0, FIELD_NAMESPACE).data, "rival", 5);
    assert_int_equal(number_in(&admin, FIELD_NEXT), 3);
    ask_status(&admin, 3);
    assert_int_equal(key_count(&admin), 0);
    ask_status(&admin, UINT64_MAX);
    assert_int_equal(key_count(&admin), 0);
}

/* ---- how fast ---- */

static void
test_the_rate_is_kept(void **state)
{
    enum { RATE = 100 };
    uint64_t done;

    (void)state;
    fixture.rekey_rate = RATE;
    restart();
    make_contacts(CONTACTS);
    assert_int_equal(rotate(&admin, ROTATED_DATA, "brand"), STATUS_OK);
    for (int i = 0; i < 5; i++) { /* time stands still: a second's worth is all there is */
        dispatch_tick(fixture.dispatch);
    }
    ask_status(&admin, 0);
    assert_int_equal(number_in(&admin, FIELD_DONE), RATE);
    still_clock_pass_ms(500);
    dispatch_tick(fixture.dispatch);
    ask_status(&admin, 0);
    done = number_in(&admin, FIELD_DONE);
    assert_int_equal(done, RATE + RATE / 2);
    tick_until("idle");
}

/* ---- by itself ---- */

static void
test_a_data_key_is_rotated_by_its_age(void **state)
{
    (void)state;
    fixture.data_key_max_days = 2;
    restart();
    dispatch_tick(fixture.dispatch);
    assert_false(has_key(ROTATED_DATA, 1, 2));
    still_clock_pass_ms(DAY_MS);
    dispatch_tick(fixture.dispatch);
    assert_false(has_key(ROTATED_DATA, 1, 2));
    log_reader_skip(&log_reader);
    still_clock_pass_ms(DAY_MS);
    dispatch_tick(fixture.dispatch);
    assert_true(has_key(ROTATED_DATA, 1, 2));
    assert_true(has_key(ROTATED_DATA, 2, 2));
    assert_false(has_key(ROTATED_INDEX, 1, 2));
    assert_int_equal(log_reader_since(&log_reader, entries, ENTRIES), 4);
    expect_entry(&entries[0], OP_KEY_ROTATE, AUDIT_INTENT, STATUS_OK, "");
    expect_about(&entries[0], "brand", "data", 2);
    expect_about(&entries[3], "rival", "data", 2);
    tick_until("idle");
    still_clock_pass_ms(HOUR_MS);
    dispatch_tick(fixture.dispatch);
    assert_false(has_key(ROTATED_DATA, 1, 3));
}

/* By number at most once a day, whatever it holds. */
static void
test_a_data_key_is_rotated_by_its_records(void **state)
{
    (void)state;
    fixture.data_key_max_records = 10;
    restart();
    make_contacts(10);
    dispatch_tick(fixture.dispatch);
    assert_false(has_key(ROTATED_DATA, 1, 2));
    still_clock_pass_ms(DAY_MS);
    dispatch_tick(fixture.dispatch);
    assert_true(has_key(ROTATED_DATA, 1, 2));
    assert_false(has_key(ROTATED_DATA, 2, 2)); /* it holds none */
    tick_until("idle");
    still_clock_pass_ms(HOUR_MS);
    dispatch_tick(fixture.dispatch);
    assert_false(has_key(ROTATED_DATA, 1, 3));
}

/* ---- what is stuck ---- */

static enum status
flip_first(void *state, struct bytes key, struct bytes value)
{
    struct bytes *row = state;
    static uint8_t bytes[RECORD_VALUE_MAX];
    static uint8_t key_bytes[8];

    memcpy(bytes, value.data, value.size);
    memcpy(key_bytes, key.data, sizeof key_bytes);
    bytes[value.size - 3] ^= 1;
    row[0] = bytes_of(key_bytes, sizeof key_bytes);
    row[1] = bytes_of(bytes, value.size);
    return STATUS_BUSY;
}

static enum status
flip_step(struct store_txn *txn, void *state)
{
    struct bytes row[2];

    (void)state;
    (void)!store_scan(txn, STORE_RECORD, (struct bytes){0}, (struct bytes){0}, flip_first, row);
    return store_put(txn, STORE_RECORD, STORE_REPLACE, row[0], row[1]);
}

static void
test_what_is_stuck_is_tried_again_every_hour(void **state)
{
    (void)state;
    make_contacts(10);
    assert_int_equal(store_update(fixture.store, flip_step, NULL), STATUS_OK);
    assert_int_equal(rotate(&admin, ROTATED_DATA, "brand"), STATUS_OK);
    tick_until("stuck");
    assert_true(has_key(ROTATED_DATA, 1, 1));
    assert_int_equal(number_in(&admin, FIELD_DONE), 9);
    assert_int_equal(store_update(fixture.store, flip_step, NULL), STATUS_OK);
    still_clock_pass_ms(HOUR_MS / 2);
    dispatch_tick(fixture.dispatch);
    assert_true(state_is(&admin, "stuck"));
    still_clock_pass_ms(HOUR_MS);
    tick_until("idle");
    assert_false(has_key(ROTATED_DATA, 1, 1));
}

static enum status
lose_step(struct store_txn *txn, void *state)
{
    struct bytes row[2];

    (void)state;
    (void)!store_scan(txn, STORE_RECORD, (struct bytes){0}, (struct bytes){0}, flip_first, row);
    return store_delete_many(txn, STORE_RECORD, row, 1);
}

/* A record that is gone keeps no key; that it is gone is on record first. */
static void
test_records_that_are_gone_are_on_record_before_a_key_goes(void **state)
{
    (void)state;
    make_contacts(10);
    log_reader_skip(&log_reader);
    assert_int_equal(store_update(fixture.store, lose_step, NULL), STATUS_OK);
    assert_int_equal(rotate(&admin, ROTATED_DATA, "brand"), STATUS_OK);
    tick_until("idle");
    assert_false(has_key(ROTATED_DATA, 1, 1));
    assert_int_equal(log_reader_since(&log_reader, entries, ENTRIES), 5);
    expect_entry(&entries[2], OP_KEY_ROTATE, AUDIT_DONE, STATUS_CORRUPT, "");
    expect_about(&entries[2], "brand", "data", 2);
    assert_string_equal(entries[2].reason, "1 records are gone; they are not counted any more");
    expect_entry(&entries[3], AUDIT_ACT_KEY_DESTROYED, AUDIT_INTENT, STATUS_OK, "");
}

/* ---- what a crash left open ---- */

static void
announce(uint32_t act, const char *purpose, uint64_t number)
{
    struct audit_entry entry = {
        .operation = act,
        .phase = AUDIT_INTENT,
        .namespace_name = bytes_of_text("brand"),
        .subject = bytes_of_text(purpose),
        .amount = number,
    };

    assert_int_equal(audit_record(fixture.audit, &entry, 1, AUDIT_RESERVE_NONE), STATUS_OK);
}

static void
expect_settled(uint32_t act, enum status result)
{
    uint64_t before = log_reader.next;

    restart();
    log_reader.next = before;
    (void)log_reader_since(&log_reader, entries, ENTRIES);
    expect_entry(&entries[0], act, AUDIT_INTENT, STATUS_OK, "");
    expect_entry(&entries[1], act, AUDIT_OUTCOME, result, "");
    expect_about(&entries[1], "brand", entries[0].subject, entries[0].amount);
}

static void
test_intents_about_keys_are_settled_at_the_next_start(void **state)
{
    (void)state;
    announce(OP_KEY_ROTATE, "data", 2);
    expect_settled(OP_KEY_ROTATE, STATUS_UNAVAILABLE); /* there is no such key */
    log_reader_skip(&log_reader);
    announce(OP_KEY_ROTATE, "index", 1);
    expect_settled(OP_KEY_ROTATE, STATUS_OK);
    log_reader_skip(&log_reader);
    announce(AUDIT_ACT_KEY_DESTROYED, "data", 1);
    expect_settled(AUDIT_ACT_KEY_DESTROYED, STATUS_UNAVAILABLE); /* it is there */
    log_reader_skip(&log_reader);
    announce(AUDIT_ACT_KEY_DESTROYED, "index", 7);
    expect_settled(AUDIT_ACT_KEY_DESTROYED, STATUS_OK);
    /* Settled is settled. */
    log_reader_skip(&log_reader);
    restart();
    assert_true(state_is(&admin, "idle"));
    for (size_t i = log_reader_since(&log_reader, entries, ENTRIES); i-- > 0;) {
        assert_int_not_equal(entries[i].phase, AUDIT_OUTCOME);
    }
}

/* ---- the root key ---- */

static enum status
rotate_root(struct caller *caller, const struct secret *root, struct bytes slot)
{
    caller_begin(caller, OP_ROOT_ROTATE, 2);
    message_put_bytes(&caller->request, FIELD_ROOT_KEY,
                      bytes_of(secret_read(root), ROOT_KEY_BYTES));
    message_put_bytes(&caller->request, FIELD_UNSEAL, slot);
    return caller_send(caller);
}

static struct secret *
new_root(void)
{
    struct secret *root = NULL;

    assert_int_equal(secret_new(ROOT_KEY_BYTES, &root), STATUS_OK);
    memset(secret_write(root), 0x3c, ROOT_KEY_BYTES);
    secret_freeze(root);
    return root;
}

static void
test_s29_only_the_new_root_key_unseals_and_it_is_on_record(void **state)
{
    struct secret *root = new_root();
    const struct unseal_slot slot = {
        .provider = UNSEAL_PASSPHRASE, .salt = {1}, .passes = 3, .memory_kib = 262144};
    uint8_t bytes[UNSEAL_SLOT_BYTES_MAX];
    size_t size = slot_write(&slot, bytes);

    (void)state;
    make_contacts(CONTACTS);
    log_reader_skip(&log_reader);
    /* Nothing that no reader of the header would believe. */
    assert_int_equal(rotate_root(&admin, root, bytes_of(bytes, size - 1)), STATUS_INVALID);
    /* Nor the present one again, which opens every older file: the horizon would move, untruly. */
    assert_int_equal(rotate_root(&admin, fixture.root, bytes_of(bytes, size)), STATUS_CONFLICT);
    assert_int_equal(log_reader_since(&log_reader, entries, ENTRIES), 0);
    assert_int_equal(rotate_root(&admin, root, bytes_of(bytes, size)), STATUS_OK);
    assert_int_equal(log_reader_since(&log_reader, entries, ENTRIES), 2);
    for (size_t i = 0; i < 2; i++) {
        expect_entry(&entries[i], OP_ROOT_ROTATE, i == 0 ? AUDIT_INTENT : AUDIT_OUTCOME, STATUS_OK,
                     "admin");
        expect_about(&entries[i], "", "passphrase", keyring_generation(fixture.keyring));
    }
    make_contacts(CONTACTS); /* nothing else has changed */
    disconnect_all();
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_DENIED);
    fixture_close(&fixture);
    secret_free(&fixture.root);
    fixture.root = root;
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    connect_all();
    connect_others();
    make_contacts(CONTACTS);
}

static void
test_an_intent_about_the_root_key_is_settled_by_the_keyring(void **state)
{
    (void)state;
    announce(OP_ROOT_ROTATE, "keyfile", keyring_generation(fixture.keyring) + 1);
    expect_settled(OP_ROOT_ROTATE, STATUS_UNAVAILABLE);
    log_reader_skip(&log_reader);
    announce(OP_ROOT_ROTATE, "keyfile", keyring_generation(fixture.keyring));
    expect_settled(OP_ROOT_ROTATE, STATUS_OK);
}

static enum status
give_share(struct caller *keeper, const struct share *share)
{
    uint8_t bytes[SHARE_BYTES];

    share_write(share, bytes);
    caller_begin(keeper, OP_UNSEAL_SHARE, 1);
    message_put_bytes(&keeper->request, FIELD_SHARE, bytes_of(bytes, sizeof bytes));
    return caller_send(keeper);
}

static void
expect_given(struct caller *keeper, uint64_t given)
{
    caller_begin(keeper, OP_UNSEAL_INFO, 0);
    assert_int_equal(caller_send(keeper), STATUS_OK);
    assert_int_equal(number_in(keeper, FIELD_DONE), given);
    assert_int_equal(number_in(keeper, FIELD_TOTAL), 3);
}

static void
make_shares(const struct secret *root, uint8_t set, struct share *ret_shares,
            struct unseal_slot *ret_slot)
{
    uint8_t random[2 * SHARE_KEY_BYTES];

    randombytes_buf(random, sizeof random);
    *ret_slot =
        (struct unseal_slot){.provider = UNSEAL_SHARES, .set = {set}, .threshold = 3, .shares = 5};
    share_split(secret_read(root), ret_slot->set, 3, 5, random, ret_shares);
}

static void
test_s30_three_shares_unseal_and_a_wrong_one_is_named(void **state)
{
    struct secret *root = new_root();
    struct share shares[5], others[5], altered;
    struct unseal_slot slot, other_slot;
    uint8_t bytes[UNSEAL_SLOT_BYTES_MAX];
    struct caller keeper;

    (void)state;
    make_shares(root, 1, shares, &slot);
    make_shares(root, 2, others, &other_slot);
    assert_int_equal(rotate_root(&admin, root, bytes_of(bytes, slot_write(&slot, bytes))),
                     STATUS_OK);
    secret_free(&root);
    caller_make(&keeper, &fixture, PEER_ADMIN, 0);
    assert_int_equal(give_share(&keeper, &others[0]), STATUS_OK); /* it is open: not looked at */
    caller_begin(&admin, OP_SEAL, 0);
    assert_int_equal(caller_send(&admin), STATUS_OK);
    still_clock_pass_ms(PAUSE_MS);

    /* Not of this vault, although it is the first one. */
    assert_int_equal(give_share(&keeper, &others[0]), STATUS_INVALID);
    expect_given(&keeper, 0);
    still_clock_pass_ms(PAUSE_MS);
    assert_int_equal(give_share(&keeper, &shares[4]), STATUS_OK);
    expect_given(&keeper, 1);
    assert_int_equal(give_share(&keeper, &others[0]), STATUS_INVALID);
    /* What was refused was a try. */
    assert_int_equal(give_share(&keeper, &shares[0]), STATUS_BUSY);
    still_clock_pass_ms(PAUSE_MS);
    assert_int_equal(give_share(&keeper, &shares[4]), STATUS_CONFLICT);
    still_clock_pass_ms(PAUSE_MS);
    assert_int_equal(give_share(&keeper, &shares[0]), STATUS_OK);
    expect_given(&keeper, 2);
    /* Half a set is forgotten after five minutes, and not before. */
    still_clock_pass_ms(HOUR_MS / 12 - 1);
    dispatch_tick(fixture.dispatch);
    expect_given(&keeper, 2);
    still_clock_pass_ms(1);
    dispatch_tick(fixture.dispatch);
    expect_given(&keeper, 0);
    /* One that was altered on purpose gives a key that opens nothing, and all are forgotten. */
    altered = shares[2];
    altered.values[31] ^= 1;
    assert_int_equal(give_share(&keeper, &shares[0]), STATUS_OK);
    assert_int_equal(give_share(&keeper, &shares[1]), STATUS_OK);
    assert_int_equal(give_share(&keeper, &altered), STATUS_DENIED);
    expect_given(&keeper, 0);
    still_clock_pass_ms(PAUSE_MS);
    assert_int_equal(give_share(&keeper, &shares[3]), STATUS_OK);
    assert_int_equal(give_share(&keeper, &shares[1]), STATUS_OK);
    assert_true(dispatch_is_sealed(fixture.dispatch));
    assert_int_equal(give_share(&keeper, &shares[2]), STATUS_OK);
    assert_false(dispatch_is_sealed(fixture.dispatch));
    caller_remove(&keeper);
}

/* ---- who may unseal ---- */

enum { DAEMON_UID = 1600, HOLDER_UID = 1001, OTHER_HOLDER_UID = 1002, STRANGER_UID = 2999 };

static enum status
try_op(uint32_t uid, enum peer_socket socket, enum operation operation)
{
    struct caller caller;
    enum status status;

    caller_make(&caller, &fixture, socket, uid);
    still_clock_pass_ms(PAUSE_MS);
    if (operation == OP_UNSEAL) {
        caller_begin(&caller, operation, 1);
        message_put_bytes(&caller.request, FIELD_ROOT_KEY,
                          bytes_of(secret_read(fixture.root), ROOT_KEY_BYTES));
        status = caller_send(&caller);
    } else if (operation == OP_UNSEAL_SHARE) {
        status = give_share(&caller, &(struct share){.number = 1, .threshold = 3, .total = 5});
    } else {
        caller_begin(&caller, operation, 0);
        status = caller_send(&caller);
    }
    caller_remove(&caller);
    return status;
}

static void
expect_keeper(uint32_t uid, bool may)
{
    enum status wanted = may ? STATUS_OK : STATUS_DENIED;

    assert_int_equal(try_op(uid, PEER_ADMIN, OP_UNSEAL_INFO), wanted);
    /* Of a vault with a key file no share is one: who may is told so. */
    assert_int_equal(try_op(uid, PEER_ADMIN, OP_UNSEAL_SHARE),
                     may ? STATUS_INVALID : STATUS_DENIED);
    assert_int_equal(try_op(uid, PEER_DATA, OP_UNSEAL), STATUS_INVALID);
    assert_true(dispatch_is_sealed(fixture.dispatch));
    assert_int_equal(try_op(uid, PEER_ADMIN, OP_UNSEAL), wanted);
    assert_int_equal(dispatch_is_sealed(fixture.dispatch), !may);
    if (may) {
        assert_int_equal(dispatch_seal(fixture.dispatch), STATUS_OK);
    }
}

/* Whoever may unseal is a stranger in all else. */
static void
expect_a_stranger(uint32_t uid)
{
    for (int operation = 1; operation < 64; operation++) {
        if (operation < OP_UNSEAL || operation > OP_UNSEAL_SHARE || operation == OP_SEAL) {
            assert_int_equal(try_op(uid, PEER_ADMIN, (enum operation)operation),
                             try_op(STRANGER_UID, PEER_ADMIN, (enum operation)operation));
        }
    }
}

static void
test_s37_whom_the_configuration_names_may_unseal_and_nobody_else(void **state)
{
    static const uint32_t uids[] = {HOLDER_UID, OTHER_HOLDER_UID, ACCESS_UID_OVERFLOW};

    (void)state;
    disconnect_all();
    fixture_close(&fixture);
    fixture.daemon_uid = DAEMON_UID;
    fixture.unseal_uids = uids;
    fixture.unseal_uid_count = sizeof uids / sizeof uids[0];
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    expect_a_stranger(HOLDER_UID);
    assert_int_equal(dispatch_seal(fixture.dispatch), STATUS_OK);
    expect_a_stranger(HOLDER_UID);
    expect_keeper(0, true);
    expect_keeper(DAEMON_UID, true);
    expect_keeper(HOLDER_UID, true);
    expect_keeper(OTHER_HOLDER_UID, true);
    expect_keeper(STRANGER_UID, false);
    expect_keeper(FIXTURE_ADMIN_UID, false); /* an admin as such may not */
    expect_keeper(ACCESS_UID_OVERFLOW, false);

    /* Not even where the daemon runs as it, or nobody is named. */
    fixture_close(&fixture);
    fixture.daemon_uid = ACCESS_UID_OVERFLOW;
    fixture.unseal_uids = NULL;
    fixture.unseal_uid_count = 0;
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    assert_int_equal(dispatch_seal(fixture.dispatch), STATUS_OK);
    expect_keeper(ACCESS_UID_OVERFLOW, false);
    expect_keeper(HOLDER_UID, false);
    assert_int_equal(try_op(0, PEER_ADMIN, OP_UNSEAL), STATUS_OK);
    connect_all();
    connect_others();
}

#define WITH_VAULT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_VAULT(test_s27_each_key_made_or_destroyed_is_on_record),
        WITH_VAULT(test_privacy_rotates_its_namespace_and_no_other),
        WITH_VAULT(test_all_passes_over_what_rotates),
        WITH_VAULT(test_status_goes_by_namespaces),
        WITH_VAULT(test_the_rate_is_kept),
        WITH_VAULT(test_a_data_key_is_rotated_by_its_age),
        WITH_VAULT(test_a_data_key_is_rotated_by_its_records),
        WITH_VAULT(test_what_is_stuck_is_tried_again_every_hour),
        WITH_VAULT(test_records_that_are_gone_are_on_record_before_a_key_goes),
        WITH_VAULT(test_intents_about_keys_are_settled_at_the_next_start),
        WITH_VAULT(test_s29_only_the_new_root_key_unseals_and_it_is_on_record),
        WITH_VAULT(test_s30_three_shares_unseal_and_a_wrong_one_is_named),
        WITH_VAULT(test_s37_whom_the_configuration_names_may_unseal_and_nobody_else),
        WITH_VAULT(test_an_intent_about_the_root_key_is_settled_by_the_keyring),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

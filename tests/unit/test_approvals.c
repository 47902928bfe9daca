/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S46 "one admin alone", S47 "nobody approves his own", S48 "from the second
 * admin on, for good". Which requests wait for a second admin, by a table written by hand; what
 * becomes of those that wait; and what the log says of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "access_change.h"
#include "failpoint.h"
#include "fixture.h"
#include "log_reader.h"
#include "still_clock.h"
#include "unseal.h"

enum {
    READER_UID = 2001,
    INBOX_UID,
    ROBOT_UID,
    SENDER_UID, /* any: a service that has a key is known by that */
    ANNA_UID,   /* those from here on are persons */
    BERTA_UID,
    CARLA_UID,
    MARIA_UID,
    GONE_UID,
    NEW_UID,
    INVITED_UID,
    ENTRIES = 256,
    DAY_MS = 24 * 3600 * 1000,
    DEFAULT_DAILY = 1000000, /* of fixture.c, for the role service */
    WAIT_MAX = 64,
};

static struct fixture fixture;
static struct caller boot, anna, berta, robot;
static struct caller_key sender_key;
static struct log_reader log_reader;
static struct log_entry entries[ENTRIES];
static size_t entry_count;

/* ---- the world ---- */

static void
connect_person(struct caller *caller, uint32_t uid)
{
    caller_make(caller, &fixture, PEER_ADMIN, uid);
    assert_int_equal(caller_hello(caller), STATUS_OK);
}

static void
connect_all(void)
{
    connect_person(&anna, ANNA_UID);
    caller_make(&robot, &fixture, PEER_ADMIN, ROBOT_UID);
    assert_int_equal(caller_hello(&robot), STATUS_OK);
    log_reader_make(&log_reader, &fixture, READER_UID);
}

static void
disconnect_all(void)
{
    log_reader_remove(&log_reader);
    caller_remove(&robot);
    caller_remove(&anna);
}

static void
add_admin(struct caller *by, const char *name, uint32_t uid)
{
    assert_int_equal(caller_principal_add(by, name, PRINCIPAL_PERSON, uid), STATUS_OK);
    assert_int_equal(caller_grant(by, OP_GRANT, name, ROLE_ADMIN, NULL), STATUS_OK);
}

static void
add_subjects(void)
{
    assert_int_equal(caller_namespace_create(&boot, "shop"), STATUS_OK);
    assert_int_equal(caller_namespace_create(&boot, "bank"), STATUS_OK);
    assert_int_equal(caller_principal_add(&boot, "reader", PRINCIPAL_SERVICE, READER_UID),
                     STATUS_OK);
    assert_int_equal(caller_grant(&boot, OP_GRANT, "reader", ROLE_AUDIT, NULL), STATUS_OK);
    assert_int_equal(caller_principal_add(&boot, "robot", PRINCIPAL_SERVICE, ROBOT_UID), STATUS_OK);
    assert_int_equal(caller_grant(&boot, OP_GRANT, "robot", ROLE_ADMIN, NULL), STATUS_OK);
    assert_int_equal(caller_principal_add(&boot, "inbox", PRINCIPAL_SERVICE, INBOX_UID), STATUS_OK);
    assert_int_equal(caller_principal_add_by_key(&boot, "sender", PRINCIPAL_SERVICE, &sender_key),
                     STATUS_OK);
    assert_int_equal(caller_principal_add(&boot, "maria", PRINCIPAL_PERSON, MARIA_UID), STATUS_OK);
    assert_int_equal(caller_principal_add(&boot, "gone", PRINCIPAL_PERSON, GONE_UID), STATUS_OK);
    assert_int_equal(caller_name(&boot, OP_PRINCIPAL_DISABLE, "gone"), STATUS_OK);
    /* One who has not enrolled. */
    caller_begin(&boot, OP_PRINCIPAL_ADD, 3);
    message_put_text(&boot.request, FIELD_NAME, "invited");
    message_put_uint(&boot.request, FIELD_KIND, PRINCIPAL_PERSON);
    message_put_uint(&boot.request, FIELD_UID, INVITED_UID);
    assert_int_equal(caller_send(&boot), STATUS_OK);
}

/* One admin who counts, beside the first, who counts no more, and a robot. */
static int
set_up_alone(void **state)
{
    (void)state;
    fixture_make(&fixture);
    caller_make(&boot, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    assert_int_equal(caller_hello(&boot), STATUS_OK);
    add_subjects();
    add_admin(&boot, "anna", ANNA_UID);
    connect_all();
    return 0;
}

/* Two of them: the rule is in force. */
static int
set_up(void **state)
{
    (void)set_up_alone(state);
    add_admin(&anna, "berta", BERTA_UID);
    connect_person(&berta, BERTA_UID);
    log_reader_skip(&log_reader);
    return 0;
}

static int
tear_down_alone(void **state)
{
    (void)state;
    disconnect_all();
    caller_remove(&boot);
    fixture_remove(&fixture);
    return 0;
}

static int
tear_down(void **state)
{
    caller_remove(&berta);
    return tear_down_alone(state);
}

/* Since the last look; that somebody logged in meanwhile is no matter. */
static const struct log_entry *
read_log(void)
{
    size_t count = log_reader_since(&log_reader, entries, ENTRIES);

    entry_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].act != OP_LOGIN) {
            entries[entry_count++] = entries[i];
        }
    }
    return entries;
}

static void
assert_entry(const struct log_entry *entry, const char *by, uint64_t act, enum audit_phase phase,
             enum status result)
{
    assert_string_equal(entry->principal, by);
    assert_int_equal(entry->act, act);
    assert_int_equal(entry->phase, phase);
    assert_int_equal(entry->result, result);
}

static bool
in_force(void)
{
    return access_approvals_in_force(fixture.access);
}

static bool
is_admin(const char *name)
{
    return access_may(fixture.access, access_by_name(fixture.access, bytes_of_text(name)),
                      MAY_ADMINISTER, 0);
}

static bool
is_disabled(const char *name)
{
    return access_by_name(fixture.access, bytes_of_text(name))->disabled;
}

/* ---- requests, each a whole one ---- */

static enum status
add_recipient(struct caller *by, const char *name)
{
    const uint8_t key[PUBLIC_KEY_BYTES] = {9};

    caller_begin(by, OP_RECIPIENT_ADD, 2);
    message_put_text(&by->request, FIELD_NAME, name);
    message_put_bytes(&by->request, FIELD_PUBLIC_KEY, bytes_of(key, sizeof key));
    return caller_send(by);
}

static enum status
set_key(struct caller *by, const char *name, const struct caller_key *key)
{
    caller_begin(by, OP_PRINCIPAL_SET_KEY, 2);
    message_put_text(&by->request, FIELD_NAME, name);
    message_put_bytes(&by->request, FIELD_PUBLIC_KEY, bytes_of(key->public_key, PUBLIC_KEY_BYTES));
    return caller_send(by);
}

static enum status
rotate_root(struct caller *by, const uint8_t key[static ROOT_KEY_BYTES])
{
    caller_begin(by, OP_ROOT_ROTATE, 2);
    message_put_bytes(&by->request, FIELD_ROOT_KEY, bytes_of(key, ROOT_KEY_BYTES));
    message_put_bytes(&by->request, FIELD_UNSEAL, bytes_of("\1", 1));
    return caller_send(by);
}

/* What waits since this call, of that caller. */
static uint64_t
waits(struct caller *by, enum status status)
{
    uint64_t number = caller_request_number(by);

    assert_int_equal(status, STATUS_PENDING);
    assert_int_not_equal(number, 0);
    return number;
}

static uint64_t
ask_reveal(struct caller *by, const char *whom)
{
    return waits(by, caller_grant(by, OP_GRANT, whom, ROLE_REVEAL, "shop"));
}

static size_t
pending_count(struct caller *by)
{
    const struct message_list *items = NULL;

    caller_begin(by, OP_PENDING, 0);
    assert_int_equal(caller_send(by), STATUS_OK);
    assert_true(message_list(by->reply, FIELD_ITEMS, &items));
    return message_list_count(items);
}

/* Now one of them can be spared. */
static void
add_third_admin(void)
{
    uint64_t number;

    assert_int_equal(caller_principal_add(&anna, "carla", PRINCIPAL_PERSON, CARLA_UID), STATUS_OK);
    number = waits(&anna, caller_grant(&anna, OP_GRANT, "carla", ROLE_ADMIN, NULL));
    assert_int_equal(caller_decide(&berta, OP_APPROVE, number), STATUS_OK);
}

/* ---- S46: which of them wait ---- */

struct step {
    enum operation operation;
    const char *name;
    enum role role;
    const char *place;
    struct caller_terms terms;
    enum status expected; /* PENDING ones are denied at once */
};

static enum status
take_step(struct caller *by, const struct step *step)
{
    uint8_t root[ROOT_KEY_BYTES] = {1};
    struct caller_key key;

    switch (step->operation) {
    case OP_GRANT:
        return caller_grant_on_terms(by, step->name, step->role, step->place, &step->terms);
    case OP_REVOKE:
        return caller_grant(by, OP_REVOKE, step->name, step->role, step->place);
    case OP_PRINCIPAL_ADD:
        return caller_principal_add(by, step->name, PRINCIPAL_PERSON, NEW_UID);
    case OP_PRINCIPAL_SET_KEY:
        (void)crypto_sign_keypair(key.public_key, key.secret_key);
        return set_key(by, step->name, &key);
    case OP_RECIPIENT_ADD:
        return add_recipient(by, step->name);
    case OP_ROOT_ROTATE:
        return rotate_root(by, root);
    case OP_FREEZE:
        return caller_freeze(by, false);
    case OP_UNFREEZE:
        return caller_unfreeze(by);
    case OP_APPROVALS_SET:
        return caller_approvals(by, (enum approvals)step->terms.daily);
    case OP_KEY_ROTATE:
        caller_begin(by, OP_KEY_ROTATE, 2);
        message_put_text(&by->request, FIELD_NAMESPACE, step->name);
        message_put_uint(&by->request, FIELD_PURPOSE, ROTATED_DATA);
        return caller_send(by);
    case OP_NAMESPACE_SET:
        caller_begin(by, OP_NAMESPACE_SET, 2);
        message_put_text(&by->request, FIELD_NAME, step->name);
        message_put_uint(&by->request, FIELD_RETAIN_MONTHS, 12);
        return caller_send(by);
    default:
        return caller_name(by, step->operation, step->name);
    }
}

#define OK STATUS_OK
#define WAITS STATUS_PENDING
#define CONFLICT STATUS_CONFLICT
#define ABSENT STATUS_NOT_FOUND

/* Steps build on those before: what is OK is done. */
static const struct step steps[] = {
    /* what opens contacts, or says who may */
    {OP_GRANT, "maria", ROLE_REVEAL, "shop", {0}, WAITS},
    {OP_GRANT, "maria", ROLE_REVEAL, "shop", {.daily = 1, .lasts_s = 60}, WAITS},
    {OP_GRANT, "sender", ROLE_DELIVER, "shop", {0}, WAITS},
    {OP_GRANT, "maria", ROLE_PRIVACY, "shop", {0}, WAITS},
    {OP_GRANT, "maria", ROLE_ADMIN, NULL, {0}, WAITS},
    {OP_GRANT, "inbox", ROLE_ADMIN, NULL, {.lasts_s = 60}, WAITS},
    {OP_GRANT, "maria", ROLE_AUDIT, NULL, {0}, WAITS},
    /* the role service, as far as the default goes */
    {OP_GRANT, "inbox", ROLE_SERVICE, "shop", {.daily = DEFAULT_DAILY + 1}, WAITS},
    {OP_GRANT, "inbox", ROLE_SERVICE, "shop", {.daily = 1000, .hourly = 100}, OK},
    {OP_GRANT, "inbox", ROLE_SERVICE, "shop", {.daily = 500, .hourly = 100}, OK},
    {OP_GRANT, "inbox", ROLE_SERVICE, "shop", {.daily = 501, .hourly = 100}, WAITS},
    {OP_GRANT, "inbox", ROLE_SERVICE, "shop", {.daily = 500, .hourly = 101}, WAITS},
    {OP_GRANT, "inbox", ROLE_SERVICE, "shop", {.daily = 500}, WAITS}, /* an hour: without limit */
    {OP_GRANT, "inbox", ROLE_SERVICE, "shop", {0}, WAITS},            /* the default is more */
    {OP_GRANT, "inbox", ROLE_SERVICE, "bank", {0}, OK},
    {OP_GRANT, "sender", ROLE_SERVICE, "bank", {.lasts_s = 600, .daily = 9}, OK},
    {OP_GRANT, "sender", ROLE_SERVICE, "bank", {.lasts_s = 300, .daily = 9}, OK},
    {OP_GRANT, "sender", ROLE_SERVICE, "bank", {.lasts_s = 900, .daily = 9}, WAITS}, /* longer */
    /* a budget beside the one there is */
    {OP_GRANT, "inbox", ROLE_SERVICE, "bank", {.lasts_s = 600, .daily = 9}, WAITS},
    {OP_REVOKE, "inbox", ROLE_SERVICE, "bank", {0}, OK},
    /* who comes back, and by what he is known */
    {OP_PRINCIPAL_ENABLE, "gone", 0, NULL, {0}, WAITS},
    {OP_PRINCIPAL_INVITE, "maria", 0, NULL, {0}, WAITS},
    {OP_PRINCIPAL_INVITE, "invited", 0, NULL, {0}, OK}, /* she has no key, and so no grant */
    {OP_PRINCIPAL_SET_KEY, "sender", 0, NULL, {0}, WAITS},
    {OP_PRINCIPAL_SET_KEY, "inbox", 0, NULL, {0}, WAITS},
    {OP_PRINCIPAL_ADD, "new", 0, NULL, {0}, OK},
    /* who is stopped */
    {OP_PRINCIPAL_DISABLE, "new", 0, NULL, {0}, OK},
    {OP_PRINCIPAL_DISABLE, "robot", 0, NULL, {0}, WAITS}, /* an admin, if a service */
    {OP_REVOKE, "robot", ROLE_ADMIN, NULL, {0}, WAITS},   /* the same by another name */
    {OP_REVOKE, "reader", ROLE_ADMIN, NULL, {0}, ABSENT},
    {OP_PRINCIPAL_DISABLE, "berta", 0, NULL, {0}, CONFLICT}, /* who would approve then? */
    {OP_REVOKE, "anna", ROLE_ADMIN, NULL, {0}, CONFLICT},
    {OP_FREEZE, NULL, 0, NULL, {0}, OK},
    {OP_UNFREEZE, NULL, 0, NULL, {0}, WAITS},
    /* keys and data */
    {OP_RECIPIENT_ADD, "elsewhere", 0, NULL, {0}, WAITS},
    {OP_ROOT_ROTATE, NULL, 0, NULL, {0}, WAITS},
    {OP_NAMESPACE_SHRED, "bank", 0, NULL, {0}, WAITS},
    {OP_NAMESPACE_CREATE, "more", 0, NULL, {0}, OK},
    {OP_NAMESPACE_SET, "more", 0, NULL, {0}, OK},
    {OP_KEY_ROTATE, "more", 0, NULL, {0}, OK},
    /* the rule itself, stricter too */
    {OP_APPROVALS_SET, NULL, 0, NULL, {.daily = APPROVALS_NEVER}, WAITS},
    {OP_APPROVALS_SET, NULL, 0, NULL, {.daily = APPROVALS_ALWAYS}, WAITS},
    /* what would come to nothing is not worth a second admin's time */
    {OP_GRANT, "nobody", ROLE_REVEAL, "shop", {0}, ABSENT},
    {OP_GRANT, "maria", ROLE_REVEAL, "nowhere", {0}, ABSENT},
    {OP_GRANT, "maria", ROLE_DELIVER, "shop", {0}, STATUS_INVALID},
    {OP_PRINCIPAL_ENABLE, "maria", 0, NULL, {0}, CONFLICT},
    {OP_PRINCIPAL_SET_KEY, "maria", 0, NULL, {0}, STATUS_INVALID},
    {OP_PRINCIPAL_SET_KEY, "nobody", 0, NULL, {0}, ABSENT},
    {OP_NAMESPACE_SHRED, "nowhere", 0, NULL, {0}, ABSENT},
    {OP_APPROVALS_SET, NULL, 0, NULL, {.daily = APPROVALS_AUTO}, CONFLICT},
};

static void
test_s46_which_requests_wait(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        enum status status = take_step(&anna, &steps[i]);

        if (status != steps[i].expected) {
            fail_msg("step %zu, %s: %s", i, operation_name(steps[i].operation),
                     status_name(status));
        }
        if (status == STATUS_PENDING) {
            assert_int_equal(caller_decide(&berta, OP_DENY, caller_request_number(&anna)),
                             STATUS_OK);
        }
    }
    assert_int_equal(pending_count(&anna), 0);
}

/* What waits is not done: not a bit of it. */
static void
test_s46_what_waits_is_not_done(void **state)
{
    uint8_t before[ACCESS_DIGEST_BYTES], after[ACCESS_DIGEST_BYTES];

    (void)state;
    access_digest(fixture.access, before);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (steps[i].expected == WAITS && steps[i].role != ROLE_SERVICE &&
            steps[i].operation != OP_UNFREEZE) {
            assert_int_equal(take_step(&anna, &steps[i]), STATUS_PENDING);
        }
    }
    access_digest(fixture.access, after);
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(rotate_root(&anna, secret_read(fixture.root)), STATUS_CONFLICT);
}

/* Alone, each of them is done: there is nobody to ask. */
static void
test_s46_one_admin_waits_for_nobody(void **state)
{
    (void)state;
    assert_false(in_force());
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const struct step *step = &steps[i];
        bool to_admin = step->operation == OP_GRANT && step->role == ROLE_ADMIN;

        if (step->expected == WAITS && step->operation != OP_APPROVALS_SET &&
            step->operation != OP_ROOT_ROTATE && step->operation != OP_NAMESPACE_SHRED &&
            !to_admin) {
            enum status status = take_step(&anna, step);

            assert_true(status == STATUS_OK || status == STATUS_CONFLICT);
        }
    }
    assert_int_equal(caller_approvals(&anna, APPROVALS_ALWAYS), STATUS_CONFLICT);
    assert_int_equal(caller_approvals(&anna, APPROVALS_NEVER), STATUS_OK);
}

/* ---- S47: who decides ---- */

static void
test_an_approval_is_two_names_in_the_log(void **state)
{
    uint64_t number = ask_reveal(&anna, "maria");
    const struct log_entry *entry = read_log();

    (void)state;
    assert_int_equal(entry_count, 1);
    assert_entry(&entry[0], "anna", OP_GRANT, AUDIT_DONE, STATUS_PENDING);
    assert_int_equal(entry[0].sequence, number);
    assert_string_equal(entry[0].subject, "maria");
    assert_int_equal(entry[0].role, ROLE_REVEAL);
    assert_int_equal(caller_decide(&berta, OP_APPROVE, number), STATUS_OK);
    entry = read_log();
    assert_int_equal(entry_count, 3);
    assert_entry(&entry[0], "berta", OP_APPROVE, AUDIT_DONE, STATUS_OK);
    assert_int_equal(entry[0].amount, number);
    assert_string_equal(entry[0].subject, "anna");
    assert_entry(&entry[1], "anna", OP_GRANT, AUDIT_INTENT, STATUS_OK);
    assert_entry(&entry[2], "anna", OP_GRANT, AUDIT_OUTCOME, STATUS_OK);
    assert_string_equal(entry[2].subject, "maria");
    assert_true(access_may(fixture.access, access_by_name(fixture.access, bytes_of_text("maria")),
                           MAY_REVEAL, 1));
    /* Once. */
    assert_int_equal(caller_decide(&berta, OP_APPROVE, number), STATUS_NOT_FOUND);
}

static void
test_s47_nobody_approves_her_own(void **state)
{
    uint64_t number = ask_reveal(&anna, "maria");

    (void)state;
    (void)read_log();
    assert_int_equal(caller_decide(&anna, OP_APPROVE, number), STATUS_DENIED);
    assert_int_equal(caller_decide(&robot, OP_APPROVE, number), STATUS_DENIED);
    assert_int_equal(caller_decide(&robot, OP_DENY, number), STATUS_DENIED);
    (void)read_log();
    assert_int_equal(entry_count, 3);
    assert_entry(&entries[0], "anna", OP_APPROVE, AUDIT_DONE, STATUS_DENIED);
    assert_entry(&entries[1], "robot", OP_APPROVE, AUDIT_DONE, STATUS_DENIED);
    assert_int_equal(pending_count(&berta), 1);
}

/* A program is nobody's second person: its key is that of one who counts already. */
static void
test_s47_no_program_asks(void **state)
{
    (void)state;
    assert_int_equal(caller_grant(&robot, OP_GRANT, "maria", ROLE_REVEAL, "shop"), STATUS_DENIED);
    assert_int_equal(caller_unfreeze(&robot), STATUS_DENIED);
    (void)read_log();
    assert_int_equal(entry_count, 2);
    assert_entry(&entries[0], "robot", OP_GRANT, AUDIT_DONE, STATUS_DENIED);
    /* But the rest. */
    assert_int_equal(caller_grant(&robot, OP_GRANT, "inbox", ROLE_SERVICE, "shop"), STATUS_OK);
    assert_int_equal(caller_freeze(&robot, true), STATUS_OK);
}

static void
test_an_admin_for_a_while_asks_and_does_not_approve(void **state)
{
    const struct caller_terms an_hour = {.lasts_s = 3600};
    struct caller maria;
    uint64_t number;

    (void)state;
    number = waits(&anna, caller_grant_on_terms(&anna, "maria", ROLE_ADMIN, NULL, &an_hour));
    assert_int_equal(caller_decide(&berta, OP_APPROVE, number), STATUS_OK);
    connect_person(&maria, MARIA_UID);
    number = waits(&anna, caller_name(&anna, OP_PRINCIPAL_ENABLE, "gone"));
    assert_int_equal(caller_decide(&maria, OP_APPROVE, number), STATUS_DENIED);
    assert_int_equal(caller_decide(&maria, OP_DENY, number), STATUS_DENIED);
    number = waits(&maria, caller_name(&maria, OP_PRINCIPAL_ENABLE, "gone"));
    /* Who asked may not any more, and no change of the rules has come in between to withdraw it. */
    still_clock_pass_ms(3590 * 1000);
    assert_int_equal(pending_count(&berta), 2); /* in a new session */
    still_clock_pass_ms(10 * 1000);
    assert_int_equal(caller_decide(&berta, OP_APPROVE, number), STATUS_EXPIRED);
    assert_true(is_disabled("gone"));
    caller_remove(&maria);
}

static void
test_deny_and_withdraw(void **state)
{
    uint64_t denied = ask_reveal(&anna, "maria");
    uint64_t withdrawn = waits(&anna, caller_name(&anna, OP_PRINCIPAL_ENABLE, "gone"));

    (void)state;
    (void)read_log();
    assert_int_equal(pending_count(&berta), 2);
    assert_int_equal(caller_decide(&berta, OP_DENY, denied), STATUS_OK);
    assert_int_equal(caller_decide(&anna, OP_DENY, withdrawn), STATUS_OK);
    assert_int_equal(pending_count(&berta), 0);
    assert_int_equal(caller_decide(&berta, OP_APPROVE, denied), STATUS_NOT_FOUND);
    assert_int_equal(caller_decide(&berta, OP_APPROVE, withdrawn), STATUS_NOT_FOUND);
    assert_int_equal(caller_decide(&berta, OP_DENY, 999999), STATUS_NOT_FOUND);
    (void)read_log();
    assert_int_equal(entry_count, 2);
    assert_entry(&entries[0], "berta", OP_DENY, AUDIT_DONE, STATUS_OK);
    assert_int_equal(entries[0].amount, denied);
    assert_string_equal(entries[0].subject, "anna");
    assert_entry(&entries[1], "anna", OP_DENY, AUDIT_DONE, STATUS_OK);
    assert_true(is_disabled("gone"));
}

/* ---- what waits ---- */

static void
test_the_same_is_asked_once(void **state)
{
    const struct caller_terms other = {.daily = 7};
    uint64_t number = ask_reveal(&anna, "maria");
    struct caller elsewhere;

    (void)state;
    (void)read_log();
    assert_int_equal(ask_reveal(&anna, "maria"), number);
    /* By another connection of hers. */
    connect_person(&elsewhere, ANNA_UID);
    assert_int_equal(ask_reveal(&elsewhere, "maria"), number);
    caller_remove(&elsewhere);
    (void)read_log();
    assert_int_equal(entry_count, 0);
    /* Of another, or otherwise, it is another. */
    assert_int_not_equal(ask_reveal(&berta, "maria"), number);
    assert_int_not_equal(
        waits(&anna, caller_grant_on_terms(&anna, "maria", ROLE_REVEAL, "shop", &other)), number);
    assert_int_equal(pending_count(&anna), 3);
}

static void
test_no_more_than_64_wait(void **state)
{
    struct caller_terms terms = {.daily = 1};
    uint64_t number = 0;

    (void)state;
    for (terms.daily = 1; terms.daily <= WAIT_MAX; terms.daily++) {
        number = waits(&anna, caller_grant_on_terms(&anna, "maria", ROLE_REVEAL, "shop", &terms));
    }
    assert_int_equal(pending_count(&berta), WAIT_MAX);
    (void)read_log();
    assert_int_equal(caller_grant_on_terms(&anna, "maria", ROLE_REVEAL, "shop", &terms),
                     STATUS_TOO_LARGE);
    (void)read_log();
    assert_int_equal(entry_count, 0);
    assert_int_equal(caller_decide(&berta, OP_DENY, number), STATUS_OK);
    (void)waits(&anna, caller_grant_on_terms(&anna, "maria", ROLE_REVEAL, "shop", &terms));
}

static void
test_a_request_lasts_a_day(void **state)
{
    uint64_t old = ask_reveal(&anna, "maria");
    uint64_t young;

    (void)state;
    still_clock_pass_ms(DAY_MS / 2);
    young = waits(&anna, caller_name(&anna, OP_PRINCIPAL_ENABLE, "gone"));
    still_clock_pass_ms(DAY_MS / 2);
    assert_int_equal(caller_decide(&berta, OP_APPROVE, old), STATUS_EXPIRED);
    assert_int_equal(pending_count(&berta), 1);
    (void)read_log();
    dispatch_tick(fixture.dispatch);
    (void)read_log();
    assert_int_equal(entry_count, 1);
    assert_entry(&entries[0], "", OP_DENY, AUDIT_DONE, STATUS_EXPIRED);
    assert_int_equal(entries[0].amount, old);
    assert_string_equal(entries[0].subject, "anna");
    assert_int_equal(caller_decide(&berta, OP_APPROVE, old), STATUS_NOT_FOUND);
    assert_int_equal(caller_decide(&berta, OP_APPROVE, young), STATUS_OK);
}

static void
assert_shown(struct caller *by, size_t i, const char *text)
{
    const struct message_list *items = NULL;
    struct bytes shown = {0};

    assert_in_range(i, 0, pending_count(by) - 1);
    assert_true(message_list(by->reply, FIELD_ITEMS, &items));
    assert_true(message_bytes(message_list_message(items, i), FIELD_MESSAGE, &shown));
    assert_int_equal(shown.size, strlen(text));
    assert_memory_equal(shown.data, text, shown.size);
}

static void
test_acts_are_shown_as_sentences(void **state)
{
    (void)state;
    add_third_admin();
    (void)waits(&anna, caller_name(&anna, OP_PRINCIPAL_OFFBOARD, "carla"));
    (void)waits(&anna, caller_name(&anna, OP_PRINCIPAL_DISABLE, "carla"));
    (void)waits(&anna, caller_name(&anna, OP_PRINCIPAL_ENABLE, "gone"));
    (void)waits(&anna, caller_name(&anna, OP_PRINCIPAL_INVITE, "carla"));
    (void)waits(&anna, caller_name(&anna, OP_NAMESPACE_SHRED, "shop"));
    assert_shown(&berta, 0, "offboard carla, for good");
    assert_shown(&berta, 1, "disable carla");
    assert_shown(&berta, 2, "enable gone again");
    assert_shown(&berta, 3, "let carla enrol again, with another key");
    assert_shown(&berta, 4, "shred the namespace shop, for good");
}

static void
test_what_is_shown(void **state)
{
    const struct message_list *items = NULL;
    const struct message *item;
    const struct caller_terms terms = {.daily = 50, .hourly = 10};
    uint64_t value = 0;
    bool active = false;
    struct bytes text = {0};

    (void)state;
    (void)waits(&anna, caller_grant_on_terms(&anna, "maria", ROLE_REVEAL, "shop", &terms));
    assert_int_equal(pending_count(&berta), 1);
    assert_true(message_uint(berta.reply, FIELD_APPROVALS, &value));
    assert_int_equal(value, APPROVALS_AUTO);
    assert_true(message_bool(berta.reply, FIELD_ACTIVE, &active));
    assert_true(active);
    assert_true(message_uint(berta.reply, FIELD_TOTAL, &value));
    assert_int_equal(value, 2);
    assert_true(message_uint(berta.reply, FIELD_WAITING, &value));
    assert_int_equal(value, 1);
    assert_true(message_list(berta.reply, FIELD_ITEMS, &items));
    item = message_list_message(items, 0);
    assert_true(message_bytes(item, FIELD_PUBLIC_KEY, &text));
    assert_memory_equal(text.data, people_find(&fixture, MARIA_UID)->key + 32, PUBLIC_KEY_BYTES);
    assert_true(message_bytes(item, FIELD_MESSAGE, &text));
    assert_non_null(memmem(text.data, text.size, "grant reveal to maria in shop", 29));
    assert_non_null(memmem(text.data, text.size, "a day 50, an hour 10", 20));
    assert_int_equal(pending_count(&anna), 1);
    assert_true(message_uint(anna.reply, FIELD_WAITING, &value));
    assert_int_equal(value, 0);
    /* She learns it where she comes in, and who is not to decide does not. */
    caller_begin(&berta, OP_WHOAMI, 0);
    assert_int_equal(caller_send(&berta), STATUS_OK);
    assert_true(message_uint(berta.reply, FIELD_WAITING, &value));
    assert_int_equal(value, 1);
    caller_begin(&anna, OP_WHOAMI, 0);
    assert_int_equal(caller_send(&anna), STATUS_OK);
    assert_false(message_uint(anna.reply, FIELD_WAITING, &value));
    assert_int_equal(people_log_in(&berta, people_find(&fixture, BERTA_UID)), STATUS_OK);
    assert_true(message_uint(berta.reply, FIELD_WAITING, &value));
    assert_int_equal(value, 1);
}

/* ---- what came in between ---- */

/* With a third admin, the second can go; what he asked for goes with him. */
static void
test_who_is_disabled_asks_for_nothing(void **state)
{
    struct caller carla;
    uint64_t number, hers;

    (void)state;
    add_third_admin();
    connect_person(&carla, CARLA_UID);
    hers = ask_reveal(&berta, "maria");
    number = waits(&anna, caller_name(&anna, OP_PRINCIPAL_DISABLE, "berta"));
    (void)read_log();
    assert_int_equal(caller_decide(&carla, OP_APPROVE, number), STATUS_OK);
    assert_true(is_disabled("berta"));
    (void)read_log();
    assert_int_equal(entry_count, 4);
    assert_entry(&entries[3], "", OP_DENY, AUDIT_DONE, STATUS_DENIED);
    assert_int_equal(entries[3].amount, hers);
    assert_string_equal(entries[3].subject, "berta");
    assert_int_equal(caller_decide(&carla, OP_APPROVE, hers), STATUS_NOT_FOUND);
    /* Two are left, and no one can be spared. */
    assert_int_equal(caller_name(&anna, OP_PRINCIPAL_DISABLE, "carla"), STATUS_CONFLICT);
    caller_remove(&carla);
}

/* Who had her key before may have asked: what waits from then is not hers. */
static void
test_who_enrols_again_asks_anew(void **state)
{
    struct bytes code = {0};
    uint64_t hers, number;

    (void)state;
    hers = ask_reveal(&berta, "maria");
    number = waits(&anna, caller_name(&anna, OP_PRINCIPAL_INVITE, "berta"));
    assert_int_equal(caller_decide(&berta, OP_APPROVE, number), STATUS_OK);
    assert_true(message_bytes(berta.reply, FIELD_CODE, &code));
    (void)people_invite(&fixture, "berta", BERTA_UID, code);
    assert_int_equal(pending_count(&anna), 1);
    assert_int_equal(people_enrol(&fixture, people_find(&fixture, BERTA_UID)), STATUS_OK);
    assert_int_equal(pending_count(&anna), 0);
    assert_int_equal(caller_decide(&anna, OP_APPROVE, hers), STATUS_NOT_FOUND);
}

/* Both were possible when they were asked for; the second is not any more when it is approved. */
static void
test_two_are_left_whatever_was_asked_before(void **state)
{
    uint64_t one, other;

    (void)state;
    add_third_admin();
    one = waits(&anna, caller_name(&anna, OP_PRINCIPAL_DISABLE, "carla"));
    other = waits(&berta, caller_grant(&berta, OP_REVOKE, "anna", ROLE_ADMIN, NULL));
    assert_int_equal(caller_decide(&berta, OP_APPROVE, one), STATUS_OK);
    assert_int_equal(caller_decide(&anna, OP_APPROVE, other), STATUS_CONFLICT);
    assert_true(is_admin("anna"));
    assert_int_equal(access_approver_count(fixture.access), 2);
}

static void
test_another_key_is_not_what_was_shown(void **state)
{
    struct caller_key key;
    uint64_t grant = waits(&anna, caller_grant(&anna, OP_GRANT, "sender", ROLE_DELIVER, "shop"));
    uint64_t change;

    (void)state;
    (void)crypto_sign_keypair(key.public_key, key.secret_key);
    change = waits(&anna, set_key(&anna, "sender", &key));
    assert_int_equal(caller_decide(&berta, OP_APPROVE, change), STATUS_OK);
    (void)read_log();
    assert_int_equal(caller_decide(&berta, OP_APPROVE, grant), STATUS_CONFLICT);
    (void)read_log();
    assert_int_equal(entry_count, 1);
    assert_entry(&entries[0], "berta", OP_APPROVE, AUDIT_DONE, STATUS_CONFLICT);
    assert_false(access_may(fixture.access, access_by_name(fixture.access, bytes_of_text("sender")),
                            MAY_DELIVER, 1));
}

static void
test_a_seal_withdraws_all(void **state)
{
    uint64_t number = ask_reveal(&anna, "maria");
    char fault[DISPATCH_FAULT_BYTES];

    (void)state;
    assert_int_equal(dispatch_seal(fixture.dispatch), STATUS_OK);
    assert_int_equal(dispatch_unseal(fixture.dispatch, fixture.root, fault), STATUS_OK);
    assert_int_equal(pending_count(&anna), 0);
    assert_int_equal(caller_decide(&berta, OP_APPROVE, number), STATUS_NOT_FOUND);
}

/* ---- another key ---- */

static void
test_a_service_gets_another_key(void **state)
{
    struct caller_key key;
    struct caller sender;
    uint64_t number;

    (void)state;
    number = waits(&anna, caller_grant(&anna, OP_GRANT, "sender", ROLE_DELIVER, "shop"));
    assert_int_equal(caller_decide(&berta, OP_APPROVE, number), STATUS_OK);
    caller_make(&sender, &fixture, PEER_DATA, SENDER_UID);
    assert_int_equal(caller_hello_by_key(&sender, &sender_key), STATUS_OK);
    (void)crypto_sign_keypair(key.public_key, key.secret_key);
    number = waits(&anna, set_key(&anna, "sender", &key));
    caller_begin(&sender, OP_STATUS, 0);
    assert_int_equal(caller_send(&sender), STATUS_OK);
    assert_int_equal(caller_decide(&berta, OP_APPROVE, number), STATUS_OK);
    /* The connection that the old key opened is nobody's. */
    caller_begin(&sender, OP_STATUS, 0);
    assert_int_equal(caller_send(&sender), STATUS_UNAUTHENTICATED);
    assert_int_equal(caller_hello_by_key(&sender, &sender_key), STATUS_UNAUTHENTICATED);
    assert_int_equal(caller_hello_by_key(&sender, &key), STATUS_OK);
    /* What was given for the old one is not the new one's. */
    assert_false(access_may(fixture.access, access_by_name(fixture.access, bytes_of_text("sender")),
                            MAY_DELIVER, 1));
    number = waits(&anna, caller_grant(&anna, OP_GRANT, "sender", ROLE_DELIVER, "shop"));
    assert_int_equal(caller_decide(&berta, OP_APPROVE, number), STATUS_OK);
    assert_true(access_may(fixture.access, access_by_name(fixture.access, bytes_of_text("sender")),
                           MAY_DELIVER, 1));
    caller_remove(&sender);
}

static void
test_a_key_in_place_of_a_uid(void **state)
{
    struct caller_key key;
    struct caller inbox;

    (void)state;
    caller_make(&inbox, &fixture, PEER_DATA, INBOX_UID);
    assert_int_equal(caller_hello(&inbox), STATUS_OK);
    (void)crypto_sign_keypair(key.public_key, key.secret_key);
    assert_int_equal(set_key(&anna, "inbox", &sender_key), STATUS_CONFLICT);
    assert_int_equal(set_key(&anna, "maria", &key), STATUS_INVALID);
    assert_int_equal(set_key(&anna, "inbox", &key), STATUS_OK);
    assert_int_equal(set_key(&anna, "inbox", &key), STATUS_CONFLICT);
    caller_begin(&inbox, OP_STATUS, 0);
    assert_int_equal(caller_send(&inbox), STATUS_UNAUTHENTICATED);
    assert_int_equal(caller_hello(&inbox), STATUS_UNAUTHENTICATED);
    disconnect_all();
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    assert_int_equal(caller_hello_by_key(&inbox, &key), STATUS_OK);
    caller_remove(&inbox);
    connect_all();
}

static void
test_another_root_key_waits_and_comes(void **state)
{
    uint8_t next[ROOT_KEY_BYTES] = {7};
    uint64_t number = waits(&anna, rotate_root(&anna, next));

    (void)state;
    (void)read_log();
    assert_int_equal(caller_decide(&berta, OP_APPROVE, number), STATUS_OK);
    (void)read_log();
    assert_int_equal(entry_count, 3);
    assert_entry(&entries[1], "anna", OP_ROOT_ROTATE, AUDIT_INTENT, STATUS_OK);
    assert_entry(&entries[2], "anna", OP_ROOT_ROTATE, AUDIT_OUTCOME, STATUS_OK);
    disconnect_all();
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_DENIED);
    fixture_close(&fixture);
    secret_free(&fixture.root);
    assert_int_equal(secret_copy(next, sizeof next, &fixture.root), STATUS_OK);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    connect_all();
}

/* ---- S48: from the second admin on, for good ---- */

static void
restart(void)
{
    disconnect_all();
    fixture_close(&fixture);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    connect_all();
}

static void
test_s48_the_second_admin_begins_it(void **state)
{
    (void)state;
    assert_false(in_force());
    log_reader_skip(&log_reader);
    add_admin(&anna, "berta", BERTA_UID);
    assert_true(in_force());
    (void)read_log();
    assert_true(entry_count > 2);
    assert_entry(&entries[entry_count - 2], "", OP_APPROVALS_SET, AUDIT_INTENT, STATUS_OK);
    assert_entry(&entries[entry_count - 1], "", OP_APPROVALS_SET, AUDIT_OUTCOME, STATUS_OK);
    assert_string_equal(entries[entry_count - 1].subject, "second-admin");
}

/* Not even in ways that are not dispatch's own. */
static void
test_s48_it_stays_when_the_second_admin_is_gone(void **state)
{
    struct access_change *change = NULL;
    const char *fault = NULL;
    uint64_t number;

    (void)state;
    assert_int_equal(
        access_prepare_disable(fixture.access, bytes_of_text("berta"), &change, &fault), STATUS_OK);
    assert_int_equal(access_commit(fixture.access, &change), STATUS_OK);
    assert_int_equal(access_approver_count(fixture.access), 1);
    assert_true(in_force());
    number = ask_reveal(&anna, "maria");
    assert_int_equal(caller_decide(&anna, OP_APPROVE, number), STATUS_DENIED);
    (void)waits(&anna, caller_approvals(&anna, APPROVALS_NEVER));
}

static void
test_s48_never_is_decided_by_two(void **state)
{
    uint64_t number = waits(&anna, caller_approvals(&anna, APPROVALS_NEVER));

    (void)state;
    assert_int_equal(caller_decide(&berta, OP_APPROVE, number), STATUS_OK);
    assert_false(in_force());
    assert_int_equal(caller_grant(&anna, OP_GRANT, "maria", ROLE_REVEAL, "shop"), STATUS_OK);
    assert_int_equal(caller_name(&anna, OP_PRINCIPAL_DISABLE, "berta"), STATUS_OK);
    /* It would be in force at once, and nobody could approve anything. */
    assert_int_equal(caller_approvals(&anna, APPROVALS_AUTO), STATUS_CONFLICT);
    assert_int_equal(caller_approvals(&anna, APPROVALS_ALWAYS), STATUS_CONFLICT);
    assert_int_equal(caller_name(&anna, OP_PRINCIPAL_ENABLE, "berta"), STATUS_OK);
    assert_int_equal(caller_approvals(&anna, APPROVALS_ALWAYS), STATUS_OK);
    (void)waits(&anna, caller_approvals(&anna, APPROVALS_AUTO));
    restart();
    assert_int_equal(access_approvals(fixture.access), APPROVALS_ALWAYS);
}

/* Settings share a row: none of them forgets the others. */
static void
test_s48_a_freeze_and_a_restart_keep_it(void **state)
{
    (void)state;
    assert_int_equal(caller_freeze(&anna, true), STATUS_OK);
    assert_true(in_force());
    assert_false(access_has_new_pair(fixture.access));
    restart();
    assert_true(in_force());
    assert_false(access_has_new_pair(fixture.access));
    assert_int_equal(access_frozen(fixture.access), FREEZE_ALL);
}

/* This program again, which dies between the grant and what follows it. */
static int
crash_in_between(const char *folder)
{
    char path[FIXTURE_PATH_BYTES];
    FILE *file;

    fixture.backend = &store_lmdb_backend;
    (void)snprintf(fixture.folder, sizeof fixture.folder, "%s", folder);
    fixture_path(&fixture, "key", path);
    assert_int_equal(unseal_keyfile_read(path, &fixture.root), STATUS_OK);
    fixture_path(&fixture, "people", path);
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(fixture.people, sizeof fixture.people, 1, file), 1);
    fixture.people_count = PEOPLE_MAX;
    (void)fclose(file);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    connect_person(&anna, ANNA_UID);
    return caller_grant(&anna, OP_GRANT, "berta", ROLE_ADMIN, NULL) == STATUS_OK ? 1 : 2;
}

static int
run_crash(void)
{
    char path[FIXTURE_PATH_BYTES];
    FILE *file;
    int ended = 0;
    pid_t child;

    fixture_path(&fixture, "people", path);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(fixture.people, sizeof fixture.people, 1, file), 1);
    assert_int_equal(fclose(file), 0);
    child = fork();
    if (child == 0) {
        (void)setenv("CONTACT_VAULT_FAILPOINTS", "second_admin_made", 1);
        (void)execl("/proc/self/exe", "test_approvals", fixture.folder, (char *)NULL);
        _exit(3);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFEXITED(ended));
    return WEXITSTATUS(ended);
}

static void
test_s48_a_crash_in_between(void **state)
{
    (void)state;
    assert_int_equal(caller_principal_add(&anna, "berta", PRINCIPAL_PERSON, BERTA_UID), STATUS_OK);
    disconnect_all();
    fixture_close(&fixture);
    assert_int_equal(run_crash(), FAILPOINT_CRASHED);
    assert_int_equal(fixture_open(&fixture), STATUS_OK);
    /* Before anybody is served: a login would be a change, too. */
    assert_true(is_admin("berta"));
    assert_true(in_force());
    assert_false(access_has_new_pair(fixture.access)); /* it is on record */
    connect_all();
}

/* ---- at once ---- */

struct approver {
    struct caller *caller;
    uint64_t number;
    enum status status;
};

static void *
approve(void *state)
{
    struct approver *approver = state;

    approver->status = caller_decide(approver->caller, OP_APPROVE, approver->number);
    return NULL;
}

static void
test_two_approve_at_once_and_it_is_done_once(void **state)
{
    enum { ROUNDS = 8 };
    struct caller other;

    (void)state;
    connect_person(&other, BERTA_UID);
    for (int i = 0; i < ROUNDS; i++) {
        const struct caller_terms terms = {.daily = 1 + (uint64_t)i};
        uint64_t number =
            waits(&anna, caller_grant_on_terms(&anna, "maria", ROLE_REVEAL, "shop", &terms));
        struct approver approvers[2] = {{&berta, number, STATUS_OK}, {&other, number, STATUS_OK}};
        pthread_t threads[2];

        (void)read_log();
        for (int k = 0; k < 2; k++) {
            assert_int_equal(pthread_create(&threads[k], NULL, approve, &approvers[k]), 0);
        }
        for (int k = 0; k < 2; k++) {
            (void)pthread_join(threads[k], NULL);
        }
        assert_int_equal(approvers[0].status + approvers[1].status, STATUS_NOT_FOUND);
        (void)read_log();
        assert_int_equal(entry_count, 3);
    }
    caller_remove(&other);
}

int
main(int argc, char **argv)
{
#define IN(world, test) cmocka_unit_test_setup_teardown(test, world, tear_down)
#define ALONE(test) cmocka_unit_test_setup_teardown(test, set_up_alone, tear_down_alone)
    const struct CMUnitTest tests[] = {
        IN(set_up, test_s46_which_requests_wait),
        IN(set_up, test_s46_what_waits_is_not_done),
        ALONE(test_s46_one_admin_waits_for_nobody),
        IN(set_up, test_an_approval_is_two_names_in_the_log),
        IN(set_up, test_s47_nobody_approves_her_own),
        IN(set_up, test_s47_no_program_asks),
        IN(set_up, test_an_admin_for_a_while_asks_and_does_not_approve),
        IN(set_up, test_deny_and_withdraw),
        IN(set_up, test_the_same_is_asked_once),
        IN(set_up, test_no_more_than_64_wait),
        IN(set_up, test_a_request_lasts_a_day),
        IN(set_up, test_what_is_shown),
        IN(set_up, test_acts_are_shown_as_sentences),
        IN(set_up, test_who_is_disabled_asks_for_nothing),
        IN(set_up, test_who_enrols_again_asks_anew),
        IN(set_up, test_two_are_left_whatever_was_asked_before),
        IN(set_up, test_another_key_is_not_what_was_shown),
        IN(set_up, test_a_seal_withdraws_all),
        IN(set_up, test_a_service_gets_another_key),
        ALONE(test_a_key_in_place_of_a_uid),
        IN(set_up, test_another_root_key_waits_and_comes),
        ALONE(test_s48_the_second_admin_begins_it),
        IN(set_up, test_s48_it_stays_when_the_second_admin_is_gone),
        IN(set_up, test_s48_never_is_decided_by_two),
        IN(set_up, test_s48_a_freeze_and_a_restart_keep_it),
        ALONE(test_s48_a_crash_in_between),
        IN(set_up, test_two_approve_at_once_and_it_is_done_once),
    };

    if (argc == 2) {
        return crash_in_between(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

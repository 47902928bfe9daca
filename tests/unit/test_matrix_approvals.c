/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S46 "no admin alone", S47 "not the one who asked", S48 "in force".
 * What an admin asks for x how many admins there are and how the rule is set, by a table written by
 * hand: what is done at once, what waits; and for each that waits, who approves it in vain.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cast.h"
#include "still_clock.h"
#include "totp.h"

enum {
    BERTA_UID = 3001,
    WHILE_UID,
    INVITED_UID,
    NEW_UID,
    ROBOT_UID, /* and those after it */
    ROBOTS = 4,
    DAY_S = 24 * 3600,
    DEFAULT_DAILY = 1000000, /* of fixture.c, for the role service */
    ENTRIES = 64,
};

/* ---- the table ---- */

enum world { ONE, TWO, ALWAYS, NEVER, WORLDS };

static const char *const world_names[WORLDS] = {"one admin", "two admins", "always", "never"};

static const struct answer {
    char letter;
    enum status status;
    bool on_record;
} answers[] = {
    {'O', STATUS_OK, false},     /* done at once */
    {'P', STATUS_PENDING, true}, /* waits; and is done when the other admin says so */
    {'D', STATUS_DENIED, true},
    {'N', STATUS_DENIED, false},
    {'U', STATUS_UNAUTHENTICATED, false},
    {'I', STATUS_INVALID, false},
    {'C', STATUS_CONFLICT, false},
    {'M', STATUS_NOT_FOUND, false},
};

#define AS_CAST                                                                                    \
    NULL, 0, NULL,                                                                                 \
    {                                                                                              \
        0                                                                                          \
    }

/* Without a name: what the cast would ask. In this order: each row finds what those before it left.
 */
static const struct row {
    enum operation operation;
    const char *letters; /* one for each world */
    const char *name;
    enum role role;
    const char *place;
    struct caller_terms terms;
} rows[] = {
    /* clang-format off */
    /*                       1 2 a n: one admin, two, always, never */
    {OP_STATUS,             "OOOO", AS_CAST},
    {OP_HELLO,              "OOOO", AS_CAST},
    {OP_PROVE,              "UUUU", AS_CAST},
    {OP_ENROL_BEGIN,        "UUUU", AS_CAST},
    {OP_ENROL_CONFIRM,      "UUUU", AS_CAST},
    {OP_LOGIN,              "IIII", AS_CAST}, /* signed by nobody */
    {OP_LOGOUT,             "OOOO", AS_CAST},
    {OP_WHOAMI,             "OOOO", AS_CAST},
    {OP_TOKENIZE,           "DDDD", AS_CAST},
    {OP_LOOKUP,             "DDDD", AS_CAST},
    {OP_MASK,               "DDDD", AS_CAST},
    {OP_DESCRIBE,           "OOOO", AS_CAST},
    {OP_DETOKENIZE,         "DDDD", AS_CAST},
    {OP_ERASE,              "DDDD", AS_CAST},
    {OP_UNSEAL,             "NNNN", AS_CAST},
    {OP_UNSEAL_INFO,        "NNNN", AS_CAST},
    {OP_UNSEAL_SHARE,       "NNNN", AS_CAST},
    {OP_SEAL,               "OOOO", AS_CAST}, /* what only stops somebody never waits */
    {OP_FREEZE,             "OOOO", AS_CAST},
    {OP_UNFREEZE,           "OPPO", AS_CAST},
    {OP_RECIPIENT_REMOVE,   "OOOO", AS_CAST},
    {OP_BACKUP_BEGIN,       "CCCC", AS_CAST}, /* for nobody */
    {OP_BACKUP_READ,        "MMMM", AS_CAST},
    {OP_BACKUP_END,         "MMMM", AS_CAST},
    {OP_RECIPIENT_ADD,      "OPPO", AS_CAST},
    {OP_RECIPIENT_LIST,     "OOOO", AS_CAST},
    {OP_NAMESPACE_CREATE,   "OOOO", AS_CAST},
    {OP_NAMESPACE_LIST,     "OOOO", AS_CAST},
    {OP_NAMESPACE_SET,      "OOOO", AS_CAST},
    {OP_NAMESPACE_SHRED,    "OPPO", AS_CAST},
    {OP_KEY_ROTATE,         "OOOO", AS_CAST},
    {OP_COMPACT,            "OOOO", AS_CAST},
    {OP_KEY_STATUS,         "OOOO", AS_CAST},
    {OP_ROOT_ROTATE,        "OPPO", AS_CAST},
    {OP_CANARY_ADD,         "OOOO", AS_CAST},
    {OP_CANARY_LIST,        "OOOO", AS_CAST},
    {OP_CANARY_REMOVE,      "MMMM", AS_CAST},
    {OP_NOTIFY_TEST,        "MMMM", AS_CAST},
    {OP_AUDIT_READ,         "OOOO", AS_CAST},
    {OP_PENDING,            "OOOO", AS_CAST},
    {OP_APPROVE,            "MMMM", AS_CAST},
    {OP_DENY,               "MMMM", AS_CAST},
    {OP_PRINCIPAL_ADD,      "OOOO", AS_CAST}, /* who is nobody until something is granted to him */
    {OP_PRINCIPAL_LIST,     "OOOO", AS_CAST},
    {OP_PRINCIPAL_SHOW,     "OOOO", AS_CAST},
    {OP_PRINCIPAL_SET_KEY,  "OPPO", AS_CAST},
    /* what opens contacts, or says who may */
    {OP_GRANT,              "OPPO", "guest", ROLE_REVEAL, "set-me", {0}},
    {OP_GRANT,              "OPPO", "guest", ROLE_REVEAL, "brand", {.daily = 1, .lasts_s = 60}},
    {OP_GRANT,              "OPPO", "guest", ROLE_PRIVACY, "brand", {0}},
    {OP_GRANT,              "OPPO", "guest", ROLE_AUDIT, NULL, {0}},
    {OP_GRANT,              "OPPO", "keyed", ROLE_DELIVER, "brand", {0}},
    {OP_GRANT,              "OPPO", "robot-0", ROLE_ADMIN, NULL, {.lasts_s = 60}},
    {OP_GRANT,              "OPPO", "robot-0", ROLE_ADMIN, NULL, {0}},
    /* the role service: as far as the default goes, and no higher than what is held */
    {OP_GRANT,              "OOOO", "keyed", ROLE_SERVICE, "set-me", {0}},
    {OP_GRANT,              "OPPO", "keyed", ROLE_SERVICE, "brand", {.daily = DEFAULT_DAILY + 1}},
    {OP_GRANT,              "OOOO", "pawn", ROLE_SERVICE, "brand", {.daily = 1000, .hourly = 100}},
    {OP_GRANT,              "OOOO", "pawn", ROLE_SERVICE, "brand", {.daily = 900, .hourly = 100}},
    {OP_GRANT,              "OPPO", "pawn", ROLE_SERVICE, "brand", {.daily = 901, .hourly = 100}},
    {OP_GRANT,              "OPPO", "pawn", ROLE_SERVICE, "brand", {.daily = 901, .hourly = 101}},
    {OP_REVOKE,             "OOOO", "pawn", ROLE_SERVICE, "brand", {0}},
    {OP_REVOKE,             "OOOO", "guest", ROLE_AUDIT, NULL, {0}},
    /* who is stopped, and who comes back */
    {OP_PRINCIPAL_DISABLE,  "OOOO", "guest", 0, NULL, {0}},
    {OP_PRINCIPAL_ENABLE,   "OPPO", "guest", 0, NULL, {0}},
    {OP_PRINCIPAL_OFFBOARD, "OOOO", "guest", 0, NULL, {0}},
    {OP_PRINCIPAL_INVITE,   "OPPO", "lead", 0, NULL, {0}},
    {OP_PRINCIPAL_INVITE,   "OOOO", "invited", 0, NULL, {0}}, /* no key, and so no grant */
    /* the same for whoever administers: a service, one for a while, one who counts */
    {OP_REVOKE,             "OPPO", "robot-0", ROLE_ADMIN, NULL, {0}},
    {OP_PRINCIPAL_DISABLE,  "OPPO", "robot-1", 0, NULL, {0}},
    {OP_PRINCIPAL_ENABLE,   "OPPO", "robot-1", 0, NULL, {0}},
    {OP_PRINCIPAL_OFFBOARD, "OPPO", "robot-2", 0, NULL, {0}},
    {OP_PRINCIPAL_DISABLE,  "OPPO", "for-a-while", 0, NULL, {0}},
    {OP_REVOKE,             "MCCO", "berta", ROLE_ADMIN, NULL, {0}}, /* who would approve then? */
    /* the rule itself */
    {OP_APPROVALS_SET,      "OPPC", AS_CAST}, /* then: nobody is left who could */
    /* clang-format on */
};

enum { ROWS = sizeof rows / sizeof rows[0] };

/* ---- the worlds ---- */

static struct cast cast;
static struct caller first, berta, berta_outside, for_a_while;
static unsigned faults;

static void
connect(struct caller *caller, uint32_t uid)
{
    caller_make(caller, &cast.fixture, PEER_ADMIN, uid);
    assert_int_equal(caller_hello(caller), STATUS_OK);
}

static void
grant(const char *name, enum role role, const struct caller_terms *terms)
{
    assert_int_equal(caller_grant_on_terms(&cast.hand, name, role, NULL, terms), STATUS_OK);
}

static void
add_robots(void)
{
    for (unsigned i = 0; i < ROBOTS; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "robot-%u", i);
        assert_int_equal(
            caller_principal_add(&cast.hand, name, PRINCIPAL_SERVICE, ROBOT_UID + (uint32_t)i),
            STATUS_OK);
        if (i > 0) {
            grant(name, ROLE_ADMIN, &(struct caller_terms){0});
        }
    }
}

static void
add_invited(void)
{
    struct caller *hand = &cast.hand;

    caller_begin(hand, OP_PRINCIPAL_ADD, 3);
    message_put_text(&hand->request, FIELD_NAME, "invited");
    message_put_uint(&hand->request, FIELD_KIND, PRINCIPAL_PERSON);
    message_put_uint(&hand->request, FIELD_UID, INVITED_UID);
    assert_int_equal(caller_send(hand), STATUS_OK);
}

static void
add_admin(const char *name, uint32_t uid, uint64_t lasts_s)
{
    assert_int_equal(caller_principal_add(&cast.hand, name, PRINCIPAL_PERSON, uid), STATUS_OK);
    grant(name, ROLE_ADMIN, &(struct caller_terms){.lasts_s = lasts_s});
}

static struct caller *
asker(void)
{
    return &cast.callers[ON_ADMIN][ADMIN];
}

static void
set_rule(enum approvals approvals)
{
    assert_int_equal(caller_approvals(asker(), approvals), STATUS_PENDING);
    assert_int_equal(caller_decide(&berta, OP_APPROVE, caller_request_number(asker())), STATUS_OK);
}

/* The first admin is connected from when he counted. A recipient is there, to be removed. */
static void
make_world(enum world world)
{
    cast_make(&cast, 30 * DAY_S, NULL);
    connect(&first, FIXTURE_ADMIN_UID);
    cast_arrange(&cast, OP_RECIPIENT_REMOVE);
    add_robots();
    add_invited();
    add_admin("for-a-while", WHILE_UID, 20 * DAY_S);
    connect(&for_a_while, WHILE_UID);
    grant(cast_name(ADMIN), ROLE_ADMIN, &(struct caller_terms){0});
    if (world != ONE) {
        add_admin("berta", BERTA_UID, 0);
        connect(&berta, BERTA_UID);
        caller_make(&berta_outside, &cast.fixture, PEER_ADMIN, BERTA_UID);
    }
    if (world == ALWAYS || world == NEVER) {
        set_rule(world == ALWAYS ? APPROVALS_ALWAYS : APPROVALS_NEVER);
    }
    log_reader_skip(&cast.log);
}

static void
end_world(enum world world)
{
    if (world != ONE) {
        caller_remove(&berta_outside);
        caller_remove(&berta);
    }
    caller_remove(&for_a_while);
    caller_remove(&first);
    cast_remove(&cast);
}

/* ---- one row ---- */

static struct here {
    enum world world;
    size_t row;
} here;

__attribute__((format(printf, 1, 2))) static void
complain(const char *format, ...)
{
    const struct row *row = &rows[here.row];
    char what[160];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(what, sizeof what, format, list);
    va_end(list);
    print_error("%s, row %zu, %s of %s: %s\n", world_names[here.world], here.row,
                operation_name(row->operation), row->name == NULL ? "the cast" : row->name, what);
    faults++;
}

/* Since the last look; that somebody logged in meanwhile is no matter. */
static size_t
read_log(struct log_entry entries[static ENTRIES])
{
    size_t count = log_reader_since(&cast.log, entries, ENTRIES);
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (entries[i].act != OP_LOGIN) {
            entries[kept++] = entries[i];
        }
    }
    return kept;
}

static void
check_entry(const struct log_entry *entry, const char *name, uint64_t act, enum status result)
{
    if (entry->act != act || entry->result != result || strcmp(entry->principal, name) != 0) {
        complain("the log says %s, %s, by \"%s\"", audit_act_name((uint32_t)entry->act),
                 status_name((enum status)entry->result), entry->principal);
    }
}

/* ---- who approves in vain ---- */

/* Whose session is over logs in now: that is a change, too, and what was refused before it an
 * entry. */
static void
present_all(void)
{
    for (int who = 0; who < ROLES_END; who++) {
        cast_present(&cast, ON_ADMIN, (enum who)who);
        cast_present(&cast, ON_DATA, (enum who)who);
    }
    people_present(&for_a_while);
    if (here.world != ONE) {
        people_present(&berta);
    }
}

static void
check_try(struct caller *caller, const char *name, uint64_t number, enum status expected)
{
    struct log_entry entries[ENTRIES];
    bool on_record = expected != STATUS_UNAUTHENTICATED && expected != STATUS_NOT_FOUND;
    enum status status;

    (void)read_log(entries);
    status = caller_decide(caller, OP_APPROVE, number);
    if (status != expected) {
        complain("approved by %s: %s", name, status_name(status));
    }
    if (read_log(entries) != on_record) {
        complain("approved by %s: not one entry", name);
    } else if (on_record) {
        check_entry(&entries[0], name, OP_APPROVE, expected);
    }
}

static void
try_in_vain(uint64_t number)
{
    static const enum who others[] = {
        ADMIN /* her own */, REVEAL, PRIVACY, AUDIT, SERVICE, DELIVER, NO_GRANT};

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        check_try(&cast.callers[ON_ADMIN][others[i]], cast_name(others[i]), number, STATUS_DENIED);
    }
    check_try(&cast.hand, "hand", number, STATUS_DENIED); /* a service that is admin */
    check_try(&for_a_while, "for-a-while", number, STATUS_DENIED);
    check_try(&first, "admin", number, STATUS_DENIED);
    check_try(&cast.callers[ON_ADMIN][STRANGER], "", number, STATUS_UNAUTHENTICATED);
    /* The other admin's key without her phone. */
    cast.fixture.people_stay_out = true;
    assert_int_equal(people_prove(&berta_outside, people_find(&cast.fixture, BERTA_UID)->key),
                     STATUS_OK);
    check_try(&berta_outside, "berta", number, STATUS_NO_SESSION);
    cast.fixture.people_stay_out = false;
}

/* Nobody but the other admin: then it is done, as the act of whoever asked. */
static void
approve(const struct row *row, uint64_t number)
{
    struct log_entry entries[ENTRIES];
    uint8_t before[ACCESS_DIGEST_BYTES], after[ACCESS_DIGEST_BYTES];
    enum status status;
    size_t count;

    present_all();
    access_digest(cast.fixture.access, before);
    try_in_vain(number);
    access_digest(cast.fixture.access, after);
    if (memcmp(before, after, sizeof before) != 0) {
        complain("done, or a part of it, before it was approved");
    }
    (void)read_log(entries);
    status = caller_decide(&berta, OP_APPROVE, number);
    count = read_log(entries);
    if (status != STATUS_OK) {
        complain("approved by the other admin: %s", status_name(status));
    }
    if (count < 3) {
        complain("approved: %zu entries", count);
        return;
    }
    check_entry(&entries[0], "berta", OP_APPROVE, STATUS_OK);
    for (size_t i = 1; i < 3; i++) {
        check_entry(&entries[i], cast_name(ADMIN), row->operation, STATUS_OK);
    }
    check_try(&berta, "berta", number, STATUS_NOT_FOUND);
}

/* ---- walks ---- */

static enum status
ask(const struct row *row)
{
    struct caller *caller = asker();
    bool on_data = row->operation >= OP_TOKENIZE && row->operation <= OP_ERASE;

    if (row->name == NULL) {
        return cast_ask(&cast, on_data ? ON_DATA : ON_ADMIN, ADMIN, row->operation);
    }
    switch (row->operation) {
    case OP_GRANT:
        return caller_grant_on_terms(caller, row->name, row->role, row->place, &row->terms);
    case OP_REVOKE:
        return caller_grant(caller, OP_REVOKE, row->name, row->role, row->place);
    default:
        return caller_name(caller, row->operation, row->name);
    }
}

static const struct answer *
expected_answer(void)
{
    char letter = rows[here.row].letters[here.world];

    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (answers[i].letter == letter) {
            return &answers[i];
        }
    }
    fail_msg("row %zu says nothing of %s", here.row, world_names[here.world]);
    return NULL;
}

static void
walk_row(void)
{
    const struct row *row = &rows[here.row];
    const struct answer *answer = expected_answer();
    struct log_entry entries[ENTRIES];
    enum status status;
    uint64_t number;
    size_t count;

    still_clock_pass_ms(TOTP_STEP_MS);
    present_all();
    (void)read_log(entries);
    status = ask(row);
    number = caller_request_number(asker());
    if (dispatch_is_sealed(cast.fixture.dispatch)) {
        assert_int_equal(
            dispatch_unseal(cast.fixture.dispatch, cast.fixture.root, cast.fixture.fault),
            STATUS_OK);
    }
    count = read_log(entries);
    if (status != answer->status) {
        complain("expected %s, got %s", status_name(answer->status), status_name(status));
    }
    if (answer->status != STATUS_OK && count != answer->on_record) {
        complain("%zu entries", count);
    } else if (answer->on_record) {
        check_entry(&entries[0], cast_name(ADMIN), row->operation, answer->status);
    }
    if (status == STATUS_PENDING) {
        approve(row, number);
    }
}

static void
walk(enum world world)
{
    faults = 0;
    make_world(world);
    for (size_t i = 0; i < ROWS; i++) {
        here = (struct here){world, i};
        walk_row();
    }
    end_world(world);
    assert_int_equal(faults, 0);
}

static void
test_s46_one_admin_alone(void **state)
{
    (void)state;
    walk(ONE);
}

static void
test_s46_s47_two_admins(void **state)
{
    (void)state;
    walk(TWO);
}

static void
test_s46_s47_always(void **state)
{
    (void)state;
    walk(ALWAYS);
}

static void
test_s48_never(void **state)
{
    (void)state;
    walk(NEVER);
}

/* Whoever had her earlier key may have asked for it: it is not done. */
static void
test_s47_who_enrols_again_takes_back_what_she_asked_for(void **state)
{
    struct person *person;
    struct bytes code = {0};
    uint64_t number;

    (void)state;
    make_world(TWO);
    assert_int_equal(caller_grant(asker(), OP_GRANT, "guest", ROLE_REVEAL, "brand"),
                     STATUS_PENDING);
    number = caller_request_number(asker());
    assert_int_equal(caller_name(&berta, OP_PRINCIPAL_INVITE, cast_name(ADMIN)), STATUS_PENDING);
    /* She herself, who has lost her phone; then with another key. */
    assert_int_equal(caller_decide(asker(), OP_APPROVE, caller_request_number(&berta)), STATUS_OK);
    assert_true(message_bytes(asker()->reply, FIELD_CODE, &code));
    person = people_find(&cast.fixture, asker()->peer.uid);
    (void)people_invite(&cast.fixture, person->name, person->uid, code);
    assert_int_equal(people_enrol(&cast.fixture, person), STATUS_OK);
    assert_int_equal(caller_decide(&berta, OP_APPROVE, number), STATUS_NOT_FOUND);
    end_world(TWO);
}

/* ---- the table itself ---- */

static void
test_the_table_names_every_operation(void **state)
{
    (void)state;
    for (unsigned operation = 0; operation < OPERATION_LIMIT; operation++) {
        bool found = operation_name((enum operation)operation) == NULL;

        for (size_t i = 0; i < ROWS; i++) {
            found = found || rows[i].operation == (enum operation)operation;
        }
        if (!found) {
            fail_msg("no row of %s", operation_name((enum operation)operation));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_names_every_operation),
        cmocka_unit_test(test_s46_one_admin_alone),
        cmocka_unit_test(test_s46_s47_two_admins),
        cmocka_unit_test(test_s46_s47_always),
        cmocka_unit_test(test_s48_never),
        cmocka_unit_test(test_s47_who_enrols_again_takes_back_what_she_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

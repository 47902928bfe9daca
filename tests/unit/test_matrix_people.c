/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S40 "who has enrolled again is somebody else", S41 "without a live session",
 * S44 "the first admin is nobody, and stays so".
 * Every operation x every person's role x socket, in each state in which she is not, or not any
 * more, who she was: against tables written by hand: what is answered, what the log says of it.
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
#include "session.h"
#include "still_clock.h"
#include "totp.h"

enum {
    OTHER_UID = 2998, /* nobody's */
    INVITED_UID = 2997,
    SECOND_MS = 1000,
    DAY_S = 24 * 3600,
    ENTRIES = 64,
};

/* ---- the words of the tables ---- */

static const struct answer {
    char letter;
    enum status status;
    bool on_record;
} answers[] = {
    {'O', STATUS_OK, false}, /* what it leaves in the log stands in the row */
    {'S', STATUS_NO_SESSION, true},
    {'D', STATUS_DENIED, true},
    {'N', STATUS_DENIED, false},          /* unseal asks for no identity */
    {'U', STATUS_UNAUTHENTICATED, false}, /* to nobody we know */
    {'G', STATUS_UNAUTHENTICATED, true},  /* to somebody we know: he is disabled */
    {'I', STATUS_INVALID, false},         /* there is no such operation on that socket */
    {'C', STATUS_CONFLICT, false},        /* permitted, and so already, or against what is there */
    {'M', STATUS_NOT_FOUND, false},       /* permitted, but there is none */
};

struct row {
    enum operation operation;
    unsigned entries;         /* what is done leaves in the log */
    const char *data, *admin; /* a letter for each column of the state */
};

enum { PERSONS = 4, COLUMNS = PERSONS };

static const enum who persons[PERSONS] = {REVEAL, PRIVACY, ADMIN, AUDIT};

#define NOT_HERE "IIII"

/* r reveal, p privacy, a admin, u audit. `login` comes last in each: it may open a session. */
/* clang-format off */

/* ---- known, and in no session: by her own key ---- */
static const struct row no_session_rows[] = {
    /*                           data    admin
     *                           rpau    rpau */
    {OP_STATUS,             0, "OOOO", "OOOO"}, /* and no more than a stranger learns */
    {OP_HELLO,              0, "OOOO", "OOOO"}, /* by uid: into no session either */
    {OP_PROVE,              0, "UUUU", "UUUU"},
    {OP_ENROL_BEGIN,        0, "UUUU", "UUUU"},
    {OP_ENROL_CONFIRM,      0, "UUUU", "UUUU"},
    {OP_LOGOUT,             1, "SSSS", "SSSS"},
    {OP_WHOAMI,             0, "OOOO", "OOOO"},
    {OP_TOKENIZE,           0, "SSSS", NOT_HERE},
    {OP_LOOKUP,             0, "SSSS", NOT_HERE},
    {OP_MASK,               0, "SSSS", NOT_HERE},
    {OP_DESCRIBE,           0, "SSSS", "SSSS"},
    {OP_DETOKENIZE,         1, "SSSS", NOT_HERE},
    {OP_ERASE,              2, "SSSS", NOT_HERE},
    {OP_FREEZE,             2, "DOOO", "DOOO"}, /* who may stop reveals needs no phone for it */
    {OP_UNFREEZE,           2, NOT_HERE, "SSSS"},
    {OP_UNSEAL,             0, NOT_HERE, "NNNN"},
    {OP_UNSEAL_INFO,        0, NOT_HERE, "NNNN"},
    {OP_UNSEAL_SHARE,       0, NOT_HERE, "NNNN"},
    {OP_BACKUP_BEGIN,       0, NOT_HERE, "SSSS"},
    {OP_BACKUP_READ,        0, NOT_HERE, "SSSS"},
    {OP_BACKUP_END,         0, NOT_HERE, "SSSS"},
    {OP_SEAL,               2, NOT_HERE, "SSSS"},
    {OP_NAMESPACE_CREATE,   2, NOT_HERE, "SSSS"},
    {OP_NAMESPACE_LIST,     0, NOT_HERE, "SSSS"},
    {OP_NAMESPACE_SET,      2, NOT_HERE, "SSSS"},
    {OP_NAMESPACE_SHRED,    2, NOT_HERE, "SSSS"},
    {OP_KEY_ROTATE,         2, "SSSS", "SSSS"},
    {OP_COMPACT,            0, "SSSS", "SSSS"},
    {OP_KEY_STATUS,         0, "SSSS", "SSSS"},
    {OP_ROOT_ROTATE,        2, NOT_HERE, "SSSS"},
    {OP_PRINCIPAL_ADD,      2, NOT_HERE, "SSSS"},
    {OP_PRINCIPAL_INVITE,   2, NOT_HERE, "SSSS"},
    {OP_PRINCIPAL_LIST,     0, NOT_HERE, "SSSS"},
    {OP_PRINCIPAL_SHOW,     0, NOT_HERE, "SSSS"},
    {OP_PRINCIPAL_DISABLE,  2, NOT_HERE, "SSSS"},
    {OP_PRINCIPAL_ENABLE,   2, NOT_HERE, "SSSS"},
    {OP_PRINCIPAL_OFFBOARD, 2, NOT_HERE, "SSSS"},
    {OP_PRINCIPAL_SET_KEY,  2, NOT_HERE, "SSSS"},
    {OP_GRANT,              2, NOT_HERE, "SSSS"},
    {OP_REVOKE,             2, NOT_HERE, "SSSS"},
    {OP_RECIPIENT_ADD,      2, NOT_HERE, "SSSS"},
    {OP_RECIPIENT_LIST,     0, NOT_HERE, "SSSS"},
    {OP_RECIPIENT_REMOVE,   2, NOT_HERE, "SSSS"},
    {OP_CANARY_ADD,         2, NOT_HERE, "SSSS"},
    {OP_CANARY_LIST,        0, NOT_HERE, "SSSS"},
    {OP_CANARY_REMOVE,      2, NOT_HERE, "SSSS"},
    {OP_NOTIFY_TEST,        0, NOT_HERE, "SSSS"},
    {OP_AUDIT_READ,         0, NOT_HERE, "SSSS"},
    {OP_APPROVALS_SET,      2, NOT_HERE, "SSSS"},
    {OP_PENDING,            0, NOT_HERE, "SSSS"},
    {OP_APPROVE,            0, NOT_HERE, "SSSS"},
    {OP_DENY,               0, NOT_HERE, "SSSS"},
    {OP_LOGIN,              2, "OOOO", "OOOO"}, /* that is what her key is for */
};

/* By her uid, which proves no key. What is not named here and below is as above. */
static const struct row uid_alone_rows[] = {
    {OP_LOGIN,              0, "IIII", "IIII"},
};

/* A session that is over: data, of the connection she logged in on; admin, by the session's key. */
static const struct row over_rows[] = {
    {OP_LOGIN,              2, "OOOO", "IIII"},
};

/* ---- a proof that did not hold, where a live session was before; a connection that is over ---- */
static const struct row nobody_rows[] = {
    /*                           rpau    rpau */
    {OP_STATUS,             0, "OOOO", "OOOO"},
    {OP_HELLO,              0, "OOOO", "OOOO"}, /* it is her uid */
    {OP_PROVE,              0, "UUUU", "UUUU"},
    {OP_ENROL_BEGIN,        0, "UUUU", "UUUU"},
    {OP_ENROL_CONFIRM,      0, "UUUU", "UUUU"},
    {OP_LOGOUT,             0, "UUUU", "UUUU"},
    {OP_WHOAMI,             0, "UUUU", "UUUU"},
    {OP_TOKENIZE,           0, "UUUU", NOT_HERE},
    {OP_LOOKUP,             0, "UUUU", NOT_HERE},
    {OP_MASK,               0, "UUUU", NOT_HERE},
    {OP_DESCRIBE,           0, "UUUU", "UUUU"},
    {OP_DETOKENIZE,         0, "UUUU", NOT_HERE},
    {OP_ERASE,              0, "UUUU", NOT_HERE},
    {OP_FREEZE,             0, "UUUU", "UUUU"},
    {OP_UNFREEZE,           0, NOT_HERE, "UUUU"},
    {OP_UNSEAL,             0, NOT_HERE, "NNNN"},
    {OP_UNSEAL_INFO,        0, NOT_HERE, "NNNN"},
    {OP_UNSEAL_SHARE,       0, NOT_HERE, "NNNN"},
    {OP_BACKUP_BEGIN,       0, NOT_HERE, "UUUU"},
    {OP_BACKUP_READ,        0, NOT_HERE, "UUUU"},
    {OP_BACKUP_END,         0, NOT_HERE, "UUUU"},
    {OP_SEAL,               0, NOT_HERE, "UUUU"},
    {OP_NAMESPACE_CREATE,   0, NOT_HERE, "UUUU"},
    {OP_NAMESPACE_LIST,     0, NOT_HERE, "UUUU"},
    {OP_NAMESPACE_SET,      0, NOT_HERE, "UUUU"},
    {OP_NAMESPACE_SHRED,    0, NOT_HERE, "UUUU"},
    {OP_KEY_ROTATE,         0, "UUUU", "UUUU"},
    {OP_COMPACT,            0, "UUUU", "UUUU"},
    {OP_KEY_STATUS,         0, "UUUU", "UUUU"},
    {OP_ROOT_ROTATE,        0, NOT_HERE, "UUUU"},
    {OP_PRINCIPAL_ADD,      0, NOT_HERE, "UUUU"},
    {OP_PRINCIPAL_INVITE,   0, NOT_HERE, "UUUU"},
    {OP_PRINCIPAL_LIST,     0, NOT_HERE, "UUUU"},
    {OP_PRINCIPAL_SHOW,     0, NOT_HERE, "UUUU"},
    {OP_PRINCIPAL_DISABLE,  0, NOT_HERE, "UUUU"},
    {OP_PRINCIPAL_ENABLE,   0, NOT_HERE, "UUUU"},
    {OP_PRINCIPAL_OFFBOARD, 0, NOT_HERE, "UUUU"},
    {OP_PRINCIPAL_SET_KEY,  0, NOT_HERE, "UUUU"},
    {OP_GRANT,              0, NOT_HERE, "UUUU"},
    {OP_REVOKE,             0, NOT_HERE, "UUUU"},
    {OP_RECIPIENT_ADD,      0, NOT_HERE, "UUUU"},
    {OP_RECIPIENT_LIST,     0, NOT_HERE, "UUUU"},
    {OP_RECIPIENT_REMOVE,   0, NOT_HERE, "UUUU"},
    {OP_CANARY_ADD,         0, NOT_HERE, "UUUU"},
    {OP_CANARY_LIST,        0, NOT_HERE, "UUUU"},
    {OP_CANARY_REMOVE,      0, NOT_HERE, "UUUU"},
    {OP_NOTIFY_TEST,        0, NOT_HERE, "UUUU"},
    {OP_AUDIT_READ,         0, NOT_HERE, "UUUU"},
    {OP_APPROVALS_SET,      0, NOT_HERE, "UUUU"},
    {OP_PENDING,            0, NOT_HERE, "UUUU"},
    {OP_APPROVE,            0, NOT_HERE, "UUUU"},
    {OP_DENY,               0, NOT_HERE, "UUUU"},
    {OP_LOGIN,              0, "UUUU", "UUUU"},
};

/* Nor is the uid anybody's who is enrolled. */
static const struct row other_uid_rows[] = {
    {OP_HELLO,              0, "UUUU", "UUUU"},
};

/* Known once by the key that is not hers any more: the connection's id says so even to status. */
static const struct row earlier_key_rows[] = {
    {OP_STATUS,             0, "UUUU", "UUUU"},
};

/* ---- enrolled again, and in a session of the new key: reveal is void, the others are not ---- */
static const struct row new_key_rows[] = {
    /*                           rpau    rpau */
    {OP_STATUS,             0, "OOOO", "OOOO"},
    {OP_HELLO,              0, "OOOO", "OOOO"},
    {OP_PROVE,              0, "UUUU", "UUUU"},
    {OP_ENROL_BEGIN,        0, "UUUU", "UUUU"},
    {OP_ENROL_CONFIRM,      0, "UUUU", "UUUU"},
    {OP_LOGOUT,             1, "OOOO", "OOOO"},
    {OP_WHOAMI,             0, "OOOO", "OOOO"},
    {OP_TOKENIZE,           0, "DDDD", NOT_HERE},
    {OP_LOOKUP,             0, "DODD", NOT_HERE},
    {OP_MASK,               0, "DODD", NOT_HERE},
    {OP_DESCRIBE,           0, "DOOO", "DOOO"},
    {OP_DETOKENIZE,         0, "DDDD", NOT_HERE},
    {OP_ERASE,              2, "DODD", NOT_HERE},
    {OP_FREEZE,             2, "DOOO", "DOOO"},
    {OP_UNFREEZE,           2, NOT_HERE, "DDCD"},
    {OP_UNSEAL,             0, NOT_HERE, "NNNN"},
    {OP_UNSEAL_INFO,        0, NOT_HERE, "NNNN"},
    {OP_UNSEAL_SHARE,       0, NOT_HERE, "NNNN"},
    {OP_BACKUP_BEGIN,       0, NOT_HERE, "DDCD"},
    {OP_BACKUP_READ,        0, NOT_HERE, "DDMD"},
    {OP_BACKUP_END,         0, NOT_HERE, "DDMD"},
    {OP_SEAL,               2, NOT_HERE, "DDOD"},
    {OP_NAMESPACE_CREATE,   2, NOT_HERE, "DDOD"},
    {OP_NAMESPACE_LIST,     0, NOT_HERE, "DDOO"},
    {OP_NAMESPACE_SET,      2, NOT_HERE, "DDOD"},
    {OP_NAMESPACE_SHRED,    2, NOT_HERE, "DDOD"},
    {OP_KEY_ROTATE,         2, "DOOD", "DOOD"},
    {OP_COMPACT,            0, "DOOD", "DOOD"},
    {OP_KEY_STATUS,         0, "DOOD", "DOOD"},
    {OP_ROOT_ROTATE,        2, NOT_HERE, "DDOD"},
    {OP_PRINCIPAL_ADD,      2, NOT_HERE, "DDOD"},
    {OP_PRINCIPAL_INVITE,   2, NOT_HERE, "DDOD"},
    {OP_PRINCIPAL_LIST,     0, NOT_HERE, "DDOO"},
    {OP_PRINCIPAL_SHOW,     0, NOT_HERE, "DDOO"},
    {OP_PRINCIPAL_DISABLE,  2, NOT_HERE, "DDOD"},
    {OP_PRINCIPAL_ENABLE,   2, NOT_HERE, "DDOD"},
    {OP_PRINCIPAL_OFFBOARD, 2, NOT_HERE, "DDOD"},
    {OP_PRINCIPAL_SET_KEY,  2, NOT_HERE, "DDOD"},
    {OP_GRANT,              2, NOT_HERE, "DDOD"},
    {OP_REVOKE,             2, NOT_HERE, "DDOD"},
    {OP_RECIPIENT_ADD,      2, NOT_HERE, "DDOD"},
    {OP_RECIPIENT_LIST,     0, NOT_HERE, "DDOO"},
    {OP_RECIPIENT_REMOVE,   2, NOT_HERE, "DDOD"},
    {OP_CANARY_ADD,         2, NOT_HERE, "DDOD"},
    {OP_CANARY_LIST,        0, NOT_HERE, "DDOD"},
    {OP_CANARY_REMOVE,      2, NOT_HERE, "DDOD"},
    {OP_NOTIFY_TEST,        0, NOT_HERE, "DDMD"},
    {OP_AUDIT_READ,         0, NOT_HERE, "DDOO"},
    {OP_APPROVALS_SET,      2, NOT_HERE, "DDOD"},
    {OP_PENDING,            0, NOT_HERE, "DDOO"},
    {OP_APPROVE,            0, NOT_HERE, "DDMD"},
    {OP_DENY,               0, NOT_HERE, "DDMD"},
    {OP_LOGIN,              0, "IIII", "IIII"}, /* by the session's key */
};

/* ---- the first admin, on connections that he opened while he counted; the columns:
 * b nobody enrolled is admin without an end yet,  c somebody is ---- */
static const struct row first_admin_rows[] = {
    /*                           bc    bc */
    {OP_STATUS,             0, "OD", "OD"},
    {OP_HELLO,              0, "OG", "OG"},
    {OP_PROVE,              0, "UU", "UU"},
    {OP_ENROL_BEGIN,        0, "UU", "UU"},
    {OP_ENROL_CONFIRM,      0, "UU", "UU"},
    {OP_LOGOUT,             0, "ID", "ID"},
    {OP_WHOAMI,             0, "OD", "OD"},
    {OP_TOKENIZE,           0, "DD", "II"},
    {OP_LOOKUP,             0, "DD", "II"},
    {OP_MASK,               0, "DD", "II"},
    {OP_DESCRIBE,           0, "OD", "OD"},
    {OP_DETOKENIZE,         0, "DD", "II"},
    {OP_ERASE,              0, "DD", "II"},
    {OP_FREEZE,             2, "OD", "OD"},
    {OP_UNFREEZE,           0, "II", "CD"},
    {OP_UNSEAL,             0, "II", "NN"},
    {OP_UNSEAL_INFO,        0, "II", "NN"},
    {OP_UNSEAL_SHARE,       0, "II", "NN"},
    {OP_BACKUP_BEGIN,       0, "II", "CD"},
    {OP_BACKUP_READ,        0, "II", "MD"},
    {OP_BACKUP_END,         0, "II", "MD"},
    {OP_SEAL,               2, "II", "OD"},
    {OP_NAMESPACE_CREATE,   2, "II", "OD"},
    {OP_NAMESPACE_LIST,     0, "II", "OD"},
    {OP_NAMESPACE_SET,      2, "II", "OD"},
    {OP_NAMESPACE_SHRED,    2, "II", "OD"},
    {OP_KEY_ROTATE,         2, "OD", "OD"},
    {OP_COMPACT,            0, "OD", "OD"},
    {OP_KEY_STATUS,         0, "OD", "OD"},
    {OP_ROOT_ROTATE,        2, "II", "OD"},
    {OP_PRINCIPAL_ADD,      2, "II", "OD"},
    {OP_PRINCIPAL_INVITE,   2, "II", "OD"},
    {OP_PRINCIPAL_LIST,     0, "II", "OD"},
    {OP_PRINCIPAL_SHOW,     0, "II", "OD"},
    {OP_PRINCIPAL_DISABLE,  2, "II", "OD"},
    {OP_PRINCIPAL_ENABLE,   2, "II", "OD"},
    {OP_PRINCIPAL_OFFBOARD, 2, "II", "OD"},
    {OP_PRINCIPAL_SET_KEY,  2, "II", "OD"},
    {OP_GRANT,              2, "II", "OD"},
    {OP_REVOKE,             2, "II", "OD"},
    {OP_RECIPIENT_ADD,      2, "II", "OD"},
    {OP_RECIPIENT_LIST,     0, "II", "OD"},
    {OP_RECIPIENT_REMOVE,   2, "II", "OD"},
    {OP_CANARY_ADD,         2, "II", "OD"},
    {OP_CANARY_LIST,        0, "II", "OD"},
    {OP_CANARY_REMOVE,      2, "II", "OD"},
    {OP_NOTIFY_TEST,        0, "II", "MD"},
    {OP_AUDIT_READ,         0, "II", "OD"},
    {OP_APPROVALS_SET,      2, "II", "OD"},
    {OP_PENDING,            0, "II", "OD"},
    {OP_APPROVE,            0, "II", "MD"},
    {OP_DENY,               0, "II", "MD"},
    {OP_LOGIN,              0, "ID", "ID"},
};
/* clang-format on */

enum { ROWS = sizeof no_session_rows / sizeof no_session_rows[0] };

/* ---- one cell ---- */

static struct cast cast;
static struct caller spare; /* on which who has no session logs in */
static unsigned faults;

/* Where the walk is: said of each fault. */
static struct cell {
    const char *state;
    const struct row *row;
    enum on_socket socket;
    enum who who;
    size_t column;
    const char *name;   /* of whom the log says it */
    bool tells_nothing; /* her status and whoami: she is in no session */
} here;

__attribute__((format(printf, 1, 2))) static void
complain(const char *format, ...)
{
    char what[160];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(what, sizeof what, format, list);
    va_end(list);
    print_error("%s, %s by %s on the %s socket: %s\n", here.state,
                operation_name(here.row->operation), here.name,
                here.socket == ON_DATA ? "data" : "admin", what);
    faults++;
}

static struct caller *
at(enum on_socket socket, enum who who)
{
    return &cast.callers[socket][who];
}

static struct person *
her(enum who who)
{
    for (size_t i = 0; i < cast.fixture.people_count; i++) {
        if (strcmp(cast.fixture.people[i].name, cast_name(who)) == 0) {
            return &cast.fixture.people[i];
        }
    }
    fail_msg("%s is no person", cast_title(who));
    return NULL;
}

static const struct answer *
expected_answer(void)
{
    char letter = (here.socket == ON_DATA ? here.row->data : here.row->admin)[here.column];

    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (answers[i].letter == letter) {
            return &answers[i];
        }
    }
    fail_msg("the table says nothing of %s", operation_name(here.row->operation));
    return NULL;
}

/* The log names who asked, and what; the seal and the unseal after it are the vault's own. */
static void
check_log(const struct answer *answer)
{
    struct log_entry entries[ENTRIES];
    size_t count = log_reader_since(&cast.log, entries, ENTRIES);
    size_t expected = answer->status == STATUS_OK ? here.row->entries : answer->on_record;
    bool seals = here.row->operation == OP_SEAL && answer->status == STATUS_OK;

    if (count != expected) {
        complain("%zu entries instead of %zu", count, expected);
        return;
    }
    for (size_t i = 0; i < count && !seals; i++) {
        if (entries[i].act != here.row->operation || entries[i].result != answer->status ||
            strcmp(entries[i].principal, here.name) != 0) {
            complain("the log says %s, %s, by \"%s\"", audit_act_name((uint32_t)entries[i].act),
                     status_name((enum status)entries[i].result), entries[i].principal);
        }
    }
}

static void
check_reply(const struct answer *answer, enum status got)
{
    static const enum field more[] = {FIELD_CONTACTS, FIELD_NAMESPACES, FIELD_FROZEN,
                                      FIELD_IDLE_S,   FIELD_CODES_LEFT, FIELD_WAITING};
    const struct caller *caller = at(here.socket, here.who);
    uint64_t value;

    if (got != answer->status) {
        complain("expected %s, got %s", status_name(answer->status), status_name(got));
    }
    if (cast_told_contact(&cast, here.socket, here.who)) {
        complain("the reply holds a contact");
    }
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        if (here.tells_nothing && here.row->operation != OP_LOGIN &&
            message_uint(caller->reply, more[i], &value)) {
            complain("the reply tells field %d", (int)more[i]);
        }
    }
}

/* With the code of a step that nobody used, as her own key signs it. */
static enum status
ask_login(void)
{
    bool is_person = here.who != STRANGER;
    struct person copy = is_person ? *her(here.who) : (struct person){0};
    char digits[TOTP_DIGITS + 1];

    if (!is_person) {
        return cast_ask(&cast, here.socket, here.who, OP_LOGIN);
    }
    copy.step = people_now_step();
    people_code(&copy, copy.step, digits);
    her(here.who)->step = copy.step;
    return people_ask_for_session(at(here.socket, here.who), &copy, copy.key, digits);
}

static void
unseal(void)
{
    assert_int_equal(dispatch_unseal(cast.fixture.dispatch, cast.fixture.root, cast.fixture.fault),
                     STATUS_OK);
}

static void
walk_cell(void)
{
    const struct answer *answer = expected_answer();
    bool logs_in = here.row->operation == OP_LOGIN;

    /* Proofs that did not hold are forgotten; a code is a new one. */
    still_clock_pass_ms(logs_in ? TOTP_STEP_MS : SECOND_MS);
    cast_arrange(&cast, here.row->operation);
    log_reader_skip(&cast.log);
    check_reply(answer, logs_in ? ask_login()
                                : cast_ask(&cast, here.socket, here.who, here.row->operation));
    if (dispatch_is_sealed(cast.fixture.dispatch)) {
        unseal();
    }
    check_log(answer);
}

/* ---- walks ---- */

static const struct row *
find_row(const struct row *table, size_t count, enum operation operation)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].operation == operation) {
            return &table[i];
        }
    }
    return NULL;
}

/* A state: its own rows, and those of the table that says the rest. */
struct state {
    const char *name;
    const struct row *own, *rest;
    size_t own_count;
    bool tells_nothing;
    void (*present)(enum on_socket socket, enum who who); /* before each cell; or NULL */
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define OWN(table) .own = (table), .own_count = COUNT(table)

static void
walk_row(const struct state *state, const struct row *row)
{
    for (int cell = 0; cell < SOCKETS * PERSONS; cell++) {
        here.socket = (enum on_socket)(cell / PERSONS);
        here.column = (size_t)(cell % PERSONS);
        here.who = persons[here.column];
        here.name = cast_name(here.who);
        here.row = row;
        if (state->present != NULL) {
            state->present(here.socket, here.who);
        }
        walk_cell();
    }
}

static void
walk(const struct state *state)
{
    faults = 0;
    here = (struct cell){.state = state->name, .tells_nothing = state->tells_nothing};
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = find_row(state->own, state->own_count, state->rest[i].operation);

        walk_row(state, row != NULL ? row : &state->rest[i]);
    }
    assert_int_equal(faults, 0);
}

/* ---- into a session, and out of it ---- */

typedef void each(enum on_socket socket, enum who who);

static void
for_all(each *do_it)
{
    for (int cell = 0; cell < SOCKETS * PERSONS; cell++) {
        do_it((enum on_socket)(cell / PERSONS), persons[cell % PERSONS]);
    }
}

static bool
is_live(enum on_socket socket, enum who who)
{
    uint64_t idle_s;

    return cast_ask(&cast, socket, who, OP_WHOAMI) == STATUS_OK &&
           message_uint(at(socket, who)->reply, FIELD_IDLE_S, &idle_s);
}

static void
expect_live(enum on_socket socket, enum who who)
{
    assert_true(is_live(socket, who));
}

static void
use(enum on_socket socket, enum who who)
{
    (void)strcpy(cast.token, cast.kept);
    assert_int_equal(cast_ask(&cast, socket, who, OP_DESCRIBE), STATUS_OK);
}

/* Logged in on the data socket, and by the session's key on the admin socket. */
static void
open_session(enum on_socket socket, enum who who)
{
    enum status status = socket == ON_DATA ? people_log_in(at(socket, who), her(who))
                                           : people_prove(at(socket, who), her(who)->session_key);

    assert_int_equal(status, STATUS_OK);
}

static void
open_sessions(void)
{
    still_clock_pass_ms(TOTP_STEP_MS);
    for_all(open_session);
    for_all(expect_live);
}

static int
set_up(void **state)
{
    (void)state;
    cast_make(&cast, 0, NULL);
    cast.fixture.people_stay_out = true;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    cast_remove(&cast);
    return 0;
}

/* ---- S41: no session ---- */

static void
prove_own_key(enum on_socket socket, enum who who)
{
    assert_int_equal(people_prove(at(socket, who), her(who)->key), STATUS_OK);
}

static void
say_hello(enum on_socket socket, enum who who)
{
    assert_int_equal(caller_hello_by_uid(at(socket, who)), STATUS_OK);
}

static void
test_s41_by_her_own_key_alone(void **state)
{
    (void)state;
    open_sessions(); /* elsewhere: they are not this connection's */
    for_all(prove_own_key);
    walk(&(struct state){"own key alone", .rest = no_session_rows, .tells_nothing = true});
}

static void
test_s41_by_her_uid_alone(void **state)
{
    (void)state;
    open_sessions();
    for_all(say_hello);
    walk(&(struct state){"uid alone", OWN(uid_alone_rows), .rest = no_session_rows,
                         .tells_nothing = true});
}

/* ---- S41: a session that is over ---- */

static void
walk_over(const char *name)
{
    walk(&(struct state){name, OWN(over_rows), .rest = no_session_rows, .tells_nothing = true});
}

/* Live until the very millisecond. */
static void
pass_to_the_end_ms(uint64_t ms)
{
    still_clock_pass_ms(ms - 1);
    for_all(expect_live);
    still_clock_pass_ms(1);
}

static void
test_s41_idle_for_too_long(void **state)
{
    (void)state;
    open_sessions();
    for_all(use);
    pass_to_the_end_ms(SESSION_IDLE_MS);
    walk_over("idle over");
}

static void
test_s41_eight_hours_over(void **state)
{
    const uint64_t pause_ms = SESSION_IDLE_MS - 60 * SECOND_MS;
    uint64_t passed_ms = 0;

    (void)state;
    open_sessions();
    while (passed_ms + pause_ms < SESSION_LASTS_MS) {
        still_clock_pass_ms(pause_ms);
        passed_ms += pause_ms;
        for_all(use);
    }
    pass_to_the_end_ms(SESSION_LASTS_MS - passed_ms);
    walk_over("eight hours over");
}

static void
log_out(enum on_socket socket, enum who who)
{
    if (socket == ON_ADMIN) { /* for the other one, too */
        assert_int_equal(cast_ask(&cast, socket, who, OP_LOGOUT), STATUS_OK);
    }
}

static void
test_s41_logged_out(void **state)
{
    (void)state;
    open_sessions();
    for_all(log_out);
    walk_over("logged out");
}

static void
test_s41_after_a_seal(void **state)
{
    (void)state;
    open_sessions();
    assert_int_equal(dispatch_seal(cast.fixture.dispatch), STATUS_OK);
    unseal();
    walk_over("after a seal");
}

static void
disable_and_enable(enum on_socket socket, enum who who)
{
    if (socket == ON_DATA) {
        assert_int_equal(caller_name(&cast.hand, OP_PRINCIPAL_DISABLE, cast_name(who)), STATUS_OK);
        assert_int_equal(caller_name(&cast.hand, OP_PRINCIPAL_ENABLE, cast_name(who)), STATUS_OK);
    }
}

static void
test_s41_disabled_and_enabled_again(void **state)
{
    (void)state;
    open_sessions();
    for_all(disable_and_enable);
    walk_over("disabled and enabled again");
}

/* ---- S41: the wrong key; there was a live session on each of these connections ---- */

static void
prove_nobodys_key(enum on_socket socket, enum who who)
{
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint8_t key[CALLER_SECRET_KEY_BYTES];

    (void)crypto_sign_keypair(public_key, key);
    assert_int_equal(people_prove(at(socket, who), key), STATUS_UNAUTHENTICATED);
}

static void
test_s41_a_key_that_is_nobodys(void **state)
{
    (void)state;
    open_sessions();
    for_all(prove_nobodys_key);
    walk(&(struct state){"nobody's key", .rest = nobody_rows, .tells_nothing = true});
}

static enum who
next_to(enum who who)
{
    size_t i = 0;

    while (persons[i] != who) {
        i++;
    }
    return persons[(i + 1) % PERSONS];
}

static void
prove_anothers_session(enum on_socket socket, enum who who)
{
    assert_int_equal(people_prove(at(socket, who), her(next_to(who))->session_key),
                     STATUS_UNAUTHENTICATED);
}

static void
test_s41_another_persons_session(void **state)
{
    (void)state;
    open_sessions();
    for_all(prove_anothers_session);
    walk(&(struct state){"another's session", .rest = nobody_rows, .tells_nothing = true});
}

/* The same connection's id, and another peer: as if the kernel said so. */
static void
move_to_other_uid(enum on_socket socket, enum who who)
{
    at(socket, who)->peer.uid = OTHER_UID;
    still_clock_pass_ms(SECOND_MS);
}

/* Somebody holds her key and is not she: that is on record. */
static void
prove_own_key_from_elsewhere(enum on_socket socket, enum who who)
{
    struct log_entry entries[ENTRIES];

    move_to_other_uid(socket, who);
    log_reader_skip(&cast.log);
    assert_int_equal(people_prove(at(socket, who), her(who)->key), STATUS_UNAUTHENTICATED);
    assert_int_equal(log_reader_since(&cast.log, entries, ENTRIES), 1);
    assert_int_equal(entries[0].act, OP_PROVE);
    assert_int_equal(entries[0].result, STATUS_UNAUTHENTICATED);
    assert_string_equal(entries[0].principal, cast_name(who));
}

static void
test_s41_her_own_key_from_another_uid(void **state)
{
    (void)state;
    open_sessions();
    for_all(prove_own_key_from_elsewhere);
    walk(&(struct state){"own key, another uid", OWN(other_uid_rows), .rest = nobody_rows,
                         .tells_nothing = true});
}

static void
prove_session_from_elsewhere(enum on_socket socket, enum who who)
{
    move_to_other_uid(socket, who);
    assert_int_equal(people_prove(at(socket, who), her(who)->session_key), STATUS_UNAUTHENTICATED);
}

static void
test_s41_her_session_from_another_uid(void **state)
{
    (void)state;
    open_sessions();
    for_all(prove_session_from_elsewhere);
    walk(&(struct state){"her session, another uid", OWN(other_uid_rows), .rest = nobody_rows,
                         .tells_nothing = true});
}

/* Whoever holds a session alone makes no other: neither by its connection nor by its signature. */
static void
log_in_with_a_session(enum on_socket socket, enum who who)
{
    struct person copy = *her(who);
    uint8_t session_key[CALLER_SECRET_KEY_BYTES];
    char digits[TOTP_DIGITS + 1];

    memcpy(session_key, copy.session_key, sizeof session_key);
    people_code(&copy, people_now_step() + 1, digits); /* a good one, not used */
    assert_int_equal(people_prove(at(socket, who), session_key), STATUS_OK);
    assert_int_equal(people_ask_for_session(at(socket, who), &copy, session_key, digits),
                     STATUS_INVALID);
    assert_int_equal(people_ask_for_session(at(socket, who), &copy, copy.key, digits),
                     STATUS_INVALID);
    assert_int_equal(people_prove(at(socket, who), copy.key), STATUS_OK);
    assert_int_equal(people_ask_for_session(at(socket, who), &copy, session_key, digits),
                     STATUS_INVALID);
    assert_false(is_live(socket, who));
    assert_int_equal(people_prove(at(socket, who), copy.session_key), STATUS_UNAUTHENTICATED);
}

static void
test_s41_a_session_makes_no_session(void **state)
{
    (void)state;
    open_sessions();
    for_all(log_in_with_a_session);
}

/* ---- S40: another key ---- */

static uint8_t old_keys[WHO_COUNT][CALLER_SECRET_KEY_BYTES];
static uint8_t old_sessions[WHO_COUNT][CALLER_SECRET_KEY_BYTES];

static void
enrol_again(enum on_socket socket, enum who who)
{
    struct person *person = her(who);
    struct bytes code = {0};

    if (socket != ON_DATA) {
        return;
    }
    memcpy(old_keys[who], person->key, sizeof old_keys[who]);
    memcpy(old_sessions[who], person->session_key, sizeof old_sessions[who]);
    assert_int_equal(caller_name(&cast.hand, OP_PRINCIPAL_INVITE, cast_name(who)), STATUS_OK);
    assert_true(message_bytes(cast.hand.reply, FIELD_CODE, &code));
    (void)people_invite(&cast.fixture, person->name, person->uid, code);
    expect_live(socket, who); /* nothing is changed by an invitation */
    assert_int_equal(people_enrol(&cast.fixture, person), STATUS_OK);
}

/* From her own uid: it is the key that is nobody's. */
static void
prove_what_she_had(enum on_socket socket, enum who who)
{
    still_clock_pass_ms(SECOND_MS);
    assert_int_equal(people_prove(at(socket, who), old_keys[who]), STATUS_UNAUTHENTICATED);
    assert_int_equal(people_prove(at(socket, who), old_sessions[who]), STATUS_UNAUTHENTICATED);
}

static void
test_s40_what_the_earlier_key_opened(void **state)
{
    (void)state;
    open_sessions();
    for_all(enrol_again);
    walk(&(struct state){"known by the earlier key", OWN(earlier_key_rows), .rest = nobody_rows,
                         .tells_nothing = true});
    for_all(prove_what_she_had);
    walk(&(struct state){"the earlier key", .rest = nobody_rows, .tells_nothing = true});
}

/* In a session whose key this connection proved; made on another one. */
static void
be_in_session(enum on_socket socket, enum who who)
{
    if (is_live(socket, who)) {
        return;
    }
    spare.peer.uid = her(who)->uid;
    if (!her(who)->has_session ||
        people_prove(at(socket, who), her(who)->session_key) != STATUS_OK) {
        still_clock_pass_ms(TOTP_STEP_MS);
        assert_int_equal(people_log_in(&spare, her(who)), STATUS_OK);
        assert_int_equal(people_prove(at(socket, who), her(who)->session_key), STATUS_OK);
    }
    expect_live(socket, who);
}

static void
test_s40_what_the_new_key_opens(void **state)
{
    (void)state;
    open_sessions();
    for_all(enrol_again);
    for_all(say_hello);
    caller_make(&spare, &cast.fixture, PEER_DATA, 0);
    walk(&(struct state){"enrolled again", .rest = new_key_rows, .present = be_in_session});
    caller_remove(&spare);
}

/* ---- S40: invited, and not enrolled ---- */

static void
take_the_place(enum on_socket socket, uint32_t uid)
{
    dispatch_peer_init(&at(socket, STRANGER)->peer, socket == ON_DATA ? PEER_DATA : PEER_ADMIN,
                       uid);
}

/* One column of a table, on the stranger's connections. */
static void
walk_column(const char *name, const struct row *own, size_t own_count, const struct row *rest,
            size_t column, const char *principal)
{
    faults = 0;
    here = (struct cell){.state = name,
                         .who = STRANGER,
                         .column = column,
                         .name = principal,
                         .tells_nothing = false};
    for (size_t i = 0; i < ROWS * SOCKETS; i++) {
        const struct row *row = find_row(own, own_count, rest[i / SOCKETS].operation);

        here.socket = (enum on_socket)(i % SOCKETS);
        here.row = row != NULL ? row : &rest[i / SOCKETS];
        walk_cell();
    }
    assert_int_equal(faults, 0);
}

static void
test_s40_invited_and_not_enrolled(void **state)
{
    struct caller *hand = &cast.hand;

    (void)state;
    caller_begin(hand, OP_PRINCIPAL_ADD, 3);
    message_put_text(&hand->request, FIELD_NAME, "invited");
    message_put_uint(&hand->request, FIELD_KIND, PRINCIPAL_PERSON);
    message_put_uint(&hand->request, FIELD_UID, INVITED_UID);
    assert_int_equal(caller_send(hand), STATUS_OK);
    for (int socket = 0; socket < SOCKETS; socket++) {
        take_the_place((enum on_socket)socket, INVITED_UID);
        assert_int_equal(caller_hello_by_uid(at((enum on_socket)socket, STRANGER)),
                         STATUS_UNAUTHENTICATED);
    }
    walk_column("invited", other_uid_rows, COUNT(other_uid_rows), nobody_rows, 0, "invited");
}

/* ---- S44: the first admin ---- */

enum { BEFORE, AFTER };

/* Whoever else is admin is so for a while, or is a service: he counts. */
static int
set_up_first_admin(void **state)
{
    (void)state;
    cast_make(&cast, 30 * DAY_S, NULL);
    for (int socket = 0; socket < SOCKETS; socket++) {
        take_the_place((enum on_socket)socket, FIXTURE_ADMIN_UID);
        assert_int_equal(caller_hello_by_uid(at((enum on_socket)socket, STRANGER)), STATUS_OK);
    }
    return 0;
}

static void
test_s44_the_first_admin_alone(void **state)
{
    (void)state;
    walk_column("the first admin", NULL, 0, first_admin_rows, BEFORE, "admin");
}

static void
test_s44_the_first_admin_after_an_enrolled_one(void **state)
{
    (void)state;
    assert_int_equal(caller_grant(&cast.hand, OP_GRANT, cast_name(ADMIN), ROLE_ADMIN, NULL),
                     STATUS_OK);
    walk_column("the first admin, later", NULL, 0, first_admin_rows, AFTER, "admin");
}

static void
expect_still_nobody(void)
{
    assert_int_equal(cast_ask(&cast, ON_ADMIN, STRANGER, OP_PRINCIPAL_LIST), STATUS_DENIED);
    assert_int_equal(cast_ask(&cast, ON_ADMIN, STRANGER, OP_HELLO), STATUS_UNAUTHENTICATED);
    assert_int_equal(caller_name(&cast.hand, OP_PRINCIPAL_ENABLE, "admin"), STATUS_CONFLICT);
}

/* Nor does he come back by her going: a service that is admin can have that. */
static void
test_s44_he_does_not_come_back(void **state)
{
    struct caller *hand = &cast.hand;
    const char *name = cast_name(ADMIN);

    (void)state;
    assert_int_equal(caller_grant(hand, OP_GRANT, name, ROLE_ADMIN, NULL), STATUS_OK);
    expect_still_nobody();
    assert_int_equal(caller_name(hand, OP_PRINCIPAL_DISABLE, name), STATUS_OK);
    expect_still_nobody();
    assert_int_equal(caller_name(hand, OP_PRINCIPAL_ENABLE, name), STATUS_OK);
    assert_int_equal(caller_grant(hand, OP_REVOKE, name, ROLE_ADMIN, NULL), STATUS_OK);
    expect_still_nobody();
    assert_int_equal(caller_grant(hand, OP_GRANT, name, ROLE_ADMIN, NULL), STATUS_OK);
    assert_int_equal(caller_name(hand, OP_PRINCIPAL_OFFBOARD, name), STATUS_OK);
    expect_still_nobody();
}

/* ---- the tables themselves ---- */

/* A row that this test does not know would go unexamined. */
static void
test_the_tables_name_every_operation(void **state)
{
    static const struct row *const tables[] = {no_session_rows, nobody_rows, new_key_rows,
                                               first_admin_rows};
    size_t known = 0;

    (void)state;
    for (unsigned operation = 0; operation < OPERATION_LIMIT; operation++) {
        known += operation_name((enum operation)operation) != NULL;
        for (size_t i = 0; i < COUNT(tables); i++) {
            assert_true((find_row(tables[i], ROWS, (enum operation)operation) != NULL) ==
                        (operation_name((enum operation)operation) != NULL));
        }
    }
    assert_int_equal(known, ROWS);
    assert_int_equal(sizeof nobody_rows, sizeof no_session_rows);
    assert_int_equal(sizeof new_key_rows, sizeof no_session_rows);
    assert_int_equal(sizeof first_admin_rows, sizeof no_session_rows);
}

int
main(void)
{
#define IN(world, test) cmocka_unit_test_setup_teardown(test, world, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_tables_name_every_operation),
        IN(set_up, test_s41_by_her_own_key_alone),
        IN(set_up, test_s41_by_her_uid_alone),
        IN(set_up, test_s41_idle_for_too_long),
        IN(set_up, test_s41_eight_hours_over),
        IN(set_up, test_s41_logged_out),
        IN(set_up, test_s41_after_a_seal),
        IN(set_up, test_s41_disabled_and_enabled_again),
        IN(set_up, test_s41_a_key_that_is_nobodys),
        IN(set_up, test_s41_another_persons_session),
        IN(set_up, test_s41_her_own_key_from_another_uid),
        IN(set_up, test_s41_her_session_from_another_uid),
        IN(set_up, test_s41_a_session_makes_no_session),
        IN(set_up, test_s40_what_the_earlier_key_opened),
        IN(set_up, test_s40_what_the_new_key_opens),
        IN(set_up, test_s40_invited_and_not_enrolled),
        IN(set_up_first_admin, test_s44_the_first_admin_alone),
        IN(set_up_first_admin, test_s44_the_first_admin_after_an_enrolled_one),
        IN(set_up_first_admin, test_s44_he_does_not_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SECURITY.md S3 "no admin operation returns a contact", S4 "operations exist only on their
 * socket", S5 "sealed, only status and unseal exist".
 * Every caller x operation x socket x seal state, against tables written by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "fixture.h"

enum who { SERVICE, DELIVER, REVEAL, ADMIN, NO_GRANT, DISABLED, STRANGER, WHO_COUNT };

static const char *const who_names[WHO_COUNT] = {"service",  "deliver",  "reveal",  "admin",
                                                 "no grant", "disabled", "stranger"};
static const uint32_t who_uids[WHO_COUNT] = {2001, 2002, 2003, FIXTURE_ADMIN_UID, 2005, 2006, 2999};

/* Short names, so that the table can be read as one. */
enum { O = STATUS_OK, D = STATUS_DENIED, U = STATUS_UNAUTHENTICATED, I = STATUS_INVALID };

struct row {
    enum operation operation;
    uint8_t data[WHO_COUNT];
    uint8_t admin[WHO_COUNT];
    bool while_sealed;
};

/* clang-format off */
static const struct row rows[] = {
    /*                       on the data socket         on the admin socket
     *                       ser del rev adm no  dis str  ser del rev adm no  dis str */
    {OP_STATUS,             {O,  O,  O,  O,  O,  D,  O}, {O,  O,  O,  O,  O,  D,  O}, true},
    {OP_HELLO,              {O,  O,  O,  O,  O,  U,  U}, {O,  O,  O,  O,  O,  U,  U}, false},
    {OP_PROVE,              {U,  U,  U,  U,  U,  U,  U}, {U,  U,  U,  U,  U,  U,  U}, false},
    {OP_TOKENIZE,           {O,  D,  D,  D,  D,  D,  U}, {I,  I,  I,  I,  I,  I,  I}, false},
    {OP_LOOKUP,             {O,  D,  O,  D,  D,  D,  U}, {I,  I,  I,  I,  I,  I,  I}, false},
    {OP_MASK,               {O,  D,  O,  D,  D,  D,  U}, {I,  I,  I,  I,  I,  I,  I}, false},
    {OP_DETOKENIZE,         {D,  O,  O,  D,  D,  D,  U}, {I,  I,  I,  I,  I,  I,  I}, false},
    {OP_UNSEAL,             {I,  I,  I,  I,  I,  I,  I}, {D,  D,  D,  D,  D,  D,  D}, true},
    {OP_NAMESPACE_CREATE,   {I,  I,  I,  I,  I,  I,  I}, {D,  D,  D,  O,  D,  D,  U}, false},
    {OP_NAMESPACE_LIST,     {I,  I,  I,  I,  I,  I,  I}, {D,  D,  D,  O,  D,  D,  U}, false},
    {OP_PRINCIPAL_ADD,      {I,  I,  I,  I,  I,  I,  I}, {D,  D,  D,  O,  D,  D,  U}, false},
    {OP_PRINCIPAL_LIST,     {I,  I,  I,  I,  I,  I,  I}, {D,  D,  D,  O,  D,  D,  U}, false},
    {OP_PRINCIPAL_SHOW,     {I,  I,  I,  I,  I,  I,  I}, {D,  D,  D,  O,  D,  D,  U}, false},
    {OP_PRINCIPAL_DISABLE,  {I,  I,  I,  I,  I,  I,  I}, {D,  D,  D,  O,  D,  D,  U}, false},
    {OP_GRANT,              {I,  I,  I,  I,  I,  I,  I}, {D,  D,  D,  O,  D,  D,  U}, false},
    {OP_REVOKE,             {I,  I,  I,  I,  I,  I,  I}, {D,  D,  D,  O,  D,  D,  U}, false},
    {OP_AUDIT_READ,         {I,  I,  I,  I,  I,  I,  I}, {D,  D,  D,  O,  D,  D,  U}, false},
    {OP_SEAL,               {I,  I,  I,  I,  I,  I,  I}, {D,  D,  D,  O,  D,  D,  U}, false},
};
/* clang-format on */

static struct fixture fixture;
static struct caller callers[2][WHO_COUNT]; /* data, admin */
static char token[TOKEN_TEXT_BYTES + 1];
static unsigned serial;

/* A well-formed request of that operation, of fresh names where it makes something. */
static void
begin(struct caller *caller, enum operation operation)
{
    struct message_writer *request = &caller->request;
    uint8_t bytes[64] = {7};
    char name[32];

    (void)snprintf(name, sizeof name, "made-%u", serial++);
    switch (operation) {
    case OP_HELLO:
        caller_begin(caller, operation, 2);
        message_put_uint(request, FIELD_VERSION, PROTOCOL_VERSION);
        message_put_bytes(request, FIELD_NONCE, bytes_of(bytes, NONCE_BYTES));
        break;
    case OP_PROVE:
        caller_begin(caller, operation, 2);
        message_put_bytes(request, FIELD_SIGNATURE, bytes_of(bytes, SIGNATURE_BYTES));
        message_put_uint(request, FIELD_UID, caller->peer.uid);
        break;
    case OP_UNSEAL:
        caller_begin(caller, operation, 1);
        message_put_bytes(request, FIELD_ROOT_KEY, bytes_of(bytes, ROOT_KEY_BYTES));
        break;
    case OP_TOKENIZE:
    case OP_LOOKUP:
        caller_begin(caller, operation, 2);
        message_put_text(request, FIELD_NAMESPACE, "brand");
        message_put_list(request, FIELD_VALUES, 1);
        message_add_bytes(request, bytes_of_text("+393331234567"));
        break;
    case OP_MASK:
        caller_begin(caller, operation, 1);
        message_put_list(request, FIELD_VALUES, 1);
        message_add_bytes(request, bytes_of_text(token));
        break;
    case OP_DETOKENIZE:
        caller_begin(caller, operation, 2);
        message_put_text(request, FIELD_REASON, "matrix");
        message_put_list(request, FIELD_VALUES, 1);
        message_add_bytes(request, bytes_of_text(token));
        break;
    case OP_NAMESPACE_CREATE:
        caller_begin(caller, operation, 1);
        message_put_text(request, FIELD_NAME, name);
        break;
    case OP_PRINCIPAL_ADD:
        caller_begin(caller, operation, 3);
        message_put_text(request, FIELD_NAME, name);
        message_put_uint(request, FIELD_KIND, PRINCIPAL_SERVICE);
        message_put_uint(request, FIELD_UID, 5000 + serial);
        break;
    case OP_PRINCIPAL_SHOW:
        caller_begin(caller, operation, 1);
        message_put_text(request, FIELD_NAME, "service");
        break;
    case OP_PRINCIPAL_DISABLE:
        caller_begin(caller, operation, 1);
        message_put_text(request, FIELD_NAME, "victim");
        break;
    case OP_GRANT:
    case OP_REVOKE:
        caller_begin(caller, operation, 3);
        message_put_text(request, FIELD_NAME, "pawn");
        message_put_uint(request, FIELD_ROLE, ROLE_SERVICE);
        message_put_text(request, FIELD_NAMESPACE, "brand");
        break;
    case OP_AUDIT_READ:
        caller_begin(caller, operation, 1);
        message_put_uint(request, FIELD_FROM, 1);
        break;
    default:
        caller_begin(caller, operation, 0);
        break;
    }
}

static void
make_callers(void)
{
    for (int socket = 0; socket < 2; socket++) {
        for (int who = 0; who < WHO_COUNT; who++) {
            struct caller *caller = &callers[socket][who];
            enum status expected = who == STRANGER ? STATUS_UNAUTHENTICATED : STATUS_OK;

            caller_make(caller, &fixture, socket == 0 ? PEER_DATA : PEER_ADMIN, who_uids[who]);
            assert_int_equal(caller_hello(caller), expected);
        }
    }
}

static int
set_up(void **state)
{
    const char *const values[] = {"+393331234567"};
    struct caller admin;

    (void)state;
    fixture_make(&fixture);
    caller_make(&admin, &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    assert_int_equal(caller_hello(&admin), STATUS_OK);
    assert_int_equal(caller_namespace_create(&admin, "brand"), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "service", PRINCIPAL_SERVICE, 2001), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "deliver", PRINCIPAL_SERVICE, 2002), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "reveal", PRINCIPAL_PERSON, 2003), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "nobody", PRINCIPAL_SERVICE, 2005), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "gone", PRINCIPAL_PERSON, 2006), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "pawn", PRINCIPAL_SERVICE, 2007), STATUS_OK);
    assert_int_equal(caller_principal_add(&admin, "victim", PRINCIPAL_SERVICE, 2008), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "service", ROLE_SERVICE, "brand"), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "deliver", ROLE_DELIVER, "brand"), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "reveal", ROLE_REVEAL, "brand"), STATUS_OK);
    assert_int_equal(caller_grant(&admin, OP_GRANT, "gone", ROLE_REVEAL, "brand"), STATUS_OK);
    make_callers();
    assert_int_equal(caller_values(&callers[0][SERVICE], OP_TOKENIZE, values, 1, NULL, NULL),
                     STATUS_OK);
    memcpy(token, caller_item_text(&callers[0][SERVICE], 0, FIELD_TOKEN).data, TOKEN_TEXT_BYTES);
    /* Disabled while its connections are open. */
    assert_int_equal(caller_name(&admin, OP_PRINCIPAL_DISABLE, "gone"), STATUS_OK);
    caller_remove(&admin);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    for (int socket = 0; socket < 2; socket++) {
        for (int who = 0; who < WHO_COUNT; who++) {
            caller_remove(&callers[socket][who]);
        }
    }
    fixture_remove(&fixture);
    return 0;
}

static bool
holds_contact(const struct caller *caller)
{
    return memmem(caller->reply_bytes, caller->reply_size, "3331234567", 10) != NULL;
}

static void
expect(const struct row *row, int socket, int who, enum status expected, const char *state)
{
    struct caller *caller = &callers[socket][who];
    enum status got;

    begin(caller, row->operation);
    got = caller_send(caller);
    /* S3: whatever an admin asks, no contact comes back. That the search finds one where there is
     * one is seen in each detokenize that is answered. */
    assert_int_equal(holds_contact(caller), row->operation == OP_DETOKENIZE && got == STATUS_OK);
    if (got != expected) {
        fail_msg("%s, %s by %s on the %s socket: expected %s, got %s", state,
                 operation_name(row->operation), who_names[who], socket == 0 ? "data" : "admin",
                 status_name(expected), status_name(got));
    }
}

/* hello and prove forget who the peer was: they get a connection of their own each time. */
static void
expect_fresh(const struct row *row, int socket, int who, enum status expected, const char *state)
{
    struct caller kept = callers[socket][who];

    dispatch_peer_init(&callers[socket][who].peer, kept.peer.socket, kept.peer.uid);
    expect(row, socket, who, expected, state);
    callers[socket][who].peer = kept.peer;
}

static void
walk(bool sealed)
{
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        for (int i = 0; i < 2 * WHO_COUNT; i++) {
            int socket = i / WHO_COUNT;
            int who = i % WHO_COUNT;
            enum status expected = socket == 0 ? rows[r].data[who] : rows[r].admin[who];
            bool fresh = rows[r].operation == OP_HELLO || rows[r].operation == OP_PROVE;

            /* Sealed, nobody is known, so nobody is refused by name; what does not exist on a
             * socket does not exist there sealed either. */
            if (sealed && expected != STATUS_INVALID && !rows[r].while_sealed) {
                expected = STATUS_SEALED;
            }
            if (sealed && rows[r].operation == OP_STATUS) {
                expected = STATUS_OK;
            }
            if (sealed && rows[r].operation == OP_SEAL && expected == STATUS_OK) {
                continue;
            }
            (fresh ? expect_fresh : expect)(&rows[r], socket, who, expected,
                                            sealed ? "sealed" : "unsealed");
            if (!sealed && rows[r].operation == OP_SEAL && expected == STATUS_OK) {
                assert_int_equal(dispatch_unseal(fixture.dispatch, fixture.root, fixture.fault),
                                 STATUS_OK);
            }
        }
    }
}

static void
test_every_operation_unsealed(void **state)
{
    (void)state;
    walk(false);
}

static void
test_every_operation_sealed(void **state)
{
    (void)state;
    assert_int_equal(dispatch_seal(fixture.dispatch), STATUS_OK);
    walk(true);
    assert_int_equal(dispatch_unseal(fixture.dispatch, fixture.root, fixture.fault), STATUS_OK);
}

/* A row in the table that this test does not know would go unexamined. */
static void
test_the_table_names_every_operation(void **state)
{
    size_t known = 0;

    (void)state;
    for (unsigned operation = 0; operation < OPERATION_LIMIT; operation++) {
        known += operation_name((enum operation)operation) != NULL;
    }
    assert_int_equal(known, sizeof rows / sizeof rows[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_names_every_operation),
        cmocka_unit_test(test_every_operation_unsealed),
        cmocka_unit_test(test_every_operation_sealed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

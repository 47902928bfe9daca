/* SPDX-License-Identifier: Apache-2.0 */
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "still_clock.h"

struct stage stage;

int
stage_set_up(void **state)
{
    (void)state;
    cast_make(&stage.cast, 0, NULL);
    return 0;
}

int
stage_tear_down(void **state)
{
    (void)state;
    cast_remove(&stage.cast);
    return 0;
}

struct caller *
stage_member(enum who who)
{
    return &stage.cast.callers[ON_DATA][who];
}

void
stage_pass_s(uint64_t seconds)
{
    still_clock_pass_ms(seconds * SECOND_MS);
    for (int cell = 0; cell < SOCKETS * WHO_COUNT; cell++) {
        cast_present(&stage.cast, (enum on_socket)(cell / WHO_COUNT), (enum who)(cell % WHO_COUNT));
    }
    (void)stage_read_log(); /* that they did */
}

void
stage_connect(struct caller *caller, uint32_t uid)
{
    caller_make(caller, &stage.cast.fixture, PEER_DATA, uid);
    assert_int_equal(caller_hello(caller), STATUS_OK);
}

void
stage_add(const char *name, enum principal_kind kind, uint32_t uid)
{
    assert_int_equal(caller_principal_add(&stage.cast.hand, name, kind, uid), STATUS_OK);
}

void
stage_grant(const char *name, enum role role, const char *where, struct caller_terms terms)
{
    assert_int_equal(caller_grant_on_terms(&stage.cast.hand, name, role, where, &terms), STATUS_OK);
}

void
stage_revoke(const char *name, enum role role, const char *where)
{
    assert_int_equal(caller_grant(&stage.cast.hand, OP_REVOKE, name, role, where), STATUS_OK);
}

enum status
stage_ask(struct caller *caller, enum operation operation, const char *value, const char *where)
{
    bool wants_reason = operation == OP_DETOKENIZE || operation == OP_ERASE;
    enum status status =
        caller_values(caller, operation, &value, 1, where, wants_reason ? "ticket 7" : NULL);

    return status == STATUS_OK ? caller_item_status(caller, 0) : status;
}

void
stage_message(const struct caller *caller, char ret_text[static MESSAGE_BYTES_MAX + 1])
{
    struct bytes text = {0};

    assert_true(message_bytes(caller->reply, FIELD_MESSAGE, &text));
    (void)snprintf(ret_text, MESSAGE_BYTES_MAX + 1, "%.*s", (int)text.size, text.data);
}

size_t
stage_read_log(void)
{
    return log_reader_since(&stage.cast.log, stage.entries, STAGE_ENTRIES);
}

void
stage_expect_refusal(enum operation operation, enum status status, const char *name)
{
    assert_int_equal(stage_read_log(), 1);
    assert_int_equal(stage.entries[0].act, operation);
    assert_int_equal(stage.entries[0].phase, AUDIT_DONE);
    assert_int_equal(stage.entries[0].result, status);
    assert_string_equal(stage.entries[0].principal, name);
}

void
stage_token_in(const char *where, const char *value, char ret_token[static TOKEN_TEXT_BYTES + 1])
{
    assert_int_equal(stage_ask(&stage.cast.maker, OP_TOKENIZE, value, where), STATUS_OK);
    memcpy(ret_token, caller_item_text(&stage.cast.maker, 0, FIELD_TOKEN).data, TOKEN_TEXT_BYTES);
    ret_token[TOKEN_TEXT_BYTES] = '\0';
}

void
stage_add_namespaces(void)
{
    static const char *const names[] = {"half", "rival"};

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(caller_namespace_create(&stage.cast.hand, names[i]), STATUS_OK);
        stage_grant("maker", ROLE_SERVICE, names[i], (struct caller_terms){0});
    }
}

enum status
stage_status(char letter)
{
    switch (letter) {
    case 'O':
        return STATUS_OK;
    case 'D':
        return STATUS_DENIED;
    case 'M':
        return STATUS_NOT_FOUND;
    case 'C':
        return STATUS_CONFLICT;
    default:
        assert_int_equal(letter, 'I');
        return STATUS_INVALID;
    }
}

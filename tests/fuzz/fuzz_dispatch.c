/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole requests to a whole vault, by everybody who may knock: an admin, a service, a person in her
 * session, one by her key alone, a stranger. The input chooses who asks, what, and which fields
 * with which values; those that the operation needs are mostly there. One input is a row of
 * requests, so that one finds what the one before has left. Whatever is asked: every reply is well
 * formed, and nothing is read or written beyond its place.
 */
#include <assert.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "field.h"
#include "fixture.h"
#include "log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    CALLERS = 5,
    SERVICE_UID = 2001,
    MARIA_UID,
    BERTA_UID,
    STRANGER_UID,
    REQUESTS = 8,
    TEXTS = 3
};

static struct fixture fixture;
static struct caller callers[CALLERS];
static char token[TOKEN_TEXT_BYTES + 1], code[CODE_BYTES_MAX + 1];
static bool is_made;

/* ---- the vault ---- */

static void
must(enum status status)
{
    if (status != STATUS_OK) {
        abort();
    }
}

static void
drop(void)
{
    for (size_t i = 0; i < CALLERS; i++) {
        caller_remove(&callers[i]);
    }
    fixture_remove(&fixture);
}

/* Who is bootstrap admin stays so: maria and berta hold no admin's grant. */
static void
make(void)
{
    const char *contacts[] = {"+442079460958"};
    struct bytes text = {0};

    log_set_level(LOG_LEVEL_ERROR);
    fixture_make(&fixture);
    fixture.people_stay_out = true;
    caller_make(&callers[0], &fixture, PEER_ADMIN, FIXTURE_ADMIN_UID);
    caller_make(&callers[1], &fixture, PEER_DATA, SERVICE_UID);
    caller_make(&callers[2], &fixture, PEER_DATA, MARIA_UID);
    caller_make(&callers[3], &fixture, PEER_DATA, BERTA_UID);
    caller_make(&callers[4], &fixture, PEER_ADMIN, STRANGER_UID);
    must(caller_hello(&callers[0]));
    must(caller_namespace_create(&callers[0], "brand"));
    must(caller_principal_add(&callers[0], "service", PRINCIPAL_SERVICE, SERVICE_UID));
    must(caller_principal_add(&callers[0], "maria", PRINCIPAL_PERSON, MARIA_UID));
    must(caller_principal_add(&callers[0], "berta", PRINCIPAL_PERSON, BERTA_UID));
    must(caller_grant(&callers[0], OP_GRANT, "service", ROLE_SERVICE, "brand"));
    must(caller_grant(&callers[0], OP_GRANT, "maria", ROLE_REVEAL, "brand"));
    must(caller_name(&callers[0], OP_PRINCIPAL_INVITE, "berta"));
    assert(message_bytes(callers[0].reply, FIELD_CODE, &text));
    memcpy(code, text.data, text.size);
    must(caller_hello(&callers[1]));
    must(caller_hello(&callers[2]));
    must(people_prove(&callers[3], people_find(&fixture, BERTA_UID)->key));
    must(caller_values(&callers[1], OP_TOKENIZE, contacts, 1, NULL, NULL));
    memcpy(token, caller_item_text(&callers[1], 0, FIELD_TOKEN).data, TOKEN_TEXT_BYTES);
    is_made = true;
}

/* ---- one request ---- */

struct input {
    const uint8_t *at;
    size_t left;
};

static uint8_t
take(struct input *input)
{
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->at++;
}

/* What means something here, or what comes. */
static struct bytes
take_text(struct input *input, char room[static UINT8_MAX])
{
    const char *known[] = {"brand", "maria", "berta",  "service",       "admin",
                           "fresh", token,   code,     "+442079460958", "why",
                           "12345", "",      "123456", "c@example.com"};
    uint8_t choice = take(input);
    size_t size;

    if (choice < 4 * sizeof known / sizeof known[0]) {
        return bytes_of_text(known[choice / 4]);
    }
    size = take(input);
    for (size_t i = 0; i < size; i++) {
        room[i] = (char)take(input);
    }
    return bytes_of((const uint8_t *)room, size);
}

static uint64_t
take_number(struct input *input, const struct field_rule *rule)
{
    uint8_t choice = take(input);

    switch (choice % 8) {
    case 0:
        return rule->min;
    case 1:
        return rule->max;
    case 2:
        return rule->max + 1;
    default:
        return rule->min + take(input) % 8;
    }
}

static void
put_bytes(struct input *input, const struct field_rule *rule, uint64_t field,
          struct message_writer *writer)
{
    uint8_t bytes[UINT8_MAX] = {0};
    size_t size = rule->min < sizeof bytes ? rule->min : sizeof bytes;
    uint8_t filled = take(input);

    for (size_t i = 0; i < size && i < filled % 8; i++) {
        bytes[i] = take(input);
    }
    message_put_bytes(writer, (enum field)field, bytes_of(bytes, size));
}

static void
put_field(struct input *input, uint64_t field, struct message_writer *writer)
{
    const struct field_rule *rule = field_rule(field);
    char room[UINT8_MAX];

    switch (rule->type) {
    case FIELD_TYPE_UINT:
        message_put_uint(writer, (enum field)field, take_number(input, rule));
        break;
    case FIELD_TYPE_BOOL:
        message_put_bool(writer, (enum field)field, take(input) % 2 == 0);
        break;
    case FIELD_TYPE_STR:
        message_put_bytes(writer, (enum field)field, take_text(input, room));
        break;
    case FIELD_TYPE_BIN:
        put_bytes(input, rule, field, writer);
        break;
    default: {
        size_t count = take(input) % (TEXTS + 1);

        message_put_list(writer, (enum field)field, count);
        for (size_t i = 0; i < count; i++) {
            message_add_bytes(writer, take_text(input, room));
        }
    }
    }
}

/* ---- which fields an operation takes: found out by asking the check ---- */

static bool required[OPERATION_LIMIT][FIELD_LIMIT_NUMBER],
    optional[OPERATION_LIMIT][FIELD_LIMIT_NUMBER];

static void
put_least(uint64_t field, struct message_writer *writer)
{
    struct input nothing = {0};

    put_field(&nothing, field, writer);
}

/* NULL: it may be asked like this. */
static const char *
ask_check(struct message_parser *parser, uint64_t operation, const bool *fields, uint64_t one_more)
{
    uint8_t room[UINT16_MAX];
    struct message_writer writer = {.data = room, .capacity = sizeof room};
    const struct message *message;
    enum operation found;
    const char *fault = NULL;
    size_t count = 1;

    for (uint64_t field = 1; field < FIELD_LIMIT_NUMBER; field++) {
        count += fields[field] || field == one_more;
    }
    message_begin(&writer, count);
    message_put_uint(&writer, FIELD_OPERATION, operation);
    for (uint64_t field = 1; field < FIELD_LIMIT_NUMBER; field++) {
        if (fields[field] || field == one_more) {
            put_least(field, &writer);
        }
    }
    if (message_parse(parser, bytes_of(room, writer.size), &message, &fault) == STATUS_OK) {
        (void)!message_check_request(message, &found, &fault);
    }
    return fault;
}

static void
learn(uint64_t operation)
{
    struct message_parser *parser = NULL;
    const char *fault;
    bool grew = true;

    must(message_parser_new(&parser));
    while (grew) {
        grew = false;
        fault = ask_check(parser, operation, required[operation], 0);
        for (uint64_t field = 1; fault != NULL && field < FIELD_LIMIT_NUMBER; field++) {
            if (field_rule(field) != NULL &&
                fault == field_rule(field)->faults[FIELD_FAULT_MISSING]) {
                required[operation][field] = grew = true;
            }
        }
    }
    for (uint64_t field = 1; fault == NULL && field < FIELD_LIMIT_NUMBER; field++) {
        optional[operation][field] =
            field_rule(field) != NULL && field != FIELD_OPERATION && !required[operation][field] &&
            ask_check(parser, operation, required[operation], field) == NULL;
    }
    message_parser_free(&parser);
}

/* ---- a row of them ---- */

static void
ask(struct input *input)
{
    struct caller *caller = &callers[take(input) % CALLERS];
    uint64_t operation = take(input) % OPERATION_LIMIT;
    bool put[FIELD_LIMIT_NUMBER] = {false};
    struct message_writer *writer = &caller->request;
    size_t count = 1;

    if (operation_name((enum operation)operation) == NULL) {
        dispatch_tick(fixture.dispatch);
        return;
    }
    for (uint64_t field = 1; field < FIELD_LIMIT_NUMBER; field++) {
        put[field] = (required[operation][field] && take(input) != UINT8_MAX) ||
                     (optional[operation][field] && take(input) % 2 == 1);
        count += put[field];
    }
    *writer =
        (struct message_writer){.data = caller->request_bytes, .capacity = FIXTURE_REQUEST_BYTES};
    message_begin(writer, count);
    message_put_uint(writer, FIELD_OPERATION, operation);
    for (uint64_t field = 1; field < FIELD_LIMIT_NUMBER; field++) {
        if (put[field] && field == FIELD_CONNECTION) {
            message_put_bytes(writer, FIELD_CONNECTION,
                              bytes_of(caller->peer.connection, CONNECTION_ID_BYTES));
        } else if (put[field]) {
            put_field(input, field, writer);
        }
    }
    (void)caller_send_bytes(caller, bytes_of(writer->data, writer->size));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { INPUTS_OF_ONE_VAULT = 256 };
    static unsigned inputs;
    struct input input = {data, size};

    if (!is_made) {
        for (uint64_t operation = 1; operation < OPERATION_LIMIT; operation++) {
            learn(operation);
        }
        make();
        (void)atexit(drop);
    } else if (++inputs % INPUTS_OF_ONE_VAULT == 0 || dispatch_is_sealed(fixture.dispatch)) {
        drop();
        make();
    }
    for (int i = 0; i < REQUESTS && input.left > 0; i++) {
        ask(&input);
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "client_internal.h"

#include <assert.h>
#include <string.h>

enum {
    /* A field number and the widest head msgpack has for what follows it. */
    FIELD_OVERHEAD_BYTES = 2 + 9,
    VALUE_OVERHEAD_BYTES = 5,
    REQUEST_ID_BYTES = 4, /* nng's, within the frame */
};

void
request_add_uint(struct request *request, enum field field, uint64_t number)
{
    assert(request->parameter_count < PARAMETERS_MAX);
    request->parameters[request->parameter_count++] =
        (struct parameter){.field = field, .type = PARAMETER_UINT, .number = number};
}

void
request_add_number(struct request *request, enum field field, uint64_t number)
{
    if (number != 0) {
        request_add_uint(request, field, number);
    }
}

void
request_add_flag(struct request *request, enum field field, bool flag)
{
    assert(request->parameter_count < PARAMETERS_MAX);
    if (flag) {
        request->parameters[request->parameter_count++] =
            (struct parameter){.field = field, .type = PARAMETER_BOOL, .number = 1};
    }
}

void
request_add_bytes(struct request *request, enum field field, struct bytes bytes)
{
    assert(request->parameter_count < PARAMETERS_MAX);
    request->parameters[request->parameter_count++] =
        (struct parameter){.field = field, .type = PARAMETER_BYTES, .bytes = bytes};
}

void
request_add_text(struct request *request, enum field field, const char *text)
{
    if (text != NULL) {
        request_add_bytes(request, field, bytes_of_text(text));
    }
}

/* A value the vault's parser would refuse the whole message for goes as an empty one. */
static struct bytes
value_to_send(const char *value)
{
    enum cv_status status;

    return value_fault(value, &status) == NULL ? bytes_of_text(value) : bytes_of("", 0);
}

static size_t
encoded_size_max(const struct request *request)
{
    size_t size = FIELD_OVERHEAD_BYTES * (3 + request->parameter_count) + CONNECTION_ID_BYTES;

    for (size_t i = 0; i < request->parameter_count; i++) {
        size += request->parameters[i].bytes.size;
    }
    for (size_t i = 0; i < request->value_count; i++) {
        size += VALUE_OVERHEAD_BYTES + value_to_send(request->values[i]).size;
    }
    return size;
}

static void
write_parameter(struct message_writer *writer, const struct parameter *parameter)
{
    switch (parameter->type) {
    case PARAMETER_UINT:
        message_put_uint(writer, parameter->field, parameter->number);
        break;
    case PARAMETER_BOOL:
        message_put_bool(writer, parameter->field, parameter->number != 0);
        break;
    default:
        message_put_bytes(writer, parameter->field, parameter->bytes);
    }
}

static void
write_request(struct message_writer *writer, const struct request *request,
              const uint8_t *connection)
{
    size_t fields = 1 + request->parameter_count;

    fields += connection != NULL ? 1 : 0;
    fields += request->values != NULL ? 1 : 0;
    message_begin(writer, fields);
    message_put_uint(writer, FIELD_OPERATION, request->operation);
    if (connection != NULL) {
        message_put_bytes(writer, FIELD_CONNECTION, bytes_of(connection, CONNECTION_ID_BYTES));
    }
    for (size_t i = 0; i < request->parameter_count; i++) {
        write_parameter(writer, &request->parameters[i]);
    }
    if (request->values == NULL) {
        return;
    }
    message_put_list(writer, FIELD_VALUES, request->value_count);
    for (size_t i = 0; i < request->value_count; i++) {
        message_add_bytes(writer, value_to_send(request->values[i]));
    }
}

/* Straight into nng's message, which never grows: no second copy of a contact is left behind. */
enum cv_status
request_encode(const struct request *request, const uint8_t *connection, nng_msg **ret_message,
               struct failure *failure)
{
    size_t capacity = encoded_size_max(request);
    nng_msg *message;

    if (nng_msg_alloc(&message, capacity) != 0) {
        return failure_set(failure, CV_INTERNAL, "out of memory");
    }
    struct message_writer writer = {.data = nng_msg_body(message), .capacity = capacity};
    write_request(&writer, request, connection);
    assert(!writer.full);
    if (writer.size > FRAME_BYTES_MAX - REQUEST_ID_BYTES) {
        message_wipe(&message);
        return failure_set(failure, CV_TOO_LARGE,
                           "the batch is of %zu bytes and may be of %d; send fewer values at once",
                           writer.size, FRAME_BYTES_MAX - REQUEST_ID_BYTES);
    }
    nng_msg_chop(message, capacity - writer.size);
    *ret_message = message;
    return CV_OK;
}

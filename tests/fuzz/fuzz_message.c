/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S13 "hostile bytes crash nothing". */
/*
 * Any bytes: the parser answers; what it takes is written again by our writer, and what was written
 * is taken again and says the same.
 */
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "field.h"
#include "field_count.h"
#include "message.h"

/* Written by us a message is never longer than by another: ours are the shortest heads. */
static uint8_t first[FRAME_BYTES_MAX], second[FRAME_BYTES_MAX];

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void write_message(struct message_writer *writer, const struct message *message);

static void
write_list(struct message_writer *writer, const struct message *message, enum field field,
           bool of_maps)
{
    const struct message_list *list = NULL;

    must(message_list(message, field, &list));
    message_put_list(writer, field, message_list_count(list));
    for (size_t i = 0; i < message_list_count(list); i++) {
        if (of_maps) {
            write_message(writer, message_list_message(list, i));
        } else {
            message_add_bytes(writer, message_list_bytes(list, i));
        }
    }
}

static void
write_field(struct message_writer *writer, const struct message *message, enum field field)
{
    enum field_type type = field_rule(field)->type;
    struct bytes bytes;
    uint64_t number;
    bool flag;

    switch (type) {
    case FIELD_TYPE_UINT:
        must(message_uint(message, field, &number));
        message_put_uint(writer, field, number);
        break;
    case FIELD_TYPE_BOOL:
        must(message_bool(message, field, &flag));
        message_put_bool(writer, field, flag);
        break;
    case FIELD_TYPE_TEXTS:
    case FIELD_TYPE_MAPS:
        write_list(writer, message, field, type == FIELD_TYPE_MAPS);
        break;
    default:
        must(message_bytes(message, field, &bytes));
        message_put_bytes(writer, field, bytes);
        break;
    }
}

static void
write_message(struct message_writer *writer, const struct message *message)
{
    struct field_set fields = message_fields(message);

    message_begin(writer, field_count(fields));
    for (unsigned field = 0; field < FIELD_LIMIT_NUMBER; field++) {
        if ((fields.bits & FIELD_BIT(field)) != 0) {
            write_field(writer, message, (enum field)field);
        }
    }
}

/* Returns false where the bytes are refused; else *ret_written is the message in our writing. */
static bool
rewrite(struct message_parser *parser, struct bytes bytes, uint8_t *buffer,
        struct bytes *ret_written)
{
    struct message_writer writer = {.data = buffer, .capacity = FRAME_BYTES_MAX};
    const struct message *message = NULL;
    const char *fault = NULL;
    enum operation operation;
    enum status status = message_parse(parser, bytes, &message, &fault);

    if (status != STATUS_OK) {
        must(status == STATUS_INVALID || status == STATUS_TOO_LARGE);
        must(fault != NULL && strlen(fault) > 0);
        return false;
    }
    status = message_check_request(message, &operation, &fault);
    must(status == STATUS_OK ? operation_name(operation) != NULL : fault != NULL);
    write_message(&writer, message);
    must(!writer.full && writer.size <= bytes.size);
    *ret_written = bytes_of(buffer, writer.size);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct message_parser *parser;
    struct bytes once, twice;

    if (parser == NULL) {
        must(message_parser_new(&parser) == STATUS_OK);
    }
    if (rewrite(parser, bytes_of(data, size), first, &once)) {
        must(rewrite(parser, once, second, &twice));
        must(bytes_equal(once, twice));
    }
    return 0;
}

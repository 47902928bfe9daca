/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <assert.h>
#include <msgpack.h>
#include <string.h>

#include "field.h"

/* Called by msgpack-c for each piece it encodes: a fixed buffer, because a growing one leaves
 * copies. */
static int
append(void *data, const char *piece, size_t size)
{
    struct message_writer *writer = data;

    if (writer->full || size > writer->capacity - writer->size) {
        writer->full = true;
        return -1;
    }
    if (size > 0) { /* an absent piece is NULL, which memcpy may not be given */
        memcpy(writer->data + writer->size, piece, size);
    }
    writer->size += size;
    return 0;
}

/* msgpack-c's return values are not looked at: writer->full says the same and stays. */
static msgpack_packer
packer_for(struct message_writer *writer)
{
    msgpack_packer packer;

    msgpack_packer_init(&packer, writer, append);
    return packer;
}

static enum field_type
type_of(enum field field)
{
    const struct field_rule *rule = field_rule(field);

    assert(rule != NULL);
    return rule->type;
}

static void
pack_bytes(msgpack_packer *packer, enum field_type type, struct bytes value)
{
    if (type == FIELD_TYPE_STR) {
        msgpack_pack_str_with_body(packer, value.data, value.size);
    } else {
        msgpack_pack_bin_with_body(packer, value.data, value.size);
    }
}

void
message_begin(struct message_writer *writer, size_t fields)
{
    msgpack_packer packer = packer_for(writer);

    msgpack_pack_map(&packer, fields);
}

void
message_put_uint(struct message_writer *writer, enum field field, uint64_t value)
{
    msgpack_packer packer = packer_for(writer);

    assert(type_of(field) == FIELD_TYPE_UINT);
    msgpack_pack_uint64(&packer, field);
    msgpack_pack_uint64(&packer, value);
}

void
message_put_bool(struct message_writer *writer, enum field field, bool value)
{
    msgpack_packer packer = packer_for(writer);

    assert(type_of(field) == FIELD_TYPE_BOOL);
    msgpack_pack_uint64(&packer, field);
    if (value) {
        msgpack_pack_true(&packer);
    } else {
        msgpack_pack_false(&packer);
    }
}

void
message_put_bytes(struct message_writer *writer, enum field field, struct bytes value)
{
    msgpack_packer packer = packer_for(writer);
    enum field_type type = type_of(field);

    assert(type == FIELD_TYPE_STR || type == FIELD_TYPE_BIN);
    msgpack_pack_uint64(&packer, field);
    pack_bytes(&packer, type, value);
}

void
message_put_text(struct message_writer *writer, enum field field, const char *value)
{
    assert(type_of(field) == FIELD_TYPE_STR);
    message_put_bytes(writer, field, bytes_of_text(value));
}

void
message_put_list(struct message_writer *writer, enum field field, size_t count)
{
    msgpack_packer packer = packer_for(writer);
    enum field_type type = type_of(field);

    assert(type == FIELD_TYPE_TEXTS || type == FIELD_TYPE_MAPS);
    msgpack_pack_uint64(&packer, field);
    msgpack_pack_array(&packer, count);
}

void
message_add_bytes(struct message_writer *writer, struct bytes value)
{
    msgpack_packer packer = packer_for(writer);

    pack_bytes(&packer, FIELD_TYPE_STR, value);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <assert.h>
#include <msgpack.h>
#include <stdlib.h>

#include "scan.h"

/* msgpack-c's own objects under our names: an array of objects is an array of these. */
struct message {
    msgpack_object object; /* a map */
};

struct message_list {
    msgpack_object object; /* an array */
};

_Static_assert(sizeof(struct message) == sizeof(msgpack_object), "message wraps an object");
_Static_assert(sizeof(struct message_list) == sizeof(msgpack_object), "list wraps an object");

/* Objects of a batch of 256 lie in the chunk that is kept: no malloc for those. */
enum { ZONE_CHUNK_BYTES = 8192 };

struct message_parser {
    msgpack_zone zone; /* msgpack-c's objects; never bytes of the message itself */
    struct message root;
};

enum status
message_parser_new(struct message_parser **ret_parser)
{
    struct message_parser *parser = calloc(1, sizeof *parser);

    if (parser == NULL) {
        return STATUS_INTERNAL;
    }
    if (!msgpack_zone_init(&parser->zone, ZONE_CHUNK_BYTES)) {
        free(parser);
        return STATUS_INTERNAL;
    }
    *ret_parser = parser;
    return STATUS_OK;
}

void
message_parser_free(struct message_parser **parser)
{
    if (*parser == NULL) {
        return;
    }
    msgpack_zone_destroy(&(*parser)->zone);
    free(*parser);
    *parser = NULL;
}

enum status
message_parse(struct message_parser *parser, struct bytes bytes, const struct message **ret_message,
              const char **ret_fault)
{
    enum status status = scan_message(bytes, ret_fault);
    size_t offset = 0;

    if (status != STATUS_OK) {
        return status;
    }
    msgpack_zone_clear(&parser->zone);
    /* msgpack_unpack_next would make a new zone for each message; this takes ours. */
    if (msgpack_unpack((const char *)bytes.data, bytes.size, &offset, &parser->zone,
                       &parser->root.object) != MSGPACK_UNPACK_SUCCESS) {
        return STATUS_INTERNAL; /* out of memory: the scan let only well-formed bytes through */
    }
    *ret_message = &parser->root;
    return STATUS_OK;
}

struct field_set
message_fields(const struct message *message)
{
    const msgpack_object_map *map = &message->object.via.map;
    struct field_set fields = {0};

    for (uint32_t i = 0; i < map->size; i++) {
        fields.bits |= FIELD_BIT(map->ptr[i].key.via.u64);
    }
    return fields;
}

static const msgpack_object *
find(const struct message *message, enum field field)
{
    const msgpack_object_map *map = &message->object.via.map;

    for (uint32_t i = 0; i < map->size; i++) {
        if (map->ptr[i].key.via.u64 == field) {
            return &map->ptr[i].val;
        }
    }
    return NULL;
}

bool
message_uint(const struct message *message, enum field field, uint64_t *ret_value)
{
    const msgpack_object *object = find(message, field);

    if (object == NULL) {
        return false;
    }
    assert(object->type == MSGPACK_OBJECT_POSITIVE_INTEGER);
    *ret_value = object->via.u64;
    return true;
}

bool
message_bool(const struct message *message, enum field field, bool *ret_value)
{
    const msgpack_object *object = find(message, field);

    if (object == NULL) {
        return false;
    }
    assert(object->type == MSGPACK_OBJECT_BOOLEAN);
    *ret_value = object->via.boolean;
    return true;
}

static struct bytes
bytes_of_object(const msgpack_object *object)
{
    if (object->type == MSGPACK_OBJECT_STR) {
        return bytes_of(object->via.str.ptr, object->via.str.size);
    }
    assert(object->type == MSGPACK_OBJECT_BIN);
    return bytes_of(object->via.bin.ptr, object->via.bin.size);
}

bool
message_bytes(const struct message *message, enum field field, struct bytes *ret_value)
{
    const msgpack_object *object = find(message, field);

    if (object == NULL) {
        return false;
    }
    *ret_value = bytes_of_object(object);
    return true;
}

bool
message_list(const struct message *message, enum field field, const struct message_list **ret_list)
{
    const msgpack_object *object = find(message, field);

    if (object == NULL) {
        return false;
    }
    assert(object->type == MSGPACK_OBJECT_ARRAY);
    *ret_list = (const struct message_list *)object;
    return true;
}

size_t
message_list_count(const struct message_list *list)
{
    return list->object.via.array.size;
}

static const msgpack_object *
entry(const struct message_list *list, size_t index)
{
    assert(index < list->object.via.array.size);
    return &list->object.via.array.ptr[index];
}

struct bytes
message_list_bytes(const struct message_list *list, size_t index)
{
    return bytes_of_object(entry(list, index));
}

const struct message *
message_list_message(const struct message_list *list, size_t index)
{
    const msgpack_object *object = entry(list, index);

    assert(object->type == MSGPACK_OBJECT_MAP);
    return (const struct message *)object;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox.h"

#include <assert.h>
#include <string.h>

#include "rpc_memory.h"
#include "sp.h"

enum {
    PAGE_BYTES = 4096,
    KEPT_BYTES_MAX = 16 * 1024, /* a buffer grown over this is given back once it was written */
};

static void
buffer_free(struct outbox *outbox, struct outbox_buffer *buffer)
{
    rpc_memory_free(outbox->memory, buffer->data, buffer->capacity);
    *buffer = (struct outbox_buffer){0};
}

/* Never realloc: the bytes move to new pages and the old ones are wiped. */
static enum status
buffer_reserve(struct outbox *outbox, struct outbox_buffer *buffer, size_t size)
{
    size_t capacity;
    uint8_t *data;

    if (size > OUTBOX_BYTES_MAX || buffer->size > OUTBOX_BYTES_MAX - size) {
        return STATUS_TOO_LARGE;
    }
    if (buffer->capacity - buffer->size >= size) {
        return STATUS_OK;
    }
    /* Doubled, so that small replies are seldom moved; or for a large one, just what it takes. */
    capacity = buffer->capacity * 2;
    if (capacity < buffer->size + size) {
        capacity = (buffer->size + size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    }
    data = rpc_memory_new(outbox->memory, capacity);
    if (data == NULL) {
        return STATUS_UNAVAILABLE;
    }
    if (buffer->size > 0) {
        memcpy(data, buffer->data, buffer->size);
    }
    rpc_memory_free(outbox->memory, buffer->data, buffer->capacity);
    buffer->data = data;
    buffer->capacity = capacity;
    return STATUS_OK;
}

void
outbox_init(struct outbox *outbox, struct rpc_memory *memory)
{
    *outbox = (struct outbox){.memory = memory};
}

void
outbox_fini(struct outbox *outbox)
{
    buffer_free(outbox, &outbox->filling);
    buffer_free(outbox, &outbox->writing);
}

void
outbox_move_up(struct outbox *outbox)
{
    rpc_memory_move_up(outbox->memory, outbox->filling.capacity + outbox->writing.capacity);
    outbox->memory = outbox->memory->within;
}

enum status
outbox_add(struct outbox *outbox, uint32_t request_id, struct bytes payload)
{
    struct sp_header header = {.request_id = request_id, .payload_bytes = payload.size};
    struct outbox_buffer *filling = &outbox->filling;
    enum status status;

    if (payload.size > OUTBOX_BYTES_MAX) {
        return STATUS_TOO_LARGE;
    }
    if (filling->capacity == 0 && !outbox_midway(outbox)) {
        *filling = outbox->writing;
        outbox->writing = (struct outbox_buffer){0};
    }
    status = buffer_reserve(outbox, filling, SP_HEADER_BYTES + payload.size);
    if (status != STATUS_OK) {
        return status;
    }
    sp_header_write(&header, filling->data + filling->size);
    filling->size += SP_HEADER_BYTES;
    if (payload.size > 0) {
        memcpy(filling->data + filling->size, payload.data, payload.size);
        filling->size += payload.size;
    }
    return STATUS_OK;
}

bool
outbox_midway(const struct outbox *outbox)
{
    return outbox->writing.size > 0;
}

bool
outbox_is_empty(const struct outbox *outbox)
{
    return outbox->filling.size == 0 && outbox->writing.size == 0;
}

struct bytes
outbox_next(struct outbox *outbox)
{
    if (!outbox_midway(outbox)) {
        struct outbox_buffer empty = outbox->writing;

        outbox->writing = outbox->filling;
        outbox->filling = empty;
        outbox->written = 0;
    }
    if (!outbox_midway(outbox)) {
        return bytes_of(NULL, 0);
    }
    return bytes_of(outbox->writing.data + outbox->written, outbox->writing.size - outbox->written);
}

void
outbox_wrote(struct outbox *outbox, size_t size)
{
    struct outbox_buffer *writing = &outbox->writing;

    assert(size <= writing->size - outbox->written);
    explicit_bzero(writing->data + outbox->written, size);
    outbox->written += size;
    if (outbox->written < writing->size) {
        return;
    }
    writing->size = 0;
    outbox->written = 0;
    if (writing->capacity > KEPT_BYTES_MAX) {
        buffer_free(outbox, writing);
    }
}

void
outbox_trim(struct outbox *outbox)
{
    if (outbox_is_empty(outbox)) {
        outbox_fini(outbox);
    }
}

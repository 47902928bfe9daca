/* SPDX-License-Identifier: Apache-2.0 */
#include "journal_format.h"

#include <assert.h>
#include <sodium.h>

enum {
    CHECKSUM_BYTES = 16,
    HEADER_VERSION = 8,
    HEADER_SEGMENT = 12,
    HEADER_ID = 16,
    HEADER_FIRST = 32,
    HEADER_CHECKSUM = 48,
    FRAME_SIZE = 2,
    FRAME_GROUP = 4,
    FRAME_CHECKSUM = 8,
};

static const uint8_t magic[8] = {'c', 'v', 'j', 'o', 'u', 'r', 'n', 'l'};

/* Not memcmp: a fuzzer watches that, and would learn the right checksum of wrong bytes. */
static bool
checksums_equal(const uint8_t *a, const uint8_t *b)
{
    return sodium_memcmp(a, b, CHECKSUM_BYTES) == 0;
}

static void
header_checksum(const uint8_t *header, uint8_t ret_checksum[static CHECKSUM_BYTES])
{
    (void)crypto_generichash(ret_checksum, CHECKSUM_BYTES, header, HEADER_CHECKSUM, NULL, 0);
}

static void
frame_checksum(const struct journal_key *key, uint32_t offset, const uint8_t *frame,
               struct bytes entry, uint8_t ret_checksum[static CHECKSUM_BYTES])
{
    crypto_generichash_state state;
    uint8_t context[JOURNAL_ID_BYTES + 16];

    memcpy(context, key->id, JOURNAL_ID_BYTES);
    put_u32(context + JOURNAL_ID_BYTES, key->segment);
    put_u32(context + JOURNAL_ID_BYTES + 4, offset);
    memcpy(context + JOURNAL_ID_BYTES + 8, frame, FRAME_CHECKSUM);
    (void)crypto_generichash_init(&state, NULL, 0, CHECKSUM_BYTES);
    (void)crypto_generichash_update(&state, context, sizeof context);
    (void)crypto_generichash_update(&state, entry.data, entry.size);
    (void)crypto_generichash_final(&state, ret_checksum, CHECKSUM_BYTES);
}

void
journal_format_header(const struct journal_key *key, uint64_t first_position,
                      uint8_t ret_header[static JOURNAL_HEADER_BYTES])
{
    memset(ret_header, 0, JOURNAL_HEADER_BYTES);
    memcpy(ret_header, magic, sizeof magic);
    put_u32(ret_header + HEADER_VERSION, JOURNAL_VERSION);
    put_u32(ret_header + HEADER_SEGMENT, key->segment);
    memcpy(ret_header + HEADER_ID, key->id, JOURNAL_ID_BYTES);
    put_u64(ret_header + HEADER_FIRST, first_position);
    header_checksum(ret_header, ret_header + HEADER_CHECKSUM);
}

enum journal_header
journal_format_read_header(const struct journal_key *key, struct bytes segment,
                           uint64_t *ret_first_position)
{
    uint8_t checksum[CHECKSUM_BYTES];
    const uint8_t *header = segment.data;

    if (segment.size < JOURNAL_HEADER_BYTES || memcmp(header, magic, sizeof magic) != 0) {
        return JOURNAL_HEADER_BAD;
    }
    if (get_u32(header + HEADER_VERSION) != JOURNAL_VERSION) {
        return JOURNAL_HEADER_FOREIGN;
    }
    header_checksum(header, checksum);
    if (!checksums_equal(checksum, header + HEADER_CHECKSUM)) {
        return JOURNAL_HEADER_BAD;
    }
    if (memcmp(header + HEADER_ID, key->id, JOURNAL_ID_BYTES) != 0 ||
        get_u32(header + HEADER_SEGMENT) != key->segment) {
        return JOURNAL_HEADER_FOREIGN;
    }
    *ret_first_position = get_u64(header + HEADER_FIRST);
    return JOURNAL_HEADER_WHOLE;
}

bool
journal_format_read_id(struct bytes segment, uint8_t ret_id[static JOURNAL_ID_BYTES])
{
    if (segment.size < JOURNAL_HEADER_BYTES) {
        return false;
    }
    memcpy(ret_id, segment.data + HEADER_ID, JOURNAL_ID_BYTES);
    return true;
}

size_t
journal_format_frame_bytes(size_t entry_size)
{
    size_t size = JOURNAL_FRAME_HEADER_BYTES + entry_size;

    return (size + JOURNAL_ALIGNMENT - 1) / JOURNAL_ALIGNMENT * JOURNAL_ALIGNMENT;
}

void
journal_format_frame(const struct journal_key *key, uint32_t offset,
                     const struct journal_frame *frame, uint8_t *to)
{
    struct bytes entry = frame->entry;
    size_t size = journal_format_frame_bytes(entry.size);

    assert(entry.size <= JOURNAL_ENTRY_BYTES_MAX && offset % JOURNAL_ALIGNMENT == 0);
    memset(to, 0, size);
    put_u16(to, (uint16_t)frame->kind);
    put_u16(to + FRAME_SIZE, (uint16_t)entry.size);
    put_u32(to + FRAME_GROUP, frame->group);
    if (entry.size > 0) {
        memcpy(to + JOURNAL_FRAME_HEADER_BYTES, entry.data, entry.size);
    }
    frame_checksum(key, offset, to, entry, to + FRAME_CHECKSUM);
}

bool
journal_format_read_frame(const struct journal_key *key, uint32_t offset, struct bytes bytes,
                          struct journal_frame *ret_frame)
{
    uint8_t checksum[CHECKSUM_BYTES];
    struct journal_frame frame;
    size_t end;

    if (bytes.size < JOURNAL_FRAME_HEADER_BYTES) {
        return false;
    }
    frame.kind = (enum journal_kind)get_u16(bytes.data);
    frame.group = get_u32(bytes.data + FRAME_GROUP);
    frame.entry =
        bytes_of(bytes.data + JOURNAL_FRAME_HEADER_BYTES, get_u16(bytes.data + FRAME_SIZE));
    frame.frame_bytes = journal_format_frame_bytes(frame.entry.size);
    if ((frame.kind != JOURNAL_ENTRY && frame.kind != JOURNAL_MARK) ||
        frame.entry.size > JOURNAL_ENTRY_BYTES_MAX || frame.frame_bytes > bytes.size ||
        frame.group < JOURNAL_HEADER_BYTES || frame.group > offset) {
        return false;
    }
    end = JOURNAL_FRAME_HEADER_BYTES + frame.entry.size;
    frame_checksum(key, offset, bytes.data, frame.entry, checksum);
    if (!checksums_equal(checksum, bytes.data + FRAME_CHECKSUM) ||
        !journal_format_is_zero(bytes_of(bytes.data + end, frame.frame_bytes - end))) {
        return false;
    }
    *ret_frame = frame;
    return true;
}

bool
journal_format_proves_damage(const struct journal_key *key, struct bytes segment, size_t bad)
{
    struct journal_frame frame;
    size_t at = bad - bad % JOURNAL_ALIGNMENT + JOURNAL_ALIGNMENT;

    for (; at < segment.size; at += JOURNAL_ALIGNMENT) {
        struct bytes rest = bytes_of(segment.data + at, segment.size - at);

        if (journal_format_read_frame(key, (uint32_t)at, rest, &frame) && frame.group > bad) {
            return true;
        }
    }
    return false;
}

bool
journal_format_is_zero(struct bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        if (bytes.data[i] != 0) {
            return false;
        }
    }
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal_format.h: a segment's bytes: how header and frames are written and recognised. Pure.
 *
 * Segment (numbers in network order):
 *   0   8  magic "cvjournl"
 *   8   4  format version
 *  12   4  segment number, as in the file's name
 *  16  16  journal id
 *  32   8  position of its first entry
 *  40   8  zero
 *  48  16  checksum over bytes 0..47
 *  64      frames, each beginning at a multiple of 8, then zeros to the end of the file
 *
 * Frame:
 *   0   2  kind: 1 entry, 2 mark
 *   2   2  size of the entry
 *   4   4  group: the offset at which the group begins that this frame was flushed with
 *   8  16  checksum over journal id, segment number, offset, bytes 0..7 and the entry
 *  24      the entry, then zeros to a multiple of 8 (checked: every byte of a frame counts)
 *
 * Invariants:
 * 1. A group is written only after everything before it in the journal is on disk. So a whole frame
 *    proves that all bytes before its `group` were once durable: if they are bad, that is damage,
 * and no crash. Bad bytes from `group` on may be what a power cut left of one write.
 * 2. A header is on disk before the first frame of its segment is written, and the segment before
 * it is on disk before the header is.
 * 3. A mark carries nothing; a clean close ends with one, so that it proves the last group too.
 */
#ifndef CONTACT_VAULT_JOURNAL_FORMAT_H
#define CONTACT_VAULT_JOURNAL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "journal.h"

enum {
    JOURNAL_VERSION = 1,
    JOURNAL_HEADER_BYTES = 64,
    JOURNAL_FRAME_HEADER_BYTES = 24,
    JOURNAL_ALIGNMENT = 8,
    JOURNAL_FRAME_BYTES_MAX = JOURNAL_FRAME_HEADER_BYTES + JOURNAL_ENTRY_BYTES_MAX,
};

enum journal_kind {
    JOURNAL_ENTRY = 1,
    JOURNAL_MARK = 2,
};

enum journal_header {
    JOURNAL_HEADER_WHOLE,
    JOURNAL_HEADER_BAD,     /* zeros, or torn */
    JOURNAL_HEADER_FOREIGN, /* whole, but of another journal, another place or another version */
};

/* What a checksum binds its frame to, beside the offset. */
struct journal_key {
    uint8_t id[JOURNAL_ID_BYTES];
    uint32_t segment;
};

struct journal_frame {
    enum journal_kind kind;
    uint32_t group;
    struct bytes entry;
    size_t frame_bytes; /* to the next frame */
};

void journal_format_header(const struct journal_key *key, uint64_t first_position,
                           uint8_t ret_header[static JOURNAL_HEADER_BYTES]);
enum journal_header journal_format_read_header(const struct journal_key *key, struct bytes segment,
                                               uint64_t *ret_first_position);

/* Whose a segment says it is; nothing else of it is looked at. false: too short to say. */
bool journal_format_read_id(struct bytes segment, uint8_t ret_id[static JOURNAL_ID_BYTES]);

/* What a frame around `entry_size` bytes takes. */
size_t journal_format_frame_bytes(size_t entry_size);

/* Writes frame->frame_bytes bytes to `to`; `frame_bytes` itself is not looked at. */
void journal_format_frame(const struct journal_key *key, uint32_t offset,
                          const struct journal_frame *frame, uint8_t *to);

/* Is there a whole frame at the start of `bytes`, which stand at `offset` of the segment? */
bool journal_format_read_frame(const struct journal_key *key, uint32_t offset, struct bytes bytes,
                               struct journal_frame *ret_frame);

/* Is there, after `bad`, a whole frame which proves that the bytes at `bad` were once durable? */
bool journal_format_proves_damage(const struct journal_key *key, struct bytes segment, size_t bad);

bool journal_format_is_zero(struct bytes bytes);

#endif

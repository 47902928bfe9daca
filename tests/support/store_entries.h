/* SPDX-License-Identifier: Apache-2.0 */
/* store_entries.h: journals of tests, with entries whose content follows from their position. */
#ifndef CONTACT_VAULT_STORE_ENTRIES_H
#define CONTACT_VAULT_STORE_ENTRIES_H

#include <stdbool.h>
#include <stdint.h>

#include "journal.h"
#include "store_folder.h"

enum {
    HEADER_BYTES = 64,       /* of a segment; journal_format.h */
    FRAME_HEADER_BYTES = 24, /* of a frame */
    SEGMENT_BYTES = 16 * 1024,
    ENTRY_BYTES = 40, /* a multiple of 8, so that a frame has no padding */
    FRAME_BYTES = FRAME_HEADER_BYTES + ENTRY_BYTES,
    SEGMENT_ENTRIES = (SEGMENT_BYTES - HEADER_BYTES) / FRAME_BYTES,
};

extern const struct journal_options entries_defaults;

struct journal_options entries_options(const struct folder *folder);

void entries_fill(uint64_t position, uint8_t ret_entry[static ENTRY_BYTES]);

/* What a visit saw; `wrong`: another content, or not in order. */
struct seen {
    uint64_t first;
    uint64_t last;
    uint64_t count;
    bool wrong;
};
enum status entries_see(void *seen, uint64_t position, struct bytes entry);

/* Opens it and finds so many entries in it. */
struct journal *entries_open(const struct folder *folder, uint64_t entries);

/* Together, and waited for. */
void entries_append(struct journal *journal, uint64_t from, uint64_t count);
/* Each a group of its own. */
void entries_append_singly(struct journal *journal, uint64_t from, uint64_t count);

/* What kill -9 leaves after so many: a copy of the folder while it is open. */
void entries_copy_after(uint64_t entries, struct folder *ret_copy);

/* Walking and opening both come to this, with this place. */
void entries_expect(const struct journal_options *options, enum status status, const char *place);
void entries_expect_corrupt(const struct folder *folder, const char *place);

#endif

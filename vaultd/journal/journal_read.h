/* SPDX-License-Identifier: Apache-2.0 */
/* journal_read.h: reading entries of an open journal back from disk, by position. */
#ifndef CONTACT_VAULT_JOURNAL_READ_H
#define CONTACT_VAULT_JOURNAL_READ_H

#include <stdint.h>

#include "journal.h"
#include "journal_firsts.h"
#include "journal_format.h"
#include "status.h"

/* A place in the journal: the next entry at or after `offset` has `position`. Segment 0: nowhere.
 */
struct journal_cursor {
    uint32_t segment;
    uint32_t offset;
    uint64_t position;
    uint64_t stop; /* first position that is not in this segment */
};

/* Entries from..last are wanted; `from` moves on as they are visited. */
struct journal_range {
    struct journal_key key;
    uint64_t from;
    uint64_t last;
};

/* Puts the cursor at or before `from`. */
void journal_read_seek(struct journal_cursor *cursor, const struct journal_firsts *firsts,
                       uint64_t from);

/* Opens the cursor's segment. NOT_FOUND: no such file. */
MUST_USE enum status journal_read_open(int folder, const struct journal_cursor *cursor,
                                       int *ret_fd);

/* Visits what the cursor's segment has of the range. CORRUPT: an entry there is not whole. */
MUST_USE enum status journal_read_segment(int fd, struct journal_range *range,
                                          struct journal_cursor *cursor, journal_visit *visit,
                                          void *state);

#endif

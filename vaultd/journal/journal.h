/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal.h: append-only checksummed segments in one folder, with one flush for every caller that
 * waits at the same time. The audit chain is one journal.
 *
 * A position is an entry's number, from 1, without gaps. Every function may be called from any
 * thread; open, close and read_all by one at a time.
 */
#ifndef CONTACT_VAULT_JOURNAL_H
#define CONTACT_VAULT_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "status.h"

struct journal;

enum {
    JOURNAL_ID_BYTES = 16,
    JOURNAL_ENTRY_BYTES_MAX = 4096,
    JOURNAL_PLACE_BYTES = 128,
};

struct journal_options {
    const char *folder;           /* made if absent, 0700 */
    uint8_t id[JOURNAL_ID_BYTES]; /* in every checksum: a foreign segment never passes */
    uint64_t segment_bytes;       /* 0: 8 MiB; written with zeros before it is used */
    /* 0 or 1: the journal begins with segment 1. Else older segments may be gone: the first one
     * there begins at or before this position. */
    uint64_t first_position;
    /* There is none yet, and it begins with that position: CONFLICT if there is one. */
    bool fresh;
};

/* Where something is wrong: file and offset, for a person. */
struct journal_place {
    char text[JOURNAL_PLACE_BYTES];
};

/* What opening found. */
struct journal_report {
    uint64_t entries;        /* whole entries there are */
    uint64_t first_position; /* of the first of them; 1 if there is none yet */
    bool cut;                /* a torn tail was cut after the last of them */
    /* Of the cut, of the damage, or of the entry at which the visitor ended the walk. */
    struct journal_place place;
    uint8_t id[JOURNAL_ID_BYTES]; /* of the segments; filled in by journal_walk too */
};

/* Called for each entry in order; a status other than OK ends the walk and is returned by it. */
typedef enum status journal_visit(void *state, uint64_t position, struct bytes entry);

/*
 * journal_open: walks every segment. CORRUPT: bytes are bad that a later whole entry proves to have
 * been on disk once, or a segment is missing, foreign or of another version (report->place names
 * it). UNAVAILABLE: the disk said no. Bad bytes within the group flushed last are a torn tail: cut.
 */
MUST_USE enum status journal_open(const struct journal_options *options, journal_visit *visit,
                                  void *state, struct journal_report *ret_report,
                                  struct journal **ret_journal);

/*
 * journal_append: takes `count` entries in order, atomically with regard to other callers, and
 * gives the position of the last. Not yet on disk. UNAVAILABLE: the disk is full or the journal has
 * failed; then none was taken. TOO_LARGE: an entry over JOURNAL_ENTRY_BYTES_MAX, or all over a
 * segment.
 */
MUST_USE enum status journal_append(struct journal *journal, const struct bytes *entries,
                                    size_t count, uint64_t *ret_position);
/*
 * journal_append_reserved: the same for what must go on when the disk is full (erase, freeze,
 * disable): it may use the reserved segment, made at open and made again when there is space. A
 * journal_append that would leave none in reserve is UNAVAILABLE instead; so is any while there is
 * none, for what is left of the segment begun is the reserve's. Of that, `leave_bytes` (a quarter
 * of a segment at most) are left to others.
 */
MUST_USE enum status journal_append_reserved(struct journal *journal, const struct bytes *entries,
                                             size_t count, uint32_t leave_bytes,
                                             uint64_t *ret_position);
/* The reserve is there; made again if it was used and the disk has room. Call it now and then, some
 * ten times a second: on a full disk it looks every two seconds. */
bool journal_keep_reserve(struct journal *journal);

/* The position that the segment holding `position` begins with. NOT_FOUND: no such entry. */
MUST_USE enum status journal_segment_start(struct journal *journal, uint64_t position,
                                           uint64_t *ret_start);
/* Deletes whole segments all of whose entries are before `position`, oldest first. UNAVAILABLE: the
 * disk said no; what is not deleted yet is at the next call. */
MUST_USE enum status journal_remove_before(struct journal *journal, uint64_t position);
/* The first entry there is. */
uint64_t journal_first_position(const struct journal *journal);

/*
 * journal_wait: returns when `position` is on disk; callers that wait together share one flush.
 * UNAVAILABLE: the flush failed; what is on disk is unknown, and the journal takes no more entries
 * (journal_failed): the daemon must stop and let the restart decide.
 */
MUST_USE enum status journal_wait(struct journal *journal, uint64_t position);
bool journal_failed(const struct journal *journal);

/*
 * Entries from `from` on, at most `limit`, read from disk; only what journal_wait has vouched for.
 * NOT_FOUND: `from` was removed, or the segments were while they were being read.
 */
MUST_USE enum status journal_read(struct journal *journal, uint64_t from, uint64_t limit,
                                  journal_visit *visit, void *state);

/* How many flushes there were since open, for tests of group commit. */
uint64_t journal_flushes(const struct journal *journal);

/* Flushes what was appended. NULL is fine. */
void journal_close(struct journal **journal);

/* Walks a folder without changing it and without opening it for writing: for offline verification.
 * An id of zeros: whichever the first segment names. NOT_FOUND: no such folder. */
MUST_USE enum status journal_walk(const struct journal_options *options, journal_visit *visit,
                                  void *state, struct journal_report *ret_report);

#endif

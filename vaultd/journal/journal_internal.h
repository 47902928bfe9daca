/* SPDX-License-Identifier: Apache-2.0 */
/* journal_internal.h: the open journal, shared by the files of journal/ that work on it. */
#ifndef CONTACT_VAULT_JOURNAL_INTERNAL_H
#define CONTACT_VAULT_JOURNAL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal.h"
#include "journal_firsts.h"
#include "journal_format.h"
#include "journal_read.h"
#include "journal_segment.h"
#include "status.h"

enum {
    JOURNAL_PENDING_BYTES_MAX = 4 * 1024 * 1024, /* not waited for: then an append flushes */
    JOURNAL_GROUPS = 2,                          /* the one being flushed, the one that gathers */
    JOURNAL_AHEAD = 2,                           /* segments made ahead: the next, the reserve */
};

/* Frames that follow each other in one segment and are written together. */
struct journal_block {
    struct journal_block *next;
    struct journal_segment segment;
    uint32_t offset;
    bool begins; /* the segment: its header is written first */
    bool ends;   /* the segment: it is closed afterwards */
    uint64_t first_position;
    uint8_t *data;
    size_t size;
    size_t capacity;
};

/*
 * Invariants, under `lock`:
 * 1. durable <= taken <= appended. Entries up to `durable` are on disk; those up to `taken` are in
 *    the group being flushed, if `flushing`; those above are in `pending`, the group that gathers.
 * 2. `tail` is the segment the next frame goes into, at tail_offset; group_start is the offset in
 * it where the gathering group begins (journal_format.h, invariant 1).
 * 3. One thread at a time flushes (`flushing`), one at a time makes a segment (`preparing`); both
 *    leave the lock for the time it takes.
 * 4. ahead[i] is segment tail + 1 + i, all zeros and on disk. What is not reserved leaves one; what
 *    is, leaves its leave_bytes of the last.
 * 5. Entries before first_position are not read; their segments stay in `firsts` until the files
 *    are gone. Who removes holds `removal` too, which comes before `lock`.
 * 6. A thread that waits for the group being flushed waits on finished[group % JOURNAL_GROUPS], one
 * that waits for the gathering group on the other, so that a flush wakes only whom it served.
 */
struct journal {
    pthread_mutex_t removal;
    pthread_mutex_t lock;
    pthread_cond_t finished[JOURNAL_GROUPS];
    pthread_cond_t prepared;
    int folder;
    struct journal_key key;
    uint64_t segment_bytes;
    struct journal_segment tail;
    uint32_t tail_offset;
    uint32_t group_start;
    struct journal_segment ahead[JOURNAL_AHEAD];
    bool preparing;
    uint64_t retry_ms; /* the disk was full: not before then is a segment made; 0: it was not */
    struct journal_block *pending;
    struct journal_block *pending_last;
    struct journal_block *free_block;
    size_t pending_bytes;
    uint64_t group;
    bool flushing;
    bool unmarked; /* there are frames after the last mark */
    uint64_t appended;
    uint64_t taken;
    uint64_t durable;
    struct journal_firsts firsts;
    struct journal_cursor cursor; /* where the last reading ended */
    struct journal_cursor origin; /* where it began: who reads a page counts it first */
    _Atomic uint64_t first_position;
    _Atomic bool failed;
    _Atomic uint64_t flushes;
};

/* ---- journal_group.c; `lock` is held before and after, and left where it says so ---- */

/* The gathering block of the tail segment, with room for `bytes`; NULL when memory is short. */
struct journal_block *journal_group_tail(struct journal *journal, size_t bytes);
/* A fresh block, not yet gathering; NULL when memory is short. */
struct journal_block *journal_group_block(struct journal *journal, size_t bytes);
void journal_group_block_free(struct journal_block *block);
void journal_group_enqueue(struct journal *journal, struct journal_block *block);
/* Places a frame at the tail; the block has room for it. */
void journal_group_append(struct journal *journal, struct journal_block *block,
                          enum journal_kind kind, struct bytes entry);
/* Writes and flushes all that is pending; leaves the lock. */
void journal_group_flush(struct journal *journal);
/* journal_wait; leaves the lock. */
MUST_USE enum status journal_group_wait(struct journal *journal, uint64_t position);

/* ---- journal_reserve.c; `lock` is held before and after, and left where it says so ---- */

/* What an append would take, and of what it may. */
struct journal_need {
    size_t here_bytes; /* of the tail */
    size_t next_bytes; /* of the next segment; 0: none of it */
    bool reserved;
    uint32_t leave_bytes; /* of the reserve, to others */
};

bool journal_reserve_allows(const struct journal *journal, const struct journal_need *need);
/* The next segment becomes the tail. */
void journal_reserve_take(struct journal *journal);
/*
 * Makes one segment that is missing, the next one first, and that one anew if it is too small for
 * `bytes`; leaves the lock, so that whoever asks looks again afterwards. UNAVAILABLE: the disk is
 * full, or was a moment ago (who does not need it yet need not look).
 */
enum status journal_reserve_make(struct journal *journal, size_t bytes);
/* The same, unless somebody is at it: is there a reserve? Leaves the lock. */
bool journal_reserve_keep(struct journal *journal);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The segments made ahead: who may take the last one, and when it is made again. */
#include "journal_internal.h"

#include <assert.h>

#include "clock.h"
#include "log.h"

enum {
    RETRY_MS = 2000, /* on a full disk: so often a segment is tried to be made */
    LEFT_PART = 4,   /* of small segments no more than that part of one is left to others */
};

static bool
fits(const struct journal_segment *segment, size_t bytes)
{
    return segment->fd >= 0 && bytes <= segment->bytes - JOURNAL_HEADER_BYTES;
}

/* Of the segment that the append ends in, once it is taken. */
static size_t
room_after(const struct journal *journal, const struct journal_need *need)
{
    return need->next_bytes > 0 ? journal->ahead[0].bytes - JOURNAL_HEADER_BYTES - need->next_bytes
                                : journal->tail.bytes - journal->tail_offset - need->here_bytes;
}

bool
journal_reserve_allows(const struct journal *journal, const struct journal_need *need)
{
    unsigned taken = need->next_bytes > 0 ? 1 : 0;
    uint64_t part = journal->segment_bytes / LEFT_PART;

    if (taken > 0 && !fits(&journal->ahead[0], need->next_bytes)) {
        return false;
    }
    if (journal->ahead[taken].fd >= 0) {
        return true;
    }
    return need->reserved &&
           room_after(journal, need) >= (need->leave_bytes < part ? need->leave_bytes : part);
}

void
journal_reserve_take(struct journal *journal)
{
    assert(journal->ahead[0].fd >= 0 && journal->ahead[0].number == journal->tail.number + 1);
    journal->tail = journal->ahead[0];
    for (unsigned i = 0; i + 1 < JOURNAL_AHEAD; i++) {
        journal->ahead[i] = journal->ahead[i + 1];
    }
    journal->ahead[JOURNAL_AHEAD - 1].fd = -1;
}

/* The first that is missing, or that is too small for `bytes`. JOURNAL_AHEAD: none. */
static unsigned
find_missing(const struct journal *journal, size_t bytes)
{
    unsigned slot = 0;

    while (slot < JOURNAL_AHEAD && fits(&journal->ahead[slot], slot == 0 ? bytes : 0)) {
        slot++;
    }
    return slot;
}

/* Leaves the lock. Its slot is empty meanwhile, so that nobody takes what is being replaced; but
 * the one before it may be taken, and then the slot is another. */
static enum status
make_ahead(struct journal *journal, unsigned slot)
{
    struct journal_segment made = {.fd = -1};
    uint32_t number = journal->tail.number + 1 + slot;
    bool replaces = journal->ahead[slot].fd >= 0;
    enum status status;

    journal_segment_close(&journal->ahead[slot]);
    journal->preparing = true;
    (void)pthread_mutex_unlock(&journal->lock);
    status = journal_segment_make(journal->folder, number, journal->segment_bytes,
                                  bytes_of(NULL, 0), &made);
    if (status != STATUS_OK && replaces &&
        journal_segment_open(journal->folder, number, &made) != STATUS_OK) {
        made.fd = -1; /* else a small one is still one */
    }
    (void)pthread_mutex_lock(&journal->lock);
    journal->preparing = false;
    journal->ahead[number - journal->tail.number - 1] = made;
    (void)pthread_cond_broadcast(&journal->prepared);
    return status;
}

enum status
journal_reserve_make(struct journal *journal, size_t bytes)
{
    unsigned slot;
    enum status status;

    if (journal->preparing) {
        while (journal->preparing) {
            (void)pthread_cond_wait(&journal->prepared, &journal->lock);
        }
        return STATUS_OK; /* what there is now, the caller sees himself */
    }
    slot = find_missing(journal, bytes);
    if (slot == JOURNAL_AHEAD) {
        return STATUS_OK;
    }
    if (clock_monotonic_ms() < journal->retry_ms) {
        return STATUS_UNAVAILABLE;
    }
    status = make_ahead(journal, slot);
    if (status == STATUS_OK) {
        journal->retry_ms = 0;
        return STATUS_OK;
    }
    if (journal->retry_ms == 0) { /* said once, not at every try */
        LOG(LOG_LEVEL_ERROR, EVENT_JOURNAL_FULL, F("segment", journal->tail.number + 1 + slot));
    }
    journal->retry_ms = clock_monotonic_ms() + RETRY_MS;
    return status;
}

bool
journal_reserve_keep(struct journal *journal)
{
    if (!journal->preparing && !journal->failed) {
        (void)journal_reserve_make(journal, 0);
    }
    return journal->ahead[0].fd >= 0;
}

bool
journal_keep_reserve(struct journal *journal)
{
    bool there;

    (void)pthread_mutex_lock(&journal->lock);
    there = journal_reserve_keep(journal);
    (void)pthread_mutex_unlock(&journal->lock);
    return there;
}

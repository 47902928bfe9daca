/* SPDX-License-Identifier: Apache-2.0 */
/* Where segments begin, and the removal of the oldest ones. */
#include "journal_internal.h"

enum status
journal_segment_start(struct journal *journal, uint64_t position, uint64_t *ret_start)
{
    enum status status = STATUS_NOT_FOUND;

    (void)pthread_mutex_lock(&journal->lock);
    if (position >= journal->first_position && position <= journal->appended) {
        *ret_start = journal->firsts.positions[journal_firsts_find(&journal->firsts, position)];
        status = STATUS_OK;
    }
    (void)pthread_mutex_unlock(&journal->lock);
    return status;
}

/*
 * The oldest segment, if all of it is before `position`. It is gone for readers from here on. The
 * segment behind it must have its header and an entry on disk: a journal begins with nothing less.
 */
static bool
claim_oldest(struct journal *journal, uint64_t position, uint32_t *ret_segment)
{
    const struct journal_firsts *firsts = &journal->firsts;
    bool removable;

    (void)pthread_mutex_lock(&journal->lock);
    removable = !journal->failed && firsts->count > 1 && firsts->positions[1] <= position &&
                firsts->positions[1] <= journal->durable;
    if (removable) {
        *ret_segment = firsts->oldest;
        atomic_store(&journal->first_position, firsts->positions[1]);
    }
    (void)pthread_mutex_unlock(&journal->lock);
    return removable;
}

enum status
journal_remove_before(struct journal *journal, uint64_t position)
{
    enum status status = STATUS_OK;
    uint32_t segment;

    (void)pthread_mutex_lock(&journal->removal);
    /* One by one, each on disk before the next: a crash leaves no gap in the middle. */
    while (status == STATUS_OK && claim_oldest(journal, position, &segment)) {
        status = journal_segment_remove(journal->folder, segment);
        if (status == STATUS_OK) {
            (void)pthread_mutex_lock(&journal->lock);
            journal_firsts_drop_oldest(&journal->firsts);
            journal->retry_ms = 0; /* there is space again */
            (void)pthread_mutex_unlock(&journal->lock);
        }
    }
    if (status == STATUS_OK && journal_failed(journal)) {
        status = STATUS_UNAVAILABLE;
    }
    (void)pthread_mutex_unlock(&journal->removal);
    return status;
}

uint64_t
journal_first_position(const struct journal *journal)
{
    return atomic_load(&journal->first_position);
}

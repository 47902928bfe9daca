/* SPDX-License-Identifier: Apache-2.0 */
#include "journal.h"

#include <unistd.h>

#include "journal_internal.h"
#include "log.h"

/* How many of the entries still fit into the tail, and what either part takes. */
struct plan {
    size_t here;
    size_t here_bytes;
    size_t next_bytes;
};

static struct plan
plan_append(const struct journal *journal, const struct bytes *entries, size_t count)
{
    struct plan plan = {.here = 0};
    size_t room = journal->tail.bytes - journal->tail_offset;
    size_t at = 0;

    for (; at < count; at++) {
        size_t bytes = journal_format_frame_bytes(entries[at].size);

        if (plan.here_bytes + bytes > room) {
            break;
        }
        plan.here_bytes += bytes;
    }
    plan.here = at;
    for (; at < count; at++) {
        plan.next_bytes += journal_format_frame_bytes(entries[at].size);
    }
    return plan;
}

/* The next segment becomes the tail; `fresh` is the block that begins it. */
static void
switch_segment(struct journal *journal, struct journal_block *last, struct journal_block *fresh)
{
    last->ends = true;
    journal_reserve_take(journal);
    journal->tail_offset = JOURNAL_HEADER_BYTES;
    journal->group_start = JOURNAL_HEADER_BYTES;
    fresh->segment = journal->tail;
    fresh->offset = JOURNAL_HEADER_BYTES;
    fresh->begins = true;
    fresh->first_position = journal->appended + 1;
    journal_firsts_add(&journal->firsts, fresh->first_position);
    journal_group_enqueue(journal, fresh);
}

/* All memory is had before the first frame is placed, so that all are taken or none. */
static enum status
append_planned(struct journal *journal, const struct plan *plan, const struct bytes *entries,
               size_t count)
{
    struct journal_block *fresh = NULL;
    struct journal_block *block = journal_group_tail(journal, plan->here_bytes);
    enum status status = block == NULL ? STATUS_INTERNAL : STATUS_OK;

    if (status == STATUS_OK && plan->here < count) {
        status = journal_firsts_grow(&journal->firsts);
        fresh = journal_group_block(journal, plan->next_bytes);
        if (fresh == NULL) {
            status = STATUS_INTERNAL;
        }
    }
    if (status != STATUS_OK) {
        journal_group_block_free(fresh);
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        if (i == plan->here) {
            switch_segment(journal, block, fresh);
            block = fresh;
        }
        journal_group_append(journal, block, JOURNAL_ENTRY, entries[i]);
    }
    return STATUS_OK;
}

/* What is to be taken, and of what it may. */
struct request {
    const struct bytes *entries;
    size_t count;
    bool reserved;
    uint32_t leave_bytes;
};

static enum status
append_locked(struct journal *journal, const struct request *request)
{
    enum status status = STATUS_OK;

    if (journal->pending_bytes > JOURNAL_PENDING_BYTES_MAX) {
        status = journal_group_wait(journal, journal->appended);
    }
    while (status == STATUS_OK && !journal->failed) {
        struct plan plan = plan_append(journal, request->entries, request->count);
        struct journal_need need = {.here_bytes = plan.here_bytes,
                                    .next_bytes = plan.next_bytes,
                                    .reserved = request->reserved,
                                    .leave_bytes = request->leave_bytes};

        if (plan.next_bytes > journal->segment_bytes - JOURNAL_HEADER_BYTES) {
            return STATUS_TOO_LARGE;
        }
        if (journal_reserve_allows(journal, &need)) {
            return append_planned(journal, &plan, request->entries, request->count);
        }
        /* The lock is left here, so the plan is made afresh. */
        status = journal_reserve_make(journal, plan.next_bytes);
    }
    return STATUS_UNAVAILABLE;
}

static enum status
append(struct journal *journal, const struct request *request, uint64_t *ret_position)
{
    enum status status;

    for (size_t i = 0; i < request->count; i++) {
        if (request->entries[i].size > JOURNAL_ENTRY_BYTES_MAX) {
            return STATUS_TOO_LARGE;
        }
    }
    (void)pthread_mutex_lock(&journal->lock);
    status = append_locked(journal, request);
    if (status == STATUS_OK) {
        *ret_position = journal->appended;
    }
    (void)pthread_mutex_unlock(&journal->lock);
    return status;
}

enum status
journal_append(struct journal *journal, const struct bytes *entries, size_t count,
               uint64_t *ret_position)
{
    return append(journal, &(struct request){.entries = entries, .count = count}, ret_position);
}

enum status
journal_append_reserved(struct journal *journal, const struct bytes *entries, size_t count,
                        uint32_t leave_bytes, uint64_t *ret_position)
{
    const struct request request = {
        .entries = entries, .count = count, .reserved = true, .leave_bytes = leave_bytes};

    return append(journal, &request, ret_position);
}

bool
journal_failed(const struct journal *journal)
{
    return atomic_load(&journal->failed);
}

uint64_t
journal_flushes(const struct journal *journal)
{
    return atomic_load(&journal->flushes);
}

enum status
journal_wait(struct journal *journal, uint64_t position)
{
    enum status status;

    (void)pthread_mutex_lock(&journal->lock);
    status = journal_group_wait(journal, position);
    (void)pthread_mutex_unlock(&journal->lock);
    return status;
}

/* NOT_FOUND: `from` was removed. */
static enum status
seek(struct journal *journal, uint64_t from, struct journal_cursor *cursor)
{
    enum status status = STATUS_NOT_FOUND;

    (void)pthread_mutex_lock(&journal->lock);
    if (from >= journal->first_position) {
        journal_read_seek(cursor, &journal->firsts, from);
        status = STATUS_OK;
    }
    (void)pthread_mutex_unlock(&journal->lock);
    return status;
}

/* What one segment has of the range. */
static enum status
read_on(struct journal *journal, struct journal_range *range, struct journal_cursor *cursor,
        journal_visit *visit, void *state)
{
    int fd = -1;
    enum status status = seek(journal, range->from, cursor);

    if (status != STATUS_OK) {
        return status;
    }
    status = journal_read_open(journal->folder, cursor, &fd);
    if (status == STATUS_NOT_FOUND && range->from >= journal->first_position) {
        LOG(LOG_LEVEL_ERROR, EVENT_JOURNAL_FAILED, F("missing", cursor->segment));
        status = STATUS_UNAVAILABLE; /* not we have removed it */
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = journal_read_segment(fd, range, cursor, visit, state);
    (void)close(fd);
    return status;
}

enum status
journal_read(struct journal *journal, uint64_t from, uint64_t limit, journal_visit *visit,
             void *state)
{
    struct journal_range range = {.key = journal->key, .from = from == 0 ? 1 : from};
    struct journal_cursor cursor;
    struct journal_cursor origin;
    enum status status = STATUS_OK;

    (void)pthread_mutex_lock(&journal->lock);
    range.last = journal->durable;
    /* Going on is free, and so is beginning again; all else walks its segment from the start. */
    cursor = journal->cursor.position <= range.from ? journal->cursor : journal->origin;
    origin = cursor;
    (void)pthread_mutex_unlock(&journal->lock);
    if (range.from > range.last || limit == 0) {
        return STATUS_OK;
    }
    if (range.last - range.from >= limit) {
        range.last = range.from + limit - 1;
    }
    while (range.from <= range.last && status == STATUS_OK) {
        status = read_on(journal, &range, &cursor, visit, state);
    }
    (void)pthread_mutex_lock(&journal->lock);
    journal->cursor = cursor;
    journal->origin = origin;
    (void)pthread_mutex_unlock(&journal->lock);
    return status;
}

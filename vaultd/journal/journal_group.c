/* SPDX-License-Identifier: Apache-2.0 */
/* The entries that wait for a flush, and the flush: who leads it, whom it wakes. */
#include "journal_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "log.h"

enum { BLOCK_BYTES_FIRST = 64 * 1024 };

void
journal_group_block_free(struct journal_block *block)
{
    if (block != NULL) {
        free(block->data);
        free(block);
    }
}

static enum status
block_reserve(struct journal_block *block, size_t bytes)
{
    size_t capacity = block->capacity == 0 ? BLOCK_BYTES_FIRST : block->capacity;
    uint8_t *data;

    while (capacity - block->size < bytes) {
        capacity *= 2;
    }
    if (capacity == block->capacity) {
        return STATUS_OK;
    }
    data = realloc(block->data, capacity);
    if (data == NULL) {
        return STATUS_INTERNAL;
    }
    block->data = data;
    block->capacity = capacity;
    return STATUS_OK;
}

/* A fresh block with room for `bytes`, not yet in `pending`; NULL when memory is short. */
struct journal_block *
journal_group_block(struct journal *journal, size_t bytes)
{
    struct journal_block *block = journal->free_block;

    journal->free_block = NULL;
    if (block == NULL) {
        block = calloc(1, sizeof *block);
    }
    if (block != NULL && block_reserve(block, bytes) != STATUS_OK) {
        journal_group_block_free(block);
        block = NULL;
    }
    return block;
}

/* Keeps one for the next group; all else of it is as new. */
static void
block_recycle(struct journal *journal, struct journal_block *block)
{
    if (journal->free_block != NULL || block->capacity > JOURNAL_PENDING_BYTES_MAX) {
        journal_group_block_free(block);
        return;
    }
    *block = (struct journal_block){.data = block->data, .capacity = block->capacity};
    journal->free_block = block;
}

void
journal_group_enqueue(struct journal *journal, struct journal_block *block)
{
    if (journal->pending == NULL) {
        journal->pending = block;
    } else {
        journal->pending_last->next = block;
    }
    journal->pending_last = block;
}

/* The gathering block of the tail segment, with room for `bytes`; NULL when memory is short. */
struct journal_block *
journal_group_tail(struct journal *journal, size_t bytes)
{
    struct journal_block *block = journal->pending == NULL ? NULL : journal->pending_last;

    if (block != NULL) {
        return block_reserve(block, bytes) == STATUS_OK ? block : NULL;
    }
    block = journal_group_block(journal, bytes);
    if (block != NULL) {
        block->segment = journal->tail;
        block->offset = journal->tail_offset;
        journal_group_enqueue(journal, block);
    }
    return block;
}

void
journal_group_append(struct journal *journal, struct journal_block *block, enum journal_kind kind,
                     struct bytes entry)
{
    struct journal_key key = journal->key;
    struct journal_frame frame = {.kind = kind, .group = journal->group_start, .entry = entry};
    size_t bytes = journal_format_frame_bytes(entry.size);

    assert(block->capacity - block->size >= bytes);
    key.segment = journal->tail.number;
    journal_format_frame(&key, journal->tail_offset, &frame, block->data + block->size);
    block->size += bytes;
    journal->tail_offset += (uint32_t)bytes;
    journal->pending_bytes += bytes;
    journal->appended += kind == JOURNAL_ENTRY;
    journal->unmarked = kind == JOURNAL_ENTRY;
}

static enum status
write_block(struct journal *journal, struct journal_block *block)
{
    uint8_t header[JOURNAL_HEADER_BYTES];
    struct journal_key key = journal->key;
    enum status status = STATUS_OK;

    if (block->begins) {
        key.segment = block->segment.number;
        journal_format_header(&key, block->first_position, header);
        status = journal_segment_write(block->segment.fd, 0, bytes_of(header, sizeof header));
        if (status == STATUS_OK) {
            status = journal_segment_flush(block->segment.fd);
        }
    }
    if (status == STATUS_OK && block->size > 0) {
        status = journal_segment_write(block->segment.fd, block->offset,
                                       bytes_of(block->data, block->size));
        if (status == STATUS_OK) {
            status = journal_segment_flush(block->segment.fd);
        }
    }
    return status;
}

static void
fail(struct journal *journal)
{
    atomic_store(&journal->failed, true);
    LOG(LOG_LEVEL_ERROR, EVENT_JOURNAL_FAILED, F("durable", journal->durable));
    for (int i = 0; i < JOURNAL_GROUPS; i++) {
        (void)pthread_cond_broadcast(&journal->finished[i]);
    }
}

/* Writes and flushes all that is pending. Locked before and after, not meanwhile. */
void
journal_group_flush(struct journal *journal)
{
    struct journal_block *blocks = journal->pending;
    uint64_t group = ++journal->group;
    enum status status = STATUS_OK;

    assert(!journal->flushing && !journal->failed);
    journal->flushing = true;
    journal->taken = journal->appended;
    journal->pending = NULL;
    journal->pending_last = NULL;
    journal->pending_bytes = 0;
    journal->group_start = journal->tail_offset;
    (void)pthread_mutex_unlock(&journal->lock);
    for (struct journal_block *block = blocks; block != NULL && status == STATUS_OK;
         block = block->next) {
        status = write_block(journal, block);
    }
    atomic_fetch_add(&journal->flushes, 1);
    (void)pthread_mutex_lock(&journal->lock);
    while (blocks != NULL) {
        struct journal_block *next = blocks->next;

        if (blocks->ends) {
            journal_segment_close(&blocks->segment);
        }
        block_recycle(journal, blocks);
        blocks = next;
    }
    journal->flushing = false;
    if (status != STATUS_OK) {
        fail(journal);
        return;
    }
    journal->durable = journal->taken;
    (void)pthread_cond_signal(
        &journal->finished[(group + 1) % JOURNAL_GROUPS]); /* the next to lead */
    (void)pthread_cond_broadcast(&journal->finished[group % JOURNAL_GROUPS]);
}

enum status
journal_group_wait(struct journal *journal, uint64_t position)
{
    bool led = false;

    assert(position <= journal->appended);
    while (journal->durable < position && !journal->failed) {
        if (journal->flushing) {
            uint64_t group = journal->group + (position > journal->taken);

            (void)pthread_cond_wait(&journal->finished[group % JOURNAL_GROUPS], &journal->lock);
        } else {
            journal_group_flush(journal);
            led = true;
        }
    }
    /* Who led makes a segment too, when the next group has its own leader already. */
    if (led) {
        (void)journal_reserve_keep(journal);
    }
    return journal->durable >= position ? STATUS_OK : STATUS_UNAVAILABLE;
}

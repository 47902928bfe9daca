/* SPDX-License-Identifier: Apache-2.0 */
/* journal_open and journal_close. */
#include "journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal_walk.h"
#include "log.h"

enum { FOLDER_MODE = 0700 };

static enum status
system_call_failed(int line)
{
    LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", errno), F("line", line));
    return STATUS_UNAVAILABLE;
}

static enum status
open_folder(const char *path, int *ret_folder)
{
    bool made = mkdir(path, FOLDER_MODE) == 0;
    int folder;
    int parent;

    if (!made && errno != EEXIST) {
        return system_call_failed(__LINE__);
    }
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return system_call_failed(__LINE__);
    }
    *ret_folder = folder;
    if (!made) {
        return STATUS_OK;
    }
    parent = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0 || fsync(parent) != 0) {
        enum status status = system_call_failed(__LINE__);

        if (parent >= 0) {
            (void)close(parent);
        }
        return status;
    }
    (void)close(parent);
    return STATUS_OK;
}

/* Who begins later looks like one whose older segments were removed. */
static enum status
make_first_segment(struct journal *journal, uint64_t position)
{
    uint32_t number = position == 1 ? 1 : 2;
    uint8_t header[JOURNAL_HEADER_BYTES];
    struct journal_key key = journal->key;
    enum status status;

    key.segment = number;
    journal_format_header(&key, position, header);
    status = journal_segment_make(journal->folder, number, journal->segment_bytes,
                                  bytes_of(header, sizeof header), &journal->tail);
    if (status != STATUS_OK) {
        return status;
    }
    journal->tail_offset = JOURNAL_HEADER_BYTES;
    status = journal_firsts_grow(&journal->firsts);
    if (status == STATUS_OK) {
        journal->firsts.oldest = number;
        journal_firsts_add(&journal->firsts, position);
    }
    return status;
}

/* What the walk found becomes durable before anything is built on it: it may be in memory only. */
static enum status
open_tail(struct journal *journal, const struct journal_end *end)
{
    enum status status = STATUS_OK;

    if (end->torn) {
        LOG(LOG_LEVEL_WARNING, EVENT_JOURNAL_CUT, F("position", end->next_position));
        status = journal_segment_cut(journal->folder, end->torn_segment, end->torn_offset);
    }
    if (status == STATUS_OK) {
        status = journal_segment_open(journal->folder, end->segment, &journal->tail);
    }
    if (status == STATUS_OK && fsync(journal->tail.fd) != 0) {
        status = system_call_failed(__LINE__);
    }
    journal->tail_offset = end->offset;
    return status;
}

/* Takes over the segments made ahead that are there, and makes what is missing. */
static enum status
open_ahead(struct journal *journal)
{
    enum status status = STATUS_OK;

    for (uint32_t i = 0; i < JOURNAL_AHEAD && status == STATUS_OK; i++) {
        struct journal_segment *ahead = &journal->ahead[i];

        status = journal_segment_open(journal->folder, journal->tail.number + 1 + i, ahead);
        if (status == STATUS_OK && ahead->bytes < JOURNAL_SEGMENT_BYTES_MIN) {
            journal_segment_close(ahead); /* cut short by a copy: made again */
        }
        status = status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    (void)pthread_mutex_lock(&journal->lock);
    for (int i = 0; i < JOURNAL_AHEAD && status == STATUS_OK; i++) {
        (void)journal_reserve_make(journal, 0); /* on a full disk we open all the same */
    }
    (void)pthread_mutex_unlock(&journal->lock);
    return status;
}

static enum status
open_segments(struct journal *journal, const struct journal_end *end)
{
    enum status status = end->segment == 0 ? make_first_segment(journal, end->next_position)
                                           : open_tail(journal, end);

    if (status == STATUS_OK) {
        status = open_ahead(journal);
    }
    if (status == STATUS_OK && fsync(journal->folder) != 0) {
        status = system_call_failed(__LINE__);
    }
    if (status == STATUS_OK) {
        atomic_store(&journal->first_position, journal->firsts.positions[0]);
    }
    journal->appended = end->next_position - 1;
    journal->taken = journal->appended;
    journal->durable = journal->appended;
    journal->group_start = journal->tail_offset;
    journal->unmarked = journal->appended > 0 && !end->marked;
    return status;
}

static struct journal *
journal_new(const struct journal_options *options)
{
    struct journal *journal = calloc(1, sizeof *journal);
    uint64_t bytes = options->segment_bytes;

    if (journal == NULL) {
        return NULL;
    }
    if (bytes == 0) {
        bytes = JOURNAL_SEGMENT_BYTES_DEFAULT;
    }
    bytes = bytes < JOURNAL_SEGMENT_BYTES_MIN ? JOURNAL_SEGMENT_BYTES_MIN : bytes;
    bytes = bytes > JOURNAL_SEGMENT_BYTES_MAX ? JOURNAL_SEGMENT_BYTES_MAX : bytes;
    journal->segment_bytes = bytes / JOURNAL_ALIGNMENT * JOURNAL_ALIGNMENT;
    memcpy(journal->key.id, options->id, JOURNAL_ID_BYTES);
    journal->folder = -1;
    journal->tail.fd = -1;
    for (int i = 0; i < JOURNAL_AHEAD; i++) {
        journal->ahead[i].fd = -1;
    }
    (void)pthread_mutex_init(&journal->removal, NULL);
    (void)pthread_mutex_init(&journal->lock, NULL);
    (void)pthread_cond_init(&journal->prepared, NULL);
    for (int i = 0; i < JOURNAL_GROUPS; i++) {
        (void)pthread_cond_init(&journal->finished[i], NULL);
    }
    return journal;
}

static void
journal_release(struct journal *journal)
{
    while (journal->pending != NULL) {
        struct journal_block *next = journal->pending->next;

        if (journal->pending->ends) {
            journal_segment_close(&journal->pending->segment);
        }
        journal_group_block_free(journal->pending);
        journal->pending = next;
    }
    journal_group_block_free(journal->free_block);
    journal_segment_close(&journal->tail);
    for (int i = 0; i < JOURNAL_AHEAD; i++) {
        journal_segment_close(&journal->ahead[i]);
    }
    if (journal->folder >= 0) {
        (void)close(journal->folder);
    }
    for (int i = 0; i < JOURNAL_GROUPS; i++) {
        (void)pthread_cond_destroy(&journal->finished[i]);
    }
    (void)pthread_cond_destroy(&journal->prepared);
    (void)pthread_mutex_destroy(&journal->lock);
    (void)pthread_mutex_destroy(&journal->removal);
    journal_firsts_free(&journal->firsts);
    free(journal);
}

/* Where the journal ends that is there; of a new one, where it begins. */
static enum status
find_end(struct journal *journal, const struct journal_options *options, journal_visit *visit,
         void *state, struct journal_report *ret_report, struct journal_end *ret_end)
{
    uint32_t first;
    uint32_t last;
    enum status status = journal_segment_range(journal->folder, true, &first, &last);

    if (status != STATUS_OK || !options->fresh) {
        return status == STATUS_OK ? journal_walk_folder(journal->folder, options, visit, state,
                                                         ret_report, ret_end)
                                   : status;
    }
    ret_end->next_position = options->first_position < 1 ? 1 : options->first_position;
    return first == 0 ? STATUS_OK : STATUS_CONFLICT;
}

enum status
journal_open(const struct journal_options *options, journal_visit *visit, void *state,
             struct journal_report *ret_report, struct journal **ret_journal)
{
    struct journal_end end = {.segment = 0};
    struct journal *journal;
    enum status status;

    *ret_report = (struct journal_report){.entries = 0};
    journal = sodium_init() < 0 ? NULL : journal_new(options);
    if (journal == NULL) {
        return STATUS_INTERNAL;
    }
    status = open_folder(options->folder, &journal->folder);
    if (status == STATUS_OK) {
        status = find_end(journal, options, visit, state, ret_report, &end);
        journal->firsts = end.firsts;
    }
    if (status == STATUS_OK) {
        status = open_segments(journal, &end);
    }
    if (status == STATUS_OK) {
        *ret_journal = journal;
        journal = NULL;
    }
    if (journal != NULL) {
        journal_release(journal);
    }
    return status;
}

/* The mark is a group of its own, so that it proves the last one (journal_format.h). */
static void
write_mark(struct journal *journal)
{
    struct bytes nothing = bytes_of(NULL, 0);
    size_t bytes = journal_format_frame_bytes(0);
    struct journal_block *block = NULL;

    if (journal->unmarked && journal->tail.bytes - journal->tail_offset >= bytes) {
        block = journal_group_tail(journal, bytes);
    }
    if (block != NULL) {
        journal_group_append(journal, block, JOURNAL_MARK, nothing);
        journal_group_flush(journal);
    }
}

void
journal_close(struct journal **journal)
{
    struct journal *closed = *journal;

    if (closed == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&closed->lock);
    if (journal_group_wait(closed, closed->appended) == STATUS_OK && !closed->failed) {
        write_mark(closed);
    }
    (void)pthread_mutex_unlock(&closed->lock);
    journal_release(closed);
    *journal = NULL;
}

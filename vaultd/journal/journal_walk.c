/* SPDX-License-Identifier: Apache-2.0 */
#include "journal_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "journal_format.h"
#include "journal_segment.h"
#include "log.h"

struct walk {
    struct journal_key key; /* of the segment being read */
    journal_visit *visit;
    void *state;
    struct journal_report *report;
    struct journal_end *end;
    uint64_t first_position; /* of the options */
    bool ended;              /* whatever stands in a later segment proves damage at damage_* */
    uint32_t damage_segment;
    uint32_t damage_offset;
};

static enum status
damaged(const struct walk *walk, uint32_t segment, uint32_t offset)
{
    journal_segment_place(segment, offset, &walk->report->place);
    walk->report->cut = false;
    return STATUS_CORRUPT;
}

static enum status
missing(const struct walk *walk, uint32_t segment)
{
    char name[JOURNAL_NAME_BYTES];
    struct journal_place *place = &walk->report->place;

    journal_segment_name(segment, name);
    (void)snprintf(place->text, sizeof place->text, "%s is missing", name);
    walk->report->cut = false;
    return STATUS_CORRUPT;
}

/* No whole header or frame at `offset`: the end, what a broken write left there, or damage. */
static enum status
end_segment(struct walk *walk, struct bytes segment, uint32_t offset)
{
    struct bytes rest = bytes_of(segment.data + offset, segment.size - offset);
    uint32_t number = walk->key.segment;

    walk->damage_segment = number;
    walk->damage_offset = offset;
    if (journal_format_is_zero(rest)) {
        walk->ended = offset == 0;
        return STATUS_OK;
    }
    if (journal_format_proves_damage(&walk->key, segment, offset)) {
        return damaged(walk, number, offset);
    }
    walk->ended = true;
    walk->end->torn = true;
    walk->end->torn_segment = number;
    walk->end->torn_offset = offset;
    walk->report->cut = true;
    journal_segment_place(number, offset, &walk->report->place);
    return STATUS_OK;
}

static enum status
visit_frame(struct walk *walk, const struct journal_frame *frame, uint32_t offset)
{
    enum status status = STATUS_OK;

    walk->end->marked = frame->kind == JOURNAL_MARK;
    if (frame->kind == JOURNAL_ENTRY) {
        uint64_t position = walk->end->next_position++;

        status = walk->visit == NULL ? STATUS_OK : walk->visit(walk->state, position, frame->entry);
        if (status != STATUS_OK) {
            journal_segment_place(walk->key.segment, offset, &walk->report->place);
        }
    }
    return status;
}

static enum status
walk_frames(struct walk *walk, struct bytes segment)
{
    struct journal_frame frame;
    size_t at = JOURNAL_HEADER_BYTES;
    enum status status = STATUS_OK;

    while (status == STATUS_OK &&
           journal_format_read_frame(&walk->key, (uint32_t)at,
                                     bytes_of(segment.data + at, segment.size - at), &frame)) {
        status = visit_frame(walk, &frame, (uint32_t)at);
        at += frame.frame_bytes;
    }
    walk->end->segment = walk->key.segment;
    walk->end->offset = (uint32_t)at;
    return status == STATUS_OK ? end_segment(walk, segment, (uint32_t)at) : status;
}

/* A segment with a whole header: does it begin where the one before it ended? */
static enum status
begin_segment(struct walk *walk, uint64_t first)
{
    struct journal_end *end = walk->end;
    uint32_t number = walk->key.segment;
    bool is_oldest = number == end->firsts.oldest;
    enum status status;

    if (is_oldest && number > 1) {
        if (first > walk->first_position) {
            return missing(walk, number - 1);
        }
        end->next_position = first;
    }
    if (first == 0 || first != end->next_position) {
        return is_oldest ? damaged(walk, number, 0)
                         : damaged(walk, walk->damage_segment, walk->damage_offset);
    }
    status = journal_firsts_grow(&end->firsts);
    if (status == STATUS_OK) {
        journal_firsts_add(&end->firsts, first);
    }
    return status;
}

static enum status
walk_segment(struct walk *walk, struct bytes segment)
{
    uint32_t number = walk->key.segment;
    uint64_t first = 0;
    enum status status;

    if (walk->ended) {
        return journal_format_is_zero(segment)
                   ? STATUS_OK
                   : damaged(walk, walk->damage_segment, walk->damage_offset);
    }
    switch (journal_format_read_header(&walk->key, segment, &first)) {
    case JOURNAL_HEADER_FOREIGN:
        return damaged(walk, number, 0);
    case JOURNAL_HEADER_BAD:
        /* The first segment ever is made with its header in it, and none is removed before the one
         * behind it has an entry. */
        return number == walk->end->firsts.oldest ? damaged(walk, number, 0)
                                                  : end_segment(walk, segment, 0);
    case JOURNAL_HEADER_WHOLE:
        break;
    }
    status = begin_segment(walk, first);
    return status == STATUS_OK ? walk_frames(walk, segment) : status;
}

static enum status
walk_number(struct walk *walk, int folder, uint32_t number)
{
    uint8_t *data = NULL;
    size_t size = 0;
    enum status status = journal_segment_load(folder, number, &data, &size);

    walk->key.segment = number;
    if (status == STATUS_NOT_FOUND) {
        status = missing(walk, number);
    } else if (status == STATUS_CORRUPT) {
        status = damaged(walk, number, 0);
    } else if (status == STATUS_OK) {
        status = walk_segment(walk, bytes_of(data, size));
    }
    free(data);
    return status;
}

/* Older segments may be gone only if we are told that the journal begins later. */
static enum status
check_oldest(const struct walk *walk)
{
    uint32_t oldest = walk->end->firsts.oldest;

    if (walk->first_position <= 1) {
        return oldest > 1 ? missing(walk, oldest - 1) : STATUS_OK;
    }
    return oldest == 0 ? missing(walk, 1) : STATUS_OK;
}

enum status
journal_walk_folder(int folder, const struct journal_options *options, journal_visit *visit,
                    void *state, struct journal_report *ret_report, struct journal_end *ret_end)
{
    uint32_t last = 0;
    struct walk walk = {.visit = visit,
                        .state = state,
                        .report = ret_report,
                        .end = ret_end,
                        .first_position = options->first_position};
    struct journal_firsts *firsts = &ret_end->firsts;
    enum status status;

    *ret_report = (struct journal_report){.entries = 0};
    *ret_end = (struct journal_end){.next_position = 1};
    memcpy(walk.key.id, options->id, JOURNAL_ID_BYTES);
    memcpy(ret_report->id, options->id, JOURNAL_ID_BYTES);
    status = journal_segment_range(folder, false, &firsts->oldest, &last);
    if (status == STATUS_OK) {
        status = check_oldest(&walk);
    }
    for (uint32_t number = firsts->oldest; number > 0 && number <= last && status == STATUS_OK;
         number++) {
        status = walk_number(&walk, folder, number);
    }
    ret_report->first_position = firsts->count > 0 ? firsts->positions[0] : 1;
    ret_report->entries = ret_end->next_position - ret_report->first_position;
    return status;
}

/* No id given: whichever the first segment names. Every checksum must then agree with it. */
static enum status
find_id(int folder, uint8_t id[static JOURNAL_ID_BYTES])
{
    uint8_t *data = NULL;
    size_t size = 0;
    uint32_t first = 0;
    uint32_t last = 0;
    enum status status = STATUS_OK;

    if (journal_format_is_zero(bytes_of(id, JOURNAL_ID_BYTES))) {
        status = journal_segment_range(folder, false, &first, &last);
    }
    if (status == STATUS_OK && first > 0) {
        status = journal_segment_load(folder, first, &data, &size);
    }
    if (status == STATUS_OK && size > 0) {
        (void)journal_format_read_id(bytes_of(data, size), id); /* the walk names what is wrong */
    }
    free(data);
    return status == STATUS_UNAVAILABLE || status == STATUS_INTERNAL ? status : STATUS_OK;
}

enum status
journal_walk(const struct journal_options *options, journal_visit *visit, void *state,
             struct journal_report *ret_report)
{
    struct journal_options known = *options;
    struct journal_end end = {.segment = 0};
    int folder = open(options->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum status status;

    if (folder < 0 && errno == ENOENT) {
        return STATUS_NOT_FOUND;
    }
    if (folder < 0) {
        LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", errno), F("line", __LINE__));
        return STATUS_UNAVAILABLE;
    }
    status = find_id(folder, known.id);
    if (status == STATUS_OK) {
        status = journal_walk_folder(folder, &known, visit, state, ret_report, &end);
    }
    journal_firsts_free(&end.firsts);
    (void)close(folder);
    return status;
}

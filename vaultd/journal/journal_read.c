/* SPDX-License-Identifier: Apache-2.0 */
#include "journal_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "journal_segment.h"
#include "log.h"

enum { WINDOW_BYTES = 64 * 1024 };

void
journal_read_seek(struct journal_cursor *cursor, const struct journal_firsts *firsts, uint64_t from)
{
    uint32_t index = journal_firsts_find(firsts, from);
    uint32_t segment = firsts->oldest + index;

    if (cursor->segment != segment || cursor->position > from) {
        *cursor = (struct journal_cursor){.segment = segment,
                                          .offset = JOURNAL_HEADER_BYTES,
                                          .position = firsts->positions[index]};
    }
    cursor->stop = index + 1 < firsts->count ? firsts->positions[index + 1] : UINT64_MAX;
}

enum status
journal_read_open(int folder, const struct journal_cursor *cursor, int *ret_fd)
{
    char name[JOURNAL_NAME_BYTES];
    int fd;

    journal_segment_name(cursor->segment, name);
    fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return STATUS_NOT_FOUND;
    }
    if (fd < 0) {
        LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", errno), F("line", __LINE__));
        return STATUS_UNAVAILABLE;
    }
    *ret_fd = fd;
    return STATUS_OK;
}

/* Fills the window from the cursor on; less than asked for only at the end of the file. */
static enum status
read_window(int fd, const struct journal_cursor *cursor, uint8_t *window, size_t *ret_size)
{
    size_t done = 0;

    while (done < WINDOW_BYTES) {
        ssize_t got =
            pread(fd, window + done, WINDOW_BYTES - done, (off_t)cursor->offset + (off_t)done);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", errno), F("line", __LINE__));
            return STATUS_UNAVAILABLE;
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    *ret_size = done;
    return STATUS_OK;
}

static bool
is_wanted(const struct journal_cursor *cursor, const struct journal_range *range)
{
    return cursor->position < cursor->stop && range->from <= range->last;
}

/* Visits the whole frames at the start of the window; *ret_frames says how many there were. */
static enum status
visit_window(struct journal_range *range, struct journal_cursor *cursor, struct bytes window,
             journal_visit *visit, void *state, size_t *ret_frames)
{
    struct journal_frame frame;
    enum status status = STATUS_OK;

    range->key.segment = cursor->segment;
    *ret_frames = 0;
    while (status == STATUS_OK && is_wanted(cursor, range) &&
           journal_format_read_frame(&range->key, cursor->offset, window, &frame)) {
        if (frame.kind == JOURNAL_ENTRY && cursor->position++ == range->from) {
            range->from++;
            status = visit(state, cursor->position - 1, frame.entry);
        }
        cursor->offset += (uint32_t)frame.frame_bytes;
        window = bytes_of(window.data + frame.frame_bytes, window.size - frame.frame_bytes);
        ++*ret_frames;
    }
    return status;
}

enum status
journal_read_segment(int fd, struct journal_range *range, struct journal_cursor *cursor,
                     journal_visit *visit, void *state)
{
    enum status status = STATUS_OK;
    uint8_t *window = malloc(WINDOW_BYTES);
    size_t size = 0;
    size_t frames = 0;

    if (window == NULL) {
        return STATUS_INTERNAL;
    }
    while (status == STATUS_OK && is_wanted(cursor, range)) {
        status = read_window(fd, cursor, window, &size);
        if (status == STATUS_OK) {
            status = visit_window(range, cursor, bytes_of(window, size), visit, state, &frames);
        }
        if (status == STATUS_OK && frames == 0) {
            status = STATUS_CORRUPT;
        }
    }
    free(window);
    return status;
}

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
journal_read_seek(struct journal_cursor *cursor, const uint64_t *firsts, uint32_t segments,
                  uint64_t from)
{
    uint32_t low = 1;
    uint32_t high = segments;

    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;

        if (firsts[middle - 1] <= from) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    if (cursor->segment != low || cursor->position > from) {
        *cursor = (struct journal_cursor){
            .segment = low, .offset = JOURNAL_HEADER_BYTES, .position = firsts[low - 1]};
    }
    cursor->stop = low < segments ? firsts[low] : UINT64_MAX;
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

static enum status
read_frames(int fd, struct journal_range *range, struct journal_cursor *cursor,
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

enum status
journal_read_segment(int folder, struct journal_range *range, struct journal_cursor *cursor,
                     journal_visit *visit, void *state)
{
    char name[JOURNAL_NAME_BYTES];
    enum status status;
    int fd;

    journal_segment_name(cursor->segment, name);
    fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", errno), F("line", __LINE__));
        return STATUS_UNAVAILABLE;
    }
    status = read_frames(fd, range, cursor, visit, state);
    (void)close(fd);
    return status;
}

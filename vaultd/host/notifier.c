/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's end: events become lines of JSON in a pipe. */
#include "notifier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bounds.h"
#include "log.h"
#include "notifier_internal.h"

enum { MS_PER_S = 1000, PATIENCE_MS = 10000, TIME_BYTES = 32 };

struct notifier {
    int queue;
    atomic_ulong lost; /* since the last one that went out */
};

/* Each event's name, and what its number is. */
static const struct {
    const char *name;
    const char *number;
} events[NOTICE_EVENT_COUNT] = {
    [NOTICE_CANARY] = {"canary", "canary"},    [NOTICE_SUSPENDED] = {"suspended", "canary"},
    [NOTICE_BUDGET] = {"budget", "percent"},   [NOTICE_LOOKUP_MISSES] = {"lookup_misses", "misses"},
    [NOTICE_REQUEST] = {"request", "request"}, [NOTICE_TEST] = {"test", NULL},
};

static enum status
failed(int error, int line)
{
    LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", error), F("line", line));
    return STATUS_UNAVAILABLE;
}

/* A write of a line finds room for all of it or none, and never waits (pipe(7), PIPE_BUF). */
static bool
open_queue(int ends[static 2])
{
    return pipe2(ends, O_CLOEXEC) == 0 && fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0 &&
           fcntl(ends[1], F_SETPIPE_SZ, NOTIFIER_QUEUE_BYTES) >= 0;
}

enum status
notifier_start(const struct notifier_options *options, struct notifier **ret_notifier)
{
    struct notifier_options settled = *options;
    struct notifier *notifier = calloc(1, sizeof *notifier);
    int ends[2] = {-1, -1};
    pid_t helper = -1;

    settled.patience_ms = options->patience_ms == 0 ? PATIENCE_MS : options->patience_ms;
    if (notifier != NULL && open_queue(ends)) {
        helper = fork();
    }
    if (helper == 0) {
        (void)close(ends[1]);
        notifier_helper(&settled, ends[0]);
    }
    if (helper < 0) {
        enum status status = failed(errno, __LINE__);

        (void)close(ends[0]);
        (void)close(ends[1]);
        free(notifier);
        return status;
    }
    (void)close(ends[0]);
    notifier->queue = ends[1];
    *ret_notifier = notifier;
    return STATUS_OK;
}

void
notifier_stop(struct notifier **notifier)
{
    if (*notifier != NULL) {
        (void)close((*notifier)->queue);
        free(*notifier);
        *notifier = NULL;
    }
}

/* ---- one line ---- */

struct line {
    char text[NOTIFIER_LINE_BYTES];
    size_t size;
};

__attribute__((format(__printf__, 2, 3))) static void
add(struct line *line, const char *format, ...)
{
    const size_t left = sizeof line->text - line->size;
    va_list values;
    int size;

    va_start(values, format);
    size = vsnprintf(line->text + line->size, left, format, values);
    va_end(values);
    line->size += size > 0 && (size_t)size < left ? (size_t)size : 0;
}

/* Names are of [a-z0-9._-]; whatever else came here could not end the string. */
static void
add_name(struct line *line, const char *key, struct bytes name)
{
    char text[NAME_BYTES_MAX + 1];
    size_t size = name.size < NAME_BYTES_MAX ? name.size : NAME_BYTES_MAX;

    if (size == 0) {
        return;
    }
    for (size_t i = 0; i < size; i++) {
        const char letter = (char)name.data[i];
        const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') ||
                           letter == '.' || letter == '_' || letter == '-';

        text[i] = '?';
        if (plain) {
            text[i] = letter;
        }
    }
    text[size] = '\0';
    add(line, ",\"%s\":\"%s\"", key, text);
}

static void
write_line(const struct notice *notice, unsigned long lost, struct line *ret_line)
{
    const time_t seconds = (time_t)(notice->time_ms / MS_PER_S);
    char time[TIME_BYTES] = "";
    struct tm parts = {0};

    (void)strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
    ret_line->size = 0;
    add(ret_line, "{\"event\":\"%s\",\"time\":\"%s\"", events[notice->event].name, time);
    add_name(ret_line, "principal", notice->principal);
    add_name(ret_line, "namespace", notice->namespace_name);
    if (events[notice->event].number != NULL) {
        add(ret_line, ",\"%s\":%llu", events[notice->event].number,
            (unsigned long long)notice->number);
    }
    if (lost > 0) {
        add(ret_line, ",\"lost\":%lu", lost);
    }
    add(ret_line, "}\n");
}

void
notifier_tell(void *state, const struct notice *notice)
{
    struct notifier *notifier = state;
    const unsigned long lost = atomic_exchange(&notifier->lost, 0);
    struct line line;
    ssize_t written;

    write_line(notice, lost, &line);
    written = write(notifier->queue, line.text, line.size);
    if (written != (ssize_t)line.size) {
        const int error = errno;

        /* Once until one goes out again, which says how many were lost before it. */
        if (atomic_fetch_add(&notifier->lost, lost + 1) == 0 && lost == 0) {
            LOG(LOG_LEVEL_ERROR, EVENT_NOTICE_LOST, F("event", (unsigned)notice->event),
                F("errno", error));
        }
    }
}

_Static_assert((int)NOTIFIER_LINE_BYTES <= 4096, "PIPE_BUF: a line is written whole or not at all");
_Static_assert((int)NOTIFIER_LINE_BYTES >= 2 * (int)NAME_BYTES_MAX + 256, "two names and numbers");

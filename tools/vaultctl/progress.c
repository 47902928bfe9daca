/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "terminal.h"

enum {
    FIRST_AFTER_MS = 2000,
    EVERY_MS = 200,
    SECOND_MS = 1000,
    MINUTE_S = 60,
    HOUR_S = 3600,
    PERCENT = 100,
    BAR_COLUMNS_MAX = 30,
    BAR_COLUMNS_MIN = 5,
    TEXT_BYTES = 96,
};

/* The one that is drawn: there is one line to draw on. */
static struct progress *current;

int64_t
progress_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND_MS + now.tv_nsec / (SECOND_MS * SECOND_MS);
}

void
progress_start(struct progress *progress, const char *things, uint64_t total, bool wanted)
{
    *progress = (struct progress){
        .things = things,
        .total = total,
        .started_ms = progress_now_ms(),
        .wanted = wanted && terminal_is(stderr),
    };
}

/* "3:07 left", "1:02:03 left"; empty where it cannot be told. */
static void
print_left(const struct progress *progress, int64_t took_ms, char ret_text[static TEXT_BYTES])
{
    uint64_t done = progress->measured - progress->began_at;

    *ret_text = 0;
    if (done == 0 || progress->total < progress->measured || took_ms <= 0) {
        return;
    }
    double rest = (double)(progress->total - progress->measured) / (double)done;
    uint64_t left_s = (uint64_t)(rest * (double)took_ms / SECOND_MS);
    uint64_t minutes = left_s / MINUTE_S % MINUTE_S, hours = left_s / HOUR_S;
    if (hours > 0) {
        (void)snprintf(ret_text, TEXT_BYTES, "  %" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " left",
                       hours, minutes, left_s % MINUTE_S);
    } else {
        (void)snprintf(ret_text, TEXT_BYTES, "  %" PRIu64 ":%02" PRIu64 " left", minutes,
                       left_s % MINUTE_S);
    }
}

/* "[####....]  45 %  "; as wide as there is room for. */
static void
print_bar(const struct progress *progress, int columns, char ret_text[static TEXT_BYTES])
{
    char bar[BAR_COLUMNS_MAX + 1] = "";
    uint64_t measured = progress->measured < progress->total ? progress->measured : progress->total;
    unsigned percent = (unsigned)((double)measured / (double)progress->total * PERCENT);
    int size = columns < BAR_COLUMNS_MAX ? columns : BAR_COLUMNS_MAX;

    if (size < BAR_COLUMNS_MIN) {
        (void)snprintf(ret_text, TEXT_BYTES, "%3u %%  ", percent);
        return;
    }
    memset(bar, '.', (size_t)size);
    memset(bar, '#', (size_t)size * percent / PERCENT);
    (void)snprintf(ret_text, TEXT_BYTES, "[%s] %3u %%  ", bar, percent);
}

void
progress_print(const struct progress *progress, int64_t now, int columns,
               char ret_line[static PROGRESS_LINE_BYTES])
{
    static const int around = sizeof "[] 100 %  " - 1;
    char counts[TEXT_BYTES], left[TEXT_BYTES] = "", bar[TEXT_BYTES] = "";
    int64_t took_ms = now - progress->started_ms;
    double rate = took_ms > 0
                      ? (double)(progress->count - progress->count_at) * SECOND_MS / (double)took_ms
                      : 0;

    int size = snprintf(counts, sizeof counts, "%" PRIu64 " %s, %.0f a second", progress->count,
                        progress->things, rate);
    if (progress->total > 0) {
        print_left(progress, took_ms, left);
        size += (int)strlen(left);
        print_bar(progress, columns - size - around, bar);
    }
    (void)snprintf(ret_line, PROGRESS_LINE_BYTES, "%s%s%s", bar, counts, left);
    if (columns >= 0 && columns < PROGRESS_LINE_BYTES) {
        ret_line[columns] = 0;
    }
}

static void
draw(struct progress *progress, int64_t now)
{
    char line[PROGRESS_LINE_BYTES];

    /* Not the last column: some terminals go on below once that is written. */
    progress_print(progress, now, (int)terminal_columns(stderr) - 1, line);
    /* Spaces over what a longer line left there. */
    (void)fprintf(stderr, "\r%-*s", progress->columns, line);
    (void)fflush(stderr);
    progress->columns = (int)strlen(line);
    progress->drawn_ms = now;
    progress->drawn = true;
    current = progress;
}

void
progress_show(struct progress *progress, uint64_t measured, uint64_t count)
{
    progress->measured = measured;
    progress->count = count;
    if (!progress->wanted) {
        return;
    }
    int64_t now = progress_now_ms();
    if (now - progress->started_ms >= FIRST_AFTER_MS && now - progress->drawn_ms >= EVERY_MS) {
        draw(progress, now);
    }
}

void
progress_hide(void)
{
    if (current != NULL) {
        (void)fprintf(stderr, "\r%*s\r", current->columns, "");
        current->columns = 0;
        current->drawn_ms = 0;
        current = NULL;
    }
}

void
progress_end(struct progress *progress)
{
    if (progress->drawn) {
        draw(progress, progress_now_ms());
        (void)fputc('\n', stderr);
    }
    if (current == progress) {
        current = NULL;
    }
    progress->wanted = false;
}

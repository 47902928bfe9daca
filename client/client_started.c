/* SPDX-License-Identifier: Apache-2.0 */
#include "client_started.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Of a value that is too long so much is copied that it still is, and no more. */
enum { COPY_BYTES_MAX = VALUE_BYTES_MAX + 4 };

/* As far as a value is copied: an overlong one is cut between two characters. */
static size_t
copied_length(const char *value)
{
    size_t size = strnlen(value, COPY_BYTES_MAX + 1);

    if (size <= COPY_BYTES_MAX) {
        return size;
    }
    size = COPY_BYTES_MAX;
    while (size > VALUE_BYTES_MAX + 1 && ((unsigned char)value[size] & 0xc0) == 0x80) {
        size--;
    }
    return size;
}

static size_t
text_size(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

static const char *
copy_text(char **at, const char *text, size_t size)
{
    char *copy = *at;

    if (text == NULL) {
        return NULL;
    }
    memcpy(copy, text, size);
    copy[size] = 0;
    *at += size + 1;
    return copy;
}

static const char *
copy_whole(char **at, const char *text)
{
    return copy_text(at, text, text != NULL ? strlen(text) : 0);
}

static size_t
copied_size(const struct cv_query *query)
{
    size_t size = query->count * sizeof *query->values + text_size(query->reason) +
                  text_size(query->namespace_name) + text_size(query->purpose) +
                  text_size(query->ticket);

    for (size_t i = 0; i < query->count; i++) {
        size += query->values[i] != NULL ? copied_length(query->values[i]) + 1 : 0;
    }
    return size;
}

struct started *
started_new(const struct cv_query *query)
{
    size_t size = copied_size(query);
    struct started *started = calloc(1, sizeof *started + size);

    if (started == NULL) {
        return NULL;
    }
    char *at = (char *)&started->values[query->count];
    for (size_t i = 0; i < query->count; i++) {
        const char *value = query->values[i];
        started->values[i] = copy_text(&at, value, value != NULL ? copied_length(value) : 0);
    }
    started->copied_bytes = size;
    started->query = *query;
    started->query.values = started->values;
    started->query.reason = copy_whole(&at, query->reason);
    started->query.namespace_name = copy_whole(&at, query->namespace_name);
    started->query.purpose = copy_whole(&at, query->purpose);
    started->query.ticket = copy_whole(&at, query->ticket);
    return started;
}

void
started_free(struct started **started)
{
    cv_reply_free(&(*started)->reply);
    sodium_memzero((*started)->values, (*started)->copied_bytes);
    free(*started);
    *started = NULL;
}

/* ---- the queue ---- */

void
started_queue(struct runners *runners, struct started *started)
{
    TAILQ_INSERT_TAIL(&runners->queue, started, place);
    runners->queued++;
}

void
started_unqueue(struct runners *runners, struct started *started)
{
    TAILQ_REMOVE(&runners->queue, started, place);
    runners->queued--;
}

struct started *
started_earliest(const struct runners *runners)
{
    struct started *started, *earliest = NULL;

    TAILQ_FOREACH(started, &runners->queue, place)
    {
        if (earliest == NULL || started->deadline_ms < earliest->deadline_ms) {
            earliest = started;
        }
    }
    return earliest;
}

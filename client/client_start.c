/* SPDX-License-Identifier: Apache-2.0 */
/* Started calls: each is copied, queued, carried out by a runner, and finished exactly once. */
#include "client_internal.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

_Static_assert((int)CV_TOKENIZE == (int)OP_TOKENIZE && (int)CV_LOOKUP == (int)OP_LOOKUP &&
                   (int)CV_MASK == (int)OP_MASK && (int)CV_DETOKENIZE == (int)OP_DETOKENIZE &&
                   (int)CV_ERASE == (int)OP_ERASE && (int)CV_DESCRIBE == (int)OP_DESCRIBE,
               "enum cv_operation is enum operation");

/* Of a value that is too long so much is copied that it still is, and no more. */
enum { COPY_BYTES_MAX = VALUE_BYTES_MAX + 4 };

/* One allocation with all it copies, so that one wipe reaches all of it. */
struct started {
    TAILQ_ENTRY(started) place;
    enum operation operation;
    cv_callback *done; /* NULL: it is taken by cv_finished */
    void *user_data;
    struct cv_reply *reply;
    uint64_t deadline_ms;
    struct cv_query query; /* points into what follows */
    size_t copied_bytes;
    const char *values[];
};

/* ---- the copy of a query ---- */

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

static size_t
copied_size(const struct cv_query *query)
{
    size_t size = query->count * sizeof *query->values + text_size(query->reason) +
                  text_size(query->namespace_name);

    for (size_t i = 0; i < query->count; i++) {
        size += query->values[i] != NULL ? copied_length(query->values[i]) + 1 : 0;
    }
    return size;
}

static struct started *
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
    started->query.reason =
        copy_text(&at, query->reason, query->reason != NULL ? strlen(query->reason) : 0);
    started->query.namespace_name =
        copy_text(&at, query->namespace_name,
                  query->namespace_name != NULL ? strlen(query->namespace_name) : 0);
    return started;
}

static void
started_free(struct started **started)
{
    cv_reply_free(&(*started)->reply);
    sodium_memzero((*started)->values, (*started)->copied_bytes);
    free(*started);
    *started = NULL;
}

/* ---- the queue ---- */

uint64_t
started_deadline(const struct started *started)
{
    return started->deadline_ms;
}

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

/* ---- its end ---- */

/* With the lock held. An eventfd of this use is never full and, when it is read, never empty. */
static void
show_finished(struct runners *runners, bool any)
{
    uint64_t count = 1;

    if (runners->finished_fd < 0) {
        return;
    }
    if (any) {
        (void)!write(runners->finished_fd, &count, sizeof count);
    } else {
        (void)!read(runners->finished_fd, &count, sizeof count);
    }
}

/* With the lock held: nothing more of this call will be done by a thread of ours. */
static void
note_finished(struct cv_client *client)
{
    client->runners.unfinished--;
    if (client->runners.unfinished == 0) {
        pthread_cond_broadcast(&client->changed);
    }
}

static void
hand_over(struct cv_client *client, struct started *started)
{
    struct runners *runners = &client->runners;

    pthread_mutex_lock(&client->lock);
    if (TAILQ_EMPTY(&runners->finished)) {
        show_finished(runners, true);
    }
    TAILQ_INSERT_TAIL(&runners->finished, started, place);
    note_finished(client);
    pthread_mutex_unlock(&client->lock);
}

static void
call_back(struct cv_client *client, struct started *started)
{
    cv_callback *done = started->done;
    void *user_data = started->user_data;
    struct cv_reply *reply = started->reply;

    started->reply = NULL; /* the callback's */
    started_free(&started);
    pthread_mutex_lock(&client->lock);
    client->runners.held--; /* before, so that the callback can start the next one */
    pthread_mutex_unlock(&client->lock);
    done(user_data, reply);
    pthread_mutex_lock(&client->lock);
    note_finished(client);
    pthread_mutex_unlock(&client->lock);
}

void
started_run(struct cv_client *client, struct started *started)
{
    struct request request;

    request_of_query(started->operation, &started->query, started->deadline_ms, &request);
    (void)client_call(client, &request, &started->reply);
    sodium_memzero(started->values, started->copied_bytes);
    if (started->done != NULL) {
        call_back(client, started);
    } else {
        hand_over(client, started);
    }
}

void
started_free_finished(struct cv_client *client)
{
    struct started *started;

    while ((started = TAILQ_FIRST(&client->runners.finished)) != NULL) {
        TAILQ_REMOVE(&client->runners.finished, started, place);
        started_free(&started);
    }
}

/* ---- the public calls ---- */

static enum cv_status
check_query(enum cv_operation operation, const struct cv_query *query)
{
    if (operation < CV_TOKENIZE || operation > CV_DESCRIBE || query->values == NULL ||
        query->count == 0) {
        return CV_INVALID;
    }
    return query->count > CV_BATCH_MAX ? CV_TOO_LARGE : CV_OK;
}

/* Takes *started when it is CV_OK. */
static enum cv_status
give(struct cv_client *client, struct started **started)
{
    struct runners *runners = &client->runners;
    enum cv_status status = CV_OK;

    pthread_mutex_lock(&client->lock);
    if (client->cancelled) {
        status = CV_UNAVAILABLE;
    } else if (runners->held == CV_CALLS_MAX) {
        status = CV_BUSY;
    } else {
        started_queue(runners, *started);
        if (!runners_wake(client)) {
            started_unqueue(runners, *started);
            status = CV_INTERNAL;
        }
    }
    if (status == CV_OK) {
        runners->held++;
        runners->unfinished++;
        *started = NULL;
    }
    pthread_mutex_unlock(&client->lock);
    return status;
}

enum cv_status
cv_start(struct cv_client *client, enum cv_operation operation, const struct cv_query *query,
         cv_callback *done, void *user_data)
{
    struct failure failure;
    enum cv_status status = check_query(operation, query);

    if (status != CV_OK) {
        return status;
    }
    if (client_is_foreign(client, &failure)) {
        return CV_INVALID;
    }
    struct started *started = started_new(query);
    if (started == NULL) {
        return CV_INTERNAL;
    }
    started->operation = (enum operation)operation;
    started->done = done;
    started->user_data = user_data;
    started->deadline_ms = client_deadline(client, query->timeout_ms);
    status = give(client, &started);
    if (started != NULL) {
        started_free(&started);
    }
    return status;
}

struct cv_reply *
cv_finished(struct cv_client *client, void **ret_user_data)
{
    struct runners *runners = &client->runners;
    struct failure failure;

    if (client_is_foreign(client, &failure)) {
        return NULL;
    }
    pthread_mutex_lock(&client->lock);
    struct started *started = TAILQ_FIRST(&runners->finished);
    if (started != NULL) {
        TAILQ_REMOVE(&runners->finished, started, place);
        runners->held--;
        if (TAILQ_EMPTY(&runners->finished)) {
            show_finished(runners, false);
        }
    }
    pthread_mutex_unlock(&client->lock);
    if (started == NULL) {
        return NULL;
    }
    struct cv_reply *reply = started->reply;
    *ret_user_data = started->user_data;
    started->reply = NULL;
    started_free(&started);
    return reply;
}

int
cv_finished_fd(struct cv_client *client)
{
    struct runners *runners = &client->runners;
    struct failure failure;

    if (client_is_foreign(client, &failure)) {
        errno = ECHILD;
        return -1;
    }
    pthread_mutex_lock(&client->lock);
    if (runners->finished_fd < 0) {
        runners->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (!TAILQ_EMPTY(&runners->finished)) {
            show_finished(runners, true);
        }
    }
    int finished_fd = runners->finished_fd;
    pthread_mutex_unlock(&client->lock);
    return finished_fd;
}

void
cv_cancel(struct cv_client *client)
{
    struct failure failure;

    if (client_is_foreign(client, &failure)) {
        return;
    }
    pthread_mutex_lock(&client->lock);
    client->cancelled = true;
    pthread_cond_broadcast(&client->changed);
    pthread_cond_broadcast(&client->runners.work);
    pthread_cond_broadcast(&client->runners.late);
    pthread_mutex_unlock(&client->lock);
    slots_stop(client);
    pthread_mutex_lock(&client->lock);
    while (client->runners.unfinished > 0) {
        pthread_cond_wait(&client->changed, &client->lock);
    }
    pthread_mutex_unlock(&client->lock);
}

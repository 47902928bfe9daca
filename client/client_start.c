/* SPDX-License-Identifier: Apache-2.0 */
/* The public calls about started calls, and how one is finished: exactly once. */
#include "client_internal.h"

#include <errno.h>
#include <sodium.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client_started.h"

_Static_assert((int)CV_TOKENIZE == (int)OP_TOKENIZE && (int)CV_LOOKUP == (int)OP_LOOKUP &&
                   (int)CV_MASK == (int)OP_MASK && (int)CV_DETOKENIZE == (int)OP_DETOKENIZE &&
                   (int)CV_ERASE == (int)OP_ERASE && (int)CV_DESCRIBE == (int)OP_DESCRIBE,
               "enum cv_operation is enum operation");

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

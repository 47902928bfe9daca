/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads behind cv_start. A runner carries out one started call after another by the same
 * straight code as a blocking call. The timekeeper ends those whose time is up while all runners
 * are busy: for it they are calls without a moment left.
 */
#include "client_internal.h"

#include <signal.h>

#include "client_started.h"

/* With the lock held; NULL: the client was cancelled and the queue is empty. */
static struct started *
wait_for_work(struct cv_client *client)
{
    struct runners *runners = &client->runners;

    runners->idle++;
    while (TAILQ_EMPTY(&runners->queue) && !client->cancelled) {
        pthread_cond_wait(&runners->work, &client->lock);
    }
    runners->idle--;
    struct started *started = TAILQ_FIRST(&runners->queue);
    if (started != NULL) {
        started_unqueue(runners, started);
    }
    return started;
}

/* With the lock held; NULL: the client was cancelled. */
static struct started *
wait_for_late(struct cv_client *client)
{
    struct runners *runners = &client->runners;

    while (!client->cancelled) {
        struct started *earliest = started_earliest(runners);
        if (earliest == NULL) {
            pthread_cond_wait(&runners->late, &client->lock);
            continue;
        }
        uint64_t deadline_ms = earliest->deadline_ms;
        if (client_now_ms() >= deadline_ms) {
            started_unqueue(runners, earliest);
            return earliest;
        }
        (void)client_wait(client, &runners->late, deadline_ms);
    }
    return NULL;
}

/* What `wait` gives, called with the lock held, until it gives nothing. */
static void
carry_out(struct cv_client *client, struct started *(*wait)(struct cv_client *client))
{
    struct started *started;

    do {
        pthread_mutex_lock(&client->lock);
        started = wait(client);
        pthread_mutex_unlock(&client->lock);
        if (started != NULL) {
            started_run(client, started);
        }
    } while (started != NULL);
}

static void *
run(void *client)
{
    carry_out(client, wait_for_work);
    return NULL;
}

static void *
keep_time(void *client)
{
    carry_out(client, wait_for_late);
    return NULL;
}

/* With the lock held. It gets none of the process's signals. */
static bool
add_thread(struct cv_client *client, void *(*body)(void *))
{
    struct runners *runners = &client->runners;
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&runners->threads[runners->thread_count], NULL, body, client);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0) {
        runners->thread_count++;
    }
    return error == 0;
}

bool
runners_wake(struct cv_client *client)
{
    struct runners *runners = &client->runners;

    if (runners->thread_count == 0 && !add_thread(client, keep_time)) {
        return false;
    }
    if (runners->queued <= runners->idle) {
        pthread_cond_signal(&runners->work);
        return true;
    }
    /* One more, if there may be one; else it waits for the first that is free. */
    if (runners->thread_count <= RUNNERS_MAX && add_thread(client, run)) {
        return true;
    }
    pthread_cond_signal(&runners->late);
    return runners->thread_count > 1;
}

void
runners_join(struct cv_client *client)
{
    for (unsigned i = 0; i < client->runners.thread_count; i++) {
        pthread_join(client->runners.threads[i], NULL);
    }
    client->runners.thread_count = 0;
}

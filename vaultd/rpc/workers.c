/* SPDX-License-Identifier: Apache-2.0 */
#include "workers.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "dispatch.h"
#include "jobs.h"
#include "log.h"

/*
 * A wake-up costs more than most jobs. No more than these are under way at once; a worker that
 * arrives and leaves more jobs behind wakes the next. So short jobs are done by a few workers that
 * stay awake, and jobs that block soon have all of them.
 */
enum { WAKING_MAX = 2 };

struct worker {
    struct workers *workers;
    struct workspace *workspace;
    pthread_t thread;
    bool started;
};

/*
 * Invariants (`lock` guards everything but options and worker[], which do not change while threads
 * run):
 * 1. `waiting` jobs hang from `first` to `last`, oldest first; never more than options.queue_max.
 * 2. `idle` workers wait on `wake`, of which about `waking` were signalled and have not arrived.
 * 3. While jobs wait and workers are idle, `waking` is not 0.
 * 4. Once `stopping`, nothing is added.
 */
struct workers {
    struct workers_options options;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *first, *last;
    uint32_t waiting;
    uint32_t idle;
    uint32_t waking;
    bool stopping;
    struct worker worker[];
};

/* Under the lock. */
static struct job *
pop(struct workers *workers)
{
    struct job *job = workers->first;

    if (job != NULL) {
        workers->first = job->next;
        workers->waiting--;
        job->next = NULL;
        if (workers->first == NULL) {
            workers->last = NULL;
        }
    }
    return job;
}

/* True: the caller must signal `wake`, once it has unlocked. */
static bool
take_wake_locked(struct workers *workers)
{
    if (workers->first == NULL || workers->waking >= WAKING_MAX ||
        workers->waking >= workers->idle) {
        return false;
    }
    workers->waking++;
    return true;
}

/* NULL: time to end. */
static struct job *
next_job(struct workers *workers)
{
    struct job *job;
    bool wake;

    (void)pthread_mutex_lock(&workers->lock);
    while (!workers->stopping && workers->first == NULL) {
        workers->idle++;
        (void)pthread_cond_wait(&workers->wake, &workers->lock);
        workers->idle--;
        /* A spurious return counts as an arrival: at worst one is woken too many. */
        workers->waking -= workers->waking > 0;
    }
    job = workers->stopping ? NULL : pop(workers);
    wake = take_wake_locked(workers);
    (void)pthread_mutex_unlock(&workers->lock);
    if (wake) {
        (void)pthread_cond_signal(&workers->wake);
    }
    return job;
}

static void *
work(void *argument)
{
    struct worker *worker = argument;
    struct job *job;

    while ((job = next_job(worker->workers)) != NULL) {
        worker->workers->options.run(job, worker->workspace);
    }
    return NULL;
}

static enum status
start_worker(struct workers *workers, struct worker *worker)
{
    enum status status = workspace_new(&worker->workspace);
    int error;

    if (status != STATUS_OK) {
        LOG(LOG_LEVEL_ERROR, EVENT_MEMORY_SHORT, F_STATUS("status", status), F("line", __LINE__));
        return STATUS_UNAVAILABLE;
    }
    worker->workers = workers;
    error = pthread_create(&worker->thread, NULL, work, worker);
    if (error != 0) {
        LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", error), F("line", __LINE__));
        return STATUS_UNAVAILABLE;
    }
    worker->started = true;
    (void)pthread_setname_np(worker->thread, "vaultd:worker");
    return STATUS_OK;
}

enum status
workers_start(const struct workers_options *options, struct workers **ret_workers)
{
    size_t size = sizeof(struct workers) + options->threads * sizeof(struct worker);
    struct workers *workers = calloc(1, size);
    enum status status = STATUS_OK;

    if (workers == NULL) {
        return STATUS_INTERNAL;
    }
    workers->options = *options;
    (void)pthread_mutex_init(&workers->lock, NULL);
    (void)pthread_cond_init(&workers->wake, NULL);
    for (uint32_t i = 0; i < options->threads && status == STATUS_OK; i++) {
        status = start_worker(workers, &workers->worker[i]);
    }
    if (status != STATUS_OK) {
        workers_free(&workers);
        return status;
    }
    *ret_workers = workers;
    return STATUS_OK;
}

enum status
workers_submit(struct workers *workers, struct job *job)
{
    bool wake;

    (void)pthread_mutex_lock(&workers->lock);
    if (workers->stopping || workers->waiting >= workers->options.queue_max) {
        (void)pthread_mutex_unlock(&workers->lock);
        return STATUS_BUSY;
    }
    job->next = NULL;
    if (workers->last == NULL) {
        workers->first = job;
    } else {
        workers->last->next = job;
    }
    workers->last = job;
    workers->waiting++;
    wake = take_wake_locked(workers);
    (void)pthread_mutex_unlock(&workers->lock);
    if (wake) {
        (void)pthread_cond_signal(&workers->wake);
    }
    return STATUS_OK;
}

static void
drop_waiting(struct workers *workers)
{
    struct job *job;

    do {
        (void)pthread_mutex_lock(&workers->lock);
        job = pop(workers);
        (void)pthread_mutex_unlock(&workers->lock);
        if (job != NULL) {
            workers->options.drop(job);
        }
    } while (job != NULL);
}

void
workers_stop(struct workers *workers)
{
    (void)pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    (void)pthread_cond_broadcast(&workers->wake);
    (void)pthread_mutex_unlock(&workers->lock);
    drop_waiting(workers);
    for (uint32_t i = 0; i < workers->options.threads; i++) {
        if (workers->worker[i].started) {
            (void)pthread_join(workers->worker[i].thread, NULL);
            workers->worker[i].started = false;
        }
    }
}

void
workers_free(struct workers **workers)
{
    if (*workers == NULL) {
        return;
    }
    workers_stop(*workers);
    for (uint32_t i = 0; i < (*workers)->options.threads; i++) {
        workspace_free(&(*workers)->worker[i].workspace);
    }
    (void)pthread_cond_destroy(&(*workers)->wake);
    (void)pthread_mutex_destroy(&(*workers)->lock);
    free(*workers);
    *workers = NULL;
}

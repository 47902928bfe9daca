/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "retry.h"

enum { BUSY_TRIES_MAX = 10, BUSY_WAIT_S_MAX = 5 };

/*
 * Batches are numbered as they are given; number n lies at n % POOL_BATCHES.
 * 1. released <= begun <= given, and given - released <= POOL_BATCHES.
 * 2. A thread works on [released, given) only, each number once: `begun` goes up by one.
 * 3. done[i] is set by who worked on it, and cleared by pool_release.
 */
struct pool {
    struct cv_client *client;
    const char *namespace_name;
    enum cv_form form;
    pthread_t threads[POOL_THREADS];
    size_t thread_count;
    pthread_mutex_t lock;
    pthread_cond_t is_given, is_done;
    uint64_t given, begun, released; /* under lock, like done and stopping */
    bool done[POOL_BATCHES];
    bool stopping;
    struct rows *batches[POOL_BATCHES];
};

/* ---- a batch ---- */

/* Where each contact stood, its token stands now, or what is wrong with it. */
static void
take_answers(struct rows *rows, size_t from, const struct cv_reply *reply)
{
    for (size_t i = 0; i < reply->count; i++) {
        const struct cv_item *item = &reply->items[i];
        char *line = rows->values.lines[from + i];
        const char *fault = rows->values.faults[from + i];
        bool good = fault == NULL && item->status == CV_OK && item->token != NULL;
        const char *text = item->token;

        rows->statuses[from + i] = item->status;
        if (!good) {
            text = fault != NULL ? fault : item->message;
            rows->statuses[from + i] = item->status == CV_OK ? CV_INVALID : item->status;
        }
        explicit_bzero(line, VALUE_LINE_BYTES);
        (void)snprintf(line, VALUE_LINE_BYTES, "%s", text != NULL ? text : "");
    }
}

/* So many of them at once; again while the vault is only busy. */
static void
ask(const struct pool *pool, const struct rows *rows, size_t from, size_t count,
    struct cv_reply **ret_reply)
{
    const struct cv_query query = {
        .values = rows->values.values + from,
        .count = count,
        .namespace_name = pool->namespace_name,
        .form = pool->form,
    };

    for (int tries = 1;; tries++) {
        (void)cv_tokenize(pool->client, &query, ret_reply);
        if ((*ret_reply)->status != CV_BUSY || tries == BUSY_TRIES_MAX) {
            return;
        }
        uint32_t wait_s = (*ret_reply)->retry_after_s;
        cv_reply_free(ret_reply);
        (void)sleep(wait_s < BUSY_WAIT_S_MAX ? wait_s + 1 : BUSY_WAIT_S_MAX);
    }
}

static void
work_on(const struct pool *pool, struct rows *rows)
{
    size_t part_max = rows->values.count;

    for (size_t from = 0; from < rows->values.count;) {
        struct cv_reply *reply = NULL;
        size_t left = rows->values.count - from;
        size_t count = left < part_max ? left : part_max;

        ask(pool, rows, from, count, &reply);
        if (count > 1 && retry_with_fewer(reply)) {
            part_max = count / 2;
            cv_reply_free(&reply);
            continue;
        }
        if (reply->status != CV_OK || reply->count != count) {
            rows->reply = reply;
            return;
        }
        take_answers(rows, from, reply);
        cv_reply_free(&reply);
        from += count;
    }
}

/* ---- threads ---- */

static void *
work(void *argument)
{
    struct pool *pool = argument;

    (void)pthread_mutex_lock(&pool->lock);
    while (!pool->stopping) {
        if (pool->begun == pool->given) {
            (void)pthread_cond_wait(&pool->is_given, &pool->lock);
            continue;
        }
        size_t at = pool->begun++ % POOL_BATCHES;
        (void)pthread_mutex_unlock(&pool->lock);
        work_on(pool, pool->batches[at]);
        (void)pthread_mutex_lock(&pool->lock);
        pool->done[at] = true;
        (void)pthread_cond_signal(&pool->is_done);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static bool
start_threads(struct pool *pool)
{
    while (pool->thread_count < POOL_THREADS) {
        if (pthread_create(&pool->threads[pool->thread_count], NULL, work, pool) != 0) {
            return false;
        }
        pool->thread_count++;
    }
    return true;
}

static bool
make_batches(struct pool *pool)
{
    for (size_t i = 0; i < POOL_BATCHES; i++) {
        pool->batches[i] = malloc(sizeof *pool->batches[i]);
        if (pool->batches[i] == NULL) {
            return false;
        }
        pool->batches[i]->reply = NULL;
        rows_clear(pool->batches[i]);
    }
    return true;
}

struct pool *
pool_start(struct cv_client *client, const char *namespace_name, enum cv_form form)
{
    struct pool *pool = calloc(1, sizeof *pool);

    if (pool == NULL) {
        return NULL;
    }
    pool->client = client;
    pool->namespace_name = namespace_name;
    pool->form = form;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->is_given, NULL);
    (void)pthread_cond_init(&pool->is_done, NULL);
    if (!make_batches(pool) || !start_threads(pool)) {
        pool_stop(&pool);
    }
    return pool;
}

struct rows *
pool_next(struct pool *pool)
{
    struct rows *rows = pool->batches[pool->given % POOL_BATCHES];

    if (pool->given - pool->released == POOL_BATCHES) {
        return NULL;
    }
    rows_clear(rows);
    return rows;
}

void
pool_give(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->given++;
    (void)pthread_cond_signal(&pool->is_given);
    (void)pthread_mutex_unlock(&pool->lock);
}

const struct rows *
pool_take(struct pool *pool)
{
    size_t at = pool->released % POOL_BATCHES;

    if (pool->given == pool->released) {
        return NULL;
    }
    (void)pthread_mutex_lock(&pool->lock);
    while (!pool->done[at]) {
        (void)pthread_cond_wait(&pool->is_done, &pool->lock);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return pool->batches[at];
}

void
pool_release(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->done[pool->released % POOL_BATCHES] = false;
    pool->released++;
    (void)pthread_mutex_unlock(&pool->lock);
}

void
pool_stop(struct pool **pool)
{
    struct pool *stopping = *pool;

    if (stopping == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&stopping->lock);
    stopping->stopping = true;
    (void)pthread_cond_broadcast(&stopping->is_given);
    (void)pthread_mutex_unlock(&stopping->lock);
    for (size_t i = 0; i < stopping->thread_count; i++) {
        (void)pthread_join(stopping->threads[i], NULL);
    }
    for (size_t i = 0; i < POOL_BATCHES; i++) {
        if (stopping->batches[i] != NULL) {
            cv_reply_free(&stopping->batches[i]->reply);
            explicit_bzero(stopping->batches[i], sizeof *stopping->batches[i]);
            free(stopping->batches[i]);
        }
    }
    (void)pthread_cond_destroy(&stopping->is_done);
    (void)pthread_cond_destroy(&stopping->is_given);
    (void)pthread_mutex_destroy(&stopping->lock);
    free(stopping);
    *pool = NULL;
}

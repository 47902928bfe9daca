/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spender: many threads spend a budget as fast as they can, through the client library, and count
 * what they were answered.
 *
 * spender tokenize|reveal SOCKET IDENTITY THREADS BATCH VALUE...: every call is for BATCH values
 * out of those given, in turn; a thread ends when it is told QUOTA, or that it may not. While the
 * vault is away it waits and goes on. SIGTERM ends all.
 *
 * Prints one line of JSON: `answered` values that were answered OK, `unknown` values of calls whose
 * answer was lost, how many threads ended by `quota` and by `refused`, and the longest
 * `retry_after_s`. Exit 1: something else went wrong.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "contactvault.h"
#include "patient_open.h"

enum {
    THREADS_PER_CLIENT = 64, /* more than these wait in line on one connection */
    THREADS_MAX = 2048,
    CLIENTS_MAX = THREADS_MAX / THREADS_PER_CLIENT,
    STACK_BYTES = 256 * 1024,
    RETRY_NS = 5 * 1000 * 1000,
};

static struct {
    bool reveal;
    struct cv_client *clients[CLIENTS_MAX];
    const char *const *values;
    size_t value_count, batch;
    atomic_bool stop;
    atomic_ulong answered, unknown, quota, refused, unexpected, retry_after_s;
} spender;

static void
end_all(int number)
{
    (void)number;
    atomic_store(&spender.stop, true);
}

static void
note_retry(uint32_t retry_after_s)
{
    unsigned long longest = atomic_load(&spender.retry_after_s);

    while (retry_after_s > longest &&
           !atomic_compare_exchange_weak(&spender.retry_after_s, &longest, retry_after_s)) {
    }
}

/* False: an item was over the budget, as a person is told. */
static bool
count_answer(const struct cv_reply *reply)
{
    bool fits = true;

    for (size_t i = 0; i < reply->count; i++) {
        if (reply->items[i].status == CV_OK) {
            (void)atomic_fetch_add(&spender.answered, 1);
        } else if (reply->items[i].status == CV_QUOTA) {
            note_retry(reply->items[i].retry_after_s);
            fits = false;
        }
    }
    return fits;
}

static enum cv_status
call(struct cv_client *client, const char *const *values, struct cv_reply **ret_reply)
{
    const struct cv_query query = {.values = values, .count = spender.batch, .reason = "spending"};

    return spender.reveal ? cv_detokenize(client, &query, ret_reply)
                          : cv_tokenize(client, &query, ret_reply);
}

/* False: this thread is at its end. */
static bool
spend(struct cv_client *client, const char *const *values)
{
    struct cv_reply *reply = NULL;
    enum cv_status status = call(client, values, &reply);
    const struct timespec pause = {.tv_nsec = RETRY_NS};
    bool go_on = true;

    switch (status) {
    case CV_OK:
        go_on = count_answer(reply);
        (void)atomic_fetch_add(&spender.quota, go_on ? 0 : 1);
        break;
    case CV_QUOTA:
        note_retry(reply->retry_after_s);
        (void)atomic_fetch_add(&spender.quota, 1);
        go_on = false;
        break;
    case CV_DENIED:
    case CV_EXPIRED:
    case CV_FROZEN:
    case CV_UNAUTHENTICATED:
    case CV_NO_SESSION:
        (void)atomic_fetch_add(&spender.refused, 1);
        go_on = false;
        break;
    case CV_BUSY:
    case CV_SEALED:
    case CV_UNAVAILABLE:
    case CV_INTERNAL:
        (void)atomic_fetch_add(&spender.unknown, spender.batch);
        (void)nanosleep(&pause, NULL);
        break;
    default:
        (void)fprintf(stderr, "spender: %s\n", cv_status_name(status));
        (void)atomic_fetch_add(&spender.unexpected, 1);
        go_on = false;
        break;
    }
    cv_reply_free(&reply);
    return go_on;
}

static void *
run(void *argument)
{
    size_t number = (size_t)(uintptr_t)argument;
    size_t next = number * spender.batch;
    const char **values = calloc(spender.batch, sizeof *values);

    while (values != NULL && !atomic_load(&spender.stop)) {
        for (size_t i = 0; i < spender.batch; i++) {
            values[i] = spender.values[next++ % spender.value_count];
        }
        if (!spend(spender.clients[number / THREADS_PER_CLIENT], values)) {
            break;
        }
    }
    free(values);
    return NULL;
}

static bool
open_clients(const char *socket, const char *identity, size_t count)
{
    const struct cv_options options = {.socket = socket, .identity_file = identity};
    char message[CV_MESSAGE_BYTES];

    for (size_t i = 0; i < count; i++) {
        if (patient_open(&options, &spender.clients[i], message) != CV_OK) {
            (void)fprintf(stderr, "spender: %s\n", message);
            return false;
        }
    }
    return true;
}

static void
run_all(size_t count)
{
    static pthread_t threads[THREADS_MAX];
    pthread_attr_t attributes;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (size_t i = 0; i < count; i++) {
        if (pthread_create(&threads[i], &attributes, run, (void *)(uintptr_t)i) != 0) {
            abort();
        }
    }
    for (size_t i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    (void)pthread_attr_destroy(&attributes);
}

int
main(int count, char **arguments)
{
    struct sigaction action = {.sa_handler = end_all};
    size_t threads, clients;

    if (count < 7) {
        (void)fputs("usage: spender tokenize|reveal SOCKET IDENTITY THREADS BATCH VALUE...\n",
                    stderr);
        return 2;
    }
    spender.reveal = strcmp(arguments[1], "reveal") == 0;
    threads = strtoul(arguments[4], NULL, 10);
    spender.batch = strtoul(arguments[5], NULL, 10);
    spender.values = (const char *const *)(arguments + 6);
    spender.value_count = (size_t)count - 6;
    if (threads == 0 || threads > THREADS_MAX || spender.batch == 0 ||
        spender.batch > CV_BATCH_MAX) {
        return 2;
    }
    (void)sigaction(SIGTERM, &action, NULL);
    clients = (threads + THREADS_PER_CLIENT - 1) / THREADS_PER_CLIENT;
    if (!open_clients(arguments[2], arguments[3], clients)) {
        return 1;
    }
    run_all(threads);
    for (size_t i = 0; i < clients; i++) {
        cv_close(&spender.clients[i]);
    }
    (void)printf("{\"answered\":%lu,\"unknown\":%lu,\"quota\":%lu,\"refused\":%lu,"
                 "\"retry_after_s\":%lu}\n",
                 atomic_load(&spender.answered), atomic_load(&spender.unknown),
                 atomic_load(&spender.quota), atomic_load(&spender.refused),
                 atomic_load(&spender.retry_after_s));
    return atomic_load(&spender.unexpected) == 0 ? 0 : 1;
}

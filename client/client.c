/* SPDX-License-Identifier: Apache-2.0 */
#include "client_internal.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char IPC_SCHEME[] = "ipc://";

static enum cv_status
take_path(struct cv_client *client, const char *socket, struct failure *failure)
{
    const char *path = socket;

    if (path == NULL || *path == 0) {
        return failure_set(failure, CV_INVALID, "no socket was named");
    }
    if (strncmp(path, IPC_SCHEME, sizeof IPC_SCHEME - 1) == 0) {
        path += sizeof IPC_SCHEME - 1;
    } else if (strstr(path, "://") != NULL) {
        return failure_set(
            failure, CV_INVALID,
            "only a Unix socket says whose server it is: give a path, or ipc://PATH");
    }
    size_t size = strlen(path);
    if (size >= sizeof client->path) {
        return failure_set(failure, CV_INVALID,
                           "the socket's path is %zu bytes long and may be %zu; use a shorter one",
                           size, sizeof client->path - 1);
    }
    memcpy(client->path, path, size);
    return CV_OK;
}

static enum cv_status
take_options(struct cv_client *client, const struct cv_options *options, struct failure *failure)
{
    client->own_uid = (uint32_t)geteuid();
    client->has_server_uid = options->has_server_uid;
    client->server_uid = options->server_uid;
    client->timeout_ms = options->timeout_ms != 0 ? options->timeout_ms : CV_TIMEOUT_DEFAULT_MS;
    enum cv_status status = take_path(client, options->socket, failure);
    if (status == CV_OK && options->identity != NULL) {
        client->identity = identity_copy(options->identity);
        return client->identity != NULL ? CV_OK
                                        : failure_set(failure, CV_INTERNAL, "out of memory");
    }
    if (status != CV_OK || options->identity_file == NULL) {
        return status;
    }
    return cv_identity_open(options->identity_file, NULL, 0, &client->identity, failure->message);
}

static struct cv_client *
client_new(void)
{
    struct cv_client *client = calloc(1, sizeof *client);
    pthread_condattr_t attributes;

    if (client == NULL) {
        return NULL;
    }
    pthread_mutex_init(&client->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&client->changed, &attributes);
    pthread_cond_init(&client->runners.late, &attributes);
    pthread_cond_init(&client->runners.work, NULL);
    TAILQ_INIT(&client->runners.queue);
    TAILQ_INIT(&client->runners.finished);
    client->runners.finished_fd = -1;
    client->pid = getpid();
    pthread_condattr_destroy(&attributes);
    return client;
}

/* nng does not outlive fork, and aborts whoever tries. So: is there an nng of our parent's? */
static bool
is_child_of_user(void)
{
    static _Atomic pid_t user;
    pid_t nobody = 0;

    return !atomic_compare_exchange_strong(&user, &nobody, getpid()) && nobody != getpid();
}

enum cv_status
cv_open(const struct cv_options *options, struct cv_client **ret_client,
        char ret_message[CV_MESSAGE_BYTES])
{
    struct failure failure = {.status = CV_INTERNAL, .message = "out of memory"};
    enum cv_status status = CV_INTERNAL;
    struct cv_client *client = NULL;

    if (is_child_of_user()) {
        status = failure_set(&failure, CV_INVALID,
                             "this process was forked from one that uses the library, whose "
                             "threads are not here: exec, or fork before the first cv_open");
        goto out;
    }
    if (sodium_init() < 0) {
        goto out;
    }
    client = client_new();
    if (client == NULL) {
        goto out;
    }
    status = take_options(client, options, &failure);
    if (status == CV_OK) {
        status = link_open(client, &failure);
    }
    if (status == CV_OK) {
        status = link_wait(client, client_now_ms() + client->timeout_ms, true, &failure);
    }
    if (status != CV_OK) {
        goto out;
    }
    *ret_client = client;
    client = NULL;
out:
    if (status != CV_OK && ret_message != NULL) {
        memcpy(ret_message, failure.message, CV_MESSAGE_BYTES);
    }
    cv_close(&client);
    return status;
}

/* Kept in sight, so that a leak checker does not take for forgotten what nng still holds. */
static void
abandon(struct cv_client *client)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct cv_client *abandoned;

    pthread_mutex_lock(&lock);
    client->abandoned_before = abandoned;
    abandoned = client;
    pthread_mutex_unlock(&lock);
}

static void
free_slots(struct cv_client *client)
{
    while (client->newest_slot != NULL) {
        struct slot *slot = client->newest_slot;
        client->newest_slot = slot->made_before;
        slot_free(&slot);
    }
}

static void
free_runners(struct cv_client *client)
{
    runners_join(client);
    started_free_finished(client);
    if (client->runners.finished_fd >= 0) {
        close(client->runners.finished_fd);
    }
    pthread_cond_destroy(&client->runners.work);
    pthread_cond_destroy(&client->runners.late);
}

void
cv_close(struct cv_client **client)
{
    struct cv_client *closing = *client;
    struct failure failure;

    if (closing == NULL) {
        return;
    }
    *client = NULL;
    if (client_is_foreign(closing, &failure)) {
        /* The locks may be held by threads that are not here. */
        cv_identity_free(&closing->identity);
        return;
    }
    cv_cancel(closing);
    free_runners(closing);
    free_slots(closing);
    cv_identity_free(&closing->identity);
    /* Where nng is stuck it may still call back: a few hundred bytes without a secret stay behind.
     */
    if (link_close(closing)) {
        pthread_cond_destroy(&closing->changed);
        pthread_mutex_destroy(&closing->lock);
        sodium_memzero(closing, sizeof *closing);
        free(closing);
    } else {
        abandon(closing);
    }
}

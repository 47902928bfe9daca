/* SPDX-License-Identifier: Apache-2.0 */
#include "client_internal.h"

#include <errno.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    RECONNECT_MIN_MS = 10,
    RECONNECT_MAX_MS = 250,
    PROBE_AFTER_MS = 50, /* a daemon that is there has answered nng's dial by then */
    PATIENCE_MS = 600,   /* more than two of nng's pauses between dials */
    CLOSE_WAIT_MS = 1000,
    SOCKETS_MAX = 64, /* left to their fate by one client; then it needs a new process */
};

static const char IPC_SCHEME[] = "ipc://";
static const uint32_t TIMEOUT_MAX_MS = 24 * 60 * 60 * 1000;

/* A socket on its way out. */
struct closing {
    struct cv_client *client;
    nng_socket socket;
};

uint64_t
client_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool
client_wait(struct cv_client *client, pthread_cond_t *condition, uint64_t until_ms)
{
    const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                                   .tv_nsec = (long)(until_ms % 1000) * 1000000};

    return pthread_cond_timedwait(condition, &client->lock, &until) != ETIMEDOUT;
}

uint64_t
client_deadline(const struct cv_client *client, uint32_t timeout_ms)
{
    uint32_t own_ms = timeout_ms != 0 ? timeout_ms : client->timeout_ms;

    return client_now_ms() + (own_ms < TIMEOUT_MAX_MS ? own_ms : TIMEOUT_MAX_MS);
}

static bool
is_trusted(const struct cv_client *client, uint64_t uid)
{
    return uid == 0 || uid == client->own_uid ||
           (client->has_server_uid && uid == client->server_uid);
}

/* Before nng lets a request through: is this the vault's server, or somebody at its path? */
static void
on_pipe_arriving(struct cv_client *client, nng_pipe pipe)
{
    uint64_t uid = UINT64_MAX;
    int socket = nng_socket_id(nng_pipe_socket(pipe));
    bool trusted =
        nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid) == 0 && is_trusted(client, uid);

    pthread_mutex_lock(&client->lock);
    bool current = socket == nng_socket_id(client->socket);
    client->refused = current ? !trusted : client->refused;
    if (trusted && current) {
        client->pipe = nng_pipe_id(pipe);
        client->generation++;
        client->stalled_ms = 0;
    } else if (current) {
        client->refused_uid = (uint32_t)uid;
        client->lost_ms = client_now_ms();
    }
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
    if (!trusted || !current) {
        nng_pipe_close(pipe);
    }
}

/* Comes for refused pipes, too. */
static void
on_pipe_gone(struct cv_client *client, nng_pipe pipe)
{
    pthread_mutex_lock(&client->lock);
    if (client->pipe == nng_pipe_id(pipe)) {
        client->pipe = 0;
        client->lost_ms = client_now_ms();
    }
    pthread_mutex_unlock(&client->lock);
}

static void
on_pipe(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    struct cv_client *client = argument;

    if (event == NNG_PIPE_EV_ADD_PRE) {
        on_pipe_arriving(client, pipe);
    } else if (event == NNG_PIPE_EV_REM_POST) {
        on_pipe_gone(client, pipe);
    }
}

/* nng does not say why a dial came to nothing; a plain connect does. 0: somebody listens. */
static int
probe(const struct cv_client *client)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int error = 0;
    int probe_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (probe_fd < 0) {
        return errno;
    }
    memcpy(address.sun_path, client->path, sizeof address.sun_path);
    if (connect(probe_fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        error = errno;
    }
    close(probe_fd);
    return error == EAGAIN ? 0 : error; /* a full backlog: it is there, and busy */
}

static const char *
advice(int error)
{
    if (error == ENOENT || error == ECONNREFUSED) {
        return "is vaultd running?";
    }
    if (error == EACCES) {
        return "may you use this socket?";
    }
    return "look at the system's state";
}

static enum cv_status
fail_unreachable(const struct cv_client *client, int error, struct failure *failure)
{
    char text[128];

    return failure_set(failure, CV_UNAVAILABLE, "cannot reach the vault at %s: %s; %s",
                       client->path, strerror_r(error, text, sizeof text), advice(error));
}

static uint64_t
sooner(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

uint64_t
link_generation(struct cv_client *client)
{
    pthread_mutex_lock(&client->lock);
    uint64_t generation = client->generation;
    pthread_mutex_unlock(&client->lock);
    return generation;
}

static int
configure(struct cv_client *client, nng_socket fresh)
{
    static const nng_pipe_ev events[] = {NNG_PIPE_EV_ADD_PRE, NNG_PIPE_EV_REM_POST};
    /* Never by itself: a request that was sent twice may be executed twice. */
    int error = nng_socket_set_ms(fresh, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);

    if (error == 0) {
        error = nng_socket_set_size(fresh, NNG_OPT_RECVMAXSZ, FRAME_BYTES_MAX);
    }
    if (error == 0) {
        error = nng_socket_set_ms(fresh, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    }
    if (error == 0) {
        error = nng_socket_set_ms(fresh, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    }
    for (size_t i = 0; error == 0 && i < sizeof events / sizeof *events; i++) {
        error = nng_pipe_notify(fresh, events[i], on_pipe, client);
    }
    return error;
}

static void *
close_socket(void *argument)
{
    struct closing closing = *(struct closing *)argument;

    free(argument);
    nng_close(closing.socket);
    pthread_mutex_lock(&closing.client->lock);
    closing.client->sockets--;
    pthread_cond_broadcast(&closing.client->changed);
    pthread_mutex_unlock(&closing.client->lock);
    return NULL;
}

/* On a thread of its own, because it may never end (see replace_socket). */
static void
retire(struct cv_client *client, nng_socket socket)
{
    struct closing *closing = malloc(sizeof *closing);
    pthread_t thread;

    if (closing == NULL) {
        return; /* it stays open, and counted */
    }
    *closing = (struct closing){.client = client, .socket = socket};
    if (pthread_create(&thread, NULL, close_socket, closing) != 0) {
        free(closing);
        return;
    }
    pthread_detach(thread);
}

/* nng's error, or 0. The socket before it, if any, is the caller's to retire. */
static int
open_socket(struct cv_client *client, nng_socket *ret_before)
{
    char url[sizeof client->path + sizeof "ipc://"];
    nng_socket fresh;
    int error = nng_req0_open(&fresh);

    if (error != 0) {
        return error;
    }
    error = configure(client, fresh);
    if (error != 0) {
        nng_close(fresh); /* nothing was dialled yet */
        return error;
    }
    pthread_mutex_lock(&client->lock);
    *ret_before = client->socket;
    client->socket = fresh;
    client->sockets++;
    client->pipe = 0;
    client->refused = false;
    client->dialled_ms = client_now_ms();
    pthread_mutex_unlock(&client->lock);
    char *end = stpcpy(url, IPC_SCHEME);
    memcpy(end, client->path, sizeof client->path);
    return nng_dial(fresh, url, NULL, NNG_FLAG_NONBLOCK);
}

/*
 * nng 1.5.2 has a flaw (its issue 1543): a connection that breaks while an answer is half read may
 * leave the thread that clears connections away waiting for ever. From then on nng does not dial
 * again, and nng_close does not come back, in the whole process. A new socket still dials, so when
 * somebody listens and nng does not connect, the old one is left to its fate.
 */
static void
replace_socket(struct cv_client *client)
{
    nng_socket before = NNG_SOCKET_INITIALIZER;

    (void)open_socket(client, &before); /* if it fails, the next who is overdue tries again */
    if (before.id != 0) {
        retire(client, before);
    }
}

enum cv_status
link_open(struct cv_client *client, struct failure *failure)
{
    nng_socket before = NNG_SOCKET_INITIALIZER;
    int error = open_socket(client, &before);

    if (error != 0) {
        return failure_set(failure, CV_INTERNAL, "nng: %s", nng_strerror(error));
    }
    return CV_OK;
}

bool
link_close(struct cv_client *client)
{
    uint64_t until_ms = client_now_ms() + CLOSE_WAIT_MS;

    if (client->socket.id != 0) {
        retire(client, client->socket);
    }
    pthread_mutex_lock(&client->lock);
    while (client->sockets > 0 && client_wait(client, &client->changed, until_ms)) {
    }
    bool closed = client->sockets == 0;
    pthread_mutex_unlock(&client->lock);
    return closed;
}

/* With the lock held. */
static bool
is_settled(const struct cv_client *client)
{
    return client->pipe != 0 || client->refused;
}

/* With the lock held. */
static void
wait_until(struct cv_client *client, uint64_t until_ms)
{
    while (!is_settled(client) && !client->cancelled &&
           client_wait(client, &client->changed, until_ms)) {
    }
}

void
link_pause(struct cv_client *client, uint64_t until_ms)
{
    pthread_mutex_lock(&client->lock);
    while (!client->cancelled && client_wait(client, &client->changed, until_ms)) {
    }
    pthread_mutex_unlock(&client->lock);
}

enum cv_status
link_fail_cancelled(struct failure *failure)
{
    return failure_set(failure, CV_UNAVAILABLE, "the client was closed; nothing was sent");
}

/*
 * With the lock held. Is it this thread's turn to look why nng does not connect? One thread at a
 * time, and only when nng has had time enough.
 */
static bool
is_overdue(struct cv_client *client, uint64_t now_ms)
{
    uint64_t since_ms = client->dialled_ms > client->lost_ms ? client->dialled_ms : client->lost_ms;

    if (client->pipe != 0 || client->sockets >= SOCKETS_MAX || now_ms < since_ms + PATIENCE_MS) {
        return false;
    }
    client->dialled_ms = now_ms;
    return true;
}

/* With the lock held; lets go of it on the way. Waits for a connection, and helps nng to one. */
static void
wait_patiently(struct cv_client *client, uint64_t deadline_ms)
{
    for (;;) {
        uint64_t now_ms = client_now_ms();
        if (now_ms < deadline_ms && is_overdue(client, now_ms)) {
            pthread_mutex_unlock(&client->lock);
            if (probe(client) == 0) {
                replace_socket(client);
            }
            pthread_mutex_lock(&client->lock);
        }
        if (is_settled(client) || client->cancelled || now_ms >= deadline_ms) {
            return;
        }
        wait_until(client, sooner(deadline_ms, now_ms + PATIENCE_MS));
    }
}

enum cv_status
link_wait(struct cv_client *client, uint64_t deadline_ms, bool probing, struct failure *failure)
{
    enum cv_status status = CV_OK;

    pthread_mutex_lock(&client->lock);
    if (probing) {
        wait_until(client, sooner(deadline_ms, client_now_ms() + PROBE_AFTER_MS));
    }
    if (probing && !is_settled(client)) {
        pthread_mutex_unlock(&client->lock);
        int error = probe(client);
        if (error != 0) {
            return fail_unreachable(client, error, failure);
        }
        pthread_mutex_lock(&client->lock);
    }
    wait_patiently(client, deadline_ms);
    failure->unreached = client->pipe == 0 && !client->cancelled;
    if (client->cancelled) {
        status = link_fail_cancelled(failure);
    } else if (!is_settled(client)) {
        status =
            failure_set(failure, CV_UNAVAILABLE,
                        "no connection to the vault at %s in time; nothing was sent", client->path);
    } else if (client->pipe == 0) {
        status = failure_set(failure, CV_UNAVAILABLE,
                             "the server at %s runs as uid %u, which is not trusted; nothing was "
                             "sent (if that is the vault's user, name it as the server's uid)",
                             client->path, client->refused_uid);
    }
    pthread_mutex_unlock(&client->lock);
    return status;
}

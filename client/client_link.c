/* SPDX-License-Identifier: Apache-2.0 */
#include "client_internal.h"

#include <errno.h>
#include <nng/protocol/reqrep0/req.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    RECONNECT_MIN_MS = 10,
    RECONNECT_MAX_MS = 250,
    PROBE_AFTER_MS = 50, /* a daemon that is there has answered nng's dial by then */
};

uint64_t
client_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
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
    bool trusted =
        nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid) == 0 && is_trusted(client, uid);

    pthread_mutex_lock(&client->lock);
    client->refused = !trusted;
    if (trusted) {
        client->pipe = nng_pipe_id(pipe);
        client->generation++;
    } else {
        client->refused_uid = (uint32_t)uid;
    }
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
    if (!trusted) {
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

/* With the lock held. */
static bool
wait_until(struct cv_client *client, uint64_t deadline_ms)
{
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                             .tv_nsec = (long)(deadline_ms % 1000) * 1000000};

    while (client->pipe == 0 && !client->refused) {
        if (pthread_cond_timedwait(&client->changed, &client->lock, &until) == ETIMEDOUT) {
            break;
        }
    }
    return client->pipe != 0 || client->refused;
}

static uint64_t
sooner(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

enum cv_status
link_wait(struct cv_client *client, uint64_t deadline_ms, bool probing, struct failure *failure)
{
    enum cv_status status = CV_OK;
    uint64_t first_ms = probing ? client_now_ms() + PROBE_AFTER_MS : deadline_ms;

    pthread_mutex_lock(&client->lock);
    bool settled = wait_until(client, sooner(first_ms, deadline_ms));
    if (!settled && probing) {
        pthread_mutex_unlock(&client->lock);
        int error = probe(client);
        if (error != 0) {
            return fail_unreachable(client, error, failure);
        }
        pthread_mutex_lock(&client->lock);
        settled = wait_until(client, deadline_ms);
    }
    if (!settled) {
        status = failure_set(failure, CV_UNAVAILABLE,
                             "no connection to the vault at %s within %u ms; nothing was sent",
                             client->path, client->timeout_ms);
    } else if (client->pipe == 0) {
        status = failure_set(failure, CV_UNAVAILABLE,
                             "the server at %s runs as uid %u, which is not trusted; nothing was "
                             "sent (if that is the vault's user, name it as the server's uid)",
                             client->path, client->refused_uid);
    }
    pthread_mutex_unlock(&client->lock);
    return status;
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
configure(struct cv_client *client)
{
    static const nng_pipe_ev events[] = {NNG_PIPE_EV_ADD_PRE, NNG_PIPE_EV_REM_POST};
    /* Never by itself: a request that was sent twice may be executed twice. */
    int error = nng_socket_set_ms(client->socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);

    if (error == 0) {
        error = nng_socket_set_size(client->socket, NNG_OPT_RECVMAXSZ, FRAME_BYTES_MAX);
    }
    if (error == 0) {
        error = nng_socket_set_ms(client->socket, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    }
    if (error == 0) {
        error = nng_socket_set_ms(client->socket, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    }
    for (size_t i = 0; error == 0 && i < sizeof events / sizeof *events; i++) {
        error = nng_pipe_notify(client->socket, events[i], on_pipe, client);
    }
    return error;
}

enum cv_status
link_open(struct cv_client *client, struct failure *failure)
{
    char url[sizeof client->path + sizeof "ipc://"];
    int error = nng_req0_open(&client->socket);

    if (error == 0) {
        error = configure(client);
    }
    if (error == 0) {
        char *end = stpcpy(url, "ipc://");
        memcpy(end, client->path, sizeof client->path);
        error = nng_dial(client->socket, url, NULL, NNG_FLAG_NONBLOCK);
    }
    if (error != 0) {
        return failure_set(failure, CV_INTERNAL, "nng: %s", nng_strerror(error));
    }
    return CV_OK;
}

static void
slot_free(struct slot **slot)
{
    nng_ctx_close((*slot)->context);
    if ((*slot)->aio != NULL) {
        nng_aio_free((*slot)->aio);
    }
    message_parser_free(&(*slot)->parser);
    free(*slot);
    *slot = NULL;
}

void
link_close(struct cv_client *client)
{
    while (client->slots != NULL) {
        struct slot *slot = client->slots;
        client->slots = slot->next;
        slot_free(&slot);
    }
    nng_close(client->socket); /* an id that was never opened: NNG_ECLOSED, and no harm */
}

static enum cv_status
slot_new(struct cv_client *client, struct slot **ret_slot, struct failure *failure)
{
    struct slot *slot = calloc(1, sizeof *slot);

    if (slot == NULL || nng_ctx_open(&slot->context, client->socket) != 0 ||
        nng_aio_alloc(&slot->aio, NULL, NULL) != 0 ||
        message_parser_new(&slot->parser) != STATUS_OK) {
        if (slot != NULL) {
            slot_free(&slot);
        }
        return failure_set(failure, CV_INTERNAL, "out of memory");
    }
    *ret_slot = slot;
    return CV_OK;
}

enum cv_status
slot_take(struct cv_client *client, struct slot **ret_slot, struct failure *failure)
{
    pthread_mutex_lock(&client->lock);
    struct slot *slot = client->slots;
    bool full = slot == NULL && client->slot_count == CV_CALLS_MAX;
    if (slot != NULL) {
        client->slots = slot->next;
    } else if (!full) {
        client->slot_count++;
    }
    pthread_mutex_unlock(&client->lock);

    if (full) {
        return failure_set(failure, CV_BUSY, "%d calls are outstanding on this client already",
                           CV_CALLS_MAX);
    }
    if (slot == NULL && slot_new(client, &slot, failure) != CV_OK) {
        pthread_mutex_lock(&client->lock);
        client->slot_count--;
        pthread_mutex_unlock(&client->lock);
        return failure->status;
    }
    *ret_slot = slot;
    return CV_OK;
}

void
slot_give(struct cv_client *client, struct slot **slot)
{
    pthread_mutex_lock(&client->lock);
    (*slot)->next = client->slots;
    client->slots = *slot;
    pthread_mutex_unlock(&client->lock);
    *slot = NULL;
}

void
message_wipe(nng_msg **message)
{
    if (*message == NULL) {
        return;
    }
    sodium_memzero(nng_msg_body(*message), nng_msg_len(*message));
    nng_msg_free(*message);
    *message = NULL;
}

static void
limit_wait(nng_aio *aio, uint64_t deadline_ms)
{
    uint64_t now_ms = client_now_ms();

    nng_aio_set_timeout(aio, deadline_ms > now_ms ? (nng_duration)(deadline_ms - now_ms) : 1);
}

/* An answer that comes late must find nobody: nng drops it with the context it was asked on. */
static void
renew_context(struct cv_client *client, struct slot *slot)
{
    nng_ctx_close(slot->context);
    if (nng_ctx_open(&slot->context, client->socket) != 0) {
        slot->context = (nng_ctx)NNG_CTX_INITIALIZER; /* sends on it fail: not sent */
    }
}

/* nng tells the request before it tells on_pipe: the next one must not go by the old state. */
static void
note_lost(struct cv_client *client, uint64_t generation)
{
    pthread_mutex_lock(&client->lock);
    if (client->generation == generation) {
        client->pipe = 0;
    }
    pthread_mutex_unlock(&client->lock);
}

enum exchange
link_exchange(struct cv_client *client, struct slot *slot, nng_msg **request, uint64_t deadline_ms,
              nng_msg **ret_answer)
{
    uint64_t generation = link_generation(client);

    /* First the send, to its end, then the receive: nng issue 1702. */
    limit_wait(slot->aio, deadline_ms);
    nng_aio_set_msg(slot->aio, *request);
    nng_ctx_send(slot->context, slot->aio);
    nng_aio_wait(slot->aio);
    if (nng_aio_result(slot->aio) != 0) {
        message_wipe(request);
        renew_context(client, slot);
        return EXCHANGE_NOT_SENT;
    }
    *request = NULL; /* nng's */

    limit_wait(slot->aio, deadline_ms);
    nng_ctx_recv(slot->context, slot->aio);
    nng_aio_wait(slot->aio);
    int error = nng_aio_result(slot->aio);
    if (error == 0) {
        *ret_answer = nng_aio_get_msg(slot->aio);
        return EXCHANGE_ANSWERED;
    }
    /* With an infinite resend time nng gives a request up when its connection breaks. */
    if (error == NNG_ETIMEDOUT) {
        renew_context(client, slot);
        return EXCHANGE_LATE;
    }
    note_lost(client, generation);
    return EXCHANGE_LOST;
}

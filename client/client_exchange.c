/* SPDX-License-Identifier: Apache-2.0 */
#include "client_internal.h"

#include <sodium.h>
#include <stdlib.h>

/* A daemon that reads nothing and answers nobody for so long is taken for gone. */
enum { SEND_PATIENCE_MS = 2000 };

void
slot_free(struct slot **slot)
{
    if ((*slot)->has_context) {
        nng_ctx_close((*slot)->context);
    }
    if ((*slot)->aio != NULL) {
        nng_aio_free((*slot)->aio);
    }
    message_parser_free(&(*slot)->parser);
    free(*slot);
    *slot = NULL;
}

static enum cv_status
slot_new(struct slot **ret_slot, struct failure *failure)
{
    struct slot *slot = calloc(1, sizeof *slot);

    if (slot == NULL || nng_aio_alloc(&slot->aio, NULL, NULL) != 0 ||
        message_parser_new(&slot->parser) != STATUS_OK) {
        if (slot != NULL) {
            slot_free(&slot);
        }
        return failure_set(failure, CV_INTERNAL, "out of memory");
    }
    *ret_slot = slot;
    return CV_OK;
}

/* It was counted already. */
static enum cv_status
slot_add(struct cv_client *client, struct slot **ret_slot, struct failure *failure)
{
    struct slot *slot = NULL;
    enum cv_status status = slot_new(&slot, failure);

    pthread_mutex_lock(&client->lock);
    if (status == CV_OK && client->cancelled) {
        status = link_fail_cancelled(failure);
    }
    if (status == CV_OK) {
        slot->made_before = client->newest_slot;
        client->newest_slot = slot;
        *ret_slot = slot;
        slot = NULL;
    } else {
        client->slot_count--;
    }
    pthread_mutex_unlock(&client->lock);
    if (slot != NULL) {
        slot_free(&slot);
    }
    return status;
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
    if (slot == NULL) {
        return slot_add(client, ret_slot, failure);
    }
    *ret_slot = slot;
    return CV_OK;
}

void
slots_stop(struct cv_client *client)
{
    pthread_mutex_lock(&client->lock);
    struct slot *slot = client->newest_slot;
    pthread_mutex_unlock(&client->lock);
    for (; slot != NULL; slot = slot->made_before) {
        nng_aio_stop(slot->aio);
    }
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

/* An answer that comes late must find nobody: nng drops it with the context it was asked on. */
static void
drop_context(struct slot *slot)
{
    if (slot->has_context) {
        nng_ctx_close(slot->context);
    }
    slot->has_context = false;
}

static bool
take_context(struct slot *slot, nng_socket socket)
{
    if (slot->has_context && slot->socket.id != socket.id) {
        drop_context(slot);
    }
    if (!slot->has_context) {
        slot->has_context = nng_ctx_open(&slot->context, socket) == 0;
        slot->socket = socket;
    }
    return slot->has_context;
}

/* The socket to use, and what the connection was before anything was sent. */
struct before {
    nng_socket socket;
    uint64_t generation;
    uint64_t answers;
    uint64_t now_ms;
};

static struct before
look(struct cv_client *client)
{
    pthread_mutex_lock(&client->lock);
    struct before before = {
        .socket = client->socket,
        .generation = client->generation,
        .answers = client->answers,
        .now_ms = client_now_ms(),
    };
    pthread_mutex_unlock(&client->lock);
    return before;
}

static void
note_taken(struct cv_client *client)
{
    pthread_mutex_lock(&client->lock);
    client->stalled_ms = 0;
    pthread_mutex_unlock(&client->lock);
}

static void
note_answer(struct cv_client *client)
{
    pthread_mutex_lock(&client->lock);
    client->answers++;
    client->stalled_ms = 0;
    pthread_mutex_unlock(&client->lock);
}

/* With the lock held. */
static void
lose(struct cv_client *client)
{
    client->pipe = 0;
    client->lost_ms = client_now_ms();
    client->stalled_ms = 0;
}

/* nng tells the request before it tells on_pipe: the next one must not go by the old state. */
static void
note_lost(struct cv_client *client, const struct before *before)
{
    pthread_mutex_lock(&client->lock);
    if (client->generation == before->generation && client->pipe != 0) {
        lose(client);
    }
    pthread_mutex_unlock(&client->lock);
}

/*
 * Not taken, and nobody was answered: when that has been so for long enough there is no connection,
 * though on_pipe was not told (replace_socket says when that is so). One call alone may have had a
 * moment's time, of which nothing follows for all the others.
 */
static void
note_not_taken(struct cv_client *client, const struct before *before)
{
    pthread_mutex_lock(&client->lock);
    if (client->generation == before->generation && client->pipe != 0) {
        uint64_t now_ms = client_now_ms();
        if (client->stalled_ms == 0) {
            client->stalled_ms = client->answers == before->answers ? before->now_ms : now_ms;
        }
        if (now_ms - client->stalled_ms >= SEND_PATIENCE_MS) {
            lose(client);
        }
    }
    pthread_mutex_unlock(&client->lock);
}

static int
run(nng_aio *aio, nng_ctx context, uint64_t deadline_ms, void (*start)(nng_ctx, nng_aio *))
{
    uint64_t now_ms = client_now_ms();

    nng_aio_set_timeout(aio, deadline_ms > now_ms ? (nng_duration)(deadline_ms - now_ms) : 1);
    start(context, aio);
    nng_aio_wait(aio);
    return nng_aio_result(aio);
}

enum exchange
exchange_run(struct cv_client *client, struct slot *slot, nng_msg **request, uint64_t deadline_ms,
             nng_msg **ret_answer)
{
    struct before before = look(client);
    bool taken = take_context(slot, before.socket);

    /* First the send, to its end, then the receive: nng issue 1702. */
    nng_aio_set_msg(slot->aio, *request);
    uint64_t patience_ms = client_now_ms() + SEND_PATIENCE_MS;
    uint64_t until_ms = deadline_ms < patience_ms ? deadline_ms : patience_ms;
    if (!taken || run(slot->aio, slot->context, until_ms, nng_ctx_send) != 0) {
        message_wipe(request);
        drop_context(slot);
        note_not_taken(client, &before);
        return EXCHANGE_NOT_SENT;
    }
    *request = NULL; /* nng's */
    note_taken(client);

    int error = run(slot->aio, slot->context, deadline_ms, nng_ctx_recv);
    if (error == 0) {
        note_answer(client);
        *ret_answer = nng_aio_get_msg(slot->aio);
        return EXCHANGE_ANSWERED;
    }
    drop_context(slot);
    if (error == NNG_ETIMEDOUT || error == NNG_ECANCELED) {
        return error == NNG_ETIMEDOUT ? EXCHANGE_LATE : EXCHANGE_CANCELLED;
    }
    /* With an infinite resend time nng gives a request up when its connection breaks. */
    note_lost(client, &before);
    return EXCHANGE_LOST;
}

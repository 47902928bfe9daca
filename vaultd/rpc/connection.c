/* SPDX-License-Identifier: Apache-2.0 */
#include "connection.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "receive.h"
#include "server_internal.h"

enum {
    OUTBOX_ROOM_BYTES = 64 * 1024, /* with more replies waiting, nothing more is read */
    OUTSTANDING_BYTES_MAX = 2 * FRAME_BYTES_MAX, /* the same for requests that wait or run */
    TRIM_AFTER_MS = 1000,
};

static bool
has_room_locked(const struct connection *connection)
{
    if (!connection->known) {
        return connection->outstanding == 0 && outbox_is_empty(&connection->outbox);
    }
    return connection->outstanding < connection->server->limits.outstanding_max &&
           connection->outstanding_bytes < OUTSTANDING_BYTES_MAX &&
           connection->outbox.filling.size < OUTBOX_ROOM_BYTES;
}

/* The receive path is taken over by whoever made room; invariant 2. */
static bool
take_path_locked(struct connection *connection)
{
    if (connection->receiving || connection->closing || connection->server->stopping ||
        !has_room_locked(connection)) {
        return false;
    }
    connection->receiving = true;
    return true;
}

/* True: the caller owns the writing now and must call start_write once it has unlocked. */
static bool
take_writing_locked(struct connection *connection, uint64_t now_ms)
{
    if (connection->sending || connection->closing || outbox_is_empty(&connection->outbox)) {
        return false;
    }
    connection->sending = true;
    connection->write_by = now_ms + connection->server->limits.write_ms;
    (void)outbox_next(&connection->outbox);
    return true;
}

static void
start_write(struct connection *connection)
{
    struct bytes bytes = bytes_of(sp_greeting + connection->greeting_sent,
                                  SP_GREETING_BYTES - connection->greeting_sent);
    nng_iov iov;

    if (bytes.size == 0) {
        struct outbox *outbox = &connection->outbox;

        bytes = bytes_of(outbox->writing.data + outbox->written,
                         outbox->writing.size - outbox->written);
    }
    /* nng's vector serves reading and writing both, hence not const; it only reads here. */
    iov = (nng_iov){.iov_buf = (void *)(uintptr_t)bytes.data, .iov_len = bytes.size};
    (void)nng_aio_set_iov(connection->send_aio, 1, &iov);
    nng_stream_send(connection->stream, connection->send_aio);
}

static bool
at_rest_locked(const struct connection *connection)
{
    return connection->closing && !connection->receiving && !connection->sending &&
           connection->outstanding == 0;
}

static void
release_memory(struct connection *connection)
{
    struct rpc_memory *memory = connection_memory(connection);

    outbox_fini(&connection->outbox);
    rpc_memory_free(memory, connection->in, RECEIVE_BYTES);
    rpc_memory_free(memory, connection->large, connection->header.payload_bytes);
    connection->in = NULL;
    connection->large = NULL;
}

/* Before the unlocking of whoever gave up a path or ended a job; invariant 6. */
static void
come_to_rest_locked(struct connection *connection)
{
    if (at_rest_locked(connection)) {
        release_memory(connection);
    }
}

static void
end_write(struct connection *connection)
{
    (void)pthread_mutex_lock(&connection->lock);
    connection->sending = false;
    connection->write_by = 0;
    come_to_rest_locked(connection);
    (void)pthread_mutex_unlock(&connection->lock);
}

/* Counts what has left; true: there is more to write, with what deadline is settled too. */
static bool
wrote_locked(struct connection *connection, size_t size, uint64_t now_ms)
{
    struct outbox *outbox = &connection->outbox;

    connection->active_at = now_ms;
    if (connection->greeting_sent < SP_GREETING_BYTES) {
        connection->greeting_sent += size;
        if (connection->greeting_sent < SP_GREETING_BYTES) {
            return true;
        }
    } else {
        outbox_wrote(outbox, size);
        if (outbox_midway(outbox)) {
            return true;
        }
    }
    connection->sending = false;
    connection->write_by = 0;
    return take_writing_locked(connection, now_ms);
}

static void
send_callback(void *argument)
{
    struct connection *connection = argument;
    uint64_t now_ms = clock_monotonic_ms();
    bool more, go;

    if (nng_aio_result(connection->send_aio) != 0) {
        connection_close(connection, CLOSE_BY_PEER);
        end_write(connection);
        return;
    }
    (void)pthread_mutex_lock(&connection->lock);
    more = wrote_locked(connection, nng_aio_count(connection->send_aio), now_ms);
    go = take_path_locked(connection);
    come_to_rest_locked(connection);
    (void)pthread_mutex_unlock(&connection->lock);
    /* From here on only what was taken keeps the connection: nothing taken, nothing touched. */
    if (more) {
        start_write(connection);
    }
    if (go) {
        receive_go(connection, NULL);
    }
}

static struct connection *
connection_new(struct server *server, nng_stream *stream, enum peer_socket socket, uint32_t uid)
{
    struct connection *connection = calloc(1, sizeof *connection);

    if (connection == NULL) {
        return NULL;
    }
    if (nng_aio_alloc(&connection->receive_aio, receive_callback, connection) != 0 ||
        nng_aio_alloc(&connection->send_aio, send_callback, connection) != 0) {
        nng_aio_free(connection->receive_aio);
        free(connection);
        return NULL;
    }
    connection->server = server;
    connection->stream = stream;
    connection->socket = socket;
    connection->uid = uid;
    (void)pthread_mutex_init(&connection->lock, NULL);
    outbox_init(&connection->outbox, &server->strangers);
    dispatch_peer_init(&connection->peer, socket, uid);
    return connection;
}

void
connection_start(struct server *server, nng_stream *stream, enum peer_socket socket, uint32_t uid)
{
    struct connection *connection = connection_new(server, stream, socket, uid);
    uint64_t now_ms = clock_monotonic_ms();

    if (connection == NULL) {
        LOG(LOG_LEVEL_ERROR, EVENT_MEMORY_SHORT, F("line", __LINE__));
        nng_stream_close(stream);
        nng_stream_free(stream);
        return;
    }
    connection->receiving = true;
    connection->sending = true;
    connection->frame_by = now_ms + server->limits.handshake_ms;
    connection->write_by = now_ms + server->limits.write_ms;
    connection->active_at = now_ms;
    connection->accepted_at = now_ms;

    (void)pthread_mutex_lock(&server->lock);
    connection->next = server->connections;
    server->connections = connection;
    (void)pthread_mutex_unlock(&server->lock);

    /* Both are owned from the start, so that the first to end does not free it under the second. */
    start_write(connection);
    receive_start(connection);
}

void
connection_close(struct connection *connection, enum close_reason reason)
{
    if (atomic_exchange(&connection->closing, true)) {
        return;
    }
    if (reason != CLOSE_BY_PEER && reason != CLOSE_STOPPING && server_may_log(connection->server)) {
        LOG(LOG_LEVEL_WARNING, EVENT_CONNECTION_CLOSED, F("uid", connection->uid),
            F("reason", (unsigned)reason));
    }
    nng_stream_close(connection->stream);
}

/* CLOSE_BY_PEER: nothing is late. */
static enum close_reason
late_locked(const struct connection *connection, uint64_t now_ms)
{
    const struct server_limits *limits = &connection->server->limits;

    if (connection->receiving && connection->receive_by != 0 && now_ms >= connection->receive_by) {
        return connection->receive_late;
    }
    if (connection->sending && connection->write_by != 0 && now_ms >= connection->write_by) {
        return CLOSE_WRITE_LATE;
    }
    /* Whom we owe an answer (an unsealing takes its time) is not late. */
    if (!connection->known && connection->outstanding == 0 &&
        now_ms - connection->accepted_at >= limits->stranger_ms) {
        return CLOSE_STRANGER_LATE;
    }
    if (limits->idle_ms != 0 && connection->receiving && connection->outstanding == 0 &&
        !connection->sending && now_ms - connection->active_at >= limits->idle_ms) {
        return CLOSE_IDLE;
    }
    return CLOSE_BY_PEER;
}

void
connection_set_known(struct connection *connection)
{
    (void)pthread_mutex_lock(&connection->lock);
    connection->known = true;
    rpc_memory_move_up(&connection->server->strangers, RECEIVE_BYTES); /* `in` */
    outbox_move_up(&connection->outbox);
    (void)pthread_mutex_unlock(&connection->lock);
}

struct rpc_memory *
connection_memory(const struct connection *connection)
{
    return connection->known ? &connection->server->memory : &connection->server->strangers;
}

bool
connection_tick(struct connection *connection, uint64_t now_ms)
{
    enum close_reason late;
    bool at_rest;

    (void)pthread_mutex_lock(&connection->lock);
    at_rest = at_rest_locked(connection);
    late = connection->closing ? CLOSE_BY_PEER : late_locked(connection, now_ms);
    if (!connection->sending && now_ms - connection->active_at >= TRIM_AFTER_MS) {
        outbox_trim(&connection->outbox);
    }
    (void)pthread_mutex_unlock(&connection->lock);
    if (late != CLOSE_BY_PEER) {
        connection_close(connection, late);
    }
    if (connection->closing && !at_rest) {
        nng_aio_cancel(connection->receive_aio);
        nng_aio_cancel(connection->send_aio);
    }
    return at_rest;
}

bool
connection_drain(struct connection *connection)
{
    bool drained, receiving;

    (void)pthread_mutex_lock(&connection->lock);
    receiving = connection->receiving;
    drained = !receiving && !connection->sending && connection->outstanding == 0;
    (void)pthread_mutex_unlock(&connection->lock);
    if (receiving) {
        nng_aio_cancel(connection->receive_aio);
    }
    return drained;
}

void
connection_free(struct connection *connection)
{
    /* Each waits for its callback to have returned; never called from one. */
    nng_aio_free(connection->receive_aio);
    nng_aio_free(connection->send_aio);
    nng_stream_free(connection->stream);
    release_memory(connection);
    (void)pthread_mutex_destroy(&connection->lock);
    explicit_bzero(&connection->peer, sizeof connection->peer);
    free(connection);
}

bool
connection_reply(struct connection *connection, uint32_t request_id, struct bytes payload)
{
    enum status status = STATUS_OK;

    (void)pthread_mutex_lock(&connection->lock);
    if (!connection->closing) {
        status = outbox_add(&connection->outbox, request_id, payload);
    }
    (void)pthread_mutex_unlock(&connection->lock);
    if (status != STATUS_OK) {
        connection_close(connection,
                         status == STATUS_TOO_LARGE ? CLOSE_REPLIES_UNREAD : CLOSE_NO_MEMORY);
    }
    return status == STATUS_OK;
}

bool
connection_has_room(struct connection *connection)
{
    bool room;

    (void)pthread_mutex_lock(&connection->lock);
    room = has_room_locked(connection);
    (void)pthread_mutex_unlock(&connection->lock);
    return room;
}

void
connection_job_begins(struct connection *connection, size_t request_bytes)
{
    (void)pthread_mutex_lock(&connection->lock);
    connection->outstanding++;
    connection->outstanding_bytes += request_bytes;
    (void)pthread_mutex_unlock(&connection->lock);
}

bool
connection_job_ends(struct connection *connection, size_t request_bytes)
{
    bool write, go;

    (void)pthread_mutex_lock(&connection->lock);
    connection->outstanding--;
    connection->outstanding_bytes -= request_bytes;
    write = take_writing_locked(connection, clock_monotonic_ms());
    go = take_path_locked(connection);
    come_to_rest_locked(connection);
    (void)pthread_mutex_unlock(&connection->lock);
    if (write) {
        start_write(connection);
    }
    return go;
}

bool
connection_settle(struct connection *connection, enum receive_step step, nng_iov into)
{
    uint64_t now_ms = clock_monotonic_ms();
    bool write, read;

    (void)pthread_mutex_lock(&connection->lock);
    write = take_writing_locked(connection, now_ms);
    read = step == RECEIVE_MORE && !connection->closing && !connection->server->stopping;
    if (read) {
        connection->receive_by = connection->frame_by;
        connection->receive_late = connection->in == NULL ? CLOSE_HANDSHAKE_LATE : CLOSE_FRAME_LATE;
        connection->active_at = now_ms;
    } else {
        connection->receiving = false;
    }
    /* Room made while the path was still ours woke nobody. */
    if (step == RECEIVE_PAUSE && take_path_locked(connection)) {
        (void)pthread_mutex_unlock(&connection->lock);
        if (write) {
            start_write(connection);
        }
        return false;
    }
    come_to_rest_locked(connection);
    (void)pthread_mutex_unlock(&connection->lock);
    if (write) {
        start_write(connection);
    }
    if (read) {
        (void)nng_aio_set_iov(connection->receive_aio, 1, &into);
        nng_stream_recv(connection->stream, connection->receive_aio);
    }
    return true;
}

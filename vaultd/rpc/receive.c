/* SPDX-License-Identifier: Apache-2.0 */
#include "receive.h"

#include <assert.h>
#include <string.h>

#include "admission.h"
#include "clock.h"
#include "connection.h"
#include "desks.h"
#include "jobs.h"
#include "log.h"
#include "server_internal.h"
#include "workers.h"

static size_t
buffered(const struct connection *connection)
{
    return connection->in_end - connection->in_start;
}

/* False: the connection is closed, for want of memory. */
static bool
refuse(struct connection *connection, uint32_t request_id, enum status status)
{
    if (status == STATUS_BUSY && server_may_log(connection->server)) {
        LOG(LOG_LEVEL_WARNING, EVENT_OVERLOADED, F("uid", connection->uid));
    }
    return connection_reply(connection, request_id, dispatch_refusal(status));
}

/* To a worker: *owned, where there is one, or else a copy. False: it could not be answered. */
static bool
hand_over(struct connection *connection, uint32_t request_id, struct bytes request, uint8_t **owned)
{
    struct server *server = connection->server;
    struct rpc_memory *memory = connection_memory(connection);
    struct job *job = *owned != NULL ? jobs_take_owned(server->jobs, memory, owned, request.size)
                                     : jobs_take(server->jobs, memory, request);

    if (job == NULL) {
        return refuse(connection, request_id, STATUS_BUSY);
    }
    job->connection = connection;
    job->peer = connection->peer;
    job->request_id = request_id;
    /* Before the submit, because the job may end before that returns. */
    connection_job_begins(connection, request.size);
    if (workers_submit(server->workers, job) != STATUS_OK) {
        bool paused;

        jobs_give(server->jobs, job);
        paused = connection_job_ends(connection, request.size);
        assert(!paused);
        return refuse(connection, request_id, STATUS_BUSY);
    }
    return true;
}

/* One whole request, answered here or handed over. False: the connection is closed. */
static bool
take_request(struct connection *connection, struct workspace *workspace, uint32_t request_id,
             struct bytes request, uint8_t **owned)
{
    struct bytes reply = {0};
    bool taken = true;
    enum dispatch_outcome outcome = dispatch_handle(connection->server->dispatch, &connection->peer,
                                                    workspace, request, DISPATCH_NO_WAIT, &reply);

    /* Before the reply, which is then already a known peer's. */
    if (connection->peer.state == PEER_KNOWN && !connection->known) {
        taken = admission_of_known(connection);
    }
    if (outcome == DISPATCH_ANSWERED && taken) {
        taken = connection_reply(connection, request_id, reply);
    }
    workspace_wipe(workspace);
    if (outcome == DISPATCH_WOULD_WAIT && taken) {
        taken = hand_over(connection, request_id, request, owned);
    }
    return taken;
}

/*
 * A frame longer than `in` gets a buffer of exactly its size, but only from somebody we know: what
 * a stranger may ask for is short. Else it is read past, and refused without having been held.
 */
static void
begin_long_frame(struct connection *connection)
{
    struct rpc_memory *memory = &connection->server->memory;
    size_t payload = connection->header.payload_bytes;
    size_t here;

    connection->in_start += SP_HEADER_BYTES;
    here = buffered(connection);
    assert(here < payload);
    connection->skip_status = STATUS_UNAUTHENTICATED;
    if (connection->peer.state == PEER_KNOWN) {
        connection->skip_status = STATUS_BUSY;
        connection->large = rpc_memory_new(memory, payload);
    }
    if (connection->large == NULL) {
        connection->skip = payload;
        return;
    }
    memcpy(connection->large, connection->in + connection->in_start, here);
    connection->large_got = here;
    connection->in_start += here;
}

static enum receive_step
go_on_long_frame(struct connection *connection, struct workspace *workspace)
{
    size_t size = connection->header.payload_bytes;
    uint8_t *request = connection->large;
    bool taken;

    if (connection->large_got < size) {
        return RECEIVE_MORE;
    }
    connection->large = NULL;
    connection->large_got = 0;
    connection->frame_by = 0;
    taken = take_request(connection, workspace, connection->header.request_id,
                         bytes_of(request, size), &request);
    rpc_memory_free(&connection->server->memory, request, size);
    return taken ? RECEIVE_NEXT : RECEIVE_END;
}

static enum receive_step
go_on_skipping(struct connection *connection)
{
    size_t here = buffered(connection);

    here = here < connection->skip ? here : connection->skip;
    connection->in_start += here;
    connection->skip -= here;
    if (connection->skip > 0) {
        return RECEIVE_MORE;
    }
    connection->frame_by = 0;
    return refuse(connection, connection->header.request_id, connection->skip_status) ? RECEIVE_NEXT
                                                                                      : RECEIVE_END;
}

static enum receive_step
begin_frame(struct connection *connection, struct workspace *workspace)
{
    struct bytes here = bytes_of(connection->in + connection->in_start, buffered(connection));
    struct sp_header *header = &connection->header;
    enum sp_verdict verdict = sp_header_parse(here, header);
    uint8_t *owned = NULL;

    if (verdict == SP_BROKEN) {
        connection_close(connection, CLOSE_MALFORMED);
        return RECEIVE_END;
    }
    if (verdict == SP_MORE) {
        return RECEIVE_MORE;
    }
    if (SP_HEADER_BYTES + header->payload_bytes > RECEIVE_BYTES) {
        begin_long_frame(connection);
        return RECEIVE_NEXT;
    }
    if (SP_HEADER_BYTES + header->payload_bytes > here.size) {
        return RECEIVE_MORE;
    }
    connection->in_start += SP_HEADER_BYTES + header->payload_bytes;
    connection->frame_by = 0;
    return take_request(connection, workspace, header->request_id,
                        bytes_of(here.data + SP_HEADER_BYTES, header->payload_bytes), &owned)
               ? RECEIVE_NEXT
               : RECEIVE_END;
}

/* One step along the bytes that are there. */
static enum receive_step
next_step(struct connection *connection, struct workspace *workspace)
{
    if (connection->server->stopping) {
        return RECEIVE_PAUSE;
    }
    if (connection->large != NULL) {
        return go_on_long_frame(connection, workspace);
    }
    if (connection->skip > 0) {
        return go_on_skipping(connection);
    }
    if (buffered(connection) == 0) {
        return RECEIVE_MORE;
    }
    return connection_has_room(connection) ? begin_frame(connection, workspace) : RECEIVE_PAUSE;
}

/* What is consumed is wiped, what is not moves to the front. */
static void
tidy(struct connection *connection)
{
    size_t left = buffered(connection);

    if (connection->in_start > 0) {
        memmove(connection->in, connection->in + connection->in_start, left);
        explicit_bzero(connection->in + left, connection->in_end - left);
        connection->in_start = 0;
        connection->in_end = left;
    }
}

/* Where the next bytes go; a frame under way has its deadline from its first byte. */
static nng_iov
next_read(struct connection *connection)
{
    uint8_t *to = connection->in + connection->in_end;
    size_t size = RECEIVE_BYTES - connection->in_end;

    if (connection->in == NULL) {
        to = connection->greeting + connection->greeted;
        size = SP_GREETING_BYTES - connection->greeted;
    } else if (connection->large != NULL) {
        to = connection->large + connection->large_got;
        size = connection->header.payload_bytes - connection->large_got;
    }
    if (connection->frame_by == 0 &&
        (buffered(connection) > 0 || connection->large != NULL || connection->skip > 0)) {
        connection->frame_by = clock_monotonic_ms() + connection->server->limits.frame_ms;
    }
    return (nng_iov){.iov_buf = to, .iov_len = size};
}

static void
run_path(struct connection *connection, struct workspace *workspace)
{
    enum receive_step step;
    nng_iov into = {0};

    do {
        do {
            step = next_step(connection, workspace);
        } while (step == RECEIVE_NEXT);
        tidy(connection);
        if (step == RECEIVE_MORE) {
            into = next_read(connection);
        } else {
            connection->frame_by = 0; /* nobody can be late while we do not read */
        }
    } while (!connection_settle(connection, step, into));
}

void
receive_go(struct connection *connection, struct workspace *workspace)
{
    struct desks *desks = connection->server->desks;

    if (workspace != NULL) {
        run_path(connection, workspace);
        return;
    }
    workspace = desks_take(desks);
    run_path(connection, workspace);
    desks_give(desks, workspace);
}

void
receive_start(struct connection *connection)
{
    (void)connection_settle(connection, RECEIVE_MORE, next_read(connection));
}

/* True: it is whole and right. */
static bool
greet(struct connection *connection)
{
    enum sp_verdict verdict =
        sp_greeting_check(bytes_of(connection->greeting, connection->greeted));

    if (verdict == SP_BROKEN) {
        connection_close(connection, CLOSE_MALFORMED);
    }
    if (verdict == SP_WHOLE) {
        /* Only now: a crowd of strangers who say nothing holds no locked memory. */
        connection->in = rpc_memory_new(connection_memory(connection), RECEIVE_BYTES);
        connection->frame_by = 0;
        if (connection->in == NULL) {
            connection_close(connection, CLOSE_NO_MEMORY);
        }
    }
    return connection->in != NULL;
}

void
receive_callback(void *argument)
{
    struct connection *connection = argument;
    size_t size = nng_aio_count(connection->receive_aio);
    int error = nng_aio_result(connection->receive_aio);

    connection->receive_by = 0;
    if (error != 0) {
        if (!connection->server->stopping) {
            connection_close(connection, CLOSE_BY_PEER);
        }
        (void)connection_settle(connection, RECEIVE_END, (nng_iov){0});
        return;
    }
    if (connection->in == NULL) {
        connection->greeted += size;
        if (!greet(connection)) {
            (void)connection_settle(connection, RECEIVE_MORE, next_read(connection));
            return;
        }
    } else if (connection->large != NULL) {
        connection->large_got += size;
    } else {
        connection->in_end += size;
    }
    receive_go(connection, NULL);
}

void
receive_run(struct job *job, struct workspace *workspace)
{
    struct connection *connection = job->connection;
    size_t request_bytes = job->request_bytes;
    struct bytes reply = {0};
    enum dispatch_outcome outcome =
        dispatch_handle(connection->server->dispatch, &job->peer, workspace,
                        bytes_of(job->request, request_bytes), DISPATCH_MAY_WAIT, &reply);

    assert(outcome == DISPATCH_ANSWERED);
    /* A reply that cannot be kept closes the connection; there is nothing else to do about it. */
    (void)connection_reply(connection, job->request_id, reply);
    workspace_wipe(workspace);
    jobs_give(connection->server->jobs, job);
    if (connection_job_ends(connection, request_bytes)) {
        receive_go(connection, workspace);
    }
}

void
receive_drop(struct job *job)
{
    struct connection *connection = job->connection;
    size_t request_bytes = job->request_bytes;

    bool paused;

    jobs_give(connection->server->jobs, job);
    paused = connection_job_ends(connection, request_bytes);
    assert(!paused); /* a server that stops reads no more */
}

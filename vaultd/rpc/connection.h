/* SPDX-License-Identifier: Apache-2.0 */
/* connection.h: one accepted stream: its states, its deadlines, what is on its way out, its end. */
#ifndef CONTACT_VAULT_CONNECTION_H
#define CONTACT_VAULT_CONNECTION_H

#include <nng/nng.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "close_reason.h"
#include "dispatch.h"
#include "outbox.h"
#include "sp.h"

struct rpc_memory;
struct server;

enum {
    RECEIVE_BYTES = 4096, /* one page a connection; a longer frame has a buffer of its own */
    STRANGER_BYTES = RECEIVE_BYTES + 4096, /* that, and the page that one reply takes */
};

/*
 * Invariants:
 * 1. `lock` guards the members below it, up to `outbox`; `closing` may be read without it.
 * 2. `receiving`: one thread, or one operation of nng's, owns the receive path: the members from
 *    `peer` on, and receive_aio. So requests are offered to dispatch one at a time, in order of
 *    arrival. Not set, and neither closing nor stopping: the connection has no room, and whoever
 *    makes room takes the path over and goes on with receive_go.
 * 3. `sending`: the same for writing: the bytes of outbox.writing, greeting_sent and send_aio.
 *    Not set: the outbox is empty, or somebody is about to settle or to end a job.
 * 4. `outstanding` jobs name this connection, with `outstanding_bytes` of requests.
 * 5. `closing` is set once, by connection_close; nng_stream_close follows. An operation started
 *    at that moment could hang in nng, whose ipc streams do not refuse after a close: server_tick
 *    therefore cancels both aios of a closing connection until it is at rest.
 * 6. At rest is: closing, not receiving, not sending, none outstanding. Whoever brings it there
 *    gives its locked memory back before he unlocks, his last act on it. The rest is freed by
 *    server_tick's thread alone, and only of what is at rest.
 * 7. `known` is what the caps count by. The owner of the receive path sets it, once, with
 *    server.lock and `lock` held, when dispatch has written PEER_KNOWN into `peer`; so that owner,
 *    or either lock, may read it. A peer that fails a later hello stays counted as known.
 * 8. Until then no request is read while another is unanswered or a reply has not left, and `in`
 *    and the outbox are of server.strangers; afterwards of server.memory.
 */
struct connection {
    struct connection *next; /* in server.connections; guarded by server.lock */
    struct server *server;
    nng_stream *stream;
    nng_aio *receive_aio, *send_aio;
    enum peer_socket socket;
    uint32_t uid;
    uint64_t accepted_at; /* monotonic ms, as all times here */

    pthread_mutex_t lock;
    atomic_bool closing;
    bool known;
    bool receiving, sending;
    uint32_t outstanding;
    size_t outstanding_bytes;
    _Atomic uint64_t receive_by;    /* 0: no deadline, or no read under way */
    enum close_reason receive_late; /* what it means when that has passed */
    uint64_t write_by;
    uint64_t active_at; /* when bytes last came or went */
    struct outbox outbox;

    size_t greeting_sent; /* the writer's */

    struct peer peer;
    uint8_t greeting[SP_GREETING_BYTES];
    size_t greeted;          /* bytes of it that came */
    uint64_t frame_by;       /* of the greeting, or frame, begun and not whole; 0: none */
    uint8_t *in;             /* RECEIVE_BYTES, locked, once the greeting is whole */
    size_t in_start, in_end; /* what came and is not consumed */
    struct sp_header header; /* of the frame that `large` or `skip` is about */
    uint8_t *large;          /* the payload of a frame longer than `in` */
    size_t large_got;
    size_t skip;             /* payload bytes still to be read past, of a frame that is refused */
    enum status skip_status; /* what it will be answered */
};

/* Takes ownership of the stream, whatever comes of it, and starts both directions. */
void connection_start(struct server *server, nng_stream *stream, enum peer_socket socket,
                      uint32_t uid);
/* By whoever keeps the connection from being at rest, or under server.lock. */
void connection_close(struct connection *connection, enum close_reason reason);
/* server_tick's thread: closes what is late; true: at rest, to be freed. */
MUST_USE bool connection_tick(struct connection *connection, uint64_t now_ms);
/* The receive path's owner, under server.lock: invariants 7 and 8. */
void connection_set_known(struct connection *connection);
/* The receive path's owner: where its locked memory comes from. */
struct rpc_memory *connection_memory(const struct connection *connection);
/* Stops reading; true: and nothing is in flight any more. */
MUST_USE bool connection_drain(struct connection *connection);
void connection_free(struct connection *connection);
/* Puts a reply into the outbox, to leave at the next settling; false: closed, for want of room. */
bool connection_reply(struct connection *connection, uint32_t request_id, struct bytes payload);
/* May another request be read? */
MUST_USE bool connection_has_room(struct connection *connection);
void connection_job_begins(struct connection *connection, size_t request_bytes);
/*
 * One job less; writes what is in the outbox. True: the receive path was paused and is the caller's
 * now, who must go on with receive_go.
 */
MUST_USE bool connection_job_ends(struct connection *connection, size_t request_bytes);

/* What the owner of the receive path wants next. */
enum receive_step {
    RECEIVE_NEXT,  /* look again at what is there; never settled with */
    RECEIVE_MORE,  /* read on */
    RECEIVE_PAUSE, /* no room for another request */
    RECEIVE_END,   /* closed */
};

/*
 * Writes what is in the outbox and gives up the receive path, or for MORE leaves it to a read into
 * `into`. False, for PAUSE only: the path is still the caller's, for there is room again.
 */
bool connection_settle(struct connection *connection, enum receive_step step, nng_iov into);

#endif

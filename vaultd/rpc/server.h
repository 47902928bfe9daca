/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h: listens, accepts, speaks the SP REQ/REP framing over nng's byte streams, and hands
 * whole requests to dispatch. Moves bytes, knows no meaning. DESIGN.md says why this is not a REP
 * socket.
 */
#ifndef CONTACT_VAULT_SERVER_H
#define CONTACT_VAULT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "dispatch.h"
#include "status.h"

struct server;

/* Every member 0 means the default named beside it. */
struct server_limits {
    /* Of peers that dispatch knows. */
    uint32_t connections_max;         /* 1,024 on data sockets */
    uint32_t admin_connections_max;   /* 64 on admin sockets; nobody else's use takes these */
    uint32_t connections_per_uid_max; /* 256 over all sockets */
    /* Of strangers, over all sockets. One too many closes an older one; see admission.h. */
    uint32_t strangers_max;         /* 256 */
    uint32_t strangers_per_uid_max; /* 32 */
    uint32_t stranger_ms;           /* 30,000: from accept until dispatch knows the peer */
    uint32_t outstanding_max; /* 64 requests unanswered on one connection, one on a stranger's;
                                 then it is not read */
    uint32_t handshake_ms;    /* 5,000: from accept to the whole SP header */
    uint32_t frame_ms;        /* 10,000: from a frame's first byte to its last */
    uint32_t write_ms;        /* 10,000: for one write of replies to be taken */
    uint32_t idle_ms;         /* 0: never; a known peer's connection may rest */
    uint32_t workers;         /* 64 threads that may wait for the disk */
    uint32_t queue_max;       /* 4,096 requests waiting for a worker; then BUSY */
    size_t memory_bytes_max;  /* 64 MiB of requests and replies held, over all connections */
};

struct server_socket {
    enum peer_socket socket;
    const char *path; /* of the Unix socket; 107 bytes at most; a stale one is replaced */
    mode_t mode;
    gid_t group; /* (gid_t)-1: leave it */
};

struct server_options {
    struct dispatch *dispatch;
    const struct server_socket *sockets;
    size_t socket_count;
    struct server_limits limits;
};

/*
 * server_start: the first nng call of the process is in here. UNAVAILABLE: a socket cannot be bound
 * (logged with its cause); INVALID: a path too long.
 */
MUST_USE enum status server_start(const struct server_options *options, struct server **ret_server);

/*
 * server_tick: closes what is past its deadline and frees what is closed. Call it from one
 * maintenance thread, some ten times a second.
 */
void server_tick(struct server *server);

/*
 * server_drain: from the first call on nothing more is accepted or read; true: nothing is in flight
 * any more. Called between ticks for as long as one is ready to wait, then server_stop.
 */
bool server_drain(struct server *server);

/* The same for up to drain_ms, and then the end: what is still in flight is dropped, all is freed.
 */
void server_stop(struct server **server, uint32_t drain_ms);

#endif

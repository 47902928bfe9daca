/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_internal.h: the server that the files of rpc share. server.c starts, ticks and stops;
 * listener.c accepts; admission.c counts; connection.c holds the states and writes; receive.c
 * reads, and hands requests to dispatch.
 *
 * Lock order: server.lock, then connection.lock, then the leaves (those of jobs, workers and
 * desks). nng is never called by us under a leaf, and calls none of our functions with a lock of
 * its own held.
 */
#ifndef CONTACT_VAULT_SERVER_INTERNAL_H
#define CONTACT_VAULT_SERVER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "listener.h"
#include "rpc_memory.h"
#include "server.h"

struct connection;
struct desks;
struct jobs;
struct workers;

struct server {
    struct dispatch *dispatch;
    struct server_limits limits; /* defaults filled in */
    struct rpc_memory memory;
    struct rpc_memory strangers; /* within `memory`: so much of it, and no more, is strangers' */
    struct jobs *jobs;
    struct workers *workers;
    struct desks *desks;
    atomic_bool stopping; /* nothing more is accepted or read */

    pthread_mutex_t lock;
    struct connection *connections; /* all not freed, closing ones too; the newest first */

    _Atomic uint64_t logged_at; /* of the last line about somebody's misbehaviour */
    _Atomic uint64_t refused;   /* connections over a cap, since that line */

    size_t listener_count;
    struct listener listeners[];
};

/* Rarely enough true that a flood cannot fill the log. */
bool server_may_log(struct server *server);

#endif

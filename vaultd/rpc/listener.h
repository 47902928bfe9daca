/* SPDX-License-Identifier: Apache-2.0 */
/* listener.h: one Unix socket that is listened on, and who is let in by it. */
#ifndef CONTACT_VAULT_LISTENER_H
#define CONTACT_VAULT_LISTENER_H

#include <nng/nng.h>
#include <stdatomic.h>

#include "dispatch.h"
#include "status.h"

struct server;
struct server_socket;

struct listener {
    struct server *server;
    nng_stream_listener *stream;
    nng_aio *accept_aio;
    enum peer_socket socket;
    atomic_bool resting; /* accept failed or too many wait to be freed: server_tick tries again */
};

/* Binds and listens; the rest of the listener is filled in already. */
MUST_USE enum status listener_start(struct listener *listener, const struct server_socket *socket);
void listener_accept(struct listener *listener);
/* Removes the socket file. */
void listener_stop(struct listener *listener);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * receive.h: the receive path of a connection: bytes to frames to requests to dispatch, in order of
 * arrival, by whoever owns the path (connection.h, invariant 2).
 */
#ifndef CONTACT_VAULT_RECEIVE_H
#define CONTACT_VAULT_RECEIVE_H

struct connection;
struct job;
struct workspace;

/* nng's callback for receive_aio; its argument is the connection. */
void receive_callback(void *argument);
/* The first read of a new connection. */
void receive_start(struct connection *connection);
/* Goes on with a receive path that the caller owns; NULL: with a workspace of the desks. */
void receive_go(struct connection *connection, struct workspace *workspace);
/* A worker's: answers the job, gives it back, and goes on with the receive path if that was paused.
 */
void receive_run(struct job *job, struct workspace *workspace);
void receive_drop(struct job *job);

#endif

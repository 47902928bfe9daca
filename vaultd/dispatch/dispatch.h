/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch.h: bytes in, bytes out: decode, who are you, may you, record it, do it, encode. The one
 * table of operations lives behind it. Knows no socket: tests and fuzzers use the same door as rpc.
 */
#ifndef CONTACT_VAULT_DISPATCH_H
#define CONTACT_VAULT_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "limits.h"
#include "status.h"

struct access;
struct audit;
struct dispatch;
struct keyring;
struct store;
struct vault;

/* Which listener a connection came in by. An operation not on that socket does not exist there. */
enum peer_socket {
    PEER_DATA = 1,
    PEER_ADMIN = 2,
};

/* How far a connection has come in saying who it is. */
enum peer_state {
    PEER_STRANGER = 0,
    PEER_CHALLENGED = 1, /* a key was named and a nonce sent */
    PEER_KNOWN = 2,
};

/*
 * The far end of one connection; rpc keeps it, dispatch alone writes it. Only hello and prove
 * write, and those are always answered where they arrive, one after another for one connection; a
 * request that is handed to another thread travels with a copy.
 */
struct peer {
    enum peer_socket socket;
    uint32_t uid; /* as the kernel says it */
    enum peer_state state;
    uint32_t principal; /* number, when known */
    uint8_t connection[CONNECTION_ID_BYTES];
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint8_t client_nonce[NONCE_BYTES];
    uint8_t vault_nonce[NONCE_BYTES];
};

/* A new connection: a stranger with a fresh connection id. */
void dispatch_peer_init(struct peer *peer, enum peer_socket socket, uint32_t uid);

/* What one thread needs to answer one request at a time: scratch memory and a parser. */
struct workspace;
MUST_USE enum status workspace_new(struct workspace **ret_workspace);
void workspace_free(struct workspace **workspace);
/* After the reply was copied out: every byte of request and reply in it is zeroed. */
void workspace_wipe(struct workspace *workspace);

enum dispatch_mode {
    DISPATCH_NO_WAIT, /* on a thread that moves bytes: answer only what needs no disk and no lock */
    DISPATCH_MAY_WAIT, /* on a worker */
};

enum dispatch_outcome {
    DISPATCH_ANSWERED,
    DISPATCH_WOULD_WAIT, /* nothing was done; ask again with DISPATCH_MAY_WAIT */
};

/*
 * dispatch_handle: whatever the request's bytes are, ANSWERED gives a reply, which lies in the
 * workspace until its wipe. Any number of threads, each with its own workspace.
 */
enum dispatch_outcome dispatch_handle(struct dispatch *dispatch, struct peer *peer,
                                      struct workspace *workspace, struct bytes request,
                                      enum dispatch_mode mode, struct bytes *ret_reply);

/* A whole reply with this status and nothing else, for what rpc must refuse itself (BUSY). Static.
 */
struct bytes dispatch_refusal(enum status status);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch_echo.h: a double of dispatch for the tests and benches of rpc: it does what the first
 * byte of a request says, and holds rpc to the contract of dispatch.h as it goes (abort where it is
 * broken).
 */
#ifndef CONTACT_VAULT_DISPATCH_ECHO_H
#define CONTACT_VAULT_DISPATCH_ECHO_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "dispatch.h"

enum {
    ECHO_INLINE = 'e',  /* the request again, where it arrived */
    ECHO_WORKER = 'w',  /* the same, from a worker */
    ECHO_GATE = 'g',    /* the same, from a worker, once the gate is open */
    ECHO_SLEEP = 's',   /* the same, from a worker that waits first, about as long as a disk does */
    ECHO_LARGE = 'l',   /* 4 bytes follow, big-endian: a reply of so many bytes */
    ECHO_LOGIN = 'k',   /* from now on this peer is known; nothing more */
    ECHO_PEER = 'p',    /* socket, state, and uid in 4 bytes, as dispatch sees them */
    ECHO_ORDER = 'o',   /* 4 bytes: how many requests of this kind this peer has made before */
    ECHO_REFUSED = 0xff /* a refusal is this and the status */
};

struct dispatch {
    pthread_mutex_t lock;
    pthread_cond_t gate_opened;
    bool gate_open;
    atomic_uint inline_count; /* answered where they arrived */
    atomic_uint worker_count; /* begun on a worker */
    atomic_uint at_gate;      /* waiting there now */
};

void dispatch_echo_init(struct dispatch *dispatch);
void dispatch_echo_fini(struct dispatch *dispatch);
void dispatch_echo_open_gate(struct dispatch *dispatch);

#endif

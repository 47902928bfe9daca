/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_memory.h: locked memory for what travels through rpc, under one ceiling for all connections,
 * so that neither strangers nor clients can make the daemon hold more than that. Any thread.
 */
#ifndef CONTACT_VAULT_RPC_MEMORY_H
#define CONTACT_VAULT_RPC_MEMORY_H

#include <stdatomic.h>
#include <stddef.h>

/*
 * `used` is the sum of the sizes handed out, and never over `max`. What is handed out of one that
 * lies within another counts in both: strangers have such a one, so that they can use up no more
 * than that of what everybody needs.
 */
struct rpc_memory {
    atomic_size_t used;
    size_t max;
    struct rpc_memory *within; /* or NULL */
};

/* Zeroed; NULL over a ceiling, or when the kernel will not lock more. */
void *rpc_memory_new(struct rpc_memory *memory, size_t size);
/* Wiped first. NULL is fine. */
void rpc_memory_free(struct rpc_memory *memory, void *data, size_t size);
/* So many bytes handed out of `memory` count in `within` alone from now on, to be freed there. */
void rpc_memory_move_up(struct rpc_memory *memory, size_t size);

#endif

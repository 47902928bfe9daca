/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_memory.h: locked memory for what travels through rpc, under one ceiling for all connections,
 * so that neither strangers nor clients can make the daemon hold more than that. Any thread.
 */
#ifndef CONTACT_VAULT_RPC_MEMORY_H
#define CONTACT_VAULT_RPC_MEMORY_H

#include <stdatomic.h>
#include <stddef.h>

/* `used` is the sum of the sizes handed out, and never over `max`. */
struct rpc_memory {
    atomic_size_t used;
    size_t max;
};

/* Zeroed; NULL over the ceiling, or when the kernel will not lock more. */
void *rpc_memory_new(struct rpc_memory *memory, size_t size);
/* Wiped first. NULL is fine. */
void rpc_memory_free(struct rpc_memory *memory, void *data, size_t size);

#endif

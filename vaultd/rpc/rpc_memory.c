/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc_memory.h"

#include "failpoint.h"
#include "locked.h"

void *
rpc_memory_new(struct rpc_memory *memory, size_t size)
{
    size_t before = atomic_fetch_add(&memory->used, size);
    void *data = NULL;

    if (before <= memory->max && size <= memory->max - before && !FAILPOINT("rpc_memory")) {
        data = locked_new(size);
    }
    if (data == NULL) {
        atomic_fetch_sub(&memory->used, size);
    }
    return data;
}

void
rpc_memory_free(struct rpc_memory *memory, void *data, size_t size)
{
    if (data != NULL) {
        locked_free(data, size);
        atomic_fetch_sub(&memory->used, size);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc_memory.h"

#include <stdbool.h>

#include "failpoint.h"
#include "locked.h"

static bool
reserve(struct rpc_memory *memory, size_t size)
{
    size_t before = atomic_fetch_add(&memory->used, size);

    if (before <= memory->max && size <= memory->max - before) {
        return true;
    }
    atomic_fetch_sub(&memory->used, size);
    return false;
}

static void
give_back(struct rpc_memory *memory, size_t size)
{
    atomic_fetch_sub(&memory->used, size);
    if (memory->within != NULL) {
        atomic_fetch_sub(&memory->within->used, size);
    }
}

void *
rpc_memory_new(struct rpc_memory *memory, size_t size)
{
    void *data = NULL;

    if (!reserve(memory, size)) {
        return NULL;
    }
    if (memory->within != NULL && !reserve(memory->within, size)) {
        atomic_fetch_sub(&memory->used, size);
        return NULL;
    }
    if (!FAILPOINT("rpc_memory")) {
        data = locked_new(size);
    }
    if (data == NULL) {
        give_back(memory, size);
    }
    return data;
}

void
rpc_memory_free(struct rpc_memory *memory, void *data, size_t size)
{
    if (data != NULL) {
        locked_free(data, size);
        give_back(memory, size);
    }
}

void
rpc_memory_move_up(struct rpc_memory *memory, size_t size)
{
    atomic_fetch_sub(&memory->used, size);
}

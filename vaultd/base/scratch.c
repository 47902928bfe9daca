/* SPDX-License-Identifier: Apache-2.0 */
#include "scratch.h"

#include <assert.h>
#include <sodium.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#include "locked.h"

/* A chunk added for a large request; its own header lies at its start. */
struct chunk {
    struct chunk *next;
    size_t size;
};

/*
 * Invariants:
 * 1. `used` bytes of `first` are handed out; the rest of `first` is zero.
 * 2. `chunk` is the newest of the added chunks; `chunk_used` bytes of it are handed out.
 * 3. `total` is the sum of all chunks' sizes, `first` included.
 */
struct scratch {
    uint8_t *first;
    size_t used;
    struct chunk *chunk;
    size_t chunk_used;
    size_t total;
};

enum { ALIGNMENT = alignof(max_align_t), CHUNK_BYTES = 256 * 1024 };

static size_t
aligned(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

enum status
scratch_new(struct scratch **ret_scratch)
{
    struct scratch *scratch = calloc(1, sizeof *scratch);

    if (scratch == NULL) {
        return STATUS_INTERNAL;
    }
    scratch->first = locked_new(SCRATCH_FIRST_BYTES);
    if (scratch->first == NULL) {
        free(scratch);
        return STATUS_UNAVAILABLE;
    }
    scratch->total = SCRATCH_FIRST_BYTES;
    *ret_scratch = scratch;
    return STATUS_OK;
}

void
scratch_free(struct scratch **scratch)
{
    if (*scratch != NULL) {
        scratch_wipe(*scratch);
        locked_free((*scratch)->first, SCRATCH_FIRST_BYTES);
        free(*scratch);
        *scratch = NULL;
    }
}

static void *
alloc_from_chunk(struct scratch *scratch, size_t size)
{
    struct chunk *chunk = scratch->chunk;

    if (chunk == NULL || chunk->size - scratch->chunk_used < size) {
        size_t wanted = aligned(sizeof *chunk) + size;
        size_t chunk_size = wanted > CHUNK_BYTES ? wanted : CHUNK_BYTES;

        if (scratch->total + chunk_size > SCRATCH_BYTES_MAX) {
            return NULL;
        }
        chunk = locked_new(chunk_size);
        if (chunk == NULL) {
            return NULL;
        }
        *chunk = (struct chunk){.next = scratch->chunk, .size = chunk_size};
        scratch->chunk = chunk;
        scratch->chunk_used = aligned(sizeof *chunk);
        scratch->total += chunk_size;
    }
    void *data = (uint8_t *)chunk + scratch->chunk_used;
    scratch->chunk_used += size;
    return data;
}

void *
scratch_alloc(struct scratch *scratch, size_t size)
{
    if (size > SCRATCH_BYTES_MAX) {
        return NULL;
    }
    size = aligned(size == 0 ? 1 : size);
    if (SCRATCH_FIRST_BYTES - scratch->used < size) {
        return alloc_from_chunk(scratch, size);
    }
    void *data = scratch->first + scratch->used;
    scratch->used += size;
    return data;
}

void
scratch_wipe(struct scratch *scratch)
{
    struct chunk *chunk = scratch->chunk;

    sodium_memzero(scratch->first, scratch->used);
    scratch->used = 0;
    while (chunk != NULL) {
        struct chunk *next = chunk->next;

        locked_free(chunk, chunk->size);
        chunk = next;
    }
    scratch->chunk = NULL;
    scratch->chunk_used = 0;
    scratch->total = SCRATCH_FIRST_BYTES;
}

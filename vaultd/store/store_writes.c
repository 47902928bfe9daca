/* SPDX-License-Identifier: Apache-2.0 */
#include "store_writes.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

enum {
    CHUNK_BYTES = 256 * 1024,
    KEPT_CHUNKS = 16, /* 4 MiB: a batch of 4,096 new contacts */
    LEVELS = 10,      /* a quarter of the rows on each reaches the next: good for a million */
    ALIGNMENT = alignof(max_align_t),
};

/* A skip list: ordered, without rebalancing, and rows never leave it before the reset. */
struct store_write {
    struct store_row row;
    struct store_write *next[];
};

struct chunk {
    struct chunk *next;
    size_t size;
    size_t used;
};

struct store_writes {
    struct store_write *heads[STORE_TABLES][LEVELS];
    size_t count;
    size_t bytes;
    uint64_t random; /* for the heights only */
    struct chunk *chunks;
    struct chunk *current; /* of `chunks`, which are used in order; those after it are empty */
};

/* ---- the arena ---- */

static size_t
aligned(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static struct chunk *
chunk_new(size_t wanted)
{
    size_t size = aligned(sizeof(struct chunk)) + wanted;
    struct chunk *chunk;

    size = size < CHUNK_BYTES ? (size_t)CHUNK_BYTES : size;
    chunk = malloc(size);
    if (chunk != NULL) {
        *chunk = (struct chunk){.size = size, .used = aligned(sizeof *chunk)};
    }
    return chunk;
}

static bool
advance(struct store_writes *writes, size_t size)
{
    struct chunk *next = writes->current->next;

    if (next == NULL || next->size - next->used < size) {
        struct chunk *fresh = chunk_new(size);

        if (fresh == NULL) {
            return false;
        }
        fresh->next = next;
        writes->current->next = fresh;
        next = fresh;
    }
    writes->current = next;
    return true;
}

void *
store_writes_alloc(struct store_writes *writes, size_t size)
{
    void *data;

    size = aligned(size == 0 ? 1 : size);
    if (writes->current->size - writes->current->used < size && !advance(writes, size)) {
        return NULL;
    }
    data = (uint8_t *)writes->current + writes->current->used;
    writes->current->used += size;
    return data;
}

static void
free_chunks(struct chunk *chunk)
{
    while (chunk != NULL) {
        struct chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
}

struct store_writes *
store_writes_new(void)
{
    struct store_writes *writes = calloc(1, sizeof *writes);

    if (writes == NULL) {
        return NULL;
    }
    writes->random = 0x9e3779b97f4a7c15;
    writes->chunks = chunk_new(0);
    writes->current = writes->chunks;
    if (writes->chunks == NULL) {
        free(writes);
        return NULL;
    }
    return writes;
}

void
store_writes_free(struct store_writes **writes)
{
    if (*writes != NULL) {
        free_chunks((*writes)->chunks);
        free(*writes);
        *writes = NULL;
    }
}

void
store_writes_reset(struct store_writes *writes)
{
    struct chunk **link = &writes->chunks;

    for (int kept = 0; *link != NULL && kept < KEPT_CHUNKS; kept++) {
        if ((*link)->size > CHUNK_BYTES && kept > 0) {
            break; /* one of an unusual size, and what follows */
        }
        (*link)->used = aligned(sizeof **link);
        link = &(*link)->next;
    }
    free_chunks(*link);
    *link = NULL;
    writes->current = writes->chunks;
    memset(writes->heads, 0, sizeof writes->heads);
    writes->count = 0;
    writes->bytes = 0;
}

/* ---- the list ---- */

int
store_writes_compare(struct bytes a, struct bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* On each level the link to the first row at or after `key`; returns the lowest level's. */
static struct store_write **
find_links(struct store_writes *writes, enum store_table table, struct bytes key,
           struct store_write **ret_links[static LEVELS])
{
    struct store_write **next = writes->heads[table];

    for (int level = LEVELS - 1; level >= 0; level--) {
        while (next[level] != NULL && store_writes_compare(next[level]->row.key, key) < 0) {
            next = next[level]->next;
        }
        ret_links[level] = &next[level];
    }
    return ret_links[0];
}

const struct store_write *
store_writes_from(const struct store_writes *writes, enum store_table table, struct bytes key)
{
    struct store_write *const *next = writes->heads[table];

    for (int level = LEVELS - 1; level >= 0; level--) {
        while (next[level] != NULL && store_writes_compare(next[level]->row.key, key) < 0) {
            next = next[level]->next;
        }
    }
    return next[0];
}

const struct store_write *
store_writes_next(const struct store_write *write)
{
    return write->next[0];
}

const struct store_row *
store_write_row(const struct store_write *write)
{
    return &write->row;
}

const struct store_row *
store_writes_find(const struct store_writes *writes, enum store_table table, struct bytes key)
{
    const struct store_write *write;

    if (writes->heads[table][0] == NULL) {
        return NULL;
    }
    write = store_writes_from(writes, table, key);
    return write != NULL && bytes_equal(write->row.key, key) ? &write->row : NULL;
}

static int
random_height(struct store_writes *writes)
{
    uint64_t bits = writes->random;
    int height = 1;

    bits ^= bits << 13;
    bits ^= bits >> 7;
    bits ^= bits << 17;
    writes->random = bits;
    for (bits >>= 8; height < LEVELS && (bits & 3) == 0; bits >>= 2) {
        height++;
    }
    return height;
}

/* Never NULL data for a value that is there, though it be empty. */
static bool
copy(struct store_writes *writes, struct bytes from, struct bytes *ret_copy)
{
    uint8_t *data = NULL;

    if (from.data != NULL) {
        data = store_writes_alloc(writes, from.size);
        if (data == NULL) {
            return false;
        }
        memcpy(data, from.data, from.size);
    }
    *ret_copy = bytes_of(data, from.size);
    return true;
}

enum status
store_writes_put(struct store_writes *writes, enum store_table table, struct bytes key,
                 struct bytes value)
{
    struct store_write **links[LEVELS];
    struct store_write *write = *find_links(writes, table, key, links);
    struct store_row row = {.table = table};
    int height;

    if (!copy(writes, value, &row.value)) {
        return STATUS_INTERNAL;
    }
    if (write != NULL && bytes_equal(write->row.key, key)) {
        writes->bytes += value.size;
        write->row.value = row.value;
        return STATUS_OK;
    }
    height = random_height(writes);
    write = store_writes_alloc(writes, sizeof *write + (size_t)height * sizeof write->next[0]);
    if (write == NULL || !copy(writes, key, &row.key)) {
        return STATUS_INTERNAL;
    }
    write->row = row;
    for (int level = 0; level < height; level++) {
        write->next[level] = *links[level];
        *links[level] = write;
    }
    writes->count++;
    writes->bytes += key.size + value.size;
    return STATUS_OK;
}

size_t
store_writes_count(const struct store_writes *writes)
{
    return writes->count;
}

size_t
store_writes_bytes(const struct store_writes *writes)
{
    return writes->bytes;
}

const struct store_row *
store_writes_rows(struct store_writes *writes)
{
    struct store_row *rows = store_writes_alloc(writes, writes->count * sizeof *rows);
    size_t at = 0;

    if (rows == NULL) {
        return NULL;
    }
    for (int table = 0; table < STORE_TABLES; table++) {
        for (const struct store_write *write = writes->heads[table][0]; write != NULL;
             write = write->next[0]) {
            rows[at++] = write->row;
        }
    }
    assert(at == writes->count);
    return rows;
}

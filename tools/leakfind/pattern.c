/* SPDX-License-Identifier: Apache-2.0 */
#include "pattern.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    DOOR_BYTES = 6,
    HASH_BITS = 20, /* 1 Mi buckets: tens of thousands of patterns leave nearly all of them empty */
    BUCKETS = 1 << HASH_BITS,
};

struct pattern {
    struct pattern *next; /* in the same bucket */
    struct pattern_origin origin;
    size_t size;
    uint8_t bytes[];
};

struct pattern_set {
    struct pattern *buckets[BUCKETS];
    uint64_t occupied[BUCKETS / 64]; /* one bit a bucket: small enough to stay in the cache */
    size_t longest;
};

enum status
pattern_set_new(struct pattern_set **ret_set)
{
    *ret_set = calloc(1, sizeof **ret_set);
    return *ret_set != NULL ? STATUS_OK : STATUS_INTERNAL;
}

void
pattern_set_free(struct pattern_set **set)
{
    if (*set == NULL) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        while ((*set)->buckets[i] != NULL) {
            struct pattern *pattern = (*set)->buckets[i];

            (*set)->buckets[i] = pattern->next;
            free(pattern);
        }
    }
    free(*set);
    *set = NULL;
}

/* Fibonacci hashing: the top bits of a product with 2^64 divided by the golden ratio. */
static size_t
door(const uint8_t *bytes)
{
    uint64_t first = 0;

    memcpy(&first, bytes, DOOR_BYTES);
    return (size_t)((first * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - HASH_BITS));
}

static bool
is_there(const struct pattern *at, const void *bytes, size_t size)
{
    for (; at != NULL; at = at->next) {
        if (at->size == size && memcmp(at->bytes, bytes, size) == 0) {
            return true;
        }
    }
    return false;
}

enum status
pattern_set_add(struct pattern_set *set, const void *bytes, size_t size,
                struct pattern_origin origin)
{
    if (size < PATTERN_BYTES_MIN) {
        return STATUS_INVALID;
    }
    if (size > PATTERN_BYTES_MAX) {
        return STATUS_TOO_LARGE;
    }
    size_t bucket = door(bytes);

    if (is_there(set->buckets[bucket], bytes, size)) {
        return STATUS_OK;
    }
    struct pattern *pattern = malloc(sizeof *pattern + size);

    if (pattern == NULL) {
        return STATUS_INTERNAL;
    }
    pattern->next = set->buckets[bucket];
    pattern->origin = origin;
    pattern->size = size;
    memcpy(pattern->bytes, bytes, size);
    set->buckets[bucket] = pattern;
    set->occupied[bucket / 64] |= UINT64_C(1) << (bucket % 64);
    if (size > set->longest) {
        set->longest = size;
    }
    return STATUS_OK;
}

size_t
pattern_set_longest(const struct pattern_set *set)
{
    return set->longest;
}

void
pattern_set_search(const struct pattern_set *set, const uint8_t *text, size_t size, size_t starts,
                   pattern_hit *hit, void *state)
{
    for (size_t i = 0; i < starts && size - i >= PATTERN_BYTES_MIN; i++) {
        size_t bucket = door(text + i);

        if ((set->occupied[bucket / 64] >> (bucket % 64) & 1) == 0) {
            continue;
        }
        for (const struct pattern *at = set->buckets[bucket]; at != NULL; at = at->next) {
            if (at->size <= size - i && memcmp(at->bytes, text + i, at->size) == 0) {
                hit(state, i, at->origin);
            }
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.h: a set of byte strings, all looked for in one pass over the text. The first six bytes
 * of a pattern are its door: a bit per hash turns nearly every place away with one look.
 */
#ifndef CONTACT_VAULT_PATTERN_H
#define CONTACT_VAULT_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

struct pattern_set;

enum {
    PATTERN_BYTES_MIN = 7,
    PATTERN_BYTES_MAX = 2048,
};

/* How a needle was written to become this pattern; a literal ("plain", "base64", ...). */
struct pattern_origin {
    const char *encoding;
    size_t line; /* of the needle in its file */
};

MUST_USE enum status pattern_set_new(struct pattern_set **ret_set);
void pattern_set_free(struct pattern_set **set);

/* Copies the bytes; a pattern that is there already is passed over. TOO_LARGE, INVALID: its size.
 */
MUST_USE enum status pattern_set_add(struct pattern_set *set, const void *bytes, size_t size,
                                     struct pattern_origin origin);
size_t pattern_set_longest(const struct pattern_set *set);

typedef void pattern_hit(void *state, size_t offset, struct pattern_origin origin);

/* Calls `hit` for every pattern that begins at an offset below `starts` and ends within `size`. */
void pattern_set_search(const struct pattern_set *set, const uint8_t *text, size_t size,
                        size_t starts, pattern_hit *hit, void *state);

#endif

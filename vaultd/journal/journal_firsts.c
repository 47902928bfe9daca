/* SPDX-License-Identifier: Apache-2.0 */
#include "journal_firsts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum status
journal_firsts_grow(struct journal_firsts *firsts)
{
    uint64_t *positions =
        realloc(firsts->positions, ((size_t)firsts->count + 1) * sizeof *positions);

    if (positions == NULL) {
        return STATUS_INTERNAL;
    }
    firsts->positions = positions;
    return STATUS_OK;
}

void
journal_firsts_add(struct journal_firsts *firsts, uint64_t position)
{
    firsts->positions[firsts->count++] = position;
}

void
journal_firsts_drop_oldest(struct journal_firsts *firsts)
{
    assert(firsts->count > 0);
    firsts->oldest++;
    firsts->count--;
    memmove(firsts->positions, firsts->positions + 1, firsts->count * sizeof *firsts->positions);
}

uint32_t
journal_firsts_find(const struct journal_firsts *firsts, uint64_t position)
{
    uint32_t low = 0;
    uint32_t high = firsts->count - 1;

    assert(firsts->count > 0);
    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;

        if (firsts->positions[middle] <= position) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

void
journal_firsts_free(struct journal_firsts *firsts)
{
    free(firsts->positions);
    firsts->positions = NULL;
    firsts->count = 0;
}

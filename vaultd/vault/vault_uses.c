/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_uses.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum { SLOT_BITS = 16, WINDOW = 16, NO_ROW = 0 };

_Static_assert(1 << SLOT_BITS == VAULT_USES_MAX, "a slot's place is that many bits of a hash");

/*
 * Invariants:
 * 1. A row stands in one of the WINDOW slots from its home on, round the end, and in one only.
 * 2. `slots`, and `count` of them that are taken, are read and written under `lock`, which is held
 *    for a few slots, or for one walk.
 * 3. `settling` is never taken under `lock`.
 */
struct vault_uses {
    pthread_mutex_t settling;
    pthread_mutex_t lock;
    size_t count;
    bool lost;   /* one was dropped */
    size_t next; /* where the next walk begins, so that each row has its turn */
    uint64_t slots[VAULT_USES_MAX];
};

struct vault_uses *
vault_uses_new(void)
{
    struct vault_uses *uses = calloc(1, sizeof *uses);

    if (uses != NULL) {
        (void)pthread_mutex_init(&uses->settling, NULL);
        (void)pthread_mutex_init(&uses->lock, NULL);
    }
    return uses;
}

void
vault_uses_free(struct vault_uses **uses)
{
    if (*uses != NULL) {
        (void)pthread_mutex_destroy(&(*uses)->settling);
        (void)pthread_mutex_destroy(&(*uses)->lock);
        free(*uses);
        *uses = NULL;
    }
}

/* Neighbours in the order of arrival are spread (Fibonacci hashing). */
static size_t
home_of(uint64_t row)
{
    return (size_t)((row * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - SLOT_BITS));
}

/* The slot of that row, or NULL; *ret_free: one it could have, or NULL. */
static uint64_t *
find_slot(struct vault_uses *uses, uint64_t row, uint64_t **ret_free)
{
    size_t home = home_of(row);

    *ret_free = NULL;
    for (size_t i = 0; i < WINDOW; i++) {
        uint64_t *slot = &uses->slots[(home + i) % VAULT_USES_MAX];

        if (*slot == row) {
            return slot;
        }
        if (*slot == NO_ROW && *ret_free == NULL) {
            *ret_free = slot;
        }
    }
    return NULL;
}

void
vault_uses_add(struct vault_uses *uses, uint64_t row)
{
    uint64_t *free_slot;

    assert(row != NO_ROW);
    (void)pthread_mutex_lock(&uses->lock);
    if (find_slot(uses, row, &free_slot) == NULL) {
        uses->lost = uses->lost || free_slot == NULL;
        if (free_slot != NULL) {
            *free_slot = row;
            uses->count++;
        }
    }
    (void)pthread_mutex_unlock(&uses->lock);
}

bool
vault_uses_lost(struct vault_uses *uses)
{
    bool lost;

    (void)pthread_mutex_lock(&uses->lock);
    lost = uses->lost;
    uses->lost = false;
    (void)pthread_mutex_unlock(&uses->lock);
    return lost;
}

bool
vault_uses_has(struct vault_uses *uses, uint64_t row)
{
    uint64_t *free_slot;
    bool has;

    (void)pthread_mutex_lock(&uses->lock);
    has = find_slot(uses, row, &free_slot) != NULL;
    (void)pthread_mutex_unlock(&uses->lock);
    return has;
}

size_t
vault_uses_peek(struct vault_uses *uses, uint64_t *ret_rows, size_t limit)
{
    size_t count = 0;

    (void)pthread_mutex_lock(&uses->lock);
    limit = limit < uses->count ? limit : uses->count;
    for (size_t i = 0; i < VAULT_USES_MAX && count < limit; i++) {
        uint64_t row = uses->slots[uses->next];

        uses->next = (uses->next + 1) % VAULT_USES_MAX;
        if (row != NO_ROW) {
            ret_rows[count++] = row;
        }
    }
    (void)pthread_mutex_unlock(&uses->lock);
    return count;
}

void
vault_uses_remove(struct vault_uses *uses, const uint64_t *rows, size_t count)
{
    (void)pthread_mutex_lock(&uses->lock);
    for (size_t i = 0; i < count; i++) {
        uint64_t *free_slot;
        uint64_t *slot = find_slot(uses, rows[i], &free_slot);

        if (slot != NULL) {
            *slot = NO_ROW;
            uses->count--;
        }
    }
    (void)pthread_mutex_unlock(&uses->lock);
}

void
vault_uses_settle_begin(struct vault_uses *uses)
{
    (void)pthread_mutex_lock(&uses->settling);
}

void
vault_uses_settle_end(struct vault_uses *uses)
{
    (void)pthread_mutex_unlock(&uses->settling);
}

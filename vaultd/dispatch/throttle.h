/* SPDX-License-Identifier: Apache-2.0 */
/*
 * throttle.h: how often somebody may do a thing: so many at once, then so many a second. By number,
 * in a fixed table: two whose numbers fall together share their budget. Any thread.
 */
#ifndef CONTACT_VAULT_THROTTLE_H
#define CONTACT_VAULT_THROTTLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { THROTTLE_SLOTS = 1024 };

struct throttle {
    pthread_mutex_t lock; /* a leaf */
    uint32_t burst;       /* at once */
    uint32_t per_second;
    struct {
        uint32_t used;
        uint64_t since_ms; /* monotonic: when `used` was last made less */
    } slots[THROTTLE_SLOTS];
};

void throttle_init(struct throttle *throttle, uint32_t burst, uint32_t per_second);
void throttle_fini(struct throttle *throttle);

/* False: more than there is left; then nothing is taken. `count` 0 asks whether any is left. */
bool throttle_take(struct throttle *throttle, uint32_t who, uint32_t count);

#endif

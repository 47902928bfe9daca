/* SPDX-License-Identifier: Apache-2.0 */
#include "throttle.h"

#include "clock.h"

enum { SECOND_MS = 1000 };

void
throttle_init(struct throttle *throttle, uint32_t burst, uint32_t per_second)
{
    *throttle = (struct throttle){.burst = burst, .per_second = per_second};
    (void)pthread_mutex_init(&throttle->lock, NULL);
}

void
throttle_fini(struct throttle *throttle)
{
    (void)pthread_mutex_destroy(&throttle->lock);
}

bool
throttle_take(struct throttle *throttle, uint32_t who, uint32_t count)
{
    uint32_t slot = who % THROTTLE_SLOTS;
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t seconds;
    bool taken;

    (void)pthread_mutex_lock(&throttle->lock);
    seconds = (now_ms - throttle->slots[slot].since_ms) / SECOND_MS;
    if (seconds > 0) {
        uint64_t given_back = seconds * throttle->per_second;

        throttle->slots[slot].since_ms += seconds * SECOND_MS;
        throttle->slots[slot].used -= given_back < throttle->slots[slot].used
                                          ? (uint32_t)given_back
                                          : throttle->slots[slot].used;
    }
    /* Sums of 64 bits: a count may be anything. */
    taken = (uint64_t)throttle->slots[slot].used + (count == 0 ? 1 : count) <= throttle->burst;
    if (taken) {
        throttle->slots[slot].used += count;
    }
    (void)pthread_mutex_unlock(&throttle->lock);
    return taken;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget_window.h: how many units were spent in the last while, in a ring of buckets of time. The
 * while is (count - 1) * bucket_ms: the newest bucket is still being filled, and the others cover
 * the while whole, so the sum never says less than was spent in it. One thread at a time.
 */
#ifndef CONTACT_VAULT_BUDGET_WINDOW_H
#define CONTACT_VAULT_BUDGET_WINDOW_H

#include <stdint.h>

/*
 * 1. sum is the sum over units.
 * 2. Bucket number n (time / bucket_ms) stands at units[n % count], newest - count < n <= newest.
 */
struct budget_window {
    uint32_t bucket_ms;
    uint32_t count;
    uint64_t newest;
    uint64_t sum;
    uint32_t *units; /* the caller's storage, count of them */
};

void budget_window_init(struct budget_window *window, uint32_t *units, uint32_t count,
                        uint32_t bucket_ms, uint64_t now_ms);

/* Lets what is too old go. A time before the newest is the newest. */
void budget_window_advance(struct budget_window *window, uint64_t now_ms);

/* In the newest bucket. */
void budget_window_add(struct budget_window *window, uint64_t amount);

/* Takes out again what was added at that time, or, by a clock that lagged, after it. */
void budget_window_take_out(struct budget_window *window, uint64_t added_ms, uint32_t amount);

/* UINT32_MAX under limit 0, which is none. */
uint32_t budget_window_room(const struct budget_window *window, uint32_t limit);

/*
 * From when on does that amount fit, if nothing more is spent meanwhile but `promised`, now? 0:
 * it fits now; UINT64_MAX: never.
 */
uint64_t budget_window_fits_ms(const struct budget_window *window, uint32_t limit,
                               uint64_t promised, uint32_t amount);

#endif

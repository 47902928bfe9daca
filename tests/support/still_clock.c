/* SPDX-License-Identifier: Apache-2.0 */
#include "still_clock.h"

#include <stdatomic.h>
#include <time.h>

/* A noon far from the turn of a year; and on the hour, as buckets of time are. */
static const uint64_t began_ms = UINT64_C(1781524800000); /* 2026-06-15T12:00:00Z */
static _Atomic uint64_t passed_ms;
static _Atomic int64_t wall_ahead_ms;

/* The linker lets shared libraries look for it by this name too. */
__attribute__((visibility("default"))) int __wrap_clock_gettime(clockid_t id,
                                                                struct timespec *ret_now);

int
__wrap_clock_gettime(clockid_t id, struct timespec *ret_now)
{
    uint64_t now_ms = still_clock_now_ms();

    now_ms += id == CLOCK_REALTIME ? (uint64_t)atomic_load(&wall_ahead_ms) : 0;
    ret_now->tv_sec = (time_t)(now_ms / 1000);
    ret_now->tv_nsec = (long)(now_ms % 1000) * 1000000;
    return 0;
}

uint64_t
still_clock_now_ms(void)
{
    return began_ms + atomic_load(&passed_ms);
}

void
still_clock_pass_ms(uint64_t ms)
{
    (void)atomic_fetch_add(&passed_ms, ms);
}

void
still_clock_set_wall_ms(int64_t ahead_ms)
{
    atomic_store(&wall_ahead_ms, ahead_ms);
}

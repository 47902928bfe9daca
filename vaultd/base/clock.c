/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

/* Vault time less the boot clock, in ms, once it is started. */
static _Atomic int64_t vault_offset_ms;
static atomic_bool vault_started;

static uint64_t
read_ms(clockid_t id)
{
    struct timespec now = {0};

    (void)clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t
clock_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

uint64_t
clock_monotonic_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

uint64_t
clock_boot_ms(void)
{
    return read_ms(CLOCK_BOOTTIME);
}

/* Whoever starts it again, it never goes back. */
void
clock_vault_at_least(uint64_t at_least_ms)
{
    int64_t wanted = (int64_t)at_least_ms - (int64_t)read_ms(CLOCK_BOOTTIME);

    if (!atomic_load(&vault_started)) {
        atomic_store(&vault_offset_ms, wanted);
        atomic_store(&vault_started, true);
        return;
    }
    if (wanted > atomic_load(&vault_offset_ms)) {
        atomic_store(&vault_offset_ms, wanted);
    }
}

void
clock_vault_start(uint64_t at_least_ms)
{
    uint64_t wall_ms = clock_wall_ms();

    clock_vault_at_least(wall_ms > at_least_ms ? wall_ms : at_least_ms);
}

uint64_t
clock_vault_ms(void)
{
    return atomic_load(&vault_started)
               ? (uint64_t)(atomic_load(&vault_offset_ms) + (int64_t)read_ms(CLOCK_BOOTTIME))
               : clock_wall_ms();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h: what time it is, in milliseconds. Any thread. */
#ifndef CONTACT_VAULT_CLOCK_H
#define CONTACT_VAULT_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Since 1970, UTC; may be set forth or back by whoever sets the clock. */
uint64_t clock_wall_ms(void);
/* Since some start; never goes back; for deadlines. */
uint64_t clock_monotonic_ms(void);
/* The same, and goes on while the machine sleeps: for what must end in real time. */
uint64_t clock_boot_ms(void);

/*
 * Vault time: what budgets, the ends of grants and the log go by. It starts at the later of the
 * wall clock and `at_least_ms` (the log's last time), then follows CLOCK_BOOTTIME: it never goes
 * back and never jumps, whoever sets the wall clock. Started anew: never less than it was. Before
 * the first start it is the wall clock.
 */
void clock_vault_start(uint64_t at_least_ms);
/* The same without a look at the wall clock. */
void clock_vault_at_least(uint64_t at_least_ms);
uint64_t clock_vault_ms(void);

/* The calendar's year (UTC) of a wall-clock time: which reason key an entry of then is sealed
 * under. */
static inline uint32_t
clock_year(uint64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts = {0};

    (void)gmtime_r(&seconds, &parts);
    return (uint32_t)parts.tm_year + 1900;
}

#endif

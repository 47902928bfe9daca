/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h: what time it is, in milliseconds. Any thread. */
#ifndef CONTACT_VAULT_CLOCK_H
#define CONTACT_VAULT_CLOCK_H

#include <stdint.h>

/* Since 1970, UTC; may be set forth or back by whoever sets the clock. */
uint64_t clock_wall_ms(void);
/* Since some start; never goes back; for deadlines. */
uint64_t clock_monotonic_ms(void);

#endif

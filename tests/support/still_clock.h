/* SPDX-License-Identifier: Apache-2.0 */
/* still_clock.h: all of the system's clocks stand still, but for what a test lets pass. A test that
 * uses it is linked with -Wl,--wrap=clock_gettime. */
#ifndef CONTACT_VAULT_STILL_CLOCK_H
#define CONTACT_VAULT_STILL_CLOCK_H

#include <stdint.h>

uint64_t still_clock_now_ms(void);
void still_clock_pass_ms(uint64_t ms);
/* The wall clock alone is so much ahead of all others from now on, or, negative, behind. */
void still_clock_set_wall_ms(int64_t ahead_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* journal_firsts.h: which segments there are, and the position each begins with. Pure. */
#ifndef CONTACT_VAULT_JOURNAL_FIRSTS_H
#define CONTACT_VAULT_JOURNAL_FIRSTS_H

#include <stdint.h>

#include "status.h"

/* Segments follow each other without gaps: positions[i] is the first of segment oldest + i. */
struct journal_firsts {
    uint32_t oldest;
    uint32_t count;
    uint64_t *positions;
};

/* Room for one more, so that journal_firsts_add cannot fail. INTERNAL: memory is short. */
MUST_USE enum status journal_firsts_grow(struct journal_firsts *firsts);
void journal_firsts_add(struct journal_firsts *firsts, uint64_t position);
void journal_firsts_drop_oldest(struct journal_firsts *firsts);
/* Index of the segment that holds `position`; of the oldest if it is before all; `count` > 0. */
uint32_t journal_firsts_find(const struct journal_firsts *firsts, uint64_t position);
void journal_firsts_free(struct journal_firsts *firsts);

#endif

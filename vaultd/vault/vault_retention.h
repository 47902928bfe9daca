/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault_retention.h: when a contact was last tokenized, looked up or revealed, kept by month, so
 * that reads do not write every time; and which contacts nobody has used for too long.
 */
#ifndef CONTACT_VAULT_VAULT_RETENTION_H
#define CONTACT_VAULT_VAULT_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"
#include "vault.h"

/* Months since January 2000 (UTC) of a vault time. */
uint16_t vault_month(uint64_t time_ms);
/* Writes down what was used since the last call, for at most `limit` contacts; durable on return.
 * Uses are remembered in memory until then; one that a crash loses is noted at the next use. */
MUST_USE enum status vault_note_used(struct vault *vault, size_t limit, size_t *ret_written);

/* Were there uses since the last call that could not be remembered, too many at once? Then no sweep
 * shall begin before those contacts had time to be used again. */
bool vault_lost_uses(struct vault *vault);

struct vault_retention {
    uint32_t namespace_id;
    uint16_t before_month; /* last used before this one: to be erased */
};
/*
 * vault_find_unused: one bounded step through all records: looks at up to rows_max from *cursor on
 * (0: from the beginning) and moves it; places that are due, at most `limit`, status OK.
 * *ret_done: that was the end.
 */
struct vault_sweep {
    uint64_t cursor;
    size_t rows_max;
    const struct vault_retention *rules;
    size_t rule_count;
};
MUST_USE enum status vault_find_unused(struct vault *vault, struct vault_sweep *sweep,
                                       struct vault_place *ret_places, size_t limit,
                                       size_t *ret_count, bool *ret_done);

#endif

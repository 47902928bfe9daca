/* SPDX-License-Identifier: Apache-2.0 */
/* spend.h: what callers spend of their budgets. The gate is held. */
#ifndef CONTACT_VAULT_DISPATCH_SPEND_H
#define CONTACT_VAULT_DISPATCH_SPEND_H

#include "dispatch_internal.h"

/* Tokenize and lookup: `count` values in that namespace. *ret_draw is for spend_undo_lookups, where
 * nothing was told to the caller. */
MUST_USE enum status spend_lookups(struct call *call, uint32_t namespace_id, size_t count,
                                   struct budget_draw *ret_draw);
void spend_undo_lookups(struct call *call, const struct budget_draw *draw);
/* Is there any use in looking? Nothing is spent. */
bool spend_has_room(const struct call *call, uint32_t namespace_id, size_t count);
/* Reveals of one request: how many were paid for, and of a person how many do not fit. */
struct spent_reveals {
    struct budget_limits limits;
    uint32_t taken, held;
    uint64_t taken_ms;
    const char *fault; /* of those held */
};
/*
 * All places whose status is OK. For a service they fit as a whole, or QUOTA. A person is refused
 * one by one: the first that fit are paid for, the others' status becomes QUOTA, and that there
 * were such is on record. *ret_spent is for the two below.
 */
MUST_USE enum status spend_reveals(struct call *call, struct vault_place *places, size_t count,
                                   struct spent_reveals *ret_spent);
void spend_undo_reveals(struct call *call, const struct spent_reveals *spent);
/* When the first `amount` of those held fit. */
uint32_t spend_reveals_fit_after_s(const struct call *call, const struct spent_reveals *spent,
                                   uint32_t amount);
/* spend_lost.c: a restore without the log that the vault wrote last: who knows what was spent? All
 * that there is, at that time. */
MUST_USE enum status spend_all(struct dispatch *dispatch, uint64_t time_ms);
/* What the log says was spent lately; may be tried again. */
MUST_USE enum status spend_replay(struct dispatch *dispatch);

#endif

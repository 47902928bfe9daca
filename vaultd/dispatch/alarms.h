/* SPDX-License-Identifier: Apache-2.0 */
/* alarms.h: what the operators are told at once, and canaries. The gate is held, but where it says
 * otherwise. */
#ifndef CONTACT_VAULT_DISPATCH_ALARMS_H
#define CONTACT_VAULT_DISPATCH_ALARMS_H

#include "dispatch_internal.h"
#include "notice.h"

/* ---- notice.c ---- */

/* The operators are told, if anybody is; never waits. Both names may be absent. */
void dispatch_notice(struct dispatch *dispatch, enum notice_event event, struct bytes principal,
                     struct bytes namespace_name, uint64_t number);
/* The alarms of the budgets come here. The gate is held, by whoever spent. */
void dispatch_tell_alarm(void *dispatch, struct budget_key key, uint64_t number);
/* Values of the caller's that were looked for in that namespace and are not there. */
void call_count_misses(struct call *call, uint32_t namespace_id, const struct vault_item *items,
                       size_t count);

/* ---- canary.c ---- */

/*
 * Before anything is opened, of a person before anything is spent, of a service after it: are
 * canaries among the places that are OK? Each is entered and the operators are told. OK: none, or a
 * service asks, which goes on. DENIED: a person asked; all places are refused, on record, and suspend_for is set. `entries` has room for all places.
 */
MUST_USE enum status call_watch_canaries(struct call *call, struct vault_place *places,
                                         size_t count, struct bytes reason,
                                         struct audit_entry *entries);
/* Without the gate: disables the caller, durably, unless he is already, and gives the answer. */
MUST_USE enum status call_suspend(struct call *call);

#endif

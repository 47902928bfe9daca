/* SPDX-License-Identifier: Apache-2.0 */
/* What the operators are told at once: names and numbers. */
#include "dispatch_internal.h"

#include "alarms.h"
#include "clock.h"

void
dispatch_notice(struct dispatch *dispatch, enum notice_event event, struct bytes principal,
                struct bytes namespace_name, uint64_t number)
{
    const struct notice notice = {
        .event = event,
        .principal = principal,
        .namespace_name = namespace_name,
        .time_ms = clock_vault_ms(),
        .number = number,
    };

    if (dispatch->parts.tell != NULL) {
        dispatch->parts.tell(dispatch->parts.teller, &notice);
    }
}

void
dispatch_tell_alarm(void *state, struct budget_key key, uint64_t number)
{
    struct dispatch *dispatch = state;
    const struct access *access = dispatch->parts.access;
    const struct principal *principal = access_by_number(access, key.principal);
    const struct namespace_row *row = access_namespace_by_id(access, key.namespace_id);

    dispatch_notice(dispatch, key.class == BUDGET_MISSES ? NOTICE_LOOKUP_MISSES : NOTICE_BUDGET,
                    principal == NULL ? (struct bytes){0} : bytes_of_text(principal->name),
                    row == NULL ? (struct bytes){0} : bytes_of_text(row->name), number);
}

void
call_count_misses(struct call *call, uint32_t namespace_id, const struct vault_item *items,
                  size_t count)
{
    const struct dispatch_parts *parts = &call->dispatch->parts;
    const struct budget_key key = {call->principal->number, namespace_id, BUDGET_MISSES};
    uint32_t misses = 0;

    for (size_t i = 0; i < count; i++) {
        misses += items[i].status == STATUS_NOT_FOUND;
    }
    if (misses > 0 && parts->alarm_lookup_misses > 0) {
        budgets_count_misses(parts->budgets, key, clock_vault_ms(), misses,
                             parts->alarm_lookup_misses);
    }
}

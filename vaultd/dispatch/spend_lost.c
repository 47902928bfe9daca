/* SPDX-License-Identifier: Apache-2.0 */
/* Budgets after a restore whose log was lost: as if everybody had spent all of his. */
#include "dispatch_internal.h"

#include "spend.h"

/* The first grant of its sort in its namespace: the others there draw from the same budget. */
static bool
is_first(const struct principal *principal, size_t index)
{
    const struct grant *grant = &principal->grants[index];

    for (size_t i = 0; i < index; i++) {
        const struct grant *before = &principal->grants[i];

        if (before->namespace_id == grant->namespace_id &&
            (before->ends_ms == 0) == (grant->ends_ms == 0)) {
            return false;
        }
    }
    return true;
}

/* As one block, and an empty one behind it: so it is counted at that time. */
static enum status
spend_lookups_of(struct dispatch *dispatch, const struct principal *principal,
                 const struct grant *grant, uint64_t time_ms)
{
    const struct limits_asked asked = {MAY_TOKENIZE | MAY_LOOKUP, grant->namespace_id,
                                       grant->ends_ms == 0 ? GRANTS_STANDING : GRANTS_ENDING};
    const struct budget_key key = {principal->number, grant->namespace_id,
                                   grant->ends_ms == 0 ? BUDGET_LOOKUP : BUDGET_LOOKUP_EXTRA};
    struct budget_limits limits;
    enum status status = STATUS_OK;

    if (access_limits(dispatch->parts.access, principal, asked, &limits)) {
        status = budgets_replay(dispatch->parts.budgets, key, time_ms, limits.daily);
    }
    return status == STATUS_OK ? budgets_replay(dispatch->parts.budgets, key, time_ms, 0) : status;
}

static uint32_t
daily_reveals(const struct access *access, const struct principal *principal)
{
    uint32_t daily = 0;

    for (size_t i = 0; i < principal->grant_count; i++) {
        const struct grant *grant = &principal->grants[i];
        uint32_t figure = access_grant_limits(access, grant).daily;

        if ((grant->role == ROLE_REVEAL || grant->role == ROLE_DELIVER) && figure > daily) {
            daily = figure;
        }
    }
    return daily;
}

enum status
spend_all(struct dispatch *dispatch, uint64_t time_ms)
{
    const struct access *access = dispatch->parts.access;
    enum status status = STATUS_OK;

    for (size_t i = 0; status == STATUS_OK && i < access_principal_count(access); i++) {
        const struct principal *principal = access_principal_at(access, i);
        const struct budget_key key = {principal->number, 0, BUDGET_REVEAL};

        status =
            budgets_replay(dispatch->parts.budgets, key, time_ms, daily_reveals(access, principal));
        for (size_t j = 0; status == STATUS_OK && j < principal->grant_count; j++) {
            if (is_first(principal, j) && principal->grants[j].namespace_id != 0) {
                status = spend_lookups_of(dispatch, principal, &principal->grants[j], time_ms);
            }
        }
    }
    return status;
}

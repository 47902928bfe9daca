/* SPDX-License-Identifier: Apache-2.0 */
/* The year's key for reasons: there before the first entry that asks for it. */
#include "dispatch_internal.h"

#include "clock.h"
#include "log.h"

enum { REASON_KEY_AHEAD_MS = 24 * 3600 * 1000 };

/* The time of the log's next entry. */
static uint64_t
log_time_ms(struct dispatch *dispatch)
{
    uint64_t last_ms = audit_last_time_ms(dispatch->parts.audit);
    uint64_t now_ms = clock_vault_ms();

    return now_ms > last_ms ? now_ms : last_ms;
}

/* The year of an entry made now, and of one made a day from now. */
static void
years_wanted(struct dispatch *dispatch, uint32_t ret_years[static 2])
{
    uint64_t now_ms = log_time_ms(dispatch);

    ret_years[0] = clock_year(now_ms);
    ret_years[1] = clock_year(now_ms + REASON_KEY_AHEAD_MS);
}

bool
dispatch_lacks_reason_key(struct dispatch *dispatch)
{
    const struct vault *vault = dispatch->parts.vault;
    uint32_t years[2];

    years_wanted(dispatch, years);
    return !vault_has_reason_key(vault, years[0]) || !vault_has_reason_key(vault, years[1]);
}

enum status
dispatch_create_reason_keys(struct dispatch *dispatch)
{
    struct vault *vault = dispatch->parts.vault;
    uint32_t years[2];
    enum status status;

    years_wanted(dispatch, years);
    status = vault_reason_key_create(vault, years[0]);
    if (status == STATUS_OK && vault_reason_key_create(vault, years[1]) != STATUS_OK) {
        /* Not wanted before a day from now; a chore goes on trying. */
        LOG(LOG_LEVEL_WARNING, EVENT_KEYRING_REFUSED, F("year", years[1]));
    }
    return status;
}

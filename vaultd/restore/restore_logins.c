/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What persons came in by since the backup: a recovery code, or a step of TOTP. It was used up, and
 * the backup does not know it: so it is used up again. An intent is enough: it takes away.
 */
#include "restore_internal.h"

#include <stdlib.h>

#include "access_change.h"
#include "message.h"

/* Of the principal with this number, less one. */
struct login_uses {
    uint64_t newest_step;
    bool codes[RECOVERY_CODES];
};

struct login_uses *
restore_logins_new(void)
{
    return calloc(ACCESS_ROWS_MAX, sizeof(struct login_uses));
}

void
restore_meet_login(const struct restoring *restoring, struct login_uses *uses,
                   const struct audit_entry *entry)
{
    const struct principal *principal = access_by_name(restoring->access, entry->principal);

    if (principal == NULL || entry->phase != AUDIT_INTENT) {
        return;
    }
    uses += principal->number - 1;
    if (entry->subject.size == 0) {
        uses->newest_step = entry->amount > uses->newest_step ? entry->amount : uses->newest_step;
    } else if (entry->amount >= 1 && entry->amount <= RECOVERY_CODES) {
        uses->codes[entry->amount - 1] = true;
    }
}

static enum status
use_up(struct restoring *restoring, uint32_t number, const struct factor_used *used)
{
    const struct principal *principal = access_by_number(restoring->access, number);
    struct access_change *change = NULL;
    const char *fault = NULL;
    enum status status = access_prepare_login(restoring->access, bytes_of_text(principal->name),
                                              used, &change, &fault);

    return status == STATUS_OK ? access_commit(restoring->access, &change) : status;
}

static enum status
use_up_hers(struct restoring *restoring, uint32_t number, const struct login_uses *uses)
{
    const struct principal *principal = access_by_number(restoring->access, number);
    const struct factor_used newest = {.step = uses->newest_step};
    enum status status = STATUS_OK;

    if (!access_is_known_person(principal)) {
        return STATUS_OK;
    }
    if (uses->newest_step > principal->factor.used_step) {
        status = use_up(restoring, number, &newest);
    }
    for (size_t i = 0; status == STATUS_OK && i < RECOVERY_CODES; i++) {
        const struct factor_used code = {.by_recovery = true, .index = i};

        status = uses->codes[i] ? use_up(restoring, number, &code) : STATUS_OK;
    }
    return status;
}

enum status
restore_use_up(struct restoring *restoring, const struct login_uses *uses)
{
    enum status status = STATUS_OK;
    size_t count = access_principal_count(restoring->access);

    for (uint32_t number = 1; status == STATUS_OK && number <= count; number++) {
        status = use_up_hers(restoring, number, &uses[number - 1]);
    }
    return status == STATUS_OK ? status : restore_refuse_disk(restoring, status);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Who leaves: out of everything by one change of one row. */
#include <sodium.h>
#include <string.h>

#include "access_change.h"
#include "access_internal.h"

static void
leave(struct principal_entry *entry)
{
    struct principal *principal = &entry->principal;

    principal->disabled = true;
    principal->offboarded = true;
    sodium_memzero(principal->grants, sizeof principal->grants);
    principal->grant_count = 0;
    /* A code that waits, and her second factor: nothing of hers opens anything any more. */
    principal->invited = false;
    principal->invited_until_ms = 0;
    sodium_memzero(principal->code, sizeof principal->code);
    sodium_memzero(&principal->factor, sizeof principal->factor);
    /* Its uid may stand for somebody else from now on; its key never. */
    access_identify(entry);
}

enum status
access_prepare_offboard(struct access *access, struct bytes name, struct access_change **ret_change,
                        const char **ret_fault)
{
    const struct principal *principal = access_by_name(access, name);
    struct access_entry entry = {0};
    enum status status;

    if (principal == NULL) {
        return access_refuse(STATUS_NOT_FOUND, "there is no such principal", ret_fault);
    }
    if (principal->offboarded) {
        return access_refuse(STATUS_CONFLICT, "this principal was offboarded already", ret_fault);
    }
    status = access_check_last_admin(access, principal, ret_fault);
    if (status != STATUS_OK) {
        return status;
    }
    entry.principal = access_copy_principal(access, principal);
    if (entry.principal == NULL) {
        return access_refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    leave(entry.principal);
    return access_prepare(access, &entry, true, ret_change, ret_fault);
}

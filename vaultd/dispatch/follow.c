/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must follow a change of the rules, as the vault's own act, within the same hold of the gate:
 * nobody is served in between. A crash may come in between; so the unseal looks, too.
 */
#include "dispatch_internal.h"

#include "failpoint.h"
#include "log.h"

/* The second admin who counts is on record: from then on the setting `auto` is in force for good.
 */
static enum status
note_pair(struct dispatch *dispatch)
{
    struct access *access = dispatch->parts.access;
    struct access_change *change = NULL;
    const char *fault = NULL;
    struct audit_entry entry = {.operation = OP_APPROVALS_SET,
                                .uid = dispatch->parts.daemon_uid,
                                .subject = bytes_of_text("second-admin"),
                                .amount = access_approvals(access)};
    enum status status;

    if (!access_has_new_pair(access)) {
        return STATUS_OK;
    }
    CRASH_POINT("second_admin_made");
    status = access_prepare_pair(access, &change, &fault);
    return status == STATUS_OK ? dispatch_change_once(dispatch, entry, &change, 0, &fault) : status;
}

/* The first admin is not needed any more, and permitted nothing: who looks at the list sees it. */
static enum status
retire_first_admin(struct dispatch *dispatch)
{
    const struct principal *first = access_retired_bootstrap(dispatch->parts.access);
    const char *fault = NULL;

    if (first == NULL) {
        return STATUS_OK;
    }
    CRASH_POINT("enrolled_admin_made");
    return dispatch_disable_once(dispatch, first, 0, &fault);
}

/* Whatever disabled her: an admin, her leaving, or a canary. */
static bool
is_disabled(const void *state, uint32_t principal)
{
    const struct dispatch *dispatch = state;

    return access_by_number(dispatch->parts.access, principal)->disabled;
}

/* Nobody is left who asked for them. */
static void
withdraw_void(struct dispatch *dispatch)
{
    const struct access *access = dispatch->parts.access;
    const struct approval_requests *waiting = dispatch->approvals;

    for (size_t i = waiting->count; i-- > 0;) {
        uint32_t number = waiting->requests[i].requester;

        if (!access_may(access, access_by_number(access, number), MAY_ADMINISTER, 0)) {
            approvals_withdraw_of(dispatch, number);
            i = waiting->count;
        }
    }
}

void
dispatch_follow(struct dispatch *dispatch)
{
    enum status status;

    sessions_end_where(dispatch->sessions, is_disabled, dispatch);
    withdraw_void(dispatch);
    status = retire_first_admin(dispatch);
    if (status == STATUS_OK) {
        status = note_pair(dispatch);
    }
    dispatch->follow_owed = status != STATUS_OK;
    if (status != STATUS_OK) {
        LOG(LOG_LEVEL_ERROR, EVENT_FOLLOW_FAILED, F_STATUS("status", status));
    }
}

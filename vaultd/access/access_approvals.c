/* SPDX-License-Identifier: Apache-2.0 */
/* Whether acts that give rights away wait for a second admin, and who that may be. */
#include "access_change.h"

#include <stdlib.h>

#include "access_internal.h"

enum { PAIR = 2 };

bool
access_is_known_person(const struct principal *principal)
{
    return access_is_enrolled(principal) && !principal->disabled;
}

bool
access_may_approve(const struct principal *principal)
{
    return access_is_known_person(principal) && access_is_lasting_admin(principal);
}

/* Leaving out one of them, or NULL. */
static size_t
count_approvers(const struct access *access, const struct principal *without)
{
    size_t count = 0;

    for (size_t i = 0; i < access->principal_count; i++) {
        const struct principal *principal = &access->principals[i]->principal;

        count += principal != without && access_may_approve(principal) ? 1 : 0;
    }
    return count;
}

size_t
access_approver_count(const struct access *access)
{
    return count_approvers(access, NULL);
}

bool
access_needs_approver(const struct access *access, const struct principal *principal)
{
    return access_may_approve(principal) && count_approvers(access, principal) < PAIR;
}

enum approvals
access_approvals(const struct access *access)
{
    return access->settings == NULL ? APPROVALS_AUTO : access->settings->approvals;
}

static bool
had_two(const struct access *access)
{
    return access->settings != NULL && access->settings->had_two;
}

static bool
would_be_in_force(const struct access *access, enum approvals approvals)
{
    return approvals == APPROVALS_ALWAYS ||
           (approvals == APPROVALS_AUTO &&
            (had_two(access) || access_approver_count(access) >= PAIR));
}

bool
access_approvals_in_force(const struct access *access)
{
    return would_be_in_force(access, access_approvals(access));
}

bool
access_has_new_pair(const struct access *access)
{
    return access_approvals(access) != APPROVALS_NEVER && !had_two(access) &&
           access_approver_count(access) >= PAIR;
}

/* ---- changes ---- */

struct settings_entry *
access_copy_settings(const struct access *access)
{
    struct settings_entry *copy = calloc(1, sizeof *copy);

    if (copy != NULL && access->settings != NULL) {
        *copy = *access->settings;
    }
    return copy;
}

enum status
access_prepare_approvals(struct access *access, enum approvals approvals,
                         struct access_change **ret_change, const char **ret_fault)
{
    struct access_entry entry = {0};

    if ((unsigned)approvals >= APPROVALS_COUNT) {
        return access_refuse(STATUS_INVALID, "approvals: auto, always or never", ret_fault);
    }
    if (approvals == access_approvals(access)) {
        return access_refuse(STATUS_CONFLICT, "approvals are set like this already", ret_fault);
    }
    if (would_be_in_force(access, approvals) && access_approver_count(access) < PAIR) {
        return access_refuse(STATUS_CONFLICT,
                             "there are no two admins who could approve: nothing could be "
                             "approved, this neither",
                             ret_fault);
    }
    entry.settings = access_copy_settings(access);
    if (entry.settings == NULL) {
        return access_refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    entry.settings->approvals = approvals;
    return access_prepare(access, &entry, false, ret_change, ret_fault);
}

enum status
access_prepare_pair(struct access *access, struct access_change **ret_change,
                    const char **ret_fault)
{
    struct access_entry entry = {0};

    if (!access_has_new_pair(access)) {
        return access_refuse(STATUS_CONFLICT, "no two admins who are new", ret_fault);
    }
    entry.settings = access_copy_settings(access);
    if (entry.settings == NULL) {
        return access_refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    entry.settings->had_two = true;
    return access_prepare(access, &entry, true, ret_change, ret_fault);
}

enum status
access_prepare_alone(struct access *access, struct access_change **ret_change,
                     const char **ret_fault)
{
    struct access_entry entry = {0};

    if (!access_approvals_in_force(access) || access_approver_count(access) >= PAIR) {
        return access_refuse(STATUS_CONFLICT, "there are two who can approve", ret_fault);
    }
    entry.settings = access_copy_settings(access);
    if (entry.settings == NULL) {
        return access_refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    entry.settings->approvals = APPROVALS_AUTO;
    entry.settings->had_two = false;
    return access_prepare(access, &entry, false, ret_change, ret_fault);
}

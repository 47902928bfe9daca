/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of what a principal may do: grants given, replaced and taken back. */
#include "access_change.h"

#include <string.h>

#include "access_internal.h"
#include "clock.h"

/* ---- the request by itself ---- */

/* A budget or an end makes no sense of what is taken back. */
static const char *
terms_fault(const struct access_grant_spec *spec)
{
    if (spec->revoke && (spec->ends_ms != 0 || spec->daily != 0 || spec->hourly != 0)) {
        return "a revoke takes the whole grant: give no end and no figures";
    }
    return access_role_figures_fault(spec->role, spec->daily, spec->hourly);
}

static enum status
check_end(uint64_t ends_ms, const char **ret_fault)
{
    const uint64_t longest_ms = (uint64_t)GRANT_SECONDS_MAX * 1000;
    uint64_t now_ms;

    if (ends_ms == 0) {
        return STATUS_OK;
    }
    now_ms = clock_vault_ms();
    if (ends_ms <= now_ms) {
        return access_refuse(STATUS_INVALID, "this end is not in the future", ret_fault);
    }
    if (ends_ms - now_ms > longest_ms) {
        return access_refuse(STATUS_TOO_LARGE,
                             "this end is more than ten years off: give it without an end",
                             ret_fault);
    }
    return STATUS_OK;
}

static enum status
check_place(const struct access *access, const struct access_grant_spec *spec,
            uint32_t *ret_namespace_id, const char **ret_fault)
{
    bool absent = spec->namespace_name.size == 0;
    const struct namespace_row *row;

    *ret_namespace_id = 0;
    if (access_role_is_vault_wide(spec->role)) {
        return absent ? STATUS_OK
                      : access_refuse(STATUS_INVALID, "this role is vault-wide: give no namespace",
                                      ret_fault);
    }
    if (absent) {
        return access_refuse(STATUS_INVALID, "this role is held in a namespace: say which",
                             ret_fault);
    }
    row = access_namespace(access, spec->namespace_name);
    if (row == NULL) {
        return access_refuse(STATUS_NOT_FOUND, "there is no such namespace", ret_fault);
    }
    if (row->shredded && !spec->revoke) {
        return access_refuse(STATUS_CONFLICT, "this namespace was shredded", ret_fault);
    }
    *ret_namespace_id = row->id;
    return STATUS_OK;
}

static enum status
check_spec(const struct access *access, const struct access_grant_spec *spec,
           uint32_t *ret_namespace_id, const char **ret_fault)
{
    const char *fault;
    enum status status;

    if (spec->role <= 0 || (unsigned)spec->role >= ROLE_COUNT) {
        return access_refuse(STATUS_INVALID, "there is no such role", ret_fault);
    }
    fault = terms_fault(spec);
    if (fault != NULL) {
        return access_refuse(STATUS_INVALID, fault, ret_fault);
    }
    status = check_end(spec->ends_ms, ret_fault);
    return status == STATUS_OK ? check_place(access, spec, ret_namespace_id, ret_fault) : status;
}

/* ---- giving ---- */

static enum status
check_holder(const struct principal *principal, enum role role, const char **ret_fault)
{
    const char *fault = access_role_kind_fault(role, principal->kind);

    if (fault != NULL) {
        return access_refuse(STATUS_INVALID, fault, ret_fault);
    }
    if (principal->kind == PRINCIPAL_PERSON && !principal->has_key && !principal->bootstrap) {
        return access_refuse(STATUS_CONFLICT,
                             "this person has not enrolled yet: nobody knows whose key would get "
                             "it",
                             ret_fault);
    }
    for (size_t i = 0; i < principal->grant_count; i++) {
        fault = access_role_exclusion(role, principal->grants[i].role);
        if (fault != NULL) {
            return access_refuse(STATUS_CONFLICT, fault, ret_fault);
        }
    }
    return STATUS_OK;
}

/* Of two of the same sort. */
static bool
same_terms(const struct grant *one, const struct grant *other)
{
    return one->ends_ms == other->ends_ms && one->daily == other->daily &&
           one->hourly == other->hourly &&
           memcmp(one->bound_to, other->bound_to, ACCESS_DIGEST_BYTES) == 0;
}

/* In place of the one of its sort, and bound anew: to the key or uid the principal has now. */
static enum status
give(struct principal_entry *entry, struct grant *grant, const char **ret_fault)
{
    struct principal *principal = &entry->principal;
    enum status status = check_holder(principal, grant->role, ret_fault);
    size_t index = 0;

    if (status != STATUS_OK) {
        return status;
    }
    if (access_role_is_bound(grant->role)) {
        memcpy(grant->bound_to, entry->identity, ACCESS_DIGEST_BYTES);
    }
    while (index < principal->grant_count &&
           !access_grant_same_sort(&principal->grants[index], grant)) {
        index++;
    }
    if (index < principal->grant_count && same_terms(&principal->grants[index], grant)) {
        return access_refuse(STATUS_CONFLICT, "this is granted already", ret_fault);
    }
    if (index == ACCESS_GRANTS_MAX) {
        return access_refuse(STATUS_TOO_LARGE, "this principal holds as many grants as it can",
                             ret_fault);
    }
    principal->grants[index] = *grant;
    principal->grant_count += index == principal->grant_count ? 1 : 0;
    return STATUS_OK;
}

/* ---- taking back ---- */

static bool
holds(const struct principal *principal, enum role role, uint32_t namespace_id)
{
    for (size_t i = 0; i < principal->grant_count; i++) {
        if (principal->grants[i].role == role &&
            principal->grants[i].namespace_id == namespace_id) {
            return true;
        }
    }
    return false;
}

static void
remove_grants(struct principal *principal, enum role role, uint32_t namespace_id)
{
    size_t kept = 0;

    for (size_t i = 0; i < principal->grant_count; i++) {
        if (principal->grants[i].role != role ||
            principal->grants[i].namespace_id != namespace_id) {
            principal->grants[kept++] = principal->grants[i];
        }
    }
    principal->grant_count = kept;
}

/* One that has ended and still stands there can be taken back too: the copy lacks it already. */
static enum status
take(const struct access *access, const struct principal *principal, const struct grant *like,
     struct principal *copy, const char **ret_fault)
{
    enum status status = STATUS_OK;

    if (!holds(principal, like->role, like->namespace_id)) {
        return access_refuse(STATUS_NOT_FOUND, "this is not granted", ret_fault);
    }
    if (like->role == ROLE_ADMIN) {
        status = access_check_last_admin(access, principal, ret_fault);
    }
    if (status == STATUS_OK) {
        remove_grants(copy, like->role, like->namespace_id);
    }
    return status;
}

enum status
access_prepare_grant(struct access *access, const struct access_grant_spec *spec,
                     struct access_change **ret_change, const char **ret_fault)
{
    const struct principal *principal = access_by_name(access, spec->principal);
    struct grant grant = {
        .role = spec->role, .ends_ms = spec->ends_ms, .daily = spec->daily, .hourly = spec->hourly};
    struct access_entry entry = {0};
    enum status status;

    if (principal == NULL) {
        return access_refuse(STATUS_NOT_FOUND, "there is no such principal", ret_fault);
    }
    status = check_spec(access, spec, &grant.namespace_id, ret_fault);
    if (status != STATUS_OK) {
        return status;
    }
    entry.principal = access_copy_principal(access, principal);
    if (entry.principal == NULL) {
        return access_refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    status = spec->revoke ? take(access, principal, &grant, &entry.principal->principal, ret_fault)
                          : give(entry.principal, &grant, ret_fault);
    if (status != STATUS_OK) {
        access_entry_free(&entry);
        return status;
    }
    return access_prepare(access, &entry, spec->revoke, ret_change, ret_fault);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The rules as they are: namespaces, principals, grants. */
#include "dispatch_internal.h"

#include "clock.h"

enum status
op_namespace_list(struct call *call)
{
    const struct dispatch_parts *parts = &call->dispatch->parts;
    size_t count = access_namespace_count(parts->access);
    enum status status = call_begin_reply(call, 2, count);

    if (status != STATUS_OK) {
        return status;
    }
    message_put_list(&call->reply, FIELD_ITEMS, count);
    for (size_t i = 0; i < count; i++) {
        const struct namespace_row *row = access_namespace_at(parts->access, i);
        uint64_t contacts = 0;

        status = vault_count(parts->vault, row->id, &contacts);
        if (status != STATUS_OK) {
            return status;
        }
        message_begin(&call->reply, 4);
        message_put_text(&call->reply, FIELD_NAME, row->name);
        message_put_uint(&call->reply, FIELD_RETAIN_MONTHS, row->retain_months);
        message_put_uint(&call->reply, FIELD_CREATED, row->created_ms);
        message_put_uint(&call->reply, FIELD_CONTACTS, contacts);
    }
    return STATUS_OK;
}

/* Of which budget a grant is a part; false: of none. */
static bool
grant_budget(const struct principal *principal, const struct grant *grant,
             struct budget_key *ret_key)
{
    switch (grant->role) {
    case ROLE_SERVICE:
        *ret_key = (struct budget_key){principal->number, grant->namespace_id,
                                       grant->ends_ms > 0 ? BUDGET_LOOKUP_EXTRA : BUDGET_LOOKUP};
        return true;
    case ROLE_DELIVER:
    case ROLE_REVEAL:
        *ret_key = (struct budget_key){principal->number, 0, BUDGET_REVEAL};
        return true;
    default:
        return false;
    }
}

static void
put_positive(struct message_writer *writer, enum field field, uint64_t value)
{
    if (value > 0) {
        message_put_uint(writer, field, value);
    }
}

static void
write_grant(struct call *call, const struct principal *principal, const struct grant *grant)
{
    const struct dispatch_parts *parts = &call->dispatch->parts;
    const struct namespace_row *row = access_namespace_by_id(parts->access, grant->namespace_id);
    struct budget_limits limits = {0};
    struct budget_key key;
    uint64_t used = 0;
    bool budgeted = grant_budget(principal, grant, &key);
    struct message_writer *writer = &call->reply;

    if (budgeted) {
        limits = access_grant_limits(parts->access, grant);
        used = budgets_used(parts->budgets, key, clock_vault_ms());
    }
    message_begin(writer, 1U + (row != NULL) + (grant->ends_ms > 0) + (limits.daily > 0) +
                              (limits.hourly > 0) + budgeted);
    message_put_uint(writer, FIELD_ROLE, grant->role);
    if (row != NULL) {
        message_put_text(writer, FIELD_NAMESPACE, row->name);
    }
    put_positive(writer, FIELD_UNTIL, grant->ends_ms);
    put_positive(writer, FIELD_DAILY, limits.daily);
    put_positive(writer, FIELD_HOURLY, limits.hourly);
    if (budgeted) {
        message_put_uint(writer, FIELD_USED, used);
    }
}

static void
write_grants(struct call *call, const struct principal *principal)
{
    message_put_list(&call->reply, FIELD_GRANTS, principal->grant_count);
    for (size_t i = 0; i < principal->grant_count; i++) {
        write_grant(call, principal, &principal->grants[i]);
    }
}

static void
write_principal(struct call *call, const struct principal *principal)
{
    message_begin(&call->reply, 6U + principal->relayed);
    message_put_text(&call->reply, FIELD_NAME, principal->name);
    message_put_uint(&call->reply, FIELD_KIND, principal->kind);
    message_put_uint(&call->reply, FIELD_CREATED, principal->created_ms);
    message_put_bool(&call->reply, FIELD_DISABLED, principal->disabled);
    if (principal->relayed) {
        message_put_bool(&call->reply, FIELD_RELAYED, true);
    }
    if (principal->has_uid) {
        message_put_uint(&call->reply, FIELD_UID, principal->uid);
    } else {
        message_put_bytes(&call->reply, FIELD_PUBLIC_KEY,
                          bytes_of(principal->public_key, PUBLIC_KEY_BYTES));
    }
    write_grants(call, principal);
}

/* Each grant takes less than half of what call_begin_reply plans for an item. */
static size_t
items_for(const struct principal *principal)
{
    return 1 + principal->grant_count / 2;
}

enum status
op_principal_list(struct call *call)
{
    const struct access *access = call->dispatch->parts.access;
    size_t count = access_principal_count(access);
    size_t items = 0;
    enum status status;

    for (size_t i = 0; i < count; i++) {
        items += items_for(access_principal_at(access, i));
    }
    status = items > BATCH_ITEMS_MAX
                 ? call_refuse(call, STATUS_TOO_LARGE, "too many for one reply; show one by one")
                 : call_begin_reply(call, 2, items);
    if (status != STATUS_OK) {
        return status;
    }
    message_put_list(&call->reply, FIELD_ITEMS, count);
    for (size_t i = 0; i < count; i++) {
        write_principal(call, access_principal_at(access, i));
    }
    return STATUS_OK;
}

enum status
op_principal_show(struct call *call)
{
    const struct principal *principal =
        access_by_name(call->dispatch->parts.access, call_text(call, FIELD_NAME));
    enum status status;

    if (principal == NULL) {
        return call_refuse(call, STATUS_NOT_FOUND, "no such principal");
    }
    status = call_begin_reply(call, 2, items_for(principal));
    if (status == STATUS_OK) {
        message_put_list(&call->reply, FIELD_ITEMS, 1);
        write_principal(call, principal);
    }
    return status;
}

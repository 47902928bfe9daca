/* SPDX-License-Identifier: Apache-2.0 */
/* The rules as they are: namespaces, principals, grants. */
#include "dispatch_internal.h"

#include "clock.h"
#include "operations.h"

enum {
    NUMBER_FIELD_BYTES = 1 + 9, /* its field number; a head and eight bytes */
    STATE_BYTES_MAX = 1 + 1 + 16,
    NAMESPACE_BYTES_MAX = 1 + (3 + NAME_BYTES_MAX) + 3 * NUMBER_FIELD_BYTES + STATE_BYTES_MAX,
    PAGE_ITEMS = 512, /* of principals, in what call_principal_items counts: some 200 KB */
};

_Static_assert((size_t)ACCESS_ROWS_MAX <= BATCH_ITEMS_MAX, "call_begin_reply has room for them");
_Static_assert(ACCESS_ROWS_MAX *NAMESPACE_BYTES_MAX <= FRAME_BYTES_MAX / 2,
               "all namespaces fit into one reply");
_Static_assert(1 + ACCESS_GRANTS_MAX / 2 <= PAGE_ITEMS, "a page has room for any one principal");

/* A list may be long: it is not written on a thread that moves bytes. */
static bool
must_hand_on(struct call *call)
{
    call->would_wait = call->mode == DISPATCH_NO_WAIT;
    return call->would_wait;
}

/* Of one that is not shredded: how many contacts it has; else: how many wait for the sweep. */
static enum status
count_namespace(struct call *call, const struct namespace_row *row, uint64_t *ret_contacts,
                const char **ret_state)
{
    struct vault *vault = call->dispatch->parts.vault;
    bool swept = false;
    enum status status;

    if (!row->shredded) {
        *ret_state = "active";
        return vault_count(vault, row->id, ret_contacts);
    }
    status = vault_sweep_left(vault, row->id, ret_contacts, &swept);
    *ret_state = swept ? "swept" : "shredded";
    return status;
}

enum status
op_namespace_list(struct call *call)
{
    const struct dispatch_parts *parts = &call->dispatch->parts;
    size_t count = access_namespace_count(parts->access);
    enum status status;

    if (must_hand_on(call)) {
        return STATUS_BUSY;
    }
    status = call_begin_reply(call, 2, count);
    if (status != STATUS_OK) {
        return status;
    }
    message_put_list(&call->reply, FIELD_ITEMS, count);
    for (size_t i = 0; i < count; i++) {
        const struct namespace_row *row = access_namespace_at(parts->access, i);
        uint64_t contacts = 0;
        const char *state = NULL;

        status = count_namespace(call, row, &contacts, &state);
        if (status != STATUS_OK) {
            return status;
        }
        message_begin(&call->reply, 5);
        message_put_text(&call->reply, FIELD_NAME, row->name);
        message_put_text(&call->reply, FIELD_STATE, state);
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

void
call_write_principal(struct call *call, const struct principal *principal)
{
    bool is_person = principal->kind == PRINCIPAL_PERSON;
    struct message_writer *writer = &call->reply;

    message_begin(writer, 5U + principal->relayed + principal->has_uid + principal->has_key +
                              is_person + principal->offboarded);
    message_put_text(writer, FIELD_NAME, principal->name);
    message_put_uint(writer, FIELD_KIND, principal->kind);
    message_put_uint(writer, FIELD_CREATED, principal->created_ms);
    message_put_bool(writer, FIELD_DISABLED, principal->disabled);
    if (principal->relayed) {
        message_put_bool(writer, FIELD_RELAYED, true);
    }
    if (principal->offboarded) {
        message_put_bool(&call->reply, FIELD_OFFBOARDED, true);
    }
    if (principal->has_uid) {
        message_put_uint(writer, FIELD_UID, principal->uid);
    }
    if (principal->has_key) {
        message_put_bytes(writer, FIELD_PUBLIC_KEY,
                          bytes_of(principal->public_key, PUBLIC_KEY_BYTES));
    }
    if (is_person) {
        message_put_bool(writer, FIELD_ENROLLED, access_is_enrolled(principal));
    }
    write_grants(call, principal);
}

/* Each grant takes less than half of what call_begin_reply plans for an item. */
size_t
call_principal_items(const struct principal *principal)
{
    return 1 + principal->grant_count / 2;
}

/* Behind the last principal of the page that begins with number `from`; `from` itself where there
 * is none. Their numbers are without gaps. */
static uint64_t
find_page_end(const struct access *access, uint64_t from, size_t *ret_items)
{
    uint64_t next = from;
    size_t items = 0;

    while (next <= access_principal_count(access)) {
        size_t more = call_principal_items(access_principal_at(access, next - 1));

        if (items + more > PAGE_ITEMS) {
            break;
        }
        items += more;
        next++;
    }
    *ret_items = items;
    return next;
}

enum status
op_principal_list(struct call *call)
{
    const struct access *access = call->dispatch->parts.access;
    uint64_t from = 0;
    uint64_t next;
    size_t items;
    enum status status;

    if (must_hand_on(call)) {
        return STATUS_BUSY;
    }
    (void)!message_uint(call->request, FIELD_FROM, &from);
    from = from == 0 ? 1 : from;
    next = find_page_end(access, from, &items);
    status = call_begin_reply(call, 3, items);
    if (status != STATUS_OK) {
        return status;
    }
    message_put_list(&call->reply, FIELD_ITEMS, next - from);
    for (uint64_t number = from; number < next; number++) {
        call_write_principal(call, access_principal_at(access, number - 1));
    }
    message_put_uint(&call->reply, FIELD_NEXT, next);
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
    status = call_begin_reply(call, 2, call_principal_items(principal));
    if (status == STATUS_OK) {
        message_put_list(&call->reply, FIELD_ITEMS, 1);
        call_write_principal(call, principal);
    }
    return status;
}

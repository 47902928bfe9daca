/* SPDX-License-Identifier: Apache-2.0 */
/* The admin socket: seal and unseal, namespaces, principals, grants, reading the log. No operation
 * here returns a contact. */
#include "dispatch_internal.h"

#include "clock.h"
#include "scratch.h"
#include "secret.h"

enum { UNSEAL_PAUSE_MS = 2000 };

static enum status
reply_done(struct call *call)
{
    return call_begin_reply(call, 1, 0);
}

/* A str field that message_check_request has vouched for. */
static struct bytes
text_field(const struct call *call, enum field field)
{
    struct bytes text = {0};

    return message_bytes(call->request, field, &text) ? text : (struct bytes){0};
}

/* ---- seal, unseal ---- */

/* One try in two seconds, whoever asks. */
static bool
unseal_too_soon(struct dispatch *dispatch)
{
    uint64_t now = clock_monotonic_ms();

    if (dispatch->unseal_tried_ms != 0 && now - dispatch->unseal_tried_ms < UNSEAL_PAUSE_MS) {
        return true;
    }
    dispatch->unseal_tried_ms = now;
    return false;
}

enum status
op_unseal(struct call *call)
{
    struct dispatch *dispatch = call->dispatch;
    struct secret *root = NULL;
    struct bytes key = text_field(call, FIELD_ROOT_KEY);
    char *fault = scratch_alloc(call->scratch, DISPATCH_FAULT_BYTES);
    enum status status;

    if (!dispatch->sealed) {
        return reply_done(call);
    }
    if (fault == NULL) {
        return STATUS_UNAVAILABLE;
    }
    if (key.size != ROOT_KEY_BYTES) {
        return call_refuse(call, STATUS_INVALID, "root_key: 32 bytes are needed");
    }
    if (unseal_too_soon(dispatch)) {
        call->retry_after_s = UNSEAL_PAUSE_MS / 1000;
        return call_refuse(call, STATUS_BUSY, "one try in two seconds");
    }
    status = secret_new(ROOT_KEY_BYTES, &root);
    if (status != STATUS_OK) {
        return status;
    }
    memcpy(secret_write(root), key.data, ROOT_KEY_BYTES);
    secret_freeze(root);
    status = dispatch_unseal_locked(dispatch, root, fault);
    secret_free(&root);
    return status == STATUS_OK ? reply_done(call) : call_refuse(call, status, fault);
}

enum status
op_seal(struct call *call)
{
    struct audit_entry closed = call_audit_entry(call, AUDIT_DONE, STATUS_OK);
    enum status status;

    closed.operation = AUDIT_ACT_CLOSED;
    status = dispatch_seal_locked(call->dispatch, &closed);
    /* The principal is forgotten with the rest. */
    call->principal = NULL;
    return status == STATUS_OK
               ? reply_done(call)
               : call_refuse(call, status, "sealed, but the log could not record it");
}

/* ---- changes ---- */

/* What every change of access state ends with. */
static enum status
change(struct call *call, enum status prepared, struct access_change **access_change,
       struct audit_entry entry)
{
    enum status status = prepared;

    if (status == STATUS_OK) {
        uint32_t id =
            call->row->operation == OP_NAMESPACE_CREATE ? access_change_id(*access_change) : 0;

        status = dispatch_change_access(call->dispatch, entry, access_change, id, &call->fault);
        /* The rows may have moved. */
        call->principal = NULL;
    }
    return status == STATUS_OK ? reply_done(call) : status;
}

enum status
op_namespace_create(struct call *call)
{
    struct access_change *access_change = NULL;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);

    entry.namespace_name = text_field(call, FIELD_NAME);
    return change(call,
                  access_prepare_namespace(call->dispatch->parts.access, entry.namespace_name,
                                           &access_change, &call->fault),
                  &access_change, entry);
}

enum status
op_principal_add(struct call *call)
{
    struct access_change *access_change = NULL;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);
    struct access_principal_spec spec = {.name = text_field(call, FIELD_NAME)};
    struct bytes public_key = text_field(call, FIELD_PUBLIC_KEY);
    uint64_t kind = 0;
    uint64_t uid = 0;
    uint32_t narrow_uid;

    if (!message_uint(call->request, FIELD_KIND, &kind) ||
        (kind != PRINCIPAL_SERVICE && kind != PRINCIPAL_PERSON)) {
        return call_refuse(call, STATUS_INVALID, "kind: 1 (service) or 2 (person)");
    }
    spec.kind = (enum principal_kind)kind;
    if (message_uint(call->request, FIELD_UID, &uid)) {
        if (uid > UINT32_MAX) {
            return call_refuse(call, STATUS_INVALID, "uid: out of range");
        }
        narrow_uid = (uint32_t)uid;
        spec.uid = &narrow_uid;
    } else if (public_key.size == PUBLIC_KEY_BYTES) {
        spec.public_key = public_key.data;
    } else {
        return call_refuse(call, STATUS_INVALID, "public_key: 32 bytes are needed");
    }
    entry.subject = spec.name;
    return change(
        call,
        access_prepare_principal(call->dispatch->parts.access, &spec, &access_change, &call->fault),
        &access_change, entry);
}

enum status
op_principal_disable(struct call *call)
{
    struct access_change *access_change = NULL;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);

    entry.subject = text_field(call, FIELD_NAME);
    return change(call,
                  access_prepare_disable(call->dispatch->parts.access, entry.subject,
                                         &access_change, &call->fault),
                  &access_change, entry);
}

static enum status
change_grant(struct call *call, bool revoke)
{
    struct access_change *access_change = NULL;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);
    struct access_grant_spec spec = {.principal = text_field(call, FIELD_NAME),
                                     .namespace_name = text_field(call, FIELD_NAMESPACE),
                                     .revoke = revoke};
    uint64_t role = 0;

    if (!message_uint(call->request, FIELD_ROLE, &role) || role == 0 || role >= ROLE_COUNT) {
        return call_refuse(call, STATUS_INVALID, "role: service, deliver, reveal or admin");
    }
    spec.role = (enum role)role;
    entry.subject = spec.principal;
    entry.namespace_name = spec.namespace_name;
    entry.role = (uint8_t)role;
    return change(
        call,
        access_prepare_grant(call->dispatch->parts.access, &spec, &access_change, &call->fault),
        &access_change, entry);
}

enum status
op_grant(struct call *call)
{
    return change_grant(call, false);
}

enum status
op_revoke(struct call *call)
{
    return change_grant(call, true);
}

/* ---- lists ---- */

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
        message_begin(&call->reply, 3);
        message_put_text(&call->reply, FIELD_NAME, row->name);
        message_put_uint(&call->reply, FIELD_CREATED, row->created_ms);
        message_put_uint(&call->reply, FIELD_CONTACTS, contacts);
    }
    return STATUS_OK;
}

static void
write_grants(struct call *call, const struct principal *principal)
{
    const struct access *access = call->dispatch->parts.access;

    message_put_list(&call->reply, FIELD_GRANTS, principal->grant_count);
    for (size_t i = 0; i < principal->grant_count; i++) {
        const struct grant *grant = &principal->grants[i];
        const struct namespace_row *row = access_namespace_by_id(access, grant->namespace_id);

        message_begin(&call->reply, row == NULL ? 1 : 2);
        message_put_uint(&call->reply, FIELD_ROLE, grant->role);
        if (row != NULL) {
            message_put_text(&call->reply, FIELD_NAMESPACE, row->name);
        }
    }
}

static void
write_principal(struct call *call, const struct principal *principal)
{
    message_begin(&call->reply, 6);
    message_put_text(&call->reply, FIELD_NAME, principal->name);
    message_put_uint(&call->reply, FIELD_KIND, principal->kind);
    message_put_uint(&call->reply, FIELD_CREATED, principal->created_ms);
    message_put_bool(&call->reply, FIELD_DISABLED, principal->disabled);
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
        access_by_name(call->dispatch->parts.access, text_field(call, FIELD_NAME));
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

/* ---- the log ---- */

/* Written to the reply as it is read: the count stands before the entries, so it is asked for
 * first. */
struct page {
    struct call *call;
    uint64_t next;
};

static void
put_if_present(struct message_writer *writer, enum field field, struct bytes text)
{
    if (text.size > 0) {
        message_put_bytes(writer, field, text);
    }
}

static enum status
write_entry(void *state, const struct audit_entry *entry)
{
    struct page *page = state;
    struct message_writer *writer = &page->call->reply;
    size_t fields = 5;

    fields += entry->principal.size > 0;
    fields += entry->namespace_name.size > 0;
    fields += entry->subject.size > 0;
    fields += entry->token_kind != 0;
    fields += entry->role != 0;
    message_begin(writer, fields);
    message_put_uint(writer, FIELD_SEQUENCE, entry->sequence);
    message_put_uint(writer, FIELD_TIME, entry->time_ms);
    message_put_uint(writer, FIELD_ACT, entry->operation);
    message_put_uint(writer, FIELD_PHASE, entry->phase);
    message_put_uint(writer, FIELD_RESULT, entry->result);
    put_if_present(writer, FIELD_PRINCIPAL, entry->principal);
    put_if_present(writer, FIELD_NAMESPACE, entry->namespace_name);
    put_if_present(writer, FIELD_SUBJECT, entry->subject);
    if (entry->role != 0) {
        message_put_uint(writer, FIELD_ROLE, entry->role);
    }
    if (entry->token_kind != 0) {
        struct token token;
        char text[TOKEN_TEXT_BYTES + 1];

        memcpy(token.bytes, entry->token, TOKEN_BYTES);
        token_format((enum contact_kind)entry->token_kind, &token, text);
        message_put_text(writer, FIELD_TOKEN, text);
    }
    page->next = entry->sequence + 1;
    return STATUS_OK;
}

enum status
op_audit_read(struct call *call)
{
    struct audit *audit = call->dispatch->parts.audit;
    struct page page = {.call = call};
    uint64_t from = 1;
    uint64_t limit = AUDIT_PAGE_MAX;
    uint64_t last;
    uint64_t count;
    enum status status;

    call->would_wait = call->mode == DISPATCH_NO_WAIT;
    if (call->would_wait) {
        return STATUS_BUSY;
    }
    (void)!message_uint(call->request, FIELD_FROM, &from);
    (void)!message_uint(call->request, FIELD_LIMIT, &limit);
    limit = limit > AUDIT_PAGE_MAX ? AUDIT_PAGE_MAX : limit;
    from = from == 0 ? 1 : from;
    /* Refusals are not waited for when they are written; who reads the log wants them too. */
    last = audit_last(audit);
    status = audit_wait(audit, last);
    if (status != STATUS_OK) {
        return status;
    }
    count = from > last ? 0 : last - from + 1;
    count = count > limit ? limit : count;
    status = call_begin_reply(call, 3, count);
    if (status != STATUS_OK) {
        return status;
    }
    page.next = from;
    message_put_list(&call->reply, FIELD_ITEMS, count);
    if (count > 0) {
        status = audit_read(audit, from, count, write_entry, &page);
    }
    if (status == STATUS_OK && page.next != from + count) {
        status = STATUS_INTERNAL;
    }
    message_put_uint(&call->reply, FIELD_NEXT, page.next);
    return status;
}

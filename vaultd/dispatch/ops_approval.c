/* SPDX-License-Identifier: Apache-2.0 */
/* What two admins do together: the setting, what waits, and what becomes of it. */
#include "dispatch_internal.h"

#include "clock.h"
#include "operations.h"
#include "secret.h"

enum status
op_approvals_set(struct call *call)
{
    struct access_change *access_change = NULL;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);

    (void)!message_uint(call->request, FIELD_APPROVALS, &entry.amount);
    return call_change_access(call,
                              access_prepare_approvals(call->dispatch->parts.access,
                                                       (enum approvals)entry.amount, &access_change,
                                                       &call->fault),
                              &access_change, entry);
}

/* ---- what waits ---- */

static void
write_request(struct call *call, const struct approval_request *request)
{
    const struct principal *requester =
        access_by_number(call->dispatch->parts.access, request->requester);
    bool has_subject = request->subject[0] != '\0';

    message_begin(&call->reply, 6U + has_subject + request->has_key);
    message_put_uint(&call->reply, FIELD_REQUEST, request->number);
    message_put_text(&call->reply, FIELD_PRINCIPAL, requester->name);
    message_put_uint(&call->reply, FIELD_ACT, request->operation);
    message_put_text(&call->reply, FIELD_MESSAGE, request->text);
    message_put_uint(&call->reply, FIELD_CREATED, request->made_ms);
    message_put_uint(&call->reply, FIELD_EXPIRES, request->expires_ms);
    if (has_subject) {
        message_put_text(&call->reply, FIELD_SUBJECT, request->subject);
    }
    if (request->has_key) {
        message_put_bytes(&call->reply, FIELD_PUBLIC_KEY,
                          bytes_of(request->public_key, PUBLIC_KEY_BYTES));
    }
}

enum status
op_pending(struct call *call)
{
    const struct dispatch *dispatch = call->dispatch;
    const struct access *access = dispatch->parts.access;
    const struct approval_requests *approvals = dispatch->approvals;
    size_t first = 0;
    enum status status;

    /* Too old, and not dropped yet: the oldest come first. */
    while (first < approvals->count && approvals->requests[first].expires_ms <= clock_vault_ms()) {
        first++;
    }
    status = call_begin_reply(call, 6, 2 * (approvals->count - first));
    if (status != STATUS_OK) {
        return status;
    }
    message_put_uint(&call->reply, FIELD_APPROVALS, access_approvals(access));
    message_put_bool(&call->reply, FIELD_ACTIVE, access_approvals_in_force(access));
    message_put_uint(&call->reply, FIELD_TOTAL, access_approver_count(access));
    message_put_uint(&call->reply, FIELD_WAITING, approvals_waiting_for(dispatch, call->principal));
    message_put_list(&call->reply, FIELD_ITEMS, approvals->count - first);
    for (size_t i = first; i < approvals->count; i++) {
        write_request(call, &approvals->requests[i]);
    }
    return STATUS_OK;
}

/* ---- what becomes of it ---- */

/* The one that the call names, if it still waits. */
static enum status
find_request(struct call *call, struct approval_request **ret_request)
{
    uint64_t number = 0;

    (void)!message_uint(call->request, FIELD_REQUEST, &number);
    *ret_request = approvals_find(call->dispatch->approvals, number);
    if (*ret_request == NULL) {
        return call_refuse(call, STATUS_NOT_FOUND,
                           "no such request waits: it was decided or withdrawn, or the vault was "
                           "sealed since");
    }
    if ((*ret_request)->expires_ms <= clock_vault_ms()) {
        return call_refuse(call, STATUS_EXPIRED, "this request is too old: ask again");
    }
    return STATUS_OK;
}

/* Who decides, and whose request it was. */
static enum status
record_decision(struct call *call, const struct approval_request *request)
{
    const struct principal *requester =
        access_by_number(call->dispatch->parts.access, request->requester);
    struct audit_entry entry = call_audit_entry(call, AUDIT_DONE, STATUS_OK);
    enum status status;

    entry.amount = request->number;
    entry.subject = bytes_of_text(requester->name);
    status = dispatch_record(call->dispatch, &entry);
    return status == STATUS_OK
               ? status
               : call_refuse(call, status, "the log cannot be written, so nothing is done");
}

/* What the approver saw is what is done: the key that was shown is still that principal's. */
static bool
is_as_shown(const struct call *call, const struct approval_request *request)
{
    const struct principal *subject =
        access_by_number(call->dispatch->parts.access, request->about);

    return subject == NULL || request->brings_key ||
           (request->has_key == subject->has_key &&
            memcmp(request->public_key, subject->public_key, PUBLIC_KEY_BYTES) == 0);
}

static enum status
check_approver(struct call *call, const struct approval_request *request)
{
    if (!access_may_approve(call->principal)) {
        return call_refuse_on_record(call, STATUS_DENIED,
                                     "only a person with a key of her own, admin without an end, "
                                     "may approve");
    }
    if (request->requester == call->principal->number) {
        return call_refuse_on_record(call, STATUS_DENIED, "nobody approves her own request");
    }
    if (!is_as_shown(call, request)) {
        return call_refuse_on_record(call, STATUS_CONFLICT,
                                     "the key of whom this is about is another one now: deny it, "
                                     "and have it asked again");
    }
    return STATUS_OK;
}

/* As the requester's act, whose reply the approver gets. */
static enum status
do_request(struct call *call, const struct approval_request *request)
{
    struct peer peer = {.socket = PEER_ADMIN,
                        .uid = request->uid,
                        .state = PEER_KNOWN,
                        .principal = request->requester};
    struct call inner = {
        .dispatch = call->dispatch, .peer = &peer, .scratch = call->scratch, .mode = call->mode};
    enum status status =
        call_run_approved(&inner, call->dispatch->approvals->parser,
                          bytes_of(secret_read(request->bytes), secret_size(request->bytes)));

    call->reply = inner.reply;
    call->retry_after_s = inner.retry_after_s;
    return status == STATUS_OK ? status : call_refuse(call, status, inner.fault);
}

enum status
op_approve(struct call *call)
{
    struct approval_request *request;
    struct approval_request taken;
    enum status status = find_request(call, &request);

    if (status == STATUS_OK) {
        status = check_approver(call, request);
    }
    if (status == STATUS_OK) {
        status = record_decision(call, request);
    }
    if (status != STATUS_OK) {
        return status;
    }
    /* Whatever becomes of it: an approval is used once. */
    approvals_take(call->dispatch->approvals, request, &taken);
    status = do_request(call, &taken);
    secret_free(&taken.bytes);
    call->principal = NULL; /* the rows may have moved */
    return status;
}

/* Hers, who takes it back, or that of somebody else who may not have it. */
enum status
op_deny(struct call *call)
{
    struct approval_request *request;
    struct approval_request taken;
    enum status status = find_request(call, &request);

    if (status == STATUS_OK && request->requester != call->principal->number &&
        !access_may_approve(call->principal)) {
        status = call_refuse_on_record(call, STATUS_DENIED,
                                       "only a person with a key of her own, admin without an "
                                       "end, may deny what another asked for");
    }
    if (status == STATUS_OK) {
        status = record_decision(call, request);
    }
    if (status != STATUS_OK) {
        return status;
    }
    approvals_take(call->dispatch->approvals, request, &taken);
    secret_free(&taken.bytes);
    return call_begin_reply(call, 1, 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that wait for a second admin: filed, found, dropped. */
#include "dispatch_internal.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "alarms.h"
#include "clock.h"
#include "log.h"
#include "operations.h"
#include "scratch.h"
#include "secret.h"

enum status
approvals_new(struct approval_requests **ret_approvals)
{
    struct approval_requests *approvals = calloc(1, sizeof *approvals);

    if (approvals == NULL || message_parser_new(&approvals->parser) != STATUS_OK) {
        free(approvals);
        return STATUS_INTERNAL;
    }
    *ret_approvals = approvals;
    return STATUS_OK;
}

void
approvals_forget(struct approval_requests *approvals)
{
    for (size_t i = 0; i < approvals->count; i++) {
        secret_free(&approvals->requests[i].bytes);
    }
    approvals->count = 0;
}

void
approvals_free(struct approval_requests **approvals)
{
    if (*approvals != NULL) {
        approvals_forget(*approvals);
        message_parser_free(&(*approvals)->parser);
        free(*approvals);
        *approvals = NULL;
    }
}

struct approval_request *
approvals_find(struct approval_requests *approvals, uint64_t number)
{
    for (size_t i = 0; i < approvals->count; i++) {
        if (approvals->requests[i].number == number) {
            return &approvals->requests[i];
        }
    }
    return NULL;
}

void
approvals_take(struct approval_requests *approvals, struct approval_request *request,
               struct approval_request *ret_taken)
{
    size_t index = (size_t)(request - approvals->requests);

    *ret_taken = *request;
    approvals->count--;
    memmove(&approvals->requests[index], &approvals->requests[index + 1],
            (approvals->count - index) * sizeof *request);
}

/* ---- filing ---- */

/* A copy that says nothing of the connection: what it asks for, and nothing else. */
static enum status
copy_request(const struct call *call, struct secret **ret_copy)
{
    struct bytes whole = call->request_bytes;
    struct bytes connection = call_text(call, FIELD_CONNECTION);
    uint8_t *copy;
    enum status status;

    if (whole.size > APPROVAL_REQUEST_BYTES_MAX) {
        return STATUS_TOO_LARGE;
    }
    status = secret_new(whole.size, ret_copy);
    if (status == STATUS_OK) {
        copy = secret_write(*ret_copy);
        memcpy(copy, whole.data, whole.size);
        sodium_memzero(copy + (connection.data - whole.data), connection.size);
        secret_freeze(*ret_copy);
    }
    return status;
}

static const struct approval_request *
find_same(const struct approval_requests *approvals, uint32_t requester, const struct secret *bytes)
{
    for (size_t i = 0; i < approvals->count; i++) {
        const struct approval_request *request = &approvals->requests[i];

        if (request->requester == requester && secret_size(request->bytes) == secret_size(bytes) &&
            sodium_memcmp(secret_read(request->bytes), secret_read(bytes), secret_size(bytes)) ==
                0) {
            return request;
        }
    }
    return NULL;
}

static enum status
reply_waits(struct call *call, uint64_t number)
{
    char *text = scratch_alloc(call->scratch, MESSAGE_BYTES_MAX + 1);

    call->number = number;
    if (text != NULL) {
        (void)snprintf(text, MESSAGE_BYTES_MAX + 1,
                       "not done yet: waits for a second admin: vaultctl approve %llu",
                       (unsigned long long)number);
    }
    return call_refuse(call, STATUS_PENDING, text);
}

/* Whose key the approver is to look at: one that the request brings, or that of whom it is about.
 */
static void
note_key(const struct call *call, struct approval_request *request)
{
    const struct principal *subject = approval_subject(call);
    struct bytes brought = call_text(call, FIELD_PUBLIC_KEY);

    request->about = subject == NULL ? 0 : subject->number;
    request->brings_key = brought.size == PUBLIC_KEY_BYTES;
    request->has_key = request->brings_key || (subject != NULL && subject->has_key);
    if (request->brings_key) {
        memcpy(request->public_key, brought.data, PUBLIC_KEY_BYTES);
    } else if (request->has_key) {
        memcpy(request->public_key, subject->public_key, PUBLIC_KEY_BYTES);
    }
}

static void
fill(const struct call *call, const struct audit_entry *entry, struct approval_request *request)
{
    *request = (struct approval_request){
        .number = entry->sequence,
        .requester = call->principal->number,
        .uid = call->peer->uid,
        .operation = call->row->operation,
        .made_ms = clock_vault_ms(),
    };
    request->expires_ms = request->made_ms + APPROVAL_LIFE_MS;
    (void)snprintf(request->subject, sizeof request->subject, "%.*s", (int)entry->subject.size,
                   entry->subject.size == 0 ? "" : (const char *)entry->subject.data);
    approval_describe(entry, request->text);
    note_key(call, request);
}

enum status
approvals_file(struct call *call, struct audit_entry *entry)
{
    struct approval_requests *approvals = call->dispatch->approvals;
    struct secret *bytes = NULL;
    const struct approval_request *same;
    struct approval_request *request;
    enum status status;

    approvals_expire(call->dispatch);
    status = copy_request(call, &bytes);
    if (status != STATUS_OK) {
        return call_refuse(call, status, "no memory, or the request is too long to wait");
    }
    same = find_same(approvals, call->principal->number, bytes);
    if (same != NULL) {
        secret_free(&bytes);
        return reply_waits(call, same->number);
    }
    entry->phase = AUDIT_DONE;
    entry->result = STATUS_PENDING;
    if (approvals->count == APPROVAL_REQUESTS_MAX) {
        secret_free(&bytes);
        return call_refuse(call, STATUS_TOO_LARGE,
                           "as many requests wait as can: approve or deny some (vaultctl pending)");
    }
    status = dispatch_record(call->dispatch, entry);
    if (status != STATUS_OK) {
        secret_free(&bytes);
        return call_refuse(call, status, "the log cannot be written, so nothing waits");
    }
    request = &approvals->requests[approvals->count++];
    fill(call, entry, request);
    request->bytes = bytes;
    notice_request(call->dispatch, request);
    return reply_waits(call, request->number);
}

void
notice_request(struct dispatch *dispatch, const struct approval_request *request)
{
    const struct principal *requester =
        access_by_number(dispatch->parts.access, request->requester);

    dispatch_notice(dispatch, NOTICE_REQUEST, bytes_of_text(requester->name), (struct bytes){0},
                    request->number);
    LOG(LOG_LEVEL_NOTICE, EVENT_REQUEST_WAITS, F("request", request->number));
}

/* ---- who must look ---- */

size_t
approvals_waiting_for(const struct dispatch *dispatch, const struct principal *principal)
{
    const struct approval_requests *approvals = dispatch->approvals;
    uint64_t now_ms = clock_vault_ms();
    size_t count = 0;

    for (size_t i = 0; access_may_approve(principal) && i < approvals->count; i++) {
        const struct approval_request *request = &approvals->requests[i];

        count += request->requester != principal->number && request->expires_ms > now_ms ? 1 : 0;
    }
    return count;
}

/* ---- dropping ---- */

/* As the vault's own act. A log that is full keeps nothing alive that is over. */
static void
drop(struct dispatch *dispatch, struct approval_request *request, enum status why)
{
    const struct principal *requester =
        access_by_number(dispatch->parts.access, request->requester);
    struct approval_request taken;
    struct audit_entry entry = {.operation = OP_DENY,
                                .phase = AUDIT_DONE,
                                .result = why,
                                .uid = dispatch->parts.daemon_uid,
                                .amount = request->number};

    if (requester != NULL) {
        entry.subject = bytes_of_text(requester->name);
    }
    if (dispatch_record(dispatch, &entry) != STATUS_OK) {
        LOG(LOG_LEVEL_WARNING, EVENT_JOURNAL_FULL, F("request", request->number));
    }
    approvals_take(dispatch->approvals, request, &taken);
    secret_free(&taken.bytes);
}

void
approvals_withdraw_of(struct dispatch *dispatch, uint32_t principal)
{
    struct approval_requests *approvals = dispatch->approvals;

    for (size_t i = approvals->count; i-- > 0;) {
        if (approvals->requests[i].requester == principal) {
            drop(dispatch, &approvals->requests[i], STATUS_DENIED);
        }
    }
}

bool
approvals_have_expired(const struct dispatch *dispatch)
{
    const struct approval_requests *approvals = dispatch->approvals;

    /* The first is the oldest. */
    return approvals->count > 0 && approvals->requests[0].expires_ms <= clock_vault_ms();
}

void
approvals_expire(struct dispatch *dispatch)
{
    while (approvals_have_expired(dispatch)) {
        drop(dispatch, &dispatch->approvals->requests[0], STATUS_EXPIRED);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Unsealing, sealing, and another root key. */
#include "dispatch_internal.h"

#include "clock.h"
#include "key_work.h"
#include "operations.h"
#include "scratch.h"
#include "secret.h"
#include "slot.h"

enum { UNSEAL_PAUSE_MS = 2000 };

/* Who is to unseal learns what is asked of him; sealed, too. */
enum status
op_unseal_info(struct call *call)
{
    uint8_t bytes[UNSEAL_SLOT_BYTES_MAX];
    struct unseal_slot slot;
    enum status status;

    vault_slot(call->dispatch->parts.vault, &slot);
    status = call_begin_reply(call, slot.provider == UNSEAL_SHARES ? 4 : 2, 0);
    if (status != STATUS_OK) {
        return status;
    }
    message_put_bytes(&call->reply, FIELD_UNSEAL, bytes_of(bytes, slot_write(&slot, bytes)));
    if (slot.provider == UNSEAL_SHARES) {
        message_put_uint(&call->reply, FIELD_DONE, call->dispatch->share_count);
        message_put_uint(&call->reply, FIELD_TOTAL, slot.threshold);
    }
    return STATUS_OK;
}

/* One try in two seconds, whoever asks. */
static bool
tried_lately(const struct dispatch *dispatch)
{
    return dispatch->unseal_tried_ms != 0 &&
           clock_monotonic_ms() - dispatch->unseal_tried_ms < UNSEAL_PAUSE_MS;
}

static bool
unseal_too_soon(struct dispatch *dispatch)
{
    if (tried_lately(dispatch)) {
        return true;
    }
    dispatch->unseal_tried_ms = clock_monotonic_ms();
    return false;
}

enum status
op_unseal(struct call *call)
{
    struct dispatch *dispatch = call->dispatch;
    struct secret *root = NULL;
    struct bytes key = call_text(call, FIELD_ROOT_KEY);
    char *fault = scratch_alloc(call->scratch, DISPATCH_FAULT_BYTES);
    enum status status;

    if (!dispatch->sealed) {
        return call_begin_reply(call, 1, 0);
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
    status = secret_copy(key.data, ROOT_KEY_BYTES, &root);
    if (status != STATUS_OK) {
        return status;
    }
    status = dispatch_unseal_locked(dispatch, root, fault);
    secret_free(&root);
    return status == STATUS_OK ? call_begin_reply(call, 1, 0) : call_refuse(call, status, fault);
}

/* What was refused, and what completes a set, is a try; one share more of a set is none. */
static enum status
take_share(struct call *call, char *fault, bool *ret_open)
{
    struct dispatch *dispatch = call->dispatch;
    struct secret *root = NULL;
    const char *why = "no memory";
    enum status status = dispatch_take_share(dispatch, call_text(call, FIELD_SHARE), &root, &why);

    *ret_open = false;
    if (status != STATUS_OK || root != NULL) {
        dispatch->unseal_tried_ms = clock_monotonic_ms();
    }
    if (status != STATUS_OK) {
        return call_refuse(call, status, why);
    }
    if (root == NULL) {
        return STATUS_OK;
    }
    status = dispatch_unseal_locked(dispatch, root, fault);
    secret_free(&root);
    *ret_open = status == STATUS_OK;
    return *ret_open ? STATUS_OK : call_refuse(call, status, fault);
}

enum status
op_unseal_share(struct call *call)
{
    struct dispatch *dispatch = call->dispatch;
    char *fault = scratch_alloc(call->scratch, DISPATCH_FAULT_BYTES);
    bool open = !dispatch->sealed;
    struct unseal_slot slot;
    enum status status = STATUS_OK;

    if (fault == NULL) {
        return STATUS_UNAVAILABLE;
    }
    vault_slot(dispatch->parts.vault, &slot);
    if (!open && tried_lately(dispatch)) {
        call->retry_after_s = UNSEAL_PAUSE_MS / 1000;
        return call_refuse(call, STATUS_BUSY, "one try in two seconds");
    }
    if (!open) {
        status = take_share(call, fault, &open);
    }
    if (status == STATUS_OK) {
        status = call_begin_reply(call, 4, 0);
    }
    if (status == STATUS_OK) {
        message_put_text(&call->reply, FIELD_STATE, open ? "unsealed" : "sealed");
        message_put_uint(&call->reply, FIELD_DONE, open ? slot.threshold : dispatch->share_count);
        message_put_uint(&call->reply, FIELD_TOTAL, slot.threshold);
    }
    return status;
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
               ? call_begin_reply(call, 1, 0)
               : call_refuse(call, status, "sealed, but the log could not record it");
}

enum status
op_root_rotate(struct call *call)
{
    struct audit_entry as = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);
    struct bytes key = call_text(call, FIELD_ROOT_KEY); /* required, and of its size */
    struct secret *root = NULL;
    struct unseal_slot slot;
    enum status status;

    if (!slot_read(call_text(call, FIELD_UNSEAL), &slot)) {
        return call_refuse(call, STATUS_INVALID, "unseal: no way to unseal, or out of bounds");
    }
    status = secret_copy(key.data, ROOT_KEY_BYTES, &root);
    if (status != STATUS_OK) {
        return call_refuse(call, STATUS_UNAVAILABLE, "no memory");
    }
    if (call->waits) {
        status = dispatch_prepare_root(call->dispatch, root, &slot, &as, &call->fault);
        status = status == STATUS_OK ? approvals_file(call, &as) : status;
    } else {
        status = dispatch_rotate_root(call->dispatch, &as, root, &slot, &call->fault);
    }
    secret_free(&root);
    return status == STATUS_OK ? call_begin_reply(call, 1, 0) : status;
}

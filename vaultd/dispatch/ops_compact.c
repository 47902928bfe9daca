/* SPDX-License-Identifier: Apache-2.0 */
/* compact: the database file gives its free space back; begun, and looked at. */
#include "dispatch_internal.h"

#include "key_work.h"
#include "operations.h"

static const char *
state_of(const struct vault_compaction *about)
{
    if (about->copying) {
        return "running";
    }
    return about->waiting ? "waiting" : "idle";
}

enum status
op_compact(struct call *call)
{
    const struct audit_entry as = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);
    struct dispatch *dispatch = call->dispatch;
    struct vault_compaction about;
    enum status last;
    uint64_t number = 0;
    bool under_way;
    enum status status = STATUS_OK;

    /* It may wait for the disk, and for the thread that goes on with it. */
    call->would_wait = call->mode == DISPATCH_NO_WAIT;
    if (call->would_wait) {
        return STATUS_BUSY;
    }
    if (message_uint(call->request, FIELD_NUMBER, &number) && number > 0) {
        status = dispatch_compact(dispatch, call->scratch, &as, number, &call->fault);
    }
    about = vault_compact_look(dispatch->parts.vault);
    last = (enum status)atomic_load(&dispatch->compacting.last);
    under_way = about.copying || about.waiting;
    if (status == STATUS_OK) {
        status = call_begin_reply(call, 4 + (under_way ? 2 : last != STATUS_OK), 0);
    }
    if (status != STATUS_OK) {
        return status;
    }
    message_put_text(&call->reply, FIELD_STATE, state_of(&about));
    message_put_uint(&call->reply, FIELD_NUMBER, about.made);
    message_put_uint(&call->reply, FIELD_BYTES, about.bytes);
    if (under_way) {
        message_put_uint(&call->reply, FIELD_DONE, about.done);
        message_put_uint(&call->reply, FIELD_TOTAL, about.total);
    } else if (last != STATUS_OK) {
        message_put_uint(&call->reply, FIELD_RESULT, last);
    }
    return STATUS_OK;
}

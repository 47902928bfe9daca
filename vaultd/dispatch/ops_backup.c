/* SPDX-License-Identifier: Apache-2.0 */
/* Backups: begun, read piece by piece, ended. */
#include "dispatch_internal.h"

#include <stdio.h>

#include "log.h"
#include "operations.h"
#include "scratch.h"

_Static_assert((int)BACKUP_DATA_BYTES_MAX == (int)BACKUP_PIECE_BYTES_MAX, "a piece is one reply");
_Static_assert((int)ACCESS_RECIPIENTS_MAX == (int)BACKUP_RECIPIENTS_MAX, "all of them have room");

#define NOT_READ "the keyring, the store or the log cannot be read: the daemon's log says more"

enum { DISPLACED_MS = 10 * 1000 };

/* ---- beginning ---- */

static void
name_recipients(const struct access *access, struct backup_head *ret_head)
{
    *ret_head = (struct backup_head){.part = BACKUP_CONTENTS};
    for (size_t i = 0; i < access_recipient_count(access); i++) {
        const struct recipient *recipient = access_recipient_at(access, i);

        if (!recipient->removed) {
            memcpy(ret_head->recipient[ret_head->recipients++], recipient->public_key,
                   PUBLIC_KEY_BYTES);
        }
    }
}

/* Why none can begin now; NULL: it can. Whoever made the last one may have been killed. */
static const char *
find_obstacle(struct dispatch *dispatch, const struct backup_head *head)
{
    struct backup_state state;

    if (backup_look(dispatch->parts.backup, &state) && state.idle_ms < DISPLACED_MS) {
        return "a backup is being made already, and was read from in the last ten seconds";
    }
    if (head->recipients == 0) {
        return "there is nobody to seal it to: vaultctl recipient new NAME -o FILE";
    }
    return NULL;
}

/* Its entry is the log's last, but for a checkpoint that it may have brought along. */
static enum status
record_beginning(struct call *call)
{
    struct audit *audit = call->dispatch->parts.audit;
    struct audit_entry entry = call_audit_entry(call, AUDIT_DONE, STATUS_OK);
    enum status status = audit_record(audit, &entry, 1, AUDIT_RESERVE_NONE);

    return status == STATUS_OK ? audit_wait(audit, audit_last(audit)) : status;
}

static enum status
record_end(struct call *call, uint64_t last_entry, const char *failure)
{
    struct audit_entry entry =
        call_audit_entry(call, AUDIT_DONE, failure == NULL ? STATUS_OK : STATUS_UNAVAILABLE);

    entry.operation = AUDIT_ACT_BACKUP_ENDED;
    entry.amount = last_entry;
    entry.subject = failure == NULL ? (struct bytes){0} : bytes_of_text(failure);
    return dispatch_record(call->dispatch, &entry);
}

static enum status
reply_begun(struct call *call, const struct backup_begun *begun)
{
    enum status status = call_begin_reply(call, 5, 0);

    if (status == STATUS_OK) {
        message_put_bytes(&call->reply, FIELD_BACKUP, bytes_of(begun->id, sizeof begun->id));
        message_put_uint(&call->reply, FIELD_TIME, begun->time_ms);
        message_put_uint(&call->reply, FIELD_TOTAL, begun->total);
        message_put_uint(&call->reply, FIELD_BYTES, backup_rate(call->dispatch->parts.backup));
    }
    return status;
}

enum status
op_backup_begin(struct call *call)
{
    struct dispatch *dispatch = call->dispatch;
    const char *obstacle;
    struct backup_head head;
    struct backup_begun begun;
    enum status status;

    name_recipients(dispatch->parts.access, &head);
    obstacle = find_obstacle(dispatch, &head);
    if (obstacle != NULL) {
        return call_refuse(call, STATUS_CONFLICT, obstacle);
    }
    dispatch_backup_abort(dispatch, "displaced");
    status = record_beginning(call);
    if (status != STATUS_OK) {
        return call_refuse(call, status, "the log cannot be written, so no backup is made");
    }
    status = backup_begin(dispatch->parts.backup, &head, &begun);
    if (status != STATUS_OK) {
        (void)!record_end(call, audit_last(dispatch->parts.audit), "unreadable");
        return call_refuse(call, status, NOT_READ);
    }
    atomic_store(&dispatch->backup_failed, NULL);
    LOG(LOG_LEVEL_NOTICE, EVENT_BACKUP_BEGUN, F("entry", begun.entry), F("rows", begun.total),
        F("recipients", head.recipients));
    return reply_begun(call, &begun);
}

/* ---- reading ---- */

static enum status
refuse_unknown(struct call *call)
{
    enum { FAULT_BYTES = 128 };
    const char *reason = atomic_load(&call->dispatch->backup_failed);
    char *fault = scratch_alloc(call->scratch, FAULT_BYTES);

    if (reason == NULL || fault == NULL) {
        return call_refuse(call, STATUS_NOT_FOUND, "there is no such backup (any more)");
    }
    (void)snprintf(fault, FAULT_BYTES, "the backup failed: %s", reason);
    return call_refuse(call, STATUS_NOT_FOUND, fault);
}

static enum status
refuse_read(struct call *call, enum status status)
{
    switch (status) {
    case STATUS_NOT_FOUND:
        return refuse_unknown(call);
    case STATUS_INVALID:
        return call_refuse(call, status, "from: nothing of the backup begins there");
    case STATUS_BUSY:
        call->retry_after_s = 1;
        return call_refuse(call, status, "faster than backup.rate permits");
    default:
        dispatch_backup_abort(call->dispatch, "unreadable");
        return call_refuse(call, status, NOT_READ);
    }
}

static enum status
reply_piece(struct call *call, uint64_t from, const uint8_t *data, const struct backup_piece *piece)
{
    size_t capacity = piece->size + 256;

    call->reply = (struct message_writer){.data = scratch_alloc(call->scratch, capacity),
                                          .capacity = capacity};
    if (call->reply.data == NULL) {
        return call_refuse(call, STATUS_UNAVAILABLE, "no memory");
    }
    message_begin(&call->reply, piece->last ? 3 : 4);
    message_put_uint(&call->reply, FIELD_STATUS, STATUS_OK);
    message_put_bytes(&call->reply, FIELD_DATA, bytes_of(data, piece->size));
    message_put_uint(&call->reply, FIELD_DONE, piece->done);
    if (!piece->last) {
        message_put_uint(&call->reply, FIELD_NEXT, from + piece->size);
    }
    return STATUS_OK;
}

enum status
op_backup_read(struct call *call)
{
    struct backup_piece piece;
    uint8_t *data;
    uint64_t part = 0;
    uint64_t from = 0;
    enum status status;

    call->would_wait = call->mode == DISPATCH_NO_WAIT;
    if (call->would_wait) {
        return STATUS_BUSY;
    }
    data = scratch_alloc(call->scratch, BACKUP_PIECE_BYTES_MAX);
    if (data == NULL) {
        return call_refuse(call, STATUS_UNAVAILABLE, "no memory");
    }
    (void)!message_uint(call->request, FIELD_KIND, &part); /* required, as the next two */
    (void)!message_uint(call->request, FIELD_FROM, &from);
    status = backup_take(call->dispatch->parts.backup, call_text(call, FIELD_BACKUP).data,
                         (enum backup_part)part, from, data, &piece);
    return status == STATUS_OK ? reply_piece(call, from, data, &piece) : refuse_read(call, status);
}

/* ---- ending ---- */

/* Whoever took it says whether he has all of it where it shall be. */
enum status
op_backup_end(struct call *call)
{
    struct dispatch *dispatch = call->dispatch;
    struct bytes id = call_text(call, FIELD_BACKUP);
    struct backup_state state;
    bool all = false;
    enum status status;

    call->would_wait = call->mode == DISPATCH_NO_WAIT;
    if (call->would_wait) {
        return STATUS_BUSY;
    }
    (void)!message_bool(call->request, FIELD_ALL, &all);
    if (!backup_look(dispatch->parts.backup, &state) ||
        !bytes_equal(id, bytes_of(state.id, sizeof state.id))) {
        return refuse_unknown(call);
    }
    if (all && !state.complete) {
        return call_refuse(call, STATUS_CONFLICT, "all: there is more of it to be read");
    }
    if (!backup_end(dispatch->parts.backup, state.id)) {
        return refuse_unknown(call);
    }
    status = record_end(call, state.entry, all ? NULL : "given-up");
    LOG(LOG_LEVEL_NOTICE, all ? EVENT_BACKUP_ENDED : EVENT_BACKUP_FAILED, F("entry", state.entry),
        F_STATUS("recorded", status));
    return status == STATUS_OK ? call_begin_reply(call, 1, 0)
                               : call_refuse(call, status, "ended, but the log could not take it");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The staircase every request walks: decode, who are you, may you, do it, encode. */
#include "dispatch_internal.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "alarms.h"
#include "enrolments.h"
#include "log.h"
#include "operations.h"
#include "people_rules.h"
#include "scratch.h"

enum {
    REFUSALS_AT_ONCE = BATCH_ITEMS_MAX, /* entries about one principal's refusals; then */
    REFUSALS_PER_SECOND = 1,            /* some 17 MB of log a day at the most */
    PROOFS_AT_ONCE = 32,                /* that do not hold, of one uid; each costs 60 us */
    PROOFS_PER_SECOND = 1,              /* a wrong code is an entry, too: as many as refusals */
};

/* ---- the dispatch itself ---- */

static void
free_parts(struct dispatch *dispatch)
{
    approvals_free(&dispatch->approvals);
    enrolments_free(&dispatch->enrolments);
    logins_free(&dispatch->logins);
    sessions_free(&dispatch->sessions);
    vault_rekey_free(&dispatch->chores.rekeying.job);
    scratch_free(&dispatch->chores.scratch);
}

enum status
dispatch_new(const struct dispatch_parts *parts, struct dispatch **ret_dispatch)
{
    struct dispatch *dispatch = calloc(1, sizeof *dispatch);

    if (dispatch == NULL) {
        return STATUS_INTERNAL;
    }
    if (scratch_new(&dispatch->chores.scratch) != STATUS_OK ||
        vault_rekey_new(&dispatch->chores.rekeying.job) != STATUS_OK ||
        sessions_new(&dispatch->sessions) != STATUS_OK ||
        logins_new(&dispatch->logins) != STATUS_OK ||
        enrolments_new(&dispatch->enrolments) != STATUS_OK ||
        approvals_new(&dispatch->approvals) != STATUS_OK) {
        free_parts(dispatch);
        free(dispatch);
        return STATUS_INTERNAL;
    }
    dispatch->parts = *parts;
    dispatch->found = *parts->found;
    dispatch->parts.found = &dispatch->found;
    dispatch->sealed = true;
    gate_init(&dispatch->gate);
    (void)pthread_mutex_init(&dispatch->erasing, NULL);
    (void)pthread_mutex_init(&dispatch->compacting.lock, NULL);
    throttle_init(&dispatch->refusals, REFUSALS_AT_ONCE, REFUSALS_PER_SECOND);
    throttle_init(&dispatch->proofs, PROOFS_AT_ONCE, PROOFS_PER_SECOND);
    budgets_set_listener(parts->budgets, dispatch_tell_alarm, dispatch);
    *ret_dispatch = dispatch;
    return STATUS_OK;
}

void
dispatch_free(struct dispatch **dispatch)
{
    if (*dispatch != NULL) {
        budgets_set_listener((*dispatch)->parts.budgets, NULL, NULL);
        dispatch_forget_shares(*dispatch);
        throttle_fini(&(*dispatch)->refusals);
        throttle_fini(&(*dispatch)->proofs);
        (void)pthread_mutex_destroy(&(*dispatch)->erasing);
        (void)pthread_mutex_destroy(&(*dispatch)->compacting.lock);
        gate_fini(&(*dispatch)->gate);
        free_parts(*dispatch);
        free((*dispatch)->owed_erasures.entries);
        free(*dispatch);
        *dispatch = NULL;
    }
}

bool
dispatch_is_sealed(struct dispatch *dispatch)
{
    bool sealed;

    gate_enter(&dispatch->gate);
    sealed = dispatch->sealed;
    gate_leave(&dispatch->gate);
    return sealed;
}

bool
dispatch_must_stop(const struct dispatch *dispatch)
{
    return vault_failed(dispatch->parts.vault) || audit_failed(dispatch->parts.audit);
}

void
dispatch_peer_init(struct peer *peer, enum peer_socket socket, uint32_t uid)
{
    *peer = (struct peer){.socket = socket, .uid = uid, .state = PEER_STRANGER};
}

/* ---- workspaces ---- */

enum status
workspace_new(struct workspace **ret_workspace)
{
    struct workspace *workspace = calloc(1, sizeof *workspace);
    enum status status = workspace == NULL ? STATUS_INTERNAL : scratch_new(&workspace->scratch);

    if (status == STATUS_OK) {
        status = message_parser_new(&workspace->parser);
    }
    if (status != STATUS_OK) {
        workspace_free(&workspace);
        return status;
    }
    *ret_workspace = workspace;
    return STATUS_OK;
}

void
workspace_free(struct workspace **workspace)
{
    if (*workspace != NULL) {
        message_parser_free(&(*workspace)->parser);
        scratch_free(&(*workspace)->scratch);
        free(*workspace);
        *workspace = NULL;
    }
}

void
workspace_wipe(struct workspace *workspace)
{
    scratch_wipe(workspace->scratch);
}

/* ---- audit ---- */

struct audit_entry
call_audit_entry(const struct call *call, enum audit_phase phase, enum status result)
{
    return (struct audit_entry){
        .operation = call->row->operation,
        .phase = phase,
        .result = result,
        .uid = call->peer->uid,
        .relayed = call->principal != NULL && call->principal->relayed,
        .principal =
            call->principal == NULL ? (struct bytes){0} : bytes_of_text(call->principal->name),
        .namespace_name = call->namespace_row == NULL ? (struct bytes){0}
                                                      : bytes_of_text(call->namespace_row->name),
    };
}

enum status
call_may_refuse(struct call *call, uint32_t count)
{
    if (count == 0 || throttle_take(&call->dispatch->refusals, call->principal->number, count)) {
        return STATUS_OK;
    }
    call->retry_after_s = count;
    return call_refuse(call, STATUS_QUOTA, "too many attempts of yours were refused; wait");
}

/* Not waited for: nothing hangs on it, and it must not slow a flood down to the disk's pace. A log
 * that cannot take it does not turn a no into anything else. */
enum status
call_record_refusal(struct call *call, enum status result)
{
    struct audit_entry entry = call_audit_entry(call, AUDIT_DONE, result);
    enum status status = call_may_refuse(call, 1);

    if (status == STATUS_OK && audit_append(call->dispatch->parts.audit, &entry, 1) != STATUS_OK) {
        LOG(LOG_LEVEL_WARNING, EVENT_JOURNAL_FULL, F_STATUS("unrecorded", result));
    }
    return status;
}

enum status
call_refuse_on_record(struct call *call, enum status status, const char *fault)
{
    /* The log may have to wait for the disk. */
    call->would_wait = call->mode == DISPATCH_NO_WAIT && !call->row->inline_only;
    if (call->would_wait) {
        return STATUS_BUSY;
    }
    if (call_record_refusal(call, status) != STATUS_OK) {
        return STATUS_QUOTA;
    }
    return call_refuse(call, status, fault);
}

/* ---- the staircase ---- */

static bool
is_anywhere(const struct call *call, unsigned capabilities)
{
    const struct access *access = call->dispatch->parts.access;

    if (access_may(access, call->principal, capabilities, 0)) {
        return true;
    }
    for (size_t i = 0; i < call->principal->grant_count; i++) {
        if (access_may(access, call->principal, capabilities,
                       call->principal->grants[i].namespace_id)) {
            return true;
        }
    }
    return false;
}

/* Who may unseal. A uid that the kernel could not map stands for anybody. */
static bool
is_keeper(const struct dispatch_parts *parts, uint32_t uid)
{
    bool is_named = uid == 0 || uid == parts->daemon_uid;

    for (size_t i = 0; !is_named && i < parts->unseal_uid_count; i++) {
        is_named = uid == parts->unseal_uids[i];
    }
    return is_named && uid != ACCESS_UID_OVERFLOW;
}

/* Who asks: by the connection id the request repeats, and by what hello found on that connection.
 */
static enum status
identify(struct call *call)
{
    struct bytes connection;
    const struct peer *peer = call->peer;

    if (call->row->strangers == KEEPERS_ONLY) {
        return is_keeper(&call->dispatch->parts, peer->uid)
                   ? STATUS_OK
                   : call_refuse(call, STATUS_DENIED,
                                 "only root, the daemon's own user and those that its "
                                 "configuration names in unseal.uids may do this");
    }
    if (!message_bytes(call->request, FIELD_CONNECTION, &connection)) {
        return call->row->strangers == STRANGERS_TOO ? STATUS_OK : STATUS_UNAUTHENTICATED;
    }
    if (peer->state != PEER_KNOWN || connection.size != CONNECTION_ID_BYTES ||
        sodium_memcmp(connection.data, peer->connection, CONNECTION_ID_BYTES) != 0) {
        return STATUS_UNAUTHENTICATED;
    }
    if (call->dispatch->sealed) {
        return STATUS_OK;
    }
    call->principal = access_by_number(call->dispatch->parts.access, peer->principal);
    /* Who has another key by now says hello with that. */
    if (call->principal == NULL ||
        memcmp(peer->identity, access_identity(call->dispatch->parts.access, call->principal),
               ACCESS_DIGEST_BYTES) != 0) {
        return STATUS_UNAUTHENTICATED;
    }
    if (call->principal->disabled) {
        return call_refuse_on_record(call, STATUS_DENIED, DISABLED_FAULT);
    }
    return call->principal->kind == PRINCIPAL_PERSON ? call_find_session(call) : STATUS_OK;
}

/* Does a freeze keep him from it? */
static bool
is_frozen(const struct call *call)
{
    enum freeze freeze = access_frozen(call->dispatch->parts.access);

    return freeze == FREEZE_ALL ||
           (freeze == FREEZE_PEOPLE && call->principal->kind == PRINCIPAL_PERSON);
}

/* Whether it is permitted to him at all; the handler asks for the very namespace. */
static enum status
permit(struct call *call)
{
    const struct operation_row *row = call->row;

    if (row->capabilities == 0) {
        return STATUS_OK;
    }
    if (!is_anywhere(call, row->capabilities)) {
        return access_has_ended(call->dispatch->parts.access, call->principal, row->capabilities)
                   ? call_refuse_on_record(call, STATUS_EXPIRED, NULL)
                   : call_refuse_on_record(call, STATUS_DENIED, "no grant of yours permits this");
    }
    if (row->reveals && is_frozen(call)) {
        return call_refuse_on_record(call, STATUS_FROZEN, NULL);
    }
    return STATUS_OK;
}

static enum status
admit(struct call *call)
{
    const struct operation_row *row = call->row;
    enum status status;

    if (call->dispatch->sealed && !row->while_sealed) {
        return STATUS_SEALED;
    }
    status = identify(call);
    if (status == STATUS_OK) {
        status = permit(call);
    }
    return status == STATUS_OK ? call_judge(call) : status;
}

/* Held shared, or false: it would have to wait, and may not. */
static bool
enter_shared(struct call *call)
{
    if (call->mode == DISPATCH_NO_WAIT && !call->row->inline_only) {
        return gate_try_enter(&call->dispatch->gate);
    }
    gate_enter(&call->dispatch->gate);
    return true;
}

/* Does it, or files it for a second admin. What waits is never done: no handler may forget to look.
 */
static enum status
execute(struct call *call)
{
    enum status status = approval_judge(call);

    if (status == STATUS_OK) {
        status = call->row->handler(call);
        assert(!call->waits || status != STATUS_OK);
    }
    return status;
}

/*
 * Who may not is told so under the shared gate: nobody can hold up the others by asking for what
 * wants the exclusive one. Who may is asked once more under that: it may have changed in between.
 */
static enum status
admit_and_run(struct call *call)
{
    enum status status;

    if (!enter_shared(call)) {
        call->would_wait = true;
        return STATUS_BUSY;
    }
    status = admit(call);
    if (status == STATUS_OK && call->row->gate == GATE_EXCLUSIVE) {
        gate_leave(&call->dispatch->gate);
        if (call->mode == DISPATCH_NO_WAIT) {
            call->would_wait = true;
            return STATUS_BUSY;
        }
        gate_enter_alone(&call->dispatch->gate);
        status = admit(call);
    }
    if (status == STATUS_OK) {
        status = execute(call);
    }
    gate_leave(&call->dispatch->gate);
    /* A disable wants to be alone, and the handler was not. */
    return call->suspend_for != 0 ? call_suspend(call) : status;
}

static enum status
find_row(struct call *call)
{
    enum operation operation;
    enum status status = message_check_request(call->request, &operation, &call->fault);

    if (status != STATUS_OK) {
        return status;
    }
    call->row = operations_find(operation);
    if (call->row == NULL || (call->row->sockets & call->peer->socket) == 0) {
        return call_refuse(call, STATUS_INVALID, "no such operation on this socket");
    }
    return STATUS_OK;
}

static enum status
read_request(struct call *call, struct message_parser *parser, struct bytes request)
{
    enum status status = message_parse(parser, request, &call->request, &call->fault);

    call->request_bytes = request;
    return status == STATUS_OK ? find_row(call) : status;
}

/* As it was asked: the connection it came by may be gone, and nobody is there to say who he is. */
enum status
call_run_approved(struct call *call, struct message_parser *parser, struct bytes request)
{
    enum status status = read_request(call, parser, request);

    call->approved = true;
    call->principal = access_by_number(call->dispatch->parts.access, call->peer->principal);
    if (status == STATUS_OK && (call->principal == NULL || call->principal->disabled)) {
        status = call_refuse(call, STATUS_DENIED, "whoever asked for it is disabled");
    }
    if (status == STATUS_OK) {
        status = permit(call);
    }
    return status == STATUS_OK ? execute(call) : status;
}

static enum status
run(struct call *call, struct workspace *workspace, struct bytes request)
{
    enum status status = read_request(call, workspace->parser, request);

    if (status != STATUS_OK) {
        return status;
    }
    status = admit_and_run(call);
    if (status == STATUS_OK && call->reply.full) {
        status = call_refuse(call, STATUS_INTERNAL, "the reply does not fit");
    }
    return status;
}

enum dispatch_outcome
dispatch_handle(struct dispatch *dispatch, struct peer *peer, struct workspace *workspace,
                struct bytes request, enum dispatch_mode mode, struct bytes *ret_reply)
{
    struct call call = {
        .dispatch = dispatch, .peer = peer, .scratch = workspace->scratch, .mode = mode};
    enum status status = run(&call, workspace, request);

    if (call.would_wait) {
        workspace_wipe(workspace);
        return DISPATCH_WOULD_WAIT;
    }
    *ret_reply = status == STATUS_OK ? bytes_of(call.reply.data, call.reply.size)
                                     : call_refusal(&call, status);
    return DISPATCH_ANSWERED;
}

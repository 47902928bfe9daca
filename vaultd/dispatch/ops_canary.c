/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canaries: added, removed, listed; and a test of what the operators are told by.
 *
 * An admin gives a contact and gets its token: by that he can find out whether it was there before
 * (describe says when it was made). It is less than he can do anyway, with a service of his own
 * that looks up, and leaves more: an entry each, and CANARIES_A_DAY of them, a restart included.
 */
#include "dispatch_internal.h"

#include <assert.h>

#include "alarms.h"
#include "clock.h"
#include "operations.h"
#include "scratch.h"

enum { CANARIES_A_DAY = 64 };

/* The namespace named, or the only one there is. */
static const struct namespace_row *
find_namespace(struct call *call)
{
    const struct access *access = call->dispatch->parts.access;
    const struct namespace_row *only = NULL;
    struct bytes name;

    if (message_bytes(call->request, FIELD_NAMESPACE, &name)) {
        only = access_namespace(access, name);
        only = only != NULL && only->shredded ? NULL : only;
        call->fault = "there is no such namespace";
        return only;
    }
    call->fault = "namespace: say which (-n NAME)";
    for (size_t i = 0; i < access_namespace_count(access); i++) {
        const struct namespace_row *row = access_namespace_at(access, i);

        if (!row->shredded && only != NULL) {
            return NULL;
        }
        only = row->shredded ? only : row;
    }
    return only;
}

/* Its token: of the contact there is, or of a new one. Nobody is told which. */
static enum status
make_contact(struct call *call, uint32_t namespace_id, struct canary *ret_canary)
{
    struct vault_item *item = scratch_alloc(call->scratch, sizeof *item);
    enum status status;

    if (item == NULL) {
        return call_refuse(call, STATUS_UNAVAILABLE, NO_MEMORY);
    }
    item->text = call_text(call, FIELD_VALUE);
    status = vault_tokenize(call->dispatch->parts.vault, call->scratch, namespace_id,
                            FORM_INTERNATIONAL, item, 1);
    if (status == STATUS_OK && item->status != STATUS_OK) {
        status = call_refuse(call, item->status, item->message);
    }
    if (status == STATUS_OK) {
        *ret_canary = (struct canary){.namespace_id = namespace_id, .kind = item->kind};
        memcpy(ret_canary->token, item->token.bytes, TOKEN_BYTES);
    }
    return status;
}

/* A contact first, then its mark: who stops in between has made a contact, and no more. */
static enum status
add(struct call *call, const struct namespace_row *row, struct canary *ret_canary)
{
    struct access *access = call->dispatch->parts.access;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);
    struct access_change *change = NULL;
    enum status status = make_contact(call, row->id, ret_canary);

    if (status == STATUS_OK) {
        status = access_prepare_canary(access, ret_canary, &change, &call->fault);
    }
    if (status != STATUS_OK) {
        return status;
    }
    ret_canary->number = access_change_id(change);
    entry.namespace_name = bytes_of_text(row->name);
    entry.amount = ret_canary->number;
    return dispatch_change_access(call->dispatch, entry, &change, 0, &call->fault);
}

enum status
op_canary_add(struct call *call)
{
    const struct budget_key key = {call->principal->number, 0, BUDGET_CANARY};
    const struct budget_limits limits = {.daily = CANARIES_A_DAY};
    const struct namespace_row *row = find_namespace(call);
    const uint64_t now_ms = clock_vault_ms();
    struct canary canary = {0};
    enum status status;

    if (row == NULL) {
        return STATUS_INVALID;
    }
    if (access_canaries_full(call->dispatch->parts.access)) {
        return call_refuse(call, STATUS_TOO_LARGE, "there are 256 canaries: remove one");
    }
    status = call_begin_reply(call, 4, 0);
    if (status == STATUS_OK) {
        status = budgets_take(call->dispatch->parts.budgets, key, limits, now_ms, 1,
                              &call->retry_after_s);
    }
    if (status != STATUS_OK) {
        return call_refuse(call, status, "an admin adds 64 canaries a day at most");
    }
    status = add(call, row, &canary);
    if (status == STATUS_INVALID || status == STATUS_TOO_LARGE) {
        budgets_give_back(call->dispatch->parts.budgets, key, now_ms, 1);
    }
    if (status == STATUS_OK) {
        struct token token;
        char text[TOKEN_TEXT_BYTES + 1];

        memcpy(token.bytes, canary.token, TOKEN_BYTES);
        token_format(canary.kind, &token, text);
        message_put_text(&call->reply, FIELD_TOKEN, text);
        message_put_uint(&call->reply, FIELD_KIND, canary.kind);
        message_put_uint(&call->reply, FIELD_NUMBER, canary.number);
    }
    return status;
}

enum status
op_canary_remove(struct call *call)
{
    struct access *access = call->dispatch->parts.access;
    struct audit_entry entry = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);
    struct access_change *change = NULL;
    const struct namespace_row *row;
    const struct canary *canary;
    enum contact_kind kind;
    struct token token;

    if (token_parse(call_text(call, FIELD_TOKEN), &kind, &token) != STATUS_OK) {
        return call_refuse(call, STATUS_INVALID, call_place_fault(STATUS_INVALID));
    }
    canary = access_canary_of(access, token.bytes);
    if (canary != NULL) {
        entry.amount = canary->number;
        row = access_namespace_by_id(access, canary->namespace_id);
        entry.namespace_name = row == NULL ? (struct bytes){0} : bytes_of_text(row->name);
    }
    return call_change_access(
        call, access_prepare_canary_removal(access, token.bytes, &change, &call->fault), &change,
        entry);
}

/* ---- list ---- */

static void
write_canary(struct call *call, const struct canary *canary, const struct vault_place *place)
{
    const struct namespace_row *row =
        access_namespace_by_id(call->dispatch->parts.access, canary->namespace_id);
    const bool gone = place->status != STATUS_OK || row == NULL || row->shredded;

    call_begin_item(call, canary->kind, &place->token, 5 + gone);
    message_put_uint(&call->reply, FIELD_NUMBER, canary->number);
    message_put_text(&call->reply, FIELD_NAMESPACE, row == NULL ? "?" : row->name);
    message_put_uint(&call->reply, FIELD_CREATED, canary->created_ms);
    if (gone) {
        message_put_bool(&call->reply, FIELD_GONE, true);
    }
}

/* Where they lead: to nothing, if the contact was erased since. */
static enum status
locate(struct call *call, struct vault_place **ret_places, size_t *ret_count)
{
    const struct access *access = call->dispatch->parts.access;
    const size_t rows = access_canary_count(access);
    struct vault_place *places = scratch_alloc(call->scratch, (rows + 1) * sizeof *places);
    size_t count = 0;

    if (places == NULL) {
        return call_refuse(call, STATUS_UNAVAILABLE, NO_MEMORY);
    }
    for (size_t i = 0; i < rows; i++) {
        const struct canary *canary = access_canary_at(access, i);

        if (!canary->removed) {
            places[count].kind = canary->kind;
            memcpy(places[count++].token.bytes, canary->token, TOKEN_BYTES);
        }
    }
    *ret_places = places;
    *ret_count = count;
    return vault_locate(call->dispatch->parts.vault, places, count);
}

enum status
op_canary_list(struct call *call)
{
    const struct access *access = call->dispatch->parts.access;
    struct vault_place *places = NULL;
    size_t count = 0;
    size_t at = 0;
    enum status status;

    /* Hundreds of places in the store: not where other connections wait. */
    call->would_wait = call->mode == DISPATCH_NO_WAIT;
    if (call->would_wait) {
        return STATUS_BUSY;
    }
    status = locate(call, &places, &count);
    if (status == STATUS_OK) {
        status = call_begin_reply(call, 2, count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    assert(places != NULL);
    message_put_list(&call->reply, FIELD_ITEMS, count);
    for (size_t i = 0; i < access_canary_count(access); i++) {
        if (!access_canary_at(access, i)->removed) {
            write_canary(call, access_canary_at(access, i), &places[at++]);
        }
    }
    return STATUS_OK;
}

/* ---- whether alarms arrive ---- */

enum status
op_notify_test(struct call *call)
{
    if (call->dispatch->parts.tell == NULL) {
        return call_refuse(call, STATUS_NOT_FOUND,
                           "no command is configured: [notify] in vaultd.conf");
    }
    dispatch_notice(call->dispatch, NOTICE_TEST, bytes_of_text(call->principal->name),
                    (struct bytes){0}, 0);
    return call_begin_reply(call, 1, 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the operations on contacts and tokens share: which namespace, which tokens, on record or
 * not. */
#include "dispatch_internal.h"

#include <assert.h>

#include "operations.h"
#include "scratch.h"

enum {
    INLINE_ITEMS_MAX = 16, /* more than these are not worked off on a thread that moves bytes */
    MAY_ANYTHING_THERE =
        MAY_TOKENIZE | MAY_LOOKUP | MAY_MASK | MAY_DELIVER | MAY_REVEAL | MAY_ERASE,
    VAULT_WIDE = MAY_ADMINISTER | MAY_AUDIT,
};

#define NO_LOG "the log cannot be written, so nothing is done"

struct bytes
call_text(const struct call *call, enum field field)
{
    struct bytes text = {0};

    return message_bytes(call->request, field, &text) ? text : (struct bytes){0};
}

enum status
call_find_namespace(struct call *call, uint32_t *ret_id)
{
    const struct access *access = call->dispatch->parts.access;
    const struct namespace_row *row;
    struct bytes name;

    if (message_bytes(call->request, FIELD_NAMESPACE, &name)) {
        row = access_namespace(access, name);
    } else {
        row = access_only_namespace(access, call->principal);
        if (row == NULL) {
            return call_refuse(call, STATUS_INVALID,
                               "namespace: you hold grants in several; say which (-n NAME)");
        }
    }
    if (row == NULL || !access_may(access, call->principal, call->row->capabilities, row->id)) {
        return call_refuse_on_record(call, STATUS_DENIED,
                                     "no such namespace, or no grant of yours permits this there");
    }
    call->namespace_row = row;
    *ret_id = row->id;
    return STATUS_OK;
}

const struct message_list *
call_values(struct call *call)
{
    const struct message_list *values = NULL;
    bool present = message_list(call->request, FIELD_VALUES, &values);

    assert(present);
    call->would_wait =
        call->mode == DISPATCH_NO_WAIT && message_list_count(values) > INLINE_ITEMS_MAX;
    return call->would_wait ? NULL : values;
}

void
call_put_item_fault(struct call *call, enum status status, const char *fault)
{
    message_begin(&call->reply, 2);
    message_put_uint(&call->reply, FIELD_STATUS, status);
    message_put_text(&call->reply, FIELD_MESSAGE, fault);
}

void
call_begin_item(struct call *call, enum contact_kind kind, const struct token *token, size_t fields)
{
    char text[TOKEN_TEXT_BYTES + 1];

    token_format(kind, token, text);
    message_begin(&call->reply, fields);
    message_put_text(&call->reply, FIELD_TOKEN, text);
    message_put_uint(&call->reply, FIELD_KIND, kind);
}

/* A token of a namespace in which he has no grant is, in code and text, one that does not exist. */
const char *
call_place_fault(enum status status)
{
    switch (status) {
    case STATUS_INVALID:
        return "malformed token: a letter is wrong, missing or too many";
    case STATUS_NOT_FOUND:
        return "no such token";
    case STATUS_DENIED:
        return "no grant of yours permits this";
    case STATUS_BUSY:
        return "not yet: something more urgent came in between; try again";
    case STATUS_CORRUPT:
        return "the stored record does not verify; tell the vault's admin";
    default:
        return "cannot be done now";
    }
}

static enum status
judge_place(const struct call *call, const struct vault_place *place)
{
    const struct access *access = call->dispatch->parts.access;
    const struct namespace_row *row = access_namespace_by_id(access, place->namespace_id);

    if (place->skip || place->status == STATUS_NOT_FOUND) {
        return place->status;
    }
    if (row != NULL && row->shredded) {
        return STATUS_NOT_FOUND; /* for everybody, before its rows are swept, too */
    }
    if ((call->row->capabilities & VAULT_WIDE) != 0 &&
        access_may(access, call->principal, call->row->capabilities & VAULT_WIDE, 0)) {
        return place->status;
    }
    if (!access_may(access, call->principal, MAY_ANYTHING_THERE, place->namespace_id)) {
        return STATUS_NOT_FOUND;
    }
    if (!access_may(access, call->principal, call->row->capabilities, place->namespace_id)) {
        return STATUS_DENIED;
    }
    return place->status;
}

enum status
call_judge_places(struct call *call, struct vault_place *places, size_t count)
{
    enum status status = vault_locate(call->dispatch->parts.vault, places, count);

    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        places[i].status = judge_place(call, &places[i]);
    }
    return status;
}

enum status
call_find_places(struct call *call, const struct message_list *values,
                 struct vault_place **ret_places)
{
    size_t count = message_list_count(values);
    struct vault_place *places = scratch_alloc(call->scratch, count * sizeof *places);
    enum status status;

    if (places == NULL) {
        return STATUS_UNAVAILABLE;
    }
    for (size_t i = 0; i < count; i++) {
        places[i].status =
            token_parse(message_list_bytes(values, i), &places[i].kind, &places[i].token);
        places[i].skip = places[i].status != STATUS_OK;
    }
    status = call_judge_places(call, places, count);
    *ret_places = places;
    return status;
}

/* ---- on record ---- */

struct audit_entry
call_place_entry(const struct call *call, const struct vault_place *place, enum audit_phase phase,
                 enum status result)
{
    struct audit_entry entry = call_audit_entry(call, phase, result);
    const struct namespace_row *row =
        access_namespace_by_id(call->dispatch->parts.access, place->namespace_id);

    entry.token_kind = (uint8_t)place->kind;
    memcpy(entry.token, place->token.bytes, TOKEN_BYTES);
    entry.namespace_name = row == NULL ? (struct bytes){0} : bytes_of_text(row->name);
    return entry;
}

enum status
call_record_refused(struct call *call, const struct vault_place *places, size_t count,
                    struct bytes reason, struct audit_entry *entries)
{
    uint32_t refused = 0;
    enum status status;

    for (size_t i = 0; i < count; i++) {
        const struct vault_place *place = &places[i];

        if (!place->skip && place->status != STATUS_OK && place->status != STATUS_INVALID) {
            entries[refused] = call_place_entry(call, place, AUDIT_DONE, place->status);
            entries[refused++].reason = reason;
        }
    }
    status = call_may_refuse(call, refused);
    if (status != STATUS_OK || refused == 0) {
        return status;
    }
    status = audit_append(call->dispatch->parts.audit, entries, refused);
    return status == STATUS_OK ? status : call_refuse(call, status, NO_LOG);
}

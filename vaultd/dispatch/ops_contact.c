/* SPDX-License-Identifier: Apache-2.0 */
/* tokenize, lookup, mask, detokenize: contacts and tokens, one or a batch, each with its own error.
 */
#include "dispatch_internal.h"

#include <assert.h>
#include <unistd.h>

#include "failpoint.h"
#include "scratch.h"

enum {
    REVEAL_PAUSE_US = 1000 * 1000, /* of the failpoint, between "you may" and "recorded" */
    INLINE_ITEMS_MAX = 16, /* more than these are not worked off on a thread that moves bytes */
    MAY_ANYTHING_THERE = MAY_TOKENIZE | MAY_LOOKUP | MAY_MASK | MAY_DELIVER | MAY_REVEAL,
};

#define NO_LOG "the log cannot be written, so nothing is revealed"
#define NO_MEMORY "no memory for this batch; send a smaller one, or fewer at once"

/* ---- what all four share ---- */

/* The namespace the request is about. One that is not there and one without a grant of the caller's
 * give the same answer. */
static enum status
find_namespace(struct call *call, uint32_t *ret_id)
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
        return call_refuse(call, STATUS_DENIED,
                           "no such namespace, or no grant of yours permits this there");
    }
    *ret_id = row->id;
    return STATUS_OK;
}

/* The request's values, or NULL after `would_wait` was set because there are too many for here. */
static const struct message_list *
take_values(struct call *call)
{
    const struct message_list *values = NULL;
    bool present = message_list(call->request, FIELD_VALUES, &values);

    assert(present);
    call->would_wait =
        call->mode == DISPATCH_NO_WAIT && message_list_count(values) > INLINE_ITEMS_MAX;
    return call->would_wait ? NULL : values;
}

static void
put_item_fault(struct call *call, enum status status, const char *fault)
{
    message_begin(&call->reply, 2);
    message_put_uint(&call->reply, FIELD_STATUS, status);
    message_put_text(&call->reply, FIELD_MESSAGE, fault);
}

/* An item's first two fields of three. */
static void
begin_item(struct call *call, enum contact_kind kind, const struct token *token)
{
    char text[TOKEN_TEXT_BYTES + 1];

    token_format(kind, token, text);
    message_begin(&call->reply, 3);
    message_put_text(&call->reply, FIELD_TOKEN, text);
    message_put_uint(&call->reply, FIELD_KIND, kind);
}

/* ---- tokenize, lookup ---- */

static struct vault_item *
make_items(struct call *call, const struct message_list *values, size_t count)
{
    struct vault_item *items = scratch_alloc(call->scratch, count * sizeof *items);

    for (size_t i = 0; items != NULL && i < count; i++) {
        items[i].text = message_list_bytes(values, i);
    }
    return items;
}

static enum status
write_items(struct call *call, const struct vault_item *items, size_t count)
{
    enum status status = call_begin_reply(call, 2, count);

    if (status != STATUS_OK) {
        return status;
    }
    message_put_list(&call->reply, FIELD_ITEMS, count);
    for (size_t i = 0; i < count; i++) {
        if (items[i].status != STATUS_OK) {
            put_item_fault(call, items[i].status, items[i].message);
            continue;
        }
        begin_item(call, items[i].kind, &items[i].token);
        message_put_text(&call->reply, FIELD_MASK, items[i].mask);
    }
    return STATUS_OK;
}

static bool
any_missing(const struct vault_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i].status == STATUS_NOT_FOUND) {
            return true;
        }
    }
    return false;
}

static enum status
find_or_make(struct call *call, bool make)
{
    struct vault *vault = call->dispatch->parts.vault;
    const struct message_list *values = take_values(call);
    uint64_t form = FORM_INTERNATIONAL;
    uint32_t namespace_id = 0;
    enum status status = STATUS_BUSY;

    if (values != NULL) {
        status = find_namespace(call, &namespace_id);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (message_uint(call->request, FIELD_FORM, &form) && form > FORM_WA_ID) {
        return call_refuse(call, STATUS_INVALID, "form: 0 (international) or 1 (wa_id)");
    }
    size_t count = message_list_count(values);
    struct vault_item *items = make_items(call, values, count);
    if (items == NULL) {
        return call_refuse(call, STATUS_UNAVAILABLE, NO_MEMORY);
    }
    if (make && call->mode == DISPATCH_MAY_WAIT) {
        status = vault_tokenize(vault, call->scratch, namespace_id, (enum contact_form)form, items,
                                count);
    } else {
        status =
            vault_lookup(vault, call->scratch, namespace_id, (enum contact_form)form, items, count);
        call->would_wait = make && status == STATUS_OK && any_missing(items, count);
    }
    if (status != STATUS_OK || call->would_wait) {
        return status;
    }
    return write_items(call, items, count);
}

enum status
op_tokenize(struct call *call)
{
    return find_or_make(call, true);
}

enum status
op_lookup(struct call *call)
{
    return find_or_make(call, false);
}

/* ---- tokens: mask, detokenize ---- */

/* What the caller learns of a token he may not use. A token of a namespace in which he has no grant
 * is, in code and text, one that does not exist. */
static const char *
place_fault(enum status status)
{
    switch (status) {
    case STATUS_INVALID:
        return "malformed token: a letter is wrong, missing or too many";
    case STATUS_NOT_FOUND:
        return "no such token";
    case STATUS_DENIED:
        return "no grant of yours permits this";
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

    if (place->status == STATUS_INVALID || place->status == STATUS_NOT_FOUND) {
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

/* Parsed, located and judged: each place's status says what becomes of it. */
static enum status
find_places(struct call *call, const struct message_list *values, struct vault_place **ret_places)
{
    size_t count = message_list_count(values);
    struct vault_place *places = scratch_alloc(call->scratch, count * sizeof *places);
    enum status status;

    if (places == NULL) {
        return call_refuse(call, STATUS_UNAVAILABLE, NO_MEMORY);
    }
    for (size_t i = 0; i < count; i++) {
        places[i].status =
            token_parse(message_list_bytes(values, i), &places[i].kind, &places[i].token);
        places[i].skip = places[i].status != STATUS_OK;
    }
    status = vault_locate(call->dispatch->parts.vault, places, count);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        places[i].status = judge_place(call, &places[i]);
    }
    *ret_places = places;
    return status;
}

enum status
op_mask(struct call *call)
{
    const struct message_list *values = take_values(call);
    struct vault_place *places = NULL;
    enum status status;

    if (values == NULL) {
        return STATUS_BUSY;
    }
    size_t count = message_list_count(values);
    const char **masks = scratch_alloc(call->scratch, count * sizeof *masks);
    if (masks == NULL) {
        return call_refuse(call, STATUS_UNAVAILABLE, NO_MEMORY);
    }
    status = find_places(call, values, &places);
    if (status == STATUS_OK) {
        status = vault_mask(call->dispatch->parts.vault, call->scratch, places, count, masks);
    }
    if (status == STATUS_OK) {
        status = call_begin_reply(call, 2, count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    message_put_list(&call->reply, FIELD_ITEMS, count);
    for (size_t i = 0; i < count; i++) {
        if (places[i].status != STATUS_OK) {
            put_item_fault(call, places[i].status, place_fault(places[i].status));
            continue;
        }
        begin_item(call, places[i].kind, &places[i].token);
        message_put_text(&call->reply, FIELD_MASK, masks[i]);
    }
    return STATUS_OK;
}

/* ---- detokenize ---- */

/* One request's reveals: who may see what, written down, then opened. */
struct reveals {
    struct vault_place *places;
    size_t count;
    struct bytes reason;
    struct audit_entry *entries;
    struct audit_receipt *receipts; /* of the places granted, in their order */
    size_t granted;
};

static struct audit_entry
reveal_entry(const struct call *call, const struct reveals *reveals,
             const struct vault_place *place, enum status result)
{
    struct audit_entry entry = call_audit_entry(call, AUDIT_DONE, result);
    const struct namespace_row *row =
        access_namespace_by_id(call->dispatch->parts.access, place->namespace_id);

    entry.reason = reveals->reason;
    entry.token_kind = (uint8_t)place->kind;
    memcpy(entry.token, place->token.bytes, TOKEN_BYTES);
    if (row != NULL) {
        entry.namespace_name = bytes_of_text(row->name);
    }
    return entry;
}

static enum status
check_reason(struct call *call, struct bytes *ret_reason)
{
    if (!message_bytes(call->request, FIELD_REASON, ret_reason) || ret_reason->size == 0) {
        return call_refuse(call, STATUS_INVALID, "reason: say why (--reason TEXT)");
    }
    for (size_t i = 0; i < ret_reason->size; i++) {
        if (ret_reason->data[i] < ' ' || ret_reason->data[i] == 0x7f) {
            return call_refuse(call, STATUS_INVALID, "reason: one line of text, no control bytes");
        }
    }
    return STATUS_OK;
}

/* Attempts at tokens that are not the caller's to open. Malformed ones are typing errors. */
static enum status
record_refused(struct call *call, struct reveals *reveals)
{
    uint32_t refused = 0;
    enum status status;

    for (size_t i = 0; i < reveals->count; i++) {
        const struct vault_place *place = &reveals->places[i];

        if (place->status != STATUS_OK && place->status != STATUS_INVALID) {
            reveals->entries[refused++] = reveal_entry(call, reveals, place, place->status);
        }
    }
    status = call_may_refuse(call, refused);
    if (status != STATUS_OK || refused == 0) {
        return status;
    }
    status = audit_append(call->dispatch->parts.audit, reveals->entries, refused);
    return status == STATUS_OK ? status : call_refuse(call, status, NO_LOG);
}

/* Returns when every reveal granted is on disk. */
static enum status
record_granted(struct call *call, struct reveals *reveals)
{
    for (size_t i = 0; i < reveals->count; i++) {
        if (reveals->places[i].status == STATUS_OK) {
            reveals->entries[reveals->granted++] =
                reveal_entry(call, reveals, &reveals->places[i], STATUS_OK);
        }
    }
    return reveals->granted == 0
               ? STATUS_OK
               : audit_record_reveals(call->dispatch->parts.audit, reveals->entries,
                                      reveals->granted, reveals->receipts);
}

/* Recorded as granted, but the record would not open: the log says so too. */
static void
record_failure(struct call *call, const struct reveals *reveals, const struct vault_place *place,
               const struct audit_receipt *receipt, enum status result)
{
    struct audit_entry entry = reveal_entry(call, reveals, place, result);

    entry.phase = AUDIT_OUTCOME;
    entry.refers = receipt->sequence;
    entry.reason = (struct bytes){0};
    if (audit_append(call->dispatch->parts.audit, &entry, 1) != STATUS_OK) {
        return;
    }
}

static enum status
open_granted(struct call *call, struct reveals *reveals)
{
    const struct audit_receipt *receipt = reveals->receipts;
    enum status status;

    message_put_list(&call->reply, FIELD_ITEMS, reveals->count);
    for (size_t i = 0; i < reveals->count; i++) {
        const struct vault_place *place = &reveals->places[i];
        struct bytes contact = {0};

        status = place->status;
        if (status == STATUS_OK) {
            status =
                vault_reveal(call->dispatch->parts.vault, call->scratch, receipt, place, &contact);
            if (status != STATUS_OK) {
                record_failure(call, reveals, place, receipt, status);
            }
            receipt++;
        }
        if (status != STATUS_OK) {
            put_item_fault(call, status, place_fault(status));
            continue;
        }
        begin_item(call, place->kind, &place->token);
        message_put_bytes(&call->reply, FIELD_VALUE, contact);
    }
    return STATUS_OK;
}

enum status
op_detokenize(struct call *call)
{
    struct reveals reveals = {0};
    const struct message_list *values;
    enum status status;

    /* The log is flushed before anything is opened. */
    call->would_wait = call->mode == DISPATCH_NO_WAIT;
    if (call->would_wait) {
        return STATUS_BUSY;
    }
    values = take_values(call);
    status = check_reason(call, &reveals.reason);
    if (status == STATUS_OK) {
        status = find_places(call, values, &reveals.places);
    }
    if (status != STATUS_OK) {
        return status;
    }
    reveals.count = message_list_count(values);
    reveals.entries = scratch_alloc(call->scratch, reveals.count * sizeof *reveals.entries);
    reveals.receipts = scratch_alloc(call->scratch, reveals.count * sizeof *reveals.receipts);
    if (reveals.entries == NULL || reveals.receipts == NULL) {
        return call_refuse(call, STATUS_UNAVAILABLE, NO_MEMORY);
    }
    if (FAILPOINT("dispatch_reveal_pause")) {
        (void)usleep(REVEAL_PAUSE_US);
    }
    status = record_refused(call, &reveals);
    if (status != STATUS_OK) {
        return status;
    }
    /* Room for the reply first: what is on record as revealed shall not fail for want of it. */
    status = call_begin_reply(call, 2, reveals.count);
    if (status != STATUS_OK) {
        return status;
    }
    status = record_granted(call, &reveals);
    return status == STATUS_OK ? open_granted(call, &reveals) : call_refuse(call, status, NO_LOG);
}

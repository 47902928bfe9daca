/* SPDX-License-Identifier: Apache-2.0 */
/* erase: by token, or by the contact itself. */
#include "dispatch_internal.h"

#include <string.h>

#include "alarms.h"
#include "operations.h"
#include "scratch.h"
#include "spend.h"

/* One request: every value becomes a place; those given as contacts by way of a lookup. */
struct erasures {
    struct vault_place *places;
    size_t count;
    struct vault_item *items; /* of the values that are contacts, in their order */
    size_t *item_of_place;    /* count x; SIZE_MAX: the value is a token */
    size_t item_count;
};

/* A token begins with its kind; nothing else without an @ does. */
static bool
looks_like_token(struct bytes text)
{
    enum { PREFIX_BYTES = 4 };

    return text.size > PREFIX_BYTES && memchr(text.data, '@', text.size) == NULL &&
           (memcmp(text.data, "phn_", PREFIX_BYTES) == 0 ||
            memcmp(text.data, "eml_", PREFIX_BYTES) == 0);
}

static void
take_value(struct erasures *erasures, size_t i, struct bytes text)
{
    struct vault_place *place = &erasures->places[i];

    erasures->item_of_place[i] = SIZE_MAX;
    if (looks_like_token(text)) {
        place->status = token_parse(text, &place->kind, &place->token);
        place->skip = place->status != STATUS_OK;
        return;
    }
    erasures->items[erasures->item_count].text = text;
    erasures->item_of_place[i] = erasures->item_count++;
}

static enum status
take_all_values(struct call *call, struct erasures *erasures)
{
    const struct message_list *values = call_values(call);
    size_t count = message_list_count(values);

    erasures->count = count;
    erasures->places = scratch_alloc(call->scratch, count * sizeof *erasures->places);
    erasures->items = scratch_alloc(call->scratch, count * sizeof *erasures->items);
    erasures->item_of_place = scratch_alloc(call->scratch, count * sizeof *erasures->item_of_place);
    if (erasures->places == NULL || erasures->items == NULL || erasures->item_of_place == NULL) {
        return call_refuse(call, STATUS_UNAVAILABLE, NO_MEMORY);
    }
    for (size_t i = 0; i < count; i++) {
        take_value(erasures, i, message_list_bytes(values, i));
    }
    return STATUS_OK;
}

/* The contacts' tokens; a lookup like any other, and paid for like one. */
static enum status
look_up(struct call *call, struct erasures *erasures)
{
    uint64_t form = FORM_INTERNATIONAL;
    uint32_t namespace_id = 0;
    struct budget_draw draw;
    enum status status;

    if (erasures->item_count == 0) {
        return STATUS_OK;
    }
    (void)!message_uint(call->request, FIELD_FORM, &form);
    status = call_find_namespace(call, &namespace_id);
    if (status == STATUS_OK) {
        status = spend_lookups(call, namespace_id, erasures->item_count, &draw);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = vault_lookup(call->dispatch->parts.vault, call->scratch, namespace_id,
                          (enum contact_form)form, erasures->items, erasures->item_count);
    if (status != STATUS_OK) {
        spend_undo_lookups(call, &draw);
    } else {
        call_count_misses(call, namespace_id, erasures->items, erasures->item_count);
    }
    for (size_t i = 0; status == STATUS_OK && i < erasures->count; i++) {
        struct vault_place *place = &erasures->places[i];

        if (erasures->item_of_place[i] != SIZE_MAX) {
            const struct vault_item *item = &erasures->items[erasures->item_of_place[i]];

            place->status = item->status;
            place->skip = item->status != STATUS_OK;
            place->kind = item->kind;
            place->token = item->token;
        }
    }
    return status;
}

static const char *
fault_of(const struct erasures *erasures, size_t i)
{
    size_t item = erasures->item_of_place[i];

    return item != SIZE_MAX && erasures->items[item].status != STATUS_OK
               ? erasures->items[item].message
               : call_place_fault(erasures->places[i].status);
}

static void
write_places(struct call *call, const struct erasures *erasures)
{
    message_put_list(&call->reply, FIELD_ITEMS, erasures->count);
    for (size_t i = 0; i < erasures->count; i++) {
        const struct vault_place *place = &erasures->places[i];

        if (place->status != STATUS_OK) {
            call_put_item_fault(call, place->status, fault_of(erasures, i));
        } else {
            call_begin_item(call, place->kind, &place->token, 2);
        }
    }
}

static enum status
erase_all(struct call *call, struct erasures *erasures, struct bytes reason)
{
    struct audit_entry as = call_audit_entry(call, AUDIT_INTENT, STATUS_OK);
    struct audit_entry *entries = scratch_alloc(call->scratch, erasures->count * sizeof *entries);
    enum status status;

    if (entries == NULL) {
        return call_refuse(call, STATUS_UNAVAILABLE, NO_MEMORY);
    }
    as.reason = reason;
    status = call_record_refused(call, erasures->places, erasures->count, reason, entries);
    if (status == STATUS_OK) {
        status = call_begin_reply(call, 2, erasures->count);
    }
    if (status == STATUS_OK) {
        status = dispatch_erase(call->dispatch, call->scratch, &as, erasures->places,
                                erasures->count, &call->fault);
    }
    return status;
}

static enum status
work_off(struct call *call, struct erasures *erasures, struct bytes reason)
{
    enum status status = take_all_values(call, erasures);

    if (status == STATUS_OK) {
        status = look_up(call, erasures);
    }
    if (status == STATUS_OK) {
        status = call_judge_places(call, erasures->places, erasures->count);
    }
    return status == STATUS_OK ? erase_all(call, erasures, reason) : status;
}

enum status
op_erase(struct call *call)
{
    struct erasures erasures = {0};
    struct bytes reason = {0};
    enum status status;

    call->would_wait = call->mode == DISPATCH_NO_WAIT;
    if (call->would_wait) {
        return STATUS_BUSY;
    }
    status = call_reason(call, &reason);
    if (status != STATUS_OK) {
        return status;
    }
    /* Before anything is paid for or entered. */
    if (!dispatch_erase_begin(call->dispatch)) {
        call->retry_after_s = 1;
        return call_refuse(call, STATUS_BUSY, "somebody else is erasing; try again shortly");
    }
    status = work_off(call, &erasures, reason);
    dispatch_erase_end(call->dispatch);
    if (status == STATUS_OK) {
        call->fault = NULL;
        write_places(call, &erasures);
    }
    return status;
}

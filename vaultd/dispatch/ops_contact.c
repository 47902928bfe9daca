/* SPDX-License-Identifier: Apache-2.0 */
/* tokenize, lookup, mask, describe: contacts and tokens, one or a batch, each with its own error.
 */
#include "dispatch_internal.h"

#include "alarms.h"
#include "operations.h"
#include "scratch.h"
#include "spend.h"

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

struct search {
    uint32_t namespace_id;
    enum contact_form form;
    struct vault_item *items;
    size_t count;
    bool make;
};

/* What is answered counts: what was found, and what was not. */
static enum status
write_items(struct call *call, const struct search *search)
{
    const struct vault_item *items = search->items;
    enum status status = call_begin_reply(call, 2, search->count);

    if (status != STATUS_OK) {
        return status;
    }
    message_put_list(&call->reply, FIELD_ITEMS, search->count);
    for (size_t i = 0; i < search->count; i++) {
        if (items[i].status != STATUS_OK) {
            call_put_item_fault(call, items[i].status, items[i].message);
            continue;
        }
        call_begin_item(call, items[i].kind, &items[i].token, 3);
        message_put_text(&call->reply, FIELD_MASK, items[i].mask);
    }
    if (!search->make) {
        call_count_misses(call, search->namespace_id, items, search->count);
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
look(struct call *call, const struct search *search)
{
    return vault_lookup(call->dispatch->parts.vault, call->scratch, search->namespace_id,
                        search->form, search->items, search->count);
}

/* Paid for before anything is looked at: how long a refusal takes tells nothing. What fails as a
 * whole told nothing either, and is given back. */
static enum status
search_on_worker(struct call *call, const struct search *search)
{
    struct budget_draw draw;
    enum status status = spend_lookups(call, search->namespace_id, search->count, &draw);

    if (status != STATUS_OK) {
        return status;
    }
    status = search->make
                 ? vault_tokenize(call->dispatch->parts.vault, call->scratch, search->namespace_id,
                                  search->form, search->items, search->count)
                 : look(call, search);
    if (status == STATUS_OK) {
        status = write_items(call, search);
    }
    if (status != STATUS_OK) {
        spend_undo_lookups(call, &draw);
    }
    return status;
}

/* Paid for last: what is handed on to a worker must not have paid here already. */
static enum status
search_here(struct call *call, const struct search *search)
{
    struct budget_draw draw;
    enum status status;

    call->would_wait = !spend_has_room(call, search->namespace_id, search->count);
    if (call->would_wait) {
        return STATUS_BUSY;
    }
    status = look(call, search);
    call->would_wait =
        search->make && status == STATUS_OK && any_missing(search->items, search->count);
    if (status != STATUS_OK || call->would_wait) {
        return status;
    }
    status = spend_lookups(call, search->namespace_id, search->count, &draw);
    if (status != STATUS_OK) {
        return status;
    }
    status = write_items(call, search);
    if (status != STATUS_OK) {
        spend_undo_lookups(call, &draw);
    }
    return status;
}

static enum status
find_or_make(struct call *call, bool make)
{
    const struct message_list *values = call_values(call);
    uint64_t form = FORM_INTERNATIONAL;
    uint32_t namespace_id = 0;
    enum status status = STATUS_BUSY;

    if (values != NULL) {
        status = call_find_namespace(call, &namespace_id);
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
    const struct search search = {namespace_id, (enum contact_form)form, items, count, make};
    return call->mode == DISPATCH_MAY_WAIT ? search_on_worker(call, &search)
                                           : search_here(call, &search);
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

/* ---- mask, describe ---- */

enum status
op_mask(struct call *call)
{
    const struct message_list *values = call_values(call);
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
    status = call_find_places(call, values, &places);
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
            call_put_item_fault(call, places[i].status, call_place_fault(places[i].status));
            continue;
        }
        call_begin_item(call, places[i].kind, &places[i].token, 3);
        message_put_text(&call->reply, FIELD_MASK, masks[i]);
    }
    return STATUS_OK;
}

/* An item of describe. `created` is for those who look after the vault, not for who uses it. */
static void
write_description(struct call *call, const struct vault_place *place,
                  const struct vault_description *description, bool tell_created)
{
    const struct namespace_row *row =
        access_namespace_by_id(call->dispatch->parts.access, place->namespace_id);
    size_t fields = 4U + (description->country != NULL) + tell_created;

    call_begin_item(call, place->kind, &place->token, fields);
    message_put_text(&call->reply, FIELD_MASK, description->mask);
    message_put_text(&call->reply, FIELD_NAMESPACE, row == NULL ? "?" : row->name);
    if (description->country != NULL) {
        message_put_text(&call->reply, FIELD_COUNTRY, description->country);
    }
    if (tell_created) {
        message_put_uint(&call->reply, FIELD_CREATED, description->created_ms);
    }
}

static enum status
write_descriptions(struct call *call, const struct vault_place *places, size_t count,
                   const struct vault_description *descriptions)
{
    bool tell_created =
        access_may(call->dispatch->parts.access, call->principal, MAY_ADMINISTER | MAY_AUDIT, 0);
    enum status status = call_begin_reply(call, 2, count);

    if (status != STATUS_OK) {
        return status;
    }
    message_put_list(&call->reply, FIELD_ITEMS, count);
    for (size_t i = 0; i < count; i++) {
        if (places[i].status != STATUS_OK) {
            call_put_item_fault(call, places[i].status, call_place_fault(places[i].status));
        } else {
            write_description(call, &places[i], &descriptions[i], tell_created);
        }
    }
    return STATUS_OK;
}

enum status
op_describe(struct call *call)
{
    const struct message_list *values = call_values(call);
    struct vault_place *places = NULL;
    enum status status;

    if (values == NULL) {
        return STATUS_BUSY;
    }
    size_t count = message_list_count(values);
    struct vault_description *descriptions =
        scratch_alloc(call->scratch, count * sizeof *descriptions);
    if (descriptions == NULL) {
        return call_refuse(call, STATUS_UNAVAILABLE, NO_MEMORY);
    }
    status = call_find_places(call, values, &places);
    if (status == STATUS_OK) {
        status =
            vault_describe(call->dispatch->parts.vault, call->scratch, places, count, descriptions);
    }
    return status == STATUS_OK ? write_descriptions(call, places, count, descriptions) : status;
}

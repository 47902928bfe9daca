/* SPDX-License-Identifier: Apache-2.0 */
/* What may be known of the contact a place leads to: its mask, and, with a receipt, itself. */
#include "vault_internal.h"

#include "clock.h"
#include "scratch.h"
#include "vault_retention.h"
#include "vault_uses.h"

struct showing {
    const struct vault *vault;
    struct vault_place *places;
    size_t count;
    struct scratch *scratch;
    const char **masks;                     /* or */
    struct vault_description *descriptions; /* one of the two */
    uint8_t *inner;
};

/* ---- mask, describe ---- */

static const char *
copy_mask(const struct showing *showing, const struct contact *contact)
{
    char *mask = scratch_alloc(showing->scratch, MASK_BYTES_MAX + 1);

    if (mask != NULL) {
        contact_mask(contact->kind, contact->canonical, showing->scratch, mask);
    }
    return mask;
}

static enum status
describe(const struct showing *showing, const struct record_opened *opened,
         struct vault_description *ret_description)
{
    const struct contact *contact = &opened->contact;
    size_t country_size = contact_country_size(contact->kind, contact->canonical);
    struct vault_description description = {.created_ms = opened->created_ms};

    description.mask = copy_mask(showing, contact);
    if (description.mask == NULL) {
        return STATUS_UNAVAILABLE;
    }
    if (country_size > 0) {
        char *country = scratch_alloc(showing->scratch, country_size + 1); /* zeroed */

        if (country == NULL) {
            return STATUS_UNAVAILABLE;
        }
        memcpy(country, contact->canonical.data, country_size);
        description.country = country;
    }
    *ret_description = description;
    return STATUS_OK;
}

static enum status
show_one(const struct showing *showing, struct store_txn *txn, size_t i)
{
    struct vault_place *place = &showing->places[i];
    struct record_opened opened;
    enum status status = vault_place_open(showing->vault, txn, place, showing->inner, &opened);

    if (status != STATUS_OK) {
        place->status = status;
        return status == STATUS_CORRUPT || status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    if (showing->descriptions != NULL) {
        return describe(showing, &opened, &showing->descriptions[i]);
    }
    showing->masks[i] = copy_mask(showing, &opened.contact);
    return showing->masks[i] == NULL ? STATUS_UNAVAILABLE : STATUS_OK;
}

static enum status
show_step(struct store_txn *txn, void *state)
{
    const struct showing *showing = state;
    enum status status = STATUS_OK;

    for (size_t i = 0; status == STATUS_OK && i < showing->count; i++) {
        if (showing->descriptions != NULL) {
            showing->descriptions[i] = (struct vault_description){0};
        } else {
            showing->masks[i] = NULL;
        }
        if (showing->places[i].status == STATUS_OK) {
            status = show_one(showing, txn, i);
        }
    }
    return status;
}

static enum status
show(struct vault *vault, struct showing *showing)
{
    showing->vault = vault;
    showing->inner = scratch_alloc(showing->scratch, RECORD_INNER_MAX);
    return showing->inner == NULL ? STATUS_UNAVAILABLE
                                  : store_view(vault->store, show_step, showing);
}

enum status
vault_mask(struct vault *vault, struct scratch *scratch, struct vault_place *places, size_t count,
           const char **ret_masks)
{
    struct showing showing = {
        .places = places, .count = count, .scratch = scratch, .masks = ret_masks};

    return show(vault, &showing);
}

enum status
vault_describe(struct vault *vault, struct scratch *scratch, struct vault_place *places,
               size_t count, struct vault_description *ret_descriptions)
{
    struct showing showing = {
        .places = places, .count = count, .scratch = scratch, .descriptions = ret_descriptions};

    return show(vault, &showing);
}

/* ---- reveal ---- */

struct revealing {
    const struct vault *vault;
    const struct vault_place *place;
    uint8_t *inner;
    struct record_opened opened;
};

static enum status
reveal_step(struct store_txn *txn, void *state)
{
    struct revealing *revealing = state;

    return vault_place_open(revealing->vault, txn, revealing->place, revealing->inner,
                            &revealing->opened);
}

enum status
vault_reveal(struct vault *vault, struct scratch *scratch, const struct audit_receipt *receipt,
             const struct vault_place *place, struct bytes *ret_contact)
{
    struct revealing revealing = {.vault = vault, .place = place};
    enum status status;

    if (receipt->sequence == 0 || memcmp(receipt->token, place->token.bytes, TOKEN_BYTES) != 0) {
        return STATUS_INTERNAL;
    }
    revealing.inner = scratch_alloc(scratch, RECORD_INNER_MAX);
    if (revealing.inner == NULL) {
        return STATUS_UNAVAILABLE;
    }
    status = store_view(vault->store, reveal_step, &revealing);
    if (status != STATUS_OK) {
        return status;
    }
    if (revealing.opened.header.used_month < vault_month(clock_vault_ms())) {
        vault_uses_add(vault->uses, place->row);
    }
    *ret_contact = revealing.opened.contact.first_seen;
    return STATUS_OK;
}

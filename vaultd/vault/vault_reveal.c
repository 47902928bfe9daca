/* SPDX-License-Identifier: Apache-2.0 */
/* Token to what may be known of it: where it leads, its mask, and, with a receipt, the contact. */
#include "vault_internal.h"

#include "log.h"
#include "scratch.h"

struct walk {
    const struct vault *vault;
    struct vault_place *places;
    size_t count;
    struct scratch *scratch;
    const char **masks;
    uint8_t *inner;
    struct bytes contact;
};

/* ---- where tokens lead ---- */

/* The record's bytes, or NOT_FOUND; a token row that leads nowhere is damage. */
static enum status
get_record(struct store_txn *txn, uint64_t row, struct bytes *ret_record)
{
    uint8_t key[ROW_KEY_BYTES];

    put_u64(key, row);
    return store_get(txn, STORE_RECORD, bytes_of(key, sizeof key), ret_record);
}

static enum status
locate_one(struct store_txn *txn, struct vault_place *place)
{
    struct record_header header;
    struct bytes row_key;
    struct bytes record;
    enum status status =
        store_get(txn, STORE_TOKEN, bytes_of(place->token.bytes, TOKEN_BYTES), &row_key);

    if (status != STATUS_OK) {
        return status;
    }
    if (row_key.size != ROW_KEY_BYTES) {
        return STATUS_CORRUPT;
    }
    place->row = get_u64(row_key.data);
    status = get_record(txn, place->row, &record);
    if (status == STATUS_OK) {
        status = vault_record_header(record, &header);
    }
    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    }
    place->namespace_id = header.namespace_id;
    if (memcmp(header.token.bytes, place->token.bytes, TOKEN_BYTES) != 0) {
        return STATUS_CORRUPT;
    }
    /* The prefix is part of the token's text: with the other one it names nothing. */
    return header.kind == place->kind ? STATUS_OK : STATUS_NOT_FOUND;
}

static enum status
locate_step(struct store_txn *txn, void *state)
{
    struct walk *walk = state;

    for (size_t i = 0; i < walk->count; i++) {
        struct vault_place *place = &walk->places[i];

        if (place->skip) {
            continue;
        }
        place->status = locate_one(txn, place);
        if (place->status == STATUS_CORRUPT) {
            LOG(LOG_LEVEL_ERROR, EVENT_RECORD_CORRUPT, F("row", place->row));
        }
        if (place->status != STATUS_OK && place->status != STATUS_NOT_FOUND &&
            place->status != STATUS_CORRUPT) {
            return place->status;
        }
    }
    return STATUS_OK;
}

enum status
vault_locate(struct vault *vault, struct vault_place *places, size_t count)
{
    struct walk walk = {.vault = vault, .places = places, .count = count};

    return store_view(vault->store, locate_step, &walk);
}

/* ---- opening ---- */

/* Everything the place said is compared with what the opened record vouches for. */
static enum status
open_place(struct walk *walk, struct store_txn *txn, const struct vault_place *place,
           struct contact *ret_contact)
{
    struct record_header header;
    struct bytes record;
    enum status status = get_record(txn, place->row, &record);

    if (status == STATUS_OK) {
        status =
            vault_record_open(walk->vault, place->row, record, walk->inner, &header, ret_contact);
    }
    if (status != STATUS_OK) {
        return status;
    }
    return header.namespace_id == place->namespace_id && header.kind == place->kind &&
                   memcmp(header.token.bytes, place->token.bytes, TOKEN_BYTES) == 0
               ? STATUS_OK
               : STATUS_CORRUPT;
}

static enum status
mask_one(struct walk *walk, struct store_txn *txn, size_t i)
{
    struct contact contact;
    char *mask;
    enum status status = open_place(walk, txn, &walk->places[i], &contact);

    if (status != STATUS_OK) {
        walk->places[i].status = status;
        return status == STATUS_CORRUPT || status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    mask = scratch_alloc(walk->scratch, MASK_BYTES_MAX + 1);
    if (mask == NULL) {
        return STATUS_UNAVAILABLE;
    }
    contact_mask(contact.kind, contact.canonical, walk->scratch, mask);
    walk->masks[i] = mask;
    return STATUS_OK;
}

static enum status
mask_step(struct store_txn *txn, void *state)
{
    struct walk *walk = state;

    for (size_t i = 0; i < walk->count; i++) {
        enum status status;

        walk->masks[i] = NULL;
        if (walk->places[i].status != STATUS_OK) {
            continue;
        }
        status = mask_one(walk, txn, i);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

enum status
vault_mask(struct vault *vault, struct scratch *scratch, struct vault_place *places, size_t count,
           const char **ret_masks)
{
    struct walk walk = {.vault = vault,
                        .places = places,
                        .count = count,
                        .scratch = scratch,
                        .masks = ret_masks,
                        .inner = scratch_alloc(scratch, RECORD_INNER_MAX)};

    return walk.inner == NULL ? STATUS_UNAVAILABLE : store_view(vault->store, mask_step, &walk);
}

static enum status
reveal_step(struct store_txn *txn, void *state)
{
    struct walk *walk = state;
    struct contact contact;
    enum status status = open_place(walk, txn, walk->places, &contact);

    if (status == STATUS_OK) {
        walk->contact = contact.first_seen;
    }
    return status;
}

enum status
vault_reveal(struct vault *vault, struct scratch *scratch, const struct audit_receipt *receipt,
             const struct vault_place *place, struct bytes *ret_contact)
{
    struct vault_place copy = *place;
    struct walk walk = {.vault = vault, .places = &copy, .count = 1};
    enum status status;

    if (receipt->sequence == 0 || memcmp(receipt->token, place->token.bytes, TOKEN_BYTES) != 0) {
        return STATUS_INTERNAL;
    }
    walk.inner = scratch_alloc(scratch, RECORD_INNER_MAX);
    if (walk.inner == NULL) {
        return STATUS_UNAVAILABLE;
    }
    status = store_view(vault->store, reveal_step, &walk);
    if (status == STATUS_OK) {
        *ret_contact = walk.contact;
    }
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The rows that lead to a record: from a token, and from a contact's blind index. */
#include "vault_internal.h"

#include "log.h"

struct bytes
vault_row_key(uint64_t row, uint8_t to[static ROW_KEY_BYTES])
{
    put_u64(to, row);
    return bytes_of(to, ROW_KEY_BYTES);
}

enum status
vault_index_key(const struct vault *vault, uint32_t namespace_id, uint32_t generation,
                const struct contact *contact, uint8_t to[static INDEX_KEY_BYTES])
{
    struct key_name name = {KEY_INDEX, namespace_id, generation};

    put_u32(to, namespace_id);
    put_u32(to + 4, generation);
    to[8] = (uint8_t)contact->kind;
    return keyring_blind_index(vault->keyring, name, CONTACT_CANONICAL_VERSION, contact->kind,
                               contact->canonical, to + INDEX_KEY_BYTES - BLIND_INDEX_BYTES);
}

static enum status
get_record(struct store_txn *txn, uint64_t row, struct bytes *ret_record)
{
    uint8_t key[ROW_KEY_BYTES];

    return store_get(txn, STORE_RECORD, vault_row_key(row, key), ret_record);
}

struct locating {
    struct vault_place *places;
    size_t count;
};

/* A token row that leads nowhere is damage. */
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
    struct locating *locating = state;

    for (size_t i = 0; i < locating->count; i++) {
        struct vault_place *place = &locating->places[i];

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
    struct locating locating = {.places = places, .count = count};

    return store_view(vault->store, locate_step, &locating);
}

enum status
vault_place_open(const struct vault *vault, struct store_txn *txn, const struct vault_place *place,
                 uint8_t *inner, struct record_opened *ret_opened)
{
    struct record_opened opened;
    struct bytes record;
    enum status status = get_record(txn, place->row, &record);

    if (status == STATUS_OK) {
        status = vault_record_open(vault, place->row, record, inner, &opened);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (opened.header.namespace_id != place->namespace_id || opened.header.kind != place->kind ||
        memcmp(opened.header.token.bytes, place->token.bytes, TOKEN_BYTES) != 0) {
        return STATUS_CORRUPT;
    }
    *ret_opened = opened;
    return STATUS_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A contact gone: its record and the two rows that lead to it, in one step. */
#include "vault_internal.h"

#include "log.h"
#include "scratch.h"
#include "vault_uses.h"

enum { ROWS_PER_CONTACT = 4 }; /* record, token, index, count */
_Static_assert(BATCH_ITEMS_MAX *ROWS_PER_CONTACT <= STORE_STEP_ROWS_MAX, "one step for a batch");
_Static_assert((int)VAULT_ERASED_CERTAINLY *ROWS_PER_CONTACT <= (int)STORE_RESERVED_ROWS,
               "what the reserve carries");

struct erasing {
    const struct vault *vault;
    struct vault_place *places;
    size_t count;
    bool *wanted; /* by the caller; the step may run twice and changes the places' statuses */
    uint8_t *inner;
};

/*
 * A row that should lead to this record and leads to another is left alone, and the record with it.
 * Either somebody altered the row, or the contact has a second record, made when its index row was
 * lost: then it would live on under another token, while "erased" was said. A row that is missing
 * keeps nothing alive.
 */
static enum status
check_leads_to(struct store_txn *txn, enum store_table table, struct bytes key,
               struct bytes row_key)
{
    struct bytes found;
    enum status status = store_get(txn, table, key, &found);

    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    return status == STATUS_OK && !bytes_equal(found, row_key) ? STATUS_CORRUPT : status;
}

static enum status
find_index_key(const struct erasing *erasing, struct store_txn *txn,
               const struct record_opened *opened, uint8_t *ret_key)
{
    uint32_t namespace_id = opened->header.namespace_id;
    struct vault_epoch epoch;
    enum status status = vault_epoch_read(txn, namespace_id, &epoch);

    if (status == STATUS_OK) {
        status =
            vault_index_key(erasing->vault, namespace_id, epoch.index, &opened->contact, ret_key);
    }
    /* A record whose namespace or index key is not there cannot be looked for. */
    return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
}

static enum status
erase_one(const struct erasing *erasing, struct store_txn *txn, const struct vault_place *place)
{
    uint8_t index_bytes[INDEX_KEY_BYTES];
    uint8_t row_bytes[ROW_KEY_BYTES];
    struct bytes row = vault_row_key(place->row, row_bytes);
    struct bytes token = bytes_of(place->token.bytes, TOKEN_BYTES);
    struct bytes index = bytes_of(index_bytes, sizeof index_bytes);
    struct record_opened opened;
    enum status status = vault_place_open(erasing->vault, txn, place, erasing->inner, &opened);

    if (status == STATUS_OK && place->unused_before != 0 &&
        (opened.header.used_month >= place->unused_before ||
         vault_uses_has(erasing->vault->uses, place->row))) {
        return STATUS_CONFLICT; /* used since the sweep looked */
    }
    if (status == STATUS_OK) {
        status = find_index_key(erasing, txn, &opened, index_bytes);
    }
    if (status == STATUS_OK) {
        status = check_leads_to(txn, STORE_TOKEN, token, row);
    }
    if (status == STATUS_OK) {
        status = check_leads_to(txn, STORE_INDEX, index, row);
    }
    if (status == STATUS_OK) {
        status = store_delete_many(txn, STORE_INDEX, &index, 1);
    }
    if (status == STATUS_OK) {
        status = store_delete_many(txn, STORE_TOKEN, &token, 1);
    }
    if (status == STATUS_OK) {
        status = store_delete_many(txn, STORE_RECORD, &row, 1);
    }
    return status == STATUS_OK ? vault_count_change(txn, opened.header.namespace_id, -1) : status;
}

static enum status
erase_step(struct store_txn *txn, void *state)
{
    const struct erasing *erasing = state;

    for (size_t i = 0; i < erasing->count; i++) {
        struct vault_place *place = &erasing->places[i];

        if (!erasing->wanted[i]) {
            continue;
        }
        place->status = erase_one(erasing, txn, place);
        if (place->status == STATUS_CORRUPT) {
            LOG(LOG_LEVEL_ERROR, EVENT_RECORD_CORRUPT, F("row", place->row));
        }
        if (place->status != STATUS_OK && place->status != STATUS_NOT_FOUND &&
            place->status != STATUS_CORRUPT && place->status != STATUS_CONFLICT) {
            return place->status;
        }
    }
    return STATUS_OK;
}

enum status
vault_erase(struct vault *vault, struct scratch *scratch, struct vault_place *places, size_t count)
{
    struct erasing erasing = {.vault = vault, .places = places, .count = count};
    enum status status;

    if (count > BATCH_ITEMS_MAX) {
        return STATUS_TOO_LARGE;
    }
    erasing.wanted = scratch_alloc(scratch, count * sizeof *erasing.wanted);
    erasing.inner = scratch_alloc(scratch, RECORD_INNER_MAX);
    if (erasing.wanted == NULL || erasing.inner == NULL) {
        return STATUS_UNAVAILABLE;
    }
    for (size_t i = 0; i < count; i++) {
        erasing.wanted[i] = !places[i].skip && places[i].status == STATUS_OK;
    }
    status = store_update_reserved(vault->store, erase_step, &erasing);
    /* None was erased: each is again what the caller said of it. */
    for (size_t i = 0; status != STATUS_OK && i < count; i++) {
        places[i].status = erasing.wanted[i] ? STATUS_OK : places[i].status;
    }
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A contact gone: its record and the rows that lead to it, in one step. */
#include "vault_internal.h"

#include "log.h"
#include "scratch.h"
#include "vault_uses.h"

enum {
    ROWS_PER_CONTACT = 5, /* record, token, index, the other index, count */
    INDEXES_MAX = 2,
};
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
               struct bytes row_key, bool *ret_found)
{
    struct bytes found;
    enum status status = store_get(txn, table, key, &found);

    *ret_found = status == STATUS_OK;
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    return status == STATUS_OK && !bytes_equal(found, row_key) ? STATUS_CORRUPT : status;
}

/* A contact's row under each generation there is. */
struct index_rows {
    size_t count;
    uint32_t generations[INDEXES_MAX];
    uint8_t keys[INDEXES_MAX][INDEX_KEY_BYTES];
    bool found[INDEXES_MAX];
};

static enum status
find_index_rows(const struct erasing *erasing, struct store_txn *txn,
                const struct record_opened *opened, struct bytes row, struct index_rows *ret_rows)
{
    uint32_t namespace_id = opened->header.namespace_id;
    struct vault_epoch epoch;
    enum status status = vault_epoch_read(txn, namespace_id, &epoch);

    if (status == STATUS_OK) {
        ret_rows->count = epoch.index_other == 0 ? 1 : 2;
        ret_rows->generations[0] = epoch.index;
        ret_rows->generations[1] = epoch.index_other;
    }
    for (size_t i = 0; status == STATUS_OK && i < ret_rows->count; i++) {
        status = vault_index_key(erasing->vault, namespace_id, ret_rows->generations[i],
                                 &opened->contact, ret_rows->keys[i]);
        if (status == STATUS_OK) {
            status = check_leads_to(txn, STORE_INDEX, bytes_of(ret_rows->keys[i], INDEX_KEY_BYTES),
                                    row, &ret_rows->found[i]);
        }
    }
    /* A record whose namespace or index key is not there cannot be looked for. */
    return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
}

static enum status
delete_rows(struct store_txn *txn, const struct record_header *header, struct bytes row,
            const struct index_rows *indexes)
{
    struct bytes token = bytes_of(header->token.bytes, TOKEN_BYTES);
    struct vault_count_change changes[1 + INDEXES_MAX] = {{KEY_DATA, header->epoch, -1}};
    size_t changed = 1;
    enum status status = store_delete_many(txn, STORE_TOKEN, &token, 1);

    for (size_t i = 0; status == STATUS_OK && i < indexes->count; i++) {
        struct bytes key = bytes_of(indexes->keys[i], INDEX_KEY_BYTES);

        if (indexes->found[i]) {
            status = store_delete_many(txn, STORE_INDEX, &key, 1);
            changes[changed++] =
                (struct vault_count_change){KEY_INDEX, indexes->generations[i], -1};
        }
    }
    if (status == STATUS_OK) {
        status = store_delete_many(txn, STORE_RECORD, &row, 1);
    }
    return status == STATUS_OK ? vault_counts_change(txn, header->namespace_id, changes, changed)
                               : status;
}

static enum status
erase_one(const struct erasing *erasing, struct store_txn *txn, const struct vault_place *place)
{
    uint8_t row_bytes[ROW_KEY_BYTES];
    struct bytes row = vault_row_key(place->row, row_bytes);
    struct index_rows indexes = {0};
    struct record_opened opened;
    bool found;
    enum status status = vault_place_open(erasing->vault, txn, place, erasing->inner, &opened);

    if (status == STATUS_OK && place->unused_before != 0 &&
        (opened.header.used_month >= place->unused_before ||
         vault_uses_has(erasing->vault->uses, place->row))) {
        return STATUS_CONFLICT; /* used since the sweep looked */
    }
    if (status == STATUS_OK) {
        status = find_index_rows(erasing, txn, &opened, row, &indexes);
    }
    if (status == STATUS_OK) {
        status = check_leads_to(txn, STORE_TOKEN, bytes_of(place->token.bytes, TOKEN_BYTES), row,
                                &found);
    }
    return status == STATUS_OK ? delete_rows(txn, &opened.header, row, &indexes) : status;
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

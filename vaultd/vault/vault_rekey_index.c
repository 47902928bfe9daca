/* SPDX-License-Identifier: Apache-2.0 */
/* Every contact gets a row under the new index key; then none is without; then the old rows go. */
#include "vault_rekey_internal.h"

/* What a record's contact has under the old generation and the new. */
struct both_rows {
    uint8_t old_key[INDEX_KEY_BYTES];
    uint8_t new_key[INDEX_KEY_BYTES];
    bool has_old, has_new;   /* there is such a row */
    bool old_here, new_here; /* and it leads to this record */
};

static enum status
find_row(struct store_txn *txn, const uint8_t *key, struct bytes row, bool *ret_has, bool *ret_here)
{
    struct bytes found;
    enum status status = store_get(txn, STORE_INDEX, bytes_of(key, INDEX_KEY_BYTES), &found);

    *ret_has = status == STATUS_OK;
    *ret_here = *ret_has && bytes_equal(found, row);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* CORRUPT: the record does not open. */
static enum status
find_both(const struct rekey_work *work, struct store_txn *txn, struct bytes row,
          struct bytes record, struct both_rows *ret_rows)
{
    const struct vault_rekey *job = work->job;
    uint32_t namespace_id = job->key.namespace_id;
    struct record_opened opened;
    enum status status =
        vault_record_open(work->vault, get_u64(row.data), record, work->inner, &opened);

    if (status == STATUS_OK && opened.header.namespace_id != namespace_id) {
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK) {
        status = vault_index_key(work->vault, namespace_id, job->old, &opened.contact,
                                 ret_rows->old_key);
    }
    if (status == STATUS_OK) {
        status = vault_index_key(work->vault, namespace_id, job->key.number, &opened.contact,
                                 ret_rows->new_key);
    }
    if (status == STATUS_OK) {
        status = find_row(txn, ret_rows->old_key, row, &ret_rows->has_old, &ret_rows->old_here);
    }
    return status == STATUS_OK
               ? find_row(txn, ret_rows->new_key, row, &ret_rows->has_new, &ret_rows->new_here)
               : status;
}

/* A second record of a contact, made when its row was lost, is not found by it; nor shall it be. */
static bool
is_second(const struct both_rows *rows)
{
    return (rows->has_old && !rows->old_here) ||
           (!rows->has_old && rows->has_new && !rows->new_here);
}

/* ---- filling ---- */

static enum status
collect_any(struct rekey_work *work, struct store_txn *txn, uint64_t row, struct bytes record,
            const struct record_header *header)
{
    (void)txn;
    (void)record;
    (void)header;
    return rekey_collect(work, row);
}

static enum status
fill_record(struct rekey_work *work, struct store_txn *txn, uint64_t row)
{
    const struct vault_key *key = &work->job->key;
    const struct vault_count_change one_more = {KEY_INDEX, key->number, 1};
    uint8_t row_bytes[ROW_KEY_BYTES];
    struct bytes row_key = vault_row_key(row, row_bytes);
    struct both_rows rows;
    struct bytes record;
    enum status status = store_get(txn, STORE_RECORD, row_key, &record);

    if (status == STATUS_OK) {
        status = find_both(work, txn, row_key, record, &rows);
    }
    if (status == STATUS_NOT_FOUND || status == STATUS_CORRUPT) {
        return STATUS_OK; /* gone meanwhile; or the verify counts it */
    }
    if (status != STATUS_OK || rows.new_here || is_second(&rows)) {
        return status;
    }
    status = store_put(txn, STORE_INDEX, STORE_REPLACE, bytes_of(rows.new_key, INDEX_KEY_BYTES),
                       row_key);
    work->written++;
    return status == STATUS_OK && !rows.has_new
               ? vault_counts_change(txn, key->namespace_id, &one_more, 1)
               : status;
}

enum status
rekey_index_move(struct rekey_work *work, bool *ret_done)
{
    return rekey_move(work, collect_any, fill_record, ret_done);
}

/* ---- verifying ---- */

static enum status
check_row(struct rekey_work *work, struct store_txn *txn, uint64_t row, struct bytes record,
          const struct record_header *header)
{
    uint8_t row_bytes[ROW_KEY_BYTES];
    struct both_rows rows;
    enum status status;

    (void)header;
    if (work->written == work->limit) {
        work->ended = true;
        return STATUS_BUSY;
    }
    work->written++;
    status = find_both(work, txn, vault_row_key(row, row_bytes), record, &rows);
    if (status == STATUS_CORRUPT || (status == STATUS_OK && !rows.new_here && !is_second(&rows))) {
        work->left++;
        return STATUS_OK;
    }
    return status;
}

enum status
rekey_index_verify(struct rekey_work *work, bool *ret_done)
{
    enum status status = rekey_scan(work, check_row, ret_done);

    if (status == STATUS_OK) {
        work->job->left += work->left;
    }
    return status;
}

/* ---- the old rows ---- */

struct sweeping {
    struct rekey_work *work;
    uint8_t keys[VAULT_REKEY_AT_ONCE][INDEX_KEY_BYTES];
    size_t count;
    bool more;
};

static enum status
collect_key(void *state, struct bytes key, struct bytes value)
{
    struct sweeping *sweeping = state;

    (void)value;
    if (sweeping->count == sweeping->work->limit) {
        sweeping->more = true;
        return STATUS_BUSY;
    }
    if (key.size != INDEX_KEY_BYTES) {
        return STATUS_CORRUPT;
    }
    memcpy(sweeping->keys[sweeping->count++], key.data, INDEX_KEY_BYTES);
    return STATUS_OK;
}

/* All rows of the generation stand together: its keys begin with namespace and generation. */
static enum status
collect_rows(struct sweeping *sweeping, struct store_txn *txn)
{
    const struct vault_rekey *job = sweeping->work->job;
    uint8_t from[8];
    uint8_t to[8];
    enum status status;

    put_u32(from, job->key.namespace_id);
    put_u32(from + 4, job->old);
    put_u32(to, job->key.namespace_id);
    put_u32(to + 4, job->old + 1);
    sweeping->count = 0;
    sweeping->more = false;
    status = store_scan(txn, STORE_INDEX, bytes_of(from, sizeof from), bytes_of(to, sizeof to),
                        collect_key, sweeping);
    return sweeping->more ? STATUS_OK : status;
}

/* With the last of them, nothing in the store names the generation any more. */
static enum status
sweep_step(struct store_txn *txn, void *state)
{
    struct sweeping *sweeping = state;
    struct rekey_work *work = sweeping->work;
    const struct vault_key *key = &work->job->key;
    struct vault_epoch epoch;
    enum status status = rekey_epoch_of(txn, work->job, &epoch);

    if (status == STATUS_OK) {
        status = collect_rows(sweeping, txn);
    }
    for (size_t i = 0; status == STATUS_OK && i < sweeping->count; i++) {
        struct bytes row = bytes_of(sweeping->keys[i], INDEX_KEY_BYTES);

        status = store_delete_many(txn, STORE_INDEX, &row, 1);
    }
    if (status == STATUS_OK) {
        /* What the count said beyond the rows there were was wrong. */
        const struct vault_count_change gone = {
            KEY_INDEX, work->job->old, sweeping->more ? -(int64_t)sweeping->count : INT64_MIN + 1};

        status = vault_counts_change(txn, key->namespace_id, &gone, 1);
    }
    if (status == STATUS_OK && !sweeping->more && epoch.index_other == work->job->old) {
        epoch.index_other = 0;
        status = vault_epoch_write(txn, key->namespace_id, &epoch);
    }
    work->written = sweeping->count;
    return status;
}

enum status
rekey_index_sweep(struct rekey_work *work, bool *ret_done)
{
    struct sweeping sweeping = {.work = work};
    enum status status = store_update(work->vault->store, sweep_step, &sweeping);

    *ret_done = !sweeping.more;
    return status;
}

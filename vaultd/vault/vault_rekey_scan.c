/* SPDX-License-Identifier: Apache-2.0 */
/* The job's way through the records, and how far it had come. */
#include "vault_rekey_internal.h"

/* A row of STORE_META (DESIGN.md, "Meta rows"). */
#define ROW_REKEY "rekey"

enum { CURSOR_BYTES = 1 + 4 + 4 + 8 };

/* ---- the cursor ---- */

static void
put_cursor_key(uint8_t *to, const struct vault_key *key)
{
    to[0] = (uint8_t)key->purpose;
    put_u32(to + 1, key->namespace_id);
    put_u32(to + 5, key->number);
}

enum status
rekey_cursor_write(struct store_txn *txn, const struct vault_key *key, uint64_t next)
{
    uint8_t row[CURSOR_BYTES];

    put_cursor_key(row, key);
    put_u64(row + 9, next);
    return store_put(txn, STORE_META, STORE_REPLACE, bytes_of_text(ROW_REKEY),
                     bytes_of(row, sizeof row));
}

enum status
rekey_cursor_read(struct store_txn *txn, const struct vault_key *key, uint64_t *ret_next)
{
    uint8_t expected[CURSOR_BYTES - 8];
    struct bytes row;
    enum status status = store_get(txn, STORE_META, bytes_of_text(ROW_REKEY), &row);

    *ret_next = 0;
    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    put_cursor_key(expected, key);
    if (row.size == CURSOR_BYTES && memcmp(row.data, expected, sizeof expected) == 0) {
        *ret_next = get_u64(row.data + sizeof expected);
    }
    return STATUS_OK;
}

/* ---- looking through the records ---- */

struct scanning {
    struct rekey_work *work;
    struct store_txn *txn;
    rekey_visit *visit;
};

/* A header that cannot be read is nobody's; its namespace's count says that it is missing. */
static enum status
visit_record(void *state, struct bytes key, struct bytes record)
{
    struct scanning *scanning = state;
    struct rekey_work *work = scanning->work;
    struct record_header header;
    enum status status = STATUS_OK;

    if (work->looked_at == REKEY_LOOKED_AT_MAX) {
        work->ended = true;
        return STATUS_BUSY;
    }
    work->looked_at++;
    if (key.size != ROW_KEY_BYTES) {
        return STATUS_OK;
    }
    if (vault_record_header(record, &header) == STATUS_OK &&
        header.namespace_id == work->job->key.namespace_id) {
        status = scanning->visit(work, scanning->txn, get_u64(key.data), record, &header);
    }
    work->next = status == STATUS_OK ? get_u64(key.data) + 1 : work->next;
    return status;
}

static enum status
scan_step(struct store_txn *txn, void *state)
{
    struct scanning *scanning = state;
    struct rekey_work *work = scanning->work;
    uint8_t from[ROW_KEY_BYTES];
    uint8_t to[ROW_KEY_BYTES];

    scanning->txn = txn;
    work->count = work->looked_at = work->kept_count = 0;
    work->written = work->left = 0;
    work->next = work->job->next;
    work->ended = false;
    return store_scan(txn, STORE_RECORD, vault_row_key(work->next, from),
                      vault_row_key(work->job->end, to), visit_record, scanning);
}

enum status
rekey_scan(struct rekey_work *work, rekey_visit *visit, bool *ret_done)
{
    struct scanning scanning = {.work = work, .visit = visit};
    enum status status = store_view(work->vault->store, scan_step, &scanning);

    *ret_done = !work->ended;
    return work->ended ? STATUS_OK : status;
}

enum status
rekey_epoch_of(struct store_txn *txn, const struct vault_rekey *job, struct vault_epoch *ret_epoch)
{
    const struct vault_key *key = &job->key;
    enum status status = vault_epoch_read(txn, key->namespace_id, ret_epoch);
    bool as_believed;

    if (status != STATUS_OK) {
        return status;
    }
    if (key->purpose == ROTATED_DATA) {
        as_believed = ret_epoch->data == key->number;
    } else if (job->stage == STAGE_SWEEP) {
        as_believed = ret_epoch->index == key->number;
    } else {
        as_believed = ret_epoch->index == job->old && ret_epoch->index_other == key->number;
    }
    return as_believed ? STATUS_OK : STATUS_CONFLICT;
}

/* ---- moving what was found ---- */

enum status
rekey_collect(struct rekey_work *work, uint64_t row)
{
    if (work->count == work->limit) {
        work->ended = true;
        return STATUS_BUSY;
    }
    work->rows[work->count++] = row;
    return STATUS_OK;
}

struct moving {
    struct rekey_work *work;
    rekey_each *each;
};

static enum status
move_step(struct store_txn *txn, void *state)
{
    const struct moving *moving = state;
    struct rekey_work *work = moving->work;
    struct vault_epoch epoch;
    enum status status = rekey_epoch_of(txn, work->job, &epoch);

    work->written = 0;
    for (size_t i = 0; status == STATUS_OK && i < work->count; i++) {
        status = moving->each(work, txn, work->rows[i]);
    }
    return status == STATUS_OK ? rekey_cursor_write(txn, &work->job->key, work->next) : status;
}

enum status
rekey_move(struct rekey_work *work, rekey_visit *visit, rekey_each *each, bool *ret_done)
{
    struct moving moving = {.work = work, .each = each};
    enum status status = rekey_scan(work, visit, ret_done);

    if (status == STATUS_OK && work->count > 0) {
        status = store_update(work->vault->store, move_step, &moving);
    }
    return status;
}

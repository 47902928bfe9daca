/* SPDX-License-Identifier: Apache-2.0 */
/* Records under an old data key are sealed anew under the new one; then none is left. */
#include "vault_rekey_internal.h"

#include <sodium.h>

/* ---- moving ---- */

static enum status
collect_old(struct rekey_work *work, struct store_txn *txn, uint64_t row, struct bytes record,
            const struct record_header *header)
{
    (void)txn;
    (void)record;
    return header->epoch == work->job->key.number ? STATUS_OK : rekey_collect(work, row);
}

/* The same contact, token, kind and times, under the new epoch and a nonce of its own. */
static enum status
seal_again(const struct rekey_work *work, uint64_t row, const struct record_opened *opened,
           uint8_t *record, size_t *ret_size)
{
    uint8_t nonce[RECORD_NONCE_BYTES];
    struct record_draft draft = {
        .row = row,
        .created_ms = opened->created_ms,
        .header = opened->header,
        .contact = &opened->contact,
        .nonce = nonce,
    };

    randombytes_buf(nonce, sizeof nonce);
    draft.header.epoch = work->job->key.number;
    return vault_record_seal(work->vault, &draft, work->again, record, ret_size);
}

/* A record that is gone meanwhile, or does not open, is left; the verify counts the latter. */
static enum status
move_record(struct rekey_work *work, struct store_txn *txn, uint64_t row)
{
    const struct vault_key *key = &work->job->key;
    uint8_t row_bytes[ROW_KEY_BYTES];
    uint8_t sealed[RECORD_BYTES_MAX];
    struct bytes row_key = vault_row_key(row, row_bytes);
    struct record_opened opened;
    struct bytes record;
    size_t size;
    enum status status = store_get(txn, STORE_RECORD, row_key, &record);

    if (status == STATUS_OK) {
        status = vault_record_open(work->vault, row, record, work->inner, &opened);
    }
    if (status == STATUS_NOT_FOUND || status == STATUS_CORRUPT) {
        return STATUS_OK;
    }
    if (status != STATUS_OK || opened.header.namespace_id != key->namespace_id ||
        opened.header.epoch == key->number) {
        return status;
    }
    status = seal_again(work, row, &opened, sealed, &size);
    if (status == STATUS_OK) {
        status = store_put(txn, STORE_RECORD, STORE_REPLACE, row_key, bytes_of(sealed, size));
    }
    if (status == STATUS_OK) {
        const struct vault_count_change changes[] = {{KEY_DATA, opened.header.epoch, -1},
                                                     {KEY_DATA, key->number, 1}};

        status = vault_counts_change(txn, key->namespace_id, changes, 2);
        work->written++;
    }
    return status;
}

enum status
rekey_data_move(struct rekey_work *work, bool *ret_done)
{
    return rekey_move(work, collect_old, move_record, ret_done);
}

/* ---- verifying ---- */

static void
note_kept(uint32_t *kept, size_t *count, uint32_t epoch)
{
    for (size_t i = 0; i < *count; i++) {
        if (kept[i] == epoch) {
            return;
        }
    }
    if (*count < VAULT_KEYS_MAX) {
        kept[(*count)++] = epoch;
    }
}

static enum status
find_old(struct rekey_work *work, struct store_txn *txn, uint64_t row, struct bytes record,
         const struct record_header *header)
{
    (void)txn;
    (void)row;
    (void)record;
    if (header->epoch != work->job->key.number) {
        work->left++;
        note_kept(work->kept, &work->kept_count, header->epoch);
    }
    return STATUS_OK;
}

enum status
rekey_data_verify(struct rekey_work *work, bool *ret_done)
{
    struct vault_rekey *job = work->job;
    enum status status = rekey_scan(work, find_old, ret_done);

    if (status == STATUS_OK) {
        job->left += work->left;
        for (size_t i = 0; i < work->kept_count; i++) {
            note_kept(job->kept, &job->kept_count, work->kept[i]);
        }
    }
    return status;
}

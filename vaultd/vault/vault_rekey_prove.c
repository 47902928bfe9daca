/* SPDX-License-Identifier: Apache-2.0 */
/* The counts miss records: they are gone if every record that is there is another one. */
#include "vault_rekey_internal.h"

/* A record that does not open may be one that is missing: its header was altered, and it opens with
 * the old key once that is mended. So may one that came back under an old key. */
static enum status
open_record(struct rekey_work *work, uint64_t row, struct bytes record, bool *ret_fine)
{
    const struct vault_key *key = &work->job->key;
    struct record_opened opened;
    enum status status = vault_record_open(work->vault, row, record, work->inner, &opened);

    *ret_fine = status == STATUS_OK &&
                (key->purpose != ROTATED_DATA || opened.header.namespace_id != key->namespace_id ||
                 opened.header.epoch >= key->number);
    return status == STATUS_CORRUPT ? STATUS_OK : status;
}

static enum status
prove_record(void *state, struct bytes key, struct bytes record)
{
    struct rekey_work *work = state;
    bool fine = false;
    enum status status = STATUS_OK;

    if (work->looked_at == work->limit) {
        work->ended = true;
        return STATUS_BUSY;
    }
    work->looked_at++;
    if (key.size == ROW_KEY_BYTES) {
        status = open_record(work, get_u64(key.data), record, &fine);
        work->next = get_u64(key.data) + 1;
    }
    /* One is enough. */
    work->job->disproved |= status == STATUS_OK && !fine;
    return status == STATUS_OK && !fine ? STATUS_CONFLICT : status;
}

static enum status
prove_step(struct store_txn *txn, void *state)
{
    struct rekey_work *work = state;
    uint8_t from[ROW_KEY_BYTES];

    work->looked_at = 0;
    work->next = work->job->next;
    work->ended = false;
    return store_scan(txn, STORE_RECORD, vault_row_key(work->next, from), (struct bytes){0},
                      prove_record, work);
}

enum status
rekey_prove(struct rekey_work *work, bool *ret_done)
{
    enum status status = store_view(work->vault->store, prove_step, work);

    *ret_done = !work->ended;
    return work->ended || work->job->disproved ? STATUS_OK : status;
}

static enum status
recount_step(struct store_txn *txn, void *state)
{
    const struct vault_rekey *job = state;
    struct vault_count_change changes[VAULT_COUNTS_MAX];
    struct vault_counts counts;
    size_t count = 0;
    enum status status = vault_counts_read(txn, job->key.namespace_id, &counts);

    for (size_t i = 0; status == STATUS_OK && i < counts.count; i++) {
        const struct vault_count_line *line = &counts.lines[i];

        if (line->purpose == KEY_DATA && line->number < job->key.number &&
            !rekey_is_kept(job, line->number)) {
            changes[count++] = (struct vault_count_change){KEY_DATA, line->number, INT64_MIN + 1};
        }
    }
    return status == STATUS_OK ? vault_counts_change(txn, job->key.namespace_id, changes, count)
                               : status;
}

enum status
rekey_recount(struct vault *vault, struct vault_rekey *job)
{
    /* Of an index the sweep takes back what the old rows were said to be. */
    return job->key.purpose == ROTATED_DATA ? store_update(vault->store, recount_step, job)
                                            : STATUS_OK;
}

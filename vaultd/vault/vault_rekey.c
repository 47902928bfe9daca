/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The job that replaces keys, stage by stage. Nothing says that a rotation is under way but what
 * there is: two data keys, or two index keys, of one namespace. The cursor saves work after a
 * restart; a lost or stale one costs another look at every record, never a record.
 */
#include "vault_rekey_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "failpoint.h"
#include "scratch.h"

enum status
vault_rekey_new(struct vault_rekey **ret_job)
{
    struct vault_rekey *job = calloc(1, sizeof *job);

    if (job == NULL) {
        return STATUS_INTERNAL;
    }
    *ret_job = job;
    return STATUS_OK;
}

void
vault_rekey_free(struct vault_rekey **job)
{
    free(*job);
    *job = NULL;
}

void
vault_rekey_wake(struct vault_rekey *job)
{
    *job = (struct vault_rekey){.stage = STAGE_LOOK};
}

/* ---- from stage to stage ---- */

static void
begin_verify(struct vault_rekey *job)
{
    job->stage = STAGE_VERIFY;
    job->next = 0;
    job->left = job->missing = job->kept_count = 0;
    job->disproved = job->recounted = false;
}

struct judging {
    struct vault_rekey *job;
    struct vault_counts counts;
};

static enum status
judge_step(struct store_txn *txn, void *state)
{
    struct judging *judging = state;

    return vault_counts_read(txn, judging->job->key.namespace_id, &judging->counts);
}

bool
rekey_is_kept(const struct vault_rekey *job, uint32_t epoch)
{
    for (size_t i = 0; i < job->kept_count; i++) {
        if (job->kept[i] == epoch) {
            return true;
        }
    }
    return false;
}

/* Is what is missing gone, and not only out of sight? Found out once. */
static void
ask_what_is_missing(struct vault_rekey *job)
{
    job->stage = STAGE_PROVE;
    job->next = 0;
}

/* The old keys that may go: the verify found nothing under them, nor do the counts miss any. */
static void
plan_destroys(const struct vault *vault, struct vault_rekey *job, const struct vault_counts *counts)
{
    struct key_name first = {(enum key_purpose)job->key.purpose, job->key.namespace_id, 0};
    size_t index = keyring_index_of(vault->keyring, first);
    struct key_name name;
    uint64_t created_ms;

    job->destroy_count = job->missing = 0;
    while (keyring_at(vault->keyring, index++, &name, &created_ms) &&
           rekey_same_kind(&name, &first) && name.number < job->key.number &&
           job->destroy_count < VAULT_KEYS_MAX) {
        /* Of an index the sweep has seen for itself that there are no rows. */
        uint64_t missing =
            name.purpose == KEY_INDEX ? 0 : vault_counts_of(counts, name.purpose, name.number);

        if (missing > 0 && !rekey_is_kept(job, name.number)) {
            job->missing += missing;
        } else if (!rekey_is_kept(job, name.number)) {
            job->destroys[job->destroy_count++] =
                (struct vault_key){job->key.purpose, name.namespace_id, name.number};
        }
    }
    job->stage = job->destroy_count > 0 ? STAGE_DESTROY : STAGE_END;
    if (job->missing > 0 && !job->disproved) {
        ask_what_is_missing(job);
    } else {
        job->left += job->missing;
    }
}

/* An index under which fewer contacts stand than under the old one is not switched to. */
static void
judge_index(struct vault_rekey *job, const struct vault_counts *counts)
{
    uint64_t under_old = vault_counts_of(counts, KEY_INDEX, job->old);
    uint64_t under_new = vault_counts_of(counts, KEY_INDEX, job->key.number);

    job->missing = under_new < under_old ? under_old - under_new : 0;
    if (job->left == 0 && job->missing > 0 && !job->recounted) {
        if (!job->disproved) {
            ask_what_is_missing(job);
            return;
        }
        job->left = job->missing;
    }
    job->stage = job->left == 0 ? STAGE_SWITCH : STAGE_END;
}

static enum status
judge(struct vault *vault, struct vault_rekey *job)
{
    struct judging judging = {.job = job};
    enum status status = store_view(vault->store, judge_step, &judging);

    if (status != STATUS_OK) {
        return status;
    }
    if (job->key.purpose == ROTATED_INDEX && job->stage != STAGE_SWEEP) {
        judge_index(job, &judging.counts);
    } else {
        plan_destroys(vault, job, &judging.counts);
    }
    CRASH_POINT("rekey_verified");
    return STATUS_OK;
}

/* Record numbers only grow, and steps follow each other: what gets a later one is written under the
 * new key already. So whoever writes faster than the job moves does not keep it from its end. */
static enum status
mark_step(struct store_txn *txn, void *state)
{
    struct vault_rekey *job = state;

    return store_allocate(txn, 0, &job->end);
}

static enum status
switch_step(struct store_txn *txn, void *state)
{
    const struct vault_rekey *job = state;
    struct vault_epoch epoch;
    enum status status = rekey_epoch_of(txn, job, &epoch);

    if (status == STATUS_OK) {
        epoch.index = job->key.number;
        epoch.index_other = job->old;
        status = vault_epoch_write(txn, job->key.namespace_id, &epoch);
    }
    return status;
}

static enum status
forget_cursor_step(struct store_txn *txn, void *state)
{
    const struct vault_rekey *job = state;

    return rekey_cursor_write(txn, &job->key, 0);
}

/* The rotation is over; of one that is stuck the next try looks at all records again. */
static enum status
end(struct vault *vault, struct vault_rekey *job, struct vault_rekey_event *ret_event)
{
    enum status status = STATUS_OK;

    ret_event->what = job->left > 0 ? REKEY_STUCK : REKEY_ENDED;
    ret_event->rows = job->left;
    if (job->left > 0) {
        status = store_update(vault->store, forget_cursor_step, job);
        if (status == STATUS_OK && job->stuck_count < REKEY_STUCK_MAX) {
            job->stuck[job->stuck_count++] = job->key;
        }
    }
    job->stage = status == STATUS_OK ? STAGE_LOOK : job->stage;
    return status;
}

/* A stage that works through records, or rows. */
static enum status
work_on(struct vault *vault, struct rekey_work *work)
{
    struct vault_rekey *job = work->job;
    bool of_data = job->key.purpose == ROTATED_DATA;
    bool done = false;
    enum status status;

    if (job->stage == STAGE_MOVE) {
        status = of_data ? rekey_data_move(work, &done) : rekey_index_move(work, &done);
        CRASH_POINT("rekey_moved");
    } else if (job->stage == STAGE_VERIFY) {
        status = of_data ? rekey_data_verify(work, &done) : rekey_index_verify(work, &done);
    } else if (job->stage == STAGE_PROVE) {
        status = rekey_prove(work, &done);
    } else {
        status = rekey_index_sweep(work, &done);
        CRASH_POINT("rekey_swept");
    }
    if (status != STATUS_OK) {
        return status;
    }
    job->next = work->next;
    if (done && job->stage == STAGE_MOVE) {
        begin_verify(job);
        return STATUS_OK;
    }
    if (done && job->stage == STAGE_PROVE && !job->disproved) {
        job->stage = STAGE_MISSING;
        return STATUS_OK;
    }
    return done ? judge(vault, job) : STATUS_OK;
}

static enum status
work_with_room(struct vault *vault, struct vault_rekey *job, struct scratch *scratch, size_t limit,
               struct vault_rekey_event *ret_event)
{
    struct rekey_work work = {.vault = vault, .job = job, .limit = limit};
    bool writes = job->stage != STAGE_VERIFY &&
                  job->stage != STAGE_PROVE; /* what only reads costs nobody else anything */
    enum status status;

    if (writes && job->key.purpose == ROTATED_INDEX && limit > REKEY_INDEX_AT_ONCE) {
        work.limit = REKEY_INDEX_AT_ONCE;
    }
    work.inner = scratch_alloc(scratch, RECORD_INNER_MAX);
    work.again = scratch_alloc(scratch, RECORD_INNER_MAX);
    if (work.inner == NULL || work.again == NULL) {
        return STATUS_UNAVAILABLE;
    }
    status = work_on(vault, &work);
    if (writes) {
        ret_event->rows = work.count > work.written ? work.count : work.written;
    }
    return status;
}

static enum status
run_stage(struct vault *vault, struct vault_rekey *job, struct scratch *scratch, size_t limit,
          struct vault_rekey_event *ret_event)
{
    enum status status = STATUS_OK;

    switch (job->stage) {
    case STAGE_LOOK:
        return rekey_look(vault, job, ret_event);
    case STAGE_FLIP:
        status = rekey_flip(vault, &job->key, 1);
        job->stage = status == STATUS_OK ? STAGE_MARK : job->stage;
        return status;
    case STAGE_MARK:
        status = store_update(vault->store, mark_step, job);
        job->stage = status == STATUS_OK ? STAGE_MOVE : job->stage;
        return status;
    case STAGE_SWITCH:
        status = store_update(vault->store, switch_step, job);
        job->stage = status == STATUS_OK ? STAGE_SWEEP : job->stage;
        CRASH_POINT("rekey_switched");
        return status;
    case STAGE_MISSING:
        ret_event->what = REKEY_MISSING;
        ret_event->rows = job->missing;
        return STATUS_OK;
    case STAGE_DESTROY:
        ret_event->what = REKEY_DESTROYS;
        ret_event->key_count = job->destroy_count;
        memcpy(ret_event->keys, job->destroys, sizeof job->destroys);
        return STATUS_OK;
    case STAGE_END:
        return end(vault, job, ret_event);
    case STAGE_MOVE:
    case STAGE_VERIFY:
    case STAGE_PROVE:
    case STAGE_SWEEP:
        break;
    }
    return work_with_room(vault, job, scratch, limit, ret_event);
}

enum status
vault_rekey_step(struct vault *vault, struct vault_rekey *job, struct scratch *scratch,
                 size_t limit, struct vault_rekey_event *ret_event)
{
    enum status status;

    assert(limit > 0 && limit <= VAULT_REKEY_AT_ONCE);
    *ret_event = (struct vault_rekey_event){.what = REKEY_WORKED, .key = job->key};
    status = run_stage(vault, job, scratch, limit, ret_event);
    /* A row of its own that was altered: it is stuck, and others go on. */
    if (status == STATUS_CORRUPT && job->stuck_count < REKEY_STUCK_MAX) {
        job->stuck[job->stuck_count++] = job->key;
        job->stage = STAGE_LOOK;
        *ret_event = (struct vault_rekey_event){.what = REKEY_STUCK, .key = job->key};
        return STATUS_OK;
    }
    /* The rows are others than the job believed, or the namespace is not there yet: from the
     * beginning. */
    if (status == STATUS_CONFLICT || status == STATUS_NOT_FOUND) {
        job->stage = STAGE_LOOK;
    }
    return status;
}

enum status
vault_rekey_recount(struct vault *vault, struct vault_rekey *job)
{
    enum status status;

    assert(job->stage == STAGE_MISSING);
    status = rekey_recount(vault, job);
    if (status == STATUS_OK) {
        job->recounted = true;
        status = judge(vault, job);
    }
    return status;
}

enum status
vault_rekey_destroy(struct vault *vault, struct vault_rekey *job)
{
    struct key_name names[VAULT_KEYS_MAX];
    enum status status;

    assert(job->stage == STAGE_DESTROY);
    for (size_t i = 0; i < job->destroy_count; i++) {
        names[i] = (struct key_name){(enum key_purpose)job->destroys[i].purpose,
                                     job->destroys[i].namespace_id, job->destroys[i].number};
    }
    status = vault_keys_remove(vault, names, job->destroy_count);
    /* The file is without them: what the store could not take is settled by the next change. */
    if (status != STATUS_OK && !vault_failed(vault) && !keyring_has(vault->keyring, names[0])) {
        status = STATUS_OK;
    }
    CRASH_POINT("rekey_key_removed");
    job->stage = status == STATUS_OK ? STAGE_END : job->stage;
    return status;
}

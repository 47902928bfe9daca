/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to do: two keys of one purpose in one namespace, and what the epoch row says. */
#include "vault_rekey_internal.h"

struct looking {
    struct vault_rekey *job;
    uint32_t newest, oldest; /* keys of that purpose and namespace */
};

static void
decide_index(struct vault_rekey *job, const struct vault_epoch *epoch, uint32_t oldest)
{
    if (epoch->index_other == 0 && job->key.number > epoch->index) {
        job->old = epoch->index;
        job->stage = STAGE_FLIP;
    } else if (epoch->index_other > epoch->index) {
        job->key.number = epoch->index_other;
        job->old = epoch->index;
        job->stage = STAGE_MARK;
    } else {
        job->key.number = epoch->index;
        job->old = epoch->index_other != 0 ? epoch->index_other : oldest;
        job->stage = STAGE_SWEEP;
    }
}

static enum status
decide_step(struct store_txn *txn, void *state)
{
    struct looking *looking = state;
    struct vault_rekey *job = looking->job;
    struct vault_epoch epoch;
    enum status status = vault_epoch_read(txn, job->key.namespace_id, &epoch);

    job->key.number = looking->newest;
    if (status != STATUS_OK) {
        return status;
    }
    if (job->key.purpose == ROTATED_INDEX) {
        decide_index(job, &epoch, looking->oldest);
    } else {
        job->stage = epoch.data < job->key.number ? STAGE_FLIP : STAGE_MARK;
    }
    return rekey_cursor_read(txn, &job->key, &job->next);
}

static bool
is_stuck(const struct vault_rekey *job, const struct key_name *name)
{
    for (size_t i = 0; i < job->stuck_count; i++) {
        if ((int)job->stuck[i].purpose == (int)name->purpose &&
            job->stuck[i].namespace_id == name->namespace_id) {
            return true;
        }
    }
    return job->stuck_count == REKEY_STUCK_MAX;
}

bool
rekey_same_kind(const struct key_name *a, const struct key_name *b)
{
    return a->purpose == b->purpose && a->namespace_id == b->namespace_id;
}

/* The first namespace that has two keys of one purpose. False: none has. */
static bool
find_rotation(const struct vault *vault, const struct vault_rekey *job, struct looking *ret_looking,
              struct vault_key *ret_key)
{
    size_t index = keyring_index_of(vault->keyring, (struct key_name){KEY_DATA, 0, 0});
    struct key_name first = {0};
    struct key_name name;
    uint64_t created_ms;
    bool found = false;

    while (keyring_at(vault->keyring, index++, &name, &created_ms) && name.purpose <= KEY_INDEX) {
        if (rekey_same_kind(&first, &name) && !is_stuck(job, &name)) {
            ret_looking->newest = name.number;
            ret_looking->oldest = first.number;
            *ret_key = (struct vault_key){(enum rotated_key)name.purpose, name.namespace_id, 0};
            found = true;
        } else if (found) {
            break;
        } else if (!rekey_same_kind(&first, &name)) {
            first = name;
        }
    }
    return found;
}

enum status
rekey_look(struct vault *vault, struct vault_rekey *job, struct vault_rekey_event *ret_event)
{
    struct looking looking = {.job = job};
    enum status status;

    job->left = job->kept_count = job->destroy_count = 0;
    if (!find_rotation(vault, job, &looking, &job->key)) {
        ret_event->what = REKEY_NOTHING;
        return STATUS_OK;
    }
    status = store_view(vault->store, decide_step, &looking);
    ret_event->what = REKEY_BEGUN;
    ret_event->key = job->key;
    return status;
}

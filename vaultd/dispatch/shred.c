/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces that are shredded: their keys gone at once, their rows by and by, both on record. */
#include "dispatch_internal.h"

#include "clock.h"
#include "key_work.h"
#include "log.h"

enum {
    BUSY_MS = 20, /* of a tick */
    RETRY_MS = 1000,
    ROWS_OF_CONTACT = 3,
};

/* ---- keys ---- */

static void
wake(struct dispatch *dispatch)
{
    struct rekeying *rekeying = &dispatch->chores.rekeying;

    /* A rotation of it ends here; others are found again. */
    dispatch_wake_rekeying(rekeying);
    rekeying->due_count = 0;
    dispatch->chores.shredding.nothing_left = false;
}

size_t
dispatch_shred_keys(struct dispatch *dispatch, uint32_t namespace_id)
{
    struct vault_key keys[VAULT_SHRED_KEYS_MAX];
    struct shredding *shredding = &dispatch->chores.shredding;
    enum status status;
    size_t left;

    /* A backup would hold what is destroyed here, with the keys. */
    dispatch_backup_abort(dispatch, "shredded");
    status = vault_shred_keys(dispatch->parts.vault, namespace_id);
    left = vault_shred_keys_left(dispatch->parts.vault, namespace_id, keys);
    wake(dispatch);
    shredding->keys_wait |= left > 0;
    LOG(left == 0 ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR, EVENT_SHREDDED,
        F("namespace", namespace_id), F("keys_left", left), F_STATUS("status", status));
    return left;
}

enum status
dispatch_finish_shreds(struct dispatch *dispatch)
{
    const struct access *access = dispatch->parts.access;
    enum status status = STATUS_OK;

    for (size_t i = 0; status == STATUS_OK && i < access_namespace_count(access); i++) {
        if (access_namespace_at(access, i)->shredded) {
            status = vault_shred_keys(dispatch->parts.vault, access_namespace_at(access, i)->id);
        }
    }
    return status;
}

/* As the vault's own act: it was asked for before. */
static enum status
destroy_keys_of(struct dispatch *dispatch, uint32_t namespace_id)
{
    struct vault_key keys[VAULT_SHRED_KEYS_MAX];
    struct audit_entry entries[VAULT_SHRED_KEYS_MAX];
    struct key_acts acts = {.keys = keys, .entries = entries};
    const struct audit_entry as = {.operation = AUDIT_ACT_KEY_DESTROYED,
                                   .uid = dispatch->parts.daemon_uid};
    enum status status, done;

    acts.count = vault_shred_keys_left(dispatch->parts.vault, namespace_id, keys);
    if (acts.count == 0) {
        return STATUS_OK;
    }
    dispatch_backup_abort(dispatch, "shredded");
    status = dispatch_announce_keys(dispatch, &as, &acts);
    if (status != STATUS_OK) {
        return status;
    }
    done = vault_shred_keys(dispatch->parts.vault, namespace_id);
    if (vault_failed(dispatch->parts.vault)) {
        return STATUS_UNAVAILABLE; /* the intents stay open, and the restart looks */
    }
    status = dispatch_record_key_outcomes(dispatch, &acts, done);
    return done != STATUS_OK ? done : status;
}

enum status
dispatch_destroy_shredded(struct dispatch *dispatch)
{
    const struct access *access = dispatch->parts.access;
    enum status status = STATUS_OK;

    for (size_t i = 0; status == STATUS_OK && i < access_namespace_count(access); i++) {
        if (access_namespace_at(access, i)->shredded) {
            status = destroy_keys_of(dispatch, access_namespace_at(access, i)->id);
        }
    }
    dispatch->chores.shredding.keys_wait = status != STATUS_OK;
    return status;
}

bool
dispatch_has_shred_work(const struct dispatch *dispatch)
{
    const struct shredding *shredding = &dispatch->chores.shredding;

    return shredding->keys_wait && clock_monotonic_ms() >= shredding->retry_ms;
}

void
dispatch_do_shred_work(struct dispatch *dispatch)
{
    if (dispatch_has_shred_work(dispatch) && dispatch_destroy_shredded(dispatch) != STATUS_OK) {
        dispatch->chores.shredding.retry_ms = clock_monotonic_ms() + RETRY_MS;
    }
}

enum status
dispatch_shred(struct dispatch *dispatch, struct bytes name)
{
    struct access_change *change = NULL;
    const struct namespace_row *row;
    const char *fault = NULL;
    struct audit_entry entry = {
        .operation = OP_NAMESPACE_SHRED, .uid = dispatch->parts.daemon_uid, .namespace_name = name};
    enum status status = STATUS_SEALED;

    gate_enter_alone(&dispatch->gate);
    row = dispatch->sealed ? NULL : access_namespace(dispatch->parts.access, name);
    if (row != NULL && row->shredded) {
        status = dispatch_destroy_shredded(dispatch);
    } else if (!dispatch->sealed) {
        status = access_prepare_shred(dispatch->parts.access, name, &change, &fault);
        if (status == STATUS_OK) {
            status =
                dispatch_change_access(dispatch, entry, &change, access_change_id(change), &fault);
        }
        if (status == STATUS_OK && dispatch->chores.shredding.keys_wait) {
            status = STATUS_UNAVAILABLE;
        }
    }
    gate_leave(&dispatch->gate);
    return status;
}

/* ---- rows ---- */

/* The next one that is not swept. NOT_FOUND: there is none. */
static enum status
find_namespace(struct dispatch *dispatch, struct vault_swept_namespace *ret_sweep)
{
    const struct access *access = dispatch->parts.access;
    enum status status = STATUS_OK;

    for (size_t i = 0; status == STATUS_OK && i < access_namespace_count(access); i++) {
        const struct namespace_row *row = access_namespace_at(access, i);
        uint64_t contacts = 0;
        bool swept = true;

        if (row->shredded) {
            status = vault_sweep_left(dispatch->parts.vault, row->id, &contacts, &swept);
        }
        if (status == STATUS_OK && !swept) {
            *ret_sweep = (struct vault_swept_namespace){.namespace_id = row->id};
            return STATUS_OK;
        }
    }
    return status == STATUS_OK ? STATUS_NOT_FOUND : status;
}

/* The entry first: should a crash come in between, the sweep ends once more, and is entered twice.
 */
static enum status
end_sweep(struct dispatch *dispatch, uint32_t namespace_id)
{
    const struct namespace_row *row = access_namespace_by_id(dispatch->parts.access, namespace_id);
    struct audit_entry entry = {.operation = AUDIT_ACT_SWEPT,
                                .phase = AUDIT_DONE,
                                .uid = dispatch->parts.daemon_uid,
                                .namespace_name = bytes_of_text(row->name)};
    bool swept = false;
    enum status status =
        vault_sweep_left(dispatch->parts.vault, namespace_id, &entry.amount, &swept);

    if (status == STATUS_OK && dispatch->chores.shredding.entered != namespace_id) {
        status = dispatch_record(dispatch, &entry);
    }
    if (status == STATUS_OK) {
        dispatch->chores.shredding.entered = namespace_id;
        status = vault_sweep_end(dispatch->parts.vault, namespace_id);
        LOG(LOG_LEVEL_NOTICE, EVENT_SWEPT, F("namespace", namespace_id), F("missed", entry.amount),
            F_STATUS("status", status));
    }
    return status;
}

/* False: nothing more for now. */
static bool
sweep_some(struct dispatch *dispatch, size_t room)
{
    struct shredding *shredding = &dispatch->chores.shredding;
    struct vault_swept_namespace *sweep = &shredding->sweep;
    size_t rows = 0;
    bool done = false;
    enum status status = STATUS_OK;

    if (sweep->namespace_id == 0) {
        status = find_namespace(dispatch, sweep);
    }
    if (status == STATUS_NOT_FOUND) {
        shredding->nothing_left = true;
        return false;
    }
    if (status == STATUS_OK) {
        status = vault_sweep_step(dispatch->parts.vault, sweep, room, &rows, &done);
    }
    dispatch_pay_room(dispatch, (rows + ROWS_OF_CONTACT - 1) / ROWS_OF_CONTACT);
    if (status == STATUS_OK && done) {
        status = end_sweep(dispatch, sweep->namespace_id);
    }
    if (status != STATUS_OK) {
        shredding->retry_ms = clock_monotonic_ms() + RETRY_MS;
    }
    if (status != STATUS_OK || done) {
        *sweep = (struct vault_swept_namespace){0};
    }
    return status == STATUS_OK;
}

void
dispatch_sweep_shredded(struct dispatch *dispatch)
{
    struct shredding *shredding = &dispatch->chores.shredding;
    uint64_t begun_ms = clock_monotonic_ms();
    bool goes_on = !shredding->nothing_left && begun_ms >= shredding->retry_ms;

    while (goes_on && !gate_is_wanted(&dispatch->gate) &&
           clock_monotonic_ms() - begun_ms < BUSY_MS) {
        size_t room = dispatch_take_room(dispatch);

        if (room == 0) {
            return;
        }
        goes_on = sweep_some(dispatch, room < VAULT_SWEEP_AT_ONCE ? room : VAULT_SWEEP_AT_ONCE);
    }
}

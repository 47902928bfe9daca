/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that rotate: begun by people or by age, gone on with by the maintenance thread, each key
 * that is made or destroyed on record: intent, change, outcome. */
#include "dispatch_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "failpoint.h"
#include "key_work.h"
#include "log.h"
#include "scratch.h"

enum {
    BUSY_MS = 40,          /* of a tick */
    RETRY_MS = 1000,       /* after a failure: the disk may be full */
    RETRY_DOUBLED_MAX = 6, /* so often, where each try is an intent and an outcome */
    STUCK_PAUSE_MS = 3600 * 1000,
    LOOK_PAUSE_MS = 60 * 1000,
    WORDS_BYTES = 96,
    STEP_CONTACTS = 256, /* so long do others wait who write at the same time: about a ms */
    UNLIMITED_RATE = 1000000,
    SECOND_MS = 1000,
    MILLI = 1000,
};
static const uint64_t day_ms = 24 * 3600 * 1000;

/* ---- rotating ---- */

void
dispatch_wake_rekeying(struct rekeying *rekeying)
{
    vault_rekey_wake(rekeying->job);
    rekeying->destroys.key_count = 0;
    atomic_store(&rekeying->stuck, 0);
    atomic_store(&rekeying->idle, false);
}

static enum status
plan(struct dispatch *dispatch, enum rotated_key purpose, const uint32_t *namespace_ids,
     size_t count, bool where_possible, struct key_acts *acts)
{
    for (size_t i = 0; i < count; i++) {
        enum status status = vault_rotation_plan(dispatch->parts.vault, purpose, namespace_ids[i],
                                                 &acts->keys[acts->count]);

        if (status == STATUS_OK) {
            acts->count++;
        } else if (status != STATUS_CONFLICT || !where_possible) {
            return status;
        }
    }
    return acts->count > 0 ? STATUS_OK : STATUS_CONFLICT;
}

static enum status
rotate(struct dispatch *dispatch, const struct audit_entry *as, struct key_acts *acts,
       const char **ret_fault)
{
    enum status status = dispatch_announce_keys(dispatch, as, acts);
    enum status done;

    if (status != STATUS_OK) {
        *ret_fault = "the log cannot be written, so nothing is done";
        return status;
    }
    CRASH_POINT("rekey_intended");
    done = vault_rotate(dispatch->parts.vault, acts->keys, acts->count);
    if (vault_failed(dispatch->parts.vault)) {
        *ret_fault = "not known whether it was done: the vault stops; look again when it is back";
        return STATUS_UNAVAILABLE;
    }
    status = dispatch_record_key_outcomes(dispatch, acts, done);
    CRASH_POINT("rekey_recorded");
    if (done != STATUS_OK) {
        return done;
    }
    dispatch_wake_rekeying(&dispatch->chores.rekeying);
    if (status != STATUS_OK) {
        *ret_fault = "done, and in force, but the log could not take the outcome yet";
    }
    return status;
}

enum status
dispatch_rotate(struct dispatch *dispatch, const struct audit_entry *as, enum rotated_key purpose,
                const uint32_t *namespace_ids, size_t count, bool where_possible,
                const char **ret_fault)
{
    struct key_acts acts = {.keys = calloc(count + 1, sizeof *acts.keys),
                            .entries = calloc(count + 1, sizeof *acts.entries)};
    enum status status = STATUS_UNAVAILABLE;

    if (acts.keys != NULL && acts.entries != NULL && !vault_failed(dispatch->parts.vault)) {
        status = plan(dispatch, purpose, namespace_ids, count, where_possible, &acts);
        if (status == STATUS_CONFLICT) {
            *ret_fault = "a key of it rotates already: vaultctl key status";
        }
    }
    if (status == STATUS_OK) {
        status = rotate(dispatch, as, &acts, ret_fault);
    }
    free(acts.keys);
    free(acts.entries);
    return status;
}

/* ---- the job ---- */

size_t
dispatch_take_room(struct dispatch *dispatch)
{
    struct rekeying *rekeying = &dispatch->chores.rekeying;
    uint32_t rate = dispatch->parts.rekey_rate;
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t passed_ms = now_ms - rekeying->refilled_ms;

    rate = rate == 0 ? UNLIMITED_RATE : rate;
    if (rekeying->refilled_ms == 0 || passed_ms > SECOND_MS) {
        passed_ms = SECOND_MS;
    }
    rekeying->refilled_ms = now_ms;
    rekeying->credit += passed_ms * rate;
    if (rekeying->credit > (uint64_t)rate * MILLI) {
        rekeying->credit = (uint64_t)rate * MILLI;
    }
    return rekeying->credit / MILLI < STEP_CONTACTS ? rekeying->credit / MILLI : STEP_CONTACTS;
}

void
dispatch_pay_room(struct dispatch *dispatch, uint64_t contacts)
{
    struct rekeying *rekeying = &dispatch->chores.rekeying;
    uint64_t cost = contacts * MILLI;

    rekeying->credit = rekeying->credit > cost ? rekeying->credit - cost : 0;
}

static void
tell(enum log_event event, const struct vault_rekey_event *about)
{
    unsigned purpose = about->key.purpose;

    if (event == EVENT_REKEY_STUCK || event == EVENT_REKEY_MISSING) {
        LOG(LOG_LEVEL_ERROR, event, F("purpose", purpose), F("namespace", about->key.namespace_id),
            F("number", about->key.number), F("records", about->rows));
    } else {
        LOG(LOG_LEVEL_NOTICE, event, F("purpose", purpose), F("namespace", about->key.namespace_id),
            F("number", about->key.number));
    }
}

/* False: the thread has nothing more to do here for now. */
static bool
take_event(struct dispatch *dispatch, const struct vault_rekey_event *event)
{
    struct rekeying *rekeying = &dispatch->chores.rekeying;

    switch (event->what) {
    case REKEY_NOTHING:
        atomic_store(&rekeying->idle, true);
        rekeying->stuck_since_ms = clock_monotonic_ms();
        return false;
    case REKEY_BEGUN:
        tell(EVENT_REKEY_BEGUN, event);
        return true;
    case REKEY_WORKED:
        dispatch_pay_room(dispatch, event->rows);
        return true;
    case REKEY_MISSING: /* and forgotten, on record */
        return true;
    case REKEY_DESTROYS:
        rekeying->destroys = *event;
        return false;
    case REKEY_ENDED:
        tell(EVENT_REKEY_ENDED, event);
        return true;
    case REKEY_STUCK:
        tell(EVENT_REKEY_STUCK, event);
        (void)atomic_fetch_add(&rekeying->stuck, 1);
        return true;
    }
    return false;
}

/* What is stuck is looked at once an hour: somebody may have mended it. */
static bool
has_work(struct rekeying *rekeying)
{
    uint64_t now_ms = clock_monotonic_ms();

    if (now_ms < rekeying->retry_ms || rekeying->destroys.key_count > 0) {
        return false;
    }
    if (!atomic_load(&rekeying->idle)) {
        return true;
    }
    if (atomic_load(&rekeying->stuck) == 0 || now_ms - rekeying->stuck_since_ms < STUCK_PAUSE_MS) {
        return false;
    }
    dispatch_wake_rekeying(rekeying);
    return true;
}

static void
wait_a_little(struct rekeying *rekeying, enum status status)
{
    /* Rows that are others than was believed are looked at again; that is nobody's trouble. */
    if (status != STATUS_CONFLICT && status != STATUS_NOT_FOUND) {
        LOG(LOG_LEVEL_WARNING, EVENT_STORE_FULL, F_STATUS("rekey", status));
    }
    rekeying->retry_ms = clock_monotonic_ms() + RETRY_MS;
}

/* Each try is two entries of the log: they must not use up what room it has. */
static void
wait_longer(struct rekeying *rekeying, enum status status)
{
    wait_a_little(rekeying, status);
    rekeying->retry_ms = clock_monotonic_ms() + ((uint64_t)RETRY_MS << rekeying->failures);
    rekeying->failures += rekeying->failures < RETRY_DOUBLED_MAX;
}

/* Records that the counts know are gone. Whoever reads the log learns of it before they do not
 * count any more: without that, an old key would have to stay for ever. */
static enum status
forget_missing(struct dispatch *dispatch, const struct vault_rekey_event *event)
{
    const struct namespace_row *row =
        access_namespace_by_id(dispatch->parts.access, event->key.namespace_id);
    char words[WORDS_BYTES];
    struct audit_entry entry = {
        .operation = OP_KEY_ROTATE,
        .phase = AUDIT_DONE,
        .result = STATUS_CORRUPT,
        .uid = dispatch->parts.daemon_uid,
        .namespace_name = row == NULL ? (struct bytes){0} : bytes_of_text(row->name),
        .subject = dispatch_purpose_name(event->key.purpose),
        .amount = event->key.number,
    };
    enum status status;

    (void)snprintf(words, sizeof words, "%llu records are gone; they are not counted any more",
                   (unsigned long long)event->rows);
    entry.reason = bytes_of_text(words);
    tell(EVENT_REKEY_MISSING, event);
    status = audit_record(dispatch->parts.audit, &entry, 1, AUDIT_RESERVE_NONE);
    return status == STATUS_OK
               ? vault_rekey_recount(dispatch->parts.vault, dispatch->chores.rekeying.job)
               : status;
}

void
dispatch_rekey(struct dispatch *dispatch)
{
    struct rekeying *rekeying = &dispatch->chores.rekeying;
    struct vault_rekey_event event;
    uint64_t begun_ms = clock_monotonic_ms();
    bool goes_on = has_work(rekeying);

    while (goes_on && !gate_is_wanted(&dispatch->gate) &&
           clock_monotonic_ms() - begun_ms < BUSY_MS) {
        size_t room = dispatch_take_room(dispatch);
        enum status status;

        if (room == 0) {
            return;
        }
        status = vault_rekey_step(dispatch->parts.vault, rekeying->job, dispatch->chores.scratch,
                                  room, &event);
        scratch_wipe(dispatch->chores.scratch);
        if (status == STATUS_OK && event.what == REKEY_MISSING) {
            status = forget_missing(dispatch, &event);
        }
        if (status != STATUS_OK) {
            wait_a_little(rekeying, status);
            return;
        }
        goes_on = take_event(dispatch, &event);
    }
}

/* ---- keys that are too old ---- */

uint64_t
dispatch_key_due_ms(const struct dispatch *dispatch, const struct vault_key_state *key)
{
    const struct dispatch_parts *parts = &dispatch->parts;
    uint64_t due_ms = 0;

    if (key->key.purpose != ROTATED_DATA || !key->active) {
        return 0;
    }
    if (parts->data_key_max_days > 0) {
        due_ms = key->created_ms + parts->data_key_max_days * day_ms;
    }
    /* A namespace may hold more than that for good: then once a day. */
    if (parts->data_key_max_records > 0 && key->records >= parts->data_key_max_records &&
        (due_ms == 0 || key->created_ms + day_ms < due_ms)) {
        due_ms = key->created_ms + day_ms;
    }
    return due_ms;
}

static bool
is_due(const struct dispatch *dispatch, const struct vault_key_state *key)
{
    uint64_t due_ms = dispatch_key_due_ms(dispatch, key);

    return due_ms > 0 && dispatch_age_time_ms() >= due_ms;
}

/* Its data key, if none of it rotates, is the first of its keys. */
static bool
wants_rotation(struct dispatch *dispatch, uint32_t namespace_id)
{
    struct vault_key_state keys[2 * VAULT_KEYS_MAX];
    struct vault_rekey_progress progress = {0};
    size_t count = 0;

    return vault_keys_of(dispatch->parts.vault, namespace_id, keys, &count, &progress) ==
               STATUS_OK &&
           count > 0 && is_due(dispatch, &keys[0]);
}

void
dispatch_look_for_old_keys(struct dispatch *dispatch)
{
    struct rekeying *rekeying = &dispatch->chores.rekeying;
    const struct access *access = dispatch->parts.access;
    uint64_t now_ms = clock_monotonic_ms();

    if ((dispatch->parts.data_key_max_days == 0 && dispatch->parts.data_key_max_records == 0) ||
        (rekeying->looked_ms != 0 && now_ms - rekeying->looked_ms < LOOK_PAUSE_MS)) {
        return;
    }
    rekeying->looked_ms = now_ms;
    rekeying->due_count = 0;
    for (size_t i = 0;
         i < access_namespace_count(access) && rekeying->due_count < ROTATIONS_AT_ONCE; i++) {
        uint32_t id = access_namespace_at(access, i)->id;

        if (!access_namespace_at(access, i)->shredded && wants_rotation(dispatch, id)) {
            rekeying->due[rekeying->due_count++] = id;
        }
    }
}

/* ---- alone ---- */

static enum status
destroy(struct dispatch *dispatch)
{
    struct vault_rekey_event *destroys = &dispatch->chores.rekeying.destroys;
    struct audit_entry entries[VAULT_KEYS_MAX];
    struct key_acts acts = {
        .keys = destroys->keys, .entries = entries, .count = destroys->key_count};
    const struct audit_entry as = {.operation = AUDIT_ACT_KEY_DESTROYED,
                                   .uid = dispatch->parts.daemon_uid};
    enum status status = dispatch_announce_keys(dispatch, &as, &acts);
    enum status done;

    if (status != STATUS_OK) {
        return status;
    }
    CRASH_POINT("rekey_destroy_intended");
    done = vault_rekey_destroy(dispatch->parts.vault, dispatch->chores.rekeying.job);
    if (vault_failed(dispatch->parts.vault)) {
        return STATUS_UNAVAILABLE; /* the intents stay open, and the restart looks */
    }
    status = dispatch_record_key_outcomes(dispatch, &acts, done);
    CRASH_POINT("rekey_destroy_recorded");
    return done != STATUS_OK ? done : status;
}

bool
dispatch_has_key_work(const struct dispatch *dispatch)
{
    const struct rekeying *rekeying = &dispatch->chores.rekeying;

    return (rekeying->destroys.key_count > 0 && !dispatch_has_backup(dispatch)) ||
           rekeying->due_count > 0;
}

void
dispatch_do_key_work(struct dispatch *dispatch)
{
    struct rekeying *rekeying = &dispatch->chores.rekeying;
    const struct audit_entry as = {.operation = OP_KEY_ROTATE, .uid = dispatch->parts.daemon_uid};
    const char *fault = NULL;
    enum status status = STATUS_OK;

    /* A backup under way has them in its keyring, and rows that want them. */
    if (rekeying->destroys.key_count > 0 && !dispatch_has_backup(dispatch)) {
        status = destroy(dispatch);
        /* What was not destroyed the job names again. */
        rekeying->destroys.key_count = 0;
    }
    if (status == STATUS_OK && rekeying->due_count > 0) {
        status = dispatch_rotate(dispatch, &as, ROTATED_DATA, rekeying->due, rekeying->due_count,
                                 true, &fault);
        rekeying->due_count = 0;
    }
    if (status != STATUS_OK) {
        wait_longer(rekeying, status);
    } else {
        rekeying->failures = 0;
    }
}

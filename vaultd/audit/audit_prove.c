/* SPDX-License-Identifier: Apache-2.0 */
/* What an unsealed vault can say of its own log: is it the one it signed, and the newest? */
#include "audit_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"

struct proving {
    struct audit *audit;
    struct audit_checkpoint newest;
    uint64_t noted; /* by the newest */
    uint8_t public_key[PUBLIC_KEY_BYTES];
    char *place; /* AUDIT_PLACE_BYTES */
};

static enum status
prove_start(const struct proving *proving)
{
    if (audit_start_holds(&proving->audit->start, proving->public_key)) {
        return STATUS_OK;
    }
    (void)snprintf(proving->place, AUDIT_PLACE_BYTES,
                   "start: its signature is not this vault's: entries before %" PRIu64
                   " were removed by somebody else",
                   proving->audit->start.first);
    return STATUS_CORRUPT;
}

/* The last one signed covers every entry before it. */
static enum status
prove_newest(const struct proving *proving)
{
    const struct audit *audit = proving->audit;
    const struct audit_checkpoint *newest = &proving->newest;
    uint64_t changes =
        audit->store_changes == NULL ? UINT64_MAX : audit->store_changes(audit->store);

    if (newest->sequence == 0) {
        return STATUS_OK; /* never unsealed yet */
    }
    if (!audit_checkpoint_holds(newest, proving->public_key)) {
        (void)snprintf(proving->place, AUDIT_PLACE_BYTES,
                       "entry %" PRIu64 ": its signature does not hold: it or an entry before it "
                       "was altered",
                       newest->sequence);
        return STATUS_CORRUPT;
    }
    if (!audit->restoring &&
        memcmp(newest->instance_id, audit->instance_id, INSTANCE_ID_BYTES) != 0) {
        (void)snprintf(proving->place, AUDIT_PLACE_BYTES,
                       "entry %" PRIu64 ": the database's instance is not the one that signed the "
                       "log",
                       newest->sequence);
        return STATUS_CORRUPT;
    }
    if (newest->changes > changes) {
        (void)snprintf(proving->place, AUDIT_PLACE_BYTES,
                       "the database is older than the log says (change %" PRIu64 ", entry %" PRIu64
                       " says %" PRIu64 "): an older copy was put back",
                       changes, newest->sequence, newest->changes);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

/* Nobody has signed what was found behind the newest checkpoint. Its time must agree with the
 * signed time before it, or, where there was long nothing to sign, with the wall clock. */
static enum status
prove_tail(const struct proving *proving)
{
    const struct audit *audit = proving->audit;
    uint64_t soon_ms = proving->newest.time_ms + audit->period_ms + AUDIT_CLOCKS_APART_MS;

    if (audit->found_time_ms <= soon_ms ||
        audit->found_time_ms <= clock_wall_ms() + AUDIT_CLOCKS_APART_MS) {
        return STATUS_OK;
    }
    (void)snprintf(proving->place, AUDIT_PLACE_BYTES,
                   "entry %" PRIu64 ": the log's last entries are from the future: forged, or the "
                   "clock is slow",
                   audit->found_last);
    return STATUS_CORRUPT;
}

struct comparison {
    const struct audit *audit;
    const struct audit_checkpoint *kept;
    bool same;
};

static enum status
compare_entry(void *state, const struct audit_entry *entry, struct bytes bytes)
{
    struct comparison *comparison = state;
    struct audit_checkpoint found;

    if (entry->has_checkpoint) {
        audit_checkpoint_of(comparison->audit->vault_id, entry, bytes, &found);
        comparison->same = audit_checkpoint_same(&found, comparison->kept);
    }
    return STATUS_OK;
}

static enum status
prove_contains(const struct proving *proving, const struct audit_checkpoint *kept)
{
    struct audit *audit = proving->audit;
    struct comparison comparison = {.audit = audit, .kept = kept};
    enum status status;

    if (kept->sequence < audit_first(audit)) {
        return STATUS_OK; /* removed as too old, which `start` vouches for */
    }
    if (kept->sequence > audit_last(audit)) {
        (void)snprintf(proving->place, AUDIT_PLACE_BYTES,
                       "the log ends at entry %" PRIu64 ", but a checkpoint kept elsewhere says "
                       "%" PRIu64 ": an older copy was put back, or its end was cut",
                       audit_last(audit), kept->sequence);
        return STATUS_CORRUPT;
    }
    status = audit_read_raw(audit, kept->sequence, 1, compare_entry, &comparison);
    if (status == STATUS_OK && !comparison.same) {
        (void)snprintf(proving->place, AUDIT_PLACE_BYTES,
                       "the log differs at entry %" PRIu64 " from a checkpoint kept elsewhere: an "
                       "older copy was put back, or its end was cut",
                       kept->sequence);
        status = STATUS_CORRUPT;
    }
    return status;
}

/* Once in a process: somebody has emptied the place, or it is new. */
static void
tell_of_none(struct audit *audit)
{
    if (audit->found_checkpoint != 0 && !audit->told_of_none) {
        LOG(LOG_LEVEL_WARNING, EVENT_SECOND_PLACE_EMPTY,
            F("last_checkpoint", audit->found_checkpoint));
        audit->told_of_none = true;
    }
}

/* Of a log that was lost before the last restore, or of a copy that went on after it? */
static enum status
prove_lost(const struct proving *proving, const struct audit_checkpoint *lost)
{
    const struct audit_instances *instances = &proving->audit->instances;

    if (lost->sequence == 0 || audit_instances_lost(instances, lost->time_ms)) {
        return STATUS_OK;
    }
    (void)snprintf(proving->place, AUDIT_PLACE_BYTES,
                   "a checkpoint kept elsewhere (entry %" PRIu64 ") is of another copy of this "
                   "vault, which was in use %s: this one is older, or there are two",
                   lost->sequence,
                   instances->restored != 0 ? "after this one was restored" : "later");
    return STATUS_CORRUPT;
}

static enum status
prove_found(const struct proving *proving, const struct audit_kept_found *found)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; status == STATUS_OK && i < proving->audit->instances.count; i++) {
        if (found->owed[i].sequence > 0) {
            status = prove_contains(proving, &found->owed[i]);
        }
    }
    return status == STATUS_OK ? prove_lost(proving, &found->lost) : status;
}

static enum status
prove_kept(const struct proving *proving)
{
    struct audit *audit = proving->audit;
    const struct audit_kept_owner owner = {.vault_id = audit->vault_id,
                                           .public_key = proving->public_key,
                                           .instances = &audit->instances};
    struct audit_kept_found found;
    enum status status;

    if (audit->kept.folder == NULL) {
        return STATUS_OK;
    }
    status = audit_kept_search(audit->kept.folder, &owner, &found);
    if (status == STATUS_NOT_FOUND) {
        tell_of_none(audit);
    }
    /* A place that is away proves nothing, and has said so in the log. */
    return status == STATUS_OK ? prove_found(proving, &found) : STATUS_OK;
}

static enum status
prove_all(const struct proving *proving)
{
    enum status status = prove_start(proving);

    if (status == STATUS_OK) {
        status = prove_newest(proving);
    }
    if (status == STATUS_OK) {
        status = prove_tail(proving);
    }
    return status == STATUS_OK ? prove_kept(proving) : status;
}

enum status
audit_prove(struct audit *audit, uint64_t *ret_noted, char ret_place[static AUDIT_PLACE_BYTES])
{
    struct proving proving = {.audit = audit, .place = ret_place};
    enum status status = keyring_audit_public_key(audit->keyring, proving.public_key);

    (void)pthread_mutex_lock(&audit->lock);
    proving.newest = audit->newest;
    proving.noted = audit->newest_noted;
    (void)pthread_mutex_unlock(&audit->lock);
    if (status == STATUS_OK) {
        status = prove_all(&proving);
    }
    if (status == STATUS_OK) {
        clock_vault_at_least(audit_last_time_ms(audit));
        *ret_noted = proving.noted;
    }
    if (status == STATUS_CORRUPT) {
        LOG(LOG_LEVEL_ERROR, EVENT_AUDIT_REFUSED, F("after", audit_last(audit)),
            F_STATUS("status", status));
    }
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the newer log says of the time since the backup. What takes something away is done again:
 * erasures, shreds, disables, offboardings, revokes, freezes, stricter approvals, and a namespace's
 * retention as it was last; and who was given another key, or enrolled, is disabled, for the old
 * key came back. What gave rights is not: it is counted, and an admin gives it anew. What only
 * waited for a second admin (one entry that is done, PENDING) was not done, and is not.
 */
#include "restore_internal.h"

#include <stdlib.h>
#include <string.h>

#include "failpoint.h"
#include "message.h"
#include "scratch.h"

enum {
    ACTS_FIRST = 64,
    ACTS_MAX = 1000 * 1000,
};

struct replaying {
    struct restoring *restoring;
    struct restore_act *acts;
    size_t count, capacity;
    struct vault_place *places; /* BATCH_ITEMS_MAX */
    size_t place_count;
    struct login_uses *uses;
};

/* ---- erasures ---- */

static enum status
erase_gathered(struct replaying *replaying)
{
    struct restoring *restoring = replaying->restoring;
    struct vault_place *places = replaying->places;
    size_t count = replaying->place_count;
    enum status status = vault_locate(restoring->vault, places, count);

    replaying->place_count = 0;
    if (status == STATUS_OK) {
        status = vault_erase(restoring->vault, restoring->scratch, places, count);
    }
    scratch_wipe(restoring->scratch);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        restoring->report->erased += places[i].status == STATUS_OK;
        if (places[i].status != STATUS_OK && places[i].status != STATUS_NOT_FOUND) {
            return restore_refuse(restoring, STATUS_CORRUPT, "not_erased",
                                  "a contact that was erased since the backup cannot be erased "
                                  "again: take an older backup");
        }
    }
    CRASH_POINT("restore_erased");
    return status == STATUS_OK ? status : restore_refuse_disk(restoring, status);
}

static enum status
gather_erasure(struct replaying *replaying, const uint8_t *token, enum contact_kind kind)
{
    struct vault_place *place = &replaying->places[replaying->place_count++];

    *place = (struct vault_place){.kind = kind};
    memcpy(place->token.bytes, token, TOKEN_BYTES);
    return replaying->place_count == BATCH_ITEMS_MAX ? erase_gathered(replaying) : STATUS_OK;
}

/* What was begun and of which nobody knows whether it was done, is done: somebody wanted it. */
static enum status
gather_open_erasures(struct replaying *replaying)
{
    size_t count = 0;
    const struct audit_erasure *open = audit_open_erasures(replaying->restoring->audit, &count);
    enum status status = STATUS_OK;

    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        status = gather_erasure(replaying, open[i].token, open[i].kind);
    }
    return status;
}

/* ---- acts, as they are met ---- */

static bool
changes_rules(uint32_t operation)
{
    switch (operation) {
    case OP_NAMESPACE_CREATE:
    case OP_NAMESPACE_SET:
    case OP_NAMESPACE_SHRED:
    case OP_PRINCIPAL_ADD:
    case OP_PRINCIPAL_DISABLE:
    case OP_PRINCIPAL_ENABLE:
    case OP_PRINCIPAL_OFFBOARD:
    case OP_GRANT:
    case OP_REVOKE:
    case OP_FREEZE:
    case OP_UNFREEZE:
    case OP_RECIPIENT_ADD:
    case OP_RECIPIENT_REMOVE:
    case OP_PRINCIPAL_SET_KEY:
    case OP_ENROL_CONFIRM:
    case OP_APPROVALS_SET:
        return true;
    default:
        return false;
    }
}

static void
copy_name(struct bytes name, char to[static NAME_BYTES_MAX + 1])
{
    size_t size = name.size < NAME_BYTES_MAX ? name.size : NAME_BYTES_MAX;

    if (size > 0) {
        memcpy(to, name.data, size);
    }
    to[size] = '\0';
}

/* A grant's terms stand in words where a person's reason would. What cannot be read might be any.
 */
static uint8_t
sort_of_grant(const struct restoring *restoring, const struct audit_entry *entry)
{
    static const char ends[] = "ends ";
    uint8_t room[AUDIT_REASON_BYTES_MAX];
    struct audit_reason terms;

    if (entry->reason.size == 0) {
        return GRANT_STANDING;
    }
    if (audit_open_reason(restoring->audit, entry, room, &terms) != STATUS_OK) {
        return GRANT_STANDING | GRANT_ENDING;
    }
    return terms.text.size >= sizeof ends && memcmp(terms.text.data, ends, sizeof ends - 1) == 0
               ? GRANT_ENDING
               : GRANT_STANDING;
}

static enum status
add_act(struct replaying *replaying, const struct audit_entry *entry)
{
    struct restore_act *act;

    if (replaying->count == replaying->capacity) {
        size_t capacity = replaying->capacity == 0 ? ACTS_FIRST : 2 * replaying->capacity;
        struct restore_act *grown =
            capacity > ACTS_MAX ? NULL
                                : realloc(replaying->acts, capacity * sizeof *replaying->acts);

        if (grown == NULL) {
            return restore_refuse_disk(replaying->restoring, STATUS_INTERNAL);
        }
        replaying->acts = grown;
        replaying->capacity = capacity;
    }
    act = &replaying->acts[replaying->count++];
    *act = (struct restore_act){.sequence = entry->sequence,
                                .operation = entry->operation,
                                .amount = entry->amount,
                                .role = entry->role};
    if (entry->operation == OP_GRANT) {
        act->sort = sort_of_grant(replaying->restoring, entry);
    }
    copy_name(entry->namespace_name, act->namespace_name);
    /* Who enrols is about herself. */
    copy_name(entry->operation == OP_ENROL_CONFIRM ? entry->principal : entry->subject,
              act->subject);
    return STATUS_OK;
}

/* Anybody can have written what stands behind the newest checkpoint: it may take away, as somebody
 * might have wanted, but neither give back nor say that something was not taken. */
static bool
is_signed(const struct replaying *replaying, const struct audit_entry *entry)
{
    return entry->sequence <= replaying->restoring->built.newest.sequence;
}

/* An outcome follows its intent closely. */
static void
settle_act(struct replaying *replaying, const struct audit_entry *outcome)
{
    bool done = outcome->result == STATUS_OK;
    bool proves = is_signed(replaying, outcome);

    for (size_t i = replaying->count; i-- > 0;) {
        struct restore_act *act = &replaying->acts[i];

        if (act->sequence == outcome->refers) {
            act->confirmed |= done;
            act->proved |= done && proves;
            act->refuted |= !done && proves;
            return;
        }
    }
}

static enum status
meet_entry(void *state, const struct audit_entry *entry)
{
    struct replaying *replaying = state;

    if (entry->operation == OP_ERASE && entry->phase == AUDIT_OUTCOME &&
        entry->result == STATUS_OK && entry->token_kind != 0) {
        return gather_erasure(replaying, entry->token, (enum contact_kind)entry->token_kind);
    }
    if (entry->operation == OP_LOGIN) {
        restore_meet_login(replaying->restoring, replaying->uses, entry);
    }
    if (changes_rules(entry->operation) && entry->phase == AUDIT_INTENT) {
        return add_act(replaying, entry);
    }
    if (changes_rules(entry->operation) && entry->phase == AUDIT_OUTCOME) {
        settle_act(replaying, entry);
    }
    return STATUS_OK;
}

/* ---- all of it ---- */

static enum status
replay(struct replaying *replaying)
{
    struct restoring *restoring = replaying->restoring;
    uint64_t from = restoring->manifest.last_entry + 1;
    uint64_t last = audit_last(restoring->audit);
    enum status status = STATUS_OK;

    if (from <= last) {
        status = audit_read(restoring->audit, from, last - from + 1, meet_entry, replaying);
    }
    if (status == STATUS_OK) {
        status = gather_open_erasures(replaying);
    }
    if (status == STATUS_OK && replaying->place_count > 0) {
        status = erase_gathered(replaying);
    }
    for (size_t i = 0; status == STATUS_OK && i < replaying->count; i++) {
        if (!replaying->acts[i].refuted) {
            status = restore_do_again(restoring, &replaying->acts[i],
                                      replaying->acts + replaying->count);
        }
    }
    if (status == STATUS_OK) {
        status = restore_use_up(restoring, replaying->uses);
    }
    return status == STATUS_OK ? restore_end_deadlock(restoring) : status;
}

enum status
restore_replay(struct restoring *restoring)
{
    struct replaying replaying = {.restoring = restoring};
    enum status status;

    replaying.places = calloc(BATCH_ITEMS_MAX, sizeof *replaying.places);
    replaying.uses = restore_logins_new();
    status = replaying.places == NULL || replaying.uses == NULL
                 ? restore_refuse_disk(restoring, STATUS_INTERNAL)
                 : replay(&replaying);
    free(replaying.uses);
    free(replaying.places);
    free(replaying.acts);
    if (status != STATUS_OK && restoring->report->fault_name == NULL) {
        return restore_refuse_disk(restoring, status);
    }
    return status;
}

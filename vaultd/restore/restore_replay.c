/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the newer log says of the time since the backup. What takes something away is done again:
 * erasures, shreds, disables, offboardings, revokes, freezes, and a namespace's retention as it was last. What
 * gave rights is not: it is counted, and an admin gives it anew. What only waited for a second
 * admin (one entry that is done, PENDING) was not done, and is not.
 */
#include "restore_internal.h"

#include <stdlib.h>
#include <string.h>

#include "access_change.h"
#include "failpoint.h"
#include "message.h"
#include "scratch.h"
#include "vault_shred.h"

enum {
    ACTS_FIRST = 64,
    ACTS_MAX = 1000 * 1000,
    STANDING = 1, /* a grant without an end */
    ENDING = 2,
};

/* A change of the rules, as its intent told of it. */
struct act {
    uint64_t sequence;
    uint32_t operation;
    uint64_t amount;
    uint8_t role;
    uint8_t sort;   /* of a grant */
    bool confirmed; /* by an outcome */
    bool refuted;   /* likewise; by one that is signed */
    bool proved;    /* confirmed by one that is signed */
    char namespace_name[NAME_BYTES_MAX + 1];
    char subject[NAME_BYTES_MAX + 1];
};

struct replaying {
    struct restoring *restoring;
    struct act *acts;
    size_t count, capacity;
    struct vault_place *places; /* BATCH_ITEMS_MAX */
    size_t place_count;
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
        return STANDING;
    }
    if (audit_open_reason(restoring->audit, entry, room, &terms) != STATUS_OK) {
        return STANDING | ENDING;
    }
    return terms.text.size >= sizeof ends && memcmp(terms.text.data, ends, sizeof ends - 1) == 0
               ? ENDING
               : STANDING;
}

static enum status
add_act(struct replaying *replaying, const struct audit_entry *entry)
{
    struct act *act;

    if (replaying->count == replaying->capacity) {
        size_t capacity = replaying->capacity == 0 ? ACTS_FIRST : 2 * replaying->capacity;
        struct act *grown = capacity > ACTS_MAX
                                ? NULL
                                : realloc(replaying->acts, capacity * sizeof *replaying->acts);

        if (grown == NULL) {
            return restore_refuse_disk(replaying->restoring, STATUS_INTERNAL);
        }
        replaying->acts = grown;
        replaying->capacity = capacity;
    }
    act = &replaying->acts[replaying->count++];
    *act = (struct act){.sequence = entry->sequence,
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
        struct act *act = &replaying->acts[i];

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
    if (changes_rules(entry->operation) && entry->phase == AUDIT_INTENT) {
        return add_act(replaying, entry);
    }
    if (changes_rules(entry->operation) && entry->phase == AUDIT_OUTCOME) {
        settle_act(replaying, entry);
    }
    return STATUS_OK;
}

/* ---- acts, done again ---- */

/* OK and *ret_done false: there is nothing to do it to, or it is so already. */
static enum status
commit(struct replaying *replaying, enum status prepared, struct access_change **change,
       bool *ret_done)
{
    enum status status = prepared;

    *ret_done = false;
    if (prepared == STATUS_NOT_FOUND || prepared == STATUS_CONFLICT) {
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = access_commit(replaying->restoring->access, change);
    }
    *ret_done = status == STATUS_OK;
    return status == STATUS_OK ? status : restore_refuse_disk(replaying->restoring, status);
}

/* Is what this act did undone by a later one of that operation about the same? */
static bool
is_overtaken(const struct replaying *replaying, const struct act *act, uint32_t by)
{
    const struct act *end = replaying->acts + replaying->count;

    for (const struct act *at = act + 1; at < end; at++) {
        if (at->operation == by && at->proved && strcmp(at->subject, act->subject) == 0 &&
            strcmp(at->namespace_name, act->namespace_name) == 0) {
            return true;
        }
    }
    return false;
}

static enum status
disable(struct replaying *replaying, const struct act *act)
{
    struct access *access = replaying->restoring->access;
    const struct principal *principal = access_by_name(access, bytes_of_text(act->subject));
    struct access_change *change = NULL;
    const char *fault = NULL;
    bool done;
    enum status status;

    if (principal == NULL || principal->disabled ||
        is_overtaken(replaying, act, OP_PRINCIPAL_ENABLE)) {
        return STATUS_OK;
    }
    status = access_prepare_disable(access, bytes_of_text(act->subject), &change, &fault);
    /* Without an admin there would be no vault. */
    replaying->restoring->report->admins_kept += status == STATUS_CONFLICT;
    status = commit(replaying, status, &change, &done);
    replaying->restoring->report->disabled += done;
    return status;
}

static enum status
offboard(struct replaying *replaying, const struct act *act)
{
    struct access *access = replaying->restoring->access;
    const struct principal *principal = access_by_name(access, bytes_of_text(act->subject));
    struct access_change *change = NULL;
    const char *fault = NULL;
    bool done;
    enum status status;

    if (principal == NULL || principal->offboarded) {
        return STATUS_OK;
    }
    status = access_prepare_offboard(access, bytes_of_text(act->subject), &change, &fault);
    replaying->restoring->report->admins_kept += status == STATUS_CONFLICT;
    status = commit(replaying, status, &change, &done);
    replaying->restoring->report->disabled += done;
    return status;
}

static enum status
revoke_grant(struct replaying *replaying, const struct act *act)
{
    const struct access_grant_spec spec = {
        .principal = bytes_of_text(act->subject),
        .role = (enum role)act->role,
        .namespace_name =
            act->namespace_name[0] == '\0' ? (struct bytes){0} : bytes_of_text(act->namespace_name),
        .revoke = true};
    struct access_change *change = NULL;
    const char *fault = NULL;
    bool done;
    enum status status = access_prepare_grant(replaying->restoring->access, &spec, &change, &fault);

    replaying->restoring->report->admins_kept += status == STATUS_CONFLICT;
    status = commit(replaying, status, &change, &done);
    replaying->restoring->report->revoked += done;
    return status;
}

/* A grant of that role, there, of a sort that the later one replaced. */
static bool
has_replaced(const struct access *access, const struct act *act)
{
    const struct principal *principal = access_by_name(access, bytes_of_text(act->subject));
    const struct namespace_row *row = access_namespace(access, bytes_of_text(act->namespace_name));
    uint32_t id = row == NULL ? 0 : row->id;

    for (size_t i = 0; principal != NULL && i < principal->grant_count; i++) {
        const struct grant *grant = &principal->grants[i];
        uint8_t sort = grant->ends_ms == 0 ? STANDING : ENDING;

        if ((uint8_t)grant->role == act->role && grant->namespace_id == id &&
            (act->sort & sort) != 0) {
            return true;
        }
    }
    return false;
}

static enum status
freeze(struct replaying *replaying, const struct act *act)
{
    struct access *access = replaying->restoring->access;
    struct access_change *change = NULL;
    const char *fault = NULL;
    bool done;
    enum status status;

    if (act->amount > FREEZE_ALL || act->amount <= (uint64_t)access_frozen(access) ||
        is_overtaken(replaying, act, OP_UNFREEZE)) {
        return STATUS_OK;
    }
    status = access_prepare_freeze(access, (enum freeze)act->amount, &change, &fault);
    status = commit(replaying, status, &change, &done);
    replaying->restoring->report->frozen |= done;
    return status;
}

/* Its keys came back with the backup's keyring, and go again at once; its rows as they always do.
 */
static enum status
shred(struct replaying *replaying, const struct act *act)
{
    struct restoring *restoring = replaying->restoring;
    const struct namespace_row *row;
    struct access_change *change = NULL;
    const char *fault = NULL;
    bool done;
    enum status status = access_prepare_shred(restoring->access, bytes_of_text(act->namespace_name),
                                              &change, &fault);

    status = commit(replaying, status, &change, &done);
    if (status != STATUS_OK || !done) {
        return status;
    }
    restoring->report->shredded++;
    row = access_namespace(restoring->access, bytes_of_text(act->namespace_name));
    status = vault_shred_keys(restoring->vault, row->id);
    return status == STATUS_OK ? status : restore_refuse_disk(restoring, status);
}

/* In both directions: with the backup's, contacts might go too early as well as too late. */
static enum status
retain(struct replaying *replaying, const struct act *act)
{
    struct access_change *change = NULL;
    const char *fault = NULL;
    bool done;
    enum status status;

    if (act->amount > RETAIN_MONTHS_MAX || is_overtaken(replaying, act, OP_NAMESPACE_SET)) {
        return STATUS_OK;
    }
    status =
        access_prepare_retention(replaying->restoring->access, bytes_of_text(act->namespace_name),
                                 (uint16_t)act->amount, &change, &fault);
    return commit(replaying, status, &change, &done);
}

/* One of that name who was added after it is not there, and added again like others. */
static enum status
remove_recipient(struct replaying *replaying, const struct act *act)
{
    struct access_change *change = NULL;
    const char *fault = NULL;
    bool done;
    enum status status = access_prepare_recipient_removal(
        replaying->restoring->access, bytes_of_text(act->subject), &change, &fault);

    status = commit(replaying, status, &change, &done);
    replaying->restoring->report->revoked += done;
    return status;
}

/* The key that was replaced, or the code that was used up, came back with the backup, and the log
 * does not have the new key: who has the old one shall not be let in by it. */
static enum status
stop_old_key(struct replaying *replaying, const struct act *act)
{
    struct access *access = replaying->restoring->access;
    struct access_change *change = NULL;
    const char *fault = NULL;
    bool done;
    enum status status =
        access_prepare_disable(access, bytes_of_text(act->subject), &change, &fault);
    const struct principal *principal = access_by_name(access, bytes_of_text(act->subject));

    replaying->restoring->report->admins_kept +=
        status == STATUS_CONFLICT && principal != NULL && !principal->disabled;
    status = commit(replaying, status, &change, &done);
    replaying->restoring->report->disabled += done;
    return status;
}

/* Stricter as it was last; looser not. Where the admins for it are missing it is in conflict. */
static enum status
set_approvals(struct replaying *replaying, const struct act *act)
{
    struct access_change *change = NULL;
    const char *fault = NULL;
    bool done;
    bool by_the_vault = act->subject[0] != '\0'; /* there are two: the next start sees for itself */
    enum status status;

    if (act->amount >= APPROVALS_NEVER || by_the_vault ||
        is_overtaken(replaying, act, OP_APPROVALS_SET)) {
        return STATUS_OK;
    }
    status = access_prepare_approvals(replaying->restoring->access, (enum approvals)act->amount,
                                      &change, &fault);
    return commit(replaying, status, &change, &done);
}

/* Admins who were made since are not there, and those disabled since are. With fewer than two
 * nothing could be approved, that there is a second one neither: a restore, which takes the root
 * key and a recipient's, begins anew. */
static enum status
end_deadlock(struct replaying *replaying)
{
    struct access_change *change = NULL;
    const char *fault = NULL;
    enum status status = access_prepare_alone(replaying->restoring->access, &change, &fault);

    return commit(replaying, status, &change, &replaying->restoring->report->approvals_off);
}

static enum status
do_again(struct replaying *replaying, const struct act *act)
{
    struct restore_report *report = replaying->restoring->report;

    switch (act->operation) {
    case OP_PRINCIPAL_DISABLE:
        return disable(replaying, act);
    case OP_PRINCIPAL_OFFBOARD:
        return offboard(replaying, act);
    case OP_REVOKE:
        return revoke_grant(replaying, act);
    case OP_FREEZE:
        return freeze(replaying, act);
    case OP_RECIPIENT_REMOVE:
        return remove_recipient(replaying, act);
    case OP_NAMESPACE_SHRED:
        return shred(replaying, act);
    case OP_PRINCIPAL_SET_KEY:
    case OP_ENROL_CONFIRM:
        return stop_old_key(replaying, act);
    case OP_APPROVALS_SET:
        return set_approvals(replaying, act);
    case OP_NAMESPACE_SET:
        return act->proved ? retain(replaying, act) : STATUS_OK;
    case OP_GRANT:
        report->grants_lost += act->confirmed;
        /* The backup's may permit more, or longer, than the one that took its place. */
        return act->confirmed && has_replaced(replaying->restoring->access, act)
                   ? revoke_grant(replaying, act)
                   : STATUS_OK;
    case OP_PRINCIPAL_ADD:
        report->principals_lost += act->confirmed;
        return STATUS_OK;
    case OP_NAMESPACE_CREATE:
        report->namespaces_lost += act->confirmed;
        return STATUS_OK;
    default:
        return STATUS_OK;
    }
}

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
            status = do_again(replaying, &replaying->acts[i]);
        }
    }
    return status == STATUS_OK ? end_deadlock(replaying) : status;
}

enum status
restore_replay(struct restoring *restoring)
{
    struct replaying replaying = {.restoring = restoring};
    enum status status;

    replaying.places = calloc(BATCH_ITEMS_MAX, sizeof *replaying.places);
    if (replaying.places == NULL) {
        return restore_refuse_disk(restoring, STATUS_INTERNAL);
    }
    status = replay(&replaying);
    free(replaying.places);
    free(replaying.acts);
    if (status != STATUS_OK && restoring->report->fault_name == NULL) {
        return restore_refuse_disk(restoring, status);
    }
    return status;
}

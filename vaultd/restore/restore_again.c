/* SPDX-License-Identifier: Apache-2.0 */
/* What the newer log says was taken away since the backup, taken away again. */
#include "restore_internal.h"

#include <string.h>

#include "access_change.h"
#include "message.h"
#include "vault_shred.h"

/* OK and *ret_done false: there is nothing to do it to, or it is so already. */
static enum status
commit(struct restoring *restoring, enum status prepared, struct access_change **change,
       bool *ret_done)
{
    enum status status = prepared;

    *ret_done = false;
    if (prepared == STATUS_NOT_FOUND || prepared == STATUS_CONFLICT) {
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = access_commit(restoring->access, change);
    }
    *ret_done = status == STATUS_OK;
    return status == STATUS_OK ? status : restore_refuse_disk(restoring, status);
}

/* What undoes an act of that operation; 0: nothing does. */
static uint32_t
undone_by(uint32_t operation)
{
    switch (operation) {
    case OP_PRINCIPAL_DISABLE:
        return OP_PRINCIPAL_ENABLE;
    case OP_FREEZE:
        return OP_UNFREEZE;
    case OP_NAMESPACE_SET:
    case OP_APPROVALS_SET:
        return operation;
    default:
        return 0;
    }
}

/* Undone by a later one about the same? */
static bool
is_overtaken(const struct restore_act *act, const struct restore_act *end)
{
    uint32_t by = undone_by(act->operation);

    for (const struct restore_act *at = act + 1; by != 0 && at < end; at++) {
        if (at->operation == by && at->proved && strcmp(at->subject, act->subject) == 0 &&
            strcmp(at->namespace_name, act->namespace_name) == 0) {
            return true;
        }
    }
    return false;
}

typedef enum status prepare_stop(struct access *access, struct bytes name,
                                 struct access_change **ret_change, const char **ret_fault);

/* Without an admin there would be no vault: the last one is kept. */
static enum status
stop(struct restoring *restoring, const struct restore_act *act, prepare_stop *prepare)
{
    struct bytes name = bytes_of_text(act->subject);
    const struct principal *principal = access_by_name(restoring->access, name);
    struct access_change *change = NULL;
    const char *fault = NULL;
    bool done;
    enum status status;

    if (principal == NULL || principal->offboarded) {
        return STATUS_OK;
    }
    status = prepare(restoring->access, name, &change, &fault);
    restoring->report->admins_kept += status == STATUS_CONFLICT && !principal->disabled;
    status = commit(restoring, status, &change, &done);
    restoring->report->disabled += done;
    return status;
}

static enum status
revoke_grant(struct restoring *restoring, const struct restore_act *act)
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
    enum status status = access_prepare_grant(restoring->access, &spec, &change, &fault);

    restoring->report->admins_kept += status == STATUS_CONFLICT;
    status = commit(restoring, status, &change, &done);
    restoring->report->revoked += done;
    return status;
}

/* A grant of that role, there, of a sort that the later one replaced. */
static bool
has_replaced(const struct access *access, const struct restore_act *act)
{
    const struct principal *principal = access_by_name(access, bytes_of_text(act->subject));
    const struct namespace_row *row = access_namespace(access, bytes_of_text(act->namespace_name));
    uint32_t id = row == NULL ? 0 : row->id;

    for (size_t i = 0; principal != NULL && i < principal->grant_count; i++) {
        const struct grant *grant = &principal->grants[i];
        uint8_t sort = grant->ends_ms == 0 ? GRANT_STANDING : GRANT_ENDING;

        if ((uint8_t)grant->role == act->role && grant->namespace_id == id &&
            (act->sort & sort) != 0) {
            return true;
        }
    }
    return false;
}

static enum status
freeze(struct restoring *restoring, const struct restore_act *act)
{
    struct access *access = restoring->access;
    struct access_change *change = NULL;
    const char *fault = NULL;
    bool done;
    enum status status;

    if (act->amount > FREEZE_ALL || act->amount <= (uint64_t)access_frozen(access)) {
        return STATUS_OK;
    }
    status = access_prepare_freeze(access, (enum freeze)act->amount, &change, &fault);
    status = commit(restoring, status, &change, &done);
    restoring->report->frozen |= done;
    return status;
}

/* Its keys came back with the backup's keyring, and go again at once; its rows as they always do.
 */
static enum status
shred(struct restoring *restoring, const struct restore_act *act)
{
    const struct namespace_row *row;
    struct access_change *change = NULL;
    const char *fault = NULL;
    bool done;
    enum status status = access_prepare_shred(restoring->access, bytes_of_text(act->namespace_name),
                                              &change, &fault);

    status = commit(restoring, status, &change, &done);
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
retain(struct restoring *restoring, const struct restore_act *act)
{
    struct access_change *change = NULL;
    const char *fault = NULL;
    bool done;
    enum status status;

    if (act->amount > RETAIN_MONTHS_MAX) {
        return STATUS_OK;
    }
    status = access_prepare_retention(restoring->access, bytes_of_text(act->namespace_name),
                                      (uint16_t)act->amount, &change, &fault);
    return commit(restoring, status, &change, &done);
}

/* One of that name who was added after it is not there, and added again like others. */
static enum status
remove_recipient(struct restoring *restoring, const struct restore_act *act)
{
    struct access_change *change = NULL;
    const char *fault = NULL;
    bool done;
    enum status status = access_prepare_recipient_removal(
        restoring->access, bytes_of_text(act->subject), &change, &fault);

    status = commit(restoring, status, &change, &done);
    restoring->report->revoked += done;
    return status;
}

/* Stricter as it was last; looser not. Where the admins for it are missing it is in conflict. */
static enum status
set_approvals(struct restoring *restoring, const struct restore_act *act)
{
    struct access_change *change = NULL;
    const char *fault = NULL;
    bool done;
    bool by_the_vault = act->subject[0] != '\0'; /* there are two: the next start sees for itself */
    enum status status;

    if (act->amount >= APPROVALS_NEVER || by_the_vault) {
        return STATUS_OK;
    }
    status =
        access_prepare_approvals(restoring->access, (enum approvals)act->amount, &change, &fault);
    return commit(restoring, status, &change, &done);
}

/* Admins who were made since are not there, and those disabled since are. With fewer than two
 * nothing could be approved, that there is a second one neither: a restore, which takes the root
 * key and a recipient's, begins anew. */
enum status
restore_end_deadlock(struct restoring *restoring)
{
    struct access_change *change = NULL;
    const char *fault = NULL;
    enum status status = access_prepare_alone(restoring->access, &change, &fault);

    return commit(restoring, status, &change, &restoring->report->approvals_off);
}

enum status
restore_do_again(struct restoring *restoring, const struct restore_act *act,
                 const struct restore_act *end)
{
    struct restore_report *report = restoring->report;

    if (is_overtaken(act, end)) {
        return STATUS_OK;
    }
    switch (act->operation) {
    case OP_PRINCIPAL_DISABLE:
        return stop(restoring, act, access_prepare_disable);
    case OP_PRINCIPAL_OFFBOARD:
        return stop(restoring, act, access_prepare_offboard);
    case OP_REVOKE:
        return revoke_grant(restoring, act);
    case OP_FREEZE:
        return freeze(restoring, act);
    case OP_RECIPIENT_REMOVE:
        return remove_recipient(restoring, act);
    case OP_NAMESPACE_SHRED:
        return shred(restoring, act);
    case OP_PRINCIPAL_SET_KEY:
    case OP_ENROL_CONFIRM:
        /* The key that was replaced, or the code that was used up, came back with the backup, and
         * the log does not have the new key: who has the old one shall not be let in by it. */
        return stop(restoring, act, access_prepare_disable);
    case OP_APPROVALS_SET:
        return set_approvals(restoring, act);
    case OP_NAMESPACE_SET:
        return act->proved ? retain(restoring, act) : STATUS_OK;
    case OP_GRANT:
        report->grants_lost += act->confirmed;
        /* The backup's may permit more, or longer, than the one that took its place. */
        return act->confirmed && has_replaced(restoring->access, act) ? revoke_grant(restoring, act)
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

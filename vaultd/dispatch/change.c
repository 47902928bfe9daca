/* SPDX-License-Identifier: Apache-2.0 */
/* The three beats of every change of access state: intent, change, outcome. */
#include "dispatch_internal.h"

#include "failpoint.h"
#include "key_work.h"

static enum status
apply(struct dispatch *dispatch, struct access_change **change, uint32_t namespace_id,
      struct audit_entry *entry)
{
    bool shreds = entry->operation == OP_NAMESPACE_SHRED;
    enum status status = STATUS_OK;

    if (namespace_id != 0 && !shreds) {
        status = vault_namespace_create(dispatch->parts.vault, namespace_id);
    }
    if (status == STATUS_OK) {
        status = access_commit(dispatch->parts.access, change);
    }
    /* From here on it is shredded, whatever comes in between: the outcome, or the next unseal, says
     * so once its keys are gone. */
    if (status == STATUS_OK && shreds && !vault_failed(dispatch->parts.vault)) {
        entry->amount = dispatch_shred_keys(dispatch, namespace_id);
    }
    CRASH_POINT("change_in_force");
    return status;
}

enum status
dispatch_record_outcome(struct dispatch *dispatch, struct audit_entry *outcome,
                        const uint8_t digest[static ACCESS_DIGEST_BYTES])
{
    outcome->has_access_tag = false;
    return outcome->result == STATUS_OK ? dispatch_record_vouching(dispatch, outcome, digest)
                                        : dispatch_record(dispatch, outcome);
}

/* Without it, a crash after the next intent would leave a change that no outcome vouches for. */
static enum status
pay_owed_outcome(struct dispatch *dispatch)
{
    enum status status = STATUS_OK;

    if (dispatch->owed.refers != 0) {
        status = dispatch_record_outcome(dispatch, &dispatch->owed, dispatch->access_digest);
        dispatch->owed.refers = status == STATUS_OK ? 0 : dispatch->owed.refers;
    }
    return status;
}

static enum status
record_or_owe(struct dispatch *dispatch, struct audit_entry *outcome)
{
    enum status status = dispatch_record_outcome(dispatch, outcome, dispatch->access_digest);

    if (status != STATUS_OK) {
        dispatch->owed = *outcome;
        dispatch->owed.principal = (struct bytes){0};
        dispatch->owed.namespace_name = (struct bytes){0};
        dispatch->owed.subject = (struct bytes){0};
        dispatch->owed.reason = (struct bytes){0};
    }
    return status;
}

enum status
dispatch_change_once(struct dispatch *dispatch, struct audit_entry entry,
                     struct access_change **change, uint32_t namespace_id, const char **ret_fault)
{
    uint8_t digest[ACCESS_DIGEST_BYTES];
    uint8_t principal[NAME_BYTES_MAX];
    enum status done;
    enum status status = STATUS_UNAVAILABLE;

    if (!vault_failed(dispatch->parts.vault)) {
        status = pay_owed_outcome(dispatch);
    }
    /* The name lies in the access state, which is about to change. */
    if (entry.principal.size > 0) {
        memcpy(principal, entry.principal.data, entry.principal.size);
        entry.principal.data = principal;
    }
    memcpy(digest, access_change_digest(*change), sizeof digest);
    entry.phase = AUDIT_INTENT;
    if (status == STATUS_OK) {
        status = dispatch_record_vouching(dispatch, &entry, digest);
    }
    if (status != STATUS_OK) {
        access_change_free(change);
        return status;
    }
    CRASH_POINT("access_intended");
    done = apply(dispatch, change, namespace_id, &entry);
    access_change_free(change);
    if (vault_failed(dispatch->parts.vault)) {
        /* Nobody knows whether it came about. The intent stays open, and the restart looks. */
        *ret_fault = "not known whether it was done: the vault stops; look again when it is back";
        return STATUS_UNAVAILABLE;
    }
    CRASH_POINT("access_committed");
    if (done == STATUS_OK) {
        memcpy(dispatch->access_digest, digest, ACCESS_DIGEST_BYTES);
        dispatch->has_access_digest = true;
    }
    entry.phase = AUDIT_OUTCOME;
    entry.refers = entry.sequence;
    entry.result = done;
    status = record_or_owe(dispatch, &entry);
    CRASH_POINT("access_recorded");
    /* An older state put back shall not undo it: signed and kept elsewhere within two seconds. */
    audit_hasten_checkpoint(dispatch->parts.audit);
    if (done == STATUS_OK && status != STATUS_OK) {
        *ret_fault = "done, and in force, but the log could not take the outcome yet";
    }
    return done != STATUS_OK ? done : status;
}

enum status
dispatch_disable_once(struct dispatch *dispatch, const struct principal *principal, uint32_t canary,
                      const char **ret_fault)
{
    struct audit_entry entry = {
        .operation = OP_PRINCIPAL_DISABLE, .uid = dispatch->parts.daemon_uid, .amount = canary};
    struct access_change *change = NULL;
    char name[NAME_BYTES_MAX + 1];
    enum status status;

    memcpy(name, principal->name, sizeof name); /* its row is about to be another */
    entry.subject = bytes_of_text(name);
    status = access_prepare_disable(dispatch->parts.access, entry.subject, &change, ret_fault);
    return status == STATUS_OK ? dispatch_change_once(dispatch, entry, &change, 0, ret_fault)
                               : status;
}

enum status
dispatch_change_access(struct dispatch *dispatch, struct audit_entry entry,
                       struct access_change **change, uint32_t namespace_id, const char **ret_fault)
{
    enum status status = dispatch_change_once(dispatch, entry, change, namespace_id, ret_fault);

    /* Whatever the status: it may be in force although the log could not take the outcome. */
    dispatch_follow(dispatch);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Unsealing, with everything that is compared before it is believed, and sealing. */
#include "dispatch_internal.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>

#include "enrolments.h"
#include "key_work.h"
#include "log.h"
#include "spend.h"

static void
set_digest(struct dispatch *dispatch, const uint8_t digest[static ACCESS_DIGEST_BYTES])
{
    memcpy(dispatch->access_digest, digest, ACCESS_DIGEST_BYTES);
    dispatch->has_access_digest = true;
}

/* ---- the access state ---- */

/* Did the vault itself write this tag, into this entry, for this digest? */
static bool
vouches(const struct dispatch *dispatch, uint64_t sequence,
        const uint8_t tag[static ACCESS_DIGEST_BYTES],
        const uint8_t digest[static ACCESS_DIGEST_BYTES])
{
    uint8_t expected[ACCESS_DIGEST_BYTES];

    return access_tag(dispatch->parts.access, sequence, digest, expected) == STATUS_OK &&
           sodium_memcmp(expected, tag, ACCESS_DIGEST_BYTES) == 0;
}

static bool
is_empty(const struct access *access)
{
    return access_principal_count(access) == 0 && access_namespace_count(access) == 0;
}

/* An intent without an outcome: the crash came in between, and the rows say on which side. */
static enum status
settle_intent(struct dispatch *dispatch, bool came_about,
              const uint8_t digest[static ACCESS_DIGEST_BYTES])
{
    struct audit_entry outcome = {
        .operation = dispatch->found.intent_operation,
        .phase = AUDIT_OUTCOME,
        .result = came_about ? STATUS_OK : STATUS_UNAVAILABLE,
        .refers = dispatch->found.intent,
    };
    enum status status = dispatch_record_outcome(dispatch, &outcome, digest);

    dispatch->found.intent_open = status != STATUS_OK;
    return status;
}

/* The first unseal of this process: the log must vouch for the rows. */
static enum status
compare_with_log(struct dispatch *dispatch, const uint8_t digest[static ACCESS_DIGEST_BYTES],
                 char *ret_fault)
{
    const struct audit_summary *found = &dispatch->found;
    /* What was under way when the vault was lost did not come about in what was restored. */
    bool came_about = found->intent_open && found->intent > found->restored &&
                      vouches(dispatch, found->intent, found->intent_tag, digest);
    bool unchanged = found->has_access_tag
                         ? vouches(dispatch, found->access_sequence, found->access_tag, digest)
                         : is_empty(dispatch->parts.access);

    if (!came_about && !unchanged) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES,
                       "the principals, grants and namespaces in the database are not those the "
                       "log recorded last: the database or the log was altered or put back");
        return STATUS_CORRUPT;
    }
    /* The outcome of a shred says that the keys are gone. */
    if (found->intent_open && came_about && dispatch_finish_shreds(dispatch) != STATUS_OK) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES,
                       "the keys of a shredded namespace cannot leave the keyring: is the disk "
                       "full?");
        return STATUS_UNAVAILABLE;
    }
    if (found->intent_open && settle_intent(dispatch, came_about, digest) != STATUS_OK) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES, "the log cannot be written");
        return STATUS_UNAVAILABLE;
    }
    return STATUS_OK;
}

static enum status
check_access(struct dispatch *dispatch, char *ret_fault)
{
    uint8_t digest[ACCESS_DIGEST_BYTES];
    enum status status = access_load(dispatch->parts.access);

    if (status != STATUS_OK) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES,
                       "a row of principals, grants or namespaces in the database was altered");
        return status;
    }
    access_digest(dispatch->parts.access, digest);
    if (!dispatch->has_access_digest) {
        status = compare_with_log(dispatch, digest, ret_fault);
    } else if (sodium_memcmp(digest, dispatch->access_digest, ACCESS_DIGEST_BYTES) != 0) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES,
                       "the principals, grants and namespaces in the database were changed while "
                       "the vault was sealed");
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK) {
        set_digest(dispatch, digest);
    }
    return status;
}

static bool
has_admin(const struct access *access)
{
    for (size_t i = 0; i < access_principal_count(access); i++) {
        if (access_may(access, access_principal_at(access, i), MAY_ADMINISTER, 0)) {
            return true;
        }
    }
    return false;
}

/* ---- the log ---- */

/* The store was told how far the log had come. */
static enum status
compare_with_store(struct dispatch *dispatch, uint64_t signed_note, char *ret_fault)
{
    struct audit *audit = dispatch->parts.audit;
    uint8_t noted[VAULT_LOG_DIGEST_BYTES];
    uint8_t found[AUDIT_DIGEST_BYTES];
    uint64_t sequence = 0;
    enum status status = vault_noted_log(dispatch->parts.vault, &sequence, noted);

    if (status == STATUS_NOT_FOUND && !dispatch->found.has_access_tag) {
        return STATUS_OK; /* opened for the first time, and cut short */
    }
    if (status == STATUS_CORRUPT || status == STATUS_NOT_FOUND) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES,
                       "the database's note of how far the log has come was altered");
        return STATUS_CORRUPT;
    }
    if (status == STATUS_OK && sequence < signed_note) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES,
                       "the database has not seen what the log says it has: an older copy of it "
                       "was put back");
        return STATUS_CORRUPT;
    }
    if (status != STATUS_OK || sequence < audit_first(audit)) {
        return status;
    }
    audit_noted(audit, sequence);
    status = audit_digest_at(audit, sequence, found);
    if (status == STATUS_NOT_FOUND ||
        (status == STATUS_OK && memcmp(noted, found, sizeof found) != 0)) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES,
                       "the log is not the one the database saw at entry %llu: the log was put "
                       "back, or its end was cut off",
                       (unsigned long long)sequence);
        return STATUS_CORRUPT;
    }
    return status;
}

static enum status
check_log(struct dispatch *dispatch, char *ret_fault)
{
    char place[AUDIT_PLACE_BYTES] = "";
    uint64_t signed_note = 0;
    enum status status = audit_prove(dispatch->parts.audit, &signed_note, place);

    if (status != STATUS_OK) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES, "the audit log: %s",
                       place[0] == '\0' ? "cannot be read" : place);
        return status;
    }
    return compare_with_store(dispatch, signed_note, ret_fault);
}

/* Both the log and the store have it, before anybody is answered. */
static enum status
record_checkpoint(struct dispatch *dispatch, struct audit_entry *entry)
{
    struct audit *audit = dispatch->parts.audit;
    uint8_t digest[AUDIT_DIGEST_BYTES];
    enum status status;

    entry->has_checkpoint = true;
    status = dispatch_record(dispatch, entry);
    if (status != STATUS_OK) {
        return status;
    }
    if (audit_digest_at(audit, entry->sequence, digest) == STATUS_OK) {
        dispatch_note_log(dispatch, entry->sequence, digest);
    }
    return STATUS_OK;
}

/* ---- both together ---- */

static enum status
open_keys(struct dispatch *dispatch, const struct secret *root, char *ret_fault)
{
    enum status status = vault_unseal(dispatch->parts.vault, root);

    if (status != STATUS_OK) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES, "%s",
                       status == STATUS_DENIED
                           ? "not this vault's root key, or the keyring's header was altered"
                           : "the keyring was altered, or does not agree with the store");
    }
    return status;
}

/* What the log says of the past, once in a process: what a crash cut in two, and what was spent. */
static enum status
replay(struct dispatch *dispatch)
{
    enum status status = STATUS_OK;

    if (!dispatch->settled) {
        status = dispatch_settle_erasures(dispatch);
        if (status == STATUS_OK) {
            status = dispatch_settle_key_acts(dispatch);
        }
        dispatch->settled = status == STATUS_OK;
    }
    if (status == STATUS_OK && !dispatch->replayed) {
        status = spend_replay(dispatch);
        dispatch->replayed = status == STATUS_OK;
    }
    return status;
}

static enum status
open_all(struct dispatch *dispatch, const struct secret *root, char *ret_fault)
{
    struct audit_entry opened = {
        .operation = AUDIT_ACT_OPENED, .phase = AUDIT_DONE, .uid = dispatch->parts.daemon_uid};
    enum status status = open_keys(dispatch, root, ret_fault);

    if (status == STATUS_OK) {
        status = check_log(dispatch, ret_fault);
    }
    if (status == STATUS_OK) {
        status = check_access(dispatch, ret_fault);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!dispatch->parts.making && !has_admin(dispatch->parts.access)) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES,
                       "there is no admin: init was cut short; remove the data directory and its "
                       "key file, and run init again");
        return STATUS_CORRUPT;
    }
    /* What is settled by the keyring's generation comes before the keyring is changed. */
    status = replay(dispatch);
    if (status == STATUS_OK) {
        status = dispatch_create_reason_keys(dispatch);
    }
    if (status == STATUS_OK) {
        status = record_checkpoint(dispatch, &opened);
    }
    if (status != STATUS_OK) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES, "%s",
                       status == STATUS_CORRUPT
                           ? "the log names a principal or a namespace that the database does not "
                             "have: one of the two was altered"
                           : "the keyring or the log cannot be written: is the disk full?");
    }
    return status;
}

static void
close_all(struct dispatch *dispatch)
{
    sessions_end_all(dispatch->sessions);
    enrolments_forget_all(dispatch->enrolments);
    access_unload(dispatch->parts.access);
    vault_seal(dispatch->parts.vault);
    dispatch->sealed = true;
}

enum status
dispatch_unseal_locked(struct dispatch *dispatch, const struct secret *root,
                       char ret_fault[static DISPATCH_FAULT_BYTES])
{
    enum status status;

    if (!dispatch->sealed) {
        return STATUS_OK;
    }
    status = open_all(dispatch, root, ret_fault);
    if (status != STATUS_OK) {
        close_all(dispatch);
        LOG(LOG_LEVEL_ERROR, EVENT_UNSEAL_REFUSED, F_STATUS("status", status));
        return status;
    }
    /* Before anybody is served; where the disk is full, the maintenance thread goes on trying. */
    if (dispatch_destroy_shredded(dispatch) != STATUS_OK) {
        LOG(LOG_LEVEL_ERROR, EVENT_KEYRING_REFUSED, F("shredded", true));
    }
    /* A crash may have come between a change and what follows it. */
    dispatch_follow(dispatch);
    dispatch->sealed = false;
    dispatch_forget_shares(dispatch);
    LOG(LOG_LEVEL_NOTICE, EVENT_UNSEALED,
        F("principals", access_principal_count(dispatch->parts.access)));
    return STATUS_OK;
}

enum status
dispatch_seal_locked(struct dispatch *dispatch, struct audit_entry *closed)
{
    enum status status;

    if (dispatch->sealed) {
        return STATUS_OK;
    }
    dispatch_backup_abort(dispatch, "sealed");
    approvals_forget(dispatch->approvals);
    /* Sealed whether or not the log can take it: keys in memory are the greater danger. */
    status = record_checkpoint(dispatch, closed);
    close_all(dispatch);
    LOG(LOG_LEVEL_NOTICE, EVENT_SEALED, F_STATUS("recorded", status));
    return status;
}

enum status
dispatch_unseal(struct dispatch *dispatch, const struct secret *root,
                char ret_fault[static DISPATCH_FAULT_BYTES])
{
    enum status status;

    gate_enter_alone(&dispatch->gate);
    status = dispatch_unseal_locked(dispatch, root, ret_fault);
    gate_leave(&dispatch->gate);
    return status;
}

enum status
dispatch_seal(struct dispatch *dispatch)
{
    struct audit_entry closed = {
        .operation = AUDIT_ACT_CLOSED, .phase = AUDIT_DONE, .uid = dispatch->parts.daemon_uid};
    enum status status;

    gate_enter_alone(&dispatch->gate);
    status = dispatch_seal_locked(dispatch, &closed);
    gate_leave(&dispatch->gate);
    return status;
}

enum status
dispatch_add_first_admin(struct dispatch *dispatch, struct bytes name, uint32_t uid)
{
    struct access *access = dispatch->parts.access;
    struct access_change *change = NULL;
    const char *fault = NULL;
    const struct access_principal_spec spec = {.name = name, .kind = PRINCIPAL_PERSON, .uid = &uid};
    const struct access_grant_spec grant = {.principal = name, .role = ROLE_ADMIN};
    struct audit_entry entry = {
        .operation = OP_PRINCIPAL_ADD, .uid = dispatch->parts.daemon_uid, .subject = name};
    enum status status = STATUS_CONFLICT;

    gate_enter_alone(&dispatch->gate);
    if (!dispatch->sealed && access_principal_count(access) == 0) {
        status = access_prepare_principal(access, &spec, &change, &fault);
    }
    if (status == STATUS_OK) {
        status = dispatch_change_access(dispatch, entry, &change, 0, &fault);
    }
    if (status == STATUS_OK) {
        status = access_prepare_grant(access, &grant, &change, &fault);
    }
    if (status == STATUS_OK) {
        entry.operation = OP_GRANT;
        entry.role = ROLE_ADMIN;
        status = dispatch_change_access(dispatch, entry, &change, 0, &fault);
    }
    gate_leave(&dispatch->gate);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Unsealing and sealing, and the three beats of every change of access state: intent, change,
 * outcome. */
#include "dispatch_internal.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>

#include "clock.h"
#include "log.h"

enum { REASON_KEY_AHEAD_MS = 24 * 3600 * 1000, KEY_PAUSE_MS = 60 * 1000 };

/* ---- audit, durably ---- */

static enum status
record(struct dispatch *dispatch, struct audit_entry *entry)
{
    enum status status = audit_append(dispatch->parts.audit, entry, 1);

    return status == STATUS_OK ? audit_wait(dispatch->parts.audit, entry->sequence) : status;
}

/* The same, for an entry that vouches for the access state having this digest. The gate is held
 * exclusively, so nobody else appends and the number is known beforehand. */
static enum status
record_vouching(struct dispatch *dispatch, struct audit_entry *entry,
                const uint8_t digest[static ACCESS_DIGEST_BYTES])
{
    uint64_t sequence = audit_last(dispatch->parts.audit) + 1;
    enum status status = access_tag(dispatch->parts.access, sequence, digest, entry->access_tag);

    entry->has_access_tag = true;
    if (status == STATUS_OK) {
        status = record(dispatch, entry);
    }
    assert(status != STATUS_OK || entry->sequence == sequence);
    return status;
}

static void
set_digest(struct dispatch *dispatch, const uint8_t digest[static ACCESS_DIGEST_BYTES])
{
    memcpy(dispatch->access_digest, digest, ACCESS_DIGEST_BYTES);
    dispatch->has_access_digest = true;
}

/* ---- changes of access state ---- */

static enum status
apply(struct dispatch *dispatch, struct access_change **change, uint32_t namespace_id)
{
    enum status status = STATUS_OK;

    if (namespace_id != 0) {
        status = vault_namespace_create(dispatch->parts.vault, namespace_id);
    }
    return status == STATUS_OK ? access_commit(dispatch->parts.access, change) : status;
}

/* An outcome that is OK vouches for the digest; another changes nothing. */
static enum status
record_outcome(struct dispatch *dispatch, struct audit_entry *outcome,
               const uint8_t digest[static ACCESS_DIGEST_BYTES])
{
    outcome->has_access_tag = false;
    return outcome->result == STATUS_OK ? record_vouching(dispatch, outcome, digest)
                                        : record(dispatch, outcome);
}

/* Without it, a crash after the next intent would leave a change that no outcome vouches for. */
static enum status
pay_owed_outcome(struct dispatch *dispatch)
{
    enum status status = STATUS_OK;

    if (dispatch->owed.refers != 0) {
        status = record_outcome(dispatch, &dispatch->owed, dispatch->access_digest);
        dispatch->owed.refers = status == STATUS_OK ? 0 : dispatch->owed.refers;
    }
    return status;
}

static enum status
record_or_owe(struct dispatch *dispatch, struct audit_entry *outcome)
{
    enum status status = record_outcome(dispatch, outcome, dispatch->access_digest);

    if (status != STATUS_OK) {
        dispatch->owed = *outcome;
        dispatch->owed.principal = (struct bytes){0};
        dispatch->owed.namespace_name = (struct bytes){0};
        dispatch->owed.subject = (struct bytes){0};
    }
    return status;
}

enum status
dispatch_change_access(struct dispatch *dispatch, struct audit_entry entry,
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
        status = record_vouching(dispatch, &entry, digest);
    }
    if (status != STATUS_OK) {
        access_change_free(change);
        return status;
    }
    done = apply(dispatch, change, namespace_id);
    access_change_free(change);
    if (vault_failed(dispatch->parts.vault)) {
        /* Nobody knows whether it came about. The intent stays open, and the restart looks. */
        *ret_fault = "not known whether it was done: the vault stops; look again when it is back";
        return STATUS_UNAVAILABLE;
    }
    if (done == STATUS_OK) {
        set_digest(dispatch, digest);
    }
    entry.phase = AUDIT_OUTCOME;
    entry.refers = entry.sequence;
    entry.result = done;
    status = record_or_owe(dispatch, &entry);
    if (done == STATUS_OK && status != STATUS_OK) {
        *ret_fault = "done, and in force, but the log could not take the outcome yet";
    }
    return done != STATUS_OK ? done : status;
}

/* ---- unseal ---- */

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
    enum status status = record_outcome(dispatch, &outcome, digest);

    dispatch->found.intent_open = status != STATUS_OK;
    return status;
}

/* The first unseal of this process: the log must vouch for the rows. */
static enum status
compare_with_log(struct dispatch *dispatch, const uint8_t digest[static ACCESS_DIGEST_BYTES],
                 char *ret_fault)
{
    const struct audit_summary *found = &dispatch->found;
    bool came_about =
        found->intent_open && vouches(dispatch, found->intent, found->intent_tag, digest);
    bool unchanged = found->has_access_tag
                         ? vouches(dispatch, found->access_sequence, found->access_tag, digest)
                         : is_empty(dispatch->parts.access);

    if (!came_about && !unchanged) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES,
                       "the principals, grants and namespaces in the database are not those the "
                       "log recorded last: the database or the log was altered or put back");
        return STATUS_CORRUPT;
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

/* The time of the log's next entry, which never goes back, whatever becomes of the clock. */
static uint64_t
log_time_ms(struct dispatch *dispatch)
{
    uint64_t last_ms = audit_last_time_ms(dispatch->parts.audit);
    uint64_t now_ms = clock_wall_ms();

    return now_ms > last_ms ? now_ms : last_ms;
}

/* The year of an entry made a day from now. */
static uint32_t
next_year(struct dispatch *dispatch)
{
    return clock_year(log_time_ms(dispatch) + REASON_KEY_AHEAD_MS);
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

static enum status
open_all(struct dispatch *dispatch, const struct secret *root, char *ret_fault)
{
    struct audit_entry opened = {
        .operation = AUDIT_ACT_OPENED, .phase = AUDIT_DONE, .uid = dispatch->parts.daemon_uid};
    struct vault *vault = dispatch->parts.vault;
    enum status status = vault_unseal(vault, root);

    if (status != STATUS_OK) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES, "%s",
                       status == STATUS_DENIED
                           ? "not this vault's root key, or the keyring's header was altered"
                           : "the keyring was altered, or does not agree with the store");
        return status;
    }
    status = check_access(dispatch, ret_fault);
    if (status != STATUS_OK) {
        return status;
    }
    if (!dispatch->parts.making && !has_admin(dispatch->parts.access)) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES,
                       "there is no admin: init was cut short; remove the data directory and its "
                       "key file, and run init again");
        return STATUS_CORRUPT;
    }
    status = vault_reason_key_create(vault, clock_year(log_time_ms(dispatch)));
    if (status == STATUS_OK) {
        status = vault_reason_key_create(vault, next_year(dispatch));
    }
    if (status == STATUS_OK) {
        status = record(dispatch, &opened);
    }
    if (status != STATUS_OK) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES,
                       "the keyring or the log cannot be written: is the disk full?");
    }
    return status;
}

static void
close_all(struct dispatch *dispatch)
{
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
    dispatch->sealed = false;
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
    /* Sealed whether or not the log can take it: keys in memory are the greater danger. */
    status = record(dispatch, closed);
    close_all(dispatch);
    LOG(LOG_LEVEL_NOTICE, EVENT_SEALED, F_STATUS("recorded", status));
    return status;
}

static void
lock_exclusively(struct dispatch *dispatch)
{
    int failed = pthread_rwlock_wrlock(&dispatch->gate);

    assert(failed == 0);
}

enum status
dispatch_unseal(struct dispatch *dispatch, const struct secret *root,
                char ret_fault[static DISPATCH_FAULT_BYTES])
{
    enum status status;

    lock_exclusively(dispatch);
    status = dispatch_unseal_locked(dispatch, root, ret_fault);
    (void)pthread_rwlock_unlock(&dispatch->gate);
    return status;
}

enum status
dispatch_seal(struct dispatch *dispatch)
{
    struct audit_entry closed = {
        .operation = AUDIT_ACT_CLOSED, .phase = AUDIT_DONE, .uid = dispatch->parts.daemon_uid};
    enum status status;

    lock_exclusively(dispatch);
    status = dispatch_seal_locked(dispatch, &closed);
    (void)pthread_rwlock_unlock(&dispatch->gate);
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

    lock_exclusively(dispatch);
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
    (void)pthread_rwlock_unlock(&dispatch->gate);
    return status;
}

/* Refusals are appended without waiting; a tenth of a second later they are on disk too. */
static void
flush_log(struct dispatch *dispatch)
{
    uint64_t last = audit_last(dispatch->parts.audit);

    if (last != dispatch->log_flushed && audit_wait(dispatch->parts.audit, last) == STATUS_OK) {
        dispatch->log_flushed = last;
    }
}

/* The keys that the log's time will ask for within a day are there beforehand. */
static bool
lacks_reason_key(struct dispatch *dispatch)
{
    const struct vault *vault = dispatch->parts.vault;

    return !dispatch->sealed && !(vault_has_reason_key(vault, clock_year(log_time_ms(dispatch))) &&
                                  vault_has_reason_key(vault, next_year(dispatch)));
}

static void
create_reason_keys(struct dispatch *dispatch)
{
    struct vault *vault = dispatch->parts.vault;
    enum status status = vault_reason_key_create(vault, clock_year(log_time_ms(dispatch)));

    if (status == STATUS_OK) {
        status = vault_reason_key_create(vault, next_year(dispatch));
    }
    dispatch->key_tried_ms = status == STATUS_OK ? 0 : clock_monotonic_ms();
    if (status != STATUS_OK) {
        LOG(LOG_LEVEL_ERROR, EVENT_KEYRING_REFUSED, F_STATUS("status", status));
    }
}

void
dispatch_tick(struct dispatch *dispatch)
{
    bool missing;

    flush_log(dispatch);
    if (dispatch->key_tried_ms != 0 &&
        clock_monotonic_ms() - dispatch->key_tried_ms < KEY_PAUSE_MS) {
        return;
    }
    if (pthread_rwlock_tryrdlock(&dispatch->gate) != 0) {
        return;
    }
    missing = lacks_reason_key(dispatch);
    (void)pthread_rwlock_unlock(&dispatch->gate);
    if (missing) {
        lock_exclusively(dispatch);
        if (lacks_reason_key(dispatch)) {
            create_reason_keys(dispatch);
        }
        (void)pthread_rwlock_unlock(&dispatch->gate);
    }
}

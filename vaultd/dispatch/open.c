/* SPDX-License-Identifier: Apache-2.0 */
/* Unsealing and sealing, and the three beats of every change of access state: intent, change,
 * outcome. */
#include "dispatch_internal.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <time.h>

#include "clock.h"
#include "log.h"

enum { REASON_KEY_AHEAD_MS = 24 * 3600 * 1000 };

/* ---- audit, durably ---- */

static enum status
record(struct dispatch *dispatch, struct audit_entry *entry)
{
    enum status status = audit_append(dispatch->parts.audit, entry, 1);

    return status == STATUS_OK ? audit_wait(dispatch->parts.audit, entry->sequence) : status;
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

/* Without it, a crash after the next intent would leave a change that no outcome vouches for. */
static enum status
pay_owed_outcome(struct dispatch *dispatch)
{
    enum status status = STATUS_OK;

    if (dispatch->owed.refers != 0) {
        status = record(dispatch, &dispatch->owed);
        dispatch->owed.refers = status == STATUS_OK ? 0 : dispatch->owed.refers;
    }
    return status;
}

static enum status
record_outcome(struct dispatch *dispatch, struct audit_entry *outcome)
{
    enum status status = record(dispatch, outcome);

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
                       struct access_change **change, uint32_t namespace_id)
{
    uint8_t digest[ACCESS_DIGEST_BYTES];
    uint8_t principal[NAME_BYTES_MAX];
    enum status done;
    enum status status = pay_owed_outcome(dispatch);

    /* The name lies in the access state, which is about to change. */
    if (entry.principal.size > 0) {
        memcpy(principal, entry.principal.data, entry.principal.size);
        entry.principal.data = principal;
    }
    memcpy(digest, access_change_digest(*change), sizeof digest);
    entry.phase = AUDIT_INTENT;
    entry.has_access_digest = true;
    memcpy(entry.access_digest, digest, sizeof digest);
    if (status == STATUS_OK) {
        status = record(dispatch, &entry);
    }
    if (status != STATUS_OK) {
        access_change_free(change);
        return status;
    }
    done = apply(dispatch, change, namespace_id);
    access_change_free(change);
    if (done == STATUS_OK) {
        set_digest(dispatch, digest);
    }
    entry.phase = AUDIT_OUTCOME;
    entry.refers = entry.sequence;
    entry.result = done;
    entry.has_access_digest = done == STATUS_OK;
    status = record_outcome(dispatch, &entry);
    return done != STATUS_OK ? done : status;
}

/* ---- unseal ---- */

/* An intent without an outcome: the crash came in between, and the rows say on which side. */
static enum status
settle_intent(struct dispatch *dispatch, const uint8_t digest[static ACCESS_DIGEST_BYTES])
{
    const struct audit_summary *found = &dispatch->found;
    bool came_about = memcmp(digest, found->intent_digest, ACCESS_DIGEST_BYTES) == 0;
    struct audit_entry outcome = {
        .operation = found->intent_operation,
        .phase = AUDIT_OUTCOME,
        .result = came_about ? STATUS_OK : STATUS_UNAVAILABLE,
        .refers = found->intent,
        .has_access_digest = came_about,
    };

    memcpy(outcome.access_digest, digest, ACCESS_DIGEST_BYTES);
    if (came_about) {
        set_digest(dispatch, digest);
    }
    return record(dispatch, &outcome);
}

/* The access state must be the one the log's last access change names. */
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
    if (dispatch->found.intent_open) {
        status = settle_intent(dispatch, digest);
        dispatch->found.intent_open = status != STATUS_OK;
    }
    if (status != STATUS_OK) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES, "the log cannot be written");
        return status;
    }
    bool empty = access_principal_count(dispatch->parts.access) == 0 &&
                 access_namespace_count(dispatch->parts.access) == 0;
    if (dispatch->has_access_digest
            ? sodium_memcmp(digest, dispatch->access_digest, ACCESS_DIGEST_BYTES) != 0
            : !empty) {
        (void)snprintf(ret_fault, DISPATCH_FAULT_BYTES,
                       "the principals, grants and namespaces in the database are not those the "
                       "log recorded last: the database or the log was altered or put back");
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

/* Of the calendar in UTC; 0 where there is none. */
static uint32_t
year_of(uint64_t at_ms)
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm parts;

    return gmtime_r(&seconds, &parts) == NULL ? 0 : (uint32_t)(parts.tm_year + 1900);
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
    status = vault_reason_key_create(vault, year_of(clock_wall_ms()));
    if (status == STATUS_OK) {
        status = vault_reason_key_create(vault, year_of(clock_wall_ms() + REASON_KEY_AHEAD_MS));
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
    if (!dispatch->has_access_digest && dispatch->found.has_access_digest) {
        set_digest(dispatch, dispatch->found.access_digest);
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
        status = dispatch_change_access(dispatch, entry, &change, 0);
    }
    if (status == STATUS_OK) {
        status = access_prepare_grant(access, &grant, &change, &fault);
    }
    if (status == STATUS_OK) {
        entry.operation = OP_GRANT;
        entry.role = ROLE_ADMIN;
        status = dispatch_change_access(dispatch, entry, &change, 0);
    }
    (void)pthread_rwlock_unlock(&dispatch->gate);
    return status;
}

/* The key of the year to come is there a day before its first entry. */
void
dispatch_tick(struct dispatch *dispatch)
{
    struct vault *vault = dispatch->parts.vault;
    uint32_t year = year_of(clock_wall_ms() + REASON_KEY_AHEAD_MS);
    bool missing;

    if (pthread_rwlock_tryrdlock(&dispatch->gate) != 0) {
        return;
    }
    missing = !dispatch->sealed && !vault_has_reason_key(vault, year);
    (void)pthread_rwlock_unlock(&dispatch->gate);
    if (missing) {
        lock_exclusively(dispatch);
        if (!dispatch->sealed && vault_reason_key_create(vault, year) != STATUS_OK) {
            LOG(LOG_LEVEL_ERROR, EVENT_KEYRING_REFUSED, F("year", year));
        }
        (void)pthread_rwlock_unlock(&dispatch->gate);
    }
}

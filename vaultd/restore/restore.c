/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a restore: in, verified, brought up to date, and on record. */
#include "restore.h"

#include <sodium.h>
#include <stdarg.h>
#include <string.h>

#include "failpoint.h"
#include "restore_internal.h"
#include "scratch.h"
#include "vault_check.h"

/* Row numbers of the lost instance that the backup does not know of are not given again: what was
 * sealed under one there never opens in its place here. */
static const uint64_t rows_skipped = (uint64_t)1 << 32;

/* ---- what is said ---- */

enum status
restore_refuse(struct restoring *restoring, enum status status, const char *name,
               const char *format, ...)
{
    va_list arguments;

    restoring->report->fault_name = name;
    va_start(arguments, format);
    (void)vsnprintf(restoring->report->fault, sizeof restoring->report->fault, format, arguments);
    va_end(arguments);
    return status;
}

enum status
restore_refuse_disk(struct restoring *restoring, enum status status)
{
    return restore_refuse(restoring, status == STATUS_INTERNAL ? status : STATUS_UNAVAILABLE,
                          "unavailable",
                          "the disk cannot be read or written, or memory is short: make room, and "
                          "run it again");
}

static const char *
advice_for(enum backup_fault fault)
{
    switch (fault) {
    case BACKUP_WRONG_KEY:
        return "give the private key of one of its recipients";
    case BACKUP_OTHER_VERSION:
        return "use the program that made it, or a newer one";
    case BACKUP_WRONG_PART:
    case BACKUP_OTHER_KEYRING:
        return "name FILE, and keep FILE.keyring of the same backup beside it";
    case BACKUP_UNREADABLE:
        return "are both FILE and FILE.keyring there, and may you read them?";
    case BACKUP_NO_MEMORY:
        return "free some memory, and run it again";
    default:
        return "take another copy of it, or another backup";
    }
}

enum status
restore_refuse_file(struct restoring *restoring, enum backup_fault fault, const char *path)
{
    enum status status = STATUS_CORRUPT;

    if (fault == BACKUP_WRONG_KEY) {
        status = STATUS_DENIED;
    } else if (fault == BACKUP_UNREADABLE || fault == BACKUP_NO_MEMORY) {
        status = STATUS_UNAVAILABLE;
    }
    return restore_refuse(restoring, status, backup_fault_name(fault), "%.200s: %s: %s", path,
                          backup_fault_text(fault), advice_for(fault));
}

/* ---- the vault it makes ---- */

static enum status
open_keyring(struct restoring *restoring)
{
    enum status status = keyring_open(restoring->request->keyring_path, &restoring->keyring);

    if (status == STATUS_OK) {
        status = keyring_unseal(restoring->keyring, restoring->request->root);
    }
    if (status == STATUS_DENIED) {
        return restore_refuse(
            restoring, status, "wrong_root_key",
            "not the root key this backup's keyring is sealed under: give the one "
            "that was in use when it was made");
    }
    if (status == STATUS_CORRUPT) {
        return restore_refuse(restoring, status, "keyring_altered",
                              "the keyring in the backup is damaged: take another backup");
    }
    if (status == STATUS_OK) {
        status = keyring_audit_public_key(restoring->keyring, restoring->report->public_key);
    }
    return status == STATUS_OK ? status : restore_refuse_disk(restoring, status);
}

/* Who made it: until here everything was anybody's word. */
static enum status
prove_manifest(struct restoring *restoring)
{
    const struct backup_manifest *manifest = &restoring->manifest;

    if (!backup_manifest_holds(manifest, restoring->report->public_key)) {
        return restore_refuse_file(restoring, BACKUP_NOT_SIGNED, restoring->request->contents);
    }
    if (memcmp(manifest->vault_id, keyring_vault_id(restoring->keyring), VAULT_ID_BYTES) != 0 ||
        manifest->keyring_generation != keyring_generation(restoring->keyring)) {
        return restore_refuse_file(restoring, BACKUP_OTHER_KEYRING, restoring->request->keyring);
    }
    restoring->report->time_ms = manifest->time_ms;
    restoring->report->entries = manifest->last_entry - manifest->first_entry + 1;
    return STATUS_OK;
}

/* The log is the one that the manifest names, and the instance's that made the backup. */
static enum status
compare_log(struct restoring *restoring)
{
    const struct backup_manifest *manifest = &restoring->manifest;
    const struct audit_built *built = &restoring->built;

    if (built->first == manifest->first_entry && built->last == manifest->last_entry &&
        memcmp(built->digest, manifest->last_digest, sizeof built->digest) == 0 &&
        memcmp(built->newest.instance_id, manifest->instance_id, INSTANCE_ID_BYTES) == 0) {
        return STATUS_OK;
    }
    return restore_refuse_file(restoring, BACKUP_MANIFEST_WRONG, restoring->request->contents);
}

static enum status
open_vault(struct restoring *restoring)
{
    const struct backup_manifest *manifest = &restoring->manifest;
    const struct access_budgets none = {0};
    char fault[VAULT_FAULT_BYTES] = "";
    enum status status =
        store_load_counts(restoring->store, manifest->changes, manifest->next_row + rows_skipped);

    if (status == STATUS_OK) {
        status = vault_replace_instance(restoring->store, restoring->keyring, manifest->instance_id,
                                        restoring->instance_id);
    }
    if (status == STATUS_OK) {
        keyring_seal(restoring->keyring);
        status = vault_open(restoring->store, restoring->keyring, fault, &restoring->vault);
    }
    if (status == STATUS_OK) {
        status = vault_unseal(restoring->vault, restoring->request->root);
    }
    if (status == STATUS_OK) {
        status = access_new(restoring->store, restoring->keyring, &none, &restoring->access);
    }
    if (status == STATUS_CORRUPT) {
        return restore_refuse(restoring, status, "store_altered",
                              "what the backup holds does not belong together (%s): take another "
                              "backup",
                              fault[0] == '\0' ? "another instance's store" : fault);
    }
    return status == STATUS_OK ? status : restore_refuse_disk(restoring, status);
}

static enum status
load(struct restoring *restoring)
{
    const struct store_options options = {.folder = restoring->request->store_folder,
                                          .map_bytes = restoring->request->map_bytes};
    enum status status = store_open(&options, &restoring->store);

    if (status != STATUS_OK) {
        return restore_refuse_disk(restoring, status);
    }
    status = restore_read_contents(restoring);
    CRASH_POINT("restore_rows_read");
    if (status == STATUS_OK) {
        status = restore_read_keyring(restoring);
    }
    CRASH_POINT("restore_read");
    if (status == STATUS_OK) {
        status = open_keyring(restoring);
    }
    return status == STATUS_OK ? prove_manifest(restoring) : status;
}

static enum status
verify(struct restoring *restoring)
{
    enum status status = restore_check_log(restoring);

    if (status == STATUS_OK) {
        status = compare_log(restoring);
    }
    if (status == STATUS_OK) {
        status = open_vault(restoring);
    }
    if (status == STATUS_OK) {
        status = restore_open_log(restoring);
    }
    if (status == STATUS_OK) {
        status = restore_check_rules(restoring);
    }
    if (status == STATUS_OK) {
        status = restore_check_rows(restoring);
    }
    CRASH_POINT("restore_verified");
    return status;
}

static enum status
bring_up_to_date(struct restoring *restoring)
{
    enum status status = STATUS_OK;

    if (restoring->request->newer_log != NULL) {
        status = restore_take_newer_log(restoring);
        if (status == STATUS_OK) {
            status = restore_replay(restoring);
        }
        restoring->report->log_is_newer = status == STATUS_OK;
    }
    CRASH_POINT("restore_replayed");
    return status;
}

/* Another instance begins here, and vouches for the rules as they are now. */
static enum status
record(struct restoring *restoring)
{
    struct audit_entry entry = {
        .operation = AUDIT_ACT_RESTORED, .phase = AUDIT_DONE, .has_checkpoint = true};
    uint8_t digest[AUDIT_DIGEST_BYTES];
    enum status status;

    if (restoring->request->newer_log == NULL) {
        entry.subject = bytes_of_text(AUDIT_LOG_LOST);
    }
    access_digest(restoring->access, digest);
    status =
        access_tag(restoring->access, audit_last(restoring->audit) + 1, digest, entry.access_tag);
    entry.has_access_tag = true;
    if (status == STATUS_OK) {
        status = audit_record(restoring->audit, &entry, 1, AUDIT_RESERVE_STOP);
    }
    if (status == STATUS_OK) {
        status = audit_digest_at(restoring->audit, entry.sequence, digest);
    }
    if (status == STATUS_OK) {
        status = vault_note_log(restoring->vault, entry.sequence, digest);
    }
    CRASH_POINT("restore_recorded");
    return status == STATUS_OK ? status : restore_refuse_disk(restoring, status);
}

static void
close_all(struct restoring *restoring)
{
    access_free(&restoring->access);
    audit_close(&restoring->audit);
    audit_build_free(&restoring->build);
    vault_close(&restoring->vault);
    store_close(&restoring->store);
    keyring_close(&restoring->keyring);
    scratch_free(&restoring->scratch);
}

enum status
restore_build(const struct restore_request *request, struct restore_report *ret_report)
{
    struct restoring restoring = {.request = request, .report = ret_report};
    enum status status;

    *ret_report = (struct restore_report){0};
    if (request->newer_log == NULL && !request->accept_lost) {
        return restore_refuse(
            &restoring, STATUS_CONFLICT, "log_needed",
            "what was erased, disabled or revoked since the backup would be back: "
            "give --audit FOLDER with the newest copy of the log, or, if there is "
            "none, --accept-lost-erasures");
    }
    randombytes_buf(restoring.instance_id, sizeof restoring.instance_id);
    status = scratch_new(&restoring.scratch) == STATUS_OK
                 ? load(&restoring)
                 : restore_refuse_disk(&restoring, STATUS_INTERNAL);
    if (status == STATUS_OK) {
        status = verify(&restoring);
    }
    if (status == STATUS_OK) {
        status = bring_up_to_date(&restoring);
    }
    if (status == STATUS_OK) {
        status = record(&restoring);
    }
    close_all(&restoring);
    return status;
}

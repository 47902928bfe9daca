/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a restore: in, verified, brought up to date, and on record. */
#include "restore.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "failpoint.h"
#include "keyring_disk.h"
#include "restore_internal.h"
#include "scratch.h"
#include "vault_check.h"

/* Row numbers of the lost instance that the backup does not know of are not given again: what was
 * sealed under one there never opens in its place here. */
static const uint64_t rows_skipped = (uint64_t)1 << 32;

/* ---- the two files ---- */

static enum status
take_frame(struct restoring *restoring, struct restore_rows *rows, const struct backup_frame *frame)
{
    enum status status = STATUS_OK;

    switch (frame->type) {
    case BACKUP_FRAME_ROW:
        status = restore_rows_put(rows, frame);
        break;
    case BACKUP_FRAME_START:
        status = audit_build_start(restoring->build, frame->bytes);
        break;
    case BACKUP_FRAME_ENTRY:
        status = audit_build_entry(restoring->build, frame->bytes);
        break;
    case BACKUP_FRAME_MANIFEST:
        break;
    }
    if (status == STATUS_CORRUPT) {
        return restore_refuse(restoring, status, "log_altered",
                              "the audit log in the backup is no chain: %s: take another backup",
                              audit_build_fault(restoring->build));
    }
    if (status == STATUS_CONFLICT || status == STATUS_INVALID || status == STATUS_TOO_LARGE) {
        return restore_refuse_file(restoring, BACKUP_FRAME_WRONG, restoring->request->contents);
    }
    return status == STATUS_OK ? status : restore_refuse_disk(restoring, status);
}

/* Whoever waits for it may have had enough. */
static enum status
go_on(struct restoring *restoring)
{
    const volatile sig_atomic_t *stop = restoring->request->stop;

    return stop == NULL || *stop == 0 ? STATUS_OK
                                      : restore_refuse(restoring, STATUS_UNAVAILABLE, "interrupted",
                                                       "interrupted; nothing is left of it");
}

/* Nothing of it is acted on: it lies in the building, until its manifest has been proved. */
static enum status
take_contents(struct restoring *restoring, struct backup_contents *contents)
{
    struct restore_rows *rows = NULL;
    struct backup_frame frame = {.type = BACKUP_FRAME_ROW};
    enum status status = restore_rows_new(restoring->store, &rows);

    if (status != STATUS_OK) {
        return restore_refuse_disk(restoring, status);
    }
    while (status == STATUS_OK && frame.type != BACKUP_FRAME_MANIFEST) {
        enum backup_fault fault = backup_contents_next(contents, &frame);

        status = fault == BACKUP_SOUND
                     ? take_frame(restoring, rows, &frame)
                     : restore_refuse_file(restoring, fault, restoring->request->contents);
        status = status == STATUS_OK ? go_on(restoring) : status;
    }
    if (status == STATUS_OK) {
        restoring->manifest = *backup_contents_manifest(contents);
        status = restore_rows_end(rows);
        status = status == STATUS_OK ? status : restore_refuse_disk(restoring, status);
    }
    restore_rows_free(&rows);
    return status;
}

static enum status
read_contents(struct restoring *restoring)
{
    const struct restore_request *request = restoring->request;
    struct backup_contents *contents = NULL;
    struct backup_source source;
    enum backup_fault fault = restore_open_file(request->contents, &source);
    enum status status;

    if (fault == BACKUP_SOUND) {
        fault = backup_contents_open(source, request->recipient, &contents);
    }
    if (fault != BACKUP_SOUND) {
        status = restore_refuse_file(restoring, fault, request->contents);
        goto out;
    }
    status = audit_build_new(request->audit_folder, backup_contents_head(contents)->vault_id,
                             &restoring->build);
    status = status == STATUS_OK ? take_contents(restoring, contents)
                                 : restore_refuse_disk(restoring, status);
out:
    backup_contents_free(&contents);
    restore_close_file(&source);
    return status;
}

/* The keyring's file, as it is, still sealed under the root key. */
static enum status
read_keyring(struct restoring *restoring)
{
    const struct restore_request *request = restoring->request;
    struct backup_source source;
    enum backup_fault fault = restore_open_file(request->keyring, &source);
    uint8_t *file = NULL;
    size_t size = 0;
    enum status status;

    if (fault == BACKUP_SOUND) {
        fault = backup_keyring_read(source, request->recipient, &restoring->manifest, &file, &size);
    }
    restore_close_file(&source);
    if (fault != BACKUP_SOUND) {
        return restore_refuse_file(restoring, fault, request->keyring);
    }
    status = keyring_disk_write(request->keyring_path, KEYRING_WRITE_NEW, bytes_of(file, size));
    free(file);
    return status == STATUS_OK ? status : restore_refuse_disk(restoring, status);
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
    status = read_contents(restoring);
    CRASH_POINT("restore_rows_read");
    if (status == STATUS_OK) {
        status = read_keyring(restoring);
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
    enum status status = restore_check_log(restoring, NULL);

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
    status = status == STATUS_OK ? go_on(&restoring) : status;
    if (status == STATUS_OK) {
        status = bring_up_to_date(&restoring);
    }
    status = status == STATUS_OK ? go_on(&restoring) : status;
    if (status == STATUS_OK) {
        status = record(&restoring);
    }
    close_all(&restoring);
    return status;
}

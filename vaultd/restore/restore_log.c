/* SPDX-License-Identifier: Apache-2.0 */
/* The log of what is restored: the backup's own, and then perhaps a newer one in its place. */
#include "restore_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "audit_verify.h"

static uint64_t
changes_of_store(const void *store)
{
    return store_changes(store);
}

enum status
restore_check_log(struct restoring *restoring, const char *checkpoints)
{
    const struct audit_check check = {.folder = restoring->request->audit_folder,
                                      .public_key = restoring->report->public_key,
                                      .checkpoint_file = checkpoints};
    struct audit_report report;
    enum status status = audit_build_end(restoring->build);

    audit_build_look(restoring->build, &restoring->built);
    audit_build_free(&restoring->build);
    if (status != STATUS_OK) {
        return restore_refuse_disk(restoring, status);
    }
    status = audit_verify(&check, &report);
    if (status == STATUS_CORRUPT) {
        return restore_refuse(restoring, status, "log_altered",
                              "the audit log is not this vault's, or was altered: %.200s: take "
                              "another copy of it",
                              report.place);
    }
    if (status == STATUS_NOT_FOUND || status == STATUS_INVALID) {
        return restore_refuse(restoring, STATUS_CORRUPT, "no_checkpoints",
                              "no checkpoint of this vault is in %.200s: name the file, or all of "
                              "the second place's in one",
                              checkpoints);
    }
    return status == STATUS_OK ? status : restore_refuse_disk(restoring, status);
}

enum status
restore_open_log(struct restoring *restoring)
{
    const struct audit_options options = {
        .folder = restoring->request->audit_folder,
        .vault_id = keyring_vault_id(restoring->keyring),
        .instance_id = restoring->instance_id,
        .keyring = restoring->keyring,
        .store_changes = changes_of_store,
        .store = restoring->store,
        .restoring = true,
    };
    char place[AUDIT_PLACE_BYTES] = "";
    uint64_t noted = 0;
    enum status status;

    /* What was committed after the backup, the new store has not made: but it comes behind it. */
    status = store_load_counts(restoring->store, restoring->built.newest.changes, 0);
    if (status != STATUS_OK) {
        return restore_refuse_disk(restoring, status);
    }
    status = audit_open(&options, &restoring->found, place, &restoring->audit);
    if (status == STATUS_OK) {
        status = audit_prove(restoring->audit, &noted, place);
    }
    if (status == STATUS_CORRUPT) {
        return restore_refuse(restoring, status, "log_altered", "the audit log: %.200s", place);
    }
    return status == STATUS_OK ? status : restore_refuse_disk(restoring, status);
}

/* ---- a newer one ---- */

static bool
is_segment(const char *name)
{
    size_t size = strlen(name);

    return size > 4 && strcmp(name + size - 4, ".seg") == 0;
}

/* Only what a log's folder holds. */
static bool
empty_folder(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    bool emptied = folder != NULL;

    while (emptied && (entry = readdir(folder)) != NULL) {
        if (is_segment(entry->d_name) || strcmp(entry->d_name, "start") == 0) {
            emptied = unlinkat(dirfd(folder), entry->d_name, 0) == 0;
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return emptied;
}

static enum status
copy_newer(struct restoring *restoring)
{
    const struct restore_request *request = restoring->request;
    char place[AUDIT_PLACE_BYTES] = "";
    enum status status = audit_build_new(request->audit_folder,
                                         keyring_vault_id(restoring->keyring), &restoring->build);

    if (status == STATUS_OK) {
        status = audit_build_copy(restoring->build, request->newer_log, place);
    }
    if (status == STATUS_NOT_FOUND) {
        return restore_refuse(restoring, status, "log_missing",
                              "there is no log in %.200s: name the folder that holds its segments "
                              "(DIR/data/audit of the lost machine)",
                              request->newer_log);
    }
    if (status == STATUS_CORRUPT) {
        return restore_refuse(restoring, status, "log_altered",
                              "the log in %.200s is not whole: %.200s: take another copy of it, or "
                              "restore without it",
                              request->newer_log, place);
    }
    return status == STATUS_OK ? status : restore_refuse_disk(restoring, status);
}

/* The same entry where the backup ends. */
static enum status
check_extends(struct restoring *restoring)
{
    const struct backup_manifest *manifest = &restoring->manifest;
    uint8_t digest[AUDIT_DIGEST_BYTES];
    enum status status = audit_digest_at(restoring->audit, manifest->last_entry, digest);

    if (status == STATUS_OK && memcmp(digest, manifest->last_digest, sizeof digest) == 0) {
        return STATUS_OK;
    }
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return restore_refuse_disk(restoring, status);
    }
    return restore_refuse(restoring, STATUS_CORRUPT, "log_does_not_extend",
                          "the log in %.200s does not go on from this backup (entry %llu): it is "
                          "older, or another restore's: take the newest log, or another backup",
                          restoring->request->newer_log, (unsigned long long)manifest->last_entry);
}

enum status
restore_take_newer_log(struct restoring *restoring)
{
    enum status status;

    audit_close(&restoring->audit);
    if (!empty_folder(restoring->request->audit_folder)) {
        return restore_refuse_disk(restoring, STATUS_UNAVAILABLE);
    }
    status = copy_newer(restoring);
    if (status == STATUS_OK) {
        status = restore_check_log(restoring, restoring->request->checkpoints);
    }
    if (status == STATUS_OK) {
        status = restore_open_log(restoring);
    }
    if (status == STATUS_OK) {
        status = check_extends(restoring);
    }
    restoring->report->new_entries =
        status == STATUS_OK ? restoring->built.last - restoring->manifest.last_entry : 0;
    return status;
}

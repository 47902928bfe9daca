/* SPDX-License-Identifier: Apache-2.0 */
/* A backup's two files are read: rows and entries into what is built, the keyring as it is. */
#include "restore_internal.h"

#include <stdlib.h>

#include "keyring_disk.h"
#include "keyring_file.h"
#include "slot.h"

/* ---- files ---- */

static bool
read_file(void *state, uint8_t *to, size_t size, size_t *ret_size)
{
    *ret_size = fread(to, 1, size, state);
    return *ret_size == size || !ferror((FILE *)state);
}

static enum backup_fault
open_file(const char *path, struct backup_source *ret_source)
{
    FILE *file = fopen(path, "re");

    *ret_source = (struct backup_source){.read = read_file, .state = file};
    return file == NULL ? BACKUP_UNREADABLE : BACKUP_SOUND;
}

static void
close_file(struct backup_source *source)
{
    if (source->state != NULL) {
        (void)fclose(source->state);
    }
}

/* ---- contents ---- */

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
    }
    if (status == STATUS_OK) {
        restoring->manifest = *backup_contents_manifest(contents);
        status = restore_rows_end(rows);
        status = status == STATUS_OK ? status : restore_refuse_disk(restoring, status);
    }
    restore_rows_free(&rows);
    return status;
}

enum status
restore_read_contents(struct restoring *restoring)
{
    const struct restore_request *request = restoring->request;
    struct backup_contents *contents = NULL;
    struct backup_source source;
    enum backup_fault fault = open_file(request->contents, &source);
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
    close_file(&source);
    return status;
}

/* ---- keyring ---- */

/* The file, as it is, still sealed under the root key. */
enum status
restore_read_keyring(struct restoring *restoring)
{
    const struct restore_request *request = restoring->request;
    struct backup_source source;
    enum backup_fault fault = open_file(request->keyring, &source);
    uint8_t *file = NULL;
    size_t size = 0;
    enum status status;

    if (fault == BACKUP_SOUND) {
        fault = backup_keyring_read(source, request->recipient, &restoring->manifest, &file, &size);
    }
    close_file(&source);
    if (fault != BACKUP_SOUND) {
        return restore_refuse_file(restoring, fault, request->keyring);
    }
    status = keyring_disk_write(request->keyring_path, KEYRING_WRITE_NEW, bytes_of(file, size));
    free(file);
    return status == STATUS_OK ? status : restore_refuse_disk(restoring, status);
}

/* ---- before a root key is asked for ---- */

enum status
restore_slot(const char *keyring, const struct secret *recipient, struct unseal_slot *ret_slot,
             struct restore_report *ret_report)
{
    struct restore_request request = {.keyring = keyring};
    struct restoring restoring = {.request = &request, .report = ret_report};
    struct keyring_header header;
    struct backup_source source;
    uint8_t *file = NULL;
    size_t size = 0;
    enum backup_fault fault = open_file(keyring, &source);

    *ret_report = (struct restore_report){0};
    if (fault == BACKUP_SOUND) {
        fault = backup_keyring_read(source, recipient, NULL, &file, &size);
    }
    if (fault == BACKUP_SOUND && keyring_file_parse(bytes_of(file, size), &header) != STATUS_OK) {
        fault = BACKUP_FRAME_WRONG;
    }
    if (fault == BACKUP_SOUND) {
        keyring_header_slot(&header, ret_slot);
    }
    close_file(&source);
    free(file);
    return fault == BACKUP_SOUND ? STATUS_OK : restore_refuse_file(&restoring, fault, keyring);
}

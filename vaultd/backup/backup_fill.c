/* SPDX-License-Identifier: Apache-2.0 */
/* What the next piece of a backup holds: rows, then the log, then the manifest; or the keyring. */
#include <string.h>

#include "audit.h"
#include "backup_internal.h"
#include "keyring.h"
#include "store_snapshot.h"

/* Any status but OK ends a scan; this one says that it did so because a chunk is full. */
enum { IS_FULL = STATUS_BUSY };

static enum status
go_on_unless_full(const struct backup_run *run)
{
    return backup_writer_is_full(run->contents.writer) ? (enum status)IS_FULL : STATUS_OK;
}

/* ---- rows ---- */

/* What is larger no store wrote, and no reader of backups would take. */
static enum status
pack_row(void *state, struct bytes key, struct bytes value)
{
    struct backup_run *run = state;
    const struct backup_frame frame = {
        .type = BACKUP_FRAME_ROW, .table = (uint8_t)run->table, .key = key, .bytes = value};

    if (key.size > STORE_KEY_BYTES_MAX || value.size > STORE_VALUE_BYTES_MAX) {
        return STATUS_CORRUPT;
    }
    backup_packer_put(run->packer, &frame);
    memcpy(run->key, key.data, key.size);
    run->key_size = key.size;
    run->done++;
    return go_on_unless_full(run);
}

static enum status
pack_rows(struct backup_run *run)
{
    enum status status = STATUS_OK;

    while (status == STATUS_OK && run->table < STORE_TABLES) {
        status = store_snapshot_scan(run->snapshot, (enum store_table)run->table,
                                     bytes_of(run->key, run->key_size), pack_row, run);
        if (status == STATUS_OK) {
            run->table++;
            run->key_size = 0;
        }
    }
    if (status == STATUS_OK) {
        store_snapshot_close(&run->snapshot);
        run->stage = BACKUP_STAGE_START;
    }
    return status;
}

/* ---- the log ---- */

static enum status
pack_start(struct backup_run *run)
{
    uint8_t file[AUDIT_START_FILE_BYTES];

    if (run->has_start) {
        audit_start_encode(&run->start, file);
        backup_packer_put(run->packer,
                          &(struct backup_frame){.type = BACKUP_FRAME_START,
                                                 .bytes = bytes_of(file, sizeof file)});
    }
    run->stage = BACKUP_STAGE_ENTRIES;
    return go_on_unless_full(run);
}

static enum status
pack_entry(void *state, const struct audit_entry *entry, struct bytes bytes)
{
    struct backup_run *run = state;

    if (entry->sequence != run->next_entry) {
        return STATUS_CORRUPT;
    }
    backup_packer_put(run->packer,
                      &(struct backup_frame){.type = BACKUP_FRAME_ENTRY, .bytes = bytes});
    run->next_entry++;
    run->done++;
    return go_on_unless_full(run);
}

static enum status
pack_entries(const struct backup *backup, struct backup_run *run)
{
    uint64_t last = run->manifest.last_entry;
    enum status status = STATUS_OK;

    if (run->next_entry <= last) {
        status = audit_read_raw(backup->parts.audit, run->next_entry, last - run->next_entry + 1,
                                pack_entry, run);
    }
    if (status == STATUS_OK) {
        /* What is not there any more would be missing at the end. */
        status = run->next_entry == last + 1 ? STATUS_OK : STATUS_CORRUPT;
        run->stage = BACKUP_STAGE_MANIFEST;
    }
    return status;
}

/* ---- the manifest ---- */

static enum status
pack_manifest(const struct backup *backup, struct backup_run *run)
{
    uint8_t message[BACKUP_MANIFEST_MESSAGE_BYTES];
    enum status status;

    backup_packer_fill_manifest(run->packer, &run->manifest);
    backup_manifest_message(&run->manifest, message);
    status = keyring_audit_sign(backup->parts.keyring, bytes_of(message, sizeof message),
                                run->manifest.signature);
    if (status == STATUS_OK) {
        backup_packer_put_manifest(run->packer, &run->manifest);
        run->stage = BACKUP_STAGE_DONE;
    }
    return status;
}

static enum status
pack_contents(const struct backup *backup, struct backup_run *run)
{
    enum status status = go_on_unless_full(run);

    while (status == STATUS_OK && run->stage != BACKUP_STAGE_DONE) {
        switch (run->stage) {
        case BACKUP_STAGE_ROWS:
            status = pack_rows(run);
            break;
        case BACKUP_STAGE_START:
            status = pack_start(run);
            break;
        case BACKUP_STAGE_ENTRIES:
            status = pack_entries(backup, run);
            break;
        default:
            status = pack_manifest(backup, run);
            break;
        }
        if (status == STATUS_OK) {
            status = go_on_unless_full(run);
        }
    }
    return status == (enum status)IS_FULL ? STATUS_OK : status;
}

/* ---- the keyring ---- */

static void
pack_keyring(struct backup_run *run)
{
    while (!backup_writer_is_full(run->keyring.writer) && run->keyring_put < run->keyring_size) {
        size_t left = run->keyring_size - run->keyring_put;
        size_t size = left < BACKUP_PUT_BYTES_MAX ? left : BACKUP_PUT_BYTES_MAX;

        backup_writer_put(run->keyring.writer,
                          bytes_of(run->keyring_file + run->keyring_put, size));
        run->keyring_put += size;
    }
}

/* ---- a piece ---- */

enum status
backup_fill(struct backup *backup, struct backup_stream *stream, bool begun)
{
    struct backup_run *run = backup->run;
    enum status status = STATUS_OK;

    if (!begun) {
        struct bytes preamble = backup_writer_preamble(stream->writer);

        memcpy(stream->piece, preamble.data, preamble.size);
        stream->size = preamble.size;
        return STATUS_OK;
    }
    if (stream == &run->keyring) {
        pack_keyring(run);
    } else {
        status = pack_contents(backup, run);
    }
    if (status == STATUS_OK) {
        stream->size = backup_writer_take(stream->writer, stream->piece, &stream->last);
    }
    return status;
}

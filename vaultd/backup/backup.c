/* SPDX-License-Identifier: Apache-2.0 */
/* The one backup there may be: begun, taken piece by piece, ended. */
#include "backup.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "backup_internal.h"
#include "clock.h"
#include "keyring.h"
#include "secret.h"
#include "store.h"
#include "store_snapshot.h"

enum {
    SECOND_MS = 1000,
    BURST_MS = 2000, /* so far may whoever takes it be ahead of the rate */
};
_Static_assert((int)BACKUP_TABLES == (int)STORE_TABLES, "the manifest has a number for each");

enum status
backup_new(const struct backup_parts *parts, struct backup **ret_backup)
{
    struct backup *backup = calloc(1, sizeof *backup);

    if (backup == NULL) {
        return STATUS_INTERNAL;
    }
    backup->parts = *parts;
    (void)pthread_mutex_init(&backup->lock, NULL);
    *ret_backup = backup;
    return STATUS_OK;
}

static void
free_run(struct backup_run **run)
{
    if (*run == NULL) {
        return;
    }
    store_snapshot_close(&(*run)->snapshot);
    backup_packer_free(&(*run)->packer);
    backup_writer_free(&(*run)->contents.writer);
    backup_writer_free(&(*run)->keyring.writer);
    free((*run)->keyring_file);
    free(*run);
    *run = NULL;
}

void
backup_free(struct backup **backup)
{
    if (*backup == NULL) {
        return;
    }
    free_run(&(*backup)->run);
    (void)pthread_mutex_destroy(&(*backup)->lock);
    free(*backup);
    *backup = NULL;
}

/* ---- beginning ---- */

static void
fill_head(const struct backup_parts *parts, uint64_t time_ms, struct backup_head *head)
{
    head->part = BACKUP_CONTENTS;
    randombytes_buf(head->backup_id, sizeof head->backup_id);
    memcpy(head->vault_id, keyring_vault_id(parts->keyring), sizeof head->vault_id);
    memcpy(head->instance_id, parts->instance_id, sizeof head->instance_id);
    head->time_ms = time_ms;
}

static enum status
make_writers(struct backup_run *run)
{
    struct backup_head keyring = run->head;
    enum status status = backup_writer_new(&run->head, &run->contents.writer);

    keyring.part = BACKUP_KEYRING;
    if (status == STATUS_OK) {
        status = backup_writer_new(&keyring, &run->keyring.writer);
    }
    if (status == STATUS_OK) {
        status = backup_packer_new(run->contents.writer, &run->packer);
    }
    return status;
}

static enum status
copy_moment(const struct backup_parts *parts, struct backup_run *run)
{
    enum status status = keyring_copy(parts->keyring, &run->keyring_file, &run->keyring_size);

    if (status == STATUS_OK) {
        status = store_snapshot_open(parts->store, &run->snapshot);
    }
    if (status != STATUS_OK) {
        return status;
    }
    run->manifest.keyring_generation = keyring_generation(parts->keyring);
    run->manifest.changes = store_snapshot_changes(run->snapshot);
    run->manifest.next_row = store_snapshot_next_row(run->snapshot);
    run->manifest.first_entry = audit_first(parts->audit);
    run->manifest.last_entry = audit_last(parts->audit);
    run->has_start = audit_start_of(parts->audit, &run->start);
    run->total = run->manifest.last_entry - run->manifest.first_entry + 1;
    for (int table = 0; table < STORE_TABLES; table++) {
        run->total += store_snapshot_rows(run->snapshot, (enum store_table)table);
    }
    return STATUS_OK;
}

static void
fill_manifest(struct backup_run *run)
{
    struct backup_manifest *manifest = &run->manifest;

    memcpy(manifest->backup_id, run->head.backup_id, sizeof manifest->backup_id);
    memcpy(manifest->vault_id, run->head.vault_id, sizeof manifest->vault_id);
    memcpy(manifest->instance_id, run->head.instance_id, sizeof manifest->instance_id);
    manifest->time_ms = run->head.time_ms;
    (void)crypto_generichash(manifest->keyring_digest, sizeof manifest->keyring_digest,
                             run->keyring_file, run->keyring_size, NULL, 0);
    run->next_entry = manifest->first_entry;
}

static enum status
make_run(const struct backup_parts *parts, struct backup_head *to, struct backup_run **ret_run)
{
    struct backup_run *run = calloc(1, sizeof *run);
    enum status status = STATUS_UNAVAILABLE;

    if (run == NULL) {
        return status;
    }
    fill_head(parts, audit_last_time_ms(parts->audit), to);
    run->head = *to;
    run->begun_ms = run->taken_ms = clock_monotonic_ms();
    status = make_writers(run);
    if (status == STATUS_OK) {
        status = copy_moment(parts, run);
    }
    if (status == STATUS_OK) {
        fill_manifest(run);
        *ret_run = run;
        run = NULL;
    }
    free_run(&run);
    return status;
}

enum status
backup_begin(struct backup *backup, struct backup_head *to, struct backup_begun *ret_begun)
{
    enum status status = STATUS_CONFLICT;

    (void)pthread_mutex_lock(&backup->lock);
    if (backup->run == NULL) {
        status = make_run(&backup->parts, to, &backup->run);
    }
    if (status == STATUS_OK) {
        atomic_store(&backup->open, true);
        *ret_begun = (struct backup_begun){.entry = backup->run->manifest.last_entry,
                                           .time_ms = to->time_ms,
                                           .total = backup->run->total};
        memcpy(ret_begun->id, to->backup_id, sizeof ret_begun->id);
    }
    (void)pthread_mutex_unlock(&backup->lock);
    return status;
}

uint64_t
backup_rate(const struct backup *backup)
{
    return backup->parts.rate;
}

bool
backup_is_open(const struct backup *backup)
{
    return atomic_load(&backup->open);
}

/* ---- taking ---- */

static bool
is_run(const struct backup_run *run, const uint8_t *id)
{
    return run != NULL && memcmp(run->head.backup_id, id, sizeof run->head.backup_id) == 0;
}

static bool
is_too_fast(const struct backup *backup)
{
    uint64_t passed_ms = clock_monotonic_ms() - backup->run->begun_ms + BURST_MS;
    uint64_t rate = backup->parts.rate;

    /* In parts, for years at any rate. */
    return rate > 0 && backup->run->taken_bytes >
                           passed_ms / SECOND_MS * rate + passed_ms % SECOND_MS * rate / SECOND_MS;
}

/* The piece that begins at `from`, made if it is the next one. */
static enum status
move_on(struct backup *backup, struct backup_stream *stream, uint64_t from)
{
    enum status status;

    if (stream->size > 0 && from == stream->from) {
        return STATUS_OK;
    }
    if (stream->last || from != stream->from + stream->size) {
        return STATUS_INVALID;
    }
    if (is_too_fast(backup)) {
        return STATUS_BUSY;
    }
    status = backup_fill(backup, stream, from > 0);
    if (status == STATUS_OK) {
        stream->from = from;
        backup->run->taken_bytes += stream->size;
    }
    return status;
}

enum status
backup_take(struct backup *backup, const uint8_t id[static BACKUP_ID_BYTES], enum backup_part part,
            uint64_t from, uint8_t *to, struct backup_piece *ret_piece)
{
    enum status status = STATUS_NOT_FOUND;
    struct backup_stream *stream;

    (void)pthread_mutex_lock(&backup->lock);
    if (is_run(backup->run, id)) {
        stream = part == BACKUP_CONTENTS ? &backup->run->contents : &backup->run->keyring;
        backup->run->taken_ms = clock_monotonic_ms();
        status = move_on(backup, stream, from);
        if (status == STATUS_OK) {
            memcpy(to, stream->piece, stream->size);
            *ret_piece = (struct backup_piece){
                .size = stream->size, .last = stream->last, .done = backup->run->done};
        }
    }
    (void)pthread_mutex_unlock(&backup->lock);
    return status;
}

/* ---- ending ---- */

bool
backup_look(struct backup *backup, struct backup_state *ret_state)
{
    const struct backup_run *run;

    (void)pthread_mutex_lock(&backup->lock);
    run = backup->run;
    if (run != NULL) {
        *ret_state = (struct backup_state){
            .entry = run->manifest.last_entry,
            .idle_ms = clock_monotonic_ms() - run->taken_ms,
            .complete = run->contents.last && run->keyring.last,
        };
        memcpy(ret_state->id, run->head.backup_id, sizeof ret_state->id);
    }
    (void)pthread_mutex_unlock(&backup->lock);
    return run != NULL;
}

bool
backup_end(struct backup *backup, const uint8_t *id)
{
    bool ended = false;

    (void)pthread_mutex_lock(&backup->lock);
    if (backup->run != NULL && (id == NULL || is_run(backup->run, id))) {
        free_run(&backup->run);
        atomic_store(&backup->open, false);
        ended = true;
    }
    (void)pthread_mutex_unlock(&backup->lock);
    return ended;
}

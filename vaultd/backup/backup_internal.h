/* SPDX-License-Identifier: Apache-2.0 */
/* backup_internal.h: a backup under way, shared by backup.c and backup_fill.c. */
#ifndef CONTACT_VAULT_BACKUP_INTERNAL_H
#define CONTACT_VAULT_BACKUP_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit_start.h"
#include "backup.h"
#include "backup_contents.h"
#include "backup_file.h"
#include "store.h"

struct store_snapshot;

/* One of the two files, as far as it was made; the piece made last is kept, to be given again. */
struct backup_stream {
    struct backup_writer *writer;
    uint64_t from; /* where the piece begins */
    size_t size;   /* 0: none was made yet */
    bool last;
    uint8_t piece[BACKUP_PIECE_BYTES_MAX];
};

enum backup_stage {
    BACKUP_STAGE_ROWS = 0,
    BACKUP_STAGE_START,
    BACKUP_STAGE_ENTRIES,
    BACKUP_STAGE_MANIFEST,
    BACKUP_STAGE_DONE,
};

/* All under the backup's lock. */
struct backup_run {
    struct backup_head head;
    struct backup_manifest manifest; /* of that moment; the packer fills in the rest */
    uint64_t total;                  /* rows and entries */
    uint64_t done;
    uint64_t begun_ms; /* monotonic, as the next */
    uint64_t taken_ms;
    uint64_t taken_bytes;

    struct backup_stream contents;
    struct backup_packer *packer; /* writes into contents.writer */
    enum backup_stage stage;
    struct store_snapshot *snapshot; /* until the last row is packed */
    int table;                       /* that is being packed, behind this key: */
    uint8_t key[STORE_KEY_BYTES_MAX];
    size_t key_size; /* 0: from its beginning */
    bool has_start;
    struct audit_start start;
    uint64_t next_entry;

    struct backup_stream keyring;
    uint8_t *keyring_file;
    size_t keyring_size;
    size_t keyring_put; /* so much of it is in the writer */
};

/* `run` is NULL while none is under way; `open` says the same to who has not the lock. */
struct backup {
    struct backup_parts parts;
    pthread_mutex_t lock;
    struct backup_run *run;
    atomic_bool open;
};

/* The stream's next piece: what the file begins with, or (`begun`) a chunk. */
MUST_USE enum status backup_fill(struct backup *backup, struct backup_stream *stream, bool begun);

#endif

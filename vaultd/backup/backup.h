/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup.h: making a backup of a vault that goes on serving: its store as of one moment, its log up
 * to there, and its keyring, as two files that are taken piece by piece.
 *
 * Threads: backup_begin only where nobody changes the vault (dispatch's gate,
 * held alone); all else by any number at once, with the keyring unsealed.
 */
#ifndef CONTACT_VAULT_BACKUP_H
#define CONTACT_VAULT_BACKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backup_file.h"
#include "bytes.h"
#include "status.h"

struct audit;
struct backup;
struct keyring;
struct store;

/* What there is to be copied; all of it outlives the backup. */
struct backup_parts {
    struct store *store;
    const struct keyring *keyring;
    struct audit *audit;
    const uint8_t *instance_id; /* INSTANCE_ID_BYTES */
    uint64_t rate;              /* bytes that may be taken in a second; 0: without limit */
};

MUST_USE enum status backup_new(const struct backup_parts *parts, struct backup **ret_backup);
/* NULL is fine. */
void backup_free(struct backup **backup);

/* What whoever takes it is told. */
struct backup_begun {
    uint8_t id[BACKUP_ID_BYTES];
    uint64_t entry;   /* of the log, that says so: the last one in it */
    uint64_t time_ms; /* as the log counts */
    uint64_t total;   /* rows and entries */
};

/*
 * One at a time: CONFLICT. `to` names the recipients; all else in it is filled in here. The log's
 * last entry, durable by now, will be the backup's last. UNAVAILABLE: no memory, or the keyring
 * cannot be read; CORRUPT: it is not the one that was opened.
 */
MUST_USE enum status backup_begin(struct backup *backup, struct backup_head *to,
                                  struct backup_begun *ret_begun);
/* Bytes that may be taken in a second; 0: without limit. */
uint64_t backup_rate(const struct backup *backup);
bool backup_is_open(const struct backup *backup);

struct backup_piece {
    size_t size;
    bool last;     /* of that part */
    uint64_t done; /* rows and entries, of `total` */
};

/*
 * The next piece of a part, into `to` (BACKUP_PIECE_BYTES_MAX): `from` is where it begins. The one
 * given last may be asked for again. NOT_FOUND: this backup is over. INVALID: nothing begins there
 * that can be had. BUSY: it is taken faster than may be. Else: it cannot go on, and must be ended.
 */
MUST_USE enum status backup_take(struct backup *backup, const uint8_t id[static BACKUP_ID_BYTES],
                                 enum backup_part part, uint64_t from, uint8_t *to,
                                 struct backup_piece *ret_piece);

/* How it stands. */
struct backup_state {
    uint8_t id[BACKUP_ID_BYTES];
    uint64_t entry;
    uint64_t idle_ms; /* since somebody took something */
    bool complete;    /* the last piece of each part was given out */
};
/* False: none is open. */
bool backup_look(struct backup *backup, struct backup_state *ret_state);
/* The snapshot is given back, and what was copied is forgotten. False: there was none by that id;
 * NULL: whichever there is. */
bool backup_end(struct backup *backup, const uint8_t *id);

#endif

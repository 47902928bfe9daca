/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h: an ordered key-value store in a few named tables, with a transaction as a step function.
 * Sees only sealed bytes. Steps that wait at the same time share one durable commit.
 *
 * A step may be run more than once (a conflict, or an engine that retries), and on another thread
 * than the caller's, who waits meanwhile. So it touches nothing but its transaction and its own
 * state, and resets that state first.
 */
#ifndef CONTACT_VAULT_STORE_H
#define CONTACT_VAULT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "status.h"

struct store;
struct store_txn;

/* Keys of all tables are at most STORE_KEY_BYTES_MAX bytes, ordered as memcmp orders them. */
enum store_table {
    STORE_META = 0,   /* small rows about the whole: versions, counters, epochs */
    STORE_RECORD = 1, /* row number -> sealed record */
    STORE_TOKEN = 2,  /* token -> row number */
    STORE_INDEX = 3,  /* blind index -> row number */
    STORE_ACCESS = 4, /* sealed principals and namespaces */
    STORE_TABLES = 5,
};

enum {
    STORE_KEY_BYTES_MAX = 64,
    STORE_VALUE_BYTES_MAX = 8192,
    STORE_STEP_ROWS_MAX = 65536, /* written by one step */
    STORE_RESERVED_ROWS = 200,   /* so many the reserve carries in one step, for certain */
};

struct store_options {
    const char *folder;
    uint64_t map_bytes; /* 0: 1 TiB, sparse */
};

/* CORRUPT: not a store, or of another version. UNAVAILABLE: cannot be opened; logged with the
 * cause. */
MUST_USE enum status store_open(const struct store_options *options, struct store **ret_store);
void store_close(struct store **store);

/* OK makes the step's writes part of the transaction; anything else drops them and is passed on. */
typedef enum status store_step(struct store_txn *txn, void *state);

/*
 * store_update: runs the step and returns when what it wrote is on disk. A step that fails costs
 * its neighbours in the group nothing. UNAVAILABLE: disk or map full (nothing was written; later
 * calls may succeed), or store_failed.
 */
MUST_USE enum status store_update(struct store *store, store_step *step, void *state);

/* store_view: runs the step on a consistent snapshot, on the caller's thread; it may not write. */
MUST_USE enum status store_view(struct store *store, store_step *step, void *state);

/*
 * store_update_reserved: for what must go on when disk or map is full (erase, freeze, disable): it
 * may use what everything else leaves in reserve, if need be in a transaction of its own. Steps of
 * at most STORE_RESERVED_ROWS rows, of at most 2,000 bytes each, can follow each other for ever if
 * they delete or replace; a larger one may be UNAVAILABLE (maps under 64 MiB: so may these).
 * store_keep_reserve has the reserve made again when there is space, and says whether it is whole:
 * to be called some ten times a second; on a full disk it looks every two seconds.
 */
MUST_USE enum status store_update_reserved(struct store *store, store_step *step, void *state);
bool store_keep_reserve(struct store *store);

/*
 * store_load: for a restore, into a new store that nobody else uses yet: rows of one table but
 * STORE_META, in ascending order, each behind the last one there is, in one durable transaction.
 * CONFLICT: not in that order; nothing was written. INVALID, TOO_LARGE: no such keys or values.
 */
MUST_USE enum status store_load(struct store *store, enum store_table table,
                                const struct bytes *keys, const struct bytes *values, size_t count);
/*
 * store_load_counts: it has made no fewer commits, and gives no lower row number next, than that:
 * what takes another store's place is not older than that one was. Durable.
 */
MUST_USE enum status store_load_counts(struct store *store, uint64_t changes, uint64_t next_row);
/* The rows of STORE_META that are the store's own: a copy leaves them out. */
bool store_is_own_row(enum store_table table, struct bytes key);

/* A flush failed: what is on disk is unknown; the daemon must stop, the restart decides. */
bool store_failed(const struct store *store);

/* Durable commits ever made in this store, and flushes since open (for tests of group commit). */
uint64_t store_changes(const struct store *store);
uint64_t store_flushes(const struct store *store);

/* ---- compaction: all rows into a new file, which takes the old one's place (store_compact.c) ----
 */

enum store_compact_state {
    STORE_COMPACT_IDLE = 0,
    STORE_COMPACT_COPYING = 1,
    STORE_COMPACT_WAITING = 2, /* done; the old file goes when the last who reads it has ended */
};

struct store_compact_about {
    enum store_compact_state state;
    uint64_t made;    /* compactions of this store that came about, ever: on disk with them */
    uint64_t done;    /* rows, of */
    uint64_t total;   /* so many; 0: none since the store was opened */
    uint64_t bytes;   /* of the file */
    uint32_t held_us; /* so long did writers wait for the last one */
};

/*
 * store_compact_begin: from now on store_compact_step has work; nobody else waits. CONFLICT: one is
 * under way. UNAVAILABLE: the disk has no room for the copy; *ret_lacks: so many bytes of it.
 */
MUST_USE enum status store_compact_begin(struct store *store, uint64_t *ret_lacks);
/*
 * store_compact_step: some 20 ms of it, or a flush, or the change of files, during which writers
 * wait. *ret_ended: it is over, and the status says how, or none is under way. UNAVAILABLE: no disk
 * is left; BUSY: more was written meanwhile than it keeps up with: nothing has changed, the copy is
 * gone. So too CORRUPT: a row is of no size that a store writes. UNAVAILABLE too, and perhaps not
 * ended, after store_failed.
 */
MUST_USE enum status store_compact_step(struct store *store, bool *ret_ended);
/* Any thread. */
void store_compact_look(struct store *store, struct store_compact_about *ret_about);

/* ---- within a step; views live until it returns ---- */

/* NOT_FOUND where there is no such row. */
MUST_USE enum status store_get(struct store_txn *txn, enum store_table table, struct bytes key,
                               struct bytes *ret_value);
/* For `count` keys at once; ret_values[i].data is NULL where there is no such row. */
MUST_USE enum status store_get_many(struct store_txn *txn, enum store_table table,
                                    const struct bytes *keys, size_t count,
                                    struct bytes *ret_values);

enum store_put_mode {
    STORE_REPLACE, /* whether or not there is such a row */
    STORE_INSERT,  /* CONFLICT if any of the keys is there already; then nothing is written */
};

/* Keys and values are copied. */
MUST_USE enum status store_put(struct store_txn *txn, enum store_table table,
                               enum store_put_mode mode, struct bytes key, struct bytes value);
MUST_USE enum status store_put_many(struct store_txn *txn, enum store_table table,
                                    enum store_put_mode mode, const struct bytes *keys,
                                    const struct bytes *values, size_t count);
/* Rows that are not there are passed over. */
MUST_USE enum status store_delete_many(struct store_txn *txn, enum store_table table,
                                       const struct bytes *keys, size_t count);

/* Visits rows with from <= key < to in order (an absent `to` means to the end). A status other than
 * OK ends the scan and is returned by it. The visitor may not write. */
typedef enum status store_visit(void *state, struct bytes key, struct bytes value);
MUST_USE enum status store_scan(struct store_txn *txn, enum store_table table, struct bytes from,
                                struct bytes to, store_visit *visit, void *state);

/* `count` row numbers in a row, never given before; *ret_first is the lowest. A step that fails
 * leaves a gap. */
MUST_USE enum status store_allocate(struct store_txn *txn, uint64_t count, uint64_t *ret_first);

#endif

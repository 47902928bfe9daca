/* SPDX-License-Identifier: Apache-2.0 */
/* store_internal.h: the open store and a step's transaction, shared by store.c, store_open.c,
 * store_txn.c and store_compact.c. */
#ifndef CONTACT_VAULT_STORE_INTERNAL_H
#define CONTACT_VAULT_STORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "status.h"
#include "store.h"
#include "store_backend.h"
#include "store_writes.h"

/* Rows of STORE_META that are the store's own. */
#define STORE_FORMAT_KEY "format"
#define STORE_CHANGES_KEY "changes"
#define STORE_COMPACTED_KEY "compacted"

enum {
    STORE_CHANGES_BYTES = 16,  /* changes, next row number */
    STORE_COMPACTED_BYTES = 8, /* how often */
};

struct store_request;

/*
 * The compaction under way. Invariants:
 * 1. `lock` is held by whoever begins it, takes a step of it or abandons it, and guards what is
 *    neither atomic nor the leader's. It comes before the lead.
 * 2. `changed` and `lost` are the leader's: the rows written since the last time they were taken.
 *    There is a set as long as a copy is filled.
 * 3. Whatever was committed before a set was taken is seen by a view that begins afterwards.
 */
struct store_compaction {
    pthread_mutex_t lock;
    struct store_copy *copy;      /* NULL: none is under way */
    struct store_writes *changed; /* keys only */
    bool lost;                    /* there were too many */
    struct store_writes *taken;   /* of these the copy gets the present values, */
    const struct store_row *rows; /* one after the other; NULL: none taken */
    size_t next;
    bool scanned;
    bool replaced;
    uint32_t rounds;
    _Atomic uint64_t noted; /* in `changed` */
    _Atomic int state;      /* enum store_compact_state */
    _Atomic uint64_t made;
    _Atomic uint64_t done, total;
    _Atomic uint32_t held_us; /* the writers waited at the last change of files */
};

/*
 * Invariants:
 * 1. Under `lock`: requests wait in the queue in order of arrival; `led` says that one of their
 *    callers is the leader, who alone runs steps, applies and commits.
 * 2. Only the leader touches `writes` and `next_row`; the lock hands them from one to the next.
 * 3. `failed` is set once and for good, after a commit whose outcome is unknown: LMDB itself would
 *    go on after a failed fdatasync as if it had not happened.
 */
struct store {
    const struct store_backend *backend;
    struct store_engine *engine;
    pthread_mutex_t lock;
    struct store_request *queue;
    struct store_request **queue_end;
    bool led;
    struct store_writes *writes;
    uint64_t next_row; /* never given before; on disk with the changes */
    _Atomic bool failed;
    _Atomic uint64_t changes;
    _Atomic uint64_t flushes;
    struct store_compaction compaction;
};

/* Ends the engine's transaction, with the counts in it. UNAVAILABLE: known abort, or nobody knows
 * and the store has failed. */
MUST_USE enum status store_commit(struct store *store, struct store_engine_txn *engine,
                                  bool reserved);

struct store_txn {
    struct store *store;
    struct store_engine_txn *engine;
    struct store_writes *writes; /* NULL in a view */
    enum status error;           /* the engine's first: a step cannot overlook it and succeed */
};

/* ---- store.c: the lead, for what is no step ---- */

/* Waits for its turn; from then on no step runs and nothing is committed, until it is given on. */
void store_take_lead(struct store *store);
void store_give_lead(struct store *store);
/* For good: nobody knows what is on disk. */
void store_fails(struct store *store, enum status status);

/* ---- store_compact.c ---- */

/* These rows are about to be committed. By the leader. */
void store_compact_note(struct store *store, const struct store_row *rows, size_t count);
/* The copy is removed, unless it has taken the old one's place; no view is open. */
void store_compact_abandon(struct store *store);

#endif

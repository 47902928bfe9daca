/* SPDX-License-Identifier: Apache-2.0 */
/* store_internal.h: the open store and a step's transaction, shared by store.c, store_open.c and
 * store_txn.c. */
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

enum { STORE_CHANGES_BYTES = 16 }; /* changes, next row number */

struct store_request;

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

#endif

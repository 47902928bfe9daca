/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_snapshot.h: the store as it is at one moment, read bit by bit while it goes on changing.
 * Pages that a snapshot can see are not written again, so the file grows while it is open.
 *
 * Threads: any, one at a time.
 */
#ifndef CONTACT_VAULT_STORE_SNAPSHOT_H
#define CONTACT_VAULT_STORE_SNAPSHOT_H

#include <stdint.h>

#include "bytes.h"
#include "status.h"
#include "store.h"

struct store_snapshot;

/* BUSY: too many readers at once. */
MUST_USE enum status store_snapshot_open(struct store *store, struct store_snapshot **ret_snapshot);
/* Before the store is; NULL is fine. */
void store_snapshot_close(struct store_snapshot **snapshot);

/* Of that moment: durable commits, the row number to be given next, rows of each table. The store's
 * own rows of STORE_META are neither counted nor visited. */
uint64_t store_snapshot_changes(const struct store_snapshot *snapshot);
uint64_t store_snapshot_next_row(const struct store_snapshot *snapshot);
uint64_t store_snapshot_rows(const struct store_snapshot *snapshot, enum store_table table);

/* Visits the rows behind the key `after` in order (absent: all), until the visitor gives another
 * status than OK, which is passed on. Views live during the visit. */
MUST_USE enum status store_snapshot_scan(struct store_snapshot *snapshot, enum store_table table,
                                         struct bytes after, store_visit *visit, void *state);

#endif

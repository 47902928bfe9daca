/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h: several batches asked about at the same time, each by a thread of its own; they come back
 * in the order they were given. One thread gives and takes.
 */
#ifndef CONTACT_VAULT_POOL_H
#define CONTACT_VAULT_POOL_H

#include "rows.h"

/* Calls that wait together share one commit, whose cost hardly grows with them: of a million rows
 * 16 wrote 22 GB in 55 s where 4 wrote 56 GB in 81 s. */
enum { POOL_THREADS = 16, POOL_BATCHES = POOL_THREADS + 2 };

struct pool;

/* Asks by cv_tokenize; namespace_name NULL: the only one. NULL: no memory, or no threads. */
struct pool *pool_start(struct cv_client *client, const char *namespace_name, enum cv_form form);
/* An empty batch, or NULL while all are under way. */
struct rows *pool_next(struct pool *pool);
/* The one pool_next gave. */
void pool_give(struct pool *pool);
/* Waits for the oldest that was given; NULL: there is none. Its `reply` is set where the vault
 * refused the whole of it. */
const struct rows *pool_take(struct pool *pool);
/* Done with the one taken. */
void pool_release(struct pool *pool);
/* Waits for what is under way; wipes. NULL is fine. */
void pool_stop(struct pool **pool);

#endif

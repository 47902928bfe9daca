/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_writes.h: the write set of one step: rows in order, newest value of each key. All of it
 * lies in one arena that is kept for the next step. One thread at a time.
 */
#ifndef CONTACT_VAULT_STORE_WRITES_H
#define CONTACT_VAULT_STORE_WRITES_H

#include <stddef.h>

#include "bytes.h"
#include "status.h"
#include "store.h"
#include "store_backend.h"

struct store_writes;
struct store_write;

/* NULL when memory is short. */
struct store_writes *store_writes_new(void);
void store_writes_free(struct store_writes **writes);

/* Forgets everything and keeps the memory, up to a limit. */
void store_writes_reset(struct store_writes *writes);

/* Copies key and value; an absent value is a deletion. INTERNAL: memory is short. */
MUST_USE enum status store_writes_put(struct store_writes *writes, enum store_table table,
                                      struct bytes key, struct bytes value);

/* The first written row with a key at or after `key`, and the one after it; NULL: none. */
const struct store_write *store_writes_from(const struct store_writes *writes,
                                            enum store_table table, struct bytes key);
const struct store_write *store_writes_next(const struct store_write *write);
/* The row with just this key, or NULL. */
const struct store_row *store_writes_find(const struct store_writes *writes, enum store_table table,
                                          struct bytes key);
const struct store_row *store_write_row(const struct store_write *write);

size_t store_writes_count(const struct store_writes *writes);
/* Of all keys and values. */
size_t store_writes_bytes(const struct store_writes *writes);

/* All rows in the order of table and key, until the reset; NULL when memory is short. */
const struct store_row *store_writes_rows(struct store_writes *writes);

/* Memory until the reset; NULL when it is short. */
void *store_writes_alloc(struct store_writes *writes, size_t size);

/* As memcmp orders them, the shorter first. */
int store_writes_compare(struct bytes a, struct bytes b);

#endif

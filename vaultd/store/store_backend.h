/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_backend.h: what an engine must do for the store: transactions over ordered rows. Write
 * sets, the queue, groups and row numbers are the store's own (store.c). Statuses are the store's;
 * "known abort" is STATUS_UNAVAILABLE: nothing was written, and the next transaction may succeed.
 */
#ifndef CONTACT_VAULT_STORE_BACKEND_H
#define CONTACT_VAULT_STORE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "status.h"
#include "store.h"

/* Each is the engine's own. */
struct store_engine;
struct store_engine_txn;
struct store_cursor;
struct store_copy;

/* A row to write; an absent value deletes it. */
struct store_row {
    enum store_table table;
    struct bytes key;
    struct bytes value;
};

/* One write transaction at a time; any number of others, on any threads. */
struct store_backend {
    enum status (*open)(const struct store_options *options, struct store_engine **ret_engine);
    void (*close)(struct store_engine *engine); /* NULL is fine */

    /* A snapshot, or with `write` the one transaction that may apply and commit. */
    enum status (*begin)(struct store_engine *engine, bool write,
                         struct store_engine_txn **ret_txn);
    /* Ends it and drops what was applied. */
    void (*end)(struct store_engine_txn *txn);
    /* Ends it, durable on OK. UNAVAILABLE: known abort. Anything else: nobody knows what is on
     * disk. `reserved`: it may use what other commits leave of disk and map. */
    enum status (*commit)(struct store_engine_txn *txn, bool reserved);
    /* Makes that reserve whole if there is space. Any thread, beside a write transaction too. */
    bool (*keep_reserve)(struct store_engine *engine);

    /* Values live until the transaction ends or applies; NULL data where there is no such row. */
    enum status (*get_many)(struct store_engine_txn *txn, enum store_table table,
                            const struct bytes *keys, size_t count, struct bytes *ret_values);
    /* Rows in the order of table and key; after a failure the transaction can only be ended. */
    enum status (*apply)(struct store_engine_txn *txn, const struct store_row *rows, size_t count);
    /* Rows of one table, in order, each behind the last one there is; CONFLICT: one of them is not.
     * After a failure the transaction can only be ended. */
    enum status (*append)(struct store_engine_txn *txn, const struct store_row *rows, size_t count);
    /* NOT_FOUND: the table is empty. */
    enum status (*last_key)(struct store_engine_txn *txn, enum store_table table,
                            struct bytes *ret_key);

    enum status (*count)(struct store_engine_txn *txn, enum store_table table, uint64_t *ret_rows);

    /* Rows from the first key at or after `from`; closed before the transaction ends. */
    enum status (*cursor_open)(struct store_engine_txn *txn, enum store_table table,
                               struct bytes from, struct store_cursor **ret_cursor);
    /* NOT_FOUND behind the last row. */
    enum status (*cursor_next)(struct store_cursor *cursor, struct bytes *ret_key,
                               struct bytes *ret_value);
    void (*cursor_close)(struct store_cursor *cursor);

    /*
     * A copy of all rows, packed, that takes the place of the file they are in (store_compact.c
     * says when each is called). One thread at a time, beside views and a write transaction, but
     * where it says otherwise. UNAVAILABLE: no space, and nothing has changed.
     */
    /* An empty one. *ret_lacks: so many bytes of the disk are missing, if it is that. */
    enum status (*copy_begin)(struct store_engine *engine, struct store_copy **ret_copy,
                              uint64_t *ret_lacks);
    /* The next rows in the order of table and key, as they are at this moment, for some ms.
     * CORRUPT: one is larger than a store's can be. */
    enum status (*copy_step)(struct store_copy *copy, bool *ret_done);
    /* Rows without a value as they are at this moment, or are not; the others as given. What
     * copy_step has not come to is passed over. */
    enum status (*copy_rows)(struct store_copy *copy, const struct store_row *rows, size_t count);
    /* On disk as far as it is, so that little is left for `copy_replace`; or, not durable, its
     * pages written and no more. */
    enum status (*copy_flush)(struct store_copy *copy, bool durable);
    /* Nobody writes meanwhile, nor has written what was not copied. On OK every transaction that
     * begins from now on is on the copy. INTERNAL: nobody knows which of the two a restart finds.
     */
    enum status (*copy_replace)(struct store_copy *copy);
    /* After it: true once no view was left on the old file, and its space is given back. */
    bool (*copy_settle)(struct store_copy *copy);
    /* Removes a copy that has replaced nothing. No view is left on a file that was replaced. */
    void (*copy_end)(struct store_copy *copy);
    /* Rows copied, of so many. */
    void (*copy_progress)(const struct store_copy *copy, uint64_t *ret_done, uint64_t *ret_total);
    /* Bytes of the file. Any thread. */
    uint64_t (*size)(struct store_engine *engine);
};

extern const struct store_backend store_lmdb_backend;

/* store_open, on the engine given; the table outlives the store. */
MUST_USE enum status store_open_with(const struct store_backend *backend,
                                     const struct store_options *options, struct store **ret_store);

#endif

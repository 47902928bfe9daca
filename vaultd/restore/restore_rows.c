/* SPDX-License-Identifier: Apache-2.0 */
/* Rows on their way into the store: gathered by table, loaded in pieces of bounded size. */
#include "restore_internal.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_ROWS = 50000, PIECE_BYTES = 8 * 1024 * 1024 };

struct restore_rows {
    struct store *store;
    enum store_table table;
    size_t count;
    size_t used;
    struct bytes keys[PIECE_ROWS];
    struct bytes values[PIECE_ROWS];
    uint8_t data[PIECE_BYTES];
};

enum status
restore_rows_new(struct store *store, struct restore_rows **ret_rows)
{
    *ret_rows = calloc(1, sizeof **ret_rows);
    if (*ret_rows == NULL) {
        return STATUS_INTERNAL;
    }
    (*ret_rows)->store = store;
    return STATUS_OK;
}

void
restore_rows_free(struct restore_rows **rows)
{
    free(*rows);
    *rows = NULL;
}

static enum status
insert_step(struct store_txn *txn, void *state)
{
    const struct restore_rows *rows = state;

    return store_put_many(txn, rows->table, STORE_INSERT, rows->keys, rows->values, rows->count);
}

/* The store has rows of its own among those of STORE_META, so they come in no order. */
enum status
restore_rows_end(struct restore_rows *rows)
{
    enum status status = STATUS_OK;

    if (rows->count > 0) {
        status = rows->table == STORE_META
                     ? store_update(rows->store, insert_step, rows)
                     : store_load(rows->store, rows->table, rows->keys, rows->values, rows->count);
    }
    rows->count = rows->used = 0;
    return status;
}

static struct bytes
keep(struct restore_rows *rows, struct bytes bytes)
{
    uint8_t *to = rows->data + rows->used;

    if (bytes.size > 0) {
        memcpy(to, bytes.data, bytes.size);
    }
    rows->used += bytes.size;
    return bytes_of(to, bytes.size);
}

enum status
restore_rows_put(struct restore_rows *rows, const struct backup_frame *row)
{
    enum store_table table = (enum store_table)row->table;
    enum status status = STATUS_OK;

    if (table != rows->table || rows->count == PIECE_ROWS ||
        row->key.size + row->bytes.size > PIECE_BYTES - rows->used) {
        status = restore_rows_end(rows);
    }
    rows->table = table;
    rows->keys[rows->count] = keep(rows, row->key);
    rows->values[rows->count++] = keep(rows, row->bytes);
    return status;
}

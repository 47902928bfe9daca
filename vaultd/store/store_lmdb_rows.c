/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the LMDB engine: reading, writing, scanning. */
#include "store_lmdb.h"

#include <stdlib.h>

enum {
    INLINE_VALUE_BYTES_MAX = 2000, /* larger values get pages of their own */
    ROW_OVERHEAD_BYTES = 16,       /* of a row in its page, at most */
    APPEND_PAGES = 16,             /* the last leaf, and a branch on each floor */
};

struct store_cursor {
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val value;
    int result; /* of having read the row above */
};

static MDB_val
val_of(struct bytes bytes)
{
    /* LMDB takes what is only read by a pointer that is not const. */
    union {
        const void *in;
        void *out;
    } data = {.in = bytes.data};

    return (MDB_val){.mv_size = bytes.size, .mv_data = data.out};
}

static struct bytes
bytes_of_val(const MDB_val *val)
{
    return bytes_of(val->mv_data, val->mv_size);
}

enum status
store_lmdb_get_many(struct store_engine_txn *txn, enum store_table table, const struct bytes *keys,
                    size_t count, struct bytes *ret_values)
{
    MDB_dbi dbi = txn->file->tables[table];

    for (size_t i = 0; i < count; i++) {
        MDB_val key = val_of(keys[i]);
        MDB_val value;
        int error = mdb_get(txn->txn, dbi, &key, &value);

        if (error != 0 && error != MDB_NOTFOUND) {
            return store_lmdb_failed(error, __LINE__);
        }
        ret_values[i] = error == 0 ? bytes_of_val(&value) : bytes_of(NULL, 0);
    }
    return STATUS_OK;
}

static bool
is_contact(enum store_table table)
{
    return table == STORE_RECORD || table == STORE_TOKEN || table == STORE_INDEX;
}

/* What comes in the order of its keys is appended: a page is filled before the next. */
int
store_lmdb_put(MDB_txn *txn, MDB_dbi table, bool at_end, struct bytes key, struct bytes value)
{
    MDB_val key_val = val_of(key);
    MDB_val value_val = val_of(value);
    int error = MDB_KEYEXIST;

    if (at_end) {
        error = mdb_put(txn, table, &key_val, &value_val, MDB_APPEND);
    }
    return error == MDB_KEYEXIST ? mdb_put(txn, table, &key_val, &value_val, 0) : error;
}

/* Records come in the order of their row numbers. */
static int
put_row(struct store_engine_txn *txn, const struct store_row *row)
{
    txn->grows |= is_contact(row->table);
    if (row->value.size > INLINE_VALUE_BYTES_MAX) {
        txn->value_pages += row->value.size / txn->file->page_bytes + 2;
    }
    return store_lmdb_put(txn->txn, txn->file->tables[row->table], row->table == STORE_RECORD,
                          row->key, row->value);
}

static int
delete_row(struct store_engine_txn *txn, const struct store_row *row)
{
    MDB_val key = val_of(row->key);
    int error;

    txn->deleted++;
    error = mdb_del(txn->txn, txn->file->tables[row->table], &key, NULL);

    return error == MDB_NOTFOUND ? 0 : error;
}

enum status
store_lmdb_apply(struct store_engine_txn *txn, const struct store_row *rows, size_t count)
{
    int error = 0;

    for (size_t i = 0; i < count && error == 0; i++) {
        error = rows[i].value.data == NULL ? delete_row(txn, &rows[i]) : put_row(txn, &rows[i]);
        txn->rows[rows[i].table]++;
    }
    return error == 0 ? STATUS_OK : store_lmdb_failed(error, __LINE__);
}

/* Pages are filled one after another, so how many there will be goes by the bytes. */
enum status
store_lmdb_append(struct store_engine_txn *txn, const struct store_row *rows, size_t count)
{
    uint64_t bytes = 0;
    int error = 0;

    for (size_t i = 0; i < count && error == 0; i++) {
        MDB_val key = val_of(rows[i].key);
        MDB_val value = val_of(rows[i].value);

        error = mdb_put(txn->txn, txn->file->tables[rows[i].table], &key, &value, MDB_APPEND);
        bytes += rows[i].key.size + rows[i].value.size + ROW_OVERHEAD_BYTES;
        txn->grows |= is_contact(rows[i].table);
    }
    txn->value_pages += bytes / (txn->file->page_bytes / 2) + APPEND_PAGES;
    if (error == MDB_KEYEXIST) {
        return STATUS_CONFLICT;
    }
    return error == 0 ? STATUS_OK : store_lmdb_failed(error, __LINE__);
}

enum status
store_lmdb_last_key(struct store_engine_txn *txn, enum store_table table, struct bytes *ret_key)
{
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    int error = mdb_cursor_open(txn->txn, txn->file->tables[table], &cursor);

    if (error == 0) {
        error = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
        mdb_cursor_close(cursor);
    }
    if (error == 0) {
        *ret_key = bytes_of_val(&key);
        return STATUS_OK;
    }
    return error == MDB_NOTFOUND ? STATUS_NOT_FOUND : store_lmdb_failed(error, __LINE__);
}

/* ---- scanning ---- */

enum status
store_lmdb_count(struct store_engine_txn *txn, enum store_table table, uint64_t *ret_rows)
{
    MDB_stat stat;
    int error = mdb_stat(txn->txn, txn->file->tables[table], &stat);

    if (error != 0) {
        return store_lmdb_failed(error, __LINE__);
    }
    *ret_rows = stat.ms_entries;
    return STATUS_OK;
}

enum status
store_lmdb_cursor_open(struct store_engine_txn *txn, enum store_table table, struct bytes from,
                       struct store_cursor **ret_cursor)
{
    struct store_cursor *cursor = calloc(1, sizeof *cursor);
    int error;

    if (cursor == NULL) {
        return STATUS_INTERNAL;
    }
    error = mdb_cursor_open(txn->txn, txn->file->tables[table], &cursor->cursor);
    if (error != 0) {
        free(cursor);
        return store_lmdb_failed(error, __LINE__);
    }
    cursor->key = val_of(from);
    cursor->result = mdb_cursor_get(cursor->cursor, &cursor->key, &cursor->value,
                                    from.size == 0 ? MDB_FIRST : MDB_SET_RANGE);
    *ret_cursor = cursor;
    return STATUS_OK;
}

enum status
store_lmdb_cursor_next(struct store_cursor *cursor, struct bytes *ret_key, struct bytes *ret_value)
{
    if (cursor->result == MDB_NOTFOUND) {
        return STATUS_NOT_FOUND;
    }
    if (cursor->result != 0) {
        return store_lmdb_failed(cursor->result, __LINE__);
    }
    *ret_key = bytes_of_val(&cursor->key);
    *ret_value = bytes_of_val(&cursor->value);
    cursor->result = mdb_cursor_get(cursor->cursor, &cursor->key, &cursor->value, MDB_NEXT);
    return STATUS_OK;
}

void
store_lmdb_cursor_close(struct store_cursor *cursor)
{
    mdb_cursor_close(cursor->cursor);
    free(cursor);
}

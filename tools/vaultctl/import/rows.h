/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h: a batch of rows on their way through: read, their contacts asked about, written. Whatever
 * stands in a column of contacts and gets no token is not written: its cell becomes empty.
 */
#ifndef CONTACT_VAULT_ROWS_H
#define CONTACT_VAULT_ROWS_H

#include <stdio.h>

#include "columns.h"
#include "input.h"

enum {
    ROWS_BYTES = 2 * CSV_RECORD_BYTES_MAX,
    ROWS_CELLS_MAX = 2 * BATCH_VALUES,
};

/* A piece of the bytes that is not written as it is; or, of no size and no value, a row left out.
 */
struct cell {
    size_t offset, size;
    int value; /* its number among the values; or NO_VALUE */
    int column;
    uint64_t line;
    const char *fault; /* found on this side; NULL: none */
};

enum { NO_VALUE = -1, NO_COLUMN = -1 };

struct totals {
    uint64_t rows, tokens, emptied, left_out;
};

struct rows {
    char bytes[ROWS_BYTES];
    size_t used;
    struct cell cells[ROWS_CELLS_MAX];
    size_t cell_count;
    /* Asked about; then each line has the token instead, or the message of what is wrong. */
    struct batch values;
    enum cv_status statuses[BATCH_VALUES];
    uint64_t row_count;
    uint64_t offset, line;  /* of the file, behind them */
    struct cv_reply *reply; /* the one that stopped it, or NULL */
};

void rows_clear(struct rows *rows);
/* Is there room for one more, whatever it is? */
bool rows_have_room(const struct rows *rows, const struct columns *columns);
void rows_add(struct rows *rows, const struct columns *columns, const struct csv_record *record);
/* Writes the rows, and to `errors` a line for each cell emptied and row left out. */
struct rows_out {
    FILE *rows;
    const struct columns *columns;
    struct totals *totals;
    /* Told of each of them; code is a name of proto/status.h's. */
    void (*problem)(void *state, uint64_t line, const struct column *column, const char *code,
                    const char *message);
    void *state;
};
void rows_write(const struct rows *rows, const struct rows_out *to);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include <string.h>

void
rows_clear(struct rows *rows)
{
    rows->used = rows->cell_count = 0;
    rows->row_count = 0;
    rows->values.count = 0;
    memset(rows->values.faults, 0, sizeof rows->values.faults);
    cv_reply_free(&rows->reply);
}

bool
rows_have_room(const struct rows *rows, const struct columns *columns)
{
    return rows->used + CSV_RECORD_BYTES_MAX <= ROWS_BYTES &&
           rows->cell_count + columns->count < ROWS_CELLS_MAX &&
           rows->values.count + columns->count <= BATCH_VALUES;
}

/* An earlier import's, or somebody's who had it before: to be left as it is. */
static bool
is_token(const char *value)
{
    size_t prefix = sizeof "phn_" - 1;

    return looks_like_token(value) && strlen(value) == CV_TOKEN_CHARACTERS &&
           strspn(value + prefix, "0123456789abcdefghjkmnpqrstvwxyz") ==
               CV_TOKEN_CHARACTERS - prefix;
}

/* What keeps the text from being asked about; NULL: nothing. */
static const char *
fault_of(const char *value, enum cv_kind wanted)
{
    bool is_address = strchr(value, '@') != NULL;

    if (wanted == CV_PHONE && is_address) {
        return "an e-mail address in a column of phone numbers";
    }
    return wanted == CV_EMAIL && !is_address ? "no e-mail address" : NULL;
}

static void
add_cell(struct rows *rows, const struct csv_record *record, const struct columns *columns,
         size_t which)
{
    const struct column *column = &columns->list[which];
    const struct csv_field *field = &record->fields[column->field];
    char *value = rows->values.lines[rows->values.count];
    struct cell cell = {
        .offset = rows->used + field->offset,
        .size = field->size,
        .value = NO_VALUE,
        .column = (int)which,
        .line = record->line,
    };

    if (!csv_text(record, column->field, value, VALUE_LINE_BYTES)) {
        cell.fault = "too long for a contact, or no text";
    } else if (value[strspn(value, " \t")] == 0 || is_token(value)) {
        return;
    } else {
        cell.fault = fault_of(value, column->kind);
    }
    if (cell.fault == NULL) {
        rows->values.values[rows->values.count] = value;
        cell.value = (int)rows->values.count++;
    }
    rows->cells[rows->cell_count++] = cell;
}

static void
leave_out(struct rows *rows, uint64_t line, const char *fault)
{
    rows->cells[rows->cell_count++] = (struct cell){
        .offset = rows->used,
        .value = NO_VALUE,
        .column = NO_COLUMN,
        .line = line,
        .fault = fault,
    };
}

void
rows_add(struct rows *rows, const struct columns *columns, const struct csv_record *record)
{
    if (!csv_is_blank(record)) {
        rows->row_count++;
    }
    if (record->fault != CSV_WHOLE) {
        leave_out(rows, record->line, csv_fault_text(record->fault));
        return;
    }
    /* Which of its fields is which, nobody can tell. */
    if (record->field_count != columns->fields && !csv_is_blank(record)) {
        leave_out(rows, record->line,
                  record->field_count < columns->fields
                      ? "the row has fewer fields than the first line names"
                      : "the row has more fields than the first line names");
        return;
    }
    for (size_t i = 0; !csv_is_blank(record) && i < columns->count; i++) {
        add_cell(rows, record, columns, i);
    }
    memcpy(rows->bytes + rows->used, record->data, record->size);
    rows->used += record->size;
}

static void
tell(const struct rows_out *to, const struct cell *cell, enum cv_status status, const char *message)
{
    const struct column *column =
        cell->column == NO_COLUMN ? NULL : &to->columns->list[cell->column];

    if (column == NULL) {
        to->totals->left_out++;
    } else {
        to->totals->emptied++;
    }
    to->problem(to->state, cell->line, column, cv_status_name(status), message);
}

/* In the cell's place: its token, or nothing. */
static void
write_cell(const struct rows *rows, const struct rows_out *to, const struct cell *cell)
{
    if (cell->value == NO_VALUE) {
        tell(to, cell, CV_INVALID, cell->fault);
    } else if (rows->statuses[cell->value] != CV_OK) {
        tell(to, cell, rows->statuses[cell->value], rows->values.lines[cell->value]);
    } else {
        (void)fputs(rows->values.lines[cell->value], to->rows);
        to->totals->tokens++;
    }
}

void
rows_write(const struct rows *rows, const struct rows_out *to)
{
    size_t at = 0;

    for (size_t i = 0; i < rows->cell_count; i++) {
        const struct cell *cell = &rows->cells[i];
        (void)fwrite(rows->bytes + at, 1, cell->offset - at, to->rows);
        write_cell(rows, to, cell);
        at = cell->offset + cell->size;
    }
    (void)fwrite(rows->bytes + at, 1, rows->used - at, to->rows);
    to->totals->rows += rows->row_count;
}

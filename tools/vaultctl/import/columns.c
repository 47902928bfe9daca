/* SPDX-License-Identifier: Apache-2.0 */
#include "columns.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 1024 };

static bool
ends_in(const char *text, size_t size, const char *end)
{
    size_t end_size = strlen(end);

    return size > end_size && memcmp(text + size - end_size, end, end_size) == 0;
}

static struct column
read_column(const char *text)
{
    struct column column = {.name = text, .size = strlen(text)};

    if (ends_in(text, column.size, "=phone")) {
        column.size -= strlen("=phone");
        column.kind = CV_PHONE;
    } else if (ends_in(text, column.size, "=email")) {
        column.size -= strlen("=email");
        column.kind = CV_EMAIL;
    }
    return column;
}

enum exit_code
columns_take(const struct arguments *arguments, struct columns *ret_columns)
{
    *ret_columns = (struct columns){.count = arguments->column_count};
    if (arguments->column_count == 0) {
        return fail(arguments, EXIT_USAGE, "which columns hold contacts? Give --column NAME");
    }
    for (size_t i = 0; i < arguments->column_count; i++) {
        ret_columns->list[i] = read_column(arguments->columns[i]);
    }
    return EXIT_OK;
}

/* How many fields of the header are called so; *ret_field: the last of them. */
static size_t
count_named(const struct csv_record *header, const struct column *column, size_t *ret_field)
{
    char name[NAME_BYTES];
    size_t count = 0;

    for (size_t i = 0; i < header->field_count; i++) {
        if (csv_text(header, i, name, sizeof name) && strlen(name) == column->size &&
            memcmp(name, column->name, column->size) == 0) {
            *ret_field = i;
            count++;
        }
    }
    return count;
}

static int
by_place(const void *one, const void *other)
{
    const struct column *left = one, *right = other;

    return (left->field > right->field) - (left->field < right->field);
}

enum exit_code
columns_find(const struct arguments *arguments, const struct csv_record *header,
             struct columns *columns)
{
    if (header->fault != CSV_WHOLE) {
        return fail(arguments, EXIT_USAGE, "the first line names no columns: %s",
                    csv_fault_text(header->fault));
    }
    columns->fields = header->field_count;
    for (size_t i = 0; i < columns->count; i++) {
        struct column *column = &columns->list[i];
        size_t count = count_named(header, column, &column->field);
        if (count != 1) {
            return fail(arguments, EXIT_USAGE,
                        "--column %.*s: %s column of the first line is called so (it has %zu); "
                        "capitals and spaces count",
                        (int)column->size, column->name, count == 0 ? "no" : "more than one",
                        columns->fields);
        }
    }
    qsort(columns->list, columns->count, sizeof *columns->list, by_place);
    for (size_t i = 1; i < columns->count; i++) {
        if (columns->list[i].field == columns->list[i - 1].field) {
            return fail(arguments, EXIT_USAGE, "--column %.*s is given twice",
                        (int)columns->list[i].size, columns->list[i].name);
        }
    }
    return EXIT_OK;
}

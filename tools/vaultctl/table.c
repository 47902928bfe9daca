/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"

enum { GAP = 2, WIDTH_MIN = 8, ROWS_FIRST = 16 };

struct row {
    char *cells[TABLE_COLUMNS_MAX];
    enum colour colour;
};

struct table {
    const char *const *heads;
    size_t columns;
    struct row *rows;
    size_t count, capacity;
    bool lost;
};

struct table *
table_new(const char *const *heads, size_t columns)
{
    struct table *table = calloc(1, sizeof *table);

    assert(columns > 0 && columns <= TABLE_COLUMNS_MAX);
    if (table != NULL) {
        table->heads = heads;
        table->columns = columns;
    }
    return table;
}

static void
free_row(struct row *row)
{
    for (size_t i = 0; i < TABLE_COLUMNS_MAX; i++) {
        free(row->cells[i]);
    }
}

static bool
has_room(struct table *table)
{
    size_t capacity = table->capacity == 0 ? ROWS_FIRST : 2 * table->capacity;

    if (table->count < table->capacity) {
        return true;
    }
    struct row *rows = realloc(table->rows, capacity * sizeof *rows);
    if (rows == NULL) {
        return false;
    }
    table->rows = rows;
    table->capacity = capacity;
    return true;
}

static char *
copy_shown(const char *text)
{
    size_t capacity = strlen(text) * ESCAPE_GROWTH_MAX + 1;
    char *shown = malloc(capacity);

    if (shown != NULL) {
        text_show(text, shown, capacity);
    }
    return shown;
}

void
table_add(struct table *table, const char *const *cells, enum colour colour)
{
    struct row row = {.colour = colour};
    bool whole = has_room(table);

    for (size_t i = 0; whole && i < table->columns; i++) {
        row.cells[i] = copy_shown(cells[i] != NULL ? cells[i] : "");
        whole = row.cells[i] != NULL;
    }
    if (!whole) {
        free_row(&row);
        table->lost = true;
        return;
    }
    table->rows[table->count++] = row;
}

/* ---- printing ---- */

static size_t
total(const size_t *widths, size_t columns)
{
    size_t sum = GAP * (columns - 1);

    for (size_t i = 0; i < columns; i++) {
        sum += widths[i];
    }
    return sum;
}

/* The widest gives way first. */
static void
narrow(size_t *widths, size_t columns, size_t width)
{
    while (total(widths, columns) > width) {
        size_t widest = 0;
        for (size_t i = 1; i < columns; i++) {
            widest = widths[i] > widths[widest] ? i : widest;
        }
        if (widths[widest] <= WIDTH_MIN) {
            break;
        }
        widths[widest]--;
    }
}

static void
widen(size_t *width, const char *text)
{
    size_t wanted = text_width(text);

    *width = wanted > *width ? wanted : *width;
}

static void
choose_widths(const struct table *table, size_t width, size_t widths[static TABLE_COLUMNS_MAX])
{
    memset(widths, 0, TABLE_COLUMNS_MAX * sizeof *widths);
    for (size_t i = 0; i < table->columns; i++) {
        if (table->heads != NULL) {
            widen(&widths[i], table->heads[i]);
        }
        for (size_t row = 0; row < table->count; row++) {
            widen(&widths[i], table->rows[row].cells[i]);
        }
    }
    narrow(widths, table->columns, width);
}

/* The spaces before a cell wait for one that is not empty: no line ends in spaces. */
static void
print_cell(FILE *to, const char **cell, size_t width, size_t *spaces)
{
    size_t bytes = text_fit(*cell, width);

    if (bytes > 0) {
        char *piece = strndup(*cell, bytes);
        size_t columns = piece != NULL ? text_width(piece) : width;
        (void)fprintf(to, "%*s%.*s", (int)*spaces, "", (int)bytes, *cell);
        *spaces = columns < width ? width - columns : 0;
        free(piece);
    } else {
        *spaces += width;
    }
    *spaces += GAP;
    *cell += bytes;
    *cell += strspn(*cell, " ");
}

/* Each line begins and ends its colour: a pager shows any of them. */
static void
print_row(FILE *to, const struct table *table, const char *const *cells, enum colour colour,
          const size_t *widths)
{
    const char *left[TABLE_COLUMNS_MAX];
    bool plain = colour == COLOUR_NONE, more = true;

    memcpy(left, cells, table->columns * sizeof *left);
    while (more) {
        size_t spaces = 0;
        more = false;
        (void)fputs(plain ? "" : terminal_colour(to, colour), to);
        for (size_t i = 0; i < table->columns; i++) {
            print_cell(to, &left[i], widths[i], &spaces);
            more = more || *left[i] != 0;
        }
        (void)fputs(plain ? "" : terminal_colour(to, COLOUR_NONE), to);
        (void)fputc('\n', to);
    }
}

bool
table_print(const struct table *table, FILE *to, size_t width)
{
    size_t widths[TABLE_COLUMNS_MAX];

    choose_widths(table, width, widths);
    if (table->heads != NULL) {
        print_row(to, table, table->heads, COLOUR_HEAD, widths);
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct row *row = &table->rows[i];
        print_row(to, table, (const char *const *)row->cells, row->colour, widths);
    }
    return !table->lost;
}

void
table_free(struct table **table)
{
    if (*table == NULL) {
        return;
    }
    for (size_t i = 0; i < (*table)->count; i++) {
        free_row(&(*table)->rows[i]);
    }
    free((*table)->rows);
    free(*table);
    *table = NULL;
}

/* ---- one entry ---- */

static void
flow_break(struct flow *flow)
{
    (void)fprintf(flow->to, "\n%*s", (int)flow->indent, "");
    flow->used = flow->indent;
}

void
flow_add(struct flow *flow, const char *text)
{
    size_t wanted = text_width(text);
    bool first = flow->used == 0;

    if (!first && flow->used + GAP + wanted > flow->width) {
        flow_break(flow);
    } else if (!first) {
        (void)fprintf(flow->to, "%*s", GAP, "");
        flow->used += GAP;
    }
    while (flow->used + wanted > flow->width) {
        size_t bytes = text_fit(text, flow->width - flow->used);
        (void)fprintf(flow->to, "%.*s", (int)bytes, text);
        text += bytes;
        text += strspn(text, " ");
        wanted = text_width(text);
        if (*text == 0) {
            return;
        }
        flow_break(flow);
    }
    (void)fputs(text, flow->to);
    flow->used += wanted;
}

void
flow_end(struct flow *flow)
{
    (void)fputc('\n', flow->to);
    flow->used = 0;
}

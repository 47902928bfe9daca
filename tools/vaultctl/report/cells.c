/* SPDX-License-Identifier: Apache-2.0 */
#include "cells.h"

#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "escape.h"

/* Every letter may get an apostrophe, or a second quotation mark; two stand around it. */
enum { GUARD_GROWTH_MAX = 2, QUOTE_GROWTH_MAX = 2, QUOTES = 2 };

/* Would what begins here be computed? Wide forms of the signs are taken for the signs. */
static bool
begins_formula(const char *text)
{
    static const char *const wide[] = {"\uff1d", "\uff0b", "\uff0d", "\uff20"};

    text += strspn(text, " ");
    if (*text != 0 && strchr("=+-@", *text) != NULL) {
        return true;
    }
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        if (strncmp(text, wide[i], strlen(wide[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void
guard(const char *text, char *ret_text)
{
    bool at_start = true;

    for (; *text != 0; text++) {
        if (at_start && begins_formula(text)) {
            *ret_text++ = '\'';
        }
        at_start = *text == ';';
        *ret_text++ = *text;
    }
    *ret_text = 0;
}

/* NULL: no memory. For the caller to free. */
static char *
cell_of(const char *text)
{
    size_t shown_bytes = strlen(text) * ESCAPE_GROWTH_MAX + 1;
    size_t guarded_bytes = shown_bytes * GUARD_GROWTH_MAX;
    size_t cell_bytes = guarded_bytes * QUOTE_GROWTH_MAX + QUOTES + 1;
    char *shown = malloc(shown_bytes), *guarded = malloc(guarded_bytes), *cell = malloc(cell_bytes);

    if (shown != NULL && guarded != NULL && cell != NULL) {
        text_show(text, shown, shown_bytes);
        guard(shown, guarded);
    }
    if (shown == NULL || guarded == NULL || cell == NULL || !csv_quote(guarded, cell, cell_bytes)) {
        free(cell);
        cell = NULL;
    }
    free(shown);
    free(guarded);
    return cell;
}

bool
cells_print(FILE *to, const char *const *cells, size_t count)
{
    char *row = NULL;
    size_t size = 0;
    FILE *whole = open_memstream(&row, &size);
    bool fine = whole != NULL;

    for (size_t i = 0; fine && i < count; i++) {
        char *cell = cell_of(cells[i] != NULL ? cells[i] : "");
        fine = cell != NULL && fprintf(whole, "%s%s", i == 0 ? "" : ",", cell) >= 0;
        free(cell);
    }
    if (whole != NULL && fclose(whole) != 0) {
        fine = false;
    }
    if (fine) {
        (void)fprintf(to, "%s\r\n", row);
    }
    free(row);
    return fine;
}

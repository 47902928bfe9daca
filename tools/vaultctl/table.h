/* SPDX-License-Identifier: Apache-2.0 */
/* table.h: rows for a person's eyes, in columns that fit the terminal. */
#ifndef CONTACT_VAULT_TABLE_H
#define CONTACT_VAULT_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "terminal.h"

enum { TABLE_COLUMNS_MAX = 8 };

struct table;

/* heads: `columns` of them, which must outlive it; or NULL: none. NULL: no memory. */
struct table *table_new(const char *const *heads, size_t columns);
/* Copies the texts, and takes out what could steer a terminal. colour: of the whole row. Without
 * memory the row is left out and table_print says so. */
void table_add(struct table *table, const char *const *cells, enum colour colour);
/* No line is wider than `width`: what is too long for its column goes on below. False: a row was
 * lost for want of memory. */
bool table_print(const struct table *table, FILE *to, size_t width);
/* NULL is fine. */
void table_free(struct table **table);

/* Texts of one entry, two spaces between them: one that does not fit begins a new, indented line.
 */
struct flow {
    FILE *to;
    size_t width, indent;
    size_t used;
};
void flow_add(struct flow *flow, const char *text);
void flow_end(struct flow *flow);

#endif

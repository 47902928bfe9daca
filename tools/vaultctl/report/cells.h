/* SPDX-License-Identifier: Apache-2.0 */
/* cells.h: rows for a spreadsheet, as RFC 4180 has them. */
#ifndef CONTACT_VAULT_CELLS_H
#define CONTACT_VAULT_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * A row, ended by CRLF; a cell that is NULL is empty. What is no text to look at is escaped as in
 * escape.h. A spreadsheet would compute what begins with = + - or @: before such a text, and before
 * one that stands behind a semicolon (which parts cells, too, in some countries), an apostrophe is
 * put, which makes it text. False: no memory; nothing of the row was written.
 */
bool cells_print(FILE *to, const char *const *cells, size_t count);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* terminal.h: what a stream is to a person: a terminal of so many columns, with colours or not. */
#ifndef CONTACT_VAULT_TERMINAL_H
#define CONTACT_VAULT_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum colour { COLOUR_NONE, COLOUR_HEAD, COLOUR_GOOD, COLOUR_WARN, COLOUR_BAD };

enum { TERMINAL_COLUMNS_UNTOLD = 80 };

bool terminal_is(FILE *stream);
/* Somebody sits there, who can be asked: stdin and stderr are terminals. */
bool terminal_can_ask(void);
/* Of the terminal behind the stream, as wide as it is now. */
size_t terminal_columns(FILE *stream);
/* Begins a colour, or ends it (COLOUR_NONE). Empty where the stream is no terminal, or where no
 * colour is wanted: $NO_COLOR, $TERM dumb. */
const char *terminal_colour(FILE *stream, enum colour colour);

/* ---- how wide a text is when it is shown; it is UTF-8 ---- */

size_t text_width(const char *text);
/* Bytes of its longest beginning that is no wider than `columns`, up to a space if there is one;
 * one character at least. */
size_t text_fit(const char *text, size_t columns);

#endif

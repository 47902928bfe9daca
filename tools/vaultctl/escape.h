/* SPDX-License-Identifier: Apache-2.0 */
/* escape.h: a text by somebody else, made fit to be shown on a terminal and in one line. */
#ifndef CONTACT_VAULT_ESCAPE_H
#define CONTACT_VAULT_ESCAPE_H

#include <stddef.h>

/*
 * Control characters, what turns the direction of writing, what has no width, and bytes that are
 * no UTF-8 become \xNN or \u{NNNN}; a backslash and a quotation mark get a backslash before them.
 * What does not fit is left out, by whole characters.
 */
void text_escape(const char *text, char *ret_text, size_t capacity);
/* The same where no quotation marks stand around it: backslash and quotation mark stay. */
void text_show(const char *text, char *ret_text, size_t capacity);

/* No text becomes longer than so many times itself. */
enum { ESCAPE_GROWTH_MAX = 4 };

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* terms.h: how long, until when, how many, as people write it on a command line. */
#ifndef CONTACT_VAULT_TERMS_H
#define CONTACT_VAULT_TERMS_H

#include <stdbool.h>
#include <stdint.h>

/* What each of them takes, for the error that says so. */
#define DURATION_FORM "a number and s, m, h, d or w: 8h, 30m, 2d, 3w"
#define MOMENT_FORM "2026-12-31 (its first moment), 2026-12-31T18:00, both local, or ...Z for UTC"
#define RETENTION_FORM "24mo, 2y or never (at most 1200mo)"

/* False, and nothing changed: not so written, or more than `max`; 0 is none either. */
bool duration_parse(const char *text, uint64_t max_s, uint64_t *ret_s);
/* A day or a moment, in local time unless it ends in Z; seconds and .mmm may be left out. In ms
 * since 1970. A day that is in no calendar is none. */
bool moment_parse(const char *text, uint64_t *ret_ms);
/* A moment, or so long before `now_ms`. */
bool moment_or_age_parse(const char *text, uint64_t now_ms, uint64_t *ret_ms);
/* "never" is 0. */
bool retention_parse(const char *text, uint32_t *ret_months);

enum { WAIT_TEXT_BYTES = 48 };
/* "45 s", "3 min", "23 h 59 min": rounded up, so that one who waits so long does not come early. */
void wait_print(uint64_t wait_s, char ret_text[static WAIT_TEXT_BYTES]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* needle.h: one plaintext becomes every byte string it could hide as. */
#ifndef CONTACT_VAULT_NEEDLE_H
#define CONTACT_VAULT_NEEDLE_H

#include <stddef.h>

#include "status.h"

struct pattern_set;

enum {
    NEEDLE_BYTES_MIN = 7, /* fewer turn up by chance, in base64 above all */
    NEEDLE_BYTES_MAX = 512,
};

/*
 * needle_add: adds the needle as it is, a phone number as E.164 and as bare digits too, an address
 * in lower case too; each plain, reversed, in hex (both cases) and in base64 (both alphabets, all
 * three alignments). INVALID, TOO_LARGE: its length.
 */
MUST_USE enum status needle_add(struct pattern_set *set, const char *text, size_t size,
                                size_t line);

#endif

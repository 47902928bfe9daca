/* SPDX-License-Identifier: Apache-2.0 */
/*
 * code.h: codes that people type: by which they enrol (128 random bits) and by which they get in
 * without their second factor (80). As text: Crockford's base32 in groups of four letters,
 * "7kzq-02md-..."; read without regard to letter case, blanks and dashes, o as 0, i and l as 1.
 * The vault keeps digests. Pure. Any thread.
 */
#ifndef CONTACT_VAULT_CODE_H
#define CONTACT_VAULT_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "bytes.h"

enum {
    CODE_BYTES = 16,
    RECOVERY_BYTES = 10,
    CODE_TEXT_BYTES = CODE_BYTES * 2 + 1, /* room for either as text, with its NUL */
};
_Static_assert((int)CODE_TEXT_BYTES <= (int)CODE_BYTES_MAX, "a code fits into its field");

/* `size`: CODE_BYTES or RECOVERY_BYTES. */
void code_print(const uint8_t *code, size_t size, char ret_text[static CODE_TEXT_BYTES]);
/* False: not a code of that size. */
bool code_parse(struct bytes text, size_t size, uint8_t *ret_code);

/*
 * BLAKE2b of the vault's id, the principal's number and the code: random enough that nobody tries
 * them all, so neither salt nor a slow hash is wanted. `digest_size`: 16 to 64.
 */
void code_digest(const uint8_t *vault_id, uint32_t principal, const uint8_t *code, size_t size,
                 uint8_t *ret_digest, size_t digest_size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "backup_frame.h"

#include <stdlib.h>

crypto_generichash_state *
backup_digest_new(void)
{
    /* libsodium wants it aligned to more than malloc promises. */
    size_t align = _Alignof(crypto_generichash_state);
    size_t size = (sizeof(crypto_generichash_state) + align - 1) / align * align;
    crypto_generichash_state *state = aligned_alloc(align, size);

    if (state != NULL) {
        (void)crypto_generichash_init(state, NULL, 0, BACKUP_DIGEST_BYTES);
    }
    return state;
}

void
backup_digest_now(const crypto_generichash_state *state,
                  uint8_t ret_digest[static BACKUP_DIGEST_BYTES])
{
    crypto_generichash_state copy = *state;

    (void)crypto_generichash_final(&copy, ret_digest, BACKUP_DIGEST_BYTES);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* backup_frame.h: sizes of a backup's frames, and the digest over them: of its packer and its
 * reader. */
#ifndef CONTACT_VAULT_BACKUP_FRAME_H
#define CONTACT_VAULT_BACKUP_FRAME_H

#include <sodium.h>
#include <stdint.h>

#include "backup_manifest.h"

enum {
    BACKUP_FRAME_HEAD_BYTES = 5, /* type, size */
    BACKUP_ROW_HEAD_BYTES = 2,   /* table, size of the key */
    BACKUP_ROW_KEY_BYTES_MAX = 64,
    BACKUP_ROW_VALUE_BYTES_MAX = 8192,
    BACKUP_FRAME_BYTES_MAX =
        BACKUP_ROW_HEAD_BYTES + BACKUP_ROW_KEY_BYTES_MAX + BACKUP_ROW_VALUE_BYTES_MAX,
    BACKUP_KEYRING_BYTES_MAX = 4 * 1024 * 1024,
};

/* BLAKE2b-256 as it grows; for the caller to free. NULL: memory is short. */
crypto_generichash_state *backup_digest_new(void);
/* Of what there was so far; it can go on. */
void backup_digest_now(const crypto_generichash_state *state,
                       uint8_t ret_digest[static BACKUP_DIGEST_BYTES]);

#endif

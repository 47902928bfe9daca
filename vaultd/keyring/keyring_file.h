/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyring_file.h: the keyring file as bytes. Pure: no file is touched here, so that a fuzzer and
 * the vectors use the same door as the daemon.
 *
 *   offset  size  what
 *   0       8     "CVKEYRNG"
 *   8       1     version, 1
 *   9       1     suite, 1: BLAKE2b-512, XChaCha20-Poly1305
 *   10      16    vault_id
 *   26      8     generation, from 1
 *   34      1     number of unseal slots, 1 to 8
 *                 each slot: kind (1: key file, 2: passphrase, 3: shares), u16 size of its
 *                 parameters, parameters (proto/slot.h has both)
 *   --      --    here the header ends
 *   +0      24    nonce
 *   +24     32    commitment
 *   +56     16    check: BLAKE2b-128, without a key, of all bytes before it
 *   +72     4     number of keys, 1 to KEYRING_KEYS_MAX
 *   +76     50 n  ciphertext of the keys
 *   ...     16    tag
 *
 * One key in clear is 50 bytes: purpose u8, namespace u32, number u32, state u8 (1: active),
 * created u64 (ms since 1970), key 32 (zeros where the purpose is a date, see keyring.h); keys
 * ascend strictly in their first nine bytes.
 *
 * BLAKE2b-512 keyed by the root key over "contact-vault keyring 1", header and nonce gives 64
 * bytes: the encryption key, then the commitment. The keys are sealed under nonce and encryption
 * key with the header as associated data.
 *
 * Which failure is which: the check finds damage to header, nonce and commitment before any key is
 * asked for (CORRUPT); then a commitment that differs is a wrong root key (DENIED); then a tag that
 * fails is damage to the keys (CORRUPT). Whoever alters the header on purpose and makes the check
 * anew is refused as well, but looks like a wrong root key: without the right key nobody can tell.
 */
#ifndef CONTACT_VAULT_KEYRING_FILE_H
#define CONTACT_VAULT_KEYRING_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "keyring.h"
#include "status.h"

struct secret;
struct unseal_slot;

enum {
    KEYRING_SLOTS_MAX = 8,
    KEYRING_SLOT_PARAMETERS_MAX = 256,
    KEYRING_HEADER_FIXED_BYTES = 35,
    KEYRING_HEADER_BYTES_MAX =
        KEYRING_HEADER_FIXED_BYTES + KEYRING_SLOTS_MAX * (3 + KEYRING_SLOT_PARAMETERS_MAX),
    KEYRING_NONCE_BYTES = 24,
    KEYRING_TAG_BYTES = 16,
    KEYRING_KEY_BYTES = 32,
    KEYRING_CHECK_BYTES = 16,
    KEYRING_COUNT_BYTES = 4,
    KEYRING_FRAME_BYTES = KEYRING_NONCE_BYTES + KEYRING_KEY_BYTES + KEYRING_CHECK_BYTES +
                          KEYRING_COUNT_BYTES + KEYRING_TAG_BYTES, /* all but header and keys */

    KEYRING_NAME_BYTES = 9, /* purpose, namespace, number: memcmp orders them */
    KEYRING_STATE_OFFSET = KEYRING_NAME_BYTES,
    KEYRING_CREATED_OFFSET = KEYRING_STATE_OFFSET + 1,
    KEYRING_KEY_OFFSET = KEYRING_CREATED_OFFSET + 8,
    KEYRING_ROW_BYTES = KEYRING_KEY_OFFSET + KEYRING_KEY_BYTES,
    KEYRING_FILE_BYTES_MAX =
        KEYRING_HEADER_BYTES_MAX + KEYRING_FRAME_BYTES + KEYRING_KEYS_MAX * KEYRING_ROW_BYTES,

    KEYRING_STATE_ACTIVE = 1,
};

/* The header, kept as the bytes it is: a change of the file carries the slots over untouched. */
struct keyring_header {
    uint8_t data[KEYRING_HEADER_BYTES_MAX];
    size_t size;
};

/* Generation 1, one slot. */
void keyring_header_init(struct keyring_header *header,
                         const uint8_t vault_id[static VAULT_ID_BYTES],
                         const struct unseal_slot *slot);
/* The first slot; of a header that was made or parsed here. All lead to the same root key. */
void keyring_header_slot(const struct keyring_header *header, struct unseal_slot *ret_slot);
/* This one instead of all others. */
void keyring_header_set_slot(struct keyring_header *header, const struct unseal_slot *slot);
const uint8_t *keyring_header_vault_id(const struct keyring_header *header);
uint64_t keyring_header_generation(const struct keyring_header *header);
void keyring_header_set_generation(struct keyring_header *header, uint64_t generation);

/* Everything that can be told without a key. CORRUPT: no keyring, another version, or damaged. */
MUST_USE enum status keyring_file_parse(struct bytes file, struct keyring_header *ret_header);

/* A parsed file's keys, sorted and frozen. DENIED or CORRUPT: see above. */
MUST_USE enum status keyring_file_unseal(struct bytes file, const struct keyring_header *header,
                                         const struct secret *root, struct secret **ret_keys);

/* *ret_file is for the caller to free. */
MUST_USE enum status keyring_file_seal(const struct keyring_header *header,
                                       const struct secret *root, const struct secret *keys,
                                       uint8_t **ret_file, size_t *ret_size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_manifest.h: the last frame of a backup's contents: what there is in it, signed by the
 * vault. Pure.
 *
 *   offset  size  what
 *   0       1     version, 1
 *   1       16    backup_id       as the header has it
 *   17      16    vault_id        likewise
 *   33      16    instance_id     likewise
 *   49      8     time            likewise
 *   57      8     number of the first entry of the log
 *   65      8     of the last one
 *   73      32    SHA-256 of the last one
 *   105     8     durable commits of the store
 *   113     8     row number to be given next
 *   121     8     generation of the keyring
 *   129     8 * 5 rows of each table, in the order of enum store_table
 *   169     32    BLAKE2b-256 of the keyring file
 *   201     32    BLAKE2b-256 of all plaintext before this frame
 *   233     64    Ed25519 signature by the vault's audit key over "contact-vault backup 1" and the
 *                 bytes before it
 */
#ifndef CONTACT_VAULT_BACKUP_MANIFEST_H
#define CONTACT_VAULT_BACKUP_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "backup_file.h"
#include "bounds.h"
#include "bytes.h"

enum {
    BACKUP_TABLES = 5,
    BACKUP_DIGEST_BYTES = 32,
    BACKUP_MANIFEST_BODY_BYTES = 233,
    BACKUP_MANIFEST_BYTES = BACKUP_MANIFEST_BODY_BYTES + SIGNATURE_BYTES,
    BACKUP_MANIFEST_MESSAGE_BYTES = 22 + BACKUP_MANIFEST_BODY_BYTES,
};

struct backup_manifest {
    uint8_t backup_id[BACKUP_ID_BYTES];
    uint8_t vault_id[16];
    uint8_t instance_id[16];
    uint64_t time_ms;
    uint64_t first_entry;
    uint64_t last_entry;
    uint8_t last_digest[BACKUP_DIGEST_BYTES];
    uint64_t changes;
    uint64_t next_row;
    uint64_t keyring_generation;
    uint64_t rows[BACKUP_TABLES];
    uint8_t keyring_digest[BACKUP_DIGEST_BYTES];
    uint8_t contents_digest[BACKUP_DIGEST_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
};

/* What is signed. */
void backup_manifest_message(const struct backup_manifest *manifest,
                             uint8_t ret_message[static BACKUP_MANIFEST_MESSAGE_BYTES]);
/* Is the signature of this key (`audit.pub`, or of the keyring's audit key)? */
bool backup_manifest_holds(const struct backup_manifest *manifest,
                           const uint8_t public_key[static PUBLIC_KEY_BYTES]);

void backup_manifest_encode(const struct backup_manifest *manifest,
                            uint8_t ret_bytes[static BACKUP_MANIFEST_BYTES]);
/* Strict. False: it is none. */
bool backup_manifest_decode(struct bytes bytes, struct backup_manifest *ret_manifest);

#endif

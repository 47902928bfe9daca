/* SPDX-License-Identifier: Apache-2.0 */
#include "backup_manifest.h"

#include <sodium.h>
#include <string.h>

static const uint8_t context[] = "contact-vault backup 1"; /* without its NUL */

enum {
    VERSION = 1,

    BACKUP_ID_OFFSET = 1,
    VAULT_ID_OFFSET = BACKUP_ID_OFFSET + BACKUP_ID_BYTES,
    INSTANCE_ID_OFFSET = VAULT_ID_OFFSET + 16,
    TIME_OFFSET = INSTANCE_ID_OFFSET + 16,
    FIRST_ENTRY_OFFSET = TIME_OFFSET + 8,
    LAST_ENTRY_OFFSET = FIRST_ENTRY_OFFSET + 8,
    LAST_DIGEST_OFFSET = LAST_ENTRY_OFFSET + 8,
    CHANGES_OFFSET = LAST_DIGEST_OFFSET + BACKUP_DIGEST_BYTES,
    NEXT_ROW_OFFSET = CHANGES_OFFSET + 8,
    GENERATION_OFFSET = NEXT_ROW_OFFSET + 8,
    ROWS_OFFSET = GENERATION_OFFSET + 8,
    KEYRING_DIGEST_OFFSET = ROWS_OFFSET + 8 * BACKUP_TABLES,
    CONTENTS_DIGEST_OFFSET = KEYRING_DIGEST_OFFSET + BACKUP_DIGEST_BYTES,
};
_Static_assert(CONTENTS_DIGEST_OFFSET + BACKUP_DIGEST_BYTES == BACKUP_MANIFEST_BODY_BYTES,
               "the manifest as published");
_Static_assert(BACKUP_MANIFEST_MESSAGE_BYTES == sizeof context - 1 + BACKUP_MANIFEST_BODY_BYTES,
               "context and body");

static void
encode_body(const struct backup_manifest *manifest, uint8_t *to)
{
    to[0] = VERSION;
    memcpy(to + BACKUP_ID_OFFSET, manifest->backup_id, BACKUP_ID_BYTES);
    memcpy(to + VAULT_ID_OFFSET, manifest->vault_id, sizeof manifest->vault_id);
    memcpy(to + INSTANCE_ID_OFFSET, manifest->instance_id, sizeof manifest->instance_id);
    put_u64(to + TIME_OFFSET, manifest->time_ms);
    put_u64(to + FIRST_ENTRY_OFFSET, manifest->first_entry);
    put_u64(to + LAST_ENTRY_OFFSET, manifest->last_entry);
    memcpy(to + LAST_DIGEST_OFFSET, manifest->last_digest, BACKUP_DIGEST_BYTES);
    put_u64(to + CHANGES_OFFSET, manifest->changes);
    put_u64(to + NEXT_ROW_OFFSET, manifest->next_row);
    put_u64(to + GENERATION_OFFSET, manifest->keyring_generation);
    for (size_t i = 0; i < BACKUP_TABLES; i++) {
        put_u64(to + ROWS_OFFSET + 8 * i, manifest->rows[i]);
    }
    memcpy(to + KEYRING_DIGEST_OFFSET, manifest->keyring_digest, BACKUP_DIGEST_BYTES);
    memcpy(to + CONTENTS_DIGEST_OFFSET, manifest->contents_digest, BACKUP_DIGEST_BYTES);
}

void
backup_manifest_message(const struct backup_manifest *manifest,
                        uint8_t ret_message[static BACKUP_MANIFEST_MESSAGE_BYTES])
{
    memcpy(ret_message, context, sizeof context - 1);
    encode_body(manifest, ret_message + sizeof context - 1);
}

bool
backup_manifest_holds(const struct backup_manifest *manifest,
                      const uint8_t public_key[static PUBLIC_KEY_BYTES])
{
    uint8_t message[BACKUP_MANIFEST_MESSAGE_BYTES];

    backup_manifest_message(manifest, message);
    return crypto_sign_verify_detached(manifest->signature, message, sizeof message, public_key) ==
           0;
}

void
backup_manifest_encode(const struct backup_manifest *manifest,
                       uint8_t ret_bytes[static BACKUP_MANIFEST_BYTES])
{
    encode_body(manifest, ret_bytes);
    memcpy(ret_bytes + BACKUP_MANIFEST_BODY_BYTES, manifest->signature, SIGNATURE_BYTES);
}

bool
backup_manifest_decode(struct bytes bytes, struct backup_manifest *ret_manifest)
{
    const uint8_t *at = bytes.data;

    if (bytes.size != BACKUP_MANIFEST_BYTES || at[0] != VERSION) {
        return false;
    }
    *ret_manifest = (struct backup_manifest){
        .time_ms = get_u64(at + TIME_OFFSET),
        .first_entry = get_u64(at + FIRST_ENTRY_OFFSET),
        .last_entry = get_u64(at + LAST_ENTRY_OFFSET),
        .changes = get_u64(at + CHANGES_OFFSET),
        .next_row = get_u64(at + NEXT_ROW_OFFSET),
        .keyring_generation = get_u64(at + GENERATION_OFFSET),
    };
    memcpy(ret_manifest->backup_id, at + BACKUP_ID_OFFSET, BACKUP_ID_BYTES);
    memcpy(ret_manifest->vault_id, at + VAULT_ID_OFFSET, sizeof ret_manifest->vault_id);
    memcpy(ret_manifest->instance_id, at + INSTANCE_ID_OFFSET, sizeof ret_manifest->instance_id);
    memcpy(ret_manifest->last_digest, at + LAST_DIGEST_OFFSET, BACKUP_DIGEST_BYTES);
    for (size_t i = 0; i < BACKUP_TABLES; i++) {
        ret_manifest->rows[i] = get_u64(at + ROWS_OFFSET + 8 * i);
    }
    memcpy(ret_manifest->keyring_digest, at + KEYRING_DIGEST_OFFSET, BACKUP_DIGEST_BYTES);
    memcpy(ret_manifest->contents_digest, at + CONTENTS_DIGEST_OFFSET, BACKUP_DIGEST_BYTES);
    memcpy(ret_manifest->signature, at + BACKUP_MANIFEST_BODY_BYTES, SIGNATURE_BYTES);
    return true;
}

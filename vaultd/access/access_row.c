/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access rows, version 4. Numbers in network order.
 *
 * Key:    type u8 ('c' canary, 'n' namespace, 'p' principal, 'r' recipient, 's' settings), number
 *         u32, from 1 without gaps
 * Value:  version u8 (4), suite u8 (1: XChaCha20-Poly1305), box
 * Box:    nonce 24, ciphertext, tag 16; sealed under the access key, with associated data
 *         vault_id, the row's key, version, suite. What is inside: top of access_plain.c.
 *
 * A row's hash is BLAKE2b-256 of key size u8, key, value size u32, value; the state's digest is
 * BLAKE2b-256 of "contact-vault access 1" and the hashes of all rows in the order of their keys.
 */
#include "access_row.h"

#include <sodium.h>
#include <string.h>

#include "keyring.h"
#include "store.h"

enum {
    VERSION = 4,
    SUITE = 1,
    VALUE_HEADER_BYTES = 2,
    ASSOCIATED_BYTES = VAULT_ID_BYTES + ACCESS_ROW_KEY_BYTES + VALUE_HEADER_BYTES,
};
_Static_assert(VALUE_HEADER_BYTES + ACCESS_PLAIN_BYTES_MAX + KEYRING_BOX_EXTRA <=
                   ACCESS_ROW_VALUE_BYTES_MAX,
               "the largest row fits");
_Static_assert((int)ACCESS_ROW_VALUE_BYTES_MAX <= (int)STORE_VALUE_BYTES_MAX, "the store takes it");

static const struct key_name access_key = {.purpose = KEY_ACCESS, .number = 1};

static void
make_associated(const struct keyring *keyring, const uint8_t *key, const uint8_t *value,
                uint8_t ret_associated[static ASSOCIATED_BYTES])
{
    memcpy(ret_associated, keyring_vault_id(keyring), VAULT_ID_BYTES);
    memcpy(ret_associated + VAULT_ID_BYTES, key, ACCESS_ROW_KEY_BYTES);
    memcpy(ret_associated + VAULT_ID_BYTES + ACCESS_ROW_KEY_BYTES, value, VALUE_HEADER_BYTES);
}

static void
hash_row(struct bytes key, struct bytes value, uint8_t ret_hash[static ACCESS_DIGEST_BYTES])
{
    uint8_t key_size = (uint8_t)key.size;
    uint8_t value_size[4];
    crypto_generichash_state state;

    put_u32(value_size, (uint32_t)value.size);
    (void)crypto_generichash_init(&state, NULL, 0, ACCESS_DIGEST_BYTES);
    (void)crypto_generichash_update(&state, &key_size, 1);
    (void)crypto_generichash_update(&state, key.data, key.size);
    (void)crypto_generichash_update(&state, value_size, sizeof value_size);
    (void)crypto_generichash_update(&state, value.data, value.size);
    (void)crypto_generichash_final(&state, ret_hash, ACCESS_DIGEST_BYTES);
}

/* What the key and the state know of the entry: its type, its number and where its hash is. */
static uint8_t
name_entry(struct access_entry *entry, uint32_t *ret_number, uint8_t **ret_hash)
{
    if (entry->namespace_entry != NULL) {
        *ret_number = entry->namespace_entry->row.id;
        *ret_hash = entry->namespace_entry->hash;
        return ACCESS_ROW_NAMESPACE;
    }
    if (entry->principal != NULL) {
        *ret_number = entry->principal->principal.number;
        *ret_hash = entry->principal->hash;
        return ACCESS_ROW_PRINCIPAL;
    }
    if (entry->recipient != NULL) {
        *ret_number = entry->recipient->recipient.number;
        *ret_hash = entry->recipient->hash;
        return ACCESS_ROW_RECIPIENT;
    }
    if (entry->canary != NULL) {
        *ret_number = entry->canary->canary.number;
        *ret_hash = entry->canary->hash;
        return ACCESS_ROW_CANARY;
    }
    *ret_number = ACCESS_SETTINGS_NUMBER;
    *ret_hash = entry->settings->hash;
    return ACCESS_ROW_SETTINGS;
}

enum status
access_row_seal(const struct keyring *keyring, struct access_entry *entry,
                struct access_row *ret_row)
{
    uint8_t plain[ACCESS_PLAIN_BYTES_MAX];
    uint8_t associated[ASSOCIATED_BYTES];
    size_t size = access_plain_encode(entry, plain);
    uint32_t number = 0;
    uint8_t *hash = NULL;
    enum status status;

    ret_row->key[0] = name_entry(entry, &number, &hash);
    put_u32(ret_row->key + 1, number);
    ret_row->value[0] = VERSION;
    ret_row->value[1] = SUITE;
    ret_row->size = VALUE_HEADER_BYTES + size + KEYRING_BOX_EXTRA;
    make_associated(keyring, ret_row->key, ret_row->value, associated);
    status = keyring_encrypt(keyring, access_key, bytes_of(associated, sizeof associated),
                             bytes_of(plain, size), ret_row->value + VALUE_HEADER_BYTES);
    if (status == STATUS_OK) {
        hash_row(bytes_of(ret_row->key, sizeof ret_row->key),
                 bytes_of(ret_row->value, ret_row->size), hash);
    }
    return status;
}

enum status
access_row_read_key(struct bytes key, uint8_t *ret_type, uint32_t *ret_number)
{
    if (key.size != ACCESS_ROW_KEY_BYTES ||
        (key.data[0] != ACCESS_ROW_CANARY && key.data[0] != ACCESS_ROW_NAMESPACE &&
         key.data[0] != ACCESS_ROW_PRINCIPAL && key.data[0] != ACCESS_ROW_RECIPIENT &&
         key.data[0] != ACCESS_ROW_SETTINGS)) {
        return STATUS_CORRUPT;
    }
    *ret_type = key.data[0];
    *ret_number = get_u32(key.data + 1);
    return STATUS_OK;
}

enum status
access_row_open(const struct keyring *keyring, struct bytes key, struct bytes value,
                struct access_entry *entry)
{
    uint8_t plain[ACCESS_PLAIN_BYTES_MAX];
    uint8_t associated[ASSOCIATED_BYTES];
    uint32_t number = 0;
    uint8_t *hash = NULL;
    struct bytes box;
    enum status status;

    if (value.size < VALUE_HEADER_BYTES + KEYRING_BOX_EXTRA ||
        value.size > VALUE_HEADER_BYTES + KEYRING_BOX_EXTRA + ACCESS_PLAIN_BYTES_MAX ||
        value.data[0] != VERSION || value.data[1] != SUITE) {
        return STATUS_CORRUPT;
    }
    make_associated(keyring, key.data, value.data, associated);
    box = bytes_of(value.data + VALUE_HEADER_BYTES, value.size - VALUE_HEADER_BYTES);
    status =
        keyring_decrypt(keyring, access_key, bytes_of(associated, sizeof associated), box, plain);
    if (status != STATUS_OK) {
        return status;
    }
    if (!access_plain_decode(bytes_of(plain, box.size - KEYRING_BOX_EXTRA), entry)) {
        return STATUS_CORRUPT;
    }
    if (name_entry(entry, &number, &hash) != key.data[0] || number != get_u32(key.data + 1)) {
        return STATUS_CORRUPT;
    }
    hash_row(key, value, hash);
    return STATUS_OK;
}

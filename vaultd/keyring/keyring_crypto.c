/* SPDX-License-Identifier: Apache-2.0 */
#include "keyring.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "keyring_file.h"
#include "keyring_internal.h"
#include "secret.h"

/* Input of the blind index: domain, version, kind, u16 length, canonical form. */
static const uint8_t index_domain[] = "contact-vault blind index 1"; /* without its NUL */
enum {
    INDEX_DOMAIN_BYTES = sizeof index_domain - 1,
    INDEX_PREFIX_BYTES = INDEX_DOMAIN_BYTES + 1 + 1 + 2,
};

_Static_assert(KEYRING_BOX_EXTRA == KEYRING_NONCE_BYTES + KEYRING_TAG_BYTES, "as published");
_Static_assert(KEYRING_KEY_BYTES == crypto_sign_SEEDBYTES, "the audit key is a seed");
_Static_assert(PUBLIC_KEY_BYTES == crypto_sign_PUBLICKEYBYTES, "");
_Static_assert(SIGNATURE_BYTES == crypto_sign_BYTES, "");

/* An index key or the audit's seed is never a cipher's key. */
static bool
purpose_encrypts(enum key_purpose purpose)
{
    return purpose == KEY_DATA || purpose == KEY_ACCESS || purpose == KEY_REASON;
}

enum status
keyring_encrypt_with(const struct keyring *keyring, struct key_name name,
                     const uint8_t nonce[static KEYRING_NONCE_BYTES], struct bytes associated,
                     struct bytes plain, uint8_t *ret_box)
{
    const uint8_t *key = NULL;
    enum status status;

    assert(purpose_encrypts(name.purpose));
    status = keyring_find(keyring, name, &key);
    if (status != STATUS_OK) {
        return status;
    }
    memmove(ret_box, nonce, KEYRING_NONCE_BYTES);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(ret_box + KEYRING_NONCE_BYTES, NULL,
                                                     plain.data, plain.size, associated.data,
                                                     associated.size, NULL, ret_box, key);
    return STATUS_OK;
}

enum status
keyring_encrypt(const struct keyring *keyring, struct key_name name, struct bytes associated,
                struct bytes plain, uint8_t *ret_box)
{
    uint8_t nonce[KEYRING_NONCE_BYTES];

    randombytes_buf(nonce, sizeof nonce);
    return keyring_encrypt_with(keyring, name, nonce, associated, plain, ret_box);
}

enum status
keyring_decrypt(const struct keyring *keyring, struct key_name name, struct bytes associated,
                struct bytes box, uint8_t *ret_plain)
{
    const uint8_t *key = NULL;
    enum status status;

    assert(purpose_encrypts(name.purpose));
    status = keyring_find(keyring, name, &key);
    if (status != STATUS_OK) {
        return status;
    }
    if (box.size < KEYRING_BOX_EXTRA ||
        crypto_aead_xchacha20poly1305_ietf_decrypt(
            ret_plain, NULL, NULL, box.data + KEYRING_NONCE_BYTES, box.size - KEYRING_NONCE_BYTES,
            associated.data, associated.size, box.data, key) != 0) {
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

enum status
keyring_blind_index(const struct keyring *keyring, struct key_name name, uint8_t version,
                    enum contact_kind kind, struct bytes canonical,
                    uint8_t ret_index[static BLIND_INDEX_BYTES])
{
    uint8_t prefix[INDEX_PREFIX_BYTES];
    crypto_generichash_state state;
    const uint8_t *key = NULL;
    enum status status = keyring_find(keyring, name, &key);

    assert(name.purpose == KEY_INDEX && canonical.size <= CONTACT_BYTES_MAX);
    if (status != STATUS_OK) {
        return status;
    }
    memcpy(prefix, index_domain, INDEX_DOMAIN_BYTES);
    prefix[INDEX_DOMAIN_BYTES] = version;
    prefix[INDEX_DOMAIN_BYTES + 1] = (uint8_t)kind;
    put_u16(prefix + INDEX_DOMAIN_BYTES + 2, (uint16_t)canonical.size);

    (void)crypto_generichash_init(&state, key, KEYRING_KEY_BYTES, BLIND_INDEX_BYTES);
    (void)crypto_generichash_update(&state, prefix, sizeof prefix);
    (void)crypto_generichash_update(&state, canonical.data, canonical.size);
    (void)crypto_generichash_final(&state, ret_index, BLIND_INDEX_BYTES);
    sodium_memzero(&state, sizeof state); /* it held key and contact */
    return STATUS_OK;
}

enum status
keyring_tag(const struct keyring *keyring, struct bytes message,
            uint8_t ret_tag[static KEYRING_TAG_KEYED_BYTES])
{
    struct key_name name = {.purpose = KEY_TAG, .number = 1};
    const uint8_t *key = NULL;
    enum status status = keyring_find(keyring, name, &key);

    if (status == STATUS_OK) {
        (void)crypto_generichash(ret_tag, KEYRING_TAG_KEYED_BYTES, message.data, message.size, key,
                                 KEYRING_KEY_BYTES);
    }
    return status;
}

/* Seed to key pair; the secret half in guarded memory, where it is wiped whatever happens. */
static enum status
audit_key_pair(const struct keyring *keyring, uint8_t ret_public[static PUBLIC_KEY_BYTES],
               struct secret **ret_signer)
{
    struct key_name name = {.purpose = KEY_AUDIT, .number = 1};
    struct secret *signer = NULL;
    const uint8_t *seed = NULL;
    enum status status = keyring_find(keyring, name, &seed);

    if (status == STATUS_OK) {
        status = secret_new(crypto_sign_SECRETKEYBYTES, &signer);
    }
    if (status != STATUS_OK) {
        return status;
    }
    (void)crypto_sign_seed_keypair(ret_public, secret_write(signer), seed);
    secret_freeze(signer);
    *ret_signer = signer;
    return STATUS_OK;
}

enum status
keyring_audit_public_key(const struct keyring *keyring, uint8_t ret_key[static PUBLIC_KEY_BYTES])
{
    struct secret *signer = NULL;
    enum status status = audit_key_pair(keyring, ret_key, &signer);

    secret_free(&signer);
    return status;
}

enum status
keyring_audit_sign(const struct keyring *keyring, struct bytes message,
                   uint8_t ret_signature[static SIGNATURE_BYTES])
{
    uint8_t public_key[PUBLIC_KEY_BYTES];
    struct secret *signer = NULL;
    enum status status = audit_key_pair(keyring, public_key, &signer);

    if (status == STATUS_OK) {
        (void)crypto_sign_detached(ret_signature, NULL, message.data, message.size,
                                   secret_read(signer));
    }
    secret_free(&signer);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity files that a passphrase protects. Three lines, each ended by a newline: what it is; the
 * public half, as cv_public_key_print has it; and in base64 the Argon2id passes and KiB (u32 each,
 * network order), salt, nonce, and the seed sealed by XChaCha20-Poly1305. All before the nonce is
 * associated data: who alters a byte of the file has a file that does not open.
 */
#include "client_internal.h"

#include <sodium.h>
#include <string.h>

static const char HEADER[] = "contact-vault identity 2\n";

enum {
    PASSES = 3,
    MEMORY_KIB = 256 * 1024, /* as much as unsealing by passphrase takes */
    KIB = 1024,
    HEADER_BYTES = sizeof HEADER - 1,
    PUBLIC_LINE_BYTES = 68,
    COSTS_BYTES = 4 + 4 + CV_SALT_BYTES,
    NONCE_SIZE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    BOX_BYTES = CV_KEY_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES,
    BODY_BYTES = COSTS_BYTES + NONCE_SIZE + BOX_BYTES,
    BODY_TEXT_BYTES = 4 * BODY_BYTES / 3,
    HEAD_BYTES = HEADER_BYTES + PUBLIC_LINE_BYTES + COSTS_BYTES,
};

_Static_assert(BODY_BYTES % 3 == 0, "base64 without padding");
_Static_assert((int)HEADER_BYTES + PUBLIC_LINE_BYTES + BODY_TEXT_BYTES + 1 ==
                   (int)IDENTITY_PROTECTED_BYTES,
               "the whole file");
_Static_assert((int)CV_SALT_BYTES == (int)crypto_pwhash_argon2id_SALTBYTES, "Argon2id's");
_Static_assert(sizeof((struct identity_file *)0)->nonce == NONCE_SIZE &&
                   sizeof((struct identity_file *)0)->box == BOX_BYTES,
               "XChaCha20-Poly1305's");

static bool
costs_are_sane(const struct identity_file *file)
{
    return file->passes >= UNSEAL_PASSES_MIN && file->passes <= UNSEAL_PASSES_MAX &&
           file->memory_kib >= UNSEAL_MEMORY_KIB_MIN && file->memory_kib <= UNSEAL_MEMORY_KIB_MAX;
}

/* The body's parts; the costs go into the head, too. */
static void
take_body(const uint8_t *body, struct identity_file *file)
{
    memcpy(file->head + HEAD_BYTES - COSTS_BYTES, body, COSTS_BYTES);
    file->head_size = HEAD_BYTES;
    file->passes = get_u32(body);
    file->memory_kib = get_u32(body + 4);
    memcpy(file->salt, body + 8, sizeof file->salt);
    memcpy(file->nonce, body + COSTS_BYTES, sizeof file->nonce);
    memcpy(file->box, body + COSTS_BYTES + NONCE_SIZE, sizeof file->box);
}

static bool
parse_public_line(const char *line, uint8_t ret_key[static CV_KEY_BYTES])
{
    char text[PUBLIC_LINE_BYTES + 1] = "", again[CV_PUBLIC_TEXT_BYTES];

    memcpy(text, line, PUBLIC_LINE_BYTES - 1);
    if (line[PUBLIC_LINE_BYTES - 1] != '\n' || cv_public_key_parse(text, ret_key) != CV_OK) {
        return false;
    }
    cv_public_key_print(ret_key, again);
    return strcmp(text, again) == 0;
}

/* libsodium takes some bytes beyond ASCII for letters of base64: only what it would write counts.
 */
static bool
decode_body(const char *text, uint8_t ret_body[static BODY_BYTES])
{
    char again[BODY_TEXT_BYTES + 1];
    size_t decoded = 0;

    if (sodium_base642bin(ret_body, BODY_BYTES, text, BODY_TEXT_BYTES, NULL, &decoded, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        decoded != BODY_BYTES) {
        return false;
    }
    sodium_bin2base64(again, sizeof again, ret_body, BODY_BYTES, sodium_base64_VARIANT_ORIGINAL);
    return memcmp(text, again, BODY_TEXT_BYTES) == 0;
}

bool
protected_parse(const char *text, size_t size, struct identity_file *ret_file)
{
    uint8_t body[BODY_BYTES];

    if (size != IDENTITY_PROTECTED_BYTES || memcmp(text, HEADER, HEADER_BYTES) != 0 ||
        text[size - 1] != '\n' || !parse_public_line(text + HEADER_BYTES, ret_file->public_key)) {
        return false;
    }
    if (!decode_body(text + HEADER_BYTES + PUBLIC_LINE_BYTES, body)) {
        return false;
    }
    ret_file->is_protected = true;
    memcpy(ret_file->head, text, HEADER_BYTES + PUBLIC_LINE_BYTES);
    take_body(body, ret_file);
    return costs_are_sane(ret_file);
}

bool
protected_derive(const struct identity_file *file, const char *passphrase, size_t size,
                 uint8_t ret_key[static CV_KEY_BYTES])
{
    return crypto_pwhash(ret_key, CV_KEY_BYTES, passphrase, size, file->salt, file->passes,
                         (size_t)file->memory_kib * KIB, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

bool
protected_unbox(const struct identity_file *file, const uint8_t key[static CV_KEY_BYTES],
                uint8_t ret_seed[static CV_KEY_BYTES])
{
    return crypto_aead_xchacha20poly1305_ietf_decrypt(ret_seed, NULL, NULL, file->box,
                                                      sizeof file->box, file->head, file->head_size,
                                                      file->nonce, key) == 0;
}

/* What is told of a file before its seed is sealed: fresh salt and nonce, today's costs. */
static void
begin_file(const struct cv_identity *identity, struct identity_file *ret_file)
{
    char line[CV_PUBLIC_TEXT_BYTES];
    uint8_t body[BODY_BYTES] = {0};

    cv_identity_public(identity, ret_file->public_key);
    cv_public_key_print(ret_file->public_key, line);
    memcpy(ret_file->head, HEADER, HEADER_BYTES);
    memcpy(ret_file->head + HEADER_BYTES, line, PUBLIC_LINE_BYTES - 1);
    ret_file->head[HEADER_BYTES + PUBLIC_LINE_BYTES - 1] = '\n';
    put_u32(body, PASSES);
    put_u32(body + 4, MEMORY_KIB);
    randombytes_buf(body + 8, CV_SALT_BYTES + NONCE_SIZE);
    take_body(body, ret_file);
}

static void
print_file(const struct identity_file *file, char ret_text[static IDENTITY_PROTECTED_BYTES + 1])
{
    uint8_t body[BODY_BYTES], *at = body;
    size_t lines = HEADER_BYTES + PUBLIC_LINE_BYTES;

    at = mempcpy(at, file->head + lines, COSTS_BYTES);
    at = mempcpy(at, file->nonce, sizeof file->nonce);
    (void)memcpy(at, file->box, sizeof file->box);
    memcpy(ret_text, file->head, lines);
    sodium_bin2base64(ret_text + lines, BODY_TEXT_BYTES + 1, body, sizeof body,
                      sodium_base64_VARIANT_ORIGINAL);
    memcpy(ret_text + lines + BODY_TEXT_BYTES, "\n", 2);
}

enum cv_status
cv_identity_save(const struct cv_identity *identity, const char *path, const char *passphrase,
                 size_t passphrase_size)
{
    struct identity_file file = {0};
    uint8_t key[CV_KEY_BYTES];
    char text[IDENTITY_PROTECTED_BYTES + 1];

    if (sodium_init() < 0 || passphrase_size == 0) {
        return passphrase_size == 0 ? CV_INVALID : CV_INTERNAL;
    }
    begin_file(identity, &file);
    if (!protected_derive(&file, passphrase, passphrase_size, key)) {
        return CV_INTERNAL;
    }
    crypto_aead_xchacha20poly1305_ietf_encrypt(file.box, NULL, identity->secret_key, CV_KEY_BYTES,
                                               file.head, file.head_size, NULL, file.nonce, key);
    sodium_memzero(key, sizeof key);
    print_file(&file, text);
    return key_file_write(path, text, IDENTITY_PROTECTED_BYTES);
}

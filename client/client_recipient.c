/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key pairs of those whom backups are sealed to. The file of the private half: FILE_HEADER, the key
 * in base64, a newline; 0600. The public half is one line: PUBLIC_HEADER and the key in base64.
 */
#include "client_internal.h"

#include <sodium.h>
#include <string.h>

static const char FILE_HEADER[] = "contact-vault recipient private 1\n";
static const char PUBLIC_HEADER[] = "contact-vault recipient public 1 ";

enum {
    BASE64_BYTES = 45,                                  /* of 32 bytes, with padding and NUL */
    FILE_BYTES = sizeof FILE_HEADER - 1 + BASE64_BYTES, /* the NUL's place holds the newline */
};

_Static_assert(BASE64_BYTES == sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL),
               "base64 of 32 bytes");
_Static_assert(sizeof PUBLIC_HEADER - 1 + BASE64_BYTES <= CV_PUBLIC_TEXT_BYTES,
               "the public line fits");
_Static_assert((int)crypto_box_SECRETKEYBYTES == (int)CV_KEY_BYTES &&
                   (int)crypto_box_PUBLICKEYBYTES == (int)CV_KEY_BYTES,
               "X25519");

void
cv_recipient_print(const uint8_t key[CV_KEY_BYTES], char ret_public[CV_PUBLIC_TEXT_BYTES])
{
    key_line_print(PUBLIC_HEADER, key, ret_public);
}

enum cv_status
cv_recipient_parse(const char *text, uint8_t ret_key[CV_KEY_BYTES])
{
    return key_line_parse(PUBLIC_HEADER, text, ret_key);
}

enum cv_status
cv_recipient_create(const char *path, uint8_t ret_key[CV_KEY_BYTES])
{
    uint8_t secret_key[crypto_box_SECRETKEYBYTES];
    char text[FILE_BYTES];

    if (sodium_init() < 0) {
        return CV_INTERNAL;
    }
    crypto_box_keypair(ret_key, secret_key);
    char *at = stpcpy(text, FILE_HEADER);
    sodium_bin2base64(at, BASE64_BYTES, secret_key, sizeof secret_key,
                      sodium_base64_VARIANT_ORIGINAL);
    text[sizeof text - 1] = '\n';
    enum cv_status status = key_file_write(path, text, sizeof text);
    sodium_memzero(secret_key, sizeof secret_key);
    sodium_memzero(text, sizeof text);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "backup_recipient.h"

#include <sodium.h>
#include <string.h>

static const char public_header[] = "contact-vault recipient public 1 ";
static const char private_header[] = "contact-vault recipient private 1\n";
static const char space[] = " \t\r\n";

enum { BASE64_BYTES = 45 }; /* of 32 bytes, with padding and NUL */

_Static_assert(BASE64_BYTES ==
                   sodium_base64_ENCODED_LEN(BACKUP_KEY_BYTES, sodium_base64_VARIANT_ORIGINAL),
               "base64 of a key");
_Static_assert(sizeof public_header - 1 + BASE64_BYTES <= BACKUP_RECIPIENT_TEXT_BYTES,
               "the line fits");
_Static_assert(sizeof private_header - 1 + BASE64_BYTES == BACKUP_PRIVATE_FILE_BYTES,
               "the NUL's place holds the newline");

static bool
decode_key(const char *text, size_t size, uint8_t *ret_key)
{
    size_t decoded = 0;
    bool sound = sodium_base642bin(ret_key, BACKUP_KEY_BYTES, text, size, NULL, &decoded, NULL,
                                   sodium_base64_VARIANT_ORIGINAL) == 0 &&
                 decoded == BACKUP_KEY_BYTES;

    if (!sound) {
        sodium_memzero(ret_key, BACKUP_KEY_BYTES);
    }
    return sound;
}

void
backup_recipient_print(const uint8_t key[static BACKUP_KEY_BYTES],
                       char ret_text[static BACKUP_RECIPIENT_TEXT_BYTES])
{
    memcpy(ret_text, public_header, sizeof public_header - 1);
    sodium_bin2base64(ret_text + sizeof public_header - 1, BASE64_BYTES, key, BACKUP_KEY_BYTES,
                      sodium_base64_VARIANT_ORIGINAL);
}

bool
backup_recipient_parse(const char *text, uint8_t ret_key[static BACKUP_KEY_BYTES])
{
    const char *at = text + strspn(text, space);
    size_t size;

    if (strncmp(at, public_header, sizeof public_header - 1) != 0) {
        return false;
    }
    at += sizeof public_header - 1;
    size = strcspn(at, space);
    return at[size + strspn(at + size, space)] == '\0' && decode_key(at, size, ret_key);
}

bool
backup_recipient_parse_private(struct bytes file, uint8_t ret_key[static BACKUP_KEY_BYTES])
{
    sodium_memzero(ret_key, BACKUP_KEY_BYTES);
    return file.size == BACKUP_PRIVATE_FILE_BYTES &&
           memcmp(file.data, private_header, sizeof private_header - 1) == 0 &&
           file.data[file.size - 1] == '\n' &&
           decode_key((const char *)file.data + sizeof private_header - 1, BASE64_BYTES - 1,
                      ret_key);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "public_key_text.h"

#include <sodium.h>
#include <string.h>

static const char header[] = "contact-vault public 1 ";
static const char space[] = " \t\r\n";

enum { BASE64_BYTES = 45 }; /* of 32 bytes, with padding and NUL */

_Static_assert(BASE64_BYTES ==
                   sodium_base64_ENCODED_LEN(PUBLIC_KEY_BYTES, sodium_base64_VARIANT_ORIGINAL),
               "base64 of a public key");
_Static_assert(sizeof header - 1 + BASE64_BYTES <= PUBLIC_KEY_TEXT_BYTES, "the line fits");

void
public_key_print(const uint8_t key[static PUBLIC_KEY_BYTES],
                 char ret_text[static PUBLIC_KEY_TEXT_BYTES])
{
    memcpy(ret_text, header, sizeof header - 1);
    sodium_bin2base64(ret_text + sizeof header - 1, BASE64_BYTES, key, PUBLIC_KEY_BYTES,
                      sodium_base64_VARIANT_ORIGINAL);
}

bool
public_key_parse(const char *text, uint8_t ret_key[static PUBLIC_KEY_BYTES])
{
    const char *at = text + strspn(text, space);
    size_t decoded = 0;
    size_t size;

    if (strncmp(at, header, sizeof header - 1) != 0) {
        return false;
    }
    at += sizeof header - 1;
    size = strcspn(at, space);
    return at[size + strspn(at + size, space)] == '\0' &&
           sodium_base642bin(ret_key, PUBLIC_KEY_BYTES, at, size, NULL, &decoded, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           decoded == PUBLIC_KEY_BYTES;
}

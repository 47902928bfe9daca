/* SPDX-License-Identifier: Apache-2.0 */
#include "otpauth.h"

#include <stdbool.h>
#include <string.h>

enum { BITS = 5, BYTE_BITS = 8, NAME_MAX_BYTES = 64 };

_Static_assert(CV_SECRET_BYTES *BYTE_BITS / BITS + 1 == OTPAUTH_SECRET_BYTES, "without padding");

void
otpauth_secret(const uint8_t secret[static CV_SECRET_BYTES],
               char ret_text[static OTPAUTH_SECRET_BYTES])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    for (size_t i = 0; i < OTPAUTH_SECRET_BYTES - 1; i++) {
        size_t bit = i * BITS, at = bit / BYTE_BITS;
        unsigned next = at + 1 < CV_SECRET_BYTES ? secret[at + 1] : 0;
        unsigned two = (unsigned)secret[at] << BYTE_BITS | next;
        ret_text[i] = letters[two >> (2 * BYTE_BITS - BITS - bit % BYTE_BITS) & 0x1f];
    }
    ret_text[OTPAUTH_SECRET_BYTES - 1] = 0;
}

static bool
stands_for_itself(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || strchr("-._~", character) != NULL;
}

void
otpauth_uri(const uint8_t secret[static CV_SECRET_BYTES], const char *name,
            char ret_uri[static OTPAUTH_URI_BYTES])
{
    char text[OTPAUTH_SECRET_BYTES];
    char *at = stpcpy(ret_uri, "otpauth://totp/Contact%20Vault:");

    for (size_t i = 0; i < NAME_MAX_BYTES && name[i] != 0; i++) {
        if (stands_for_itself(name[i])) {
            *at++ = name[i];
        } else {
            at += sprintf(at, "%%%02X", (unsigned char)name[i]);
        }
    }
    otpauth_secret(secret, text);
    at = stpcpy(at, "?secret=");
    at = stpcpy(at, text);
    (void)stpcpy(at, "&issuer=Contact%20Vault&algorithm=SHA1&digits=6&period=30");
    explicit_bzero(text, sizeof text);
}

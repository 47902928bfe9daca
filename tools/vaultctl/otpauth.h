/* SPDX-License-Identifier: Apache-2.0 */
/* otpauth.h: a TOTP secret as an authenticator takes it: a text to type, or a URI to scan. */
#ifndef CONTACT_VAULT_OTPAUTH_H
#define CONTACT_VAULT_OTPAUTH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "contactvault.h"

enum {
    OTPAUTH_SECRET_BYTES = 33, /* base32 (RFC 4648, section 6), with its NUL */
    OTPAUTH_URI_BYTES = 384,   /* whatever the name */
};

void otpauth_secret(const uint8_t secret[static CV_SECRET_BYTES],
                    char ret_text[static OTPAUTH_SECRET_BYTES]);
/* otpauth://totp/Contact%20Vault:NAME?secret=...: SHA-1, six digits, 30 s, as the vault counts. */
void otpauth_uri(const uint8_t secret[static CV_SECRET_BYTES], const char *name,
                 char ret_uri[static OTPAUTH_URI_BYTES]);

#endif

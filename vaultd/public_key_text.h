/* SPDX-License-Identifier: Apache-2.0 */
/*
 * public_key_text.h: a public key as people hand it on: one line, as `vaultctl keygen` prints it
 * (client/client_identity.c; tests compare the two).
 */
#ifndef CONTACT_VAULT_PUBLIC_KEY_TEXT_H
#define CONTACT_VAULT_PUBLIC_KEY_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"

enum { PUBLIC_KEY_TEXT_BYTES = 80 }; /* with the NUL; no newline */

void public_key_print(const uint8_t key[static PUBLIC_KEY_BYTES],
                      char ret_text[static PUBLIC_KEY_TEXT_BYTES]);
/* Space around it does not matter. False: it is none. */
bool public_key_parse(const char *text, uint8_t ret_key[static PUBLIC_KEY_BYTES]);

#endif

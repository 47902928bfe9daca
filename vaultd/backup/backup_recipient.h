/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_recipient.h: the two halves of a recipient's key as people keep and hand them on; as
 * `vaultctl recipient new` writes them (client/client_recipient.c; tests compare the two).
 *
 *   private half, a file: "contact-vault recipient private 1\n", base64 of 32 bytes, "\n"
 *   public half, a line:  "contact-vault recipient public 1 ", base64 of 32 bytes
 */
#ifndef CONTACT_VAULT_BACKUP_RECIPIENT_H
#define CONTACT_VAULT_BACKUP_RECIPIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "backup_file.h"
#include "bytes.h"

enum {
    BACKUP_RECIPIENT_TEXT_BYTES = 80, /* a public half with the NUL; no newline */
    BACKUP_PRIVATE_FILE_BYTES = 34 + 44 + 1,
};

void backup_recipient_print(const uint8_t key[static BACKUP_KEY_BYTES],
                            char ret_text[static BACKUP_RECIPIENT_TEXT_BYTES]);
/* Space around it does not matter. False: it is none. */
bool backup_recipient_parse(const char *text, uint8_t ret_key[static BACKUP_KEY_BYTES]);
/* Strict. False: it is none; ret_key is zeros. The caller wipes both. */
bool backup_recipient_parse_private(struct bytes file, uint8_t ret_key[static BACKUP_KEY_BYTES]);

#endif

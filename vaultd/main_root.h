/* SPDX-License-Identifier: Apache-2.0 */
/* main_root.h: vaultd init --unseal: where a new vault's root key comes from, and goes to. */
#ifndef CONTACT_VAULT_MAIN_ROOT_H
#define CONTACT_VAULT_MAIN_ROOT_H

#include <stdbool.h>

#include "slot.h"

struct secret;
struct share;

/* "keyfile", "passphrase:" and a slot in hex digits, or "shares:K/N". False: none of them. */
bool root_parse(const char *text, struct unseal_slot *ret_slot);

/* `shares` of them, of this root key and set; for root_make's. */
void root_split(const struct unseal_slot *slot, const struct secret *root,
                struct share *ret_shares);

/* ROOT_KEY_BYTES from stdin, and nothing behind them. False: it was said why. */
bool root_read_stdin(struct secret **ret_root);
/* A key file is made, for shares a key that stands nowhere; of a passphrase the 32 bytes are read
 * from stdin. False: it was said why. */
bool root_make(const struct unseal_slot *slot, const char *key_file, struct secret **ret_root);

#endif

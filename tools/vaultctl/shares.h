/* SPDX-License-Identifier: Apache-2.0 */
/* shares.h: a root key that is in shares: brought one by one, and made anew. */
#ifndef CONTACT_VAULT_VAULTCTL_SHARES_H
#define CONTACT_VAULT_VAULTCTL_SHARES_H

#include "vaultctl.h"

/* --shares and --threshold. */
enum exit_code shares_parse(const struct arguments *arguments, struct cv_unsealing *ret_how);
/* From --share-file, or asked for one by one without echo, until the vault is open. */
enum exit_code shares_bring(const struct arguments *arguments, struct cv_client *client);
/* So many of them as the slot asks for, and the key they make, where no vault takes them. */
enum exit_code shares_gather(const struct arguments *arguments, const struct cv_unsealing *how,
                             uint8_t ret_key[static CV_KEY_BYTES]);
/* A new key, whose shares are on stdout when this returns. */
enum exit_code shares_make(const struct arguments *arguments, struct cv_unsealing *how,
                           uint8_t ret_key[static CV_KEY_BYTES]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* unseal.h: how the root key is got. Here: from a key file (also as a systemd credential). */
#ifndef CONTACT_VAULT_UNSEAL_H
#define CONTACT_VAULT_UNSEAL_H

#include "status.h"

struct secret;

/*
 * unseal_keyfile_create: ROOT_KEY_BYTES random bytes in a new file, mode 0400, fsynced with its
 * folder. CONFLICT: there is such a file.
 */
MUST_USE enum status unseal_keyfile_create(const char *path, struct secret **ret_root);

/* NOT_FOUND: no such file. INVALID: not ROOT_KEY_BYTES long, or group or others may read it. */
MUST_USE enum status unseal_keyfile_read(const char *path, struct secret **ret_root);
/* The same for a systemd credential: with User= it is root's, and an access list lets the service
 * read it, which stat(2) shows as the group's right to read. */
MUST_USE enum status unseal_credential_read(const char *path, struct secret **ret_root);

#endif

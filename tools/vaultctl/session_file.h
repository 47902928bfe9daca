/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_file.h: the key of a while that a login made, where this machine forgets it at the latest
 * when it is switched off: $XDG_RUNTIME_DIR/contact-vault, else /run/user/UID/contact-vault, else
 * /tmp/contact-vault-UID. A file for each vault and person, 0600, in a folder of its owner's alone;
 * a link, or what others own or may read, is no session.
 *
 * Four lines: "contact-vault session 1", seed and the person's public key in base64, and when the
 * session ends at the latest, in ms since 1970.
 */
#ifndef CONTACT_VAULT_SESSION_FILE_H
#define CONTACT_VAULT_SESSION_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "contactvault.h"

struct session_key {
    uint8_t seed[CV_KEY_BYTES];
    uint8_t person[CV_KEY_BYTES]; /* whose it is: her own public key */
    uint64_t ends_ms;
};

enum { SESSION_PATH_BYTES = 4096 };

/* Of the vault whose sockets lie beside this one. False: too long. */
bool session_path(const char *socket, const uint8_t person[static CV_KEY_BYTES],
                  char ret_path[static SESSION_PATH_BYTES]);
/* False: there is none, it is somebody else's, or it is over. The caller wipes *ret_key. */
bool session_read(const char *path, struct session_key *ret_key);
/* One that ends in so many seconds, over the one before, whole or not at all; key->ends_ms is not
 * looked at. False: errno says why; EPERM: the folder is not the caller's alone. */
bool session_write(const char *path, const struct session_key *key, uint32_t lasts_s);
void session_remove(const char *path);

#endif

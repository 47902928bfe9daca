/* SPDX-License-Identifier: Apache-2.0 */
/* passphrase.h: a root key that is made of a passphrase. It is read and used up here: the daemon
 * is given the key alone. */
#ifndef CONTACT_VAULT_PASSPHRASE_H
#define CONTACT_VAULT_PASSPHRASE_H

#include "vaultctl.h"

enum { TYPED_BYTES_MAX = 1024 };

/* A secret that is read; the caller wipes it. */
struct typed {
    char text[TYPED_BYTES_MAX + 2]; /* one more, to see a longer one, and room for NUL */
    size_t size;
};
/* Up to the first end of line. False: it cannot be read. */
bool typed_line(int from, struct typed *typed);
/* The same, asked of a person, and not shown. */
bool typed_unseen(const char *prompt, struct typed *typed);

/* How a new vault makes its key: a fresh salt, and costs that a login screen would not ask for. */
void passphrase_choose(struct cv_unsealing *ret_how);

/* The key of the passphrase that exists: from --passphrase-file, or asked for without echo. */
enum exit_code passphrase_key(const struct arguments *arguments, const struct cv_unsealing *how,
                              uint8_t ret_key[static CV_KEY_BYTES]);
/* The key of a new one: long enough, and typed twice. */
enum exit_code passphrase_new_key(const struct arguments *arguments, const struct cv_unsealing *how,
                                  uint8_t ret_key[static CV_KEY_BYTES]);

#endif

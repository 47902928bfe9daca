/* SPDX-License-Identifier: Apache-2.0 */
/* passphrase.h: secrets that people type, and a root key that is made of a passphrase. That is read
 * and used up here: the daemon is given the key alone. */
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

/* From whoever sits at the terminal, else from the next line of stdin; ends in NUL. Says what is
 * wrong: nothing was given, or more than anything may have. */
enum typing { TYPED_SEEN, TYPED_UNSEEN };
enum exit_code typed_answer(const struct arguments *arguments, const char *prompt,
                            enum typing typing, struct typed *ret_typed);

/* From --passphrase-file, else asked for without echo; the caller wipes it, whatever comes of it.
 */
enum exit_code passphrase_ask(const struct arguments *arguments, const char *prompt,
                              struct typed *passphrase);
/* A new one: long enough, and typed twice. A file says it once, for it has eyes to see it. */
enum exit_code passphrase_ask_new(const struct arguments *arguments, struct typed *passphrase);

/* How a new vault makes its key: a fresh salt, and costs that a login screen would not ask for. */
void passphrase_choose(struct cv_unsealing *ret_how);

/* The key of the passphrase that exists: from --passphrase-file, or asked for without echo. */
enum exit_code passphrase_key(const struct arguments *arguments, const struct cv_unsealing *how,
                              uint8_t ret_key[static CV_KEY_BYTES]);
/* The key of a new one: long enough, and typed twice. */
enum exit_code passphrase_new_key(const struct arguments *arguments, const struct cv_unsealing *how,
                                  uint8_t ret_key[static CV_KEY_BYTES]);

#endif

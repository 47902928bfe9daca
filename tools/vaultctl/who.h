/* SPDX-License-Identifier: Apache-2.0 */
/* who.h: whose key a command uses, and how a person makes a session of hers (see also vaultctl.h).
 */
#ifndef CONTACT_VAULT_WHO_H
#define CONTACT_VAULT_WHO_H

#include "vaultctl.h"

enum { IDENTITY_PATH_BYTES = 4096 };

struct who {
    char path[IDENTITY_PATH_BYTES]; /* of the identity file; empty: there is none */
    bool given;                     /* on the command line or in the environment */
    bool is_protected;              /* by a passphrase */
    uint8_t key[CV_KEY_BYTES];      /* its public half */
};

/* ($XDG_CONFIG_HOME or ~/.config)/contact-vault/identity. False: nobody knows where home is. */
bool who_default_path(char ret_path[static IDENTITY_PATH_BYTES]);
/* The identity that is given, or the one that lies in its place. Says what is wrong with a given
 * one. */
enum exit_code who_find(const struct arguments *arguments, struct who *ret_who);
/* Its key, for which the passphrase is asked if it has one. Says what is wrong. */
enum exit_code who_unlock(const struct arguments *arguments, const struct who *who,
                          struct cv_identity **ret_identity);
/* A connection as the session of hers that is under way; one that is over is removed. False: there
 * is none, or nothing was to be reached, which *ret_code then says as well. */
bool who_resume(const struct arguments *arguments, const struct vault_address *address,
                const struct who *who, struct cv_client **ret_client, enum exit_code *ret_code);
struct typed;
/* "123 456" is how a phone shows it: six digits lose their blanks, all else stays as it is. */
void factor_close_gaps(struct typed *factor);
/* Removes her session's file, if there is one. */
void who_forget(const struct vault_address *address, const struct who *who);
/* Asks for passphrase and factor, makes the session and its file; *ret_reply is the vault's, to be
 * freed whatever comes of it. Says what is wrong. */
enum exit_code who_log_in(const struct arguments *arguments, const struct vault_address *address,
                          const struct who *who, struct cv_reply **ret_reply);

#endif

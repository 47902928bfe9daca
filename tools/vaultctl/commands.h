/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h: what vaultctl.c's table is made of, and the functions it names. */
#ifndef CONTACT_VAULT_COMMANDS_H
#define CONTACT_VAULT_COMMANDS_H

#include <argp.h>
#include <stddef.h>

#include "vaultctl.h"

/* Options that a command has besides the common ones. */
enum option_key {
    OPTION_DATA = 0x100,
    OPTION_SOCKET,
    OPTION_IDENTITY,
    OPTION_JSON,
    OPTION_SERVER_UID,
    OPTION_TIMEOUT,
    OPTION_KEY_FILE,
    OPTION_ADMIN_UID,
    OPTION_UID,
    OPTION_PUBLIC_KEY,
    OPTION_PERSON,
    OPTION_WA_ID,
    OPTION_REGION,
    OPTION_REASON,
    OPTION_PURPOSE,
    OPTION_TICKET,
    OPTION_FROM,
    OPTION_ALL,
    OPTION_RELAYED,
    OPTION_LASTS,
    OPTION_UNTIL,
    OPTION_DAILY,
    OPTION_HOURLY,
    OPTION_RETAIN,
    OPTION_PRINCIPAL,
    OPTION_TOKEN,
    OPTION_OPERATION,
    OPTION_SINCE,
    OPTION_CHECKPOINT,
    OPTION_COLUMN,
    OPTION_ERRORS,
    OPTION_RESUME,
    OPTION_WAIT,
    OPTION_DETACH,
    OPTION_NOW,
    OPTION_YES,
    OPTION_UNSEAL,
    OPTION_PASSPHRASE_FILE,
    OPTION_SHARE_FILE,
    OPTION_SHARES,
    OPTION_THRESHOLD,
    OPTION_RATE,
    OPTION_REPORT,
    OPTION_CSV,
    OPTION_RECIPIENT,
    OPTION_AUDIT_FOLDER,
    OPTION_ACCEPT_LOST,
    OPTION_ACCEPT_DAMAGED,
    OPTION_VERIFY,
    OPTION_TMP,
    OPTION_USAGE,
};

enum { VALUES_ANY = 1000000 };

/* At the end of every --help. */
#define EXIT_CODES_HELP                                                                            \
    "Exit codes: 0 ok, 1 the vault said no or a value of a batch failed, 2 usage,\n"               \
    "3 the vault is not reached, 4 sealed, 5 not permitted, 6 try again later,\n"                  \
    "7 waiting for approval.\n"

struct command {
    const char *name, *arguments, *help, *example;
    const struct argp_option *options;
    size_t values_min, values_max;
    enum exit_code (*run)(const struct arguments *arguments);
};

/* Exits with EXIT_USAGE after one line of error, or 0 after --help, by itself. */
void arguments_parse(const struct command *command, int argc, char **argv,
                     struct arguments *ret_arguments);

/* Is --json among the words? */
bool arguments_want_json(int argc, char *const *argv);

/* What every command has besides its own; ends with a row of zeros. */
extern const struct argp_option common_options[];

/* A new key of each purpose in the namespace of the arguments (the only one, untold), and until the
 * old ones are destroyed, unless --detach; where one rotates already, another after it. Says what
 * is wrong, and what is out of reach then. */
enum exit_code rotate_both_keys(const struct arguments *arguments);

/* A compaction that begins now, and its end. Says what is wrong. */
enum exit_code compact_after_erase(const struct arguments *arguments);

/* A script by which bash completes vaultctl's command line, made of the tables. */
void completion_print(const struct command *commands, size_t count);

enum exit_code cmd_init(const struct arguments *arguments);
enum exit_code cmd_status(const struct arguments *arguments);
enum exit_code cmd_seal(const struct arguments *arguments);
enum exit_code cmd_unseal(const struct arguments *arguments);
enum exit_code cmd_freeze(const struct arguments *arguments);
enum exit_code cmd_unfreeze(const struct arguments *arguments);
enum exit_code cmd_enrol(const struct arguments *arguments);
enum exit_code cmd_login(const struct arguments *arguments);
enum exit_code cmd_logout(const struct arguments *arguments);
enum exit_code cmd_whoami(const struct arguments *arguments);
enum exit_code cmd_keygen(const struct arguments *arguments);
enum exit_code cmd_namespace_create(const struct arguments *arguments);
enum exit_code cmd_namespace_list(const struct arguments *arguments);
enum exit_code cmd_namespace_set(const struct arguments *arguments);
enum exit_code cmd_namespace_shred(const struct arguments *arguments);
enum exit_code cmd_key_rotate(const struct arguments *arguments);
/* Of --unseal (untold: a key file), with what may be given beside it. */
enum exit_code provider_parse(const struct arguments *arguments, enum cv_provider *ret_provider);
/* key rotate root */
enum exit_code root_rotate(const struct arguments *arguments);
enum exit_code cmd_compact(const struct arguments *arguments);
enum exit_code cmd_key_status(const struct arguments *arguments);
enum exit_code cmd_recipient_new(const struct arguments *arguments);
enum exit_code cmd_recipient_add(const struct arguments *arguments);
enum exit_code cmd_recipient_list(const struct arguments *arguments);
enum exit_code cmd_recipient_remove(const struct arguments *arguments);
enum exit_code cmd_canary_add(const struct arguments *arguments);
enum exit_code cmd_canary_list(const struct arguments *arguments);
enum exit_code cmd_canary_remove(const struct arguments *arguments);
enum exit_code cmd_notify_test(const struct arguments *arguments);
enum exit_code cmd_backup(const struct arguments *arguments);
enum exit_code cmd_restore(const struct arguments *arguments);
/* backup --verify */
enum exit_code backup_verify(const struct arguments *arguments);
enum exit_code cmd_principal_add(const struct arguments *arguments);
enum exit_code cmd_principal_invite(const struct arguments *arguments);
enum exit_code cmd_principal_list(const struct arguments *arguments);
enum exit_code cmd_principal_show(const struct arguments *arguments);
enum exit_code cmd_principal_disable(const struct arguments *arguments);
enum exit_code cmd_principal_enable(const struct arguments *arguments);
/* The end of an act that may give what a person enrols with. Frees the reply, closes the client. */
enum exit_code finish_with_code(const struct arguments *arguments, struct cv_client **client,
                                struct cv_reply **reply, const char *done);
enum exit_code cmd_principal_set_key(const struct arguments *arguments);
enum exit_code cmd_approvals(const struct arguments *arguments);
enum exit_code cmd_pending(const struct arguments *arguments);
enum exit_code cmd_approve(const struct arguments *arguments);
enum exit_code cmd_deny(const struct arguments *arguments);
enum exit_code cmd_principal_offboard(const struct arguments *arguments);
enum exit_code cmd_grant(const struct arguments *arguments);
enum exit_code cmd_revoke(const struct arguments *arguments);
enum exit_code cmd_tokenize(const struct arguments *arguments);
enum exit_code cmd_lookup(const struct arguments *arguments);
enum exit_code cmd_mask(const struct arguments *arguments);
enum exit_code cmd_describe(const struct arguments *arguments);
enum exit_code cmd_detokenize(const struct arguments *arguments);
enum exit_code cmd_erase(const struct arguments *arguments);
enum exit_code cmd_import(const struct arguments *arguments);
enum exit_code cmd_audit_tail(const struct arguments *arguments);
enum exit_code cmd_audit_report(const struct arguments *arguments);
enum exit_code cmd_audit_subject(const struct arguments *arguments);
enum exit_code cmd_audit_verify(const struct arguments *arguments);

#endif

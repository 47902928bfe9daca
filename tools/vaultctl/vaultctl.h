/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vaultctl.h: what the commands share. A command is a row of vaultctl.c's table and a function that
 * takes its arguments parsed and gives an exit code.
 */
#ifndef CONTACT_VAULT_VAULTCTL_H
#define CONTACT_VAULT_VAULTCTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "contactvault.h"

/* Scripts rely on them: they never change their meaning. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_REFUSED = 1, /* the vault said no, or an item of a batch failed */
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3,
    EXIT_SEALED = 4,
    EXIT_NOT_PERMITTED = 5,
    EXIT_TRY_LATER = 6,
    EXIT_WAITING = 7, /* for an approval */
};

enum { IMPORT_COLUMNS_MAX = 16 };

/* What stands on the command line and in the environment. */
struct arguments {
    const char *command; /* "principal add" */
    char **values;       /* positional */
    size_t value_count;

    const char *data, *socket, *identity, *namespace_name;
    bool namespace_given; /* on the command line, not in the environment */
    bool json;
    const char *server_uid, *timeout_ms;

    const char *key_file, *admin_uid, *output;
    const char *unseal, *passphrase_file, *share_file, *shares, *threshold;
    const char *uid, *public_key;
    bool person, relayed, wa_id, all, follow, wait, detach, now, yes, csv;
    const char *region, *reason, *purpose, *ticket;
    const char *lasts, *until, *daily, *hourly, *retain;
    const char *from, *lines, *principal, *token, *operation, *since;
    const char *checkpoint, *rate;
    const char *recipient, *audit_folder, *tmp;
    bool accept_lost, accept_damaged, verify;
    const char *columns[IMPORT_COLUMNS_MAX];
    size_t column_count;
    const char *errors;
    bool resume;
};

/* ---- session.c: a connection, and what its answers mean to a shell ---- */

enum socket_name { SOCKET_DATA, SOCKET_ADMIN };
enum { SOCKET_PATH_BYTES = 4096 };

/* Where a vault is, and whose server may answer there; stays where it is, for it points into
 * itself.
 */
struct vault_address {
    struct cv_options options; /* without an identity */
    char path[SOCKET_PATH_BYTES];
};
/* Both say what is wrong. identity NULL: known by the Unix uid. */
enum exit_code address_find(const struct arguments *arguments, enum socket_name name,
                            struct vault_address *ret_address);
enum exit_code address_connect(const struct arguments *arguments,
                               const struct vault_address *address,
                               const struct cv_identity *identity, struct cv_client **ret_client);

/* ---- who.c: as whom ---- */

/*
 * EXIT_OK: connected, as whoever the command line and the machine say: the session of the identity
 * that is given or lies in its place, a key without passphrase, else the Unix uid. Where a person
 * is asked for who has no session, session_open asks her for one, if she sits at a terminal, and
 * session_open_keyed for the passphrase alone; session_open_unasked goes on as the Unix uid.
 * Otherwise it was said why not.
 */
enum exit_code session_open(const struct arguments *arguments, enum socket_name name,
                            struct cv_client **ret_client);
enum exit_code session_open_keyed(const struct arguments *arguments, enum socket_name name,
                                  struct cv_client **ret_client);
enum exit_code session_open_unasked(const struct arguments *arguments, enum socket_name name,
                                    struct cv_client **ret_client);

/* ---- session.c again ---- */

enum exit_code exit_code_of(enum cv_status status);
/* A call that takes nothing but the vault, from the admin socket; `done` is said of it. */
typedef enum cv_status plain_call(struct cv_client *client, struct cv_reply **ret_reply);
enum exit_code run_plain(const struct arguments *arguments, plain_call *call, const char *done);
/* The same for one that takes the first positional argument, a name. */
typedef enum cv_status name_call(struct cv_client *client, const char *name,
                                 struct cv_reply **ret_reply);
enum exit_code run_by_name(const struct arguments *arguments, name_call *call, const char *done);
/* Says what is wrong, on stderr or as JSON, if anything is. */
enum exit_code report(const struct arguments *arguments, const struct cv_reply *reply);
/* The end of a command that only changes something: frees the reply, closes the client. */
enum exit_code finish(const struct arguments *arguments, struct cv_client **client,
                      struct cv_reply **reply, const char *done);

/* ---- output.c ---- */

/* "vaultctl principal add: ..." on stderr, one line, and with --json {"error": ...} on stdout;
 * gives `code` back. */
__attribute__((format(printf, 3, 4))) enum exit_code
fail(const struct arguments *arguments, enum exit_code code, const char *format, ...);
/* The same for a status that says more than its exit code does. */
__attribute__((format(printf, 3, 4))) enum exit_code
fail_status(const struct arguments *arguments, enum cv_status status, const char *format, ...);
/* On stderr alone: what was told as JSON already. */
__attribute__((format(printf, 2, 3))) void fail_told(const struct arguments *arguments,
                                                     const char *format, ...);
/* On stderr alone: what is no error. */
__attribute__((format(printf, 2, 3))) void note(const struct arguments *arguments,
                                                const char *format, ...);
/* As fail, before there are arguments. `command` may be "". */
enum exit_code usage_error(const char *command, bool json, const char *text);
/* One line on stdout; takes ownership. */
void print_json(json_t *json);
/* The same where texts by others are in it: pure ASCII on a terminal. */
void print_json_safely(json_t *json);
/* Left out where the text is NULL or empty. */
void json_set_text(json_t *json, const char *name, const char *text);
void json_set_number(json_t *json, const char *name, uint64_t number);
/* Of a name or path as it was given: where it is no UTF-8, with \xNN for what JSON cannot hold. */
json_t *json_text(const char *text);
/* {"error": {...}}; retry_after_s 0: none. */
json_t *error_json(enum cv_status status, const char *message, uint32_t retry_after_s);
enum { TIME_TEXT_BYTES = 32 };
/* RFC 3339, UTC, milliseconds. */
void time_print(uint64_t time_ms, char ret_text[static TIME_TEXT_BYTES]);
/* "2026-01-01 18:00:00", UTC: for a person. */
void time_print_short(uint64_t time_ms, char ret_text[static TIME_TEXT_BYTES]);
struct table;
/* On stdout, as wide as the terminal; frees it. NULL: says that there is no memory. */
void print_table(struct table **table);
/* jansson and stdio hold contacts, too: both wipe what they let go. */
void output_setup(void);
/* Flushes and wipes. False: stdout could not be written. */
bool output_finish(void);

/* What follows a noun after this number: "s" or nothing. */
const char *plural(uint64_t count);

/* Decimal digits alone. False: they are none, or more than `max`. */
bool number_parse(const char *text, uint64_t max, uint64_t *ret_number);

/* ---- programs.c: other programs of ours ---- */

enum { PROGRAM_PATH_BYTES = 4096 };
/* Beside vaultctl's own file, in one of the folders named. False: not there. */
bool program_find(const char *const *places, char ret_path[static PROGRAM_PATH_BYTES]);
/* A secret becomes what vaultd, started next, reads from stdin. False: no pipe is to be had. */
bool give_on_stdin(const uint8_t *bytes, size_t size);

/* A command line for vaultd; the words are the caller's, and outlive it. */
enum { VAULTD_WORDS_MAX = 24 };
struct vaultd_line {
    const char *words[VAULTD_WORDS_MAX + 1]; /* the first one is "vaultd" */
    size_t count;
};
struct vaultd_line vaultd_line_of(const char *face); /* a subcommand of vaultd's */
void vaultd_line_add(struct vaultd_line *line, const char *word);
/* Option and value, if there is one. */
void vaultd_line_option(struct vaultd_line *line, const char *option, const char *value);
/* Becomes vaultd; comes back only when that fails. */
enum exit_code vaultd_execute(const struct arguments *arguments, const struct vaultd_line *line);

#endif

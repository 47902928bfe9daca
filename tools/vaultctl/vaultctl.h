/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vaultctl.h: what the commands share. A command is a row of vaultctl.c's table and a function that
 * takes its arguments parsed and gives an exit code.
 */
#ifndef CONTACT_VAULT_VAULTCTL_H
#define CONTACT_VAULT_VAULTCTL_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "contactvault.h"

/* PRODUCT.md's; scripts rely on them. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_REFUSED = 1, /* the vault said no, or an item of a batch failed */
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3,
    EXIT_SEALED = 4,
    EXIT_NOT_PERMITTED = 5,
    EXIT_TRY_LATER = 6,
};

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
    const char *uid, *public_key;
    bool person, wa_id;
    const char *region, *reason;
    const char *from, *lines;
};

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
    OPTION_FROM,
};

enum { VALUES_ANY = 1000000 };

struct command {
    const char *name, *arguments, *help, *example;
    const struct argp_option *options;
    size_t values_min, values_max;
    enum exit_code (*run)(const struct arguments *arguments);
};

/* Exits with EXIT_USAGE, or 0 after --help, by itself. */
void arguments_parse(const struct command *command, int argc, char **argv,
                     struct arguments *ret_arguments);

/* ---- session.c: a connection, and what its answers mean to a shell ---- */

enum socket_name { SOCKET_DATA, SOCKET_ADMIN };

/* EXIT_OK: connected. Otherwise it was said why. */
enum exit_code session_open(const struct arguments *arguments, enum socket_name name,
                            struct cv_client **ret_client);
enum exit_code exit_code_of(enum cv_status status);
/* Says what is wrong, on stderr or as JSON, if anything is. */
enum exit_code report(const struct arguments *arguments, const struct cv_reply *reply);
/* The end of a command that only changes something: frees the reply, closes the client. */
enum exit_code finish(const struct arguments *arguments, struct cv_client **client,
                      struct cv_reply **reply, const char *done);

/* ---- output.c ---- */

/* "vaultctl principal add: ..." on stderr, one line; gives `code` back. */
__attribute__((format(printf, 3, 4))) enum exit_code
fail(const struct arguments *arguments, enum exit_code code, const char *format, ...);
/* One line on stdout; takes ownership. */
void print_json(json_t *json);
/* {"error": {...}}; retry_after_s 0: none. */
json_t *error_json(enum cv_status status, const char *message, uint32_t retry_after_s);
enum { TIME_TEXT_BYTES = 32 };
/* RFC 3339, UTC, milliseconds. */
void time_print(uint64_t time_ms, char ret_text[static TIME_TEXT_BYTES]);
/* jansson and stdio hold contacts, too: both wipe what they let go. */
void output_setup(void);
/* Flushes and wipes. False: stdout could not be written. */
bool output_finish(void);

/* What follows a noun after this number: "s" or nothing. */
const char *plural(uint64_t count);

/* Decimal digits alone. False: they are none, or more than `max`. */
bool number_parse(const char *text, uint64_t max, uint64_t *ret_number);

/* ---- input.c: values from the command line, a pipe or a person ---- */

enum {
    BATCH_VALUES = 1024,
    VALUE_LINE_BYTES = 520, /* a little over the longest value, so that a longer one is seen */
};

struct batch {
    size_t count;
    const char *values[BATCH_VALUES];
    const char *faults[BATCH_VALUES]; /* found on this side; NULL: none */
    char lines[BATCH_VALUES][VALUE_LINE_BYTES];
};

struct input {
    const struct arguments *arguments;
    size_t next; /* of arguments->values */
    bool from_stdin;
    bool is_prompted;
    const char *prompt;
    uint64_t values_read;
};

void input_init(struct input *input, const struct arguments *arguments, const char *prompt);
/* False: there are no more. */
bool input_read(struct input *input, struct batch *batch);
void batch_wipe(struct batch *batch);

/* ---- region.c: national numbers, by a helper program behind a pipe ---- */

struct region;
enum exit_code region_open(const struct arguments *arguments, struct region **ret_region);
/* In place. False: the helper is gone. */
bool region_convert(struct region *region, struct batch *batch);
void region_close(struct region **region);

/* ---- programs.c: other programs of ours ---- */

enum { PROGRAM_PATH_BYTES = 4096 };
/* Beside vaultctl's own file, in one of the folders named. False: not there. */
bool program_find(const char *const *places, char ret_path[static PROGRAM_PATH_BYTES]);
/* Becomes vaultd; comes back only when that fails. */
enum exit_code vaultd_execute(const struct arguments *arguments, char *const *argv);

/* ---- commands ---- */

enum exit_code cmd_init(const struct arguments *arguments);
enum exit_code cmd_status(const struct arguments *arguments);
enum exit_code cmd_seal(const struct arguments *arguments);
enum exit_code cmd_unseal(const struct arguments *arguments);
enum exit_code cmd_keygen(const struct arguments *arguments);
enum exit_code cmd_namespace_create(const struct arguments *arguments);
enum exit_code cmd_namespace_list(const struct arguments *arguments);
enum exit_code cmd_principal_add(const struct arguments *arguments);
enum exit_code cmd_principal_list(const struct arguments *arguments);
enum exit_code cmd_principal_show(const struct arguments *arguments);
enum exit_code cmd_principal_disable(const struct arguments *arguments);
enum exit_code cmd_grant(const struct arguments *arguments);
enum exit_code cmd_revoke(const struct arguments *arguments);
enum exit_code cmd_tokenize(const struct arguments *arguments);
enum exit_code cmd_lookup(const struct arguments *arguments);
enum exit_code cmd_mask(const struct arguments *arguments);
enum exit_code cmd_detokenize(const struct arguments *arguments);
enum exit_code cmd_audit_tail(const struct arguments *arguments);
enum exit_code cmd_audit_verify(const struct arguments *arguments);

#endif

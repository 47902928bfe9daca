/* SPDX-License-Identifier: Apache-2.0 */
/* principal add, invite, list, show, disable, enable, set-key. */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "print_principal.h"
#include "terms.h"

enum { PUBLIC_FILE_BYTES = 512 };

static enum exit_code
read_public_key(const struct arguments *arguments, uint8_t ret_key[static CV_KEY_BYTES])
{
    char text[PUBLIC_FILE_BYTES] = "";
    const char *path = arguments->public_key;
    bool from_stdin = strcmp(path, "-") == 0;
    FILE *file = from_stdin ? stdin : fopen(path, "re");

    if (file == NULL) {
        return fail(arguments, EXIT_USAGE, "%s: %s", path, strerror(errno));
    }
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = 0;
    if (!from_stdin) {
        (void)fclose(file);
    }
    if (cv_public_key_parse(text, ret_key) != CV_OK) {
        return fail(arguments, EXIT_USAGE,
                    "%s: not a public key; vaultctl keygen prints one that begins with "
                    "\"contact-vault public 1\"",
                    path);
    }
    return EXIT_OK;
}

static enum exit_code
take_uid(const struct arguments *arguments, struct cv_new_principal *principal)
{
    uint64_t uid;

    if (!number_parse(arguments->uid, UINT32_MAX, &uid)) {
        return fail(arguments, EXIT_USAGE, "--uid takes a number (see id -u USER)");
    }
    principal->uid = (uint32_t)uid;
    return EXIT_OK;
}

/* Her key comes when she enrols: from this uid alone, or from any. */
static enum exit_code
take_person(const struct arguments *arguments, struct cv_new_principal *principal)
{
    if (arguments->public_key != NULL) {
        return fail(arguments, EXIT_USAGE,
                    "a person makes her own key, by vaultctl enrol with the code that this prints: "
                    "leave out --public-key");
    }
    if (arguments->uid != NULL && arguments->relayed) {
        return fail(arguments, EXIT_USAGE,
                    "--relayed is for one who comes from other uids, --uid for one who does not");
    }
    principal->any_uid = arguments->uid == NULL;
    return principal->any_uid ? EXIT_OK : take_uid(arguments, principal);
}

/* By which the vault will know the principal. */
static enum exit_code
take_identity(const struct arguments *arguments, struct cv_new_principal *principal,
              uint8_t key[static CV_KEY_BYTES])
{
    if (arguments->person) {
        return take_person(arguments, principal);
    }
    if ((arguments->uid == NULL) == (arguments->public_key == NULL)) {
        return fail(arguments, EXIT_USAGE, "give one of --uid N and --public-key FILE");
    }
    if (arguments->relayed && arguments->public_key == NULL) {
        return fail(arguments, EXIT_USAGE, "--relayed goes with --public-key FILE, not with --uid");
    }
    if (arguments->uid != NULL) {
        return take_uid(arguments, principal);
    }
    principal->public_key = key;
    return read_public_key(arguments, key);
}

enum exit_code
finish_with_code(const struct arguments *arguments, struct cv_client **client,
                 struct cv_reply **reply, const char *done)
{
    bool by_name = strncmp(arguments->command, "principal", sizeof "principal" - 1) == 0;
    char good_for[WAIT_TEXT_BYTES];
    enum exit_code code = report(arguments, *reply);

    if (code == EXIT_OK && (*reply)->code != NULL && arguments->json) {
        print_json(json_pack("{s:b, s:s, s:I}", "ok", 1, "code", (*reply)->code, "expires_s",
                             (json_int_t)(*reply)->lasts_s));
    } else if (code == EXIT_OK && (*reply)->code != NULL) {
        wait_print((*reply)->lasts_s, good_for);
        printf("%s; enrolment code:\n%s\n", done, (*reply)->code);
        note(arguments,
             "give %s the code yourself: it works once, for %s, and is not shown again. With it: "
             "vaultctl enrol %s",
             by_name ? arguments->values[0] : "her", good_for,
             by_name ? arguments->values[0] : "NAME");
    } else if (code == EXIT_OK) {
        return finish(arguments, client, reply, done);
    }
    cv_reply_free(reply);
    cv_close(client);
    return code;
}

enum exit_code
cmd_principal_add(const struct arguments *arguments)
{
    uint8_t key[CV_KEY_BYTES] = {0};
    struct cv_new_principal principal = {
        .name = arguments->values[0],
        .kind = arguments->person ? CV_PERSON : CV_SERVICE,
        .relayed = arguments->relayed,
    };
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = take_identity(arguments, &principal, key);

    if (code == EXIT_OK) {
        code = session_open(arguments, SOCKET_ADMIN, &client);
    }
    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_principal_add(client, &principal, &reply);
    return finish_with_code(arguments, &client, &reply, "added");
}

enum exit_code
cmd_principal_invite(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = session_open(arguments, SOCKET_ADMIN, &client);

    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_principal_invite(client, arguments->values[0], &reply);
    return finish_with_code(arguments, &client, &reply, "invited");
}

/* Prints the page that begins at *from, or adds it to the table, and moves *from behind it.
 * *ret_more false: that was the end. */
static enum exit_code
print_page(const struct arguments *arguments, struct cv_client *client, struct table *table,
           uint64_t *from, bool *ret_more)
{
    struct cv_reply *reply = NULL;

    (void)cv_principal_list(client, *from, &reply);
    enum exit_code code = report(arguments, reply);
    if (code == EXIT_OK) {
        print_principals(arguments, reply, table);
    }
    *ret_more = code == EXIT_OK && reply->count > 0;
    /* A vault that does not go forward must not make us go on for ever. */
    if (*ret_more && reply->next <= *from) {
        code =
            fail(arguments, EXIT_REFUSED, "the vault's list does not go on; some may be missing");
    }
    *from = reply->next;
    cv_reply_free(&reply);
    return code;
}

enum exit_code
cmd_principal_list(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    enum exit_code code = session_open(arguments, SOCKET_ADMIN, &client);
    bool as_table = !arguments->json && terminal_is(stdout);
    struct table *table = as_table ? principals_table_new() : NULL;
    uint64_t from = 1;
    bool more = true;

    while (code == EXIT_OK && more) {
        code = print_page(arguments, client, table, &from, &more);
    }
    if (table != NULL && from > 1) {
        print_table(&table);
    }
    table_free(&table);
    cv_close(&client);
    return code;
}

enum exit_code
cmd_principal_show(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = session_open(arguments, SOCKET_ADMIN, &client);

    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_principal_show(client, arguments->values[0], &reply);
    code = report(arguments, reply);
    if (code == EXIT_OK && !arguments->json && terminal_is(stdout)) {
        show_principal(reply);
    } else if (code == EXIT_OK) {
        print_principals(arguments, reply, NULL);
    }
    cv_reply_free(&reply);
    cv_close(&client);
    return code;
}

enum exit_code
cmd_principal_disable(const struct arguments *arguments)
{
    return run_by_name(arguments, cv_principal_disable, "disabled");
}

enum exit_code
cmd_principal_enable(const struct arguments *arguments)
{
    return run_by_name(arguments, cv_principal_enable, "enabled; its grants are in force again");
}

enum exit_code
cmd_principal_set_key(const struct arguments *arguments)
{
    uint8_t key[CV_KEY_BYTES] = {0};
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = EXIT_OK;

    if (arguments->public_key == NULL) {
        code = fail(arguments, EXIT_USAGE, "give the public half of its key: --public-key FILE");
    }
    if (code == EXIT_OK) {
        code = read_public_key(arguments, key);
    }
    if (code == EXIT_OK) {
        code = session_open(arguments, SOCKET_ADMIN, &client);
    }
    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_principal_set_key(client, arguments->values[0], key, &reply);
    return finish(arguments, &client, &reply,
                  "set: it is known by this key alone; grants of deliver must be given again");
}

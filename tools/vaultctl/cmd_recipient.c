/* SPDX-License-Identifier: Apache-2.0 */
/* recipient new, add, list, remove: whom backups are sealed to. */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "table.h"

enum { PUBLIC_FILE_BYTES = 512 };

/* ---- new ---- */

static enum exit_code
make_pair(const struct arguments *arguments, uint8_t ret_key[static CV_KEY_BYTES])
{
    if (arguments->output == NULL) {
        return fail(arguments, EXIT_USAGE, "say where the private half shall be: -o FILE");
    }
    switch (cv_recipient_create(arguments->output, ret_key)) {
    case CV_OK:
        return EXIT_OK;
    case CV_CONFLICT:
        return fail(arguments, EXIT_REFUSED, "%s is there already; a key is never overwritten",
                    arguments->output);
    default:
        return fail(arguments, EXIT_REFUSED, "%s: %s", arguments->output, strerror(errno));
    }
}

static void
print_pair(const struct arguments *arguments, const uint8_t key[static CV_KEY_BYTES])
{
    char public_key[CV_PUBLIC_TEXT_BYTES];

    cv_recipient_print(key, public_key);
    if (arguments->json) {
        print_json(json_pack("{s:s, s:o, s:s}", "name", arguments->values[0], "private_key_file",
                             json_text(arguments->output), "public_key", public_key));
        return;
    }
    puts(public_key);
    note(arguments,
         "%s opens the backups that are made from now on, together with the root key. It belongs "
         "offline, and not beside either of them: move it there now, twice, and off this machine",
         arguments->output);
}

/* The pair is made first: the vault shall seal to nobody whose private half could not be written.
 */
enum exit_code
cmd_recipient_new(const struct arguments *arguments)
{
    uint8_t key[CV_KEY_BYTES];
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = session_open(arguments, SOCKET_ADMIN, &client);

    if (code == EXIT_OK) {
        code = make_pair(arguments, key);
    }
    if (code != EXIT_OK) {
        cv_close(&client);
        return code;
    }
    (void)cv_recipient_add(client, arguments->values[0], key, &reply);
    code = report(arguments, reply);
    if (code == EXIT_OK) {
        print_pair(arguments, key);
    } else if (reply->status == CV_PENDING) {
        note(arguments, "%s is kept: once it is approved, backups are sealed to it",
             arguments->output);
    } else if (!reply->outcome_unknown) {
        (void)unlink(arguments->output); /* nothing is sealed to it */
    }
    cv_reply_free(&reply);
    cv_close(&client);
    return code;
}

/* ---- add, remove ---- */

static enum exit_code
read_public_key(const struct arguments *arguments, uint8_t ret_key[static CV_KEY_BYTES])
{
    char text[PUBLIC_FILE_BYTES] = "";
    const char *path = arguments->public_key;
    bool from_stdin = path != NULL && strcmp(path, "-") == 0;

    if (path == NULL) {
        return fail(arguments, EXIT_USAGE, "give the public half of its key: --public-key FILE");
    }
    FILE *file = from_stdin ? stdin : fopen(path, "re");
    if (file == NULL) {
        return fail(arguments, EXIT_USAGE, "%s: %s", path, strerror(errno));
    }
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = 0;
    if (!from_stdin) {
        (void)fclose(file);
    }
    if (cv_recipient_parse(text, ret_key) != CV_OK) {
        return fail(arguments, EXIT_USAGE,
                    "%s: not a recipient's public key; vaultctl recipient new prints one that "
                    "begins with \"contact-vault recipient public 1\"",
                    path);
    }
    return EXIT_OK;
}

enum exit_code
cmd_recipient_add(const struct arguments *arguments)
{
    uint8_t key[CV_KEY_BYTES];
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = read_public_key(arguments, key);

    if (code == EXIT_OK) {
        code = session_open(arguments, SOCKET_ADMIN, &client);
    }
    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_recipient_add(client, arguments->values[0], key, &reply);
    return finish(arguments, &client, &reply, "added");
}

enum exit_code
cmd_recipient_remove(const struct arguments *arguments)
{
    return run_by_name(arguments, cv_recipient_remove,
                       "removed; it still opens the backups that were made for it");
}

/* ---- list ---- */

static void
print_recipient(const struct arguments *arguments, const struct cv_recipient *recipient)
{
    char created[TIME_TEXT_BYTES], public_key[CV_PUBLIC_TEXT_BYTES];

    time_print(recipient->created_ms, created);
    cv_recipient_print(recipient->public_key, public_key);
    if (arguments->json) {
        print_json(json_pack("{s:s, s:s, s:s}", "name", recipient->name, "public_key", public_key,
                             "created", created));
    } else {
        printf("%s\t%s\t%s\n", recipient->name, created, public_key);
    }
}

static void
print_as_table(const struct cv_reply *reply)
{
    static const char *const heads[] = {"RECIPIENT", "CREATED", "PUBLIC KEY"};
    struct table *table = table_new(heads, sizeof heads / sizeof *heads);

    for (size_t i = 0; table != NULL && i < reply->count; i++) {
        const struct cv_recipient *recipient = &reply->recipients[i];
        char created[TIME_TEXT_BYTES], public_key[CV_PUBLIC_TEXT_BYTES];

        time_print_short(recipient->created_ms, created);
        cv_recipient_print(recipient->public_key, public_key);
        table_add(table, (const char *const[]){recipient->name, created, public_key}, COLOUR_NONE);
    }
    print_table(&table);
}

enum exit_code
cmd_recipient_list(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = session_open(arguments, SOCKET_ADMIN, &client);

    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_recipient_list(client, &reply);
    code = report(arguments, reply);
    if (code == EXIT_OK && !arguments->json && terminal_is(stdout)) {
        print_as_table(reply);
    } else if (code == EXIT_OK) {
        for (size_t i = 0; i < reply->count; i++) {
            print_recipient(arguments, &reply->recipients[i]);
        }
    }
    cv_reply_free(&reply);
    cv_close(&client);
    return code;
}

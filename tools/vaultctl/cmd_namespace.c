/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "passphrase.h"
#include "table.h"
#include "terms.h"

enum { LINE_BYTES = 160 };

enum exit_code
cmd_namespace_create(const struct arguments *arguments)
{
    return run_by_name(arguments, cv_namespace_create, "created");
}

static void
describe_retention(uint32_t months, char ret_text[static LINE_BYTES])
{
    (void)snprintf(ret_text, LINE_BYTES,
                   months == 0 ? "no contact is erased for its age"
                               : "contacts unused for %u month%s are erased",
                   months, plural(months));
}

enum exit_code
cmd_namespace_set(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    char done[LINE_BYTES];
    uint32_t months;

    if (arguments->retain == NULL || !retention_parse(arguments->retain, &months)) {
        return fail(arguments, EXIT_USAGE, "say how long: --retain takes " RETENTION_FORM);
    }
    enum exit_code code = session_open(arguments, SOCKET_ADMIN, &client);
    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_namespace_set(client, arguments->values[0], months, &reply);
    describe_retention(months, done);
    return finish(arguments, &client, &reply, done);
}

static const char *
state_of(const struct cv_namespace *namespace)
{
    return namespace->state == NULL ? "active" : namespace->state;
}

static bool
is_active(const struct cv_namespace *namespace)
{
    return strcmp(state_of(namespace), "active") == 0;
}

/* What becomes of its contacts. */
static void
describe_fate(const struct cv_namespace *namespace, char ret_text[static LINE_BYTES])
{
    if (is_active(namespace)) {
        describe_retention(namespace->retain_months, ret_text);
    } else {
        (void)snprintf(ret_text, LINE_BYTES, "%s",
                       strcmp(state_of(namespace), "swept") == 0
                           ? "shredded, and swept"
                           : "shredded: so many are to be swept");
    }
}

static void
print_namespace(const struct arguments *arguments, const struct cv_namespace *namespace)
{
    char created[TIME_TEXT_BYTES];

    time_print(namespace->created_ms, created);
    if (arguments->json) {
        print_json(json_pack("{s:s, s:s, s:s, s:I, s:I}", "name", namespace->name, "state",
                             state_of(namespace), "created", created, "contacts",
                             (json_int_t) namespace->contacts, "retain_months",
                             (json_int_t) namespace->retain_months));
    } else {
        char retention[LINE_BYTES];
        describe_fate(namespace, retention);
        printf("%s\t%s\t%" PRIu64 " contact%s\t%s\n", namespace->name, created, namespace->contacts,
               plural(namespace->contacts), retention);
    }
}

static void
print_as_table(const struct cv_reply *reply)
{
    static const char *const heads[] = {"NAMESPACE", "CONTACTS", "CREATED", "KEPT UNUSED"};
    struct table *table = table_new(heads, sizeof heads / sizeof *heads);

    for (size_t i = 0; table != NULL && i < reply->count; i++) {
        const struct cv_namespace *namespace = &reply->namespaces[i];
        char contacts[TIME_TEXT_BYTES], created[TIME_TEXT_BYTES], kept[TIME_TEXT_BYTES];

        (void)snprintf(contacts, sizeof contacts, "%" PRIu64, namespace->contacts);
        time_print_short(namespace->created_ms, created);
        (void)snprintf(kept, sizeof kept,
                       !is_active(namespace)           ? "shredded"
                       : namespace->retain_months == 0 ? "for ever"
                                                       : "%u month%s",
                       namespace->retain_months, plural(namespace->retain_months));
        table_add(table, (const char *const[]){namespace->name, contacts, created, kept},
                  is_active(namespace) ? COLOUR_NONE : COLOUR_WARN);
    }
    print_table(&table);
}

static void
print_namespaces(const struct arguments *arguments, const struct cv_reply *reply)
{
    if (!arguments->json && terminal_is(stdout)) {
        print_as_table(reply);
        return;
    }
    for (size_t i = 0; i < reply->count; i++) {
        print_namespace(arguments, &reply->namespaces[i]);
    }
}

enum exit_code
cmd_namespace_list(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = session_open(arguments, SOCKET_ADMIN, &client);

    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_namespace_list(client, &reply);
    code = report(arguments, reply);
    if (code == EXIT_OK) {
        print_namespaces(arguments, reply);
    }
    cv_reply_free(&reply);
    cv_close(&client);
    return code;
}

/* ---- shred ---- */

/* Nobody takes it back, so whoever sits there types the name once more. */
static enum exit_code
confirm_shred(const struct arguments *arguments)
{
    const char *name = arguments->values[0];
    struct typed typed = {0};

    if (arguments->yes) {
        return EXIT_OK;
    }
    if (!terminal_can_ask()) {
        return fail(arguments, EXIT_USAGE,
                    "nobody is there to confirm it: say --yes, if %s shall be destroyed", name);
    }
    (void)fprintf(stderr,
                  "Every contact of %s will be unreadable for ever, and its tokens lead nowhere.\n"
                  "Nobody can undo it. Type the namespace's name to go on: ",
                  name);
    if (!typed_line(STDIN_FILENO, &typed) || typed.size != strlen(name) ||
        memcmp(typed.text, name, typed.size) != 0) {
        return fail(arguments, EXIT_USAGE, "this is not its name; nothing was done");
    }
    return EXIT_OK;
}

enum exit_code
cmd_namespace_shred(const struct arguments *arguments)
{
    enum exit_code code = confirm_shred(arguments);

    return code == EXIT_OK
               ? run_by_name(arguments, cv_namespace_shred,
                             "shredded: its keys are destroyed; its rows are swept by and by. "
                             "Older copies of the\nkeyring (backups, old pages of the disk) open "
                             "with the root key: vaultctl key rotate root")
               : code;
}

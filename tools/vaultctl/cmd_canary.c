/* SPDX-License-Identifier: Apache-2.0 */
/* canary add, list, remove: contacts that nobody has a reason to open. notify test: whether alarms
 * arrive. */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>

#include "input.h"
#include "table.h"
#include "terminal.h"

/* ---- add ---- */

static enum exit_code
add(const struct arguments *arguments, const char *value)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = session_open(arguments, SOCKET_ADMIN, &client);

    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_canary_add(client, value, arguments->namespace_name, &reply);
    code = report(arguments, reply);
    if (code == EXIT_OK && arguments->json) {
        print_json(
            json_pack("{s:s, s:I}", "token", reply->token, "number", (json_int_t)reply->number));
    } else if (code == EXIT_OK) {
        puts(reply->token);
    }
    cv_reply_free(&reply);
    cv_close(&client);
    return code;
}

enum exit_code
cmd_canary_add(const struct arguments *arguments)
{
    struct batch *batch = calloc(1, sizeof *batch);
    struct input input;
    enum exit_code code;

    if (batch == NULL) {
        return fail(arguments, EXIT_REFUSED, "out of memory");
    }
    input_init(&input, arguments, "contact: ");
    input_warn_of_history(&input);
    if (!input_read(&input, batch)) {
        code = fail(arguments, EXIT_USAGE, "give a contact of your own, on stdin");
    } else if (batch->count > 1) {
        code = fail(arguments, EXIT_USAGE, "one contact at a time");
    } else {
        code = add(arguments, batch->values[0]);
    }
    batch_wipe(batch);
    free(batch);
    return code;
}

enum exit_code
cmd_canary_remove(const struct arguments *arguments)
{
    return run_by_name(arguments, cv_canary_remove, "removed; the contact stays, and is no trap");
}

/* ---- list ---- */

static void
print_canary(const struct arguments *arguments, const struct cv_canary *canary)
{
    char created[TIME_TEXT_BYTES];

    time_print(canary->created_ms, created);
    if (arguments->json) {
        print_json(json_pack("{s:s, s:I, s:s, s:s, s:b}", "token", canary->token, "number",
                             (json_int_t)canary->number, "namespace", canary->namespace_name,
                             "created", created, "gone", canary->gone));
    } else {
        printf("%s\t%u\t%s\t%s\t%s\n", canary->token, canary->number, canary->namespace_name,
               created, canary->gone ? "gone" : "");
    }
}

static void
print_as_table(const struct cv_reply *reply)
{
    enum { NUMBER_BYTES = 16 };
    static const char *const heads[] = {"TOKEN", "NUMBER", "NAMESPACE", "CREATED", ""};
    struct table *table = table_new(heads, sizeof heads / sizeof *heads);

    for (size_t i = 0; table != NULL && i < reply->count; i++) {
        const struct cv_canary *canary = &reply->canaries[i];
        char created[TIME_TEXT_BYTES], number[NUMBER_BYTES];

        time_print_short(canary->created_ms, created);
        (void)snprintf(number, sizeof number, "%u", canary->number);
        table_add(table,
                  (const char *const[]){canary->token, number, canary->namespace_name, created,
                                        canary->gone ? "gone: no trap any more" : ""},
                  COLOUR_NONE);
    }
    print_table(&table);
}

enum exit_code
cmd_canary_list(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = session_open(arguments, SOCKET_ADMIN, &client);

    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_canary_list(client, &reply);
    code = report(arguments, reply);
    if (code == EXIT_OK && !arguments->json && terminal_is(stdout)) {
        print_as_table(reply);
    } else if (code == EXIT_OK) {
        for (size_t i = 0; i < reply->count; i++) {
            print_canary(arguments, &reply->canaries[i]);
        }
    }
    cv_reply_free(&reply);
    cv_close(&client);
    return code;
}

/* ---- whether alarms arrive ---- */

enum exit_code
cmd_notify_test(const struct arguments *arguments)
{
    return run_plain(arguments, cv_notify_test,
                     "handed on; the vault's log says whether the command took it");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* status, seal, freeze, unfreeze: the vault as a whole. */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "table.h"

enum { STATE_BYTES = 64 };

static void
print_state(const struct cv_reply *reply)
{
    printf("%s%s, version %s", reply->state,
           reply->frozen == CV_FREEZE_ALL ? " (deliveries too)" : "", reply->release);
    if (reply->has_totals) {
        printf(", %" PRIu64 " namespace%s, %" PRIu64 " contact%s", reply->namespaces_total,
               plural(reply->namespaces_total), reply->contacts_total,
               plural(reply->contacts_total));
    }
    putchar('\n');
}

static enum colour
colour_of(const char *state)
{
    return strcmp(state, "unsealed") == 0 ? COLOUR_GOOD : COLOUR_WARN;
}

/* For a person: a line each. */
static void
show_state(const struct cv_reply *reply)
{
    char state[STATE_BYTES], number[STATE_BYTES], key[CV_PUBLIC_TEXT_BYTES];
    struct table *table = table_new(NULL, 2);

    if (table != NULL) {
        (void)snprintf(state, sizeof state, "%s%s", reply->state,
                       reply->frozen == CV_FREEZE_ALL ? " (deliveries too)" : "");
        table_add(table, (const char *const[]){"state", state}, colour_of(reply->state));
        table_add(table, (const char *const[]){"version", reply->release}, COLOUR_NONE);
    }
    if (table != NULL && reply->has_totals) {
        (void)snprintf(number, sizeof number, "%" PRIu64, reply->namespaces_total);
        table_add(table, (const char *const[]){"namespaces", number}, COLOUR_NONE);
        (void)snprintf(number, sizeof number, "%" PRIu64, reply->contacts_total);
        table_add(table, (const char *const[]){"contacts", number}, COLOUR_NONE);
    }
    if (table != NULL && reply->audit_key != NULL) {
        cv_public_key_print(reply->audit_key, key);
        table_add(table, (const char *const[]){"audit key", key}, COLOUR_NONE);
    }
    print_table(&table);
}

static void
print_state_json(const struct cv_reply *reply)
{
    json_t *json = json_pack("{s:s, s:s}", "state", reply->state, "version", reply->release);

    if (reply->has_totals) {
        json_set_number(json, "namespaces", reply->namespaces_total);
        json_set_number(json, "contacts", reply->contacts_total);
        json_set_text(json, "frozen", cv_freeze_name(reply->frozen));
    }
    if (reply->audit_key != NULL) {
        char key[CV_PUBLIC_TEXT_BYTES]; /* as audit.pub has it */
        cv_public_key_print(reply->audit_key, key);
        json_set_text(json, "audit_key", key);
    }
    print_json(json);
}

enum exit_code
cmd_status(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = session_open_unasked(arguments, SOCKET_DATA, &client);

    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_state(client, &reply);
    code = report(arguments, reply);
    if (code == EXIT_OK && (reply->state == NULL || reply->release == NULL)) {
        code = fail(arguments, EXIT_REFUSED, "the vault does not say its state");
    } else if (code == EXIT_OK && arguments->json) {
        print_state_json(reply);
    } else if (code == EXIT_OK && terminal_is(stdout)) {
        show_state(reply);
    } else if (code == EXIT_OK) {
        print_state(reply);
    }
    cv_reply_free(&reply);
    cv_close(&client);
    return code;
}

enum exit_code
cmd_seal(const struct arguments *arguments)
{
    return run_plain(arguments, cv_seal, "sealed");
}

/* By whoever may, in a hurry: on the socket that people have. */
enum exit_code
cmd_freeze(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = session_open_keyed(arguments, SOCKET_DATA, &client);

    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_freeze(client, arguments->all, &reply);
    return finish(arguments, &client, &reply,
                  arguments->all ? "frozen: no reveal, and no delivery either"
                                 : "frozen: no reveal by people; deliveries go on");
}

enum exit_code
cmd_unfreeze(const struct arguments *arguments)
{
    return run_plain(arguments, cv_unfreeze, "unfrozen");
}

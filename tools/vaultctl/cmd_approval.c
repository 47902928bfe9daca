/* SPDX-License-Identifier: Apache-2.0 */
/* approvals, pending, approve, deny: what two admins do together. */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "escape.h"
#include "table.h"

enum { KEY_BYTES = CV_PUBLIC_TEXT_BYTES, NUMBER_BYTES = 24, TEXT_BYTES = 1024 };

/* The empty text where there is none. A recipient's key is of another kind than a principal's. */
static void
key_print(const struct cv_request *request, char ret_key[static KEY_BYTES])
{
    const char *act = cv_act_name(request->act);
    bool is_recipient = act != NULL && strcmp(act, "recipient_add") == 0;

    *ret_key = 0;
    if (request->public_key != NULL && is_recipient) {
        cv_recipient_print(request->public_key, ret_key);
    } else if (request->public_key != NULL) {
        cv_public_key_print(request->public_key, ret_key);
    }
}

/* ---- approvals ---- */

static enum exit_code
find_setting(const struct arguments *arguments, enum cv_approvals *ret_approvals)
{
    for (enum cv_approvals i = CV_APPROVALS_AUTO; cv_approvals_name(i) != NULL; i++) {
        if (strcmp(cv_approvals_name(i), arguments->values[0]) == 0) {
            *ret_approvals = i;
            return EXIT_OK;
        }
    }
    return fail(arguments, EXIT_USAGE, "approvals are auto, always or never");
}

static void
print_setting(const struct arguments *arguments, const struct cv_reply *reply)
{
    if (arguments->json) {
        print_json(json_pack("{s:s, s:b, s:I}", "approvals", cv_approvals_name(reply->approvals),
                             "active", reply->approvals_active, "admins",
                             (json_int_t)reply->total));
        return;
    }
    printf("%s: %s; %" PRIu64 " admin%s could approve\n", cv_approvals_name(reply->approvals),
           reply->approvals_active ? "in force" : "not in force", reply->total,
           plural(reply->total));
}

enum exit_code
cmd_approvals(const struct arguments *arguments)
{
    enum cv_approvals approvals = CV_APPROVALS_AUTO;
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    bool sets = arguments->value_count > 0;
    enum exit_code code = sets ? find_setting(arguments, &approvals) : EXIT_OK;

    if (code == EXIT_OK) {
        code = session_open(arguments, SOCKET_ADMIN, &client);
    }
    if (code != EXIT_OK) {
        return code;
    }
    if (sets) {
        (void)cv_approvals_set(client, approvals, &reply);
        return finish(arguments, &client, &reply, "set");
    }
    (void)cv_pending(client, &reply);
    code = report(arguments, reply);
    if (code == EXIT_OK && cv_approvals_name(reply->approvals) == NULL) {
        code = fail(arguments, EXIT_REFUSED, "the vault does not say how they are set");
    } else if (code == EXIT_OK) {
        print_setting(arguments, reply);
    }
    cv_reply_free(&reply);
    cv_close(&client);
    return code;
}

/* ---- pending ---- */

static void
print_request_json(const struct cv_request *request, const char *key)
{
    char created[TIME_TEXT_BYTES], expires[TIME_TEXT_BYTES];
    const char *act = cv_act_name(request->act);
    json_t *json;

    time_print(request->created_ms, created);
    time_print(request->expires_ms, expires);
    json = json_pack("{s:I, s:s, s:s, s:o, s:s, s:s}", "request", (json_int_t)request->number,
                     "principal", request->principal, "operation", act != NULL ? act : "unknown",
                     "text", json_text(request->text), "created", created, "expires", expires);
    json_set_text(json, "subject", request->subject);
    json_set_text(json, "public_key", key);
    print_json(json);
}

static void
print_request(const struct cv_request *request, const char *key)
{
    char expires[TIME_TEXT_BYTES], text[TEXT_BYTES];

    time_print(request->expires_ms, expires);
    text_escape(request->text, text, sizeof text);
    printf("%" PRIu64 "\t%s\t%s\t%s\t%s\n", request->number, request->principal, expires, text,
           key);
}

/* A request a line, and below it the key to be compared with whose it is. */
static void
show_requests(const struct cv_reply *reply)
{
    static const char *const heads[] = {"REQUEST", "BY", "UNTIL", "WHAT"};
    struct table *table = table_new(heads, sizeof heads / sizeof *heads);

    for (size_t i = 0; table != NULL && i < reply->count; i++) {
        const struct cv_request *request = &reply->requests[i];
        char number[NUMBER_BYTES], expires[TIME_TEXT_BYTES], key[KEY_BYTES];

        (void)snprintf(number, sizeof number, "%" PRIu64, request->number);
        time_print_short(request->expires_ms, expires);
        key_print(request, key);
        table_add(table, (const char *const[]){number, request->principal, expires, request->text},
                  COLOUR_NONE);
        if (*key != 0) {
            table_add(table, (const char *const[]){"", "", "", key}, COLOUR_NONE);
        }
    }
    print_table(&table);
}

static void
print_requests(const struct arguments *arguments, const struct cv_reply *reply)
{
    for (size_t i = 0; i < reply->count; i++) {
        char key[KEY_BYTES];

        key_print(&reply->requests[i], key);
        if (arguments->json) {
            print_request_json(&reply->requests[i], key);
        } else {
            print_request(&reply->requests[i], key);
        }
    }
}

enum exit_code
cmd_pending(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = session_open(arguments, SOCKET_ADMIN, &client);

    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_pending(client, &reply);
    code = report(arguments, reply);
    if (code == EXIT_OK && !arguments->json && terminal_is(stdout)) {
        show_requests(reply);
    } else if (code == EXIT_OK) {
        print_requests(arguments, reply);
    }
    cv_reply_free(&reply);
    cv_close(&client);
    return code;
}

/* ---- approve, deny ---- */

typedef enum cv_status decision(struct cv_client *client, uint64_t request,
                                struct cv_reply **ret_reply);

static enum exit_code
decide(const struct arguments *arguments, decision *decide_it, const char *done)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    uint64_t number = 0;
    enum exit_code code = EXIT_OK;

    if (!number_parse(arguments->values[0], UINT64_MAX, &number) || number == 0) {
        code = fail(arguments, EXIT_USAGE, "give the number that vaultctl pending shows");
    }
    if (code == EXIT_OK) {
        code = session_open(arguments, SOCKET_ADMIN, &client);
    }
    if (code != EXIT_OK) {
        return code;
    }
    (void)decide_it(client, number, &reply);
    return finish_with_code(arguments, &client, &reply, done);
}

enum exit_code
cmd_approve(const struct arguments *arguments)
{
    return decide(arguments, cv_approve, "approved, and done");
}

enum exit_code
cmd_deny(const struct arguments *arguments)
{
    return decide(arguments, cv_deny, "denied: it waits no longer");
}

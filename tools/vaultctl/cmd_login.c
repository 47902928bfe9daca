/* SPDX-License-Identifier: Apache-2.0 */
/* login, logout, whoami: a person's session. */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "print_principal.h"
#include "table.h"
#include "terms.h"
#include "who.h"

enum { SESSION_TEXT_BYTES = 160 };

/* A recovery code was used, or there are hardly any left: then it matters how many. */
static void
tell_codes(const struct arguments *arguments, uint32_t left)
{
    if (left < CV_RECOVERY_CODES) {
        note(arguments, "%u recovery code%s left%s", left, plural(left),
             left == 0 ? ": an admin can give you a new enrolment code" : "");
    }
}

/* An approver learns it where she comes in: nobody else tells her. */
static void
tell_waiting(const struct arguments *arguments, uint32_t waiting)
{
    if (waiting > 0) {
        note(arguments, "%u request%s wait%s for your approval: vaultctl pending", waiting,
             plural(waiting), waiting == 1 ? "s" : "");
    }
}

static void
print_session(const struct arguments *arguments, const struct cv_reply *reply)
{
    char idle[WAIT_TEXT_BYTES], lasts[WAIT_TEXT_BYTES];

    if (arguments->json) {
        print_json(json_pack("{s:s, s:I, s:I, s:I, s:I}", "principal", reply->principal, "idle_s",
                             (json_int_t)reply->idle_s, "lasts_s", (json_int_t)reply->lasts_s,
                             "codes_left", (json_int_t)reply->codes_left, "waiting",
                             (json_int_t)reply->waiting));
        return;
    }
    wait_print(reply->idle_s, idle);
    wait_print(reply->lasts_s, lasts);
    printf("logged in as %s: for %s at the most, and until nothing is asked for %s\n",
           reply->principal, lasts, idle);
}

enum exit_code
cmd_login(const struct arguments *arguments)
{
    struct vault_address address;
    struct who who;
    struct cv_reply *reply = NULL;
    enum exit_code code = address_find(arguments, SOCKET_DATA, &address);

    if (code == EXIT_OK) {
        code = who_find(arguments, &who);
    }
    if (code == EXIT_OK && *who.path == 0) {
        return fail(arguments, EXIT_USAGE,
                    "who are you? Give --identity FILE, which vaultctl enrol makes");
    }
    if (code == EXIT_OK) {
        code = who_log_in(arguments, &address, &who, &reply);
    }
    if (code == EXIT_OK) {
        print_session(arguments, reply);
        tell_codes(arguments, reply->codes_left);
        tell_waiting(arguments, reply->waiting);
    }
    cv_reply_free(&reply);
    return code;
}

enum exit_code
cmd_logout(const struct arguments *arguments)
{
    struct vault_address address;
    struct who who;
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = address_find(arguments, SOCKET_DATA, &address);

    if (code == EXIT_OK) {
        code = who_find(arguments, &who);
    }
    if (code != EXIT_OK) {
        return code;
    }
    bool resumed = who_resume(arguments, &address, &who, &client, &code);
    who_forget(&address, &who); /* whatever the vault says */
    if (!resumed) {
        return code != EXIT_OK
                   ? code
                   : fail_status(arguments, CV_NO_SESSION, "there is no session to end");
    }
    (void)cv_logout(client, &reply);
    return finish(arguments, &client, &reply, "logged out");
}

static void
print_self_json(const struct cv_reply *reply)
{
    const struct cv_principal *self = reply->principals;
    json_t *json = json_pack("{s:s, s:s, s:b}", "principal", self->name, "kind",
                             cv_principal_kind_name(self->kind), "enrolled", self->enrolled);

    if (reply->lasts_s != 0) {
        json_set_number(json, "idle_s", reply->idle_s);
        json_set_number(json, "lasts_s", reply->lasts_s);
        json_set_number(json, "codes_left", reply->codes_left);
        json_set_number(json, "waiting", reply->waiting);
    }
    json_object_set_new(json, "grants", principal_grants_json(self));
    print_json(json);
}

/* "for 7 h 12 min at the most, 15 min idle", or why there is none. */
static void
session_print(const struct cv_reply *reply, char ret_text[static SESSION_TEXT_BYTES])
{
    const struct cv_principal *self = reply->principals;
    char idle[WAIT_TEXT_BYTES], lasts[WAIT_TEXT_BYTES];

    if (reply->lasts_s != 0) {
        wait_print(reply->idle_s, idle);
        wait_print(reply->lasts_s, lasts);
        (void)snprintf(ret_text, SESSION_TEXT_BYTES, "session for %s at the most, %s idle", lasts,
                       idle);
        return;
    }
    (void)snprintf(ret_text, SESSION_TEXT_BYTES, "%s",
                   self->enrolled            ? "no session"
                   : self->kind == CV_PERSON ? "not enrolled"
                                             : "");
}

static void
print_self(const struct cv_reply *reply)
{
    const struct cv_principal *self = reply->principals;
    char session[SESSION_TEXT_BYTES];

    session_print(reply, session);
    printf("%s\t%s\t%s\t", self->name, cv_principal_kind_name(self->kind), session);
    principal_print_grants(self);
    putchar('\n');
}

/* For a person: a line each. */
static void
show_self(const struct cv_reply *reply)
{
    const struct cv_principal *self = reply->principals;
    char session[SESSION_TEXT_BYTES], left[WAIT_TEXT_BYTES];
    struct table *table = table_new(NULL, 2);

    if (table != NULL) {
        session_print(reply, session);
        table_add(table, (const char *const[]){"you are", self->name}, COLOUR_HEAD);
        table_add(table, (const char *const[]){"kind", cv_principal_kind_name(self->kind)},
                  COLOUR_NONE);
        if (*session != 0) {
            table_add(table, (const char *const[]){"session", session},
                      reply->lasts_s != 0 ? COLOUR_GOOD : COLOUR_WARN);
        }
        if (reply->lasts_s != 0) {
            (void)snprintf(left, sizeof left, "%u left", reply->codes_left);
            table_add(table, (const char *const[]){"recovery codes", left}, COLOUR_NONE);
        }
        if (reply->waiting > 0) {
            (void)snprintf(left, sizeof left, "%u request%s", reply->waiting,
                           plural(reply->waiting));
            table_add(table, (const char *const[]){"waiting for you", left}, COLOUR_WARN);
        }
        principal_add_grants(table, self);
    }
    print_table(&table);
}

enum exit_code
cmd_whoami(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = session_open_keyed(arguments, SOCKET_DATA, &client);

    if (code != EXIT_OK) {
        return code;
    }
    (void)cv_whoami(client, &reply);
    code = report(arguments, reply);
    if (code == EXIT_OK) {
        if (arguments->json) {
            print_self_json(reply);
        } else if (terminal_is(stdout)) {
            show_self(reply);
        } else {
            print_self(reply);
        }
    }
    cv_reply_free(&reply);
    cv_close(&client);
    return code;
}

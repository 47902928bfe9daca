/* SPDX-License-Identifier: Apache-2.0 */
/* login, logout, whoami: a person's session. */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "print_principal.h"
#include "terms.h"
#include "who.h"

/* A recovery code was used, or there are hardly any left: then it matters how many. */
static void
tell_codes(const struct arguments *arguments, uint32_t left)
{
    if (left < CV_RECOVERY_CODES) {
        note(arguments, "%u recovery code%s left%s", left, plural(left),
             left == 0 ? ": an admin can give you a new enrolment code" : "");
    }
}

static void
print_session(const struct arguments *arguments, const struct cv_reply *reply)
{
    char idle[WAIT_TEXT_BYTES], lasts[WAIT_TEXT_BYTES];

    if (arguments->json) {
        print_json(json_pack("{s:s, s:I, s:I, s:I}", "principal", reply->principal, "idle_s",
                             (json_int_t)reply->idle_s, "lasts_s", (json_int_t)reply->lasts_s,
                             "codes_left", (json_int_t)reply->codes_left));
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
    }
    json_object_set_new(json, "grants", principal_grants_json(self));
    print_json(json);
}

static void
print_self(const struct arguments *arguments, const struct cv_reply *reply)
{
    const struct cv_principal *self = reply->principals;

    if (arguments->json) {
        print_self_json(reply);
        return;
    }
    printf("%s\t%s\t", self->name, cv_principal_kind_name(self->kind));
    if (reply->lasts_s != 0) {
        char idle[WAIT_TEXT_BYTES], lasts[WAIT_TEXT_BYTES];
        wait_print(reply->idle_s, idle);
        wait_print(reply->lasts_s, lasts);
        printf("session for %s at the most, %s idle", lasts, idle);
    } else {
        fputs(self->enrolled            ? "no session"
              : self->kind == CV_PERSON ? "not enrolled"
                                        : "",
              stdout);
    }
    putchar('\t');
    principal_print_grants(self);
    putchar('\n');
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
        print_self(arguments, reply);
    }
    cv_reply_free(&reply);
    cv_close(&client);
    return code;
}

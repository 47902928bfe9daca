/* SPDX-License-Identifier: Apache-2.0 */
/* principal add, list, show, disable, enable. */
#include "commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

/* By which the vault will know the principal. */
static enum exit_code
take_identity(const struct arguments *arguments, struct cv_new_principal *principal,
              uint8_t key[static CV_KEY_BYTES])
{
    uint64_t uid;

    if ((arguments->uid == NULL) == (arguments->public_key == NULL)) {
        return fail(arguments, EXIT_USAGE, "give one of --uid N and --public-key FILE");
    }
    if (arguments->relayed && arguments->public_key == NULL) {
        return fail(arguments, EXIT_USAGE, "--relayed goes with --public-key FILE, not with --uid");
    }
    if (arguments->uid != NULL) {
        if (!number_parse(arguments->uid, UINT32_MAX, &uid)) {
            return fail(arguments, EXIT_USAGE, "--uid takes a number (see id -u USER)");
        }
        principal->uid = (uint32_t)uid;
        return EXIT_OK;
    }
    principal->public_key = key;
    return read_public_key(arguments, key);
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
    return finish(arguments, &client, &reply, "added");
}

static json_t *
grant_json(const struct cv_role_grant *grant)
{
    json_t *json = json_pack("{s:s}", "role", cv_role_name(grant->role));

    json_set_text(json, "namespace", grant->namespace_name);
    if (grant->until_ms != 0) {
        char until[TIME_TEXT_BYTES];
        time_print(grant->until_ms, until);
        json_set_text(json, "until", until);
    }
    if (grant->daily != 0) {
        json_set_number(json, "daily", grant->daily);
    }
    if (grant->hourly != 0) {
        json_set_number(json, "hourly", grant->hourly);
    }
    if (grant->daily != 0 || grant->hourly != 0) {
        json_set_number(json, "used", grant->used);
    }
    return json;
}

static json_t *
grants_json(const struct cv_principal *principal)
{
    json_t *grants = json_array();

    for (size_t i = 0; i < principal->grant_count; i++) {
        json_array_append_new(grants, grant_json(&principal->grants[i]));
    }
    return grants;
}

static void
print_grant(const struct cv_role_grant *grant)
{
    fputs(cv_role_name(grant->role), stdout);
    if (grant->namespace_name != NULL) {
        printf(" in %s", grant->namespace_name);
    }
    if (grant->until_ms != 0) {
        char until[TIME_TEXT_BYTES];
        time_print(grant->until_ms, until);
        printf(" until %s", until);
    }
    if (grant->daily != 0) {
        printf(" (%" PRIu64 " of %u in 24 h", grant->used, grant->daily);
    }
    if (grant->hourly != 0) {
        printf("%s%u an hour", grant->daily != 0 ? ", " : " (", grant->hourly);
    }
    if (grant->daily != 0 || grant->hourly != 0) {
        putchar(')');
    }
}

static void
print_principal_json(const struct cv_principal *principal, const char *created,
                     const char *public_key)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:b, s:b}", "name", principal->name, "kind",
                             cv_principal_kind_name(principal->kind), "created", created,
                             "disabled", principal->disabled, "relayed", principal->relayed);

    if (principal->public_key != NULL) {
        json_object_set_new(json, "public_key", json_string(public_key));
    } else {
        json_object_set_new(json, "uid", json_integer(principal->uid));
    }
    json_object_set_new(json, "grants", grants_json(principal));
    print_json(json);
}

static void
print_principal(const struct cv_principal *principal, const char *created, const char *public_key)
{
    printf("%s\t%s%s%s\t%s\t", principal->name, cv_principal_kind_name(principal->kind),
           principal->disabled ? ", disabled" : "", principal->relayed ? ", relayed" : "", created);
    if (principal->public_key != NULL) {
        printf("%s\t", public_key);
    } else {
        printf("uid %u\t", principal->uid);
    }
    for (size_t i = 0; i < principal->grant_count; i++) {
        fputs(i == 0 ? "" : ", ", stdout);
        print_grant(&principal->grants[i]);
    }
    putchar('\n');
}

static enum exit_code
print_principals(const struct arguments *arguments, const struct cv_reply *reply)
{
    enum exit_code code = report(arguments, reply);

    for (size_t i = 0; code == EXIT_OK && i < reply->count; i++) {
        const struct cv_principal *principal = &reply->principals[i];
        char created[TIME_TEXT_BYTES], public_key[CV_PUBLIC_TEXT_BYTES] = "";

        time_print(principal->created_ms, created);
        if (principal->public_key != NULL) {
            cv_public_key_print(principal->public_key, public_key);
        }
        if (arguments->json) {
            print_principal_json(principal, created, public_key);
        } else {
            print_principal(principal, created, public_key);
        }
    }
    return code;
}

/* Prints the page that begins at *from and moves *from behind it. *ret_more false: that was the
 * end. */
static enum exit_code
print_page(const struct arguments *arguments, struct cv_client *client, uint64_t *from,
           bool *ret_more)
{
    struct cv_reply *reply = NULL;

    (void)cv_principal_list(client, *from, &reply);
    enum exit_code code = print_principals(arguments, reply);
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
    uint64_t from = 1;
    bool more = true;

    while (code == EXIT_OK && more) {
        code = print_page(arguments, client, &from, &more);
    }
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
    code = print_principals(arguments, reply);
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

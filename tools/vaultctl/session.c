/* SPDX-License-Identifier: Apache-2.0 */
#include "vaultctl.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "place.h"
#include "terms.h"

static const char *const socket_files[] = {
    [SOCKET_DATA] = "vault.sock",
    [SOCKET_ADMIN] = "admin.sock",
};

/* Nobody said which vault: the one that is a service here, and who may be serving there. */
static enum exit_code
choose_installed(const struct arguments *arguments, enum socket_name name, const char **ret_socket,
                 struct cv_options *options)
{
    static const char *const sockets[] = {
        [SOCKET_DATA] = PLACE_RUN "/vault.sock",
        [SOCKET_ADMIN] = PLACE_RUN "/admin.sock",
    };
    struct place place;
    enum place_verdict verdict = place_look(PLACE_RUN, &place);

    if (verdict == PLACE_ABSENT) {
        return fail(arguments, EXIT_UNREACHABLE,
                    "which vault? None runs as a service here (" PLACE_RUN
                    " is not there): start it, or give --data DIR, --socket URL or "
                    "$CONTACT_VAULT_SOCKET");
    }
    if (verdict != PLACE_TRUSTED && arguments->server_uid == NULL) {
        return fail(arguments, EXIT_UNREACHABLE,
                    "whoever may write on the way to " PLACE_RUN " could answer in the "
                    "vault's place, so it is not asked: see who owns those folders, or give "
                    "--server-uid");
    }
    *ret_socket = sockets[name];
    options->has_server_uid = place.has_owner;
    options->server_uid = place.owner;
    return EXIT_OK;
}

/* Whoever names the vault's folder trusts its owner; the library trusts root and oneself besides.
 */
static void
choose_in_folder(const struct arguments *arguments, enum socket_name name,
                 char ret_path[static SOCKET_PATH_BYTES], struct cv_options *options)
{
    struct stat folder;

    /* One cut short is too long for a socket, too: cv_open says so. */
    (void)snprintf(ret_path, SOCKET_PATH_BYTES, "%s/run/%s", arguments->data, socket_files[name]);
    if (stat(arguments->data, &folder) == 0) {
        options->has_server_uid = true;
        options->server_uid = (uint32_t)folder.st_uid;
    }
}

static enum exit_code
choose_server_uid(const struct arguments *arguments, struct cv_options *options)
{
    uint64_t uid;

    if (arguments->server_uid == NULL) {
        return EXIT_OK;
    }
    if (!number_parse(arguments->server_uid, UINT32_MAX, &uid)) {
        return fail(arguments, EXIT_USAGE, "--server-uid takes a number (see id -u)");
    }
    options->has_server_uid = true;
    options->server_uid = (uint32_t)uid;
    return EXIT_OK;
}

static enum exit_code
choose_timeout(const struct arguments *arguments, struct cv_options *options)
{
    uint64_t timeout_ms = 0;

    if (arguments->timeout_ms != NULL &&
        (!number_parse(arguments->timeout_ms, UINT32_MAX, &timeout_ms) || timeout_ms == 0)) {
        return fail(arguments, EXIT_USAGE, "--timeout takes milliseconds");
    }
    options->timeout_ms = (uint32_t)timeout_ms;
    return EXIT_OK;
}

enum exit_code
address_find(const struct arguments *arguments, enum socket_name name,
             struct vault_address *ret_address)
{
    struct cv_options *options = &ret_address->options;
    enum exit_code code = EXIT_OK;

    *options = (struct cv_options){.socket = arguments->socket};
    if (options->socket == NULL && arguments->data != NULL) {
        choose_in_folder(arguments, name, ret_address->path, options);
        options->socket = ret_address->path;
    } else if (options->socket == NULL) {
        code = choose_installed(arguments, name, &options->socket, options);
    }
    if (code == EXIT_OK) {
        code = choose_server_uid(arguments, options);
    }
    return code == EXIT_OK ? choose_timeout(arguments, options) : code;
}

enum exit_code
address_connect(const struct arguments *arguments, const struct vault_address *address,
                const struct cv_identity *identity, struct cv_client **ret_client)
{
    struct cv_options options = address->options;
    char message[CV_MESSAGE_BYTES];

    options.identity = identity;
    enum cv_status status = cv_open(&options, ret_client, message);
    if (status == CV_OK) {
        return EXIT_OK;
    }
    return fail(arguments, status == CV_INVALID ? EXIT_USAGE : EXIT_UNREACHABLE, "%s", message);
}

static const char *
advice_on_denied(const char *message)
{
    if (strstr(message, "root key") != NULL) {
        return "; give the right passphrase or shares, or name the right file with --key-file";
    }
    if (strstr(message, "grant") != NULL) {
        return "; an admin can help with: vaultctl grant";
    }
    return "";
}

/* One status has several causes: the vault's words tell which, and whether they are advice already.
 */
static const char *
advice(enum cv_status status, const char *message)
{
    if (strstr(message, "vaultctl") != NULL || strstr(message, "--identity") != NULL) {
        return "";
    }
    if (status == CV_NO_SESSION) {
        return "; vaultctl login begins a session";
    }
    if (strstr(message, "disabled") != NULL) {
        return "; an admin can help with: vaultctl principal enable";
    }
    switch (status) {
    case CV_UNAUTHENTICATED:
        return "; give --identity FILE, or ask an admin for: vaultctl principal add";
    case CV_DENIED:
        return advice_on_denied(message);
    case CV_EXPIRED:
        return "; an admin can help with: vaultctl grant --for or --until";
    case CV_FROZEN:
        return "; an admin can lift it with: vaultctl unfreeze";
    case CV_QUOTA:
        return "; give fewer values at once, or ask an admin for: vaultctl grant --daily";
    case CV_BUSY:
        return "; try again";
    default:
        return "";
    }
}

enum exit_code
report(const struct arguments *arguments, const struct cv_reply *reply)
{
    if (reply->status == CV_OK) {
        return EXIT_OK;
    }
    if (arguments->json) {
        print_json(error_json(reply->status, reply->message, reply->retry_after_s));
    }
    enum exit_code code = reply->unreached ? EXIT_UNREACHABLE : exit_code_of(reply->status);
    if (reply->retry_after_s != 0) {
        char wait[WAIT_TEXT_BYTES];
        wait_print(reply->retry_after_s, wait);
        fail_told(arguments, "%s: %s; try again in %s", cv_status_name(reply->status),
                  reply->message, wait);
        return code;
    }
    fail_told(arguments, "%s: %s%s", cv_status_name(reply->status), reply->message,
              advice(reply->status, reply->message));
    return code;
}

enum exit_code
finish(const struct arguments *arguments, struct cv_client **client, struct cv_reply **reply,
       const char *done)
{
    enum exit_code code = report(arguments, *reply);

    if (code == EXIT_OK && arguments->json) {
        print_json(json_pack("{s:b}", "ok", 1));
    } else if (code == EXIT_OK) {
        puts(done);
    }
    cv_reply_free(reply);
    cv_close(client);
    return code;
}

enum exit_code
run_plain(const struct arguments *arguments, plain_call *call, const char *done)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = session_open(arguments, SOCKET_ADMIN, &client);

    if (code != EXIT_OK) {
        return code;
    }
    (void)call(client, &reply);
    return finish(arguments, &client, &reply, done);
}

enum exit_code
run_by_name(const struct arguments *arguments, name_call *call, const char *done)
{
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    enum exit_code code = session_open(arguments, SOCKET_ADMIN, &client);

    if (code != EXIT_OK) {
        return code;
    }
    (void)call(client, arguments->values[0], &reply);
    return finish(arguments, &client, &reply, done);
}

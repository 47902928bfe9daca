/* SPDX-License-Identifier: Apache-2.0 */
#include "who.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "passphrase.h"
#include "session_file.h"
#include "terminal.h"

enum { FACTOR_DIGITS = 6 };

/* ---- which identity ---- */

bool
who_default_path(char ret_path[static IDENTITY_PATH_BYTES])
{
    static const char name[] = "contact-vault/identity";
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int size = 0;

    if (config != NULL && *config == '/') {
        size = snprintf(ret_path, IDENTITY_PATH_BYTES, "%s/%s", config, name);
    } else if (home != NULL && *home == '/') {
        size = snprintf(ret_path, IDENTITY_PATH_BYTES, "%s/.config/%s", home, name);
    }
    return size > 0 && size < IDENTITY_PATH_BYTES;
}

enum exit_code
who_find(const struct arguments *arguments, struct who *ret_who)
{
    char message[CV_MESSAGE_BYTES];

    *ret_who = (struct who){.given = arguments->identity != NULL};
    if (ret_who->given) {
        (void)snprintf(ret_who->path, sizeof ret_who->path, "%s", arguments->identity);
        if (cv_identity_look(ret_who->path, &ret_who->is_protected, ret_who->key, message) !=
            CV_OK) {
            return fail(arguments, EXIT_USAGE, "%s", message);
        }
        return EXIT_OK;
    }
    if (!who_default_path(ret_who->path) || access(ret_who->path, F_OK) != 0 ||
        cv_identity_look(ret_who->path, &ret_who->is_protected, ret_who->key, NULL) != CV_OK) {
        *ret_who->path = 0;
    }
    return EXIT_OK;
}

enum exit_code
who_unlock(const struct arguments *arguments, const struct who *who,
           struct cv_identity **ret_identity)
{
    struct typed passphrase = {0};
    char message[CV_MESSAGE_BYTES];
    enum exit_code code =
        who->is_protected ? passphrase_ask(arguments, "Passphrase: ", &passphrase) : EXIT_OK;

    if (code == EXIT_OK) {
        enum cv_status status =
            cv_identity_open(who->path, passphrase.text, passphrase.size, ret_identity, message);
        if (status != CV_OK) {
            code = fail(arguments, status == CV_INVALID ? EXIT_USAGE : exit_code_of(status), "%s",
                        message);
        }
    }
    explicit_bzero(&passphrase, sizeof passphrase);
    return code;
}

/* ---- the session there is ---- */

bool
who_resume(const struct arguments *arguments, const struct vault_address *address,
           const struct who *who, struct cv_client **ret_client, enum exit_code *ret_code)
{
    char path[SESSION_PATH_BYTES];
    struct session_key key;
    struct cv_identity *session = NULL;
    struct cv_reply *reply = NULL;

    *ret_code = EXIT_OK;
    if (*who->path == 0 || !session_path(address->options.socket, who->key, path) ||
        !session_read(path, &key)) {
        return false;
    }
    bool made = memcmp(key.person, who->key, CV_KEY_BYTES) == 0 &&
                cv_identity_of_seed(key.seed, &session) == CV_OK;
    explicit_bzero(&key, sizeof key);
    if (!made) {
        return false;
    }
    *ret_code = address_connect(arguments, address, session, ret_client);
    cv_identity_free(&session);
    if (*ret_code != EXIT_OK) {
        return false;
    }
    enum cv_status status = cv_hello(*ret_client, &reply);
    cv_reply_free(&reply);
    if (status == CV_UNAUTHENTICATED || status == CV_NO_SESSION) {
        session_remove(path);
        cv_close(ret_client);
        return false;
    }
    return true; /* whatever else is wrong the command will meet itself */
}

void
who_forget(const struct vault_address *address, const struct who *who)
{
    char path[SESSION_PATH_BYTES];

    if (*who->path != 0 && session_path(address->options.socket, who->key, path)) {
        session_remove(path);
    }
}

/* ---- a new one ---- */

static enum exit_code
keep(const struct arguments *arguments, const struct vault_address *address, const struct who *who,
     const struct cv_identity *session, uint32_t lasts_s)
{
    char path[SESSION_PATH_BYTES] = "?";
    struct session_key key = {0};

    cv_identity_seed(session, key.seed);
    memcpy(key.person, who->key, CV_KEY_BYTES);
    bool kept =
        session_path(address->options.socket, who->key, path) && session_write(path, &key, lasts_s);
    explicit_bzero(&key, sizeof key);
    if (!kept) {
        return fail(arguments, EXIT_REFUSED,
                    "logged in, but the session cannot be kept in %s: %s; its folder must be yours "
                    "alone, or name another with $XDG_RUNTIME_DIR",
                    path, strerror(errno));
    }
    return EXIT_OK;
}

void
factor_close_gaps(struct typed *factor)
{
    char digits[FACTOR_DIGITS + 1] = "";
    size_t count = 0;

    for (size_t i = 0; i < factor->size; i++) {
        char character = factor->text[i];
        if (character == ' ') {
            continue;
        }
        if (character < '0' || character > '9' || count == FACTOR_DIGITS) {
            count = 0;
            break;
        }
        digits[count++] = character;
    }
    if (count == FACTOR_DIGITS) {
        memcpy(factor->text, digits, sizeof digits);
        factor->size = count;
    }
    explicit_bzero(digits, sizeof digits);
}

static enum exit_code
ask_vault(const struct arguments *arguments, struct cv_client *client,
          const struct cv_identity *session, struct cv_reply **ret_reply)
{
    struct typed factor = {0};
    struct cv_reply *hello = NULL;
    enum exit_code code;

    (void)cv_hello(client, &hello); /* before anybody is asked for a code */
    code = report(arguments, hello);
    cv_reply_free(&hello);
    if (code == EXIT_OK) {
        code =
            typed_answer(arguments, "Code (six digits, or a recovery code): ", TYPED_SEEN, &factor);
    }
    if (code == EXIT_OK) {
        factor_close_gaps(&factor);
        (void)cv_login(client, session, factor.text, ret_reply);
        code = report(arguments, *ret_reply);
    }
    explicit_bzero(&factor, sizeof factor);
    return code;
}

enum exit_code
who_log_in(const struct arguments *arguments, const struct vault_address *address,
           const struct who *who, struct cv_reply **ret_reply)
{
    struct cv_identity *identity = NULL, *session = NULL;
    struct cv_client *client = NULL;
    enum exit_code code = who_unlock(arguments, who, &identity);

    if (code == EXIT_OK && cv_identity_new(&session) != CV_OK) {
        code = fail(arguments, EXIT_REFUSED, "out of memory");
    }
    if (code == EXIT_OK) {
        code = address_connect(arguments, address, identity, &client);
    }
    if (code == EXIT_OK) {
        code = ask_vault(arguments, client, session, ret_reply);
    }
    if (code == EXIT_OK) {
        code = keep(arguments, address, who, session, (*ret_reply)->lasts_s);
    }
    cv_close(&client);
    cv_identity_free(&identity);
    cv_identity_free(&session);
    return code;
}

/* ---- a connection for a command ---- */

enum asking { ASK_NOTHING, ASK_PASSPHRASE, ASK_SESSION };

/* Does the vault take who this uid is as it is? What else may be wrong the command will meet. */
static bool
uid_will_do(struct cv_client *client, enum asking asking)
{
    struct cv_reply *reply = NULL;
    enum cv_status status = cv_whoami(client, &reply);
    bool lacks_session = status == CV_NO_SESSION ||
                         (status == CV_OK && reply->principals->enrolled && reply->lasts_s == 0);

    cv_reply_free(&reply);
    return status != CV_UNAUTHENTICATED && !(asking == ASK_SESSION && lacks_session);
}

static enum exit_code
begin_session(const struct arguments *arguments, const struct vault_address *address,
              const struct who *who, struct cv_client **ret_client)
{
    struct cv_reply *reply = NULL;
    enum exit_code code;

    if (!terminal_can_ask()) {
        return fail_status(arguments, CV_NO_SESSION,
                           "%s has no session with this vault, or it is over; vaultctl login "
                           "begins one",
                           who->path);
    }
    note(arguments, "%s has no session with this vault, or it is over: log in", who->path);
    code = who_log_in(arguments, address, who, &reply);
    cv_reply_free(&reply);
    if (code == EXIT_OK && !who_resume(arguments, address, who, ret_client, &code) &&
        code == EXIT_OK) {
        code = fail_status(arguments, CV_NO_SESSION, "the session ended as soon as it began");
    }
    return code;
}

/* As the person herself, without a session: enough for freeze. */
static enum exit_code
open_keyed(const struct arguments *arguments, const struct vault_address *address,
           const struct who *who, struct cv_client **ret_client)
{
    struct cv_identity *identity = NULL;
    enum exit_code code = who_unlock(arguments, who, &identity);

    if (code == EXIT_OK) {
        code = address_connect(arguments, address, identity, ret_client);
    }
    cv_identity_free(&identity);
    return code;
}

/* Contacts are asked for by whose identity lies here. What admins do is not, without a session of
 * hers: a vault's first admin is a uid, and may be the same human being. */
static bool
is_the_person(const struct who *who, enum socket_name name)
{
    return who->given || (name == SOCKET_DATA && *who->path != 0);
}

static enum exit_code
open_as(const struct arguments *arguments, enum socket_name name, enum asking asking,
        struct cv_client **ret_client)
{
    struct vault_address address;
    struct who who;
    enum exit_code code = address_find(arguments, name, &address);

    if (code == EXIT_OK) {
        code = who_find(arguments, &who);
    }
    if (code != EXIT_OK || who_resume(arguments, &address, &who, ret_client, &code) ||
        code != EXIT_OK) {
        return code;
    }
    if (who.given && !who.is_protected) {
        return open_keyed(arguments, &address, &who, ret_client);
    }
    if (asking == ASK_SESSION && is_the_person(&who, name)) {
        return begin_session(arguments, &address, &who, ret_client);
    }
    code = address_connect(arguments, &address, NULL, ret_client);
    if (code != EXIT_OK || *who.path == 0 || asking == ASK_NOTHING ||
        uid_will_do(*ret_client, asking)) {
        return code;
    }
    cv_close(ret_client);
    return asking == ASK_SESSION ? begin_session(arguments, &address, &who, ret_client)
                                 : open_keyed(arguments, &address, &who, ret_client);
}

enum exit_code
session_open(const struct arguments *arguments, enum socket_name name,
             struct cv_client **ret_client)
{
    return open_as(arguments, name, ASK_SESSION, ret_client);
}

enum exit_code
session_open_keyed(const struct arguments *arguments, enum socket_name name,
                   struct cv_client **ret_client)
{
    return open_as(arguments, name, ASK_PASSPHRASE, ret_client);
}

enum exit_code
session_open_unasked(const struct arguments *arguments, enum socket_name name,
                     struct cv_client **ret_client)
{
    return open_as(arguments, name, ASK_NOTHING, ret_client);
}

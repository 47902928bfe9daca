/* SPDX-License-Identifier: Apache-2.0 */
/* enrol: a person's key is made here, her second factor shown once, and both confirmed. */
#include "commands.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "otpauth.h"
#include "passphrase.h"
#include "qr.h"
#include "terminal.h"
#include "who.h"

enum { TRIES = 3, SECRET_GROUP = 4, CODES_IN_LINE = 2 };

/* What an enrolment has in hands until it is over. */
struct enrolling {
    const struct arguments *arguments;
    struct cv_client *client;
    struct cv_identity *identity;
    struct cv_enrolment told;
    struct cv_reply *begun;
    struct typed code;
    char path[IDENTITY_PATH_BYTES];
    char fresh[IDENTITY_PATH_BYTES]; /* its name until it is confirmed */
    bool interactive;
};

/* ---- the file ---- */

/* Those on the way to a folder of ours, as mkdir -p would. */
static void
make_folders(const char *path)
{
    char folder[IDENTITY_PATH_BYTES];

    (void)snprintf(folder, sizeof folder, "%s", path);
    for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        (void)mkdir(folder, S_IRWXU); /* what is missing in the end, the file's name tells */
        *slash = '/';
    }
}

static enum exit_code
choose_file(struct enrolling *enrolling)
{
    const struct arguments *arguments = enrolling->arguments;

    if (arguments->identity != NULL) {
        (void)snprintf(enrolling->path, sizeof enrolling->path, "%s", arguments->identity);
    } else if (who_default_path(enrolling->path)) {
        make_folders(enrolling->path);
    } else {
        return fail(arguments, EXIT_USAGE, "where to put your key? Give --identity FILE");
    }
    int size = snprintf(enrolling->fresh, sizeof enrolling->fresh, "%s.new", enrolling->path);
    if (size < 0 || (size_t)size >= sizeof enrolling->fresh) {
        return fail(arguments, EXIT_USAGE, "%s: too long a name", enrolling->path);
    }
    if (access(enrolling->path, F_OK) == 0) {
        return fail(arguments, EXIT_REFUSED,
                    "%s is there already; a key is never overwritten: move it away, or give "
                    "another --identity FILE",
                    enrolling->path);
    }
    if (access(enrolling->fresh, F_OK) == 0) {
        return fail(arguments, EXIT_REFUSED,
                    "%s is left of an enrolment that was cut short: if vaultctl login --identity "
                    "takes it, it is your key, and yours to rename; if not, remove it",
                    enrolling->fresh);
    }
    return EXIT_OK;
}

static enum exit_code
write_file(struct enrolling *enrolling)
{
    struct typed passphrase = {0};
    enum exit_code code = passphrase_ask_new(enrolling->arguments, &passphrase);

    if (code == EXIT_OK) {
        enum cv_status status = cv_identity_save(enrolling->identity, enrolling->fresh,
                                                 passphrase.text, passphrase.size);
        if (status == CV_INTERNAL) {
            code = fail(enrolling->arguments, EXIT_REFUSED,
                        "no memory: the passphrase's derivation takes 256 MiB for a moment");
        } else if (status != CV_OK) {
            code = fail(enrolling->arguments, EXIT_REFUSED, "%s: %s", enrolling->fresh,
                        strerror(errno));
        }
    }
    explicit_bzero(&passphrase, sizeof passphrase);
    return code;
}

/* Under the name it is looked for by. A file that came there meanwhile stays. */
static enum exit_code
settle_file(const struct enrolling *enrolling)
{
    if (link(enrolling->fresh, enrolling->path) != 0) {
        return fail(enrolling->arguments, EXIT_REFUSED,
                    "your key is in %s, and cannot be given its name: %s; rename it yourself",
                    enrolling->fresh, strerror(errno));
    }
    (void)unlink(enrolling->fresh);
    (void)folder_sync(enrolling->path);
    return EXIT_OK;
}

/* ---- what is shown once ---- */

static void
show_json(const struct cv_reply *begun, const char *uri, const char *secret)
{
    json_t *codes = json_array();

    for (size_t i = 0; i < begun->code_count; i++) {
        json_array_append_new(codes, json_string(begun->codes[i]));
    }
    print_json(json_pack("{s:s, s:s, s:s, s:o}", "principal", begun->principal, "uri", uri,
                         "secret", secret, "recovery_codes", codes));
}

static void
show_qr(const char *uri)
{
    bool coloured = *terminal_colour(stdout, COLOUR_NONE) != 0;

    puts("Scan this with the authenticator on your phone. It is shown once.\n");
    if (!qr_print(stdout, uri, terminal_columns(stdout), coloured ? "\033[30;47m" : "",
                  coloured ? "\033[0m" : "")) {
        puts("(This window is too narrow for the QR code.)");
    }
    puts("\nOr type it in, as a time-based key:\n");
}

/* For a person at a terminal. */
static void
show_text(const struct cv_reply *begun, const char *secret)
{
    fputs("    ", stdout);
    for (size_t i = 0; secret[i] != 0; i += SECRET_GROUP) {
        printf(" %.*s", SECRET_GROUP, secret + i);
    }
    puts("\n\nRecovery codes: each is good once, in the place of a code from the phone. Write "
         "them\ndown, and keep them where the phone is not. They are shown once, too.\n");
    for (size_t i = 0; i < begun->code_count; i++) {
        printf("     %s%s", begun->codes[i], i % CODES_IN_LINE == CODES_IN_LINE - 1 ? "\n" : "");
    }
    putchar('\n');
}

/* For a script that does not read JSON. */
static void
show_lines(const struct cv_reply *begun, const char *uri, const char *secret)
{
    printf("uri\t%s\nsecret\t%s\n", uri, secret);
    for (size_t i = 0; i < begun->code_count; i++) {
        printf("recovery\t%s\n", begun->codes[i]);
    }
}

static void
show(const struct enrolling *enrolling)
{
    char secret[OTPAUTH_SECRET_BYTES], uri[OTPAUTH_URI_BYTES];

    otpauth_secret(enrolling->begun->secret, secret);
    otpauth_uri(enrolling->begun->secret, enrolling->begun->principal, uri);
    if (enrolling->arguments->json) {
        show_json(enrolling->begun, uri, secret);
    } else if (enrolling->interactive) {
        show_qr(uri);
        show_text(enrolling->begun, secret);
    } else {
        show_lines(enrolling->begun, uri, secret);
    }
    (void)fflush(stdout);
    explicit_bzero(secret, sizeof secret);
    explicit_bzero(uri, sizeof uri);
}

/* ---- the two halves of it ---- */

static enum exit_code
begin(struct enrolling *enrolling)
{
    const struct arguments *arguments = enrolling->arguments;
    enum exit_code code =
        typed_answer(arguments, "Enrolment code: ", TYPED_UNSEEN, &enrolling->code);

    if (code == EXIT_OK && cv_identity_new(&enrolling->identity) != CV_OK) {
        code = fail(arguments, EXIT_REFUSED, "out of memory");
    }
    if (code != EXIT_OK) {
        return code;
    }
    enrolling->told = (struct cv_enrolment){
        .code = enrolling->code.text,
        .name = arguments->value_count > 0 ? arguments->values[0] : NULL,
        .identity = enrolling->identity,
    };
    (void)cv_enrol_begin(enrolling->client, &enrolling->told, &enrolling->begun);
    return report(arguments, enrolling->begun);
}

/* Whoever gives up while she looks for her phone leaves no file: the vault has not heard of the
 * key. */
static const char *volatile abandoned;

static void
on_giving_up(int number)
{
    if (abandoned != NULL) {
        (void)unlink(abandoned);
    }
    (void)raise(number); /* as it was before: see SA_RESETHAND */
}

static const int endings[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
enum { ENDINGS = sizeof endings / sizeof endings[0] };

static enum exit_code
ask_first_code(const struct enrolling *enrolling, struct typed *factor)
{
    struct sigaction gives_up = {.sa_handler = on_giving_up, .sa_flags = (int)SA_RESETHAND};
    struct sigaction before[ENDINGS];

    abandoned = enrolling->fresh;
    for (size_t i = 0; i < ENDINGS; i++) {
        (void)sigaction(endings[i], &gives_up, &before[i]);
    }
    enum exit_code code =
        typed_answer(enrolling->arguments, "The code the phone shows now: ", TYPED_SEEN, factor);
    for (size_t i = 0; i < ENDINGS; i++) {
        (void)sigaction(endings[i], &before[i], NULL);
    }
    abandoned = NULL;
    return code;
}

/* The first code, up to three times; *ret_confirmed also where nobody knows whether it was. */
static enum exit_code
confirm(struct enrolling *enrolling, bool *ret_confirmed)
{
    const struct arguments *arguments = enrolling->arguments;
    struct typed factor = {0};
    enum cv_status status = CV_DENIED;
    enum exit_code code = EXIT_OK;

    for (int i = 0; i < TRIES && code == EXIT_OK && status == CV_DENIED; i++) {
        struct cv_reply *reply = NULL;
        code = ask_first_code(enrolling, &factor);
        if (code != EXIT_OK) {
            break;
        }
        factor_close_gaps(&factor);
        status = cv_enrol_confirm(enrolling->client, &enrolling->told, enrolling->begun,
                                  factor.text, &reply);
        *ret_confirmed = status == CV_OK || reply->outcome_unknown;
        if (status == CV_DENIED && i + 1 < TRIES) {
            note(arguments, "%s", reply->message);
        } else {
            code = report(arguments, reply);
        }
        cv_reply_free(&reply);
    }
    explicit_bzero(&factor, sizeof factor);
    return code;
}

static void
tell(const struct enrolling *enrolling)
{
    if (enrolling->arguments->json) {
        print_json(json_pack("{s:b, s:s, s:o}", "ok", 1, "principal", enrolling->begun->principal,
                             "identity", json_text(enrolling->path)));
        return;
    }
    printf("enrolled as %s; your key is in %s\n", enrolling->begun->principal, enrolling->path);
    if (enrolling->interactive) {
        puts("Next: vaultctl login. Clear this window when you have the codes: it is not shown "
             "again.");
    }
}

static enum exit_code
enrol(struct enrolling *enrolling)
{
    bool confirmed = false;
    enum exit_code code = begin(enrolling);

    if (code == EXIT_OK) {
        code = write_file(enrolling);
    }
    if (code != EXIT_OK) {
        return code;
    }
    show(enrolling);
    code = confirm(enrolling, &confirmed);
    if (!confirmed) {
        (void)unlink(enrolling->fresh);
        return code;
    }
    enum exit_code settled = settle_file(enrolling);
    if (code == EXIT_OK && settled == EXIT_OK) {
        tell(enrolling);
    } else if (settled == EXIT_OK) {
        note(enrolling->arguments,
             "whether the vault has taken your key nobody knows: it is kept in %s, and vaultctl "
             "login will tell",
             enrolling->path);
    }
    return code != EXIT_OK ? code : settled;
}

enum exit_code
cmd_enrol(const struct arguments *arguments)
{
    struct enrolling enrolling = {
        .arguments = arguments,
        .interactive = !arguments->json && terminal_can_ask() && terminal_is(stdout),
    };
    struct vault_address address;
    enum exit_code code = choose_file(&enrolling);

    if (code == EXIT_OK) {
        code = address_find(arguments, SOCKET_DATA, &address);
    }
    if (code == EXIT_OK) {
        code = address_connect(arguments, &address, NULL, &enrolling.client);
    }
    if (code == EXIT_OK) {
        code = enrol(&enrolling);
    }
    cv_reply_free(&enrolling.begun);
    cv_close(&enrolling.client);
    cv_identity_free(&enrolling.identity);
    explicit_bzero(&enrolling.code, sizeof enrolling.code);
    return code;
}

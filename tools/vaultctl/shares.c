/* SPDX-License-Identifier: Apache-2.0 */
#include "shares.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "passphrase.h"
#include "share.h"
#include "terminal.h"

_Static_assert((int)SHARE_BYTES == (int)CV_SHARE_BYTES && (int)SHARE_SET_BYTES == (int)CV_SET_BYTES,
               "shares are what the client sends");

enum exit_code
shares_parse(const struct arguments *arguments, struct cv_unsealing *ret_how)
{
    uint64_t shares = 0, threshold = 0;

    if (arguments->shares == NULL || arguments->threshold == NULL ||
        !number_parse(arguments->shares, SHARES_MAX, &shares) ||
        !number_parse(arguments->threshold, SHARES_MAX, &threshold) ||
        threshold < SHARE_THRESHOLD_MIN || threshold > shares) {
        return fail(arguments, EXIT_USAGE,
                    "say how many shares there are, and how many unseal: --shares 5 --threshold 3 "
                    "(2 to %d)",
                    SHARES_MAX);
    }
    *ret_how = (struct cv_unsealing){
        .provider = CV_SHARES, .threshold = (uint8_t)threshold, .shares = (uint8_t)shares};
    randombytes_buf(ret_how->set, sizeof ret_how->set);
    return EXIT_OK;
}

/* ---- brought ---- */

struct bringing {
    const struct arguments *arguments;
    struct cv_client *client;
    int file; /* -1: a person is asked */
    uint64_t given, needed;
};

/* False: there is no more. */
static bool
next_line(struct bringing *bringing, struct typed *typed)
{
    char prompt[80];

    if (bringing->file >= 0) {
        return typed_line(bringing->file, typed) && typed->size > 0;
    }
    (void)snprintf(prompt, sizeof prompt,
                   "Share (%u of %u are missing): ", (unsigned)(bringing->needed - bringing->given),
                   (unsigned)bringing->needed);
    return typed_unseen(prompt, typed) && typed->size > 0;
}

/* EXIT_WAITING: taken, or a person may try again. */
static enum exit_code
bring_one(struct bringing *bringing, struct typed *typed)
{
    uint8_t bytes[SHARE_BYTES];
    struct share share;
    struct cv_reply *reply = NULL;

    typed->text[typed->size] = '\0';
    enum share_fault fault = share_parse(typed->text, &share);
    if (fault != SHARE_FINE && bringing->file < 0) {
        note(bringing->arguments, "%s", share_fault_text(fault));
        return EXIT_WAITING;
    }
    if (fault != SHARE_FINE) {
        return fail(bringing->arguments, EXIT_USAGE, "%s", share_fault_text(fault));
    }
    share_write(&share, bytes);
    explicit_bzero(&share, sizeof share);
    (void)cv_unseal_share(bringing->client, bytes, &reply);
    explicit_bzero(bytes, sizeof bytes);
    enum exit_code code = EXIT_WAITING;
    if (bringing->file < 0 && (reply->status == CV_INVALID || reply->status == CV_CONFLICT)) {
        note(bringing->arguments, "%s", reply->message);
    } else {
        code = report(bringing->arguments, reply);
        bool open =
            code == EXIT_OK && reply->state != NULL && strcmp(reply->state, "unsealed") == 0;
        bringing->given = reply->done;
        bringing->needed = reply->total;
        code = code == EXIT_OK && !open ? EXIT_WAITING : code;
    }
    cv_reply_free(&reply);
    return code;
}

static enum exit_code
bring_all(struct bringing *bringing)
{
    struct typed typed = {0};
    enum exit_code code = EXIT_WAITING;

    while (code == EXIT_WAITING && next_line(bringing, &typed)) {
        code = bring_one(bringing, &typed);
        explicit_bzero(&typed, sizeof typed);
    }
    if (code == EXIT_WAITING) {
        return fail(bringing->arguments, EXIT_SEALED,
                    "still sealed: %u of %u shares are given; whoever has another one does this "
                    "within five minutes",
                    (unsigned)bringing->given, (unsigned)bringing->needed);
    }
    if (code == EXIT_OK && bringing->arguments->json) {
        print_json(json_pack("{s:b}", "ok", 1));
    } else if (code == EXIT_OK) {
        puts("unsealed");
    }
    return code;
}

enum exit_code
shares_bring(const struct arguments *arguments, struct cv_client *client)
{
    struct bringing bringing = {.arguments = arguments, .client = client, .file = -1};
    struct cv_reply *reply = NULL;

    (void)cv_unseal_info(client, &reply);
    enum exit_code code = report(arguments, reply);
    bringing.given = reply->done;
    bringing.needed = reply->total;
    cv_reply_free(&reply);
    if (code != EXIT_OK) {
        return code;
    }
    if (arguments->share_file != NULL) {
        bool is_stdin = strcmp(arguments->share_file, "-") == 0;
        bringing.file =
            is_stdin ? STDIN_FILENO : open(arguments->share_file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (bringing.file < 0) {
            return fail(arguments, EXIT_USAGE, "%s: %s", arguments->share_file, strerror(errno));
        }
    } else if (!terminal_can_ask()) {
        return fail(arguments, EXIT_USAGE,
                    "nobody is there to be asked for a share: give --share-file FILE");
    }
    code = bring_all(&bringing);
    if (bringing.file > STDIN_FILENO) {
        (void)close(bringing.file);
    }
    return code;
}

/* ---- made ---- */

static void
print_shares(const struct arguments *arguments, const struct share *shares)
{
    json_t *list = json_array();
    char text[SHARE_TEXT_BYTES];

    for (unsigned i = 0; i < shares[0].total; i++) {
        share_print(&shares[i], text);
        if (arguments->json) {
            (void)json_array_append_new(list, json_string(text));
        } else {
            printf("share %u of %u:\n  %s\n", i + 1, (unsigned)shares[0].total, text);
        }
    }
    explicit_bzero(text, sizeof text);
    if (arguments->json) {
        print_json(json_pack("{s:O}", "shares", list));
    }
    json_decref(list);
}

/* Shown before they count: a vault whose shares nobody has seen would be lost. */
enum exit_code
shares_make(const struct arguments *arguments, struct cv_unsealing *how,
            uint8_t ret_key[static CV_KEY_BYTES])
{
    uint8_t random[(SHARES_MAX - 1) * SHARE_KEY_BYTES];
    struct share shares[SHARES_MAX];

    randombytes_buf(ret_key, CV_KEY_BYTES);
    randombytes_buf(random, sizeof random);
    share_split(ret_key, how->set, how->threshold, how->shares, random, shares);
    print_shares(arguments, shares);
    explicit_bzero(random, sizeof random);
    explicit_bzero(shares, sizeof shares);
    return fflush(stdout) == 0
               ? EXIT_OK
               : fail(arguments, EXIT_REFUSED, "the shares cannot be shown, so nothing was done");
}

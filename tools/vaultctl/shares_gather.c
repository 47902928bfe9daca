/* SPDX-License-Identifier: Apache-2.0 */
/* So many shares of a root key as it takes, where no vault is there to take them. */
#include "shares.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "passphrase.h"
#include "share.h"
#include "terminal.h"

struct gathering {
    const struct arguments *arguments;
    const struct cv_unsealing *how;
    int file; /* -1: a person is asked */
    size_t count;
    struct share shares[SHARES_MAX];
};

static bool
next_line(const struct gathering *gathering, struct typed *typed)
{
    char prompt[80];

    if (gathering->file >= 0) {
        return typed_line(gathering->file, typed) && typed->size > 0;
    }
    (void)snprintf(prompt, sizeof prompt, "Share (%u of %u are missing): ",
                   (unsigned)gathering->how->threshold - (unsigned)gathering->count,
                   (unsigned)gathering->how->threshold);
    return typed_unseen(prompt, typed) && typed->size > 0;
}

/* Of the set that the backup names, and not given yet? */
static enum share_fault
take(struct gathering *gathering, struct typed *typed)
{
    struct share *share = &gathering->shares[gathering->count];

    typed->text[typed->size] = '\0';
    enum share_fault fault = share_parse(typed->text, share);
    if (fault == SHARE_FINE && (memcmp(share->set, gathering->how->set, sizeof share->set) != 0 ||
                                share->threshold != gathering->how->threshold)) {
        fault = SHARE_OF_OTHERS;
    }
    if (fault == SHARE_FINE) {
        fault = share_fits(gathering->shares, gathering->count, share);
    }
    gathering->count += fault == SHARE_FINE;
    return fault;
}

static enum exit_code
gather(struct gathering *gathering)
{
    struct typed typed = {0};
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && gathering->count < gathering->how->threshold) {
        if (!next_line(gathering, &typed)) {
            code = fail(gathering->arguments, EXIT_USAGE, "%u shares are needed, and %u are given",
                        (unsigned)gathering->how->threshold, (unsigned)gathering->count);
            break;
        }
        enum share_fault fault = take(gathering, &typed);
        explicit_bzero(&typed, sizeof typed);
        if (fault != SHARE_FINE && gathering->file < 0) {
            note(gathering->arguments, "%s", share_fault_text(fault));
        } else if (fault != SHARE_FINE) {
            code = fail(gathering->arguments, EXIT_USAGE, "%s", share_fault_text(fault));
        }
    }
    explicit_bzero(&typed, sizeof typed);
    return code;
}

enum exit_code
shares_gather(const struct arguments *arguments, const struct cv_unsealing *how,
              uint8_t ret_key[static CV_KEY_BYTES])
{
    struct gathering gathering = {.arguments = arguments, .how = how, .file = -1};

    if (how->threshold < SHARE_THRESHOLD_MIN || how->threshold > SHARES_MAX) {
        return fail(arguments, EXIT_REFUSED,
                    "the backup asks for no number of shares there can be");
    }
    if (arguments->share_file != NULL) {
        bool is_stdin = strcmp(arguments->share_file, "-") == 0;
        gathering.file =
            is_stdin ? STDIN_FILENO : open(arguments->share_file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (gathering.file < 0) {
            return fail(arguments, EXIT_USAGE, "%s: %s", arguments->share_file, strerror(errno));
        }
    } else if (!terminal_can_ask()) {
        return fail(arguments, EXIT_USAGE,
                    "nobody is there to be asked for a share: give --share-file FILE");
    }
    enum exit_code code = gather(&gathering);
    if (code == EXIT_OK) {
        share_combine(gathering.shares, ret_key);
    }
    explicit_bzero(gathering.shares, sizeof gathering.shares);
    if (gathering.file > STDIN_FILENO) {
        (void)close(gathering.file);
    }
    return code;
}

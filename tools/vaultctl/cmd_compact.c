/* SPDX-License-Identifier: Apache-2.0 */
/* compact: the database file gives its free space back; and what erase --now does at its end. */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "progress.h"
#include "retry.h"
#include "terminal.h"

/* What became of it. */
struct compacted {
    uint64_t number; /* the one that is waited for */
    uint64_t before, bytes;
    bool joined; /* it was under way */
};

static bool
is_under_way(const struct cv_reply *reply)
{
    return strcmp(reply->state, "idle") != 0;
}

/* Until none is under way. The vault may be restarted meanwhile: then it is over, too. */
static enum exit_code
wait_for(const struct arguments *arguments, struct cv_client *client, struct compacted *compacted)
{
    struct progress progress;
    enum exit_code code = EXIT_OK;
    int failures = 0;
    bool goes_on = true;

    progress_start(&progress, "rows", 0, !arguments->json);
    while (goes_on) {
        struct cv_reply *reply = NULL;
        enum cv_status status = cv_compact(client, 0, &reply);

        if (!retry_may_look_again(status, &failures)) {
            code = report(arguments, reply);
            goes_on = false;
        } else if (status == CV_OK) {
            progress.total = reply->total > 0 ? reply->total : progress.total;
            progress_show(&progress, reply->done, reply->done);
            goes_on = is_under_way(reply);
            compacted->bytes = reply->bytes;
        }
        if (status == CV_OK && !goes_on && reply->number < compacted->number) {
            code =
                fail(arguments, reply->result == CV_OK ? EXIT_REFUSED : exit_code_of(reply->result),
                     "not compacted (%s); nothing has changed, try again",
                     reply->result == CV_OK ? "the vault was restarted"
                     : reply->result == CV_BUSY
                         ? "more was written meanwhile than the copy could keep up with"
                     : reply->result == CV_CORRUPT
                         ? "the database has a row that no vault wrote; see the daemon's log"
                         : "the disk has no room left for the copy; see the daemon's log");
        }
        cv_reply_free(&reply);
        if (goes_on) {
            retry_rest();
        }
    }
    progress_end(&progress);
    return code;
}

/* Begins one, if none is under way. */
static enum exit_code
begin(const struct arguments *arguments, struct cv_client *client, struct compacted *compacted)
{
    struct cv_reply *reply = NULL;
    enum exit_code code;

    (void)cv_compact(client, 0, &reply);
    code = report(arguments, reply);
    if (code == EXIT_OK) {
        compacted->joined = is_under_way(reply);
        compacted->before = compacted->bytes = reply->bytes;
        compacted->number = reply->number + (strcmp(reply->state, "waiting") != 0);
    }
    cv_reply_free(&reply);
    if (code == EXIT_OK && !compacted->joined) {
        (void)cv_compact(client, compacted->number, &reply);
        code = report(arguments, reply);
        cv_reply_free(&reply);
    }
    return code;
}

/* What one that is under way has copied already may have been erased since: another after it. */
enum exit_code
compact_after_erase(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    struct compacted compacted = {0};
    enum exit_code code = session_open(arguments, SOCKET_DATA, &client);

    if (code == EXIT_OK) {
        code = wait_for(arguments, client, &compacted);
    }
    if (code == EXIT_OK) {
        code = begin(arguments, client, &compacted);
    }
    if (code == EXIT_OK) {
        code = wait_for(arguments, client, &compacted);
    }
    if (code != EXIT_OK) {
        (void)fail(arguments, code,
                   "erased, and the keys are replaced; but the database file may hold what was "
                   "erased, which opens with no key of the vault's: vaultctl compact");
    }
    cv_close(&client);
    return code;
}

static void
print_compacted(const struct arguments *arguments, const struct compacted *compacted, bool waited)
{
    uint64_t before = compacted->before, bytes = compacted->bytes;
    uint64_t given_back = before > bytes ? before - bytes : 0;

    if (arguments->json) {
        print_json(json_pack("{s:b, s:s, s:I, s:I, s:I, s:I}", "ok", 1, "state",
                             waited ? "idle" : "running", "number", (json_int_t)compacted->number,
                             "bytes_before", (json_int_t)before, "bytes", (json_int_t)bytes,
                             "bytes_given_back", (json_int_t)given_back));
    } else if (waited) {
        printf("compacted: %" PRIu64 " bytes given back, the database file has %" PRIu64 "\n",
               given_back, bytes);
    } else {
        puts(compacted->joined ? "one is under way already; with --wait you see its end"
                               : "begun; the vault goes on by itself, with --wait you see its end");
    }
}

enum exit_code
cmd_compact(const struct arguments *arguments)
{
    struct cv_client *client = NULL;
    struct compacted compacted = {0};
    bool waits = arguments->wait || (!arguments->detach && terminal_is(stderr));
    enum exit_code code;

    if (arguments->wait && arguments->detach) {
        return fail(arguments, EXIT_USAGE, "--wait, --detach: only one of them");
    }
    code = session_open(arguments, SOCKET_ADMIN, &client);
    if (code == EXIT_OK) {
        code = begin(arguments, client, &compacted);
    }
    if (code == EXIT_OK && waits) {
        code = wait_for(arguments, client, &compacted);
    }
    if (code == EXIT_OK) {
        print_compacted(arguments, &compacted, waits);
    }
    cv_close(&client);
    return code;
}

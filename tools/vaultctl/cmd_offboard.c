/* SPDX-License-Identifier: Apache-2.0 */
/*
 * principal offboard: somebody leaves. First the file that the report goes to, so that a bad path
 * is found before anything is done; then the vault, where she is out of everything when it answers;
 * then, in no hurry any more, what she ever saw.
 */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "leaving.h"
#include "report.h"

enum { OWNER_ALONE = 0600 };

struct offboarding {
    const struct arguments *arguments;
    const char *name, *path;
    struct cv_client *client;
    struct leaving leaving;
    struct reach reach;
    bool already; /* by an earlier run */
};

/* ---- the file ---- */

static enum exit_code
open_file(struct offboarding *offboarding)
{
    const struct arguments *arguments = offboarding->arguments;
    int fd = open(offboarding->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, OWNER_ALONE);

    if (fd < 0) {
        return fail(arguments, EXIT_REFUSED, "%s: %s; nothing was done", offboarding->path,
                    errno == EEXIST ? "it is there already: name a new file" : strerror(errno));
    }
    offboarding->leaving.to = fdopen(fd, "w");
    if (offboarding->leaving.to == NULL) {
        (void)close(fd);
        (void)unlink(offboarding->path);
        return fail(arguments, EXIT_REFUSED, "out of memory; nothing was done");
    }
    return EXIT_OK;
}

/* On disk, under its name. False: errno. */
static bool
finish_file(struct offboarding *offboarding)
{
    FILE *file = offboarding->leaving.to;
    bool good = ferror(file) == 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
    int error = errno;

    offboarding->leaving.to = NULL;
    if (fclose(file) != 0 && good) {
        error = errno;
        good = false;
    }
    if (good && !folder_sync(offboarding->path)) {
        return false;
    }
    errno = error;
    return good;
}

/* A report that is not whole is none; and the same line can be typed again. */
static void
discard_file(struct offboarding *offboarding)
{
    if (offboarding->leaving.to != NULL) {
        (void)fclose(offboarding->leaving.to);
        offboarding->leaving.to = NULL;
    }
    (void)unlink(offboarding->path);
}

/* ---- the vault ---- */

/* A conflict, because she has left already? Then there is still the report. */
static bool
has_left(struct offboarding *offboarding)
{
    struct cv_reply *reply = NULL;
    bool left = cv_principal_show(offboarding->client, offboarding->name, &reply) == CV_OK &&
                reply->count == 1 && reply->principals[0].offboarded;

    cv_reply_free(&reply);
    return left;
}

static enum exit_code
offboard(struct offboarding *offboarding)
{
    struct cv_reply *reply = NULL;
    enum exit_code code;

    (void)cv_principal_offboard(offboarding->client, offboarding->name, &reply);
    offboarding->already = reply->status == CV_CONFLICT && has_left(offboarding);
    code = offboarding->already ? EXIT_OK : report(offboarding->arguments, reply);
    cv_reply_free(&reply);
    return code;
}

/* ---- what she saw ---- */

static void
note_entry(void *state, const struct cv_audit_entry *entry)
{
    leaving_note(state, entry);
}

static void
add_entry(void *state, const struct cv_audit_entry *entry)
{
    leaving_add(state, entry);
}

/* All of it, or an error. */
static enum exit_code
walk(struct offboarding *offboarding, struct audit_log *log, bool has_bar, audit_log_visit *visit)
{
    log->query.from = offboarding->reach.first;
    enum exit_code code = audit_log_walk(log, has_bar, visit, &offboarding->leaving);
    if (code == EXIT_OK && log->query.from <= log->last) {
        code = fail(offboarding->arguments, EXIT_REFUSED, "the vault's log does not go on");
    }
    if (code == EXIT_OK && offboarding->leaving.lost) {
        code = fail(offboarding->arguments, EXIT_REFUSED, "out of memory");
    }
    return code;
}

static enum exit_code
write_rows(struct offboarding *offboarding)
{
    struct audit_log log = {
        .arguments = offboarding->arguments,
        .client = offboarding->client,
        .query = {.act = audit_log_act("detokenize"), .principal = offboarding->name},
    };
    enum exit_code code = find_reach(&log, &offboarding->reach);

    if (code == EXIT_OK) {
        code = walk(offboarding, &log, false, note_entry);
    }
    if (code == EXIT_OK) {
        leaving_begin(&offboarding->leaving);
        code = walk(offboarding, &log, true, add_entry);
    }
    if (code == EXIT_OK && !finish_file(offboarding)) {
        code = fail(offboarding->arguments, EXIT_REFUSED, "%s: %s", offboarding->path,
                    strerror(errno));
    }
    return code;
}

static json_t *
head_json(const struct offboarding *offboarding, bool whole)
{
    return json_pack("{s:b, s:s, s:b, s:b}", "ok", whole, "name", offboarding->name, "offboarded",
                     1, "already", offboarding->already);
}

/* Whatever went wrong afterwards, that she is out is said. */
static enum exit_code
write_report(struct offboarding *offboarding)
{
    enum exit_code code = write_rows(offboarding);

    if (code != EXIT_OK) {
        discard_file(offboarding);
        if (offboarding->arguments->json) {
            print_json_safely(head_json(offboarding, false));
        }
        fail_told(offboarding->arguments,
                  "%s IS offboarded, for ever; only the report is missing. Write it with the same "
                  "command: vaultctl principal offboard %s --report FILE",
                  offboarding->name, offboarding->name);
        return EXIT_REFUSED;
    }
    return EXIT_OK;
}

/* ---- what came of it ---- */

static void
set_time(json_t *json, const char *name, uint64_t time_ms)
{
    char time[TIME_TEXT_BYTES];

    if (time_ms != 0) {
        time_print(time_ms, time);
        json_set_text(json, name, time);
    }
}

static void
print_as_json(const struct offboarding *offboarding)
{
    const struct leaving *leaving = &offboarding->leaving;
    json_t *json = head_json(offboarding, true);

    json_set_number(json, "reveals", leaving->reveals);
    json_set_number(json, "contacts", leaving->contacts.count);
    json_set_number(json, "failed", leaving->failed);
    json_set_number(json, "refused", leaving->refused);
    set_time(json, "first", leaving->first_ms);
    set_time(json, "last", leaving->last_ms);
    set_time(json, "log_begins", offboarding->reach.begins_ms);
    json_object_set_new(json, "report", json_text(offboarding->path));
    print_json_safely(json);
}

static void
print_for_person(const struct offboarding *offboarding)
{
    const struct leaving *leaving = &offboarding->leaving;
    char first[TIME_TEXT_BYTES], last[TIME_TEXT_BYTES], begins[TIME_TEXT_BYTES];

    printf("%s %s offboarded: no session, no grant, for ever\n", offboarding->name,
           offboarding->already ? "was" : "is");
    printf("%" PRIu64 " reveal%s of %zu contact%s", leaving->reveals, plural(leaving->reveals),
           leaving->contacts.count, plural(leaving->contacts.count));
    if (leaving->reveals > 0) {
        time_print_short(leaving->first_ms, first);
        time_print_short(leaving->last_ms, last);
        printf(", the first %s, the last %s (UTC)", first, last);
    }
    time_print_short(offboarding->reach.begins_ms, begins);
    printf("; %" PRIu64 " failed, %" PRIu64 " refused\n", leaving->failed, leaving->refused);
    printf("The report is in %s. The log goes back to %s (UTC)%s.\n", offboarding->path, begins,
           offboarding->reach.begins > 1 ? ": what is older was removed"
                                         : ", when the vault was made");
}

/* ---- the command ---- */

static enum exit_code
run(struct offboarding *offboarding)
{
    enum exit_code code = session_open(offboarding->arguments, SOCKET_ADMIN, &offboarding->client);

    if (code == EXIT_OK) {
        code = offboard(offboarding);
    }
    if (code != EXIT_OK) {
        discard_file(offboarding);
        return code;
    }
    code = write_report(offboarding);
    if (code == EXIT_OK && offboarding->arguments->json) {
        print_as_json(offboarding);
    } else if (code == EXIT_OK) {
        print_for_person(offboarding);
    }
    return code;
}

enum exit_code
cmd_principal_offboard(const struct arguments *arguments)
{
    struct offboarding offboarding = {
        .arguments = arguments, .name = arguments->values[0], .path = arguments->report};

    if (arguments->report == NULL || *arguments->report == 0) {
        return fail(arguments, EXIT_USAGE,
                    "say where the report of all it ever revealed goes: --report FILE, a new file");
    }
    enum exit_code code = open_file(&offboarding);
    if (code == EXIT_OK) {
        code = run(&offboarding);
    }
    leaving_free(&offboarding.leaving);
    cv_close(&offboarding.client);
    return code;
}

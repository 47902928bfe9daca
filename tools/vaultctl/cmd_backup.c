/* SPDX-License-Identifier: Apache-2.0 */
/* backup: the vault, sealed to its recipients, into two files. */
#include "commands.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backup_files.h"
#include "progress.h"

enum {
    RATE_MAX = 100000,
    MIB_SHIFT = 20,
    SECOND_MS = 1000,
    NS_PER_MS = 1000000,
    ID_TEXT_BYTES = 2 * CV_BACKUP_BYTES + 1,
};

/* One under way. */
struct taking {
    const struct arguments *arguments;
    struct cv_client *client;
    struct backup_files files;
    struct progress progress;
    uint8_t id[CV_BACKUP_BYTES];
    uint64_t time_ms, total;
    uint64_t rate; /* bytes a second; 0: without limit */
    uint64_t bytes;
};

static volatile sig_atomic_t caught;

static void
catch_signal(int number)
{
    caught = number;
}

/* What was begun is ended, and the files are taken away, before the process goes. */
static void
catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction catches = {.sa_handler = catch_signal};

    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        (void)sigaction(signals[i], &catches, NULL);
    }
}

/* ---- beginning ---- */

static enum exit_code
parse_rate(const struct arguments *arguments, uint64_t *ret_rate)
{
    *ret_rate = 0;
    if (arguments->rate != NULL && !number_parse(arguments->rate, RATE_MAX, ret_rate)) {
        return fail(arguments, EXIT_USAGE,
                    "--rate takes MiB a second, 1 to %d; 0: as fast as it goes", RATE_MAX);
    }
    *ret_rate <<= MIB_SHIFT;
    return EXIT_OK;
}

/* The slower of what was asked for and what the vault permits. */
static uint64_t
slower(uint64_t one, uint64_t other)
{
    if (one == 0 || other == 0) {
        return one == 0 ? other : one;
    }
    return one < other ? one : other;
}

static enum exit_code
begin(struct taking *taking)
{
    struct cv_reply *reply = NULL;

    (void)cv_backup_begin(taking->client, &reply);
    enum exit_code code = report(taking->arguments, reply);
    if (code == EXIT_OK) {
        memcpy(taking->id, reply->backup, sizeof taking->id);
        taking->time_ms = reply->time_ms;
        taking->total = reply->total;
        taking->rate = slower(taking->rate, reply->bytes);
        progress_start(&taking->progress, "rows", reply->total, !taking->arguments->json);
    }
    cv_reply_free(&reply);
    return code;
}

/* ---- reading ---- */

/* Until what was read so far is due. */
static void
pace(const struct taking *taking)
{
    if (taking->rate == 0) {
        return;
    }
    int64_t due_ms = (int64_t)(taking->bytes * SECOND_MS / taking->rate);
    int64_t early_ms = taking->progress.started_ms + due_ms - progress_now_ms();
    if (early_ms > 0) {
        const struct timespec pause = {.tv_sec = early_ms / SECOND_MS,
                                       .tv_nsec = early_ms % SECOND_MS * NS_PER_MS};
        (void)nanosleep(&pause, NULL);
    }
}

static enum exit_code
read_part(struct taking *taking, enum cv_backup_part part)
{
    enum exit_code code = EXIT_OK;
    uint64_t from = 0;
    bool more = true;

    while (code == EXIT_OK && more && caught == 0) {
        struct cv_reply *reply = NULL;

        pace(taking);
        (void)cv_backup_read(taking->client, taking->id, part, from, &reply);
        code = report(taking->arguments, reply);
        if (code == EXIT_OK) {
            code = backup_files_write(&taking->files, part, reply->data, reply->data_size);
            taking->bytes += reply->data_size;
            more = reply->next != 0;
            from = reply->next;
            progress_show(&taking->progress, reply->done, reply->done);
        }
        cv_reply_free(&reply);
    }
    if (code == EXIT_OK && caught != 0) {
        code = fail(taking->arguments, EXIT_REFUSED, "interrupted; there is no backup");
    }
    return code;
}

/* ---- ending ---- */

/* What failed was said already; that it could not be told to the vault is not worth a line. */
static void
give_up(struct taking *taking)
{
    struct cv_reply *reply = NULL;

    (void)cv_backup_end(taking->client, taking->id, false, &reply);
    cv_reply_free(&reply);
}

/* Only what the vault knows to be whole gets its name. */
static enum exit_code
end(struct taking *taking)
{
    struct cv_reply *reply = NULL;
    enum exit_code code = backup_files_sync(&taking->files);

    if (code != EXIT_OK) {
        give_up(taking);
        return code;
    }
    (void)cv_backup_end(taking->client, taking->id, true, &reply);
    code = report(taking->arguments, reply);
    cv_reply_free(&reply);
    return code == EXIT_OK ? backup_files_finish(&taking->files) : code;
}

static enum exit_code
take(struct taking *taking)
{
    enum exit_code code = backup_files_open(&taking->files);

    if (code == EXIT_OK) {
        code = read_part(taking, CV_BACKUP_CONTENTS);
    }
    if (code == EXIT_OK) {
        code = read_part(taking, CV_BACKUP_KEYRING);
    }
    progress_end(&taking->progress);
    if (code != EXIT_OK) {
        give_up(taking);
        return code;
    }
    return end(taking);
}

static void
print_result(const struct taking *taking)
{
    const struct backup_file *contents = &taking->files.files[0];
    const struct backup_file *keyring = &taking->files.files[1];
    char time[TIME_TEXT_BYTES], id[ID_TEXT_BYTES];

    time_print(taking->time_ms, time);
    if (!taking->arguments->json) {
        printf("%s, %s: the vault as of %s, %" PRIu64 " rows, %" PRIu64 " bytes\n", contents->path,
               keyring->path, time, taking->total, taking->bytes);
        return;
    }
    for (size_t i = 0; i < CV_BACKUP_BYTES; i++) {
        (void)snprintf(id + 2 * i, sizeof id - 2 * i, "%02x", taking->id[i]);
    }
    print_json(json_pack("{s:o, s:o, s:s, s:s, s:I, s:I, s:I}", "file", json_text(contents->path),
                         "keyring_file", json_text(keyring->path), "backup", id, "time", time,
                         "rows", (json_int_t)taking->total, "bytes", (json_int_t)contents->size,
                         "keyring_bytes", (json_int_t)keyring->size));
}

enum exit_code
cmd_backup(const struct arguments *arguments)
{
    static struct taking taking;

    if (arguments->verify) {
        return backup_verify(arguments);
    }
    taking.arguments = arguments;
    enum exit_code code = parse_rate(arguments, &taking.rate);
    if (code == EXIT_OK) {
        code = backup_files_name(arguments, arguments->values[0], &taking.files);
    }
    if (code == EXIT_OK) {
        code = session_open(arguments, SOCKET_ADMIN, &taking.client);
    }
    if (code != EXIT_OK) {
        return code;
    }
    catch_signals();
    code = begin(&taking);
    if (code == EXIT_OK) {
        code = take(&taking);
        if (code == EXIT_OK) {
            print_result(&taking);
        } else {
            backup_files_discard(&taking.files);
        }
    }
    cv_close(&taking.client);
    return code;
}

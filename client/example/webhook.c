/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook: how a messaging service lives without knowing a single number. An example: it stands
 * for two programs of yours, and uses nothing but contactvault.h and the C library.
 *
 *   webhook receive SOCKET IDENTITY [SERVER_UID]
 *
 * The handler of the messaging provider's webhook. On stdin, in place of HTTP requests: a line for
 * each message, `ID NUMBER TEXT`, the number as WhatsApp sends it (bare digits); an empty line ends
 * a request. On stdout, in place of your database: `ID<tab>TOKEN<tab>MASK<tab>TEXT`. Its principal
 * has the role `service`.
 *
 *   webhook deliver SOCKET IDENTITY [SERVER_UID]
 *
 * The sender, the one process that talks to the provider. On stdin, in place of your queue: `ID
 * TOKEN TEXT`. On stdout, in place of the provider: `NUMBER<tab>TEXT`. Its principal has the role
 * `deliver`, and it stores nothing.
 *
 * ID is a name of yours for the message. Not the provider's where that has the number in it, as
 * WhatsApp's has (what follows `wamid.` is base64, and says it); a SHA-256 of that one serves to
 * know it again.
 *
 * On stderr, for each message that is not done: `again ID why`, it is to come once more (a webhook
 * answers 503, a queue keeps it), or `refused ID why`, it never will succeed. Neither ever says a
 * number. Exit code 0: every message is done or refused. 75: some are to come again. 1: a person
 * must look.
 *
 * SERVER_UID: the Unix user the vault runs as, unless that is root or you.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <contactvault.h>

enum {
    MESSAGES_MAX = 256, /* in one request; the vault takes CV_BATCH_MAX */
    LINE_BYTES = 4096 + 128,
    EXIT_AGAIN = 75, /* sysexits.h: EX_TEMPFAIL */
};

struct message {
    char line[LINE_BYTES];
    const char *id, *text; /* within the line */
};

/* One request of the provider's. The numbers are in here, in the reply and in the two buffers of
 * run, and nowhere else. */
static struct {
    struct message messages[MESSAGES_MAX];
    const char *values[MESSAGES_MAX]; /* what the vault is asked about; within the line, too */
    size_t count;
} batch;

static struct {
    struct cv_client *client;
    bool deliver;
    bool some_again, person_needed;
} work;

/* ---- what becomes of a message ---- */

static void
again(size_t number, const char *why)
{
    fprintf(stderr, "again %s %s\n", batch.messages[number].id, why);
    work.some_again = true;
}

static void
refused(size_t number, const char *why)
{
    fprintf(stderr, "refused %s %s\n", batch.messages[number].id, why);
}

static void
done(size_t number, const struct cv_item *item)
{
    const struct message *message = &batch.messages[number];

    if (work.deliver) {
        printf("%s\t%s\n", item->value, message->text);
    } else {
        printf("%s\t%s\t%s\t%s\n", message->id, item->token, item->mask, message->text);
    }
}

/* Of a batch that was worked through, each item has a status of its own. */
static void
take_item(size_t number, const struct cv_item *item)
{
    switch (cv_item_advice(item)) {
    case CV_DONE:
        done(number, item);
        break;
    case CV_REFUSE:
        /* It is the message's own fault: no number at all, a token that is no more. */
        refused(number, item->message);
        break;
    case CV_RETRY:
    case CV_HOLD:
    case CV_LOOK:
        again(number, item->message);
        break;
    }
}

static void
all_again(size_t from, size_t count, const char *why)
{
    for (size_t i = 0; i < count; i++) {
        again(from + i, why);
    }
}

/* ---- asking the vault ---- */

static void
ask(size_t from, size_t count, struct cv_reply **ret_reply)
{
    struct cv_query query = {
        .values = batch.values + from,
        .count = count,
        .form = CV_FORM_WA_ID,
        /* Stands in the audit log beside each reveal. Never a contact, nor what somebody typed. */
        .reason = "delivery of a message",
        /* Shorter than the provider waits for our answer. */
        .timeout_ms = 5000,
    };

    if (work.deliver) {
        (void)cv_detokenize(work.client, &query, ret_reply);
    } else {
        (void)cv_tokenize(work.client, &query, ret_reply);
    }
}

/* A request that is refused as a whole, though nothing is wrong with its messages. */
static bool
is_too_many(const struct cv_reply *reply)
{
    return reply->status == CV_TOO_LARGE || reply->status == CV_QUOTA;
}

static void
process(size_t from, size_t count)
{
    struct cv_reply *reply = NULL;

    ask(from, count, &reply);
    switch (cv_advice_of(reply)) {
    case CV_DONE:
        for (size_t i = 0; i < count; i++) {
            take_item(from + i, &reply->items[i]);
        }
        break;
    case CV_RETRY:
        /* Busy. The library has repeated it already, for as long as we gave it. */
    case CV_HOLD:
        /* Sealed, frozen, over the budget for now, not reached: nothing is wrong with the message,
         * and nobody may lose it. reply->retry_after_s says when, where that is known. */
        all_again(from, count, reply->message);
        break;
    case CV_LOOK:
        /* No answer to a reveal: it may stand in the audit log, and we have seen no number, so
         * nothing was sent to anybody. To ask again costs one more entry in the log and one more
         * of the budget. (Of an erase one would have to look first; to tokenize is harmless, and
         * this is never said of it.) */
        all_again(from, count, reply->message);
        break;
    case CV_REFUSE:
        if (count > 1 && is_too_many(reply)) {
            cv_reply_free(&reply);
            process(from, count / 2);
            process(from + count / 2, count - count / 2);
            return;
        }
        /* No grant, an unknown key, a fault: our setup is wrong, not the messages. They are kept,
         * and somebody is called. */
        fprintf(stderr, "the vault refuses: %s: %s\n", cv_status_name(reply->status),
                reply->message);
        all_again(from, count, cv_status_name(reply->status));
        work.person_needed = true;
        break;
    }
    cv_reply_free(&reply); /* wiped, too */
}

/* ---- reading ---- */

/* Splits `ID VALUE TEXT` where it stands. */
static bool
split(size_t number)
{
    struct message *message = &batch.messages[number];
    char *rest = message->line;

    rest[strcspn(rest, "\r\n")] = 0;
    message->id = strsep(&rest, " ");
    batch.values[number] = strsep(&rest, " ");
    message->text = rest;
    return rest != NULL && *message->id != 0;
}

/* A line too long for us is read to its end, and is no message. False: the end of the input. */
static bool
read_line(char line[LINE_BYTES], bool *ret_whole)
{
    if (fgets(line, LINE_BYTES, stdin) == NULL) {
        return false;
    }
    *ret_whole = strchr(line, '\n') != NULL || feof(stdin);
    for (int c = *ret_whole ? '\n' : 0; c != '\n' && c != EOF;) {
        c = getchar();
    }
    return true;
}

/* One request. False: the end of the input. */
static bool
read_batch(void)
{
    bool whole = true, more = true;

    batch.count = 0;
    while (batch.count < MESSAGES_MAX) {
        char *line = batch.messages[batch.count].line;
        more = read_line(line, &whole);
        if (!more || *line == '\n') {
            break;
        }
        if (whole && split(batch.count)) {
            batch.count++;
        } else {
            fputs("refused - a line that is no message\n", stderr);
        }
    }
    return more || batch.count > 0;
}

static void
run(void)
{
    /* stdio would keep the last numbers in buffers that nobody wipes. */
    static char input[LINE_BYTES], output[LINE_BYTES];

    setvbuf(stdin, input, _IOFBF, sizeof input);
    setvbuf(stdout, output, _IOFBF, sizeof output);
    while (read_batch()) {
        if (batch.count > 0) {
            process(0, batch.count);
        }
        /* Only what is in the store is acknowledged to the provider. */
        if (fflush(stdout) != 0) {
            fputs("the store cannot be written\n", stderr);
            work.person_needed = true;
            break;
        }
        explicit_bzero(output, sizeof output);
        explicit_bzero(&batch, sizeof batch);
    }
    explicit_bzero(&batch, sizeof batch);
    explicit_bzero(output, sizeof output);
    explicit_bzero(input, sizeof input);
}

int
main(int count, char **arguments)
{
    struct rlimit no_core = {0, 0};
    char message[CV_MESSAGE_BYTES];

    if (count < 4 || count > 5 ||
        (strcmp(arguments[1], "receive") != 0 && strcmp(arguments[1], "deliver") != 0)) {
        fputs("usage: webhook receive|deliver SOCKET IDENTITY [SERVER_UID]\n", stderr);
        return 2;
    }
    /* A core dump would hold numbers. */
    (void)setrlimit(RLIMIT_CORE, &no_core);
    work.deliver = strcmp(arguments[1], "deliver") == 0;
    struct cv_options options = {
        .socket = arguments[2],
        .identity_file = arguments[3],
        .has_server_uid = count == 5,
        .server_uid = count == 5 ? (uint32_t)strtoul(arguments[4], NULL, 10) : 0,
    };
    enum cv_status status = cv_open(&options, &work.client, message);
    if (status != CV_OK) {
        fprintf(stderr, "%s\n", message);
        return status == CV_UNAVAILABLE ? EXIT_AGAIN : 1;
    }
    run();
    cv_close(&work.client);
    if (work.person_needed) {
        return 1;
    }
    return work.some_again ? EXIT_AGAIN : 0;
}

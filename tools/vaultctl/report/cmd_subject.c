/* SPDX-License-Identifier: Apache-2.0 */
/* audit subject: who ever saw this contact. Contacts are looked up first, on the data socket, and
 * forgotten: what is asked of the log, and printed, is their tokens. */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "print_subject.h"
#include "report.h"
#include "sightings.h"

/* What one value came to. */
struct wanted {
    char token[CV_TOKEN_CHARACTERS + 1];
    enum cv_status status;
    char message[CV_MESSAGE_BYTES]; /* unless status is CV_OK */
};

struct subject {
    const struct arguments *arguments;
    struct input input;
    struct batch *batch;
    struct wanted *wanted; /* one for each value */
    struct audit_log log;
    struct activity known; /* principals and their kinds; nothing is added up */
    struct reach reach;
    size_t failed;
};

static void
refuse(struct wanted *wanted, enum cv_status status, const char *message)
{
    wanted->status = status;
    (void)snprintf(wanted->message, sizeof wanted->message, "%s",
                   message != NULL ? message : "cannot be looked up");
}

/* ---- values to tokens ---- */

static void
take_token(struct wanted *wanted, const char *value)
{
    if (strlen(value) != CV_TOKEN_CHARACTERS) {
        char message[CV_MESSAGE_BYTES];
        (void)snprintf(message, sizeof message, "a token has %d characters", CV_TOKEN_CHARACTERS);
        refuse(wanted, CV_INVALID, message);
        return;
    }
    memcpy(wanted->token, value, CV_TOKEN_CHARACTERS + 1);
}

static void
take_item(struct wanted *wanted, const struct cv_item *item)
{
    if (item->status == CV_NOT_FOUND) {
        refuse(wanted, CV_NOT_FOUND,
               "not in the vault now; where it was erased, its token finds it in the log");
    } else if (item->status != CV_OK || item->token == NULL) {
        refuse(wanted, item->status != CV_OK ? item->status : CV_INTERNAL, item->message);
    } else {
        take_token(wanted, item->token);
    }
}

/* The contacts among the values: where they stand. Gives how many. */
static size_t
pick_contacts(const struct subject *subject, size_t places[static BATCH_VALUES])
{
    size_t count = 0;

    for (size_t i = 0; i < subject->batch->count; i++) {
        if (subject->batch->faults[i] == NULL && !looks_like_token(subject->batch->values[i])) {
            places[count++] = i;
        }
    }
    return count;
}

static enum exit_code
look_up(struct subject *subject, struct cv_client *client)
{
    const struct arguments *arguments = subject->arguments;
    static const char *values[BATCH_VALUES];
    static size_t places[BATCH_VALUES];
    struct cv_reply *reply = NULL;
    struct cv_query query = {
        .values = values,
        .count = pick_contacts(subject, places),
        .namespace_name = arguments->namespace_name,
        .form = arguments->wa_id ? CV_FORM_WA_ID : CV_FORM_INTERNATIONAL,
    };

    for (size_t i = 0; i < query.count; i++) {
        values[i] = subject->batch->values[places[i]];
    }
    if (query.count == 0) {
        return EXIT_OK;
    }
    (void)cv_lookup(client, &query, &reply);
    enum exit_code code = report(arguments, reply);
    for (size_t i = 0; code == EXIT_OK && i < query.count; i++) {
        take_item(&subject->wanted[places[i]], &reply->items[i]);
    }
    cv_reply_free(&reply);
    return code;
}

/* National numbers become international ones first. */
static enum exit_code
convert(struct subject *subject)
{
    struct region *region = NULL;
    enum exit_code code = EXIT_OK;

    if (subject->arguments->region != NULL) {
        code = region_open(subject->arguments, &region);
    }
    if (code == EXIT_OK && region != NULL && !region_convert(region, subject->batch)) {
        code = fail(subject->arguments, EXIT_REFUSED, "contact-vault-region stopped");
    }
    region_close(&region);
    return code;
}

static enum exit_code
find_contacts(struct subject *subject)
{
    const struct arguments *arguments = subject->arguments;
    struct cv_client *client = NULL;
    enum exit_code code = EXIT_OK;

    if (arguments->socket != NULL) {
        return fail(arguments, EXIT_USAGE,
                    "a contact is looked up on one socket of the vault, and its log is read on the "
                    "other: give --data DIR for --socket, or the token");
    }
    code = convert(subject);
    if (code == EXIT_OK) {
        code = session_open(arguments, SOCKET_DATA, &client);
    }
    if (code == EXIT_OK) {
        code = look_up(subject, client);
    }
    cv_close(&client);
    return code;
}

static enum exit_code
find_tokens(struct subject *subject)
{
    struct batch *batch = subject->batch;
    bool has_contacts = false;
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < batch->count; i++) {
        if (looks_like_token(batch->values[i])) {
            take_token(&subject->wanted[i], batch->values[i]);
        } else {
            has_contacts = true;
        }
    }
    if (has_contacts) {
        code = find_contacts(subject);
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->faults[i] != NULL) {
            refuse(&subject->wanted[i], CV_INVALID, batch->faults[i]);
        }
    }
    return code;
}

/* ---- tokens to what the log has of them ---- */

static void
print_failure(struct subject *subject, size_t number)
{
    const struct wanted *wanted = &subject->wanted[number];

    subject->failed++;
    if (subject->arguments->json) {
        print_json(error_json(wanted->status, wanted->message, 0));
    }
    fail_told(subject->arguments, "value %zu: %s: %s", number + 1, cv_status_name(wanted->status),
              wanted->message);
}

struct search {
    const struct activity *known;
    struct sightings sightings;
};

static void
add(void *state, const struct cv_audit_entry *entry)
{
    struct search *search = state;

    sightings_add(&search->sightings, search->known, entry);
}

/* The vault alone can tell a token that was copied wrong: asked about no entry at all. */
static enum exit_code
check_token(struct subject *subject, struct wanted *wanted)
{
    struct cv_audit_query query = {
        .from = subject->log.last, .limit = 1, .token = wanted->token, .until_ms = 1};
    struct cv_reply *reply = NULL;
    enum exit_code code = EXIT_OK;

    (void)cv_audit_read(subject->log.client, &query, &reply);
    if (reply->status == CV_INVALID) {
        refuse(wanted, CV_INVALID, reply->message);
    } else {
        code = report(subject->arguments, reply);
    }
    cv_reply_free(&reply);
    return code;
}

static enum exit_code
answer(struct subject *subject, const struct wanted *wanted)
{
    struct search search = {.known = &subject->known};

    subject->log.query.token = wanted->token;
    subject->log.query.from = subject->reach.first;
    enum exit_code code = audit_log_walk(&subject->log, true, add, &search);
    if (code == EXIT_OK &&
        (search.sightings.lost ||
         !print_subject(subject->arguments, wanted->token, &search.sightings, &subject->reach))) {
        code = fail(subject->arguments, EXIT_REFUSED, "out of memory: not all can be told");
    }
    sightings_free(&search.sightings);
    return code;
}

static enum exit_code
answer_all(struct subject *subject)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; code == EXIT_OK && i < subject->batch->count; i++) {
        struct wanted *wanted = &subject->wanted[i];
        if (wanted->status == CV_OK) {
            code = check_token(subject, wanted);
        }
        if (code == EXIT_OK && wanted->status != CV_OK) {
            print_failure(subject, i);
        } else if (code == EXIT_OK) {
            code = answer(subject, wanted);
        }
    }
    return code;
}

static enum exit_code
read_log(struct subject *subject)
{
    const struct arguments *arguments = subject->arguments;
    struct audit_log *log = &subject->log;

    log->query.act = audit_log_act("detokenize");
    enum exit_code code = session_open(arguments, SOCKET_ADMIN, &log->client);
    if (code == EXIT_OK) {
        code = learn_principals(arguments, log->client, &subject->known);
    }
    if (code == EXIT_OK) {
        code = find_reach(log, &subject->reach);
    }
    if (code == EXIT_OK &&
        (subject->known.lost || !print_subject_head(arguments, &subject->reach))) {
        code = fail(arguments, EXIT_REFUSED, "out of memory");
    }
    if (code == EXIT_OK) {
        code = answer_all(subject);
    }
    cv_close(&log->client);
    return code == EXIT_OK && subject->failed > 0 ? EXIT_REFUSED : code;
}

/* ---- the command ---- */

/* One, of a person who is asked. */
static enum exit_code
read_values(struct subject *subject)
{
    const struct arguments *arguments = subject->arguments;

    if (!input_read(&subject->input, subject->batch)) {
        return fail(arguments, EXIT_USAGE, "which one? Give a token or a contact");
    }
    bool more = subject->input.from_stdin
                    ? subject->batch->count == BATCH_VALUES && getc(stdin) != EOF
                    : arguments->value_count > BATCH_VALUES;
    if (more) {
        return fail(arguments, EXIT_USAGE, "at most %d at once", BATCH_VALUES);
    }
    return EXIT_OK;
}

static enum exit_code
run(struct subject *subject)
{
    input_init(&subject->input, subject->arguments, "token or contact: ");
    input_warn_of_history(&subject->input);
    enum exit_code code = read_values(subject);
    if (code == EXIT_OK) {
        code = find_tokens(subject);
    }
    return code == EXIT_OK ? read_log(subject) : code;
}

enum exit_code
cmd_audit_subject(const struct arguments *arguments)
{
    struct subject subject = {.arguments = arguments, .log = {.arguments = arguments}};
    enum exit_code code = check_formats(arguments);

    if (code == EXIT_OK && arguments->wa_id && arguments->region != NULL) {
        code = fail(arguments, EXIT_USAGE, "--wa-id or --region, not both");
    }
    if (code != EXIT_OK) {
        return code;
    }
    subject.batch = malloc(sizeof *subject.batch);
    subject.wanted = calloc(BATCH_VALUES, sizeof *subject.wanted);
    code = subject.batch != NULL && subject.wanted != NULL
               ? run(&subject)
               : fail(arguments, EXIT_REFUSED, "out of memory");
    if (subject.batch != NULL) {
        batch_wipe(subject.batch);
    }
    free(subject.batch);
    free(subject.wanted);
    activity_free(&subject.known);
    return code;
}

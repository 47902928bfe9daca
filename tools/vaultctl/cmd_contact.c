/* SPDX-License-Identifier: Apache-2.0 */
/* tokenize, lookup, mask, describe, detokenize, erase: values in, one line out for each, in the
 * same order. */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "print_item.h"
#include "progress.h"
#include "retry.h"
#include "terminal.h"
#include "terms.h"

enum { REASON_BYTES_MAX = 200 };

/* One run of a command. */
struct run {
    const struct arguments *arguments;
    enum act act;
    struct cv_client *client;
    struct region *region;
    struct input input;
    struct batch *batch;
    size_t part_max; /* values in one question: fewer after the vault had no memory for so many */
    uint64_t done, failed;
    bool failures_agree; /* all of them of one status: */
    enum cv_status failure;
    struct progress progress;
};

/* About the batch's values from number `from` on. */
static void
ask(struct run *run, size_t from, size_t count, struct cv_reply **ret_reply)
{
    static enum cv_status (*const calls[])(struct cv_client *, const struct cv_query *,
                                           struct cv_reply **) = {
        [ACT_TOKENIZE] = cv_tokenize, [ACT_LOOKUP] = cv_lookup,         [ACT_MASK] = cv_mask,
        [ACT_DESCRIBE] = cv_describe, [ACT_DETOKENIZE] = cv_detokenize, [ACT_ERASE] = cv_erase,
    };
    struct cv_query query = {
        .values = run->batch->values + from,
        .count = count,
        .reason = run->arguments->reason,
        .purpose = run->arguments->purpose,
        .ticket = run->arguments->ticket,
        .namespace_name = run->arguments->namespace_name,
        .form = run->arguments->wa_id ? CV_FORM_WA_ID : CV_FORM_INTERNATIONAL,
    };

    (void)calls[run->act](run->client, &query, ret_reply);
}

static void
count_failure(struct run *run, enum cv_status status)
{
    run->failures_agree = run->failed == 0 || (run->failures_agree && run->failure == status);
    run->failure = status;
    run->failed++;
}

/* Into a file or a pipe a bad item is an empty line, so that line n still answers value n; a person
 * reads its error in that place. */
static void
print_failure(struct run *run, enum cv_status status, const char *message)
{
    count_failure(run, status);
    if (run->arguments->json) {
        print_json(error_json(status, message, 0));
        return;
    }
    if (!terminal_is(stdout)) {
        putchar('\n');
    }
    fail_told(run->arguments, "value %llu: %s: %s", (unsigned long long)(run->done + 1),
              cv_status_name(status), message);
}

/* Over the budget of reveals: a person reads the mask in that place. Into a pipe it does not go,
 * where somebody would take it for the contact. */
static void
print_held(struct run *run, const struct cv_item *item)
{
    char wait[WAIT_TEXT_BYTES];

    count_failure(run, item->status);
    if (run->arguments->json || terminal_is(stdout)) {
        print_item_held(run->arguments, item);
        return;
    }
    putchar('\n');
    wait_print(item->retry_after_s, wait);
    fail_told(run->arguments, "value %llu: %s: %s; try again in %s; its mask: %s",
              (unsigned long long)(run->done + 1), cv_status_name(item->status), item->message,
              wait, item->mask);
}

static void
print_items(struct run *run, size_t from, const struct cv_reply *reply)
{
    for (size_t i = 0; i < reply->count; i++) {
        const struct cv_item *item = &reply->items[i];
        const char *fault = run->batch->faults[from + i];

        if (fault != NULL) {
            print_failure(run, CV_INVALID, fault);
        } else if (item->status == CV_QUOTA && item->mask != NULL && item->token != NULL) {
            print_held(run, item);
        } else if (item->status != CV_OK) {
            print_failure(run, item->status, item->message);
        } else {
            print_item(run->arguments, run->act, item,
                       item->token != NULL ? item->token : run->batch->values[from + i]);
        }
        run->done++;
    }
}

/* Of a file on stdin by its bytes, of values given by their number. */
static void
show_progress(struct run *run)
{
    bool by_bytes = run->input.from_stdin;

    progress_show(&run->progress, by_bytes ? run->input.bytes_read : run->done, run->done);
}

/* As many values from number *from on as the vault has memory for; *from: what comes next. */
static enum exit_code
work_through_part(struct run *run, size_t *from)
{
    struct cv_reply *reply = NULL;
    size_t left = run->batch->count - *from;
    size_t count = left < run->part_max ? left : run->part_max;

    ask(run, *from, count, &reply);
    while (count > 1 && retry_with_fewer(reply)) {
        cv_reply_free(&reply);
        count = run->part_max = count / 2;
        ask(run, *from, count, &reply);
    }
    enum exit_code code = report(run->arguments, reply);
    if (code == EXIT_OK) {
        print_items(run, *from, reply);
    }
    cv_reply_free(&reply);
    (void)fflush(stdout);
    show_progress(run);
    *from += count;
    return code;
}

static enum exit_code
work_through_batch(struct run *run)
{
    enum exit_code code = EXIT_OK;

    if (run->region != NULL && !region_convert(run->region, run->batch)) {
        return fail(run->arguments, EXIT_REFUSED, "contact-vault-region stopped");
    }
    for (size_t from = 0; code == EXIT_OK && from < run->batch->count;) {
        code = work_through_part(run, &from);
    }
    return code;
}

static enum exit_code
work_through(struct run *run)
{
    enum exit_code code = EXIT_OK;

    /* Where the answers scroll by, they are the progress. */
    progress_start(&run->progress, "values",
                   run->input.from_stdin ? run->input.bytes_total : run->arguments->value_count,
                   !run->input.is_prompted && !terminal_is(stdout));
    while (code == EXIT_OK && input_read(&run->input, run->batch)) {
        code = work_through_batch(run);
    }
    progress_end(&run->progress);
    if (code != EXIT_OK && run->done > 0) {
        fail_told(run->arguments, "values 1 to %llu are done; go on with value %llu",
                  (unsigned long long)run->done, (unsigned long long)(run->done + 1));
        return code;
    }
    if (code != EXIT_OK || run->failed == 0) {
        return code;
    }
    /* One value, or all of them, not permitted is "not permitted", not "a bad item". What does not
     * fit into a budget is tried again later, however much of it did fit. */
    bool one_fault = run->failures_agree && (run->failed == run->done || run->failure == CV_QUOTA);
    return one_fault ? exit_code_of(run->failure) : EXIT_REFUSED;
}

static bool
takes_contacts(enum act act)
{
    return act == ACT_TOKENIZE || act == ACT_LOOKUP || act == ACT_ERASE;
}

static const char *
prompt_for(enum act act)
{
    if (act == ACT_ERASE) {
        return "token or contact: ";
    }
    return takes_contacts(act) ? "contact: " : "token: ";
}

static enum exit_code
run_act(const struct arguments *arguments, enum act act)
{
    struct run run = {.arguments = arguments, .act = act, .part_max = BATCH_VALUES};

    run.batch = malloc(sizeof *run.batch);
    if (run.batch == NULL) {
        return fail(arguments, EXIT_REFUSED, "out of memory");
    }
    input_init(&run.input, arguments, prompt_for(act));
    if (takes_contacts(act)) {
        input_warn_of_history(&run.input);
    }
    enum exit_code code = session_open(arguments, SOCKET_DATA, &run.client);
    if (code == EXIT_OK && arguments->region != NULL) {
        code = region_open(arguments, &run.region);
    }
    if (code == EXIT_OK) {
        code = work_through(&run);
    }
    region_close(&run.region);
    cv_close(&run.client);
    batch_wipe(run.batch);
    free(run.batch);
    return code;
}

static enum exit_code
run_with_contacts(const struct arguments *arguments, enum act act)
{
    if (arguments->wa_id && arguments->region != NULL) {
        return fail(arguments, EXIT_USAGE, "--wa-id or --region, not both");
    }
    return run_act(arguments, act);
}

enum exit_code
cmd_tokenize(const struct arguments *arguments)
{
    return run_with_contacts(arguments, ACT_TOKENIZE);
}

enum exit_code
cmd_lookup(const struct arguments *arguments)
{
    return run_with_contacts(arguments, ACT_LOOKUP);
}

enum exit_code
cmd_mask(const struct arguments *arguments)
{
    return run_act(arguments, ACT_MASK);
}

enum exit_code
cmd_describe(const struct arguments *arguments)
{
    return run_act(arguments, ACT_DESCRIBE);
}

static enum exit_code
check_reason(const struct arguments *arguments)
{
    if (arguments->reason == NULL || *arguments->reason == 0) {
        return fail(arguments, EXIT_USAGE, "say why: --reason TEXT (it stands in the audit log)");
    }
    if (strlen(arguments->reason) > REASON_BYTES_MAX) {
        return fail(arguments, EXIT_USAGE, "--reason is of %zu bytes and may be of %d",
                    strlen(arguments->reason), REASON_BYTES_MAX);
    }
    return EXIT_OK;
}

/* With the reason given or asked for. */
static enum exit_code
run_with_reason(const struct arguments *arguments,
                enum exit_code (*run)(const struct arguments *arguments, enum act act),
                enum act act)
{
    struct arguments whole = *arguments;
    char reason[VALUE_LINE_BYTES] = "";

    if (arguments->reason == NULL && terminal_can_ask() &&
        input_ask("reason (it stands in the audit log): ", reason)) {
        whole.reason = reason;
    }
    enum exit_code code = check_reason(&whole);
    return code == EXIT_OK ? run(&whole, act) : code;
}

enum exit_code
cmd_detokenize(const struct arguments *arguments)
{
    return run_with_reason(arguments, run_act, ACT_DETOKENIZE);
}

enum exit_code
cmd_erase(const struct arguments *arguments)
{
    enum exit_code code = run_with_reason(arguments, run_with_contacts, ACT_ERASE);

    if (code == EXIT_OK && arguments->now) {
        code = rotate_both_keys(arguments);
    }
    return code == EXIT_OK && arguments->now ? compact_after_erase(arguments) : code;
}

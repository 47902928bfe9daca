/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_log.h"

#include <string.h>
#include <time.h>

#include "progress.h"
#include "terms.h"

enum { SECOND_MS = 1000, ACTS_END = 256 };

uint32_t
audit_log_act(const char *name)
{
    for (uint32_t act = 1; act < ACTS_END; act++) {
        const char *found = cv_act_name(act);
        if (found != NULL && strcmp(found, name) == 0) {
            return act;
        }
    }
    return 0;
}

enum exit_code
audit_log_take_times(const struct arguments *arguments, struct cv_audit_query *query)
{
    uint64_t now_ms = (uint64_t)time(NULL) * SECOND_MS;

    if (arguments->since != NULL &&
        !moment_or_age_parse(arguments->since, now_ms, &query->since_ms)) {
        return fail(arguments, EXIT_USAGE,
                    "--since takes an age (" DURATION_FORM ") or a time: " MOMENT_FORM);
    }
    if (arguments->until != NULL &&
        !moment_or_age_parse(arguments->until, now_ms, &query->until_ms)) {
        return fail(arguments, EXIT_USAGE,
                    "--until takes an age (" DURATION_FORM ") or a time: " MOMENT_FORM);
    }
    return EXIT_OK;
}

enum exit_code
audit_log_page(struct audit_log *log, struct cv_reply **ret_reply, bool *ret_moved)
{
    uint64_t from = log->query.from;

    (void)cv_audit_read(log->client, &log->query, ret_reply);
    enum exit_code code = report(log->arguments, *ret_reply);
    /* A vault that does not go forward must not make us go on for ever. */
    *ret_moved = code == EXIT_OK && (*ret_reply)->next > from;
    if (*ret_moved) {
        log->query.from = (*ret_reply)->next;
    }
    if (*ret_moved && (*ret_reply)->count > 0) {
        /* Entries stand in the order of their times: from here on the vault need not search. */
        log->query.since_ms = 0;
    }
    return code;
}

/* Entries are numbered without gaps: is there one of this number, or a later one? */
static enum exit_code
has_entry(const struct audit_log *log, uint64_t number, bool *ret_has)
{
    struct cv_audit_query query = {.from = number, .limit = 1};
    struct cv_reply *reply = NULL;

    (void)cv_audit_read(log->client, &query, &reply);
    enum exit_code code = report(log->arguments, reply);
    *ret_has = code == EXIT_OK && (reply->count > 0 || reply->next > number);
    cv_reply_free(&reply);
    return code;
}

enum exit_code
audit_log_find_last(struct audit_log *log)
{
    enum exit_code code = EXIT_OK;
    uint64_t last = 0; /* known to be there */
    uint64_t step = 1;
    bool has = true;

    while (code == EXIT_OK && has && step < UINT64_MAX / 4) {
        code = has_entry(log, last + step, &has);
        if (has) {
            last += step;
            step *= 2;
        }
    }
    for (; code == EXIT_OK && step > 0; step /= 2) {
        code = has_entry(log, last + step, &has);
        if (has) {
            last += step;
        }
    }
    log->last = last;
    return code;
}

enum exit_code
audit_log_first(const struct audit_log *log, uint64_t since_ms, uint64_t *ret_sequence,
                uint64_t *ret_time_ms)
{
    struct cv_audit_query query = {.limit = 1, .since_ms = since_ms};
    struct cv_reply *reply = NULL;

    (void)cv_audit_read(log->client, &query, &reply);
    enum exit_code code = report(log->arguments, reply);
    bool has = code == EXIT_OK && reply->count > 0;
    *ret_sequence = has ? reply->entries[0].sequence : 0;
    *ret_time_ms = has ? reply->entries[0].time_ms : 0;
    cv_reply_free(&reply);
    return code;
}

enum exit_code
audit_log_walk(struct audit_log *log, bool has_bar, audit_log_visit *visit, void *state)
{
    enum exit_code code = EXIT_OK;
    struct progress progress;
    uint64_t first = log->query.from;
    bool moved = true;

    progress_start(&progress, "entries", log->last + 1 - first, has_bar && first <= log->last);
    while (code == EXIT_OK && moved && log->query.from <= log->last) {
        struct cv_reply *reply = NULL;
        code = audit_log_page(log, &reply, &moved);
        for (size_t i = 0; code == EXIT_OK && i < reply->count; i++) {
            if (reply->entries[i].sequence > log->last) {
                break;
            }
            visit(state, &reply->entries[i]);
        }
        cv_reply_free(&reply);
        progress_show(&progress, log->query.from - first, log->query.from - first);
    }
    progress_end(&progress);
    return code;
}

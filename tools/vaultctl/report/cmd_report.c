/* SPDX-License-Identifier: Apache-2.0 */
/* audit report: who revealed how much, when and why, added up by the day. */
#include "commands.h"

#include <string.h>
#include <time.h>

#include "activity.h"
#include "audit_log.h"
#include "print_report.h"
#include "report.h"
#include "terms.h"

enum { SECOND_MS = 1000 };
#define SINCE_UNTOLD "30d"

enum exit_code
check_formats(const struct arguments *arguments)
{
    return arguments->csv && arguments->json
               ? fail(arguments, EXIT_USAGE, "--csv or --json, not both")
               : EXIT_OK;
}

/* So long ago means days: from the first moment of that one, that none is there in part. */
static uint64_t
day_start(uint64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / SECOND_MS);
    struct tm parts;

    if (localtime_r(&seconds, &parts) == NULL) {
        return time_ms;
    }
    struct tm start = {
        .tm_year = parts.tm_year, .tm_mon = parts.tm_mon, .tm_mday = parts.tm_mday, .tm_isdst = -1};
    time_t midnight = mktime(&start);
    return midnight >= 0 ? (uint64_t)midnight * SECOND_MS : time_ms;
}

static enum exit_code
take_query(const struct arguments *arguments, struct cv_audit_query *query)
{
    struct arguments told = *arguments;
    uint64_t age_s;

    told.since = arguments->since != NULL ? arguments->since : SINCE_UNTOLD;
    query->act = audit_log_act("detokenize");
    query->principal = arguments->principal;
    query->namespace_name = arguments->namespace_given ? arguments->namespace_name : NULL;
    enum exit_code code = audit_log_take_times(&told, query);
    if (code == EXIT_OK && duration_parse(told.since, UINT64_MAX / SECOND_MS, &age_s)) {
        query->since_ms = day_start(query->since_ms);
    }
    return code;
}

enum exit_code
learn_principals(const struct arguments *arguments, struct cv_client *client,
                 struct activity *activity)
{
    enum exit_code code = EXIT_OK;
    bool more = true;

    for (uint64_t from = 0; code == EXIT_OK && more;) {
        struct cv_reply *reply = NULL;
        (void)cv_principal_list(client, from, &reply);
        code = report(arguments, reply);
        more = code == EXIT_OK && reply->count > 0 && reply->next > from;
        for (size_t i = 0; code == EXIT_OK && i < reply->count; i++) {
            activity_know(activity, reply->principals[i].name, reply->principals[i].kind);
        }
        from = code == EXIT_OK ? reply->next : from;
        cv_reply_free(&reply);
    }
    return code;
}

enum exit_code
find_reach(struct audit_log *log, struct reach *reach)
{
    uint64_t first_ms;
    enum exit_code code = audit_log_first(log, 0, &reach->begins, &reach->begins_ms);

    reach->since_ms = log->query.since_ms;
    reach->until_ms =
        log->query.until_ms != 0 ? log->query.until_ms : (uint64_t)time(NULL) * SECOND_MS;
    if (code == EXIT_OK) {
        code = audit_log_first(log, log->query.since_ms, &reach->first, &first_ms);
    }
    if (code == EXIT_OK) {
        code = audit_log_find_last(log);
    }
    log->query.from = reach->first;
    log->query.since_ms = 0; /* is said by `from` now */
    reach->last = log->last;
    return code;
}

static void
add(void *state, const struct cv_audit_entry *entry)
{
    activity_add(state, entry);
}

static enum exit_code
add_up(struct audit_log *log, struct activity *activity, struct reach *reach)
{
    enum exit_code code = learn_principals(log->arguments, log->client, activity);

    if (code == EXIT_OK) {
        code = find_reach(log, reach);
    }
    if (code == EXIT_OK && reach->first != 0) {
        code = audit_log_walk(log, true, add, activity);
    }
    if (code == EXIT_OK && activity->lost) {
        code = fail(log->arguments, EXIT_REFUSED,
                    "out of memory: ask for a shorter time, or for one --principal");
    }
    return code;
}

static void
note_what_is_missing(const struct arguments *arguments, const struct activity *activity)
{
    uint64_t reveals = 0;

    for (size_t i = 0; i < activity->count; i++) {
        reveals += activity->principals[i]->total.reveals;
    }
    if (reveals > 0 && !activity->has_reasons) {
        note(arguments, "note: the reasons are missing: they are told to the audit role only");
    }
}

enum exit_code
cmd_audit_report(const struct arguments *arguments)
{
    struct audit_log log = {.arguments = arguments};
    struct activity activity = {0};
    struct reach reach = {0};
    enum exit_code code = check_formats(arguments);

    if (code == EXIT_OK) {
        code = take_query(arguments, &log.query);
    }
    if (code == EXIT_OK) {
        code = session_open(arguments, SOCKET_ADMIN, &log.client);
    }
    if (code == EXIT_OK) {
        code = add_up(&log, &activity, &reach);
    }
    if (code == EXIT_OK) {
        note_what_is_missing(arguments, &activity);
        code = print_report(arguments, &activity, &reach)
                   ? EXIT_OK
                   : fail(arguments, EXIT_REFUSED, "out of memory: rows are missing");
    }
    activity_free(&activity);
    cv_close(&log.client);
    return code;
}

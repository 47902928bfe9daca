/* SPDX-License-Identifier: Apache-2.0 */
/* audit tail: the log, or what of it is asked for. */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "print_entry.h"
#include "progress.h"
#include "terminal.h"
#include "terms.h"

enum {
    LINES_UNTOLD = 20,
    LINES_MAX = 1000000,
    ACTS_END = 256,
    FOLLOW_PAUSE_S = 1,
    SECOND_MS = 1000,
};

struct tail {
    const struct arguments *arguments;
    struct cv_client *client;
    struct cv_audit_query query; /* its `from` moves */
    uint64_t last;               /* the newest entry when we began */
};

/* ---- what is asked for ---- */

static enum exit_code
find_act(const struct arguments *arguments, uint32_t *ret_act)
{
    for (uint32_t act = 1; act < ACTS_END; act++) {
        const char *name = cv_act_name(act);
        if (name != NULL && strcmp(name, arguments->operation) == 0) {
            *ret_act = act;
            return EXIT_OK;
        }
    }
    return fail(arguments, EXIT_USAGE,
                "--operation: none is called so; they are called as --json names them: detokenize, "
                "erase, principal_add, ...");
}

static enum exit_code
take_times(const struct arguments *arguments, struct cv_audit_query *query)
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

static enum exit_code
take_filters(const struct arguments *arguments, struct cv_audit_query *query)
{
    enum exit_code code = EXIT_OK;

    query->principal = arguments->principal;
    query->token = arguments->token;
    /* The environment's namespace is meant for contacts; the log is asked about all. */
    query->namespace_name = arguments->namespace_given ? arguments->namespace_name : NULL;
    if (query->token != NULL && strlen(query->token) != CV_TOKEN_CHARACTERS) {
        return fail(arguments, EXIT_USAGE, "--token: a token has %d characters",
                    CV_TOKEN_CHARACTERS);
    }
    if (arguments->operation != NULL) {
        code = find_act(arguments, &query->act);
    }
    return code == EXIT_OK ? take_times(arguments, query) : code;
}

static enum exit_code
take_numbers(const struct arguments *arguments, uint64_t *ret_from, uint64_t *ret_lines)
{
    if (arguments->from != NULL && !number_parse(arguments->from, INT64_MAX, ret_from)) {
        return fail(arguments, EXIT_USAGE, "--from takes an entry's number");
    }
    if (arguments->lines != NULL && !number_parse(arguments->lines, LINES_MAX, ret_lines)) {
        return fail(arguments, EXIT_USAGE, "-l takes a number, up to %d", LINES_MAX);
    }
    return EXIT_OK;
}

static bool
has_filter(const struct cv_audit_query *query)
{
    return query->principal != NULL || query->token != NULL || query->namespace_name != NULL ||
           query->act != 0 || query->since_ms != 0 || query->until_ms != 0;
}

/* ---- reading ---- */

/* The next page; moves query.from. *ret_reply may be looked at on EXIT_OK and is freed by the
 * caller anyway. *ret_moved false: that was the end. */
static enum exit_code
read_page(struct tail *tail, struct cv_reply **ret_reply, bool *ret_moved)
{
    uint64_t from = tail->query.from;

    (void)cv_audit_read(tail->client, &tail->query, ret_reply);
    enum exit_code code = report(tail->arguments, *ret_reply);
    /* A vault that does not go forward must not make us go on for ever. */
    *ret_moved = code == EXIT_OK && (*ret_reply)->next > from;
    if (*ret_moved) {
        tail->query.from = (*ret_reply)->next;
    }
    return code;
}

/* The numbers of the last entries seen. */
struct ring {
    uint64_t *sequences;
    size_t capacity, count, next;
};

static void
ring_add(struct ring *ring, uint64_t sequence)
{
    ring->sequences[ring->next] = sequence;
    ring->next = (ring->next + 1) % ring->capacity;
    ring->count += ring->count < ring->capacity ? 1 : 0;
}

static uint64_t
ring_oldest(const struct ring *ring)
{
    return ring->sequences[ring->count < ring->capacity ? 0 : ring->next];
}

/* Entries from query.from to the last; not those that come while we read. ring NULL: printed. */
static enum exit_code
read_through(struct tail *tail, struct ring *ring)
{
    enum exit_code code = EXIT_OK;
    struct progress progress;
    uint64_t first = tail->query.from;
    bool moved = true;

    progress_start(&progress, "entries", tail->last + 1 - first,
                   first <= tail->last && (ring != NULL || !terminal_is(stdout)));
    while (code == EXIT_OK && moved && tail->query.from <= tail->last) {
        struct cv_reply *reply = NULL;
        code = read_page(tail, &reply, &moved);
        for (size_t i = 0; code == EXIT_OK && i < reply->count; i++) {
            const struct cv_audit_entry *entry = &reply->entries[i];
            if (entry->sequence > tail->last) {
                break;
            }
            if (ring != NULL) {
                ring_add(ring, entry->sequence);
            } else {
                print_entry(tail->arguments, entry);
            }
        }
        cv_reply_free(&reply);
        progress_show(&progress, tail->query.from - first, tail->query.from - first);
    }
    progress_end(&progress);
    return code;
}

/* Entries are numbered without gaps: is there one of this number, or a later one? */
static enum exit_code
has_entry(const struct tail *tail, uint64_t number, bool *ret_has)
{
    struct cv_audit_query query = {.from = number, .limit = 1};
    struct cv_reply *reply = NULL;

    (void)cv_audit_read(tail->client, &query, &reply);
    enum exit_code code = report(tail->arguments, reply);
    *ret_has = code == EXIT_OK && (reply->count > 0 || reply->next > number);
    cv_reply_free(&reply);
    return code;
}

/* The number of the last entry, in some forty questions however long the log is. */
static enum exit_code
find_last(struct tail *tail)
{
    enum exit_code code = EXIT_OK;
    uint64_t last = 0; /* known to be there */
    uint64_t step = 1;
    bool has = true;

    while (code == EXIT_OK && has && step < UINT64_MAX / 4) {
        code = has_entry(tail, last + step, &has);
        if (has) {
            last += step;
            step *= 2;
        }
    }
    for (; code == EXIT_OK && step > 0; step /= 2) {
        code = has_entry(tail, last + step, &has);
        if (has) {
            last += step;
        }
    }
    tail->last = last;
    return code;
}

/* ---- where to begin ---- */

/* At the last `lines` of those that pass the filters: read once for their numbers. */
static enum exit_code
seek_among_filtered(struct tail *tail, uint64_t lines)
{
    struct ring ring = {.capacity = lines};

    if (lines == 0) {
        tail->query.from = tail->last + 1;
        return EXIT_OK;
    }
    ring.sequences = calloc(ring.capacity, sizeof *ring.sequences);
    if (ring.sequences == NULL) {
        return fail(tail->arguments, EXIT_REFUSED, "out of memory");
    }
    enum exit_code code = read_through(tail, &ring);
    tail->query.from = ring.count > 0 ? ring_oldest(&ring) : tail->last + 1;
    free(ring.sequences);
    return code;
}

/* Untold, the last twenty; of what is asked for with a filter or --from, all. */
static enum exit_code
seek(struct tail *tail, uint64_t from, uint64_t lines)
{
    const struct arguments *arguments = tail->arguments;
    bool filtered = has_filter(&tail->query);

    tail->query.from = from;
    if (arguments->lines == NULL && (filtered || arguments->from != NULL)) {
        return EXIT_OK;
    }
    if (filtered) {
        return seek_among_filtered(tail, lines);
    }
    uint64_t first = tail->last > lines ? tail->last - lines + 1 : 1;
    tail->query.from = first > from ? first : from;
    return EXIT_OK;
}

/* Until the vault is gone, or the reader is. */
static enum exit_code
follow(struct tail *tail)
{
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && fflush(stdout) == 0) {
        struct cv_reply *reply = NULL;
        bool moved;
        code = read_page(tail, &reply, &moved);
        for (size_t i = 0; code == EXIT_OK && i < reply->count; i++) {
            print_entry(tail->arguments, &reply->entries[i]);
        }
        cv_reply_free(&reply);
        if (!moved) {
            (void)sleep(FOLLOW_PAUSE_S);
        }
    }
    return code;
}

static enum exit_code
run_tail(struct tail *tail, uint64_t from, uint64_t lines)
{
    enum exit_code code = find_last(tail);

    if (code == EXIT_OK) {
        code = seek(tail, from, lines);
    }
    if (code == EXIT_OK) {
        code = read_through(tail, NULL);
    }
    if (code == EXIT_OK && tail->arguments->follow) {
        tail->query.from = tail->query.from > tail->last ? tail->last + 1 : tail->query.from;
        code = follow(tail);
    }
    return code;
}

enum exit_code
cmd_audit_tail(const struct arguments *arguments)
{
    struct tail tail = {.arguments = arguments};
    uint64_t from = 1, lines = LINES_UNTOLD;
    enum exit_code code = take_filters(arguments, &tail.query);

    if (code == EXIT_OK) {
        code = take_numbers(arguments, &from, &lines);
    }
    if (code == EXIT_OK) {
        code = session_open(arguments, SOCKET_ADMIN, &tail.client);
    }
    if (code == EXIT_OK) {
        code = run_tail(&tail, from, lines);
    }
    cv_close(&tail.client);
    return code;
}

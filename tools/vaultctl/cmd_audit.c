/* SPDX-License-Identifier: Apache-2.0 */
/* audit tail: the log, or what of it is asked for. */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_log.h"
#include "print_entry.h"
#include "terminal.h"

enum {
    LINES_UNTOLD = 20,
    LINES_MAX = 1000000,
    FOLLOW_PAUSE_S = 1,
};

/* ---- what is asked for ---- */

static enum exit_code
take_filters(const struct arguments *arguments, struct cv_audit_query *query)
{
    query->principal = arguments->principal;
    query->token = arguments->token;
    /* The environment's namespace is meant for contacts; the log is asked about all. */
    query->namespace_name = arguments->namespace_given ? arguments->namespace_name : NULL;
    if (query->token != NULL && strlen(query->token) != CV_TOKEN_CHARACTERS) {
        return fail(arguments, EXIT_USAGE, "--token: a token has %d characters",
                    CV_TOKEN_CHARACTERS);
    }
    query->act = arguments->operation != NULL ? audit_log_act(arguments->operation) : 0;
    if (arguments->operation != NULL && query->act == 0) {
        return fail(arguments, EXIT_USAGE,
                    "--operation: none is called so; they are called as --json names them: "
                    "detokenize, erase, principal_add, ...");
    }
    return audit_log_take_times(arguments, query);
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

static void
note_number(void *state, const struct cv_audit_entry *entry)
{
    ring_add(state, entry->sequence);
}

static void
show(void *state, const struct cv_audit_entry *entry)
{
    const struct audit_log *log = state;

    print_entry(log->arguments, entry);
}

/* Entries from query.from to the last are printed; those that come while we read are not. */
static enum exit_code
print_through(struct audit_log *log)
{
    return audit_log_walk(log, !terminal_is(stdout), show, log);
}

/* ---- where to begin ---- */

/* At the last `lines` of those that pass the filters: read once for their numbers. */
static enum exit_code
seek_among_filtered(struct audit_log *log, uint64_t lines)
{
    struct ring ring = {.capacity = lines};

    if (lines == 0) {
        log->query.from = log->last + 1;
        return EXIT_OK;
    }
    ring.sequences = calloc(ring.capacity, sizeof *ring.sequences);
    if (ring.sequences == NULL) {
        return fail(log->arguments, EXIT_REFUSED, "out of memory");
    }
    enum exit_code code = audit_log_walk(log, true, note_number, &ring);
    log->query.from = ring.count > 0 ? ring_oldest(&ring) : log->last + 1;
    free(ring.sequences);
    return code;
}

/* Untold, the last twenty; of what is asked for with a filter or --from, all. */
static enum exit_code
seek(struct audit_log *log, uint64_t from, uint64_t lines)
{
    const struct arguments *arguments = log->arguments;
    bool filtered = has_filter(&log->query);

    log->query.from = from;
    if (arguments->lines == NULL && (filtered || arguments->from != NULL)) {
        return EXIT_OK;
    }
    if (filtered) {
        return seek_among_filtered(log, lines);
    }
    uint64_t first = log->last > lines ? log->last - lines + 1 : 1;
    log->query.from = first > from ? first : from;
    return EXIT_OK;
}

/* Until the vault is gone, or the reader is. */
static enum exit_code
follow(struct audit_log *log)
{
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && fflush(stdout) == 0) {
        struct cv_reply *reply = NULL;
        bool moved;
        code = audit_log_page(log, &reply, &moved);
        for (size_t i = 0; code == EXIT_OK && i < reply->count; i++) {
            print_entry(log->arguments, &reply->entries[i]);
        }
        cv_reply_free(&reply);
        if (!moved) {
            (void)sleep(FOLLOW_PAUSE_S);
        }
    }
    return code;
}

static enum exit_code
run_tail(struct audit_log *log, uint64_t from, uint64_t lines)
{
    enum exit_code code = audit_log_find_last(log);

    if (code == EXIT_OK) {
        code = seek(log, from, lines);
    }
    if (code == EXIT_OK) {
        code = print_through(log);
    }
    if (code == EXIT_OK && log->arguments->follow) {
        log->query.from = log->query.from > log->last ? log->last + 1 : log->query.from;
        code = follow(log);
    }
    return code;
}

enum exit_code
cmd_audit_tail(const struct arguments *arguments)
{
    struct audit_log log = {.arguments = arguments};
    uint64_t from = 1, lines = LINES_UNTOLD;
    enum exit_code code = take_filters(arguments, &log.query);

    if (code == EXIT_OK) {
        code = take_numbers(arguments, &from, &lines);
    }
    if (code == EXIT_OK) {
        code = session_open(arguments, SOCKET_ADMIN, &log.client);
    }
    if (code == EXIT_OK) {
        code = run_tail(&log, from, lines);
    }
    cv_close(&log.client);
    return code;
}

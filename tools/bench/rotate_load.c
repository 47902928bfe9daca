/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rotate_load: eight clients of a vault, and a judge of what they are answered.
 *
 * rotate_load SOCKET IDENTITY CONTACTS NAMESPACES [PAUSE_US]
 *
 * Makes CONTACTS contacts, spread over the namespaces bench0, bench1 and so on, says "filled" and
 * how long that took, and sets the clients to work, each with a connection and one call at a time,
 * PAUSE_US after the one before: tokenize what is known and what is new, lookup, mask, detokenize.
 * Every answer is held against what is known. Then it does as stdin says:
 *
 *   begin        a window begins
 *   end LABEL    the window ends: a line for each act, and for all of them:
 *                LABEL act calls, calls a second, median us, p99 us, slowest us
 *
 * At the end of stdin the clients stop, every contact is looked up once more, and the last line is
 * "total", calls, how many failed, how many tokens or contacts changed. Exit 0: none did.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "contactvault.h"
#include "load.h"

enum {
    CLIENTS = 8,
    NAMESPACES_MAX = 64,
    NAME_BYTES = 16,
    LABEL_BYTES = 32,
    RECENT = 1024, /* new contacts of its own that a client remembers */
    TIMEOUT_MS = 30000,
    TOLD_MAX = 10, /* faults that are told about one by one */
    PERCENT = 100,
};

/* In percent of all calls. */
enum act { ACT_KNOWN, ACT_NEW, ACT_LOOKUP, ACT_MASK, ACT_DETOKENIZE, ACT_COUNT };
static const struct {
    const char *name;
    unsigned percent;
} acts[ACT_COUNT] = {{"known", 40}, {"new", 10}, {"lookup", 20}, {"mask", 20}, {"detokenize", 10}};

struct client {
    struct cv_client *handle;
    unsigned number;
    uint32_t state;
    unsigned made; /* new contacts so far */
    struct {
        char text[LOAD_TEXT_BYTES];
        char token[LOAD_TOKEN_BYTES];
        unsigned space;
    } recent[RECENT]; /* the newest of them, by number modulo RECENT */
};

static struct {
    unsigned contacts, spaces, pause_us;
    char names[NAMESPACES_MAX][NAME_BYTES];
    char (*tokens)[LOAD_TOKEN_BYTES]; /* by contact */
    struct client clients[CLIENTS];
    struct load_histogram took[ACT_COUNT + 1]; /* the last one: of all */
    atomic_bool counting, ending;
    atomic_uint next_batch;
    bool filling;
    atomic_ullong calls, failed, changed;
} run;

/* Each namespace holds as many; a batch lies in one of them. */
static unsigned
space_of(unsigned contact)
{
    return contact / (run.contacts / run.spaces);
}

static void
note_fault(atomic_ullong *counter, const char *what, const char *about, const char *message)
{
    if (atomic_fetch_add(counter, 1) < TOLD_MAX) {
        fprintf(stderr, "rotate_load: %s: %s: %s\n", what, about, message);
    }
}

static void
note_failed(const char *what, enum cv_status status, const char *message)
{
    note_fault(&run.failed, what, cv_status_name(status), message != NULL ? message : "");
}

/* ---- all contacts: made, and looked up at the end ---- */

static void
take_batch(const struct cv_reply *reply, unsigned from)
{
    for (unsigned i = 0; i < reply->count; i++) {
        const struct cv_item *item = &reply->items[i];

        if (item->status != CV_OK) {
            note_failed(run.filling ? "fill" : "last look", item->status, item->message);
        } else if (run.filling) {
            snprintf(run.tokens[from + i], LOAD_TOKEN_BYTES, "%s", item->token);
        } else if (strcmp(item->token, run.tokens[from + i]) != 0) {
            note_fault(&run.changed, "last look", run.tokens[from + i], item->token);
        }
    }
}

static void
do_batch(struct client *client, unsigned space, unsigned from, unsigned count)
{
    static _Thread_local char text[LOAD_FETCH_BATCH][LOAD_TEXT_BYTES];
    static _Thread_local const char *values[LOAD_FETCH_BATCH];
    struct cv_query query = {.values = values, .count = count, .namespace_name = run.names[space]};
    struct cv_reply *reply = NULL;
    enum cv_status status;

    for (unsigned i = 0; i < count; i++) {
        load_known_text(from + i, text[i]);
        values[i] = text[i];
    }
    status = run.filling ? cv_tokenize(client->handle, &query, &reply)
                         : cv_lookup(client->handle, &query, &reply);
    if (status == CV_OK) {
        take_batch(reply, from);
    } else {
        note_failed(run.filling ? "fill" : "last look", status, reply->message);
    }
    cv_reply_free(&reply);
}

static void *
do_batches(void *argument)
{
    const unsigned each = run.contacts / run.spaces;
    const unsigned batches = (each + LOAD_FETCH_BATCH - 1) / LOAD_FETCH_BATCH; /* of a namespace */
    unsigned batch;

    while ((batch = atomic_fetch_add(&run.next_batch, 1)) < batches * run.spaces) {
        unsigned space = batch / batches;
        unsigned offset = batch % batches * LOAD_FETCH_BATCH;
        unsigned left = each - offset;

        do_batch(argument, space, space * each + offset,
                 left < LOAD_FETCH_BATCH ? left : LOAD_FETCH_BATCH);
    }
    return NULL;
}

/* ---- one call, and what it should have been answered ---- */

struct call {
    enum act act;
    unsigned space;
    const char *contact, *token; /* token: NULL where it is a new one */
};

static enum act
choose_act(struct client *client)
{
    unsigned roll = load_roll(&client->state) % PERCENT;
    int act = 0;

    while (roll >= acts[act].percent) {
        roll -= acts[act++].percent;
    }
    return (enum act)act;
}

/* A known contact, one of those this client made meanwhile, or a new one. */
static struct call
choose(struct client *client, char text[static LOAD_TEXT_BYTES])
{
    struct call call = {.act = choose_act(client), .contact = text};
    unsigned contact = load_roll(&client->state) % run.contacts;
    unsigned made = client->made < RECENT ? client->made : RECENT;

    if (call.act == ACT_NEW) {
        call.space = space_of(contact);
        snprintf(text, LOAD_TEXT_BYTES, "new-%u-%u@example.org", client->number, client->made);
    } else if (made > 0 && load_roll(&client->state) % 4 == 0) {
        unsigned at = load_roll(&client->state) % made;

        call.space = client->recent[at].space;
        call.token = client->recent[at].token;
        call.contact = client->recent[at].text;
    } else {
        call.space = space_of(contact);
        call.token = run.tokens[contact];
        load_known_text(contact, text);
    }
    return call;
}

static enum cv_status
ask(struct client *client, const struct call *call, struct cv_reply **ret_reply)
{
    bool by_token = call->act == ACT_MASK || call->act == ACT_DETOKENIZE;
    struct cv_query query = {.values = by_token ? &call->token : &call->contact,
                             .count = 1,
                             .namespace_name = run.names[call->space],
                             .reason = "benchmark"};

    switch (call->act) {
    case ACT_LOOKUP:
        return cv_lookup(client->handle, &query, ret_reply);
    case ACT_MASK:
        return cv_mask(client->handle, &query, ret_reply);
    case ACT_DETOKENIZE:
        return cv_detokenize(client->handle, &query, ret_reply);
    default:
        return cv_tokenize(client->handle, &query, ret_reply);
    }
}

static void
judge(struct client *client, const struct call *call, const struct cv_item *item)
{
    const char *found = item->token;
    const char *wanted = call->token;

    if (item->status != CV_OK) {
        note_failed(acts[call->act].name, item->status, item->message);
        return;
    }
    if (call->act == ACT_NEW) {
        unsigned at = client->made++ % RECENT;

        snprintf(client->recent[at].text, LOAD_TEXT_BYTES, "%s", call->contact);
        snprintf(client->recent[at].token, LOAD_TOKEN_BYTES, "%s", item->token);
        client->recent[at].space = call->space;
        return;
    }
    if (call->act == ACT_DETOKENIZE) {
        found = item->value;
        wanted = call->contact;
    }
    if (call->act == ACT_MASK ? item->mask == NULL : found == NULL || strcmp(found, wanted) != 0) {
        note_fault(&run.changed, acts[call->act].name, call->token, found != NULL ? found : "");
    }
}

static void
note_time(enum act act, uint64_t took_us)
{
    if (atomic_load_explicit(&run.counting, memory_order_relaxed)) {
        load_histogram_note(&run.took[act], took_us);
        load_histogram_note(&run.took[ACT_COUNT], took_us);
    }
}

static void *
work(void *argument)
{
    const struct timespec pause = {.tv_nsec = (long)run.pause_us * 1000};
    struct client *client = argument;
    char text[LOAD_TEXT_BYTES];

    while (!atomic_load(&run.ending)) {
        struct call call = choose(client, text);
        struct cv_reply *reply = NULL;
        uint64_t began_us = load_now_us();
        enum cv_status status = ask(client, &call, &reply);

        note_time(call.act, load_now_us() - began_us);
        (void)atomic_fetch_add(&run.calls, 1);
        if (status == CV_OK && reply->count == 1) {
            judge(client, &call, &reply->items[0]);
        } else {
            note_failed(acts[call.act].name, status, reply->message);
        }
        cv_reply_free(&reply);
        if (run.pause_us > 0) {
            (void)nanosleep(&pause, NULL);
        }
    }
    return NULL;
}

/* ---- all of it ---- */

static void
start(void *(*body)(void *), pthread_t threads[static CLIENTS])
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (pthread_create(&threads[i], NULL, body, &run.clients[i]) != 0) {
            fputs("rotate_load: no threads\n", stderr);
            exit(1);
        }
    }
}

static void
join(pthread_t threads[static CLIENTS])
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

static void
do_all_batches(bool filling)
{
    pthread_t threads[CLIENTS];

    run.filling = filling;
    atomic_store(&run.next_batch, 0);
    start(do_batches, threads);
    join(threads);
}

static void
print_window(const char *label, uint64_t elapsed_us)
{
    for (int act = 0; act <= ACT_COUNT; act++) {
        struct load_figures figures = load_histogram_read(&run.took[act]);

        printf("%s %s %llu %.0f %u %u %u\n", label, act == ACT_COUNT ? "all" : acts[act].name,
               (unsigned long long)figures.calls, (double)figures.calls * 1e6 / (double)elapsed_us,
               figures.median_us, figures.p99_us, figures.most_us);
        load_histogram_clear(&run.took[act]);
    }
    (void)fflush(stdout);
}

static void
obey(void)
{
    char line[64];
    char label[LABEL_BYTES];
    uint64_t began_us = 0;

    while (fgets(line, sizeof line, stdin) != NULL) {
        if (strcmp(line, "begin\n") == 0) {
            began_us = load_now_us();
            atomic_store(&run.counting, true);
        } else if (sscanf(line, "end %31s", label) == 1) {
            atomic_store(&run.counting, false);
            print_window(label, load_now_us() - began_us);
        }
    }
}

static bool
open_clients(const char *socket, const char *identity)
{
    struct cv_options options = {
        .socket = socket, .identity_file = identity, .timeout_ms = TIMEOUT_MS};
    char message[CV_MESSAGE_BYTES];

    for (unsigned i = 0; i < CLIENTS; i++) {
        run.clients[i].number = i;
        run.clients[i].state = 2463534242U + i;
        if (cv_open(&options, &run.clients[i].handle, message) != CV_OK) {
            fprintf(stderr, "rotate_load: %s\n", message);
            return false;
        }
    }
    return true;
}

int
main(int count, char **arguments)
{
    pthread_t threads[CLIENTS];

    if (count != 5 && count != 6) {
        fputs("usage: rotate_load SOCKET IDENTITY CONTACTS NAMESPACES [PAUSE_US]\n", stderr);
        return 2;
    }
    run.spaces = load_number(arguments[4], NAMESPACES_MAX);
    run.contacts = load_number(arguments[3], UINT32_MAX / 2) / run.spaces * run.spaces;
    run.pause_us = count == 6 ? (unsigned)strtoul(arguments[5], NULL, 10) : 0;
    run.tokens = calloc(run.contacts, sizeof *run.tokens);
    for (unsigned i = 0; i < run.spaces; i++) {
        snprintf(run.names[i], NAME_BYTES, "bench%u", i);
    }
    if (run.tokens == NULL || run.contacts == 0 || !open_clients(arguments[1], arguments[2])) {
        return 1;
    }
    uint64_t began_us = load_now_us();

    do_all_batches(true);
    printf("filled %u %.1f\n", run.contacts, (double)(load_now_us() - began_us) / 1e6);
    (void)fflush(stdout);
    start(work, threads);
    obey();
    atomic_store(&run.ending, true);
    join(threads);
    do_all_batches(false);
    printf("total %llu %llu %llu\n", run.calls, run.failed, run.changed);
    for (unsigned i = 0; i < CLIENTS; i++) {
        cv_close(&run.clients[i].handle);
    }
    free(run.tokens);
    return run.failed == 0 && run.changed == 0 ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm: many threads tokenize at once, through the client library, and keep a ledger of every
 * token that was acknowledged.
 *
 * storm overlap SOCKET IDENTITY THREADS: all threads work on the same few hundred contacts, which
 * move on, until SIGTERM; the daemon may be killed and started meanwhile. Then every contact is
 * looked up and compared with the ledger. storm distinct SOCKET IDENTITY THREADS EACH: every thread
 * tokenizes EACH contacts of its own.
 *
 * Prints one line of JSON. Exit 0: no token lost, changed or shared, and none but passing errors.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "contactvault.h"
#include "patient_open.h"

enum {
    CLIENTS = 8, /* connections, each shared by the threads whose number leads to it */
    THREADS_MAX = 256,
    CONTACTS_MAX = 1 << 20,
    WINDOW = 512, /* how far back from the newest contact a thread may pick */
    NEW_ONE_IN = 4,
    FICTION_PHONES = 1000, /* Ofcom reserves +44 7700 900000 to 900999 for drama */
    TOKEN_TEXT_BYTES = 32, /* with its NUL */
    CONTACT_TEXT_BYTES = 48,
    LOOKUP_BATCH = 1024,
    LOOKUP_TRIES = 200,
    RETRY_NS = 5 * 1000 * 1000,
    LOOKUP_RETRY_NS = 100 * 1000 * 1000,
};

static struct {
    struct cv_client *clients[CLIENTS];
    char (*ledger)[TOKEN_TEXT_BYTES]; /* by contact; empty: never acknowledged */
    char (*found)[TOKEN_TEXT_BYTES];  /* by contact, as looked up at the end */
    pthread_mutex_t lock;             /* guards the ledger */
    atomic_uint next;                 /* contacts there are so far */
    atomic_bool stop;
    atomic_ulong acknowledged, passing, unexpected, changed;
    unsigned each; /* 0: overlap */
} storm = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
rest(long ns)
{
    struct timespec pause = {.tv_nsec = ns};

    (void)nanosleep(&pause, NULL);
}

/* Two spellings of each, so that the canonical form is at work too. */
static void
contact_text(unsigned contact, bool shout, char ret_text[static CONTACT_TEXT_BYTES])
{
    if (contact % 2 == 1 && contact / 2 < FICTION_PHONES) {
        snprintf(ret_text, CONTACT_TEXT_BYTES, shout ? "0044 7700 900%03u" : "+447700900%03u",
                 contact / 2);
    } else {
        snprintf(ret_text, CONTACT_TEXT_BYTES,
                 shout ? "STORM-%u@Example.ORG" : "storm-%u@example.org", contact);
    }
}

static void
enter(unsigned contact, const char *token)
{
    (void)pthread_mutex_lock(&storm.lock);
    char *held = storm.ledger[contact];

    if (held[0] == '\0') {
        snprintf(held, TOKEN_TEXT_BYTES, "%s", token);
    } else if (strcmp(held, token) != 0) {
        atomic_fetch_add(&storm.changed, 1);
        fprintf(stderr, "storm: contact %u had %s, and now %s\n", contact, held, token);
    }
    (void)pthread_mutex_unlock(&storm.lock);
    atomic_fetch_add(&storm.acknowledged, 1);
}

/* A daemon that was killed gives these and no others. */
static bool
passes(enum cv_status status)
{
    return status == CV_UNAVAILABLE || status == CV_BUSY || status == CV_SEALED;
}

static bool
tokenize(struct cv_client *client, unsigned contact, bool shout)
{
    char text[CONTACT_TEXT_BYTES];
    const char *values[] = {text};
    struct cv_query query = {.values = values, .count = 1};
    struct cv_reply *reply = NULL;
    bool ok = false;

    contact_text(contact, shout, text);
    enum cv_status status = cv_tokenize(client, &query, &reply);

    if (status == CV_OK && reply->count == 1) {
        status = reply->items[0].status;
    }
    if (status == CV_OK) {
        enter(contact, reply->items[0].token);
        ok = true;
    } else if (passes(status) && storm.each == 0) {
        atomic_fetch_add(&storm.passing, 1);
    } else if (atomic_fetch_add(&storm.unexpected, 1) == 0) {
        fprintf(stderr, "storm: %s: %s\n", cv_status_name(status),
                reply != NULL ? reply->message : "out of memory");
    }
    cv_reply_free(&reply);
    return ok;
}

/* xorshift32 (Marsaglia 2003): enough to pick contacts. */
static uint32_t
roll(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static unsigned
pick(uint32_t *state)
{
    unsigned newest = atomic_load(&storm.next);

    if (newest == 0 || (newest < CONTACTS_MAX && roll(state) % NEW_ONE_IN == 0)) {
        newest = atomic_fetch_add(&storm.next, 1);
        return newest < CONTACTS_MAX ? newest : CONTACTS_MAX - 1;
    }
    unsigned back = roll(state) % WINDOW;

    newest = newest < CONTACTS_MAX ? newest : CONTACTS_MAX;
    return back < newest ? newest - 1 - back : newest - 1;
}

static void *
overlap(void *argument)
{
    unsigned thread = (unsigned)(uintptr_t)argument;
    uint32_t state = 2463534242U + thread;

    while (!atomic_load(&storm.stop)) {
        if (!tokenize(storm.clients[thread % CLIENTS], pick(&state), thread % 2 == 1)) {
            rest(RETRY_NS);
        }
    }
    return NULL;
}

static void *
distinct(void *argument)
{
    unsigned thread = (unsigned)(uintptr_t)argument;

    for (unsigned i = 0; i < storm.each; i++) {
        (void)tokenize(storm.clients[thread % CLIENTS], thread * storm.each + i, false);
    }
    return NULL;
}

/* ---- the comparison ---- */

static bool
look_up(unsigned from, unsigned count)
{
    static char texts[LOOKUP_BATCH][CONTACT_TEXT_BYTES];
    static const char *values[LOOKUP_BATCH];
    struct cv_query query = {.values = values, .count = count};
    struct cv_reply *reply = NULL;
    enum cv_status status = CV_UNAVAILABLE;

    for (unsigned i = 0; i < count; i++) {
        contact_text(from + i, i % 2 == 1, texts[i]);
        values[i] = texts[i];
    }
    for (int i = 0; i < LOOKUP_TRIES && passes(status); i++) {
        cv_reply_free(&reply);
        status = cv_lookup(storm.clients[0], &query, &reply);
        if (passes(status)) {
            rest(LOOKUP_RETRY_NS);
        }
    }
    for (unsigned i = 0; status == CV_OK && i < count; i++) {
        if (reply->items[i].status == CV_OK) {
            snprintf(storm.found[from + i], TOKEN_TEXT_BYTES, "%s", reply->items[i].token);
        } else if (reply->items[i].status != CV_NOT_FOUND) {
            status = reply->items[i].status;
        }
    }
    if (status != CV_OK) {
        fprintf(stderr, "storm: lookup: %s\n", cv_status_name(status));
    }
    cv_reply_free(&reply);
    return status == CV_OK;
}

static int
compare_tokens(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* Sorts storm.found: ask nothing of it by contact afterwards. */
static unsigned long
count_shared(unsigned contacts)
{
    unsigned long shared = 0;

    qsort(storm.found, contacts, TOKEN_TEXT_BYTES, compare_tokens);
    for (unsigned i = 1; i < contacts; i++) {
        shared += storm.found[i][0] != '\0' && strcmp(storm.found[i - 1], storm.found[i]) == 0;
    }
    return shared;
}

static bool
compare(void)
{
    unsigned contacts = atomic_load(&storm.next);
    unsigned long lost = 0;
    unsigned long found = 0;
    bool ok = true;

    contacts = contacts < CONTACTS_MAX ? contacts : CONTACTS_MAX;
    for (unsigned from = 0; ok && from < contacts; from += LOOKUP_BATCH) {
        ok = look_up(from, contacts - from < LOOKUP_BATCH ? contacts - from : LOOKUP_BATCH);
    }
    for (unsigned i = 0; i < contacts; i++) {
        found += storm.found[i][0] != '\0';
        if (storm.ledger[i][0] != '\0' && strcmp(storm.ledger[i], storm.found[i]) != 0) {
            lost++;
            fprintf(stderr, "storm: contact %u was acknowledged as %s, found as '%s'\n", i,
                    storm.ledger[i], storm.found[i]);
        }
    }
    unsigned long shared = count_shared(contacts);

    printf("{\"acknowledged\":%lu,\"contacts\":%lu,\"lost\":%lu,\"changed\":%lu,\"shared\":%lu,"
           "\"passing_errors\":%lu,\"unexpected\":%lu}\n",
           atomic_load(&storm.acknowledged), found, lost, atomic_load(&storm.changed), shared,
           atomic_load(&storm.passing), atomic_load(&storm.unexpected));
    return ok && lost == 0 && shared == 0 && atomic_load(&storm.changed) == 0 &&
           atomic_load(&storm.unexpected) == 0 && atomic_load(&storm.acknowledged) > 0;
}

/* ---- start and end ---- */

static bool
connect_all(const char *path, const char *identity)
{
    struct cv_options options = {.socket = path, .identity_file = identity};
    char message[CV_MESSAGE_BYTES];

    for (int i = 0; i < CLIENTS; i++) {
        if (patient_open(&options, &storm.clients[i], message) != CV_OK) {
            fprintf(stderr, "storm: %s\n", message);
            return false;
        }
    }
    return true;
}

static bool
blow(unsigned count)
{
    static pthread_t threads[THREADS_MAX];
    sigset_t signals;
    int caught;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    for (unsigned i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, storm.each > 0 ? distinct : overlap,
                           (void *)(uintptr_t)i) != 0) {
            return false;
        }
    }
    if (storm.each == 0) {
        (void)sigwait(&signals, &caught);
        atomic_store(&storm.stop, true);
    }
    for (unsigned i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    return true;
}

int
main(int count, char **arguments)
{
    unsigned threads = count > 4 ? (unsigned)strtoul(arguments[4], NULL, 10) : 0;
    bool ok = false;

    if (count == 6 && strcmp(arguments[1], "distinct") == 0) {
        storm.each = (unsigned)strtoul(arguments[5], NULL, 10);
    }
    if (threads == 0 || threads > THREADS_MAX || storm.each > CONTACTS_MAX / threads ||
        (storm.each == 0 && (count != 5 || strcmp(arguments[1], "overlap") != 0))) {
        fputs("usage: storm overlap SOCKET IDENTITY THREADS\n"
              "       storm distinct SOCKET IDENTITY THREADS EACH\n",
              stderr);
        return 2;
    }
    storm.ledger = calloc(CONTACTS_MAX, sizeof *storm.ledger);
    storm.found = calloc(CONTACTS_MAX, sizeof *storm.found);
    if (storm.ledger != NULL && storm.found != NULL && connect_all(arguments[2], arguments[3])) {
        atomic_store(&storm.next, threads * storm.each);
        ok = blow(threads) && compare();
    }
    for (int i = 0; i < CLIENTS; i++) {
        cv_close(&storm.clients[i]);
    }
    free(storm.ledger);
    free(storm.found);
    return ok ? 0 : 1;
}

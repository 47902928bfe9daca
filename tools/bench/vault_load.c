/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault_load: a steady load on a vault through the client library, as a service makes it.
 *
 * vault_load SOCKET IDENTITY fill CONTACTS
 * vault_load SOCKET IDENTITY known|new|mask|detokenize THREADS SECONDS BATCH CONTACTS
 *
 * One connection, shared by THREADS threads with a call outstanding each, of BATCH items. `known`
 * tokenizes contacts that `fill` has made, `new` ones that nobody has. Prints one line as echo_load
 * does: calls a second, median, 99th percentile; items a second are BATCH times that.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "contactvault.h"

enum {
    THREADS_MAX = 256,
    BATCH_MAX = 1024,
    TEXT_BYTES = 48,
    TOKEN_BYTES = 32, /* with its NUL */
    FILL_BATCH = 4096,
    BUCKETS = 1000000, /* of a microsecond; what is slower counts as this slow */
    WARM_UP_S = 1,
};

enum act { ACT_KNOWN, ACT_NEW, ACT_MASK, ACT_DETOKENIZE, ACT_COUNT };
static const char *const act_names[ACT_COUNT] = {"known", "new", "mask", "detokenize"};

static struct {
    struct cv_client *client;
    enum act act;
    unsigned batch, contacts;
    char (*tokens)[TOKEN_BYTES]; /* by contact, for mask and detokenize */
    char run[16];                /* makes the new contacts of this run new */
    atomic_uint next;
    atomic_bool counting, ending;
    atomic_uint buckets[BUCKETS];
} load;

struct texts {
    char text[BATCH_MAX][TEXT_BYTES];
    const char *values[BATCH_MAX];
};

static void
die(const char *what, enum cv_status status, const struct cv_reply *reply)
{
    fprintf(stderr, "vault_load: %s: %s: %s\n", what, cv_status_name(status),
            reply != NULL ? reply->message : "");
    exit(1);
}

static uint64_t
now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void
known_text(unsigned contact, char to[static TEXT_BYTES])
{
    snprintf(to, TEXT_BYTES, "lead-%08u@example.org", contact);
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

/* ---- before the measurement ---- */

static void
in_batches(bool make)
{
    static char text[FILL_BATCH][TEXT_BYTES];
    static const char *values[FILL_BATCH];

    for (unsigned from = 0; from < load.contacts; from += FILL_BATCH) {
        unsigned count = load.contacts - from < FILL_BATCH ? load.contacts - from : FILL_BATCH;
        struct cv_query query = {.values = values, .count = count};
        struct cv_reply *reply = NULL;

        for (unsigned i = 0; i < count; i++) {
            known_text(from + i, text[i]);
            values[i] = text[i];
        }
        enum cv_status status = make ? cv_tokenize(load.client, &query, &reply)
                                     : cv_lookup(load.client, &query, &reply);

        for (unsigned i = 0; status == CV_OK && i < count; i++) {
            status = reply->items[i].status;
            if (status == CV_OK && load.tokens != NULL) {
                snprintf(load.tokens[from + i], TOKEN_BYTES, "%s", reply->items[i].token);
            }
        }
        if (status != CV_OK) {
            die(make ? "fill" : "lookup (fill first)", status, reply);
        }
        cv_reply_free(&reply);
    }
}

/* ---- the measurement ---- */

static void
choose(struct texts *texts, uint32_t *state)
{
    for (unsigned i = 0; i < load.batch; i++) {
        unsigned contact = roll(state) % load.contacts;

        texts->values[i] = texts->text[i];
        if (load.act == ACT_KNOWN) {
            known_text(contact, texts->text[i]);
        } else if (load.act == ACT_NEW) {
            snprintf(texts->text[i], TEXT_BYTES, "new-%s-%u@example.org", load.run,
                     atomic_fetch_add(&load.next, 1));
        } else {
            texts->values[i] = load.tokens[contact];
        }
    }
}

static enum cv_status
call(const struct texts *texts, struct cv_reply **ret_reply)
{
    struct cv_query query = {.values = texts->values, .count = load.batch};

    switch (load.act) {
    case ACT_MASK:
        return cv_mask(load.client, texts->values, load.batch, ret_reply);
    case ACT_DETOKENIZE:
        return cv_detokenize(load.client, texts->values, load.batch, "benchmark", ret_reply);
    default:
        return cv_tokenize(load.client, &query, ret_reply);
    }
}

static void *
work(void *argument)
{
    uint32_t state = 2463534242U + (uint32_t)(uintptr_t)argument;
    struct texts *texts = malloc(sizeof *texts);

    if (texts == NULL) {
        die("memory", CV_INTERNAL, NULL);
    }
    while (!atomic_load(&load.ending)) {
        struct cv_reply *reply = NULL;

        choose(texts, &state);
        uint64_t began = now_us();
        enum cv_status status = call(texts, &reply);
        uint64_t took = now_us() - began;

        for (size_t i = 0; status == CV_OK && i < reply->count; i++) {
            status = reply->items[i].status;
        }
        if (status != CV_OK) {
            die(act_names[load.act], status, reply);
        }
        cv_reply_free(&reply);
        if (atomic_load_explicit(&load.counting, memory_order_relaxed)) {
            atomic_fetch_add_explicit(&load.buckets[took < BUCKETS ? took : BUCKETS - 1], 1,
                                      memory_order_relaxed);
        }
    }
    free(texts);
    return NULL;
}

static void
print_result(unsigned threads, uint64_t elapsed_us)
{
    uint64_t calls = 0;
    uint64_t seen = 0;
    unsigned median = 0;
    unsigned p99 = 0;

    for (unsigned i = 0; i < BUCKETS; i++) {
        calls += load.buckets[i];
    }
    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += load.buckets[i];
        if (seen * 2 < calls) {
            median = i + 1;
        }
        if (seen * 100 < calls * 99) {
            p99 = i + 1;
        }
    }
    printf("%u outstanding: %.0f a second, median %u us, p99 %u us\n", threads,
           (double)calls * 1e6 / (double)elapsed_us, median, p99);
}

static void
measure(unsigned threads, unsigned seconds)
{
    pthread_t ids[THREADS_MAX];

    for (unsigned i = 0; i < threads; i++) {
        if (pthread_create(&ids[i], NULL, work, (void *)(uintptr_t)i) != 0) {
            die("threads", CV_INTERNAL, NULL);
        }
    }
    (void)sleep(WARM_UP_S);
    uint64_t began = now_us();

    atomic_store(&load.counting, true);
    (void)sleep(seconds);
    atomic_store(&load.counting, false);
    uint64_t elapsed = now_us() - began;

    atomic_store(&load.ending, true);
    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_join(ids[i], NULL);
    }
    print_result(threads, elapsed);
}

static unsigned
number(const char *text, unsigned most)
{
    unsigned long value = strtoul(text, NULL, 10);

    if (value == 0 || value > most) {
        fprintf(stderr, "vault_load: %s: 1 to %u wanted\n", text, most);
        exit(2);
    }
    return (unsigned)value;
}

static enum act
act_of(const char *name)
{
    for (int i = 0; i < ACT_COUNT; i++) {
        if (strcmp(name, act_names[i]) == 0) {
            return (enum act)i;
        }
    }
    return ACT_COUNT;
}

int
main(int count, char **arguments)
{
    bool fill = count == 5 && strcmp(arguments[3], "fill") == 0;
    char message[CV_MESSAGE_BYTES];

    if (!fill && (count != 8 || (load.act = act_of(arguments[3])) == ACT_COUNT)) {
        fputs("usage: vault_load SOCKET IDENTITY fill CONTACTS\n"
              "       vault_load SOCKET IDENTITY known|new|mask|detokenize THREADS SECONDS BATCH "
              "CONTACTS\n",
              stderr);
        return 2;
    }
    struct cv_options options = {.socket = arguments[1], .identity_file = arguments[2]};
    enum cv_status status = cv_open(&options, &load.client, message);

    if (status != CV_OK) {
        fprintf(stderr, "vault_load: %s\n", message);
        return 1;
    }
    load.contacts = number(arguments[fill ? 4 : 7], UINT32_MAX / 2);
    if (fill) {
        in_batches(true);
    } else {
        load.batch = number(arguments[6], BATCH_MAX);
        snprintf(load.run, sizeof load.run, "%llx", (unsigned long long)now_us() & 0xffffffffff);
        load.tokens = calloc(load.contacts, sizeof *load.tokens);
        if (load.tokens == NULL) {
            die("memory", CV_INTERNAL, NULL);
        }
        if (load.act == ACT_MASK || load.act == ACT_DETOKENIZE) {
            in_batches(false);
        }
        measure(number(arguments[4], THREADS_MAX), number(arguments[5], 3600));
    }
    cv_close(&load.client);
    free(load.tokens);
    return 0;
}

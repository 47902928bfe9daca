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

#include "contactvault.h"
#include "load.h"

enum { THREADS_MAX = 256, SECONDS_MAX = 3600 };

static struct {
    struct cv_client *client;
    enum load_act act;
    unsigned batch, contacts;
    char (*tokens)[LOAD_TOKEN_BYTES]; /* by contact, for mask and detokenize */
    atomic_bool ending;
} load;

struct texts {
    char text[LOAD_BATCH_MAX][LOAD_TEXT_BYTES];
    const char *values[LOAD_BATCH_MAX];
};

static void
die(const char *what, enum cv_status status, const struct cv_reply *reply)
{
    fprintf(stderr, "vault_load: %s: %s: %s\n", what, cv_status_name(status),
            reply != NULL ? reply->message : "");
    exit(1);
}

/* Makes all contacts, or looks them up. */
static void
fetch(bool make)
{
    static char text[LOAD_FETCH_BATCH][LOAD_TEXT_BYTES];
    static const char *values[LOAD_FETCH_BATCH];

    for (unsigned from = 0; from < load.contacts; from += LOAD_FETCH_BATCH) {
        unsigned left = load.contacts - from;
        unsigned count = left < LOAD_FETCH_BATCH ? left : LOAD_FETCH_BATCH;
        struct cv_query query = {.values = values, .count = count};
        struct cv_reply *reply = NULL;

        for (unsigned i = 0; i < count; i++) {
            load_known_text(from + i, text[i]);
            values[i] = text[i];
        }
        enum cv_status status = make ? cv_tokenize(load.client, &query, &reply)
                                     : cv_lookup(load.client, &query, &reply);

        for (unsigned i = 0; status == CV_OK && i < count; i++) {
            status = reply->items[i].status;
            if (status == CV_OK && load.tokens != NULL) {
                snprintf(load.tokens[from + i], LOAD_TOKEN_BYTES, "%s", reply->items[i].token);
            }
        }
        if (status != CV_OK) {
            die(make ? "fill" : "lookup (fill first)", status, reply);
        }
        cv_reply_free(&reply);
    }
}

static void
choose(struct texts *texts, uint32_t *state)
{
    for (unsigned i = 0; i < load.batch; i++) {
        unsigned contact = load_roll(state) % load.contacts;

        texts->values[i] = texts->text[i];
        if (load.act == LOAD_KNOWN) {
            load_known_text(contact, texts->text[i]);
        } else if (load.act == LOAD_NEW) {
            load_new_text(texts->text[i]);
        } else {
            texts->values[i] = load.tokens[contact];
        }
    }
}

static enum cv_status
call(const struct texts *texts, struct cv_reply **ret_reply)
{
    struct cv_query query = {.values = texts->values, .count = load.batch, .reason = "benchmark"};

    switch (load.act) {
    case LOAD_MASK:
        return cv_mask(load.client, &query, ret_reply);
    case LOAD_DETOKENIZE:
        return cv_detokenize(load.client, &query, ret_reply);
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
        uint64_t began = load_now_us();
        enum cv_status status = call(texts, &reply);
        uint64_t took = load_now_us() - began;

        for (size_t i = 0; status == CV_OK && i < reply->count; i++) {
            status = reply->items[i].status;
        }
        if (status != CV_OK) {
            die("call", status, reply);
        }
        cv_reply_free(&reply);
        load_note(took);
    }
    free(texts);
    return NULL;
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
    load_measure(threads, seconds);
    atomic_store(&load.ending, true);
    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_join(ids[i], NULL);
    }
}

static void
steady(char **arguments)
{
    load.batch = load_number(arguments[6], LOAD_BATCH_MAX);
    load.contacts = load_number(arguments[7], UINT32_MAX / 2);
    if (load.act == LOAD_MASK || load.act == LOAD_DETOKENIZE) {
        load.tokens = calloc(load.contacts, sizeof *load.tokens);
        if (load.tokens == NULL) {
            die("memory", CV_INTERNAL, NULL);
        }
        fetch(false);
    }
    measure(load_number(arguments[4], THREADS_MAX), load_number(arguments[5], SECONDS_MAX));
}

int
main(int count, char **arguments)
{
    bool fill = count == 5 && strcmp(arguments[3], "fill") == 0;
    char message[CV_MESSAGE_BYTES];

    if (!fill && (count != 8 || (load.act = load_act_of(arguments[3])) == LOAD_ACT_COUNT)) {
        fputs("usage: vault_load SOCKET IDENTITY fill CONTACTS\n"
              "       vault_load SOCKET IDENTITY known|new|mask|detokenize THREADS SECONDS BATCH "
              "CONTACTS\n",
              stderr);
        return 2;
    }
    struct cv_options options = {.socket = arguments[1], .identity_file = arguments[2]};

    if (cv_open(&options, &load.client, message) != CV_OK) {
        fprintf(stderr, "vault_load: %s\n", message);
        return 1;
    }
    if (fill) {
        load.contacts = load_number(arguments[4], UINT32_MAX / 2);
        fetch(true);
    } else {
        steady(arguments);
    }
    cv_close(&load.client);
    free(load.tokens);
    return 0;
}

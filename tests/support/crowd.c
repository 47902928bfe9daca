/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowd: many persons, each in many sessions, who reveal at once until they may not any more.
 *
 * crowd reveal FOLDER PERSONS BUSY TOKEN...: by the sockets in FOLDER, as an admin by uid, makes
 * persons "p1", "p2"..., enrols them, grants them reveal on milano, and logs each in SESSIONS_EACH
 * times, by recovery codes and one of the phone. Says "open" and the number of sessions on stderr.
 * Then the first BUSY of them reveal from all of their sessions, the others from one, until refused
 * or SIGTERM. Prints a line of JSON for each: values `answered` and `unknown`, threads `refused`,
 * and how many of the sessions are `live` in the end. Exit 1: something else went wrong.
 *
 * crowd plain IDENTITY PASSPHRASE FILE: the same key, unprotected: logins without half a second of
 * Argon2id each.
 */
#include <liboath/oath.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
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
    SESSIONS_EACH = CV_RECOVERY_CODES + 1,
    PERSONS_MAX = 250,
    THREADS_EACH = 8, /* on each session of a busy one */
    THREADS_MAX = 2048,
    STEP_S = 30,
    TOTP_BYTES = 20,
    DIGITS = 6,
    NAME_BYTES = 24,
    PATH_BYTES = 256,
    BUDGET = 100000000,
    STACK_BYTES = 256 * 1024,
};

struct member {
    char name[NAME_BYTES];
    struct cv_identity *key;
    struct cv_identity *sessions[SESSIONS_EACH];
    atomic_ulong answered, unknown, refused;
    unsigned live;
};

struct thread {
    struct member *member;
    struct cv_client *client;
    size_t first; /* token */
    pthread_t thread;
};

static struct {
    char data[PATH_BYTES], admin[PATH_BYTES];
    struct member members[PERSONS_MAX];
    size_t count, busy;
    const char *const *tokens;
    size_t token_count;
    struct thread threads[THREADS_MAX];
    size_t thread_count;
    struct cv_client *clients[THREADS_MAX];
    size_t client_count;
    atomic_bool stop;
} crowd;

static void
end_all(int number)
{
    (void)number;
    atomic_store(&crowd.stop, true);
}

/* Frees the reply; anything but OK is the end. */
static void
must(enum cv_status status, struct cv_reply **reply, const char *what)
{
    if (status != CV_OK) {
        (void)fprintf(stderr, "crowd: %s: %s: %s\n", what, cv_status_name(status),
                      reply != NULL && *reply != NULL ? (*reply)->message : "");
        exit(1);
    }
    if (reply != NULL) {
        cv_reply_free(reply);
    }
}

static struct cv_client *
connect_as(const char *socket, const struct cv_identity *identity)
{
    const struct cv_options options = {.socket = socket, .identity = identity};
    struct cv_client *client = NULL;

    must(patient_open(&options, &client, NULL), NULL, "connect");
    return client;
}

/* ---- coming in ---- */

/* The phone's code of the step so many after the present one. */
static void
phone_code(const uint8_t *secret, int ahead, char ret_code[static DIGITS + 1])
{
    uint64_t step = (uint64_t)(time(NULL) / STEP_S + ahead);

    if (oath_hotp_generate((const char *)secret, TOTP_BYTES, step, DIGITS, false,
                           OATH_HOTP_DYNAMIC_TRUNCATION, ret_code) != OATH_OK) {
        abort();
    }
}

static void
log_in_everywhere(struct member *member, const struct cv_reply *begun)
{
    struct cv_client *client = connect_as(crowd.data, member->key);
    char digits[DIGITS + 1];

    for (size_t i = 0; i < SESSIONS_EACH; i++) {
        struct cv_reply *reply = NULL;
        const char *factor = digits;

        must(cv_identity_new(&member->sessions[i]), NULL, "a session's key");
        if (i < begun->code_count) {
            factor = begun->codes[i];
        } else {
            phone_code(begun->secret, 1, digits);
        }
        must(cv_login(client, member->sessions[i], factor, &reply), &reply, "login");
    }
    cv_close(&client);
}

static void
bring_in(struct cv_client *admin, struct cv_client *stranger, struct member *member)
{
    const struct cv_new_principal fresh = {
        .name = member->name, .kind = CV_PERSON, .any_uid = true};
    const struct cv_grant_terms terms = {.name = member->name,
                                         .role = CV_ROLE_REVEAL,
                                         .namespace_name = "milano",
                                         .daily = BUDGET,
                                         .hourly = BUDGET};
    struct cv_enrolment enrolment = {.name = member->name};
    struct cv_reply *invited = NULL, *begun = NULL, *reply = NULL;
    char digits[DIGITS + 1];

    must(cv_identity_new(&member->key), NULL, "a key");
    must(cv_principal_add(admin, &fresh, &invited), NULL, "principal add");
    enrolment.code = invited->code;
    enrolment.identity = member->key;
    must(cv_enrol_begin(stranger, &enrolment, &begun), NULL, "enrol");
    phone_code(begun->secret, 0, digits);
    must(cv_enrol_confirm(stranger, &enrolment, begun, digits, &reply), &reply, "confirm");
    must(cv_grant(admin, &terms, &reply), &reply, "grant");
    log_in_everywhere(member, begun);
    cv_reply_free(&invited);
    cv_reply_free(&begun);
}

static void
bring_all_in(void)
{
    struct cv_client *admin = connect_as(crowd.admin, NULL);
    struct cv_client *stranger = connect_as(crowd.data, NULL);

    for (size_t i = 0; i < crowd.count; i++) {
        (void)snprintf(crowd.members[i].name, NAME_BYTES, "p%zu", i + 1);
        bring_in(admin, stranger, &crowd.members[i]);
    }
    cv_close(&admin);
    cv_close(&stranger);
}

/* ---- revealing ---- */

/* False: this thread is at its end. */
static bool
reveal(struct thread *self, const char *token)
{
    const struct cv_query query = {.values = &token, .count = 1, .reason = "in a crowd"};
    struct cv_reply *reply = NULL;
    enum cv_status status = cv_detokenize(self->client, &query, &reply);
    bool go_on = true;

    switch (status) {
    case CV_OK:
        must(reply->items[0].status, NULL, "a reveal");
        (void)atomic_fetch_add(&self->member->answered, 1);
        break;
    case CV_DENIED:
    case CV_UNAUTHENTICATED:
    case CV_NO_SESSION:
        (void)atomic_fetch_add(&self->member->refused, 1);
        go_on = false;
        break;
    case CV_BUSY:
    case CV_UNAVAILABLE:
        (void)atomic_fetch_add(&self->member->unknown, reply->outcome_unknown ? 1 : 0);
        break;
    default:
        must(status, &reply, "a reveal");
    }
    cv_reply_free(&reply);
    return go_on;
}

static void *
run(void *argument)
{
    struct thread *self = argument;
    size_t next = self->first;

    while (!atomic_load(&crowd.stop) && reveal(self, crowd.tokens[next++ % crowd.token_count])) {
    }
    return NULL;
}

static void
seat(struct member *member, size_t session, size_t threads)
{
    struct cv_client *client = connect_as(crowd.data, member->sessions[session]);

    crowd.clients[crowd.client_count++] = client;
    for (size_t i = 0; i < threads && crowd.thread_count < THREADS_MAX; i++) {
        crowd.threads[crowd.thread_count] =
            (struct thread){.member = member, .client = client, .first = crowd.thread_count};
        crowd.thread_count++;
    }
}

static void
reveal_at_once(void)
{
    pthread_attr_t attributes;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (size_t i = 0; i < crowd.count; i++) {
        for (size_t k = 0; k < (i < crowd.busy ? SESSIONS_EACH : 1); k++) {
            seat(&crowd.members[i], k, i < crowd.busy ? THREADS_EACH : 1);
        }
    }
    for (size_t i = 0; i < crowd.thread_count; i++) {
        if (pthread_create(&crowd.threads[i].thread, &attributes, run, &crowd.threads[i]) != 0) {
            abort();
        }
    }
    for (size_t i = 0; i < crowd.thread_count; i++) {
        (void)pthread_join(crowd.threads[i].thread, NULL);
    }
    for (size_t i = 0; i < crowd.client_count; i++) {
        cv_close(&crowd.clients[i]);
    }
    (void)pthread_attr_destroy(&attributes);
}

/* ---- who is still in ---- */

static void
count_live(struct member *member)
{
    for (size_t i = 0; i < SESSIONS_EACH; i++) {
        struct cv_client *client = connect_as(crowd.data, member->sessions[i]);
        struct cv_reply *reply = NULL;

        member->live += cv_whoami(client, &reply) == CV_OK && reply->idle_s > 0;
        cv_reply_free(&reply);
        cv_close(&client);
        cv_identity_free(&member->sessions[i]);
    }
    cv_identity_free(&member->key);
}

static int
reveal_all(int count, char **arguments)
{
    struct sigaction action = {.sa_handler = end_all};

    (void)snprintf(crowd.data, PATH_BYTES, "%s/vault.sock", arguments[2]);
    (void)snprintf(crowd.admin, PATH_BYTES, "%s/admin.sock", arguments[2]);
    crowd.count = strtoul(arguments[3], NULL, 10);
    crowd.busy = strtoul(arguments[4], NULL, 10);
    crowd.tokens = (const char *const *)(arguments + 5);
    crowd.token_count = (size_t)count - 5;
    if (crowd.count == 0 || crowd.count > PERSONS_MAX || crowd.busy > crowd.count) {
        return 2;
    }
    (void)sigaction(SIGTERM, &action, NULL);
    bring_all_in();
    (void)fprintf(stderr, "open %zu\n", crowd.count * SESSIONS_EACH);
    reveal_at_once();
    for (size_t i = 0; i < crowd.count; i++) {
        struct member *member = &crowd.members[i];

        count_live(member);
        (void)printf("{\"name\":\"%s\",\"answered\":%lu,\"unknown\":%lu,\"refused\":%lu,"
                     "\"live\":%u}\n",
                     member->name, atomic_load(&member->answered), atomic_load(&member->unknown),
                     atomic_load(&member->refused), member->live);
    }
    return 0;
}

/* ---- a key without a passphrase ---- */

static int
make_plain(char **arguments)
{
    struct cv_identity *identity = NULL;
    uint8_t seed[CV_KEY_BYTES];
    char text[64];

    must(cv_identity_open(arguments[2], arguments[3], strlen(arguments[3]), &identity, NULL), NULL,
         "open the key");
    cv_identity_seed(identity, seed);
    cv_identity_free(&identity);
    sodium_bin2base64(text, sizeof text, seed, sizeof seed, sodium_base64_VARIANT_ORIGINAL);
    FILE *file = fopen(arguments[4], "w");
    if (file == NULL || fprintf(file, "contact-vault identity 1\n%s\n", text) < 0) {
        return 1;
    }
    return fclose(file) == 0 ? 0 : 1;
}

int
main(int count, char **arguments)
{
    if (count == 5 && strcmp(arguments[1], "plain") == 0) {
        return make_plain(arguments);
    }
    if (count >= 6 && strcmp(arguments[1], "reveal") == 0) {
        return reveal_all(count, arguments);
    }
    (void)fputs(
        "usage: crowd reveal FOLDER PERSONS BUSY TOKEN... | plain IDENTITY PASSPHRASE FILE\n",
        stderr);
    return 2;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S15 "no byte of a request to a socket that is not its vault's". */
/* Connections that are slow, break, come back, or belong to somebody else; and many threads. */
#include "contactvault.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client_fixture.h"

enum {
    THREADS = 32,
    CALLS_PER_THREAD = 100,
    SHORT_TIMEOUT_MS = 300,
    ROGUE_UID = 65533,
};

static const char *const token = FAKE_TOKEN;

static enum cv_status
reveal(struct fixture *fixture, const char *reason, struct cv_reply **reply)
{
    struct cv_query query = {.values = &token, .count = 1, .reason = reason};

    return cv_detokenize(fixture->client, &query, reply);
}

struct worker {
    struct cv_client *client;
    unsigned number, failures;
    int calls;
};

static void *
work(void *argument)
{
    struct worker *worker = argument;

    for (int i = 0; i < worker->calls; i++) {
        struct cv_reply *reply;
        char value[32];
        snprintf(value, sizeof value, "%u-%d", worker->number, i);
        if (tokenize_one(worker->client, value, &reply) != CV_OK ||
            strcmp(reply->items[0].mask, value) != 0)
            worker->failures++;
        cv_reply_free(&reply);
    }
    return NULL;
}

static void
run_threads(struct fixture *fixture, int calls)
{
    struct worker workers[THREADS];
    pthread_t threads[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.client = fixture->client, .number = i, .calls = calls};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].failures, 0);
    }
}

static void
test_many_threads_share_one_connection(void **state)
{
    struct fixture *fixture = *state;

    run_threads(fixture, CALLS_PER_THREAD);
    assert_int_equal(fixture->fake.counts->connections, 1);
    assert_int_equal(fixture->fake.counts->hellos, 1);
    assert_int_equal(fixture->fake.counts->executed, THREADS * CALLS_PER_THREAD);
}

static void
test_a_restart_costs_one_hello(void **state)
{
    struct fixture *fixture = *state;

    run_threads(fixture, 1);
    fake_kill(&fixture->fake);
    fake_restart(&fixture->fake);
    run_threads(fixture, 1);
    assert_int_equal(fixture->fake.counts->hellos, 2);
    assert_int_equal(fixture->fake.counts->executed, 2 * THREADS);
}

static void
test_a_call_waits_for_a_daemon_that_restarts(void **state)
{
    struct fixture *fixture = *state;
    struct worker worker = {.client = fixture->client, .calls = 1};
    pthread_t thread;

    fake_kill(&fixture->fake);
    assert_int_equal(pthread_create(&thread, NULL, work, &worker), 0);
    usleep(100 * 1000);
    fake_restart(&fixture->fake);
    pthread_join(thread, NULL);
    assert_int_equal(worker.failures, 0);
}

static void
test_restarts_under_load_lose_no_harmless_call(void **state)
{
    enum { RESTARTS = 30 }; /* enough to meet nng's issue 1543, mostly more than once */
    struct fixture *fixture = *state;
    struct worker workers[THREADS];
    pthread_t threads[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.client = fixture->client, .number = i, .calls = 1000};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < RESTARTS; i++) {
        usleep(50 * 1000);
        fake_kill(&fixture->fake);
        fake_restart(&fixture->fake);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].failures, 0);
    }
}

static void
test_timeouts(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply;

    fixture_reopen(fixture, &(struct cv_options){.timeout_ms = SHORT_TIMEOUT_MS});
    uint64_t start_ms = now_ms();
    assert_int_equal(tokenize_one(fixture->client, "slow", &reply), CV_UNAVAILABLE);
    uint64_t took_ms = now_ms() - start_ms;
    assert_in_range(took_ms, SHORT_TIMEOUT_MS - 1, 3 * SHORT_TIMEOUT_MS);
    assert_non_null(strstr(reply->message, "did not answer in time"));
    assert_false(reply->outcome_unknown);
    cv_reply_free(&reply);

    assert_int_equal(reveal(fixture, "slow", &reply), CV_UNAVAILABLE);
    assert_true(reply->outcome_unknown);
    assert_non_null(strstr(reply->message, "it is not known whether it was executed"));
    cv_reply_free(&reply);

    assert_int_equal(tokenize_one(fixture->client, "one", &reply), CV_OK);
    cv_reply_free(&reply);
    assert_int_equal(fixture->fake.counts->hellos, 1);
}

/* Until the client has seen it: what is sent before that is sent, and lost. */
static void
await_loss(struct fixture *fixture)
{
    bool unreached = false;

    for (int i = 0; !unreached && i < 100; i++) {
        struct cv_reply *reply;
        (void)tokenize_one(fixture->client, "one", &reply);
        unreached = reply->unreached;
        cv_reply_free(&reply);
    }
    assert_true(unreached);
}

static void
test_a_daemon_that_went_away_is_unavailable(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply;

    fixture_reopen(fixture, &(struct cv_options){.timeout_ms = SHORT_TIMEOUT_MS});
    fake_kill(&fixture->fake);
    await_loss(fixture);
    assert_int_equal(reveal(fixture, "a test", &reply), CV_UNAVAILABLE);
    assert_non_null(strstr(reply->message, fixture->path));
    assert_non_null(strstr(reply->message, "nothing was sent"));
    assert_false(reply->outcome_unknown);
    cv_reply_free(&reply);
}

static void
test_a_forgotten_connection_says_hello_once_more(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply;

    assert_int_equal(tokenize_one(fixture->client, "forget", &reply), CV_OK);
    cv_reply_free(&reply);
    assert_int_equal(fixture->fake.counts->hellos, 2);
    assert_int_equal(fixture->fake.counts->executed, 1);
}

/* Answered UNAUTHENTICATED on the connection it was sent on: surely not executed, so repeated. */
static void
test_a_refused_reveal_is_repeated(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply;

    assert_int_equal(reveal(fixture, "forget", &reply), CV_OK);
    assert_string_equal(reply->items[0].value, FAKE_VALUE);
    cv_reply_free(&reply);
    assert_int_equal(fixture->fake.counts->hellos, 2);
    assert_int_equal(fixture->fake.counts->executed, 1);
}

static void
test_who_is_never_known_is_told_so(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply;

    assert_int_equal(tokenize_one(fixture->client, "forever", &reply), CV_UNAUTHENTICATED);
    assert_int_equal(reply->status, CV_UNAUTHENTICATED);
    cv_reply_free(&reply);
    assert_int_equal(fixture->fake.counts->hellos, 2);
    assert_int_equal(fixture->fake.counts->requests, 2);
}

/* The fake takes the request and breaks the connection: it may have been executed. */
static void
test_a_reveal_is_never_sent_twice(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply;

    assert_int_equal(reveal(fixture, "drop", &reply), CV_UNAVAILABLE);
    assert_true(reply->outcome_unknown);
    assert_string_equal(reply->message, "connection lost; it is not known whether it was executed");
    cv_reply_free(&reply);
    assert_int_equal(fixture->fake.counts->requests, 1);

    assert_int_equal(cv_namespace_create(fixture->client, "drop", &reply), CV_UNAVAILABLE);
    assert_true(reply->outcome_unknown);
    cv_reply_free(&reply);
    assert_int_equal(fixture->fake.counts->requests, 2);
    usleep(300 * 1000); /* time enough for nng to send again, were it so minded */
    assert_int_equal(fixture->fake.counts->requests, 2);

    assert_int_equal(reveal(fixture, "a test", &reply), CV_OK);
    cv_reply_free(&reply);
}

static void
test_what_does_no_harm_is_sent_again(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply;

    assert_int_equal(tokenize_one(fixture->client, "drop", &reply), CV_UNAVAILABLE);
    assert_non_null(strstr(reply->message, "keeps breaking"));
    assert_false(reply->outcome_unknown);
    cv_reply_free(&reply);
    assert_int_equal(fixture->fake.counts->requests, 4);
}

static void
skip_unless_root(void)
{
    if (geteuid() != 0)
        skip();
}

static void
restart_as(struct fixture *fixture, uid_t uid)
{
    fake_kill(&fixture->fake);
    fixture->fake.options.uid = uid;
    fake_restart(&fixture->fake);
}

static void
test_a_strangers_server_hears_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct cv_options options = {.socket = fixture->path};
    struct cv_client *client = NULL;
    char message[CV_MESSAGE_BYTES];

    skip_unless_root();
    restart_as(fixture, ROGUE_UID);
    assert_int_equal(cv_open(&options, &client, message), CV_UNAVAILABLE);
    assert_non_null(strstr(message, "runs as uid 65533, which is not trusted"));
    usleep(100 * 1000);
    assert_true(fixture->fake.counts->connections > 1);
    assert_int_equal(fixture->fake.counts->frames, 0);

    options.has_server_uid = true;
    options.server_uid = ROGUE_UID - 1;
    assert_int_equal(cv_open(&options, &client, message), CV_UNAVAILABLE);
    options.server_uid = ROGUE_UID;
    assert_int_equal(cv_open(&options, &client, message), CV_OK);
    cv_close(&client);
}

static void
test_a_strangers_server_hears_nothing_on_reconnect(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply;

    skip_unless_root();
    assert_int_equal(tokenize_one(fixture->client, "one", &reply), CV_OK);
    cv_reply_free(&reply);
    unsigned frames = fixture->fake.counts->frames;
    restart_as(fixture, ROGUE_UID);
    assert_int_equal(tokenize_one(fixture->client, "two", &reply), CV_UNAVAILABLE);
    assert_non_null(strstr(reply->message, "not trusted"));
    cv_reply_free(&reply);
    assert_int_equal(fixture->fake.counts->frames, frames);
    restart_as(fixture, 0);
    usleep(600 * 1000); /* longer than a pause between two dials */
    assert_int_equal(tokenize_one(fixture->client, "three", &reply), CV_OK);
    cv_reply_free(&reply);
}

enum { LONG_VALUE_BYTES = 500, LONG_VALUES = 2000 };

static void *
tokenize_much(void *argument)
{
    struct worker *worker = argument;
    char text[LONG_VALUE_BYTES + 1];
    const char *values[LONG_VALUES];
    struct cv_query query = {.values = values, .count = LONG_VALUES};
    struct cv_reply *reply;

    memset(text, '1', LONG_VALUE_BYTES);
    text[LONG_VALUE_BYTES] = 0;
    for (size_t i = 0; i < LONG_VALUES; i++)
        values[i] = text;
    worker->failures = cv_tokenize(worker->client, &query, &reply) == CV_UNAVAILABLE ? 0 : 1;
    cv_reply_free(&reply);
    return NULL;
}

/* What nng holds back because the server does not read must not go to the one that comes after. */
static void
test_a_strangers_server_hears_nothing_of_what_waits(void **state)
{
    enum { WAITING = 4 };
    struct fixture *fixture = *state;
    struct worker workers[WAITING];
    pthread_t threads[WAITING];
    struct cv_reply *reply;

    skip_unless_root();
    assert_int_equal(tokenize_one(fixture->client, "one", &reply), CV_OK);
    cv_reply_free(&reply);
    assert_int_equal(kill(fixture->fake.pid, SIGSTOP), 0);
    for (int i = 0; i < WAITING; i++) {
        workers[i] = (struct worker){.client = fixture->client};
        assert_int_equal(pthread_create(&threads[i], NULL, tokenize_much, &workers[i]), 0);
    }
    usleep(300 * 1000);
    unsigned frames = fixture->fake.counts->frames;
    restart_as(fixture, ROGUE_UID);
    for (int i = 0; i < WAITING; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].failures, 0);
    }
    assert_int_equal(fixture->fake.counts->frames, frames);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_many_threads_share_one_connection),
        FIXTURE_TEST(test_a_restart_costs_one_hello),
        FIXTURE_TEST(test_a_call_waits_for_a_daemon_that_restarts),
        FIXTURE_TEST(test_timeouts),
        FIXTURE_TEST(test_a_daemon_that_went_away_is_unavailable),
        FIXTURE_TEST(test_a_forgotten_connection_says_hello_once_more),
        FIXTURE_TEST(test_a_refused_reveal_is_repeated),
        FIXTURE_TEST(test_who_is_never_known_is_told_so),
        FIXTURE_TEST(test_a_reveal_is_never_sent_twice),
        FIXTURE_TEST(test_what_does_no_harm_is_sent_again),
        FIXTURE_TEST(test_a_strangers_server_hears_nothing),
        FIXTURE_TEST(test_a_strangers_server_hears_nothing_on_reconnect),
        FIXTURE_TEST(test_a_strangers_server_hears_nothing_of_what_waits),
        /* Last: after it nng may no longer dial by itself, and the others are about that. */
        FIXTURE_TEST(test_restarts_under_load_lose_no_harmless_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

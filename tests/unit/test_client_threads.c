/* SPDX-License-Identifier: Apache-2.0 */
/* One handle, 32 threads: blocking calls, started ones of both kinds, and restarts of the vault. */
#include "contactvault.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client_fixture.h"

enum { THREADS = 32, ROUNDS = 40, RESTARTS = 3 };

/* How often each call was finished, by thread and round; started ones twice: two kinds. */
static struct {
    struct cv_client *client;
    atomic_uint called_back[THREADS][ROUNDS], taken[THREADS][ROUNDS];
    atomic_uint faults, taken_in_all;
} work;

/* Its mask is the value that was asked for. */
static void
check_reply(const struct cv_reply *reply, const char *value)
{
    if (reply->status != CV_OK || reply->count != 1 || strcmp(reply->items[0].mask, value) != 0)
        atomic_fetch_add(&work.faults, 1);
}

static void
on_done(void *user_data, struct cv_reply *reply)
{
    char value[32];
    unsigned number = (unsigned)(uintptr_t)user_data;

    snprintf(value, sizeof value, "c%u", number);
    check_reply(reply, value);
    cv_reply_free(&reply);
    atomic_fetch_add(&work.called_back[number / ROUNDS][number % ROUNDS], 1);
}

/* Whoever started it, any thread takes it. */
static void
take_some(void)
{
    struct cv_reply *reply;
    void *user_data;
    char value[32];

    while ((reply = cv_finished(work.client, &user_data)) != NULL) {
        unsigned number = (unsigned)(uintptr_t)user_data;
        snprintf(value, sizeof value, "t%u", number);
        check_reply(reply, value);
        cv_reply_free(&reply);
        atomic_fetch_add(&work.taken[number / ROUNDS][number % ROUNDS], 1);
        atomic_fetch_add(&work.taken_in_all, 1);
    }
}

static void
start(char kind, unsigned number, cv_callback *done)
{
    char text[32];
    const char *value = text;
    struct cv_query query = {.values = &value, .count = 1};

    snprintf(text, sizeof text, "%c%u", kind, number);
    if (cv_start(work.client, CV_TOKENIZE, &query, done, (void *)(uintptr_t)number) != CV_OK)
        atomic_fetch_add(&work.faults, 1);
}

static void *
run(void *argument)
{
    unsigned thread = (unsigned)(uintptr_t)argument;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct cv_reply *reply;
        unsigned number = thread * ROUNDS + i;
        char value[32];
        start('c', number, on_done);
        start('t', number, NULL);
        snprintf(value, sizeof value, "b%u", number);
        (void)tokenize_one(work.client, value, &reply);
        check_reply(reply, value);
        cv_reply_free(&reply);
        take_some();
    }
    return NULL;
}

static void
take_the_rest(void)
{
    struct pollfd finished = {.fd = cv_finished_fd(work.client), .events = POLLIN};

    while (atomic_load(&work.taken_in_all) < THREADS * ROUNDS) {
        assert_int_equal(poll(&finished, 1, 60000), 1);
        take_some();
    }
}

static void
test_threads_share_a_handle_for_calls_of_every_kind(void **state)
{
    struct fixture *fixture = *state;
    pthread_t threads[THREADS];

    fixture_reopen(fixture, &(struct cv_options){.timeout_ms = 100000});
    work.client = fixture->client;
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)i), 0);
    for (unsigned i = 0; i < RESTARTS; i++) {
        usleep(50 * 1000);
        fake_kill(&fixture->fake);
        fake_restart(&fixture->fake);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    take_the_rest();
    cv_close(&fixture->client); /* every callback has been called */
    assert_int_equal(work.faults, 0);
    for (unsigned i = 0; i < THREADS * ROUNDS; i++) {
        assert_int_equal(work.called_back[i / ROUNDS][i % ROUNDS], 1);
        assert_int_equal(work.taken[i / ROUNDS][i % ROUNDS], 1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_threads_share_a_handle_for_calls_of_every_kind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Started calls: each is finished once, in its time, and told of by callback or by descriptor. */
#include "contactvault.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client_fixture.h"

enum {
    SHORT_MS = 200,
    SLACK_MS = 2000,     /* how late a thread may be on a busy machine */
    PATIENCE_MS = 60000, /* then what should come does not come */
    RUNNERS = 64,        /* contactvault.h says so many */
    LONG_MS = 5 * 60 * 1000,
};

static struct cv_query
query_of(const char *const *value, uint32_t timeout_ms)
{
    return (struct cv_query){
        .values = value, .count = 1, .reason = *value, .timeout_ms = timeout_ms};
}

static enum cv_status
start_one(struct fixture *fixture, enum cv_operation operation, const char *value,
          uint32_t timeout_ms, cv_callback *done, void *user_data)
{
    struct cv_query query = query_of(&value, timeout_ms);

    return cv_start(fixture->client, operation, &query, done, user_data);
}

static bool
is_readable(int fd, int timeout_ms)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};

    return poll(&one, 1, timeout_ms) == 1;
}

/* The next one that is finished. */
static struct cv_reply *
take(struct fixture *fixture, void **ret_user_data)
{
    assert_true(is_readable(cv_finished_fd(fixture->client), PATIENCE_MS));
    struct cv_reply *reply = cv_finished(fixture->client, ret_user_data);
    assert_non_null(reply);
    return reply;
}

static void
await_count(const atomic_uint *count, unsigned wanted)
{
    for (int i = 0; atomic_load(count) < wanted && i < PATIENCE_MS; i++)
        usleep(1000);
    assert_int_equal(atomic_load(count), wanted);
}

/* What callbacks tell. */
struct tally {
    struct fixture *fixture;
    atomic_uint calls, ok, unavailable, unknown, unsent, other;
};

/* None is on a stack: after a test that failed calls may still come back. */
static struct tally *
new_tally(struct fixture *fixture)
{
    static struct tally tallies[64];
    static unsigned count;

    assert_true(count < sizeof tallies / sizeof *tallies);
    tallies[count].fixture = fixture;
    return &tallies[count++];
}

static void
count_reply(void *user_data, struct cv_reply *reply)
{
    struct tally *tally = user_data;

    atomic_fetch_add(reply->status == CV_OK            ? &tally->ok
                     : reply->status == CV_UNAVAILABLE ? &tally->unavailable
                                                       : &tally->other,
                     1);
    if (reply->outcome_unknown)
        atomic_fetch_add(&tally->unknown, 1);
    if (strstr(reply->message, "nothing was sent") != NULL)
        atomic_fetch_add(&tally->unsent, 1);
    cv_reply_free(&reply);
    atomic_fetch_add(&tally->calls, 1);
}

/* ---- how it is finished ---- */

static void
test_the_descriptor_is_readable_exactly_while_something_is_finished(void **state)
{
    struct fixture *fixture = *state;
    int finished_fd = cv_finished_fd(fixture->client), marks[3];
    void *user_data = NULL;

    assert_true(finished_fd >= 0);
    assert_int_equal(cv_finished_fd(fixture->client), finished_fd);
    assert_false(is_readable(finished_fd, 0));
    assert_null(cv_finished(fixture->client, &user_data));
    for (int i = 0; i < 3; i++)
        assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", 0, NULL, &marks[i]), CV_OK);
    await_count(&fixture->fake.counts->executed, 3);
    for (int i = 0; i < 3; i++) {
        struct cv_reply *reply = take(fixture, &user_data);
        assert_int_equal(reply->status, CV_OK);
        assert_string_equal(reply->items[0].mask, "one");
        assert_true(user_data == &marks[0] || user_data == &marks[1] || user_data == &marks[2]);
        *(int *)user_data = i;
        cv_reply_free(&reply);
    }
    assert_int_equal(marks[0] + marks[1] + marks[2], 0 + 1 + 2); /* each of them once */
    assert_false(is_readable(finished_fd, SHORT_MS));
    assert_null(cv_finished(fixture->client, &user_data));
}

static void
test_a_descriptor_asked_for_late_knows_what_is_finished(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply = NULL;
    void *user_data;

    for (int i = 0; i < 2; i++)
        assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", 0, NULL, NULL), CV_OK);
    for (int i = 0; reply == NULL && i < PATIENCE_MS; i++) {
        reply = cv_finished(fixture->client, &user_data);
        usleep(1000);
    }
    assert_non_null(reply);
    cv_reply_free(&reply);
    reply = take(fixture, &user_data);
    cv_reply_free(&reply);
    assert_false(is_readable(cv_finished_fd(fixture->client), 0));
}

static void
test_a_callback_is_called_once_and_the_descriptor_stays_quiet(void **state)
{
    struct fixture *fixture = *state;
    struct tally *tally = new_tally(fixture);

    int finished_fd = cv_finished_fd(fixture->client);
    assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", 0, count_reply, tally), CV_OK);
    await_count(&tally->calls, 1);
    assert_false(is_readable(finished_fd, SHORT_MS));
    assert_int_equal(tally->calls, 1);
    assert_int_equal(tally->ok, 1);
}

static void
count_and_start_next(void *user_data, struct cv_reply *reply)
{
    struct tally *tally = user_data;

    count_reply(user_data, reply);
    if (atomic_load(&tally->ok) < 5 &&
        start_one(tally->fixture, CV_TOKENIZE, "next", 0, count_and_start_next, tally) != CV_OK)
        atomic_fetch_add(&tally->other, 1);
}

static void
test_a_callback_starts_the_next_call(void **state)
{
    struct fixture *fixture = *state;
    struct tally *tally = new_tally(fixture);

    assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", 0, count_and_start_next, tally), CV_OK);
    await_count(&tally->ok, 5);
    assert_int_equal(tally->other, 0);
}

static void
test_every_operation_can_be_started(void **state)
{
    static const enum cv_operation operations[] = {CV_TOKENIZE,   CV_LOOKUP, CV_MASK,
                                                   CV_DETOKENIZE, CV_ERASE,  CV_DESCRIBE};
    struct fixture *fixture = *state;
    void *user_data;

    for (unsigned i = 0; i < sizeof operations / sizeof *operations; i++) {
        assert_int_equal(start_one(fixture, operations[i], FAKE_TOKEN, 0, NULL, NULL), CV_OK);
        struct cv_reply *reply = take(fixture, &user_data);
        uint64_t sent;
        assert_int_equal(reply->status, CV_OK);
        assert_true(message_uint(last_request(fixture), FIELD_OPERATION, &sent));
        assert_int_equal(sent, operations[i]);
        cv_reply_free(&reply);
    }
}

/* ---- what is started ---- */

static void
test_the_query_is_copied(void **state)
{
    struct fixture *fixture = *state;
    char first[16] = "first", overlong[700], name[] = "shop";
    const char *values[] = {first, NULL, overlong, "\xff", "last"};
    struct cv_query query = {.values = values, .count = 5, .namespace_name = name};
    void *user_data;

    overlong[0] = 'a'; /* the characters are not where a copy of a round size would end */
    for (size_t i = 1; i < sizeof overlong - 2; i += 2)
        memcpy(overlong + i, "\xc3\xa9", 3);
    assert_int_equal(cv_start(fixture->client, CV_TOKENIZE, &query, NULL, NULL), CV_OK);
    memset(first, 'x', sizeof first - 1);
    memset(overlong, 'x', 1);
    memset(name, 'x', sizeof name - 1);
    memset(values, 0, sizeof values);
    struct cv_reply *reply = take(fixture, &user_data);
    assert_int_equal(reply->status, CV_OK);
    assert_sent_text(fixture, FIELD_NAMESPACE, "shop");
    assert_string_equal(reply->items[0].mask, "first");
    assert_int_equal(reply->items[1].status, CV_INVALID);
    assert_int_equal(reply->items[2].status, CV_TOO_LARGE);
    assert_int_equal(reply->items[3].status, CV_INVALID);
    assert_string_equal(reply->items[4].mask, "last");
    cv_reply_free(&reply);
}

static void
test_why_is_copied(void **state)
{
    struct fixture *fixture = *state;
    char token[] = FAKE_TOKEN, reason[] = "asked twice", purpose[] = "callback", ticket[] = "INC-7";
    const char *values[] = {token};
    struct cv_query query = {
        .values = values, .count = 1, .reason = reason, .purpose = purpose, .ticket = ticket};
    void *user_data;

    assert_int_equal(cv_start(fixture->client, CV_DETOKENIZE, &query, NULL, NULL), CV_OK);
    memset(token, 'x', sizeof token - 1);
    memset(reason, 'x', sizeof reason - 1);
    memset(purpose, 'x', sizeof purpose - 1);
    memset(ticket, 'x', sizeof ticket - 1);
    struct cv_reply *reply = take(fixture, &user_data);
    assert_int_equal(reply->status, CV_OK);
    assert_sent_text(fixture, FIELD_REASON, "asked twice");
    assert_sent_text(fixture, FIELD_REASON_PURPOSE, "callback");
    assert_sent_text(fixture, FIELD_TICKET, "INC-7");
    cv_reply_free(&reply);
}

static void
test_what_cannot_be_started_is_refused_at_once(void **state)
{
    struct fixture *fixture = *state;
    static const char *values[CV_BATCH_MAX + 1];
    struct cv_query query = {.values = values, .count = 1};
    void *user_data;

    for (size_t i = 0; i <= CV_BATCH_MAX; i++)
        values[i] = "one";
    assert_int_equal(cv_start(fixture->client, (enum cv_operation)9, &query, NULL, NULL),
                     CV_INVALID);
    assert_int_equal(cv_start(fixture->client, (enum cv_operation)16, &query, NULL, NULL),
                     CV_INVALID);
    query.count = 0;
    assert_int_equal(cv_start(fixture->client, CV_MASK, &query, NULL, NULL), CV_INVALID);
    query.count = CV_BATCH_MAX + 1;
    assert_int_equal(cv_start(fixture->client, CV_MASK, &query, NULL, NULL), CV_TOO_LARGE);
    query.values = NULL;
    assert_int_equal(cv_start(fixture->client, CV_MASK, &query, NULL, NULL), CV_INVALID);
    assert_null(cv_finished(fixture->client, &user_data));
}

static void
test_so_many_are_started_and_no_more(void **state)
{
    struct fixture *fixture = *state;
    void *user_data;

    for (unsigned i = 0; i < CV_CALLS_MAX; i++)
        assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", LONG_MS, NULL, NULL), CV_OK);
    assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", LONG_MS, NULL, NULL), CV_BUSY);
    await_count(&fixture->fake.counts->executed, CV_CALLS_MAX);
    /* Finished is not enough: what nobody took counts, too. */
    assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", LONG_MS, NULL, NULL), CV_BUSY);
    struct cv_reply *reply = take(fixture, &user_data);
    cv_reply_free(&reply);
    assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", LONG_MS, NULL, NULL), CV_OK);
    assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", LONG_MS, NULL, NULL), CV_BUSY);
    for (unsigned i = 0; i < CV_CALLS_MAX; i++) {
        reply = take(fixture, &user_data);
        assert_int_equal(reply->status, CV_OK);
        cv_reply_free(&reply);
    }
    assert_null(cv_finished(fixture->client, &user_data));
}

/* What was called back does not count any more. */
static void
test_so_many_at_once_and_not_in_all(void **state)
{
    struct fixture *fixture = *state;
    struct tally *tally = new_tally(fixture);

    for (unsigned i = 0; i < 2 * CV_CALLS_MAX; i++) {
        if (i == CV_CALLS_MAX)
            await_count(&tally->calls, CV_CALLS_MAX);
        assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", LONG_MS, count_reply, tally),
                         CV_OK);
    }
    await_count(&tally->ok, 2 * CV_CALLS_MAX);
}

/* ---- its time ---- */

static void
test_a_call_has_a_time_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    static const char *const slow = "slow";
    struct cv_query query = query_of(&slow, SHORT_MS);
    struct cv_reply *reply;
    void *user_data;

    uint64_t start_ms = now_ms();
    assert_int_equal(cv_start(fixture->client, CV_TOKENIZE, &query, NULL, NULL), CV_OK);
    reply = take(fixture, &user_data);
    assert_in_range(now_ms() - start_ms, SHORT_MS - 1, SHORT_MS + SLACK_MS);
    assert_int_equal(reply->status, CV_UNAVAILABLE);
    assert_non_null(strstr(reply->message, "time"));
    cv_reply_free(&reply);
    start_ms = now_ms();
    assert_int_equal(cv_lookup(fixture->client, &query, &reply), CV_UNAVAILABLE);
    assert_in_range(now_ms() - start_ms, SHORT_MS - 1, SHORT_MS + SLACK_MS);
    cv_reply_free(&reply);
}

/* All runners wait for a vault that says nothing; one more call has less time than they. */
static void
test_time_counts_while_a_call_waits_its_turn(void **state)
{
    struct fixture *fixture = *state;
    struct tally *slow = new_tally(fixture), *queued = new_tally(fixture);

    for (int i = 0; i < RUNNERS; i++)
        assert_int_equal(start_one(fixture, CV_DETOKENIZE, "slow", LONG_MS, count_reply, slow),
                         CV_OK);
    await_count(&fixture->fake.counts->requests, RUNNERS);
    uint64_t start_ms = now_ms();
    assert_int_equal(start_one(fixture, CV_DETOKENIZE, "one", 5 * SHORT_MS, count_reply, queued),
                     CV_OK);
    assert_int_equal(start_one(fixture, CV_DETOKENIZE, "one", SHORT_MS, count_reply, queued),
                     CV_OK);
    await_count(&queued->calls, 1);
    assert_in_range(now_ms() - start_ms, SHORT_MS - 1, SHORT_MS + SLACK_MS);
    await_count(&queued->calls, 2);
    assert_in_range(now_ms() - start_ms, 5 * SHORT_MS - 1, 5 * SHORT_MS + SLACK_MS);
    assert_int_equal(queued->unavailable, 2);
    assert_int_equal(queued->unsent, 2);
    assert_int_equal(queued->unknown, 0);
    assert_int_equal(slow->calls, 0);
    assert_int_equal(fixture->fake.counts->requests, RUNNERS);
    cv_close(&fixture->client);
    assert_int_equal(slow->calls, RUNNERS);
}

/* A vault that takes connections and says nothing to HELLO: who has little time is told in time,
 * and who has more of it says HELLO himself when the vault is itself again. */
static void
test_time_covers_hello(void **state)
{
    struct fixture *fixture = *state;
    static const char *const value = "one";
    struct cv_query query = query_of(&value, SHORT_MS);
    struct cv_reply *reply;
    void *user_data;

    fixture->fake.options.mute = true;
    fake_kill(&fixture->fake);
    fake_restart(&fixture->fake);
    assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", LONG_MS, NULL, NULL), CV_OK);
    assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", LONG_MS, NULL, NULL), CV_OK);
    uint64_t start_ms = now_ms();
    assert_int_equal(cv_tokenize(fixture->client, &query, &reply), CV_UNAVAILABLE);
    assert_in_range(now_ms() - start_ms, SHORT_MS - 1, SHORT_MS + SLACK_MS);
    cv_reply_free(&reply);
    assert_null(cv_finished(fixture->client, &user_data));
    fixture->fake.options.mute = false;
    fake_kill(&fixture->fake);
    fake_restart(&fixture->fake);
    for (int i = 0; i < 2; i++) {
        reply = take(fixture, &user_data);
        assert_int_equal(reply->status, CV_OK);
        cv_reply_free(&reply);
    }
}

/* The one that says HELLO for all has the least time of them. */
static void
test_one_with_little_time_does_not_end_the_others(void **state)
{
    struct fixture *fixture = *state;
    struct tally *hasty = new_tally(fixture), *patient = new_tally(fixture);

    fixture->fake.options.mute = true;
    fake_kill(&fixture->fake);
    fake_restart(&fixture->fake);
    unsigned frames = fixture->fake.counts->frames;
    assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", 4 * SHORT_MS, count_reply, hasty),
                     CV_OK);
    await_count(&fixture->fake.counts->frames, frames + 1); /* its HELLO */
    assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", LONG_MS, count_reply, patient), CV_OK);
    await_count(&hasty->calls, 1);
    assert_int_equal(hasty->unavailable, 1);
    fixture->fake.options.mute = false;
    fake_kill(&fixture->fake);
    fake_restart(&fixture->fake);
    await_count(&patient->calls, 1);
    assert_int_equal(patient->ok, 1);
}

/* ---- BUSY ---- */

static void
test_busy_is_repeated_until_it_is_not(void **state)
{
    struct fixture *fixture = *state;
    void *user_data;

    assert_int_equal(start_one(fixture, CV_DETOKENIZE, "twice", 0, NULL, NULL), CV_OK);
    struct cv_reply *reply = take(fixture, &user_data);
    assert_int_equal(reply->status, CV_OK);
    assert_string_equal(reply->items[0].value, FAKE_VALUE);
    assert_int_equal(fixture->fake.counts->requests, 3);
    assert_int_equal(fixture->fake.counts->executed, 1);
    cv_reply_free(&reply);
}

static void
test_busy_is_repeated_when_told_and_within_the_time(void **state)
{
    struct fixture *fixture = *state;
    static const char *const soon = "soon", *const busy = "busy";
    struct cv_query query = query_of(&soon, 2500);
    struct cv_reply *reply;

    uint64_t start_ms = now_ms();
    assert_int_equal(cv_erase(fixture->client, &query, &reply), CV_BUSY);
    assert_in_range(now_ms() - start_ms, 1000, 2500);
    assert_int_equal(reply->retry_after_s, 1);
    cv_reply_free(&reply);
    assert_in_range(fixture->fake.counts->requests, 2, 3); /* at 0, 1 and 2 s */

    unsigned before = fixture->fake.counts->requests;
    query = query_of(&busy, 2500);
    start_ms = now_ms();
    assert_int_equal(cv_tokenize(fixture->client, &query, &reply), CV_BUSY);
    assert_true(now_ms() - start_ms < 2500); /* not waited for in vain */
    assert_int_equal(fixture->fake.counts->requests, before + 1);
    cv_reply_free(&reply);
}

static void
test_a_busy_hello_is_repeated(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply;

    fixture->fake.options.throttled = true;
    for (int i = 0; i < 2; i++) {
        unsigned before = fixture->fake.counts->hellos;
        fake_kill(&fixture->fake);
        fake_restart(&fixture->fake);
        if (i == 0)
            assert_int_equal(cv_hello(fixture->client, &reply), CV_OK);
        else
            assert_int_equal(tokenize_one(fixture->client, "one", &reply), CV_OK);
        cv_reply_free(&reply);
        assert_int_equal(fixture->fake.counts->hellos, before + 3);
    }
}

/* ---- a vault that goes away ---- */

static void
test_a_reveal_under_which_the_vault_dies_is_unknown(void **state)
{
    struct fixture *fixture = *state;
    void *user_data;

    assert_int_equal(start_one(fixture, CV_DETOKENIZE, "die", LONG_MS, NULL, NULL), CV_OK);
    struct cv_reply *reply = take(fixture, &user_data);
    assert_int_equal(reply->status, CV_UNAVAILABLE);
    assert_true(reply->outcome_unknown);
    cv_reply_free(&reply);
    assert_int_equal(fixture->fake.counts->requests, 1);
}

static void
test_what_does_no_harm_outlives_the_vault(void **state)
{
    struct fixture *fixture = *state;
    struct tally *tally = new_tally(fixture);

    assert_int_equal(start_one(fixture, CV_TOKENIZE, "slow", LONG_MS, count_reply, tally), CV_OK);
    await_count(&fixture->fake.counts->requests, 1);
    fake_kill(&fixture->fake);
    fake_restart(&fixture->fake);
    await_count(&fixture->fake.counts->requests, 2); /* asked again on the new connection */
    assert_int_equal(tally->calls, 0);
    fake_kill(&fixture->fake);
    assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", SHORT_MS, count_reply, tally), CV_OK);
    await_count(&tally->calls, 1); /* nobody there, and told so in its time */
    assert_int_equal(tally->unsent, 1);
    fake_restart(&fixture->fake);
    await_count(&fixture->fake.counts->requests, 3);
    cv_close(&fixture->client);
    assert_int_equal(tally->calls, 2);
}

/* ---- the end ---- */

/* More than there are runners: some are under way, the others wait. */
static void
test_close_finishes_every_call_once(void **state)
{
    enum { MORE = 20 };
    struct fixture *fixture = *state;
    struct tally *tally = new_tally(fixture);

    for (int i = 0; i < RUNNERS + MORE; i++)
        assert_int_equal(start_one(fixture, CV_ERASE, "slow", LONG_MS, count_reply, tally), CV_OK);
    await_count(&fixture->fake.counts->requests, RUNNERS);
    uint64_t start_ms = now_ms();
    cv_close(&fixture->client);
    assert_true(now_ms() - start_ms < 5 * SLACK_MS);
    assert_int_equal(tally->calls, RUNNERS + MORE);
    assert_int_equal(tally->unavailable, RUNNERS + MORE);
    assert_int_equal(tally->unknown, RUNNERS); /* these were sent */
    assert_int_equal(tally->unsent, MORE);
    assert_int_equal(fixture->fake.counts->requests, RUNNERS);
}

static void
test_what_is_cancelled_can_be_taken(void **state)
{
    enum { CALLS = 5 };
    struct fixture *fixture = *state;
    struct cv_reply *reply;
    void *user_data;

    for (int i = 0; i < CALLS; i++)
        assert_int_equal(start_one(fixture, CV_TOKENIZE, "slow", LONG_MS, NULL, NULL), CV_OK);
    await_count(&fixture->fake.counts->requests, CALLS);
    cv_cancel(fixture->client);
    for (int i = 0; i < CALLS; i++) {
        reply = cv_finished(fixture->client, &user_data);
        assert_non_null(reply);
        assert_int_equal(reply->status, CV_UNAVAILABLE);
        assert_non_null(strstr(reply->message, "the client was closed"));
        cv_reply_free(&reply);
    }
    assert_null(cv_finished(fixture->client, &user_data));
    assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", 0, NULL, NULL), CV_UNAVAILABLE);
    assert_int_equal(tokenize_one(fixture->client, "one", &reply), CV_UNAVAILABLE);
    cv_reply_free(&reply);
    assert_int_equal(fixture->fake.counts->requests, CALLS);
    cv_cancel(fixture->client); /* again is no harm */
}

/* As the leak checker sees: replies that nobody takes are freed with the client. */
static void
test_close_frees_what_nobody_took(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 3; i++)
        assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", 0, NULL, NULL), CV_OK);
    assert_true(is_readable(cv_finished_fd(fixture->client), PATIENCE_MS));
    cv_close(&fixture->client);
}

static void *
wait_for_nothing(void *argument)
{
    static const char *const slow = "slow";
    struct tally *tally = argument;
    struct cv_query query = query_of(&slow, LONG_MS);
    struct cv_reply *reply;

    (void)cv_tokenize(tally->fixture->client, &query, &reply);
    count_reply(tally, reply);
    return NULL;
}

static void
test_cancel_ends_blocking_calls_wherever_they_wait(void **state)
{
    struct fixture *fixture = *state;
    struct tally *tally = new_tally(fixture);
    pthread_t thread;

    /* One waits for its answer, */
    assert_int_equal(pthread_create(&thread, NULL, wait_for_nothing, tally), 0);
    await_count(&fixture->fake.counts->requests, 1);
    /* the other until it may repeat what was BUSY. */
    assert_int_equal(start_one(fixture, CV_TOKENIZE, "busy", LONG_MS, count_reply, tally), CV_OK);
    await_count(&fixture->fake.counts->requests, 2);
    usleep(SHORT_MS * 1000); /* it should have its answer by now; if not, it holds all the more */
    uint64_t start_ms = now_ms();
    cv_cancel(fixture->client);
    pthread_join(thread, NULL);
    assert_true(now_ms() - start_ms < 5 * SLACK_MS);
    assert_int_equal(tally->calls, 2);
    assert_int_equal(tally->unavailable, 2);
}

static void
test_cancel_ends_who_waits_for_a_connection(void **state)
{
    struct fixture *fixture = *state;
    struct tally *tally = new_tally(fixture);

    fake_kill(&fixture->fake);
    for (int i = 0; i < 3; i++)
        assert_int_equal(start_one(fixture, CV_TOKENIZE, "one", LONG_MS, count_reply, tally),
                         CV_OK);
    usleep(SHORT_MS * 1000); /* they should be waiting by now; if not, it holds all the more */
    uint64_t start_ms = now_ms();
    cv_close(&fixture->client);
    assert_true(now_ms() - start_ms < 5 * SLACK_MS);
    assert_int_equal(tally->unavailable, 3);
    assert_int_equal(tally->unknown, 0);
}

/* Whatever the vault is doing at that moment: HELLO, answering, dying, coming back. */
/* The double listens by nng's own listener, which a peer that closes at once may stop for good (nng
 * issue 1518): then it is started anew. The vault itself does not use it. */
static void
reopen_after_a_close(struct fixture *fixture)
{
    enum { TRIES = 10, OPEN_MS = 1000 };
    enum cv_status status = CV_UNAVAILABLE;

    for (unsigned i = 0; i < TRIES && status != CV_OK; i++) {
        if (i > 0) {
            fake_kill(&fixture->fake);
            fake_restart(&fixture->fake);
        }
        status = fixture_reopen(fixture, &(struct cv_options){.timeout_ms = OPEN_MS});
    }
    assert_int_equal(status, CV_OK);
}

static void
test_close_at_any_moment(void **state)
{
    enum { ROUNDS = 20, CALLS = 100 };
    struct fixture *fixture = *state;

    for (unsigned round = 0; round < ROUNDS; round++) {
        struct tally *tally = new_tally(fixture);
        for (unsigned i = 0; i < CALLS; i++)
            assert_int_equal(start_one(fixture, i % 2 == 0 ? CV_TOKENIZE : CV_ERASE, "one", LONG_MS,
                                       count_reply, tally),
                             CV_OK);
        usleep(1000 * (round % 7));
        fake_kill(&fixture->fake);
        if (round % 2 == 0)
            fake_restart(&fixture->fake);
        usleep(1000 * (round % 5));
        cv_close(&fixture->client);
        assert_int_equal(tally->calls, CALLS);
        assert_int_equal(tally->ok + tally->unavailable, CALLS);
        if (round % 2 != 0)
            fake_restart(&fixture->fake);
        reopen_after_a_close(fixture);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_the_descriptor_is_readable_exactly_while_something_is_finished),
        FIXTURE_TEST(test_a_descriptor_asked_for_late_knows_what_is_finished),
        FIXTURE_TEST(test_a_callback_is_called_once_and_the_descriptor_stays_quiet),
        FIXTURE_TEST(test_a_callback_starts_the_next_call),
        FIXTURE_TEST(test_every_operation_can_be_started),
        FIXTURE_TEST(test_the_query_is_copied),
        FIXTURE_TEST(test_why_is_copied),
        FIXTURE_TEST(test_what_cannot_be_started_is_refused_at_once),
        FIXTURE_TEST(test_so_many_are_started_and_no_more),
        FIXTURE_TEST(test_so_many_at_once_and_not_in_all),
        FIXTURE_TEST(test_a_call_has_a_time_of_its_own),
        FIXTURE_TEST(test_time_counts_while_a_call_waits_its_turn),
        FIXTURE_TEST(test_time_covers_hello),
        FIXTURE_TEST(test_one_with_little_time_does_not_end_the_others),
        FIXTURE_TEST(test_busy_is_repeated_until_it_is_not),
        FIXTURE_TEST(test_busy_is_repeated_when_told_and_within_the_time),
        FIXTURE_TEST(test_a_busy_hello_is_repeated),
        FIXTURE_TEST(test_a_reveal_under_which_the_vault_dies_is_unknown),
        FIXTURE_TEST(test_what_does_no_harm_outlives_the_vault),
        FIXTURE_TEST(test_close_finishes_every_call_once),
        FIXTURE_TEST(test_what_is_cancelled_can_be_taken),
        FIXTURE_TEST(test_close_frees_what_nobody_took),
        FIXTURE_TEST(test_cancel_ends_blocking_calls_wherever_they_wait),
        FIXTURE_TEST(test_cancel_ends_who_waits_for_a_connection),
        /* Last: after it nng may no longer dial by itself. */
        FIXTURE_TEST(test_close_at_any_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

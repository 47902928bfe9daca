/* SPDX-License-Identifier: Apache-2.0 */
/* contactvault.h's rule about fork: before the first cv_open all is well, after it all is refused.
 */
#include "contactvault.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client_fixture.h"

static const char *const value = "one";
static const struct cv_query query = {.values = &value, .count = 1};

static struct {
    pid_t pid;
    int path_fd; /* what is written there is the socket it opens */
} early;

/* A copy of this process made before it opened anything. Its exit code: 0, it got its answer. */
static int
run_early_child(int path_fd)
{
    char path[128] = "";
    struct cv_options options = {.socket = path};
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;

    if (read(path_fd, path, sizeof path - 1) <= 0)
        return 2;
    if (cv_open(&options, &client, NULL) != CV_OK)
        return 3;
    int code = cv_tokenize(client, &query, &reply) == CV_OK ? 0 : 4;
    cv_reply_free(&reply);
    cv_close(&client);
    return code;
}

static int
fork_early(void)
{
    int ends[2];

    if (pipe(ends) != 0)
        return -1;
    early.pid = fork();
    if (early.pid == 0) {
        close(ends[1]);
        _exit(run_early_child(ends[0]));
    }
    close(ends[0]);
    early.path_fd = ends[1];
    return early.pid > 0 ? 0 : -1;
}

static int
exit_code_of(pid_t pid)
{
    int status = 0;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_a_child_forked_before_opens_its_own(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply;

    assert_int_equal(cv_tokenize(fixture->client, &query, &reply), CV_OK);
    cv_reply_free(&reply);
    assert_true(write(early.path_fd, fixture->path, strlen(fixture->path)) > 0);
    close(early.path_fd);
    assert_int_equal(exit_code_of(early.pid), 0);
    assert_int_equal(fixture->fake.counts->hellos, 2);
}

/* The number of the first expectation that does not hold, or 0. */
static int
try_all_in_child(struct fixture *fixture)
{
    struct cv_options options = {.socket = fixture->path};
    char message[CV_MESSAGE_BYTES] = "";
    struct cv_client *client = NULL;
    struct cv_reply *reply = NULL;
    void *user_data;

    if (cv_open(&options, &client, message) != CV_INVALID || client != NULL)
        return 1;
    if (strstr(message, "was forked") == NULL)
        return 2;
    if (cv_tokenize(fixture->client, &query, &reply) != CV_INVALID)
        return 3;
    cv_reply_free(&reply);
    if (cv_hello(fixture->client, &reply) != CV_INVALID)
        return 4;
    cv_reply_free(&reply);
    if (cv_start(fixture->client, CV_TOKENIZE, &query, NULL, NULL) != CV_INVALID)
        return 5;
    if (cv_finished(fixture->client, &user_data) != NULL)
        return 6;
    if (cv_finished_fd(fixture->client) != -1 || errno != ECHILD)
        return 7;
    cv_cancel(fixture->client);
    cv_close(&fixture->client);
    return fixture->client == NULL ? 0 : 8;
}

static void
test_a_child_forked_after_is_refused_and_harms_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct cv_reply *reply;

    assert_int_equal(cv_tokenize(fixture->client, &query, &reply), CV_OK);
    cv_reply_free(&reply);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(try_all_in_child(fixture));
    assert_int_equal(exit_code_of(pid), 0);
    assert_int_equal(cv_tokenize(fixture->client, &query, &reply), CV_OK);
    cv_reply_free(&reply);
    assert_int_equal(fixture->fake.counts->connections, 1);
    assert_int_equal(fixture->fake.counts->hellos, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_a_child_forked_before_opens_its_own),
        FIXTURE_TEST(test_a_child_forked_after_is_refused_and_harms_nobody),
    };

    if (fork_early() != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

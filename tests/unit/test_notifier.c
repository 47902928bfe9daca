/* SPDX-License-Identifier: Apache-2.0 */
/* The notifier: what its command gets, how long it may take, and that nothing of it is left. Owns:
 * SECURITY.md S49 "what it is told has no field for a contact or a token". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bounds.h"
#include "clock.h"
#include "folder.h"
#include "notifier.h"
#include "trusted_file.h"

enum {
    TEXT_BYTES = 131072,
    PATIENCE_MS = 10000, /* of this test, for what should take milliseconds */
    STEP_NS = 5000000,
    NOW_MS = 1000 * 1000,
    SOME_FD = 20, /* that the helper must not have */
};

struct house {
    char folder[FOLDER_PATH_BYTES];
    char script[FOLDER_PATH_BYTES];
    char out[FOLDER_PATH_BYTES];
    char arguments[3 * FOLDER_PATH_BYTES];
    struct notifier *notifier;
    char text[TEXT_BYTES]; /* of `out` */
};

static void
rest(void)
{
    const struct timespec pause = {.tv_nsec = STEP_NS};

    (void)nanosleep(&pause, NULL);
}

/* The command is a shell that reads a script: what lies in memory may not be executable itself. */
static void
write_script(struct house *house, const char *text)
{
    FILE *file = fopen(house->script, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(house->arguments, sizeof house->arguments, "%s %s  one\ttwo ", house->script,
                   house->out);
}

static void
start(struct house *house, uint32_t patience_ms)
{
    const struct notifier_options options = {
        .command = "/bin/sh", .arguments = house->arguments, .patience_ms = patience_ms};

    assert_int_equal(notifier_start(&options, &house->notifier), STATUS_OK);
}

static int
house_setup(void **state)
{
    struct house *house = calloc(1, sizeof *house);

    if (house == NULL) {
        return -1;
    }
    folder_make(house->folder);
    folder_join(house->folder, "script", house->script);
    folder_join(house->folder, "out", house->out);
    *state = house;
    return 0;
}

/* Whoever is left of a test's children ends with it, and is no business of the next. */
static int
house_teardown(void **state)
{
    struct house *house = *state;

    notifier_stop(&house->notifier);
    while (waitpid(-1, NULL, 0) > 0) {
    }
    folder_remove(house->folder);
    free(house);
    return 0;
}

static void
tell(struct house *house, enum notice_event event, const char *principal, const char *namespace,
     uint64_t number)
{
    const struct notice notice = {.event = event,
                                  .principal = bytes_of_text(principal),
                                  .namespace_name = bytes_of_text(namespace),
                                  .time_ms = NOW_MS,
                                  .number = number};

    notifier_tell(house->notifier, &notice);
}

static const char *
read_out(struct house *house)
{
    FILE *file = fopen(house->out, "r");
    size_t size = 0;

    if (file != NULL) {
        size = fread(house->text, 1, sizeof house->text - 1, file);
        (void)fclose(file);
    }
    house->text[size] = '\0';
    return house->text;
}

static size_t
count(const char *text, const char *part)
{
    size_t found = 0;

    for (const char *at = text; (at = strstr(at, part)) != NULL; at++) {
        found++;
    }
    return found;
}

/* Until `part` stands there so many times. */
static void
wait_for(struct house *house, const char *part, size_t times)
{
    const uint64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;

    while (count(read_out(house), part) < times) {
        if (clock_monotonic_ms() > until_ms) {
            fail_msg("\"%s\" does not come %zu times; there is: %s", part, times, house->text);
        }
        rest();
    }
}

/* The one child of a process. */
static pid_t
child_of(pid_t parent)
{
    char path[64];
    FILE *file;
    long child = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld", &child), 1);
    (void)fclose(file);
    return (pid_t)child;
}

/* Its descriptors' numbers as a set of bits. */
static uint64_t
descriptors_of(pid_t process)
{
    char path[64];
    DIR *folder;
    const struct dirent *entry;
    uint64_t found = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/fd", process);
    folder = opendir(path);
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.') {
            found |= UINT64_C(1) << strtoul(entry->d_name, NULL, 10);
        }
    }
    (void)closedir(folder);
    return found;
}

/* ---- what the command gets ---- */

static void
the_command_gets_its_arguments_one_line_and_nothing_else(void **state)
{
    struct house *house = *state;
    const int leaked = open("/dev/null", O_RDONLY);

    assert_int_equal(dup2(leaked, SOME_FD), SOME_FD);
    assert_int_equal(setenv("CONTACT_VAULT_SECRET", "x", 1), 0);
    write_script(house, "out=$1; { for a; do echo \"[$a]\"; done; cat; pwd\n"
                        "tr '\\0' '\\n' < /proc/$$/environ; ls /proc/self/fd | tr '\\n' ' '\n"
                        "grep NoNewPrivs /proc/self/status; echo end; } > $out.new\n"
                        "mv $out.new $out\n");
    start(house, 0);
    tell(house, NOTICE_BUDGET, "crm", "leads", 80);
    wait_for(house, "end\n", 1);

    char expected[1024];
    (void)snprintf(expected, sizeof expected,
                   "[%s]\n[one]\n[two]\n"
                   "{\"event\":\"budget\",\"time\":\"1970-01-01T00:16:40Z\",\"principal\":\"crm\","
                   "\"namespace\":\"leads\",\"percent\":80}\n/\n"
                   "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
                   "0 1 2 3 NoNewPrivs:\t1\nend\n",
                   house->out);
    assert_string_equal(house->text, expected);
    assert_int_equal(unsetenv("CONTACT_VAULT_SECRET"), 0);
    (void)close(SOME_FD);
    (void)close(leaked);
}

static void
the_helper_has_the_pipe_and_standard_error_alone(void **state)
{
    struct house *house = *state;
    const int leaked = open("/dev/null", O_RDONLY);
    pid_t helper;

    assert_int_equal(dup2(leaked, SOME_FD), SOME_FD);
    write_script(house, "cat >> $1\n");
    start(house, 0);
    tell(house, NOTICE_TEST, "", "", 0);
    wait_for(house, "test", 1);
    helper = child_of(getpid());
    /* While it waits for the command's end it has one more. */
    for (int tries = 0; descriptors_of(helper) != 0xf && tries < 1000; tries++) {
        rest();
    }
    assert_int_equal(descriptors_of(helper), 0xf);
    (void)close(SOME_FD);
    (void)close(leaked);
}

static void
each_event_has_its_name_and_its_number(void **state)
{
    struct house *house = *state;

    write_script(house, "cat >> $1\n");
    start(house, 0);
    tell(house, NOTICE_CANARY, "maria", "leads", 3);
    tell(house, NOTICE_SUSPENDED, "maria", "", 3);
    tell(house, NOTICE_LOOKUP_MISSES, "crm", "leads", UINT64_MAX);
    tell(house, NOTICE_REQUEST, "", "", 12);
    tell(house, NOTICE_TEST, "admin", "", 9);
    wait_for(house, "\"test\"", 1);
#define TIME "\"time\":\"1970-01-01T00:16:40Z\""
    assert_string_equal(read_out(house),
                        "{\"event\":\"canary\"," TIME
                        ",\"principal\":\"maria\",\"namespace\":\"leads\",\"canary\":3}\n"
                        "{\"event\":\"suspended\"," TIME ",\"principal\":\"maria\",\"canary\":3}\n"
                        "{\"event\":\"lookup_misses\"," TIME
                        ",\"principal\":\"crm\",\"namespace\":\"leads\","
                        "\"misses\":18446744073709551615}\n"
                        "{\"event\":\"request\"," TIME ",\"request\":12}\n"
                        "{\"event\":\"test\"," TIME ",\"principal\":\"admin\"}\n");
}

static void
no_name_can_end_the_string(void **state)
{
    struct house *house = *state;
    char longest[NAME_BYTES_MAX + 2];

    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    write_script(house, "cat >> $1\n");
    start(house, 0);
    tell(house, NOTICE_TEST, "a\",\"b\\\n+39", longest, 0);
    wait_for(house, "}\n", 1);
    assert_non_null(strstr(house->text, "\"principal\":\"a???b???39\""));
    assert_int_equal(count(house->text, "x"), NAME_BYTES_MAX);
}

/* ---- how long it may take ---- */

static void
a_command_that_hangs_is_killed_with_what_it_has_started(void **state)
{
    struct house *house = *state;
    long started[2];

    write_script(house, "sleep 60 & echo \"$$ $! started\" >> $1; grep -q test && exec sleep 60\n"
                        "echo next >> $1\n");
    start(house, 400);
    tell(house, NOTICE_TEST, "", "", 0);
    wait_for(house, "started", 1);
    assert_int_equal(sscanf(house->text, "%ld %ld", &started[0], &started[1]), 2);
    tell(house, NOTICE_REQUEST, "", "", 1);
    wait_for(house, "next", 1);
    for (size_t i = 0; i < 2; i++) {
        /* The second is adopted by somebody, who has to ask for its end. */
        for (int tries = 0; kill((pid_t)started[i], 0) == 0 && tries < 400; tries++) {
            (void)waitpid((pid_t)started[i], NULL, WNOHANG);
            rest();
        }
        assert_int_equal(kill((pid_t)started[i], 0), -1);
    }
}

static void
what_does_not_fit_into_the_queue_is_counted_and_nobody_waits(void **state)
{
    enum { TOLD = 1000 };
    struct house *house = *state;
    uint64_t began_ms;
    size_t told;
    const char *lost;

    write_script(house, "until [ -e $1.go ]; do sleep 0.02; done; cat >> $1\n");
    start(house, 0);
    began_ms = clock_monotonic_ms();
    for (unsigned i = 0; i < TOLD; i++) {
        tell(house, NOTICE_REQUEST, "maria", "", i);
    }
    assert_true(clock_monotonic_ms() - began_ms < 2000);

    char go[FOLDER_PATH_BYTES + 8];
    (void)snprintf(go, sizeof go, "%s.go", house->out);
    int file = open(go, O_CREAT | O_WRONLY, 0600);
    assert_true(file >= 0);
    (void)close(file);
    /* Once there is room again, the next one says how many were lost; it comes after all others. */
    wait_for(house, "request\":50}", 1);
    tell(house, NOTICE_TEST, "", "", 0);
    wait_for(house, "lost\":", 1);
    told = count(house->text, "maria");
    assert_in_range(told, 51, TOLD - 1);
    lost = strstr(house->text, "lost\":") + strlen("lost\":");
    assert_int_equal(strtoul(lost, NULL, 10) + told, TOLD);
    tell(house, NOTICE_TEST, "", "", 0);
    wait_for(house, "\"test\"", 2);
    assert_int_equal(count(house->text, "lost"), 1);
}

/* ---- how it ends ---- */

static void
it_ends_with_the_daemon_and_tells_what_waits(void **state)
{
    struct house *house = *state;
    int outcome = -1;
    pid_t helper;

    write_script(house, "sleep 0.05; cat >> $1\n");
    start(house, 0);
    helper = child_of(getpid());
    tell(house, NOTICE_REQUEST, "", "", 1);
    tell(house, NOTICE_REQUEST, "", "", 2);
    tell(house, NOTICE_REQUEST, "", "", 3);
    notifier_stop(&house->notifier);
    assert_int_equal(waitpid(helper, &outcome, 0), helper);
    assert_int_equal(outcome, 0);
    assert_int_equal(count(read_out(house), "request\":"), 3);
}

/* The daemon, and it is killed while the command hangs. */
_Noreturn static void
be_killed(struct house *house)
{
    start(house, 300);
    for (unsigned i = 0; i < 20; i++) {
        tell(house, NOTICE_TEST, "", "", 0);
    }
    for (;;) {
        (void)pause();
    }
}

static void
nothing_is_left_when_the_daemon_is_killed(void **state)
{
    struct house *house = *state;
    long command = 0;
    uint64_t began_ms;
    pid_t daemon;
    pid_t helper;

    /* What loses its parent becomes ours, so that we see its end. */
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    write_script(house, "echo \"$$ started\" >> $1; exec sleep 60\n");
    daemon = fork();
    if (daemon == 0) {
        be_killed(house);
    }
    wait_for(house, "started", 1);
    assert_int_equal(sscanf(house->text, "%ld", &command), 1);
    helper = child_of(daemon);
    began_ms = clock_monotonic_ms();
    assert_int_equal(kill(daemon, SIGKILL), 0);
    assert_int_equal(waitpid(daemon, NULL, 0), daemon);
    assert_int_equal(waitpid(helper, NULL, 0), helper);
    assert_true(clock_monotonic_ms() - began_ms < 3000); /* not 20 times 300 ms, nor 60 s */
    assert_int_equal(kill((pid_t)command, 0), -1);
    assert_int_equal(errno, ESRCH);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

static void
the_daemons_signals_are_not_for_it(void **state)
{
    struct house *house = *state;

    write_script(house, "kill -0 $$ && trap 'echo trapped >> $out' TERM; out=$1; cat >> $out\n"
                        "kill -TERM $$\n");
    start(house, 0);
    tell(house, NOTICE_TEST, "", "", 0);
    wait_for(house, "trapped", 1); /* the command gets its own as usual */
    assert_int_equal(kill(child_of(getpid()), SIGTERM), 0);
    assert_int_equal(kill(child_of(getpid()), SIGINT), 0);
    assert_int_equal(kill(child_of(getpid()), SIGHUP), 0);
    tell(house, NOTICE_REQUEST, "", "", 1);
    wait_for(house, "request", 1);
}

static void
without_a_helper_the_daemon_goes_on(void **state)
{
    struct house *house = *state;
    const struct sigaction ignore = {.sa_handler = SIG_IGN}; /* as signals_block does */
    struct sigaction before;
    pid_t helper;

    assert_int_equal(sigaction(SIGPIPE, &ignore, &before), 0);
    write_script(house, "cat >> $1\n");
    start(house, 0);
    helper = child_of(getpid());
    assert_int_equal(kill(helper, SIGKILL), 0);
    assert_int_equal(waitpid(helper, NULL, 0), helper);
    tell(house, NOTICE_TEST, "", "", 0);
    assert_int_equal(sigaction(SIGPIPE, &before, NULL), 0);
}

static void
a_command_that_cannot_be_run_harms_nobody(void **state)
{
    struct house *house = *state;
    const struct notifier_options options = {.command = "/nowhere", .arguments = ""};
    int outcome = -1;
    pid_t helper;

    assert_int_equal(notifier_start(&options, &house->notifier), STATUS_OK);
    helper = child_of(getpid());
    tell(house, NOTICE_TEST, "", "", 0);
    notifier_stop(&house->notifier);
    assert_int_equal(waitpid(helper, &outcome, 0), helper);
    assert_int_equal(outcome, 0);
}

/* ---- whose file it may be ---- */

static void
assert_faulty(const char *path, const char *place, const char *why)
{
    char room[512];
    const char *fault = trusted_file_fault(path, room, sizeof room);
    const size_t size = strlen(place);

    if (fault == NULL || strncmp(fault, place, size) != 0 || fault[size] != ' ' ||
        strstr(fault, why) == NULL) {
        fail_msg("%s: %s; not: %s %s", path, fault == NULL ? "fine" : fault, place, why);
    }
}

static void
only_what_nobody_else_can_replace_is_run(void **state)
{
    struct house *house = *state;
    char folder[FOLDER_PATH_BYTES];
    char file[FOLDER_PATH_BYTES + 8];
    char link[FOLDER_PATH_BYTES];
    char room[512];

    folder_join(house->folder, "below", folder);
    folder_join(house->folder, "link", link);
    (void)snprintf(file, sizeof file, "%s/alarm", folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    assert_faulty(file, file, "is not there");
    int made = open(file, O_CREAT | O_WRONLY, 0600);
    assert_true(made >= 0);
    assert_faulty(file, file, "may not be executed");
    assert_int_equal(fchmod(made, 0755), 0);
    assert_null(trusted_file_fault(file, room, sizeof room));
    assert_int_equal(fchmod(made, 0775), 0);
    assert_faulty(file, file, "somebody else");
    assert_int_equal(fchmod(made, 0757), 0);
    assert_faulty(file, file, "somebody else");
    assert_int_equal(fchmod(made, 0755), 0);
    assert_int_equal(chmod(folder, 0777), 0);
    assert_faulty(file, folder, "somebody else");
    assert_int_equal(chmod(folder, 0755), 0);
    assert_faulty(folder, folder, "is no file");
    assert_int_equal(symlink(file, link), 0);
    assert_faulty(link, link, "is a link");
    (void)snprintf(file, sizeof file, "%s/alarm/x", folder);
    file[strlen(file) - 2] = '\0';
    assert_null(trusted_file_fault(file, room, sizeof room));
    assert_string_equal(trusted_file_fault("alarm", room, sizeof room),
                        "a path from the root on is needed");
    if (geteuid() == 0) {
        assert_int_equal(fchown(made, 65533, 0), 0);
        assert_faulty(file, file, "somebody else");
        assert_int_equal(fchown(made, 0, 0), 0);
        assert_int_equal(chown(folder, 65533, 0), 0);
        assert_faulty(file, folder, "somebody else");
    }
    (void)close(made);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, house_setup, house_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_command_gets_its_arguments_one_line_and_nothing_else),
        TEST(the_helper_has_the_pipe_and_standard_error_alone),
        TEST(each_event_has_its_name_and_its_number),
        TEST(no_name_can_end_the_string),
        TEST(a_command_that_hangs_is_killed_with_what_it_has_started),
        TEST(what_does_not_fit_into_the_queue_is_counted_and_nobody_waits),
        TEST(it_ends_with_the_daemon_and_tells_what_waits),
        TEST(nothing_is_left_when_the_daemon_is_killed),
        TEST(the_daemons_signals_are_not_for_it),
        TEST(without_a_helper_the_daemon_goes_on),
        TEST(a_command_that_cannot_be_run_harms_nobody),
        TEST(only_what_nobody_else_can_replace_is_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

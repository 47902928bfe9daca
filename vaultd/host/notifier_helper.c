/* SPDX-License-Identifier: Apache-2.0 */
/* The helper's end: one command for each line, one after another. */
#include "notifier_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum {
    QUEUE = 3,   /* where the pipe stands in the helper: behind the standard three */
    PARKED = 16, /* and where it waits until that place is free */
    BUFFER_BYTES = 2 * NOTIFIER_LINE_BYTES,
    NOT_STARTED = 127, /* what a shell says of a command that cannot be run */
};

struct helper {
    const char *command;
    char words[NOTIFIER_ARGUMENTS_BYTES];
    char *arguments[NOTIFIER_ARGUMENTS_MAX + 2]; /* the command first, NULL behind the last */
    uint32_t patience_ms;
    bool orphaned;        /* the daemon is gone: */
    uint64_t deadline_ms; /* then nothing is run any more */
    char buffer[BUFFER_BYTES];
    size_t filled;
};

static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
static char *const environment[] = {path, NULL};

/* ---- becoming one ---- */

static void
split(struct helper *helper, const char *arguments)
{
    char *rest = NULL;
    size_t count = 0;

    helper->arguments[count++] = (char *)(uintptr_t)helper->command; /* execve only reads it */
    (void)strncpy(helper->words, arguments, sizeof helper->words - 1);
    for (char *word = strtok_r(helper->words, " \t", &rest);
         word != NULL && count <= NOTIFIER_ARGUMENTS_MAX; word = strtok_r(NULL, " \t", &rest)) {
        helper->arguments[count++] = word;
    }
}

/* Nothing of the daemon's stays open but standard error, and the pipe. */
static bool
keep_only(int queue)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    int parked = fcntl(queue, F_DUPFD_CLOEXEC, PARKED);

    return nothing >= 0 && parked >= 0 && dup2(nothing, STDIN_FILENO) >= 0 &&
           dup2(nothing, STDOUT_FILENO) >= 0 && dup3(parked, QUEUE, O_CLOEXEC) >= 0 &&
           close_range(QUEUE + 1, ~0U, 0) == 0;
}

/* What ends or wakes the daemon is not meant for its helper: the closed pipe ends that. */
static void
ignore_signals(void)
{
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        (void)sigaction(ignored[i], &ignore, NULL);
    }
    (void)sigaction(SIGCHLD, &usual, NULL); /* its children shall wait to be asked for */
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ---- one command ---- */

_Noreturn static void
become_command(const struct helper *helper, int input)
{
    const struct sigaction usual = {.sa_handler = SIG_DFL};

    for (int number = 1; number < SIGRTMIN; number++) {
        (void)sigaction(number, &usual, NULL);
    }
    /* A session of its own: with it goes what it has started. And if the helper is killed, it. */
    (void)setsid();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(input, STDIN_FILENO) >= 0) {
        (void)execve(helper->command, helper->arguments, environment);
    }
    _exit(NOT_STARTED);
}

/* The command, with the line to read; -1: there is none. A line fits into an empty pipe. */
static pid_t
begin_command(const struct helper *helper, const char *line, size_t size)
{
    int input[2];
    pid_t command;

    if (pipe2(input, O_CLOEXEC) != 0) {
        return -1;
    }
    command = fork();
    if (command == 0) {
        become_command(helper, input[0]);
    }
    (void)close(input[0]);
    if (command > 0 && write(input[1], line, size) < 0) {
        LOG(LOG_LEVEL_WARNING, EVENT_SYSTEM_CALL_FAILED, F("errno", errno), F("line", __LINE__));
    }
    (void)close(input[1]);
    return command;
}

static void
become_orphan(struct helper *helper)
{
    if (!helper->orphaned) {
        helper->orphaned = true;
        helper->deadline_ms = clock_monotonic_ms() + helper->patience_ms;
    }
}

/* False: its time was over first. */
static bool
wait_for_end(struct helper *helper, int command)
{
    uint64_t until_ms = clock_monotonic_ms() + helper->patience_ms;
    struct pollfd ends[] = {{.fd = command, .events = POLLIN}, {.fd = QUEUE}};

    for (;;) {
        const uint64_t now_ms = clock_monotonic_ms();

        if (helper->orphaned) {
            until_ms = helper->deadline_ms < until_ms ? helper->deadline_ms : until_ms;
            ends[1].fd = -1;
        }
        if (now_ms >= until_ms) {
            return false;
        }
        if (poll(ends, sizeof ends / sizeof ends[0], (int)(until_ms - now_ms)) > 0) {
            if (ends[0].revents != 0) {
                return true;
            }
            become_orphan(helper); /* nobody can write to the pipe any more */
        }
    }
}

static void
report(int outcome, bool in_time)
{
    if (in_time && WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0) {
        LOG(LOG_LEVEL_INFO, EVENT_NOTIFIED, F("code", 0));
    } else if (in_time && WIFEXITED(outcome)) {
        LOG(LOG_LEVEL_ERROR, EVENT_NOTIFIER_FAILED, F("code", WEXITSTATUS(outcome)));
    } else {
        LOG(LOG_LEVEL_ERROR, EVENT_NOTIFIER_FAILED, F("in_time", in_time),
            F("signal", WIFSIGNALED(outcome) ? WTERMSIG(outcome) : 0));
    }
}

static void
run(struct helper *helper, const char *line, size_t size)
{
    const pid_t command = begin_command(helper, line, size);
    int watched = command > 0 ? pidfd_open(command, 0) : -1;
    int outcome = 0;
    bool in_time;

    if (command < 0) {
        LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", errno), F("line", __LINE__));
        return;
    }
    in_time = watched >= 0 && wait_for_end(helper, watched);
    /* Not waited for yet, so the number is nobody else's. The group is not there before its first
     * instruction was, so the command itself is named as well. */
    (void)kill(-command, SIGKILL);
    (void)kill(command, SIGKILL);
    while (waitpid(command, &outcome, 0) < 0 && errno == EINTR) {
    }
    (void)close(watched);
    report(outcome, in_time);
}

/* ---- one after another ---- */

/* Runs the lines that are whole; what is left is moved to the front. */
static void
run_lines(struct helper *helper)
{
    const char *end;

    while ((end = memchr(helper->buffer, '\n', helper->filled)) != NULL) {
        const size_t size = (size_t)(end - helper->buffer) + 1;

        if (!helper->orphaned || clock_monotonic_ms() < helper->deadline_ms) {
            run(helper, helper->buffer, size);
        } else {
            LOG(LOG_LEVEL_ERROR, EVENT_NOTICE_LOST, F("stopped", true));
        }
        helper->filled -= size;
        memmove(helper->buffer, end + 1, helper->filled);
    }
}

void
notifier_helper(const struct notifier_options *options, int queue)
{
    static struct helper helper;
    ssize_t got = 1;

    helper.command = options->command;
    helper.patience_ms = options->patience_ms;
    split(&helper, options->arguments);
    ignore_signals();
    (void)prctl(PR_SET_NAME, "vaultd-notifier");
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!keep_only(queue) || chdir("/") != 0) {
        LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", errno), F("line", __LINE__));
        _exit(EXIT_FAILURE);
    }
    while (got > 0 || (got < 0 && errno == EINTR)) {
        got = read(QUEUE, helper.buffer + helper.filled, sizeof helper.buffer - helper.filled);
        helper.filled += got > 0 ? (size_t)got : 0;
        run_lines(&helper);
    }
    _exit(EXIT_SUCCESS);
}

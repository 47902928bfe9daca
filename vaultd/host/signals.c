/* SPDX-License-Identifier: Apache-2.0 */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "log.h"

enum { MS_PER_S = 1000, NS_PER_MS = 1000000 };

static void
fill_waited_for(sigset_t *ret_set)
{
    (void)sigemptyset(ret_set);
    (void)sigaddset(ret_set, SIGTERM);
    (void)sigaddset(ret_set, SIGINT);
    (void)sigaddset(ret_set, SIGHUP);
}

enum status
signals_block(void)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set;
    int failed;

    fill_waited_for(&set);
    failed = pthread_sigmask(SIG_BLOCK, &set, NULL);
    /* Ignored, not blocked: it comes to the thread that wrote, and would stay pending there. */
    if (failed == 0 && sigaction(SIGPIPE, &ignore, NULL) != 0) {
        failed = errno;
    }
    if (failed != 0) {
        LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", failed), F("line", __LINE__));
        return STATUS_INTERNAL;
    }
    return STATUS_OK;
}

enum signals_event
signals_wait(uint32_t timeout_ms)
{
    const struct timespec timeout = {
        .tv_sec = timeout_ms / MS_PER_S,
        .tv_nsec = (long)(timeout_ms % MS_PER_S) * NS_PER_MS,
    };
    sigset_t set;
    int number;

    fill_waited_for(&set);
    number = sigtimedwait(&set, NULL, &timeout);
    if (number == SIGHUP) {
        return SIGNALS_RELOAD;
    }
    return number == SIGTERM || number == SIGINT ? SIGNALS_STOP : SIGNALS_NOTHING;
}

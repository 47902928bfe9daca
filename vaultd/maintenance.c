/* SPDX-License-Identifier: Apache-2.0 */
#include "maintenance.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "dispatch.h"
#include "failpoint.h"
#include "log.h"

enum { PAUSE_MS = 100, STOP_STEP_MS = 10, NS_PER_MS = 1000000 };

struct maintenance {
    struct dispatch *dispatch;
    pthread_t thread;
    atomic_bool stopping;
    atomic_bool sealed;
    _Atomic uint64_t ticked_ms;
};

static void
rest(uint32_t ms)
{
    const struct timespec pause = {.tv_nsec = (long)ms * NS_PER_MS};

    (void)nanosleep(&pause, NULL);
}

/* For tests: as in a write to a file system that is gone. */
static void
hang(void)
{
    for (;;) {
        rest(PAUSE_MS);
    }
}

static void *
tick_on(void *argument)
{
    struct maintenance *maintenance = argument;
    bool last = false;

    while (!last) {
        last = atomic_load(&maintenance->stopping);
        dispatch_tick(maintenance->dispatch);
        if (FAILPOINT("maintenance_tick_hangs")) {
            hang();
        }
        atomic_store(&maintenance->sealed, dispatch_is_sealed(maintenance->dispatch));
        atomic_store(&maintenance->ticked_ms, clock_monotonic_ms());
        rest(PAUSE_MS);
    }
    return NULL;
}

enum status
maintenance_start(struct dispatch *dispatch, struct maintenance **ret_maintenance)
{
    struct maintenance *maintenance = calloc(1, sizeof *maintenance);
    int failed;

    if (maintenance == NULL) {
        return STATUS_INTERNAL;
    }
    maintenance->dispatch = dispatch;
    maintenance->sealed = dispatch_is_sealed(dispatch);
    maintenance->ticked_ms = clock_monotonic_ms();
    failed = pthread_create(&maintenance->thread, NULL, tick_on, maintenance);
    if (failed != 0) {
        LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", failed), F("line", __LINE__));
        free(maintenance);
        return STATUS_INTERNAL;
    }
    *ret_maintenance = maintenance;
    return STATUS_OK;
}

/* By the monotonic clock, which pthread_timedjoin_np does not go by. */
bool
maintenance_stop(struct maintenance **maintenance, uint32_t patience_ms)
{
    const uint64_t deadline_ms = clock_monotonic_ms() + patience_ms;

    if (*maintenance == NULL) {
        return true;
    }
    atomic_store(&(*maintenance)->stopping, true);
    while (pthread_tryjoin_np((*maintenance)->thread, NULL) != 0) {
        if (clock_monotonic_ms() >= deadline_ms) {
            return false;
        }
        rest(STOP_STEP_MS);
    }
    free(*maintenance);
    *maintenance = NULL;
    return true;
}

uint64_t
maintenance_ticked_ms(const struct maintenance *maintenance)
{
    return atomic_load(&maintenance->ticked_ms);
}

bool
maintenance_saw_sealed(const struct maintenance *maintenance)
{
    return atomic_load(&maintenance->sealed);
}

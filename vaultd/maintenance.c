/* SPDX-License-Identifier: Apache-2.0 */
#include "maintenance.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "dispatch.h"
#include "log.h"

enum { PAUSE_MS = 100, NS_PER_MS = 1000000 };

struct maintenance {
    struct dispatch *dispatch;
    pthread_t thread;
    atomic_bool stopping;
    atomic_bool sealed;
    _Atomic uint64_t ticked_ms;
};

static void *
tick_on(void *argument)
{
    const struct timespec pause = {.tv_nsec = (long)PAUSE_MS * NS_PER_MS};
    struct maintenance *maintenance = argument;

    while (!atomic_load(&maintenance->stopping)) {
        dispatch_tick(maintenance->dispatch);
        atomic_store(&maintenance->sealed, dispatch_is_sealed(maintenance->dispatch));
        atomic_store(&maintenance->ticked_ms, clock_monotonic_ms());
        (void)nanosleep(&pause, NULL);
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

void
maintenance_stop(struct maintenance **maintenance)
{
    if (*maintenance != NULL) {
        atomic_store(&(*maintenance)->stopping, true);
        (void)pthread_join((*maintenance)->thread, NULL);
        free(*maintenance);
        *maintenance = NULL;
    }
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

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
    pthread_t ticker;
    pthread_t
        keeper; /* takes checkpoints to the second place: that may hang, and nothing else with it */
    bool ticker_ended;
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

static void *
keep_on(void *argument)
{
    struct maintenance *maintenance = argument;
    bool last = false;

    while (!last) {
        last = atomic_load(&maintenance->stopping);
        dispatch_keep_elsewhere(maintenance->dispatch);
        rest(PAUSE_MS);
    }
    return NULL;
}

static bool
begin(struct maintenance *maintenance, pthread_t *thread, void *(*run)(void *))
{
    int failed = pthread_create(thread, NULL, run, maintenance);

    if (failed != 0) {
        LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", failed), F("line", __LINE__));
    }
    return failed == 0;
}

enum status
maintenance_start(struct dispatch *dispatch, struct maintenance **ret_maintenance)
{
    struct maintenance *maintenance = calloc(1, sizeof *maintenance);

    if (maintenance == NULL) {
        return STATUS_INTERNAL;
    }
    maintenance->dispatch = dispatch;
    maintenance->sealed = dispatch_is_sealed(dispatch);
    maintenance->ticked_ms = clock_monotonic_ms();
    if (!begin(maintenance, &maintenance->ticker, tick_on)) {
        free(maintenance);
        return STATUS_INTERNAL;
    }
    if (!begin(maintenance, &maintenance->keeper, keep_on)) {
        atomic_store(&maintenance->stopping, true);
        (void)pthread_join(maintenance->ticker, NULL);
        free(maintenance);
        return STATUS_INTERNAL;
    }
    *ret_maintenance = maintenance;
    return STATUS_OK;
}

/* By the monotonic clock, which pthread_timedjoin_np does not go by. */
static bool
join_until(pthread_t thread, uint64_t deadline_ms)
{
    while (pthread_tryjoin_np(thread, NULL) != 0) {
        if (clock_monotonic_ms() >= deadline_ms) {
            return false;
        }
        rest(STOP_STEP_MS);
    }
    return true;
}

bool
maintenance_stop(struct maintenance **maintenance, uint32_t patience_ms)
{
    const uint64_t deadline_ms = clock_monotonic_ms() + patience_ms;
    struct maintenance *it = *maintenance;

    if (it == NULL) {
        return true;
    }
    atomic_store(&it->stopping, true);
    it->ticker_ended = it->ticker_ended || join_until(it->ticker, deadline_ms);
    if (!it->ticker_ended || !join_until(it->keeper, deadline_ms)) {
        return false;
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

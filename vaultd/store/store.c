/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "store_internal.h"

enum {
    GROUP_STEPS_MAX = 1024,
    GROUP_BYTES_MAX = 4 * 1024 * 1024, /* then no further step joins */
};

/* A call of store_update, on its caller's stack. */
struct store_request {
    struct store_request *next;
    store_step *step;
    void *state;
    bool reserved; /* it may use the reserve */
    bool alone;    /* its caller leads, and does something else than a step */
    enum status status;
    bool leads; /* woken to lead, not because it is done */
    sem_t wake;
};

/* The requests that share a transaction, in the order they ran. */
struct group {
    struct store_request *first;
    struct store_request **end;
    size_t count;
    size_t bytes;
    bool reserved; /* whoever wrote may use the reserve */
};

/* ---- the queue ---- */

static void
enqueue(struct store *store, struct store_request *request)
{
    *store->queue_end = request;
    store->queue_end = &request->next;
}

/* For a group that is there: NULL too when the next one wants to be alone. */
static struct store_request *
dequeue(struct store *store, bool joins)
{
    struct store_request *request;

    (void)pthread_mutex_lock(&store->lock);
    request = store->queue;
    if (request != NULL && joins && request->alone) {
        request = NULL;
    }
    if (request != NULL) {
        store->queue = request->next;
        request->next = NULL;
        if (store->queue == NULL) {
            store->queue_end = &store->queue;
        }
    }
    (void)pthread_mutex_unlock(&store->lock);
    return request;
}

/* Who waits longest leads next; without anybody, the next to come. */
static void
pass_on_the_lead(struct store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    if (store->queue == NULL) {
        store->led = false;
    } else {
        store->queue->leads = true;
        (void)sem_post(&store->queue->wake);
    }
    (void)pthread_mutex_unlock(&store->lock);
}

/* ---- one transaction, by the leader ---- */

void
store_fails(struct store *store, enum status status)
{
    atomic_store(&store->failed, true);
    LOG(LOG_LEVEL_ERROR, EVENT_STORE_FAILED, F_STATUS("status", status));
}

/* Runs a step on a write set of its own and, if it succeeds, makes it part of the transaction. */
static enum status
run_step(struct store *store, struct store_engine_txn *engine, struct store_request *request,
         size_t *ret_bytes)
{
    struct store_txn txn = {.store = store, .engine = engine, .writes = store->writes};
    const struct store_row *rows;

    *ret_bytes = 0;
    store_writes_reset(store->writes);
    request->status = request->step(&txn, request->state);
    if (request->status == STATUS_OK) {
        request->status = txn.error;
    }
    if (request->status != STATUS_OK || store_writes_count(store->writes) == 0) {
        return STATUS_OK;
    }
    *ret_bytes = store_writes_bytes(store->writes);
    rows = store_writes_rows(store->writes);
    if (rows == NULL) {
        return STATUS_INTERNAL;
    }
    if (store->compaction.changed != NULL) {
        store_compact_note(store, rows, store_writes_count(store->writes));
    }
    return store->backend->apply(engine, rows, store_writes_count(store->writes));
}

static enum status
apply_changes(struct store *store, struct store_engine_txn *engine)
{
    uint8_t value[STORE_CHANGES_BYTES];
    struct store_row row = {.table = STORE_META,
                            .key = bytes_of_text(STORE_CHANGES_KEY),
                            .value = bytes_of(value, sizeof value)};

    put_u64(value, atomic_load(&store->changes) + 1);
    put_u64(value + sizeof(uint64_t), store->next_row);
    return store->backend->apply(engine, &row, 1);
}

enum status
store_commit(struct store *store, struct store_engine_txn *engine, bool reserved)
{
    enum status status = apply_changes(store, engine);

    if (status != STATUS_OK) {
        store->backend->end(engine);
        return status;
    }
    status = store->backend->commit(engine, reserved);
    atomic_fetch_add(&store->flushes, 1);
    if (status == STATUS_OK) {
        atomic_fetch_add(&store->changes, 1);
    } else if (status != STATUS_UNAVAILABLE) {
        store_fails(store, status);
        status = STATUS_UNAVAILABLE;
    }
    return status;
}

/* The first is given; others join as they come, while there is room. Sets the statuses on OK. */
static enum status
run_transaction(struct store *store, struct group *group, bool alone)
{
    struct store_engine_txn *engine = NULL;
    struct store_request *request = group->first;
    enum status status = STATUS_UNAVAILABLE;

    if (!atomic_load(&store->failed)) {
        status = store->backend->begin(store->engine, true, &engine);
    }
    if (status != STATUS_OK) {
        return status;
    }
    while (status == STATUS_OK && request != NULL) {
        size_t bytes = 0;

        status = run_step(store, engine, request, &bytes);
        group->bytes += bytes;
        group->reserved &= bytes == 0 || request->reserved;
        request = NULL;
        if (!alone && group->count < GROUP_STEPS_MAX && group->bytes < GROUP_BYTES_MAX) {
            request = dequeue(store, true);
        }
        if (request != NULL) {
            *group->end = request;
            group->end = &request->next;
            group->count++;
        }
    }
    if (status != STATUS_OK || group->bytes == 0) {
        store->backend->end(engine);
        return status;
    }
    return store_commit(store, engine, group->reserved);
}

static struct group
group_of(struct store_request *first)
{
    return (struct group){.first = first, .end = &first->next, .count = 1, .reserved = true};
}

static void
run_alone(struct store *store, struct store_request *request)
{
    struct group group = group_of(request);
    enum status status = run_transaction(store, &group, true);

    if (status != STATUS_OK) {
        request->status = status;
    }
}

/* Every request of the group has its own, final status afterwards. */
static void
run_group(struct store *store, struct group *group)
{
    enum status status = run_transaction(store, group, false);

    if (status == STATUS_OK) {
        return;
    }
    /* One step too many for the disk, or for memory, does not cost its neighbours. */
    for (struct store_request *at = group->first; at != NULL; at = at->next) {
        if (group->count > 1) {
            run_alone(store, at);
        } else {
            at->status = status;
        }
    }
}

static void
lead(struct store *store, struct store_request *own)
{
    struct store_request *first = dequeue(store, false); /* `own`: who leads stands at the head */
    struct group group = group_of(first);
    struct store_request *at;

    run_group(store, &group);
    pass_on_the_lead(store);
    at = group.first;
    while (at != NULL) {
        struct store_request *next = at->next; /* once woken, it is gone */

        if (at != own) {
            (void)sem_post(&at->wake);
        }
        at = next;
    }
}

static void
wait_for_wake(struct store_request *request)
{
    while (sem_wait(&request->wake) != 0) {
        /* interrupted by a signal */
    }
}

/* Until the request is done, or its caller leads (true). */
static bool
queue_up(struct store *store, struct store_request *request)
{
    bool leads;

    (void)sem_init(&request->wake, 0, 0);
    (void)pthread_mutex_lock(&store->lock);
    enqueue(store, request);
    leads = !store->led;
    store->led = true;
    (void)pthread_mutex_unlock(&store->lock);
    if (!leads) {
        wait_for_wake(request);
        leads = request->leads;
    }
    return leads;
}

static enum status
update(struct store *store, store_step *step, void *state, bool reserved)
{
    struct store_request request = {.step = step, .state = state, .reserved = reserved};

    if (atomic_load(&store->failed)) {
        return STATUS_UNAVAILABLE;
    }
    if (queue_up(store, &request)) {
        lead(store, &request);
    }
    (void)sem_destroy(&request.wake);
    return request.status;
}

void
store_take_lead(struct store *store)
{
    struct store_request request = {.alone = true};

    /* Nobody runs a request that is alone, so it is never done without its caller. */
    (void)!queue_up(store, &request);
    (void)!dequeue(store, false);
    (void)sem_destroy(&request.wake);
}

void
store_give_lead(struct store *store)
{
    pass_on_the_lead(store);
}

enum status
store_update(struct store *store, store_step *step, void *state)
{
    return update(store, step, state, false);
}

enum status
store_update_reserved(struct store *store, store_step *step, void *state)
{
    return update(store, step, state, true);
}

bool
store_keep_reserve(struct store *store)
{
    return store->backend->keep_reserve(store->engine);
}

enum status
store_view(struct store *store, store_step *step, void *state)
{
    struct store_txn txn = {.store = store};
    enum status status = store->backend->begin(store->engine, false, &txn.engine);

    if (status != STATUS_OK) {
        return status;
    }
    status = step(&txn, state);
    if (status == STATUS_OK) {
        status = txn.error;
    }
    store->backend->end(txn.engine);
    return status;
}

bool
store_failed(const struct store *store)
{
    return atomic_load(&store->failed);
}

uint64_t
store_changes(const struct store *store)
{
    return atomic_load(&store->changes);
}

uint64_t
store_flushes(const struct store *store)
{
    return atomic_load(&store->flushes);
}

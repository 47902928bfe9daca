/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compaction: all rows are copied into a new file, packed, while steps and views go on; then it
 * takes the old one's place.
 *
 * A scan walks every table in the order of its keys, each part as it is when its turn comes.
 * Meanwhile the leader notes the key of every row that is written; passes copy the present values
 * of these, or delete what is no longer there. What is written during a pass is for the next one;
 * what the scan has not come to is left to it. When all is scanned and little is left, the last of
 * it is copied with the lead taken: nothing is written meanwhile, so the copy is the store. A row
 * that was never written since the beginning was copied as it is; one that was, is copied after its
 * last change.
 */
#include "store_internal.h"

#include <time.h>

enum {
    CHANGED_MAX = 250 * 1000, /* keys remembered: some 25 MB, and as much of the pass before */
    TAKEN_AT = 32 * 1024,     /* so many do not wait until all is scanned */
    LAST_ROWS = 512,          /* copied while the writers wait; more, the longer it lasts: */
    LAST_ROWS_MAX = 4096,
    QUICK_ROWS = 8192, /* a pass over so few is not flushed by itself: a flush takes longer */
    ROWS_AT_ONCE = 4096,
    PASSES_AT_ONCE = 8, /* without a pause, for each is shorter than the one before */
    ROUNDS_MAX = 256,
    MICRO = 1000 * 1000,
    NANO_PER_MICRO = 1000,
};

static uint64_t
now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * MICRO + (uint64_t)(now.tv_nsec / NANO_PER_MICRO);
}

/* ---- what is written meanwhile ---- */

void
store_compact_note(struct store *store, const struct store_row *rows, size_t count)
{
    struct store_compaction *compaction = &store->compaction;

    for (size_t i = 0; i < count && !compaction->lost; i++) {
        compaction->lost = store_writes_count(compaction->changed) >= CHANGED_MAX ||
                           store_writes_put(compaction->changed, rows[i].table, rows[i].key,
                                            bytes_of(NULL, 0)) != STATUS_OK;
    }
    atomic_store(&compaction->noted, store_writes_count(compaction->changed));
}

/* ---- beginning and ending; with `lock` held ---- */

static void
look_at_copy(struct store *store)
{
    uint64_t done;
    uint64_t total;

    store->backend->copy_progress(store->compaction.copy, &done, &total);
    atomic_store(&store->compaction.done, done);
    atomic_store(&store->compaction.total, total);
}

static void
stop_noting(struct store *store)
{
    struct store_writes *changed;

    store_take_lead(store);
    changed = store->compaction.changed;
    store->compaction.changed = NULL;
    store_give_lead(store);
    store_writes_free(&changed);
    store_writes_free(&store->compaction.taken);
}

static void
forget(struct store *store)
{
    struct store_compaction *compaction = &store->compaction;

    stop_noting(store);
    store->backend->copy_end(compaction->copy);
    compaction->copy = NULL;
    compaction->rows = NULL;
    atomic_store(&compaction->state, STORE_COMPACT_IDLE);
}

/* From here on the leader notes what is written. */
static enum status
start_noting(struct store *store)
{
    struct store_writes *changed = store_writes_new();

    if (changed == NULL) {
        return STATUS_INTERNAL;
    }
    store_take_lead(store);
    store->compaction.changed = changed;
    store->compaction.lost = false;
    store_give_lead(store);
    return STATUS_OK;
}

enum status
store_compact_begin(struct store *store, uint64_t *ret_lacks)
{
    struct store_compaction *compaction = &store->compaction;
    enum status status = STATUS_CONFLICT;

    *ret_lacks = 0;
    if (atomic_load(&store->failed)) {
        return STATUS_UNAVAILABLE;
    }
    (void)pthread_mutex_lock(&compaction->lock);
    if (compaction->copy == NULL) {
        status = store->backend->copy_begin(store->engine, &compaction->copy, ret_lacks);
        if (status == STATUS_OK) {
            status = start_noting(store);
        }
        if (status == STATUS_OK) {
            compaction->scanned = compaction->replaced = false;
            compaction->rounds = 0;
            look_at_copy(store);
            atomic_store(&compaction->state, STORE_COMPACT_COPYING);
        } else if (compaction->copy != NULL) {
            forget(store);
        }
    }
    (void)pthread_mutex_unlock(&compaction->lock);
    return status;
}

void
store_compact_abandon(struct store *store)
{
    (void)pthread_mutex_lock(&store->compaction.lock);
    if (store->compaction.copy != NULL) {
        forget(store);
    }
    (void)pthread_mutex_unlock(&store->compaction.lock);
}

/* ---- one pass after the other ---- */

static enum status
scan(struct store *store)
{
    bool done = false;
    enum status status = store->backend->copy_step(store->compaction.copy, &done);

    look_at_copy(store);
    store->compaction.scanned = done;
    return status;
}

/*
 * Rows of the set that was taken. Behind the last of them the copy is flushed; but when few were
 * written during the flush before, their pages are only written, which is quicker: else the next
 * pass would have as many, and never be the last.
 */
static enum status
copy_taken(struct store *store)
{
    struct store_compaction *compaction = &store->compaction;
    size_t left = store_writes_count(compaction->taken) - compaction->next;
    size_t count = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
    enum status status =
        store->backend->copy_rows(compaction->copy, compaction->rows + compaction->next, count);

    compaction->next += count;
    if (status == STATUS_OK && count == left) {
        bool quick = !compaction->scanned || (compaction->rounds > 1 &&
                                              store_writes_count(compaction->taken) <= QUICK_ROWS);

        compaction->rows = NULL;
        status = store->backend->copy_flush(compaction->copy, !quick);
    }
    return status;
}

/* With the lead: the rest, how often this store was compacted, and the change of files. */
static enum status
replace(struct store *store, struct store_writes *changed)
{
    struct store_compaction *compaction = &store->compaction;
    uint64_t made = atomic_load(&compaction->made) + 1;
    uint8_t value[STORE_COMPACTED_BYTES];
    const struct store_row *rows;
    enum status status;

    put_u64(value, made);
    status =
        store_writes_put(changed, STORE_META, bytes_of_text(STORE_CHANGES_KEY), bytes_of(NULL, 0));
    if (status == STATUS_OK) {
        status = store_writes_put(changed, STORE_META, bytes_of_text(STORE_COMPACTED_KEY),
                                  bytes_of(value, sizeof value));
    }
    rows = status == STATUS_OK ? store_writes_rows(changed) : NULL;
    if (rows == NULL) {
        return STATUS_UNAVAILABLE;
    }
    status = store->backend->copy_rows(compaction->copy, rows, store_writes_count(changed));
    if (status != STATUS_OK) {
        return status;
    }
    status = store->backend->copy_replace(compaction->copy);
    if (status == STATUS_INTERNAL) {
        store_fails(store, status);
    }
    if (status == STATUS_OK || status == STATUS_INTERNAL) {
        atomic_store(&compaction->made, made);
        compaction->replaced = true;
    }
    return status == STATUS_INTERNAL ? STATUS_UNAVAILABLE : status;
}

static bool
is_last(const struct store_compaction *compaction, const struct store_writes *changed)
{
    size_t most = (size_t)LAST_ROWS * (1 + compaction->rounds / PASSES_AT_ONCE);

    return compaction->scanned && compaction->rounds > 0 &&
           store_writes_count(changed) <= (most < LAST_ROWS_MAX ? most : LAST_ROWS_MAX);
}

/* The keys for the next pass. */
static enum status
take(struct store_compaction *compaction, struct store_writes *changed)
{
    store_writes_free(&compaction->taken);
    compaction->taken = changed;
    compaction->next = 0;
    compaction->rows = store_writes_rows(changed);
    if (compaction->rows == NULL) {
        return STATUS_UNAVAILABLE;
    }
    compaction->rounds += compaction->scanned;
    return compaction->rounds > ROUNDS_MAX ? STATUS_BUSY : STATUS_OK;
}

/* Takes what was written so far for the next pass; if it is little, this is the last. */
static enum status
turn(struct store *store)
{
    struct store_compaction *compaction = &store->compaction;
    struct store_writes *fresh = store_writes_new();
    struct store_writes *changed;
    uint64_t since_us;
    enum status status = STATUS_OK;

    if (fresh == NULL) {
        return STATUS_UNAVAILABLE;
    }
    store_take_lead(store);
    since_us = now_us();
    changed = compaction->changed;
    compaction->changed = fresh;
    atomic_store(&compaction->noted, 0);
    if (compaction->lost || atomic_load(&store->failed)) {
        status = compaction->lost ? STATUS_BUSY : STATUS_UNAVAILABLE;
    } else if (is_last(compaction, changed)) {
        status = replace(store, changed);
        atomic_store(&compaction->held_us, (uint32_t)(now_us() - since_us));
    }
    store_give_lead(store);
    if (status != STATUS_OK || compaction->replaced) {
        store_writes_free(&changed);
        return status;
    }
    return take(compaction, changed);
}

static enum status
catch_up(struct store *store)
{
    struct store_compaction *compaction = &store->compaction;
    enum status status = STATUS_OK;

    for (int pass = 0; status == STATUS_OK && !compaction->replaced && pass < PASSES_AT_ONCE;
         pass++) {
        if (compaction->rows == NULL && pass > 0 && !compaction->scanned) {
            break;
        }
        status = compaction->rows == NULL ? turn(store) : STATUS_OK;
        if (status == STATUS_OK && !compaction->replaced) {
            status = copy_taken(store);
        }
    }
    if (compaction->replaced) {
        stop_noting(store);
        atomic_store(&compaction->state, STORE_COMPACT_WAITING);
    }
    return status;
}

static enum status
step(struct store *store, bool *ret_ended)
{
    struct store_compaction *compaction = &store->compaction;
    enum status status = STATUS_OK;

    if (compaction->replaced) {
        *ret_ended = store->backend->copy_settle(compaction->copy);
        status = *ret_ended && atomic_load(&store->failed) ? STATUS_UNAVAILABLE : STATUS_OK;
    } else if (!compaction->scanned && compaction->rows == NULL &&
               atomic_load(&compaction->noted) < TAKEN_AT) {
        status = scan(store);
    } else {
        status = catch_up(store);
    }
    /* Of a file that was replaced there may be views still. */
    if (status != STATUS_OK && !compaction->replaced) {
        *ret_ended = true;
    }
    if (*ret_ended) {
        forget(store);
    }
    return status;
}

enum status
store_compact_step(struct store *store, bool *ret_ended)
{
    enum status status = STATUS_OK;

    *ret_ended = true;
    (void)pthread_mutex_lock(&store->compaction.lock);
    if (store->compaction.copy != NULL) {
        *ret_ended = false;
        status = step(store, ret_ended);
    }
    (void)pthread_mutex_unlock(&store->compaction.lock);
    return status;
}

void
store_compact_look(struct store *store, struct store_compact_about *ret_about)
{
    struct store_compaction *compaction = &store->compaction;

    *ret_about = (struct store_compact_about){
        .state = (enum store_compact_state)atomic_load(&compaction->state),
        .made = atomic_load(&compaction->made),
        .done = atomic_load(&compaction->done),
        .total = atomic_load(&compaction->total),
        .bytes = store->backend->size(store->engine),
        .held_us = atomic_load(&compaction->held_us),
    };
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "budget.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "budget_table.h"
#include "budget_window.h"
#include "log.h"

enum {
    ALARM_PERCENT = 80,
    BLOCKS_A_DAY = 1000, /* so many entries of the log, if all is drawn one by one */
    SECOND_MS = 1000,
    HOUR_MS = 60 * 60 * 1000,
};

struct budgets {
    pthread_mutex_t lock;    /* over all below; a leaf: nothing else is locked under it */
    pthread_cond_t recorded; /* some block is, or will not be: look again */
    uint64_t latest_ms;
    unsigned alarm_percent;
    budget_alarm *listener; /* set before there are threads */
    void *listener_state;
    struct budget_table table;
};

/* ---- life ---- */

enum status
budgets_new(struct budgets **ret_budgets)
{
    struct budgets *budgets = calloc(1, sizeof *budgets);

    if (budgets == NULL) {
        return STATUS_UNAVAILABLE;
    }
    (void)pthread_mutex_init(&budgets->lock, NULL);
    (void)pthread_cond_init(&budgets->recorded, NULL);
    budgets->alarm_percent = ALARM_PERCENT;
    *ret_budgets = budgets;
    return STATUS_OK;
}

void
budgets_free(struct budgets **budgets)
{
    if (*budgets == NULL) {
        return;
    }
    budget_table_clear(&(*budgets)->table);
    (void)pthread_cond_destroy(&(*budgets)->recorded);
    (void)pthread_mutex_destroy(&(*budgets)->lock);
    free(*budgets);
    *budgets = NULL;
}

/* Callers read the clock before they come to the lock, so they may come in another order. */
static void
lock_at(struct budgets *budgets, uint64_t now_ms)
{
    (void)pthread_mutex_lock(&budgets->lock);
    if (now_ms > budgets->latest_ms) {
        budgets->latest_ms = now_ms;
    }
}

static void
unlock(struct budgets *budgets)
{
    (void)pthread_mutex_unlock(&budgets->lock);
}

static enum status
get(struct budgets *budgets, struct budget_key key, struct budget **ret_budget)
{
    return budget_table_get(&budgets->table, key, budgets->latest_ms, ret_budget);
}

static struct budget *
find(struct budgets *budgets, struct budget_key key)
{
    return budget_table_find(&budgets->table, key, budgets->latest_ms);
}

/* ---- counting ---- */

/* In the log as spent, and not yet in the windows. */
static uint64_t
held_in_blocks(const struct budget *budget)
{
    return (uint64_t)budget->block_left + budget->recording;
}

static uint64_t
used(const struct budget *budget)
{
    return budget->day.sum + held_in_blocks(budget);
}

static void
count(struct budget *budget, uint64_t amount)
{
    budget_window_add(&budget->day, amount);
    budget_window_add(&budget->hour, amount);
}

/* ---- the alarm ---- */

struct alarm {
    bool raised;
    unsigned percent;
};

static bool
over_alarm(const struct budgets *budgets, const struct budget *budget, struct budget_limits limits)
{
    return limits.daily != 0 && budgets->alarm_percent != 0 &&
           used(budget) * 100 >= (uint64_t)limits.daily * budgets->alarm_percent;
}

/* Called before anything is spent: time alone may have brought it below. */
static void
alarm_arm(const struct budgets *budgets, struct budget *budget, struct budget_limits limits)
{
    budget->alarmed = budget->alarmed && over_alarm(budgets, budget, limits);
}

static void
alarm_look(const struct budgets *budgets, struct budget *budget, struct budget_limits limits,
           struct alarm *ret_alarm)
{
    if (!budget->alarmed && over_alarm(budgets, budget, limits)) {
        budget->alarmed = true;
        *ret_alarm = (struct alarm){true, (unsigned)(used(budget) * 100 / limits.daily)};
    }
}

static void
tell_listener(const struct budgets *budgets, struct budget_key key, uint64_t number)
{
    if (budgets->listener != NULL) {
        budgets->listener(budgets->listener_state, key, number);
    }
}

/* Without the lock: who reads the process log may be slow. */
static void
alarm_say(const struct budgets *budgets, struct alarm alarm, struct budget_key key)
{
    if (alarm.raised) {
        LOG(LOG_LEVEL_WARNING, EVENT_BUDGET_ALARM, F("principal", key.principal),
            F("namespace", key.namespace_id), F("percent", alarm.percent));
        tell_listener(budgets, key, alarm.percent);
    }
}

/* ---- refusing ---- */

/* 0: the amount fits now, beside what is promised to others; UINT64_MAX: never. */
static uint64_t
fits_ms(const struct budget *budget, struct budget_limits limits, uint64_t promised,
        uint32_t amount)
{
    uint64_t day_ms = budget_window_fits_ms(&budget->day, limits.daily, promised, amount);
    uint64_t hour_ms = budget_window_fits_ms(&budget->hour, limits.hourly, promised, amount);

    return day_ms > hour_ms ? day_ms : hour_ms;
}

/* From the caller's clock on, should it lag. */
static uint32_t
seconds_until(uint64_t fits, uint64_t now_ms)
{
    if (fits == UINT64_MAX) {
        return UINT32_MAX;
    }
    return fits > now_ms ? (uint32_t)((fits - now_ms + SECOND_MS - 1) / SECOND_MS) : 1;
}

/* ---- what the log says ---- */

/* By blocks, of which the log is told beforehand; or at once. */
static bool is_drawn(enum budget_class class)
{
    return class == BUDGET_LOOKUP || class == BUDGET_LOOKUP_EXTRA;
}

enum status
budgets_replay(struct budgets *budgets, struct budget_key key, uint64_t time_ms, uint64_t amount)
{
    struct budget *budget = NULL;
    enum status status;

    lock_at(budgets, time_ms);
    status = get(budgets, key, &budget);
    if (status == STATUS_OK && is_drawn(key.class)) {
        count(budget, budget->replayed_block);
        budget->replayed_block = amount;
    } else if (status == STATUS_OK) {
        count(budget, amount);
    }
    unlock(budgets);
    return status;
}

void
budgets_replayed(struct budgets *budgets, uint64_t now_ms)
{
    lock_at(budgets, now_ms);
    for (size_t i = 0; i < BUDGET_TABLE_CHAINS; i++) {
        for (struct budget *at = budgets->table.chains[i]; at != NULL; at = at->next) {
            budget_table_advance(at, budgets->latest_ms);
            count(at, at->replayed_block);
            at->replayed_block = 0;
        }
    }
    unlock(budgets);
}

/* ---- taking ---- */

static uint32_t
least(uint32_t one, uint32_t other)
{
    return one < other ? one : other;
}

enum status
budgets_take(struct budgets *budgets, struct budget_key key, struct budget_limits limits,
             uint64_t now_ms, uint32_t amount, uint32_t *ret_retry_after_s)
{
    struct budget *budget = NULL;
    struct alarm alarm = {0};
    enum status status;
    uint64_t fits;

    lock_at(budgets, now_ms);
    status = get(budgets, key, &budget);
    if (status != STATUS_OK) {
        goto out;
    }
    fits = fits_ms(budget, limits, held_in_blocks(budget), amount);
    if (fits != 0) {
        *ret_retry_after_s = seconds_until(fits, now_ms);
        status = STATUS_QUOTA;
        goto out;
    }
    alarm_arm(budgets, budget, limits);
    count(budget, amount);
    alarm_look(budgets, budget, limits, &alarm);
out:
    unlock(budgets);
    alarm_say(budgets, alarm, key);
    return status;
}

enum status
budgets_take_some(struct budgets *budgets, struct budget_key key, struct budget_limits limits,
                  uint64_t now_ms, uint32_t wanted, uint32_t *ret_taken)
{
    struct budget *budget = NULL;
    struct alarm alarm = {0};
    enum status status;

    lock_at(budgets, now_ms);
    status = get(budgets, key, &budget);
    if (status == STATUS_OK) {
        uint64_t room = least(budget_window_room(&budget->day, limits.daily),
                              budget_window_room(&budget->hour, limits.hourly));
        uint64_t held = held_in_blocks(budget);

        room = room > held ? room - held : 0;
        *ret_taken = least(wanted, (uint32_t)room);
        alarm_arm(budgets, budget, limits);
        count(budget, *ret_taken);
        alarm_look(budgets, budget, limits, &alarm);
    }
    unlock(budgets);
    alarm_say(budgets, alarm, key);
    return status;
}

uint32_t
budgets_fits_after_s(struct budgets *budgets, struct budget_key key, struct budget_limits limits,
                     uint64_t now_ms, uint32_t amount)
{
    struct budget *budget;
    uint64_t fits = 0;

    lock_at(budgets, now_ms);
    budget = find(budgets, key);
    if (budget != NULL) {
        fits = fits_ms(budget, limits, held_in_blocks(budget), amount);
    }
    unlock(budgets);
    return fits == 0 ? 0 : seconds_until(fits, now_ms);
}

void
budgets_give_back(struct budgets *budgets, struct budget_key key, uint64_t taken_ms,
                  uint32_t amount)
{
    struct budget *budget;

    lock_at(budgets, taken_ms);
    budget = find(budgets, key);
    if (budget != NULL) {
        budget_window_take_out(&budget->day, taken_ms, amount);
        budget_window_take_out(&budget->hour, taken_ms, amount);
    }
    unlock(budgets);
}

/* ---- drawing ---- */

static bool
is_unlimited(struct budget_limits limits)
{
    return limits.daily == 0 && limits.hourly == 0;
}

/* What is missing fits: fits_ms said so. */
static uint32_t
block_size(const struct budget *budget, const struct budget_draw *draw)
{
    const struct budget_limits limits = draw->limits;
    uint32_t room = least(budget_window_room(&budget->day, limits.daily),
                          budget_window_room(&budget->hour, limits.hourly));
    uint32_t missing = draw->amount - budget->block_left;
    uint32_t usual = (limits.daily != 0 ? limits.daily : limits.hourly) / BLOCKS_A_DAY;

    return least(room - budget->block_left, missing > usual ? missing : usual);
}

/* BUSY: the block in use does not do. */
static enum status
draw_now(struct budget *budget, const struct budget_draw *draw, uint32_t *ret_retry_after_s)
{
    if (fits_ms(budget, draw->limits, 0, draw->amount) != 0) {
        uint64_t fits = fits_ms(budget, draw->limits, budget->recording_for, draw->amount);

        *ret_retry_after_s = seconds_until(fits, draw->now_ms);
        return STATUS_QUOTA;
    }
    if (is_unlimited(draw->limits)) {
        count(budget, draw->amount);
        return STATUS_OK;
    }
    if (budget->recording > 0 || budget->block_left < draw->amount) {
        return STATUS_BUSY;
    }
    budget->block_left -= draw->amount;
    count(budget, draw->amount);
    return STATUS_OK;
}

enum status
budgets_draw(struct budgets *budgets, const struct budget_draw *draw, uint32_t *ret_block,
             uint32_t *ret_retry_after_s)
{
    struct budget *budget = NULL;
    struct alarm alarm = {0};
    enum status status;

    *ret_block = 0;
    lock_at(budgets, draw->now_ms);
    for (;;) {
        /* Looked up again after each wait: nothing keeps it from being freed meanwhile. */
        status = get(budgets, draw->key, &budget);
        if (status == STATUS_OK) {
            alarm_arm(budgets, budget, draw->limits);
            status = draw_now(budget, draw, ret_retry_after_s);
        }
        if (status != STATUS_BUSY || !draw->may_wait) {
            break;
        }
        if (budget->recording == 0) {
            budget->recording = *ret_block = block_size(budget, draw);
            budget->recording_for = draw->amount;
            status = STATUS_OK;
            break;
        }
        (void)pthread_cond_wait(&budgets->recorded, &budgets->lock);
    }
    if (status == STATUS_OK) {
        alarm_look(budgets, budget, draw->limits, &alarm);
    }
    unlock(budgets);
    alarm_say(budgets, alarm, draw->key);
    return status;
}

void
budgets_block_recorded(struct budgets *budgets, const struct budget_draw *draw, uint32_t block,
                       bool recorded)
{
    struct budget *budget;

    lock_at(budgets, draw->now_ms);
    budget = find(budgets, draw->key);
    assert(budget != NULL && block > 0 && budget->recording == block);
    if (recorded) {
        budget->block_carried = least(budget->block_left, budget->recording_for);
        budget->block_left = block - (budget->recording_for - budget->block_carried);
        budget->block_ends_ms = draw->now_ms + BUDGET_BLOCK_LIFE_MS;
        count(budget, budget->recording_for);
    }
    budget->recording = budget->recording_for = 0;
    (void)pthread_cond_broadcast(&budgets->recorded);
    unlock(budgets);
}

/*
 * The log counts it as spent: it is drawn again, or lost. Only what was drawn from the block in use
 * goes back into it: a restart counts an older block as spent before this one.
 */
static void
put_back(struct budget *budget, const struct budget_draw *draw)
{
    bool of_this_block = draw->now_ms + BUDGET_BLOCK_LIFE_MS >= budget->block_ends_ms;
    uint32_t lost = least(draw->amount, budget->block_carried);

    if (of_this_block && !is_unlimited(draw->limits)) {
        budget->block_carried -= lost;
        budget->block_left += draw->amount - lost;
    }
}

void
budgets_undo_draw(struct budgets *budgets, const struct budget_draw *draw)
{
    struct budget *budget;

    lock_at(budgets, draw->now_ms);
    budget = find(budgets, draw->key);
    if (budget != NULL) {
        budget_window_take_out(&budget->day, draw->now_ms, draw->amount);
        budget_window_take_out(&budget->hour, draw->now_ms, draw->amount);
        put_back(budget, draw);
    }
    unlock(budgets);
}

/* Beside what is promised to others, as fits_ms has it. */
static uint32_t
room_beside(uint32_t room, uint32_t promised)
{
    return room == UINT32_MAX ? room : room - least(room, promised);
}

void
budgets_room(struct budgets *budgets, struct budget_key key, struct budget_limits limits,
             uint64_t now_ms, struct budget_room *ret_room)
{
    struct budget *budget;

    lock_at(budgets, now_ms);
    budget = find(budgets, key);
    *ret_room = (struct budget_room){
        limits.daily == 0 ? UINT32_MAX : limits.daily,
        limits.hourly == 0 ? UINT32_MAX : limits.hourly,
    };
    if (budget != NULL) {
        ret_room->daily =
            room_beside(budget_window_room(&budget->day, limits.daily), budget->recording_for);
        ret_room->hourly =
            room_beside(budget_window_room(&budget->hour, limits.hourly), budget->recording_for);
    }
    unlock(budgets);
}

bool
budgets_has_room(struct budgets *budgets, const struct budget_draw *draw)
{
    struct budget *budget;
    bool fits;

    lock_at(budgets, draw->now_ms);
    budget = find(budgets, draw->key);
    fits = budget != NULL ? fits_ms(budget, draw->limits, budget->recording_for, draw->amount) == 0
                          : (draw->limits.daily == 0 || draw->amount <= draw->limits.daily) &&
                                (draw->limits.hourly == 0 || draw->amount <= draw->limits.hourly);
    unlock(budgets);
    return fits;
}

void
budgets_clear(struct budgets *budgets)
{
    (void)pthread_mutex_lock(&budgets->lock);
    budget_table_clear(&budgets->table);
    (void)pthread_mutex_unlock(&budgets->lock);
}

/* ---- looking ---- */

uint64_t
budgets_used(struct budgets *budgets, struct budget_key key, uint64_t now_ms)
{
    struct budget *budget;
    uint64_t amount;

    lock_at(budgets, now_ms);
    budget = find(budgets, key);
    amount = budget != NULL ? used(budget) : 0;
    unlock(budgets);
    return amount;
}

void
budgets_set_alarm(struct budgets *budgets, unsigned percent)
{
    (void)pthread_mutex_lock(&budgets->lock);
    budgets->alarm_percent = percent;
    (void)pthread_mutex_unlock(&budgets->lock);
}

void
budgets_set_listener(struct budgets *budgets, budget_alarm *alarm, void *state)
{
    budgets->listener = alarm;
    budgets->listener_state = state;
}

/* ---- lookups that found nothing ---- */

/* Who goes on is named again each hour; who stays below for a moment, when he is back. */
static bool
misses_alarm(struct budget *budget, uint64_t now_ms, uint32_t alarm_at)
{
    const bool over = alarm_at != 0 && budget->hour.sum >= alarm_at;
    const bool was_over = budget->alarmed && now_ms - budget->alarmed_ms < HOUR_MS;

    budget->alarmed = over;
    if (!over || was_over) {
        return false;
    }
    budget->alarmed_ms = now_ms;
    return true;
}

void
budgets_count_misses(struct budgets *budgets, struct budget_key key, uint64_t now_ms,
                     uint32_t misses, uint32_t alarm_at)
{
    struct budget *budget = NULL;
    uint64_t within_hour = 0;
    bool raised = false;

    assert(key.class == BUDGET_MISSES);
    lock_at(budgets, now_ms);
    if (get(budgets, key, &budget) == STATUS_OK) {
        /* As it was before: an hour of silence may have brought it below. */
        budget->alarmed = budget->alarmed && budget->hour.sum >= alarm_at;
        count(budget, misses);
        raised = misses_alarm(budget, budgets->latest_ms, alarm_at);
        within_hour = budget->hour.sum;
    }
    unlock(budgets);
    if (raised) {
        LOG(LOG_LEVEL_WARNING, EVENT_LOOKUP_MISSES, F("principal", key.principal),
            F("namespace", key.namespace_id), F("misses", within_hour));
        tell_listener(budgets, key, within_hour);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget.h: how much each principal has done in the last 24 hours and in the last hour, and whether
 * it may do more. Time is vault time (clock_vault_ms); a window is rolling: in no 24 hours is there
 * ever more than the daily figure. In memory; the log says the counts again at start.
 *
 * A reveal is an entry of the log itself. Tokenize and lookup are many, so they draw from a block:
 * the log is told of a block before its first use, and what is left of it at a crash counts as
 * spent. At most one block at a time is being recorded for one key; others wait. After
 * BUDGET_BLOCK_LIFE_MS what is left of a block is not drawn any more.
 *
 * Threads: any number at once. A time before the latest seen counts as the latest.
 */
#ifndef CONTACT_VAULT_BUDGET_H
#define CONTACT_VAULT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "access.h"
#include "status.h"

struct budgets;

enum {
    BUDGET_BLOCK_LIFE_MS = 24 * 60 * 60 * 1000,
    BUDGET_REPLAY_MS = 48 * 60 * 60 * 1000, /* 24 hours, and a block's life before them */
};

enum budget_class {
    BUDGET_LOOKUP = 1,       /* tokenize and lookup together, by principal and namespace */
    BUDGET_REVEAL = 2,       /* reveals and deliveries, by principal; namespace_id 0 */
    BUDGET_LOOKUP_EXTRA = 3, /* as BUDGET_LOOKUP, of a grant that ends */
    BUDGET_MISSES = 4,       /* lookups that found nothing, likewise; nothing is ever spent */
    BUDGET_CANARY = 5,       /* canaries that an admin adds; namespace_id 0 */
};

struct budget_key {
    uint32_t principal; /* number */
    uint32_t namespace_id;
    enum budget_class class;
};

MUST_USE enum status budgets_new(struct budgets **ret_budgets);
/* NULL is fine. */
void budgets_free(struct budgets **budgets);

/*
 * At start, once, what the log says of the last BUDGET_REPLAY_MS or more, in order of time: amounts
 * spent, and blocks. A block was drawn from until the next one of its key: it is counted at that
 * time, and the last one at budgets_replayed's.
 */
MUST_USE enum status budgets_replay(struct budgets *budgets, struct budget_key key,
                                    uint64_t time_ms, uint64_t amount);
void budgets_replayed(struct budgets *budgets, uint64_t now_ms);

/*
 * budgets_take: spends at once. QUOTA: not taken; *ret_retry_after_s says when that amount fits
 * again, UINT32_MAX: never under these limits. UNAVAILABLE: no memory.
 */
MUST_USE enum status budgets_take(struct budgets *budgets, struct budget_key key,
                                  struct budget_limits limits, uint64_t now_ms, uint32_t amount,
                                  uint32_t *ret_retry_after_s);
/* As many of them as fit now, at once; *ret_taken may be 0. UNAVAILABLE: no memory. */
MUST_USE enum status budgets_take_some(struct budgets *budgets, struct budget_key key,
                                       struct budget_limits limits, uint64_t now_ms,
                                       uint32_t wanted, uint32_t *ret_taken);
/* In how many seconds does that amount fit, if nothing is spent meanwhile? 0: now; UINT32_MAX:
 * never under these limits. */
uint32_t budgets_fits_after_s(struct budgets *budgets, struct budget_key key,
                              struct budget_limits limits, uint64_t now_ms, uint32_t amount);
/* What was taken at that time and then not done. */
void budgets_give_back(struct budgets *budgets, struct budget_key key, uint64_t taken_ms,
                       uint32_t amount);

/*
 * budgets_draw: spends out of the block in use. OK and *ret_block 0: done. OK and *ret_block more:
 * the caller makes that block durable in the log and then calls budgets_block_recorded, whatever
 * became of it; only then, if `recorded`, is the amount drawn. BUSY: a block is needed, and the
 * caller may not wait. QUOTA, UNAVAILABLE: as above. A block is min(what remains, max(what is
 * missing, daily / 1000)); of hourly, where there is no daily figure. Without either there are no
 * blocks: uses are counted, and a restart forgets them.
 */
struct budget_draw {
    struct budget_key key;
    struct budget_limits limits;
    uint64_t now_ms;
    uint32_t amount;
    bool may_wait;
};
MUST_USE enum status budgets_draw(struct budgets *budgets, const struct budget_draw *draw,
                                  uint32_t *ret_block, uint32_t *ret_retry_after_s);
void budgets_block_recorded(struct budgets *budgets, const struct budget_draw *draw, uint32_t block,
                            bool recorded);

/* What was drawn and then not done. It goes back into its block, if that is still in use. */
void budgets_undo_draw(struct budgets *budgets, const struct budget_draw *draw);
/* What is left of each figure; UINT32_MAX: there is none. For the words of a refusal. */
struct budget_room {
    uint32_t daily, hourly;
};
void budgets_room(struct budgets *budgets, struct budget_key key, struct budget_limits limits,
                  uint64_t now_ms, struct budget_room *ret_room);
/* Would budgets_draw give it now, were there a block? */
bool budgets_has_room(struct budgets *budgets, const struct budget_draw *draw);
/* Forgets all, so that the log can be replayed once more. Nothing is being recorded. */
void budgets_clear(struct budgets *budgets);

/* In the last 24 hours, blocks as a whole. */
uint64_t budgets_used(struct budgets *budgets, struct budget_key key, uint64_t now_ms);

/* A share of the daily figure, in percent: who reaches it is named in the process log, once until
 * he is below it again. 0: nobody is. 80 untold. */
void budgets_set_alarm(struct budgets *budgets, unsigned percent);
/* Who else is told of each alarm, without a lock, by the thread that spent; NULL: nobody. Before
 * there are threads. `number`: percent, or of BUDGET_MISSES how many. */
typedef void budget_alarm(void *state, struct budget_key key, uint64_t number);
void budgets_set_listener(struct budgets *budgets, budget_alarm *alarm, void *state);

/*
 * Lookups that found nothing: counted, never refused, and forgotten by a restart. Who comes to
 * `alarm_at` within an hour is named as above, and again after an hour in which he was not below
 * it. `key.class` is BUDGET_MISSES. Without memory nothing is counted.
 */
void budgets_count_misses(struct budgets *budgets, struct budget_key key, uint64_t now_ms,
                          uint32_t misses, uint32_t alarm_at);

#endif

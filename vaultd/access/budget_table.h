/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget_table.h: the budgets by their keys, made at first use. One that says nothing any more (its
 * day is empty, nothing is being recorded) is freed when there are many, so there are never more
 * than twice as many as were in use within one day, or BUDGET_TABLE_SWEEP_MIN. One thread at a
 * time.
 */
#ifndef CONTACT_VAULT_BUDGET_TABLE_H
#define CONTACT_VAULT_BUDGET_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "budget.h"
#include "budget_window.h"
#include "status.h"

enum {
    BUDGET_DAY_BUCKET_MS = 5 * 60 * 1000,
    BUDGET_DAY_BUCKETS = 24 * 12 + 1, /* 24 hours, and the one being filled */
    BUDGET_HOUR_BUCKET_MS = 60 * 1000,
    BUDGET_HOUR_BUCKETS = 60 + 1,
    BUDGET_TABLE_CHAINS = 8192,
    BUDGET_TABLE_SWEEP_MIN = 1024,
};

/*
 * 1. What may be drawn without a word to the log is block_left, until block_ends_ms. It is never
 *    more than what the block in use holds and nobody drew: a restart counts that, and only that,
 *    as spent until then.
 * 2. While recording > 0 one caller records a block of that size. He draws recording_for out of it
 *    and out of block_left, which is less and his alone; nobody else draws from a block meanwhile.
 * 3. block_carried, of what that block's first caller drew, was left of the block before.
 * 4. replayed_block is > 0 only between budgets_replay and budgets_replayed.
 */
struct budget {
    struct budget *next; /* in its chain */
    struct budget_key key;
    struct budget_window day;
    struct budget_window hour;
    uint32_t block_left;
    uint32_t block_carried;
    uint32_t recording;
    uint32_t recording_for;
    bool alarmed;
    uint64_t alarmed_ms;
    uint64_t block_ends_ms;
    uint64_t replayed_block;
    uint32_t day_units[BUDGET_DAY_BUCKETS];
    uint32_t hour_units[BUDGET_HOUR_BUCKETS];
};

struct budget_table {
    size_t count;
    size_t sweep_at; /* 0 before the first use */
    struct budget *chains[BUDGET_TABLE_CHAINS];
};

/* Moved on to now. NULL: there is none. */
struct budget *budget_table_find(struct budget_table *table, struct budget_key key,
                                 uint64_t now_ms);
/* Made if need be. UNAVAILABLE: no memory. */
MUST_USE enum status budget_table_get(struct budget_table *table, struct budget_key key,
                                      uint64_t now_ms, struct budget **ret_budget);
/* Moves it on to now. */
void budget_table_advance(struct budget *budget, uint64_t now_ms);
void budget_table_clear(struct budget_table *table);

#endif

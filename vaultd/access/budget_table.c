/* SPDX-License-Identifier: Apache-2.0 */
#include "budget_table.h"

#include <stdlib.h>

/* Keys are small numbers the vault gave itself: nobody can choose them to meet in one chain. */
static struct budget **
chain_of(struct budget_table *table, struct budget_key key)
{
    const uint64_t odd = 0x9e3779b97f4a7c15; /* 2^64 / golden ratio: spreads neighbours */
    uint64_t mixed = ((uint64_t)key.principal << 32 | key.namespace_id) * odd;

    return &table->chains[((mixed >> 32) ^ key.class) % BUDGET_TABLE_CHAINS];
}

static bool
key_equal(struct budget_key one, struct budget_key other)
{
    return one.principal == other.principal && one.namespace_id == other.namespace_id &&
           one.class == other.class;
}

/* What is left of a block that grew old is not drawn any more: so the log need be read back only
 * that much further than the day. */
void
budget_table_advance(struct budget *budget, uint64_t now_ms)
{
    budget_window_advance(&budget->day, now_ms);
    budget_window_advance(&budget->hour, now_ms);
    if (budget->recording == 0 && now_ms >= budget->block_ends_ms) {
        budget->block_left = 0;
    }
}

static bool
says_nothing(const struct budget *budget)
{
    return budget->day.sum == 0 && budget->block_left == 0 && budget->recording == 0 &&
           budget->replayed_block == 0;
}

static void
sweep(struct budget_table *table, uint64_t now_ms)
{
    for (size_t i = 0; i < BUDGET_TABLE_CHAINS; i++) {
        struct budget **link = &table->chains[i];

        while (*link != NULL) {
            struct budget *budget = *link;

            budget_table_advance(budget, now_ms);
            if (!says_nothing(budget)) {
                link = &budget->next;
                continue;
            }
            *link = budget->next;
            free(budget);
            table->count--;
        }
    }
}

/* Each sweep is paid for by as many budgets made since the last. */
static void
sweep_if_many(struct budget_table *table, uint64_t now_ms)
{
    if (table->sweep_at == 0) {
        table->sweep_at = BUDGET_TABLE_SWEEP_MIN;
    }
    if (table->count < table->sweep_at) {
        return;
    }
    sweep(table, now_ms);
    table->sweep_at = 2 * table->count;
    if (table->sweep_at < BUDGET_TABLE_SWEEP_MIN) {
        table->sweep_at = BUDGET_TABLE_SWEEP_MIN;
    }
}

struct budget *
budget_table_find(struct budget_table *table, struct budget_key key, uint64_t now_ms)
{
    for (struct budget *budget = *chain_of(table, key); budget != NULL; budget = budget->next) {
        if (key_equal(budget->key, key)) {
            budget_table_advance(budget, now_ms);
            return budget;
        }
    }
    return NULL;
}

enum status
budget_table_get(struct budget_table *table, struct budget_key key, uint64_t now_ms,
                 struct budget **ret_budget)
{
    struct budget **chain = chain_of(table, key);
    struct budget *budget = budget_table_find(table, key, now_ms);

    if (budget != NULL) {
        *ret_budget = budget;
        return STATUS_OK;
    }
    sweep_if_many(table, now_ms);
    budget = calloc(1, sizeof *budget);
    if (budget == NULL) {
        return STATUS_UNAVAILABLE;
    }
    budget->key = key;
    budget_window_init(&budget->day, budget->day_units, BUDGET_DAY_BUCKETS, BUDGET_DAY_BUCKET_MS,
                       now_ms);
    budget_window_init(&budget->hour, budget->hour_units, BUDGET_HOUR_BUCKETS,
                       BUDGET_HOUR_BUCKET_MS, now_ms);
    budget->next = *chain;
    *chain = budget;
    table->count++;
    *ret_budget = budget;
    return STATUS_OK;
}

void
budget_table_clear(struct budget_table *table)
{
    for (size_t i = 0; i < BUDGET_TABLE_CHAINS; i++) {
        while (table->chains[i] != NULL) {
            struct budget *budget = table->chains[i];

            table->chains[i] = budget->next;
            free(budget);
        }
    }
    table->count = 0;
}

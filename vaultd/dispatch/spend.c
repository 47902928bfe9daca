/* SPDX-License-Identifier: Apache-2.0 */
/* What callers spend of their budgets, and what the log says they spent before a restart. */
#include "dispatch_internal.h"

#include <stdio.h>

#include "clock.h"
#include "scratch.h"

/* ---- refusing ---- */

enum { OVER_BYTES = 160 };

/* What was asked of which budget, and did not fit. */
struct over {
    const char *what; /* "reveals" */
    struct budget_key key;
    struct budget_limits limits;
    uint64_t now_ms;
    size_t amount;
    uint32_t retry_after_s; /* UINT32_MAX: never */
};

/* Which figure stands in the way, and how much of it is left: the caller knows what would fit. */
static const char *
explain(struct call *call, const struct over *over)
{
    bool never = over->retry_after_s == UINT32_MAX;
    struct budget_room room;
    char *text = scratch_alloc(call->scratch, OVER_BYTES);

    budgets_room(call->dispatch->parts.budgets, over->key, over->limits, over->now_ms, &room);
    if (text == NULL) {
        return "the budget is used up";
    }
    /* A batch that is over both waits for the day's. */
    bool of_day = never ? over->limits.daily != 0 && over->amount > over->limits.daily
                        : room.daily < over->amount || over->limits.hourly == 0;
    uint32_t limit = of_day ? over->limits.daily : over->limits.hourly;
    uint32_t left = of_day ? room.daily : room.hourly;
    const char *window = of_day ? "in 24 hours" : "an hour";
    if (never) {
        (void)snprintf(text, OVER_BYTES,
                       "more at once than the whole budget of %s: %u %s, and %zu are asked for",
                       over->what, limit, window, over->amount);
    } else {
        (void)snprintf(text, OVER_BYTES,
                       "the budget of %s is used up: of %u %s %u are left, and %zu are asked for",
                       over->what, limit, window, left, over->amount);
    }
    return text;
}

/* A batch that never fits gets no time to come back at. */
static enum status
refuse_over_budget(struct call *call, const struct over *over)
{
    enum status status = call_refuse_on_record(call, STATUS_QUOTA, explain(call, over));

    if (!call->would_wait && over->retry_after_s != UINT32_MAX) {
        call->retry_after_s = over->retry_after_s;
    }
    return status;
}

/* ---- tokenize and lookup: by blocks ---- */

/* A grant that ends has a budget of its own, which is spent first. */
static const struct {
    enum grant_sort sort;
    enum budget_class class;
    uint32_t act;
} lookup_budgets[] = {
    {GRANTS_ENDING, BUDGET_LOOKUP_EXTRA, AUDIT_ACT_BUDGET_EXTRA},
    {GRANTS_STANDING, BUDGET_LOOKUP, AUDIT_ACT_BUDGET},
};

enum { LOOKUP_BUDGETS = sizeof lookup_budgets / sizeof lookup_budgets[0] };

/* False: no grant of that sort is in force there. */
static bool
make_draw(const struct call *call, size_t which, uint32_t namespace_id, size_t count,
          struct budget_draw *ret_draw)
{
    const struct limits_asked asked = {MAY_TOKENIZE | MAY_LOOKUP, namespace_id,
                                       lookup_budgets[which].sort};

    *ret_draw = (struct budget_draw){
        .key = {call->principal->number, namespace_id, lookup_budgets[which].class},
        .now_ms = clock_vault_ms(),
        .amount = (uint32_t)count,
        .may_wait = call->mode == DISPATCH_MAY_WAIT,
    };
    return access_limits(call->dispatch->parts.access, call->principal, asked, &ret_draw->limits);
}

static enum status
record_block(struct call *call, uint32_t act, uint32_t block)
{
    struct audit_entry entry = call_audit_entry(call, AUDIT_DONE, STATUS_OK);
    /* To erase by value is to look up, and an erase goes on when the disk is full. */
    enum audit_reserve use =
        call->row->operation == OP_ERASE ? AUDIT_RESERVE_ERASE : AUDIT_RESERVE_NONE;

    entry.operation = act;
    entry.amount = block;
    return audit_record(call->dispatch->parts.audit, &entry, 1, use) == STATUS_OK
               ? STATUS_OK
               : call_refuse(call, STATUS_UNAVAILABLE,
                             "the log cannot take the budget of this, so it is not done");
}

static enum status
draw_one(struct call *call, size_t which, const struct budget_draw *draw,
         uint32_t *ret_retry_after_s)
{
    struct budgets *budgets = call->dispatch->parts.budgets;
    uint32_t block = 0;
    enum status status = budgets_draw(budgets, draw, &block, ret_retry_after_s);

    if (status == STATUS_OK && block > 0) {
        status = record_block(call, lookup_budgets[which].act, block);
        budgets_block_recorded(budgets, draw, block, status == STATUS_OK);
    }
    call->would_wait = status == STATUS_BUSY;
    return status;
}

enum status
spend_lookups(struct call *call, uint32_t namespace_id, size_t count, struct budget_draw *ret_draw)
{
    struct over over = {.what = "tokenize and lookup", .retry_after_s = UINT32_MAX};
    enum status status = STATUS_QUOTA;

    for (size_t i = 0; status == STATUS_QUOTA && i < LOOKUP_BUDGETS; i++) {
        uint32_t retry_after_s = UINT32_MAX;

        if (make_draw(call, i, namespace_id, count, ret_draw)) {
            status = draw_one(call, i, ret_draw, &retry_after_s);
            if (retry_after_s < over.retry_after_s || over.amount == 0) { /* the sooner one */
                over.key = ret_draw->key;
                over.limits = ret_draw->limits;
                over.now_ms = ret_draw->now_ms;
                over.amount = count;
                over.retry_after_s = retry_after_s;
            }
        }
    }
    return status != STATUS_QUOTA ? status : refuse_over_budget(call, &over);
}

void
spend_undo_lookups(struct call *call, const struct budget_draw *draw)
{
    budgets_undo_draw(call->dispatch->parts.budgets, draw);
}

bool
spend_has_room(const struct call *call, uint32_t namespace_id, size_t count)
{
    struct budget_draw draw;

    for (size_t i = 0; i < LOOKUP_BUDGETS; i++) {
        if (make_draw(call, i, namespace_id, count, &draw) &&
            budgets_has_room(call->dispatch->parts.budgets, &draw)) {
            return true;
        }
    }
    return false;
}

/* ---- reveals: each is an entry itself ---- */

/* In several namespaces at once, the tightest grant counts. */
static struct budget_limits
reveal_limits(const struct call *call, const struct vault_place *places, size_t count)
{
    struct budget_limits tightest = {0};

    for (size_t i = 0; i < count; i++) {
        const struct limits_asked asked = {MAY_REVEAL | MAY_DELIVER, places[i].namespace_id,
                                           GRANTS_ALL};
        struct budget_limits limits;

        if (places[i].status != STATUS_OK) {
            continue;
        }
        (void)access_limits(call->dispatch->parts.access, call->principal, asked, &limits);
        if (tightest.daily == 0 || (limits.daily != 0 && limits.daily < tightest.daily)) {
            tightest.daily = limits.daily;
        }
        if (tightest.hourly == 0 || (limits.hourly != 0 && limits.hourly < tightest.hourly)) {
            tightest.hourly = limits.hourly;
        }
    }
    return tightest;
}

static struct budget_key
reveal_key(const struct principal *principal)
{
    return (struct budget_key){principal->number, 0, BUDGET_REVEAL};
}

/* A sender's messages go out as a whole, or wait as a whole. */
static enum status
take_whole(struct call *call, struct over *over, struct spent_reveals *spent)
{
    enum status status = budgets_take(call->dispatch->parts.budgets, over->key, over->limits,
                                      over->now_ms, (uint32_t)over->amount, &over->retry_after_s);

    if (status == STATUS_QUOTA) {
        return refuse_over_budget(call, over);
    }
    spent->taken = status == STATUS_OK ? (uint32_t)over->amount : 0;
    return status;
}

/* From the first that does not fit on. */
static void
hold_surplus(struct vault_place *places, size_t count, uint32_t taken)
{
    for (size_t i = 0; i < count; i++) {
        if (places[i].status != STATUS_OK) {
            continue;
        }
        if (taken > 0) {
            taken--;
        } else {
            places[i].status = STATUS_QUOTA;
        }
    }
}

static enum status
take_some(struct call *call, struct over *over, struct spent_reveals *spent)
{
    uint32_t wanted = (uint32_t)over->amount;
    enum status status = budgets_take_some(call->dispatch->parts.budgets, over->key, over->limits,
                                           over->now_ms, wanted, &spent->taken);

    if (status != STATUS_OK || spent->taken == wanted) {
        return status;
    }
    spent->held = wanted - spent->taken;
    over->amount = spent->held;
    spent->fault = explain(call, over);
    status = call_record_refusal(call, STATUS_QUOTA);
    if (status != STATUS_OK) {
        spend_undo_reveals(call, spent);
    }
    return status;
}

enum status
spend_reveals(struct call *call, struct vault_place *places, size_t count,
              struct spent_reveals *ret_spent)
{
    size_t wanted = 0;
    enum status status;

    for (size_t i = 0; i < count; i++) {
        wanted += places[i].status == STATUS_OK;
    }
    *ret_spent = (struct spent_reveals){.taken_ms = clock_vault_ms()};
    if (wanted == 0) {
        return STATUS_OK;
    }
    ret_spent->limits = reveal_limits(call, places, count);
    struct over over = {
        .what = "reveals",
        .key = reveal_key(call->principal),
        .limits = ret_spent->limits,
        .now_ms = ret_spent->taken_ms,
        .amount = wanted,
    };
    if (call->principal->kind != PRINCIPAL_PERSON) {
        return take_whole(call, &over, ret_spent);
    }
    status = take_some(call, &over, ret_spent);
    if (status == STATUS_OK) {
        hold_surplus(places, count, ret_spent->taken);
    }
    return status;
}

void
spend_undo_reveals(struct call *call, const struct spent_reveals *spent)
{
    if (spent->taken > 0) {
        budgets_give_back(call->dispatch->parts.budgets, reveal_key(call->principal),
                          spent->taken_ms, spent->taken);
    }
}

/* More than there ever is at once: when as many as there can be do. */
static uint32_t
at_the_most(uint32_t amount, uint32_t limit)
{
    return limit != 0 && amount > limit ? limit : amount;
}

uint32_t
spend_reveals_fit_after_s(const struct call *call, const struct spent_reveals *spent,
                          uint32_t amount)
{
    uint32_t fits = at_the_most(at_the_most(amount, spent->limits.daily), spent->limits.hourly);
    uint32_t after_s =
        budgets_fits_after_s(call->dispatch->parts.budgets, reveal_key(call->principal),
                             spent->limits, spent->taken_ms, fits);

    return after_s > 0 ? after_s : 1; /* somebody gave back meanwhile */
}

/* ---- what the log says ---- */

/* False: the entry spends nothing. */
static bool
class_of(const struct audit_entry *entry, enum budget_class *ret_class)
{
    /* An outcome that was owed, or that an unseal wrote, has no names in it. */
    if (entry->operation == OP_CANARY_ADD) {
        *ret_class = BUDGET_CANARY;
        return entry->phase == AUDIT_INTENT;
    }
    if (entry->phase != AUDIT_DONE || entry->result != STATUS_OK) {
        return false;
    }
    for (size_t i = 0; i < LOOKUP_BUDGETS; i++) {
        if (entry->operation == lookup_budgets[i].act) {
            *ret_class = lookup_budgets[i].class;
            return true;
        }
    }
    *ret_class = BUDGET_REVEAL;
    return entry->operation == OP_DETOKENIZE;
}

static enum status
replay_entry(void *state, const struct audit_entry *entry)
{
    struct dispatch *dispatch = state;
    const struct access *access = dispatch->parts.access;
    const struct principal *principal;
    const struct namespace_row *row;
    struct budget_key key;
    enum budget_class class;

    people_replay(dispatch, entry);
    if (entry->operation == AUDIT_ACT_RESTORED && entry->subject.size > 0) {
        return spend_all(dispatch, entry->time_ms);
    }
    if (!class_of(entry, &class)) {
        return STATUS_OK;
    }
    principal = access_by_name(access, entry->principal);
    row = access_namespace(access, entry->namespace_name);
    if (principal == NULL || row == NULL) {
        /* Neither is ever removed, but by a restore of what was before it was made. */
        return entry->sequence < dispatch->found.restored ? STATUS_OK : STATUS_CORRUPT;
    }
    key = (struct budget_key){principal->number, row->id, class};
    if (class == BUDGET_REVEAL || class == BUDGET_CANARY) {
        key.namespace_id = 0;
    }
    return budgets_replay(dispatch->parts.budgets, key, entry->time_ms,
                          key.namespace_id == 0 ? 1 : entry->amount);
}

_Static_assert((uint64_t)AUDIT_RECENT_MS >= (uint64_t)BUDGET_REPLAY_MS,
               "the log remembers where the budgets' past begins");

enum status
spend_replay(struct dispatch *dispatch)
{
    struct audit *audit = dispatch->parts.audit;
    uint64_t from = dispatch->found.recent_begins;
    uint64_t last = audit_last(audit);
    enum status status = audit_wait(audit, last);

    budgets_clear(dispatch->parts.budgets);
    logins_clear(dispatch->logins);
    from = from < audit_first(audit) ? audit_first(audit) : from;
    if (status == STATUS_OK && from <= last) {
        status = audit_read(audit, from, last - from + 1, replay_entry, dispatch);
    }
    budgets_replayed(dispatch->parts.budgets, clock_vault_ms());
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "budget_window.h"

#include <string.h>

void
budget_window_init(struct budget_window *window, uint32_t *units, uint32_t count,
                   uint32_t bucket_ms, uint64_t now_ms)
{
    memset(units, 0, count * sizeof *units);
    *window = (struct budget_window){
        .bucket_ms = bucket_ms,
        .count = count,
        .newest = now_ms / bucket_ms,
        .units = units,
    };
}

static uint32_t *
bucket_at(const struct budget_window *window, uint64_t number)
{
    return &window->units[number % window->count];
}

static uint64_t
oldest(const struct budget_window *window)
{
    return window->newest >= window->count ? window->newest - window->count + 1 : 0;
}

void
budget_window_advance(struct budget_window *window, uint64_t now_ms)
{
    uint64_t newest = now_ms / window->bucket_ms;

    if (newest <= window->newest) {
        return;
    }
    if (newest - window->newest >= window->count) {
        memset(window->units, 0, window->count * sizeof *window->units);
        window->newest = newest;
        window->sum = 0;
        return;
    }
    while (window->newest < newest) {
        uint32_t *units = bucket_at(window, ++window->newest);

        window->sum -= *units;
        *units = 0;
    }
}

void
budget_window_add(struct budget_window *window, uint64_t amount)
{
    uint32_t *units = bucket_at(window, window->newest);
    uint32_t fits = UINT32_MAX - *units;
    /* A bucket filled to the brim is over every limit there can be: more would say no more. */
    uint32_t added = amount < fits ? (uint32_t)amount : fits;

    *units += added;
    window->sum += added;
}

void
budget_window_take_out(struct budget_window *window, uint64_t added_ms, uint32_t amount)
{
    uint64_t number = added_ms / window->bucket_ms;

    if (number < oldest(window)) {
        return; /* gone by itself */
    }
    /* Where the first bucket holds less, the rest was added later. To take too early a unit out
     * errs on the strict side: another one, later, stays in its place. */
    for (; number <= window->newest && amount > 0; number++) {
        uint32_t *units = bucket_at(window, number);
        uint32_t taken = amount < *units ? amount : *units;

        *units -= taken;
        window->sum -= taken;
        amount -= taken;
    }
}

uint32_t
budget_window_room(const struct budget_window *window, uint32_t limit)
{
    if (limit == 0) {
        return UINT32_MAX;
    }
    return window->sum < limit ? limit - (uint32_t)window->sum : 0;
}

uint64_t
budget_window_fits_ms(const struct budget_window *window, uint32_t limit, uint64_t promised,
                      uint32_t amount)
{
    uint64_t held = window->sum + promised;
    uint64_t number = oldest(window);

    if (limit == 0 || held + amount <= limit) {
        return 0;
    }
    if (amount > limit) {
        return UINT64_MAX;
    }
    for (; number < window->newest; number++) {
        held -= *bucket_at(window, number);
        if (held + amount <= limit) {
            break;
        }
    }
    /* The moment at which bucket `number` leaves; with the newest one all is gone. */
    return (number + window->count) * window->bucket_ms;
}

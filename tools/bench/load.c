/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UP_S = 1 };

static const char *const act_names[LOAD_ACT_COUNT] = {"known", "new", "mask", "detokenize"};

static atomic_uint next_new;
static atomic_bool counting;
static struct load_histogram measured;

enum load_act
load_act_of(const char *name)
{
    int act = 0;

    while (act < LOAD_ACT_COUNT && strcmp(name, act_names[act]) != 0) {
        act++;
    }
    return (enum load_act)act;
}

unsigned
load_number(const char *text, unsigned most)
{
    unsigned long value = strtoul(text, NULL, 10);

    if (value == 0 || value > most) {
        fprintf(stderr, "%s: 1 to %u wanted\n", text, most);
        exit(2);
    }
    return (unsigned)value;
}

void
load_known_text(unsigned contact, char to[static LOAD_TEXT_BYTES])
{
    snprintf(to, LOAD_TEXT_BYTES, "lead-%08u@example.org", contact);
}

void
load_new_text(char to[static LOAD_TEXT_BYTES])
{
    static atomic_uint_fast64_t run; /* another each time the program runs */
    uint64_t mine = atomic_load(&run);

    if (mine == 0) {
        uint64_t now = load_now_us();

        mine = atomic_compare_exchange_strong(&run, &mine, now) ? now : mine;
    }
    snprintf(to, LOAD_TEXT_BYTES, "new-%llx-%u@example.org", (unsigned long long)mine,
             atomic_fetch_add(&next_new, 1));
}

uint32_t
load_roll(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

uint64_t
load_now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void
load_histogram_note(struct load_histogram *histogram, uint64_t took_us)
{
    atomic_fetch_add_explicit(
        &histogram->buckets[took_us < LOAD_BUCKETS ? took_us : LOAD_BUCKETS - 1], 1,
        memory_order_relaxed);
}

void
load_histogram_clear(struct load_histogram *histogram)
{
    for (unsigned i = 0; i < LOAD_BUCKETS; i++) {
        atomic_store_explicit(&histogram->buckets[i], 0, memory_order_relaxed);
    }
}

struct load_figures
load_histogram_read(const struct load_histogram *histogram)
{
    struct load_figures figures = {0};
    uint64_t seen = 0;

    for (unsigned i = 0; i < LOAD_BUCKETS; i++) {
        figures.calls += histogram->buckets[i];
    }
    for (unsigned i = 0; i < LOAD_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen * 2 < figures.calls) {
            figures.median_us = i + 1;
        }
        if (seen * 100 < figures.calls * 99) {
            figures.p99_us = i + 1;
        }
        if (histogram->buckets[i] > 0) {
            figures.most_us = i + 1;
        }
    }
    return figures;
}

void
load_note(uint64_t took_us)
{
    if (atomic_load_explicit(&counting, memory_order_relaxed)) {
        load_histogram_note(&measured, took_us);
    }
}

static void
print(unsigned outstanding, uint64_t elapsed_us)
{
    struct load_figures figures = load_histogram_read(&measured);

    printf("%u outstanding: %.0f a second, median %u us, p99 %u us\n", outstanding,
           (double)figures.calls * 1e6 / (double)elapsed_us, figures.median_us, figures.p99_us);
}

void
load_measure(unsigned outstanding, unsigned seconds)
{
    (void)sleep(WARM_UP_S);
    uint64_t began = load_now_us();

    atomic_store(&counting, true);
    (void)sleep(seconds);
    atomic_store(&counting, false);
    print(outstanding, load_now_us() - began);
}

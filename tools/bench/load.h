/* SPDX-License-Identifier: Apache-2.0 */
/* load.h: what the loads on a vault have in common: acts, contacts, the clock, the figures. */
#ifndef CONTACT_VAULT_LOAD_H
#define CONTACT_VAULT_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    LOAD_TEXT_BYTES = 48,  /* room for a contact, with its NUL */
    LOAD_TOKEN_BYTES = 32, /* room for a token, with its NUL */
    LOAD_BATCH_MAX = 1024,
    LOAD_FETCH_BATCH = 4096, /* contacts a call when all are made or looked up */
    LOAD_BUCKETS = 1000000,  /* of a microsecond; what is slower counts as this slow */
};

enum load_act { LOAD_KNOWN, LOAD_NEW, LOAD_MASK, LOAD_DETOKENIZE, LOAD_ACT_COUNT };

/* LOAD_ACT_COUNT: there is no such act. */
enum load_act load_act_of(const char *name);
/* Ends the program where the text is no number of 1 to `most`. */
unsigned load_number(const char *text, unsigned most);

void load_known_text(unsigned contact, char to[static LOAD_TEXT_BYTES]);
/* A contact that no vault has seen. Any thread. */
void load_new_text(char to[static LOAD_TEXT_BYTES]);

/* xorshift32 (Marsaglia 2003): enough to pick contacts. */
uint32_t load_roll(uint32_t *state);

uint64_t load_now_us(void);
/* How long calls took. Any thread may note one; who reads or clears it may miss the newest. */
struct load_histogram {
    atomic_uint buckets[LOAD_BUCKETS];
};
struct load_figures {
    uint64_t calls;
    unsigned median_us, p99_us, most_us;
};
void load_histogram_note(struct load_histogram *histogram, uint64_t took_us);
void load_histogram_clear(struct load_histogram *histogram);
struct load_figures load_histogram_read(const struct load_histogram *histogram);

/* A call has taken so long; counts between load_measure's start and end. Any thread. */
void load_note(uint64_t took_us);
/* Lets the load warm up, counts for `seconds`, prints one line as echo_load does. */
void load_measure(unsigned outstanding, unsigned seconds);

#endif

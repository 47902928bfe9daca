/* SPDX-License-Identifier: Apache-2.0 */
/* An open-addressed table, at most three quarters full. Tokens are random: their own bytes are the
 * hash. */
#include "contact_set.h"

#include <stdlib.h>
#include <string.h>

enum {
    TOKEN_BYTES = 16,
    PREFIX_LETTERS = 4,
    DIGITS = 26, /* 130 bits: two zero bits, then the 128; a check letter follows */
    DIGIT_BITS = 5,
    PADDING_BITS = 2,
    BYTE_BITS = 8,
    BYTE_MASK = 0xff,
    CAPACITY_FIRST = 64, /* a power of two */
};

struct contact_slot {
    uint8_t token[TOKEN_BYTES];
    uint32_t day;      /* seen last; 0: an empty slot */
    uint32_t previous; /* and before that, if that was the day before; else 0 */
};

static bool
token_bytes(const char *text, uint8_t ret_token[static TOKEN_BYTES])
{
    static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
    uint32_t pending = 0;
    unsigned bits = 0;
    size_t at = 0;

    if (strlen(text) != PREFIX_LETTERS + DIGITS + 1) {
        return false;
    }
    for (size_t i = 0; i < DIGITS; i++) {
        const char *digit = strchr(letters, text[PREFIX_LETTERS + i]);
        if (digit == NULL) {
            return false;
        }
        pending = pending << DIGIT_BITS | (uint32_t)(digit - letters);
        bits += i == 0 ? DIGIT_BITS - PADDING_BITS : DIGIT_BITS;
        if (bits >= BYTE_BITS) {
            bits -= BYTE_BITS;
            ret_token[at++] = (uint8_t)(pending >> bits & BYTE_MASK);
        }
    }
    return true;
}

/* Its slot, or the empty one where it belongs. */
static struct contact_slot *
find(const struct contact_set *set, const uint8_t token[static TOKEN_BYTES])
{
    size_t hash;

    memcpy(&hash, token, sizeof hash);
    for (size_t i = hash & (set->capacity - 1);; i = (i + 1) & (set->capacity - 1)) {
        struct contact_slot *slot = &set->slots[i];
        if (slot->day == 0 || memcmp(slot->token, token, TOKEN_BYTES) == 0) {
            return slot;
        }
    }
}

static bool
make_room(struct contact_set *set)
{
    struct contact_set larger = {.count = set->count};

    if (set->count < set->capacity / 4 * 3) {
        return true;
    }
    larger.capacity = set->capacity == 0 ? CAPACITY_FIRST : 2 * set->capacity;
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (larger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < set->capacity; i++) {
        if (set->slots[i].day != 0) {
            *find(&larger, set->slots[i].token) = set->slots[i];
        }
    }
    free(set->slots);
    *set = larger;
    return true;
}

bool
contact_set_add(struct contact_set *set, const char *token, uint32_t day,
                struct contact_news *ret_news)
{
    uint8_t bytes[TOKEN_BYTES];

    if (!token_bytes(token, bytes) || !make_room(set)) {
        return false;
    }
    struct contact_slot *slot = find(set, bytes);
    *ret_news = (struct contact_news){.ever = slot->day == 0,
                                      .on_day = slot->day != day && slot->previous != day};
    if (ret_news->ever) {
        memcpy(slot->token, bytes, TOKEN_BYTES);
        set->count++;
    }
    if (day > slot->day) {
        slot->previous = slot->day == day - 1 ? slot->day : 0;
        slot->day = day;
    } else if (day != slot->day) {
        slot->previous = day;
    }
    return true;
}

void
contact_set_free(struct contact_set *set)
{
    free(set->slots);
    *set = (struct contact_set){0};
}

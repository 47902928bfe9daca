/* SPDX-License-Identifier: Apache-2.0 */
#include "share.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum {
    VERSION = 1,
    SET_OFFSET = 1,
    THRESHOLD_OFFSET = SET_OFFSET + SHARE_SET_BYTES,
    TOTAL_OFFSET,
    NUMBER_OFFSET,
    VALUES_OFFSET,
    CHECK_OFFSET = VALUES_OFFSET + SHARE_KEY_BYTES,
    CHECK_BYTES = 4,

    SYMBOLS = 80, /* of five bits */
    SYMBOLS_OF_GROUP = 5,
    SYMBOL_BITS = 5,

    REDUCTION = 0x1b, /* x^8 in GF(256) */
    INVERSE_EXPONENT = 254,
};
_Static_assert(CHECK_OFFSET + CHECK_BYTES == SHARE_BYTES, "the share as published");
_Static_assert(SYMBOLS *SYMBOL_BITS == SHARE_BYTES * 8, "no bit of the text is left over");
_Static_assert(SYMBOLS + SYMBOLS / SYMBOLS_OF_GROUP == SHARE_TEXT_BYTES, "hyphens, then NUL");

const char *
share_fault_text(enum share_fault fault)
{
    switch (fault) {
    case SHARE_FINE:
        return "this is a share";
    case SHARE_NOT_ONE:
        return "this is not a share: eighty letters and digits are one";
    case SHARE_ALTERED:
        return "this share is not as it was made: a character of it is wrong";
    case SHARE_OF_FUTURE:
        return "this share is of a version that is not known here";
    case SHARE_IMPOSSIBLE:
        return "this is not a share that was ever made";
    case SHARE_OF_OTHERS:
        return "this share belongs to another set: an older one, or another vault's";
    case SHARE_TWICE:
        return "this share was given already";
    }
    return "this is not a share";
}

/* ---- GF(256), in constant time ---- */

static uint8_t
multiply(uint8_t a, uint8_t b)
{
    uint8_t product = 0;

    for (unsigned i = 0; i < 8; i++) {
        product ^= (uint8_t)(a & (uint8_t) - (b & 1));
        a = (uint8_t)((a << 1) ^ (REDUCTION & (uint8_t) - (a >> 7)));
        b >>= 1;
    }
    return product;
}

/* a^254, which is 1/a. */
static uint8_t
invert(uint8_t a)
{
    uint8_t power = 1;

    for (unsigned bit = 128; bit > 0; bit >>= 1) { /* the exponent is no secret */
        power = multiply(power, power);
        if ((INVERSE_EXPONENT & bit) != 0) {
            power = multiply(power, a);
        }
    }
    return power;
}

/* ---- splitting and combining ---- */

/* Horner's rule, from the highest power down; the key is the value at 0. */
static uint8_t
value_at(uint8_t x, uint8_t at_zero, const uint8_t *random, size_t index, uint8_t threshold)
{
    uint8_t value = 0;

    for (size_t power = (size_t)threshold - 1; power > 0; power--) {
        value = multiply(value ^ random[(power - 1) * SHARE_KEY_BYTES + index], x);
    }
    return value ^ at_zero;
}

void
share_split(const uint8_t key[static SHARE_KEY_BYTES], const uint8_t set[static SHARE_SET_BYTES],
            uint8_t threshold, uint8_t total, const uint8_t *random, struct share *ret_shares)
{
    assert(threshold >= SHARE_THRESHOLD_MIN && threshold <= total && total <= SHARES_MAX);
    for (uint8_t i = 0; i < total; i++) {
        struct share *share = &ret_shares[i];

        memcpy(share->set, set, SHARE_SET_BYTES);
        share->threshold = threshold;
        share->total = total;
        share->number = (uint8_t)(i + 1);
        for (size_t byte = 0; byte < SHARE_KEY_BYTES; byte++) {
            share->values[byte] = value_at(share->number, key[byte], random, byte, threshold);
        }
    }
}

/* What the i-th share's values are multiplied by (Lagrange, at 0). Numbers are no secret. */
static uint8_t
weight_of(const struct share *shares, size_t index)
{
    uint8_t above = 1;
    uint8_t below = 1;

    for (size_t i = 0; i < shares[0].threshold; i++) {
        if (i != index) {
            above = multiply(above, shares[i].number);
            below = multiply(below, shares[i].number ^ shares[index].number);
        }
    }
    return multiply(above, invert(below));
}

void
share_combine(const struct share *shares, uint8_t ret_key[static SHARE_KEY_BYTES])
{
    memset(ret_key, 0, SHARE_KEY_BYTES);
    for (size_t i = 0; i < shares[0].threshold; i++) {
        uint8_t weight = weight_of(shares, i);

        for (size_t byte = 0; byte < SHARE_KEY_BYTES; byte++) {
            ret_key[byte] ^= multiply(weight, shares[i].values[byte]);
        }
    }
}

enum share_fault
share_fits(const struct share *others, size_t count, const struct share *share)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(others[i].set, share->set, SHARE_SET_BYTES) != 0 ||
            others[i].threshold != share->threshold || others[i].total != share->total) {
            return SHARE_OF_OTHERS;
        }
        if (others[i].number == share->number) {
            return SHARE_TWICE;
        }
    }
    return SHARE_FINE;
}

/* ---- as bytes ---- */

static uint32_t
check_of(const uint8_t *bytes)
{
    uint32_t check = UINT32_MAX;

    for (size_t i = 0; i < CHECK_OFFSET; i++) {
        check ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            check = (check >> 1) ^ (UINT32_C(0xedb88320) & (0 - (check & 1)));
        }
    }
    return ~check;
}

static void
put_check(uint8_t *to, uint32_t check)
{
    for (unsigned i = 0; i < CHECK_BYTES; i++) {
        to[i] = (uint8_t)(check >> (8 * (CHECK_BYTES - 1 - i)));
    }
}

void
share_write(const struct share *share, uint8_t ret_bytes[static SHARE_BYTES])
{
    ret_bytes[0] = VERSION;
    memcpy(ret_bytes + SET_OFFSET, share->set, SHARE_SET_BYTES);
    ret_bytes[THRESHOLD_OFFSET] = share->threshold;
    ret_bytes[TOTAL_OFFSET] = share->total;
    ret_bytes[NUMBER_OFFSET] = share->number;
    memcpy(ret_bytes + VALUES_OFFSET, share->values, SHARE_KEY_BYTES);
    put_check(ret_bytes + CHECK_OFFSET, check_of(ret_bytes));
}

enum share_fault
share_read(const uint8_t *bytes, size_t size, struct share *ret_share)
{
    uint8_t check[CHECK_BYTES];

    if (size != SHARE_BYTES) {
        return SHARE_NOT_ONE;
    }
    put_check(check, check_of(bytes));
    if (memcmp(check, bytes + CHECK_OFFSET, CHECK_BYTES) != 0) {
        return SHARE_ALTERED;
    }
    if (bytes[0] != VERSION) {
        return SHARE_OF_FUTURE;
    }
    *ret_share = (struct share){
        .threshold = bytes[THRESHOLD_OFFSET],
        .total = bytes[TOTAL_OFFSET],
        .number = bytes[NUMBER_OFFSET],
    };
    memcpy(ret_share->set, bytes + SET_OFFSET, SHARE_SET_BYTES);
    memcpy(ret_share->values, bytes + VALUES_OFFSET, SHARE_KEY_BYTES);
    return ret_share->threshold >= SHARE_THRESHOLD_MIN &&
                   ret_share->threshold <= ret_share->total && ret_share->total <= SHARES_MAX &&
                   ret_share->number >= 1 && ret_share->number <= ret_share->total
               ? SHARE_FINE
               : SHARE_IMPOSSIBLE;
}

/* ---- as text ---- */

/* '0' to '9', then the letters without I, L, O, U: by arithmetic, for a symbol is a secret. */
static char
print_symbol(unsigned symbol)
{
    static const uint8_t firsts[] = {18, 20, 22, 27}; /* J, M, P, V: behind a letter left out */
    unsigned character = '0' + symbol + (('A' - '0' - 10) & (0 - (unsigned)(symbol > 9)));

    for (size_t i = 0; i < sizeof firsts; i++) {
        character += (unsigned)(symbol >= firsts[i]);
    }
    return (char)character;
}

void
share_print(const struct share *share, char ret_text[static SHARE_TEXT_BYTES])
{
    uint8_t bytes[SHARE_BYTES];
    uint32_t bits = 0;
    unsigned have = 0;
    size_t next = 0;
    char *to = ret_text;

    share_write(share, bytes);
    for (size_t i = 0; i < SYMBOLS; i++) {
        if (have < SYMBOL_BITS) {
            bits = (bits << 8) | bytes[next++];
            have += 8;
        }
        have -= SYMBOL_BITS;
        if (i > 0 && i % SYMBOLS_OF_GROUP == 0) {
            *to++ = '-';
        }
        *to++ = print_symbol((bits >> have) & 31);
    }
    *to = '\0';
    explicit_bzero(bytes, sizeof bytes);
}

/* 32: none. Each of the 32 is compared, whichever it is. */
static unsigned
parse_symbol(char character)
{
    unsigned found = 32;

    if (character >= 'a' && character <= 'z') {
        character = (char)(character - 'a' + 'A');
    }
    character = character == 'O' ? '0' : character;
    character = character == 'I' || character == 'L' ? '1' : character;
    for (unsigned symbol = 0; symbol < 32; symbol++) {
        unsigned same = 0 - (unsigned)(print_symbol(symbol) == character);

        found = (found & ~same) | (symbol & same);
    }
    return found;
}

static bool
parse_text(const char *text, uint8_t ret_bytes[static SHARE_BYTES])
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t symbols = 0;
    size_t done = 0;

    for (const char *at = text; *at != '\0'; at++) {
        unsigned symbol = parse_symbol(*at);

        if (*at == ' ' || *at == '-' || *at == '\t') {
            continue;
        }
        if (symbol == 32 || symbols == SYMBOLS || at - text >= SHARE_TYPED_BYTES) {
            return false;
        }
        symbols++;
        bits = (bits << SYMBOL_BITS) | symbol;
        have += SYMBOL_BITS;
        if (have >= 8) {
            have -= 8;
            ret_bytes[done++] = (uint8_t)(bits >> have);
        }
    }
    return symbols == SYMBOLS;
}

enum share_fault
share_parse(const char *text, struct share *ret_share)
{
    uint8_t bytes[SHARE_BYTES];
    enum share_fault fault = SHARE_NOT_ONE;

    if (parse_text(text, bytes)) {
        fault = share_read(bytes, sizeof bytes, ret_share);
    }
    explicit_bzero(bytes, sizeof bytes);
    return fault;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "token.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Crockford's base32, lower case: no i, l, o, u. A letter's place is its digit. */
static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";

enum {
    PREFIX_LETTERS = 4,
    DIGITS = 26, /* 130 bits: two zero bits, then the 128 */
    DIGIT_BITS = 5,
    DIGIT_MASK = 31,
    PADDING_BITS = DIGITS * DIGIT_BITS - TOKEN_BYTES * 8,
    FIRST_DIGIT_MAX = DIGIT_MASK >> PADDING_BITS,
    DIGIT_NONE = 0xff,
};

_Static_assert(PREFIX_LETTERS + DIGITS + 1 == TOKEN_TEXT_BYTES, "prefix, digits, check letter");

/* The seeds differ, so that a token under the other kind's prefix is refused too. */
static const struct prefix {
    enum contact_kind kind;
    char text[PREFIX_LETTERS + 1];
    uint8_t seed;
} prefixes[] = {
    {CONTACT_PHONE, "phn_", 0},
    {CONTACT_EMAIL, "eml_", 1},
};

enum { PREFIX_COUNT = sizeof prefixes / sizeof prefixes[0] };

/* Times alpha in GF(32), where alpha is a root of x^5 + x^2 + 1. */
static uint8_t
times_alpha(uint8_t element)
{
    return (uint8_t)((element << 1) ^ ((element & 0x10) != 0 ? 0x25 : 0));
}

/*
 * Digit i weighs alpha^(i+1), the check letter 1 (Horner's rule, last digit first). Alpha has order
 * 31, so all 27 weights are different and none is zero: any one changed letter and any two letters
 * that change places change the sum.
 */
static uint8_t
check_digit(const struct prefix *prefix, const uint8_t digits[static DIGITS])
{
    uint8_t sum = 0;

    for (size_t i = DIGITS; i-- > 0;) {
        sum = times_alpha(sum ^ digits[i]);
    }
    return sum ^ prefix->seed;
}

/* A number of 130 bits as 26 digits, and back: the bits not yet written wait in `pending`. */
static void
digits_of(const struct token *token, uint8_t ret_digits[static DIGITS])
{
    uint32_t pending = 0;
    unsigned bits = PADDING_BITS;
    size_t at = 0;

    for (size_t i = 0; i < TOKEN_BYTES; i++) {
        pending = (pending << 8 | token->bytes[i]) & 0xffff;
        for (bits += 8; bits >= DIGIT_BITS; bits -= DIGIT_BITS) {
            ret_digits[at++] = (uint8_t)(pending >> (bits - DIGIT_BITS)) & DIGIT_MASK;
        }
    }
}

static void
token_of(const uint8_t digits[static DIGITS], struct token *ret_token)
{
    uint32_t pending = digits[0];
    unsigned bits = DIGIT_BITS - PADDING_BITS;
    size_t at = 0;

    for (size_t i = 1; i < DIGITS; i++) {
        pending = (pending << DIGIT_BITS | digits[i]) & 0xffff;
        bits += DIGIT_BITS;
        if (bits >= 8) {
            bits -= 8;
            ret_token->bytes[at++] = (uint8_t)(pending >> bits);
        }
    }
}

void
token_format(enum contact_kind kind, const struct token *token,
             char ret_text[static TOKEN_TEXT_BYTES + 1])
{
    const struct prefix *prefix = &prefixes[kind == CONTACT_EMAIL];
    uint8_t digits[DIGITS];
    char *at = ret_text;

    assert(prefix->kind == kind);
    digits_of(token, digits);
    at = (char *)mempcpy(at, prefix->text, PREFIX_LETTERS);
    for (size_t i = 0; i < DIGITS; i++) {
        *at++ = letters[digits[i]];
    }
    *at++ = letters[check_digit(prefix, digits)];
    *at = '\0';
}

static uint8_t
digit_of(uint8_t letter)
{
    const char *found = letter != '\0' ? strchr(letters, letter) : NULL;

    return found != NULL ? (uint8_t)(found - letters) : DIGIT_NONE;
}

static const struct prefix *
find_prefix(const uint8_t *text)
{
    for (size_t i = 0; i < PREFIX_COUNT; i++) {
        if (memcmp(text, prefixes[i].text, PREFIX_LETTERS) == 0) {
            return &prefixes[i];
        }
    }
    return NULL;
}

/* The 26 digits and the check digit after them; false if one of the letters is none. */
static bool
read_digits(const uint8_t *text, uint8_t ret_digits[static DIGITS + 1])
{
    for (size_t i = 0; i < DIGITS + 1; i++) {
        ret_digits[i] = digit_of(text[i]);
        if (ret_digits[i] == DIGIT_NONE) {
            return false;
        }
    }
    return true;
}

enum status
token_parse(struct bytes text, enum contact_kind *ret_kind, struct token *ret_token)
{
    uint8_t digits[DIGITS + 1];

    if (text.size != TOKEN_TEXT_BYTES) {
        return STATUS_INVALID;
    }
    const struct prefix *prefix = find_prefix(text.data);
    if (prefix == NULL || !read_digits(text.data + PREFIX_LETTERS, digits)) {
        return STATUS_INVALID;
    }
    if (digits[0] > FIRST_DIGIT_MAX || digits[DIGITS] != check_digit(prefix, digits)) {
        return STATUS_INVALID;
    }
    token_of(digits, ret_token);
    *ret_kind = prefix->kind;
    return STATUS_OK;
}

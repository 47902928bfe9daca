/* SPDX-License-Identifier: Apache-2.0 */
#include "code.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
static const uint8_t digest_context[] = "contact-vault code 1"; /* without its NUL */

enum {
    DIGIT_BITS = 5,
    DIGIT_MASK = 31,
    GROUP = 4,
    VAULT_ID_BYTES = 16,
};

/* Of so many bytes; the last digit is filled up with zero bits. */
static size_t
digits_for(size_t size)
{
    return (size * 8 + DIGIT_BITS - 1) / DIGIT_BITS;
}

void
code_print(const uint8_t *code, size_t size, char ret_text[static CODE_TEXT_BYTES])
{
    size_t digits = digits_for(size);
    char *at = ret_text;

    assert(size == CODE_BYTES || size == RECOVERY_BYTES);
    for (size_t i = 0; i < digits; i++) {
        size_t bit = i * DIGIT_BITS;
        unsigned pair = (unsigned)code[bit / 8] << 8;

        if (bit / 8 + 1 < size) {
            pair |= code[bit / 8 + 1];
        }
        if (i > 0 && i % GROUP == 0) {
            *at++ = '-';
        }
        *at++ = letters[pair >> (16 - DIGIT_BITS - bit % 8) & DIGIT_MASK];
    }
    *at = '\0';
}

/* -1: none. */
static int
digit_of(uint8_t letter)
{
    const char *found;

    if (letter >= 'A' && letter <= 'Z') {
        letter = (uint8_t)(letter - 'A' + 'a');
    }
    if (letter == 'o') {
        return 0;
    }
    if (letter == 'i' || letter == 'l') {
        return 1;
    }
    found = letter == '\0' ? NULL : strchr(letters, letter);
    return found == NULL ? -1 : (int)(found - letters);
}

bool
code_parse(struct bytes text, size_t size, uint8_t *ret_code)
{
    unsigned pending = 0;
    unsigned bits = 0;
    size_t digits = 0;
    size_t bytes = 0;

    for (size_t i = 0; i < text.size; i++) {
        int digit = digit_of(text.data[i]);

        if (text.data[i] == '-' || text.data[i] == ' ') {
            continue;
        }
        if (digit < 0 || digits == digits_for(size)) {
            return false;
        }
        digits++;
        pending = (pending << DIGIT_BITS | (unsigned)digit) & 0xffff;
        bits += DIGIT_BITS;
        if (bits >= 8) {
            bits -= 8;
            ret_code[bytes++] = (uint8_t)(pending >> bits);
        }
    }
    return digits == digits_for(size) && (pending & ((1U << bits) - 1)) == 0;
}

void
code_digest(const uint8_t *vault_id, uint32_t principal, const uint8_t *code, size_t size,
            uint8_t *ret_digest, size_t digest_size)
{
    uint8_t number[4];
    crypto_generichash_state state;

    put_u32(number, principal);
    (void)crypto_generichash_init(&state, NULL, 0, digest_size);
    (void)crypto_generichash_update(&state, digest_context, sizeof digest_context - 1);
    (void)crypto_generichash_update(&state, vault_id, VAULT_ID_BYTES);
    (void)crypto_generichash_update(&state, number, sizeof number);
    (void)crypto_generichash_update(&state, code, size);
    (void)crypto_generichash_final(&state, ret_digest, digest_size);
    sodium_memzero(&state, sizeof state);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "needle.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "pattern.h"

#define BASE64_STANDARD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#define BASE64_URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/* What a person puts between the digits of a phone number. */
#define PHONE_PUNCTUATION " ().-/\t"

enum { BASE64_ALIGNMENTS = 3 };

struct form {
    char text[NEEDLE_BYTES_MAX + 1];
    size_t size;
};

static enum status
add_plain(struct pattern_set *set, const struct form *form, size_t line)
{
    struct pattern_origin origin = {"plain", line};

    return pattern_set_add(set, form->text, form->size, origin);
}

static enum status
add_reversed(struct pattern_set *set, const struct form *form, size_t line)
{
    struct pattern_origin origin = {"reversed", line};
    char reversed[NEEDLE_BYTES_MAX];

    for (size_t i = 0; i < form->size; i++) {
        reversed[i] = form->text[form->size - 1 - i];
    }
    return pattern_set_add(set, reversed, form->size, origin);
}

static enum status
add_hex(struct pattern_set *set, const struct form *form, const char *digits, size_t line)
{
    struct pattern_origin origin = {"hex", line};
    char hex[2 * NEEDLE_BYTES_MAX];

    for (size_t i = 0; i < form->size; i++) {
        uint8_t byte = (uint8_t)form->text[i];

        hex[2 * i] = digits[byte >> 4];
        hex[2 * i + 1] = digits[byte & 15];
    }
    return pattern_set_add(set, hex, 2 * form->size, origin);
}

/* Bits `at` to `at` + 6 of the form behind `before` unknown bytes. */
static unsigned
six_bits(const struct form *form, size_t before, size_t at)
{
    unsigned bits = 0;

    for (size_t i = at; i < at + 6; i++) {
        unsigned byte = (uint8_t)form->text[i / 8 - before];

        bits = bits << 1 | (byte >> (7 - i % 8) & 1);
    }
    return bits;
}

/* Only the letters that depend on nothing but the needle: its neighbours are unknown. */
static enum status
add_base64(struct pattern_set *set, const struct form *form, const char *alphabet, size_t before,
           size_t line)
{
    struct pattern_origin origin = {"base64", line};
    char base64[2 * NEEDLE_BYTES_MAX];
    size_t size = 0;
    size_t first = (before * 8 + 5) / 6 * 6;

    for (size_t at = first; at + 6 <= (before + form->size) * 8; at += 6) {
        base64[size++] = alphabet[six_bits(form, before, at)];
    }
    return pattern_set_add(set, base64, size, origin);
}

static enum status
add_every_encoding(struct pattern_set *set, const struct form *form, size_t line)
{
    enum status status = add_plain(set, form, line);

    if (status == STATUS_OK) {
        status = add_reversed(set, form, line);
    }
    if (status == STATUS_OK) {
        status = add_hex(set, form, "0123456789abcdef", line);
    }
    if (status == STATUS_OK) {
        status = add_hex(set, form, "0123456789ABCDEF", line);
    }
    for (size_t before = 0; status == STATUS_OK && before < BASE64_ALIGNMENTS; before++) {
        status = add_base64(set, form, BASE64_STANDARD, before, line);
        if (status == STATUS_OK) {
            status = add_base64(set, form, BASE64_URL, before, line);
        }
    }
    return status;
}

/* False where the text is no international phone number; else its bare digits. */
static bool
phone_digits(const char *text, size_t size, struct form *ret_digits)
{
    size_t start = size > 2 && memcmp(text, "00", 2) == 0 ? 2 : 0;

    ret_digits->size = 0;
    for (size_t i = start; i < size; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            ret_digits->text[ret_digits->size++] = text[i];
        } else if (strchr(PHONE_PUNCTUATION, text[i]) == NULL && !(text[i] == '+' && i == 0)) {
            return false;
        }
    }
    return true;
}

static enum status
add_phone_forms(struct pattern_set *set, const char *text, size_t size, size_t line)
{
    struct form digits;
    struct form international = {.text = "+", .size = 1};

    if (!phone_digits(text, size, &digits) || digits.size < NEEDLE_BYTES_MIN ||
        digits.size == NEEDLE_BYTES_MAX) {
        return STATUS_OK;
    }
    memcpy(international.text + 1, digits.text, digits.size);
    international.size += digits.size;

    enum status status = add_every_encoding(set, &international, line);

    return status == STATUS_OK ? add_every_encoding(set, &digits, line) : status;
}

static enum status
add_lower_case(struct pattern_set *set, const struct form *form, size_t line)
{
    struct form lower = *form;

    for (size_t i = 0; i < lower.size; i++) {
        if (lower.text[i] >= 'A' && lower.text[i] <= 'Z') {
            lower.text[i] = (char)(lower.text[i] - 'A' + 'a');
        }
    }
    return add_every_encoding(set, &lower, line);
}

enum status
needle_add(struct pattern_set *set, const char *text, size_t size, size_t line)
{
    struct form form = {.size = size};

    if (size < NEEDLE_BYTES_MIN) {
        return STATUS_INVALID;
    }
    if (size > NEEDLE_BYTES_MAX) {
        return STATUS_TOO_LARGE;
    }
    memcpy(form.text, text, size);

    enum status status = add_every_encoding(set, &form, line);

    if (status == STATUS_OK) {
        status = add_lower_case(set, &form, line);
    }
    return status == STATUS_OK ? add_phone_forms(set, text, size, line) : status;
}

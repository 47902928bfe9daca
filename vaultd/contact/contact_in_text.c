/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What looks like a contact in a text that shall have none. The text is first made plain: every
 * character becomes one byte that says what it is to us, and what nobody sees is left out. The
 * rules are then about bytes:
 *
 *   an address   something, an @, and a domain: a label, a dot, a label that begins with a letter.
 *                "EUR @ 3.50" has none; "@anna.rossi" behind a blank is how people name a
 * colleague. a number     a stretch is digits and what may stand between them. Behind a +, or
 * beginning with 00, seven digits are a number; elsewhere ten are. a date (2026-11-30, 30.11.2026,
 * 20261130) or the year in a ticket's name (INC-2026-00123) cuts such a stretch in two, unless a +
 * or 00 stands before it.
 */
#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <unictype.h>
#include <unistr.h>

#include "contact_internal.h"

enum {
    DIGITS_INTERNATIONAL = 7, /* behind + or 00 */
    DIGITS_ANYWHERE = 10,
    YEAR_DIGITS = 4,
    DATE_DIGITS = 8, /* 20261130 */
    DATE_GROUPS = 3,
    DAY_DIGITS = 2,
    MONTHS = 12,
    DAYS = 31,
    YEAR_FIRST = 1900,
    YEAR_LAST = 2099,
};

/* What a character is made into; digits are themselves. '-', '.', '/', '+' and '@' are whatever
 * looks like one. */
enum plain {
    PLAIN_NOTHING = 0, /* not seen on a screen */
    PLAIN_BLANK = ' ',
    PLAIN_BRACKET = '(',
    PLAIN_WIDE_BRACKET = '[', /* may stand in an address before the @ */
    PLAIN_LETTER = 'a',       /* of ASCII */
    PLAIN_WORD = 'x',         /* beyond ASCII */
    PLAIN_ATEXT = '~',        /* the marks that may stand before the @ (RFC 5322 atext), and " */
    PLAIN_OTHER = ',',
};

struct plain_text {
    uint8_t bytes[REASON_BYTES_MAX];
    size_t size;
};

/* ---- making plain ---- */

static enum plain
plain_ascii(uint8_t byte)
{
    static const char themselves[] = "+@.-/0123456789";
    static const char atext[] = "!#$%&'*=?^_`{|}~\"";

    if (byte <= ' ' || byte == 0x7f) {
        return PLAIN_BLANK;
    }
    if (contact_is_letter_or_digit(byte) && byte > '9') {
        return PLAIN_LETTER;
    }
    if (strchr(themselves, byte) != NULL) {
        return (enum plain)byte;
    }
    if (strchr("()[]<>", byte) != NULL) {
        return PLAIN_BRACKET;
    }
    return strchr(atext, byte) != NULL ? PLAIN_ATEXT : PLAIN_OTHER;
}

/* Of the marks that Unicode does not sort for us; 0: none of them. */
static uint8_t
looks_like(ucs4_t character)
{
    switch (character) {
    case 0x2795: /* heavy plus sign */
    case 0xfe62: /* small */
    case 0xff0b: /* full-width */
        return '+';
    case 0xfe6b:
    case 0xff20:
        return '@';
    case 0x00b7: /* middle dot */
    case 0x2022: /* bullet */
    case 0x3002: /* ideographic full stop, which domains may have, too */
    case 0xfe52:
    case 0xff0e:
    case 0xff61:
        return '.';
    case 0x2212: /* minus */
        return '-';
    case 0x2044: /* fraction slash */
    case 0xff0f:
        return '/';
    default:
        return 0;
    }
}

static enum plain
plain_unicode(ucs4_t character)
{
    enum { KEYCAP = 0x20e3 }; /* around a digit */
    int digit = uc_digit_value(character);
    uint8_t alike = looks_like(character);

    if (digit >= 0) {
        return (enum plain)('0' + digit);
    }
    if (alike != 0) {
        return (enum plain)alike;
    }
    if (character == KEYCAP || uc_is_property_default_ignorable_code_point(character)) {
        return PLAIN_NOTHING;
    }
    if (uc_is_general_category_withtable(character, UC_CATEGORY_MASK_Z | UC_CATEGORY_MASK_Cc)) {
        return PLAIN_BLANK;
    }
    if (uc_is_general_category_withtable(character, UC_CATEGORY_MASK_Pd)) {
        return (enum plain)'-';
    }
    return uc_is_general_category_withtable(character, UC_CATEGORY_MASK_Ps | UC_CATEGORY_MASK_Pe)
               ? PLAIN_WIDE_BRACKET
               : PLAIN_WORD;
}

/* Never longer than the text was. */
static void
make_plain(struct bytes text, struct plain_text *ret_plain)
{
    size_t at = 0;

    ret_plain->size = 0;
    while (at < text.size) {
        ucs4_t character = text.data[at];
        int size = 1;
        enum plain plain;

        if (character >= 0x80) {
            size = u8_mbtoucr(&character, text.data + at, text.size - at);
        }
        plain = character < 0x80 ? plain_ascii((uint8_t)character) : plain_unicode(character);
        if (size <= 0) { /* not UTF-8 */
            size = 1;
            plain = PLAIN_OTHER;
        }
        if (plain != PLAIN_NOTHING) {
            ret_plain->bytes[ret_plain->size++] = (uint8_t)plain;
        }
        at += (size_t)size;
    }
}

/* Behind the end there is nothing that counts. */
static uint8_t
byte_at(const struct plain_text *plain, size_t at)
{
    return at < plain->size ? plain->bytes[at] : PLAIN_OTHER;
}

static bool
is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool
is_letter(uint8_t byte)
{
    return byte == PLAIN_LETTER || byte == PLAIN_WORD;
}

/* ---- addresses ---- */

static bool
is_local(uint8_t byte)
{
    return byte != PLAIN_BLANK && byte != PLAIN_BRACKET && byte != PLAIN_OTHER && byte != '@';
}

static bool
is_of_domain(uint8_t byte)
{
    return is_letter(byte) || is_digit(byte) || byte == '-' || byte == '.';
}

/* `apart` from its @ by a blank, it is a domain only if the label behind a dot begins with a
 * letter:
 * "@ 3.50EUR" is a price. */
static bool
is_domain_at(const struct plain_text *plain, size_t at, bool apart)
{
    size_t first = at;
    bool in_second_label = false;

    for (; is_of_domain(byte_at(plain, at)); at++) {
        uint8_t byte = plain->bytes[at];

        if (is_letter(byte) && in_second_label && (!apart || plain->bytes[at - 1] == '.')) {
            return true;
        }
        in_second_label = in_second_label || (byte == '.' && at > first);
    }
    return false;
}

/* Blanks may stand on both sides of the @, or behind it. */
static bool
is_address_around(const struct plain_text *plain, size_t at)
{
    size_t before = at;
    size_t behind = at + 1;

    while (byte_at(plain, behind) == PLAIN_BLANK) {
        behind++;
    }
    while (behind > at + 1 && before > 0 && plain->bytes[before - 1] == PLAIN_BLANK) {
        before--;
    }
    return before > 0 && is_local(plain->bytes[before - 1]) &&
           is_domain_at(plain, behind, behind > at + 1);
}

static bool
has_address(const struct plain_text *plain)
{
    for (size_t at = 0; at < plain->size; at++) {
        if (plain->bytes[at] == '@' && is_address_around(plain, at)) {
            return true;
        }
    }
    return false;
}

/* ---- numbers ---- */

/* A digit, or what may stand between digits. */
static bool
is_of_stretch(uint8_t byte)
{
    return is_digit(byte) || byte == PLAIN_BLANK || byte == PLAIN_BRACKET ||
           byte == PLAIN_WIDE_BRACKET || byte == '.' || byte == '-' || byte == '/';
}

static size_t
digits_at(const struct plain_text *plain, size_t at)
{
    size_t count = 0;

    while (is_digit(byte_at(plain, at + count))) {
        count++;
    }
    return count;
}

static unsigned
number_at(const struct plain_text *plain, size_t at, size_t digits)
{
    unsigned number = 0;

    for (size_t i = 0; i < digits; i++) {
        number = number * 10 + plain->bytes[at + i] - '0';
    }
    return number;
}

static bool
is_year(unsigned number)
{
    return number >= YEAR_FIRST && number <= YEAR_LAST;
}

static bool
is_month_and_day(unsigned month, unsigned day)
{
    return month >= 1 && month <= MONTHS && day >= 1 && day <= DAYS;
}

/* 2026-11-30, 30.11.2026, 11/30/2026, with one mark twice. How many bytes; 0: none. */
static size_t
date_of_groups(const struct plain_text *plain, size_t at)
{
    unsigned number[DATE_GROUPS];
    size_t digits[DATE_GROUPS];
    uint8_t mark = byte_at(plain, at + digits_at(plain, at));
    size_t end = at;

    for (size_t i = 0; i < DATE_GROUPS; i++) {
        digits[i] = digits_at(plain, end);
        if (digits[i] == 0 || digits[i] > YEAR_DIGITS) {
            return 0;
        }
        number[i] = number_at(plain, end, digits[i]);
        end += digits[i];
        if (i + 1 < DATE_GROUPS && byte_at(plain, end++) != mark) {
            return 0;
        }
    }
    if ((mark != '-' && mark != '.' && mark != '/') || digits[1] > DAY_DIGITS) {
        return 0;
    }
    if (digits[0] == YEAR_DIGITS) {
        return digits[2] <= DAY_DIGITS && is_year(number[0]) &&
                       is_month_and_day(number[1], number[2])
                   ? end - at
                   : 0;
    }
    return digits[0] <= DAY_DIGITS && digits[2] == YEAR_DIGITS && is_year(number[2]) &&
                   (is_month_and_day(number[1], number[0]) ||
                    is_month_and_day(number[0], number[1]))
               ? end - at
               : 0;
}

/* INC-2026-..., INC2026-...: how people number tickets. */
static bool
is_year_of_a_name(const struct plain_text *plain, size_t at)
{
    size_t before = at > 0 && plain->bytes[at - 1] == '-' ? at - 1 : at;

    return before > 0 && plain->bytes[before - 1] == PLAIN_LETTER;
}

/* At the beginning of a group of digits: how many bytes are a date or a year; 0: none. */
static size_t
date_at(const struct plain_text *plain, size_t at)
{
    size_t digits = digits_at(plain, at);

    if (digits == DATE_DIGITS) {
        return is_year(number_at(plain, at, YEAR_DIGITS)) &&
                       is_month_and_day(number_at(plain, at + YEAR_DIGITS, DAY_DIGITS),
                                        number_at(plain, at + YEAR_DIGITS + DAY_DIGITS, DAY_DIGITS))
                   ? digits
                   : 0;
    }
    if (digits == YEAR_DIGITS && is_year(number_at(plain, at, digits)) &&
        is_year_of_a_name(plain, at)) {
        return digits;
    }
    return date_of_groups(plain, at);
}

/* Behind a + or 00: are there digits enough, whatever they say? */
static bool
is_international_at(const struct plain_text *plain, size_t at)
{
    size_t digits = 0;

    for (; is_of_stretch(byte_at(plain, at)); at++) {
        digits += is_digit(plain->bytes[at]);
    }
    return digits >= DIGITS_INTERNATIONAL;
}

/* Where a stretch begins, with its first digit. */
static bool
begins_with_00(const struct plain_text *plain, size_t at)
{
    return byte_at(plain, at) == '0' && byte_at(plain, at + 1) == '0' &&
           (at == 0 || plain->bytes[at - 1] != PLAIN_LETTER); /* CS0012345 is a name */
}

/* From the first digit of a stretch on; *ret_end is behind it. */
static bool
has_ten_in_a_row(const struct plain_text *plain, size_t at, size_t *ret_end)
{
    size_t row = 0;

    while (is_of_stretch(byte_at(plain, at))) {
        size_t digits = digits_at(plain, at);
        size_t date = digits > 0 ? date_at(plain, at) : 0;

        row = date > 0 ? 0 : row + digits;
        if (row >= DIGITS_ANYWHERE) {
            return true;
        }
        at += date > 0 ? date : digits > 0 ? digits : 1;
    }
    *ret_end = at;
    return false;
}

const char *
contact_in_text(struct bytes text)
{
    struct plain_text plain;
    size_t at = 0;

    assert(text.size <= REASON_BYTES_MAX);
    make_plain(text, &plain);
    if (has_address(&plain)) {
        return "an e-mail address";
    }
    while (at < plain.size) {
        if (plain.bytes[at] == '+' && is_international_at(&plain, at + 1)) {
            return "a phone number";
        }
        if (!is_digit(plain.bytes[at])) {
            at++;
            continue;
        }
        if (begins_with_00(&plain, at) && is_international_at(&plain, at + 2)) {
            return "a phone number";
        }
        if (has_ten_in_a_row(&plain, at, &at)) {
            return "ten digits in a row";
        }
    }
    return NULL;
}

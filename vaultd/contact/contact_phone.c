/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Phone numbers. phone_table.c knows libphonenumber's verdict on the digits; here are the writing
 * around them, the two folds, and the words for what is wrong.
 *
 * The folds (frozen by CONTACT_CANONICAL_VERSION, whatever a later table says):
 *   Brazil  +55 AA [6-9]xxxxxxx (mobile, before the ninth digit) is +55 AA 9[6-9]xxxxxxx.
 *           AA is two digits from 1 to 9. 9[2-5]xxxxxxx has no eight-digit form: without its 9
 *           it would be a landline, and landlines never fold.
 *   Mexico  +52 1 and ten digits is +52 and those ten: taken if those are. (libphonenumber 8.12.57
 *           drops this 1 as a national prefix and calls nothing valid that keeps it.)
 */
#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistr.h>

#include "contact_internal.h"
#include "phone_table.h"
#include "scratch.h"

enum {
    CODE_DIGITS_MAX = 3,
    E164_DIGITS_MAX = 20, /* libphonenumber takes a code of 3 and 17 more */
    PREFIX_00_DIGITS = 2, /* 00, in place of + */
    TRUNK_DIGITS_MAX = 4, /* the longest prefix tried, to tell what to drop: 0 and a carrier */
    TRUNK_DIGITS_SAID = 2,
    E164_BYTES_MAX = 1 + E164_DIGITS_MAX,
};

/* ---- the writing: digits and what may stand between them ---- */

struct range {
    ucs4_t first, last;
};

/*
 * What people write or paste between digits: spaces of any width, dots, hyphens and dashes,
 * brackets, and the invisible marks that address books wrap around a copied number.
 */
static const struct range separators[] = {
    {'\t', '\t'},     {' ', ' '},       {'(', ')'},       {'-', '.'},       {'[', '['},
    {']', ']'},       {0x00a0, 0x00a0}, {0x00ad, 0x00ad}, {0x2000, 0x2015}, {0x202a, 0x202f},
    {0x205f, 0x2060}, {0x2066, 0x2069}, {0x2212, 0x2212}, {0x3000, 0x3000}, {0xfe63, 0xfe63},
    {0xfeff, 0xfeff}, {0xff08, 0xff09}, {0xff0d, 0xff0e},
};

static bool
is_separator(ucs4_t character)
{
    for (size_t i = 0; i < sizeof separators / sizeof separators[0]; i++) {
        if (character <= separators[i].last) {
            return character >= separators[i].first;
        }
    }
    return false;
}

/* A slash stands behind an area code (+421 2/212 345 67) or before another ending (9018/21). */
enum { DIGITS_AFTER_SLASH_MIN = 5 };

struct written {
    bool plus;
    size_t size;
    size_t slash_at; /* digits before a slash; 0: none seen */
    uint8_t digits[E164_DIGITS_MAX + PREFIX_00_DIGITS + 1]; /* one more shows that it is too long */
};

static enum status
read_character(ucs4_t character, struct written *written, struct contact_fault *ret_fault)
{
    if (character >= '0' && character <= '9') {
        if (written->size < sizeof written->digits) {
            written->digits[written->size++] = (uint8_t)character;
        }
        return STATUS_OK;
    }
    if (character == '+' && !written->plus && written->size == 0) {
        written->plus = true;
        return STATUS_OK;
    }
    if (character == '+') {
        return contact_refuse(ret_fault, "a + stands once, before the country code");
    }
    if (character == '/' && written->slash_at == 0) {
        written->slash_at = written->size;
        return STATUS_OK;
    }
    return is_separator(character)
               ? STATUS_OK
               : contact_refuse(ret_fault, "only digits, +, spaces, dots, dashes and brackets make "
                                           "a phone number");
}

static enum status
read_written(struct bytes text, struct written *written, struct contact_fault *ret_fault)
{
    enum status status = STATUS_OK;
    size_t at = 0;

    while (at < text.size && status == STATUS_OK) {
        ucs4_t character = text.data[at];
        int size = 1;

        if (character >= 0x80) {
            size = u8_mbtoucr(&character, text.data + at, text.size - at);
        }
        if (size <= 0) {
            return contact_refuse(ret_fault, "not UTF-8");
        }
        status = read_character(character, written, ret_fault);
        at += (size_t)size;
    }
    if (status == STATUS_OK && written->slash_at > 0 &&
        written->size < written->slash_at + DIGITS_AFTER_SLASH_MIN) {
        return contact_refuse(ret_fault, "a slash and another ending are two numbers: write one");
    }
    return status;
}

/* The digits from the calling code on; INVALID where nothing says that they begin with one. */
static enum status
international_digits(const struct written *written, enum contact_form form,
                     struct bytes *ret_digits, struct contact_fault *ret_fault)
{
    struct bytes digits = bytes_of(written->digits, written->size);

    if (digits.size == 0) {
        return contact_refuse(ret_fault, "no digits");
    }
    if (!written->plus && digits.size > PREFIX_00_DIGITS &&
        memcmp(digits.data, "00", PREFIX_00_DIGITS) == 0) {
        digits = bytes_of(digits.data + PREFIX_00_DIGITS, digits.size - PREFIX_00_DIGITS);
    } else if (!written->plus && form != FORM_WA_ID) {
        return contact_refuse(ret_fault, "write + and the country code, or give --region");
    }
    if (digits.data[0] == '0') {
        return contact_refuse(ret_fault, "no country code begins with 0: write + or 00, once, then "
                                         "the country code");
    }
    *ret_digits = digits;
    return STATUS_OK;
}

/* ---- the verdict ---- */

static size_t
walk(size_t state, struct bytes digits)
{
    for (size_t i = 0; i < digits.size; i++) {
        state = phone_table_next(state, digits.data[i] - (unsigned)'0');
    }
    return state;
}

static enum phone_verdict
judge(struct bytes digits)
{
    return phone_table_verdict(walk(PHONE_TABLE_START, digits));
}

static bool
accepts(enum phone_verdict verdict)
{
    return verdict == PHONE_VALID || verdict == PHONE_POSSIBLE;
}

size_t
contact_phone_code_size(struct bytes digits)
{
    size_t state = PHONE_TABLE_START;

    for (size_t i = 0; i < digits.size && i < CODE_DIGITS_MAX; i++) {
        state = phone_table_next(state, digits.data[i] - (unsigned)'0');
        if (phone_table_verdict(state) != PHONE_NO_CODE) {
            return i + 1;
        }
    }
    return 0;
}

/* ---- what to say ---- */

/* How many digits after the calling code must go to leave a number; 0: that does not help. */
static size_t
digits_to_drop(struct bytes digits, size_t code_size)
{
    size_t code = walk(PHONE_TABLE_START, bytes_of(digits.data, code_size));

    for (size_t drop = 1; drop <= TRUNK_DIGITS_MAX && code_size + drop < digits.size; drop++) {
        size_t after = code_size + drop;
        struct bytes rest = bytes_of(digits.data + after, digits.size - after);

        if (accepts(phone_table_verdict(walk(code, rest)))) {
            return drop;
        }
    }
    return 0;
}

static void
explain_prefix(struct bytes digits, size_t code_size, enum phone_verdict verdict,
               struct contact_fault *ret_fault)
{
    const char *code = (const char *)digits.data;
    size_t drop = digits_to_drop(digits, code_size);

    if (verdict == PHONE_REWRITTEN && code_size == 2 && memcmp(code, "54", 2) == 0) {
        (void)contact_refuse(ret_fault, "write +54 9, area code and number, without 0 and 15, for "
                                        "an Argentine mobile");
    } else if (drop > 0 && drop <= TRUNK_DIGITS_SAID) {
        (void)snprintf(ret_fault->text, sizeof ret_fault->text, "drop the %.*s after +%.*s",
                       (int)drop, code + code_size, (int)code_size, code);
    } else if (drop > 0) {
        (void)snprintf(ret_fault->text, sizeof ret_fault->text,
                       "drop the national prefix and carrier code after +%.*s", (int)code_size,
                       code);
    } else if (verdict == PHONE_TRUNK) {
        (void)snprintf(ret_fault->text, sizeof ret_fault->text,
                       "drop the national prefix after +%.*s and see that no digit is missing",
                       (int)code_size, code);
    } else {
        (void)snprintf(ret_fault->text, sizeof ret_fault->text,
                       "write the whole number, as it is dialled from abroad, after +%.*s",
                       (int)code_size, code);
    }
}

static enum status
explain(struct bytes digits, enum phone_verdict verdict, struct contact_fault *ret_fault)
{
    size_t code_size = contact_phone_code_size(digits);
    const char *code = (const char *)digits.data;
    char *text = ret_fault->text;

    if (code_size == 0) {
        return contact_refuse(ret_fault, "no country has the code after the +");
    }
    switch (verdict) {
    case PHONE_TOO_SHORT:
        (void)snprintf(text, sizeof ret_fault->text, "too short for a number of +%.*s",
                       (int)code_size, code);
        break;
    case PHONE_TOO_LONG:
        (void)snprintf(text, sizeof ret_fault->text, "too long for a number of +%.*s",
                       (int)code_size, code);
        break;
    case PHONE_BAD_LENGTH:
        (void)snprintf(text, sizeof ret_fault->text, "no number of +%.*s has this many digits",
                       (int)code_size, code);
        break;
    case PHONE_TRUNK:
    case PHONE_REWRITTEN:
        explain_prefix(digits, code_size, verdict, ret_fault);
        break;
    case PHONE_NO_CODE:
    case PHONE_POSSIBLE:
    case PHONE_VALID:
        abort(); /* none refuses a number of a known code */
    }
    return STATUS_INVALID;
}

/* ---- canonical form ---- */

static bool
begins(struct bytes digits, const char *prefix)
{
    size_t size = strlen(prefix);

    return digits.size >= size && memcmp(digits.data, prefix, size) == 0;
}

enum {
    BRAZIL_OLD_MOBILE_DIGITS = 12, /* 55, area, eight digits */
    BRAZIL_AREA_AT = 2,
    BRAZIL_SUBSCRIBER_AT = 4,
    MEXICO_OLD_MOBILE_DIGITS = 13, /* 521, ten digits */
    MEXICO_ONE_AT = 2,
};

static bool
is_old_brazilian_mobile(struct bytes digits)
{
    return digits.size == BRAZIL_OLD_MOBILE_DIGITS && begins(digits, "55") &&
           digits.data[BRAZIL_AREA_AT] != '0' && digits.data[BRAZIL_AREA_AT + 1] != '0' &&
           digits.data[BRAZIL_SUBSCRIBER_AT] >= '6';
}

static const struct bytes nothing = {.data = (const uint8_t *)"", .size = 0};

/* The digits without those in [at, at + drop), and `insert` in their place, behind a +. */
static struct bytes
compose(struct bytes digits, size_t at, size_t drop, struct bytes insert, uint8_t *e164)
{
    size_t rest = at + drop;

    assert(digits.data != NULL && 1 + digits.size - drop + insert.size <= E164_BYTES_MAX);
    e164[0] = '+';
    memcpy(e164 + 1, digits.data, at);
    memcpy(e164 + 1 + at, insert.data, insert.size);
    memcpy(e164 + 1 + at + insert.size, digits.data + rest, digits.size - rest);
    return bytes_of(e164, 1 + digits.size - drop + insert.size);
}

static struct bytes
without_plus(struct bytes e164)
{
    return bytes_of(e164.data + 1, e164.size - 1);
}

/* Fills e164[E164_BYTES_MAX] with the canonical form of what the digits say, accepted or not. */
static struct bytes
fold(struct bytes digits, uint8_t *e164)
{
    if (digits.size == MEXICO_OLD_MOBILE_DIGITS && begins(digits, "521")) {
        return compose(digits, MEXICO_ONE_AT, 1, nothing, e164);
    }
    if (is_old_brazilian_mobile(digits)) {
        return compose(digits, BRAZIL_SUBSCRIBER_AT, 0, bytes_of("9", 1), e164);
    }
    return compose(digits, 0, 0, nothing, e164);
}

enum status
contact_parse_phone(struct bytes text, enum contact_form form, struct scratch *scratch,
                    struct contact *ret_contact, struct contact_fault *ret_fault)
{
    struct phone_room {
        struct written written;
        uint8_t canonical[E164_BYTES_MAX], first_seen[E164_BYTES_MAX];
    } *room = scratch_alloc(scratch, sizeof *room);
    struct bytes digits = {0};

    if (room == NULL) {
        return STATUS_INTERNAL;
    }
    enum status status = read_written(text, &room->written, ret_fault);
    if (status == STATUS_OK) {
        status = international_digits(&room->written, form, &digits, ret_fault);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (digits.size > E164_DIGITS_MAX) {
        return explain(digits, PHONE_TOO_LONG, ret_fault);
    }
    struct bytes canonical = fold(digits, room->canonical);
    enum phone_verdict verdict = judge(without_plus(canonical));
    if (!accepts(verdict)) {
        return explain(digits, verdict, ret_fault);
    }
    *ret_contact = (struct contact){
        .kind = CONTACT_PHONE,
        .canonical = canonical,
        .first_seen = compose(digits, 0, 0, nothing, room->first_seen),
    };
    return STATUS_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of an address after the @: IDNA 2008 (RFC 5891) A-labels in lower case, at least two of
 * them. A dot at the end is refused: RFC 5321 has none, and it may be the sentence's.
 */
#include <assert.h>
#include <idn2.h>
#include <stdbool.h>
#include <unistr.h>

#include "contact_internal.h"

enum {
    LABEL_BYTES_MAX = 63, /* RFC 1035 2.3.4 */
    LABELS_MIN = 2,
};

static enum status
check_label(struct bytes label, struct contact_fault *ret_fault)
{
    if (label.size == 0) {
        return contact_refuse(ret_fault, "a dot in the domain needs something on both sides");
    }
    if (label.size > LABEL_BYTES_MAX) {
        return contact_refuse(ret_fault, "more than 63 bytes between two dots of the domain");
    }
    if (label.data[0] == '-' || label.data[label.size - 1] == '-') {
        return contact_refuse(ret_fault, "no part of a domain begins or ends with a hyphen");
    }
    if (label.size >= 4 && label.data[2] == '-' && label.data[3] == '-' &&
        !contact_begins(label, "xn--")) {
        return contact_refuse(ret_fault, "no part of a domain has hyphens in places 3 and 4");
    }
    for (size_t i = 0; i < label.size; i++) {
        if (!contact_is_letter_or_digit(label.data[i]) && label.data[i] != '-') {
            return contact_refuse(ret_fault, "a domain has only letters, digits, hyphens and dots");
        }
    }
    return STATUS_OK;
}

static bool
is_number(struct bytes label)
{
    for (size_t i = 0; i < label.size; i++) {
        if (label.data[i] < '0' || label.data[i] > '9') {
            return false;
        }
    }
    return true;
}

/* Of a domain in ASCII: RFC 5321 4.1.2 with RFC 1123 2.1, and a name at its end, not a number. */
static enum status
check_labels(struct bytes domain, struct contact_fault *ret_fault)
{
    struct bytes rest = domain, label;
    size_t labels = 0;
    bool last;

    do {
        const uint8_t *dot = memchr(rest.data, '.', rest.size);

        last = dot == NULL;
        label = bytes_of(rest.data, last ? rest.size : (size_t)(dot - rest.data));
        enum status status = check_label(label, ret_fault);
        if (status != STATUS_OK) {
            return status;
        }
        labels++;
        if (!last) {
            rest = bytes_of(dot + 1, rest.size - label.size - 1);
        }
    } while (!last);
    if (labels < LABELS_MIN) {
        return contact_refuse(ret_fault, "a domain has a dot, as in example.com");
    }
    if (is_number(label)) {
        return contact_refuse(ret_fault, "a domain ends with a name, not a number");
    }
    return STATUS_OK;
}

static bool
has_a_label(struct bytes domain)
{
    for (size_t at = 0; at < domain.size; at++) {
        if ((at == 0 || domain.data[at - 1] == '.') &&
            contact_begins(bytes_of(domain.data + at, domain.size - at), "xn--")) {
            return true;
        }
    }
    return false;
}

/* libidn2 gives its results on the heap: a domain, never an address. Wiped all the same. */
static void
wipe_free(void *text)
{
    if (text != NULL) {
        explicit_bzero(text, strlen(text));
        idn2_free(text);
    }
}

/*
 * Maps as UTS 46 does (letter case, width), then goes through IDNA 2008 proper without any mapping:
 * only what comes back unchanged is a name. No IDN2_USE_STD3_ASCII_RULES: libidn2 2.3.3 then drops
 * an underscore instead of refusing it; check_labels sees to that.
 */
static int
to_a_labels(uint8_t domain[static CONTACT_BYTES_MAX + 1])
{
    uint8_t *mapped = NULL, *strict = NULL;
    char *unicode = NULL;
    int result = idn2_lookup_u8(domain, &mapped, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);

    if (result == IDN2_OK) {
        result = idn2_to_unicode_8z8z((char *)mapped, &unicode, 0);
    }
    if (result == IDN2_OK) {
        result = idn2_lookup_u8((uint8_t *)unicode, &strict, IDN2_NO_TR46 | IDN2_NFC_INPUT);
    }
    if (result == IDN2_OK && strcmp((char *)mapped, (char *)strict) != 0) {
        result = IDN2_ALABEL_ROUNDTRIP_FAILED;
    }
    if (result == IDN2_OK && strlen((char *)mapped) > CONTACT_BYTES_MAX) {
        result = IDN2_TOO_BIG_DOMAIN;
    }
    if (result == IDN2_OK) {
        memcpy(domain, mapped, strlen((char *)mapped) + 1);
    }
    wipe_free(mapped);
    wipe_free(unicode);
    wipe_free(strict);
    return result;
}

static enum status
convert_international(uint8_t *domain, struct contact_fault *ret_fault)
{
    switch (to_a_labels(domain)) {
    case IDN2_OK:
        return STATUS_OK;
    case IDN2_MALLOC:
        return STATUS_INTERNAL;
    case IDN2_TOO_BIG_DOMAIN:
    case IDN2_TOO_BIG_LABEL:
    case IDN2_PUNYCODE_BIG_OUTPUT:
        return contact_refuse(ret_fault, "the domain's IDNA form is too long");
    case IDN2_BIDI:
        return contact_refuse(ret_fault, "the domain mixes writing directions (RFC 5893)");
    default:
        return contact_refuse(ret_fault, "not an international domain name (IDNA 2008)");
    }
}

/*
 * Invisible characters would be mapped to nothing; the joiners have rules of their own in IDNA. The
 * capital sharp s is the one letter whose mapping UTS 46 has changed (to ss once, now to a small
 * one).
 */
static enum status
check_characters(struct bytes domain, struct contact_fault *ret_fault)
{
    const ucs4_t zwnj = 0x200c, zwj = 0x200d, capital_sharp_s = 0x1e9e;
    ucs4_t character;
    size_t at = 0;

    while (at < domain.size) {
        at += (size_t)u8_mbtouc(&character, domain.data + at, domain.size - at);
        if (character != zwnj && character != zwj && contact_is_never_written(character)) {
            return contact_refuse(ret_fault, "a space or an invisible character in the domain");
        }
        if (character == capital_sharp_s) {
            return contact_refuse(ret_fault, "write the domain's sharp s in lower case");
        }
    }
    return STATUS_OK;
}

enum status
contact_normalise_domain(struct bytes domain, uint8_t room[static CONTACT_BYTES_MAX + 1],
                         struct bytes *ret_domain, struct contact_fault *ret_fault)
{
    enum status status = check_characters(domain, ret_fault);

    if (status != STATUS_OK) {
        return status;
    }
    if (domain.size == 0) {
        return contact_refuse(ret_fault, "nothing stands after the @");
    }
    if (domain.data[0] == '[') {
        return contact_refuse(ret_fault, "write a domain name: address literals are not taken");
    }
    if (domain.data[domain.size - 1] == '.') {
        return contact_refuse(ret_fault, "leave out the dot at the end");
    }
    assert(domain.size <= CONTACT_BYTES_MAX);
    memcpy(room, domain.data, domain.size);
    room[domain.size] = '\0'; /* as libidn2 wants it */
    if (!contact_is_ascii(domain) || has_a_label(domain)) {
        status = convert_international(room, ret_fault);
    }
    if (status != STATUS_OK) {
        return status;
    }
    *ret_domain = bytes_of_text((char *)room);
    for (size_t i = 0; i < ret_domain->size; i++) {
        room[i] = contact_lower(room[i]);
    }
    return check_labels(*ret_domain, ret_fault);
}

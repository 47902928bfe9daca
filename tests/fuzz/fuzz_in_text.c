/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a reason: what contact_parse takes as a contact is found in it, and so is a contact
 * that is written behind it; ten digits side by side never pass; what is said is one of three
 * texts.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "contact.h"
#include "scratch.h"

enum {
    SHORT_DIGITS_MAX = 6, /* behind a calling code's +, all told: too few to be looked for */
    TEN = 10,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void
check_one_of_three(const char *found)
{
    must(strcmp(found, "an e-mail address") == 0 || strcmp(found, "a phone number") == 0 ||
         strcmp(found, "ten digits in a row") == 0);
}

static bool
has_ten_side_by_side(struct bytes text)
{
    size_t row = 0;

    for (size_t i = 0; i < text.size && row < TEN; i++) {
        row = text.data[i] >= '0' && text.data[i] <= '9' ? row + 1 : 0;
    }
    return row >= TEN;
}

/* Names of hosts have a letter behind their first dot; "x@9.4-3", which contact_parse takes, has
 * not.
 */
static bool
has_letter_behind_dot(struct bytes address)
{
    const uint8_t *end = address.data + address.size;
    const uint8_t *domain = memchr(address.data, '@', address.size);
    const uint8_t *at = domain == NULL ? NULL : memchr(domain, '.', (size_t)(end - domain));

    for (; at != NULL && at < end; at++) {
        if (*at >= 'a' && *at <= 'z') {
            return true;
        }
    }
    return false;
}

static bool
is_contact(struct bytes text)
{
    static struct scratch *scratch;
    struct contact contact;
    struct contact_fault fault;
    bool is;

    must(scratch != NULL || scratch_new(&scratch) == STATUS_OK);
    is = contact_parse(text, FORM_INTERNATIONAL, scratch, &contact, &fault) == STATUS_OK &&
         (contact.kind == CONTACT_EMAIL ? has_letter_behind_dot(contact.canonical)
                                        : contact.canonical.size > 1 + SHORT_DIGITS_MAX);
    scratch_wipe(scratch);
    return is;
}

static void
check_behind(struct bytes text, const char *contact)
{
    uint8_t whole[REASON_BYTES_MAX];
    size_t size = strlen(contact);

    if (text.size + size <= sizeof whole) {
        memcpy(whole, text.data, text.size);
        memcpy(whole + text.size, contact, size);
        must(contact_in_text(bytes_of(whole, text.size + size)) != NULL);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size < REASON_BYTES_MAX ? size : REASON_BYTES_MAX);
    const char *found = contact_in_text(text);

    if (found != NULL) {
        check_one_of_three(found);
    } else {
        must(!has_ten_side_by_side(text));
        must(!is_contact(text));
    }
    check_behind(text, " +39 333 1234567");
    check_behind(text, ", 333 123 45 67");
    check_behind(text, " maria@example.com");
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text without an @, in either form: it is refused with a message that holds none of its
 * digits, or taken, and then its canonical form and its form first seen are taken again as the same
 * contact with the same mask.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistr.h>

#include "contact.h"
#include "scratch.h"

enum { CODE_DIGITS_MAX = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* A calling code and what stands for 0 are the longest digits a message may say. */
static void
check_message(const struct contact_fault *fault)
{
    size_t run = 0;

    must(fault->text[0] != '\0' && strnlen(fault->text, sizeof fault->text) < sizeof fault->text);
    for (const char *at = fault->text; *at != '\0'; at++) {
        run = *at >= '0' && *at <= '9' ? run + 1 : 0;
        must(run <= CODE_DIGITS_MAX);
    }
}

static void
check_e164(struct bytes text)
{
    must(text.size >= 4 && text.size <= 22 && text.data[0] == '+');
    for (size_t i = 1; i < text.size; i++) {
        must(text.data[i] >= '0' && text.data[i] <= '9');
    }
}

static void
check_mask(struct bytes canonical, struct scratch *scratch)
{
    char mask[MASK_BYTES_MAX + 1];

    contact_mask(CONTACT_PHONE, canonical, scratch, mask);
    must(strnlen(mask, sizeof mask) <= MASK_BYTES_MAX);
    must(u8_check((const uint8_t *)mask, strlen(mask)) == NULL);
    must(mask[0] == '+' && mask[1] >= '1' && mask[1] <= '9');
}

static void
check_again(struct bytes text, struct bytes canonical, struct scratch *scratch)
{
    struct contact again;
    struct contact_fault fault;

    must(contact_parse(text, FORM_INTERNATIONAL, scratch, &again, &fault) == STATUS_OK);
    must(bytes_equal(again.canonical, canonical));
    must(bytes_equal(again.first_seen, text));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scratch *scratch;
    struct contact contact;
    struct contact_fault fault = {{0}};

    if (size == 0 || memchr(data, '@', size) != NULL) {
        return 0;
    }
    must(scratch != NULL || scratch_new(&scratch) == STATUS_OK);
    enum contact_form form = data[0] & 1 ? FORM_WA_ID : FORM_INTERNATIONAL;
    enum status status =
        contact_parse(bytes_of(data + 1, size - 1), form, scratch, &contact, &fault);
    if (status == STATUS_OK) {
        must(contact.kind == CONTACT_PHONE);
        check_e164(contact.canonical);
        check_e164(contact.first_seen);
        check_again(contact.canonical, contact.canonical, scratch);
        check_again(contact.first_seen, contact.canonical, scratch);
        check_mask(contact.canonical, scratch);
    } else {
        must(status == (size - 1 > VALUE_BYTES_MAX ? STATUS_TOO_LARGE : STATUS_INVALID));
        check_message(&fault);
    }
    scratch_wipe(scratch);
    return 0;
}

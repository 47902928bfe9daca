/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text with an @: it is refused with a message, or taken, and then its canonical form and its
 * form first seen are taken again as the same contact with the same mask; in capitals too, where it
 * is ASCII.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistr.h>

#include "contact.h"
#include "scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void
check_address(struct bytes text)
{
    const uint8_t *at = memchr(text.data, '@', text.size);

    must(text.size <= CONTACT_BYTES_MAX && at != NULL && at > text.data);
    must(u8_check(text.data, text.size) == NULL && memchr(text.data, '\0', text.size) == NULL);
    must(memchr(at + 1, '.', text.size - (size_t)(at + 1 - text.data)) != NULL);
    for (at++; at < text.data + text.size; at++) {
        must((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '-' || *at == '.');
    }
}

static void
check_mask(struct bytes canonical, struct scratch *scratch)
{
    char mask[MASK_BYTES_MAX + 1];

    contact_mask(CONTACT_EMAIL, canonical, scratch, mask);
    must(strnlen(mask, sizeof mask) <= MASK_BYTES_MAX);
    must(u8_check((const uint8_t *)mask, strlen(mask)) == NULL);
    must(strchr(mask, '@') != NULL && strchr(mask, '.') != NULL);
}

static void
check_same(struct bytes text, struct bytes canonical, struct scratch *scratch)
{
    struct contact again;
    struct contact_fault fault;

    must(contact_parse(text, FORM_INTERNATIONAL, scratch, &again, &fault) == STATUS_OK);
    must(bytes_equal(again.canonical, canonical));
}

static void
check_capitals(struct bytes text, struct bytes canonical, struct scratch *scratch)
{
    uint8_t *capitals = scratch_alloc(scratch, text.size);

    must(capitals != NULL);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] >= 0x80) {
            return; /* NFC may join an accent to the letter: then it is not ASCII's case */
        }
        capitals[i] = text.data[i];
        if (capitals[i] >= 'a' && capitals[i] <= 'z') {
            capitals[i] = (uint8_t)(capitals[i] - 'a' + 'A');
        }
    }
    check_same(bytes_of(capitals, text.size), canonical, scratch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scratch *scratch;
    struct contact contact;
    struct contact_fault fault = {{0}};

    if (memchr(data, '@', size) == NULL) {
        return 0;
    }
    must(scratch != NULL || scratch_new(&scratch) == STATUS_OK);
    enum status status =
        contact_parse(bytes_of(data, size), FORM_INTERNATIONAL, scratch, &contact, &fault);
    if (status == STATUS_OK) {
        must(contact.kind == CONTACT_EMAIL);
        check_address(contact.canonical);
        check_address(contact.first_seen);
        check_same(contact.canonical, contact.canonical, scratch);
        check_same(contact.first_seen, contact.canonical, scratch);
        check_capitals(bytes_of(data, size), contact.canonical, scratch);
        check_mask(contact.canonical, scratch);
    } else {
        must(status == (size > VALUE_BYTES_MAX ? STATUS_TOO_LARGE : STATUS_INVALID));
        must(fault.text[0] != '\0');
    }
    scratch_wipe(scratch);
    return 0;
}

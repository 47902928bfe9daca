/* SPDX-License-Identifier: Apache-2.0 */
#include "contact.h"

#include "contact_internal.h"

static bool
is_blank(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static struct bytes
trim(struct bytes text)
{
    while (text.size > 0 && is_blank(text.data[0])) {
        text = bytes_of(text.data + 1, text.size - 1);
    }
    while (text.size > 0 && is_blank(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

enum status
contact_parse(struct bytes text, enum contact_form form, struct scratch *scratch,
              struct contact *ret_contact, struct contact_fault *ret_fault)
{
    if (text.size > VALUE_BYTES_MAX) {
        (void)contact_refuse(ret_fault, "longer than any phone number or e-mail address");
        return STATUS_TOO_LARGE;
    }
    text = trim(text);
    if (text.size == 0) {
        return contact_refuse(ret_fault, "empty");
    }
    if (memchr(text.data, '@', text.size) != NULL) {
        return contact_parse_email(text, scratch, ret_contact, ret_fault);
    }
    return contact_parse_phone(text, form, scratch, ret_contact, ret_fault);
}

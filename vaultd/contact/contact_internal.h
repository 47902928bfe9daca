/* SPDX-License-Identifier: Apache-2.0 */
/* contact_internal.h: what the files of contact/ share. */
#ifndef CONTACT_VAULT_CONTACT_INTERNAL_H
#define CONTACT_VAULT_CONTACT_INTERNAL_H

#include <stdbool.h>

#include "contact.h"

/* Both: `text` is trimmed and at most VALUE_BYTES_MAX; the results are those of contact_parse. */
MUST_USE enum status contact_parse_phone(struct bytes text, enum contact_form form,
                                         struct scratch *scratch, struct contact *ret_contact,
                                         struct contact_fault *ret_fault);
MUST_USE enum status contact_parse_email(struct bytes text, struct scratch *scratch,
                                         struct contact *ret_contact,
                                         struct contact_fault *ret_fault);

/* How many of these digits are the calling code; 0: there is no such code. */
size_t contact_phone_code_size(struct bytes digits);

/* Fills the fault with a fixed text and returns INVALID. */
enum status contact_refuse(struct contact_fault *ret_fault, const char *text);

/* The domain of an address as written becomes A-labels in lower case, in the room given. */
MUST_USE enum status contact_normalise_domain(struct bytes domain,
                                              uint8_t room[static CONTACT_BYTES_MAX + 1],
                                              struct bytes *ret_domain,
                                              struct contact_fault *ret_fault);

/* Control and format characters (bidirectional ones too), spaces, private use, not assigned. */
bool contact_is_never_written(uint32_t character);

/* In any ASCII case; `prefix` is in lower case. */
bool contact_begins(struct bytes text, const char *prefix);

bool contact_is_ascii(struct bytes text);

static inline uint8_t
contact_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}

static inline bool
contact_is_letter_or_digit(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') ||
           (contact_lower(byte) >= 'a' && contact_lower(byte) <= 'z');
}

#endif

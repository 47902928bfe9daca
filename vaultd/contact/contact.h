/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contact.h: what counts as a phone number and as an e-mail address, its one canonical form, and
 * its mask. Pure: no I/O, no state. Every function may be called from any thread.
 *
 * Sources: ITU-T E.164 and libphonenumber's metadata (phone_table.c, made by tools/phonetable);
 * RFC 5321, RFC 6531 and RFC 5891 for addresses; the Public Suffix List for masks.
 */
#ifndef CONTACT_VAULT_CONTACT_H
#define CONTACT_VAULT_CONTACT_H

#include "bounds.h"
#include "bytes.h"
#include "kind.h"
#include "status.h"

struct scratch;

/* Goes into every blind index: a change of any canonical form is a new version, never a new table.
 */
enum { CONTACT_CANONICAL_VERSION = 1 };

/* Both views lie in the scratch given to contact_parse and are wiped with it. */
struct contact {
    enum contact_kind kind;
    struct bytes canonical;  /* equal for every spelling of one contact */
    struct bytes first_seen; /* what a reveal gives if this is the first time: E.164, or the
                                address as written with its domain normalised */
};

/* Why a text is no contact, for a person; says what to change, never repeats the contact. */
struct contact_fault {
    char text[MESSAGE_BYTES_MAX];
};

/*
 * contact_parse: with an @ it is an address, else a phone number in the form named.
 * INVALID (or TOO_LARGE over VALUE_BYTES_MAX) fills *ret_fault. INTERNAL: scratch is used up.
 */
MUST_USE enum status contact_parse(struct bytes text, enum contact_form form,
                                   struct scratch *scratch, struct contact *ret_contact,
                                   struct contact_fault *ret_fault);

/*
 * contact_mask: what an agent may see of a canonical form; NUL-terminated, at most MASK_BYTES_MAX.
 * Phone: calling code and last two digits, one shape for every length; no digits where fewer than
 * 100,000 valid numbers end so. E-mail: the first characters before and after the @ and the whole
 * public suffix (Public Suffix List; the last label where no rule fits; less its first label where
 * the domain is itself a public suffix), international names in Unicode.
 */
void contact_mask(enum contact_kind kind, struct bytes canonical, struct scratch *scratch,
                  char ret_mask[static MASK_BYTES_MAX + 1]);

/*
 * contact_in_text: what a person's free text (at most REASON_BYTES_MAX) has in it that looks like a
 * contact: an e-mail address, a number of seven digits or more behind a + or 00, ten digits in a
 * row, in whatever script and with whatever a person writes between digits. "an e-mail address",
 * ..., for a person; NULL: nothing. More than the contacts that contact_parse takes, and no proof
 * against whoever wants to hide one ("maria at example.com").
 */
const char *contact_in_text(struct bytes text);

/* How much of a canonical form is a phone number's + and calling code; 0: an address, or unknown.
 */
size_t contact_country_size(enum contact_kind kind, struct bytes canonical);

#endif

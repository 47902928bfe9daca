/* SPDX-License-Identifier: Apache-2.0 */
/*
 * E-mail addresses: the Mailbox of RFC 5321 4.1.2 with a dot-string before the @ and a domain name
 * after it, and RFC 6531's UTF-8 in both. Nothing is mended but letter case, NFC and the domain's
 * IDNA form: whatever else is not an address is refused, so that one contact has one spelling.
 *
 * Before the @: NFC, then ASCII letters folded for the canonical form. No other letter is folded,
 * and code points not assigned yet are refused, so that a newer libunistring changes nothing.
 * After it: see contact_domain.c.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "contact_internal.h"
#include "scratch.h"

enum {
    LOCAL_BYTES_MAX = 64,                    /* RFC 5321 4.5.3.1.1 */
    NORMAL_ROOM_BYTES = 4 * LOCAL_BYTES_MAX, /* NFC makes UTF-8 three times as long, at worst */
};

/* The work of one parse; in scratch, so it is wiped with the request. */
struct email_room {
    uint8_t local[NORMAL_ROOM_BYTES];
    uint8_t domain[CONTACT_BYTES_MAX + 1];
    uint8_t canonical[CONTACT_BYTES_MAX], first_seen[CONTACT_BYTES_MAX];
};

static bool
has_byte(struct bytes text, int byte)
{
    return memchr(text.data, byte, text.size) != NULL;
}

/* ---- the whole: what a person may have pasted that is more than an address ---- */

static enum status
check_shape(struct bytes text, struct contact_fault *ret_fault)
{
    if (text.size > CONTACT_BYTES_MAX) {
        return contact_refuse(ret_fault, "an address has at most 254 bytes");
    }
    if (u8_check(text.data, text.size) != NULL) {
        return contact_refuse(ret_fault, "not UTF-8");
    }
    if (contact_begins(text, "mailto:")) {
        return contact_refuse(ret_fault, "leave out mailto:");
    }
    if (has_byte(text, '"')) {
        return contact_refuse(ret_fault, "quoted addresses are not taken");
    }
    if (has_byte(text, '<') || has_byte(text, '>')) {
        return contact_refuse(ret_fault, "write the address alone, without name and < >");
    }
    if (has_byte(text, ',') || has_byte(text, ';')) {
        return contact_refuse(ret_fault, "write one address");
    }
    return STATUS_OK;
}

/* ---- before the @ ---- */

/* RFC 5322 3.2.3, and RFC 6531 3.3 for what is not ASCII. */
static bool
is_atom_text(ucs4_t character)
{
    if (character >= 0x80) {
        return !contact_is_never_written(character);
    }
    return contact_is_letter_or_digit((uint8_t)character) ||
           (character != 0 && strchr("!#$%&'*+-/=?^_`{|}~", (int)character) != NULL);
}

static enum status
check_local(struct bytes local, struct contact_fault *ret_fault)
{
    ucs4_t character, before = '.';
    size_t at = 0;

    while (at < local.size) {
        at += (size_t)u8_mbtouc(&character, local.data + at, local.size - at);
        if (character == '.' && before == '.') {
            return contact_refuse(ret_fault, "a dot before the @ needs something on both sides");
        }
        if (character != '.' && !is_atom_text(character)) {
            return contact_refuse(ret_fault,
                                  "a character before the @ that no address has, or a space");
        }
        if (before == '.' && uc_is_general_category_withtable(character, UC_CATEGORY_MASK_M)) {
            return contact_refuse(ret_fault, "an accent before the @ without its letter");
        }
        before = character;
    }
    return before == '.' ? contact_refuse(ret_fault, "a dot before the @ needs something on both "
                                                     "sides")
                         : STATUS_OK;
}

/* Into room->local, so that libunistring leaves no copy on the heap. */
static enum status
normalise_local(struct bytes local, struct email_room *room, struct bytes *ret_local,
                struct contact_fault *ret_fault)
{
    size_t size = sizeof room->local;

    if (local.size == 0) {
        return contact_refuse(ret_fault, "nothing stands before the @");
    }
    if (local.size > LOCAL_BYTES_MAX) {
        return contact_refuse(ret_fault, "more than 64 bytes before the @");
    }
    if (contact_is_ascii(local)) {
        memcpy(room->local, local.data, local.size);
        size = local.size;
    } else {
        uint8_t *normal = u8_normalize(UNINORM_NFC, local.data, local.size, room->local, &size);

        if (normal != room->local) {
            if (normal != NULL) {
                explicit_bzero(normal, size);
                free(normal);
            }
            return STATUS_INTERNAL;
        }
        if (size > LOCAL_BYTES_MAX) {
            return contact_refuse(ret_fault, "more than 64 bytes before the @");
        }
    }
    /* After NFC, which turns some signs into others, even into ASCII. */
    *ret_local = bytes_of(room->local, size);
    return check_local(*ret_local, ret_fault);
}

/* ---- together ---- */

static struct bytes
join(struct bytes local, struct bytes domain, uint8_t *address)
{
    memcpy(address, local.data, local.size);
    address[local.size] = '@';
    memcpy(address + local.size + 1, domain.data, domain.size);
    return bytes_of(address, local.size + 1 + domain.size);
}

enum status
contact_parse_email(struct bytes text, struct scratch *scratch, struct contact *ret_contact,
                    struct contact_fault *ret_fault)
{
    struct bytes local, domain;
    enum status status = check_shape(text, ret_fault);

    if (status != STATUS_OK) {
        return status;
    }
    const uint8_t *at = memchr(text.data, '@', text.size);
    local = bytes_of(text.data, (size_t)(at - text.data));
    domain = bytes_of(at + 1, text.size - local.size - 1);
    if (has_byte(domain, '@')) {
        return contact_refuse(ret_fault, "an address has one @");
    }
    struct email_room *room = scratch_alloc(scratch, sizeof *room);
    if (room == NULL) {
        return STATUS_INTERNAL;
    }
    status = normalise_local(local, room, &local, ret_fault);
    if (status == STATUS_OK) {
        status = contact_normalise_domain(domain, room->domain, &domain, ret_fault);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (local.size + 1 + domain.size > CONTACT_BYTES_MAX) {
        return contact_refuse(ret_fault, "an address has at most 254 bytes, in IDNA form too");
    }
    *ret_contact = (struct contact){
        .kind = CONTACT_EMAIL,
        .first_seen = join(local, domain, room->first_seen),
        .canonical = join(local, domain, room->canonical),
    };
    for (size_t i = 0; i < local.size; i++) {
        room->canonical[i] = contact_lower(room->canonical[i]);
    }
    return STATUS_OK;
}

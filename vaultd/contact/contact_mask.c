/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masks. A phone number shows its calling code and its last two digits, in a shape that is the same
 * for every length; nothing but the calling code where phone_table_few says so. An address shows
 * the first character before the @, the first of the domain, and the public suffix:
 *   - the longest rule of the Public Suffix List, private ones too (m...@s...github.io); a domain
 *     under no rule has its last label as suffix, as the list's own algorithm says;
 *   - a domain that is a public suffix itself hides its first label (m...@c...uk for co.uk);
 *   - international names as people read them; a suffix too long for a mask gives way to its last
 *     label in A-label form.
 */
#include <idn2.h>
#include <libpsl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistr.h>

#include "contact_internal.h"
#include "phone_table.h"
#include "scratch.h"

#define DOT "\xe2\x80\xa2" /* U+2022 */
#define DOTS DOT DOT DOT

enum { LAST_DIGITS = 2, CODE_POINT_BYTES_MAX = 4 };

/* ---- phone ---- */

static bool
has_few_candidates(struct bytes code)
{
    unsigned number = 0;

    for (size_t i = 0; i < code.size; i++) {
        number = number * 10 + code.data[i] - (unsigned)'0';
    }
    for (size_t i = 0; i < phone_table_few_count; i++) {
        if (phone_table_few[i] == number) {
            return true;
        }
    }
    return false;
}

static void
mask_phone(struct bytes digits, char *mask)
{
    size_t code_size = contact_phone_code_size(digits);
    struct bytes code = bytes_of(digits.data, code_size);

    if (code_size == 0 || digits.size < code_size + LAST_DIGITS) {
        (void)snprintf(mask, MASK_BYTES_MAX + 1, "+" DOTS " " DOTS " " DOTS DOT);
    } else if (has_few_candidates(code)) {
        (void)snprintf(mask, MASK_BYTES_MAX + 1, "+%.*s " DOTS " " DOTS " " DOTS DOT,
                       (int)code_size, (const char *)code.data);
    } else {
        (void)snprintf(mask, MASK_BYTES_MAX + 1, "+%.*s " DOTS " " DOTS " " DOT DOT "%.*s",
                       (int)code_size, (const char *)code.data, LAST_DIGITS,
                       (const char *)digits.data + digits.size - LAST_DIGITS);
    }
}

/* ---- e-mail ---- */

/* Both NUL-terminated. Leaves *text alone where it is not an international name, or too long. */
static void
show_unicode(char *text, size_t room)
{
    char *unicode = NULL;

    if (idn2_to_unicode_8z8z(text, &unicode, 0) == IDN2_OK && strlen(unicode) < room) {
        memcpy(text, unicode, strlen(unicode) + 1);
    }
    if (unicode != NULL) {
        explicit_bzero(unicode, strlen(unicode));
        idn2_free(unicode);
    }
}

/* Where the part of the domain begins that is shown. */
static const char *
public_suffix(const char *domain)
{
    const char *suffix = psl_unregistrable_domain(psl_builtin(), domain);

    if (suffix == NULL) {
        suffix = strrchr(domain, '.');
        return suffix == NULL ? domain : suffix + 1;
    }
    return suffix == domain ? strchr(domain, '.') + 1 : suffix;
}

struct mask_room {
    char domain[CONTACT_BYTES_MAX + 1]; /* in A-labels */
    char label[CONTACT_BYTES_MAX + 1];  /* its first label, as people read it */
    char suffix[CONTACT_BYTES_MAX + 1];
};

static size_t
first_size(const char *text)
{
    int size = u8_strmblen((const uint8_t *)text);

    return size > 0 ? (size_t)size : 0;
}

static void
mask_email(const char *local, struct mask_room *room, char *mask)
{
    enum {
        SHOWN_BYTES_MAX = MASK_BYTES_MAX - 2 * CODE_POINT_BYTES_MAX - sizeof(DOTS "@" DOTS ".")
    };
    const char *suffix = public_suffix(room->domain);

    (void)snprintf(room->suffix, sizeof room->suffix, "%s", suffix);
    show_unicode(room->suffix, sizeof room->suffix);
    if (strlen(room->suffix) > SHOWN_BYTES_MAX) {
        (void)snprintf(room->suffix, sizeof room->suffix, "%s", strrchr(room->domain, '.') + 1);
    }
    (void)snprintf(room->label, sizeof room->label, "%.*s", (int)strcspn(room->domain, "."),
                   room->domain);
    show_unicode(room->label, sizeof room->label);
    (void)snprintf(mask, MASK_BYTES_MAX + 1, "%.*s" DOTS "@%.*s" DOTS ".%.*s",
                   (int)first_size(local), local, (int)first_size(room->label), room->label,
                   SHOWN_BYTES_MAX, room->suffix);
}

void
contact_mask(enum contact_kind kind, struct bytes canonical, struct scratch *scratch,
             char ret_mask[static MASK_BYTES_MAX + 1])
{
    if (kind == CONTACT_PHONE) {
        mask_phone(bytes_of(canonical.data + 1, canonical.size - 1), ret_mask);
        return;
    }
    const uint8_t *at = memchr(canonical.data, '@', canonical.size);
    struct mask_room *room = scratch_alloc(scratch, sizeof *room);
    if (at == NULL || room == NULL) {
        (void)snprintf(ret_mask, MASK_BYTES_MAX + 1, DOTS "@" DOTS);
        return;
    }
    (void)snprintf(room->domain, sizeof room->domain, "%.*s",
                   (int)(canonical.data + canonical.size - at - 1), (const char *)at + 1);
    mask_email((const char *)canonical.data, room, ret_mask);
}

size_t
contact_country_size(enum contact_kind kind, struct bytes canonical)
{
    size_t code_size = 0;

    if (kind == CONTACT_PHONE) {
        code_size = contact_phone_code_size(bytes_of(canonical.data + 1, canonical.size - 1));
    }
    return code_size == 0 ? 0 : code_size + 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contact_set.h: how many different contacts somebody saw, altogether and on each day. Of a contact
 * it keeps the 16 bytes of its token and when it was seen last: at most 48 bytes for each in all.
 */
#ifndef CONTACT_VAULT_CONTACT_SET_H
#define CONTACT_VAULT_CONTACT_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct contact_set { /* all zeros: empty */
    struct contact_slot *slots;
    size_t capacity, count;
};

struct contact_news {
    bool ever;   /* it was not in the set */
    bool on_day; /* it was not seen on that day */
};

/*
 * The token in text form was seen on that day (counted from anywhere, above 1). Days come in their
 * order, but for the one before the newest: a clock set back over midnight by the end of summer
 * time repeats an hour of it. False: no memory, or the text is no token; nothing was changed.
 */
bool contact_set_add(struct contact_set *set, const char *token, uint32_t day,
                     struct contact_news *ret_news);
void contact_set_free(struct contact_set *set);

#endif

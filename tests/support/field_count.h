/* SPDX-License-Identifier: Apache-2.0 */
/* field_count.h: how many fields there are in a set. */
#ifndef CONTACT_VAULT_FIELD_COUNT_H
#define CONTACT_VAULT_FIELD_COUNT_H

#include <stddef.h>

#include "message.h"

static inline size_t
field_count(struct field_set fields)
{
    size_t count = 0;

    for (unsigned field = 0; field < FIELD_LIMIT_NUMBER; field++) {
        count += (fields.bits & FIELD_BIT(field)) != 0;
    }
    return count;
}

#endif

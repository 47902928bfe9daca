/* SPDX-License-Identifier: Apache-2.0 */
/* What the parsers of phone numbers and addresses both say of texts. */
#include <stdio.h>
#include <unictype.h>

#include "contact_internal.h"

enum status
contact_refuse(struct contact_fault *ret_fault, const char *text)
{
    (void)snprintf(ret_fault->text, sizeof ret_fault->text, "%s", text);
    return STATUS_INVALID;
}

bool
contact_begins(struct bytes text, const char *prefix)
{
    size_t size = strlen(prefix);

    for (size_t i = 0; i < size; i++) {
        if (i == text.size || contact_lower(text.data[i]) != (uint8_t)prefix[i]) {
            return false;
        }
    }
    return true;
}

bool
contact_is_ascii(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

bool
contact_is_never_written(uint32_t character)
{
    return uc_is_general_category_withtable(character, UC_CATEGORY_MASK_C | UC_CATEGORY_MASK_Z) ||
           uc_is_property_default_ignorable_code_point(character);
}

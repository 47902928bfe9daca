/* SPDX-License-Identifier: Apache-2.0 */
/* client_table.h: which field of a message becomes which member of contactvault.h's structs. */
#ifndef CONTACT_VAULT_CLIENT_TABLE_H
#define CONTACT_VAULT_CLIENT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "message.h"

enum column_type { COLUMN_TEXT, COLUMN_UINT32, COLUMN_UINT64, COLUMN_BOOL, COLUMN_KEY };

struct column {
    enum field field;
    enum column_type type;
    bool required;
    size_t offset; /* of the member in its struct */
};

struct table {
    const struct column *columns;
    size_t column_count;
    size_t row_size;
};

/* What the items of an answer become, or NULL where it has none. */
const struct table *client_table(enum operation operation);

extern const struct table client_table_principals;
extern const struct table client_table_grants; /* within a principal */
extern const struct table client_table_reply;  /* the message itself */

#endif

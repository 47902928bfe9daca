/* SPDX-License-Identifier: Apache-2.0 */
/* print_principal.h: principals with their grants, for a person, a pipe or a program. */
#ifndef CONTACT_VAULT_PRINT_PRINCIPAL_H
#define CONTACT_VAULT_PRINT_PRINCIPAL_H

#include "table.h"
#include "vaultctl.h"

/* NULL: no memory. */
struct table *principals_table_new(void);
/* Into the table; table NULL: on stdout, one line each. */
void print_principals(const struct arguments *arguments, const struct cv_reply *reply,
                      struct table *table);
/* Its grants: an array; on stdout with commas between them; or a row each of a table of two
 * columns. */
json_t *principal_grants_json(const struct cv_principal *principal);
void principal_print_grants(const struct cv_principal *principal);
void principal_add_grants(struct table *table, const struct cv_principal *principal);
/* All there is to know of the one in the reply, on a terminal. */
void show_principal(const struct cv_reply *reply);

#endif

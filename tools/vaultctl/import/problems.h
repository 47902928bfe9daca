/* SPDX-License-Identifier: Apache-2.0 */
/* problems.h: the cells and rows that could not be imported: a line each, in a file or on stderr.
 */
#ifndef CONTACT_VAULT_PROBLEMS_H
#define CONTACT_VAULT_PROBLEMS_H

#include <stdio.h>

#include "columns.h"

struct problems {
    const struct arguments *arguments;
    FILE *errors;  /* CSV, each of them; NULL: the first few are said on stderr */
    uint64_t said; /* there, or would have been */
};

/* What rows_out.problem is told; `problems` is a struct problems. column NULL: the whole row. */
void problems_take(void *problems, uint64_t line, const struct column *column, const char *code,
                   const char *message);

#endif

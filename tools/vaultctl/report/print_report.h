/* SPDX-License-Identifier: Apache-2.0 */
/* print_report.h: what is added up, for a person, a program, or a spreadsheet. */
#ifndef CONTACT_VAULT_PRINT_REPORT_H
#define CONTACT_VAULT_PRINT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "activity.h"
#include "vaultctl.h"

/* What of the log it is made of. */
struct reach {
    uint64_t since_ms, until_ms; /* asked for; until: that, or when it was made */
    uint64_t first, last;        /* the entries looked at; first 0: there were none */
    uint64_t begins, begins_ms;  /* the oldest entry there is: what is older was removed */
};

/* "person" or "service"; NULL: not known any more. */
const char *kind_word(enum cv_principal_kind kind);

/* False: no memory for all of it. */
bool print_report(const struct arguments *arguments, const struct activity *activity,
                  const struct reach *reach);

#endif

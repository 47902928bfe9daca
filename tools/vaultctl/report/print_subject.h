/* SPDX-License-Identifier: Apache-2.0 */
/* print_subject.h: who saw one contact, for a person, a program, or a spreadsheet. */
#ifndef CONTACT_VAULT_PRINT_SUBJECT_H
#define CONTACT_VAULT_PRINT_SUBJECT_H

#include <stdbool.h>

#include "print_report.h"
#include "sightings.h"
#include "vaultctl.h"

/* What stands above everything, once. False: no memory. */
bool print_subject_head(const struct arguments *arguments, const struct reach *reach);
/* False: no memory for all of it. */
bool print_subject(const struct arguments *arguments, const char *token,
                   const struct sightings *sightings, const struct reach *reach);

#endif

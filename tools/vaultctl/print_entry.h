/* SPDX-License-Identifier: Apache-2.0 */
/* print_entry.h: an entry of the audit log as a line of text or of JSON. */
#ifndef CONTACT_VAULT_PRINT_ENTRY_H
#define CONTACT_VAULT_PRINT_ENTRY_H

#include "vaultctl.h"

/* The reason is a text by others: escaped for people. */
void print_entry(const struct arguments *arguments, const struct cv_audit_entry *entry);

#endif

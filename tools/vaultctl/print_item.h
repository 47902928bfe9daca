/* SPDX-License-Identifier: Apache-2.0 */
/* print_item.h: what a command about contacts found out about one of its values. */
#ifndef CONTACT_VAULT_PRINT_ITEM_H
#define CONTACT_VAULT_PRINT_ITEM_H

#include "vaultctl.h"

enum act { ACT_TOKENIZE, ACT_LOOKUP, ACT_MASK, ACT_DESCRIBE, ACT_DETOKENIZE, ACT_ERASE };

/* The item's status is CV_OK; token is its own, or what was asked about. */
void print_item(const struct arguments *arguments, enum act act, const struct cv_item *item,
                const char *token);

/* Of a contact that is over the budget of reveals: its mask, and when it fits. As JSON, or for a
 * person at a terminal. */
void print_item_held(const struct arguments *arguments, const struct cv_item *item);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault_rows.h: are the tables of contacts whole? Written after DESIGN.md alone, apart from
 * vaultd/vault: every record opens and has its token row and its index row, no such row leads
 * anywhere else, and each key's count is that of its records or rows.
 */
#ifndef CONTACT_VAULT_TEST_VAULT_ROWS_H
#define CONTACT_VAULT_TEST_VAULT_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "keyring.h"
#include "store.h"

enum { VAULT_ROWS_FAULT_BYTES = 128 };

/* False: *ret_fault says what was found first. The keyring is unsealed. Any thread. */
bool vault_rows_are_whole(struct store *store, const struct keyring *keyring,
                          char ret_fault[static VAULT_ROWS_FAULT_BYTES], uint64_t *ret_contacts);

/* How many contacts there are, of all namespaces; fails the cmocka test if the rows are not whole.
 */
uint64_t vault_rows_count(struct store *store, const struct keyring *keyring);

#endif

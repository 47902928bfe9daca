/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault_check.h: every record opened and held against the rows that lead to it, both ways: for a
 * restore, which believes no row because it was in a backup. Nobody else uses the vault meanwhile.
 */
#ifndef CONTACT_VAULT_VAULT_CHECK_H
#define CONTACT_VAULT_VAULT_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "status.h"
#include "vault.h"

struct vault_check {
    bool go_on; /* in: a fault is counted, and the rest is looked at, too */
    uint64_t contacts;
    uint64_t doubles;  /* records whose contact is found at another record: of an index row that was
                          lost once; each is reached by its token */
    uint64_t unopened; /* of namespaces that have no key any more */
    uint64_t faults;
    uint64_t row;                  /* record of the first one; 0: none in particular */
    char fault[VAULT_FAULT_BYTES]; /* the first one */
};

/* Unsealed. CORRUPT: `fault` says what is wrong, for a person; with `go_on` that is OK. */
MUST_USE enum status vault_check(struct vault *vault, struct scratch *scratch,
                                 struct vault_check *check);

/* The vault is another instance from now on. Of the store alone, before vault_open. CORRUPT: the
 * store is not `before`'s. */
MUST_USE enum status vault_replace_instance(struct store *store, const struct keyring *keyring,
                                            const uint8_t before[static INSTANCE_ID_BYTES],
                                            const uint8_t instance_id[static INSTANCE_ID_BYTES]);

#endif

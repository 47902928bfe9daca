/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access_internal.h: the access state as its own files see it.
 *
 * 1. Rows are never removed, so numbers have no gaps: number n stands at index n - 1.
 * 2. What is in memory is what the store holds: a change is committed there first.
 * 3. `hash` is over the row as the store holds it, sealed: the state's digest needs no row again.
 */
#ifndef CONTACT_VAULT_ACCESS_INTERNAL_H
#define CONTACT_VAULT_ACCESS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access.h"
#include "bytes.h"
#include "status.h"

struct principal_entry {
    struct principal principal;
    uint8_t identity[ACCESS_DIGEST_BYTES]; /* digest of its uid or key: what grants are bound to */
    uint8_t hash[ACCESS_DIGEST_BYTES];
};

struct namespace_entry {
    struct namespace_row row;
    uint8_t hash[ACCESS_DIGEST_BYTES];
};

struct access {
    struct store *store;
    const struct keyring *keyring;
    size_t principal_count;
    size_t namespace_count;
    struct principal_entry *principals[ACCESS_ROWS_MAX];
    struct principal_entry *by_name[ACCESS_ROWS_MAX];     /* the same, sorted */
    struct principal_entry *by_identity[ACCESS_ROWS_MAX]; /* the same, sorted */
    struct namespace_entry *namespaces[ACCESS_ROWS_MAX];
    struct namespace_entry *namespaces_by_name[ACCESS_ROWS_MAX];
};

/* Takes the entry: put at its number, in place of the one there or after the last. */
void access_put_principal(struct access *access, struct principal_entry *entry);
void access_put_namespace(struct access *access, struct namespace_entry *entry);

/* The state's digest as it will be once either was put; NULL: none. */
void access_digest_with(const struct access *access, const struct namespace_entry *added,
                        const struct principal_entry *put,
                        uint8_t ret_digest[static ACCESS_DIGEST_BYTES]);

/* ---- access_policy.c ---- */

unsigned access_role_capabilities(enum role role);
bool access_role_is_vault_wide(enum role role);
/* Bound to the key or uid it was given for. */
bool access_role_is_bound(enum role role);
/* NULL, or why this kind of principal cannot hold the role: a static text. */
const char *access_role_kind_fault(enum role role, enum principal_kind kind);
/* NULL, or why one principal cannot hold both. */
const char *access_role_exclusion(enum role one, enum role other);
/* 1 to NAME_BYTES_MAX of [a-z0-9._-], the first a letter or a digit. */
bool access_name_valid(struct bytes name);
bool access_uid_valid(uint32_t uid);
void access_identity_of_uid(uint32_t uid, uint8_t ret_identity[static ACCESS_DIGEST_BYTES]);
void access_identity_of_key(const uint8_t public_key[static PUBLIC_KEY_BYTES],
                            uint8_t ret_identity[static ACCESS_DIGEST_BYTES]);

#endif

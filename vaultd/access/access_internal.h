/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access_internal.h: the access state as its own files see it.
 *
 * 1. Rows are never removed, so numbers have no gaps: number n stands at index n - 1. That of a
 *    recipient or canary that was removed is kept, marked, until another one takes its place.
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

struct access_change;
struct access_invitation;

struct principal_entry {
    struct principal principal;
    uint8_t identity[ACCESS_DIGEST_BYTES]; /* digest of its key, else of its uid, else of its
                                              number: what grants are bound to, never twice */
    uint8_t hash[ACCESS_DIGEST_BYTES];
};

struct namespace_entry {
    struct namespace_row row;
    uint8_t hash[ACCESS_DIGEST_BYTES];
};

struct settings_entry {
    enum freeze freeze;
    enum approvals approvals;
    bool had_two; /* there once were two admins who count: auto is in force for good */
    uint8_t hash[ACCESS_DIGEST_BYTES];
};

struct recipient_entry {
    struct recipient recipient;
    uint8_t hash[ACCESS_DIGEST_BYTES];
};

struct canary_entry {
    struct canary canary;
    uint8_t hash[ACCESS_DIGEST_BYTES];
};

/* Any row, in clear: one of them is there. Owns it. */
struct access_entry {
    struct namespace_entry *namespace_entry;
    struct principal_entry *principal;
    struct recipient_entry *recipient;
    struct canary_entry *canary;
    struct settings_entry *settings;
};

struct access {
    struct store *store;
    const struct keyring *keyring;
    struct access_budgets defaults;
    struct settings_entry *settings; /* NULL until something was set */
    size_t principal_count;
    size_t namespace_count;
    struct principal_entry *principals[ACCESS_ROWS_MAX];
    struct principal_entry *by_name[ACCESS_ROWS_MAX];     /* the same, sorted */
    struct principal_entry *by_identity[ACCESS_ROWS_MAX]; /* the same, sorted */
    struct namespace_entry *namespaces[ACCESS_ROWS_MAX];
    struct namespace_entry *namespaces_by_name[ACCESS_ROWS_MAX];
    size_t recipient_count;
    struct recipient_entry *recipients[ACCESS_RECIPIENTS_MAX];
    size_t canary_count;
    size_t canaries_set; /* those that were not removed */
    struct canary_entry *canaries[ACCESS_CANARIES_MAX];
    struct canary_entry *canaries_by_token[ACCESS_CANARIES_MAX]; /* those set, sorted */
};

/* ---- access.c ---- */

void access_entry_free(struct access_entry *entry);
/* Empties the entry: put at its number, in place of the one there or after the last. Until they are
 * sorted, nothing is found by name or identity. */
void access_place(struct access *access, struct access_entry *entry);
void access_sort(struct access *access);
/* Once sorted: no name, uid or key stands twice. */
bool access_all_different(const struct access *access);
/* The state's digest as it will be once the entry was put. */
void access_digest_with(const struct access *access, const struct access_entry *put,
                        uint8_t ret_digest[static ACCESS_DIGEST_BYTES]);

/* ---- access_change.c ---- */

/* Sets the fault; the status given. */
MUST_USE enum status access_refuse(enum status status, const char *fault, const char **ret_fault);
/* Takes the entry. `reserved`: must go on when the disk is full. */
MUST_USE enum status access_prepare(struct access *access, struct access_entry *entry,
                                    bool reserved, struct access_change **ret_change,
                                    const char **ret_fault);

/* ---- access_principal.c ---- */

#define ACCESS_OFFBOARDED                                                                          \
    "this principal was offboarded, for ever: add who comes back under another name"

/* To be changed; its grants that are over are left out. NULL: out of memory. */
struct principal_entry *access_copy_principal(const struct access *access,
                                              const struct principal *principal);
/* Puts the code's digest in place of an earlier one's. */
void access_invite(const struct access *access, struct principal *principal,
                   const struct access_invitation *invitation);
/* What a principal is known by: see struct principal_entry. */
void access_identify(struct principal_entry *entry);
/* Is enabled, and admin without an end: one whose grant has an end cannot be counted on. */
bool access_is_lasting_admin(const struct principal *principal);
/* CONFLICT: the only one who is enabled and admin without an end. */
MUST_USE enum status access_check_last_admin(const struct access *access,
                                             const struct principal *principal,
                                             const char **ret_fault);

/* ---- access_approvals.c ---- */

/* To be changed; zeros where nothing was set yet. NULL: out of memory. */
struct settings_entry *access_copy_settings(const struct access *access);

/* ---- access_recipient.c ---- */

/* Of two that are not removed, no name or key stands twice. */
bool access_recipients_different(const struct access *access);

/* ---- access_canary.c ---- */

void access_sort_canaries(struct access *access);
/* Once sorted: each in a namespace there is, and no token stands twice. */
bool access_canaries_sound(const struct access *access);

/* ---- access_may.c ---- */

/* It permits nothing any more: ended, or in a shredded namespace. */
bool access_grant_is_over(const struct access *access, const struct grant *grant);

/* ---- access_policy.c ---- */

unsigned access_role_capabilities(enum role role);
bool access_role_is_vault_wide(enum role role);
/* Bound to the key or uid it was given for. */
bool access_role_is_bound(enum role role);
/* NULL, or why this kind of principal cannot hold the role: a static text. */
const char *access_role_kind_fault(enum role role, enum principal_kind kind);
/* NULL, or why one principal cannot hold both. */
const char *access_role_exclusion(enum role one, enum role other);
/* NULL, or why a grant of this role cannot carry such figures. */
const char *access_role_figures_fault(enum role role, uint32_t daily, uint32_t hourly);
/* Of one role, in one place, both with an end or both without: one replaces the other. */
bool access_grant_same_sort(const struct grant *one, const struct grant *other);
/* 1 to NAME_BYTES_MAX of [a-z0-9._-], the first a letter or a digit. */
bool access_name_valid(struct bytes name);
bool access_uid_valid(uint32_t uid);
void access_identity_of_uid(uint32_t uid, uint8_t ret_identity[static ACCESS_DIGEST_BYTES]);
void access_identity_of_key(const uint8_t public_key[static PUBLIC_KEY_BYTES],
                            uint8_t ret_identity[static ACCESS_DIGEST_BYTES]);
/* Of one that is invited and has neither, or was offboarded and has no key. */
void access_identity_of_number(uint32_t number, uint8_t ret_identity[static ACCESS_DIGEST_BYTES]);

/* ---- access_person.c ---- */

/* NULL, or which rule between uid, key, code and factor is broken: a static text. */
const char *access_person_fault(const struct principal *principal);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access.h: namespaces, principals and their grants. Sealed under the access key in the store,
 * loaded whole at unseal; the digest of all rows must be the one the audit's last access change
 * names, so that who can write to the database cannot make himself an admin. Format: DESIGN.md,
 * "Access rows".
 *
 * Threads: what loads or changes is called by one thread while no other is in here (dispatch's
 * gate); all else by any number at once. Pointers given out live until the next change.
 */
#ifndef CONTACT_VAULT_ACCESS_H
#define CONTACT_VAULT_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "bytes.h"
#include "kind.h"
#include "status.h"

struct access;
struct keyring;
struct store;

enum {
    ACCESS_DIGEST_BYTES = 32,
    ACCESS_GRANTS_MAX = 100,          /* of one principal */
    ACCESS_ROWS_MAX = LIST_ITEMS_MAX, /* namespaces; and principals */
    ACCESS_UID_OVERFLOW =
        65534, /* what the kernel says for a uid it cannot map: never a principal */
};

/* What a role lets do, one by one. Bits. */
enum capability {
    MAY_TOKENIZE = 1,
    MAY_LOOKUP = 2,
    MAY_MASK = 4,
    MAY_DELIVER = 8,
    MAY_REVEAL = 16,
    MAY_ADMINISTER = 32, /* vault-wide */
};

struct grant {
    enum role role;
    uint32_t namespace_id; /* 0: vault-wide, as admin is */
    uint8_t bound_to[32];  /* reveal, deliver: digest of the key or uid it was given for */
};

struct principal {
    uint32_t number;
    enum principal_kind kind;
    bool disabled;
    bool has_uid; /* else it has a key */
    uint32_t uid;
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint64_t created_ms;
    char name[NAME_BYTES_MAX + 1];
    size_t grant_count;
    struct grant grants[ACCESS_GRANTS_MAX];
};

struct namespace_row {
    uint32_t id; /* from 1; never given twice */
    uint64_t created_ms;
    char name[NAME_BYTES_MAX + 1];
};

MUST_USE enum status access_new(struct store *store, const struct keyring *keyring,
                                struct access **ret_access);
void access_free(struct access **access);

/* Opens every row. CORRUPT: a row was altered, moved or added. */
MUST_USE enum status access_load(struct access *access);
/* Forgets all. */
void access_unload(struct access *access);
void access_digest(const struct access *access, uint8_t ret_digest[static ACCESS_DIGEST_BYTES]);
/*
 * access_tag: what the audit's entry number `sequence` carries to vouch for a digest. Keyed, and
 * bound to its place: who can write to the log can neither make one nor use an old one again.
 */
MUST_USE enum status access_tag(const struct access *access, uint64_t sequence,
                                const uint8_t digest[static ACCESS_DIGEST_BYTES],
                                uint8_t ret_tag[static ACCESS_DIGEST_BYTES]);

/* NULL where there is none. */
const struct principal *access_by_uid(const struct access *access, uint32_t uid);
const struct principal *access_by_key(const struct access *access,
                                      const uint8_t public_key[static PUBLIC_KEY_BYTES]);
const struct principal *access_by_name(const struct access *access, struct bytes name);
const struct principal *access_by_number(const struct access *access, uint32_t number);
/* In order of their numbers; index < access_principal_count. */
const struct principal *access_principal_at(const struct access *access, size_t index);
size_t access_principal_count(const struct access *access);

const struct namespace_row *access_namespace(const struct access *access, struct bytes name);
const struct namespace_row *access_namespace_by_id(const struct access *access, uint32_t id);
const struct namespace_row *access_namespace_at(const struct access *access, size_t index);
size_t access_namespace_count(const struct access *access);
/* The one namespace in which the principal holds grants, or NULL where it is none or several. */
const struct namespace_row *access_only_namespace(const struct access *access,
                                                  const struct principal *principal);

/* Does a grant of the principal (not disabled, binding intact) carry any of these capabilities
 * there? namespace_id 0 asks for vault-wide ones. */
bool access_may(const struct access *access, const struct principal *principal,
                unsigned capabilities, uint32_t namespace_id);

/*
 * A change is prepared (checked, sealed, its digest known), so that the audit can hold the intent
 * before it is committed. At most one at a time; commit or free ends it.
 * Each names what is wrong in *ret_fault, a static text: INVALID a bad name, key or uid; CONFLICT
 * in use or done already, a role that excludes another (admin with reveal or deliver), or the last
 * admin who is not disabled; NOT_FOUND, also to revoke what is not granted; TOO_LARGE over a limit.
 * Persons get reveal, services get service and deliver, either may be admin.
 */
struct access_change;

MUST_USE enum status access_prepare_namespace(struct access *access, struct bytes name,
                                              struct access_change **ret_change,
                                              const char **ret_fault);

struct access_principal_spec {
    struct bytes name;
    enum principal_kind kind;
    const uint32_t *uid;       /* one of these two */
    const uint8_t *public_key; /* PUBLIC_KEY_BYTES */
};
MUST_USE enum status access_prepare_principal(struct access *access,
                                              const struct access_principal_spec *spec,
                                              struct access_change **ret_change,
                                              const char **ret_fault);
MUST_USE enum status access_prepare_disable(struct access *access, struct bytes name,
                                            struct access_change **ret_change,
                                            const char **ret_fault);

struct access_grant_spec {
    struct bytes principal;
    enum role role;
    struct bytes namespace_name; /* absent for a vault-wide role */
    bool revoke;
};
MUST_USE enum status access_prepare_grant(struct access *access,
                                          const struct access_grant_spec *spec,
                                          struct access_change **ret_change,
                                          const char **ret_fault);

/* Of the state as it will be after the commit. */
const uint8_t *access_change_digest(const struct access_change *change); /* ACCESS_DIGEST_BYTES */
/* Of a namespace to be: the id it will have. */
uint32_t access_change_id(const struct access_change *change);

/* Durable, then in force. Takes the change whatever the outcome. */
MUST_USE enum status access_commit(struct access *access, struct access_change **change);
void access_change_free(struct access_change **change);

/* "service", ...; ROLE_COUNT names, index 0 unused. */
const char *access_role_name(enum role role);

#endif

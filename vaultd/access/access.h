/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access.h: namespaces, principals and their grants, settings. Sealed under the access key in the
 * store, loaded whole at unseal; the digest of all rows must be the one the audit's last access
 * change names, so that who can write to the database cannot make himself an admin. Format:
 * DESIGN.md, "Access rows".
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
    ACCESS_RECIPIENTS_MAX = 16,
    ACCESS_CANARIES_MAX = 256,
    FACTOR_BOX_BYTES = TOTP_SECRET_BYTES + 40,
    CODE_DIGEST_BYTES = 16, /* of a recovery code, which has 80 random bits */
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
    MAY_ERASE = 64,
    MAY_AUDIT = 128, /* vault-wide */
};

struct grant {
    enum role role;
    uint32_t namespace_id; /* 0: vault-wide, as admin is */
    uint8_t bound_to[32];  /* reveal, deliver: digest of the key or uid it was given for */
    uint64_t ends_ms;      /* vault time; from then on it permits nothing; 0: no end */
    uint32_t daily;        /* budget over 24 hours; 0: the default for the role */
    uint32_t hourly;       /* over an hour; 0: the default for the role, in proportion to `daily` */
};

/* A person's second factor and what helps out without it. Zeros before she has enrolled. */
struct factor {
    uint8_t totp[FACTOR_BOX_BYTES]; /* the secret, sealed: access_open_totp */
    uint64_t used_step;             /* the newest whose code let her in */
    uint8_t recovery[RECOVERY_CODES][CODE_DIGEST_BYTES]; /* digests; zeros: used */
};

/*
 * A service is known by a uid or by a key. A person is known by a key: one that has none yet is
 * invited, and enrols with a code; of a person who has a uid besides, the key counts only where it
 * is proved by that uid. The bootstrap, which init makes, is a person known by a uid alone: nobody
 * else is, and it counts for nothing once an enrolled admin can take its place.
 */
struct principal {
    uint32_t number;
    enum principal_kind kind;
    bool disabled;
    bool offboarded; /* for ever: disabled, without grants; its uid is nobody's any more */
    bool relayed;    /* proves its key from behind another uid */
    bool bootstrap;
    bool has_uid;
    bool has_key;
    bool invited; /* there is a code by which she may enrol, until invited_until_ms */
    uint32_t uid;
    uint8_t public_key[PUBLIC_KEY_BYTES]; /* zeros: none */
    uint8_t code[ACCESS_DIGEST_BYTES];    /* the digest of that code */
    uint64_t invited_until_ms;            /* vault time */
    struct factor factor;
    uint64_t created_ms;
    char name[NAME_BYTES_MAX + 1];
    size_t grant_count;
    struct grant grants[ACCESS_GRANTS_MAX];
};

struct namespace_row {
    uint32_t id; /* from 1; never given twice */
    uint64_t created_ms;
    uint16_t retain_months; /* contacts unused for so long are erased; 0: never */
    bool shredded;          /* for ever: nothing is permitted in it, and its name stays taken */
    char name[NAME_BYTES_MAX + 1];
};

/* Whom backups are sealed to: an X25519 public key, whose other half is kept offline. */
struct recipient {
    uint32_t number; /* from 1 */
    bool removed;    /* the row waits for another one */
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint64_t created_ms;
    char name[NAME_BYTES_MAX + 1];
};

/* A contact that nobody has a reason to open, known by its token. */
struct canary {
    uint32_t number; /* from 1 */
    bool removed;    /* the row waits for another one */
    uint32_t namespace_id;
    enum contact_kind kind;
    uint8_t token[TOKEN_BYTES];
    uint64_t created_ms; /* as a canary */
};

/* How much may be done in a while. 0: without limit. */
struct budget_limits {
    uint32_t daily;
    uint32_t hourly;
};

/* What a grant that names no figure gets. */
struct access_budgets {
    struct budget_limits service; /* tokenize and lookup, of one service in one namespace */
    struct budget_limits lookup;  /* lookup by the roles reveal and privacy, likewise */
    struct budget_limits reveal;  /* contacts seen by one person */
    struct budget_limits deliver; /* contacts opened for one sender */
};

MUST_USE enum status access_new(struct store *store, const struct keyring *keyring,
                                const struct access_budgets *defaults, struct access **ret_access);
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

/* NULL where there is none. By uid: also the person who has it beside her key. */
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
/* The one namespace in which the principal holds grants that have not ended, shredded ones left
 * out, or NULL where it is none or several. */
const struct namespace_row *access_only_namespace(const struct access *access,
                                                  const struct principal *principal);

/* Digest of what the principal is known by, its uid or its key; what bound grants are bound to. */
const uint8_t *access_identity(const struct access *access, const struct principal *principal);

/* Does a grant of the principal (not disabled, not ended, binding intact) carry any of these
 * capabilities there? namespace_id 0 asks for vault-wide ones. Never in a shredded namespace. */
bool access_may(const struct access *access, const struct principal *principal,
                unsigned capabilities, uint32_t namespace_id);
/* Would one, anywhere, if it had not ended? Those that have are forgotten with the principal's next
 * change. */
bool access_has_ended(const struct access *access, const struct principal *principal,
                      unsigned capabilities);
/* Which grants are asked for. One with an end has a budget of its own for tokenize and lookup, so
 * that an import leaves the standing one alone. */
enum grant_sort {
    GRANTS_ALL,
    GRANTS_STANDING,
    GRANTS_ENDING,
};

struct limits_asked {
    unsigned capabilities;
    uint32_t namespace_id;
    enum grant_sort sort;
};

/*
 * access_limits: of the grants of that sort that access_may would find, the largest daily and the
 * largest hourly figure, defaults filled in. For MAY_TOKENIZE and MAY_LOOKUP the figures of the
 * role service, or the default for lookups of another role; for MAY_REVEAL and MAY_DELIVER those of
 * reveal and deliver. False, and 1 and 1: there is no such grant (any more).
 */
bool access_limits(const struct access *access, const struct principal *principal,
                   struct limits_asked asked, struct budget_limits *ret_limits);
/* Of one grant, in force or not, defaults filled in; zeros for a role without a budget. */
struct budget_limits access_grant_limits(const struct access *access, const struct grant *grant);

/* A person with a key and a second factor. */
bool access_is_enrolled(const struct principal *principal);
/* Somebody who is enrolled and enabled is admin without an end: the bootstrap is not needed, and
 * permitted nothing, any more. */
bool access_has_enrolled_admin(const struct access *access);
/* He, then, while his row does not say yet that he is disabled; NULL: no such. */
const struct principal *access_retired_bootstrap(const struct access *access);
/* Is it the code (CODE_BYTES) by which she may enrol now? In constant time. */
bool access_code_is_hers(const struct access *access, const struct principal *principal,
                         const uint8_t *code);
/* Which of her recovery codes (RECOVERY_BYTES) it is; false: none that is left. Likewise. */
bool access_find_recovery(const struct access *access, const struct principal *principal,
                          const uint8_t *code, size_t *ret_index);
size_t access_recovery_left(const struct principal *principal);
/* The secret of an enrolled person's TOTP, for the caller to wipe. */
MUST_USE enum status access_open_totp(const struct access *access,
                                      const struct principal *principal,
                                      uint8_t ret_secret[static TOTP_SECRET_BYTES]);
struct access_grant_spec; /* access_change.h */
/*
 * Would this grant of the role service permit more than the principal may do there: than its grant
 * of the same sort, for as long as that lasts; for a first grant, than the default? One with an end
 * beside one without has a budget of its own, so that is more.
 */
bool access_grant_raises(const struct access *access, const struct access_grant_spec *spec);

/* Rows of recipients, those that were removed too; index < access_recipient_count. */
const struct recipient *access_recipient_at(const struct access *access, size_t index);
size_t access_recipient_count(const struct access *access);

/* Rows of canaries, those that were removed too; index < access_canary_count. */
const struct canary *access_canary_at(const struct access *access, size_t index);
size_t access_canary_count(const struct access *access);
/* The one of that token; NULL: it is none, or none any more. Costs nothing where there are none. */
const struct canary *access_canary_of(const struct access *access,
                                      const uint8_t token[static TOKEN_BYTES]);
/* There is no place for another one. */
bool access_canaries_full(const struct access *access);

/* Who is kept from revealing. */
enum freeze access_frozen(const struct access *access);

/* ---- two people (access_approvals.c) ---- */

/* Enrolled, and enabled: known by something that is hers alone. The bootstrap is whoever has that
 * Unix user id. */
bool access_is_known_person(const struct principal *principal);
/* An admin who counts: such a person, enabled, admin without an end. She may approve what another
 * one asked for. */
bool access_may_approve(const struct principal *principal);
size_t access_approver_count(const struct access *access);
/* Are there fewer than two of them without her? */
bool access_needs_approver(const struct access *access, const struct principal *principal);
enum approvals access_approvals(const struct access *access);
/* Do acts that give rights away wait for a second admin? */
bool access_approvals_in_force(const struct access *access);
/* There are two admins who count, and that is not on record yet; not under `never`. */
bool access_has_new_pair(const struct access *access);

/* "service", ...; ROLE_COUNT names, index 0 unused. */
const char *access_role_name(enum role role);

#endif

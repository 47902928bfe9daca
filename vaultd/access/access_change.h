/* SPDX-License-Identifier: Apache-2.0 */
/* access_change.h: changes of the access state: prepared, entered in the log, committed. */
#ifndef CONTACT_VAULT_ACCESS_CHANGE_H
#define CONTACT_VAULT_ACCESS_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "access.h"
#include "bytes.h"
#include "code.h"
#include "kind.h"
#include "status.h"

/*
 * A change is prepared (checked, sealed, its digest known), so that the audit can hold the intent
 * before it is committed. At most one at a time; commit or free ends it.
 * Each names what is wrong in *ret_fault, a static text: INVALID a bad name, key or uid; CONFLICT
 * in use or done already, a role that excludes another (admin with reveal or deliver), or the last
 * admin without an end who is not disabled; NOT_FOUND, also to revoke what is not granted;
 * TOO_LARGE over a limit.
 * Persons get reveal, services get service and deliver, either may be admin, privacy or audit.
 */
struct access_change;

MUST_USE enum status access_prepare_namespace(struct access *access, struct bytes name,
                                              struct access_change **ret_change,
                                              const char **ret_fault);

/* By which a person may enrol. */
struct access_invitation {
    const uint8_t *code; /* CODE_BYTES random bytes; kept as a digest */
    uint64_t until_ms;   /* vault time */
};

/* A service: one of uid and public_key. A person: an invitation, and a uid, if the key she will
 * make shall count for that uid alone. The bootstrap: a person with a uid and no invitation. */
struct access_principal_spec {
    struct bytes name;
    enum principal_kind kind;
    const uint32_t *uid;
    const uint8_t *public_key; /* PUBLIC_KEY_BYTES */
    bool relayed;              /* a key, proved from behind another uid */
    const struct access_invitation *invitation;
};
MUST_USE enum status access_prepare_principal(struct access *access,
                                              const struct access_principal_spec *spec,
                                              struct access_change **ret_change,
                                              const char **ret_fault);
MUST_USE enum status access_prepare_disable(struct access *access, struct bytes name,
                                            struct access_change **ret_change,
                                            const char **ret_fault);
/* Its grants come into force again with it. CONFLICT: not disabled. */
MUST_USE enum status access_prepare_enable(struct access *access, struct bytes name,
                                           struct access_change **ret_change,
                                           const char **ret_fault);
/*
 * For ever: disabled, its grants removed; CONFLICT for whoever enables it or grants it something
 * afterwards, and to do it again. Its name and its key stay taken, its uid is free. Somebody who is
 * disabled can be offboarded.
 */
MUST_USE enum status access_prepare_offboard(struct access *access, struct bytes name,
                                             struct access_change **ret_change,
                                             const char **ret_fault);
/* A person may enrol (again) with this code; an earlier one is void. What she is enrolled with
 * stays until then. CONFLICT: the bootstrap, or disabled. INVALID: no person. */
MUST_USE enum status access_prepare_invitation(struct access *access, struct bytes name,
                                               const struct access_invitation *invitation,
                                               struct access_change **ret_change,
                                               const char **ret_fault);
/* Of a person who was invited: from now on she is known by this key, with this second factor; the
 * code is used up, and what was granted to an earlier key and bound to it is void. CONFLICT: the
 * key belongs to somebody. */
struct access_enrolment {
    const uint8_t *public_key;                 /* PUBLIC_KEY_BYTES */
    const uint8_t *totp;                       /* TOTP_SECRET_BYTES */
    const uint8_t (*recovery)[RECOVERY_BYTES]; /* RECOVERY_CODES of them */
    uint64_t used_step;                        /* of the code that confirmed it */
};
MUST_USE enum status access_prepare_enrolment(struct access *access, struct bytes name,
                                              const struct access_enrolment *enrolment,
                                              struct access_change **ret_change,
                                              const char **ret_fault);
/* She has logged in with this, so it is used up: a step of her TOTP, with all before it, or one of
 * her recovery codes. */
struct factor_used {
    bool by_recovery;
    size_t index;  /* of the recovery code */
    uint64_t step; /* else */
};
MUST_USE enum status access_prepare_login(struct access *access, struct bytes name,
                                          const struct factor_used *used,
                                          struct access_change **ret_change,
                                          const char **ret_fault);

/*
 * Another key, in place of a service's key or uid; grants that are bound to that permit nothing
 * until they are given again. INVALID: a person, who enrols anew instead; or no key. CONFLICT: it
 * is its key already, or another's.
 */
MUST_USE enum status access_prepare_key(struct access *access, struct bytes name,
                                        const uint8_t public_key[static PUBLIC_KEY_BYTES],
                                        struct access_change **ret_change, const char **ret_fault);
/* Of the whole vault. CONFLICT: it is so already. */
MUST_USE enum status access_prepare_freeze(struct access *access, enum freeze freeze,
                                           struct access_change **ret_change,
                                           const char **ret_fault);
/* CONFLICT: it is so already; or it would be in force, and there are no two admins who count. */
MUST_USE enum status access_prepare_approvals(struct access *access, enum approvals approvals,
                                              struct access_change **ret_change,
                                              const char **ret_fault);
/* That there are two admins who count, for good. CONFLICT: there are not, or it is known. */
MUST_USE enum status access_prepare_pair(struct access *access, struct access_change **ret_change,
                                         const char **ret_fault);
/* By a restore: in force, with fewer than two who count, it begins anew. CONFLICT: it is not so. */
MUST_USE enum status access_prepare_alone(struct access *access, struct access_change **ret_change,
                                          const char **ret_fault);
/* NOT_FOUND; CONFLICT: it is so already. */
MUST_USE enum status access_prepare_retention(struct access *access, struct bytes name,
                                              uint16_t retain_months,
                                              struct access_change **ret_change,
                                              const char **ret_fault);

/* `public_key`: PUBLIC_KEY_BYTES, X25519. CONFLICT: the name or the key is there already. */
MUST_USE enum status access_prepare_recipient(struct access *access, struct bytes name,
                                              const uint8_t *public_key,
                                              struct access_change **ret_change,
                                              const char **ret_fault);
/* What was sealed to it before still opens with its other half. */
MUST_USE enum status access_prepare_recipient_removal(struct access *access, struct bytes name,
                                                      struct access_change **ret_change,
                                                      const char **ret_fault);

/* Of the spec namespace, kind and token count. CONFLICT: it is one already. TOO_LARGE: there are as
 * many as there can be. */
MUST_USE enum status access_prepare_canary(struct access *access, const struct canary *spec,
                                           struct access_change **ret_change,
                                           const char **ret_fault);
/* NOT_FOUND. Its row waits for another one. */
MUST_USE enum status access_prepare_canary_removal(struct access *access,
                                                   const uint8_t token[static TOKEN_BYTES],
                                                   struct access_change **ret_change,
                                                   const char **ret_fault);

/*
 * No grant in it permits anything from then on, and none can be given; its name and its number stay
 * taken. NOT_FOUND; CONFLICT: it was shredded already.
 */
MUST_USE enum status access_prepare_shred(struct access *access, struct bytes name,
                                          struct access_change **ret_change,
                                          const char **ret_fault);

/*
 * A principal holds at most two grants of one role in one namespace: one without an end, and one
 * with an end, which may carry a larger budget for a while. Granting again replaces the one of the
 * same sort; CONFLICT if nothing would change. A revoke takes both.
 */
struct access_grant_spec {
    struct bytes principal;
    enum role role;
    struct bytes namespace_name; /* absent for a vault-wide role */
    bool revoke;
    /* None of these with a revoke: INVALID. */
    uint64_t ends_ms;       /* 0: no end; INVALID: not in the future; TOO_LARGE: too far in it */
    uint32_t daily, hourly; /* 0: the default; INVALID: more in an hour than in a day, or a role
                               without a budget (admin, audit, privacy) */
};
MUST_USE enum status access_prepare_grant(struct access *access,
                                          const struct access_grant_spec *spec,
                                          struct access_change **ret_change,
                                          const char **ret_fault);

/* Of the state as it will be after the commit. */
const uint8_t *access_change_digest(const struct access_change *change); /* ACCESS_DIGEST_BYTES */
/* Of a namespace or a canary: the number it has, or will have. */
uint32_t access_change_id(const struct access_change *change);

/* Durable, then in force. Takes the change whatever the outcome. On a full disk too, if it is a
 * disable, an offboarding, a revoke, a freeze or a shred. */
MUST_USE enum status access_commit(struct access *access, struct access_change **change);
void access_change_free(struct access_change **change);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Persons: how they are invited, what they are enrolled with, and the rules between the two. */
#include <sodium.h>
#include <string.h>

#include "access_change.h"
#include "access_internal.h"
#include "clock.h"
#include "code.h"
#include "keyring.h"

static const struct key_name access_key = {.purpose = KEY_ACCESS, .number = 1};
static const uint8_t totp_context[] = "contact-vault totp 1"; /* without its NUL */

enum {
    CONTEXT_BYTES = sizeof totp_context - 1,
    ASSOCIATED_BYTES = CONTEXT_BYTES + VAULT_ID_BYTES + 4 + PUBLIC_KEY_BYTES,
};
_Static_assert((int)FACTOR_BOX_BYTES == (int)TOTP_SECRET_BYTES + (int)KEYRING_BOX_EXTRA, "a box");

/* ---- rules ---- */

static bool
is_zero(const void *bytes, size_t size)
{
    return sodium_is_zero(bytes, size) == 1;
}

static const char *
service_fault(const struct principal *principal)
{
    if (principal->has_uid == principal->has_key || principal->bootstrap || principal->invited ||
        (principal->relayed && !principal->has_key)) {
        return "a service has either a uid or a public key";
    }
    return NULL;
}

const char *
access_person_fault(const struct principal *principal)
{
    bool has_factor = !is_zero(principal->factor.totp, FACTOR_BOX_BYTES);

    if (principal->has_uid ? !access_uid_valid(principal->uid) : principal->uid != 0) {
        return "a uid that is none";
    }
    if (principal->kind == PRINCIPAL_SERVICE) {
        return service_fault(principal);
    }
    if (principal->offboarded) {
        return principal->invited || has_factor ? "who has left has neither code nor factor" : NULL;
    }
    if (principal->invited == is_zero(principal->code, ACCESS_DIGEST_BYTES) ||
        principal->invited != (principal->invited_until_ms != 0)) {
        return "an invitation has a code and an end";
    }
    if (principal->has_key != has_factor ||
        (!has_factor &&
         (principal->factor.used_step != 0 ||
          !is_zero(principal->factor.recovery, sizeof principal->factor.recovery)))) {
        return "a person's key and second factor come together";
    }
    if (principal->bootstrap) {
        return principal->has_uid && !principal->has_key && !principal->invited &&
                       !principal->relayed
                   ? NULL
                   : "the bootstrap is known by a uid alone";
    }
    return (principal->has_key || principal->invited) && !(principal->relayed && principal->has_uid)
               ? NULL
               : "a person is enrolled or invited";
}

bool
access_is_enrolled(const struct principal *principal)
{
    return principal->kind == PRINCIPAL_PERSON && principal->has_key && !principal->offboarded;
}

bool
access_has_enrolled_admin(const struct access *access)
{
    for (size_t i = 0; i < access->principal_count; i++) {
        const struct principal *principal = &access->principals[i]->principal;

        if (access_is_enrolled(principal) && access_is_lasting_admin(principal)) {
            return true;
        }
    }
    return false;
}

const struct principal *
access_retired_bootstrap(const struct access *access)
{
    for (size_t i = 0; i < access->principal_count; i++) {
        const struct principal *principal = &access->principals[i]->principal;

        if (principal->bootstrap && !principal->disabled && access_has_enrolled_admin(access)) {
            return principal;
        }
    }
    return NULL;
}

void
access_identify(struct principal_entry *entry)
{
    const struct principal *principal = &entry->principal;

    if (principal->has_key) {
        access_identity_of_key(principal->public_key, entry->identity);
    } else if (principal->offboarded ||
               (principal->kind == PRINCIPAL_PERSON && !principal->bootstrap)) {
        access_identity_of_number(principal->number, entry->identity);
    } else {
        access_identity_of_uid(principal->uid, entry->identity);
    }
}

/* ---- the second factor: sealed by itself, so that a principal in memory does not hold it ---- */

static void
make_associated(const struct access *access, const struct principal *principal,
                uint8_t ret_associated[static ASSOCIATED_BYTES])
{
    uint8_t *at = ret_associated;

    at = (uint8_t *)mempcpy(at, totp_context, CONTEXT_BYTES);
    at = (uint8_t *)mempcpy(at, keyring_vault_id(access->keyring), VAULT_ID_BYTES);
    put_u32(at, principal->number);
    memcpy(at + 4, principal->public_key, PUBLIC_KEY_BYTES);
}

enum status
access_open_totp(const struct access *access, const struct principal *principal,
                 uint8_t ret_secret[static TOTP_SECRET_BYTES])
{
    uint8_t associated[ASSOCIATED_BYTES];

    make_associated(access, principal, associated);
    return keyring_decrypt(access->keyring, access_key, bytes_of(associated, sizeof associated),
                           bytes_of(principal->factor.totp, FACTOR_BOX_BYTES), ret_secret);
}

static enum status
seal_factor(const struct access *access, const struct access_enrolment *enrolment,
            struct principal *principal)
{
    uint8_t associated[ASSOCIATED_BYTES];

    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        code_digest(keyring_vault_id(access->keyring), principal->number, enrolment->recovery[i],
                    RECOVERY_BYTES, principal->factor.recovery[i], CODE_DIGEST_BYTES);
    }
    principal->factor.used_step = enrolment->used_step; /* of this secret */
    make_associated(access, principal, associated);
    return keyring_encrypt(access->keyring, access_key, bytes_of(associated, sizeof associated),
                           bytes_of(enrolment->totp, TOTP_SECRET_BYTES), principal->factor.totp);
}

bool
access_code_is_hers(const struct access *access, const struct principal *principal,
                    const uint8_t *code)
{
    uint8_t digest[ACCESS_DIGEST_BYTES];

    code_digest(keyring_vault_id(access->keyring), principal->number, code, CODE_BYTES, digest,
                sizeof digest);
    return principal->invited && clock_vault_ms() < principal->invited_until_ms &&
           sodium_memcmp(digest, principal->code, sizeof digest) == 0;
}

bool
access_find_recovery(const struct access *access, const struct principal *principal,
                     const uint8_t *code, size_t *ret_index)
{
    uint8_t digest[CODE_DIGEST_BYTES];
    bool found = false;

    code_digest(keyring_vault_id(access->keyring), principal->number, code, RECOVERY_BYTES, digest,
                sizeof digest);
    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        if (sodium_memcmp(digest, principal->factor.recovery[i], sizeof digest) == 0) {
            *ret_index = i;
            found = true;
        }
    }
    return found;
}

size_t
access_recovery_left(const struct principal *principal)
{
    size_t left = 0;

    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        left += !is_zero(principal->factor.recovery[i], CODE_DIGEST_BYTES);
    }
    return left;
}

/* ---- changes ---- */

void
access_invite(const struct access *access, struct principal *principal,
              const struct access_invitation *invitation)
{
    principal->invited = true;
    principal->invited_until_ms = invitation->until_ms;
    code_digest(keyring_vault_id(access->keyring), principal->number, invitation->code, CODE_BYTES,
                principal->code, ACCESS_DIGEST_BYTES);
}

/* To be changed; NULL: *ret_fault says why not, and *ret_status. */
static struct principal_entry *
copy_person(const struct access *access, struct bytes name, enum status *ret_status,
            const char **ret_fault)
{
    const struct principal *principal = access_by_name(access, name);
    struct principal_entry *copy;

    if (principal == NULL) {
        *ret_status = access_refuse(STATUS_NOT_FOUND, "there is no such principal", ret_fault);
        return NULL;
    }
    if (principal->kind != PRINCIPAL_PERSON) {
        *ret_status = access_refuse(STATUS_INVALID, "only persons enrol", ret_fault);
        return NULL;
    }
    if (principal->offboarded) {
        *ret_status = access_refuse(STATUS_CONFLICT, ACCESS_OFFBOARDED, ret_fault);
        return NULL;
    }
    if (principal->bootstrap || principal->disabled) {
        *ret_status = access_refuse(STATUS_CONFLICT,
                                    principal->disabled
                                        ? "this principal is disabled"
                                        : "the first admin does not enrol: add yourself as a "
                                          "person by another name, who becomes admin in its place",
                                    ret_fault);
        return NULL;
    }
    copy = access_copy_principal(access, principal);
    if (copy == NULL) {
        *ret_status = access_refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    return copy;
}

enum status
access_prepare_invitation(struct access *access, struct bytes name,
                          const struct access_invitation *invitation,
                          struct access_change **ret_change, const char **ret_fault)
{
    enum status status = STATUS_OK;
    struct access_entry entry = {.principal = copy_person(access, name, &status, ret_fault)};

    if (entry.principal == NULL) {
        return status;
    }
    access_invite(access, &entry.principal->principal, invitation);
    return access_prepare(access, &entry, false, ret_change, ret_fault);
}

static void
take_key(struct principal_entry *entry, const uint8_t *public_key)
{
    struct principal *principal = &entry->principal;

    principal->has_key = true;
    memcpy(principal->public_key, public_key, PUBLIC_KEY_BYTES);
    access_identify(entry);
    principal->invited = false;
    principal->invited_until_ms = 0;
    memset(principal->code, 0, sizeof principal->code);
}

enum status
access_prepare_enrolment(struct access *access, struct bytes name,
                         const struct access_enrolment *enrolment,
                         struct access_change **ret_change, const char **ret_fault)
{
    enum status status = STATUS_OK;
    struct access_entry entry = {0};

    if (crypto_core_ed25519_is_valid_point(enrolment->public_key) != 1) {
        return access_refuse(STATUS_INVALID, "this is not an Ed25519 public key", ret_fault);
    }
    if (access_by_key(access, enrolment->public_key) != NULL) {
        return access_refuse(STATUS_CONFLICT, "this key belongs to somebody already", ret_fault);
    }
    entry.principal = copy_person(access, name, &status, ret_fault);
    if (entry.principal == NULL) {
        return status;
    }
    if (!entry.principal->principal.invited) {
        access_entry_free(&entry);
        return access_refuse(STATUS_CONFLICT, "this person is not invited", ret_fault);
    }
    take_key(entry.principal, enrolment->public_key);
    status = seal_factor(access, enrolment, &entry.principal->principal);
    if (status != STATUS_OK) {
        access_entry_free(&entry);
        return access_refuse(status, "the vault is sealed", ret_fault);
    }
    return access_prepare(access, &entry, false, ret_change, ret_fault);
}

/* Who logs in changes nothing about what she was granted: what has ended stays there, so that she
 * is told so. Who comes to free a full disk may have nothing else left: reserved. */
enum status
access_prepare_login(struct access *access, struct bytes name, const struct factor_used *used,
                     struct access_change **ret_change, const char **ret_fault)
{
    enum status status = STATUS_OK;
    struct access_entry entry = {.principal = copy_person(access, name, &status, ret_fault)};
    struct factor *factor;

    if (entry.principal == NULL) {
        return status;
    }
    *entry.principal = *access->principals[entry.principal->principal.number - 1];
    factor = &entry.principal->principal.factor;
    if (used->by_recovery) {
        memset(factor->recovery[used->index], 0, CODE_DIGEST_BYTES);
    } else {
        factor->used_step = used->step;
    }
    return access_prepare(access, &entry, true, ret_change, ret_fault);
}

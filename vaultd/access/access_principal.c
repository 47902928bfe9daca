/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of principals: made, disabled and enabled. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "access_change.h"
#include "access_internal.h"
#include "clock.h"

/* Everything about the request but what is there already. */
static const char *
spec_fault(const struct access_principal_spec *spec)
{
    if (!access_name_valid(spec->name)) {
        return "a principal's name is 1 to 64 of a-z 0-9 . _ -, the first a letter or digit";
    }
    if (spec->kind != PRINCIPAL_SERVICE && spec->kind != PRINCIPAL_PERSON) {
        return "a principal is a service or a person";
    }
    if (spec->kind == PRINCIPAL_PERSON && spec->public_key != NULL) {
        return "a person makes her key herself, when she enrols: give none";
    }
    if (spec->kind == PRINCIPAL_SERVICE && (spec->uid != NULL) == (spec->public_key != NULL)) {
        return "a service has either a uid or a public key";
    }
    if (spec->uid != NULL && !access_uid_valid(*spec->uid)) {
        return "this uid is what the kernel says for users it cannot map";
    }
    if (spec->public_key != NULL && crypto_core_ed25519_is_valid_point(spec->public_key) != 1) {
        return "this is not an Ed25519 public key";
    }
    if (spec->relayed && spec->uid != NULL) {
        return "who is known by a uid cannot be relayed";
    }
    return NULL;
}

/* Against what is there. */
static enum status
check_new(const struct access *access, const struct access_principal_spec *spec,
          const char **ret_fault)
{
    if (access_by_name(access, spec->name) != NULL) {
        return access_refuse(STATUS_CONFLICT, "there is a principal of this name", ret_fault);
    }
    if (spec->uid != NULL && access_by_uid(access, *spec->uid) != NULL) {
        return access_refuse(STATUS_CONFLICT, "this uid belongs to another principal", ret_fault);
    }
    if (spec->public_key != NULL && access_by_key(access, spec->public_key) != NULL) {
        return access_refuse(STATUS_CONFLICT, "this key belongs to another principal", ret_fault);
    }
    if (access->principal_count == ACCESS_ROWS_MAX) {
        return access_refuse(STATUS_TOO_LARGE, "there are as many principals as there can be",
                             ret_fault);
    }
    return STATUS_OK;
}

static void
fill(const struct access *access, struct principal_entry *entry,
     const struct access_principal_spec *spec, uint32_t number)
{
    struct principal *principal = &entry->principal;

    principal->number = number;
    principal->kind = spec->kind;
    principal->relayed = spec->relayed;
    principal->created_ms = clock_wall_ms();
    memcpy(principal->name, spec->name.data, spec->name.size);
    if (spec->uid != NULL) {
        principal->has_uid = true;
        principal->uid = *spec->uid;
    }
    if (spec->public_key != NULL) {
        principal->has_key = true;
        memcpy(principal->public_key, spec->public_key, PUBLIC_KEY_BYTES);
    }
    if (spec->invitation != NULL) {
        access_invite(access, principal, spec->invitation);
    }
    principal->bootstrap = spec->kind == PRINCIPAL_PERSON && spec->invitation == NULL;
    access_identify(entry);
}

enum status
access_prepare_principal(struct access *access, const struct access_principal_spec *spec,
                         struct access_change **ret_change, const char **ret_fault)
{
    const char *fault = spec_fault(spec);
    struct access_entry entry = {0};
    enum status status;

    if (fault != NULL) {
        return access_refuse(STATUS_INVALID, fault, ret_fault);
    }
    status = check_new(access, spec, ret_fault);
    if (status != STATUS_OK) {
        return status;
    }
    entry.principal = calloc(1, sizeof *entry.principal);
    if (entry.principal == NULL) {
        return access_refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    fill(access, entry.principal, spec, (uint32_t)access->principal_count + 1);
    return access_prepare(access, &entry, false, ret_change, ret_fault);
}

/* ---- changes of a principal that is there ---- */

struct principal_entry *
access_copy_principal(const struct access *access, const struct principal *principal)
{
    struct principal_entry *copy = malloc(sizeof *copy);
    size_t kept = 0;

    if (copy == NULL) {
        return NULL;
    }
    *copy = *access->principals[principal->number - 1];
    for (size_t i = 0; i < copy->principal.grant_count; i++) {
        if (!access_grant_is_over(access, &copy->principal.grants[i])) {
            copy->principal.grants[kept++] = copy->principal.grants[i];
        }
    }
    copy->principal.grant_count = kept;
    return copy;
}

bool
access_is_lasting_admin(const struct principal *principal)
{
    for (size_t i = 0; !principal->disabled && i < principal->grant_count; i++) {
        if (principal->grants[i].role == ROLE_ADMIN && principal->grants[i].ends_ms == 0) {
            return true;
        }
    }
    return false;
}

enum status
access_check_last_admin(const struct access *access, const struct principal *principal,
                        const char **ret_fault)
{
    bool last = access_is_lasting_admin(principal) &&
                !(principal->bootstrap && access_has_enrolled_admin(access));

    for (size_t i = 0; last && i < access->principal_count; i++) {
        const struct principal *other = &access->principals[i]->principal;

        last = other == principal || !access_is_lasting_admin(other) ||
               (other->bootstrap && access_has_enrolled_admin(access));
    }
    return last ? access_refuse(STATUS_CONFLICT,
                                "this is the last admin without an end: make another one first",
                                ret_fault)
                : STATUS_OK;
}

/* What stops somebody must be possible on a full disk. */
static enum status
prepare_disabled(struct access *access, const struct principal *principal, bool disabled,
                 struct access_change **ret_change, const char **ret_fault)
{
    struct access_entry entry = {.principal = access_copy_principal(access, principal)};

    if (entry.principal == NULL) {
        return access_refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    entry.principal->principal.disabled = disabled;
    return access_prepare(access, &entry, disabled, ret_change, ret_fault);
}

enum status
access_prepare_disable(struct access *access, struct bytes name, struct access_change **ret_change,
                       const char **ret_fault)
{
    const struct principal *principal = access_by_name(access, name);
    enum status status;

    if (principal == NULL) {
        return access_refuse(STATUS_NOT_FOUND, "there is no such principal", ret_fault);
    }
    if (principal->disabled) {
        return access_refuse(STATUS_CONFLICT, "this principal is disabled already", ret_fault);
    }
    status = access_check_last_admin(access, principal, ret_fault);
    if (status != STATUS_OK) {
        return status;
    }
    return prepare_disabled(access, principal, true, ret_change, ret_fault);
}

enum status
access_prepare_enable(struct access *access, struct bytes name, struct access_change **ret_change,
                      const char **ret_fault)
{
    const struct principal *principal = access_by_name(access, name);

    if (principal == NULL) {
        return access_refuse(STATUS_NOT_FOUND, "there is no such principal", ret_fault);
    }
    if (principal->offboarded) {
        return access_refuse(STATUS_CONFLICT, ACCESS_OFFBOARDED, ret_fault);
    }
    if (!principal->disabled) {
        return access_refuse(STATUS_CONFLICT, "this principal is not disabled", ret_fault);
    }
    if (principal->bootstrap) {
        return access_refuse(STATUS_CONFLICT,
                             "this is the first admin, who is known by a uid alone, and was "
                             "disabled for good",
                             ret_fault);
    }
    return prepare_disabled(access, principal, false, ret_change, ret_fault);
}

/* ---- another key ---- */

static enum status
check_key(const struct access *access, const struct principal *principal,
          const uint8_t public_key[static PUBLIC_KEY_BYTES], const char **ret_fault)
{
    const struct principal *holder = access_by_key(access, public_key);

    if (principal->kind != PRINCIPAL_SERVICE) {
        return access_refuse(STATUS_INVALID,
                             "only a service is given a key: a person makes her own", ret_fault);
    }
    if (crypto_core_ed25519_is_valid_point(public_key) != 1) {
        return access_refuse(STATUS_INVALID, "this is not an Ed25519 public key", ret_fault);
    }
    if (holder != NULL) {
        return access_refuse(STATUS_CONFLICT,
                             holder == principal ? "this is its key already"
                                                 : "this key belongs to another principal",
                             ret_fault);
    }
    return STATUS_OK;
}

enum status
access_prepare_key(struct access *access, struct bytes name,
                   const uint8_t public_key[static PUBLIC_KEY_BYTES],
                   struct access_change **ret_change, const char **ret_fault)
{
    const struct principal *principal = access_by_name(access, name);
    struct access_entry entry = {0};
    enum status status;

    if (principal == NULL) {
        return access_refuse(STATUS_NOT_FOUND, "there is no such principal", ret_fault);
    }
    if (principal->offboarded) { /* its key stays taken */
        return access_refuse(STATUS_CONFLICT, ACCESS_OFFBOARDED, ret_fault);
    }
    status = check_key(access, principal, public_key, ret_fault);
    if (status != STATUS_OK) {
        return status;
    }
    entry.principal = access_copy_principal(access, principal);
    if (entry.principal == NULL) {
        return access_refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    entry.principal->principal.has_uid = false;
    entry.principal->principal.uid = 0;
    entry.principal->principal.has_key = true;
    memcpy(entry.principal->principal.public_key, public_key, PUBLIC_KEY_BYTES);
    access_identify(entry.principal);
    return access_prepare(access, &entry, false, ret_change, ret_fault);
}

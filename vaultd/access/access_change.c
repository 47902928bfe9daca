/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of the access state: checked and sealed first, committed after the audit holds them. */
#include "access.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "access_internal.h"
#include "access_row.h"
#include "clock.h"
#include "store.h"

/* One of the two entries is there: the row as it will be. */
struct access_change {
    struct principal_entry *principal;
    struct namespace_entry *namespace_entry;
    enum store_put_mode mode;
    struct access_row row;
    uint8_t digest[ACCESS_DIGEST_BYTES];
};

static enum status
refuse(enum status status, const char *fault, const char **ret_fault)
{
    *ret_fault = fault;
    return status;
}

/* A row that could not be made ready: not for anything in the request. */
static enum status
pass_on(enum status status, const char **ret_fault)
{
    if (status != STATUS_OK) {
        *ret_fault = status == STATUS_SEALED ? "the vault is sealed" : "out of memory";
    }
    return status;
}

void
access_change_free(struct access_change **change)
{
    if (*change == NULL) {
        return;
    }
    free((*change)->principal);
    free((*change)->namespace_entry);
    free(*change);
    *change = NULL;
}

/* Takes *entry. The entry is either there already or new. */
static enum status
prepare_principal_row(struct access *access, struct principal_entry **entry,
                      struct access_change **ret_change)
{
    struct access_change *change = calloc(1, sizeof *change);
    enum status status = STATUS_INTERNAL;

    if (change != NULL) {
        change->principal = *entry;
        *entry = NULL;
        change->mode = change->principal->principal.number <= access->principal_count
                           ? STORE_REPLACE
                           : STORE_INSERT;
        status = access_row_seal_principal(access->keyring, change->principal, &change->row);
    }
    if (status == STATUS_OK) {
        access_digest_with(access, NULL, change->principal, change->digest);
        *ret_change = change;
        change = NULL;
    }
    access_change_free(&change);
    free(*entry);
    *entry = NULL;
    return status;
}

enum status
access_prepare_namespace(struct access *access, struct bytes name,
                         struct access_change **ret_change, const char **ret_fault)
{
    struct access_change *change;
    struct namespace_entry *entry;
    enum status status;

    if (!access_name_valid(name)) {
        return refuse(STATUS_INVALID,
                      "a namespace's name is 1 to 64 of a-z 0-9 . _ -, the first a letter or digit",
                      ret_fault);
    }
    if (access_namespace(access, name) != NULL) {
        return refuse(STATUS_CONFLICT, "there is a namespace of this name", ret_fault);
    }
    if (access->namespace_count == ACCESS_ROWS_MAX) {
        return refuse(STATUS_TOO_LARGE, "there are as many namespaces as there can be", ret_fault);
    }
    change = calloc(1, sizeof *change);
    entry = calloc(1, sizeof *entry);
    if (change == NULL || entry == NULL) {
        free(change);
        free(entry);
        return refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    change->namespace_entry = entry;
    change->mode = STORE_INSERT;
    entry->row.id = (uint32_t)access->namespace_count + 1;
    entry->row.created_ms = clock_wall_ms();
    memcpy(entry->row.name, name.data, name.size);
    status = access_row_seal_namespace(access->keyring, entry, &change->row);
    if (status != STATUS_OK) {
        access_change_free(&change);
        return pass_on(status, ret_fault);
    }
    access_digest_with(access, entry, NULL, change->digest);
    *ret_change = change;
    return STATUS_OK;
}

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
    if ((spec->uid != NULL) == (spec->public_key != NULL)) {
        return "a principal has either a uid or a public key";
    }
    if (spec->uid != NULL && !access_uid_valid(*spec->uid)) {
        return "this uid is what the kernel says for users it cannot map";
    }
    if (spec->public_key != NULL && crypto_core_ed25519_is_valid_point(spec->public_key) != 1) {
        return "this is not an Ed25519 public key";
    }
    return NULL;
}

enum status
access_prepare_principal(struct access *access, const struct access_principal_spec *spec,
                         struct access_change **ret_change, const char **ret_fault)
{
    const char *fault = spec_fault(spec);
    struct principal_entry *entry;
    struct principal *principal;

    if (fault != NULL) {
        return refuse(STATUS_INVALID, fault, ret_fault);
    }
    if (access_by_name(access, spec->name) != NULL) {
        return refuse(STATUS_CONFLICT, "there is a principal of this name", ret_fault);
    }
    if (spec->uid != NULL && access_by_uid(access, *spec->uid) != NULL) {
        return refuse(STATUS_CONFLICT, "this uid belongs to another principal", ret_fault);
    }
    if (spec->public_key != NULL && access_by_key(access, spec->public_key) != NULL) {
        return refuse(STATUS_CONFLICT, "this key belongs to another principal", ret_fault);
    }
    if (access->principal_count == ACCESS_ROWS_MAX) {
        return refuse(STATUS_TOO_LARGE, "there are as many principals as there can be", ret_fault);
    }
    entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        return refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    principal = &entry->principal;
    principal->number = (uint32_t)access->principal_count + 1;
    principal->kind = spec->kind;
    principal->created_ms = clock_wall_ms();
    memcpy(principal->name, spec->name.data, spec->name.size);
    if (spec->uid != NULL) {
        principal->has_uid = true;
        principal->uid = *spec->uid;
        access_identity_of_uid(principal->uid, entry->identity);
    } else {
        memcpy(principal->public_key, spec->public_key, PUBLIC_KEY_BYTES);
        access_identity_of_key(principal->public_key, entry->identity);
    }
    return pass_on(prepare_principal_row(access, &entry, ret_change), ret_fault);
}

/* ---- changes of a principal that is there ---- */

static size_t
find_grant(const struct principal *principal, enum role role, uint32_t namespace_id)
{
    size_t i = 0;

    while (i < principal->grant_count && (principal->grants[i].role != role ||
                                          principal->grants[i].namespace_id != namespace_id)) {
        i++;
    }
    return i;
}

static bool
is_admin(const struct principal *principal)
{
    return !principal->disabled && find_grant(principal, ROLE_ADMIN, 0) < principal->grant_count;
}

/* Without an admin nobody could ever make one. */
static bool
is_last_admin(const struct access *access, const struct principal *principal)
{
    if (!is_admin(principal)) {
        return false;
    }
    for (size_t i = 0; i < access->principal_count; i++) {
        const struct principal *other = &access->principals[i]->principal;

        if (other != principal && is_admin(other)) {
            return false;
        }
    }
    return true;
}

/* A copy to be changed; NULL: out of memory. */
static struct principal_entry *
copy_principal(const struct access *access, const struct principal *principal)
{
    struct principal_entry *copy = malloc(sizeof *copy);

    if (copy != NULL) {
        *copy = *access->principals[principal->number - 1];
    }
    return copy;
}

enum status
access_prepare_disable(struct access *access, struct bytes name, struct access_change **ret_change,
                       const char **ret_fault)
{
    const struct principal *principal = access_by_name(access, name);
    struct principal_entry *entry;

    if (principal == NULL) {
        return refuse(STATUS_NOT_FOUND, "there is no such principal", ret_fault);
    }
    if (principal->disabled) {
        return refuse(STATUS_CONFLICT, "this principal is disabled already", ret_fault);
    }
    if (is_last_admin(access, principal)) {
        return refuse(STATUS_CONFLICT, "this is the last admin: make another one first", ret_fault);
    }
    entry = copy_principal(access, principal);
    if (entry == NULL) {
        return refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    entry->principal.disabled = true;
    return pass_on(prepare_principal_row(access, &entry, ret_change), ret_fault);
}

static enum status
check_role(const struct access *access, const struct access_grant_spec *spec,
           uint32_t *ret_namespace_id, const char **ret_fault)
{
    bool absent = spec->namespace_name.size == 0;
    const struct namespace_row *row;

    *ret_namespace_id = 0;
    if (spec->role < ROLE_SERVICE || spec->role > ROLE_ADMIN) {
        return refuse(STATUS_INVALID, "there is no such role", ret_fault);
    }
    if (access_role_is_vault_wide(spec->role)) {
        return absent ? STATUS_OK
                      : refuse(STATUS_INVALID, "admin is vault-wide: give no namespace", ret_fault);
    }
    if (absent) {
        return refuse(STATUS_INVALID, "this role is held in a namespace: say which", ret_fault);
    }
    row = access_namespace(access, spec->namespace_name);
    if (row == NULL) {
        return refuse(STATUS_NOT_FOUND, "there is no such namespace", ret_fault);
    }
    *ret_namespace_id = row->id;
    return STATUS_OK;
}

static enum status
check_grant(const struct principal *principal, enum role role, uint32_t namespace_id,
            const char **ret_fault)
{
    const char *fault = access_role_kind_fault(role, principal->kind);

    if (fault != NULL) {
        return refuse(STATUS_INVALID, fault, ret_fault);
    }
    for (size_t i = 0; i < principal->grant_count; i++) {
        fault = access_role_exclusion(role, principal->grants[i].role);
        if (fault != NULL) {
            return refuse(STATUS_CONFLICT, fault, ret_fault);
        }
    }
    if (find_grant(principal, role, namespace_id) < principal->grant_count) {
        return refuse(STATUS_CONFLICT, "this is granted already", ret_fault);
    }
    if (principal->grant_count == ACCESS_GRANTS_MAX) {
        return refuse(STATUS_TOO_LARGE, "this principal holds as many grants as it can", ret_fault);
    }
    return STATUS_OK;
}

static enum status
check_revoke(const struct access *access, const struct principal *principal, enum role role,
             uint32_t namespace_id, const char **ret_fault)
{
    if (find_grant(principal, role, namespace_id) == principal->grant_count) {
        return refuse(STATUS_NOT_FOUND, "this is not granted", ret_fault);
    }
    if (role == ROLE_ADMIN && is_last_admin(access, principal)) {
        return refuse(STATUS_CONFLICT, "this is the last admin: make another one first", ret_fault);
    }
    return STATUS_OK;
}

static void
add_grant(struct principal_entry *entry, enum role role, uint32_t namespace_id)
{
    struct principal *principal = &entry->principal;
    struct grant *grant = &principal->grants[principal->grant_count++];

    *grant = (struct grant){.role = role, .namespace_id = namespace_id};
    if (access_role_is_bound(role)) {
        memcpy(grant->bound_to, entry->identity, ACCESS_DIGEST_BYTES);
    }
}

static void
remove_grant(struct principal_entry *entry, enum role role, uint32_t namespace_id)
{
    struct principal *principal = &entry->principal;
    size_t index = find_grant(principal, role, namespace_id);

    principal->grant_count--;
    memmove(&principal->grants[index], &principal->grants[index + 1],
            (principal->grant_count - index) * sizeof *principal->grants);
}

enum status
access_prepare_grant(struct access *access, const struct access_grant_spec *spec,
                     struct access_change **ret_change, const char **ret_fault)
{
    const struct principal *principal = access_by_name(access, spec->principal);
    struct principal_entry *entry;
    uint32_t namespace_id = 0;
    enum status status;

    if (principal == NULL) {
        return refuse(STATUS_NOT_FOUND, "there is no such principal", ret_fault);
    }
    status = check_role(access, spec, &namespace_id, ret_fault);
    if (status == STATUS_OK) {
        status = spec->revoke ? check_revoke(access, principal, spec->role, namespace_id, ret_fault)
                              : check_grant(principal, spec->role, namespace_id, ret_fault);
    }
    if (status != STATUS_OK) {
        return status;
    }
    entry = copy_principal(access, principal);
    if (entry == NULL) {
        return refuse(STATUS_INTERNAL, "out of memory", ret_fault);
    }
    if (spec->revoke) {
        remove_grant(entry, spec->role, namespace_id);
    } else {
        add_grant(entry, spec->role, namespace_id);
    }
    return pass_on(prepare_principal_row(access, &entry, ret_change), ret_fault);
}

/* ---- committing ---- */

const uint8_t *
access_change_digest(const struct access_change *change)
{
    return change->digest;
}

uint32_t
access_change_id(const struct access_change *change)
{
    assert(change->namespace_entry != NULL);
    return change->namespace_entry->row.id;
}

static enum status
put_row(struct store_txn *txn, void *state)
{
    const struct access_change *change = state;

    return store_put(txn, STORE_ACCESS, change->mode,
                     bytes_of(change->row.key, sizeof change->row.key),
                     bytes_of(change->row.value, change->row.size));
}

enum status
access_commit(struct access *access, struct access_change **change)
{
    enum status status = store_update(access->store, put_row, *change);

    if (status == STATUS_OK && (*change)->principal != NULL) {
        access_put_principal(access, (*change)->principal);
        (*change)->principal = NULL; /* handed over */
    } else if (status == STATUS_OK) {
        access_put_namespace(access, (*change)->namespace_entry);
        (*change)->namespace_entry = NULL; /* handed over */
    }
    access_change_free(change);
    return status;
}

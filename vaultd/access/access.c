/* SPDX-License-Identifier: Apache-2.0 */
#include "access.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "access_internal.h"
#include "access_row.h"
#include "keyring.h"
#include "log.h"
#include "store.h"

static const uint8_t digest_context[] = "contact-vault access 1"; /* without its NUL */

enum status
access_new(struct store *store, const struct keyring *keyring, struct access **ret_access)
{
    struct access *access = sodium_init() < 0 ? NULL : calloc(1, sizeof *access);

    if (access == NULL) {
        return STATUS_INTERNAL;
    }
    access->store = store;
    access->keyring = keyring;
    *ret_access = access;
    return STATUS_OK;
}

void
access_free(struct access **access)
{
    if (*access == NULL) {
        return;
    }
    access_unload(*access);
    free(*access);
    *access = NULL;
}

void
access_unload(struct access *access)
{
    for (size_t i = 0; i < access->principal_count; i++) {
        free(access->principals[i]);
    }
    for (size_t i = 0; i < access->namespace_count; i++) {
        free(access->namespaces[i]);
    }
    access->principal_count = 0;
    access->namespace_count = 0;
}

/* ---- finding ---- */

static int
compare_names(const void *a, const void *b)
{
    const struct principal_entry *const *left = a;
    const struct principal_entry *const *right = b;

    return strcmp((*left)->principal.name, (*right)->principal.name);
}

static int
compare_identities(const void *a, const void *b)
{
    const struct principal_entry *const *left = a;
    const struct principal_entry *const *right = b;

    return memcmp((*left)->identity, (*right)->identity, ACCESS_DIGEST_BYTES);
}

static int
compare_namespaces(const void *a, const void *b)
{
    const struct namespace_entry *const *left = a;
    const struct namespace_entry *const *right = b;

    return strcmp((*left)->row.name, (*right)->row.name);
}

/* Cannot fail: what is committed must come into force. */
static void
resort(void *sorted, const void *all, size_t count, int (*compare)(const void *, const void *))
{
    memcpy(sorted, all, count * sizeof(void *));
    qsort(sorted, count, sizeof(void *), compare);
}

static void
sort_principals(struct access *access)
{
    resort(access->by_name, access->principals, access->principal_count, compare_names);
    resort(access->by_identity, access->principals, access->principal_count, compare_identities);
}

static void
sort_namespaces(struct access *access)
{
    resort(access->namespaces_by_name, access->namespaces, access->namespace_count,
           compare_namespaces);
}

static void
place_principal(struct access *access, struct principal_entry *entry)
{
    size_t index = entry->principal.number - 1;

    assert(index <= access->principal_count && index < ACCESS_ROWS_MAX);
    if (index == access->principal_count) {
        access->principal_count++;
    } else {
        free(access->principals[index]);
    }
    access->principals[index] = entry;
}

static void
place_namespace(struct access *access, struct namespace_entry *entry)
{
    size_t index = entry->row.id - 1;

    assert(index == access->namespace_count && index < ACCESS_ROWS_MAX);
    access->namespaces[index] = entry;
    access->namespace_count++;
}

void
access_put_principal(struct access *access, struct principal_entry *entry)
{
    place_principal(access, entry);
    sort_principals(access);
}

void
access_put_namespace(struct access *access, struct namespace_entry *entry)
{
    place_namespace(access, entry);
    sort_namespaces(access);
}

static const struct principal *
find_identity(const struct access *access, const struct principal_entry *wanted)
{
    struct principal_entry *const *found = bsearch(
        &wanted, access->by_identity, access->principal_count, sizeof(void *), compare_identities);

    return found == NULL ? NULL : &(*found)->principal;
}

const struct principal *
access_by_uid(const struct access *access, uint32_t uid)
{
    struct principal_entry wanted;

    access_identity_of_uid(uid, wanted.identity);
    return find_identity(access, &wanted);
}

const struct principal *
access_by_key(const struct access *access, const uint8_t public_key[static PUBLIC_KEY_BYTES])
{
    struct principal_entry wanted;

    access_identity_of_key(public_key, wanted.identity);
    return find_identity(access, &wanted);
}

const struct principal *
access_by_name(const struct access *access, struct bytes name)
{
    struct principal_entry wanted;
    const struct principal_entry *key = &wanted;
    struct principal_entry *const *found;

    if (!access_name_valid(name)) {
        return NULL;
    }
    memcpy(wanted.principal.name, name.data, name.size);
    wanted.principal.name[name.size] = '\0';
    found = bsearch(&key, access->by_name, access->principal_count, sizeof(void *), compare_names);
    return found == NULL ? NULL : &(*found)->principal;
}

const struct principal *
access_by_number(const struct access *access, uint32_t number)
{
    return number >= 1 && number <= access->principal_count
               ? &access->principals[number - 1]->principal
               : NULL;
}

const struct principal *
access_principal_at(const struct access *access, size_t index)
{
    assert(index < access->principal_count);
    return &access->principals[index]->principal;
}

size_t
access_principal_count(const struct access *access)
{
    return access->principal_count;
}

const struct namespace_row *
access_namespace(const struct access *access, struct bytes name)
{
    struct namespace_entry wanted;
    const struct namespace_entry *key = &wanted;
    struct namespace_entry *const *found;

    if (!access_name_valid(name)) {
        return NULL;
    }
    memcpy(wanted.row.name, name.data, name.size);
    wanted.row.name[name.size] = '\0';
    found = bsearch(&key, access->namespaces_by_name, access->namespace_count, sizeof(void *),
                    compare_namespaces);
    return found == NULL ? NULL : &(*found)->row;
}

const struct namespace_row *
access_namespace_by_id(const struct access *access, uint32_t id)
{
    return id >= 1 && id <= access->namespace_count ? &access->namespaces[id - 1]->row : NULL;
}

const struct namespace_row *
access_namespace_at(const struct access *access, size_t index)
{
    assert(index < access->namespace_count);
    return &access->namespaces[index]->row;
}

size_t
access_namespace_count(const struct access *access)
{
    return access->namespace_count;
}

const struct namespace_row *
access_only_namespace(const struct access *access, const struct principal *principal)
{
    uint32_t only = 0;

    for (size_t i = 0; i < principal->grant_count; i++) {
        uint32_t id = principal->grants[i].namespace_id;

        if (id != 0 && only != 0 && id != only) {
            return NULL;
        }
        only = id != 0 ? id : only;
    }
    return access_namespace_by_id(access, only);
}

bool
access_may(const struct access *access, const struct principal *principal, unsigned capabilities,
           uint32_t namespace_id)
{
    const uint8_t *identity;

    if (principal->disabled || principal->number == 0 ||
        principal->number > access->principal_count) {
        return false;
    }
    identity = access->principals[principal->number - 1]->identity;
    for (size_t i = 0; i < principal->grant_count; i++) {
        const struct grant *grant = &principal->grants[i];

        if (grant->namespace_id == namespace_id &&
            (access_role_capabilities(grant->role) & capabilities) != 0 &&
            (!access_role_is_bound(grant->role) ||
             memcmp(grant->bound_to, identity, ACCESS_DIGEST_BYTES) == 0)) {
            return true;
        }
    }
    return false;
}

/* ---- loading ---- */

static enum status
load_namespace(struct access *access, struct bytes key, struct bytes value)
{
    struct namespace_entry *entry = calloc(1, sizeof *entry);
    enum status status = STATUS_INTERNAL;

    if (entry != NULL) {
        status = access_row_open_namespace(access->keyring, key, value, entry);
    }
    if (status != STATUS_OK) {
        free(entry);
        return status;
    }
    place_namespace(access, entry);
    return STATUS_OK;
}

static bool
grants_known(const struct access *access, const struct principal *principal)
{
    for (size_t i = 0; i < principal->grant_count; i++) {
        if (principal->grants[i].namespace_id > access->namespace_count) {
            return false;
        }
    }
    return true;
}

static enum status
load_principal(struct access *access, struct bytes key, struct bytes value)
{
    struct principal_entry *entry = calloc(1, sizeof *entry);
    enum status status = STATUS_INTERNAL;

    if (entry != NULL) {
        status = access_row_open_principal(access->keyring, key, value, entry);
    }
    if (status == STATUS_OK && !grants_known(access, &entry->principal)) {
        status = STATUS_CORRUPT;
    }
    if (status != STATUS_OK) {
        free(entry);
        return status;
    }
    place_principal(access, entry);
    return STATUS_OK;
}

/* Namespaces come first: 'n' is before 'p'. */
static enum status
load_row(void *state, struct bytes key, struct bytes value)
{
    struct access *access = state;
    uint8_t type = 0;
    uint32_t number = 0;
    size_t count;
    enum status status = access_row_read_key(key, &type, &number);

    if (status != STATUS_OK) {
        return status;
    }
    count = type == ACCESS_ROW_NAMESPACE ? access->namespace_count : access->principal_count;
    if (count == ACCESS_ROWS_MAX || number != count + 1) {
        return STATUS_CORRUPT; /* a row is missing, or one too many */
    }
    return type == ACCESS_ROW_NAMESPACE ? load_namespace(access, key, value)
                                        : load_principal(access, key, value);
}

static enum status
load_all(struct store_txn *txn, void *state)
{
    struct access *access = state;

    access_unload(access);
    return store_scan(txn, STORE_ACCESS, (struct bytes){0}, (struct bytes){0}, load_row, access);
}

/* Once sorted, what stands twice stands side by side. */
static bool
all_different(const struct access *access)
{
    for (size_t i = 1; i < access->principal_count; i++) {
        if (compare_names(&access->by_name[i - 1], &access->by_name[i]) == 0 ||
            compare_identities(&access->by_identity[i - 1], &access->by_identity[i]) == 0) {
            return false;
        }
    }
    for (size_t i = 1; i < access->namespace_count; i++) {
        if (compare_namespaces(&access->namespaces_by_name[i - 1],
                               &access->namespaces_by_name[i]) == 0) {
            return false;
        }
    }
    return true;
}

enum status
access_load(struct access *access)
{
    enum status status = store_view(access->store, load_all, access);

    if (status == STATUS_OK) {
        sort_principals(access);
        sort_namespaces(access);
        status = all_different(access) ? STATUS_OK : STATUS_CORRUPT;
    }
    if (status != STATUS_OK) {
        LOG(LOG_LEVEL_ERROR, EVENT_ACCESS_REFUSED, F("namespaces", access->namespace_count),
            F("principals", access->principal_count), F_STATUS("status", status));
        access_unload(access);
    }
    return status;
}

static void
add_hash(crypto_generichash_state *state, const uint8_t hash[static ACCESS_DIGEST_BYTES])
{
    (void)crypto_generichash_update(state, hash, ACCESS_DIGEST_BYTES);
}

void
access_digest_with(const struct access *access, const struct namespace_entry *added,
                   const struct principal_entry *put,
                   uint8_t ret_digest[static ACCESS_DIGEST_BYTES])
{
    size_t put_index = put == NULL ? SIZE_MAX : put->principal.number - 1;
    crypto_generichash_state state;

    (void)crypto_generichash_init(&state, NULL, 0, ACCESS_DIGEST_BYTES);
    (void)crypto_generichash_update(&state, digest_context, sizeof digest_context - 1);
    for (size_t i = 0; i < access->namespace_count; i++) {
        add_hash(&state, access->namespaces[i]->hash);
    }
    if (added != NULL) {
        add_hash(&state, added->hash);
    }
    for (size_t i = 0; i < access->principal_count; i++) {
        add_hash(&state, i == put_index ? put->hash : access->principals[i]->hash);
    }
    if (put_index == access->principal_count) {
        add_hash(&state, put->hash);
    }
    (void)crypto_generichash_final(&state, ret_digest, ACCESS_DIGEST_BYTES);
}

void
access_digest(const struct access *access, uint8_t ret_digest[static ACCESS_DIGEST_BYTES])
{
    access_digest_with(access, NULL, NULL, ret_digest);
}

static const uint8_t tag_context[] = "contact-vault access tag 1"; /* without its NUL */

enum status
access_tag(const struct access *access, uint64_t sequence,
           const uint8_t digest[static ACCESS_DIGEST_BYTES],
           uint8_t ret_tag[static ACCESS_DIGEST_BYTES])
{
    enum { CONTEXT_BYTES = sizeof tag_context - 1 };
    uint8_t message[CONTEXT_BYTES + VAULT_ID_BYTES + 8 + ACCESS_DIGEST_BYTES];

    memcpy(message, tag_context, CONTEXT_BYTES);
    memcpy(message + CONTEXT_BYTES, keyring_vault_id(access->keyring), VAULT_ID_BYTES);
    put_u64(message + CONTEXT_BYTES + VAULT_ID_BYTES, sequence);
    memcpy(message + CONTEXT_BYTES + VAULT_ID_BYTES + 8, digest, ACCESS_DIGEST_BYTES);
    return keyring_tag(access->keyring, bytes_of(message, sizeof message), ret_tag);
}

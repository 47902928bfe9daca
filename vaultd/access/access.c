/* SPDX-License-Identifier: Apache-2.0 */
#include "access.h"

#include <assert.h>
#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "access_internal.h"
#include "keyring.h"

static const uint8_t digest_context[] = "contact-vault access 1"; /* without its NUL */

enum status
access_new(struct store *store, const struct keyring *keyring,
           const struct access_budgets *defaults, struct access **ret_access)
{
    struct access *access = sodium_init() < 0 ? NULL : calloc(1, sizeof *access);

    if (access == NULL) {
        return STATUS_INTERNAL;
    }
    access->store = store;
    access->keyring = keyring;
    access->defaults = *defaults;
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
    for (size_t i = 0; i < access->recipient_count; i++) {
        free(access->recipients[i]);
    }
    for (size_t i = 0; i < access->canary_count; i++) {
        free(access->canaries[i]);
    }
    free(access->settings);
    access->settings = NULL;
    access->canary_count = 0;
    access->canaries_set = 0;
    access->recipient_count = 0;
    access->principal_count = 0;
    access->namespace_count = 0;
}

void
access_entry_free(struct access_entry *entry)
{
    free(entry->namespace_entry);
    free(entry->principal);
    free(entry->recipient);
    free(entry->canary);
    free(entry->settings);
    *entry = (struct access_entry){0};
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

void
access_sort(struct access *access)
{
    resort(access->by_name, access->principals, access->principal_count, compare_names);
    resort(access->by_identity, access->principals, access->principal_count, compare_identities);
    resort(access->namespaces_by_name, access->namespaces, access->namespace_count,
           compare_namespaces);
    access_sort_canaries(access);
}

/* Row `number` of one type, whose pointers stand in `entries`: in place of the one there, or behind
 * the last. */
static void
place(void *entries, size_t *count, size_t most, uint32_t number, void *entry)
{
    size_t index = number - 1;
    uint8_t *slot = (uint8_t *)entries + index * sizeof entry;
    void *old = NULL;

    assert(index <= *count && index < most);
    if (index == *count) {
        (*count)++;
    } else {
        memcpy(&old, slot, sizeof old);
    }
    free(old);
    memcpy(slot, &entry, sizeof entry);
}

void
access_place(struct access *access, struct access_entry *entry)
{
    if (entry->namespace_entry != NULL) {
        place(access->namespaces, &access->namespace_count, ACCESS_ROWS_MAX,
              entry->namespace_entry->row.id, entry->namespace_entry);
    } else if (entry->principal != NULL) {
        place(access->principals, &access->principal_count, ACCESS_ROWS_MAX,
              entry->principal->principal.number, entry->principal);
    } else if (entry->recipient != NULL) {
        place(access->recipients, &access->recipient_count, ACCESS_RECIPIENTS_MAX,
              entry->recipient->recipient.number, entry->recipient);
    } else if (entry->canary != NULL) {
        place(access->canaries, &access->canary_count, ACCESS_CANARIES_MAX,
              entry->canary->canary.number, entry->canary);
    } else {
        free(access->settings);
        access->settings = entry->settings;
    }
    *entry = (struct access_entry){0};
}

/* Of persons, whose identity is another. */
static bool
uids_different(const struct access *access)
{
    for (size_t i = 0; i < access->principal_count; i++) {
        const struct principal *principal = &access->principals[i]->principal;

        if (principal->has_uid && !principal->offboarded &&
            access_by_uid(access, principal->uid) != principal) {
            return false;
        }
    }
    return true;
}

/* What stands twice stands side by side. */
bool
access_all_different(const struct access *access)
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
    return uids_different(access) && access_recipients_different(access) &&
           access_canaries_sound(access);
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
    const struct principal *found;

    access_identity_of_uid(uid, wanted.identity);
    found = find_identity(access, &wanted);
    /* A person's identity is her key. */
    for (size_t i = 0; found == NULL && i < access->principal_count; i++) {
        const struct principal *principal = &access->principals[i]->principal;

        if (principal->has_uid && principal->uid == uid && !principal->offboarded) {
            found = principal;
        }
    }
    return found;
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

enum freeze
access_frozen(const struct access *access)
{
    return access->settings == NULL ? FREEZE_NONE : access->settings->freeze;
}

/* ---- what the log vouches for ---- */

static void
add_hash(crypto_generichash_state *state, const uint8_t hash[static ACCESS_DIGEST_BYTES])
{
    (void)crypto_generichash_update(state, hash, ACCESS_DIGEST_BYTES);
}

/* Rows of one type, whose pointers stand in `entries` and whose hashes at `offset` in each: in the
 * order of their numbers, with that of `put`, if it is there, at its own. */
static void
add_rows(crypto_generichash_state *state, const void *entries, size_t count, size_t offset,
         const void *put, uint32_t number)
{
    size_t index = put == NULL ? SIZE_MAX : number - 1;

    for (size_t i = 0; i < count || i == index; i++) {
        const uint8_t *row = put;

        if (i != index) {
            memcpy(&row, (const uint8_t *)entries + i * sizeof row, sizeof row);
        }
        add_hash(state, row + offset);
    }
}

#define ADD_ROWS(state, access, rows, count, type, put, number)                                    \
    add_rows(state, (access)->rows, (access)->count, offsetof(struct type, hash), put,             \
             (put) == NULL ? 0 : (put)->number)

void
access_digest_with(const struct access *access, const struct access_entry *put,
                   uint8_t ret_digest[static ACCESS_DIGEST_BYTES])
{
    const struct settings_entry *settings = put->settings ? put->settings : access->settings;
    crypto_generichash_state state;

    (void)crypto_generichash_init(&state, NULL, 0, ACCESS_DIGEST_BYTES);
    (void)crypto_generichash_update(&state, digest_context, sizeof digest_context - 1);
    ADD_ROWS(&state, access, canaries, canary_count, canary_entry, put->canary, canary.number);
    ADD_ROWS(&state, access, namespaces, namespace_count, namespace_entry, put->namespace_entry,
             row.id);
    ADD_ROWS(&state, access, principals, principal_count, principal_entry, put->principal,
             principal.number);
    ADD_ROWS(&state, access, recipients, recipient_count, recipient_entry, put->recipient,
             recipient.number);
    if (settings != NULL) {
        add_hash(&state, settings->hash);
    }
    (void)crypto_generichash_final(&state, ret_digest, ACCESS_DIGEST_BYTES);
}

void
access_digest(const struct access *access, uint8_t ret_digest[static ACCESS_DIGEST_BYTES])
{
    access_digest_with(access, &(struct access_entry){0}, ret_digest);
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

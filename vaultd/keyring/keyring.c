/* SPDX-License-Identifier: Apache-2.0 */
#include "keyring.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "keyring_disk.h"
#include "keyring_file.h"
#include "keyring_internal.h"
#include "keyring_rows.h"
#include "secret.h"
#include "slot.h"

/* What every vault has from its first moment. In the order of the arena. */
static const struct key_name first_keys[] = {
    {.purpose = KEY_ACCESS, .number = 1},
    {.purpose = KEY_AUDIT, .number = 1},
    {.purpose = KEY_TAG, .number = 1},
    {.purpose = KEY_DATE_ROOT, .number = 1},
};
enum { FIRST_KEYS = sizeof first_keys / sizeof *first_keys };

static enum status
write_file(const char *path, enum keyring_write_mode mode, const struct keyring_header *header,
           const struct secret *root, const struct secret *keys)
{
    uint8_t *file = NULL;
    size_t size = 0;
    enum status status = keyring_file_seal(header, root, keys, &file, &size);

    if (status == STATUS_INTERNAL) {
        status = STATUS_UNAVAILABLE; /* memory short; INTERNAL is for what came after the rename */
    }
    if (status == STATUS_OK) {
        status = keyring_disk_write(path, mode, bytes_of(file, size));
    }
    free(file);
    return status;
}

enum status
keyring_create(const char *path, const uint8_t vault_id[static VAULT_ID_BYTES],
               const struct secret *root, const struct unseal_slot *slot)
{
    const struct unseal_slot keyfile = {.provider = UNSEAL_KEYFILE};
    struct keyring_header header;
    struct secret *keys = NULL;
    enum status status;

    assert(secret_size(root) == ROOT_KEY_BYTES);
    if (sodium_init() < 0) {
        return STATUS_INTERNAL;
    }
    keyring_header_init(&header, vault_id, slot == NULL ? &keyfile : slot);
    status = keyring_rows_extend(NULL, first_keys, FIRST_KEYS, &keys);
    if (status == STATUS_OK) {
        status = write_file(path, KEYRING_WRITE_NEW, &header, root, keys);
    }
    secret_free(&keys);
    return status;
}

enum status
keyring_open(const char *path, struct keyring **ret_keyring)
{
    struct keyring *keyring = calloc(1, sizeof *keyring);
    uint8_t *file = NULL;
    size_t size = 0;
    enum status status = STATUS_INTERNAL;

    if (keyring == NULL || sodium_init() < 0) {
        goto out;
    }
    keyring->path = strdup(path);
    if (keyring->path == NULL) {
        goto out;
    }
    status = keyring_disk_read(path, KEYRING_FILE_BYTES_MAX, &file, &size);
    if (status == STATUS_OK) {
        status = keyring_file_parse(bytes_of(file, size), &keyring->header);
    }
    if (status == STATUS_OK) {
        *ret_keyring = keyring;
        keyring = NULL;
    }

out:
    free(file);
    keyring_close(&keyring);
    return status;
}

void
keyring_close(struct keyring **keyring)
{
    if (*keyring == NULL) {
        return;
    }
    keyring_seal(*keyring);
    free((*keyring)->path);
    free(*keyring);
    *keyring = NULL;
}

const uint8_t *
keyring_vault_id(const struct keyring *keyring)
{
    return keyring_header_vault_id(&keyring->header);
}

uint64_t
keyring_generation(const struct keyring *keyring)
{
    return keyring_header_generation(&keyring->header);
}

void
keyring_slot(const struct keyring *keyring, struct unseal_slot *ret_slot)
{
    keyring_header_slot(&keyring->header, ret_slot);
}

/* The file is read anew: while sealed we keep nothing of it but the header. */
static enum status
load(const struct keyring *keyring, const struct secret *root, struct secret **ret_keys)
{
    struct keyring_header header;
    uint8_t *file = NULL;
    size_t size = 0;
    enum status status = keyring_disk_read(keyring->path, KEYRING_FILE_BYTES_MAX, &file, &size);

    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    }
    status = keyring_file_parse(bytes_of(file, size), &header);
    if (status == STATUS_OK && !bytes_equal(bytes_of(header.data, header.size),
                                            bytes_of(keyring->header.data, keyring->header.size))) {
        status = STATUS_CORRUPT; /* another file was put there since it was opened */
    }
    if (status == STATUS_OK) {
        status = keyring_file_unseal(bytes_of(file, size), &header, root, ret_keys);
    }
    free(file);
    return status;
}

enum status
keyring_unseal(struct keyring *keyring, const struct secret *root)
{
    struct secret *copy = NULL;
    struct secret *keys = NULL;
    enum status status;

    assert(secret_size(root) == ROOT_KEY_BYTES);
    if (keyring_is_unsealed(keyring)) {
        return STATUS_CONFLICT;
    }
    status = load(keyring, root, &keys);
    if (status == STATUS_OK) {
        status = secret_copy(secret_read(root), ROOT_KEY_BYTES, &copy);
    }
    if (status != STATUS_OK) {
        secret_free(&keys);
        return status;
    }
    keyring->root = copy;
    keyring->keys = keys;
    keyring_disk_forget_unfinished(keyring->path);
    return STATUS_OK;
}

void
keyring_seal(struct keyring *keyring)
{
    secret_free(&keyring->keys);
    secret_free(&keyring->root);
}

bool
keyring_is_unsealed(const struct keyring *keyring)
{
    return keyring->keys != NULL;
}

enum status
keyring_find(const struct keyring *keyring, struct key_name name, const uint8_t **ret_key)
{
    size_t index;

    if (!keyring_is_unsealed(keyring)) {
        return STATUS_SEALED;
    }
    if (!keyring_rows_find(keyring->keys, name, &index)) {
        return STATUS_NOT_FOUND;
    }
    *ret_key = secret_read(keyring->keys) + index * KEYRING_ROW_BYTES + KEYRING_KEY_OFFSET;
    return STATUS_OK;
}

bool
keyring_has(const struct keyring *keyring, struct key_name name)
{
    const uint8_t *key;

    return keyring_find(keyring, name, &key) == STATUS_OK;
}

bool
keyring_created(const struct keyring *keyring, struct key_name name, uint64_t *ret_created_ms)
{
    size_t index;

    return keyring_is_unsealed(keyring) && keyring_rows_find(keyring->keys, name, &index) &&
           keyring_at(keyring, index, &name, ret_created_ms);
}

bool
keyring_at(const struct keyring *keyring, size_t index, struct key_name *ret_name,
           uint64_t *ret_created_ms)
{
    const uint8_t *row;

    if (!keyring_is_unsealed(keyring) || index >= secret_size(keyring->keys) / KEYRING_ROW_BYTES) {
        return false;
    }
    row = secret_read(keyring->keys) + index * KEYRING_ROW_BYTES;
    *ret_name = (struct key_name){(enum key_purpose)row[0], get_u32(row + 1), get_u32(row + 5)};
    *ret_created_ms = get_u64(row + KEYRING_CREATED_OFFSET);
    return true;
}

size_t
keyring_index_of(const struct keyring *keyring, struct key_name name)
{
    size_t index = 0;

    if (keyring_is_unsealed(keyring)) {
        (void)keyring_rows_find(keyring->keys, name, &index);
    }
    return index;
}

/* A new set of keys: how it is made from the old one, its file, then its use. */
typedef enum status change_of(const struct secret *old, const struct key_name *names, size_t count,
                              struct secret **ret_keys);

static enum status
change_keys(struct keyring *keyring, change_of *change, const struct key_name *names, size_t count)
{
    struct keyring_header header = keyring->header;
    struct secret *keys = NULL;
    enum status status;

    assert(count > 0);
    if (!keyring_is_unsealed(keyring)) {
        return STATUS_SEALED;
    }
    keyring_header_set_generation(&header, keyring_generation(keyring) + 1);
    status = change(keyring->keys, names, count, &keys);
    /* Memory short is UNAVAILABLE here: INTERNAL tells the caller that the rename was done. */
    if (status == STATUS_INTERNAL) {
        status = STATUS_UNAVAILABLE;
    }
    if (status == STATUS_OK) {
        status = write_file(keyring->path, KEYRING_WRITE_OVER, &header, keyring->root, keys);
    }
    if (status != STATUS_OK) {
        secret_free(&keys);
        return status;
    }
    keyring->header = header;
    secret_free(&keyring->keys); /* wiped, and with it what was removed */
    keyring->keys = keys;
    return STATUS_OK;
}

enum status
keyring_add_keys(struct keyring *keyring, const struct key_name *names, size_t count)
{
    return change_keys(keyring, keyring_rows_extend, names, count);
}

enum status
keyring_remove_keys(struct keyring *keyring, const struct key_name *names, size_t count)
{
    return change_keys(keyring, keyring_rows_reduce, names, count);
}

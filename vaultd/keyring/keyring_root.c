/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with the file as a whole: sealed under another root key, and copied. */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "failpoint.h"
#include "keyring_disk.h"
#include "keyring_internal.h"
#include "keyring_rows.h"
#include "secret.h"

/* What the new file has to give once it is opened. */
struct expected {
    const struct keyring_header *header;
    const struct secret *root, *keys;
};

/* As the next start will open it. */
static enum status
open_afresh(void *state, struct bytes file)
{
    const struct expected *expected = state;
    struct keyring_header header;
    struct secret *keys = NULL;
    enum status status = keyring_file_parse(file, &header);

    if (FAILPOINT("keyring_read_back")) {
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK &&
        !bytes_equal(bytes_of(header.data, header.size),
                     bytes_of(expected->header->data, expected->header->size))) {
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK) {
        status = keyring_file_unseal(file, &header, expected->root, &keys);
    }
    if (status == STATUS_OK &&
        (secret_size(keys) != secret_size(expected->keys) ||
         sodium_memcmp(secret_read(keys), secret_read(expected->keys), secret_size(keys)) != 0)) {
        status = STATUS_CORRUPT;
    }
    secret_free(&keys);
    /* The old file is in place, and good: what could not be written well may be tried again. */
    return status == STATUS_OK ? STATUS_OK : STATUS_UNAVAILABLE;
}

bool
keyring_is_root(const struct keyring *keyring, const struct secret *root)
{
    return keyring->root != NULL && secret_size(root) == secret_size(keyring->root) &&
           sodium_memcmp(secret_read(root), secret_read(keyring->root), secret_size(root)) == 0;
}

enum status
keyring_replace_root(struct keyring *keyring, const struct secret *root,
                     const struct unseal_slot *slot)
{
    struct keyring_header header = keyring->header;
    struct secret *keys = NULL;
    struct secret *copy = NULL;
    uint8_t *file = NULL;
    size_t size = 0;
    enum status status;

    assert(secret_size(root) == ROOT_KEY_BYTES);
    if (!keyring_is_unsealed(keyring)) {
        return STATUS_SEALED;
    }
    keyring_header_set_generation(&header, keyring_generation(keyring) + 1);
    keyring_header_set_slot(&header, slot);
    status = secret_copy(secret_read(root), ROOT_KEY_BYTES, &copy);
    if (status == STATUS_OK) {
        status = keyring_rows_under_new_root(keyring->keys, &keys);
    }
    if (status == STATUS_OK) {
        status = keyring_file_seal(&header, root, keys, &file, &size);
    }
    /* Memory short; INTERNAL is for what came after the rename. */
    status = status == STATUS_INTERNAL ? STATUS_UNAVAILABLE : status;
    if (status == STATUS_OK) {
        struct expected expected = {.header = &header, .root = root, .keys = keys};

        status = keyring_disk_replace(keyring->path, bytes_of(file, size), open_afresh, &expected);
    }
    if (status == STATUS_OK) {
        keyring->header = header;
        secret_free(&keyring->root);
        secret_free(&keyring->keys);
        keyring->root = copy;
        keyring->keys = keys;
        copy = keys = NULL;
    }
    secret_free(&keys);
    secret_free(&copy);
    free(file);
    return status;
}

/* The file at `path`, if it opens as the one in memory did. */
static enum status
check_copy(const struct keyring *keyring, struct bytes file)
{
    struct keyring_header header;
    struct secret *keys = NULL;
    enum status status = keyring_file_parse(file, &header);

    if (status == STATUS_OK && !bytes_equal(bytes_of(header.data, header.size),
                                            bytes_of(keyring->header.data, keyring->header.size))) {
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK) {
        status = keyring_file_unseal(file, &header, keyring->root, &keys);
        status = status == STATUS_DENIED ? STATUS_CORRUPT : status;
    }
    secret_free(&keys);
    return status;
}

enum status
keyring_copy(const struct keyring *keyring, uint8_t **ret_file, size_t *ret_size)
{
    uint8_t *file = NULL;
    size_t size = 0;
    enum status status = STATUS_SEALED;

    if (keyring->root == NULL) {
        return status;
    }
    status = keyring_disk_read(keyring->path, KEYRING_FILE_BYTES_MAX, &file, &size);
    if (status == STATUS_OK) {
        status = check_copy(keyring, bytes_of(file, size));
    }
    if (status == STATUS_OK) {
        *ret_file = file;
        *ret_size = size;
        file = NULL;
    }
    free(file);
    return status;
}

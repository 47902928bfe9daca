/* SPDX-License-Identifier: Apache-2.0 */
/* The keyring's part of a backup, read back: is it the one that belongs to these contents? */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "backup_contents.h"
#include "backup_frame.h"

static bool
belongs(const struct backup_head *head, const struct backup_manifest *manifest)
{
    return memcmp(head->backup_id, manifest->backup_id, sizeof head->backup_id) == 0 &&
           memcmp(head->vault_id, manifest->vault_id, sizeof head->vault_id) == 0 &&
           memcmp(head->instance_id, manifest->instance_id, sizeof head->instance_id) == 0 &&
           head->time_ms == manifest->time_ms;
}

static enum backup_fault
check_head(const struct backup_head *head, const struct backup_manifest *manifest)
{
    if (head->part != BACKUP_KEYRING) {
        return BACKUP_WRONG_PART;
    }
    return manifest == NULL || belongs(head, manifest) ? BACKUP_SOUND : BACKUP_OTHER_KEYRING;
}

/* All chunks into `file` (BACKUP_KEYRING_BYTES_MAX). */
static enum backup_fault
read_all(struct backup_reader *reader, uint8_t *file, size_t *ret_size)
{
    bool last = false;
    size_t size = 0;

    while (!last) {
        struct bytes plain;
        enum backup_fault fault = backup_reader_next(reader, &plain, &last);

        if (fault != BACKUP_SOUND) {
            return fault;
        }
        if (plain.size > BACKUP_KEYRING_BYTES_MAX - size) {
            return BACKUP_FRAME_WRONG;
        }
        memcpy(file + size, plain.data, plain.size);
        size += plain.size;
    }
    *ret_size = size;
    return BACKUP_SOUND;
}

static enum backup_fault
check_digest(struct bytes file, const struct backup_manifest *manifest)
{
    uint8_t digest[BACKUP_DIGEST_BYTES];

    (void)crypto_generichash(digest, sizeof digest, file.data, file.size, NULL, 0);
    return memcmp(digest, manifest->keyring_digest, sizeof digest) == 0 ? BACKUP_SOUND
                                                                        : BACKUP_OTHER_KEYRING;
}

enum backup_fault
backup_keyring_read(struct backup_source source, const struct secret *private_key,
                    const struct backup_manifest *manifest, uint8_t **ret_file, size_t *ret_size)
{
    struct backup_reader *reader = NULL;
    uint8_t *file = malloc(BACKUP_KEYRING_BYTES_MAX);
    size_t size = 0;
    enum backup_fault fault = BACKUP_NO_MEMORY;

    if (file == NULL) {
        return fault;
    }
    fault = backup_reader_open(source, private_key, &reader);
    if (fault == BACKUP_SOUND) {
        fault = check_head(backup_reader_head(reader), manifest);
    }
    if (fault == BACKUP_SOUND) {
        fault = read_all(reader, file, &size);
    }
    if (fault == BACKUP_SOUND && manifest != NULL) {
        fault = check_digest(bytes_of(file, size), manifest);
    }
    if (fault == BACKUP_SOUND) {
        *ret_file = file;
        *ret_size = size;
        file = NULL;
    }
    backup_reader_free(&reader);
    free(file);
    return fault;
}

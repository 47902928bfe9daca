/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_start.h"

#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyring_disk.h"

static const uint8_t magic[] = "cvastart";               /* without its NUL */
static const uint8_t domain[] = "contact-vault start 1"; /* likewise */

enum {
    VERSION = 1,
    MAGIC_BYTES = sizeof magic - 1,
    DOMAIN_BYTES = sizeof domain - 1,
    BODY_OFFSET = MAGIC_BYTES + 4,
    SIGNATURE_OFFSET = BODY_OFFSET + AUDIT_START_BODY_BYTES,
};
_Static_assert(DOMAIN_BYTES + AUDIT_START_BODY_BYTES == AUDIT_START_MESSAGE_BYTES, "as published");
_Static_assert(SIGNATURE_OFFSET + SIGNATURE_BYTES == AUDIT_START_FILE_BYTES, "as published");

/* ---- bytes ---- */

static void
put_body(const struct audit_start *start, uint8_t *to)
{
    memcpy(to, start->vault_id, 16);
    memcpy(to + 16, start->instance_id, INSTANCE_ID_BYTES);
    put_u64(to + 32, start->first);
    put_u64(to + 40, start->time_ms);
    memcpy(to + 48, start->previous, AUDIT_DIGEST_BYTES);
}

void
audit_start_message(const struct audit_start *start,
                    uint8_t ret_message[static AUDIT_START_MESSAGE_BYTES])
{
    memcpy(ret_message, domain, DOMAIN_BYTES);
    put_body(start, ret_message + DOMAIN_BYTES);
}

bool
audit_start_holds(const struct audit_start *start,
                  const uint8_t public_key[static PUBLIC_KEY_BYTES])
{
    uint8_t message[AUDIT_START_MESSAGE_BYTES];

    audit_start_message(start, message);
    return start->first == 1 ||
           crypto_sign_verify_detached(start->signature, message, sizeof message, public_key) == 0;
}

void
audit_start_encode(const struct audit_start *start, uint8_t ret_file[static AUDIT_START_FILE_BYTES])
{
    memcpy(ret_file, magic, MAGIC_BYTES);
    put_u32(ret_file + MAGIC_BYTES, VERSION);
    put_body(start, ret_file + BODY_OFFSET);
    memcpy(ret_file + SIGNATURE_OFFSET, start->signature, SIGNATURE_BYTES);
}

bool
audit_start_decode(struct bytes file, struct audit_start *ret_start)
{
    const uint8_t *body = file.data + BODY_OFFSET;
    struct audit_start start;

    if (file.size != AUDIT_START_FILE_BYTES || memcmp(file.data, magic, MAGIC_BYTES) != 0 ||
        get_u32(file.data + MAGIC_BYTES) != VERSION) {
        return false;
    }
    start = (struct audit_start){.first = get_u64(body + 32), .time_ms = get_u64(body + 40)};
    memcpy(start.vault_id, body, 16);
    memcpy(start.instance_id, body + 16, INSTANCE_ID_BYTES);
    memcpy(start.previous, body + 48, AUDIT_DIGEST_BYTES);
    memcpy(start.signature, file.data + SIGNATURE_OFFSET, SIGNATURE_BYTES);
    if (start.first <= 1) {
        return false; /* then there would be no such file */
    }
    *ret_start = start;
    return true;
}

/* ---- the file ---- */

static enum status
path_in(const char *folder, char ret_path[static PATH_MAX])
{
    int size = snprintf(ret_path, PATH_MAX, "%s/start", folder);

    return size > 0 && size < PATH_MAX ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status
audit_start_read(const char *folder, struct audit_start *ret_start)
{
    char path[PATH_MAX];
    uint8_t *data = NULL;
    size_t size = 0;
    enum status status = path_in(folder, path);

    if (status == STATUS_OK) {
        status = keyring_disk_read(path, AUDIT_START_FILE_BYTES, &data, &size);
    }
    if (status == STATUS_NOT_FOUND) {
        *ret_start = (struct audit_start){.first = 1};
        return STATUS_OK;
    }
    if (status == STATUS_OK && !audit_start_decode(bytes_of(data, size), ret_start)) {
        status = STATUS_CORRUPT;
    }
    free(data);
    return status;
}

enum status
audit_start_write(const char *folder, const struct audit_start *start)
{
    uint8_t file[AUDIT_START_FILE_BYTES];
    char path[PATH_MAX];
    enum status status = path_in(folder, path);

    audit_start_encode(start, file);
    return status == STATUS_OK
               ? keyring_disk_write(path, KEYRING_WRITE_OVER, bytes_of(file, sizeof file))
               : status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_backup: a backup is whatever somebody brings. The first byte of the input says what the rest
 * is: a file; a file of which the header's check is made anew; or what stands inside one, sealed
 * here, so that the fuzzer gets to the frames. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "backup_contents.h"
#include "backup_file.h"
#include "secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEY_FILL = 0x61, CHECK_BYTES = 16, TAIL_BYTES = 24 + 32 };

static struct secret *key;
static uint8_t public_key[BACKUP_KEY_BYTES];

static bool
read_memory(void *state, uint8_t *to, size_t size, size_t *ret_size)
{
    struct bytes *rest = state;
    size_t got = size < rest->size ? size : rest->size;

    if (got > 0) {
        memcpy(to, rest->data, got);
        *rest = bytes_of(rest->data + got, rest->size - got);
    }
    *ret_size = got;
    return true;
}

static void
make_check_anew(uint8_t *file, size_t size)
{
    size_t recipients = size > BACKUP_HEAD_FIXED_BYTES ? file[11] % (BACKUP_RECIPIENTS_MAX + 1) : 0;
    size_t at = BACKUP_HEAD_FIXED_BYTES + recipients * BACKUP_STANZA_BYTES + TAIL_BYTES;

    if (size >= at + CHECK_BYTES) {
        (void)crypto_generichash(file + at, CHECK_BYTES, file, at, NULL, 0);
    }
}

/* In memory of its own, for the caller to free. */
static uint8_t *
seal(struct bytes plain, size_t *ret_size)
{
    struct backup_head head = {.part = BACKUP_CONTENTS, .recipients = 1};
    struct backup_writer *writer = NULL;
    uint8_t *file = malloc(2 * plain.size + 2 * BACKUP_PIECE_BYTES_MAX);
    bool last = plain.size == 0;
    struct bytes preamble;

    memcpy(head.recipient[0], public_key, sizeof public_key);
    if (file == NULL || backup_writer_new(&head, &writer) != STATUS_OK) {
        abort();
    }
    preamble = backup_writer_preamble(writer);
    memcpy(file, preamble.data, preamble.size);
    *ret_size = preamble.size;
    while (!last) {
        size_t size = plain.size < BACKUP_PUT_BYTES_MAX ? plain.size : BACKUP_PUT_BYTES_MAX;

        backup_writer_put(writer, bytes_of(plain.data, size));
        plain = bytes_of(plain.data + size, plain.size - size);
        if (backup_writer_is_full(writer) || plain.size == 0) {
            *ret_size += backup_writer_take(writer, file + *ret_size, &last);
        }
    }
    backup_writer_free(&writer);
    return file;
}

/* Whatever comes out is read to its last byte. */
static void
look(struct bytes file)
{
    struct bytes rest = file;
    struct backup_contents *contents = NULL;
    struct backup_frame frame = {0};
    struct backup_head head;
    volatile size_t sum = 0;

    (void)!backup_head_read((struct backup_source){.read = read_memory, .state = &rest}, &head);
    rest = file;
    if (backup_contents_open((struct backup_source){.read = read_memory, .state = &rest}, key,
                             &contents) == BACKUP_SOUND) {
        while (frame.type != BACKUP_FRAME_MANIFEST &&
               backup_contents_next(contents, &frame) == BACKUP_SOUND) {
            for (size_t i = 0; i < frame.key.size; i++) {
                sum += frame.key.data[i];
            }
            for (size_t i = 0; i < frame.bytes.size; i++) {
                sum += frame.bytes.data[i];
            }
        }
        if (frame.type == BACKUP_FRAME_MANIFEST) {
            sum += backup_manifest_holds(backup_contents_manifest(contents), public_key);
        }
    }
    backup_contents_free(&contents);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *file;
    size_t file_size = size - 1;

    if (key == NULL) {
        if (sodium_init() < 0 || secret_new(BACKUP_KEY_BYTES, &key) != STATUS_OK) {
            abort();
        }
        memset(secret_write(key), KEY_FILL, BACKUP_KEY_BYTES);
        secret_freeze(key);
        (void)crypto_scalarmult_base(public_key, secret_read(key));
    }
    if (size < 2) {
        return 0;
    }
    if (data[0] % 3 == 2) {
        file = seal(bytes_of(data + 1, size - 1), &file_size);
    } else {
        file = malloc(file_size);
        if (file == NULL) {
            return 0;
        }
        memcpy(file, data + 1, file_size);
        if (data[0] % 3 == 1) {
            make_check_anew(file, file_size);
        }
    }
    look(bytes_of(file, file_size));
    free(file);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "backup_made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"

enum { KEYRING_BYTES = 300 };

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

struct backup_source
made_source(struct bytes *rest)
{
    return (struct backup_source){.read = read_memory, .state = rest};
}

struct secret *
made_key(uint8_t number, uint8_t ret_public[static BACKUP_KEY_BYTES])
{
    struct secret *key = NULL;

    assert_int_equal(secret_new(BACKUP_KEY_BYTES, &key), STATUS_OK);
    memset(secret_write(key), 0x40 + number, BACKUP_KEY_BYTES);
    secret_freeze(key);
    assert_int_equal(crypto_scalarmult_base(ret_public, secret_read(key)), 0);
    return key;
}

void
made_head(uint8_t number, enum backup_part part, size_t recipients, struct backup_head *ret_head)
{
    *ret_head = (struct backup_head){
        .part = part, .time_ms = 1700000000000 + number, .recipients = recipients};
    memset(ret_head->backup_id, 0xB0 + number, sizeof ret_head->backup_id);
    memset(ret_head->vault_id, 0x0A, sizeof ret_head->vault_id);
    memset(ret_head->instance_id, 0x0B, sizeof ret_head->instance_id);
    for (size_t i = 0; i < recipients; i++) {
        struct secret *key = made_key((uint8_t)i, ret_head->recipient[i]);

        secret_free(&key);
    }
}

void
made_audit_key(uint8_t ret_public[static 32], uint8_t ret_private[static 64])
{
    uint8_t seed[crypto_sign_SEEDBYTES];

    memset(seed, 'S', sizeof seed);
    assert_int_equal(crypto_sign_seed_keypair(ret_public, ret_private, seed), 0);
}

static struct made_file
begin(const struct backup_head *head, size_t capacity, struct backup_writer **ret_writer)
{
    struct made_file file = {.data = malloc(capacity)};
    struct bytes preamble;

    assert_non_null(file.data);
    assert_int_equal(backup_writer_new(head, ret_writer), STATUS_OK);
    preamble = backup_writer_preamble(*ret_writer);
    memcpy(file.data, preamble.data, preamble.size);
    file.size = file.preamble = preamble.size;
    return file;
}

static void
take_full(struct made_file *file, struct backup_writer *writer)
{
    bool last = false;

    while (backup_writer_is_full(writer)) {
        file->size += backup_writer_take(writer, file->data + file->size, &last);
        assert_false(last);
    }
}

/* Into memory of exactly its size, so that a read past its end is seen. */
static void
end(struct made_file *file, struct backup_writer **writer)
{
    bool last = false;
    uint8_t *fitting;

    take_full(file, *writer);
    file->size += backup_writer_take(*writer, file->data + file->size, &last);
    assert_true(last);
    backup_writer_free(writer);
    fitting = realloc(file->data, file->size);
    assert_non_null(fitting);
    file->data = fitting;
}

struct made_file
made_keyring(const struct backup_head *head, size_t size)
{
    struct backup_writer *writer = NULL;
    struct made_file file = begin(head, size * 2 + 4096, &writer);

    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)i;

        backup_writer_put(writer, bytes_of(&byte, 1));
        take_full(&file, writer);
    }
    end(&file, &writer);
    return file;
}

static void
put_row(struct backup_packer *packer, uint8_t table, uint32_t number)
{
    uint8_t key[4];
    uint8_t value[100];

    put_u32(key, number);
    memset(value, (uint8_t)number, sizeof value);
    backup_packer_put(packer, &(struct backup_frame){.type = BACKUP_FRAME_ROW,
                                                     .table = table,
                                                     .key = bytes_of(key, sizeof key),
                                                     .bytes = bytes_of(value, sizeof value)});
}

static void
fill_manifest(const struct backup_head *head, struct backup_packer *packer,
              struct backup_manifest *manifest)
{
    uint8_t keyring[KEYRING_BYTES];

    for (size_t i = 0; i < sizeof keyring; i++) {
        keyring[i] = (uint8_t)i;
    }
    *manifest = (struct backup_manifest){.time_ms = head->time_ms,
                                         .first_entry = 5,
                                         .last_entry = 6,
                                         .changes = 7,
                                         .next_row = 8,
                                         .keyring_generation = 9};
    memcpy(manifest->backup_id, head->backup_id, sizeof head->backup_id);
    memcpy(manifest->vault_id, head->vault_id, sizeof head->vault_id);
    memcpy(manifest->instance_id, head->instance_id, sizeof head->instance_id);
    (void)crypto_generichash(manifest->keyring_digest, sizeof manifest->keyring_digest, keyring,
                             sizeof keyring, NULL, 0);
    backup_packer_fill_manifest(packer, manifest);
}

static void
sign(struct backup_manifest *manifest)
{
    uint8_t public_key[32];
    uint8_t private_key[64];
    uint8_t message[BACKUP_MANIFEST_MESSAGE_BYTES];

    made_audit_key(public_key, private_key);
    backup_manifest_message(manifest, message);
    assert_int_equal(
        crypto_sign_detached(manifest->signature, NULL, message, sizeof message, private_key), 0);
}

static void
put_log(struct backup_packer *packer)
{
    static const struct {
        enum backup_frame_type type;
        const char *text;
    } frames[] = {{BACKUP_FRAME_START, "cvastart"},
                  {BACKUP_FRAME_ENTRY, "entry five"},
                  {BACKUP_FRAME_ENTRY, "entry six"}};

    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        backup_packer_put(packer, &(struct backup_frame){.type = frames[i].type,
                                                         .bytes = bytes_of_text(frames[i].text)});
    }
}

struct made_file
made_contents(const struct backup_head *head, size_t rows, made_change *change)
{
    struct backup_writer *writer = NULL;
    struct backup_packer *packer = NULL;
    struct backup_manifest manifest;
    struct made_file file = begin(head, rows * 2 * 120 + 2 * BACKUP_PIECE_BYTES_MAX, &writer);

    assert_int_equal(backup_packer_new(writer, &packer), STATUS_OK);
    for (uint8_t table = 0; table < 2; table++) {
        for (uint32_t i = 0; i < rows; i++) {
            put_row(packer, table, i);
            take_full(&file, writer);
        }
    }
    put_log(packer);
    take_full(&file, writer);
    fill_manifest(head, packer, &manifest);
    sign(&manifest);
    if (change != NULL) {
        change(&manifest);
    }
    backup_packer_put_manifest(packer, &manifest);
    backup_packer_free(&packer);
    end(&file, &writer);
    return file;
}

enum backup_fault
made_read_contents(struct bytes file, const struct secret *key,
                   struct backup_manifest *ret_manifest)
{
    struct bytes rest = file;
    struct backup_contents *contents = NULL;
    struct backup_frame frame = {0};
    uint8_t public_key[32];
    uint8_t private_key[64];
    enum backup_fault fault = backup_contents_open(made_source(&rest), key, &contents);

    while (fault == BACKUP_SOUND && frame.type != BACKUP_FRAME_MANIFEST) {
        fault = backup_contents_next(contents, &frame);
    }
    if (fault == BACKUP_SOUND) {
        made_audit_key(public_key, private_key);
        *ret_manifest = *backup_contents_manifest(contents);
        fault = backup_manifest_holds(ret_manifest, public_key) ? BACKUP_SOUND : BACKUP_NOT_SIGNED;
    }
    backup_contents_free(&contents);
    return fault;
}

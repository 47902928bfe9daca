/* SPDX-License-Identifier: Apache-2.0 */
#include "keyring_file.h"

#include <assert.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"
#include "slot.h"

static const uint8_t magic[8] = {'C', 'V', 'K', 'E', 'Y', 'R', 'N', 'G'};
static const uint8_t context[] = "contact-vault keyring 1"; /* without its NUL */

enum {
    VERSION = 1,
    SUITE = 1,
    SLOT_HEADER_BYTES = 3,

    VERSION_OFFSET = sizeof magic,
    SUITE_OFFSET = VERSION_OFFSET + 1,
    VAULT_ID_OFFSET = SUITE_OFFSET + 1,
    GENERATION_OFFSET = VAULT_ID_OFFSET + VAULT_ID_BYTES,
    SLOTS_OFFSET = GENERATION_OFFSET + 8,

    CONTEXT_BYTES = sizeof context - 1,
    DERIVED_BYTES = 2 * KEYRING_KEY_BYTES, /* encryption key, commitment */
};
_Static_assert(SLOTS_OFFSET + 1 == KEYRING_HEADER_FIXED_BYTES, "the header as published");
_Static_assert(ROOT_KEY_BYTES == crypto_generichash_KEYBYTES, "the root key is a BLAKE2b key");
_Static_assert(KEYRING_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "");
_Static_assert(KEYRING_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "");
_Static_assert(KEYRING_TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "");

/* Behind the fixed part: kind, size of the parameters, parameters. */
static void
put_slot(struct keyring_header *header, const struct unseal_slot *slot)
{
    uint8_t bytes[UNSEAL_SLOT_BYTES_MAX];
    size_t parameters = slot_write(slot, bytes) - 1;
    uint8_t *at = header->data + KEYRING_HEADER_FIXED_BYTES;

    at[0] = bytes[0];
    put_u16(at + 1, (uint16_t)parameters);
    memcpy(at + SLOT_HEADER_BYTES, bytes + 1, parameters);
    header->size = KEYRING_HEADER_FIXED_BYTES + SLOT_HEADER_BYTES + parameters;
}

/* The slot there; gives its size in the header, or 0: it is none. */
static size_t
get_slot(struct bytes file, size_t offset, struct unseal_slot *ret_slot)
{
    uint8_t bytes[UNSEAL_SLOT_BYTES_MAX];
    size_t parameters;

    if (file.size < offset + SLOT_HEADER_BYTES) {
        return 0;
    }
    parameters = get_u16(file.data + offset + 1);
    if (parameters > sizeof bytes - 1 || file.size - offset - SLOT_HEADER_BYTES < parameters) {
        return 0;
    }
    bytes[0] = file.data[offset];
    memcpy(bytes + 1, file.data + offset + SLOT_HEADER_BYTES, parameters);
    return slot_read(bytes_of(bytes, 1 + parameters), ret_slot) ? SLOT_HEADER_BYTES + parameters
                                                                : 0;
}

void
keyring_header_init(struct keyring_header *header, const uint8_t vault_id[static VAULT_ID_BYTES],
                    const struct unseal_slot *slot)
{
    uint8_t *at = header->data;

    *header = (struct keyring_header){.size = KEYRING_HEADER_FIXED_BYTES};
    memcpy(at, magic, sizeof magic);
    at[VERSION_OFFSET] = VERSION;
    at[SUITE_OFFSET] = SUITE;
    memcpy(at + VAULT_ID_OFFSET, vault_id, VAULT_ID_BYTES);
    put_u64(at + GENERATION_OFFSET, 1);
    keyring_header_set_slot(header, slot);
}

void
keyring_header_set_slot(struct keyring_header *header, const struct unseal_slot *slot)
{
    header->data[SLOTS_OFFSET] = 1;
    put_slot(header, slot);
}

void
keyring_header_slot(const struct keyring_header *header, struct unseal_slot *ret_slot)
{
    bool sound =
        get_slot(bytes_of(header->data, header->size), KEYRING_HEADER_FIXED_BYTES, ret_slot) > 0;

    assert(sound);
}

const uint8_t *
keyring_header_vault_id(const struct keyring_header *header)
{
    return header->data + VAULT_ID_OFFSET;
}

uint64_t
keyring_header_generation(const struct keyring_header *header)
{
    return get_u64(header->data + GENERATION_OFFSET);
}

void
keyring_header_set_generation(struct keyring_header *header, uint64_t generation)
{
    put_u64(header->data + GENERATION_OFFSET, generation);
}

/* Where the parts after the header begin. */
struct frame {
    const uint8_t *nonce;
    const uint8_t *commitment;
    const uint8_t *check;
    uint32_t count;
    struct bytes sealed; /* with the tag */
};

/* Of a file that holds at least header and frame. */
static struct frame
frame_of(struct bytes file, size_t header_size)
{
    const uint8_t *nonce = file.data + header_size;
    const uint8_t *check = nonce + KEYRING_NONCE_BYTES + KEYRING_KEY_BYTES;
    const uint8_t *count = check + KEYRING_CHECK_BYTES;
    size_t before = (size_t)(count + KEYRING_COUNT_BYTES - file.data);

    return (struct frame){
        .nonce = nonce,
        .commitment = nonce + KEYRING_NONCE_BYTES,
        .check = check,
        .count = get_u32(count),
        .sealed = bytes_of(file.data + before, file.size - before),
    };
}

/* 0 where the slots are not what this version writes. */
static size_t
measure_header(struct bytes file)
{
    size_t size = KEYRING_HEADER_FIXED_BYTES;
    unsigned slots;

    if (file.size < KEYRING_HEADER_FIXED_BYTES) {
        return 0;
    }
    slots = file.data[SLOTS_OFFSET];
    if (slots == 0 || slots > KEYRING_SLOTS_MAX) {
        return 0;
    }
    for (unsigned i = 0; i < slots; i++) {
        struct unseal_slot slot;
        size_t slot_size = get_slot(file, size, &slot);

        if (slot_size == 0) {
            return 0;
        }
        size += slot_size;
    }
    return size;
}

static bool
fixed_part_known(const uint8_t *file)
{
    return memcmp(file, magic, sizeof magic) == 0 && file[VERSION_OFFSET] == VERSION &&
           file[SUITE_OFFSET] == SUITE && get_u64(file + GENERATION_OFFSET) != 0;
}

static void
make_check(struct bytes before, uint8_t ret_check[static KEYRING_CHECK_BYTES])
{
    (void)crypto_generichash(ret_check, KEYRING_CHECK_BYTES, before.data, before.size, NULL, 0);
}

enum status
keyring_file_parse(struct bytes file, struct keyring_header *ret_header)
{
    size_t header_size = measure_header(file);
    uint8_t check[KEYRING_CHECK_BYTES];
    struct frame frame;

    if (header_size == 0 || file.size - header_size < KEYRING_FRAME_BYTES ||
        !fixed_part_known(file.data)) {
        return STATUS_CORRUPT;
    }
    frame = frame_of(file, header_size);
    if (frame.count == 0 || frame.count > KEYRING_KEYS_MAX ||
        frame.sealed.size != (size_t)frame.count * KEYRING_ROW_BYTES + KEYRING_TAG_BYTES) {
        return STATUS_CORRUPT;
    }
    make_check(bytes_of(file.data, (size_t)(frame.check - file.data)), check);
    if (memcmp(check, frame.check, sizeof check) != 0) {
        return STATUS_CORRUPT;
    }
    *ret_header = (struct keyring_header){.size = header_size};
    memcpy(ret_header->data, file.data, header_size);
    return STATUS_OK;
}

/* Encryption key, then commitment. */
static enum status
derive(const struct secret *root, const struct keyring_header *header,
       const uint8_t nonce[static KEYRING_NONCE_BYTES], struct secret **ret_derived)
{
    struct secret *derived = NULL;
    crypto_generichash_state state;
    enum status status = secret_new(DERIVED_BYTES, &derived);

    if (status != STATUS_OK) {
        return status;
    }
    (void)crypto_generichash_init(&state, secret_read(root), ROOT_KEY_BYTES, DERIVED_BYTES);
    (void)crypto_generichash_update(&state, context, CONTEXT_BYTES);
    (void)crypto_generichash_update(&state, header->data, header->size);
    (void)crypto_generichash_update(&state, nonce, KEYRING_NONCE_BYTES);
    (void)crypto_generichash_final(&state, secret_write(derived), DERIVED_BYTES);
    sodium_memzero(&state, sizeof state);
    secret_freeze(derived);
    *ret_derived = derived;
    return STATUS_OK;
}

static bool
purpose_known(uint8_t purpose)
{
    return purpose >= KEY_DATA && purpose <= KEY_DATE_GONE;
}

/* What was sealed by the right key can still be of a newer program, or of a faulty one. */
static bool
keys_well_formed(const struct secret *keys)
{
    const uint8_t *at = secret_read(keys);
    const uint8_t *end = at + secret_size(keys);

    for (const uint8_t *before = NULL; at < end; before = at, at += KEYRING_ROW_BYTES) {
        if (!purpose_known(at[0]) || at[KEYRING_STATE_OFFSET] != KEYRING_STATE_ACTIVE ||
            (before != NULL && memcmp(before, at, KEYRING_NAME_BYTES) >= 0)) {
            return false;
        }
    }
    return true;
}

enum status
keyring_file_unseal(struct bytes file, const struct keyring_header *header,
                    const struct secret *root, struct secret **ret_keys)
{
    struct frame frame = frame_of(file, header->size);
    struct secret *derived = NULL;
    struct secret *keys = NULL;
    enum status status = derive(root, header, frame.nonce, &derived);

    if (status != STATUS_OK) {
        goto out;
    }
    if (sodium_memcmp(secret_read(derived) + KEYRING_KEY_BYTES, frame.commitment,
                      KEYRING_KEY_BYTES) != 0) {
        status = STATUS_DENIED;
        goto out;
    }
    status = secret_new((size_t)frame.count * KEYRING_ROW_BYTES, &keys);
    if (status != STATUS_OK) {
        goto out;
    }
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            secret_write(keys), NULL, NULL, frame.sealed.data, frame.sealed.size, header->data,
            header->size, frame.nonce, secret_read(derived)) != 0 ||
        !keys_well_formed(keys)) {
        status = STATUS_CORRUPT;
        goto out;
    }
    secret_freeze(keys);
    *ret_keys = keys;
    keys = NULL;

out:
    secret_free(&keys);
    secret_free(&derived);
    return status;
}

enum status
keyring_file_seal(const struct keyring_header *header, const struct secret *root,
                  const struct secret *keys, uint8_t **ret_file, size_t *ret_size)
{
    size_t size = header->size + KEYRING_FRAME_BYTES + secret_size(keys);
    uint8_t *file = malloc(size);
    struct secret *derived = NULL;
    uint8_t *nonce, *commitment, *check, *count;
    enum status status;

    if (file == NULL) {
        return STATUS_UNAVAILABLE;
    }
    nonce = file + header->size;
    commitment = nonce + KEYRING_NONCE_BYTES;
    check = commitment + KEYRING_KEY_BYTES;
    count = check + KEYRING_CHECK_BYTES;

    memcpy(file, header->data, header->size);
    randombytes_buf(nonce, KEYRING_NONCE_BYTES);
    status = derive(root, header, nonce, &derived);
    if (status != STATUS_OK) {
        goto out;
    }
    memcpy(commitment, secret_read(derived) + KEYRING_KEY_BYTES, KEYRING_KEY_BYTES);
    make_check(bytes_of(file, (size_t)(check - file)), check);
    put_u32(count, (uint32_t)(secret_size(keys) / KEYRING_ROW_BYTES));
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
        count + KEYRING_COUNT_BYTES, NULL, secret_read(keys), secret_size(keys), header->data,
        header->size, NULL, nonce, secret_read(derived));
    *ret_file = file;
    *ret_size = size;
    file = NULL;

out:
    secret_free(&derived);
    free(file);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "backup_head.h"

#include <sodium.h>
#include <string.h>

static const uint8_t magic[8] = {'c', 'v', 'b', 'a', 'c', 'k', 'u', 'p'};
static const uint8_t context[] = "contact-vault backup 1"; /* without its NUL */

enum {
    VERSION = 1,
    SUITE = 1,

    VERSION_OFFSET = sizeof magic,
    SUITE_OFFSET = VERSION_OFFSET + 1,
    PART_OFFSET = SUITE_OFFSET + 1,
    RECIPIENTS_OFFSET = PART_OFFSET + 1,
    BACKUP_ID_OFFSET = RECIPIENTS_OFFSET + 1,
    VAULT_ID_OFFSET = BACKUP_ID_OFFSET + BACKUP_ID_BYTES,
    INSTANCE_ID_OFFSET = VAULT_ID_OFFSET + 16,
    TIME_OFFSET = INSTANCE_ID_OFFSET + 16,

    TAIL_BYTES = BACKUP_STREAM_HEADER_BYTES + BACKUP_COMMITMENT_BYTES + BACKUP_CHECK_BYTES,
};
_Static_assert(TIME_OFFSET + 8 == BACKUP_HEAD_FIXED_BYTES, "the header as published");
_Static_assert(BACKUP_KEY_BYTES == crypto_box_PUBLICKEYBYTES, "X25519");
_Static_assert(BACKUP_KEY_BYTES == crypto_generichash_KEYBYTES, "the file key is a BLAKE2b key");
_Static_assert(BACKUP_BOX_BYTES == BACKUP_KEY_BYTES + crypto_box_SEALBYTES, "a file key, sealed");
_Static_assert(BACKUP_DERIVED_BYTES ==
                   crypto_secretstream_xchacha20poly1305_KEYBYTES + BACKUP_COMMITMENT_BYTES,
               "secretstream key, commitment");
_Static_assert((int)BACKUP_STREAM_HEADER_BYTES ==
                   (int)crypto_secretstream_xchacha20poly1305_HEADERBYTES,
               "secretstream");

size_t
backup_preamble_size(size_t recipients)
{
    return BACKUP_HEAD_FIXED_BYTES + recipients * BACKUP_STANZA_BYTES + TAIL_BYTES;
}

uint8_t *
backup_preamble_box(struct backup_preamble *preamble, size_t recipient)
{
    return preamble->data + BACKUP_HEAD_FIXED_BYTES + recipient * BACKUP_STANZA_BYTES +
           BACKUP_KEY_BYTES;
}

uint8_t *
backup_preamble_stream_header(struct backup_preamble *preamble)
{
    return preamble->data + preamble->size - TAIL_BYTES;
}

uint8_t *
backup_preamble_commitment(struct backup_preamble *preamble)
{
    return backup_preamble_stream_header(preamble) + BACKUP_STREAM_HEADER_BYTES;
}

void
backup_preamble_init(struct backup_preamble *preamble, const struct backup_head *head)
{
    uint8_t *at = preamble->data;

    *preamble = (struct backup_preamble){.size = backup_preamble_size(head->recipients)};
    memcpy(at, magic, sizeof magic);
    at[VERSION_OFFSET] = VERSION;
    at[SUITE_OFFSET] = SUITE;
    at[PART_OFFSET] = (uint8_t)head->part;
    at[RECIPIENTS_OFFSET] = (uint8_t)head->recipients;
    memcpy(at + BACKUP_ID_OFFSET, head->backup_id, sizeof head->backup_id);
    memcpy(at + VAULT_ID_OFFSET, head->vault_id, sizeof head->vault_id);
    memcpy(at + INSTANCE_ID_OFFSET, head->instance_id, sizeof head->instance_id);
    put_u64(at + TIME_OFFSET, head->time_ms);
    for (size_t i = 0; i < head->recipients; i++) {
        memcpy(backup_preamble_box(preamble, i) - BACKUP_KEY_BYTES, head->recipient[i],
               BACKUP_KEY_BYTES);
    }
}

void
backup_preamble_derive(struct backup_preamble *preamble,
                       const uint8_t file_key[static BACKUP_KEY_BYTES],
                       uint8_t ret_derived[static BACKUP_DERIVED_BYTES])
{
    size_t size = (size_t)(backup_preamble_commitment(preamble) - preamble->data);
    crypto_generichash_state state;

    (void)crypto_generichash_init(&state, file_key, BACKUP_KEY_BYTES, BACKUP_DERIVED_BYTES);
    (void)crypto_generichash_update(&state, context, sizeof context - 1);
    (void)crypto_generichash_update(&state, preamble->data, size);
    (void)crypto_generichash_final(&state, ret_derived, BACKUP_DERIVED_BYTES);
    sodium_memzero(&state, sizeof state);
}

static void
make_check(const struct backup_preamble *preamble, uint8_t ret_check[static BACKUP_CHECK_BYTES])
{
    (void)crypto_generichash(ret_check, BACKUP_CHECK_BYTES, preamble->data,
                             preamble->size - BACKUP_CHECK_BYTES, NULL, 0);
}

void
backup_preamble_put_check(struct backup_preamble *preamble)
{
    make_check(preamble, preamble->data + preamble->size - BACKUP_CHECK_BYTES);
}

enum backup_fault
backup_source_fill(struct backup_source source, uint8_t *to, size_t size)
{
    size_t got = 0;

    if (!source.read(source.state, to, size, &got)) {
        return BACKUP_UNREADABLE;
    }
    return got == size ? BACKUP_SOUND : BACKUP_TRUNCATED;
}

/* Magic first: what is none of ours is not called cut or damaged. */
static enum backup_fault
read_magic(struct backup_source source, uint8_t *to)
{
    enum backup_fault fault = backup_source_fill(source, to, sizeof magic);

    if (fault == BACKUP_UNREADABLE) {
        return fault;
    }
    return fault == BACKUP_SOUND && memcmp(to, magic, sizeof magic) == 0 ? BACKUP_SOUND
                                                                         : BACKUP_NOT_ONE;
}

static enum backup_fault
read_fixed_part(struct backup_source source, uint8_t *to)
{
    enum backup_fault fault = read_magic(source, to);

    if (fault == BACKUP_SOUND) {
        fault =
            backup_source_fill(source, to + sizeof magic, BACKUP_HEAD_FIXED_BYTES - sizeof magic);
    }
    if (fault == BACKUP_SOUND && (to[VERSION_OFFSET] != VERSION || to[SUITE_OFFSET] != SUITE)) {
        fault = BACKUP_OTHER_VERSION;
    }
    if (fault == BACKUP_SOUND &&
        (to[RECIPIENTS_OFFSET] == 0 || to[RECIPIENTS_OFFSET] > BACKUP_RECIPIENTS_MAX)) {
        fault = BACKUP_HEADER_ALTERED;
    }
    return fault;
}

static void
decode_head(struct backup_preamble *preamble, struct backup_head *ret_head)
{
    const uint8_t *at = preamble->data;

    *ret_head = (struct backup_head){
        .part = (enum backup_part)at[PART_OFFSET],
        .time_ms = get_u64(at + TIME_OFFSET),
        .recipients = at[RECIPIENTS_OFFSET],
    };
    memcpy(ret_head->backup_id, at + BACKUP_ID_OFFSET, sizeof ret_head->backup_id);
    memcpy(ret_head->vault_id, at + VAULT_ID_OFFSET, sizeof ret_head->vault_id);
    memcpy(ret_head->instance_id, at + INSTANCE_ID_OFFSET, sizeof ret_head->instance_id);
    for (size_t i = 0; i < ret_head->recipients; i++) {
        memcpy(ret_head->recipient[i], backup_preamble_box(preamble, i) - BACKUP_KEY_BYTES,
               BACKUP_KEY_BYTES);
    }
}

enum backup_fault
backup_preamble_read(struct backup_source source, struct backup_preamble *ret_preamble,
                     struct backup_head *ret_head)
{
    uint8_t check[BACKUP_CHECK_BYTES];
    uint8_t part;
    enum backup_fault fault;

    *ret_preamble = (struct backup_preamble){0};
    fault = read_fixed_part(source, ret_preamble->data);
    if (fault != BACKUP_SOUND) {
        return fault;
    }
    ret_preamble->size = backup_preamble_size(ret_preamble->data[RECIPIENTS_OFFSET]);
    fault = backup_source_fill(source, ret_preamble->data + BACKUP_HEAD_FIXED_BYTES,
                               ret_preamble->size - BACKUP_HEAD_FIXED_BYTES);
    if (fault != BACKUP_SOUND) {
        return fault;
    }
    make_check(ret_preamble, check);
    part = ret_preamble->data[PART_OFFSET];
    if (memcmp(check, ret_preamble->data + ret_preamble->size - sizeof check, sizeof check) != 0 ||
        (part != BACKUP_CONTENTS && part != BACKUP_KEYRING)) {
        return BACKUP_HEADER_ALTERED;
    }
    decode_head(ret_preamble, ret_head);
    return BACKUP_SOUND;
}

enum backup_fault
backup_head_read(struct backup_source source, struct backup_head *ret_head)
{
    struct backup_preamble preamble;

    return backup_preamble_read(source, &preamble, ret_head);
}

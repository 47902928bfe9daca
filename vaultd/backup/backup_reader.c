/* SPDX-License-Identifier: Apache-2.0 */
/* A backup's file on its way back in: nothing of it is believed before it was opened. */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "backup_file.h"
#include "backup_head.h"
#include "secret.h"

struct backup_reader {
    struct backup_source source;
    struct backup_head head;
    struct secret *stream; /* crypto_secretstream_xchacha20poly1305_state; never frozen */
    uint8_t sealed[BACKUP_PIECE_BYTES_MAX];
    uint8_t plain[BACKUP_CHUNK_BYTES];
};

static crypto_secretstream_xchacha20poly1305_state *
stream_of(struct backup_reader *reader)
{
    return (crypto_secretstream_xchacha20poly1305_state *)(void *)secret_write(reader->stream);
}

/* The file key out of the stanza of this key's; ret_key has BACKUP_KEY_BYTES. */
static enum backup_fault
open_stanza(struct backup_preamble *preamble, const struct backup_head *head,
            const struct secret *private_key, uint8_t *ret_key)
{
    uint8_t public_key[BACKUP_KEY_BYTES];

    (void)crypto_scalarmult_base(public_key, secret_read(private_key));
    for (size_t i = 0; i < head->recipients; i++) {
        if (memcmp(head->recipient[i], public_key, sizeof public_key) == 0) {
            return crypto_box_seal_open(ret_key, backup_preamble_box(preamble, i), BACKUP_BOX_BYTES,
                                        public_key, secret_read(private_key)) == 0
                       ? BACKUP_SOUND
                       : BACKUP_HEADER_ALTERED;
        }
    }
    return BACKUP_WRONG_KEY;
}

/* `keys`: room for the file key and what is derived from it. */
static enum backup_fault
begin_stream(struct backup_reader *reader, struct backup_preamble *preamble,
             const struct secret *private_key, uint8_t *keys)
{
    uint8_t *derived = keys + BACKUP_KEY_BYTES;
    enum backup_fault fault = open_stanza(preamble, &reader->head, private_key, keys);

    if (fault != BACKUP_SOUND) {
        return fault;
    }
    backup_preamble_derive(preamble, keys, derived);
    if (sodium_memcmp(derived + BACKUP_KEY_BYTES, backup_preamble_commitment(preamble),
                      BACKUP_COMMITMENT_BYTES) != 0) {
        return BACKUP_HEADER_ALTERED;
    }
    (void)crypto_secretstream_xchacha20poly1305_init_pull(
        stream_of(reader), backup_preamble_stream_header(preamble), derived);
    return BACKUP_SOUND;
}

enum backup_fault
backup_reader_open(struct backup_source source, const struct secret *private_key,
                   struct backup_reader **ret_reader)
{
    struct backup_reader *reader = calloc(1, sizeof *reader);
    struct backup_preamble preamble;
    struct secret *keys = NULL;
    enum backup_fault fault = BACKUP_NO_MEMORY;

    assert(secret_size(private_key) == BACKUP_KEY_BYTES);
    if (reader == NULL || secret_new(BACKUP_KEY_BYTES + BACKUP_DERIVED_BYTES, &keys) != STATUS_OK ||
        secret_new(sizeof(crypto_secretstream_xchacha20poly1305_state), &reader->stream) !=
            STATUS_OK) {
        goto out;
    }
    reader->source = source;
    fault = backup_preamble_read(source, &preamble, &reader->head);
    if (fault == BACKUP_SOUND) {
        fault = begin_stream(reader, &preamble, private_key, secret_write(keys));
    }
    if (fault == BACKUP_SOUND) {
        *ret_reader = reader;
        reader = NULL;
    }

out:
    secret_free(&keys);
    backup_reader_free(&reader);
    return fault;
}

void
backup_reader_free(struct backup_reader **reader)
{
    if (*reader == NULL) {
        return;
    }
    secret_free(&(*reader)->stream);
    free(*reader);
    *reader = NULL;
}

const struct backup_head *
backup_reader_head(const struct backup_reader *reader)
{
    return &reader->head;
}

static enum backup_fault
expect_end(struct backup_source source)
{
    uint8_t byte;
    enum backup_fault fault = backup_source_fill(source, &byte, 1);

    if (fault == BACKUP_TRUNCATED) {
        return BACKUP_SOUND;
    }
    return fault == BACKUP_SOUND ? BACKUP_TRAILING : fault;
}

/* Opened, the tag says whether it was written as the last; only that one may be short. */
static enum backup_fault
open_chunk(struct backup_reader *reader, size_t size, bool *ret_last)
{
    unsigned char tag;

    if (crypto_secretstream_xchacha20poly1305_pull(
            stream_of(reader), reader->plain, NULL, &tag, reader->sealed,
            size + crypto_secretstream_xchacha20poly1305_ABYTES, NULL, 0) != 0) {
        return BACKUP_CHUNK_ALTERED;
    }
    *ret_last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    if (*ret_last) {
        return expect_end(reader->source);
    }
    return tag == crypto_secretstream_xchacha20poly1305_TAG_MESSAGE && size == BACKUP_CHUNK_BYTES
               ? BACKUP_SOUND
               : BACKUP_CHUNK_ALTERED;
}

enum backup_fault
backup_reader_next(struct backup_reader *reader, struct bytes *ret_plain, bool *ret_last)
{
    uint8_t prefix[4];
    enum backup_fault fault = backup_source_fill(reader->source, prefix, sizeof prefix);
    size_t size;

    if (fault != BACKUP_SOUND) {
        return fault;
    }
    size = get_u32(prefix);
    if (size == 0 || size > BACKUP_CHUNK_BYTES) {
        return BACKUP_CHUNK_ALTERED;
    }
    fault = backup_source_fill(reader->source, reader->sealed,
                               size + crypto_secretstream_xchacha20poly1305_ABYTES);
    if (fault == BACKUP_SOUND) {
        fault = open_chunk(reader, size, ret_last);
    }
    if (fault == BACKUP_SOUND) {
        *ret_plain = bytes_of(reader->plain, size);
    }
    return fault;
}

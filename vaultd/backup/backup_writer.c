/* SPDX-License-Identifier: Apache-2.0 */
/* A backup's file on its way out: the header, then chunk by chunk. */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "backup_file.h"
#include "backup_head.h"
#include "secret.h"

_Static_assert(BACKUP_CHUNK_EXTRA == 4 + crypto_secretstream_xchacha20poly1305_ABYTES,
               "size and tag");
_Static_assert(BACKUP_PREAMBLE_BYTES_MAX <= BACKUP_PIECE_BYTES_MAX, "a piece holds either");

struct backup_writer {
    struct backup_preamble preamble;
    struct secret *stream; /* crypto_secretstream_xchacha20poly1305_state; never frozen */
    size_t size;           /* put and not yet taken */
    uint8_t plain[BACKUP_CHUNK_BYTES + BACKUP_PUT_BYTES_MAX];
};

static crypto_secretstream_xchacha20poly1305_state *
stream_of(struct backup_writer *writer)
{
    return (crypto_secretstream_xchacha20poly1305_state *)(void *)secret_write(writer->stream);
}

static enum status
seal_file_key(struct backup_preamble *preamble, const struct backup_head *head,
              const uint8_t *file_key)
{
    for (size_t i = 0; i < head->recipients; i++) {
        if (crypto_box_seal(backup_preamble_box(preamble, i), file_key, BACKUP_KEY_BYTES,
                            head->recipient[i]) != 0) {
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

/*
 * The secretstream's header is drawn by init_push, which wants the key that hangs on it: so the
 * header is drawn here, and the state is what both sides make of key and header (init_pull).
 */
static void
begin_stream(struct backup_writer *writer, uint8_t *keys)
{
    uint8_t *derived = keys + BACKUP_KEY_BYTES;
    uint8_t *header = backup_preamble_stream_header(&writer->preamble);

    randombytes_buf(header, BACKUP_STREAM_HEADER_BYTES);
    backup_preamble_derive(&writer->preamble, keys, derived);
    memcpy(backup_preamble_commitment(&writer->preamble), derived + BACKUP_KEY_BYTES,
           BACKUP_COMMITMENT_BYTES);
    backup_preamble_put_check(&writer->preamble);
    (void)crypto_secretstream_xchacha20poly1305_init_pull(stream_of(writer), header, derived);
}

enum status
backup_writer_new(const struct backup_head *head, struct backup_writer **ret_writer)
{
    struct backup_writer *writer = calloc(1, sizeof *writer);
    struct secret *keys = NULL; /* the file's, then what is derived from it */
    enum status status = STATUS_UNAVAILABLE;

    assert(head->recipients > 0 && head->recipients <= BACKUP_RECIPIENTS_MAX);
    if (writer == NULL) {
        return status;
    }
    backup_preamble_init(&writer->preamble, head);
    status = secret_new(BACKUP_KEY_BYTES + BACKUP_DERIVED_BYTES, &keys);
    if (status == STATUS_OK) {
        status = secret_new(sizeof(crypto_secretstream_xchacha20poly1305_state), &writer->stream);
    }
    if (status == STATUS_OK) {
        randombytes_buf(secret_write(keys), BACKUP_KEY_BYTES);
        status = seal_file_key(&writer->preamble, head, secret_read(keys));
    }
    if (status == STATUS_OK) {
        begin_stream(writer, secret_write(keys));
        *ret_writer = writer;
        writer = NULL;
    }
    secret_free(&keys);
    backup_writer_free(&writer);
    return status;
}

void
backup_writer_free(struct backup_writer **writer)
{
    if (*writer == NULL) {
        return;
    }
    secret_free(&(*writer)->stream);
    free(*writer);
    *writer = NULL;
}

struct bytes
backup_writer_preamble(const struct backup_writer *writer)
{
    return bytes_of(writer->preamble.data, writer->preamble.size);
}

void
backup_writer_put(struct backup_writer *writer, struct bytes plain)
{
    assert(!backup_writer_is_full(writer) && plain.size <= BACKUP_PUT_BYTES_MAX);
    if (plain.size > 0) {
        memcpy(writer->plain + writer->size, plain.data, plain.size);
        writer->size += plain.size;
    }
}

/* One byte more than a chunk: so it is known that this one is not the last. */
bool
backup_writer_is_full(const struct backup_writer *writer)
{
    return writer->size > BACKUP_CHUNK_BYTES;
}

size_t
backup_writer_take(struct backup_writer *writer, uint8_t *ret_chunk, bool *ret_last)
{
    bool last = !backup_writer_is_full(writer);
    size_t size = last ? writer->size : BACKUP_CHUNK_BYTES;
    uint8_t tag = last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                       : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;

    assert(size > 0);
    put_u32(ret_chunk, (uint32_t)size);
    (void)crypto_secretstream_xchacha20poly1305_push(stream_of(writer), ret_chunk + 4, NULL,
                                                     writer->plain, size, NULL, 0, tag);
    writer->size -= size;
    memmove(writer->plain, writer->plain + size, writer->size);
    *ret_last = last;
    return size + BACKUP_CHUNK_EXTRA;
}

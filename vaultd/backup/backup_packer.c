/* SPDX-License-Identifier: Apache-2.0 */
/* Frames on their way into a backup, counted and hashed as they go. */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "backup_contents.h"
#include "backup_frame.h"

_Static_assert(BACKUP_FRAME_HEAD_BYTES + BACKUP_FRAME_BYTES_MAX <= BACKUP_PUT_BYTES_MAX,
               "a frame is put at once");

struct backup_packer {
    struct backup_writer *writer;
    crypto_generichash_state *digest;
    uint64_t rows[BACKUP_TABLES];
    uint8_t last_digest[BACKUP_DIGEST_BYTES]; /* of the last entry */
    uint8_t frame[BACKUP_FRAME_HEAD_BYTES + BACKUP_FRAME_BYTES_MAX];
};

enum status
backup_packer_new(struct backup_writer *writer, struct backup_packer **ret_packer)
{
    struct backup_packer *packer = calloc(1, sizeof *packer);

    if (packer == NULL) {
        return STATUS_UNAVAILABLE;
    }
    packer->digest = backup_digest_new();
    if (packer->digest == NULL) {
        free(packer);
        return STATUS_UNAVAILABLE;
    }
    packer->writer = writer;
    *ret_packer = packer;
    return STATUS_OK;
}

void
backup_packer_free(struct backup_packer **packer)
{
    if (*packer == NULL) {
        return;
    }
    free((*packer)->digest);
    free(*packer);
    *packer = NULL;
}

static void
put_frame(struct backup_packer *packer, enum backup_frame_type type, size_t size)
{
    packer->frame[0] = (uint8_t)type;
    put_u32(packer->frame + 1, (uint32_t)size);
    backup_writer_put(packer->writer, bytes_of(packer->frame, BACKUP_FRAME_HEAD_BYTES + size));
}

static size_t
lay_out(const struct backup_frame *frame, uint8_t *to)
{
    size_t before = 0;

    if (frame->type == BACKUP_FRAME_ROW) {
        assert(frame->table < BACKUP_TABLES && frame->key.size > 0 &&
               frame->key.size <= BACKUP_ROW_KEY_BYTES_MAX);
        to[0] = frame->table;
        to[1] = (uint8_t)frame->key.size;
        memcpy(to + BACKUP_ROW_HEAD_BYTES, frame->key.data, frame->key.size);
        before = BACKUP_ROW_HEAD_BYTES + frame->key.size;
    }
    assert(frame->bytes.size <= BACKUP_FRAME_BYTES_MAX - before);
    if (frame->bytes.size > 0) {
        memcpy(to + before, frame->bytes.data, frame->bytes.size);
    }
    return before + frame->bytes.size;
}

void
backup_packer_put(struct backup_packer *packer, const struct backup_frame *frame)
{
    size_t size = lay_out(frame, packer->frame + BACKUP_FRAME_HEAD_BYTES);

    assert(frame->type != BACKUP_FRAME_MANIFEST);
    if (frame->type == BACKUP_FRAME_ROW) {
        packer->rows[frame->table]++;
    } else if (frame->type == BACKUP_FRAME_ENTRY) {
        (void)crypto_hash_sha256(packer->last_digest, frame->bytes.data, frame->bytes.size);
    }
    put_frame(packer, frame->type, size);
    (void)crypto_generichash_update(packer->digest, packer->frame, BACKUP_FRAME_HEAD_BYTES + size);
}

void
backup_packer_fill_manifest(const struct backup_packer *packer, struct backup_manifest *manifest)
{
    memcpy(manifest->rows, packer->rows, sizeof manifest->rows);
    memcpy(manifest->last_digest, packer->last_digest, sizeof manifest->last_digest);
    backup_digest_now(packer->digest, manifest->contents_digest);
}

void
backup_packer_put_manifest(struct backup_packer *packer, const struct backup_manifest *manifest)
{
    backup_manifest_encode(manifest, packer->frame + BACKUP_FRAME_HEAD_BYTES);
    put_frame(packer, BACKUP_FRAME_MANIFEST, BACKUP_MANIFEST_BYTES);
}

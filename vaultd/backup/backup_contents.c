/* SPDX-License-Identifier: Apache-2.0 */
/* Frames on their way out of a backup: in the one order there is, and then as the manifest says. */
#include "backup_contents.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "backup_frame.h"

struct backup_contents {
    struct backup_reader *reader;
    crypto_generichash_state *digest;
    struct backup_manifest counted; /* what was seen: rows, last_digest */
    struct backup_manifest manifest;
    uint64_t entries;
    enum backup_frame_type before; /* type of the last frame; 0: none yet */
    uint8_t table;                 /* of the last row */
    uint8_t key[BACKUP_ROW_KEY_BYTES_MAX];
    size_t key_size;
    bool ended; /* the reader gave its last chunk */
    size_t from;
    size_t size; /* plain[from] to plain[size]: not looked at yet */
    uint8_t plain[BACKUP_CHUNK_BYTES + BACKUP_FRAME_HEAD_BYTES + BACKUP_FRAME_BYTES_MAX];
};

enum backup_fault
backup_contents_open(struct backup_source source, const struct secret *private_key,
                     struct backup_contents **ret_contents)
{
    struct backup_contents *contents = calloc(1, sizeof *contents);
    enum backup_fault fault = BACKUP_NO_MEMORY;

    if (contents == NULL || (contents->digest = backup_digest_new()) == NULL) {
        goto out;
    }
    fault = backup_reader_open(source, private_key, &contents->reader);
    if (fault == BACKUP_SOUND && backup_reader_head(contents->reader)->part != BACKUP_CONTENTS) {
        fault = BACKUP_WRONG_PART;
    }
    if (fault == BACKUP_SOUND) {
        *ret_contents = contents;
        contents = NULL;
    }

out:
    backup_contents_free(&contents);
    return fault;
}

void
backup_contents_free(struct backup_contents **contents)
{
    if (*contents == NULL) {
        return;
    }
    backup_reader_free(&(*contents)->reader);
    free((*contents)->digest);
    free(*contents);
    *contents = NULL;
}

const struct backup_head *
backup_contents_head(const struct backup_contents *contents)
{
    return backup_reader_head(contents->reader);
}

const struct backup_manifest *
backup_contents_manifest(const struct backup_contents *contents)
{
    assert(contents->before == BACKUP_FRAME_MANIFEST);
    return &contents->manifest;
}

/* At least `size` bytes at plain[from]; less than a frame is there before, so a chunk fits behind.
 */
static enum backup_fault
want(struct backup_contents *contents, size_t size)
{
    while (contents->size - contents->from < size) {
        struct bytes plain;
        enum backup_fault fault;

        if (contents->ended) {
            return BACKUP_FRAME_WRONG;
        }
        fault = backup_reader_next(contents->reader, &plain, &contents->ended);
        if (fault != BACKUP_SOUND) {
            return fault;
        }
        contents->size -= contents->from;
        memmove(contents->plain, contents->plain + contents->from, contents->size);
        contents->from = 0;
        memcpy(contents->plain + contents->size, plain.data, plain.size);
        contents->size += plain.size;
    }
    return BACKUP_SOUND;
}

/* Behind the row before it? By table, then as memcmp orders keys. */
static bool
is_in_order(const struct backup_contents *contents, const struct backup_frame *row)
{
    size_t shorter = row->key.size < contents->key_size ? row->key.size : contents->key_size;
    int order = memcmp(contents->key, row->key.data, shorter);

    if (contents->before == 0 || row->table != contents->table) {
        return contents->before == 0 || row->table > contents->table;
    }
    return order < 0 || (order == 0 && contents->key_size < row->key.size);
}

static bool
take_row(struct backup_contents *contents, struct backup_frame *frame)
{
    const uint8_t *at = frame->bytes.data;
    size_t size = frame->bytes.size;
    size_t before;

    if (size < BACKUP_ROW_HEAD_BYTES || at[0] >= BACKUP_TABLES || at[1] == 0 ||
        at[1] > BACKUP_ROW_KEY_BYTES_MAX || size < BACKUP_ROW_HEAD_BYTES + (size_t)at[1] ||
        contents->before > BACKUP_FRAME_ROW) {
        return false;
    }
    before = BACKUP_ROW_HEAD_BYTES + (size_t)at[1];
    frame->table = at[0];
    frame->key = bytes_of(at + BACKUP_ROW_HEAD_BYTES, at[1]);
    frame->bytes = bytes_of(at + before, size - before);
    if (frame->bytes.size > BACKUP_ROW_VALUE_BYTES_MAX || !is_in_order(contents, frame)) {
        return false;
    }
    contents->table = frame->table;
    contents->key_size = frame->key.size;
    memcpy(contents->key, frame->key.data, frame->key.size);
    contents->counted.rows[frame->table]++;
    return true;
}

static bool
take_frame(struct backup_contents *contents, struct backup_frame *frame)
{
    switch (frame->type) {
    case BACKUP_FRAME_ROW:
        return take_row(contents, frame);
    case BACKUP_FRAME_START:
        return contents->before < BACKUP_FRAME_START && frame->bytes.size > 0;
    case BACKUP_FRAME_ENTRY:
        contents->entries++;
        (void)crypto_hash_sha256(contents->counted.last_digest, frame->bytes.data,
                                 frame->bytes.size);
        return frame->bytes.size > 0;
    case BACKUP_FRAME_MANIFEST:
        return contents->ended && contents->from == contents->size;
    }
    return false;
}

/* Everything but the signature. */
static bool
agrees(struct backup_contents *contents)
{
    const struct backup_manifest *manifest = &contents->manifest;
    const struct backup_head *head = backup_reader_head(contents->reader);
    struct backup_manifest *counted = &contents->counted;

    backup_digest_now(contents->digest, counted->contents_digest);
    return memcmp(manifest->backup_id, head->backup_id, sizeof head->backup_id) == 0 &&
           memcmp(manifest->vault_id, head->vault_id, sizeof head->vault_id) == 0 &&
           memcmp(manifest->instance_id, head->instance_id, sizeof head->instance_id) == 0 &&
           manifest->time_ms == head->time_ms &&
           memcmp(manifest->rows, counted->rows, sizeof counted->rows) == 0 &&
           contents->entries > 0 && manifest->first_entry > 0 &&
           manifest->last_entry >= manifest->first_entry &&
           manifest->last_entry - manifest->first_entry == contents->entries - 1 &&
           memcmp(manifest->last_digest, counted->last_digest, BACKUP_DIGEST_BYTES) == 0 &&
           memcmp(manifest->contents_digest, counted->contents_digest, BACKUP_DIGEST_BYTES) == 0;
}

static enum backup_fault
take_manifest(struct backup_contents *contents, struct bytes bytes)
{
    if (!backup_manifest_decode(bytes, &contents->manifest)) {
        return BACKUP_FRAME_WRONG;
    }
    return agrees(contents) ? BACKUP_SOUND : BACKUP_MANIFEST_WRONG;
}

/* The frame's bytes are at plain[from]; gives where it began. */
static enum backup_fault
read_frame(struct backup_contents *contents, struct backup_frame *ret_frame, struct bytes *ret_all)
{
    enum backup_fault fault = want(contents, BACKUP_FRAME_HEAD_BYTES);
    const uint8_t *at;
    size_t size;

    if (fault != BACKUP_SOUND) {
        return fault;
    }
    size = get_u32(contents->plain + contents->from + 1);
    if (size > BACKUP_FRAME_BYTES_MAX) {
        return BACKUP_FRAME_WRONG;
    }
    fault = want(contents, BACKUP_FRAME_HEAD_BYTES + size);
    if (fault != BACKUP_SOUND) {
        return fault;
    }
    at = contents->plain + contents->from;
    contents->from += BACKUP_FRAME_HEAD_BYTES + size;
    *ret_all = bytes_of(at, BACKUP_FRAME_HEAD_BYTES + size);
    *ret_frame = (struct backup_frame){
        .type = (enum backup_frame_type)at[0],
        .bytes = bytes_of(at + BACKUP_FRAME_HEAD_BYTES, size),
    };
    return BACKUP_SOUND;
}

enum backup_fault
backup_contents_next(struct backup_contents *contents, struct backup_frame *ret_frame)
{
    struct backup_frame frame;
    struct bytes all;
    enum backup_fault fault = read_frame(contents, &frame, &all);

    if (fault != BACKUP_SOUND) {
        return fault;
    }
    if (!take_frame(contents, &frame)) {
        return BACKUP_FRAME_WRONG;
    }
    if (frame.type == BACKUP_FRAME_MANIFEST) {
        fault = take_manifest(contents, frame.bytes);
    } else {
        (void)crypto_generichash_update(contents->digest, all.data, all.size);
    }
    if (fault == BACKUP_SOUND) {
        contents->before = frame.type;
        *ret_frame = frame;
    }
    return fault;
}

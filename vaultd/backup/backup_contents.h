/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_contents.h: what stands inside a backup: frames, written one by one and read back the same
 * way. Pure.
 *
 * A frame: u8 type, u32 size, then so many bytes. In this order, and no other:
 *
 *   1  row       u8 table, u8 size of the key, key, value: as in the store (sealed where it is
 * there), by table, then by key. Not the store's own rows (`format`, `changes`, `compacted`): the
 * manifest has what they say. 2  start     the log's file `start`, if older entries were removed 3
 * entry     an entry of the log as in the chain, in order 4  manifest  backup_manifest.h; the last
 * frame
 *
 * Rows come first, so that the store's snapshot need not be kept while the log is copied.
 */
#ifndef CONTACT_VAULT_BACKUP_CONTENTS_H
#define CONTACT_VAULT_BACKUP_CONTENTS_H

#include <stdint.h>

#include "backup_file.h"
#include "backup_manifest.h"
#include "bytes.h"
#include "status.h"

struct backup_contents;
struct backup_packer;
struct secret;

/* Numbers are on disk. */
enum backup_frame_type {
    BACKUP_FRAME_ROW = 1,
    BACKUP_FRAME_START = 2,
    BACKUP_FRAME_ENTRY = 3,
    BACKUP_FRAME_MANIFEST = 4,
};

struct backup_frame {
    enum backup_frame_type type;
    uint8_t table;      /* of a row: enum store_table */
    struct bytes key;   /* likewise */
    struct bytes bytes; /* value, or the entry, or `start`; of the manifest: its bytes */
};

/* ---- writing: between puts, chunks are taken from the writer while it is full ---- */

/* The packer puts into `writer`, which must outlive it. UNAVAILABLE: memory. */
MUST_USE enum status backup_packer_new(struct backup_writer *writer,
                                       struct backup_packer **ret_packer);
void backup_packer_free(struct backup_packer **packer); /* NULL is fine */
/* Any frame but the manifest; at most 64 bytes of key, 8192 of value. The packer counts and hashes.
 */
void backup_packer_put(struct backup_packer *packer, const struct backup_frame *frame);
/* Fills in what the packer knows: the digest of all so far, the rows of each table, last_digest. To
 * be signed, then put. */
void backup_packer_fill_manifest(const struct backup_packer *packer,
                                 struct backup_manifest *manifest);
void backup_packer_put_manifest(struct backup_packer *packer,
                                const struct backup_manifest *manifest);

/* ---- reading ---- */

/* BACKUP_WRONG_PART: it is the keyring. Otherwise as backup_reader_open. */
MUST_USE enum backup_fault backup_contents_open(struct backup_source source,
                                                const struct secret *private_key,
                                                struct backup_contents **ret_contents);
void backup_contents_free(struct backup_contents **contents); /* NULL is fine */
const struct backup_head *backup_contents_head(const struct backup_contents *contents);
/*
 * The next frame; views live until the next call. The last one is the manifest: when it has come,
 * the whole file was there, and held what the manifest says, which is yet to be proved by
 * backup_manifest_holds. Before that nothing is to be acted on. Not called again after it, nor
 * after a fault.
 */
MUST_USE enum backup_fault backup_contents_next(struct backup_contents *contents,
                                                struct backup_frame *ret_frame);
/* Once the manifest has come. */
const struct backup_manifest *backup_contents_manifest(const struct backup_contents *contents);

/* The keyring file out of the other part, for the caller to free; `manifest`: of the contents it
 * must belong to (else BACKUP_OTHER_KEYRING); NULL: of any. */
MUST_USE enum backup_fault backup_keyring_read(struct backup_source source,
                                               const struct secret *private_key,
                                               const struct backup_manifest *manifest,
                                               uint8_t **ret_file, size_t *ret_size);

#endif

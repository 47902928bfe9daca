/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_file.h: what a backup's two files are wrapped in: sealed to public keys, so that neither
 * the vault nor the machine it runs on can open them again. Pure: bytes in, bytes out. What stands
 * inside: backup_contents.h.
 *
 *   offset  size  what
 *   0       8     "cvbackup"
 *   8       1     version, 1
 *   9       1     suite, 1: X25519 sealed boxes, BLAKE2b, secretstream (XChaCha20-Poly1305)
 *   10      1     part, 1: contents, 2: the keyring file
 *   11      1     number of recipients, 1 to 16
 *   12      16    backup_id, random: the same in both files
 *   28      16    vault_id
 *   44      16    instance_id
 *   60      8     time, ms since 1970
 *                 each recipient: X25519 public key (32), crypto_box_seal of the file key (80)
 *   --      24    secretstream header
 *   --      32    commitment
 *   --      16    check: BLAKE2b-128, without a key, of all bytes before it
 *                 chunks: u32 size n of the plaintext, then n + 17 bytes of secretstream. All but
 * the last have 65536; the last, of 1 to 65536, has the tag FINAL, and the file ends there
 *
 * The file key is 32 random bytes, new for each file. BLAKE2b-512 keyed by it over "contact-vault
 * backup 1" and all bytes before the commitment gives 64 bytes: the secretstream key, then the
 * commitment. So chunks open under the header they were written under and under no other: no
 * recipient, name or time can be exchanged, and no part taken for the other.
 *
 * Whoever knows a public key can make such a file: who made it is told by the signature inside.
 */
#ifndef CONTACT_VAULT_BACKUP_FILE_H
#define CONTACT_VAULT_BACKUP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backup_fault.h"
#include "bounds.h"
#include "bytes.h"
#include "status.h"

struct backup_reader;
struct backup_writer;
struct secret;

enum {
    BACKUP_KEY_BYTES = 32, /* X25519, either half */
    BACKUP_BOX_BYTES = 80, /* a file key, sealed */
    BACKUP_RECIPIENTS_MAX = 16,
    BACKUP_HEAD_FIXED_BYTES = 68,
    BACKUP_STANZA_BYTES = BACKUP_KEY_BYTES + BACKUP_BOX_BYTES,
    BACKUP_PREAMBLE_BYTES_MAX =
        BACKUP_HEAD_FIXED_BYTES + BACKUP_RECIPIENTS_MAX * BACKUP_STANZA_BYTES + 24 + 32 + 16,
    BACKUP_CHUNK_BYTES = 64 * 1024,
    BACKUP_CHUNK_EXTRA = 4 + 17,
    BACKUP_PUT_BYTES_MAX = 16 * 1024,
    BACKUP_PIECE_BYTES_MAX = BACKUP_CHUNK_BYTES + BACKUP_CHUNK_EXTRA, /* preamble or chunk */
};

/* Numbers are on disk. */
enum backup_part {
    BACKUP_CONTENTS = 1,
    BACKUP_KEYRING = 2,
};

/* What stands in the header, readable by everybody. */
struct backup_head {
    enum backup_part part;
    uint8_t backup_id[BACKUP_ID_BYTES];
    uint8_t vault_id[16];
    uint8_t instance_id[16];
    uint64_t time_ms;
    size_t recipients;
    uint8_t recipient[BACKUP_RECIPIENTS_MAX][BACKUP_KEY_BYTES]; /* public keys */
};

/* ---- writing ---- */

/* INVALID: one of the public keys is none that anything can be sealed to. UNAVAILABLE: memory. */
MUST_USE enum status backup_writer_new(const struct backup_head *head,
                                       struct backup_writer **ret_writer);
/* Wipes the file's keys; NULL is fine. */
void backup_writer_free(struct backup_writer **writer);

/* What the file begins with; the writer's. */
struct bytes backup_writer_preamble(const struct backup_writer *writer);
/* At most BACKUP_PUT_BYTES_MAX, copied; not while it is full. */
void backup_writer_put(struct backup_writer *writer, struct bytes plain);
/* A chunk must be taken before the next put. */
bool backup_writer_is_full(const struct backup_writer *writer);
/*
 * The next chunk into ret_chunk (BACKUP_PIECE_BYTES_MAX); gives its size. While it is full: a whole
 * one. Else: the last, and *ret_last is true; something must have been put since the one before.
 */
size_t backup_writer_take(struct backup_writer *writer, uint8_t *ret_chunk, bool *ret_last);

/* ---- reading ---- */

/* Up to `size` bytes; fewer only at the end. False: it cannot be read. */
typedef bool backup_read(void *state, uint8_t *to, size_t size, size_t *ret_size);
struct backup_source {
    backup_read *read;
    void *state;
};

/* The header alone, without a key: BACKUP_SOUND says that it is not damaged, not that it is true.
 */
MUST_USE enum backup_fault backup_head_read(struct backup_source source,
                                            struct backup_head *ret_head);

/* `private_key`: BACKUP_KEY_BYTES, any recipient's. On BACKUP_SOUND the header is vouched for by
 * the file's key. The source must stay until the reader is freed. */
MUST_USE enum backup_fault backup_reader_open(struct backup_source source,
                                              const struct secret *private_key,
                                              struct backup_reader **ret_reader);
/* NULL is fine. */
void backup_reader_free(struct backup_reader **reader);
const struct backup_head *backup_reader_head(const struct backup_reader *reader);
/* The next chunk's plaintext, the reader's until the next call. With *ret_last the file has ended
 * as it should, and there is nothing behind it; not called again then, nor after a fault. */
MUST_USE enum backup_fault backup_reader_next(struct backup_reader *reader, struct bytes *ret_plain,
                                              bool *ret_last);

#endif

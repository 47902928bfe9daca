/* SPDX-License-Identifier: Apache-2.0 */
/* backup_head.h: what a backup's file begins with, as bytes, for its writer and its reader. Pure.
 */
#ifndef CONTACT_VAULT_BACKUP_HEAD_H
#define CONTACT_VAULT_BACKUP_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include "backup_file.h"

enum {
    BACKUP_STREAM_HEADER_BYTES = 24,
    BACKUP_COMMITMENT_BYTES = 32,
    BACKUP_CHECK_BYTES = 16,
    BACKUP_DERIVED_BYTES = 64, /* secretstream key, commitment */
};

/* Whole: header with stanzas, secretstream header, commitment, check. */
struct backup_preamble {
    uint8_t data[BACKUP_PREAMBLE_BYTES_MAX];
    size_t size;
};

/* Where the parts stand in it, and how many bytes it has with that many recipients. */
uint8_t *backup_preamble_box(struct backup_preamble *preamble, size_t recipient);
uint8_t *backup_preamble_stream_header(struct backup_preamble *preamble);
uint8_t *backup_preamble_commitment(struct backup_preamble *preamble);
size_t backup_preamble_size(size_t recipients);

/* Everything that needs no key; the rest is zeros yet. */
void backup_preamble_init(struct backup_preamble *preamble, const struct backup_head *head);
/* What the keys of the chunks hang on: all bytes before the commitment. */
void backup_preamble_derive(struct backup_preamble *preamble,
                            const uint8_t file_key[static BACKUP_KEY_BYTES],
                            uint8_t ret_derived[static BACKUP_DERIVED_BYTES]);
/* The last thing. */
void backup_preamble_put_check(struct backup_preamble *preamble);

/* From the beginning of a file, and no byte more. */
MUST_USE enum backup_fault backup_preamble_read(struct backup_source source,
                                                struct backup_preamble *ret_preamble,
                                                struct backup_head *ret_head);

/* All of `size`, or TRUNCATED. */
MUST_USE enum backup_fault backup_source_fill(struct backup_source source, uint8_t *to,
                                              size_t size);

#endif

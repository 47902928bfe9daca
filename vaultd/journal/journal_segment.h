/* SPDX-License-Identifier: Apache-2.0 */
/* journal_segment.h: segment files in the journal's folder: naming, making, reading, writing. */
#ifndef CONTACT_VAULT_JOURNAL_SEGMENT_H
#define CONTACT_VAULT_JOURNAL_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "journal.h"
#include "status.h"

enum {
    JOURNAL_NAME_BYTES = 16,
    JOURNAL_SEGMENT_BYTES_DEFAULT = 8 * 1024 * 1024,
    JOURNAL_SEGMENT_BYTES_MIN = 16 * 1024,
    JOURNAL_SEGMENT_BYTES_MAX = 1024 * 1024 * 1024,
    JOURNAL_SEGMENTS_MAX = 99999999, /* eight digits in the name */
};

/* A segment file that is open for writing; fd is -1 where there is none. */
struct journal_segment {
    int fd;
    uint32_t number;
    uint32_t bytes;
};

/* "00000007.seg" */
void journal_segment_name(uint32_t number, char ret_name[static JOURNAL_NAME_BYTES]);
void journal_segment_place(uint32_t number, uint64_t offset, struct journal_place *ret_place);

/* The lowest and the highest number there is, 0 for none. Removes half-made segments if `tidy`. */
MUST_USE enum status journal_segment_range(int folder, bool tidy, uint32_t *ret_first,
                                           uint32_t *ret_last);

/*
 * journal_segment_make: a new segment of zeros, with the header in front if there is one, on disk
 * with its name. UNAVAILABLE: nothing is left of it (the disk is full: the caller says so).
 */
MUST_USE enum status journal_segment_make(int folder, uint32_t number, uint64_t bytes,
                                          struct bytes header, struct journal_segment *ret_segment);

/* Opens for writing. NOT_FOUND: no such file. */
MUST_USE enum status journal_segment_open(int folder, uint32_t number,
                                          struct journal_segment *ret_segment);
void journal_segment_close(struct journal_segment *segment);

/* The whole file in memory, to be freed. NOT_FOUND: no such file. CORRUPT: larger than any of ours.
 */
MUST_USE enum status journal_segment_load(int folder, uint32_t number, uint8_t **ret_data,
                                          size_t *ret_size);

MUST_USE enum status journal_segment_write(int fd, uint64_t offset, struct bytes bytes);
MUST_USE enum status journal_segment_flush(int fd);

/* Deletes it, on disk. One that is not there is fine. */
MUST_USE enum status journal_segment_remove(int folder, uint32_t number);

/* Zeros from `offset` to the end, on disk. */
MUST_USE enum status journal_segment_cut(int folder, uint32_t number, uint32_t offset);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csv.h: records out of a CSV file as RFC 4180 has them, one at a time and in constant memory.
 * LF does for CRLF, a byte order mark is no text, and every byte is kept: what is not to be changed
 * can be written as it was.
 */
#ifndef CONTACT_VAULT_CSV_H
#define CONTACT_VAULT_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CSV_FIELDS_MAX = 1024,
    CSV_RECORD_BYTES_MAX = 256 * 1024,
};

enum csv_fault {
    CSV_WHOLE = 0,
    CSV_BAD_QUOTES,      /* a quotation mark where none may stand */
    CSV_OPEN_QUOTES,     /* one that is never closed: all the rest of the file is in it */
    CSV_TOO_LONG,        /* of more than CSV_RECORD_BYTES_MAX */
    CSV_TOO_MANY_FIELDS, /* than CSV_FIELDS_MAX */
};

/* A part of the record's data, with its quotation marks. */
struct csv_field {
    size_t offset, size;
};

struct csv_record {   /* good until the next is read */
    const char *data; /* with its line's end */
    size_t size;
    struct csv_field fields[CSV_FIELDS_MAX];
    size_t field_count;
    enum csv_fault fault; /* then there may be fewer fields, and less data, than in the file */
    uint64_t line;        /* its first one, from 1 */
};

struct csv_reader;

/* A file that stands at byte `offset`, which is the beginning of line `line`. The file stays the
 * caller's. NULL: no memory. */
struct csv_reader *csv_new(int file_fd, uint64_t offset, uint64_t line);
/* False: there are no more, or the file cannot be read (then csv_error is its errno). */
bool csv_read(struct csv_reader *reader, struct csv_record **ret_record);
int csv_error(const struct csv_reader *reader);
/* Where the next record begins. */
uint64_t csv_offset(const struct csv_reader *reader);
uint64_t csv_line(const struct csv_reader *reader);
/* Wipes. NULL is fine. */
void csv_free(struct csv_reader **reader);

/* What the field says, without its quotation marks, and a NUL. False: it does not fit, or has a NUL
 * in it. */
bool csv_text(const struct csv_record *record, size_t field, char *ret_text, size_t capacity);
/* Nothing on its line. */
bool csv_is_blank(const struct csv_record *record);
/* For a person: what is wrong; NULL: nothing. */
const char *csv_fault_text(enum csv_fault fault);
/* A text as a field, in quotation marks where it needs them. False: it does not fit. */
bool csv_quote(const char *text, char *ret_field, size_t capacity);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a CSV file: every byte comes out again in some record, fields lie inside their
 * record, and what a good field says, quoted anew, says the same.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "csv.h"

enum { TEXT_BYTES = 2 * CSV_RECORD_BYTES_MAX + 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static int
file_of(const void *data, size_t size)
{
    int file_fd = memfd_create("csv", MFD_CLOEXEC);

    must(file_fd >= 0 && write(file_fd, data, size) == (ssize_t)size);
    must(lseek(file_fd, 0, SEEK_SET) == 0);
    return file_fd;
}

/* A file of this one field says what the field said. */
static void
check_again(const char *text)
{
    static char quoted[TEXT_BYTES], again[TEXT_BYTES];
    struct csv_record *record;

    must(csv_quote(text, quoted, sizeof quoted));
    int file_fd = file_of(quoted, strlen(quoted));
    /* Not at the beginning of a file: a byte order mark is text here. */
    struct csv_reader *reader = csv_new(file_fd, 1, 1);
    must(reader != NULL);
    if (*quoted != 0 && strlen(quoted) <= CSV_RECORD_BYTES_MAX) {
        must(csv_read(reader, &record) && record->fault == CSV_WHOLE && record->field_count == 1);
        must(csv_text(record, 0, again, sizeof again) && strcmp(text, again) == 0);
    }
    csv_free(&reader);
    close(file_fd);
}

static void
check_record(const struct csv_record *record)
{
    static char text[TEXT_BYTES];

    must(record->field_count >= 1 && record->field_count <= CSV_FIELDS_MAX);
    must((record->fault == CSV_WHOLE) == (csv_fault_text(record->fault) == NULL));
    for (size_t i = 0; record->fault == CSV_WHOLE && i < record->field_count; i++) {
        const struct csv_field *field = &record->fields[i];
        must(field->offset + field->size <= record->size);
        must(i == 0 || record->data[field->offset - 1] == ',');
        /* The first ones alone: each takes a file of its own. */
        if (csv_text(record, i, text, sizeof text) && i < 2 && record->line < 4) {
            check_again(text);
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct csv_record *record;
    uint64_t at = 0, line = 1;
    int file_fd = file_of(data, size);
    struct csv_reader *reader = csv_new(file_fd, 0, 1);

    must(reader != NULL);
    while (csv_read(reader, &record)) {
        uint64_t next = csv_offset(reader);
        must(record->line == line && next > at && next <= size);
        must(record->fault == CSV_TOO_LONG || record->size == next - at ||
             record->size == CSV_RECORD_BYTES_MAX);
        must(memcmp(record->data, data + at, record->size) == 0);
        check_record(record);
        at = next;
        line = csv_line(reader);
    }
    must(at == size && csv_error(reader) == 0);
    csv_free(&reader);
    close(file_fd);
    return 0;
}

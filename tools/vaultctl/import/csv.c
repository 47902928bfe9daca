/* SPDX-License-Identifier: Apache-2.0 */
#include "csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_BYTES = 64 * 1024, MARK_BYTES = 3, END = -1 };

static const char byte_order_mark[MARK_BYTES] = {'\xef', '\xbb', '\xbf'};

enum place { FIELD_BEGINS, IN_TEXT, IN_QUOTES, AFTER_QUOTES };

struct csv_reader {
    int file_fd, error;
    uint64_t offset, line; /* of what is read next */
    size_t input_at, input_size;
    enum place place;
    struct csv_record record;
    char input[INPUT_BYTES];
    char data[CSV_RECORD_BYTES_MAX];
};

struct csv_reader *
csv_new(int file_fd, uint64_t offset, uint64_t line)
{
    struct csv_reader *reader = malloc(sizeof *reader);

    if (reader != NULL) {
        reader->file_fd = file_fd;
        reader->error = 0;
        reader->offset = offset;
        reader->line = line;
        reader->input_at = reader->input_size = 0;
    }
    return reader;
}

void
csv_free(struct csv_reader **reader)
{
    if (*reader != NULL) {
        explicit_bzero(*reader, sizeof **reader);
        free(*reader);
        *reader = NULL;
    }
}

int
csv_error(const struct csv_reader *reader)
{
    return reader->error;
}

uint64_t
csv_offset(const struct csv_reader *reader)
{
    return reader->offset;
}

uint64_t
csv_line(const struct csv_reader *reader)
{
    return reader->line;
}

/* ---- bytes ---- */

static bool
fill(struct csv_reader *reader)
{
    ssize_t size;

    do {
        size = read(reader->file_fd, reader->input, sizeof reader->input);
    } while (size < 0 && errno == EINTR);
    reader->error = size < 0 ? errno : 0;
    reader->input_at = 0;
    reader->input_size = size > 0 ? (size_t)size : 0;
    return size > 0;
}

/* The next byte, without taking it. */
static int
peek(struct csv_reader *reader)
{
    if (reader->input_at == reader->input_size && !fill(reader)) {
        return END;
    }
    return (unsigned char)reader->input[reader->input_at];
}

/* Takes what peek saw. What is too much is counted, not kept. */
static void
take(struct csv_reader *reader)
{
    struct csv_record *record = &reader->record;
    char byte = reader->input[reader->input_at++];

    reader->offset++;
    reader->line += byte == '\n';
    if (record->size < sizeof reader->data) {
        reader->data[record->size++] = byte;
    } else {
        record->fault = CSV_TOO_LONG;
    }
}

/* ---- a record ---- */

static void
begin_field(struct csv_reader *reader)
{
    struct csv_record *record = &reader->record;

    reader->place = FIELD_BEGINS;
    if (record->field_count == CSV_FIELDS_MAX) {
        record->fault = CSV_TOO_MANY_FIELDS;
        return;
    }
    record->fields[record->field_count++] = (struct csv_field){.offset = record->size};
}

/* `behind` bytes of what is kept come after the field. */
static void
end_field(struct csv_record *record, size_t behind)
{
    struct csv_field *field = &record->fields[record->field_count - 1];

    if (record->fault == CSV_WHOLE) {
        field->size = record->size - behind - field->offset;
    }
}

static void
take_quotation_mark(struct csv_reader *reader)
{
    switch (reader->place) {
    case FIELD_BEGINS:
    case AFTER_QUOTES: /* a doubled one is text */
        reader->place = IN_QUOTES;
        break;
    case IN_QUOTES:
        reader->place = AFTER_QUOTES;
        break;
    default:
        if (reader->record.fault == CSV_WHOLE) {
            reader->record.fault = CSV_BAD_QUOTES;
        }
    }
}

static void
take_text(struct csv_reader *reader, int byte)
{
    if (reader->place == FIELD_BEGINS) {
        reader->place = IN_TEXT;
    } else if (reader->place == AFTER_QUOTES && (byte != '\r' || peek(reader) != '\n')) {
        reader->place = IN_TEXT;
        if (reader->record.fault == CSV_WHOLE) {
            reader->record.fault = CSV_BAD_QUOTES;
        }
    }
}

/* Bytes of the line's end that are kept: CR and LF, or LF. */
static size_t
end_bytes(const struct csv_reader *reader)
{
    size_t size = reader->record.size;

    return size >= 2 && reader->data[size - 2] == '\r' ? 2 : 1;
}

/* False: this byte ended the record. */
static bool
take_byte(struct csv_reader *reader, int byte)
{
    bool inside = reader->place == IN_QUOTES;

    take(reader);
    if (byte == '"') {
        take_quotation_mark(reader);
    } else if (byte == ',' && !inside) {
        end_field(&reader->record, 1);
        begin_field(reader);
    } else if (byte == '\n' && !inside) {
        end_field(&reader->record, end_bytes(reader));
        return false;
    } else if (!inside) {
        take_text(reader, byte);
    }
    return true;
}

static void
skip_mark(struct csv_reader *reader)
{
    if (reader->offset == 0 && peek(reader) != END && reader->input_size >= MARK_BYTES &&
        memcmp(reader->input, byte_order_mark, MARK_BYTES) == 0) {
        for (size_t i = 0; i < MARK_BYTES; i++) {
            take(reader);
        }
    }
}

bool
csv_read(struct csv_reader *reader, struct csv_record **ret_record)
{
    struct csv_record *record = &reader->record;
    int byte;

    record->data = reader->data;
    record->size = record->field_count = 0;
    record->fault = CSV_WHOLE;
    record->line = reader->line;
    skip_mark(reader);
    begin_field(reader);
    byte = peek(reader);
    if (byte == END && record->size == 0) {
        return false;
    }
    while (byte != END && take_byte(reader, byte)) {
        byte = peek(reader);
    }
    if (byte == END) {
        end_field(record, 0);
        if (reader->place == IN_QUOTES) {
            record->fault = CSV_OPEN_QUOTES;
        }
    }
    *ret_record = record;
    return reader->error == 0;
}

/* ---- what a field says ---- */

bool
csv_text(const struct csv_record *record, size_t field, char *ret_text, size_t capacity)
{
    const char *at = record->data + record->fields[field].offset;
    const char *end = at + record->fields[field].size;
    bool quoted = at < end && *at == '"';
    size_t size = 0;

    if (quoted) {
        at++;
        end--;
    }
    for (; at < end; at++) {
        if (*at == 0 || size + 1 >= capacity) {
            return false;
        }
        ret_text[size++] = *at;
        at += quoted && *at == '"'; /* doubled */
    }
    ret_text[size] = 0;
    return true;
}

bool
csv_is_blank(const struct csv_record *record)
{
    return record->fault == CSV_WHOLE && record->field_count == 1 && record->fields[0].size == 0;
}

const char *
csv_fault_text(enum csv_fault fault)
{
    static const char *const texts[] = {
        [CSV_BAD_QUOTES] = "a quotation mark inside a field; double it, and put the field in "
                           "quotation marks",
        [CSV_OPEN_QUOTES] = "a quotation mark is never closed: all that follows is in it",
        [CSV_TOO_LONG] = "a row of more than 262144 bytes",
        [CSV_TOO_MANY_FIELDS] = "a row of more than 1024 fields",
    };

    return texts[fault];
}

bool
csv_quote(const char *text, char *ret_field, size_t capacity)
{
    bool quoted = strpbrk(text, ",\"\r\n") != NULL;
    size_t size = 0;

    if (quoted && capacity > 0) {
        ret_field[size++] = '"';
    }
    for (; *text != 0; text++) {
        if (size + 4 > capacity) { /* this one, doubled, and what ends it */
            return false;
        }
        if (*text == '"') {
            ret_field[size++] = '"';
        }
        ret_field[size++] = *text;
    }
    if (size + 2 > capacity) {
        return false;
    }
    if (quoted) {
        ret_field[size++] = '"';
    }
    ret_field[size] = 0;
    return true;
}

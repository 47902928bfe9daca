/* SPDX-License-Identifier: Apache-2.0 */
/* The CSV that import reads: RFC 4180, what people's programs write besides, and what is no CSV. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "csv.h"

enum { TEXT_BYTES = 4096 };

struct file {
    int file_fd;
    struct csv_reader *reader;
    struct csv_record *record;
};

static struct file
open_bytes(const char *bytes, size_t size)
{
    struct file file = {.file_fd = memfd_create("csv", MFD_CLOEXEC)};

    assert_true(file.file_fd >= 0);
    assert_int_equal(write(file.file_fd, bytes, size), size);
    assert_int_equal(lseek(file.file_fd, 0, SEEK_SET), 0);
    file.reader = csv_new(file.file_fd, 0, 1);
    assert_non_null(file.reader);
    return file;
}

static struct file
open_text(const char *text)
{
    return open_bytes(text, strlen(text));
}

static void
close_file(struct file *file)
{
    csv_free(&file->reader);
    assert_null(file->reader);
    close(file->file_fd);
}

/* The record as "[a|b]", with its fault. */
static void
assert_record(struct file *file, const char *wanted, enum csv_fault fault)
{
    char text[TEXT_BYTES] = "[";

    assert_true(csv_read(file->reader, &file->record));
    for (size_t i = 0; fault == CSV_WHOLE && i < file->record->field_count; i++) {
        char field[TEXT_BYTES];
        assert_true(csv_text(file->record, i, field, sizeof field));
        strcat(text, i == 0 ? "" : "|");
        strcat(text, field);
    }
    strcat(text, "]");
    assert_int_equal(file->record->fault, fault);
    assert_string_equal(fault == CSV_WHOLE ? text : wanted, wanted);
}

static void
assert_end(struct file *file)
{
    assert_false(csv_read(file->reader, &file->record));
    assert_int_equal(csv_error(file->reader), 0);
    assert_false(csv_read(file->reader, &file->record));
    close_file(file);
}

static void
test_records(void **state)
{
    static const struct {
        const char *text, *records[4];
    } cases[] = {
        {"", {0}},
        {"a", {"[a]"}},
        {"a\n", {"[a]"}},
        {"a,b\r\nc,d\r\n", {"[a|b]", "[c|d]"}},
        {"a,b\nc,d", {"[a|b]", "[c|d]"}},
        {",\n", {"[|]"}},
        {"a,", {"[a|]"}},
        {"\n\r\na\n", {"[]", "[]", "[a]"}},
        {"\"a\",\"b,c\"\r\n", {"[a|b,c]"}},
        {"\"say \"\"hi\"\"\",x\n", {"[say \"hi\"|x]"}},
        {"\"two\r\nlines\",x\n", {"[two\r\nlines|x]"}},
        {"\"\",\"\"\n", {"[|]"}},
        {"\"\"\"\"\n", {"[\"]"}},
        {" a , b \n", {"[ a | b ]"}},
        {"a\rb,c\n", {"[a\rb|c]"}},
        {"\xef\xbb\xbf"
         "name,\"x\"\r\n",
         {"[name|x]"}},
        {"\xef\xbb\xbf\"name\"\n", {"[name]"}},
        {"a\n\xef\xbb\xbf,b\n", {"[a]", "[\xef\xbb\xbf|b]"}},
        {"\"last\"", {"[last]"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = open_text(cases[i].text);
        for (size_t k = 0; cases[i].records[k] != NULL; k++)
            assert_record(&file, cases[i].records[k], CSV_WHOLE);
        assert_end(&file);
    }
}

/* A bad row costs itself alone. */
static void
test_faults_end_with_their_row(void **state)
{
    static const struct {
        const char *row;
        enum csv_fault fault;
    } cases[] = {
        {"a\"b,c\n", CSV_BAD_QUOTES},     {"\"a\"b,c\n", CSV_BAD_QUOTES},
        {"\"a\" ,c\n", CSV_BAD_QUOTES},   {"a,b\"\n", CSV_BAD_QUOTES},
        {"\"a\"\"\"b\n", CSV_BAD_QUOTES}, {"\"a\"\rb\n", CSV_BAD_QUOTES},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[TEXT_BYTES];
        snprintf(text, sizeof text, "x,y\n%s1,2\n", cases[i].row);
        struct file file = open_text(text);
        assert_record(&file, "[x|y]", CSV_WHOLE);
        assert_record(&file, "", cases[i].fault);
        assert_int_equal(file.record->line, 2);
        assert_non_null(csv_fault_text(cases[i].fault));
        assert_record(&file, "[1|2]", CSV_WHOLE);
        assert_int_equal(file.record->line, 3);
        assert_end(&file);
    }
}

static void
test_a_quote_never_closed(void **state)
{
    struct file file = open_text("x,y\n\"a,b\n1,2\n");

    (void)state;
    assert_record(&file, "[x|y]", CSV_WHOLE);
    assert_record(&file, "", CSV_OPEN_QUOTES);
    assert_int_equal(file.record->line, 2);
    assert_end(&file);
    file = open_text("\"");
    assert_record(&file, "", CSV_OPEN_QUOTES);
    assert_end(&file);
}

/* Where it stands can be noted, and gone on from. */
static void
test_offsets_and_lines(void **state)
{
    static const char text[] = "\xef\xbb\xbf"
                               "a,b\r\n\"1\n2\n3\",x\r\nlast,row\n";
    struct file file = open_text(text);

    (void)state;
    assert_record(&file, "[a|b]", CSV_WHOLE);
    assert_int_equal(csv_offset(file.reader), 8);
    assert_int_equal(csv_line(file.reader), 2);
    assert_int_equal(file.record->size, 8); /* the mark is kept, and is not text */
    assert_record(&file, "[1\n2\n3|x]", CSV_WHOLE);
    assert_int_equal(file.record->line, 2);
    assert_int_equal(csv_line(file.reader), 5);
    uint64_t offset = csv_offset(file.reader);
    csv_free(&file.reader);
    assert_int_equal(lseek(file.file_fd, (off_t)offset, SEEK_SET), offset);
    file.reader = csv_new(file.file_fd, offset, 5);
    assert_record(&file, "[last|row]", CSV_WHOLE);
    assert_int_equal(file.record->line, 5);
    assert_int_equal(csv_offset(file.reader), sizeof text - 1);
    assert_end(&file);
}

static void
test_every_byte_is_kept(void **state)
{
    static const char text[] = "\xef\xbb\xbfn,\"p\"\"q\"\r\n a , \"x\" \n\"1\r\n\",2\nend";
    char together[TEXT_BYTES] = "";
    struct file file = open_text(text);

    (void)state;
    while (csv_read(file.reader, &file.record))
        strncat(together, file.record->data, file.record->size);
    assert_string_equal(together, text);
    close_file(&file);
}

static void
test_fields_that_are_no_text(void **state)
{
    char small[4];
    struct file file = open_bytes("a\0b,abcd,\"\"\"\"\"\"\n", 16);

    (void)state;
    assert_true(csv_read(file.reader, &file.record));
    assert_int_equal(file.record->field_count, 3);
    char text[TEXT_BYTES];
    assert_false(csv_text(file.record, 0, text, sizeof text));
    assert_false(csv_text(file.record, 1, small, sizeof small));
    assert_true(csv_text(file.record, 2, small, sizeof small));
    assert_string_equal(small, "\"\"");
    assert_end(&file);
}

static void
test_limits(void **state)
{
    char *text = malloc(2 * CSV_RECORD_BYTES_MAX + 16);
    struct file file;

    (void)state;
    memset(text, 'a', CSV_RECORD_BYTES_MAX);
    text[CSV_RECORD_BYTES_MAX - 1] = '\n';
    memcpy(text + CSV_RECORD_BYTES_MAX, "b,c\n", 4);
    file = open_bytes(text, CSV_RECORD_BYTES_MAX + 4);
    assert_true(csv_read(file.reader, &file.record));
    assert_int_equal(file.record->fault, CSV_WHOLE);
    assert_int_equal(file.record->size, CSV_RECORD_BYTES_MAX);
    assert_record(&file, "[b|c]", CSV_WHOLE);
    assert_end(&file);
    memset(text, 'a', CSV_RECORD_BYTES_MAX);
    memcpy(text + CSV_RECORD_BYTES_MAX, "\nb,c\n", 5);
    file = open_bytes(text, CSV_RECORD_BYTES_MAX + 5);
    assert_record(&file, "", CSV_TOO_LONG);
    assert_record(&file, "[b|c]", CSV_WHOLE);
    assert_end(&file);
    memset(text, ',', CSV_FIELDS_MAX);
    memcpy(text + CSV_FIELDS_MAX, "\nb,c\n", 5);
    file = open_bytes(text + 1, CSV_FIELDS_MAX + 4);
    assert_true(csv_read(file.reader, &file.record));
    assert_int_equal(file.record->field_count, CSV_FIELDS_MAX);
    assert_int_equal(file.record->fault, CSV_WHOLE);
    assert_record(&file, "[b|c]", CSV_WHOLE);
    assert_end(&file);
    file = open_bytes(text, CSV_FIELDS_MAX + 5);
    assert_record(&file, "", CSV_TOO_MANY_FIELDS);
    assert_record(&file, "[b|c]", CSV_WHOLE);
    assert_end(&file);
    free(text);
}

static void
test_quoting(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"a b", "a b"},
        {"a,b", "\"a,b\""},
        {"a\"b", "\"a\"\"b\""},
        {"a\nb", "\"a\nb\""},
        {"\u2022", "\u2022"},
    };
    char field[64], small[5];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(csv_quote(cases[i][0], field, sizeof field));
        assert_string_equal(field, cases[i][1]);
    }
    assert_false(csv_quote("a,bcdefgh", small, sizeof small));
    assert_false(csv_quote("x", small, 1));
}

static void
test_a_file_that_cannot_be_read(void **state)
{
    struct file file = {.file_fd = -1};

    (void)state;
    file.reader = csv_new(-1, 0, 1);
    assert_non_null(file.reader);
    assert_false(csv_read(file.reader, &file.record));
    assert_int_not_equal(csv_error(file.reader), 0);
    csv_free(&file.reader);
    csv_free(&file.reader);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_faults_end_with_their_row),
        cmocka_unit_test(test_a_quote_never_closed),
        cmocka_unit_test(test_offsets_and_lines),
        cmocka_unit_test(test_every_byte_is_kept),
        cmocka_unit_test(test_fields_that_are_no_text),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_a_file_that_cannot_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

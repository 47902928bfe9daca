/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S13 "hostile bytes crash nothing", before anything is built. */
/* Rules that want more than a vector: every prefix, every byte, every character, sizes at the edge.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bounds.h"
#include "field.h"
#include "message.h"
#include "scan.h"
#include "utf8.h"

/* No header of ours stands in for the C library's. */
_Static_assert(PATH_MAX > 0 && MB_LEN_MAX > 1 && INT_MAX > 0, "<limits.h> is hidden by proto/");

enum { SMALL_BYTES = 4096, SIZED_BYTES = BACKUP_DATA_BYTES_MAX + 64, BYTE_VALUES = 256 };

static enum status
scan(const void *data, size_t size, const char **ret_fault)
{
    *ret_fault = "none";
    return scan_message(bytes_of(data, size), ret_fault);
}

static size_t
write_reply(uint8_t *data, size_t capacity)
{
    struct message_writer writer = {.data = data, .capacity = capacity};

    message_begin(&writer, 2);
    message_put_uint(&writer, FIELD_STATUS, STATUS_OK);
    message_put_list(&writer, FIELD_ITEMS, 1);
    message_begin(&writer, 4);
    message_put_text(&writer, FIELD_NAME, "anna \xe2\x80\xa2");
    message_put_uint(&writer, FIELD_CREATED, UINT64_MAX);
    message_put_bool(&writer, FIELD_DISABLED, true);
    message_put_list(&writer, FIELD_GRANTS, 2);
    for (int i = 0; i < 2; i++) {
        message_begin(&writer, 1);
        message_put_uint(&writer, FIELD_ROLE, 3);
    }
    assert_false(writer.full);
    return writer.size;
}

/* Copied to the heap at its exact size, so that a byte read too far is seen by ASan. */
static void
test_every_prefix_is_cut_short(void **state)
{
    uint8_t data[SMALL_BYTES];
    size_t size = write_reply(data, sizeof data);
    const char *fault;

    (void)state;
    assert_int_equal(scan(data, size, &fault), STATUS_OK);
    assert_int_equal(scan(NULL, 0, &fault), STATUS_INVALID);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *exact = malloc(cut + 1);
        assert_non_null(exact);
        memcpy(exact, data, cut);
        exact = realloc(exact, cut > 0 ? cut : 1);
        assert_int_equal(scan(exact, cut, &fault), STATUS_INVALID);
        assert_string_equal(fault, "message: cut short");
        free(exact);
    }
}

/* Whatever the byte and the place: an answer, and a fault's text whenever it is not OK. */
static void
test_every_single_byte_changed(void **state)
{
    uint8_t data[SMALL_BYTES];
    size_t size = write_reply(data, sizeof data);
    const char *fault;

    (void)state;
    for (size_t at = 0; at < size; at++) {
        uint8_t right = data[at];
        for (unsigned byte = 0; byte < BYTE_VALUES; byte++) {
            data[at] = (uint8_t)byte;
            enum status status = scan(data, size, &fault);
            assert_true(status == STATUS_OK || status == STATUS_INVALID ||
                        status == STATUS_TOO_LARGE);
            assert_int_equal(status == STATUS_OK, strcmp(fault, "none") == 0);
        }
        data[at] = right;
    }
}

/* The types that are not used, by MessagePack's table of first bytes. */
static void
test_every_first_byte_of_a_value(void **state)
{
    const char *fault;

    (void)state;
    for (unsigned byte = 0; byte < BYTE_VALUES; byte++) {
        uint8_t data[16] = {0x81, FIELD_FROM, (uint8_t)byte};
        bool unused = byte == 0xc0 || byte == 0xc1 || (byte >= 0xc7 && byte <= 0xcb) ||
                      (byte >= 0xd0 && byte <= 0xd8) || byte >= 0xe0;
        bool is_uint = byte <= 0x7f || (byte >= 0xcc && byte <= 0xcf);
        static const uint8_t widths[] = {1, 2, 4, 8};
        size_t size = 3 + (byte >= 0xcc && byte <= 0xcf ? widths[byte - 0xcc] : 0u);
        enum status status = scan(data, is_uint ? size : sizeof data, &fault);
        assert_int_equal(status, is_uint ? STATUS_OK : STATUS_INVALID);
        if (unused) {
            assert_string_equal(fault, "message: a type that is not used");
        } else if (!is_uint) {
            assert_string_equal(fault, "from: wrong type");
        }
    }
}

/* One field alone in a message, at, below and above each of its limits. */
static enum status
scan_sized(enum field field, size_t size, const char **ret_fault)
{
    static uint8_t data[SIZED_BYTES];
    static const uint8_t content[SIZED_BYTES];
    struct message_writer writer = {.data = data, .capacity = sizeof data};

    message_begin(&writer, 1);
    message_put_bytes(&writer, field, bytes_of(content, size));
    assert_false(writer.full);
    return scan(data, writer.size, ret_fault);
}

static enum status
scan_number(enum field field, uint64_t number, const char **ret_fault)
{
    uint8_t data[SMALL_BYTES];
    struct message_writer writer = {.data = data, .capacity = sizeof data};

    message_begin(&writer, 1);
    message_put_uint(&writer, field, number);
    return scan(data, writer.size, ret_fault);
}

static void
check_size_limits(enum field field, const struct field_rule *rule)
{
    const char *fault;

    assert_int_equal(scan_sized(field, rule->min, &fault), STATUS_OK);
    assert_int_equal(scan_sized(field, rule->max, &fault), STATUS_OK);
    assert_int_equal(scan_sized(field, rule->max + 1, &fault), STATUS_TOO_LARGE);
    assert_string_equal(fault, rule->faults[FIELD_FAULT_LIMIT]);
    if (rule->min > 0) {
        assert_int_equal(scan_sized(field, rule->min - 1, &fault), STATUS_INVALID);
        assert_string_equal(fault, rule->faults[FIELD_FAULT_RANGE]);
    }
}

static void
check_number_limits(enum field field, const struct field_rule *rule)
{
    const char *fault;

    assert_int_equal(scan_number(field, rule->min, &fault), STATUS_OK);
    assert_int_equal(scan_number(field, rule->max, &fault), STATUS_OK);
    if (rule->max < UINT64_MAX) {
        assert_int_equal(scan_number(field, rule->max + 1, &fault), STATUS_INVALID);
        assert_string_equal(fault, rule->faults[FIELD_FAULT_RANGE]);
    }
    if (rule->min > 0) {
        assert_int_equal(scan_number(field, rule->min - 1, &fault), STATUS_INVALID);
    }
}

static void
test_limits_of_every_field(void **state)
{
    unsigned fields = 0;

    (void)state;
    for (unsigned field = 0; field < FIELD_LIMIT_NUMBER; field++) {
        const struct field_rule *rule = field_rule(field);
        if (rule == NULL) {
            continue;
        }
        fields++;
        if (rule->type == FIELD_TYPE_STR || rule->type == FIELD_TYPE_BIN) {
            check_size_limits((enum field)field, rule);
        } else if (rule->type == FIELD_TYPE_UINT) {
            check_number_limits((enum field)field, rule);
        }
    }
    assert_int_equal(fields, FIELD_GONE + 1 + 1 /* offboarded */);
    assert_null(field_rule(FIELD_LIMIT_NUMBER));
    assert_null(field_rule(UINT64_MAX));
}

/* 4,096 values pass; values may fill the frame; a frame one byte longer does not pass. */
static void
test_largest_messages(void **state)
{
    uint8_t *data = calloc(1, FRAME_BYTES_MAX + 1);
    struct message_writer writer = {.data = data, .capacity = FRAME_BYTES_MAX};
    const char *fault;

    (void)state;
    assert_non_null(data);
    message_begin(&writer, 1);
    message_put_list(&writer, FIELD_VALUES, BATCH_ITEMS_MAX);
    for (size_t i = 0; i < BATCH_ITEMS_MAX - 1; i++) {
        message_add_bytes(&writer, bytes_of_text("maria@example.com"));
    }
    static const uint8_t head[] = {0xdb, 0, 0, 0, 0};
    size_t rest = FRAME_BYTES_MAX - writer.size - sizeof head;
    memcpy(data + writer.size, head, sizeof head);
    put_u32(data + writer.size + 1, (uint32_t)rest);
    assert_int_equal(scan(data, FRAME_BYTES_MAX, &fault), STATUS_OK);
    assert_int_equal(scan(data, FRAME_BYTES_MAX + 1, &fault), STATUS_TOO_LARGE);
    assert_string_equal(fault, "message: over its limit");
    free(data);
}

static void
test_entries_of_all_lists_together(void **state)
{
    static uint8_t data[MESSAGE_ENTRIES_MAX * 2];
    const size_t lists = MESSAGE_ENTRIES_MAX / LIST_ITEMS_MAX;
    const char *fault;

    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        struct message_writer writer = {.data = data, .capacity = sizeof data};
        message_begin(&writer, 1);
        message_put_list(&writer, FIELD_ITEMS, lists);
        for (size_t i = 0; i < lists; i++) {
            size_t grants = LIST_ITEMS_MAX - (i == 0 ? lists - over : 0);
            message_begin(&writer, 1);
            message_put_list(&writer, FIELD_GRANTS, grants);
            for (size_t j = 0; j < grants; j++) {
                message_begin(&writer, 0);
            }
        }
        assert_false(writer.full);
        assert_int_equal(scan(data, writer.size, &fault), over ? STATUS_TOO_LARGE : STATUS_OK);
    }
    assert_string_equal(fault, "message: too many list entries");
}

/* ---- UTF-8 ---- */

/* RFC 3629 section 3, written down a second time and in the other direction. */
static size_t
encode_character(uint32_t character, uint8_t *to)
{
    if (character < 0x80) {
        to[0] = (uint8_t)character;
        return 1;
    }
    if (character < 0x800) {
        to[0] = (uint8_t)(0xc0 | character >> 6);
        to[1] = (uint8_t)(0x80 | (character & 0x3f));
        return 2;
    }
    if (character < 0x10000) {
        to[0] = (uint8_t)(0xe0 | character >> 12);
        to[1] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
        to[2] = (uint8_t)(0x80 | (character & 0x3f));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | character >> 18);
    to[1] = (uint8_t)(0x80 | (character >> 12 & 0x3f));
    to[2] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
    to[3] = (uint8_t)(0x80 | (character & 0x3f));
    return 4;
}

static void
test_every_character(void **state)
{
    uint8_t text[8];

    (void)state;
    for (uint32_t character = 0; character < 0x1fffff; character++) {
        bool valid = character <= 0x10ffff && (character < 0xd800 || character > 0xdfff);
        size_t size = encode_character(character, text);
        if (utf8_valid(bytes_of(text, size)) != valid) {
            fail_msg("U+%X", (unsigned)character);
        }
        if (size > 1) {
            assert_false(utf8_valid(bytes_of(text, size - 1)));
        }
    }
}

/* How many valid texts of three bytes there are follows from counting characters alone. */
static void
test_every_three_bytes(void **state)
{
    const unsigned one = 128, two = 1920, three = 61440; /* characters by length; no surrogates */
    unsigned valid = 0;

    (void)state;
    for (uint32_t number = 0; number < 1u << 24; number++) {
        uint8_t text[4];
        put_u32(text, number);
        valid += utf8_valid(bytes_of(text + 1, 3));
    }
    assert_int_equal(valid, one * one * one + 2 * one * two + three);
}

static void
test_wide_character_at_every_place(void **state)
{
    static const uint8_t bullet[] = {0xe2, 0x80, 0xa2};
    uint8_t text[32];

    (void)state;
    assert_true(utf8_valid(bytes_of(NULL, 0)));
    for (size_t at = 0; at + sizeof bullet <= sizeof text; at++) {
        memset(text, 'a', sizeof text);
        memcpy(text + at, bullet, sizeof bullet);
        assert_true(utf8_valid(bytes_of(text, sizeof text)));
        text[at + 2] = 'a';
        assert_false(utf8_valid(bytes_of(text, sizeof text)));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_prefix_is_cut_short),
        cmocka_unit_test(test_every_single_byte_changed),
        cmocka_unit_test(test_every_first_byte_of_a_value),
        cmocka_unit_test(test_limits_of_every_field),
        cmocka_unit_test(test_largest_messages),
        cmocka_unit_test(test_entries_of_all_lists_together),
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_every_three_bytes),
        cmocka_unit_test(test_wide_character_at_every_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

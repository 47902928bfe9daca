/* SPDX-License-Identifier: Apache-2.0 */
/* The framing alone: every verdict, at every cut. */
#include "sp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "bounds.h"

static const uint8_t request_greeting[SP_GREETING_BYTES] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};

static void
put_header(uint8_t header[static SP_HEADER_BYTES], uint8_t type, uint64_t length, uint32_t id)
{
    header[0] = type;
    put_u64(header + 1, length);
    put_u32(header + 9, id);
}

/* The verdict on the first `size` bytes; what lies behind them must not be looked at. */
static enum sp_verdict
verdict_on(const uint8_t *header, size_t size, struct sp_header *ret_header)
{
    uint8_t cut[SP_HEADER_BYTES + 1];

    memset(cut, 0xff, sizeof cut);
    memcpy(cut, header, size);
    return sp_header_parse(bytes_of(cut, size), ret_header);
}

static void
greeting_of_a_request_socket_is_whole_at_eight_bytes(void **state)
{
    (void)state;
    for (size_t size = 0; size < SP_GREETING_BYTES; size++) {
        assert_int_equal(sp_greeting_check(bytes_of(request_greeting, size)), SP_MORE);
    }
    assert_int_equal(sp_greeting_check(bytes_of(request_greeting, SP_GREETING_BYTES)), SP_WHOLE);
}

static void
greeting_with_any_other_byte_is_broken(void **state)
{
    (void)state;
    for (size_t at = 0; at < SP_GREETING_BYTES; at++) {
        uint8_t greeting[SP_GREETING_BYTES];

        memcpy(greeting, request_greeting, sizeof greeting);
        greeting[at] ^= 1;
        assert_int_equal(sp_greeting_check(bytes_of(greeting, sizeof greeting)), SP_BROKEN);
        assert_int_equal(sp_greeting_check(bytes_of(greeting, at + 1)), SP_BROKEN);
        assert_int_equal(sp_greeting_check(bytes_of(greeting, at)), SP_MORE);
    }
}

static void
our_greeting_is_that_of_a_reply_socket(void **state)
{
    static const uint8_t expected[SP_GREETING_BYTES] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};

    (void)state;
    assert_memory_equal(sp_greeting, expected, SP_GREETING_BYTES);
}

static void
header_is_whole_at_thirteen_bytes(void **state)
{
    uint8_t bytes[SP_HEADER_BYTES];
    struct sp_header header = {0};

    (void)state;
    put_header(bytes, 1, 4 + 64, 0x80000007);
    for (size_t size = 0; size < SP_HEADER_BYTES; size++) {
        assert_int_equal(verdict_on(bytes, size, &header), SP_MORE);
    }
    assert_int_equal(verdict_on(bytes, sizeof bytes, &header), SP_WHOLE);
    assert_int_equal(header.request_id, 0x80000007);
    assert_int_equal(header.payload_bytes, 64);
}

static void
message_type_must_be_one(void **state)
{
    struct sp_header header;

    (void)state;
    for (unsigned type = 0; type <= UINT8_MAX; type++) {
        uint8_t byte = (uint8_t)type;

        assert_int_equal(verdict_on(&byte, 1, &header), type == 1 ? SP_MORE : SP_BROKEN);
    }
}

static void
length_is_judged_as_soon_as_it_is_there(void **state)
{
    static const struct {
        uint64_t length;
        enum sp_verdict verdict;
    } rows[] = {
        {0, SP_BROKEN},
        {1, SP_BROKEN},
        {2, SP_BROKEN},
        {3, SP_BROKEN},
        {4, SP_MORE},
        {5, SP_MORE},
        {FRAME_BYTES_MAX, SP_MORE},
        {FRAME_BYTES_MAX + UINT64_C(1), SP_BROKEN},
        {UINT64_C(1) << 32, SP_BROKEN},
        {UINT64_C(1) << 63, SP_BROKEN},
        {UINT64_MAX, SP_BROKEN},
    };
    struct sp_header header;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[SP_HEADER_BYTES];

        put_header(bytes, 1, rows[i].length, 0x80000000);
        assert_int_equal(verdict_on(bytes, 9, &header), rows[i].verdict);
        assert_int_equal(verdict_on(bytes, 8, &header), SP_MORE);
    }
}

static void
request_id_must_have_its_highest_bit(void **state)
{
    uint8_t bytes[SP_HEADER_BYTES];
    struct sp_header header;

    (void)state;
    put_header(bytes, 1, 8, 0x7fffffff);
    assert_int_equal(verdict_on(bytes, 9, &header), SP_MORE);
    assert_int_equal(verdict_on(bytes, 10, &header), SP_BROKEN);
    assert_int_equal(verdict_on(bytes, sizeof bytes, &header), SP_BROKEN);
    put_header(bytes, 1, 8, 0xffffffff);
    assert_int_equal(verdict_on(bytes, sizeof bytes, &header), SP_WHOLE);
    assert_int_equal(header.request_id, 0xffffffff);
}

static void
what_is_written_is_what_is_read(void **state)
{
    static const uint8_t expected[SP_HEADER_BYTES] = {1,    0,    0,    0,    0,    0,   0,
                                                      0x01, 0x04, 0x80, 0x01, 0x02, 0x03};
    const struct sp_header written = {.request_id = 0x80010203, .payload_bytes = 256};
    struct sp_header read = {0};
    uint8_t bytes[SP_HEADER_BYTES];

    (void)state;
    sp_header_write(&written, bytes);
    assert_memory_equal(bytes, expected, sizeof expected);
    assert_int_equal(sp_header_parse(bytes_of(bytes, sizeof bytes), &read), SP_WHOLE);
    assert_int_equal(read.request_id, written.request_id);
    assert_int_equal(read.payload_bytes, written.payload_bytes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greeting_of_a_request_socket_is_whole_at_eight_bytes),
        cmocka_unit_test(greeting_with_any_other_byte_is_broken),
        cmocka_unit_test(our_greeting_is_that_of_a_reply_socket),
        cmocka_unit_test(header_is_whole_at_thirteen_bytes),
        cmocka_unit_test(message_type_must_be_one),
        cmocka_unit_test(length_is_judged_as_soon_as_it_is_there),
        cmocka_unit_test(request_id_must_have_its_highest_bit),
        cmocka_unit_test(what_is_written_is_what_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: SECURITY.md S42, of the codes by themselves; and what people type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "code.h"
#include "totp.h"

/* RFC 6238, appendix B: SHA-1, this secret; the last six of its eight digits. */
static const uint8_t secret[TOTP_SECRET_BYTES] = "12345678901234567890";
static const struct {
    uint64_t second;
    const char *code;
} published[] = {
    {59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
    {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"},
};

enum { SECOND_MS = 1000, STEP_S = 30 };

static enum status
check(const char *code, uint64_t second, uint64_t used_step, uint64_t *ret_step)
{
    return totp_check(secret, bytes_of_text(code), second * SECOND_MS, used_step, ret_step);
}

static void
codes_are_those_of_the_rfc(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        uint64_t step = 0;

        assert_int_equal(check(published[i].code, published[i].second, 0, &step), STATUS_OK);
        assert_int_equal(step, published[i].second / STEP_S);
    }
}

/* A phone's clock may be a step off to either side, and no more. */
static void
s42_a_code_is_good_for_a_step_to_either_side(void **state)
{
    const uint64_t begins = 1111111111 / STEP_S * STEP_S;
    uint64_t step = 0;

    (void)state;
    assert_int_equal(check("050471", begins - STEP_S, 0, &step), STATUS_OK);
    assert_int_equal(check("050471", begins + 2 * STEP_S - 1, 0, &step), STATUS_OK);
    assert_int_equal(step, begins / STEP_S);
    assert_int_equal(check("050471", begins - STEP_S - 1, 0, &step), STATUS_DENIED);
    assert_int_equal(check("050471", begins + 2 * STEP_S, 0, &step), STATUS_DENIED);
}

static void
s42_a_step_that_is_not_after_the_newest_used_is_used(void **state)
{
    const uint64_t now = 1111111111;
    uint64_t step = 0;

    (void)state;
    assert_int_equal(check("050471", now, now / STEP_S - 1, &step), STATUS_OK);
    assert_int_equal(check("050471", now, now / STEP_S, &step), STATUS_CONFLICT);
    assert_int_equal(check("050471", now, now / STEP_S + 5, &step), STATUS_CONFLICT);
    assert_int_equal(check("050472", now, 0, &step), STATUS_DENIED);
}

static void
codes_are_exactly_six_digits(void **state)
{
    static const char *const bad[] = {
        "",       "12345",   "1234567", "12345a", "12 345", "-12345", "\xd9\xa1\xd9\xa2\xd9\xa3",
        "0x1234", "123456\n"};

    (void)state;
    assert_true(totp_is_code(bytes_of_text("000000")));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(totp_is_code(bytes_of_text(bad[i])));
    }
    assert_false(totp_is_code(bytes_of("12345\0", 6)));
}

/* ---- what people type ---- */

static void
a_code_is_read_as_people_copy_it(void **state)
{
    static const uint8_t code[CODE_BYTES] = {0xff, 0, 1, 2,  3,  4,  5,  6,
                                             7,    8, 9, 10, 11, 12, 13, 14};
    static const uint8_t recovery[RECOVERY_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 0x1f};
    uint8_t got[CODE_BYTES];
    char text[CODE_TEXT_BYTES];

    (void)state;
    code_print(code, CODE_BYTES, text);
    assert_string_equal(text, "zw00-20g3-0g2g-c1r8-1450-p30d-1r");
    assert_true(code_parse(bytes_of_text(text), CODE_BYTES, got));
    assert_memory_equal(got, code, CODE_BYTES);
    assert_true(code_parse(bytes_of_text(" ZWOO 20G3 OG2G CiR81450-P30D-lR-"), CODE_BYTES, got));
    assert_memory_equal(got, code, CODE_BYTES);
    code_print(recovery, RECOVERY_BYTES, text);
    assert_int_equal(strlen(text), 19);
    assert_true(code_parse(bytes_of_text(text), RECOVERY_BYTES, got));
    assert_memory_equal(got, recovery, RECOVERY_BYTES);
}

static void
what_is_no_code_is_none(void **state)
{
    static const char *const bad[] = {
        "",
        "-",
        "zw00-20g3-0g2g-c1r8-1450-p30d-1",
        "zw00-20g3-0g2g-c1r8-1450-p30d-1r0",
        "zw00-20g3-0g2g-c1r8-1450-p30d-1u",
        "zw00_20g3-0g2g-c1r8-1450-p30d-1r",
        "zw00-20g3-0g2g-c1r8-1450-p30d-1s", /* bits that no code has */
    };
    uint8_t got[CODE_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(code_parse(bytes_of_text(bad[i]), CODE_BYTES, got));
    }
}

static void
digests_tell_vaults_people_and_codes_apart(void **state)
{
    static const uint8_t vault[16] = {1}, other_vault[16] = {2};
    static const uint8_t code[CODE_BYTES] = {3}, other_code[CODE_BYTES] = {4};
    uint8_t digest[32], other[32];

    (void)state;
    code_digest(vault, 1, code, CODE_BYTES, digest, sizeof digest);
    code_digest(other_vault, 1, code, CODE_BYTES, other, sizeof other);
    assert_memory_not_equal(digest, other, sizeof digest);
    code_digest(vault, 2, code, CODE_BYTES, other, sizeof other);
    assert_memory_not_equal(digest, other, sizeof digest);
    code_digest(vault, 1, other_code, CODE_BYTES, other, sizeof other);
    assert_memory_not_equal(digest, other, sizeof digest);
    code_digest(vault, 1, code, CODE_BYTES, other, sizeof other);
    assert_memory_equal(digest, other, sizeof digest);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_those_of_the_rfc),
        cmocka_unit_test(s42_a_code_is_good_for_a_step_to_either_side),
        cmocka_unit_test(s42_a_step_that_is_not_after_the_newest_used_is_used),
        cmocka_unit_test(codes_are_exactly_six_digits),
        cmocka_unit_test(a_code_is_read_as_people_copy_it),
        cmocka_unit_test(what_is_no_code_is_none),
        cmocka_unit_test(digests_tell_vaults_people_and_codes_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

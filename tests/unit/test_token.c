/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "golden.h"
#include "token.h"

enum { RANDOM_TOKENS = 500, BYTE_VALUES = 256, PREFIX_BYTES = 4 };

static enum status
parse(const char *text)
{
    enum contact_kind kind;
    struct token token;

    return token_parse(bytes_of_text(text), &kind, &token);
}

static void
check_vector(const struct golden *golden)
{
    static uint8_t buffer[GOLDEN_BYTES_MAX];
    const char *text = golden_text(golden, "text");
    char written[TOKEN_TEXT_BYTES + 1];
    enum contact_kind kind = 0;
    struct token token;
    enum status status = token_parse(bytes_of_text(text), &kind, &token);

    if (status != golden_status(golden)) {
        fail_msg("%s: %s", golden->name, status_name(status));
    }
    if (status != STATUS_OK) {
        return;
    }
    assert_int_equal(kind, strcmp(golden_text(golden, "kind"), "email") == 0 ? CONTACT_EMAIL
                                                                             : CONTACT_PHONE);
    assert_int_equal(golden_hex(golden, "hex", buffer).size, TOKEN_BYTES);
    assert_memory_equal(token.bytes, buffer, TOKEN_BYTES);
    memcpy(token.bytes, buffer, TOKEN_BYTES);
    token_format(kind, &token, written);
    assert_string_equal(written, text);
}

static void
test_vectors(void **state)
{
    (void)state;
    assert_true(golden_each("tokens.txt", check_vector) >= 28);
}

/* Calls `check` with the text of many random tokens of both kinds. */
static void
each_random(void (*check)(char *text))
{
    struct token token;
    char text[TOKEN_TEXT_BYTES + 1];

    for (unsigned i = 0; i < RANDOM_TOKENS; i++) {
        randombytes_buf(token.bytes, sizeof token.bytes);
        token_format(i % 2 == 0 ? CONTACT_PHONE : CONTACT_EMAIL, &token, text);
        check(text);
        assert_int_equal(parse(text), STATUS_OK); /* and the check put everything back */
    }
}

static void
check_round_trip(char *text)
{
    enum contact_kind kind;
    struct token token;
    char again[TOKEN_TEXT_BYTES + 1];

    assert_int_equal(token_parse(bytes_of_text(text), &kind, &token), STATUS_OK);
    token_format(kind, &token, again);
    assert_string_equal(again, text);
}

static void
must_refuse_unless(const char *text, bool unchanged)
{
    if (!unchanged && parse(text) != STATUS_INVALID) {
        fail_msg("taken: %s", text);
    }
}

/* All 255 other bytes in each of the 31 places, the prefix and the check letter too. */
static void
check_substitutions(char *text)
{
    for (size_t at = 0; at < TOKEN_TEXT_BYTES; at++) {
        char right = text[at];
        for (unsigned byte = 1; byte < BYTE_VALUES; byte++) {
            text[at] = (char)byte;
            must_refuse_unless(text, text[at] == right);
        }
        text[at] = right;
    }
}

/* Neighbours that change places; in fact any two letters after the prefix. */
static void
check_swaps(char *text)
{
    for (size_t i = 0; i < TOKEN_TEXT_BYTES; i++) {
        for (size_t j = i + 1; j < TOKEN_TEXT_BYTES; j++) {
            char left = text[i], right = text[j];
            text[i] = right;
            text[j] = left;
            must_refuse_unless(text, left == right);
            text[i] = left;
            text[j] = right;
        }
    }
}

static void
check_prefixes(char *text)
{
    static const char *const prefixes[] = {"phn_", "eml_", "PHN_", "tok_", "phn-", "ph_n"};
    char right[PREFIX_BYTES];

    memcpy(right, text, PREFIX_BYTES);
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        memcpy(text, prefixes[i], PREFIX_BYTES);
        if (memcmp(right, prefixes[i], PREFIX_BYTES) != 0) {
            assert_int_equal(parse(text), STATUS_INVALID);
        }
    }
    memcpy(text, right, PREFIX_BYTES);
}

static void
check_lengths(char *text)
{
    enum contact_kind kind;
    struct token token;
    uint8_t longer[TOKEN_TEXT_BYTES + 1];

    for (size_t size = 0; size < TOKEN_TEXT_BYTES; size++) {
        assert_int_equal(token_parse(bytes_of(text, size), &kind, &token), STATUS_INVALID);
    }
    memcpy(longer, text, sizeof longer); /* with its NUL */
    assert_int_equal(token_parse(bytes_of(longer, sizeof longer), &kind, &token), STATUS_INVALID);
}

static void
test_round_trip(void **state)
{
    (void)state;
    each_random(check_round_trip);
}

static void
test_every_wrong_letter_is_refused(void **state)
{
    (void)state;
    each_random(check_substitutions);
}

static void
test_every_swap_is_refused(void **state)
{
    (void)state;
    each_random(check_swaps);
}

static void
test_other_prefixes_and_lengths_are_refused(void **state)
{
    (void)state;
    each_random(check_prefixes);
    each_random(check_lengths);
}

static void
test_refused_leaves_results_alone(void **state)
{
    enum contact_kind kind = CONTACT_EMAIL;
    struct token token = {.bytes = {1, 2, 3}}, before = token;

    (void)state;
    assert_int_equal(token_parse(bytes_of_text("phn_000000000000000000000000001"), &kind, &token),
                     STATUS_INVALID);
    assert_int_equal(kind, CONTACT_EMAIL);
    assert_memory_equal(&token, &before, sizeof token);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_wrong_letter_is_refused),
        cmocka_unit_test(test_every_swap_is_refused),
        cmocka_unit_test(test_other_prefixes_and_lengths_are_refused),
        cmocka_unit_test(test_refused_leaves_results_alone),
    };

    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

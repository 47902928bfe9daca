/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S30 "fewer say nothing of it". */
/* Shares of a root key: any `threshold` give it back, fewer say nothing, and a wrong one is named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "share.h"
#include "vectors.h"

enum { RANDOM_BYTES = (SHARES_MAX - 1) * SHARE_KEY_BYTES };

static void
split(const uint8_t key[static SHARE_KEY_BYTES], uint8_t threshold, uint8_t total,
      struct share *ret_shares)
{
    uint8_t random[RANDOM_BYTES], set[SHARE_SET_BYTES];

    randombytes_buf(random, sizeof random);
    randombytes_buf(set, sizeof set);
    share_split(key, set, threshold, total, random, ret_shares);
}

static void
any_so_many_give_the_key_back(void **state)
{
    struct share shares[SHARES_MAX], chosen[SHARES_MAX];
    uint8_t key[SHARE_KEY_BYTES], found[SHARE_KEY_BYTES];

    (void)state;
    for (uint8_t total = SHARE_THRESHOLD_MIN; total <= SHARES_MAX; total++) {
        for (uint8_t threshold = SHARE_THRESHOLD_MIN; threshold <= total; threshold++) {
            randombytes_buf(key, sizeof key);
            split(key, threshold, total, shares);
            /* From any share on, forwards, in any number of turns. */
            for (size_t first = 0; first < total; first++) {
                for (size_t i = 0; i < threshold; i++) {
                    chosen[i] = shares[(first + i) % total];
                    assert_int_equal(share_fits(chosen, i, &chosen[i]), SHARE_FINE);
                }
                share_combine(chosen, found);
                assert_memory_equal(found, key, sizeof key);
            }
        }
    }
}

/*
 * One share fewer than the threshold: for each key there is, there is just one share that would
 * give it, so what is held fits all keys alike. Shown for two of three: share 1 and each of the 256
 * values of a byte of share 2 give each of the 256 values of the key's byte.
 */
static void
one_fewer_says_nothing(void **state)
{
    uint8_t key[SHARE_KEY_BYTES], found[SHARE_KEY_BYTES];
    struct share shares[3];
    uint8_t seen[256] = {0};

    (void)state;
    randombytes_buf(key, sizeof key);
    split(key, 2, 3, shares);
    for (unsigned value = 0; value < 256; value++) {
        shares[1].values[0] = (uint8_t)value;
        share_combine(shares, found);
        seen[found[0]]++;
    }
    for (unsigned value = 0; value < 256; value++) {
        assert_int_equal(seen[value], 1);
    }
}

static void
all_coefficients_are_used(void **state)
{
    uint8_t random[RANDOM_BYTES], set[SHARE_SET_BYTES] = {0}, key[SHARE_KEY_BYTES] = {0};
    struct share before[SHARES_MAX], after[SHARES_MAX];

    (void)state;
    randombytes_buf(random, sizeof random);
    share_split(key, set, SHARES_MAX, SHARES_MAX, random, before);
    for (size_t i = 0; i < sizeof random; i++) {
        random[i] ^= 1;
        share_split(key, set, SHARES_MAX, SHARES_MAX, random, after);
        random[i] ^= 1;
        for (size_t share = 0; share < SHARES_MAX; share++) {
            assert_memory_not_equal(before[share].values, after[share].values, SHARE_KEY_BYTES);
        }
    }
}

static void
every_typing_error_is_found(void **state)
{
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint8_t key[SHARE_KEY_BYTES];
    char text[SHARE_TEXT_BYTES];
    struct share shares[3], read;

    (void)state;
    randombytes_buf(key, sizeof key);
    split(key, 2, 3, shares);
    share_print(&shares[1], text);
    assert_int_equal(strlen(text), SHARE_TEXT_BYTES - 1);
    assert_int_equal(share_parse(text, &read), SHARE_FINE);
    assert_memory_equal(&read, &shares[1], sizeof read);
    for (size_t i = 0; i < strlen(text); i++) {
        char right = text[i];

        for (const char *wrong = alphabet; right != '-' && *wrong != '\0'; wrong++) {
            text[i] = *wrong;
            assert_int_equal(share_parse(text, &read),
                             *wrong == right ? SHARE_FINE : SHARE_ALTERED);
        }
        text[i] = right;
    }
}

static void
every_fault_has_its_words(void **state)
{
    (void)state;
    for (int one = SHARE_FINE; one <= SHARE_TWICE; one++) {
        for (int other = SHARE_FINE; other < one; other++) {
            assert_string_not_equal(share_fault_text((enum share_fault)one),
                                    share_fault_text((enum share_fault)other));
        }
    }
}

static enum status
status_of(enum share_fault fault)
{
    static const enum status statuses[] = {
        [SHARE_FINE] = STATUS_OK,
        [SHARE_NOT_ONE] = STATUS_INVALID,
        [SHARE_ALTERED] = STATUS_CORRUPT,
        [SHARE_OF_FUTURE] = STATUS_TOO_LARGE,
        [SHARE_IMPOSSIBLE] = STATUS_INTERNAL,
        [SHARE_OF_OTHERS] = STATUS_DENIED,
        [SHARE_TWICE] = STATUS_CONFLICT,
    };

    return statuses[fault];
}

/* Texts of shares; all that the good ones hold is written again as it stands there. */
static enum status
run_vector(void *state, const struct vector *vector)
{
    struct share shares[VECTOR_FIELDS_MAX];
    uint8_t key[SHARE_KEY_BYTES];
    char text[512], printed[SHARE_TEXT_BYTES];
    size_t count = 0;

    (void)state;
    for (size_t i = 1; i < vector->count; i++) {
        enum share_fault fault;

        assert_true(vector->fields[i].size < sizeof text);
        memcpy(text, vector->fields[i].data, vector->fields[i].size);
        text[vector->fields[i].size] = '\0';
        fault = share_parse(text, &shares[count]);
        if (fault == SHARE_FINE) {
            fault = share_fits(shares, count, &shares[count]);
        }
        if (fault != SHARE_FINE) {
            return status_of(fault);
        }
        share_print(&shares[count++], printed);
        if (strchr(vector->name, '-') == strstr(vector->name, "-of-")) {
            assert_string_equal(printed, text);
        }
    }
    assert_int_equal(count, shares[0].threshold);
    share_combine(shares, key);
    assert_int_equal(vector->fields[0].size, sizeof key);
    assert_memory_equal(key, vector->fields[0].data, sizeof key);
    return STATUS_OK;
}

static void
vectors_give_what_they_say(void **state)
{
    assert_int_equal(vectors_run(TESTS_DIR "/vectors/shares.txt", run_vector, *state), 28);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_so_many_give_the_key_back),
        cmocka_unit_test(one_fewer_says_nothing),
        cmocka_unit_test(all_coefficients_are_used),
        cmocka_unit_test(every_typing_error_is_found),
        cmocka_unit_test(every_fault_has_its_words),
        cmocka_unit_test(vectors_give_what_they_say),
    };

    if (sodium_init() < 0) {
        return EXIT_FAILURE;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

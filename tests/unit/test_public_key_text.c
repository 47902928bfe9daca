/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's words for a public key are the client's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "contactvault.h"
#include "public_key_text.h"

enum { ROUNDS = 200 };

static void
both_sides_write_and_read_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t key[PUBLIC_KEY_BYTES], read[PUBLIC_KEY_BYTES] = {0};
        char ours[PUBLIC_KEY_TEXT_BYTES], theirs[CV_PUBLIC_TEXT_BYTES];

        randombytes_buf(key, sizeof key);
        public_key_print(key, ours);
        cv_public_key_print(key, theirs);
        assert_string_equal(ours, theirs);
        assert_true(public_key_parse(theirs, read));
        assert_memory_equal(read, key, sizeof key);
        memset(read, 0, sizeof read);
        assert_int_equal(cv_public_key_parse(ours, read), CV_OK);
        assert_memory_equal(read, key, sizeof key);
    }
}

static void
what_is_none_is_refused_by_both(void **state)
{
    static const char *const none[] = {
        "",
        "contact-vault public 1",
        "contact-vault public 1 ",
        "contact-vault public 2 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "contact-vault public 1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "contact-vault public 1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
        "contact-vault public 1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= x",
        "contact-vault identity 1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    };
    static const char good[] =
        " \tcontact-vault public 1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n";
    uint8_t key[PUBLIC_KEY_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_false(public_key_parse(none[i], key));
        assert_int_equal(cv_public_key_parse(none[i], key), CV_INVALID);
    }
    assert_true(public_key_parse(good, key));
    assert_int_equal(cv_public_key_parse(good, key), CV_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_write_and_read_the_same),
        cmocka_unit_test(what_is_none_is_refused_by_both),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What an authenticator is given: the URI, the secret as text, and the QR code's picture. e2e/42
 * has zbarimg read that from a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "otpauth.h"
#include "qr.h"

enum { QUIET = 4, PICTURE_BYTES = 64 * 1024, GRID_MAX = 128 };

static char picture[PICTURE_BYTES];

static void
test_the_secret_in_base32(void **state)
{
    (void)state;
    char text[OTPAUTH_SECRET_BYTES];
    uint8_t secret[CV_SECRET_BYTES];

    otpauth_secret((const uint8_t *)"12345678901234567890", text);
    assert_string_equal(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    memset(secret, 0xff, sizeof secret);
    otpauth_secret(secret, text);
    assert_string_equal(text, "77777777777777777777777777777777");
    memset(secret, 0, sizeof secret);
    secret[CV_SECRET_BYTES - 1] = 1;
    otpauth_secret(secret, text);
    assert_string_equal(text, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB");
}

static void
test_the_uri_holds_any_name(void **state)
{
    (void)state;
    char uri[OTPAUTH_URI_BYTES], name[65];

    otpauth_uri((const uint8_t *)"12345678901234567890", "a b?&%\xc3\xa9", uri);
    assert_string_equal(uri, "otpauth://totp/Contact%20Vault:a%20b%3F%26%25%C3%A9?"
                             "secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Contact%20Vault"
                             "&algorithm=SHA1&digits=6&period=30");
    memset(name, '%', sizeof name - 1);
    name[sizeof name - 1] = 0;
    otpauth_uri((const uint8_t *)"12345678901234567890", name, uri);
    assert_true(strlen(uri) < sizeof uri);
    assert_non_null(strstr(uri, "%25?secret="));
}

static bool
print_picture(const char *text, size_t columns, const char *black, const char *end)
{
    FILE *to = fmemopen(picture, sizeof picture, "w");

    assert_non_null(to);
    memset(picture, 0, sizeof picture);
    bool printed = qr_print(to, text, columns, black, end);
    fclose(to);
    return printed;
}

/* Which half of a character is drawn: bit 0 the upper, bit 1 the lower. Moves *at behind it. */
static unsigned
take_block(const char **at)
{
    static const char *const blocks[] = {" ", "\u2580", "\u2584", "\u2588"};

    for (unsigned i = 0; i < 4; i++) {
        if (strncmp(*at, blocks[i], strlen(blocks[i])) == 0) {
            *at += strlen(blocks[i]);
            return i;
        }
    }
    fail_msg("no block: %.8s", *at);
    return 0;
}

/* Every module of the picture is the code's, and the ground about it is light. */
static void
assert_picture(const QRcode *code, bool dark_is_drawn, const char *before, const char *after)
{
    const char *at = picture;
    int width = code->width;

    for (int row = -QUIET; row < width + QUIET; row += 2) {
        assert_memory_equal(at, before, strlen(before));
        at += strlen(before);
        for (int column = -QUIET; column < width + QUIET; column++) {
            unsigned drawn = take_block(&at);
            for (int half = 0; half < 2; half++) {
                int y = row + half;
                bool inside = y >= 0 && y < width && column >= 0 && column < width;
                bool dark = inside && (code->data[y * width + column] & 1) != 0;
                assert_int_equal((drawn >> half & 1) == dark_is_drawn, dark);
            }
        }
        assert_memory_equal(at, after, strlen(after));
        at += strlen(after);
        assert_int_equal(*at++, '\n');
    }
    assert_int_equal(*at, 0);
}

static void
test_the_picture_is_the_code(void **state)
{
    (void)state;
    static const char text[] = "otpauth://totp/Contact%20Vault:maria?secret=GEZDGNBV";
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);

    assert_non_null(code);
    assert_true(print_picture(text, 80, "<", ">"));
    assert_picture(code, true, "<", ">");
    assert_true(print_picture(text, 80, "", ""));
    assert_picture(code, false, "", "");
    size_t columns = (size_t)code->width + 2 * QUIET;
    assert_true(print_picture(text, columns, "", ""));
    assert_false(print_picture(text, columns - 1, "", ""));
    assert_string_equal(picture, "");
    QRcode_free(code);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_secret_in_base32),
        cmocka_unit_test(test_the_uri_holds_any_name),
        cmocka_unit_test(test_the_picture_is_the_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

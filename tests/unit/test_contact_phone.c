/* SPDX-License-Identifier: Apache-2.0 */
/* What counts as a phone number, how it may be written, and what is said where it is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "contact_probe.h"

/* Numbers: reserved for fiction (UK 020 7946 0xxx, US 555 01xx), else libphonenumber's examples. */

static void
taken(const char *text, const char *e164)
{
    assert_taken(text, FORM_INTERNATIONAL, e164, e164);
}

static void
refused(const char *text, const char *message)
{
    assert_refused(text, FORM_INTERNATIONAL, message);
}

static void
one_number_has_many_spellings(void **state)
{
    static const char *const spellings[] = {
        "+442079460958", "00442079460958", "+44 20 7946 0958", "0044 20 7946 0958",
        "  +44 20 7946 0958\t\r\n", "+44-20-7946-0958", "+44.20.7946.0958", "+44 (20) 7946 0958",
        "(+44) 20 7946 0958", "+44 [20] 7946-0958", "00 (44) 20-79460958", "+44/2079460958",
        /* In octal, which ends after three digits. */
        "+44\302\24020\302\24079460958",                     /* no-break space */
        "+44\342\200\21120\342\200\25779460958",             /* thin, narrow no-break */
        "+44\342\200\22120\342\200\2237946\342\210\2220958", /* hyphen, dash, minus */
        "\342\200\252+44 20 7946 0958\342\200\254",          /* as address books copy it */
        "\357\273\277+44 20 7946 0958",                      /* byte order mark */
        "+44 \357\274\21020\357\274\211 7946 0958",          /* full-width brackets */
    };
    (void)state;
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        taken(spellings[i], "+442079460958");
    }
    taken("+39 312 345 6789", "+393123456789");
    taken("0039 312 3456789", "+393123456789");
}

static void
bare_digits_need_a_form(void **state)
{
    static const char message[] = "write + and the country code, or give --region";
    (void)state;
    refused("442079460958", message);
    refused("020 7946 0958", message);
    refused("011 44 20 7946 0958", message);
    refused("0", message);
    refused("00", message);
    assert_taken("442079460958", FORM_WA_ID, "+442079460958", "+442079460958");
    assert_taken("+442079460958", FORM_WA_ID, "+442079460958", "+442079460958");
    assert_taken("00442079460958", FORM_WA_ID, "+442079460958", "+442079460958");
    assert_refused("02079460958", FORM_WA_ID,
                   "no country code begins with 0: write + or 00, once, then the country code");
}

static void
other_characters_are_refused(void **state)
{
    static const char message[] =
        "only digits, +, spaces, dots, dashes and brackets make a phone number";
    (void)state;
    refused("+44 20 7946 0958 x12", message);
    refused("tel:+442079460958", message);
    refused("+44 20 7946 0958#", message);
    refused("+1 800 FLOWERS", message);
    refused("+44,20 7946 0958", message);
    refused("call me", message);
    refused("+\xd9\xa9\xd9\xa7\xd9\xa1", message); /* Arabic-Indic digits */
    refused("+44 20 7946 095\xc3\xa9", message);
    refused("\357\274\21344 20 7946 0958", message); /* full-width plus */
    refused("++44 20 7946 0958", "a + stands once, before the country code");
    refused("44+2079460958", "a + stands once, before the country code");
    refused("+", "no digits");
    refused("()- .", "no digits");
    refused("", "empty");
    refused(" \t\n", "empty");
    refused("+44\xff", "not UTF-8");
    refused("+44\xe2\x80", "not UTF-8");
}

static void
a_nul_byte_is_no_end(void **state)
{
    (void)state;
    struct probe probe = probe_contact(bytes_of("+442079460958\0", 14), FORM_INTERNATIONAL);

    assert_int_equal(probe.status, STATUS_INVALID);
    assert_string_equal(probe.message,
                        "only digits, +, spaces, dots, dashes and brackets make a phone number");
}

static void
a_slash_may_part_an_area_code(void **state)
{
    (void)state;
    taken("+421 2/212 345 67", "+421221234567");
    refused("+44 20 7946 0958/59", "a slash and another ending are two numbers: write one");
    refused("+44 20 7946/0958/0959",
            "only digits, +, spaces, dots, dashes and brackets make a phone number");
}

static void
country_codes(void **state)
{
    (void)state;
    refused("+0044 20 7946 0958",
            "no country code begins with 0: write + or 00, once, then the country code");
    refused("00 0044 20 7946 0958",
            "no country code begins with 0: write + or 00, once, then the country code");
    refused("+999 123 456 789", "no country has the code after the +");
    refused("+210 123 456 789", "no country has the code after the +");
    refused("+4", "no country has the code after the +");
    taken("+800 1234 5678", "+80012345678"); /* no country's, but a code */
    taken("+883 510 000 000 000", "+883510000000000");
}

static void
lengths(void **state)
{
    (void)state;
    refused("+44 20 79", "too short for a number of +44");
    refused("+44", "too short for a number of +44");
    refused("+44 20 7946 0958 1", "too long for a number of +44");
    refused("+1 202 555 01234", "too long for a number of +1");
    refused("+44 2079460958 2079460958 2079460958 2079460958", "too long for a number of +44");
    refused("+99999999999999999999999999999999999", "no country has the code after the +");
    refused("+357 123 4567 89", "too long for a number of +357");
    refused("+43 0", "too short for a number of +43");
    refused("+55 1234 56789 0123", "too long for a number of +55");
    refused("+44 20 7946 09", "too short for a number of +44"); /* dialled locally alone */
    refused("+61 123 4567 8901", "no number of +61 has this many digits");
}

static void
not_in_the_tables_but_possible(void **state)
{
    (void)state;
    /* libphonenumber 8.12.57: of a possible length, not valid. Numbering plans grow. */
    taken("+1 555 555 0123", "+15555550123");
    taken("+44 4079 460 958", "+444079460958");
}

static void
trunk_prefixes(void **state)
{
    (void)state;
    refused("+44 (0)20 7946 0958", "drop the 0 after +44");
    refused("+4402079460958", "drop the 0 after +44");
    refused("0044 020 7946 0958", "drop the 0 after +44");
    assert_refused("4402079460958", FORM_WA_ID, "drop the 0 after +44");
    refused("+49 (0)30 123456", "drop the 0 after +49");
    refused("+1 1 202 555 0123", "drop the 1 after +1");
    refused("+7 8 912 345 67 89", "drop the 8 after +7");
    refused("+36 06 20 123 4567", "drop the 06 after +36");
    refused("+55 0 15 11 96123 4567", "drop the national prefix and carrier code after +55");
    /* Nine digits are a French length, but the 0 says that one is missing behind it. */
    refused("+33 0 1234 5678",
            "drop the national prefix after +33 and see that no digit is missing");
    /* In Italy the 0 belongs to the number. */
    taken("+39 02 1234 5678", "+390212345678");
}

static void
national_ways_of_writing(void **state)
{
    static const char argentine[] =
        "write +54 9, area code and number, without 0 and 15, for an Argentine mobile";
    (void)state;
    refused("+54 11 15 2345 6789", argentine);
    refused("+54 011 15 2345 6789", argentine);
    taken("+54 9 11 2345 6789", "+5491123456789");
    refused("+378 886 377", "write the whole number, as it is dialled from abroad, after +378");
    taken("+378 0549 886377", "+3780549886377");
}

/* ---- the folds ---- */

static void
fold(const char *text, const char *canonical, const char *first_seen)
{
    assert_taken(text, FORM_WA_ID, canonical, first_seen);
}

static void
brazilian_mobiles_fold(void **state)
{
    (void)state;
    fold("+55 11 96123 4567", "+5511961234567", "+5511961234567");
    fold("551161234567", "+5511961234567", "+551161234567");
    fold("+55 (11) 6123-4567", "+5511961234567", "+551161234567");
    fold("559981234567", "+5599981234567", "+559981234567");
    fold("552171234567", "+5521971234567", "+552171234567");
    fold("552191234567", "+5521991234567", "+552191234567");
}

static void
brazilian_landlines_do_not(void **state)
{
    (void)state;
    fold("551123456789", "+551123456789", "+551123456789");
    fold("551151234567", "+551151234567", "+551151234567");
    /* A mobile of the nine-digit age: without its 9 it would be that landline. */
    fold("5511951234567", "+5511951234567", "+5511951234567");
    fold("5511923456789", "+5511923456789", "+5511923456789");
    /* Not geographic. */
    fold("558001234567", "+558001234567", "+558001234567");
    fold("558061234567", "+558061234567", "+558061234567");
    /* A digit short: possible, so taken as it is. */
    fold("55116123456", "+55116123456", "+55116123456");
}

static void
mexican_numbers_fold(void **state)
{
    (void)state;
    fold("+52 222 123 4567", "+522221234567", "+522221234567");
    fold("5212221234567", "+522221234567", "+5212221234567");
    fold("+52 1 222 123 4567", "+522221234567", "+5212221234567");
    assert_refused("521222123456", FORM_WA_ID,
                   "drop the national prefix after +52 and see that no digit is missing");
    assert_refused("52122212345678", FORM_WA_ID, "drop the 1 after +52");
    assert_refused("+52 01 222 123 4567", FORM_WA_ID, "drop the 01 after +52");
    /* An old mobile of nothing: what is left begins with a trunk prefix. */
    assert_refused("+52 1 0222123456", FORM_WA_ID,
                   "drop the national prefix after +52 and see that no digit is missing");
}

static void
neighbours_do_not_fold(void **state)
{
    (void)state;
    /* Twelve and thirteen digits that only look like Brazil's and Mexico's. */
    fold("5491123456789", "+5491123456789", "+5491123456789");
    fold("441161234567", "+441161234567", "+441161234567");
}

static void
too_large_is_said_before_reading(void **state)
{
    static uint8_t text[VALUE_BYTES_MAX + 1];
    (void)state;
    memset(text, '1', sizeof text);
    struct probe probe = probe_contact(bytes_of(text, sizeof text), FORM_INTERNATIONAL);
    assert_int_equal(probe.status, STATUS_TOO_LARGE);
    assert_string_equal(probe.message, "longer than any phone number or e-mail address");
    text[0] = '+';
    probe = probe_contact(bytes_of(text, VALUE_BYTES_MAX), FORM_INTERNATIONAL);
    assert_int_equal(probe.status, STATUS_INVALID);
    assert_string_equal(probe.message, "too long for a number of +1");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_number_has_many_spellings),
        cmocka_unit_test(bare_digits_need_a_form),
        cmocka_unit_test(other_characters_are_refused),
        cmocka_unit_test(a_nul_byte_is_no_end),
        cmocka_unit_test(a_slash_may_part_an_area_code),
        cmocka_unit_test(country_codes),
        cmocka_unit_test(lengths),
        cmocka_unit_test(not_in_the_tables_but_possible),
        cmocka_unit_test(trunk_prefixes),
        cmocka_unit_test(national_ways_of_writing),
        cmocka_unit_test(brazilian_mobiles_fold),
        cmocka_unit_test(brazilian_landlines_do_not),
        cmocka_unit_test(mexican_numbers_fold),
        cmocka_unit_test(neighbours_do_not_fold),
        cmocka_unit_test(too_large_is_said_before_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

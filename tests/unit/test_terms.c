/* SPDX-License-Identifier: Apache-2.0 */
/* How people write a time, and what others write into a terminal. */
#include "terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "escape.h"

enum { UNTOUCHED = 77, YEARS_10_S = 10 * 366 * 24 * 3600 };

static void
test_durations(void **state)
{
    static const struct {
        const char *text;
        uint64_t seconds; /* UNTOUCHED: refused */
    } cases[] = {
        {"30s", 30},
        {"30m", 1800},
        {"8h", 28800},
        {"2d", 172800},
        {"3w", 1814400},
        {"0003d", 259200},
        {"316224000s", YEARS_10_S},
        {"3660d", YEARS_10_S},
        {"316224001s", UNTOUCHED},
        {"3661d", UNTOUCHED},
        {"18446744073709551616s", UNTOUCHED},
        {"18446744073709551617h", UNTOUCHED},
        {"0h", UNTOUCHED},
        {"h", UNTOUCHED},
        {"8", UNTOUCHED},
        {"", UNTOUCHED},
        {"-8h", UNTOUCHED},
        {"+8h", UNTOUCHED},
        {" 8h", UNTOUCHED},
        {"8 h", UNTOUCHED},
        {"8h ", UNTOUCHED},
        {"8hh", UNTOUCHED},
        {"8H", UNTOUCHED},
        {"8mo", UNTOUCHED},
        {"8y", UNTOUCHED},
        {"1.5h", UNTOUCHED},
        {"1d12h", UNTOUCHED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t seconds = UNTOUCHED;
        bool taken = duration_parse(cases[i].text, YEARS_10_S, &seconds);
        if (seconds != cases[i].seconds || taken != (cases[i].seconds != UNTOUCHED))
            fail_msg("\"%s\": %llu", cases[i].text, (unsigned long long)seconds);
    }
}

static void
test_retentions(void **state)
{
    static const struct {
        const char *text;
        uint32_t months;
    } cases[] = {
        {"24mo", 24},
        {"2y", 24},
        {"1mo", 1},
        {"never", 0},
        {"1200mo", 1200},
        {"100y", 1200},
        {"1201mo", UNTOUCHED},
        {"101y", UNTOUCHED},
        {"0mo", UNTOUCHED},
        {"24", UNTOUCHED},
        {"24m", UNTOUCHED},
        {"", UNTOUCHED},
        {"Never", UNTOUCHED},
        {"24months", UNTOUCHED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t months = UNTOUCHED;
        bool taken = retention_parse(cases[i].text, &months);
        if (months != cases[i].months || taken != (cases[i].months != UNTOUCHED))
            fail_msg("\"%s\": %u", cases[i].text, months);
    }
}

/* In a zone an hour east of Greenwich, two in summer. */
static void
test_moments(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } cases[] = {
        {"1970-01-01Z", 0},
        {"2026-12-31Z", 1798675200000},
        {"2026-12-31", 1798671600000},
        {"2026-12-31T18:00", 1798736400000},
        {"2026-12-31T18:00Z", 1798740000000},
        {"2026-12-31T18:00:59Z", 1798740059000},
        {"2026-12-31T18:00:59.123Z", 1798740059123},
        {"2026-07-01T12:00", 1782900000000},
        {"2028-02-29Z", 1835395200000},
        {"2026-02-29Z", UNTOUCHED},
        {"2026-02-30", UNTOUCHED},
        {"2026-13-01", UNTOUCHED},
        {"2026-00-01", UNTOUCHED},
        {"2026-01-00", UNTOUCHED},
        {"2026-01-01T24:00Z", UNTOUCHED},
        {"2026-01-01T23:60Z", UNTOUCHED},
        {"2026-01-01T23:59:60Z", UNTOUCHED},
        {"1969-12-31Z", UNTOUCHED},
        {"1970-01-01", UNTOUCHED}, /* an hour before */
        {"0000-00-00", UNTOUCHED},
        {"26-12-31", UNTOUCHED},
        {"2026-12-31T", UNTOUCHED},
        {"2026-12-31T18", UNTOUCHED},
        {"2026-12-31T18:00.5Z", UNTOUCHED},
        {"2026-12-31T18:00:59.1Z", UNTOUCHED},
        {"2026-12-31 18:00", UNTOUCHED},
        {"2026-12-31T18:00z", UNTOUCHED},
        {"2026-12-31T18:00+01:00", UNTOUCHED},
        {"2026-12-31 ", UNTOUCHED},
        {"2026-1-1", UNTOUCHED},
        {"31.12.2026", UNTOUCHED},
        {"", UNTOUCHED},
        {"8h", UNTOUCHED},
    };

    (void)state;
    assert_int_equal(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
    tzset();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t ms = UNTOUCHED;
        bool taken = moment_parse(cases[i].text, &ms);
        if (ms != cases[i].ms || taken != (cases[i].ms != UNTOUCHED))
            fail_msg("\"%s\": %llu", cases[i].text, (unsigned long long)ms);
    }
}

static void
test_ages(void **state)
{
    const uint64_t now_ms = 1798740000000;
    uint64_t ms = UNTOUCHED;

    (void)state;
    assert_true(moment_or_age_parse("90d", now_ms, &ms));
    assert_int_equal(ms, now_ms - UINT64_C(90) * 24 * 3600 * 1000);
    assert_true(moment_or_age_parse("2026-12-31T18:00Z", 0, &ms));
    assert_int_equal(ms, now_ms);
    ms = UNTOUCHED;
    assert_false(moment_or_age_parse("9000w", now_ms, &ms)); /* before 1970 */
    assert_false(moment_or_age_parse("yesterday", now_ms, &ms));
    assert_int_equal(ms, UNTOUCHED);
}

static void
test_waits(void **state)
{
    static const struct {
        uint64_t seconds;
        const char *text;
    } cases[] = {
        {1, "1 s"},
        {119, "119 s"},
        {120, "2 min"},
        {121, "3 min"},
        {7140, "119 min"},
        {7141, "2 h 0 min"},
        {86399, "24 h 0 min"},
        {86340, "23 h 59 min"},
        {UINT32_MAX, "1193046 h 29 min"},
    };
    char text[WAIT_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wait_print(cases[i].seconds, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void
test_escapes(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"customer asked", "customer asked"},
        {"perch\u00e9 \u65e5\u672c \U0001f4de", "perch\u00e9 \u65e5\u672c \U0001f4de"},
        {"a\tb\nc\rd\x1b[31m\x7f", "a\\x09b\\x0ac\\x0dd\\x1b[31m\\x7f"},
        {"\xc2\x85\xc2\x9b"
         "31m",
         "\\x85\\x9b31m"},
        {"\u202eevil\u2066x\u2069", "\\u{202e}evil\\u{2066}x\\u{2069}"},
        {"\u200b\u200f\u061c\ufeff\u2028", "\\u{200b}\\u{200f}\\u{61c}\\u{feff}\\u{2028}"},
        {"\U000e0041", "\\u{e0041}"},
        {"\u3164", "\\u{3164}"},
        {"\\x1b \"", "\\\\x1b \\\""},
        {"\xff\xc3(\xe2\x80", "\\xff\\xc3(\\xe2\\x80"},
        {"\xf0\x9f\x93", "\\xf0\\x9f\\x93"},
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text_escape(cases[i][0], text, sizeof text);
        assert_string_equal(text, cases[i][1]);
    }
}

/* Whole characters or none of them, and never a byte past the room given: ASan sees the edge. */
static void
test_escapes_end_in_time(void **state)
{
    static const char text[] = "a\u202e\u65e5\n\\b";
    static const char *const whole = "a\\u{202e}\u65e5\\x0a\\\\b";
    static const size_t ends[] = {0, 1, 9, 12, 16, 18, 19};

    (void)state;
    for (size_t capacity = 1; capacity <= strlen(whole) + 1; capacity++) {
        char *escaped = malloc(capacity);
        size_t wanted = 0;
        assert_non_null(escaped);
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
            wanted = ends[i] < capacity ? ends[i] : wanted;
        text_escape(text, escaped, capacity);
        assert_int_equal(strlen(escaped), wanted);
        assert_memory_equal(escaped, whole, wanted);
        free(escaped);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_retentions),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_ages),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_escapes_end_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

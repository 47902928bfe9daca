/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S38.
 * audit report's arithmetic: days, nights and weekends of any clock, different contacts, reasons;
 * and the cells of a spreadsheet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "activity.h"
#include "cells.h"
#include "contact_set.h"
#include "sightings.h"

enum { DETOKENIZE = 13, ERASE = 14, DONE = 1, OUTCOME = 3, TOKEN_CHARACTERS = 31 };

static const char token_a[] = "phn_00000000000000000000000001x";
static const char token_b[] = "phn_00000000000000000000000002x";

/* Of a zone in POSIX's form, so that no machine's tables matter. */
static void
set_zone(const char *zone)
{
    assert_int_equal(setenv("TZ", zone, 1), 0);
    tzset();
}

static uint64_t
utc_ms(const char *text)
{
    struct tm parts = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);

    assert_non_null(rest);
    return (uint64_t)timegm(&parts) * 1000 + (*rest == '.' ? strtoull(rest + 1, NULL, 10) : 0);
}

static void
add(struct activity *activity, const char *who, const char *time, const char *token)
{
    struct cv_audit_entry entry = {.time_ms = utc_ms(time),
                                   .principal = who,
                                   .act = DETOKENIZE,
                                   .phase = DONE,
                                   .token = token,
                                   .reason = "call back"};

    activity_add(activity, &entry);
    assert_false(activity->lost);
}

static const struct counts *
on(const struct activity *activity, const char *who, const char *day)
{
    const struct activity_day *found = activity_find(activity, who, day);

    if (found == NULL) {
        fail_msg("no row of %s on %s", who, day);
    }
    return &found->counts;
}

/* ---- days ---- */

static void
test_summer_time_ends(void **state)
{
    struct activity activity = {0};

    (void)state;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    add(&activity, "paola", "2026-10-24T21:59:59.999", token_a); /* 23:59 CEST, a Saturday */
    add(&activity, "paola", "2026-10-24T22:00:00", token_a);     /* 00:00 CEST, Sunday */
    add(&activity, "paola", "2026-10-25T00:30:00", token_a);     /* 02:30 CEST */
    add(&activity, "paola", "2026-10-25T01:30:00", token_a);     /* 02:30 CET */
    add(&activity, "paola", "2026-10-25T22:59:59.999", token_a); /* 23:59 CET: a day of 25 hours */
    add(&activity, "paola", "2026-10-25T23:00:00", token_a);     /* Monday */

    assert_int_equal(on(&activity, "paola", "2026-10-24")->reveals, 1);
    assert_int_equal(on(&activity, "paola", "2026-10-25")->reveals, 4);
    assert_int_equal(on(&activity, "paola", "2026-10-25")->night, 4);
    assert_int_equal(on(&activity, "paola", "2026-10-26")->reveals, 1);
    assert_int_equal(activity.principals[0]->total.weekend, 5);
    assert_int_equal(on(&activity, "paola", "2026-10-25")->first_ms, utc_ms("2026-10-24T22:00:00"));
    assert_int_equal(on(&activity, "paola", "2026-10-25")->last_ms,
                     utc_ms("2026-10-25T22:59:59.999"));
    assert_string_equal(activity_find(&activity, "paola", "2026-10-25")->zone, "CEST");
    assert_string_equal(activity_find(&activity, "paola", "2026-10-26")->zone, "CET");
    activity_free(&activity);
}

static void
test_summer_time_begins(void **state)
{
    struct activity activity = {0};

    (void)state;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    add(&activity, "paola", "2026-03-28T23:00:00", token_a); /* 00:00 CET */
    add(&activity, "paola", "2026-03-29T00:59:59", token_a); /* 01:59 CET */
    add(&activity, "paola", "2026-03-29T03:59:59", token_a); /* 05:59 CEST */
    add(&activity, "paola", "2026-03-29T04:00:00", token_a); /* 06:00 CEST */
    add(&activity, "paola", "2026-03-29T21:59:59", token_a); /* 23:59 CEST: 23 hours */
    add(&activity, "paola", "2026-03-29T22:00:00", token_a);

    assert_int_equal(on(&activity, "paola", "2026-03-29")->reveals, 5);
    assert_int_equal(on(&activity, "paola", "2026-03-29")->night, 4);
    assert_int_equal(on(&activity, "paola", "2026-03-30")->reveals, 1);
    activity_free(&activity);
}

/* Where summer time ends at a minute past midnight, an hour of the day before comes again. */
static void
test_a_day_that_comes_again(void **state)
{
    struct activity activity = {0};

    (void)state;
    set_zone("XST4XDT,M3.2.0,M11.1.0/0:01");
    add(&activity, "paola", "2026-11-01T02:30:00", token_a); /* 31 October, 23:30 XDT */
    add(&activity, "paola", "2026-11-01T03:00:30", token_a); /* 1 November, 00:00:30 XDT */
    add(&activity, "paola", "2026-11-01T03:00:31", token_b);
    add(&activity, "paola", "2026-11-01T03:01:00", token_a); /* 31 October again, 23:01 XST */
    add(&activity, "paola", "2026-11-01T03:02:00", token_b);
    add(&activity, "paola", "2026-11-01T04:00:00", token_a); /* 1 November again */
    add(&activity, "paola", "2026-11-01T04:00:01", token_b);

    assert_int_equal(activity.principals[0]->day_count, 2);
    assert_string_equal(activity.principals[0]->days[0].text, "2026-10-31");
    assert_int_equal(on(&activity, "paola", "2026-10-31")->reveals, 3);
    assert_int_equal(on(&activity, "paola", "2026-10-31")->contacts, 2);
    assert_int_equal(on(&activity, "paola", "2026-11-01")->reveals, 4);
    assert_int_equal(on(&activity, "paola", "2026-11-01")->contacts, 2);
    assert_int_equal(activity.principals[0]->total.contacts, 2);
    activity_free(&activity);
}

static void
test_nights_and_weekends(void **state)
{
    static const struct {
        const char *time;
        uint64_t night, weekend;
    } cases[] = {
        {"2026-11-26T21:59:59.999", 0, 0}, /* a Thursday */
        {"2026-11-26T22:00:00", 1, 0},     {"2026-11-27T00:00:00", 1, 0},
        {"2026-11-27T05:59:59.999", 1, 0}, {"2026-11-27T06:00:00", 0, 0},
        {"2026-11-27T23:59:59.999", 1, 0}, /* Friday */
        {"2026-11-28T00:00:00", 1, 1},     {"2026-11-28T12:00:00", 0, 1},
        {"2026-11-29T23:59:59.999", 1, 1}, {"2026-11-30T00:00:00", 1, 0},
    };

    (void)state;
    set_zone("UTC0");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct activity activity = {0};
        add(&activity, "paola", cases[i].time, token_a);
        const struct counts *total = &activity.principals[0]->total;
        if (total->night != cases[i].night || total->weekend != cases[i].weekend) {
            fail_msg("%s: night %d, weekend %d", cases[i].time, (int)total->night,
                     (int)total->weekend);
        }
        activity_free(&activity);
    }
}

/* The same moment is another day, and no night, on another clock. */
static void
test_the_auditors_clock_counts(void **state)
{
    struct activity activity = {0};

    (void)state;
    set_zone("AEST-10");
    add(&activity, "paola", "2026-11-27T23:30:00", token_a); /* Saturday, 09:30 */
    assert_int_equal(on(&activity, "paola", "2026-11-28")->night, 0);
    assert_int_equal(on(&activity, "paola", "2026-11-28")->weekend, 1);
    activity_free(&activity);
}

/* ---- what is counted ---- */

static void
test_what_counts_as_what(void **state)
{
    struct activity activity = {0};
    struct cv_audit_entry entry = {.time_ms = utc_ms("2026-11-26T10:00:00"),
                                   .principal = "paola",
                                   .act = DETOKENIZE,
                                   .phase = DONE,
                                   .result = CV_QUOTA};

    (void)state;
    set_zone("UTC0");
    activity_know(&activity, "paola", CV_PERSON);
    activity_know(&activity, "inbox", CV_SERVICE);
    activity_add(&activity, &entry); /* the whole request was refused: no token */
    entry.token = token_a;
    entry.result = CV_DENIED;
    activity_add(&activity, &entry);
    entry.result = CV_OK;
    entry.time_ms = utc_ms("2026-11-26T11:00:00");
    activity_add(&activity, &entry);
    entry.time_ms = utc_ms("2026-11-26T12:00:00");
    entry.result = CV_CORRUPT;
    entry.phase = OUTCOME; /* what was granted an hour ago did not open */
    activity_add(&activity, &entry);
    entry.act = ERASE;
    activity_add(&activity, &entry);
    entry.act = 0;
    activity_add(&activity, &entry);

    const struct counts *counts = on(&activity, "paola", "2026-11-26");
    assert_int_equal(counts->refused, 2);
    assert_int_equal(counts->reveals, 1);
    assert_int_equal(counts->contacts, 1);
    assert_int_equal(counts->failed, 1);
    assert_int_equal(counts->first_ms, utc_ms("2026-11-26T11:00:00"));
    assert_int_equal(counts->last_ms, utc_ms("2026-11-26T11:00:00"));
    assert_memory_equal(&activity.principals[1]->total, counts, sizeof *counts);
    assert_false(activity.has_reasons);
    assert_string_equal(activity.principals[0]->name, "inbox");
    assert_int_equal(activity.principals[0]->day_count, 0);
    activity_free(&activity);
}

static void
test_principals_are_told_apart(void **state)
{
    struct activity activity = {0};
    char name[16];

    (void)state;
    set_zone("UTC0");
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 100; i++) {
            (void)snprintf(name, sizeof name, "p%02u", i * 37 % 100);
            add(&activity, name, round == 0 ? "2026-11-26T10:00:00" : "2026-11-27T10:00:00",
                token_a);
        }
    }
    assert_int_equal(activity.count, 100);
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof name, "p%02u", i);
        assert_string_equal(activity.principals[i]->name, name);
        assert_int_equal(activity.principals[i]->day_count, 2);
        assert_int_equal(activity.principals[i]->total.reveals, 2);
        assert_int_equal(activity.principals[i]->total.contacts, 1);
        assert_int_equal(activity.principals[i]->kind, 0);
    }
    activity_free(&activity);
}

static void
test_reasons(void **state)
{
    struct activity activity = {0};
    char reason[16];
    struct cv_audit_entry entry = {.time_ms = utc_ms("2026-11-26T10:00:00"),
                                   .principal = "paola",
                                   .act = DETOKENIZE,
                                   .phase = DONE,
                                   .token = token_a,
                                   .reason = reason};

    (void)state;
    set_zone("UTC0");
    for (unsigned i = 0; i < 3 * 20; i++) {
        (void)snprintf(reason, sizeof reason, "case %u", i % 20);
        activity_add(&activity, &entry);
    }
    const struct activity_day *day = activity_find(&activity, "paola", "2026-11-26");
    assert_non_null(day);
    assert_int_equal(day->reason_count, ACTIVITY_REASONS_MAX);
    assert_string_equal(day->reasons[0].text, "case 0");
    assert_string_equal(day->reasons[15].text, "case 15");
    assert_int_equal(day->reasons[0].count, 3);
    assert_int_equal(day->reasons[15].count, 3);
    assert_int_equal(day->other_reasons, 3 * 4);
    assert_true(activity.has_reasons);
    /* Where a purpose is given, that. */
    entry.time_ms = utc_ms("2026-11-27T10:00:00");
    entry.purpose = "complaint";
    activity_add(&activity, &entry);
    (void)snprintf(reason, sizeof reason, "another");
    activity_add(&activity, &entry);
    day = activity_find(&activity, "paola", "2026-11-27");
    assert_int_equal(day->reason_count, 1);
    assert_string_equal(day->reasons[0].text, "complaint");
    assert_int_equal(day->reasons[0].count, 2);
    activity_free(&activity);
}

static void
test_what_cannot_be_counted_is_said(void **state)
{
    static const char *const tokens[] = {NULL, "", "phn_", "phn_0000000000000000000000000lx",
                                         "phn_00000000000000000000000001xx"};

    (void)state;
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        struct activity activity = {0};
        struct cv_audit_entry entry = {
            .principal = "paola", .act = DETOKENIZE, .phase = DONE, .token = tokens[i]};
        activity_add(&activity, &entry);
        assert_true(activity.lost);
        activity_free(&activity);
    }
}

/* ---- different contacts ---- */

/* Two of 32 letters each differ from the others by one letter somewhere; the check letter does not
 * count. */
static void
test_each_letter_tells_tokens_apart(void **state)
{
    static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
    struct contact_set set = {0};
    struct contact_news news;
    size_t different = 0;

    (void)state;
    for (size_t place = 4; place < TOKEN_CHARACTERS - 1; place++) {
        for (size_t letter = place == 4 ? 0 : 1; letter < (place == 4 ? 8 : 32); letter++) {
            char token[] = "phn_00000000000000000000000000x";
            token[place] = letters[letter];
            assert_true(contact_set_add(&set, token, 5, &news));
            assert_true(news.ever && news.on_day);
            different++;
        }
    }
    assert_int_equal(set.count, different);
    assert_true(contact_set_add(&set, "eml_00000000000000000000000000y", 5, &news));
    assert_false(news.ever || news.on_day);
    contact_set_free(&set);
}

static void
test_many_contacts_over_days(void **state)
{
    enum { TOKENS = 3000, SEEN = 30000 };
    static uint32_t last_day[TOKENS];
    struct contact_set set = {0};
    uint64_t random = 1;

    (void)state;
    memset(last_day, 0, sizeof last_day);
    for (uint32_t i = 0; i < SEEN; i++) {
        char token[TOKEN_CHARACTERS + 1];
        struct contact_news news;
        random = random * 6364136223846793005U + 1442695040888963407U;
        uint32_t which = (uint32_t)(random >> 33) % TOKENS, day = 2 + i / 1000;
        (void)snprintf(token, sizeof token, "phn_0%04u%021ux", which, which * 7);
        assert_true(contact_set_add(&set, token, day, &news));
        assert_int_equal(news.ever, last_day[which] == 0);
        assert_int_equal(news.on_day, last_day[which] != day);
        last_day[which] = day;
    }
    contact_set_free(&set);
    assert_int_equal(set.count, 0);
}

/* ---- who saw this one ---- */

static void
see(struct sightings *sightings, const struct activity *known, uint64_t sequence, const char *who,
    enum cv_status result)
{
    struct cv_audit_entry entry = {.sequence = sequence,
                                   .time_ms = 1000 * sequence,
                                   .principal = who,
                                   .act = DETOKENIZE,
                                   .phase = DONE,
                                   .result = result,
                                   .token = token_a,
                                   .namespace_name = "milano",
                                   .reason = "call back"};

    sightings_add(sightings, known, &entry);
}

static void
fail_to_open(struct sightings *sightings, const struct activity *known, uint64_t sequence,
             uint64_t refers)
{
    struct cv_audit_entry entry = {.sequence = sequence,
                                   .principal = "paola",
                                   .act = DETOKENIZE,
                                   .phase = OUTCOME,
                                   .result = CV_CORRUPT,
                                   .token = token_a,
                                   .refers = refers};

    sightings_add(sightings, known, &entry);
}

static void
know_the_cast(struct activity *known)
{
    activity_know(known, "paola", CV_PERSON);
    activity_know(known, "luca", CV_PERSON);
    activity_know(known, "sender", CV_SERVICE);
}

static void
test_shown_to_whom(void **state)
{
    struct activity known = {0};
    struct sightings sightings = {0};

    (void)state;
    know_the_cast(&known);
    see(&sightings, &known, 7, "paola", CV_OK);
    see(&sightings, &known, 8, "sender", CV_OK);
    see(&sightings, &known, 9, "luca", CV_DENIED);
    see(&sightings, &known, 11, "paola", CV_OK);
    see(&sightings, &known, 12, "gone", CV_OK);
    see(&sightings, &known, 13, "sender", CV_OK);
    see(&sightings, &known, 14, "luca", CV_OK);
    struct cv_audit_entry other = {.sequence = 15, .act = ERASE, .phase = DONE, .token = token_a};
    sightings_add(&sightings, &known, &other);

    struct sighting_counts counts = sightings_count(&sightings);
    assert_int_equal(sightings.count, 7);
    assert_int_equal(counts.people, 2);
    assert_int_equal(counts.reveals, 3);
    assert_int_equal(counts.services, 1);
    assert_int_equal(counts.deliveries, 2);
    assert_int_equal(counts.others, 1);
    assert_int_equal(counts.unknown, 1);
    assert_int_equal(counts.refused, 1);
    assert_int_equal(counts.failed, 0);
    assert_string_equal(sightings.items[0].reason, "call back");
    assert_int_equal(sightings.items[4].kind, 0);
    assert_false(sightings.lost);
    sightings_free(&sightings);
    activity_free(&known);
}

/* Of two reveals of one contact by one person at one moment, the one that did not open. */
static void
test_not_shown(void **state)
{
    struct activity known = {0};
    struct sightings sightings = {0};

    (void)state;
    know_the_cast(&known);
    for (uint64_t sequence = 100; sequence < 140; sequence++) {
        see(&sightings, &known, sequence, "paola", CV_OK);
    }
    for (uint64_t sequence = 140; sequence < 170; sequence++) {
        fail_to_open(&sightings, &known, sequence, sequence - 40);
    }
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(sightings.items[i].outcome, i < 30 ? OUTCOME_FAILED : OUTCOME_SHOWN);
        assert_int_equal(sightings.items[i].status, i < 30 ? CV_CORRUPT : CV_OK);
    }
    struct sighting_counts counts = sightings_count(&sightings);
    assert_int_equal(sightings.count, 40);
    assert_int_equal(counts.failed, 30);
    assert_int_equal(counts.reveals, 10);
    assert_int_equal(counts.people, 1);

    /* The entry it is of was removed for its age. */
    fail_to_open(&sightings, &known, 170, 3);
    counts = sightings_count(&sightings);
    assert_int_equal(sightings.count, 41);
    assert_int_equal(counts.failed, 31);
    sightings_free(&sightings);
    activity_free(&known);
}

/* Who was only refused, or shown nothing, is none of those who saw it. */
static void
test_nobody(void **state)
{
    struct activity known = {0};
    struct sightings sightings = {0};

    (void)state;
    know_the_cast(&known);
    see(&sightings, &known, 1, "paola", CV_OK);
    fail_to_open(&sightings, &known, 2, 1);
    see(&sightings, &known, 3, "paola", CV_NOT_FOUND);
    struct sighting_counts counts = sightings_count(&sightings);
    assert_int_equal(counts.people, 0);
    assert_int_equal(counts.reveals, 0);
    see(&sightings, &known, 4, "paola", CV_OK);
    counts = sightings_count(&sightings);
    assert_int_equal(counts.people, 1);
    assert_int_equal(counts.reveals, 1);
    sightings_free(&sightings);
    activity_free(&known);
}

/* ---- cells ---- */

static void
assert_row(const char *const *cells, size_t count, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    assert_non_null(to);
    assert_true(cells_print(to, cells, count));
    assert_int_equal(fclose(to), 0);
    assert_string_equal(text, expected);
    free(text);
}

static void
test_cells(void **state)
{
    static const struct {
        const char *text, *cell;
    } cases[] = {
        {"plain", "plain"},
        {"", ""},
        {NULL, ""},
        {"one, two", "\"one, two\""},
        {"say \"no\"", "\"say \"\"no\"\"\""},
        {"\"", "\"\"\"\""},
        {"=1+1", "'=1+1"},
        {"+39 06", "'+39 06"},
        {"-1", "'-1"},
        {"@SUM(A1)", "'@SUM(A1)"},
        {"  =1", "'  =1"},
        {"=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""},
        {"a;=1+1", "a;'=1+1"},
        {"a; =1;@b", "a;' =1;'@b"},
        {";;=", ";;'="},
        {"a=b, c-d", "\"a=b, c-d\""},
        {"\uff1d1", "'\uff1d1"},
        {"\uff20x", "'\uff20x"},
        {"caf\u00e9", "caf\u00e9"},
        {"two\nlines", "two\\x0alines"},
        {"\t=1", "\\x09=1"},
        {"\r=1", "\\x0d=1"},
        {"a\u202eb", "a\\u{202e}b"},
        {"'=1", "'=1"},
    };
    const char *const row[] = {"a", NULL, "c,d"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[128];
        (void)snprintf(expected, sizeof expected, "%s\r\n", cases[i].cell);
        assert_row(&cases[i].text, 1, expected);
    }
    assert_row(row, 3, "a,,\"c,d\"\r\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_summer_time_ends),
        cmocka_unit_test(test_summer_time_begins),
        cmocka_unit_test(test_a_day_that_comes_again),
        cmocka_unit_test(test_nights_and_weekends),
        cmocka_unit_test(test_the_auditors_clock_counts),
        cmocka_unit_test(test_what_counts_as_what),
        cmocka_unit_test(test_principals_are_told_apart),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_what_cannot_be_counted_is_said),
        cmocka_unit_test(test_each_letter_tells_tokens_apart),
        cmocka_unit_test(test_many_contacts_over_days),
        cmocka_unit_test(test_shown_to_whom),
        cmocka_unit_test(test_not_shown),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_cells),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Owns SECURITY.md S52 "what it ever revealed is in the report": which entries are rows, what
 * became of each, and how they add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "leaving.h"

enum { DETOKENIZE = 13, ERASE = 14, DONE = 1, OUTCOME = 3, PAGE = 8 };

static const char token_a[] = "phn_00000000000000000000000001x";
static const char token_b[] = "eml_00000000000000000000000002x";

#define HEADS "time,token,kind,namespace,purpose,ticket,reason,result,status,seq\r\n"

/* Both passes; what the file holds then, for the caller to free. */
static char *
write_all(struct leaving *leaving, const struct cv_audit_entry *entries, size_t count)
{
    char *text = NULL;
    size_t size = 0;

    leaving->to = open_memstream(&text, &size);
    assert_non_null(leaving->to);
    for (size_t i = 0; i < count; i++) {
        leaving_note(leaving, &entries[i]);
    }
    leaving_begin(leaving);
    for (size_t i = 0; i < count; i++) {
        leaving_add(leaving, &entries[i]);
    }
    assert_int_equal(fclose(leaving->to), 0);
    assert_false(leaving->lost);
    return text;
}

static struct cv_audit_entry
reveal(uint64_t sequence, const char *token)
{
    return (struct cv_audit_entry){.sequence = sequence,
                                   .time_ms = 1767225600000 + sequence * 1000,
                                   .principal = "maria",
                                   .act = DETOKENIZE,
                                   .phase = DONE,
                                   .token = token,
                                   .namespace_name = "milano",
                                   .purpose = "callback"};
}

static void
test_what_is_a_row(void **state)
{
    struct leaving leaving = {0};
    struct cv_audit_entry entries[PAGE] = {
        reveal(1, token_a), reveal(2, token_b), reveal(3, token_a), reveal(4, token_b),
        reveal(5, NULL),    reveal(6, token_a), reveal(7, token_a), reveal(8, token_a),
    };

    (void)state;
    entries[0].ticket = "INC-7";
    entries[0].reason = "=1+1";
    entries[3].result = CV_NOT_FOUND; /* refused */
    entries[4].result = CV_QUOTA;     /* as a whole: it names no token */
    entries[5].phase = OUTCOME;       /* the third did not open */
    entries[5].result = CV_CORRUPT;
    entries[5].refers = 3;
    entries[6].act = ERASE; /* of another sort */
    entries[7].phase = OUTCOME;
    char *text = write_all(&leaving, entries, PAGE);
    assert_string_equal(
        text,
        HEADS "2026-01-01T00:00:01.000Z,phn_00000000000000000000000001x,phone,milano,callback,"
              "INC-7,'=1+1,revealed,ok,1\r\n"
              "2026-01-01T00:00:02.000Z,eml_00000000000000000000000002x,email,milano,callback,"
              ",,revealed,ok,2\r\n"
              "2026-01-01T00:00:03.000Z,phn_00000000000000000000000001x,phone,milano,callback,"
              ",,failed,ok,3\r\n"
              "2026-01-01T00:00:04.000Z,eml_00000000000000000000000002x,email,milano,callback,"
              ",,refused,not_found,4\r\n");
    assert_int_equal(leaving.reveals, 2);
    assert_int_equal(leaving.contacts.count, 2);
    assert_int_equal(leaving.failed, 1);
    assert_int_equal(leaving.refused, 1);
    assert_int_equal(leaving.first_ms, entries[0].time_ms);
    assert_int_equal(leaving.last_ms, entries[1].time_ms);
    free(text);
    leaving_free(&leaving);
}

/* Outcomes come in any order, and more than there was room for at first. */
static void
test_many_that_did_not_open(void **state)
{
    enum { REVEALS = 100, ENTRIES = REVEALS + REVEALS / 2 };
    static struct cv_audit_entry entries[ENTRIES];
    struct leaving leaving = {0};

    (void)state;
    for (uint64_t i = 0; i < REVEALS; i++) {
        entries[i] = reveal(i + 1, token_a);
    }
    for (uint64_t i = 0; i < REVEALS / 2; i++) {
        struct cv_audit_entry *outcome = &entries[REVEALS + i];

        *outcome = reveal(REVEALS + i + 1, token_a);
        outcome->phase = OUTCOME;
        outcome->result = CV_CORRUPT;
        outcome->refers = 2 * (i * 7 % (REVEALS / 2)) + 1; /* the odd ones */
    }
    free(write_all(&leaving, entries, ENTRIES));
    assert_int_equal(leaving.failed, REVEALS / 2);
    assert_int_equal(leaving.reveals, REVEALS / 2);
    assert_int_equal(leaving.contacts.count, 1);
    leaving_free(&leaving);
}

static void
test_who_saw_nothing(void **state)
{
    struct leaving leaving = {0};

    (void)state;
    char *text = write_all(&leaving, NULL, 0);
    assert_string_equal(text, HEADS);
    assert_int_equal(leaving.reveals + leaving.failed + leaving.refused, 0);
    assert_int_equal(leaving.first_ms, 0);
    free(text);
    leaving_free(&leaving);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_a_row),
        cmocka_unit_test(test_many_that_did_not_open),
        cmocka_unit_test(test_who_saw_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

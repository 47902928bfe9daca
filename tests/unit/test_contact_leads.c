/* SPDX-License-Identifier: Apache-2.0 */
/* tests/data/leads.csv: what is taken, refused and the same contact, as its README says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "contact_probe.h"

enum { ROWS = 200, COLUMNS = 4, FIELD_BYTES = 256 };

enum column { NAME, PHONE, EMAIL, SOURCE };

static char rows[ROWS][COLUMNS][FIELD_BYTES];

/* One field of RFC 4180; returns what ended it: a comma, a newline or EOF. */
static int
read_field(FILE *stream, char field[static FIELD_BYTES])
{
    bool quoted = false;
    size_t size = 0;
    int byte;

    while ((byte = getc(stream)) != EOF && (quoted || (byte != ',' && byte != '\n'))) {
        if (byte == '"') {
            int next = getc(stream);
            if (!quoted || next != '"') { /* opens or closes; two within quotes are one */
                quoted = !quoted;
                (void)ungetc(next, stream);
                continue;
            }
        }
        assert_true(size + 1 < FIELD_BYTES);
        field[size++] = (char)byte;
    }
    field[size] = '\0';
    return byte;
}

static int
read_leads(void **state)
{
    FILE *stream = fopen(TESTS_DIR "/data/leads.csv", "r");
    char header[FIELD_BYTES];
    (void)state;

    assert_non_null(stream);
    assert_non_null(fgets(header, sizeof header, stream));
    assert_string_equal(header, "name,phone,email,source\n");
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t column = 0; column < COLUMNS; column++) {
            int end = read_field(stream, rows[row][column]);
            assert_int_equal(end, column + 1 < COLUMNS ? ',' : '\n');
        }
    }
    assert_int_equal(getc(stream), EOF);
    (void)fclose(stream);
    return 0;
}

struct count {
    unsigned given, taken, refused, distinct;
};

static int
compare_texts(const void *a, const void *b)
{
    return strcmp(a, b);
}

static struct probe
probe_field(size_t row, enum column column)
{
    bool wa_id = strcmp(rows[row][SOURCE], "whatsapp") == 0;

    return probe_contact(bytes_of_text(rows[row][column]), wa_id ? FORM_WA_ID : FORM_INTERNATIONAL);
}

static struct count
count_column(enum column column)
{
    static char canonical[ROWS][CONTACT_BYTES_MAX + 1];
    struct count count = {0};

    for (size_t row = 0; row < ROWS; row++) {
        if (rows[row][column][0] == '\0') {
            continue;
        }
        count.given++;
        struct probe probe = probe_field(row, column);
        if (probe.status == STATUS_OK) {
            assert_int_equal(probe.kind, column == PHONE ? CONTACT_PHONE : CONTACT_EMAIL);
            memcpy(canonical[count.taken++], probe.canonical, sizeof probe.canonical);
        } else {
            assert_int_equal(probe.status, STATUS_INVALID);
            count.refused++;
        }
    }
    qsort(canonical, count.taken, sizeof canonical[0], compare_texts);
    for (size_t i = 0; i < count.taken; i++) {
        count.distinct += i == 0 || strcmp(canonical[i - 1], canonical[i]) != 0;
    }
    return count;
}

static void
phones(void **state)
{
    struct count count = count_column(PHONE);
    (void)state;

    assert_int_equal(count.given, 195);
    assert_int_equal(count.taken, 168);
    assert_int_equal(count.refused, 27);
    assert_int_equal(count.distinct, 125);
}

static void
addresses(void **state)
{
    struct count count = count_column(EMAIL);
    (void)state;

    assert_int_equal(count.given, 177);
    assert_int_equal(count.taken, 155);
    assert_int_equal(count.refused, 22);
    assert_int_equal(count.distinct, 129);
}

static void
good_rows(void **state)
{
    unsigned good = 0;
    (void)state;

    for (size_t row = 0; row < ROWS; row++) {
        bool phone = rows[row][PHONE][0] == '\0' || probe_field(row, PHONE).status == STATUS_OK;
        bool email = rows[row][EMAIL][0] == '\0' || probe_field(row, EMAIL).status == STATUS_OK;

        assert_true(rows[row][NAME][0] != '\0' && rows[row][SOURCE][0] != '\0');
        good += phone && email;
    }
    assert_int_equal(good, 173);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phones),
        cmocka_unit_test(addresses),
        cmocka_unit_test(good_rows),
    };
    return cmocka_run_group_tests(tests, read_leads, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* PROTOCOL.md says what the code does: its tables are compared with the headers, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bounds.h"
#include "field.h"
#include "hello.h"
#include "message.h"

enum { ROW_BYTES = 128, NUMBER_BYTES = 32, RANGE_BYTES = 64 };

static char *document;

static int
setup(void **state)
{
    FILE *stream = fopen(TESTS_DIR "/../proto/PROTOCOL.md", "r");
    size_t size = 0;

    (void)state;
    if (stream == NULL) {
        return -1;
    }
    ssize_t length = getdelim(&document, &size, '\0', stream);
    return fclose(stream) == 0 && length > 0 ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    free(document);
    return 0;
}

static void
must_say(const char *text)
{
    if (strstr(document, text) == NULL) {
        fail_msg("PROTOCOL.md does not say: %s", text);
    }
}

/* Rows of a table that begin with a number and a name. */
static unsigned
count_rows(void)
{
    unsigned count = 0;

    for (const char *at = document; (at = strstr(at, "\n| ")) != NULL; at++) {
        const char *number = at + strlen("\n| ");
        size_t digits = strspn(number, "0123456789");

        count += digits > 0 && strncmp(number + digits, " | `", strlen(" | `")) == 0;
    }
    return count;
}

static const char *
highest(uint64_t number, char ret_text[static NUMBER_BYTES])
{
    if (number == UINT64_MAX) {
        return "2^64-1";
    }
    if (number == UINT32_MAX) {
        return "2^32-1";
    }
    (void)snprintf(ret_text, NUMBER_BYTES, "%llu", (unsigned long long)number);
    return ret_text;
}

static void
format_range(const struct field_rule *rule, char ret_range[static RANGE_BYTES])
{
    char most[NUMBER_BYTES];

    ret_range[0] = '\0';
    if (rule->type == FIELD_TYPE_BOOL) {
        return;
    }
    if (rule->min == rule->max) {
        (void)snprintf(ret_range, RANGE_BYTES, "%s ", highest(rule->max, most));
        return;
    }
    (void)snprintf(ret_range, RANGE_BYTES, "%llu..%s ", (unsigned long long)rule->min,
                   highest(rule->max, most));
}

static void
test_fields(void **state)
{
    static const char *const types[] = {
        [FIELD_TYPE_UINT] = "uint", [FIELD_TYPE_BOOL] = "bool",   [FIELD_TYPE_STR] = "str",
        [FIELD_TYPE_BIN] = "bin",   [FIELD_TYPE_TEXTS] = "texts", [FIELD_TYPE_MAPS] = "maps",
    };
    char row[ROW_BYTES + RANGE_BYTES];
    char range[RANGE_BYTES];

    (void)state;
    for (unsigned field = 0; field < FIELD_LIMIT_NUMBER; field++) {
        const struct field_rule *rule = field_rule(field);

        if (rule != NULL) {
            format_range(rule, range);
            (void)snprintf(row, sizeof row, "\n| %u | `%s` | %s | %s|", field, rule->name,
                           types[rule->type], range);
            must_say(row);
        }
    }
}

static void
test_operations(void **state)
{
    char row[ROW_BYTES];

    (void)state;
    for (unsigned number = 0; number < OPERATION_LIMIT; number++) {
        const char *name = operation_name((enum operation)number);

        if (name != NULL) {
            (void)snprintf(row, sizeof row, "\n| %u | `%s` | ", number, name);
            must_say(row);
        }
    }
}

static void
test_statuses(void **state)
{
    char row[ROW_BYTES];

    (void)state;
    for (unsigned status = 0; status < STATUS_COUNT; status++) {
        (void)snprintf(row, sizeof row, "\n| %u | `%s` | ", status,
                       status_name((enum status)status));
        must_say(row);
    }
}

static void
test_nothing_but_what_exists(void **state)
{
    unsigned rows = STATUS_COUNT + 1; /* the frame's layout has a row that looks like one */

    (void)state;
    for (unsigned number = 0; number < FIELD_LIMIT_NUMBER; number++) {
        rows += field_rule(number) != NULL;
    }
    for (unsigned number = 0; number < OPERATION_LIMIT; number++) {
        rows += operation_name((enum operation)number) != NULL;
    }
    assert_int_equal(count_rows(), rows);
}

static void
test_numbers_in_the_text(void **state)
{
    char text[ROW_BYTES];

    (void)state;
    (void)snprintf(text, sizeof text, "these %d bytes", HELLO_TRANSCRIPT_BYTES);
    must_say(text);
    must_say("`" HELLO_CONTEXT "`");
    assert_int_equal(FRAME_BYTES_MAX, 2097152);
    assert_int_equal(BATCH_ITEMS_MAX, 4096);
    assert_int_equal(VALUE_BYTES_MAX, 512);
    assert_int_equal(MESSAGE_FIELDS_MAX, 24);
    assert_int_equal(MESSAGE_ENTRIES_MAX, 65536);
    assert_int_equal(MESSAGE_DEPTH_MAX, 5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_nothing_but_what_exists),
        cmocka_unit_test(test_numbers_in_the_text),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a person's terminal is shown: widths, tables of so many columns, colours, progress. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "escape.h"
#include "progress.h"
#include "table.h"
#include "terminal.h"

enum { OUTPUT_BYTES = 16 * 1024 };

#define MASK "+39 \u2022\u2022\u2022 \u2022\u2022\u2022 \u2022\u202267"

static void
test_widths_are_of_what_is_shown(void **state)
{
    (void)state;
    assert_int_equal(text_width(""), 0);
    assert_int_equal(text_width("abc"), 3);
    assert_int_equal(text_width(MASK), 16);
    assert_int_equal(text_width("m\u2022\u2022\u2022@g\u2022\u2022\u2022.com"), 13);
    assert_int_equal(text_width("\u6f22\u5b57"), 4);
    assert_int_equal(text_width("e\u0301"), 1);
}

static void
test_fits(void **state)
{
    static const struct {
        const char *text;
        size_t columns, bytes;
    } cases[] = {
        {"", 5, 0},
        {"abc", 5, 3},
        {"abc", 3, 3},
        {"abcd", 3, 3},
        {"ab cd", 4, 2},
        {"ab cd ef", 6, 5},
        {"ab cd ef", 5, 5},
        {"\u6f22\u5b57", 3, 3},
        {"\u6f22", 1, 3}, /* one at least */
        {MASK, 5, 3},
        {"e\u0301e\u0301", 1, 3},
        {"\u2022\u2022\u2022\u2022", 3, 9},
        {"\xff\xff", 9, 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(text_fit(cases[i].text, cases[i].columns), cases[i].bytes);
    }
}

/* The text of a table, for a terminal so wide; into a file, so without colours. */
static const char *
printed(const struct table *table, size_t width)
{
    static char text[OUTPUT_BYTES];
    FILE *file = tmpfile();

    assert_non_null(file);
    assert_true(table_print(table, file, width));
    rewind(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = 0;
    fclose(file);
    return text;
}

static void
assert_fits(const char *text, size_t width)
{
    while (*text != 0) {
        size_t size = strcspn(text, "\n");
        char line[OUTPUT_BYTES];
        snprintf(line, sizeof line, "%.*s", (int)size, text);
        if (text_width(line) > width)
            fail_msg("wider than %zu: %s", width, line);
        assert_false(size > 0 && line[size - 1] == ' ');
        text += size + 1;
    }
}

static void
test_columns_line_up(void **state)
{
    static const char *const heads[] = {"MASK", "KIND"};
    struct table *table = table_new(heads, 2);

    (void)state;
    assert_non_null(table);
    table_add(table, (const char *const[]){MASK, "phone"}, COLOUR_NONE);
    table_add(table, (const char *const[]){"\u6f22\u5b57@e.example", "email"}, COLOUR_WARN);
    table_add(table, (const char *const[]){"", "none"}, COLOUR_NONE);
    assert_string_equal(printed(table, 80),
                        "MASK              KIND\n" MASK "  phone\n\u6f22\u5b57@e.example    email\n"
                        "                  none\n");
    table_free(&table);
    assert_null(table);
    table_free(&table);
}

static void
test_what_is_too_wide_goes_on_below(void **state)
{
    static const char *const heads[] = {"NAME", "GRANTS"};
    struct table *table = table_new(heads, 2);
    const char *text;

    (void)state;
    assert_non_null(table);
    table_add(table,
              (const char *const[]){"inbox", "service in milano until 2026-01-01T00:00:00.001Z "
                                             "(1234 of 100000 in 24 h, 5000 an hour)"},
              COLOUR_NONE);
    table_add(table, (const char *const[]){"crm", "none"}, COLOUR_NONE);
    text = printed(table, 80);
    assert_fits(text, 80);
    assert_string_equal(
        text, "NAME   GRANTS\n"
              "inbox  service in milano until 2026-01-01T00:00:00.001Z (1234 of 100000 in 24 h,\n"
              "       5000 an hour)\n"
              "crm    none\n");
    for (size_t width = 20; width < 120; width++) {
        assert_fits(printed(table, width), width);
    }
    table_free(&table);
}

/* 64 letters are a name's most. */
static void
test_long_names_fit_too(void **state)
{
    static const char *const heads[] = {"NAMESPACE", "CONTACTS", "CREATED", "RETENTION"};
    char name[65], wide[3 * 64 + 1] = "";
    struct table *table = table_new(heads, 4);

    (void)state;
    assert_non_null(table);
    memset(name, 'n', 64);
    name[64] = 0;
    for (int i = 0; i < 64; i++)
        strcat(wide, "\u6f22");
    table_add(table,
              (const char *const[]){name, "18446744073709551615", "2026-01-01 00:00:00",
                                    "contacts unused for 1200 months are erased"},
              COLOUR_NONE);
    table_add(table, (const char *const[]){wide, "1", wide, wide}, COLOUR_NONE);
    assert_fits(printed(table, 80), 80);
    table_free(&table);
}

static void
test_texts_by_others_steer_nothing(void **state)
{
    struct table *table = table_new(NULL, 1);
    char shown[64];

    (void)state;
    assert_non_null(table);
    table_add(table, (const char *const[]){"a\033[2J\n\u202eb\"\\"}, COLOUR_NONE);
    assert_string_equal(printed(table, 80), "a\\x1b[2J\\x0a\\u{202e}b\"\\\n");
    table_free(&table);
    text_show("\"\\\x7f", shown, sizeof shown);
    assert_string_equal(shown, "\"\\\\x7f");
}

static void
test_an_entry_flows(void **state)
{
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    struct flow flow = {.to = memory, .width = 30, .indent = 4};

    (void)state;
    flow_add(&flow, "    1  2026-01-01");
    flow_add(&flow, "inbox");
    flow_add(&flow, "detokenize");
    flow_add(&flow, "\"a reason that is longer than a line is wide\"");
    flow_end(&flow);
    fclose(memory);
    assert_string_equal(text, "    1  2026-01-01  inbox\n"
                              "    detokenize\n"
                              "    \"a reason that is longer\n"
                              "    than a line is wide\"\n");
    free(text);
}

/* ---- a terminal ---- */

static FILE *
open_terminal(unsigned short columns, int *ret_master)
{
    struct winsize size = {.ws_col = columns, .ws_row = 24};
    int master = posix_openpt(O_RDWR | O_NOCTTY);

    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(slave >= 0);
    assert_int_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
    *ret_master = master;
    return fdopen(slave, "w");
}

static void
test_colours_on_a_terminal_alone(void **state)
{
    int master;
    FILE *terminal = open_terminal(100, &master);
    FILE *file = tmpfile();

    (void)state;
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    assert_true(terminal_is(terminal));
    assert_int_equal(terminal_columns(terminal), 100);
    assert_string_equal(terminal_colour(terminal, COLOUR_BAD), "\033[31m");
    assert_string_equal(terminal_colour(terminal, COLOUR_NONE), "\033[0m");
    setenv("NO_COLOR", "", 1); /* empty: not set */
    assert_string_equal(terminal_colour(terminal, COLOUR_GOOD), "\033[32m");
    setenv("NO_COLOR", "1", 1);
    assert_string_equal(terminal_colour(terminal, COLOUR_GOOD), "");
    unsetenv("NO_COLOR");
    setenv("TERM", "dumb", 1);
    assert_string_equal(terminal_colour(terminal, COLOUR_GOOD), "");
    setenv("TERM", "xterm", 1);
    assert_false(terminal_is(file));
    assert_string_equal(terminal_colour(file, COLOUR_GOOD), "");
    assert_int_equal(terminal_columns(file), 80);
    fclose(file);
    fclose(terminal);
    close(master);
    terminal = open_terminal(0, &master);
    assert_int_equal(terminal_columns(terminal), 80);
    fclose(terminal);
    close(master);
}

static void
test_progress_says_rate_and_time_left(void **state)
{
    struct progress progress = {.things = "rows", .total = 1000, .measured = 250, .count = 50};
    char line[PROGRESS_LINE_BYTES];

    (void)state;
    progress_print(&progress, 10000, 79, line);
    assert_string_equal(line,
                        "[#######.......................]  25 %  50 rows, 5 a second  0:30 left");
    progress_print(&progress, 10000, 40, line);
    assert_string_equal(line, " 25 %  50 rows, 5 a second  0:30 left");
    progress_print(&progress, 3600 * 1000, 79, line);
    assert_non_null(strstr(line, "  3:00:00 left"));
    for (int columns = 19; columns < 120; columns++) {
        progress_print(&progress, 10000, columns, line);
        assert_in_range(strlen(line), 1, columns);
    }
    progress.total = 0;
    progress_print(&progress, 10000, 79, line);
    assert_string_equal(line, "50 rows, 5 a second");
    /* What an earlier run did is not this one's rate. */
    progress = (struct progress){.things = "rows",
                                 .total = 1000,
                                 .measured = 600,
                                 .count = 600,
                                 .began_at = 500,
                                 .count_at = 500};
    progress_print(&progress, 10000, 79, line);
    assert_non_null(strstr(line, " 60 %  600 rows, 10 a second  0:40 left"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_widths_are_of_what_is_shown),
        cmocka_unit_test(test_fits),
        cmocka_unit_test(test_columns_line_up),
        cmocka_unit_test(test_what_is_too_wide_goes_on_below),
        cmocka_unit_test(test_long_names_fit_too),
        cmocka_unit_test(test_texts_by_others_steer_nothing),
        cmocka_unit_test(test_an_entry_flows),
        cmocka_unit_test(test_colours_on_a_terminal_alone),
        cmocka_unit_test(test_progress_says_rate_and_time_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

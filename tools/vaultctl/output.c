/* SPDX-License-Identifier: Apache-2.0 */
#include "vaultctl.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "escape.h"
#include "progress.h"
#include "table.h"
#include "terminal.h"

enum { STREAM_BYTES = 64 * 1024, MESSAGE_BYTES = 4096 + 512, ASCII_END = 0x80 };

static char input_bytes[STREAM_BYTES], output_bytes[STREAM_BYTES];

static void
wiping_free(void *memory)
{
    if (memory != NULL) {
        explicit_bzero(memory, malloc_usable_size(memory));
    }
    free(memory);
}

void
output_setup(void)
{
    json_set_alloc_funcs(malloc, wiping_free);
    (void)setvbuf(stdin, input_bytes, _IOFBF, sizeof input_bytes);
    (void)setvbuf(stdout, output_bytes, _IOFBF, sizeof output_bytes);
}

bool
output_finish(void)
{
    bool written = fflush(stdout) == 0 && ferror(stdout) == 0;

    explicit_bzero(input_bytes, sizeof input_bytes);
    explicit_bzero(output_bytes, sizeof output_bytes);
    return written;
}

/* "vaultctl tokenize: ..." on stderr. One line, whatever the texts in it hold. */
static void
say(const char *command, enum colour colour, const char *text)
{
    char shown[MESSAGE_BYTES * ESCAPE_GROWTH_MAX];

    (void)fflush(stdout);
    progress_hide();
    text_show(text, shown, sizeof shown);
    (void)fprintf(stderr, "%svaultctl%s%s:%s %s\n", terminal_colour(stderr, colour),
                  *command == 0 ? "" : " ", command, terminal_colour(stderr, COLOUR_NONE), shown);
}

void
note(const struct arguments *arguments, const char *format, ...)
{
    char text[MESSAGE_BYTES];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    say(arguments->command, COLOUR_WARN, text);
}

void
fail_told(const struct arguments *arguments, const char *format, ...)
{
    char text[MESSAGE_BYTES];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    say(arguments->command, COLOUR_BAD, text);
}

enum exit_code
usage_error(const char *command, bool json, const char *text)
{
    if (json) {
        print_json_safely(error_json(CV_INVALID, text, 0));
    }
    say(command, COLOUR_BAD, text);
    return EXIT_USAGE;
}

/* What the vault would call it: this side found it. */
static enum cv_status
status_of(enum exit_code code)
{
    switch (code) {
    case EXIT_USAGE:
        return CV_INVALID;
    case EXIT_UNREACHABLE:
    case EXIT_TRY_LATER:
        return CV_UNAVAILABLE;
    case EXIT_SEALED:
        return CV_SEALED;
    case EXIT_NOT_PERMITTED:
        return CV_DENIED;
    default:
        return CV_INTERNAL;
    }
}

enum exit_code
fail(const struct arguments *arguments, enum exit_code code, const char *format, ...)
{
    char text[MESSAGE_BYTES];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (arguments->json) {
        print_json_safely(error_json(status_of(code), text, 0));
    }
    say(arguments->command, COLOUR_BAD, text);
    return code;
}

enum exit_code
fail_status(const struct arguments *arguments, enum cv_status status, const char *format, ...)
{
    char text[MESSAGE_BYTES];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (arguments->json) {
        print_json_safely(error_json(status, text, 0));
    }
    fail_told(arguments, "%s: %s", cv_status_name(status), text);
    return exit_code_of(status);
}

static void
dump_json(json_t *json, size_t flags)
{
    (void)json_dumpf(json, stdout, JSON_COMPACT | flags);
    (void)fputc('\n', stdout);
    json_decref(json);
}

void
print_json(json_t *json)
{
    dump_json(json, 0);
}

void
print_json_safely(json_t *json)
{
    dump_json(json, isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0);
}

void
json_set_text(json_t *json, const char *name, const char *text)
{
    if (text != NULL && *text != 0) {
        json_object_set_new(json, name, json_string(text));
    }
}

void
json_set_number(json_t *json, const char *name, uint64_t number)
{
    json_object_set_new(json, name, json_integer((json_int_t)number));
}

/* Every byte that is not ASCII as \xNN. */
static void
escape_bytes(const char *text, char *ret_text, size_t capacity)
{
    size_t used = 0;

    for (; *text != 0 && used + ESCAPE_GROWTH_MAX < capacity; text++) {
        bool is_ascii = (unsigned char)*text < ASCII_END;
        used += (size_t)snprintf(ret_text + used, capacity - used, is_ascii ? "%c" : "\\x%02x",
                                 (unsigned char)*text);
    }
    ret_text[used] = 0;
}

json_t *
json_text(const char *text)
{
    char shown[MESSAGE_BYTES * ESCAPE_GROWTH_MAX];
    json_t *json = json_string(text);

    if (json == NULL) {
        escape_bytes(text, shown, sizeof shown);
        json = json_string(shown);
    }
    return json;
}

json_t *
error_json(enum cv_status status, const char *message, uint32_t retry_after_s)
{
    json_t *error =
        json_pack("{s:s, s:o}", "code", cv_status_name(status), "message", json_text(message));

    if (retry_after_s != 0) {
        json_object_set_new(error, "retry_after_s", json_integer(retry_after_s));
    }
    return json_pack("{s:o}", "error", error);
}

void
time_print(uint64_t time_ms, char ret_text[static TIME_TEXT_BYTES])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;

    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(ret_text, TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
        (void)snprintf(ret_text, TIME_TEXT_BYTES, "%" PRIu64, time_ms);
        return;
    }
    size_t size = strlen(ret_text);
    (void)snprintf(ret_text + size, TIME_TEXT_BYTES - size, ".%03uZ", (unsigned)(time_ms % 1000));
}

void
time_print_short(uint64_t time_ms, char ret_text[static TIME_TEXT_BYTES])
{
    static const size_t day = sizeof "2026-01-01" - 1;
    static const size_t second = sizeof "2026-01-01 18:00:00" - 1;

    time_print(time_ms, ret_text);
    if (strlen(ret_text) > second && ret_text[day] == 'T') {
        ret_text[day] = ' ';
        ret_text[second] = 0;
    }
}

void
print_table(struct table **table)
{
    if (*table == NULL || !table_print(*table, stdout, terminal_columns(stdout))) {
        (void)fputs("vaultctl: out of memory: rows are missing\n", stderr);
    }
    table_free(table);
}

const char *
plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

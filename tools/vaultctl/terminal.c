/* SPDX-License-Identifier: Apache-2.0 */
#include "terminal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <unistr.h>
#include <uniwidth.h>

enum { COLUMNS_MIN = 20 };

bool
terminal_is(FILE *stream)
{
    return isatty(fileno(stream)) == 1;
}

bool
terminal_can_ask(void)
{
    return terminal_is(stdin) && terminal_is(stderr);
}

size_t
terminal_columns(FILE *stream)
{
    struct winsize size;

    if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return TERMINAL_COLUMNS_UNTOLD;
    }
    return size.ws_col < COLUMNS_MIN ? COLUMNS_MIN : size.ws_col;
}

static bool
is_set(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && *value != 0;
}

static bool
wants_colour(FILE *stream)
{
    const char *terminal = getenv("TERM");

    return terminal_is(stream) && !is_set("NO_COLOR") && terminal != NULL && *terminal != 0 &&
           strcmp(terminal, "dumb") != 0;
}

const char *
terminal_colour(FILE *stream, enum colour colour)
{
    static const char *const sequences[] = {
        [COLOUR_NONE] = "\033[0m",  [COLOUR_HEAD] = "\033[1m", [COLOUR_GOOD] = "\033[32m",
        [COLOUR_WARN] = "\033[33m", [COLOUR_BAD] = "\033[31m",
    };

    return wants_colour(stream) ? sequences[colour] : "";
}

/* Bytes of the first character, and its columns: what has none or is none takes none. */
static size_t
measure_character(const uint8_t *text, size_t size, size_t *ret_columns)
{
    ucs4_t character;
    int bytes = u8_mbtouc(&character, text, size);
    int columns = uc_width(character, "UTF-8");

    *ret_columns = columns > 0 ? (size_t)columns : 0;
    return bytes > 0 ? (size_t)bytes : 1;
}

size_t
text_width(const char *text)
{
    int width = u8_strwidth((const uint8_t *)text, "UTF-8");

    return width > 0 ? (size_t)width : 0;
}

size_t
text_fit(const char *text, size_t columns)
{
    size_t left = strlen(text), used = 0, at = 0, space = 0;

    while (left > 0) {
        size_t width;
        size_t bytes = measure_character((const uint8_t *)text + at, left, &width);
        if (at > 0 && used + width > columns) {
            return space > 0 && text[at] != ' ' ? space : at;
        }
        space = text[at] == ' ' ? at : space;
        used += width;
        at += bytes;
        left -= bytes;
    }
    return at;
}

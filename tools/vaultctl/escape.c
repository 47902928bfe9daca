/* SPDX-License-Identifier: Apache-2.0 */
#include "escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    ASCII_END = 0x80,
    CONTINUATION_MASK = 0xc0,
    CONTINUATION = 0x80,
    PIECE_BYTES = 16, /* the longest of one character: \u{10ffff} */
    SEQUENCE_BYTES_MAX = 4,
};

struct range {
    uint32_t first, last;
};

/* Unicode 15: Cc, Cf and the fillers, which look like nothing. */
static const struct range unshown[] = {
    {0x00, 0x1f},       {0x7f, 0x9f},     {0xad, 0xad},     {0x600, 0x605},     {0x61c, 0x61c},
    {0x6dd, 0x6dd},     {0x70f, 0x70f},   {0x115f, 0x1160}, {0x17b4, 0x17b5},   {0x180b, 0x180f},
    {0x200b, 0x200f},   {0x2028, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164},   {0xfe00, 0xfe0f},
    {0xfeff, 0xfeff},   {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
    {0xe0000, 0xe0fff},
};

static bool
is_shown(uint32_t character)
{
    for (size_t i = 0; i < sizeof unshown / sizeof *unshown; i++) {
        if (character >= unshown[i].first && character <= unshown[i].last) {
            return false;
        }
    }
    return true;
}

/* Bytes of the character at `text`; 1 and the byte itself where that begins none. Shortest forms
 * were proved by the protocol's reader. */
static size_t
read_character(const char *text, uint32_t *ret_character, bool *ret_valid)
{
    static const struct {
        uint8_t mask, lead;
    } leads[SEQUENCE_BYTES_MAX + 1] = {
        [2] = {0xe0, 0xc0},
        [3] = {0xf0, 0xe0},
        [4] = {0xf8, 0xf0},
    };
    uint8_t first = (uint8_t)*text;

    *ret_character = first;
    *ret_valid = first < ASCII_END;
    for (size_t size = 2; size <= SEQUENCE_BYTES_MAX; size++) {
        if ((first & leads[size].mask) != leads[size].lead) {
            continue;
        }
        uint32_t character = first & (uint8_t)~leads[size].mask;
        for (size_t i = 1; i < size; i++) {
            if (((uint8_t)text[i] & CONTINUATION_MASK) != CONTINUATION) {
                return 1;
            }
            character = character << 6 | ((uint8_t)text[i] & (uint8_t)~CONTINUATION_MASK);
        }
        *ret_character = character;
        *ret_valid = true;
        return size;
    }
    return 1;
}

static void
escape(const char *text, bool is_quoted, char *ret_text, size_t capacity)
{
    size_t used = 0;

    while (*text != 0) {
        char piece[PIECE_BYTES];
        uint32_t character;
        bool valid;
        size_t size = read_character(text, &character, &valid);

        if (is_quoted && (character == '\\' || character == '"')) {
            (void)snprintf(piece, sizeof piece, "\\%c", (char)character);
        } else if (valid && is_shown(character)) {
            (void)snprintf(piece, sizeof piece, "%.*s", (int)size, text);
        } else if (character <= UINT8_MAX) {
            (void)snprintf(piece, sizeof piece, "\\x%02x", (unsigned)character);
        } else {
            (void)snprintf(piece, sizeof piece, "\\u{%x}", (unsigned)character);
        }
        size_t piece_size = strlen(piece);
        if (used + piece_size >= capacity) {
            break;
        }
        memcpy(ret_text + used, piece, piece_size);
        used += piece_size;
        text += size;
    }
    ret_text[used] = 0;
}

void
text_escape(const char *text, char *ret_text, size_t capacity)
{
    escape(text, true, ret_text, capacity);
}

void
text_show(const char *text, char *ret_text, size_t capacity)
{
    escape(text, false, ret_text, capacity);
}

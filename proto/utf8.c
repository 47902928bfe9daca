/* SPDX-License-Identifier: Apache-2.0 */
#include "utf8.h"

enum { WORD_BYTES = sizeof(uint64_t) };

/* RFC 3629 section 4: what the first byte promises, and the range its second byte must lie in. */
struct lead {
    uint8_t first, last; /* first bytes this row is for */
    uint8_t second_min,
        second_max; /* narrower than 80..BF where a shorter form or a surrogate is */
    uint8_t more;   /* bytes after the first */
};

static const struct lead leads[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 1}, {0xe0, 0xe0, 0xa0, 0xbf, 2}, {0xe1, 0xec, 0x80, 0xbf, 2},
    {0xed, 0xed, 0x80, 0x9f, 2}, {0xee, 0xef, 0x80, 0xbf, 2}, {0xf0, 0xf0, 0x90, 0xbf, 3},
    {0xf1, 0xf3, 0x80, 0xbf, 3}, {0xf4, 0xf4, 0x80, 0x8f, 3},
};

static const struct lead *
find_lead(uint8_t byte)
{
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
        if (byte >= leads[i].first && byte <= leads[i].last) {
            return &leads[i];
        }
    }
    return NULL;
}

/* The length of the character at `at`, which is not ASCII; 0 if it is none. */
static size_t
wide_length(const uint8_t *at, const uint8_t *end)
{
    const struct lead *lead = find_lead(at[0]);

    if (lead == NULL || (size_t)(end - at) <= lead->more) {
        return 0;
    }
    if (at[1] < lead->second_min || at[1] > lead->second_max) {
        return 0;
    }
    for (size_t i = 2; i <= lead->more; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return lead->more + 1u;
}

static bool
word_is_ascii(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, WORD_BYTES);
    return (word & UINT64_C(0x8080808080808080)) == 0;
}

bool
utf8_valid(struct bytes text)
{
    const uint8_t *at = text.data, *end = bytes_end(text);

    while (at < end) {
        if (end - at >= WORD_BYTES && word_is_ascii(at)) {
            at += WORD_BYTES;
        } else if (*at < 0x80) {
            at++;
        } else {
            size_t length = wide_length(at, end);
            if (length == 0) {
                return false;
            }
            at += length;
        }
    }
    return true;
}

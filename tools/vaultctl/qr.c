/* SPDX-License-Identifier: Apache-2.0 */
#include "qr.h"

#include <qrencode.h>
#include <string.h>

enum { QUIET = 4 }; /* modules of nothing on each side: ISO/IEC 18004, 6.3.8 */

static bool
is_dark(const QRcode *code, int row, int column)
{
    return row >= 0 && column >= 0 && row < code->width && column < code->width &&
           (code->data[row * code->width + column] & 1) != 0;
}

/* The upper and the lower module of a character that are drawn, the rest being the ground. */
static const char *
half_blocks(bool upper, bool lower)
{
    static const char *const blocks[2][2] = {{" ", "\u2584"}, {"\u2580", "\u2588"}};

    return blocks[upper][lower];
}

bool
qr_print(FILE *to, const char *text, size_t columns, const char *black, const char *end)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
    bool drawn = *black != 0; /* which modules are: the dark ones, or the light ones */

    if (code == NULL || (size_t)code->width + 2 * QUIET > columns) {
        QRcode_free(code);
        return false;
    }
    for (int row = -QUIET; row < code->width + QUIET; row += 2) {
        (void)fputs(black, to);
        for (int column = -QUIET; column < code->width + QUIET; column++) {
            (void)fputs(half_blocks(is_dark(code, row, column) == drawn,
                                    is_dark(code, row + 1, column) == drawn),
                        to);
        }
        (void)fprintf(to, "%s\n", end);
    }
    explicit_bzero(code->data, (size_t)code->width * (size_t)code->width);
    QRcode_free(code);
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "startup_text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char program[] = "vaultd: ";

void
startup_say(const char *sentence)
{
    char line[sizeof program + STARTUP_SENTENCE_BYTES_MAX];
    size_t start = sizeof program - 1;
    size_t size = strnlen(sentence, STARTUP_SENTENCE_BYTES_MAX);

    memcpy(line, program, start);
    memcpy(line + start, sentence, size);
    for (size_t i = start; i < start + size; i++) {
        /* A path may hold a newline or an escape, to forge a line or to steer a terminal. */
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f) {
            line[i] = '?';
        }
    }
    line[start + size] = '\n';
    /* Nothing can be done if it fails. */
    if (write(STDERR_FILENO, line, start + size + 1) < 0) {
        return;
    }
}

int
startup_fail(const char *sentence)
{
    startup_say(sentence);
    return EXIT_FAILURE;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "startup_text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* The journal takes the priority (LOG_LEVEL_ERROR) off the line's start. */
static const char program[] = "vaultd: ";
static const char program_in_journal[] = "<3>vaultd: ";

void
startup_say(const char *sentence)
{
    char line[sizeof program_in_journal + STARTUP_SENTENCE_BYTES_MAX];
    const char *name = log_is_journal() ? program_in_journal : program;
    size_t start = strlen(name);
    size_t size = strnlen(sentence, STARTUP_SENTENCE_BYTES_MAX);

    memcpy(line, name, start);
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

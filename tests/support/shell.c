/* SPDX-License-Identifier: Apache-2.0 */
#include "shell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { COMMAND_BYTES = 4096 };

char out[OUTPUT_BYTES], err[OUTPUT_BYTES];

static void
read_back(const char *folder, const char *name, char ret_text[static OUTPUT_BYTES])
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(ret_text, 1, OUTPUT_BYTES - 1, file);
    ret_text[size] = 0;
    fclose(file);
    (void)unlink(path);
}

int
shell(const struct fixture *fixture, const char *format, ...)
{
    char line[COMMAND_BYTES], command[COMMAND_BYTES + 512];
    va_list list;

    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    snprintf(command, sizeof command,
             "V=%s D=%s; export CONTACT_VAULT_SOCKET=%s XDG_RUNTIME_DIR=$D XDG_CONFIG_HOME=$D; "
             "{ %s; } >$D/out 2>$D/err </dev/null",
             VAULTCTL, fixture->folder, fixture->path, line);
    int status = system(command);
    read_back(fixture->folder, "out", out);
    read_back(fixture->folder, "err", err);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

void
assert_one_line(const char *text)
{
    const char *end = strchr(text, '\n');

    assert_non_null(end);
    assert_int_equal(end[1], 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "vaultctl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The folder this program's own file is in. */
static bool
own_folder(char ret_folder[static PROGRAM_PATH_BYTES])
{
    ssize_t size = readlink("/proc/self/exe", ret_folder, PROGRAM_PATH_BYTES - 1);

    if (size <= 0) {
        return false;
    }
    ret_folder[size] = 0;
    char *slash = strrchr(ret_folder, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = 0;
    return true;
}

bool
program_find(const char *const *places, char ret_path[static PROGRAM_PATH_BYTES])
{
    char folder[PROGRAM_PATH_BYTES];

    if (!own_folder(folder)) {
        return false;
    }
    for (; *places != NULL; places++) {
        int size = snprintf(ret_path, PROGRAM_PATH_BYTES, "%s/%s", folder, *places);
        if (size > 0 && size < PROGRAM_PATH_BYTES && access(ret_path, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

/* It fits into the pipe, so nobody has to read before it is written. */
bool
give_on_stdin(const uint8_t *bytes, size_t size)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) {
        return false;
    }
    bool given = write(ends[1], bytes, size) == (ssize_t)size && dup2(ends[0], STDIN_FILENO) >= 0;
    (void)close(ends[0]);
    (void)close(ends[1]);
    return given;
}

struct vaultd_line
vaultd_line_of(const char *face)
{
    return (struct vaultd_line){.words = {"vaultd", face}, .count = 2};
}

void
vaultd_line_add(struct vaultd_line *line, const char *word)
{
    assert(line->count < VAULTD_WORDS_MAX);
    line->words[line->count++] = word;
}

void
vaultd_line_option(struct vaultd_line *line, const char *option, const char *value)
{
    if (value != NULL) {
        vaultd_line_add(line, option);
        vaultd_line_add(line, value);
    }
}

enum exit_code
vaultd_execute(const struct arguments *arguments, const struct vaultd_line *line)
{
    /* In the build tree, and as installed. */
    static const char *const places[] = {"../../vaultd/vaultd", "../sbin/vaultd", NULL};
    char path[PROGRAM_PATH_BYTES];

    (void)fflush(NULL);
    errno = ENOENT;
    /* Not from $PATH: whatever stands there first would be handed the making of the root key. */
    if (program_find(places, path)) {
        /* execv takes what it does not change as changeable. */
        execv(path, (char *const *)(uintptr_t)line->words);
    }
    return fail(arguments, EXIT_REFUSED, "cannot start vaultd: %s; install it beside vaultctl",
                strerror(errno));
}

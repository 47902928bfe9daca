/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "folder.h"

enum { STATE_BYTES = 1024, NUMBER_BYTES = 32 };

static const char first_line[] = "contact-vault import 1";
static const char last_line[] = "end";

/* The file's lines, in this order. */
static const struct {
    const char *name;
    size_t offset;
} members[] = {
    {"file_size", offsetof(struct state, file_size)},
    {"file_time_ns", offsetof(struct state, file_time_ns)},
    {"options", offsetof(struct state, options)},
    {"file_offset", offsetof(struct state, file_offset)},
    {"file_line", offsetof(struct state, file_line)},
    {"out_offset", offsetof(struct state, out_offset)},
    {"errors_offset", offsetof(struct state, errors_offset)},
    {"rows", offsetof(struct state, totals.rows)},
    {"tokens", offsetof(struct state, totals.tokens)},
    {"emptied", offsetof(struct state, totals.emptied)},
    {"left_out", offsetof(struct state, totals.left_out)},
    {"whole", offsetof(struct state, whole)},
};

enum { MEMBERS = sizeof members / sizeof *members };

bool
file_is_ours(int file_fd)
{
    struct stat file;

    return fstat(file_fd, &file) == 0 && S_ISREG(file.st_mode) && file.st_uid == geteuid() &&
           file.st_nlink == 1;
}

/* ---- reading ---- */

/* The next line, without its end; NULL: there is none that is whole. */
static char *
take_line(char **text)
{
    char *line = *text;
    char *end = strchr(line, '\n');

    if (end == NULL) {
        return NULL;
    }
    *end = 0;
    *text = end + 1;
    return line;
}

static bool
parse(char *text, struct state *state)
{
    const char *line = take_line(&text);
    bool good = line != NULL && strcmp(line, first_line) == 0;

    for (size_t i = 0; good && i < MEMBERS; i++) {
        size_t name = strlen(members[i].name);
        uint64_t number;

        line = take_line(&text);
        good = line != NULL && strncmp(line, members[i].name, name) == 0 && line[name] == ' ' &&
               number_parse(line + name + 1, UINT64_MAX, &number);
        if (good) {
            memcpy((char *)state + members[i].offset, &number, sizeof number);
        }
    }
    line = good ? take_line(&text) : NULL;
    return line != NULL && strcmp(line, last_line) == 0 && *text == 0;
}

enum state_found
state_read(const char *path, struct state *ret_state)
{
    char text[STATE_BYTES];
    int file_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);

    if (file_fd < 0) {
        return errno == ENOENT ? STATE_NONE : STATE_BROKEN;
    }
    ssize_t size = file_is_ours(file_fd) ? read(file_fd, text, sizeof text - 1) : -1;
    close(file_fd);
    if (size < 0) {
        return STATE_BROKEN;
    }
    text[size] = 0;
    return parse(text, ret_state) ? STATE_FOUND : STATE_BROKEN;
}

/* ---- writing ---- */

static size_t
print(const struct state *state, char ret_text[static STATE_BYTES])
{
    size_t size = (size_t)snprintf(ret_text, STATE_BYTES, "%s\n", first_line);

    for (size_t i = 0; i < MEMBERS; i++) {
        uint64_t number;
        memcpy(&number, (const char *)state + members[i].offset, sizeof number);
        size += (size_t)snprintf(ret_text + size, STATE_BYTES - size, "%s %" PRIu64 "\n",
                                 members[i].name, number);
    }
    return size + (size_t)snprintf(ret_text + size, STATE_BYTES - size, "%s\n", last_line);
}

static bool
write_durably(const char *path, const char *text, size_t size)
{
    /* What lies there a killed run left behind, or somebody else. */
    if (unlink(path) != 0 && errno != ENOENT) {
        return false;
    }
    int file_fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (file_fd < 0) {
        return false;
    }
    ssize_t written = write(file_fd, text, size);
    if (written >= 0 && (size_t)written != size) {
        errno = ENOSPC;
    }
    bool good = written == (ssize_t)size && fsync(file_fd) == 0;
    int error = errno;
    close(file_fd);
    errno = error;
    return good;
}

bool
state_write(const char *path, const struct state *state)
{
    char next[FILE_PATH_BYTES + NUMBER_BYTES], text[STATE_BYTES];

    (void)snprintf(next, sizeof next, "%s.new", path);
    return write_durably(next, text, print(state, text)) && rename(next, path) == 0 &&
           folder_sync(path);
}

uint64_t
state_mix(uint64_t number, const char *text)
{
    static const uint64_t start = 0xcbf29ce484222325, prime = 0x100000001b3; /* FNV-1a */

    number = number == 0 ? start : number;
    for (; text != NULL && *text != 0; text++) {
        number = (number ^ (uint8_t)*text) * prime;
    }
    return (number ^ UINT8_MAX) * prime; /* so that "a", "b" is not "ab", "" */
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leakfind: looks for plaintexts in files, in every spelling and encoding they could hide in, and
 * prints where, never what. Reads sparse files by their data alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "needle.h"
#include "pattern.h"

enum {
    EXIT_NONE = 0,
    EXIT_FOUND = 1,
    EXIT_ERROR = 2,
    CHUNK_BYTES = 1024 * 1024,
    OPEN_FOLDERS_MAX = 16,
};

static const char usage[] =
    "usage: leakfind NEEDLES PATH...\n"
    "NEEDLES holds one plaintext of at least 7 bytes a line. Every file under each PATH is "
    "searched\n"
    "for each of them: as it is, in lower case, phone numbers as E.164 and as digits; each plain,\n"
    "reversed, in hex and in base64 at every alignment. Prints FILE:OFFSET: ENCODING, needle "
    "LINE.\n"
    "exit codes: 0 none found, 1 found, 2 error\n";

/* nftw has no argument to hand through, so these few are the program's own. */
static struct {
    struct pattern_set *set;
    uint8_t *chunk; /* CHUNK_BYTES and the longest pattern */
    const char *path;
    uint64_t chunk_offset;
    uint64_t files, bytes, hits;
    bool failed;
} search;

static void
fail(const char *what, const char *path)
{
    fprintf(stderr, "leakfind: %s %s: %s\n", what, path, strerror(errno));
    search.failed = true;
}

static void
report(void *state, size_t offset, struct pattern_origin origin)
{
    (void)state;
    search.hits++;
    printf("%s:%llu: %s, needle %zu\n", search.path,
           (unsigned long long)(search.chunk_offset + offset), origin.encoding, origin.line);
}

/* Fills the buffer as far as the file goes. */
static ssize_t
read_at(int file, uint8_t *data, size_t size, uint64_t offset)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got = pread(file, data + done, size - done, (off_t)(offset + done));

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* Overlapping chunks, so that a pattern across a border is seen, and seen once. */
static bool
search_extent(int file, uint64_t from, uint64_t to)
{
    size_t overlap = pattern_set_longest(search.set) - 1;

    for (uint64_t at = from; at < to; at += CHUNK_BYTES) {
        ssize_t got = read_at(file, search.chunk, CHUNK_BYTES + overlap, at);

        if (got < 0) {
            return false;
        }
        if (got == 0) {
            break;
        }
        size_t starts = (size_t)got < CHUNK_BYTES ? (size_t)got : CHUNK_BYTES;

        search.chunk_offset = at;
        search.bytes += starts;
        pattern_set_search(search.set, search.chunk, (size_t)got, starts, report, NULL);
    }
    return true;
}

/* Files of /proc and some file systems know nothing of data and holes: those are read as a whole.
 */
static bool
search_data(int file)
{
    off_t at = lseek(file, 0, SEEK_DATA);

    if (at < 0 && errno == ENXIO) {
        /* Empty, or a hole from end to end; a file of /proc says so of itself and is not. */
        return search_extent(file, 0, CHUNK_BYTES);
    }
    if (at < 0) {
        return search_extent(file, 0, UINT64_MAX - CHUNK_BYTES);
    }
    while (at >= 0) {
        off_t hole = lseek(file, at, SEEK_HOLE);

        if (hole < 0 || !search_extent(file, (uint64_t)at, (uint64_t)hole)) {
            return false;
        }
        at = lseek(file, hole, SEEK_DATA);
    }
    return errno == ENXIO;
}

static void
search_file(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (file < 0) {
        fail("cannot open", path);
        return;
    }
    search.path = path;
    search.files++;
    if (!search_data(file)) {
        fail("cannot read", path);
    }
    (void)close(file);
}

static int
visit(const char *path, const struct stat *about, int type, struct FTW *place)
{
    (void)place;
    if (type == FTW_F && S_ISREG(about->st_mode)) {
        search_file(path);
    } else if (type == FTW_DNR || type == FTW_NS) {
        errno = EACCES;
        fail("cannot look into", path);
    }
    return 0;
}

static bool
load_needles(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t capacity = 0;
    size_t line = 0;
    bool ok = file != NULL;

    if (!ok) {
        fail("cannot open", path);
    }
    for (ssize_t size; ok && (size = getline(&text, &capacity, file)) >= 0;) {
        line++;
        while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r')) {
            size--;
        }
        if (size > 0 && needle_add(search.set, text, (size_t)size, line) != STATUS_OK) {
            fprintf(stderr, "leakfind: %s, line %zu: a needle has %d to %d bytes\n", path, line,
                    NEEDLE_BYTES_MIN, NEEDLE_BYTES_MAX);
            ok = false;
        }
    }
    if (ok && pattern_set_longest(search.set) == 0) {
        fprintf(stderr, "leakfind: %s holds no needle\n", path);
        ok = false;
    }
    if (text != NULL) {
        explicit_bzero(text, capacity);
    }
    free(text);
    if (file != NULL) {
        (void)fclose(file);
    }
    return ok;
}

static int
outcome(void)
{
    fprintf(stderr, "leakfind: %llu files, %llu bytes, %llu hits\n",
            (unsigned long long)search.files, (unsigned long long)search.bytes,
            (unsigned long long)search.hits);
    if (search.failed) {
        return EXIT_ERROR;
    }
    return search.hits > 0 ? EXIT_FOUND : EXIT_NONE;
}

int
main(int count, char **arguments)
{
    int code = EXIT_ERROR;

    if (count < 3) {
        fputs(usage, stderr);
        return EXIT_ERROR;
    }
    if (pattern_set_new(&search.set) != STATUS_OK || !load_needles(arguments[1])) {
        goto out;
    }
    search.chunk = malloc(CHUNK_BYTES + pattern_set_longest(search.set));
    if (search.chunk == NULL) {
        fail("cannot search", arguments[2]);
        goto out;
    }
    for (int i = 2; i < count; i++) {
        if (nftw(arguments[i], visit, OPEN_FOLDERS_MAX, FTW_PHYS) != 0) {
            fail("cannot walk", arguments[i]);
        }
    }
    code = outcome();
out:
    free(search.chunk);
    pattern_set_free(&search.set);
    return code;
}

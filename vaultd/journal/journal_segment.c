/* SPDX-License-Identifier: Apache-2.0 */
#include "journal_segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failpoint.h"
#include "log.h"

enum {
    NAME_DIGITS = 8,
    SUFFIX_BYTES = 4,
    ZERO_BYTES = 256 * 1024,
    FILE_MODE = 0600,
};

static const uint8_t zeros[ZERO_BYTES];

static enum status
system_call_failed(int line)
{
    LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", errno), F("line", line));
    return STATUS_UNAVAILABLE;
}

static void
file_name(uint32_t number, const char *suffix, char ret_name[static JOURNAL_NAME_BYTES])
{
    (void)snprintf(ret_name, JOURNAL_NAME_BYTES, "%08u%s", (unsigned)(number % 100000000), suffix);
}

void
journal_segment_name(uint32_t number, char ret_name[static JOURNAL_NAME_BYTES])
{
    file_name(number, ".seg", ret_name);
}

void
journal_segment_place(uint32_t number, uint64_t offset, struct journal_place *ret_place)
{
    char name[JOURNAL_NAME_BYTES];

    journal_segment_name(number, name);
    (void)snprintf(ret_place->text, sizeof ret_place->text, "%s at byte %llu", name,
                   (unsigned long long)offset);
}

/* The number in "00000007.seg", or 0 for any other name. */
static uint32_t
number_of(const char *name, const char *suffix)
{
    uint32_t number = 0;

    if (strlen(name) != NAME_DIGITS + SUFFIX_BYTES || strcmp(name + NAME_DIGITS, suffix) != 0) {
        return 0;
    }
    for (int i = 0; i < NAME_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return 0;
        }
        number = number * 10 + (uint32_t)(name[i] - '0');
    }
    return number;
}

enum status
journal_segment_range(int folder, bool tidy, uint32_t *ret_first, uint32_t *ret_last)
{
    uint32_t first = 0;
    uint32_t last = 0;
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);

    if (listing == NULL) {
        enum status status = system_call_failed(__LINE__);

        if (fd >= 0) {
            (void)close(fd);
        }
        return status;
    }
    for (const struct dirent *file; (file = readdir(listing)) != NULL;) {
        uint32_t number = number_of(file->d_name, ".seg");

        first = number > 0 && (first == 0 || number < first) ? number : first;
        last = number > last ? number : last;
        if (tidy && number_of(file->d_name, ".tmp") != 0) {
            (void)unlinkat(folder, file->d_name, 0);
        }
    }
    (void)closedir(listing);
    *ret_first = first;
    *ret_last = last;
    return STATUS_OK;
}

enum status
journal_segment_write(int fd, uint64_t offset, struct bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t written = pwrite(fd, bytes.data, bytes.size, (off_t)offset);

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return system_call_failed(__LINE__);
        }
        bytes = bytes_of(bytes.data + written, bytes.size - (size_t)written);
        offset += (uint64_t)written;
    }
    return STATUS_OK;
}

enum status
journal_segment_flush(int fd)
{
    if (FAILPOINT("journal_skip_flush")) {
        return STATUS_OK;
    }
    if (FAILPOINT("journal_flush_eio")) {
        errno = EIO;
        return system_call_failed(__LINE__);
    }
    /* Never tried again: after a failure the kernel may have dropped what it could not write. */
    return fdatasync(fd) == 0 ? STATUS_OK : system_call_failed(__LINE__);
}

static enum status
write_zeros(int fd, uint64_t from, uint64_t to)
{
    enum status status = STATUS_OK;

    while (from < to && status == STATUS_OK) {
        uint64_t rest = to - from;
        size_t size = rest < ZERO_BYTES ? (size_t)rest : (size_t)ZERO_BYTES;

        status = journal_segment_write(fd, from, bytes_of(zeros, size));
        from += size;
    }
    return status;
}

/* Asks for all blocks at once: a disk that is full says so before anything is written. Where a file
 * system cannot be asked, the zeros find out. */
static bool
has_room(int fd, uint64_t bytes)
{
    if (FAILPOINT("journal_full")) {
        return false;
    }
    return fallocate(fd, 0, 0, (off_t)bytes) == 0 ||
           (errno != ENOSPC && errno != EDQUOT && errno != EFBIG);
}

static enum status
fill(int fd, uint64_t bytes, struct bytes header)
{
    enum status status =
        has_room(fd, bytes) ? journal_segment_write(fd, 0, header) : STATUS_UNAVAILABLE;

    if (status == STATUS_OK) {
        status = write_zeros(fd, header.size, bytes);
    }
    if (status == STATUS_OK && fsync(fd) != 0) {
        status = system_call_failed(__LINE__);
    }
    return status;
}

enum status
journal_segment_make(int folder, uint32_t number, uint64_t bytes, struct bytes header,
                     struct journal_segment *ret_segment)
{
    char unfinished[JOURNAL_NAME_BYTES];
    char name[JOURNAL_NAME_BYTES];
    enum status status;
    int fd;

    if (number > JOURNAL_SEGMENTS_MAX) {
        return STATUS_UNAVAILABLE;
    }
    /* It gets its name once it is whole and on disk: a .seg file is never half made. */
    file_name(number, ".tmp", unfinished);
    journal_segment_name(number, name);
    fd = openat(folder, unfinished, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        return system_call_failed(__LINE__);
    }
    status = fill(fd, bytes, header);
    if (status == STATUS_OK &&
        (renameat(folder, unfinished, folder, name) != 0 || fsync(folder) != 0)) {
        status = system_call_failed(__LINE__);
    }
    if (status != STATUS_OK) {
        (void)unlinkat(folder, unfinished, 0);
        (void)close(fd);
        return status;
    }
    *ret_segment = (struct journal_segment){.fd = fd, .number = number, .bytes = (uint32_t)bytes};
    return STATUS_OK;
}

static enum status
open_file(int folder, uint32_t number, int flags, struct journal_segment *ret_segment)
{
    char name[JOURNAL_NAME_BYTES];
    struct stat about;
    int fd;

    journal_segment_name(number, name);
    fd = openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? STATUS_NOT_FOUND : system_call_failed(__LINE__);
    }
    if (fstat(fd, &about) != 0) {
        enum status status = system_call_failed(__LINE__);

        (void)close(fd);
        return status;
    }
    if (!S_ISREG(about.st_mode) || about.st_size > JOURNAL_SEGMENT_BYTES_MAX) {
        (void)close(fd);
        return STATUS_CORRUPT;
    }
    *ret_segment =
        (struct journal_segment){.fd = fd, .number = number, .bytes = (uint32_t)about.st_size};
    return STATUS_OK;
}

enum status
journal_segment_open(int folder, uint32_t number, struct journal_segment *ret_segment)
{
    return open_file(folder, number, O_RDWR, ret_segment);
}

void
journal_segment_close(struct journal_segment *segment)
{
    if (segment->fd >= 0) {
        (void)close(segment->fd);
        segment->fd = -1;
    }
}

static enum status
read_all(int fd, uint8_t *data, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got = pread(fd, data + done, size - done, (off_t)done);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return system_call_failed(__LINE__);
        }
        done += (size_t)got;
    }
    return STATUS_OK;
}

enum status
journal_segment_load(int folder, uint32_t number, uint8_t **ret_data, size_t *ret_size)
{
    struct journal_segment segment = {.fd = -1};
    uint8_t *data = NULL;
    enum status status = open_file(folder, number, O_RDONLY, &segment);

    if (status != STATUS_OK) {
        return status;
    }
    data = malloc(segment.bytes > 0 ? segment.bytes : 1);
    status = data == NULL ? STATUS_INTERNAL : read_all(segment.fd, data, segment.bytes);
    if (status == STATUS_OK) {
        *ret_size = segment.bytes;
        *ret_data = data;
        data = NULL;
    }
    free(data);
    journal_segment_close(&segment);
    return status;
}

enum status
journal_segment_remove(int folder, uint32_t number)
{
    char name[JOURNAL_NAME_BYTES];

    journal_segment_name(number, name);
    if (unlinkat(folder, name, 0) != 0 && errno != ENOENT) {
        return system_call_failed(__LINE__);
    }
    if (FAILPOINT("journal_remove_kill")) {
        (void)raise(SIGKILL);
    }
    return fsync(folder) == 0 ? STATUS_OK : system_call_failed(__LINE__);
}

enum status
journal_segment_cut(int folder, uint32_t number, uint32_t offset)
{
    struct journal_segment segment = {.fd = -1};
    enum status status = journal_segment_open(folder, number, &segment);

    if (status != STATUS_OK) {
        return status;
    }
    status = write_zeros(segment.fd, offset, segment.bytes);
    if (status == STATUS_OK && fsync(segment.fd) != 0) {
        status = system_call_failed(__LINE__);
    }
    journal_segment_close(&segment);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "keyring_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failpoint.h"
#include "log.h"

static enum status
system_call_failed(int line)
{
    LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", errno), F("line", line));
    return STATUS_UNAVAILABLE;
}

static enum status
read_all(int file, uint8_t *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = read(file, data + done, size - done);

        if (got == 0) {
            return STATUS_CORRUPT; /* it shrank under our hands */
        }
        if (got < 0 && errno != EINTR) {
            return system_call_failed(__LINE__);
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return STATUS_OK;
}

enum status
keyring_disk_read(const char *path, size_t bytes_max, uint8_t **ret_data, size_t *ret_size)
{
    struct stat about;
    uint8_t *data = NULL;
    enum status status = STATUS_OK;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (file < 0) {
        return errno == ENOENT ? STATUS_NOT_FOUND : system_call_failed(__LINE__);
    }
    if (fstat(file, &about) != 0) {
        status = system_call_failed(__LINE__);
        goto out;
    }
    if (!S_ISREG(about.st_mode) || about.st_size <= 0 || (size_t)about.st_size > bytes_max) {
        status = STATUS_CORRUPT;
        goto out;
    }
    data = malloc((size_t)about.st_size);
    if (data == NULL) {
        status = STATUS_INTERNAL;
        goto out;
    }
    status = read_all(file, data, (size_t)about.st_size);
    if (status != STATUS_OK) {
        goto out;
    }
    *ret_data = data;
    *ret_size = (size_t)about.st_size;
    data = NULL;

out:
    free(data);
    (void)close(file);
    return status;
}

enum status
keyring_disk_write_all(int file, struct bytes data)
{
    for (size_t done = 0; done < data.size;) {
        ssize_t put = write(file, data.data + done, data.size - done);

        if (put < 0 && errno != EINTR) {
            return system_call_failed(__LINE__);
        }
        done += put > 0 ? (size_t)put : 0;
    }
    return STATUS_OK;
}

enum status
keyring_disk_sync_folder(const char *path)
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    enum status status = STATUS_OK;
    int file;

    if (slash != NULL) {
        size_t size = slash == path ? 1 : (size_t)(slash - path);

        if (size >= sizeof folder) {
            errno = ENAMETOOLONG;
            return system_call_failed(__LINE__);
        }
        memcpy(folder, path, size);
        folder[size] = '\0';
    }
    file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) {
        return system_call_failed(__LINE__);
    }
    if (fsync(file) != 0) {
        status = system_call_failed(__LINE__);
    }
    (void)close(file);
    return status;
}

static enum status
write_temporary(const char *temporary, struct bytes data)
{
    enum status status;
    int file;

    /* What a crash left behind is not continued: a new file has the right owner and mode. */
    if (unlink(temporary) != 0 && errno != ENOENT) {
        return system_call_failed(__LINE__);
    }
    file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) {
        return system_call_failed(__LINE__);
    }
    status = keyring_disk_write_all(file, data);
    CRASH_POINT("keyring_after_tmp");
    if (status == STATUS_OK && fsync(file) != 0) {
        status = system_call_failed(__LINE__);
    }
    (void)close(file);
    return status;
}

/* The kernel looks and renames in one step, so that not even a race writes over an old file. */
static enum status
put_in_place(const char *temporary, const char *path, enum keyring_write_mode mode)
{
    unsigned flags = mode == KEYRING_WRITE_NEW ? RENAME_NOREPLACE : 0;

    CRASH_POINT("keyring_before_rename");
    if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, flags) != 0) {
        return errno == EEXIST ? STATUS_CONFLICT : system_call_failed(__LINE__);
    }
    CRASH_POINT("keyring_after_rename");
    return STATUS_OK;
}

static enum status
read_back(const char *temporary, size_t bytes_max, keyring_disk_check *check, void *state)
{
    uint8_t *data = NULL;
    size_t size = 0;
    enum status status = keyring_disk_read(temporary, bytes_max, &data, &size);

    if (status == STATUS_OK) {
        status = check(state, bytes_of(data, size));
    }
    free(data);
    return status;
}

/* False: the path is too long. */
static bool
name_temporary(const char *path, char ret_temporary[static PATH_MAX])
{
    int size = snprintf(ret_temporary, PATH_MAX, "%s.new", path);

    return size >= 0 && size < PATH_MAX;
}

void
keyring_disk_forget_unfinished(const char *path)
{
    char temporary[PATH_MAX];

    if (name_temporary(path, temporary) && unlink(temporary) != 0 && errno != ENOENT) {
        (void)system_call_failed(__LINE__);
    }
}

static enum status
write_file(const char *path, enum keyring_write_mode mode, struct bytes data,
           keyring_disk_check *check, void *state)
{
    char temporary[PATH_MAX];
    enum status status;

    if (!name_temporary(path, temporary)) {
        errno = ENAMETOOLONG;
        return system_call_failed(__LINE__);
    }
    status = write_temporary(temporary, data);
    if (status == STATUS_OK && check != NULL) {
        status = read_back(temporary, data.size, check, state);
    }
    if (status == STATUS_OK) {
        status = put_in_place(temporary, path, mode);
    }
    if (status != STATUS_OK) {
        (void)unlink(temporary);
        return status;
    }
    return keyring_disk_sync_folder(path) == STATUS_OK ? STATUS_OK : STATUS_INTERNAL;
}

enum status
keyring_disk_write(const char *path, enum keyring_write_mode mode, struct bytes data)
{
    return write_file(path, mode, data, NULL, NULL);
}

enum status
keyring_disk_replace(const char *path, struct bytes data, keyring_disk_check *check, void *state)
{
    return write_file(path, KEYRING_WRITE_OVER, data, check, state);
}

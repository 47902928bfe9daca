/* SPDX-License-Identifier: Apache-2.0 */
#include "backup_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"

static enum exit_code
fail_file(const struct backup_files *files, const char *path, int error)
{
    return fail(files->arguments, EXIT_REFUSED, "%s: %s; there is no backup", path,
                strerror(error));
}

static enum exit_code
name_file(const struct backup_files *files, const char *path, const char *suffix,
          struct backup_file *ret_file)
{
    struct stat about;
    int size = snprintf(ret_file->path, sizeof ret_file->path, "%s%s", path, suffix);

    if (size < 0 || (size_t)size >= sizeof ret_file->path - sizeof ".part" || path[0] == 0) {
        return fail(files->arguments, EXIT_USAGE, "this name is too long, or none");
    }
    (void)strcpy(stpcpy(ret_file->part, ret_file->path), ".part");
    if (lstat(ret_file->path, &about) == 0) {
        return fail(files->arguments, EXIT_REFUSED, "%s is there already; nothing is overwritten",
                    ret_file->path);
    }
    return errno == ENOENT ? EXIT_OK : fail_file(files, ret_file->path, errno);
}

enum exit_code
backup_files_name(const struct arguments *arguments, const char *path,
                  struct backup_files *ret_files)
{
    *ret_files = (struct backup_files){.arguments = arguments};
    for (size_t i = 0; i < BACKUP_FILES; i++) {
        ret_files->files[i].part_fd = ret_files->files[i].lock_fd = -1;
    }
    enum exit_code code = name_file(ret_files, path, "", &ret_files->files[0]);
    return code == EXIT_OK ? name_file(ret_files, path, ".keyring", &ret_files->files[1]) : code;
}

static enum exit_code
fail_taken(const struct backup_files *files, const char *path)
{
    return fail(files->arguments, EXIT_REFUSED,
                "%s: another backup is writing it; there is no backup", path);
}

/* A file system that knows no locks is no obstacle. */
static bool
is_locked(int file_fd)
{
    return flock(file_fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

/* Between the opening and the lock another backup may have given it its name, or taken it away. */
static bool
is_still_there(const char *path, int file_fd)
{
    struct stat named, file;

    return lstat(path, &named) == 0 && fstat(file_fd, &file) == 0 && named.st_dev == file.st_dev &&
           named.st_ino == file.st_ino;
}

/* Of an earlier run: the name alone goes, for the file may have another one by now. */
static enum exit_code
remove_left_over(const struct backup_files *files, const char *path)
{
    int left_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    enum exit_code code = EXIT_OK;

    if (left_fd >= 0 && (is_locked(left_fd) || !is_still_there(path, left_fd))) {
        code = fail_taken(files, path);
    } else if (unlink(path) != 0 && errno != ENOENT) {
        code = fail_file(files, path, errno);
    }
    if (left_fd >= 0) {
        close(left_fd);
    }
    return code;
}

/* Locked until it has its name or is gone, so that no other backup names it or takes it away. */
static enum exit_code
open_part(const struct backup_files *files, struct backup_file *file)
{
    enum exit_code code = remove_left_over(files, file->part);

    if (code != EXIT_OK) {
        return code;
    }
    int part_fd =
        open(file->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (part_fd < 0) {
        return fail_file(files, file->part, errno);
    }
    if (is_locked(part_fd)) {
        close(part_fd);
        return fail_taken(files, file->part);
    }
    file->part_fd = part_fd;
    file->lock_fd = fcntl(part_fd, F_DUPFD_CLOEXEC, 0);
    return file->lock_fd < 0 ? fail_file(files, file->part, errno) : EXIT_OK;
}

enum exit_code
backup_files_open(struct backup_files *files)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < BACKUP_FILES && code == EXIT_OK; i++) {
        code = open_part(files, &files->files[i]);
    }
    return code;
}

enum exit_code
backup_files_write(struct backup_files *files, enum cv_backup_part part, const uint8_t *data,
                   size_t size)
{
    struct backup_file *file = &files->files[part - 1];

    while (size > 0) {
        ssize_t written = write(file->part_fd, data, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return fail_file(files, file->part, errno);
        }
        data += written;
        size -= (size_t)written;
        file->size += (uint64_t)written;
    }
    return EXIT_OK;
}

enum exit_code
backup_files_sync(struct backup_files *files)
{
    for (size_t i = 0; i < BACKUP_FILES; i++) {
        struct backup_file *file = &files->files[i];
        bool good = fsync(file->part_fd) == 0;
        int error = errno;

        if (close(file->part_fd) != 0 && good) {
            good = false;
            error = errno;
        }
        file->part_fd = -1;
        if (!good) {
            return fail_file(files, file->part, error);
        }
    }
    return EXIT_OK;
}

/* Where no link can be made (FAT on a stick). Few file systems know of no such rename either. */
static bool
rename_over_nothing(const struct backup_file *file)
{
    struct stat about;

    if (renameat2(AT_FDCWD, file->part, AT_FDCWD, file->path, RENAME_NOREPLACE) == 0) {
        return true;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return false;
    }
    if (lstat(file->path, &about) == 0) {
        errno = EEXIST;
    }
    return errno != EEXIST && rename(file->part, file->path) == 0;
}

/* Never over a file that is there: it may have come since it was looked for. */
static bool
give_name(const struct backup_file *file)
{
    if (link(file->part, file->path) == 0) {
        (void)unlink(file->part);
        return true;
    }
    return (errno == EPERM || errno == EOPNOTSUPP) && rename_over_nothing(file);
}

/* The keyring first: where there is FILE, there are both. */
enum exit_code
backup_files_finish(struct backup_files *files)
{
    struct backup_file *contents = &files->files[0], *keyring = &files->files[1];

    if (!give_name(keyring)) {
        return fail_file(files, keyring->path, errno);
    }
    bool named = give_name(contents);
    if (!named || !folder_sync(contents->path)) {
        int error = errno;
        (void)unlink(keyring->path);
        if (named) {
            (void)unlink(contents->path);
        }
        return fail_file(files, contents->path, error);
    }
    return EXIT_OK;
}

void
backup_files_discard(struct backup_files *files)
{
    for (size_t i = 0; i < BACKUP_FILES; i++) {
        struct backup_file *file = &files->files[i];

        if (file->part_fd < 0 && file->lock_fd < 0) {
            continue; /* never made: what is there may be another's */
        }
        (void)unlink(file->part);
        if (file->part_fd >= 0) {
            (void)close(file->part_fd);
        }
        if (file->lock_fd >= 0) {
            (void)close(file->lock_fd);
        }
        file->part_fd = file->lock_fd = -1;
    }
}

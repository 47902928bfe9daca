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

enum { OWNER_ALONE = S_IRUSR | S_IWUSR };

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

/* Made anew, or what an earlier run left: what somebody else laid there he can read, and change. */
static enum exit_code
open_ours(const struct backup_files *files, const char *path, int *ret_fd)
{
    const int flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;

    *ret_fd = open(path, flags | O_CREAT | O_EXCL, OWNER_ALONE);
    if (*ret_fd < 0 && errno == EEXIST) {
        *ret_fd = open(path, flags);
    }
    if (*ret_fd < 0) {
        return fail_file(files, path, errno);
    }
    if (!file_is_ours(*ret_fd)) {
        close(*ret_fd);
        return fail(files->arguments, EXIT_REFUSED,
                    "%s: another user's, or a file of two names: it is not written to; remove it",
                    path);
    }
    return EXIT_OK;
}

/* Between the opening and the lock another backup may have given it its name, or taken it away. */
static bool
is_still_there(const char *path, int file_fd)
{
    struct stat named, file;

    return lstat(path, &named) == 0 && fstat(file_fd, &file) == 0 && named.st_dev == file.st_dev &&
           named.st_ino == file.st_ino;
}

/* Locked until it has its name or is gone, so that no other backup writes into it, names it or
 * takes it away. A file system that knows no locks is no obstacle. */
static enum exit_code
open_part(const struct backup_files *files, struct backup_file *file)
{
    int part_fd;
    enum exit_code code = open_ours(files, file->part, &part_fd);

    if (code != EXIT_OK) {
        return code;
    }
    if ((flock(part_fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) ||
        !is_still_there(file->part, part_fd)) {
        close(part_fd);
        return fail(files->arguments, EXIT_REFUSED,
                    "%s: another backup is writing it; there is no backup", file->part);
    }
    file->part_fd = part_fd;
    file->lock_fd = fcntl(part_fd, F_DUPFD_CLOEXEC, 0);
    if (file->lock_fd < 0 || fchmod(part_fd, OWNER_ALONE) != 0 || ftruncate(part_fd, 0) != 0) {
        return fail_file(files, file->part, errno);
    }
    return EXIT_OK;
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

        if (file->lock_fd < 0) {
            continue; /* never opened: it may be another's */
        }
        (void)unlink(file->part);
        if (file->part_fd >= 0) {
            (void)close(file->part_fd);
        }
        (void)close(file->lock_fd);
        file->part_fd = file->lock_fd = -1;
    }
}

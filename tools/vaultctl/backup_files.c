/* SPDX-License-Identifier: Apache-2.0 */
#include "backup_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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

    ret_file->part_fd = -1;
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
        ret_files->files[i].part_fd = -1;
    }
    enum exit_code code = name_file(ret_files, path, "", &ret_files->files[0]);
    return code == EXIT_OK ? name_file(ret_files, path, ".keyring", &ret_files->files[1]) : code;
}

enum exit_code
backup_files_open(struct backup_files *files)
{
    for (size_t i = 0; i < BACKUP_FILES; i++) {
        struct backup_file *file = &files->files[i];

        if (unlink(file->part) != 0 && errno != ENOENT) {
            return fail_file(files, file->part, errno);
        }
        file->part_fd = open(file->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                             S_IRUSR | S_IWUSR);
        if (file->part_fd < 0) {
            return fail_file(files, file->part, errno);
        }
    }
    return EXIT_OK;
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

/* A link is never made over a file that is there, as a rename would be; where the file system knows
 * none (FAT on a stick), the rename must do, and what is there was looked for before. */
static bool
give_name(const struct backup_file *file)
{
    if (link(file->part, file->path) == 0) {
        return unlink(file->part) == 0;
    }
    return (errno == EPERM || errno == EOPNOTSUPP) && rename(file->part, file->path) == 0;
}

/* The keyring first: where there is FILE, there are both. */
enum exit_code
backup_files_finish(struct backup_files *files)
{
    struct backup_file *contents = &files->files[0], *keyring = &files->files[1];
    const struct backup_file *failed = NULL;

    if (!give_name(keyring)) {
        return fail_file(files, keyring->path, errno);
    }
    if (!give_name(contents) || !folder_sync(contents->path)) {
        failed = contents;
    }
    if (failed != NULL) {
        int error = errno;
        (void)unlink(keyring->path);
        if (error != EEXIST) {
            (void)unlink(contents->path);
        }
        return fail_file(files, failed->path, error);
    }
    return EXIT_OK;
}

void
backup_files_discard(struct backup_files *files)
{
    for (size_t i = 0; i < BACKUP_FILES; i++) {
        struct backup_file *file = &files->files[i];

        if (file->part_fd >= 0) {
            (void)close(file->part_fd);
            file->part_fd = -1;
        }
        (void)unlink(file->part);
    }
}

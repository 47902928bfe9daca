/* SPDX-License-Identifier: Apache-2.0 */
#include "store_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void
must(int holds, const char *what)
{
    if (!holds) {
        perror(what);
        abort();
    }
}

void
folder_make(struct folder *folder)
{
    const char *parent = getenv("TMPDIR");

    (void)snprintf(folder->path, sizeof folder->path, "%s/vault-test-XXXXXX",
                   parent == NULL ? "/tmp" : parent);
    must(mkdtemp(folder->path) != NULL, "mkdtemp");
}

static int
remove_one(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about;
    (void)type;
    (void)where;
    return remove(path);
}

void
folder_remove(const struct folder *folder)
{
    must(nftw(folder->path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, "nftw");
}

void
folder_file(const struct folder *folder, const char *name, char ret_path[static FOLDER_PATH_BYTES])
{
    int size = snprintf(ret_path, FOLDER_PATH_BYTES, "%s/%s", folder->path, name);

    must(size > 0 && size < FOLDER_PATH_BYTES, "path");
}

void
folder_copy(const struct folder *from, struct folder *to)
{
    DIR *listing = opendir(from->path);
    const struct dirent *file;

    must(listing != NULL, "opendir");
    folder_make(to);
    while ((file = readdir(listing)) != NULL) {
        char path[FOLDER_PATH_BYTES];
        size_t size;
        uint8_t *data;

        if (file->d_name[0] == '.') {
            continue;
        }
        folder_file(from, file->d_name, path);
        data = file_load(path, &size);
        folder_file(to, file->d_name, path);
        file_write_at(path, 0, data, size);
        free(data);
    }
    (void)closedir(listing);
}

uint8_t *
file_load(const char *path, size_t *ret_size)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *data;

    must(fd >= 0 && fstat(fd, &about) == 0, path);
    data = malloc((size_t)about.st_size + 1);
    must(data != NULL, "malloc");
    must(pread(fd, data, (size_t)about.st_size, 0) == about.st_size, "pread");
    (void)close(fd);
    *ret_size = (size_t)about.st_size;
    return data;
}

void
file_write_at(const char *path, size_t offset, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    must(fd >= 0, path);
    must(pwrite(fd, data, size, (off_t)offset) == (ssize_t)size, "pwrite");
    (void)close(fd);
}

int
run_role(const char *role, const char *path, const char *failpoints)
{
    int result = 0;
    pid_t child;

    (void)fflush(NULL);
    child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        (void)setenv("CONTACT_VAULT_FAILPOINTS", failpoints, 1);
        (void)execl("/proc/self/exe", "role", role, path, (char *)NULL);
        _exit(127);
    }
    must(waitpid(child, &result, 0) == child, "waitpid");
    return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void
must(bool held, const char *what)
{
    if (!held) {
        perror(what);
        abort();
    }
}

void
folder_make(char ret_path[static FOLDER_PATH_BYTES])
{
    const char *parent = getenv("TMPDIR");

    (void)snprintf(ret_path, FOLDER_PATH_BYTES, "%s/cv_test.XXXXXX",
                   parent == NULL ? "/tmp" : parent);
    must(mkdtemp(ret_path) != NULL, "mkdtemp");
}

static int
remove_one(const char *path, const struct stat *about, int type, struct FTW *at)
{
    (void)about;
    (void)type;
    (void)at;
    return remove(path);
}

void
folder_remove(const char *path)
{
    must(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0, path);
}

void
folder_copy(const char *from, const char *to)
{
    int status = 0;
    pid_t child = fork();

    must(child >= 0, "fork");
    if (child == 0) {
        (void)execlp("cp", "cp", "-a", "--sparse=always", from, to, (char *)NULL);
        _exit(127);
    }
    must(waitpid(child, &status, 0) == child && status == 0, "cp");
}

void
folder_join(const char *folder, const char *name, char ret_path[static FOLDER_PATH_BYTES])
{
    int size = snprintf(ret_path, FOLDER_PATH_BYTES, "%s/%s", folder, name);

    must(size > 0 && size < FOLDER_PATH_BYTES, name);
}

uint8_t *
folder_read(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    struct stat about;
    uint8_t *data;

    must(file != NULL && fstat(fileno(file), &about) == 0, path);
    data = malloc((size_t)about.st_size + 1);
    must(data != NULL, "malloc");
    must(fread(data, 1, (size_t)about.st_size, file) == (size_t)about.st_size, path);
    (void)fclose(file);
    *ret_size = (size_t)about.st_size;
    return data;
}

void
folder_write(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");

    must(file != NULL && fwrite(data, 1, size, file) == size && fclose(file) == 0, path);
}

bool
folder_has(const char *path)
{
    return access(path, F_OK) == 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "store_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "store_folder.h"

enum { CHUNK_BYTES = 64 * 1024, TEXT_BYTES = 64 };

static bool
write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t written = fd < 0 ? -1 : write(fd, text, strlen(text));

    if (fd >= 0) {
        (void)close(fd);
    }
    return written == (ssize_t)strlen(text);
}

/* Files may be made only under ids that the namespace knows. */
static bool
map_id(const char *path, unsigned id)
{
    char map[TEXT_BYTES];

    (void)snprintf(map, sizeof map, "0 %u 1", id);
    return write_text(path, map);
}

/* Root of a user namespace is who may mount in it. */
static bool
enter_namespace(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();

    if (uid == 0 && unshare(CLONE_NEWNS) == 0) {
        return true;
    }
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && map_id("/proc/self/uid_map", uid) &&
           write_text("/proc/self/setgroups", "deny") && map_id("/proc/self/gid_map", gid);
}

bool
disk_mount(const char *folder, size_t bytes)
{
    char options[TEXT_BYTES];

    (void)snprintf(options, sizeof options, "size=%zu", bytes);
    return enter_namespace() && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", folder, "tmpfs", 0, options) == 0;
}

static void
ballast_path(const char *folder, char ret_path[static FOLDER_PATH_BYTES])
{
    struct folder where;

    (void)snprintf(where.path, sizeof where.path, "%s", folder);
    folder_file(&where, "ballast", ret_path);
}

void
disk_fill(const char *folder)
{
    static const uint8_t zeros[CHUNK_BYTES];
    char path[FOLDER_PATH_BYTES];
    size_t size = sizeof zeros;
    int fd;

    ballast_path(folder, path);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        abort();
    }
    while (size > 0) {
        ssize_t written = write(fd, zeros, size);

        if (written <= 0) {
            size /= 2; /* to the last byte */
        }
    }
    (void)close(fd);
}

void
disk_empty(const char *folder)
{
    char path[FOLDER_PATH_BYTES];

    ballast_path(folder, path);
    if (unlink(path) != 0) {
        abort();
    }
}

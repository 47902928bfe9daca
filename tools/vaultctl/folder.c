/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FOLDER_PATH_BYTES = 4096 };

bool
folder_sync(const char *path_in_it)
{
    char folder[FOLDER_PATH_BYTES];
    const char *slash = strrchr(path_in_it, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - path_in_it) + 1;

    (void)snprintf(folder, sizeof folder, "%.*s", (int)size, path_in_it);
    int folder_fd = open(size == 0 ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0) {
        return false;
    }
    bool good = fsync(folder_fd) == 0;
    int error = errno;
    close(folder_fd);
    errno = error;
    return good;
}

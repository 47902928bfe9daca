/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UID_OVERFLOW = 65534, NAME_BYTES = 256 };

/* May it stand on the way? Root's, or that of the one owner, who is found on the way. */
static bool
is_fine(int folder, struct place *place)
{
    struct stat info;

    if (fstat(folder, &info) != 0 || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return false;
    }
    if (info.st_uid == 0 || (place->has_owner && info.st_uid == place->owner)) {
        return true;
    }
    /* What the kernel says of every user it cannot map is no one owner. */
    if (place->has_owner || info.st_uid == UID_OVERFLOW) {
        return false;
    }
    place->has_owner = true;
    place->owner = (uint32_t)info.st_uid;
    return true;
}

/* The next name of the path, and the rest of it. False: there is none, or it is no name. */
static bool
next_name(const char **rest, char ret_name[static NAME_BYTES])
{
    const char *start = *rest + strspn(*rest, "/");
    size_t size = strcspn(start, "/");

    if (size == 0 || size >= NAME_BYTES) {
        return false;
    }
    memcpy(ret_name, start, size);
    ret_name[size] = 0;
    *rest = start + size;
    return strcmp(ret_name, "..") != 0;
}

enum place_verdict
place_look(const char *path, struct place *ret_place)
{
    /* A link on the way is no folder: it is not followed. */
    const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int folder = open("/", flags);
    enum place_verdict verdict = PLACE_FOREIGN;
    char name[NAME_BYTES];

    *ret_place = (struct place){0};
    while (folder >= 0 && is_fine(folder, ret_place)) {
        if (path[strspn(path, "/")] == 0) {
            verdict = PLACE_TRUSTED;
            break;
        }
        if (!next_name(&path, name)) {
            break;
        }
        int below = openat(folder, name, flags);
        int error = errno;
        close(folder);
        folder = below;
        if (below < 0 && error == ENOENT) {
            return PLACE_ABSENT;
        }
    }
    if (folder >= 0) {
        close(folder);
    }
    return verdict;
}

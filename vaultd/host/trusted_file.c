/* SPDX-License-Identifier: Apache-2.0 */
#include "trusted_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_ours_alone(const struct stat *info)
{
    const bool others_write = (info->st_mode & (S_IWGRP | S_IWOTH)) != 0;
    const bool sticky =
        S_ISDIR(info->st_mode) && (info->st_mode & S_ISVTX) != 0 && info->st_uid == 0;

    return (info->st_uid == 0 || info->st_uid == geteuid()) && (!others_write || sticky);
}

/* NULL: this place on the way is fine; the last one is the file. */
static const char *
place_fault(const char *place, bool is_last)
{
    struct stat info;

    if (lstat(place, &info) != 0) {
        return errno == ENOENT ? "is not there" : "cannot be looked at";
    }
    if (S_ISLNK(info.st_mode)) {
        return "is a link: name the place it leads to";
    }
    if (is_last ? !S_ISREG(info.st_mode) : !S_ISDIR(info.st_mode)) {
        return is_last ? "is no file" : "is no folder";
    }
    if (!is_ours_alone(&info)) {
        return "could be replaced by somebody else: root's it has to be, or the user's this runs "
               "as, and writable to nobody else";
    }
    return is_last && faccessat(AT_FDCWD, place, X_OK, AT_EACCESS) != 0
               ? "may not be executed by the user this runs as"
               : NULL;
}

const char *
trusted_file_fault(const char *path, char *room, size_t size)
{
    char place[PATH_MAX];
    size_t length = strnlen(path, sizeof place);
    const char *why = NULL;

    if (path[0] != '/' || length == sizeof place) {
        return "a path from the root on is needed";
    }
    /* Each place on the way: "/", "/usr", "/usr/local", ... */
    for (size_t at = 1; why == NULL && at <= length; at++) {
        if (at > 1 && path[at] != '/' && path[at] != '\0') {
            continue;
        }
        memcpy(place, path, at);
        place[at] = '\0';
        why = place_fault(place, at == length);
    }
    if (why != NULL) {
        (void)snprintf(room, size, "%s %s", place, why);
        return room;
    }
    return NULL;
}

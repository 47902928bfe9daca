/* SPDX-License-Identifier: Apache-2.0 */
#include "datadir_building.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datadir_internal.h"
#include "failpoint.h"

#define BUILDING "restoring"

enum { PUBLIC_MODE = 0644, FAILPOINT_EXIT = 70, LEVELS_MAX = 2 };

struct datadir_building {
    struct datadir_paths final;
    int root;
    int lock;
    bool made_root;
    bool committed;
};

/* ---- removing ---- */

/* Files, and folders of files: as deep as a data directory goes. */
static bool
remove_all(int parent, const char *name, int levels)
{
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *listing = folder < 0 ? NULL : fdopendir(folder);
    const struct dirent *entry;
    bool removed = true;

    if (listing == NULL) {
        if (folder >= 0) {
            (void)close(folder);
        }
        return errno == ENOENT;
    }
    while (removed && (entry = readdir(listing)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        removed = unlinkat(folder, entry->d_name, 0) == 0 ||
                  (errno == EISDIR && levels > 1 && remove_all(folder, entry->d_name, levels - 1));
    }
    (void)closedir(listing);
    return removed && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

/* What a restore puts beside it, and only where it has left its building too. */
static bool
remove_leftover(int root)
{
    static const char *const beside[] = {"audit.pub"};

    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        if (unlinkat(root, beside[i], 0) != 0 && errno != ENOENT) {
            return false;
        }
    }
    if (unlinkat(root, "run", AT_REMOVEDIR) != 0 && errno != ENOENT) {
        return false;
    }
    return remove_all(root, BUILDING, LEVELS_MAX) && fsync(root) == 0;
}

/* ---- beginning ---- */

static enum status
open_root(struct datadir_building *building, struct datadir_fault *ret_fault)
{
    const char *path = building->final.root;

    building->made_root = mkdir(path, DATADIR_DATA_MODE) == 0;
    if (!building->made_root && errno != EEXIST) {
        return errno == ENOENT ? datadir_fault(ret_fault, STATUS_NOT_FOUND,
                                               "%s cannot be made: the folder it shall stand in "
                                               "is not there",
                                               path)
                               : datadir_fault_of_disk(ret_fault, "make", path);
    }
    building->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return building->root >= 0 ? STATUS_OK : datadir_fault_of_disk(ret_fault, "open", path);
}

/* The lock lies in the building: whoever finds one without its owner may clear it away. */
static enum status
take_lock(struct datadir_building *building, struct datadir_fault *ret_fault)
{
    building->lock = openat(building->root, BUILDING "/lock",
                            O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, DATADIR_FILE_MODE);
    if (building->lock < 0) {
        return datadir_fault_of_disk(ret_fault, "lock", building->final.root);
    }
    if (flock(building->lock, LOCK_EX | LOCK_NB) == 0) {
        return STATUS_OK;
    }
    return datadir_fault(ret_fault, STATUS_CONFLICT, "another restore is at work in %s",
                         building->final.root);
}

static enum status
clear_leftover(struct datadir_building *building, struct datadir_fault *ret_fault)
{
    enum status status;

    if (faccessat(building->root, "data", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return datadir_fault(ret_fault, STATUS_CONFLICT,
                             "%s holds a vault already: name a new folder or an empty one",
                             building->final.root);
    }
    if (faccessat(building->root, BUILDING, F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
        return STATUS_OK;
    }
    status = take_lock(building, ret_fault);
    if (status == STATUS_OK && !remove_leftover(building->root)) {
        status = datadir_fault_of_disk(ret_fault, "remove what a restore has left in",
                                       building->final.root);
    }
    if (building->lock >= 0) {
        (void)close(building->lock);
        building->lock = -1;
    }
    return status;
}

static bool
make_folder(int root, const char *name)
{
    return mkdirat(root, name, DATADIR_DATA_MODE) == 0 &&
           fchmodat(root, name, DATADIR_DATA_MODE, 0) == 0;
}

static enum status
make_building(struct datadir_building *building, struct datadir_fault *ret_fault)
{
    if (fchmod(building->root, DATADIR_ROOT_MODE) != 0 || !make_folder(building->root, BUILDING)) {
        return datadir_fault_of_disk(ret_fault, "make folders in", building->final.root);
    }
    enum status status = take_lock(building, ret_fault);

    if (status == STATUS_OK && (!make_folder(building->root, BUILDING "/store") ||
                                !make_folder(building->root, BUILDING "/audit"))) {
        status = datadir_fault_of_disk(ret_fault, "make folders in", building->final.root);
    }
    return status;
}

static bool
locate(const char *root, struct datadir_paths *paths)
{
    const struct {
        char *path;
        const char *rest;
    } parts[] = {{paths->data, ""},
                 {paths->store, "/store"},
                 {paths->keyring, "/keyring"},
                 {paths->audit, "/audit"}};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int size =
            snprintf(parts[i].path, DATADIR_PATH_BYTES, "%s/" BUILDING "%s", root, parts[i].rest);

        if (size < 0 || size >= DATADIR_PATH_BYTES) {
            return false;
        }
    }
    return true;
}

static enum status
begin(struct datadir_building *building, struct datadir_fault *ret_fault)
{
    enum status status = datadir_check_sockets(&building->final, ret_fault);
    struct stat info;

    if (status == STATUS_OK) {
        status = open_root(building, ret_fault);
    }
    if (status == STATUS_OK && fstat(building->root, &info) != 0) {
        status = datadir_fault_of_disk(ret_fault, "examine", building->final.root);
    }
    if (status == STATUS_OK) {
        status = datadir_check_owner(&info, building->final.root, ret_fault);
    }
    if (status == STATUS_OK) {
        status = clear_leftover(building, ret_fault);
    }
    if (status == STATUS_OK) {
        status = datadir_check_empty(building->root, building->final.root, ret_fault);
    }
    return status == STATUS_OK ? make_building(building, ret_fault) : status;
}

enum status
datadir_building_begin(const char *root, struct datadir_paths *ret_paths,
                       struct datadir_fault *ret_fault, struct datadir_building **ret_building)
{
    struct datadir_building *building = calloc(1, sizeof *building);
    mode_t umask_before = umask(0777 & ~DATADIR_DATA_MODE);
    enum status status;

    *ret_fault = (struct datadir_fault){0};
    if (building == NULL) {
        (void)umask(umask_before);
        return datadir_fault(ret_fault, STATUS_INTERNAL, "out of memory");
    }
    building->root = building->lock = -1;
    status = datadir_locate(root, &building->final, ret_fault);
    *ret_paths = building->final;
    if (status == STATUS_OK && !locate(building->final.root, ret_paths)) {
        status = datadir_fault(ret_fault, STATUS_TOO_LARGE, "the directory's name is too long");
    }
    if (status == STATUS_OK) {
        status = begin(building, ret_fault);
    }
    (void)umask(umask_before);
    if (status == STATUS_OK) {
        *ret_building = building;
        return status;
    }
    datadir_building_end(&building);
    return status;
}

/* ---- ending ---- */

enum status
datadir_building_write(struct datadir_building *building, const char *name, const char *text,
                       struct datadir_fault *ret_fault)
{
    int file = openat(building->root, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                      DATADIR_FILE_MODE);
    bool written = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text) &&
                   fchmod(file, PUBLIC_MODE) == 0 && fsync(file) == 0;

    if (file >= 0) {
        (void)close(file);
    }
    return written ? STATUS_OK : datadir_fault_of_disk(ret_fault, "write to", building->final.root);
}

enum status
datadir_building_commit(struct datadir_building *building, struct datadir_fault *ret_fault)
{
    int root = building->root;
    int data = openat(root, BUILDING, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool done = data >= 0 && syncfs(root) == 0 && datadir_write_version(data, "version") &&
                syncfs(root) == 0;

    if (data >= 0) {
        (void)close(data);
    }
    if (FAILPOINT("restore_before_rename")) {
        _exit(FAILPOINT_EXIT);
    }
    done = done && renameat(root, BUILDING, root, "data") == 0;
    building->committed = done;
    if (FAILPOINT("restore_renamed")) {
        _exit(FAILPOINT_EXIT);
    }
    if (!done || fsync(root) != 0) {
        return datadir_fault_of_disk(ret_fault, "make the vault in", building->final.root);
    }
    return STATUS_OK;
}

void
datadir_building_end(struct datadir_building **building)
{
    struct datadir_building *old = *building;

    if (old == NULL) {
        return;
    }
    /* Without the lock there is nothing of ours. */
    if (!old->committed && old->lock >= 0) {
        (void)remove_leftover(old->root);
    }
    if (old->lock >= 0) {
        (void)close(old->lock);
    }
    if (old->root >= 0) {
        (void)close(old->root);
    }
    if (old->made_root && !old->committed) {
        (void)rmdir(old->final.root); /* empty, or somebody has put something there */
    }
    free(old);
    *building = NULL;
}

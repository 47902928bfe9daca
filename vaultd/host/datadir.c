/* SPDX-License-Identifier: Apache-2.0 */
#include "datadir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datadir_internal.h"

enum {
    RUN_MODE = 0755,
    OTHERS_WRITE = S_IWGRP | S_IWOTH,
    DATA_VERSION = 5, /* 4 had persons without sessions; 2 keys that never changed; 1 no budgets */
    VERSION_DIGITS_MAX = 9,
    VERSION_FILE_BYTES = 64, /* more than a version file ever has */
};

static const char version_file[] = "version";
static const char lock_file[] = "lock";
static const char version_prefix[] = "contact-vault data ";
static const char version_line[] = "contact-vault data 5\n";

struct datadir {
    int lock;
};

enum status
datadir_fault(struct datadir_fault *ret_fault, enum status status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(ret_fault->text, sizeof ret_fault->text, format, arguments);
    va_end(arguments);
    return status;
}

enum status
datadir_fault_of_disk(struct datadir_fault *ret_fault, const char *act, const char *path)
{
    const char *cause = strerrordesc_np(errno);

    return datadir_fault(ret_fault, STATUS_UNAVAILABLE, "cannot %s %s: %s", act, path,
                         cause != NULL ? cause : "unknown error");
}

static bool
join(char ret_path[static DATADIR_PATH_BYTES], const char *root, const char *rest)
{
    int size = snprintf(ret_path, DATADIR_PATH_BYTES, "%s%s", root, rest);

    return size >= 0 && size < DATADIR_PATH_BYTES;
}

enum status
datadir_locate(const char *root, struct datadir_paths *ret_paths, struct datadir_fault *ret_fault)
{
    *ret_paths = (struct datadir_paths){0};
    *ret_fault = (struct datadir_fault){0};
    if (root[0] == '\0') {
        return datadir_fault(ret_fault, STATUS_INVALID, "the data directory's name is empty");
    }
    if (join(ret_paths->root, root, "") && join(ret_paths->data, root, "/data") &&
        join(ret_paths->run, root, "/run") && join(ret_paths->store, root, "/data/store") &&
        join(ret_paths->keyring, root, "/data/keyring") &&
        join(ret_paths->audit, root, "/data/audit") &&
        join(ret_paths->vault_socket, root, "/run/vault.sock") &&
        join(ret_paths->admin_socket, root, "/run/admin.sock")) {
        return STATUS_OK;
    }
    *ret_paths = (struct datadir_paths){0};
    return datadir_fault(ret_fault, STATUS_TOO_LARGE,
                         "the data directory's name is too long: its files would pass %d bytes",
                         DATADIR_PATH_BYTES - 1);
}

enum status
datadir_check_sockets(const struct datadir_paths *paths, struct datadir_fault *ret_fault)
{
    const char *sockets[] = {paths->vault_socket, paths->admin_socket};

    for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++) {
        size_t size = strlen(sockets[i]);

        if (size > DATADIR_SOCKET_BYTES_MAX) {
            return datadir_fault(
                ret_fault, STATUS_TOO_LARGE,
                "%s has %zu bytes, and the path of a Unix socket at most %d: choose a "
                "data directory with a shorter name, or name the socket in the "
                "configuration",
                sockets[i], size, DATADIR_SOCKET_BYTES_MAX);
        }
    }
    return STATUS_OK;
}

enum status
datadir_check_owner(const struct stat *info, const char *path, struct datadir_fault *ret_fault)
{
    if (info->st_uid != geteuid()) {
        return datadir_fault(ret_fault, STATUS_DENIED,
                             "%s belongs to user id %u, and this runs as %u: run it as its owner",
                             path, (unsigned)info->st_uid, (unsigned)geteuid());
    }
    return STATUS_OK;
}

/* ---- create ---- */

enum status
datadir_check_empty(int root, const char *path, struct datadir_fault *ret_fault)
{
    int copy = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;
    enum status status = STATUS_OK;

    if (folder == NULL) {
        status = datadir_fault_of_disk(ret_fault, "read", path);
        if (copy >= 0) {
            (void)close(copy);
        }
        return status;
    }
    while (status == STATUS_OK && (entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            strcmp(entry->d_name, "lost+found") != 0) {
            status = datadir_fault(ret_fault, STATUS_CONFLICT,
                                   "%s is not empty: name a new folder or an empty one", path);
        }
    }
    (void)closedir(folder);
    return status;
}

/* The root as a descriptor: made, or found there, ours and unused. */
static enum status
make_root(const struct datadir_paths *paths, struct datadir_fault *ret_fault, int *ret_root)
{
    enum status status;
    struct stat info;
    int root;

    if (mkdir(paths->root, DATADIR_DATA_MODE) != 0 && errno != EEXIST) {
        return errno == ENOENT
                   ? datadir_fault(ret_fault, STATUS_NOT_FOUND,
                                   "%s cannot be made: the folder it shall stand in is not "
                                   "there",
                                   paths->root)
                   : datadir_fault_of_disk(ret_fault, "make", paths->root);
    }
    root = open(paths->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || fstat(root, &info) != 0) {
        status = datadir_fault_of_disk(ret_fault, "open", paths->root);
        goto out;
    }
    status = datadir_check_owner(&info, paths->root, ret_fault);
    if (status != STATUS_OK) {
        goto out;
    }
    if (faccessat(root, "data/version", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        status = datadir_fault(ret_fault, STATUS_CONFLICT, "%s holds a vault already", paths->root);
        goto out;
    }
    status = datadir_check_empty(root, paths->root, ret_fault);
    if (status == STATUS_OK) {
        *ret_root = root;
        root = -1;
    }
out:
    if (root >= 0) {
        (void)close(root);
    }
    return status;
}

/* chmod, because mkdir's mode passes through the umask. */
static bool
make_folder(int root, const char *name, mode_t mode)
{
    return mkdirat(root, name, DATADIR_DATA_MODE) == 0 && fchmodat(root, name, mode, 0) == 0;
}

bool
datadir_write_version(int folder, const char *name)
{
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                      DATADIR_FILE_MODE);
    size_t size = sizeof version_line - 1;
    bool written;

    if (file < 0) {
        return false;
    }
    written = fchmod(file, DATADIR_FILE_MODE) == 0 &&
              write(file, version_line, size) == (ssize_t)size && fsync(file) == 0;
    (void)close(file);
    return written;
}

enum status
datadir_create(const struct datadir_paths *paths, struct datadir_fault *ret_fault)
{
    /* The strictest umask would shut us out of what we make; the modes are set one by one. */
    mode_t umask_before = umask(0777 & ~DATADIR_DATA_MODE);
    enum status status;
    int root = -1;

    *ret_fault = (struct datadir_fault){0};
    if ((status = datadir_check_sockets(paths, ret_fault)) != STATUS_OK ||
        (status = make_root(paths, ret_fault, &root)) != STATUS_OK) {
        goto out;
    }
    /* The root's mode comes first: from then on nobody else can put anything under these names. */
    if (fchmod(root, DATADIR_ROOT_MODE) != 0 || !make_folder(root, "data", DATADIR_DATA_MODE) ||
        !make_folder(root, "data/store", DATADIR_DATA_MODE) ||
        !make_folder(root, "data/audit", DATADIR_DATA_MODE) ||
        !make_folder(root, "run", RUN_MODE) || syncfs(root) != 0 ||
        !datadir_write_version(root, "data/version") || syncfs(root) != 0) {
        status = datadir_fault_of_disk(ret_fault, "make the folders of", paths->root);
    }
out:
    if (root >= 0) {
        (void)close(root);
    }
    (void)umask(umask_before);
    return status;
}

/* ---- open ---- */

/* The number in "contact-vault data N\n", or -1 where `text` is nothing of the kind. */
static long
version_number(const char *text)
{
    size_t prefix = sizeof version_prefix - 1;
    size_t digits;

    if (strncmp(text, version_prefix, prefix) != 0) {
        return -1;
    }
    digits = strspn(text + prefix, "0123456789");
    if (digits == 0 || digits > VERSION_DIGITS_MAX || strcmp(text + prefix + digits, "\n") != 0) {
        return -1;
    }
    return strtol(text + prefix, NULL, 10);
}

static enum status
check_version(int data, const struct datadir_paths *paths, struct datadir_fault *ret_fault)
{
    char text[VERSION_FILE_BYTES + 1] = {0};
    /* O_NONBLOCK: a FIFO by that name must not hold the start up. */
    int file = openat(data, version_file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t size;
    long version;

    if (file < 0 && errno == ENOENT) {
        return datadir_fault(ret_fault, STATUS_NOT_FOUND,
                             "%s holds no vault: make one with vaultctl init --data %s",
                             paths->root, paths->root);
    }
    size = file < 0 ? -1 : read(file, text, VERSION_FILE_BYTES);
    if (size < 0) {
        enum status status =
            datadir_fault_of_disk(ret_fault, "read the version file in", paths->data);

        if (file >= 0) {
            (void)close(file);
        }
        return status;
    }
    (void)close(file);
    version = strlen(text) == (size_t)size ? version_number(text) : -1;
    if (version < 0) {
        return datadir_fault(ret_fault, STATUS_CORRUPT, "%s/%s is not the version file of a vault",
                             paths->data, version_file);
    }
    if (version != DATA_VERSION) {
        return datadir_fault(
            ret_fault, STATUS_INVALID,
            "%s is of data version %ld, and this vaultd works with version %d: run the "
            "vaultd that belongs to it",
            paths->root, version, DATA_VERSION);
    }
    return STATUS_OK;
}

static enum status
check_guarded(int folder, const char *path, struct datadir_fault *ret_fault)
{
    enum status status;
    struct stat info;

    if (fstat(folder, &info) != 0) {
        return datadir_fault_of_disk(ret_fault, "examine", path);
    }
    status = datadir_check_owner(&info, path, ret_fault);
    if (status == STATUS_OK && (info.st_mode & OTHERS_WRITE) != 0) {
        return datadir_fault(
            ret_fault, STATUS_DENIED,
            "group or others may write to %s: run chmod go-w on it, and find out who did", path);
    }
    return status;
}

static enum status
open_root(const struct datadir_paths *paths, struct datadir_fault *ret_fault, int *ret_root)
{
    *ret_root = open(paths->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret_root >= 0) {
        return STATUS_OK;
    }
    return errno == ENOENT || errno == ENOTDIR
               ? datadir_fault(ret_fault, STATUS_NOT_FOUND,
                               "there is no folder %s: make a vault with vaultctl init --data %s",
                               paths->root, paths->root)
               : datadir_fault_of_disk(ret_fault, "open", paths->root);
}

static enum status
open_data(int root, const struct datadir_paths *paths, struct datadir_fault *ret_fault,
          int *ret_data)
{
    enum status status = STATUS_OK;
    struct stat info;

    *ret_data = openat(root, "data", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*ret_data >= 0) {
        return STATUS_OK;
    }
    if (errno == ENOENT) {
        return datadir_fault(ret_fault, STATUS_NOT_FOUND,
                             "%s holds no vault: make one with vaultctl init --data %s",
                             paths->root, paths->root);
    }
    if (errno == EACCES && fstatat(root, "data", &info, AT_SYMLINK_NOFOLLOW) == 0) {
        status = datadir_check_owner(&info, paths->data, ret_fault);
    }
    return status != STATUS_OK ? status : datadir_fault_of_disk(ret_fault, "open", paths->data);
}

/* The run folder holds nothing that lasts (a copy or a cleaned disk may lack it): made if absent.
 */
static enum status
check_run(int root, const struct datadir_paths *paths, struct datadir_fault *ret_fault)
{
    enum status status;
    int run;

    if (!make_folder(root, "run", RUN_MODE) && errno != EEXIST) {
        return datadir_fault_of_disk(ret_fault, "make", paths->run);
    }
    run = openat(root, "run", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (run < 0) {
        return datadir_fault_of_disk(ret_fault, "open", paths->run);
    }
    status = check_guarded(run, paths->run, ret_fault);
    (void)close(run);
    return status;
}

static enum status
take_lock(int data, const struct datadir_paths *paths, struct datadir_fault *ret_fault,
          struct datadir *datadir)
{
    datadir->lock = openat(data, lock_file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                           (mode_t)DATADIR_FILE_MODE);
    if (datadir->lock < 0 || fchmod(datadir->lock, DATADIR_FILE_MODE) != 0) {
        return datadir_fault_of_disk(ret_fault, "open the lock file in", paths->data);
    }
    if (flock(datadir->lock, LOCK_EX | LOCK_NB) == 0) {
        return STATUS_OK;
    }
    return errno == EWOULDBLOCK
               ? datadir_fault(ret_fault, STATUS_CONFLICT,
                               "another vaultd has the data directory %s", paths->root)
               : datadir_fault_of_disk(ret_fault, "lock", paths->data);
}

enum status
datadir_open(const struct datadir_paths *paths, struct datadir_fault *ret_fault,
             struct datadir **ret_datadir)
{
    struct datadir *datadir = NULL;
    enum status status;
    int root = -1;
    int data = -1;

    *ret_fault = (struct datadir_fault){0};
    if ((status = open_root(paths, ret_fault, &root)) != STATUS_OK ||
        (status = open_data(root, paths, ret_fault, &data)) != STATUS_OK ||
        (status = check_version(data, paths, ret_fault)) != STATUS_OK ||
        (status = datadir_check_sockets(paths, ret_fault)) != STATUS_OK ||
        (status = check_guarded(root, paths->root, ret_fault)) != STATUS_OK ||
        (status = check_guarded(data, paths->data, ret_fault)) != STATUS_OK ||
        (status = check_run(root, paths, ret_fault)) != STATUS_OK) {
        goto out;
    }
    datadir = malloc(sizeof *datadir);
    if (datadir == NULL) {
        status = datadir_fault(ret_fault, STATUS_INTERNAL, "out of memory");
        goto out;
    }
    status = take_lock(data, paths, ret_fault, datadir);
    if (status == STATUS_OK) {
        *ret_datadir = datadir;
        datadir = NULL;
    }
out:
    datadir_close(&datadir);
    if (data >= 0) {
        (void)close(data);
    }
    if (root >= 0) {
        (void)close(root);
    }
    return status;
}

void
datadir_close(struct datadir **datadir)
{
    if (*datadir != NULL) {
        if ((*datadir)->lock >= 0) {
            (void)close((*datadir)->lock);
        }
        free(*datadir);
        *datadir = NULL;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What no row of the table can say by itself: values beside each other, and beside the machine. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_internal.h"
#include "trusted_file.h"

enum {
    SOCKET_PATH_BYTES_MAX = 107, /* unix(7): sun_path less its NUL */
    GROUPS_MAX = 1024,
    GROUP_BUFFER_BYTES = 65536,
    WHY_BYTES = 512,
};

struct check {
    struct config *config;
    struct config_listener listener;
};

static void
fault(struct check *check, const void *member, const char *why)
{
    config_fault(&check->listener, check->config, member, why);
}

/* ---- numbers ---- */

static void
check_budget(struct check *check, const uint32_t *daily, const uint32_t *hourly)
{
    if (*daily != 0 && *hourly > *daily) {
        fault(check, hourly, "more in an hour than in a day; at most the daily figure, or 0");
    }
}

static void
check_numbers(struct check *check)
{
    const struct config_budgets *budgets = &check->config->budgets;
    const struct config_limits *limits = &check->config->limits;

    check_budget(check, &budgets->service_daily, &budgets->service_hourly);
    check_budget(check, &budgets->lookup_daily, &budgets->lookup_hourly);
    check_budget(check, &budgets->reveal_daily, &budgets->reveal_hourly);
    check_budget(check, &budgets->deliver_daily, &budgets->deliver_hourly);
    if (limits->strangers_per_uid > limits->strangers) {
        fault(check, &limits->strangers_per_uid, "at most as many as limits.strangers");
    }
    if (limits->handshake_s > limits->stranger_s) {
        fault(check, &limits->handshake_s, "at most as long as limits.stranger_s");
    }
}

/* ---- groups ---- */

static bool
is_member(gid_t gid)
{
    gid_t groups[GROUPS_MAX];
    int count = getgroups(GROUPS_MAX, groups);

    if (geteuid() == 0 || gid == getegid()) {
        return true;
    }
    for (int i = 0; i < count; i++) {
        if (groups[i] == gid) {
            return true;
        }
    }
    return false;
}

static bool
find_group(const char *name, gid_t *ret_gid)
{
    static char buffer[GROUP_BUFFER_BYTES];
    struct group entry;
    struct group *found = NULL;
    char *end = NULL;
    unsigned long number;

    if (getgrnam_r(name, &entry, buffer, sizeof buffer, &found) == 0 && found != NULL) {
        *ret_gid = found->gr_gid;
        return true;
    }
    errno = 0;
    number = strtoul(name, &end, 10);
    if (errno != 0 || *end != '\0' || name[0] < '0' || name[0] > '9' || number >= UINT32_MAX) {
        return false;
    }
    *ret_gid = (gid_t)number;
    return true;
}

static void
check_group(struct check *check, struct config_socket *socket)
{
    socket->gid = (gid_t)-1;
    if (socket->group[0] == '\0') {
        return;
    }
    if (!find_group(socket->group, &socket->gid)) {
        fault(check, socket->group, "there is no such group on this machine");
    } else if (!is_member(socket->gid)) {
        fault(check, socket->group,
              "the user this runs as is not in that group, so it cannot give it the socket");
    }
}

/* ---- folders ---- */

/* Does the path lead to that folder or below it? Of what is not there, as it is written. */
static bool
lies_in(const char *path, const char *folder)
{
    char real_path[PATH_MAX];
    char real_folder[PATH_MAX];
    size_t size;

    if (realpath(path, real_path) == NULL) {
        (void)snprintf(real_path, sizeof real_path, "%s", path);
    }
    if (realpath(folder, real_folder) == NULL) {
        (void)snprintf(real_folder, sizeof real_folder, "%s", folder);
    }
    size = strcmp(real_folder, "/") == 0 ? 0 : strlen(real_folder);
    return strncmp(real_path, real_folder, size) == 0 &&
           (real_path[size] == '\0' || real_path[size] == '/');
}

static bool
is_same(const char *path, const char *other)
{
    return lies_in(path, other) && lies_in(other, path);
}

/* DIR/name; false: there is no DIR. */
static bool
join_data(const struct config *config, const char *name, char ret_path[static PATH_MAX])
{
    (void)snprintf(ret_path, PATH_MAX, "%s/%s", config->data, name);
    return config->data[0] != '\0';
}

static bool
lies_in_data(const struct config *config, const char *path)
{
    char data[PATH_MAX];

    return join_data(config, "data", data) && lies_in(path, data);
}

static bool
lies_in_run(const struct config *config, const char *path)
{
    char run[PATH_MAX];

    return join_data(config, "run", run) && lies_in(path, run);
}

/* NULL: we may make files there. */
static const char *
folder_fault(const char *folder, struct stat *ret_info)
{
    if (stat(folder, ret_info) != 0) {
        return errno == ENOENT ? "there is no such folder" : "the folder cannot be looked at";
    }
    if (!S_ISDIR(ret_info->st_mode)) {
        return "it is no folder";
    }
    return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0
               ? NULL
               : "the user this runs as may not write there";
}

static bool
is_socket_of_ours(const struct stat *info)
{
    return S_ISSOCK(info->st_mode) && info->st_uid == geteuid();
}

/* The first entry that may not lie there. NULL: there is none. */
static const struct dirent *
find_stranger(DIR *listing)
{
    const struct dirent *entry;
    struct stat info;

    while ((entry = readdir(listing)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (fstatat(dirfd(listing), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT) {
                continue; /* gone since */
            }
            return entry;
        }
        if (!is_socket_of_ours(&info)) {
            return entry;
        }
    }
    return NULL;
}

/*
 * The sandbox opens the whole of each folder that is named here, with what is in it and beneath it:
 * /run/v.sock would open /run. NULL: nothing is there but what vaultd has put there.
 */
static const char *
own_folder_fault(const char *folder, char ret_why[static WHY_BYTES])
{
    DIR *listing = opendir(folder);
    const struct dirent *stranger;
    const char *why = NULL;

    if (listing == NULL) {
        return "the folder cannot be looked at";
    }
    stranger = find_stranger(listing);
    if (stranger != NULL) {
        (void)snprintf(ret_why, WHY_BYTES,
                       "a folder of its own is needed, with nothing in it but sockets of vaultd's "
                       "user: %s is none",
                       stranger->d_name);
        why = ret_why;
    }
    (void)closedir(listing);
    return why;
}

/* What else lies there is no fault: who may add a file must not keep the vault from starting. */
static const char *
checkpoint_folder_fault(const struct config *config, const char *folder)
{
    struct stat info;
    const char *why = folder_fault(folder, &info);

    if (why != NULL) {
        return why;
    }
    if (lies_in_data(config, folder)) {
        return "checkpoints are kept outside DIR/data: who puts back an older DIR/data must not "
               "put back these";
    }
    if (config->data[0] != '\0' && lies_in(config->data, folder)) {
        return "a folder of its own is needed, and DIR is in this one";
    }
    if (lies_in_run(config, folder)) {
        return "a folder of its own is needed, and DIR/run is for sockets";
    }
    return NULL;
}

static void
check_checkpoint_folder(struct check *check)
{
    const char *folder = check->config->checkpoint_folder;
    const char *why = folder[0] == '\0' ? NULL : checkpoint_folder_fault(check->config, folder);

    if (why != NULL) {
        fault(check, folder, why);
    }
}

/* Whoever may write to a socket's folder may put his own socket in its place. */
static const char *
socket_folder_fault(const struct config *config, const char *folder, char ret_why[static WHY_BYTES])
{
    char run[PATH_MAX];
    struct stat info;
    const char *why;

    if (join_data(config, "run", run) && is_same(folder, run)) {
        return NULL; /* where it is anyway, and looked at with the data directory */
    }
    why = folder_fault(folder, &info);
    if (why != NULL) {
        return why;
    }
    if (lies_in_data(config, folder)) {
        return "DIR/data is shut to callers: name another folder";
    }
    if (info.st_uid != geteuid() && info.st_uid != 0) {
        return "its folder belongs to another user, who could put his own socket there";
    }
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return "group or others may write to its folder, and put their own socket there";
    }
    if (config->checkpoint_folder[0] != '\0' && is_same(folder, config->checkpoint_folder)) {
        return "a folder of its own is needed, and this one is for checkpoints";
    }
    return own_folder_fault(folder, ret_why);
}

static void
check_default_socket(struct check *check, const char *name, const struct config_socket *socket)
{
    char why[WHY_BYTES];
    size_t size = strlen(check->config->data) + strlen("/run/") + strlen(name);

    if (check->config->data[0] != '\0' && size > SOCKET_PATH_BYTES_MAX) {
        (void)snprintf(why, sizeof why,
                       "DIR/run/%s has %zu bytes, and the path of a Unix socket at most %d: name "
                       "a shorter one",
                       name, size, SOCKET_PATH_BYTES_MAX);
        fault(check, socket->path, why);
    }
}

static void
check_socket(struct check *check, const char *name, struct config_socket *socket)
{
    char folder[CONFIG_PATH_BYTES];
    char text[WHY_BYTES];
    const char *why;

    check_group(check, socket);
    if (socket->path[0] == '\0') {
        check_default_socket(check, name, socket);
        return;
    }
    if (socket->path[strlen(socket->path) - 1] == '/') {
        fault(check, socket->path, "the path of a socket, not of a folder");
        return;
    }
    memcpy(folder, socket->path, sizeof folder);
    why = socket_folder_fault(check->config, dirname(folder), text);
    if (why != NULL) {
        fault(check, socket->path, why);
    }
}

/* What it runs is told who did what, and runs as we do. */
static void
check_command(struct check *check)
{
    const char *command = check->config->notify_command;
    char text[WHY_BYTES];
    const char *why = command[0] == '\0' ? NULL : trusted_file_fault(command, text, sizeof text);

    if (why != NULL) {
        fault(check, command, why);
    }
    if (command[0] == '\0' && check->config->notify_arguments[0] != '\0') {
        fault(check, check->config->notify_arguments, "arguments of no command");
    }
}

enum status
config_check(struct config *config, config_say *say, void *state)
{
    struct check check = {.config = config, .listener = {.say = say, .state = state}};

    if (config->data[0] == '\0') {
        fault(&check, config->data, "the vault's directory; here, or with --data DIR");
    }
    check_numbers(&check);
    check_socket(&check, "vault.sock", &config->socket);
    check_socket(&check, "admin.sock", &config->admin_socket);
    if (config->socket.path[0] != '\0' &&
        strcmp(config->socket.path, config->admin_socket.path) == 0) {
        fault(&check, config->admin_socket.path, "the two sockets cannot be one");
    }
    check_checkpoint_folder(&check);
    check_command(&check);
    return check.listener.faults == 0 ? STATUS_OK : STATUS_INVALID;
}

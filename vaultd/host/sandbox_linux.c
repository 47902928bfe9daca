/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>

#include "log.h"
#include "sandbox_internal.h"

/*
 * What each version of Landlock's interface added (Documentation/userspace-api/landlock.rst); the
 * headers we are built with may be older than the kernel we run on.
 */
enum { ABI_REFER = 2, ABI_TRUNCATE = 3, ABI_NETWORK = 4, ABI_IOCTL = 5, ABI_SCOPE = 6 };

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_REFER (UINT64_C(1) << 13)
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define FS_FIRST (FS_REFER - 1) /* all rights of the first version */
#define NET_TCP (UINT64_C(3))   /* bind and connect */
#define SCOPES (UINT64_C(3))    /* abstract Unix sockets and signals, beyond the sandbox */

/* Of the checkpoints nothing goes away: no remove, so no rename either, and no truncate (where the
 * kernel tells that from a write). That a write only appends is up to the folder's owner. */
#define FS_APPEND (FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)
#define FS_DATA                                                                                    \
    (FS_APPEND | LANDLOCK_ACCESS_FS_REMOVE_FILE | FS_TRUNCATE | LANDLOCK_ACCESS_FS_MAKE_DIR |      \
     LANDLOCK_ACCESS_FS_REMOVE_DIR | FS_REFER)
/* A socket is removed as a file is; what else lies there, config_check has looked at. */
#define FS_SOCKETS (LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE)

/* struct landlock_ruleset_attr as it stands today; older kernels take it while the rest is 0. */
struct ruleset_attributes {
    uint64_t handled_fs;
    uint64_t handled_network;
    uint64_t scoped;
};

/*
 * What the libraries open after the start, as strace shows: glibc's malloc when it shrinks a
 * thread's heap, nng when it counts processors, glibc's time functions; and libsodium where there
 * is no getrandom. The names nng would give its threads (/proc/self/task/.../comm) stay refused,
 * which harms nobody: beside them lies the process's memory.
 */
static const char *const readable[] = {
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu/online",
    "/dev/urandom",
    "/etc/localtime",
};

static bool
only_one_thread(void)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *entry;
    int threads = 0;

    if (tasks == NULL) {
        return true; /* no /proc: cannot tell */
    }
    while ((entry = readdir(tasks)) != NULL) {
        threads += entry->d_name[0] != '.';
    }
    (void)closedir(tasks);
    return threads == 1;
}

/* 0 where the kernel has none, or has it switched off. */
static int
landlock_abi(void)
{
    long abi =
        syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);

    return abi < 0 ? 0 : (int)abi;
}

static struct ruleset_attributes
attributes_of(int abi)
{
    return (struct ruleset_attributes){
        .handled_fs = FS_FIRST | (abi >= ABI_REFER ? FS_REFER : 0) |
                      (abi >= ABI_TRUNCATE ? FS_TRUNCATE : 0) |
                      (abi >= ABI_IOCTL ? FS_IOCTL_DEV : 0),
        .handled_network = abi >= ABI_NETWORK ? NET_TCP : 0,
        .scoped = abi >= ABI_SCOPE ? SCOPES : 0,
    };
}

/* ENOENT is left to the caller: of what libraries read, not everything is everywhere. */
static int
allow_beneath(int ruleset, const char *path, uint64_t access)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = access};
    long failed;

    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0) {
        return errno;
    }
    failed = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    failed = failed != 0 ? errno : 0;
    (void)close(rule.parent_fd);
    return (int)failed;
}

static int
allow_libraries(int ruleset)
{
    int failed = 0;

    if (SANDBOX_SANITIZED) {
        /* A sanitizer's report reads the program, its debug information and /proc/self. */
        return allow_beneath(ruleset, "/", FS_READ);
    }
    for (size_t i = 0; i < sizeof readable / sizeof readable[0] && failed == 0; i++) {
        failed = allow_beneath(ruleset, readable[i], LANDLOCK_ACCESS_FS_READ_FILE);
        failed = failed == ENOENT ? 0 : failed;
    }
#ifdef CONTACT_VAULT_COVERAGE
    /* Of that build alone: where it counts which lines were run. */
    failed = failed != 0 ? failed : allow_beneath(ruleset, CONTACT_VAULT_COVERAGE, FS_APPEND);
#endif
    return failed;
}

static int
allow_folders(int ruleset, const struct sandbox_plan *plan, uint64_t handled)
{
    const struct {
        const char *folder;
        uint64_t access;
    } rules[] = {
        {plan->data, FS_DATA},          {plan->run, FS_SOCKETS},
        {plan->sockets[0], FS_SOCKETS}, {plan->sockets[1], FS_SOCKETS},
        {plan->checkpoints, FS_APPEND},
    };
    int failed = 0;

    for (size_t i = 0; i < sizeof rules / sizeof rules[0] && failed == 0; i++) {
        if (rules[i].folder != NULL) {
            failed = allow_beneath(ruleset, rules[i].folder, rules[i].access & handled);
        }
    }
    return failed;
}

/* Gives errno of what failed, or 0. */
static int
restrict_files(const struct sandbox_plan *plan, int abi)
{
    struct ruleset_attributes attributes = attributes_of(abi);
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    int failed;

    if (ruleset < 0) {
        return errno;
    }
    failed = allow_folders(ruleset, plan, attributes.handled_fs);
    if (failed == 0) {
        failed = allow_libraries(ruleset);
    }
    if (failed == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) {
        failed = errno;
    }
    (void)close(ruleset);
    return failed;
}

enum status
sandbox_enter(const struct sandbox_plan *plan)
{
    int abi = landlock_abi();
    bool calls_restricted = false;
    int failed = 0;

    if (!SANDBOX_SANITIZED && !only_one_thread()) {
        LOG(LOG_LEVEL_ERROR, EVENT_SANDBOX, F("one_thread", (bool)false));
        return STATUS_CONFLICT;
    }
    if (abi > 0) {
        failed = restrict_files(plan, abi);
    }
    if (failed == 0) {
        failed = sandbox_restrict_calls(&calls_restricted);
    }
    if (failed != 0) {
        LOG(LOG_LEVEL_ERROR, EVENT_SANDBOX, F("errno", failed), F("landlock_abi", abi),
            F("seccomp", calls_restricted));
        return STATUS_INTERNAL;
    }
    bool complete = abi > 0 && (calls_restricted || SANDBOX_SANITIZED);

    LOG(complete ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING, EVENT_SANDBOX, F("landlock_abi", abi),
        F("seccomp", calls_restricted), F("sanitizer", (bool)SANDBOX_SANITIZED));
    return complete || !plan->required ? STATUS_OK : STATUS_UNAVAILABLE;
}

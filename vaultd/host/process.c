/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <limits.h>

#include "log.h"

enum { LINE_BYTES = 512 };

enum status
process_harden(void)
{
    const struct rlimit none = {0};

    (void)umask(S_IRWXG | S_IRWXO);
    /*
     * Both, because a core_pattern that is a pipe takes no notice of RLIMIT_CORE, and because
     * not being dumpable also shuts /proc/PID/mem and ptrace to others of the same user.
     */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        LOG(LOG_LEVEL_ERROR, EVENT_SYSTEM_CALL_FAILED, F("errno", errno), F("line", __LINE__));
        return STATUS_UNAVAILABLE;
    }
    return STATUS_OK;
}

static FILE *
open_below(const char *root, const char *path)
{
    char whole[PATH_MAX];
    int size = snprintf(whole, sizeof whole, "%s%s", root, path);

    return size < 0 || (size_t)size >= sizeof whole ? NULL : fopen(whole, "re");
}

/* /proc/swaps: a heading, then one line for each area in use. */
static bool
swap_is_active(const char *root)
{
    FILE *file = open_below(root, "/proc/swaps");
    char line[LINE_BYTES];
    int lines = 0;

    if (file == NULL) {
        return false;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        lines += strchr(line, '\n') != NULL;
    }
    (void)fclose(file);
    return lines > 1;
}

/* Our path in the unified hierarchy: what follows "0::" in /proc/self/cgroup; "" if there is none.
 */
static void
read_control_group(const char *root, char ret_group[static LINE_BYTES])
{
    static const char unified[] = "0::";
    FILE *file = open_below(root, "/proc/self/cgroup");
    char line[LINE_BYTES];

    ret_group[0] = '\0';
    if (file == NULL) {
        return;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, unified, sizeof unified - 1) == 0) {
            line[strcspn(line, "\n")] = '\0';
            (void)snprintf(ret_group, LINE_BYTES, "%s", line + sizeof unified - 1);
        }
    }
    (void)fclose(file);
}

static bool
group_forbids_swap(const char *root, const char *group)
{
    char path[PATH_MAX];
    char line[LINE_BYTES] = "";
    FILE *file;

    (void)snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.swap.max", group);
    file = open_below(root, path);
    if (file == NULL) {
        return false;
    }
    if (fgets(line, sizeof line, file) == NULL) {
        line[0] = '\0';
    }
    (void)fclose(file);
    return strcmp(line, "0\n") == 0;
}

bool
process_may_swap(const char *root)
{
    char group[LINE_BYTES];
    char *end;

    if (!swap_is_active(root)) {
        return false;
    }
    read_control_group(root, group);
    /* A limit binds everything below it: ours, then each group above. */
    while ((end = strrchr(group, '/')) != NULL) {
        if (group_forbids_swap(root, group)) {
            return false;
        }
        *end = '\0';
    }
    return true;
}

void
process_warn_of_swap(void)
{
    if (process_may_swap("")) {
        LOG(LOG_LEVEL_WARNING, EVENT_SWAP_ACTIVE, F("memory_swap_max_is_zero", (bool)false));
    }
}

void
process_raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        LOG(LOG_LEVEL_WARNING, EVENT_SYSTEM_CALL_FAILED, F("errno", errno), F("line", __LINE__));
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        LOG(LOG_LEVEL_WARNING, EVENT_SYSTEM_CALL_FAILED, F("errno", errno), F("line", __LINE__));
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Writing to the second place. */
#include "audit_kept.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "failpoint.h"
#include "log.h"

enum {
    VAULT_BYTES_IN_NAME = 4,
    FILE_MODE = 0640,
    WARN_PAUSE_MS = 60 * 1000,
    HANG_STEP_US = 100 * 1000,
};

void
audit_kept_prefix(const uint8_t vault_id[static 16], char ret_prefix[static AUDIT_KEPT_NAME_BYTES])
{
    char vault[2 * VAULT_BYTES_IN_NAME + 1];

    (void)sodium_bin2hex(vault, sizeof vault, vault_id, VAULT_BYTES_IN_NAME);
    (void)snprintf(ret_prefix, AUDIT_KEPT_NAME_BYTES, "checkpoints-%s-", vault);
}

void
audit_kept_name(const char *prefix, unsigned year, unsigned month,
                char ret_name[static AUDIT_KEPT_NAME_BYTES])
{
    (void)snprintf(ret_name, AUDIT_KEPT_NAME_BYTES, "%.24s%04u-%02u", prefix, year % 10000,
                   month % 100);
}

static void
name_of(const struct audit_checkpoint *checkpoint, char ret_name[static AUDIT_KEPT_NAME_BYTES])
{
    time_t seconds = (time_t)(checkpoint->time_ms / 1000);
    struct tm parts = {0};
    char prefix[AUDIT_KEPT_NAME_BYTES];

    (void)gmtime_r(&seconds, &parts);
    audit_kept_prefix(checkpoint->vault_id, prefix);
    audit_kept_name(prefix, (unsigned)(parts.tm_year + 1900), (unsigned)(parts.tm_mon + 1),
                    ret_name);
}

int
audit_kept_open(int folder, const char *name, int flags, struct stat *ret_about)
{
    int file = openat(folder, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, FILE_MODE);

    if (file >= 0 && (fstat(file, ret_about) != 0 || !S_ISREG(ret_about->st_mode))) {
        (void)close(file);
        errno = EINVAL;
        return -1;
    }
    return file;
}

/* What a full disk or a crash has left without its newline must not swallow the next line. */
static bool
ends_within_a_line(int file, const struct stat *about)
{
    char last = '\n';

    return about->st_size > 0 && pread(file, &last, 1, about->st_size - 1) == 1 && last != '\n';
}

static bool
append_line(int folder, const struct audit_checkpoint *checkpoint)
{
    char line[1 + AUDIT_CHECKPOINT_LINE_MAX] = "\n";
    char name[AUDIT_KEPT_NAME_BYTES];
    struct stat about;
    size_t size = audit_checkpoint_print(checkpoint, line + 1);
    bool done = false;
    int file;

    name_of(checkpoint, name);
    file = audit_kept_open(folder, name, O_RDWR | O_APPEND | O_CREAT, &about);
    if (file < 0) {
        return false;
    }
    if (ends_within_a_line(file, &about)) {
        done = write(file, line, size + 1) == (ssize_t)(size + 1);
    } else {
        done = write(file, line + 1, size) == (ssize_t)size;
    }
    done = done && fdatasync(file) == 0 && (about.st_size > 0 || fsync(folder) == 0);
    (void)close(file);
    return done;
}

/* Once when it fails, then once a minute, and once when it works again. */
static void
tell(struct audit_kept *kept, bool done, int error)
{
    uint64_t now_ms = clock_monotonic_ms();

    if (done && kept->warned_ms != 0) {
        LOG(LOG_LEVEL_NOTICE, EVENT_CHECKPOINT_FAILED, F("over", (bool)true));
        kept->warned_ms = 0;
    } else if (!done && (kept->warned_ms == 0 || now_ms - kept->warned_ms >= WARN_PAUSE_MS)) {
        LOG(LOG_LEVEL_WARNING, EVENT_CHECKPOINT_FAILED, F("errno", error));
        kept->warned_ms = now_ms;
    }
}

/* For tests: as on a file system that is gone. */
static void
hang(void)
{
    for (;;) {
        (void)usleep(HANG_STEP_US);
    }
}

bool
audit_kept_write(struct audit_kept *kept, const struct audit_checkpoint *checkpoint)
{
    bool done = false;
    int error = 0;
    int folder = open(kept->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (FAILPOINT("audit_kept_hangs")) {
        hang();
    }
    if (folder >= 0) {
        done = append_line(folder, checkpoint);
        error = errno;
        (void)close(folder);
    } else {
        error = errno;
    }
    tell(kept, done, error);
    return done;
}

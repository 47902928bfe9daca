/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum {
    VAULT_BYTES_IN_NAME = 4,
    NAME_BYTES = 40, /* "checkpoints-01234567-2026-11" and room for the year */
    MONTH_BYTES = 7,
    FILE_MODE = 0640,
    FILES_READ = 2,
    /* Of each file, from its end: three weeks of a checkpoint a minute. */
    READ_BYTES_MAX = 8 * 1024 * 1024,
    WARN_PAUSE_MS = 60 * 1000,
};

/* ---- writing ---- */

static void
name_prefix(const uint8_t vault_id[static 16], char ret_prefix[static NAME_BYTES])
{
    char vault[2 * VAULT_BYTES_IN_NAME + 1];

    (void)sodium_bin2hex(vault, sizeof vault, vault_id, VAULT_BYTES_IN_NAME);
    (void)snprintf(ret_prefix, NAME_BYTES, "checkpoints-%s-", vault);
}

static void
name_of(const struct audit_checkpoint *checkpoint, char ret_name[static NAME_BYTES])
{
    time_t seconds = (time_t)(checkpoint->time_ms / 1000);
    struct tm parts = {0};
    char prefix[NAME_BYTES];

    (void)gmtime_r(&seconds, &parts);
    name_prefix(checkpoint->vault_id, prefix);
    (void)snprintf(ret_name, NAME_BYTES, "%.24s%04u-%02u", prefix,
                   (unsigned)(parts.tm_year + 1900) % 10000, (unsigned)(parts.tm_mon + 1) % 100);
}

/* A file that anybody may have put there: never waited for, never followed elsewhere. */
static int
open_regular(int folder, const char *name, int flags, struct stat *ret_about)
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
    char name[NAME_BYTES];
    struct stat about;
    size_t size = audit_checkpoint_print(checkpoint, line + 1);
    bool done = false;
    int file;

    name_of(checkpoint, name);
    file = open_regular(folder, name, O_RDWR | O_APPEND | O_CREAT, &about);
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

bool
audit_kept_write(struct audit_kept *kept, const struct audit_checkpoint *checkpoint)
{
    bool done = false;
    int error = 0;
    int folder = open(kept->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

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

/* ---- reading ---- */

static bool
is_month(const char *text)
{
    for (size_t i = 0; i < MONTH_BYTES; i++) {
        bool right = i == 4 ? text[i] == '-' : text[i] >= '0' && text[i] <= '9';

        if (!right) {
            return false;
        }
    }
    return text[MONTH_BYTES] == '\0';
}

/* The names of the newest files, newest first. */
struct names {
    char newest[FILES_READ][NAME_BYTES];
    size_t count;
};

static void
note_name(struct names *names, const char *name)
{
    size_t at = names->count;

    while (at > 0 && strcmp(names->newest[at - 1], name) < 0) {
        if (at < FILES_READ) {
            memcpy(names->newest[at], names->newest[at - 1], NAME_BYTES);
        }
        at--;
    }
    if (at < FILES_READ) {
        (void)snprintf(names->newest[at], NAME_BYTES, "%.*s", NAME_BYTES - 1, name);
        names->count += names->count < FILES_READ;
    }
}

static enum status
list_names(int folder, const uint8_t vault_id[static 16], struct names *ret_names)
{
    char prefix[NAME_BYTES];
    size_t prefix_bytes;
    int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = own < 0 ? NULL : fdopendir(own);
    const struct dirent *entry;

    if (listing == NULL) {
        if (own >= 0) {
            (void)close(own);
        }
        return STATUS_UNAVAILABLE;
    }
    name_prefix(vault_id, prefix);
    prefix_bytes = strlen(prefix);
    while ((entry = readdir(listing)) != NULL) {
        if (strncmp(entry->d_name, prefix, prefix_bytes) == 0 &&
            is_month(entry->d_name + prefix_bytes)) {
            note_name(ret_names, entry->d_name);
        }
    }
    (void)closedir(listing);
    return STATUS_OK;
}

/* The end of a file, from the beginning of a line on. For the caller to free. */
static enum status
load_end(int folder, const char *name, uint8_t **ret_data, size_t *ret_size)
{
    struct stat about;
    uint8_t *data;
    size_t wanted, done = 0;
    off_t from;
    int file = open_regular(folder, name, O_RDONLY, &about);

    if (file < 0) {
        return STATUS_UNAVAILABLE;
    }
    from = about.st_size > READ_BYTES_MAX ? about.st_size - READ_BYTES_MAX : 0;
    wanted = (size_t)(about.st_size - from);
    data = malloc(wanted + 1);
    while (data != NULL && done < wanted) {
        ssize_t got = pread(file, data + done, wanted - done, from + (off_t)done);

        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            break; /* what was read is what there is */
        }
        done += got > 0 ? (size_t)got : 0;
    }
    (void)close(file);
    if (data == NULL) {
        return STATUS_UNAVAILABLE;
    }
    *ret_data = data;
    *ret_size = done;
    return STATUS_OK;
}

struct search {
    const struct audit_kept_owner *owner;
    struct audit_checkpoint newest; /* sequence 0: none yet */
    uint64_t rejected;              /* lines */
    uint64_t unreadable;            /* files */
};

static void
look_at_line(struct search *search, struct bytes line)
{
    const struct audit_kept_owner *owner = search->owner;
    struct audit_checkpoint found;

    if (!audit_checkpoint_parse(line, &found) || found.sequence <= search->newest.sequence ||
        memcmp(found.vault_id, owner->vault_id, sizeof found.vault_id) != 0 ||
        memcmp(found.instance_id, owner->instance_id, sizeof found.instance_id) != 0) {
        return;
    }
    if (audit_checkpoint_holds(&found, owner->public_key)) {
        search->newest = found;
    } else {
        search->rejected++;
    }
}

/* From the end backwards: the newest stands last, and then no other signature need be looked at. */
static void
look_at_lines(struct search *search, struct bytes text)
{
    while (text.size > 0) {
        const uint8_t *newline = memrchr(text.data, '\n', text.size);
        size_t begin = newline == NULL ? 0 : (size_t)(newline - text.data) + 1;

        look_at_line(search, bytes_of(text.data + begin, text.size - begin));
        text.size = begin == 0 ? 0 : begin - 1;
    }
}

/* What cannot be read is passed over, and said: the other file may have it. */
static enum status
search_folder(int folder, struct search *search)
{
    struct names names = {.count = 0};
    enum status status = list_names(folder, search->owner->vault_id, &names);

    for (size_t i = 0; status == STATUS_OK && i < names.count; i++) {
        uint8_t *data = NULL;
        size_t size = 0;

        if (load_end(folder, names.newest[i], &data, &size) == STATUS_OK) {
            look_at_lines(search, bytes_of(data, size));
        } else {
            search->unreadable++;
        }
        free(data);
    }
    return status;
}

enum status
audit_kept_newest(const struct audit_kept *kept, const struct audit_kept_owner *owner,
                  struct audit_checkpoint *ret_checkpoint)
{
    struct search search = {.owner = owner};
    enum status status = STATUS_UNAVAILABLE;
    int folder = open(kept->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (folder >= 0) {
        status = search_folder(folder, &search);
    }
    if (status != STATUS_OK) {
        LOG(LOG_LEVEL_WARNING, EVENT_CHECKPOINT_FAILED, F("errno", errno),
            F("reading", (bool)true));
    }
    if (search.rejected > 0 || search.unreadable > 0) {
        LOG(LOG_LEVEL_WARNING, EVENT_CHECKPOINT_FAILED, F("not_ours", search.rejected),
            F("unreadable", search.unreadable));
    }
    if (folder >= 0) {
        (void)close(folder);
    }
    if (search.newest.sequence > 0) {
        *ret_checkpoint = search.newest;
        return STATUS_OK;
    }
    return status == STATUS_OK ? STATUS_NOT_FOUND : status;
}

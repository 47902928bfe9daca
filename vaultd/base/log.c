/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

enum { LINE_BYTES = 512, STREAM_BYTES = 48, TIME_BYTES = 40, MS_PER_S = 1000 };

static const char *const event_names[LOG_EVENT_COUNT] = {
    [EVENT_STARTED] = "started",
    [EVENT_LISTENING] = "listening",
    [EVENT_STOPPING] = "stopping",
    [EVENT_STOPPED] = "stopped",
    [EVENT_UNSEALED] = "unsealed",
    [EVENT_SEALED] = "sealed",
    [EVENT_UNSEAL_REFUSED] = "unseal_refused",
    [EVENT_SYSTEM_CALL_FAILED] = "system_call_failed",
    [EVENT_STORE_FAILED] = "store_failed",
    [EVENT_STORE_FULL] = "store_full",
    [EVENT_JOURNAL_FAILED] = "journal_failed",
    [EVENT_JOURNAL_FULL] = "journal_full",
    [EVENT_JOURNAL_CUT] = "journal_cut",
    [EVENT_KEYRING_REFUSED] = "keyring_refused",
    [EVENT_AUDIT_REFUSED] = "audit_refused",
    [EVENT_ACCESS_REFUSED] = "access_refused",
    [EVENT_RECORD_CORRUPT] = "record_corrupt",
    [EVENT_CONNECTION_REFUSED] = "connection_refused",
    [EVENT_CONNECTION_CLOSED] = "connection_closed",
    [EVENT_OVERLOADED] = "overloaded",
    [EVENT_NNG_FAILED] = "nng_failed",
    [EVENT_MEMORY_SHORT] = "memory_short",
    [EVENT_SANDBOX] = "sandbox",
    [EVENT_SWAP_ACTIVE] = "swap_active",
    [EVENT_BUDGET_ALARM] = "budget_alarm",
    [EVENT_CHECKPOINT_FAILED] = "checkpoint_failed",
    [EVENT_SECOND_PLACE_EMPTY] = "second_place_empty",
    [EVENT_CLOCK_JUMPED] = "clock_jumped",
    [EVENT_RETENTION] = "retention",
    [EVENT_FROZEN] = "frozen",
    [EVENT_THAWED] = "thawed",
    [EVENT_RELOAD_IGNORED] = "reload_ignored",
    [EVENT_NOTIFY_FAILED] = "notify_failed",
    [EVENT_DRAIN_CUT] = "drain_cut",
    [EVENT_MAINTENANCE_HANGS] = "maintenance_hangs",
    [EVENT_REKEY_BEGUN] = "rekey_begun",
    [EVENT_REKEY_ENDED] = "rekey_ended",
    [EVENT_BACKUP_BEGUN] = "backup_begun",
    [EVENT_BACKUP_ENDED] = "backup_ended",
    [EVENT_BACKUP_FAILED] = "backup_failed",
    [EVENT_COMPACTED] = "compacted",
    [EVENT_REKEY_MISSING] = "rekey_missing",
    [EVENT_REKEY_STUCK] = "rekey_stuck",
    [EVENT_SHREDDED] = "namespace_shredded",
    [EVENT_LOGIN_LOCKED] = "login_locked",
    [EVENT_SWEPT] = "namespace_swept",
    [EVENT_FOLLOW_FAILED] = "follow_failed",
    [EVENT_REQUEST_WAITS] = "request_waits",
    [EVENT_CANARY] = "canary",
    [EVENT_LOOKUP_MISSES] = "lookup_misses",
    [EVENT_NOTIFIED] = "notified",
    [EVENT_NOTIFIER_FAILED] = "notifier_failed",
    [EVENT_NOTICE_LOST] = "notice_lost",
};

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_NOTICE] = "notice",
    [LOG_LEVEL_INFO] = "info",
};

static enum log_level least_urgent = LOG_LEVEL_INFO;

void
log_set_level(enum log_level level)
{
    least_urgent = level;
}

/* The variable alone is not enough: whoever redirects stderr inherits it all the same. */
bool
log_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char ours[STREAM_BYTES];
    struct stat info;

    if (stream == NULL || fstat(STDERR_FILENO, &info) != 0) {
        return false;
    }
    (void)snprintf(ours, sizeof ours, "%llu:%llu", (unsigned long long)info.st_dev,
                   (unsigned long long)info.st_ino);
    return strcmp(stream, ours) == 0;
}

static int
begin_line(char *line, size_t size, enum log_level level, enum log_event event)
{
    char text[TIME_BYTES] = "";
    uint64_t now_ms = clock_wall_ms();
    time_t seconds = (time_t)(now_ms / MS_PER_S);
    struct tm parts = {0};

    if (log_is_journal()) {
        return snprintf(line, size, "<%d>vaultd: %s", (int)level, event_names[event]);
    }
    (void)gmtime_r(&seconds, &parts);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    return snprintf(line, size, "%s.%03uZ %s vaultd: %s", text, (unsigned)(now_ms % MS_PER_S),
                    level_names[level], event_names[event]);
}

static int
field_text(const struct log_field *field, char *text, size_t size)
{
    switch (field->type) {
    case LOG_BOOL:
        return snprintf(text, size, " %s=%s", field->name, field->number != 0 ? "yes" : "no");
    case LOG_SIGNED:
        return snprintf(text, size, " %s=%lld", field->name, (long long)field->number);
    case LOG_STATUS:
        return snprintf(text, size, " %s=%s", field->name, status_name((enum status)field->number));
    case LOG_NUMBER:
        break;
    }
    return snprintf(text, size, " %s=%llu", field->name, (unsigned long long)field->number);
}

void
log_write(enum log_level level, enum log_event event, const struct log_field *fields,
          unsigned count)
{
    char line[LINE_BYTES];
    size_t size;
    int added;

    if (level > least_urgent) {
        return;
    }
    added = begin_line(line, sizeof line, level, event);
    size = added > 0 ? (size_t)added : 0;
    for (unsigned i = 0; i < count && size < sizeof line - 1; i++) {
        added = field_text(&fields[i], line + size, sizeof line - size);
        size += added > 0 ? (size_t)added : 0;
    }
    if (size > sizeof line - 1) {
        size = sizeof line - 1;
    }
    line[size++] = '\n';
    /* One write, so that lines of two threads never mix; nothing can be done if it fails. */
    if (write(STDERR_FILENO, line, size) < 0) {
        return;
    }
}

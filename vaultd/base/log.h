/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h: typed events to stderr, one line each. An event is an enum and a field is a number, a bool
 * or a status: there is no way to hand it text, so a contact cannot be printed. Any thread.
 *
 * Where stderr is the journal a line begins with its priority (sd-daemon(3)), else with time and
 * level:
 *     <5>vaultd: started pid=17
 *     2026-11-24T08:01:02.345Z notice vaultd: started pid=17
 */
#ifndef CONTACT_VAULT_LOG_H
#define CONTACT_VAULT_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "status.h"

enum log_event {
    EVENT_STARTED,
    EVENT_LISTENING,
    EVENT_STOPPING,
    EVENT_STOPPED,
    EVENT_UNSEALED,
    EVENT_SEALED,
    EVENT_UNSEAL_REFUSED,
    EVENT_SYSTEM_CALL_FAILED, /* errno, line */
    EVENT_STORE_FAILED,       /* error: LMDB's or errno */
    EVENT_STORE_FULL,
    EVENT_JOURNAL_FAILED,
    EVENT_JOURNAL_FULL,
    EVENT_JOURNAL_CUT, /* position */
    EVENT_KEYRING_REFUSED,
    EVENT_AUDIT_REFUSED,
    EVENT_ACCESS_REFUSED,
    EVENT_RECORD_CORRUPT,     /* row */
    EVENT_CONNECTION_REFUSED, /* uid, connections */
    EVENT_CONNECTION_CLOSED,  /* uid, reason */
    EVENT_OVERLOADED,
    EVENT_NNG_FAILED, /* error: nng's number */
    EVENT_MEMORY_SHORT,
    EVENT_SANDBOX, /* what is in force */
    EVENT_SWAP_ACTIVE,
    EVENT_BUDGET_ALARM, /* principal, namespace, percent */
    EVENT_CHECKPOINT_FAILED,
    EVENT_SECOND_PLACE_EMPTY, /* of lines of this vault; last_checkpoint: in its log */
    EVENT_CLOCK_JUMPED,       /* ms */
    EVENT_RETENTION,          /* what was removed as too old */
    EVENT_FROZEN,
    EVENT_THAWED,
    EVENT_RELOAD_IGNORED,    /* SIGHUP: the configuration is read at start only */
    EVENT_NOTIFY_FAILED,     /* the service manager is not reached; errno */
    EVENT_DRAIN_CUT,         /* stopped with requests in flight */
    EVENT_MAINTENANCE_HANGS, /* stopped without it: a write of it does not come back */
    EVENT_REKEY_BEGUN,       /* purpose, namespace, number */
    EVENT_REKEY_ENDED,
    EVENT_BACKUP_BEGUN,
    EVENT_BACKUP_ENDED,
    EVENT_BACKUP_FAILED,
    EVENT_COMPACTED,     /* before, bytes: of the file; held_us: so long did writers wait */
    EVENT_REKEY_MISSING, /* records: that are gone, by the counts; not counted any more */
    EVENT_REKEY_STUCK,   /* records: that do not open, or that the counts miss; an old key stays */
    EVENT_SHREDDED,      /* namespace, keys_left: that could not leave the keyring's file yet */
    EVENT_LOGIN_LOCKED,  /* principal: too many codes were wrong */
    EVENT_SWEPT,         /* namespace, missed: contacts that its counts spoke of */
    EVENT_FOLLOW_FAILED, /* what a change of the rules brings with it could not be written yet */
    EVENT_REQUEST_WAITS, /* request: for a second admin */
    EVENT_CANARY,        /* principal, number: of the canary; suspended */
    EVENT_LOOKUP_MISSES, /* principal, namespace, misses: within an hour */
    EVENT_NOTIFIED,      /* the notifier's command has ended well */
    EVENT_NOTIFIER_FAILED, /* it has not: code; or signal, in_time */
    EVENT_NOTICE_LOST,     /* event, errno: and others after it; or stopped: with the daemon */
    LOG_EVENT_COUNT,
};

enum log_level {
    LOG_LEVEL_ERROR = 3, /* syslog's numbers, as journald takes them in <N> */
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_NOTICE = 5,
    LOG_LEVEL_INFO = 6,
};

struct log_field {
    const char *name; /* a literal */
    enum { LOG_NUMBER, LOG_SIGNED, LOG_BOOL, LOG_STATUS } type;
    uint64_t number;
};

static inline struct log_field
log_field_unsigned(const char *name, uint64_t value)
{
    return (struct log_field){name, LOG_NUMBER, value};
}

static inline struct log_field
log_field_signed(const char *name, int64_t value)
{
    return (struct log_field){name, LOG_SIGNED, (uint64_t)value};
}

static inline struct log_field
log_field_bool(const char *name, bool value)
{
    return (struct log_field){name, LOG_BOOL, value};
}

static inline struct log_field
log_field_status(const char *name, enum status value)
{
    return (struct log_field){name, LOG_STATUS, (uint64_t)value};
}

/* enum status is unsigned int to the compiler: F_STATUS says it by name. No pointer has a row here.
 */
#define F(name, value)                                                                             \
    _Generic((value), bool                                                                         \
             : log_field_bool, int                                                                 \
             : log_field_signed, long                                                              \
             : log_field_signed, unsigned char                                                     \
             : log_field_unsigned, unsigned short                                                  \
             : log_field_unsigned, unsigned int                                                    \
             : log_field_unsigned, unsigned long                                                   \
             : log_field_unsigned)("" name, value)
#define F_STATUS(name, value) log_field_status("" name, value)

/* LOG(LOG_LEVEL_ERROR, EVENT_STORE_FULL, F("error", code), F("line", __LINE__)); at least one
 * field. */
#define LOG(level, event, ...)                                                                     \
    log_write(level, event, (struct log_field[]){__VA_ARGS__},                                     \
              sizeof((struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

/* Is stderr the journal: is it the file that $JOURNAL_STREAM names (systemd.exec(5))? */
bool log_is_journal(void);

/* Less urgent events than this are dropped; at first nothing is. Set before there are threads. */
void log_set_level(enum log_level level);

void log_write(enum log_level level, enum log_event event, const struct log_field *fields,
               unsigned count);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A backup's end, on record: as it should be, or because something else must go on. */
#include "dispatch_internal.h"

#include "log.h"

enum { IDLE_MS = 60 * 1000 };

bool
dispatch_has_backup(const struct dispatch *dispatch)
{
    return backup_is_open(dispatch->parts.backup);
}

/* Its intent is an entry by itself: a backup without an end in the log was cut short by a crash. */
void
dispatch_backup_abort(struct dispatch *dispatch, const char *reason)
{
    struct audit_entry entry = {.operation = AUDIT_ACT_BACKUP_ENDED,
                                .phase = AUDIT_DONE,
                                .result = STATUS_UNAVAILABLE,
                                .uid = dispatch->parts.daemon_uid,
                                .subject = bytes_of_text(reason)};
    struct backup_state state;
    enum status status;

    /* Whoever ends it is one: the others find none. */
    if (!backup_look(dispatch->parts.backup, &state) ||
        !backup_end(dispatch->parts.backup, state.id)) {
        return;
    }
    atomic_store(&dispatch->backup_failed, reason);
    entry.amount = state.entry;
    status = dispatch_record(dispatch, &entry);
    LOG(LOG_LEVEL_WARNING, EVENT_BACKUP_FAILED, F("entry", state.entry),
        F_STATUS("recorded", status));
}

void
dispatch_forget_backup(struct dispatch *dispatch)
{
    struct backup_state state;

    if (backup_look(dispatch->parts.backup, &state) && state.idle_ms >= IDLE_MS) {
        dispatch_backup_abort(dispatch, "forgotten");
    }
}

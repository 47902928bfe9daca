/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints by the clock and on demand, and their way to the second place. */
#include "audit_internal.h"

#include <string.h>

#include "clock.h"

enum {
    HASTE_PAUSE_MS = 1000,
    RETRY_MS = 1000, /* a checkpoint that the log could not take */
    OVERDUE_MS = 5 * 60 * 1000,
    KEEP_PAUSE_MS = 1000, /* under load there are many: a line a second is enough */
    KEEP_RETRY_MS = 5000, /* the second place is away */
};

/* On a full disk erases go on, and what they enter must not run far ahead of what is signed: the
 * next start would take it for forged. So now and then one comes out of the reserve. */
static bool
append_overdue(struct audit *audit, struct audit_entry *entry)
{
    uint64_t newest_ms;

    (void)pthread_mutex_lock(&audit->lock);
    newest_ms = audit->newest.time_ms;
    (void)pthread_mutex_unlock(&audit->lock);
    return clock_vault_ms() > newest_ms + OVERDUE_MS &&
           audit_append_reserved(audit, entry, 1, AUDIT_RESERVE_STOP) == STATUS_OK;
}

static void
make_due_checkpoint(struct audit *audit)
{
    struct audit_entry entry = {
        .operation = AUDIT_ACT_CHECKPOINT, .phase = AUDIT_DONE, .has_checkpoint = true};
    uint64_t now_ms = clock_monotonic_ms();
    bool due;

    (void)pthread_mutex_lock(&audit->lock);
    due = now_ms >= audit->due_ms;
    (void)pthread_mutex_unlock(&audit->lock);
    if (!due || !keyring_is_unsealed(audit->keyring)) {
        return;
    }
    if (audit_append(audit, &entry, 1) != STATUS_OK && !append_overdue(audit, &entry)) {
        (void)pthread_mutex_lock(&audit->lock);
        audit->due_ms = now_ms + RETRY_MS;
        (void)pthread_mutex_unlock(&audit->lock);
    }
}

/* The newest checkpoint, once it is on disk. False: there is none, or it cannot be. */
static bool
newest_on_disk(struct audit *audit, struct audit_checkpoint *ret_checkpoint,
               uint8_t ret_digest[static AUDIT_DIGEST_BYTES])
{
    (void)pthread_mutex_lock(&audit->lock);
    *ret_checkpoint = audit->newest;
    memcpy(ret_digest, audit->newest_digest, AUDIT_DIGEST_BYTES);
    (void)pthread_mutex_unlock(&audit->lock);
    return ret_checkpoint->sequence > 0 && audit_wait(audit, ret_checkpoint->sequence) == STATUS_OK;
}

bool
audit_tick(struct audit *audit, uint64_t *ret_sequence,
           uint8_t ret_digest[static AUDIT_DIGEST_BYTES])
{
    struct audit_checkpoint newest;
    uint8_t digest[AUDIT_DIGEST_BYTES];
    bool news;

    (void)journal_keep_reserve(audit->journal);
    make_due_checkpoint(audit);
    if (!newest_on_disk(audit, &newest, digest)) {
        return false;
    }
    (void)pthread_mutex_lock(&audit->lock);
    news = newest.sequence > audit->told;
    if (news) {
        audit->told = newest.sequence;
    }
    (void)pthread_mutex_unlock(&audit->lock);
    if (news) {
        *ret_sequence = newest.sequence;
        memcpy(ret_digest, digest, AUDIT_DIGEST_BYTES);
    }
    return news;
}

void
audit_hasten_checkpoint(struct audit *audit)
{
    uint64_t at_ms = clock_monotonic_ms();

    (void)pthread_mutex_lock(&audit->lock);
    if (audit->made_ms != 0 && at_ms < audit->made_ms + HASTE_PAUSE_MS) {
        at_ms = audit->made_ms + HASTE_PAUSE_MS;
    }
    if (at_ms < audit->due_ms) {
        audit->due_ms = at_ms;
    }
    (void)pthread_mutex_unlock(&audit->lock);
}

/* With `keeping` held. What the log had before this process is kept already, or proves nothing. */
static void
keep(struct audit *audit, const struct audit_checkpoint *checkpoint)
{
    if (audit->kept.folder == NULL || checkpoint->sequence <= audit->kept_sequence) {
        return;
    }
    if (audit_kept_write(&audit->kept, checkpoint)) {
        audit->kept_sequence = checkpoint->sequence;
        audit->keep_after_ms = clock_monotonic_ms() + KEEP_PAUSE_MS;
    } else {
        audit->keep_after_ms = clock_monotonic_ms() + KEEP_RETRY_MS;
    }
}

void
audit_keep_checkpoint(struct audit *audit, bool now)
{
    struct audit_checkpoint newest;
    uint8_t digest[AUDIT_DIGEST_BYTES];

    if (!newest_on_disk(audit, &newest, digest)) {
        return;
    }
    (void)pthread_mutex_lock(&audit->keeping);
    if (now || clock_monotonic_ms() >= audit->keep_after_ms) {
        keep(audit, &newest);
    }
    (void)pthread_mutex_unlock(&audit->keeping);
}

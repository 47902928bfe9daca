/* SPDX-License-Identifier: Apache-2.0 */
/* The log's own retention: where the chain begins is signed, then what is before it goes. */
#include "audit_internal.h"

#include <string.h>

#include "clock.h"
#include "failpoint.h"

enum {
    /* Budgets look that far back, by the hour; that is never removed. */
    KEPT_AT_LEAST_MS = AUDIT_RECENT_MS + 2 * 3600 * 1000,
};

static uint64_t
limit_ms(uint64_t before_ms)
{
    uint64_t now_ms = clock_vault_ms();
    uint64_t limit = now_ms > KEPT_AT_LEAST_MS ? now_ms - KEPT_AT_LEAST_MS : 0;

    return before_ms < limit ? before_ms : limit;
}

/* Where the second segment begins; 0: there is one segment only. */
static enum status
second_segment(struct audit *audit, uint64_t *ret_start)
{
    uint64_t low = audit_first(audit);
    uint64_t high = audit_last(audit);
    uint64_t start = low;
    enum status status = journal_segment_start(audit->journal, high, &start);

    *ret_start = 0;
    if (status != STATUS_OK || start <= low) {
        return status;
    }
    /* `low` stands in the first segment, `high` begins a later one. */
    for (high = start; status == STATUS_OK && high - low > 1;) {
        uint64_t middle = low + (high - low) / 2;

        status = journal_segment_start(audit->journal, middle, &start);
        if (status == STATUS_OK && start > audit_first(audit)) {
            high = start;
        } else {
            low = middle;
        }
    }
    *ret_start = high;
    return status;
}

static enum status
take_time(void *state, const struct audit_entry *entry)
{
    *(uint64_t *)state = entry->time_ms;
    return STATUS_OK;
}

static bool
has_leftovers(const struct audit *audit)
{
    return journal_first_position(audit->journal) < audit_first(audit);
}

bool
audit_retain_due(struct audit *audit, uint64_t before_ms)
{
    uint64_t second = 0;
    uint64_t time_ms = UINT64_MAX;

    if (has_leftovers(audit)) {
        return true;
    }
    return second_segment(audit, &second) == STATUS_OK && second != 0 &&
           audit_read(audit, second, 1, take_time, &time_ms) == STATUS_OK &&
           time_ms < limit_ms(before_ms);
}

/* The newest beginning of a segment such that every entry before it is older. */
static enum status
find_boundary(struct audit *audit, uint64_t before_ms, uint64_t *ret_boundary)
{
    uint64_t sequence = 0;
    enum status status = audit_find_time(audit, limit_ms(before_ms), &sequence);

    if (status == STATUS_OK && sequence > audit_last(audit)) {
        sequence = audit_last(audit); /* the segment being written stays */
    }
    return status == STATUS_OK ? journal_segment_start(audit->journal, sequence, ret_boundary)
                               : status;
}

static enum status
record(struct audit *audit, uint64_t boundary, struct audit_entry *entry)
{
    entry->operation = AUDIT_ACT_RETAINED;
    entry->phase = AUDIT_DONE;
    entry->amount = boundary;
    return audit_record(audit, entry, 1, AUDIT_RESERVE_STOP); /* it makes space */
}

static enum status
sign_start(const struct audit *audit, struct audit_start *start)
{
    uint8_t message[AUDIT_START_MESSAGE_BYTES];

    memcpy(start->vault_id, audit->vault_id, VAULT_ID_BYTES);
    memcpy(start->instance_id, audit->instance_id, INSTANCE_ID_BYTES);
    audit_start_message(start, message);
    return keyring_audit_sign(audit->keyring, bytes_of(message, sizeof message), start->signature);
}

/* From here on the chain begins there, whatever of it is still on disk. */
static enum status
move_start(struct audit *audit, struct audit_start *start)
{
    enum status status = sign_start(audit, start);

    if (status == STATUS_OK) {
        status = audit_start_write(audit->folder, start);
    }
    if (status == STATUS_OK) {
        audit->start = *start;
        atomic_store_explicit(&audit->first, start->first, memory_order_release);
    }
    return status;
}

enum status
audit_retain(struct audit *audit, uint64_t before_ms, struct audit_entry *entry,
             uint64_t *ret_removed)
{
    struct audit_start start = {0};
    uint64_t first = audit_first(audit);
    enum status status = keyring_is_unsealed(audit->keyring) ? STATUS_OK : STATUS_SEALED;

    *ret_removed = 0;
    if (status == STATUS_OK && has_leftovers(audit)) {
        status = journal_remove_before(audit->journal, first);
    }
    if (status == STATUS_OK) {
        status = find_boundary(audit, before_ms, &start.first);
    }
    if (status != STATUS_OK || start.first <= first) {
        return status;
    }
    status = audit_digest_at(audit, start.first - 1, start.previous);
    if (status == STATUS_OK) {
        status = record(audit, start.first, entry);
    }
    CRASH_POINT("audit_retain_recorded");
    if (status == STATUS_OK) {
        start.time_ms = entry->time_ms;
        status = move_start(audit, &start);
    }
    CRASH_POINT("audit_retain_started");
    if (status == STATUS_OK) {
        status = journal_remove_before(audit->journal, start.first);
    }
    CRASH_POINT("audit_retain_removed");
    if (status == STATUS_OK) {
        *ret_removed = start.first - first;
    }
    return status;
}

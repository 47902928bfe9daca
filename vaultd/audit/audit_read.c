/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what stands in the log: by number, by time, its reasons. */
#include "audit_internal.h"

#include <string.h>

#include "clock.h"

struct reading {
    audit_raw_visit *raw;
    audit_visit *visit;
    void *state;
};

static enum status
visit_reading(void *state, uint64_t position, struct bytes bytes)
{
    const struct reading *reading = state;
    struct audit_entry entry;
    struct audit_link link;
    const char *fault;
    enum status status = audit_entry_decode(bytes, &entry, &link, &fault);

    if (status == STATUS_OK && entry.sequence != position) {
        status = STATUS_CORRUPT;
    }
    if (status != STATUS_OK) {
        return status;
    }
    return reading->raw != NULL ? reading->raw(reading->state, &entry, bytes)
                                : reading->visit(reading->state, &entry);
}

static enum status
read_entries(struct audit *audit, uint64_t from, uint64_t limit, struct reading *reading)
{
    uint64_t first = audit_first(audit);

    return journal_read(audit->journal, from < first ? first : from, limit, visit_reading, reading);
}

enum status
audit_read_raw(struct audit *audit, uint64_t from, uint64_t limit, audit_raw_visit *visit,
               void *state)
{
    struct reading reading = {.raw = visit, .state = state};

    return read_entries(audit, from, limit, &reading);
}

enum status
audit_read(struct audit *audit, uint64_t from, uint64_t limit, audit_visit *visit, void *state)
{
    struct reading reading = {.visit = visit, .state = state};

    return read_entries(audit, from, limit, &reading);
}

bool
audit_start_of(const struct audit *audit, struct audit_start *ret_start)
{
    *ret_start = audit->start;
    return audit->start.first > 1;
}

/* ---- by number ---- */

struct digest {
    uint8_t bytes[AUDIT_DIGEST_BYTES];
    bool found;
};

static enum status
take_digest(void *state, const struct audit_entry *entry, struct bytes bytes)
{
    struct digest *digest = state;

    (void)entry;
    audit_entry_digest(bytes, digest->bytes);
    digest->found = true;
    return STATUS_OK;
}

enum status
audit_digest_at(struct audit *audit, uint64_t sequence,
                uint8_t ret_digest[static AUDIT_DIGEST_BYTES])
{
    struct digest digest = {.found = false};
    enum status status;

    if (sequence < audit_first(audit) || sequence > audit_last(audit)) {
        return STATUS_NOT_FOUND;
    }
    status = audit_wait(audit, sequence);
    if (status == STATUS_OK) {
        status = audit_read_raw(audit, sequence, 1, take_digest, &digest);
    }
    if (status != STATUS_OK) {
        return status;
    }
    memcpy(ret_digest, digest.bytes, AUDIT_DIGEST_BYTES);
    return digest.found ? STATUS_OK : STATUS_INTERNAL;
}

/* ---- reasons ---- */

enum status
audit_open_reason(const struct audit *audit, const struct audit_entry *entry,
                  uint8_t room[static AUDIT_REASON_BYTES_MAX], struct audit_reason *ret_reason)
{
    uint8_t context[AUDIT_REASON_CONTEXT_MAX];
    struct key_name key = {KEY_REASON, 0, clock_year(entry->time_ms)};
    size_t size;
    enum status status;

    if (entry->reason.size == 0) {
        return STATUS_NOT_FOUND;
    }
    if (entry->reason.size <= AUDIT_REASON_EXTRA ||
        entry->reason.size > AUDIT_REASON_BYTES_MAX + AUDIT_REASON_EXTRA) {
        return STATUS_CORRUPT;
    }
    size = audit_entry_reason_context(audit->vault_id, entry, entry->sequence, context);
    status = keyring_decrypt(audit->keyring, key, bytes_of(context, size), entry->reason, room);
    return status == STATUS_OK
               ? audit_reason_unpack(bytes_of(room, entry->reason.size - AUDIT_REASON_EXTRA),
                                     ret_reason)
               : status;
}

/* ---- by time ---- */

/* Looks for the first entry of `time_ms` or later among those it is shown. */
struct time_search {
    uint64_t time_ms;
    uint64_t found; /* 0: not yet */
};

/* Any status but OK ends the walk; this one says that it did so because it was done. */
enum { SEARCH_DONE = STATUS_CONFLICT };

static enum status
look_at_time(void *state, const struct audit_entry *entry)
{
    struct time_search *search = state;

    if (entry->time_ms < search->time_ms) {
        return STATUS_OK;
    }
    search->found = entry->sequence;
    return (enum status)SEARCH_DONE;
}

static enum status
search_entries(struct audit *audit, uint64_t from, uint64_t limit, struct time_search *search)
{
    enum status status = audit_read(audit, from, limit, look_at_time, search);

    return status == (enum status)SEARCH_DONE && search->found != 0 ? STATUS_OK : status;
}

/* The first entry of the segment that `sequence` stands in. */
static enum status
segment_start(struct audit *audit, uint64_t sequence, uint64_t *ret_start)
{
    uint64_t first = audit_first(audit);
    uint64_t start = 0;
    enum status status = journal_segment_start(audit->journal, sequence, &start);

    if (status == STATUS_OK) {
        *ret_start = start < first ? first : start;
    }
    return status;
}

/*
 * To read an entry is to walk its segment up to it, so only those that begin one are looked at,
 * until one segment is left: every entry before *low's segment is too old, *high is not or is the
 * end.
 */
static enum status
narrow(struct audit *audit, uint64_t time_ms, uint64_t *low, uint64_t *high)
{
    enum status status = STATUS_OK;

    while (status == STATUS_OK && *high - *low > 1) {
        struct time_search search = {.time_ms = time_ms};
        uint64_t middle = *low + (*high - *low) / 2;
        uint64_t start = middle;

        status = segment_start(audit, middle, &start);
        if (status == STATUS_OK && start > *low) {
            status = search_entries(audit, start, 1, &search);
        }
        if (status == STATUS_OK && search.found != 0) {
            *high = start;
        } else if (status == STATUS_OK) {
            *low = middle;
        }
    }
    return status;
}

enum status
audit_find_time(struct audit *audit, uint64_t time_ms, uint64_t *ret_sequence)
{
    struct time_search search = {.time_ms = time_ms};
    uint64_t low = audit_first(audit);
    uint64_t high = audit_last(audit) + 1;
    uint64_t start = low;
    enum status status = audit_wait(audit, high - 1);

    if (status == STATUS_OK) {
        status = narrow(audit, time_ms, &low, &high);
    }
    if (status == STATUS_OK && low < high) {
        status = segment_start(audit, low, &start);
    }
    if (status == STATUS_OK && low < high) {
        status = search_entries(audit, start, high - start, &search);
    }
    if (status == STATUS_OK) {
        *ret_sequence = search.found != 0 ? search.found : high;
    }
    return status;
}

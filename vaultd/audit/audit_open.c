/* SPDX-License-Identifier: Apache-2.0 */
/* Opening: the whole chain walked, and what is learned on the way. */
#include "audit_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_chain.h"
#include "clock.h"
#include "log.h"
#include "message.h"

enum {
    CHECKPOINT_S_DEFAULT = 60,
    HOUR_MS = 3600 * 1000,
    HOURS_KEPT = AUDIT_RECENT_MS / HOUR_MS + 1, /* that of the last entry, and those before it */
    ERASURES_FIRST = 64,
};
_Static_assert((int)JOURNAL_ID_BYTES == (int)VAULT_ID_BYTES, "the journal's id is the vault's");

/* The first entry of an hour since 1970. */
struct hour {
    uint64_t hour;
    uint64_t first; /* 0: none */
};

struct opening {
    struct audit *audit;
    struct audit_chain chain;
    uint8_t root[AUDIT_DIGEST_BYTES]; /* this vault's */
    struct audit_summary summary;
    struct hour hours[HOURS_KEPT];
    size_t erasure_capacity;
};

/* ---- what is learned ---- */

static void
note_tag(struct audit_summary *summary, const struct audit_entry *entry)
{
    summary->has_access_tag = true;
    summary->access_sequence = entry->sequence;
    memcpy(summary->access_tag, entry->access_tag, AUDIT_DIGEST_BYTES);
}

static void
summarise(struct audit_summary *summary, const struct audit_entry *entry)
{
    if (summary->time_ms != 0 && entry->time_ms - summary->time_ms > AUDIT_LEAP_MS) {
        summary->leapt_ms = entry->time_ms;
    }
    summary->time_ms = entry->time_ms;
    if (entry->phase == AUDIT_INTENT && entry->has_access_tag) {
        summary->intent_open = true;
        summary->intent = entry->sequence;
        summary->intent_operation = entry->operation;
        memcpy(summary->intent_tag, entry->access_tag, AUDIT_DIGEST_BYTES);
        return;
    }
    if (entry->phase == AUDIT_OUTCOME && entry->refers == summary->intent) {
        summary->intent_open = false;
    }
    if (entry->has_access_tag && entry->result == STATUS_OK) {
        note_tag(summary, entry);
    }
    if (entry->operation == AUDIT_ACT_RESTORED) {
        summary->restored = entry->sequence;
    }
}

static bool
stays_clean(const struct opening *opening, const struct audit_entry *entry)
{
    return entry->operation == AUDIT_ACT_CLOSED || entry->operation == AUDIT_ACT_RESTORED ||
           (opening->summary.clean && opening->chain.sealed &&
            entry->operation != AUDIT_ACT_CREATED);
}

static void
note_hour(struct opening *opening, const struct audit_entry *entry)
{
    uint64_t hour = entry->time_ms / HOUR_MS;
    struct hour *slot = &opening->hours[hour % HOURS_KEPT];

    if (slot->first == 0 || slot->hour != hour) {
        *slot = (struct hour){.hour = hour, .first = entry->sequence};
    }
}

static uint64_t
recent_begins(const struct opening *opening)
{
    uint64_t last = opening->summary.time_ms / HOUR_MS;
    uint64_t begins = opening->chain.sequence + 1;

    for (size_t i = 0; i < HOURS_KEPT; i++) {
        const struct hour *slot = &opening->hours[i];

        if (slot->first != 0 && slot->hour + HOURS_KEPT > last && slot->first < begins) {
            begins = slot->first;
        }
    }
    return begins;
}

static void
note_checkpoint(struct audit *audit, const struct audit_entry *entry, struct bytes bytes)
{
    audit->since++;
    if (entry->has_checkpoint) {
        audit->since = 0;
        audit->newest_noted = entry->amount;
        audit_checkpoint_of(audit->vault_id, entry, bytes, &audit->newest);
        audit_entry_digest(bytes, audit->newest_digest);
    }
}

/* ---- erasures without outcome ---- */

/* Of those noted, in ascending order; a settled one has no kind any more. NULL: none such. */
static struct audit_erasure *
find_erasure(struct audit *audit, uint64_t sequence)
{
    size_t low = 0, high = audit->erasure_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (audit->erasures[middle].sequence < sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < audit->erasure_count && audit->erasures[low].sequence == sequence
               ? &audit->erasures[low]
               : NULL;
}

static void
drop_settled(struct audit *audit)
{
    size_t open = 0;

    for (size_t i = 0; i < audit->erasure_count; i++) {
        if (audit->erasures[i].kind != 0) {
            audit->erasures[open++] = audit->erasures[i];
        }
    }
    audit->erasure_count = open;
}

/* TOO_LARGE: more are open than there can be. */
static enum status
make_room(struct opening *opening)
{
    struct audit *audit = opening->audit;
    size_t capacity = opening->erasure_capacity;
    struct audit_erasure *erasures;

    if (audit->erasure_count < capacity) {
        return STATUS_OK;
    }
    drop_settled(audit);
    if (audit->erasure_count < capacity - capacity / 2) {
        return STATUS_OK;
    }
    if (capacity >= AUDIT_OPEN_ERASURES_MAX) {
        return audit->erasure_count < capacity ? STATUS_OK : STATUS_TOO_LARGE;
    }
    capacity = capacity == 0 ? ERASURES_FIRST : 2 * capacity;
    erasures = realloc(audit->erasures, capacity * sizeof *erasures);
    if (erasures == NULL) {
        return STATUS_INTERNAL;
    }
    audit->erasures = erasures;
    opening->erasure_capacity = capacity;
    return STATUS_OK;
}

static enum status
note_erasure(struct opening *opening, const struct audit_entry *entry)
{
    struct audit *audit = opening->audit;
    struct audit_erasure *erasure;
    enum status status;

    if (entry->operation != OP_ERASE || entry->token_kind == 0) {
        return STATUS_OK;
    }
    if (entry->phase == AUDIT_OUTCOME) {
        erasure = find_erasure(audit, entry->refers);
        if (erasure != NULL) {
            erasure->kind = 0;
        }
        return STATUS_OK;
    }
    status = entry->phase == AUDIT_INTENT ? make_room(opening) : STATUS_OK;
    if (status == STATUS_OK && entry->phase == AUDIT_INTENT) {
        erasure = &audit->erasures[audit->erasure_count++];
        *erasure = (struct audit_erasure){.sequence = entry->sequence,
                                          .kind = (enum contact_kind)entry->token_kind};
        memcpy(erasure->token, entry->token, TOKEN_BYTES);
    }
    return status;
}

const struct audit_erasure *
audit_open_erasures(const struct audit *audit, size_t *ret_count)
{
    *ret_count = audit->erasure_count;
    return audit->erasures;
}

/* ---- the walk ---- */

static enum status
learn(struct opening *opening, const struct audit_entry *entry, struct bytes bytes)
{
    enum status status;

    summarise(&opening->summary, entry);
    opening->summary.clean = stays_clean(opening, entry);
    note_hour(opening, entry);
    note_checkpoint(opening->audit, entry, bytes);
    audit_instances_pass(&opening->audit->instances, entry);
    status = note_erasure(opening, entry);
    if (status == STATUS_OK) {
        status = audit_note_key_act(opening->audit, entry);
    }
    if (status == STATUS_TOO_LARGE) {
        opening->chain.fault =
            "more erasures, or changes of keys, are without outcome than there can be";
        status = STATUS_CORRUPT;
    }
    return status;
}

static enum status
visit_opening(void *state, uint64_t position, struct bytes bytes)
{
    struct opening *opening = state;
    struct audit_entry entry;
    enum status status;

    if (audit_chain_skips(&opening->chain, position)) {
        return STATUS_OK;
    }
    status = audit_chain_extend(&opening->chain, position, bytes, &entry);
    if (status == STATUS_OK && position == 1 &&
        memcmp(opening->chain.root, opening->root, AUDIT_DIGEST_BYTES) != 0) {
        opening->chain.sequence = 0;
        opening->chain.fault = "this is the log of another vault";
        status = STATUS_CORRUPT;
    }
    return status == STATUS_OK ? learn(opening, &entry, bytes) : status;
}

/* What the opening itself has to say, on disk before anything else is recorded. */
static enum status
record_opening(struct audit *audit, bool created, bool cut)
{
    struct audit_entry entries[2];
    size_t count = 0;

    if (created) {
        entries[count++] =
            (struct audit_entry){.operation = AUDIT_ACT_CREATED, .phase = AUDIT_DONE};
    }
    if (cut) {
        entries[count++] = (struct audit_entry){.operation = AUDIT_ACT_CUT, .phase = AUDIT_DONE};
    }
    if (count == 0) {
        return STATUS_OK;
    }
    return audit_record(audit, entries, count, AUDIT_RESERVE_NONE);
}

/* Where the chain begins, as the file `start` has it; whose signature that is, audit_prove asks. */
static enum status
read_start(struct opening *opening)
{
    struct audit *audit = opening->audit;
    enum status status = audit_start_read(audit->folder, &audit->start);

    if (status == STATUS_OK && audit->start.first > 1 &&
        memcmp(audit->start.vault_id, audit->vault_id, VAULT_ID_BYTES) != 0) {
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_CORRUPT) {
        opening->chain.fault = "the file `start` beside the log is none of this vault's";
    }
    atomic_store(&audit->first, audit->start.first);
    opening->chain.first = audit->start.first;
    memcpy(opening->chain.first_previous, audit->start.previous, AUDIT_DIGEST_BYTES);
    return status;
}

/* A chain that begins with what was kept has that in it. */
static enum status
check_begun(struct opening *opening)
{
    if (opening->chain.first > 1 && opening->chain.sequence == 0) {
        opening->chain.fault = "the log ends before it begins: its end was cut";
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

static enum status
open_journal(struct opening *opening, uint64_t segment_bytes, struct journal_report *ret_report)
{
    struct audit *audit = opening->audit;
    struct journal_options options = {.folder = audit->folder,
                                      .segment_bytes = segment_bytes,
                                      .first_position = audit->start.first};
    struct audit_chain *chain = &opening->chain;
    enum status status;

    memcpy(options.id, audit->vault_id, JOURNAL_ID_BYTES);
    audit_entry_root(audit->vault_id, opening->root);
    status = journal_open(&options, visit_opening, opening, ret_report, &audit->journal);
    if (status == STATUS_OK) {
        status = check_begun(opening);
    }
    if (status != STATUS_OK) {
        return status;
    }
    audit->tip = (struct audit_link){.sequence = chain->sequence, .time_ms = chain->time_ms};
    memcpy(audit->tip.previous, chain->sequence == 0 ? opening->root : chain->head,
           AUDIT_DIGEST_BYTES);
    atomic_store(&audit->last, audit->tip.sequence);
    audit->told = audit->kept_sequence = audit->found_checkpoint = audit->newest.sequence;
    audit->found_last = chain->sequence;
    audit->found_time_ms = chain->time_ms;
    atomic_store(&audit->noted, audit->newest_noted);
    drop_settled(audit);
    audit_instances_begin(&audit->instances, audit->instance_id);
    clock_vault_start(audit->newest.time_ms);
    return STATUS_OK;
}

static enum status
make(const struct audit_options *options, struct audit **ret_audit)
{
    struct audit *audit = calloc(1, sizeof *audit);
    uint32_t period_s = options->checkpoint_s == 0 ? CHECKPOINT_S_DEFAULT : options->checkpoint_s;

    if (audit == NULL) {
        return STATUS_INTERNAL;
    }
    (void)pthread_mutex_init(&audit->lock, NULL);
    (void)pthread_mutex_init(&audit->keeping, NULL);
    audit->keyring = options->keyring;
    audit->store_changes = options->store_changes;
    audit->store = options->store;
    audit->restoring = options->restoring;
    audit->period_ms = (uint64_t)period_s * 1000;
    memcpy(audit->vault_id, options->vault_id, VAULT_ID_BYTES);
    memcpy(audit->instance_id, options->instance_id, INSTANCE_ID_BYTES);
    audit->folder = strdup(options->folder);
    if (options->checkpoint_folder != NULL) {
        audit->kept.folder = strdup(options->checkpoint_folder);
    }
    if (audit->folder == NULL ||
        (options->checkpoint_folder != NULL && audit->kept.folder == NULL)) {
        audit_close(&audit);
        return STATUS_INTERNAL;
    }
    *ret_audit = audit;
    return STATUS_OK;
}

enum status
audit_open(const struct audit_options *options, struct audit_summary *ret_summary,
           char ret_place[static AUDIT_PLACE_BYTES], struct audit **ret_audit)
{
    struct opening opening = {.summary = {.clean = true}};
    struct journal_report report = {0};
    enum status status = make(options, &opening.audit);

    if (status != STATUS_OK) {
        return status;
    }
    status = read_start(&opening);
    if (status == STATUS_OK) {
        status = open_journal(&opening, options->segment_bytes, &report);
    }
    if (status == STATUS_CORRUPT) {
        audit_chain_place(&opening.chain, &report, ret_place);
    }
    if (status == STATUS_OK) {
        opening.summary.recent_begins = recent_begins(&opening);
        status = record_opening(opening.audit, opening.chain.sequence == 0, report.cut);
    }
    if (status != STATUS_OK) {
        LOG(LOG_LEVEL_ERROR, EVENT_AUDIT_REFUSED, F("after", opening.chain.sequence),
            F_STATUS("status", status));
        audit_close(&opening.audit);
        return status;
    }
    opening.summary.entries = opening.audit->tip.sequence;
    opening.summary.clean = opening.summary.clean && !report.cut;
    *ret_summary = opening.summary;
    *ret_audit = opening.audit;
    return STATUS_OK;
}

void
audit_close(struct audit **audit)
{
    struct audit *old = *audit;

    if (old == NULL) {
        return;
    }
    journal_close(&old->journal);
    (void)pthread_mutex_destroy(&old->keeping);
    (void)pthread_mutex_destroy(&old->lock);
    free(old->kept.folder);
    free(old->erasures);
    free(old->key_acts);
    free(old->folder);
    free(old);
    *audit = NULL;
}

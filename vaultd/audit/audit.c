/* SPDX-License-Identifier: Apache-2.0 */
#include "audit.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_chain.h"
#include "audit_entry.h"
#include "clock.h"
#include "journal.h"
#include "keyring.h"
#include "log.h"
#include "message.h"

/*
 * 1. Under `lock`: `tip` is the link of the newest entry taken, with that entry's own digest in
 *    `previous`: what the next one will carry.
 * 2. An entry is numbered, linked and given to the journal under one hold of the lock, so that the
 *    order of numbers is the order in the file.
 */
struct audit {
    struct journal *journal;
    const struct keyring *keyring;
    uint8_t vault_id[VAULT_ID_BYTES];
    pthread_mutex_t lock;
    struct audit_link tip;
    _Atomic uint64_t last; /* tip.sequence, for who asks without the lock */
};

enum { NONCE_OF_BOX_BYTES = 24 };
_Static_assert((int)AUDIT_REASON_EXTRA == (int)KEYRING_BOX_EXTRA,
               "a sealed reason is a keyring box");
_Static_assert((int)JOURNAL_ID_BYTES == (int)VAULT_ID_BYTES, "the journal's id is the vault's");
_Static_assert((int)AUDIT_ENTRY_BYTES_MAX <= (int)JOURNAL_ENTRY_BYTES_MAX, "");

const char *
audit_act_name(uint32_t operation)
{
    const char *name = NULL;

    switch (operation) {
    case AUDIT_ACT_CREATED:
        return "created";
    case AUDIT_ACT_OPENED:
        return "opened";
    case AUDIT_ACT_CLOSED:
        return "closed";
    case AUDIT_ACT_CUT:
        return "cut";
    default:
        break;
    }
    if (operation < OPERATION_LIMIT) {
        name = operation_name((enum operation)operation);
    }
    return name == NULL ? "unknown" : name;
}

/* ---- opening ---- */

struct opening {
    struct audit_chain chain;
    uint8_t root[AUDIT_DIGEST_BYTES]; /* this vault's */
    struct audit_summary summary;
};

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
    summary->entries = entry->sequence;
    summary->clean = entry->operation == AUDIT_ACT_CLOSED;
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
}

static enum status
visit_opening(void *state, uint64_t position, struct bytes bytes)
{
    struct opening *opening = state;
    struct audit_entry entry;
    enum status status = audit_chain_extend(&opening->chain, position, bytes, &entry);

    if (status == STATUS_OK && position == 1 &&
        memcmp(opening->chain.root, opening->root, AUDIT_DIGEST_BYTES) != 0) {
        opening->chain.sequence = 0;
        opening->chain.fault = "this is the log of another vault";
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK) {
        summarise(&opening->summary, &entry);
    }
    return status;
}

/* What the opening itself has to say, on disk before anything else is recorded. */
static enum status
record_opening(struct audit *audit, bool created, bool cut)
{
    struct audit_entry entries[2];
    size_t count = 0;
    enum status status;

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
    status = audit_append(audit, entries, count);
    return status == STATUS_OK ? audit_wait(audit, audit_last(audit)) : status;
}

static enum status
open_journal(struct audit *audit, const char *folder, struct opening *opening,
             struct journal_report *ret_report)
{
    struct journal_options options = {.folder = folder};
    enum status status;

    memcpy(options.id, audit->vault_id, JOURNAL_ID_BYTES);
    audit_entry_root(audit->vault_id, opening->root);
    status = journal_open(&options, visit_opening, opening, ret_report, &audit->journal);
    if (status != STATUS_OK) {
        LOG(LOG_LEVEL_ERROR, EVENT_AUDIT_REFUSED, F("after", opening->chain.sequence),
            F_STATUS("status", status));
        return status;
    }
    audit->tip =
        (struct audit_link){.sequence = opening->chain.sequence, .time_ms = opening->chain.time_ms};
    memcpy(audit->tip.previous, opening->chain.sequence == 0 ? opening->root : opening->chain.head,
           AUDIT_DIGEST_BYTES);
    atomic_store(&audit->last, audit->tip.sequence);
    return STATUS_OK;
}

enum status
audit_open(const char *folder, const uint8_t vault_id[static 16], struct keyring *keyring,
           struct audit_summary *ret_summary, char ret_place[static AUDIT_PLACE_BYTES],
           struct audit **ret_audit)
{
    struct opening opening = {.summary = {.clean = true}};
    struct journal_report report = {0};
    struct audit *audit = calloc(1, sizeof *audit);
    enum status status;

    if (audit == NULL) {
        return STATUS_INTERNAL;
    }
    (void)pthread_mutex_init(&audit->lock, NULL);
    audit->keyring = keyring;
    memcpy(audit->vault_id, vault_id, VAULT_ID_BYTES);
    status = open_journal(audit, folder, &opening, &report);
    if (status == STATUS_CORRUPT) {
        audit_chain_place(&opening.chain, &report, ret_place);
    }
    if (status == STATUS_OK) {
        status = record_opening(audit, opening.chain.sequence == 0, report.cut);
    }
    if (status != STATUS_OK) {
        audit_close(&audit);
        return status;
    }
    opening.summary.entries = audit->tip.sequence;
    opening.summary.clean = opening.summary.clean && !report.cut;
    *ret_summary = opening.summary;
    *ret_audit = audit;
    return STATUS_OK;
}

void
audit_close(struct audit **audit)
{
    if (*audit == NULL) {
        return;
    }
    journal_close(&(*audit)->journal);
    (void)pthread_mutex_destroy(&(*audit)->lock);
    free(*audit);
    *audit = NULL;
}

/* ---- appending ---- */

/* Where one entry's bytes are still to be written once the lock is held. */
struct slot {
    uint8_t *entry;
    uint8_t *reason; /* sealed; its nonce is there already */
};

/* Entries on their way into the chain: all that can be done without the lock is done in them. */
struct batch {
    const struct audit_entry *entries;
    struct slot *slots;
    struct bytes *encoded;
    size_t count;
};

static size_t
reason_bytes(const struct audit_entry *entry)
{
    return entry->reason.size == 0 ? 0 : entry->reason.size + AUDIT_REASON_EXTRA;
}

static bool
entries_well_formed(const struct audit_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (audit_entry_fault(&entries[i]) != NULL || entries[i].reason.size > REASON_BYTES_MAX) {
            return false;
        }
    }
    return true;
}

static void
encode(struct batch *batch, uint8_t *to)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct audit_entry *entry = &batch->entries[i];
        size_t size = audit_entry_size(entry, reason_bytes(entry));

        batch->encoded[i] = bytes_of(to, size);
        batch->slots[i].entry = to;
        batch->slots[i].reason = audit_entry_encode(entry, reason_bytes(entry), to);
        if (entry->reason.size > 0) {
            randombytes_buf(batch->slots[i].reason, NONCE_OF_BOX_BYTES);
        }
        to += size;
    }
}

/* One piece of memory for slots, views and bytes; *ret_memory is for the caller to free. */
static enum status
prepare(const struct audit_entry *entries, size_t count, struct batch *ret_batch, void **ret_memory)
{
    size_t size = count * (sizeof(struct slot) + sizeof(struct bytes));
    struct slot *slots;
    struct bytes *encoded;

    for (size_t i = 0; i < count; i++) {
        size += audit_entry_size(&entries[i], reason_bytes(&entries[i]));
    }
    slots = malloc(size);
    if (slots == NULL) {
        return STATUS_UNAVAILABLE;
    }
    encoded = (struct bytes *)(slots + count);
    *ret_batch =
        (struct batch){.entries = entries, .slots = slots, .encoded = encoded, .count = count};
    encode(ret_batch, (uint8_t *)(encoded + count));
    *ret_memory = slots;
    return STATUS_OK;
}

/* Its place in the chain is in the associated data, so this waits for the number. */
static enum status
seal_reason(const struct audit *audit, const struct audit_entry *entry,
            const struct audit_link *link, uint8_t *place)
{
    uint8_t context[AUDIT_REASON_CONTEXT_MAX];
    struct key_name key = {KEY_REASON, 0, clock_year(link->time_ms)};
    size_t size;
    enum status status;

    if (entry->reason.size == 0) {
        return STATUS_OK;
    }
    size = audit_entry_reason_context(audit->vault_id, entry, link->sequence, context);
    status = keyring_encrypt_with(audit->keyring, key, place, bytes_of(context, size),
                                  entry->reason, place);
    return status == STATUS_OK ? STATUS_OK : STATUS_UNAVAILABLE; /* no key for this year */
}

/* With the lock held. Either all are taken, or nothing has changed. */
static enum status
chain_and_take(struct audit *audit, const struct batch *batch, struct audit_link *ret_first)
{
    struct audit_link link = audit->tip;
    uint64_t now_ms = clock_wall_ms();
    uint64_t position = 0;
    enum status status;

    if (now_ms > link.time_ms) {
        link.time_ms = now_ms;
    }
    *ret_first = link;
    for (size_t i = 0; i < batch->count; i++) {
        link.sequence++;
        audit_entry_put_link(&link, batch->slots[i].entry);
        status = seal_reason(audit, &batch->entries[i], &link, batch->slots[i].reason);
        if (status != STATUS_OK) {
            return status;
        }
        audit_entry_digest(batch->encoded[i], link.previous);
    }
    status = journal_append(audit->journal, batch->encoded, batch->count, &position);
    if (status != STATUS_OK) {
        return STATUS_UNAVAILABLE;
    }
    assert(position == link.sequence);
    audit->tip = link;
    atomic_store_explicit(&audit->last, link.sequence, memory_order_release);
    return STATUS_OK;
}

enum status
audit_append(struct audit *audit, struct audit_entry *entries, size_t count)
{
    struct audit_link first;
    struct batch batch;
    void *memory = NULL;
    enum status status;

    assert(count > 0);
    if (!entries_well_formed(entries, count)) {
        return STATUS_INVALID;
    }
    status = prepare(entries, count, &batch, &memory);
    if (status != STATUS_OK) {
        return status;
    }
    (void)pthread_mutex_lock(&audit->lock);
    status = chain_and_take(audit, &batch, &first);
    (void)pthread_mutex_unlock(&audit->lock);
    free(memory);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        entries[i].sequence = first.sequence + 1 + i;
        entries[i].time_ms = first.time_ms;
    }
    return status;
}

enum status
audit_wait(struct audit *audit, uint64_t sequence)
{
    return journal_wait(audit->journal, sequence);
}

uint64_t
audit_last(const struct audit *audit)
{
    return atomic_load_explicit(&audit->last, memory_order_acquire);
}

uint64_t
audit_last_time_ms(struct audit *audit)
{
    uint64_t time_ms;

    (void)pthread_mutex_lock(&audit->lock);
    time_ms = audit->tip.time_ms;
    (void)pthread_mutex_unlock(&audit->lock);
    return time_ms;
}

bool
audit_failed(const struct audit *audit)
{
    return journal_failed(audit->journal);
}

enum status
audit_record_reveals(struct audit *audit, struct audit_entry *entries, size_t count,
                     struct audit_receipt *ret_receipts)
{
    enum status status;

    for (size_t i = 0; i < count; i++) {
        assert(entries[i].operation == OP_DETOKENIZE && entries[i].phase == AUDIT_DONE);
        assert(entries[i].result == STATUS_OK && entries[i].token_kind != 0);
    }
    status = audit_append(audit, entries, count);
    if (status == STATUS_OK) {
        status = audit_wait(audit, entries[count - 1].sequence);
    }
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        ret_receipts[i].sequence = entries[i].sequence;
        memcpy(ret_receipts[i].token, entries[i].token, TOKEN_BYTES);
    }
    return status;
}

/* ---- reading ---- */

struct reading {
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
    return status == STATUS_OK ? reading->visit(reading->state, &entry) : status;
}

enum status
audit_read(struct audit *audit, uint64_t from, uint64_t limit, audit_visit *visit, void *state)
{
    struct reading reading = {.visit = visit, .state = state};

    return journal_read(audit->journal, from, limit, visit_reading, &reading);
}

uint64_t
audit_flushes(const struct audit *audit)
{
    return journal_flushes(audit->journal);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Names, appending, checkpoints by number, receipts. */
#include "audit_internal.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "message.h"

enum {
    NONCE_OF_BOX_BYTES = 24,
    /* What erasing leaves of the reserve: some thousand entries to stop it with. */
    ERASE_LEAVES_BYTES = 256 * 1024,
};
_Static_assert((int)AUDIT_REASON_EXTRA == (int)KEYRING_BOX_EXTRA,
               "a sealed reason is a keyring box");
_Static_assert((int)AUDIT_ENTRY_BYTES_MAX <= (int)JOURNAL_ENTRY_BYTES_MAX, "");

const char *
audit_act_name(uint32_t operation)
{
    static const char *const names[] = {
        "created",       "opened",        "closed",     "cut",          "checkpoint",
        "budget",        "clock_forward", "clock_back", "retained",     "budget_extra",
        "key_destroyed", "restored",      "swept",      "backup_ended", "canary",
    };
    const char *name = NULL;

    _Static_assert(AUDIT_ACT_CREATED + sizeof names / sizeof *names - 1 == AUDIT_ACT_CANARY,
                   "every act has a name");
    if (operation >= AUDIT_ACT_CREATED && operation <= AUDIT_ACT_CANARY) {
        return names[operation - AUDIT_ACT_CREATED];
    }
    if (operation < OPERATION_LIMIT) {
        name = operation_name((enum operation)operation);
    }
    return name == NULL ? "unknown" : name;
}

/* ---- appending ---- */

/* Where one entry's bytes are still to be written once the lock is held. */
struct slot {
    const struct audit_entry *entry;
    uint8_t *bytes;
    uint8_t *reason; /* sealed; its nonce is there already */
};

/*
 * Entries on their way into the chain: all that can be done without the lock is done in them.
 * Behind the caller's stands a checkpoint, in case one is due.
 */
struct batch {
    struct audit_entry *entries;
    size_t count;
    struct audit_entry checkpoint;
    struct slot *slots; /* count + 1 */
    struct bytes *encoded;
    enum audit_reserve reserve; /* 0: none of it */
};

/* What the chain becomes once the journal has taken a batch. */
struct outcome {
    struct audit_link tip;
    struct audit_checkpoint newest;
    uint8_t newest_digest[AUDIT_DIGEST_BYTES];
    uint64_t newest_noted;
    uint64_t since;
};

static size_t
reason_bytes(const struct audit_entry *entry)
{
    return entry->reason.size == 0 ? 0 : entry->reason.size + AUDIT_REASON_EXTRA;
}

static bool
entries_well_formed(const struct audit_entry *entries, size_t count)
{
    struct audit_reason reason;

    for (size_t i = 0; i < count; i++) {
        if (audit_entry_fault(&entries[i]) != NULL ||
            audit_reason_unpack(entries[i].reason, &reason) != STATUS_OK) {
            return false;
        }
    }
    return true;
}

static uint8_t *
encode(const struct audit_entry *entry, struct slot *slot, struct bytes *encoded, uint8_t *to)
{
    size_t size = audit_entry_size(entry, reason_bytes(entry));

    *encoded = bytes_of(to, size);
    slot->entry = entry;
    slot->bytes = to;
    slot->reason = audit_entry_encode(entry, reason_bytes(entry), to);
    if (entry->reason.size > 0) {
        randombytes_buf(slot->reason, NONCE_OF_BOX_BYTES);
    }
    return to + size;
}

/* One piece of memory for slots, views and bytes, for the caller to free: batch->slots. */
static enum status
prepare(struct batch *batch)
{
    size_t slots = batch->count + 1;
    size_t size = slots * (sizeof(struct slot) + sizeof(struct bytes)) +
                  audit_entry_size(&batch->checkpoint, 0);
    uint8_t *at;

    for (size_t i = 0; i < batch->count; i++) {
        size += audit_entry_size(&batch->entries[i], reason_bytes(&batch->entries[i]));
    }
    batch->slots = malloc(size);
    if (batch->slots == NULL) {
        return STATUS_UNAVAILABLE;
    }
    batch->encoded = (struct bytes *)(batch->slots + slots);
    at = (uint8_t *)(batch->encoded + slots);
    for (size_t i = 0; i < batch->count; i++) {
        at = encode(&batch->entries[i], &batch->slots[i], &batch->encoded[i], at);
    }
    (void)encode(&batch->checkpoint, &batch->slots[batch->count], &batch->encoded[batch->count],
                 at);
    return STATUS_OK;
}

/* Its place in the chain is in the associated data, so this waits for the number. */
static enum status
seal_reason(const struct audit *audit, const struct audit_link *link, const struct slot *slot)
{
    uint8_t context[AUDIT_REASON_CONTEXT_MAX];
    struct key_name key = {KEY_REASON, 0, clock_year(link->time_ms)};
    size_t size;

    if (slot->entry->reason.size == 0) {
        return STATUS_OK;
    }
    size = audit_entry_reason_context(audit->vault_id, slot->entry, link->sequence, context);
    return keyring_encrypt_with(audit->keyring, key, slot->reason, bytes_of(context, size),
                                slot->entry->reason, slot->reason);
}

/* The entry is whole but for this; what is signed then covers the chain up to here. */
static enum status
sign(const struct audit *audit, const struct audit_link *link, const struct slot *slot,
     struct bytes encoded, struct outcome *outcome)
{
    struct audit_checkpoint *newest = &outcome->newest;
    struct audit_entry entry = *slot->entry;
    uint8_t message[AUDIT_CHECKPOINT_MESSAGE_BYTES];
    enum status status;

    entry.sequence = link->sequence;
    entry.time_ms = link->time_ms;
    entry.changes = audit->store_changes == NULL ? 0 : audit->store_changes(audit->store);
    outcome->newest_noted = atomic_load_explicit(&audit->noted, memory_order_acquire);
    audit_entry_put_counts(entry.changes, outcome->newest_noted, slot->bytes);
    audit_checkpoint_of(audit->vault_id, &entry, encoded, newest);
    audit_checkpoint_message(newest, message);
    status =
        keyring_audit_sign(audit->keyring, bytes_of(message, sizeof message), newest->signature);
    if (status == STATUS_OK) {
        audit_entry_put_signature(newest->signature, slot->bytes);
    }
    return status;
}

/* The next entry of the chain is made whole, and the chain moves on to it. */
static enum status
chain_entry(const struct audit *audit, const struct slot *slot, struct bytes encoded,
            struct outcome *outcome)
{
    struct audit_link *tip = &outcome->tip;
    enum status status;

    tip->sequence++;
    audit_entry_put_link(tip, slot->bytes);
    status = seal_reason(audit, tip, slot);
    if (status == STATUS_OK && slot->entry->has_checkpoint) {
        status = sign(audit, tip, slot, encoded, outcome);
    }
    if (status != STATUS_OK) {
        return STATUS_UNAVAILABLE; /* sealed, or no key for this year */
    }
    audit_entry_digest(encoded, tip->previous);
    outcome->since++;
    if (slot->entry->has_checkpoint) {
        outcome->since = 0;
        memcpy(outcome->newest_digest, tip->previous, AUDIT_DIGEST_BYTES);
    }
    return STATUS_OK;
}

static bool
wants_checkpoint(const struct audit *audit, const struct outcome *outcome)
{
    return outcome->since >= AUDIT_CHECKPOINT_ENTRIES && !audit->restoring &&
           keyring_is_unsealed(audit->keyring);
}

static void
settle(struct audit *audit, const struct outcome *outcome)
{
    if (outcome->newest.sequence != audit->newest.sequence) {
        audit->made_ms = clock_monotonic_ms();
        audit->due_ms = audit->made_ms + audit->period_ms;
    }
    audit->tip = outcome->tip;
    audit->newest = outcome->newest;
    audit->newest_noted = outcome->newest_noted;
    memcpy(audit->newest_digest, outcome->newest_digest, AUDIT_DIGEST_BYTES);
    audit->since = outcome->since;
    atomic_store_explicit(&audit->last, outcome->tip.sequence, memory_order_release);
}

static enum status
take(struct audit *audit, const struct batch *batch, size_t count, uint64_t *ret_position)
{
    uint32_t leave_bytes = batch->reserve == AUDIT_RESERVE_ERASE ? ERASE_LEAVES_BYTES : 0;

    return batch->reserve == 0 ? journal_append(audit->journal, batch->encoded, count, ret_position)
                               : journal_append_reserved(audit->journal, batch->encoded, count,
                                                         leave_bytes, ret_position);
}

/* With the lock held. Either all are taken, or nothing has changed. */
static enum status
chain_and_take(struct audit *audit, const struct batch *batch, struct audit_link *ret_first)
{
    struct outcome outcome = {.tip = audit->tip,
                              .newest = audit->newest,
                              .newest_noted = audit->newest_noted,
                              .since = audit->since};
    uint64_t now_ms = clock_vault_ms();
    uint64_t position = 0;
    size_t taken = 0;
    enum status status = STATUS_OK;

    memcpy(outcome.newest_digest, audit->newest_digest, AUDIT_DIGEST_BYTES);
    /* Sealed, the clock is not believed: nothing could be signed with what it says. */
    if (now_ms > outcome.tip.time_ms &&
        (outcome.tip.sequence == 0 || keyring_is_unsealed(audit->keyring))) {
        outcome.tip.time_ms = now_ms;
    }
    *ret_first = outcome.tip;
    while (status == STATUS_OK &&
           (taken < batch->count || (taken == batch->count && wants_checkpoint(audit, &outcome)))) {
        status = chain_entry(audit, &batch->slots[taken], batch->encoded[taken], &outcome);
        taken++;
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = take(audit, batch, taken, &position);
    if (status != STATUS_OK) {
        return STATUS_UNAVAILABLE;
    }
    assert(position == outcome.tip.sequence);
    settle(audit, &outcome);
    return STATUS_OK;
}

static bool
has_restored(const struct audit_entry *entries, size_t count)
{
    return entries[count - 1].operation == AUDIT_ACT_RESTORED;
}

static enum status
append(struct audit *audit, struct audit_entry *entries, size_t count, enum audit_reserve reserve)
{
    struct batch batch = {
        .entries = entries,
        .count = count,
        .reserve = reserve,
        .checkpoint = {.operation = AUDIT_ACT_CHECKPOINT,
                       .phase = AUDIT_DONE,
                       .has_checkpoint = true},
    };
    struct audit_link first;
    enum status status;

    assert(count > 0);
    if (!entries_well_formed(entries, count)) {
        return STATUS_INVALID;
    }
    memcpy(batch.checkpoint.instance_id, audit->instance_id, INSTANCE_ID_BYTES);
    for (size_t i = 0; i < count; i++) {
        if (entries[i].has_checkpoint) {
            memcpy(entries[i].instance_id, audit->instance_id, INSTANCE_ID_BYTES);
        }
    }
    status = prepare(&batch);
    if (status != STATUS_OK) {
        return status;
    }
    (void)pthread_mutex_lock(&audit->lock);
    status = chain_and_take(audit, &batch, &first);
    (void)pthread_mutex_unlock(&audit->lock);
    free(batch.slots);
    if (audit->restoring && status == STATUS_OK && has_restored(entries, count)) {
        audit->restoring = false; /* written while there is one thread only */
    }
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        entries[i].sequence = first.sequence + 1 + i;
        entries[i].time_ms = first.time_ms;
    }
    return status;
}

enum status
audit_append(struct audit *audit, struct audit_entry *entries, size_t count)
{
    return append(audit, entries, count, AUDIT_RESERVE_NONE);
}

enum status
audit_append_reserved(struct audit *audit, struct audit_entry *entries, size_t count,
                      enum audit_reserve use)
{
    return append(audit, entries, count, use);
}

enum status
audit_record(struct audit *audit, struct audit_entry *entries, size_t count, enum audit_reserve use)
{
    enum status status = append(audit, entries, count, use);

    return status == STATUS_OK ? audit_wait(audit, entries[count - 1].sequence) : status;
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

void
audit_noted(struct audit *audit, uint64_t sequence)
{
    uint64_t before = atomic_load_explicit(&audit->noted, memory_order_relaxed);

    while (before < sequence &&
           !atomic_compare_exchange_weak_explicit(&audit->noted, &before, sequence,
                                                  memory_order_acq_rel, memory_order_relaxed)) {
    }
}

uint64_t
audit_first(const struct audit *audit)
{
    return atomic_load_explicit(&audit->first, memory_order_acquire);
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
    status = audit_record(audit, entries, count, AUDIT_RESERVE_NONE);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        ret_receipts[i].sequence = entries[i].sequence;
        memcpy(ret_receipts[i].token, entries[i].token, TOKEN_BYTES);
    }
    return status;
}

uint64_t
audit_flushes(const struct audit *audit)
{
    return journal_flushes(audit->journal);
}

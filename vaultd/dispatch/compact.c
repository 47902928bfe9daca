/* SPDX-License-Identifier: Apache-2.0 */
/* Compaction, on record: intent, then the maintenance thread's steps, then the outcome. No key is
 * needed for it, so it goes on while the vault is sealed, too. */
#include "dispatch_internal.h"

#include <stdio.h>

#include "clock.h"
#include "key_work.h"
#include "log.h"
#include "scratch.h"

enum { BUSY_MS = 40 /* of a tick */ };

/* ---- beginning; with the lock held ---- */

/* How much of the disk is missing, in words. */
static const char *
describe_lack(struct scratch *scratch, uint64_t lacks)
{
    enum { TEXT_BYTES = 160, MIB_BITS = 20 };
    char *text = scratch_alloc(scratch, TEXT_BYTES);

    if (text == NULL || lacks == 0) {
        return "the database cannot be copied now: is the disk full?";
    }
    (void)snprintf(text, TEXT_BYTES,
                   "the copy needs %llu MiB more on the disk (%llu bytes); nothing was done",
                   (unsigned long long)((lacks >> MIB_BITS) + 1), (unsigned long long)lacks);
    return text;
}

/* An outcome that the log cannot take now is owed, and tried again at the next tick. The gate is
 * held, as by all who append: who holds it alone counts on being the only one. */
static void
pay(struct dispatch *dispatch)
{
    struct compacting *compacting = &dispatch->compacting;
    struct audit_entry outcome = {
        .operation = OP_COMPACT,
        .phase = AUDIT_OUTCOME,
        .refers = compacting->intent,
        .result = compacting->result,
        .amount = compacting->number,
        .uid = dispatch->parts.daemon_uid,
    };

    if (audit_record(dispatch->parts.audit, &outcome, 1, AUDIT_RESERVE_STOP) == STATUS_OK) {
        compacting->intent = 0;
    }
}

static void
end(struct dispatch *dispatch, enum status result)
{
    struct compacting *compacting = &dispatch->compacting;
    struct vault_compaction about = vault_compact_look(dispatch->parts.vault);

    compacting->ended = true;
    compacting->result = result;
    atomic_store(&compacting->last, (int)result);
    LOG(LOG_LEVEL_NOTICE, EVENT_COMPACTED, F_STATUS("status", result),
        F("before", compacting->bytes), F("bytes", about.bytes), F("held_us", about.held_us));
}

static enum status
begin(struct dispatch *dispatch, struct scratch *scratch, const struct audit_entry *as,
      uint64_t number, const char **ret_fault)
{
    struct compacting *compacting = &dispatch->compacting;
    struct audit_entry entry = *as;
    uint64_t lacks = 0;
    enum status status;

    entry.phase = AUDIT_INTENT;
    /* By this the next start finds out whether it came about. */
    entry.amount = number;
    status = audit_record(dispatch->parts.audit, &entry, 1, AUDIT_RESERVE_NONE);
    if (status != STATUS_OK) {
        *ret_fault = "the log cannot be written, so nothing is done";
        return status;
    }
    compacting->intent = entry.sequence;
    compacting->number = number;
    compacting->ended = false;
    compacting->bytes = vault_compact_look(dispatch->parts.vault).bytes;
    status = vault_compact_begin(dispatch->parts.vault, &lacks);
    if (status != STATUS_OK) {
        *ret_fault = describe_lack(scratch, lacks);
        end(dispatch, status);
        pay(dispatch);
    }
    return status;
}

/* The outcome of the one before may be owed still. */
static enum status
begin_after_last(struct dispatch *dispatch, struct scratch *scratch, const struct audit_entry *as,
                 uint64_t number, const char **ret_fault)
{
    struct compacting *compacting = &dispatch->compacting;

    if (compacting->intent != 0 && compacting->ended) {
        pay(dispatch);
    }
    if (compacting->intent != 0 && compacting->ended) {
        *ret_fault = "the log cannot be written, so nothing is done";
        return STATUS_UNAVAILABLE;
    }
    return compacting->intent == 0 ? begin(dispatch, scratch, as, number, ret_fault) : STATUS_OK;
}

/* One that is under way is not waited for: its thread may flush the disk with the lock held, and
 * whoever waits here holds the gate. */
enum status
dispatch_compact(struct dispatch *dispatch, struct scratch *scratch, const struct audit_entry *as,
                 uint64_t number, const char **ret_fault)
{
    struct compacting *compacting = &dispatch->compacting;
    struct vault_compaction about = vault_compact_look(dispatch->parts.vault);
    enum status status = STATUS_OK;

    if (number > about.made + 1) {
        *ret_fault = "number: one more than were made, please";
        return STATUS_CONFLICT;
    }
    if (about.copying || about.waiting || number <= about.made) {
        return STATUS_OK;
    }
    (void)pthread_mutex_lock(&compacting->lock);
    if (number == vault_compactions(dispatch->parts.vault) + 1) {
        status = begin_after_last(dispatch, scratch, as, number, ret_fault);
    }
    (void)pthread_mutex_unlock(&compacting->lock);
    return status;
}

/* ---- the maintenance thread ---- */

static void
step(struct dispatch *dispatch)
{
    const uint64_t begun_ms = clock_monotonic_ms();
    bool ended = false;
    enum status status = STATUS_OK;

    while (!ended && status == STATUS_OK && clock_monotonic_ms() - begun_ms < BUSY_MS) {
        status = vault_compact_step(dispatch->parts.vault, &ended);
        if (vault_compact_look(dispatch->parts.vault).waiting) {
            break; /* for readers; or it ends at the next tick */
        }
    }
    /* Of what nobody knows the next start finds out. */
    if (ended && !vault_failed(dispatch->parts.vault)) {
        end(dispatch, status);
    }
}

/* True: an outcome is owed. */
static bool
go_on(struct dispatch *dispatch)
{
    struct compacting *compacting = &dispatch->compacting;
    bool owes;

    (void)pthread_mutex_lock(&compacting->lock);
    if (compacting->intent != 0 && !compacting->ended) {
        step(dispatch);
    }
    owes = compacting->intent != 0 && compacting->ended;
    (void)pthread_mutex_unlock(&compacting->lock);
    return owes;
}

void
dispatch_compact_step(struct dispatch *dispatch)
{
    struct compacting *compacting = &dispatch->compacting;

    if (!go_on(dispatch)) {
        return;
    }
    gate_enter(&dispatch->gate);
    (void)pthread_mutex_lock(&compacting->lock);
    /* Whoever began another one meanwhile has paid it. */
    if (compacting->intent != 0 && compacting->ended) {
        pay(dispatch);
    }
    (void)pthread_mutex_unlock(&compacting->lock);
    gate_leave(&dispatch->gate);
}

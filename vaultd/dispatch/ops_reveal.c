/* SPDX-License-Identifier: Apache-2.0 */
/* detokenize: who may see what, written down and on disk, then opened. */
#include "dispatch_internal.h"

#include <unistd.h>

#include "alarms.h"
#include "failpoint.h"
#include "operations.h"
#include "scratch.h"
#include "spend.h"

enum { REVEAL_PAUSE_US = 1000 * 1000 }; /* of the failpoint, between "you may" and "recorded" */

#define NO_LOG "the log cannot be written, so nothing is revealed"

/* One request's reveals: who may see what, written down, then opened. */
struct reveals {
    struct vault_place *places;
    size_t count;
    struct bytes reason;
    struct audit_entry *entries;
    struct audit_receipt *receipts; /* of the places granted, in their order */
    size_t granted;
    struct spent_reveals spent; /* of the budget; given back if nothing comes of it */
    const char **masks;         /* of those that do not fit; NULL where there is none */
};

static struct audit_entry
reveal_entry(const struct call *call, const struct reveals *reveals,
             const struct vault_place *place)
{
    struct audit_entry entry = call_place_entry(call, place, AUDIT_DONE, STATUS_OK);

    entry.reason = reveals->reason;
    return entry;
}

/* Returns when every reveal granted is on disk. */
static enum status
record_granted(struct call *call, struct reveals *reveals)
{
    for (size_t i = 0; i < reveals->count; i++) {
        if (reveals->places[i].status == STATUS_OK) {
            reveals->entries[reveals->granted++] = reveal_entry(call, reveals, &reveals->places[i]);
        }
    }
    return reveals->granted == 0
               ? STATUS_OK
               : audit_record_reveals(call->dispatch->parts.audit, reveals->entries,
                                      reveals->granted, reveals->receipts);
}

/* Recorded as granted, but the record would not open: the log says so too. */
static void
record_failure(struct call *call, const struct vault_place *place,
               const struct audit_receipt *receipt, enum status result)
{
    struct audit_entry entry = call_place_entry(call, place, AUDIT_OUTCOME, result);

    entry.refers = receipt->sequence;
    if (audit_append(call->dispatch->parts.audit, &entry, 1) != STATUS_OK) {
        return;
    }
}

/* Not now: what she may see of it meanwhile, and when it fits. `rank`: the how manieth of those. */
static void
put_held(struct call *call, const struct reveals *reveals, size_t i, uint32_t rank)
{
    const struct vault_place *place = &reveals->places[i];

    call_begin_item(call, place->kind, &place->token, 6);
    message_put_text(&call->reply, FIELD_MASK, reveals->masks[i]);
    message_put_uint(&call->reply, FIELD_STATUS, STATUS_QUOTA);
    message_put_text(&call->reply, FIELD_MESSAGE, reveals->spent.fault);
    message_put_uint(&call->reply, FIELD_RETRY_AFTER_S,
                     spend_reveals_fit_after_s(call, &reveals->spent, rank));
}

static enum status
open_granted(struct call *call, struct reveals *reveals)
{
    const struct audit_receipt *receipt = reveals->receipts;
    uint32_t held = 0;
    enum status status;

    message_put_list(&call->reply, FIELD_ITEMS, reveals->count);
    for (size_t i = 0; i < reveals->count; i++) {
        const struct vault_place *place = &reveals->places[i];
        struct bytes contact = {0};

        status = place->status;
        if (status == STATUS_QUOTA) {
            put_held(call, reveals, i, ++held);
            continue;
        }
        if (status == STATUS_OK) {
            status =
                vault_reveal(call->dispatch->parts.vault, call->scratch, receipt, place, &contact);
            if (status != STATUS_OK) {
                record_failure(call, place, receipt, status);
            }
            receipt++;
        }
        if (status != STATUS_OK) {
            call_put_item_fault(call, status, call_place_fault(status));
            continue;
        }
        call_begin_item(call, place->kind, &place->token, 3);
        message_put_bytes(&call->reply, FIELD_VALUE, contact);
    }
    return STATUS_OK;
}

/* All in scratch, before anything is on record. */
static enum status
prepare(struct call *call, struct reveals *reveals)
{
    const struct message_list *values = call_values(call);
    enum status status = call_reason(call, &reveals->reason);

    if (status == STATUS_OK) {
        status = call_find_places(call, values, &reveals->places);
    }
    if (status != STATUS_OK) {
        return status;
    }
    reveals->count = message_list_count(values);
    reveals->entries = scratch_alloc(call->scratch, reveals->count * sizeof *reveals->entries);
    reveals->receipts = scratch_alloc(call->scratch, reveals->count * sizeof *reveals->receipts);
    return reveals->entries != NULL && reveals->receipts != NULL
               ? STATUS_OK
               : call_refuse(call, STATUS_UNAVAILABLE, NO_MEMORY);
}

/* vault_mask masks what is OK, so it looks at a copy where only those are. */
static enum status
mask_held(struct call *call, struct reveals *reveals)
{
    size_t size = reveals->count * sizeof *reveals->places;
    struct vault_place *copy = scratch_alloc(call->scratch, size);
    enum status status;

    reveals->masks = scratch_alloc(call->scratch, reveals->count * sizeof *reveals->masks);
    if (copy == NULL || reveals->masks == NULL) {
        return STATUS_UNAVAILABLE;
    }
    memcpy(copy, reveals->places, size);
    for (size_t i = 0; i < reveals->count; i++) {
        bool held = copy[i].status == STATUS_QUOTA;

        copy[i].status = held ? STATUS_OK : STATUS_QUOTA;
    }
    status = vault_mask(call->dispatch->parts.vault, call->scratch, copy, reveals->count,
                        reveals->masks);
    /* One that does not open has no mask either: CORRUPT, as without a budget. */
    for (size_t i = 0; status == STATUS_OK && i < reveals->count; i++) {
        if (reveals->places[i].status == STATUS_QUOTA && reveals->masks[i] == NULL) {
            reveals->places[i].status = copy[i].status;
        }
    }
    return status;
}

/* Spent, on record and on disk: then, and only then, opened. The masks first: what is on record as
 * revealed shall not fail for want of them. */
static enum status
record_and_open(struct call *call, struct reveals *reveals)
{
    enum status status = reveals->spent.held > 0 ? mask_held(call, reveals) : STATUS_OK;
    const char *fault = NULL; /* the usual */

    if (status == STATUS_OK) {
        CRASH_POINT("reveal_spent");
        status = record_granted(call, reveals);
        fault = NO_LOG;
    }
    if (status != STATUS_OK) {
        spend_undo_reveals(call, &reveals->spent);
        return call_refuse(call, status, fault);
    }
    CRASH_POINT("reveal_recorded");
    return open_granted(call, reveals);
}

static enum status
watch(struct call *call, struct reveals *reveals)
{
    return call_watch_canaries(call, reveals->places, reveals->count, reveals->reason,
                               reveals->entries);
}

/* Paid for. Of a service only what is paid for is looked through for canaries: each is an entry,
 * and the budget bounds how many of those it can make. */
static enum status
spend(struct call *call, struct reveals *reveals)
{
    enum status status = spend_reveals(call, reveals->places, reveals->count, &reveals->spent);

    if (status == STATUS_OK && call->principal->kind != PRINCIPAL_PERSON) {
        status = watch(call, reveals);
        if (status != STATUS_OK) {
            spend_undo_reveals(call, &reveals->spent);
        }
    }
    return status;
}

enum status
op_detokenize(struct call *call)
{
    struct reveals reveals = {0};
    enum status status;

    /* The log is flushed before anything is opened. */
    call->would_wait = call->mode == DISPATCH_NO_WAIT;
    if (call->would_wait) {
        return STATUS_BUSY;
    }
    status = prepare(call, &reveals);
    /* A person is disabled for it whether or not it would fit. */
    if (status == STATUS_OK && call->principal->kind == PRINCIPAL_PERSON) {
        status = watch(call, &reveals);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (FAILPOINT("dispatch_reveal_pause")) {
        (void)usleep(REVEAL_PAUSE_US);
    }
    status =
        call_record_refused(call, reveals.places, reveals.count, reveals.reason, reveals.entries);
    /* Room for the reply first: what is on record as revealed shall not fail for want of it. */
    if (status == STATUS_OK) {
        status = call_begin_reply(call, 2, reveals.count);
    }
    if (status == STATUS_OK) {
        status = spend(call, &reveals);
    }
    return status == STATUS_OK ? record_and_open(call, &reveals) : status;
}

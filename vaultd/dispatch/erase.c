/* SPDX-License-Identifier: Apache-2.0 */
/* Erasing, for people and for the retention job alike: intent, erase, outcome, one step at a time.
 */
#include "dispatch_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "scratch.h"

/* Contacts in one step: what the reserve of a full disk carries. */
enum { STEP_CONTACTS = VAULT_ERASED_CERTAINLY };

/* One step on its way: its places, and an entry for each that is to go. */
struct erasing {
    struct dispatch *dispatch;
    const struct audit_entry *as;
    struct audit_entry *entries;
    size_t entry_count;
    struct vault_place *places;
    size_t count;
};

static struct audit_entry
erase_entry(const struct erasing *erasing, const struct vault_place *place)
{
    struct audit_entry entry = *erasing->as;
    const struct namespace_row *row =
        access_namespace_by_id(erasing->dispatch->parts.access, place->namespace_id);

    entry.phase = AUDIT_INTENT;
    entry.result = STATUS_OK;
    entry.token_kind = (uint8_t)place->kind;
    memcpy(entry.token, place->token.bytes, TOKEN_BYTES);
    entry.namespace_name = row == NULL ? (struct bytes){0} : bytes_of_text(row->name);
    return entry;
}

/* What nobody asked for, the sweep, is not begun out of the reserve; but the word of what became of
 * anything is. */
static enum audit_reserve
reserve_for(const struct audit_entry *entry)
{
    if (entry->phase == AUDIT_OUTCOME) {
        return AUDIT_RESERVE_STOP;
    }
    return entry->principal.size > 0 ? AUDIT_RESERVE_ERASE : AUDIT_RESERVE_NONE;
}

static enum status
record_all(struct dispatch *dispatch, struct audit_entry *entries, size_t count)
{
    return audit_record(dispatch->parts.audit, entries, count, reserve_for(entries));
}

/* ---- what is owed ---- */

static enum status
pay(struct dispatch *dispatch)
{
    struct owed_erasures *owed = &dispatch->owed_erasures;
    enum status status = STATUS_OK;

    if (owed->count > 0) {
        status = record_all(dispatch, owed->entries, owed->count);
        owed->count = status == STATUS_OK ? 0 : owed->count;
    }
    return status;
}

/* Should even the memory for it be short, the intents stay open and the next start settles them. */
static void
owe(struct dispatch *dispatch, const struct erasing *erasing)
{
    struct owed_erasures *owed = &dispatch->owed_erasures;

    if (owed->entries == NULL) {
        owed->entries = calloc(STEP_CONTACTS, sizeof *owed->entries);
    }
    if (owed->entries == NULL) {
        return;
    }
    for (size_t i = 0; i < erasing->entry_count; i++) {
        owed->entries[i] = erasing->entries[i];
        owed->entries[i].principal = (struct bytes){0};
        owed->entries[i].namespace_name = (struct bytes){0};
        owed->entries[i].reason = (struct bytes){0};
    }
    owed->count = erasing->entry_count;
}

void
dispatch_pay_erasures(struct dispatch *dispatch)
{
    if (atomic_load(&dispatch->owed_erasures.count) == 0 || !dispatch_erase_begin(dispatch)) {
        return;
    }
    if (pay(dispatch) != STATUS_OK) {
        /* The next tick tries again. */
    }
    dispatch_erase_end(dispatch);
}

bool
dispatch_erase_begin(struct dispatch *dispatch)
{
    return pthread_mutex_trylock(&dispatch->erasing) == 0;
}

void
dispatch_erase_end(struct dispatch *dispatch)
{
    (void)pthread_mutex_unlock(&dispatch->erasing);
}

/* ---- one step ---- */

static enum status
announce(struct erasing *erasing)
{
    erasing->entry_count = 0;
    for (size_t i = 0; i < erasing->count; i++) {
        if (erasing->places[i].status == STATUS_OK) {
            erasing->entries[erasing->entry_count++] = erase_entry(erasing, &erasing->places[i]);
        }
    }
    return erasing->entry_count == 0
               ? STATUS_OK
               : record_all(erasing->dispatch, erasing->entries, erasing->entry_count);
}

/* The intents become outcomes. `announced` says which places they are about. */
static void
write_outcomes(struct erasing *erasing, const bool *announced, enum status all)
{
    size_t next = 0;

    for (size_t i = 0; i < erasing->count; i++) {
        if (announced[i]) {
            struct audit_entry *entry = &erasing->entries[next++];

            entry->phase = AUDIT_OUTCOME;
            entry->refers = entry->sequence;
            entry->result = all == STATUS_OK ? erasing->places[i].status : all;
            entry->reason = (struct bytes){0};
        }
    }
}

static enum status
erase_step(struct erasing *erasing, struct scratch *scratch, const char **ret_fault)
{
    struct dispatch *dispatch = erasing->dispatch;
    bool announced[STEP_CONTACTS];
    enum status done;
    enum status status = pay(dispatch);

    if (status == STATUS_OK) {
        status = announce(erasing);
    }
    if (status != STATUS_OK || erasing->entry_count == 0) {
        *ret_fault = "the log cannot be written, so nothing more is erased";
        return status;
    }
    for (size_t i = 0; i < erasing->count; i++) {
        announced[i] = erasing->places[i].status == STATUS_OK;
    }
    done = vault_erase(dispatch->parts.vault, scratch, erasing->places, erasing->count);
    if (vault_failed(dispatch->parts.vault)) {
        /* Nobody knows whether it came about. The intents stay open, and the restart looks. */
        *ret_fault = "not known whether it was done: the vault stops; look again when it is back";
        return STATUS_UNAVAILABLE;
    }
    write_outcomes(erasing, announced, done);
    status = record_all(dispatch, erasing->entries, erasing->entry_count);
    if (status != STATUS_OK) {
        owe(dispatch, erasing);
    }
    if (done != STATUS_OK) {
        *ret_fault = "the database cannot be written; what was not answered before is not erased";
        return done;
    }
    *ret_fault = "erased, but the log could not take the outcome yet";
    return status;
}

/* What is left when the work was cut short. */
static void
leave_rest(struct vault_place *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        places[i].status = places[i].status == STATUS_OK ? STATUS_BUSY : places[i].status;
    }
}

enum status
dispatch_erase(struct dispatch *dispatch, struct scratch *scratch, const struct audit_entry *as,
               struct vault_place *places, size_t count, const char **ret_fault)
{
    struct erasing erasing = {.dispatch = dispatch, .as = as};
    enum status status = STATUS_OK;
    size_t from = 0;

    erasing.entries = scratch_alloc(scratch, STEP_CONTACTS * sizeof *erasing.entries);
    if (erasing.entries == NULL) {
        return STATUS_UNAVAILABLE;
    }
    for (; status == STATUS_OK && from < count; from += STEP_CONTACTS) {
        if (from > 0 && gate_is_wanted(&dispatch->gate)) {
            leave_rest(places + from, count - from);
            break;
        }
        erasing.places = places + from;
        erasing.count = count - from < STEP_CONTACTS ? count - from : STEP_CONTACTS;
        status = erase_step(&erasing, scratch, ret_fault);
    }
    return status;
}

/* ---- after a crash ---- */

static struct audit_entry
settled(const struct audit_erasure *erasure, const struct vault_place *place)
{
    struct audit_entry entry = {
        .operation = OP_ERASE,
        .phase = AUDIT_OUTCOME,
        .refers = erasure->sequence,
        .result = place->status == STATUS_NOT_FOUND ? STATUS_OK : STATUS_UNAVAILABLE,
        .token_kind = (uint8_t)erasure->kind,
    };

    memcpy(entry.token, erasure->token, TOKEN_BYTES);
    return entry;
}

enum status
dispatch_settle_erasures(struct dispatch *dispatch)
{
    size_t count = 0;
    const struct audit_erasure *erasures = audit_open_erasures(dispatch->parts.audit, &count);
    struct vault_place *places = calloc(count + 1, sizeof *places);
    struct audit_entry *entries = calloc(count + 1, sizeof *entries);
    enum status status = STATUS_INTERNAL;

    if (places == NULL || entries == NULL) {
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        places[i].kind = erasures[i].kind;
        memcpy(places[i].token.bytes, erasures[i].token, TOKEN_BYTES);
    }
    status = vault_locate(dispatch->parts.vault, places, count);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        entries[i] = settled(&erasures[i], &places[i]);
    }
    if (status == STATUS_OK && count > 0) {
        status = record_all(dispatch, entries, count);
    }
out:
    free(places);
    free(entries);
    return status;
}

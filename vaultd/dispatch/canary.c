/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who opens a canary. A person has no reason to: nothing of the request is opened, and before it is
 * answered the person is disabled, durably. A sender may have been told to write to everybody: its
 * deliveries go on, and the operators are told.
 *
 * The log names a canary by its number, never by its token: who reads the log shall not learn what
 * to keep away from. Of the request every token is entered as refused, as of any other.
 */
#include "dispatch_internal.h"

#include "alarms.h"
#include "log.h"

#define NO_LOG "the log cannot be written, so nothing is revealed"

static const struct canary *
canary_at(const struct call *call, const struct vault_place *place)
{
    return place->status == STATUS_OK
               ? access_canary_of(call->dispatch->parts.access, place->token.bytes)
               : NULL;
}

/* Entries for all canaries among them, out of the reserve for what stops somebody where it does;
 * none: nothing. *ret_first: the first one's number, or 0. */
static enum status
record_canaries(struct call *call, const struct vault_place *places, size_t count,
                enum status result, struct audit_entry *entries, uint32_t *ret_first)
{
    size_t met = 0;

    *ret_first = 0;
    for (size_t i = 0; i < count; i++) {
        const struct canary *canary = canary_at(call, &places[i]);

        if (canary != NULL) {
            struct audit_entry *entry = &entries[met++];

            *entry = call_place_entry(call, &places[i], AUDIT_DONE, result);
            entry->operation = AUDIT_ACT_CANARY;
            entry->token_kind = 0;
            memset(entry->token, 0, TOKEN_BYTES);
            entry->amount = canary->number;
            *ret_first = *ret_first == 0 ? canary->number : *ret_first;
        }
    }
    return met == 0 ? STATUS_OK
                    : audit_append_reserved(call->dispatch->parts.audit, entries, met,
                                            result == STATUS_OK ? AUDIT_RESERVE_NONE
                                                                : AUDIT_RESERVE_STOP);
}

/* All that would have been opened is refused, on record; a full budget of refusals changes nothing.
 */
static void
refuse_all(struct call *call, struct vault_place *places, size_t count, struct bytes reason,
           struct audit_entry *entries)
{
    for (size_t i = 0; i < count; i++) {
        places[i].status = places[i].status == STATUS_OK ? STATUS_DENIED : places[i].status;
    }
    (void)!call_record_refused(call, places, count, reason, entries);
    call->retry_after_s = 0;
}

enum status
call_watch_canaries(struct call *call, struct vault_place *places, size_t count,
                    struct bytes reason, struct audit_entry *entries)
{
    const bool is_person = call->principal->kind == PRINCIPAL_PERSON;
    const enum status result = is_person ? STATUS_DENIED : STATUS_OK;
    uint32_t canary;
    enum status status = record_canaries(call, places, count, result, entries, &canary);

    if (canary == 0) {
        return STATUS_OK;
    }
    LOG(LOG_LEVEL_WARNING, EVENT_CANARY, F("principal", call->principal->number),
        F("number", canary), F("suspended", is_person));
    dispatch_notice(call->dispatch, NOTICE_CANARY, bytes_of_text(call->principal->name),
                    entries[0].namespace_name, canary);
    if (!is_person) {
        return status == STATUS_OK ? STATUS_OK : call_refuse(call, status, NO_LOG);
    }
    refuse_all(call, places, count, reason, entries);
    call->suspend_for = canary;
    return call_refuse(call, STATUS_DENIED, DISABLED_FAULT);
}

static enum status
disable(struct call *call, const struct principal *principal)
{
    struct dispatch *dispatch = call->dispatch;
    uint32_t number = principal->number;
    enum status status =
        dispatch_disable_once(dispatch, principal, call->suspend_for, &call->fault);

    dispatch_follow(dispatch);
    principal = access_by_number(dispatch->parts.access, number); /* its row is another */
    /* In force it may be although the log could not take the outcome. */
    if (principal->disabled) {
        status = STATUS_OK;
        dispatch_notice(dispatch, NOTICE_SUSPENDED, bytes_of_text(principal->name),
                        (struct bytes){0}, call->suspend_for);
    }
    return status;
}

enum status
call_suspend(struct call *call)
{
    struct dispatch *dispatch = call->dispatch;
    const struct principal *principal;
    enum status status = STATUS_SEALED;

    gate_enter_alone(&dispatch->gate);
    if (!dispatch->sealed) {
        principal = access_by_number(dispatch->parts.access, call->peer->principal);
        status = principal == NULL || principal->disabled ? STATUS_OK : disable(call, principal);
    }
    gate_leave(&dispatch->gate);
    call->principal = NULL;
    if (status != STATUS_OK) {
        LOG(LOG_LEVEL_ERROR, EVENT_CANARY, F("principal", call->peer->principal),
            F("suspended", (bool)false), F_STATUS("status", status));
        return call_refuse(call, status, NULL);
    }
    return call_refuse(call, STATUS_DENIED, DISABLED_FAULT);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a contact is to be seen or erased: text, purpose and ticket, judged before anything is on
 * record, because they go to the log, which lives longer than a contact and has none in it. What
 * is refused is neither repeated nor entered.
 */
#include "dispatch_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "operations.h"
#include "scratch.h"

enum {
    FAULT_BYTES = MESSAGE_BYTES_MAX,
    NAMES_APART = 2, /* ", " */
};

#define NAME_BY_TOKEN "write which contact you mean as its token, or not at all"

__attribute__((format(__printf__, 2, 3))) static enum status
refuse(struct call *call, const char *format, ...)
{
    char *fault = scratch_alloc(call->scratch, FAULT_BYTES);
    va_list list;

    if (fault == NULL) {
        return call_refuse(call, STATUS_INVALID, "reason, ticket or purpose: not as it may be");
    }
    va_start(list, format);
    (void)vsnprintf(fault, FAULT_BYTES, format, list);
    va_end(list);
    return call_refuse(call, STATUS_INVALID, fault);
}

static enum status
check_text(struct call *call, struct bytes text)
{
    const char *contact;

    if (text.size == 0) {
        return call_refuse(call, STATUS_INVALID, "reason: say why (--reason TEXT)");
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < ' ' || text.data[i] == 0x7f) {
            return call_refuse(call, STATUS_INVALID, "reason: one line of text, no control bytes");
        }
    }
    contact = vault_contact_in_text(text);
    return contact == NULL ? STATUS_OK
                           : refuse(call, "reason: it has %s in it; " NAME_BY_TOKEN, contact);
}

static enum status
check_ticket(struct call *call, struct bytes ticket)
{
    const char *contact;

    for (size_t i = 0; i < ticket.size; i++) {
        bool at_end = i == 0 || i + 1 == ticket.size;

        if (ticket.data[i] < ' ' || ticket.data[i] > '~' || (at_end && ticket.data[i] == ' ')) {
            return call_refuse(call, STATUS_INVALID,
                               "ticket: printable ASCII, and no blank before or behind it");
        }
    }
    contact = vault_contact_in_text(ticket);
    return contact == NULL ? STATUS_OK
                           : refuse(call,
                                    "ticket: it has %s in it; if it is only long, write a letter "
                                    "between its digits",
                                    contact);
}

/* Names apart by ", ". */
static bool
is_listed(const char *names, struct bytes name)
{
    while (names[0] != '\0') {
        size_t size = strcspn(names, ",");

        if (bytes_equal(bytes_of((const uint8_t *)names, size), name)) {
            return true;
        }
        names += names[size] == '\0' ? size : size + NAMES_APART;
    }
    return false;
}

/* Whoever reveals as a person has one; a service, and an erase, may. */
static enum status
check_purpose(struct call *call, struct bytes purpose)
{
    const char *names = call->dispatch->parts.purposes;
    bool needed = call->row->reveals && call->principal->kind == PRINCIPAL_PERSON;

    if (names == NULL || names[0] == '\0') {
        return purpose.size == 0
                   ? STATUS_OK
                   : call_refuse(call, STATUS_INVALID,
                                 "purpose: this vault has no list of them; say it in --reason");
    }
    if (purpose.size == 0 ? !needed : is_listed(names, purpose)) {
        return STATUS_OK;
    }
    return refuse(call, "purpose: say which (--purpose NAME), one of %s", names);
}

enum status
call_reason(struct call *call, struct bytes *ret_packed)
{
    struct audit_reason reason = {
        .text = call_text(call, FIELD_REASON),
        .purpose = call_text(call, FIELD_REASON_PURPOSE),
        .ticket = call_text(call, FIELD_TICKET),
    };
    uint8_t *packed = scratch_alloc(call->scratch, AUDIT_REASON_BYTES_MAX);
    enum status status;

    if (packed == NULL) {
        return call_refuse(call, STATUS_UNAVAILABLE, NO_MEMORY);
    }
    status = check_text(call, reason.text);
    if (status == STATUS_OK) {
        status = check_ticket(call, reason.ticket);
    }
    if (status == STATUS_OK) {
        status = check_purpose(call, reason.purpose);
    }
    if (status == STATUS_OK) {
        *ret_packed = bytes_of(packed, audit_reason_pack(&reason, packed));
    }
    return status;
}

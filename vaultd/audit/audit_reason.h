/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_reason.h: what is sealed as the reason of an entry: a person's text, and with it the
 * purpose and the ticket, if any were given. Pure. The format stands at the top of audit_reason.c.
 */
#ifndef CONTACT_VAULT_AUDIT_REASON_H
#define CONTACT_VAULT_AUDIT_REASON_H

#include "bounds.h"
#include "bytes.h"
#include "status.h"

enum {
    AUDIT_REASON_BYTES_MAX = 3 + PURPOSE_BYTES_MAX + TICKET_BYTES_MAX + REASON_BYTES_MAX,
};

/* Views. Absent ones are empty. */
struct audit_reason {
    struct bytes text;    /* at most REASON_BYTES_MAX, without control characters */
    struct bytes purpose; /* PURPOSE_BYTES_MAX */
    struct bytes ticket;  /* TICKET_BYTES_MAX */
};

/* Gives the size: that of the text alone where there is nothing else. */
size_t audit_reason_pack(const struct audit_reason *reason,
                         uint8_t ret_packed[static AUDIT_REASON_BYTES_MAX]);
/* Views into `packed`. CORRUPT: audit_reason_pack made no such bytes. */
MUST_USE enum status audit_reason_unpack(struct bytes packed, struct audit_reason *ret_reason);

#endif

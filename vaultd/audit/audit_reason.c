/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reason, before it is sealed: a text, as it is; or, with a purpose or a ticket,
 *
 *   offset  size  what
 *   0       1     version, 1; no text begins with a control character
 *   1       1     size of the purpose, 0 to 32
 *   2       1     size of the ticket, 0 to 64; one of the two is not 0
 *   3       --    purpose, ticket, text
 */
#include "audit_reason.h"

#include <assert.h>
#include <string.h>

enum {
    VERSION = 1,
    PURPOSE_SIZE_OFFSET = 1,
    TICKET_SIZE_OFFSET = 2,
    HEAD_BYTES = 3,
};

static uint8_t *
put(uint8_t *to, struct bytes part)
{
    if (part.size > 0) {
        memcpy(to, part.data, part.size);
    }
    return to + part.size;
}

size_t
audit_reason_pack(const struct audit_reason *reason,
                  uint8_t ret_packed[static AUDIT_REASON_BYTES_MAX])
{
    uint8_t *to = ret_packed;

    assert(reason->text.size <= REASON_BYTES_MAX && reason->purpose.size <= PURPOSE_BYTES_MAX &&
           reason->ticket.size <= TICKET_BYTES_MAX);
    if (reason->purpose.size > 0 || reason->ticket.size > 0) {
        ret_packed[0] = VERSION;
        ret_packed[PURPOSE_SIZE_OFFSET] = (uint8_t)reason->purpose.size;
        ret_packed[TICKET_SIZE_OFFSET] = (uint8_t)reason->ticket.size;
        to = put(put(ret_packed + HEAD_BYTES, reason->purpose), reason->ticket);
    }
    return (size_t)(put(to, reason->text) - ret_packed);
}

enum status
audit_reason_unpack(struct bytes packed, struct audit_reason *ret_reason)
{
    size_t purpose, ticket, head;

    *ret_reason = (struct audit_reason){0};
    if (packed.size == 0 || packed.data[0] >= ' ') {
        ret_reason->text = packed;
        return packed.size <= REASON_BYTES_MAX ? STATUS_OK : STATUS_CORRUPT;
    }
    if (packed.size < HEAD_BYTES || packed.data[0] != VERSION) {
        return STATUS_CORRUPT;
    }
    purpose = packed.data[PURPOSE_SIZE_OFFSET];
    ticket = packed.data[TICKET_SIZE_OFFSET];
    head = HEAD_BYTES + purpose + ticket;
    if (purpose + ticket == 0 || purpose > PURPOSE_BYTES_MAX || ticket > TICKET_BYTES_MAX ||
        packed.size < head || packed.size - head > REASON_BYTES_MAX) {
        return STATUS_CORRUPT;
    }
    ret_reason->purpose = bytes_of(packed.data + HEAD_BYTES, purpose);
    ret_reason->ticket = bytes_of(packed.data + HEAD_BYTES + purpose, ticket);
    ret_reason->text = bytes_of(packed.data + head, packed.size - head);
    return STATUS_OK;
}

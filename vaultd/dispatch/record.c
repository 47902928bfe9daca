/* SPDX-License-Identifier: Apache-2.0 */
/* Entries that something hangs on: on disk before it goes on, out of the reserve if need be. */
#include "dispatch_internal.h"

#include <assert.h>

#include "log.h"

/* What only gives rights waits for space like everything else; what takes them does not, nor does
 * the word of what became of either. */
static enum audit_reserve
reserve_for(const struct audit_entry *entry)
{
    if (entry->result == STATUS_PENDING) {
        return AUDIT_RESERVE_NONE;
    }
    switch (entry->operation) {
    case OP_NAMESPACE_CREATE:
    case OP_NAMESPACE_SET:
    case OP_PRINCIPAL_ADD:
    case OP_PRINCIPAL_INVITE:
    case OP_ENROL_CONFIRM:
    case OP_PRINCIPAL_ENABLE:
    case OP_GRANT:
    case OP_UNFREEZE:
    case OP_RECIPIENT_ADD:
    case OP_PRINCIPAL_SET_KEY:
    case OP_CANARY_ADD:
    case OP_CANARY_REMOVE: /* it gives: the right to open it */
        return entry->phase == AUDIT_OUTCOME ? AUDIT_RESERVE_STOP : AUDIT_RESERVE_NONE;
    default:
        return AUDIT_RESERVE_STOP;
    }
}

enum status
dispatch_record(struct dispatch *dispatch, struct audit_entry *entry)
{
    return audit_record(dispatch->parts.audit, entry, 1, reserve_for(entry));
}

enum status
dispatch_record_vouching(struct dispatch *dispatch, struct audit_entry *entry,
                         const uint8_t digest[static ACCESS_DIGEST_BYTES])
{
    uint64_t sequence = audit_last(dispatch->parts.audit) + 1;
    enum status status = access_tag(dispatch->parts.access, sequence, digest, entry->access_tag);

    entry->has_access_tag = true;
    if (status == STATUS_OK) {
        status = dispatch_record(dispatch, entry);
    }
    assert(status != STATUS_OK || entry->sequence == sequence);
    return status;
}

void
dispatch_note_log(struct dispatch *dispatch, uint64_t sequence,
                  const uint8_t digest[static AUDIT_DIGEST_BYTES])
{
    enum status status = vault_note_log(dispatch->parts.vault, sequence, digest);

    if (status == STATUS_OK) {
        audit_noted(dispatch->parts.audit, sequence);
    } else {
        /* The next checkpoint tries again. */
        LOG(LOG_LEVEL_WARNING, EVENT_STORE_FULL, F_STATUS("status", status));
    }
}

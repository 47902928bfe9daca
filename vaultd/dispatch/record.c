/* SPDX-License-Identifier: Apache-2.0 */
/* Entries that something hangs on: on disk before it goes on, out of the reserve if need be. */
#include "dispatch_internal.h"

#include <assert.h>

#include "log.h"

enum status
dispatch_record(struct dispatch *dispatch, struct audit_entry *entry)
{
    enum status status = audit_append_reserved(dispatch->parts.audit, entry, 1);

    return status == STATUS_OK ? audit_wait(dispatch->parts.audit, entry->sequence) : status;
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

    /* The next checkpoint tries again. */
    if (status != STATUS_OK) {
        LOG(LOG_LEVEL_WARNING, EVENT_STORE_FULL, F_STATUS("status", status));
    }
}

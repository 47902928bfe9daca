/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_audit: an entry may come from anybody's copy of a log. What is read as one is written again
 * as the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "audit_entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t again[AUDIT_ENTRY_BYTES_MAX];
    struct audit_entry entry;
    struct audit_link link;
    const char *fault = NULL;
    uint8_t *reason;

    if (audit_entry_decode(bytes_of(data, size), &entry, &link, &fault) != STATUS_OK) {
        if (fault == NULL) {
            abort();
        }
        return 0;
    }
    if (size > sizeof again || audit_entry_size(&entry, entry.reason.size) != size) {
        abort();
    }
    reason = audit_entry_encode(&entry, entry.reason.size, again);
    audit_entry_put_link(&link, again);
    if (entry.reason.size > 0) {
        memcpy(reason, entry.reason.data, entry.reason.size);
    }
    if (memcmp(again, data, size) != 0) {
        abort();
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_audit: an entry, a line of a checkpoint or a file `start` may come from anybody's copy of a
 * log. What is read as one is written again as the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "audit_checkpoint.h"
#include "audit_entry.h"
#include "audit_start.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
same_or_abort(const void *again, size_t again_size, const uint8_t *data, size_t size)
{
    if (again_size != size || memcmp(again, data, size) != 0) {
        abort();
    }
}

static void
run_line(const uint8_t *data, size_t size)
{
    char again[AUDIT_CHECKPOINT_LINE_MAX];
    struct audit_checkpoint checkpoint;
    uint64_t sequence = 0;
    bool peeked = audit_checkpoint_peek(bytes_of(data, size), &sequence);

    if (audit_checkpoint_parse(bytes_of(data, size), &checkpoint)) {
        if (!peeked || sequence != checkpoint.sequence) {
            abort();
        }
        same_or_abort(again, audit_checkpoint_print(&checkpoint, again) - 1, data, size);
    }
}

static void
run_start(const uint8_t *data, size_t size)
{
    uint8_t again[AUDIT_START_FILE_BYTES];
    struct audit_start start;

    if (audit_start_decode(bytes_of(data, size), &start)) {
        audit_start_encode(&start, again);
        same_or_abort(again, sizeof again, data, size);
    }
}

static void
run_entry(const uint8_t *data, size_t size)
{
    uint8_t again[AUDIT_ENTRY_BYTES_MAX], digest[AUDIT_DIGEST_BYTES];
    struct audit_entry entry;
    struct audit_link link;
    const char *fault = NULL;
    uint8_t *reason;

    if (audit_entry_decode(bytes_of(data, size), &entry, &link, &fault) != STATUS_OK) {
        if (fault == NULL) {
            abort();
        }
        return;
    }
    if (size > sizeof again || audit_entry_size(&entry, entry.reason.size) != size) {
        abort();
    }
    reason = audit_entry_encode(&entry, entry.reason.size, again);
    audit_entry_put_link(&link, again);
    if (entry.reason.size > 0) {
        memcpy(reason, entry.reason.data, entry.reason.size);
    }
    if (entry.has_checkpoint) {
        audit_entry_put_counts(entry.changes, entry.amount, again);
        audit_entry_put_signature(entry.signature, again);
        audit_entry_unsigned_digest(bytes_of(data, size), digest);
    }
    same_or_abort(again, size, data, size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run_line(data, size);
    run_start(data, size);
    run_entry(data, size);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool
audit_chain_skips(const struct audit_chain *chain, uint64_t position)
{
    return position < chain->first;
}

static bool
is_whole(const struct audit_chain *chain)
{
    return chain->first <= 1;
}

/* What the entry has to carry, or NULL: of entry 1 the walker learns whose it is. */
static const uint8_t *
expected_previous(const struct audit_chain *chain, uint64_t position)
{
    if (position == 1) {
        return NULL;
    }
    return position == chain->first ? chain->first_previous : chain->head;
}

/* What the vault itself writes while it is sealed, or on its way out of that: many outcomes bring a
 * checkpoint. */
static bool
stands_while_sealed(const struct audit_entry *entry)
{
    return entry->operation == AUDIT_ACT_OPENED || entry->operation == AUDIT_ACT_RESTORED ||
           (entry->principal.size == 0 &&
            (entry->operation == AUDIT_ACT_CUT || entry->operation == AUDIT_ACT_CHECKPOINT ||
             entry->phase == AUDIT_OUTCOME));
}

/* Another instance begins with RESTORED and with nothing else. */
static const char *
find_instance_fault(const struct audit_chain *chain, const struct audit_entry *entry)
{
    bool restored = entry->operation == AUDIT_ACT_RESTORED;
    bool same = chain->has_instance &&
                memcmp(chain->instance_id, entry->instance_id, INSTANCE_ID_BYTES) == 0;

    if (!entry->has_checkpoint) {
        return NULL;
    }
    if (restored && (same || (!chain->has_instance && is_whole(chain)))) {
        return "a restore begins another instance of a vault that was there, and this does not";
    }
    if (chain->has_instance && !same && !restored) {
        return "another instance of the vault has signed it, and no restore stands before it";
    }
    return NULL;
}

static const char *
find_fault(const struct audit_chain *chain, uint64_t position, const struct audit_entry *entry,
           const struct audit_link *link)
{
    const uint8_t *previous = expected_previous(chain, position);

    if (link->sequence != position || position != audit_chain_next(chain)) {
        return "its number is not its place in the log";
    }
    if ((entry->operation == AUDIT_ACT_CREATED) != (position == 1)) {
        return "the log's first entry is its creation, and no other is";
    }
    if (position == chain->first && !is_whole(chain) &&
        memcmp(link->previous, previous, AUDIT_DIGEST_BYTES) != 0) {
        return "it is not the entry that the file `start` says the log begins with";
    }
    if (previous != NULL && memcmp(link->previous, previous, AUDIT_DIGEST_BYTES) != 0) {
        return "it does not carry the hash of the entry before: one of the two was altered";
    }
    if (link->time_ms < chain->time_ms) {
        return "its time is before that of the entry before";
    }
    if (entry->refers >= position) {
        return "it refers to an entry that is not before it";
    }
    if (chain->sealed && !stands_while_sealed(entry)) {
        return "the vault was sealed then, and it is nothing that a sealed vault writes";
    }
    return find_instance_fault(chain, entry);
}

enum status
audit_chain_extend(struct audit_chain *chain, uint64_t position, struct bytes bytes,
                   struct audit_entry *ret_entry)
{
    struct audit_entry entry;
    struct audit_link link;

    if (audit_entry_decode(bytes, &entry, &link, &chain->fault) != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    chain->fault = find_fault(chain, position, &entry, &link);
    if (chain->fault != NULL) {
        return STATUS_CORRUPT;
    }
    if (position == 1) {
        memcpy(chain->root, link.previous, AUDIT_DIGEST_BYTES);
    }
    chain->sealed = entry.operation == AUDIT_ACT_CREATED || entry.operation == AUDIT_ACT_CLOSED ||
                    entry.operation == AUDIT_ACT_RESTORED ||
                    (chain->sealed && entry.operation != AUDIT_ACT_OPENED);
    if (entry.has_checkpoint) {
        chain->has_instance = true;
        memcpy(chain->instance_id, entry.instance_id, INSTANCE_ID_BYTES);
    }
    chain->sequence = position;
    chain->time_ms = link.time_ms;
    audit_entry_digest(bytes, chain->head);
    *ret_entry = entry;
    return STATUS_OK;
}

uint64_t
audit_chain_next(const struct audit_chain *chain)
{
    return chain->sequence == 0 && !is_whole(chain) ? chain->first : chain->sequence + 1;
}

void
audit_chain_place(const struct audit_chain *chain, const struct journal_report *report,
                  char ret_place[static AUDIT_PLACE_BYTES])
{
    const char *fault = chain->fault == NULL ? "damaged" : chain->fault;
    const char *place = report->place.text[0] == '\0' ? "the log" : report->place.text;

    (void)snprintf(ret_place, AUDIT_PLACE_BYTES, "%.*s: entry %" PRIu64 ": %s",
                   AUDIT_PLACE_BYTES / 2, place, audit_chain_next(chain), fault);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* audit_chain.h: is each entry the successor of the one before, and may it stand there? One walk,
 * from where the chain begins. */
#ifndef CONTACT_VAULT_AUDIT_CHAIN_H
#define CONTACT_VAULT_AUDIT_CHAIN_H

#include <stdint.h>

#include "audit.h"
#include "audit_entry.h"
#include "journal.h"

struct audit_chain {
    /* Set by who begins the walk, for a chain whose older entries were removed; 0 or 1: whole. */
    uint64_t first;
    uint8_t first_previous[AUDIT_DIGEST_BYTES]; /* what entry `first` must carry */

    uint64_t sequence; /* of the last good entry; 0: none yet */
    uint64_t time_ms;
    uint8_t head[AUDIT_DIGEST_BYTES]; /* its digest */
    uint8_t root[AUDIT_DIGEST_BYTES]; /* what entry 1 names as its predecessor */
    bool sealed;                      /* CREATED, CLOSED or RESTORED, and since then no OPENED */
    bool has_instance;                /* somebody has signed: */
    uint8_t instance_id[INSTANCE_ID_BYTES]; /* who did so last */
    const char *fault; /* what is wrong with the entry after the last good one */
};

/* An entry from before the chain's beginning, which a crash has left: it proves nothing. */
bool audit_chain_skips(const struct audit_chain *chain, uint64_t position);

/* CORRUPT: chain->fault says why; the chain stays at the last good entry. */
MUST_USE enum status audit_chain_extend(struct audit_chain *chain, uint64_t position,
                                        struct bytes bytes, struct audit_entry *ret_entry);

/* The entry that the chain waits for, or that is at fault. */
uint64_t audit_chain_next(const struct audit_chain *chain);

/* The fault, or else the journal's damage, with its place, for a person. */
void audit_chain_place(const struct audit_chain *chain, const struct journal_report *report,
                       char ret_place[static AUDIT_PLACE_BYTES]);

#endif

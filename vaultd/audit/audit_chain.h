/* SPDX-License-Identifier: Apache-2.0 */
/* audit_chain.h: is each entry the successor of the one before? One walk, from the first entry. */
#ifndef CONTACT_VAULT_AUDIT_CHAIN_H
#define CONTACT_VAULT_AUDIT_CHAIN_H

#include <stdint.h>

#include "audit.h"
#include "audit_entry.h"
#include "journal.h"

struct audit_chain {
    uint64_t sequence; /* of the last good entry; 0: none yet */
    uint64_t time_ms;
    uint8_t head[AUDIT_DIGEST_BYTES]; /* its digest */
    uint8_t root[AUDIT_DIGEST_BYTES]; /* what the first entry names as its predecessor */
    const char *fault;                /* what is wrong with the entry after the last good one */
};

/* CORRUPT: chain->fault says why; the chain stays at the last good entry. */
MUST_USE enum status audit_chain_extend(struct audit_chain *chain, uint64_t position,
                                        struct bytes bytes, struct audit_entry *ret_entry);

/* The fault, or else the journal's damage, with its place, for a person. */
void audit_chain_place(const struct audit_chain *chain, const struct journal_report *report,
                       char ret_place[static AUDIT_PLACE_BYTES]);

#endif

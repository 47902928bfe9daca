/* SPDX-License-Identifier: Apache-2.0 */
/* audit_entry.h: an audit entry as bytes. Pure. The format stands at the top of audit_entry.c. */
#ifndef CONTACT_VAULT_AUDIT_ENTRY_H
#define CONTACT_VAULT_AUDIT_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "audit.h"
#include "bytes.h"
#include "status.h"

enum {
    AUDIT_ENTRY_FIXED_BYTES = 99,
    AUDIT_ENTRY_CHECKPOINT_BYTES = INSTANCE_ID_BYTES + 8 + SIGNATURE_BYTES,
    AUDIT_REASON_EXTRA = 40, /* nonce 24, tag 16 */
    AUDIT_ENTRY_BYTES_MAX = AUDIT_ENTRY_FIXED_BYTES + AUDIT_DIGEST_BYTES +
                            AUDIT_ENTRY_CHECKPOINT_BYTES + 3 * NAME_BYTES_MAX +
                            AUDIT_REASON_BYTES_MAX + AUDIT_REASON_EXTRA,
};

/* Where an entry stands in the chain: what is settled last, under the chain's lock. */
struct audit_link {
    uint64_t sequence;
    uint64_t time_ms;
    uint8_t previous[AUDIT_DIGEST_BYTES]; /* SHA-256 of the entry before */
};

/* What is wrong with the entry's fields, for a person; NULL: nothing. Reason and link apart. */
const char *audit_entry_fault(const struct audit_entry *entry);

/* How many bytes the entry takes with a sealed reason of that many. */
size_t audit_entry_size(const struct audit_entry *entry, size_t reason_bytes);
/* Writes all but the link and the sealed reason; gives the place of the latter. */
uint8_t *audit_entry_encode(const struct audit_entry *entry, size_t reason_bytes, uint8_t *to);
void audit_entry_put_link(const struct audit_link *link, uint8_t *entry);
/* Of an entry that was encoded with a checkpoint. */
void audit_entry_put_counts(uint64_t changes, uint64_t noted, uint8_t *entry);
void audit_entry_put_signature(const uint8_t signature[static SIGNATURE_BYTES], uint8_t *entry);

/*
 * What a reason is sealed with as associated data: whose entry it stands in, so that it cannot be
 * put beside another token or name. Gives the size.
 */
enum { AUDIT_REASON_CONTEXT_MAX = 16 + 8 + 4 + 1 + TOKEN_BYTES + 3 * (1 + NAME_BYTES_MAX) };
size_t audit_entry_reason_context(const uint8_t vault_id[static 16],
                                  const struct audit_entry *entry, uint64_t sequence,
                                  uint8_t ret_context[static AUDIT_REASON_CONTEXT_MAX]);

/* Strict. CORRUPT: *ret_fault says what is wrong. Views point into `bytes`. */
MUST_USE enum status audit_entry_decode(struct bytes bytes, struct audit_entry *ret_entry,
                                        struct audit_link *ret_link, const char **ret_fault);

/* What the first entry names as its predecessor. */
void audit_entry_root(const uint8_t vault_id[static 16],
                      uint8_t ret_digest[static AUDIT_DIGEST_BYTES]);
void audit_entry_digest(struct bytes entry, uint8_t ret_digest[static AUDIT_DIGEST_BYTES]);
/* The same with zeros for the signature, of a whole entry with a checkpoint: what is signed. */
void audit_entry_unsigned_digest(struct bytes entry, uint8_t ret_digest[static AUDIT_DIGEST_BYTES]);

#endif

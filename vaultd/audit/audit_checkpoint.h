/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_checkpoint.h: a signed entry of the chain as it is signed, and as a line of text that is
 * kept elsewhere. Pure. Ed25519 (RFC 8032). Lines are read from anybody.
 *
 * Signed, numbers in network order: "contact-vault checkpoint 1", vault_id (16), instance_id (16),
 * act (u32), sequence (u64), time (u64), digest (32), changes (u64). The digest is SHA-256 of the
 * whole entry with zeros for the signature: it covers every field of the entry, and through the
 * hash of the entry before, the whole chain.
 *
 * The line: "contact-vault-checkpoint 1", vault_id, instance_id, act, sequence, time, changes,
 * digest, signature, each behind one blank; numbers in decimal, all else in lower-case hex; then a
 * newline.
 */
#ifndef CONTACT_VAULT_AUDIT_CHECKPOINT_H
#define CONTACT_VAULT_AUDIT_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit.h"
#include "bytes.h"

enum {
    AUDIT_CHECKPOINT_MESSAGE_BYTES =
        26 + 16 + INSTANCE_ID_BYTES + 4 + 8 + 8 + AUDIT_DIGEST_BYTES + 8,
    AUDIT_CHECKPOINT_LINE_MAX = 400, /* with newline and NUL */
};

struct audit_checkpoint {
    uint8_t vault_id[16];
    uint8_t instance_id[INSTANCE_ID_BYTES];
    uint32_t act;
    uint64_t sequence; /* 0: none */
    uint64_t time_ms;
    uint64_t changes;
    uint8_t digest[AUDIT_DIGEST_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
};

/* Of an entry that is a checkpoint, decoded, and its bytes. */
void audit_checkpoint_of(const uint8_t vault_id[static 16], const struct audit_entry *entry,
                         struct bytes bytes, struct audit_checkpoint *ret_checkpoint);

void audit_checkpoint_message(const struct audit_checkpoint *checkpoint,
                              uint8_t ret_message[static AUDIT_CHECKPOINT_MESSAGE_BYTES]);
/* Is the signature of this key? */
bool audit_checkpoint_holds(const struct audit_checkpoint *checkpoint,
                            const uint8_t public_key[static PUBLIC_KEY_BYTES]);
/* In every field. */
bool audit_checkpoint_same(const struct audit_checkpoint *a, const struct audit_checkpoint *b);

/* Gives the size, newline included; a NUL stands behind it. */
size_t audit_checkpoint_print(const struct audit_checkpoint *checkpoint,
                              char ret_line[static AUDIT_CHECKPOINT_LINE_MAX]);
/* Of a line that may be one: the sequence it would have, cheaply. False: it is none. */
bool audit_checkpoint_peek(struct bytes line, uint64_t *ret_sequence);
/* The same of the instance. */
bool audit_checkpoint_peek_instance(struct bytes line,
                                    uint8_t ret_instance_id[static INSTANCE_ID_BYTES]);
/* `line` is without its newline. False: not exactly what audit_checkpoint_print writes. */
bool audit_checkpoint_parse(struct bytes line, struct audit_checkpoint *ret_checkpoint);

#endif

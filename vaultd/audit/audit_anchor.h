/* SPDX-License-Identifier: Apache-2.0 */
/* audit_anchor.h: the checkpoints of a file that was kept elsewhere, held against a chain while it
 * is walked. */
#ifndef CONTACT_VAULT_AUDIT_ANCHOR_H
#define CONTACT_VAULT_AUDIT_ANCHOR_H

#include <stddef.h>
#include <stdint.h>

#include "audit_checkpoint.h"
#include "status.h"

enum { AUDIT_ANCHORS_MAX = 16 * 1024 * 1024 };

/* One line of the file. */
struct audit_anchor {
    uint64_t sequence;
    uint64_t line;                      /* its number in the file */
    uint8_t digest[AUDIT_DIGEST_BYTES]; /* of the line's text */
};

struct audit_anchors {
    struct audit_anchor *list; /* by ascending sequence */
    size_t count, capacity;
    size_t next; /* the first one that the walk has not come to */
};

/*
 * audit_anchors_load: every well-formed line of that vault; others are passed over. With a public
 * key each must be signed by it. NOT_FOUND: no such file. INVALID: no line of this vault.
 * CORRUPT: *ret_line is not signed by the key. TOO_LARGE: over AUDIT_ANCHORS_MAX lines.
 */
MUST_USE enum status audit_anchors_load(const char *path, const uint8_t vault_id[static 16],
                                        const uint8_t *public_key,
                                        struct audit_anchors *ret_anchors, uint64_t *ret_line);
void audit_anchors_free(struct audit_anchors *anchors);

/* Back to the first one, for another walk from entry `first` on: what is older is passed over. */
void audit_anchors_rewind(struct audit_anchors *anchors, uint64_t first);
/*
 * The walk has come to entry `sequence`; `checkpoint` is NULL where it is none. Gives how many
 * lines it bears out, or -1 where a line says something else: then list[next] is that line.
 */
long audit_anchors_pass(struct audit_anchors *anchors, uint64_t sequence,
                        const struct audit_checkpoint *checkpoint);

#endif

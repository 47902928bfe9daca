/* SPDX-License-Identifier: Apache-2.0 */
/* audit_anchor.h: the checkpoints of a file that was kept elsewhere, held against a chain while it
 * is walked. */
#ifndef CONTACT_VAULT_AUDIT_ANCHOR_H
#define CONTACT_VAULT_AUDIT_ANCHOR_H

#include <stddef.h>
#include <stdint.h>

#include "audit_checkpoint.h"
#include "audit_instance.h"
#include "status.h"

enum { AUDIT_ANCHORS_MAX = 16 * 1024 * 1024, AUDIT_ANCHOR_INSTANCE_BYTES = 8 };

/* One line of the file. */
struct audit_anchor {
    uint64_t sequence;
    uint64_t line; /* its number in the file */
    uint64_t time_ms;
    uint8_t instance[AUDIT_ANCHOR_INSTANCE_BYTES]; /* the first of its id */
    uint8_t digest[AUDIT_DIGEST_BYTES];            /* of the line's text */
};

struct audit_anchors {
    struct audit_anchor *list; /* by ascending sequence */
    size_t count, capacity;
    size_t next; /* the first one that the walk has not come to */
    /* Met by the walk, and of another instance's log than this: the latest of them. */
    uint64_t lost_ms; /* 0: there are none */
    uint64_t lost_line;
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
 * The walk has come to entry `sequence`, which `instances` have passed; `checkpoint` is NULL where
 * it is none. Gives how many lines it bears out, or -1 where a line that should stand there says
 * something else: then list[next] is that line. Those of another instance's log are passed over.
 */
long audit_anchors_pass(struct audit_anchors *anchors, uint64_t sequence,
                        const struct audit_checkpoint *checkpoint,
                        const struct audit_instances *instances);
/* The walk is over. False: list[next] should have stood behind its end. */
bool audit_anchors_end(struct audit_anchors *anchors, const struct audit_instances *instances);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_instance.h: which instances of the vault wrote a chain, one after another: each restore
 * begins another one, with RESTORED as its first entry. Pure; learned while the chain is walked.
 *
 * A checkpoint that was kept elsewhere must stand in the chain if its instance wrote that part of
 * it. What an earlier instance signed behind the next one's RESTORED, or one that is not in the
 * chain at all, is of a log that was lost, and whose loss the restore accepted: but only if it was
 * made before the last restore. What is later says that another copy of the vault went on.
 */
#ifndef CONTACT_VAULT_AUDIT_INSTANCE_H
#define CONTACT_VAULT_AUDIT_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit.h"

enum {
    AUDIT_INSTANCES_MAX = 48,               /* of more restores than that the last ones are known */
    AUDIT_CLOCKS_APART_MS = 10 * 60 * 1000, /* two honest clocks, at most */
};

struct audit_instance {
    uint8_t instance_id[INSTANCE_ID_BYTES];
    uint64_t below; /* the next one's first entry; UINT64_MAX: it is the present one */
};

/* All zero: nothing was walked yet. */
struct audit_instances {
    size_t count;
    struct audit_instance list[AUDIT_INSTANCES_MAX];
    uint64_t restored;      /* the last RESTORED; 0: none */
    uint64_t lost_until_ms; /* what was lost was made before; 0: nothing was */
    bool begun;
};

/* The walk has come to this entry. */
void audit_instances_pass(struct audit_instances *instances, const struct audit_entry *entry);
/* Nobody has signed yet: this one will. */
void audit_instances_begin(struct audit_instances *instances,
                           const uint8_t instance_id[static INSTANCE_ID_BYTES]);

/* NULL: not in the chain. `id` is the first `size` bytes of one, 8 at the least. */
const struct audit_instance *audit_instances_find(const struct audit_instances *instances,
                                                  const uint8_t *id, size_t size);
/* May a checkpoint of that time be of a log that was lost? */
bool audit_instances_lost(const struct audit_instances *instances, uint64_t time_ms);

#endif

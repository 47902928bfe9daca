/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_kept.h: the second place: a folder that the vault only adds lines to, each a checkpoint,
 * in one file a month ("checkpoints-01234567-2026-11": the first of vault_id, year and month). It
 * is somebody else's folder, and may be away: then the log says so, and the vault goes on. What is
 * read from it is believed only when the vault's own key has signed it.
 *
 * Not for several threads at once.
 */
#ifndef CONTACT_VAULT_AUDIT_KEPT_H
#define CONTACT_VAULT_AUDIT_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "audit_checkpoint.h"
#include "status.h"

struct audit_kept {
    char *folder;       /* NULL: there is no second place */
    uint64_t warned_ms; /* monotonic; 0: it worked the last time */
};

/* Durable on return. False: logged, at most once a minute. */
bool audit_kept_write(struct audit_kept *kept, const struct audit_checkpoint *checkpoint);

/* Whose lines are looked for. */
struct audit_kept_owner {
    const uint8_t *vault_id;    /* VAULT_ID_BYTES */
    const uint8_t *instance_id; /* INSTANCE_ID_BYTES */
    const uint8_t *public_key;  /* PUBLIC_KEY_BYTES */
};

/*
 * audit_kept_newest: the one with the highest sequence in the two newest files. A line of the
 * owner's whose signature does not hold is passed over and logged; all others silently. NOT_FOUND:
 * there is none. UNAVAILABLE: the folder cannot be read; logged.
 */
MUST_USE enum status audit_kept_newest(const struct audit_kept *kept,
                                       const struct audit_kept_owner *owner,
                                       struct audit_checkpoint *ret_checkpoint);

#endif

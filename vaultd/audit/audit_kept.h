/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_kept.h: the second place: a folder that the vault only adds lines to, each a checkpoint,
 * in one file a month ("checkpoints-01234567-2026-11": the first of vault_id, year and month). It
 * is somebody else's folder, and may be away: then the log says so, and the vault goes on. What is
 * read from it is believed only when the vault's own key has signed it.
 *
 * Written by one thread at a time.
 */
#ifndef CONTACT_VAULT_AUDIT_KEPT_H
#define CONTACT_VAULT_AUDIT_KEPT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "audit_checkpoint.h"
#include "audit_instance.h"
#include "status.h"

struct audit_kept {
    char *folder;       /* NULL: there is no second place */
    uint64_t warned_ms; /* monotonic; 0: it worked the last time */
};

enum { AUDIT_KEPT_NAME_BYTES = 40 }; /* "checkpoints-01234567-2026-11" and room for the year */

/* The names of a vault's files, up to year and month. */
void audit_kept_prefix(const uint8_t vault_id[static 16],
                       char ret_prefix[static AUDIT_KEPT_NAME_BYTES]);
void audit_kept_name(const char *prefix, unsigned year, unsigned month,
                     char ret_name[static AUDIT_KEPT_NAME_BYTES]);
/* A file that anybody may have put there: never waited for, never followed elsewhere. -1: errno. */
int audit_kept_open(int folder, const char *name, int flags, struct stat *ret_about);

/* Durable on return. False: logged, at most once a minute. */
bool audit_kept_write(struct audit_kept *kept, const struct audit_checkpoint *checkpoint);

/* Whose lines are looked for. */
struct audit_kept_owner {
    const uint8_t *vault_id;                 /* VAULT_ID_BYTES */
    const uint8_t *public_key;               /* PUBLIC_KEY_BYTES */
    const struct audit_instances *instances; /* who wrote the chain */
};

/* What the place has of the vault's; sequence 0: nothing. */
struct audit_kept_found {
    /* Of each instance, the newest line of its part of the chain: must stand there. */
    struct audit_checkpoint owed[AUDIT_INSTANCES_MAX];
    struct audit_checkpoint lost; /* of all others the latest, by its time */
};

/*
 * audit_kept_search: all of the vault's files, each read whole. A line of the vault's whose
 * signature does not hold is passed over and logged; all others silently. Reads 1 GiB of a file at
 * most, from its end, and 4 GiB in all, newest month first, and looks at a million signatures at
 * most (about a minute): what that leaves out is logged as an error. NOT_FOUND: there is none.
 * UNAVAILABLE: the folder cannot be read; logged. May be called while another thread writes.
 */
MUST_USE enum status audit_kept_search(const char *path, const struct audit_kept_owner *owner,
                                       struct audit_kept_found *ret_found);

#endif

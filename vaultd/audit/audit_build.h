/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_build.h: a new log made of the entries of another one, for a restore: the same bytes in the
 * same chain, which is proved on the way in, all but its signatures. One thread.
 */
#ifndef CONTACT_VAULT_AUDIT_BUILD_H
#define CONTACT_VAULT_AUDIT_BUILD_H

#include <stdint.h>

#include "audit.h"
#include "audit_checkpoint.h"
#include "bytes.h"
#include "status.h"

struct audit_build;

/* The folder has no log yet: CONFLICT. */
MUST_USE enum status audit_build_new(const char *folder, const uint8_t vault_id[static 16],
                                     struct audit_build **ret_build);
/* Gives up what was not ended. NULL is fine. */
void audit_build_free(struct audit_build **build);

/* The other log's file `start`, before any entry, if its older entries were removed. CORRUPT: it is
 * none of this vault's. */
MUST_USE enum status audit_build_start(struct audit_build *build, struct bytes start);
/* The next entry. CORRUPT: it does not follow, or cannot stand there; audit_build_fault says why.
 */
MUST_USE enum status audit_build_entry(struct audit_build *build, struct bytes entry);
const char *audit_build_fault(const struct audit_build *build); /* for a person; static */

/* All of the log in that folder, which is only read; a torn end is left out. Into an empty build.
 * NOT_FOUND: there is none. CORRUPT: ret_place says where it breaks. */
MUST_USE enum status audit_build_copy(struct audit_build *build, const char *folder,
                                      char ret_place[static AUDIT_PLACE_BYTES]);

/* How far it has come. */
struct audit_built {
    uint64_t first, last;               /* entries; last 0: none yet */
    uint8_t digest[AUDIT_DIGEST_BYTES]; /* of the last one */
    uint64_t time_ms;                   /* likewise */
    struct audit_checkpoint newest;     /* sequence 0: nobody has signed yet */
};
void audit_build_look(const struct audit_build *build, struct audit_built *ret_built);

/* All of it on disk. */
MUST_USE enum status audit_build_end(struct audit_build *build);

#endif

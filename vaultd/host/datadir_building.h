/* SPDX-License-Identifier: Apache-2.0 */
/*
 * datadir_building.h: a data directory that is being filled by a restore, and is no vault until all
 * of it is there. It lies in DIR/restoring and becomes DIR/data by one rename: a restore that was
 * killed before leaves nothing that starts, and the next one removes what it left.
 */
#ifndef CONTACT_VAULT_DATADIR_BUILDING_H
#define CONTACT_VAULT_DATADIR_BUILDING_H

#include "datadir.h"
#include "status.h"

struct datadir_building;

/*
 * DIR is absent, or ours and empty but for what a killed restore left, which is removed. *ret_paths
 * are those of the building: `store` and `audit` are empty folders, `keyring` is not there.
 * CONFLICT: DIR holds something else, or another restore is at it. Statuses else as datadir_create.
 */
MUST_USE enum status datadir_building_begin(const char *root, struct datadir_paths *ret_paths,
                                            struct datadir_fault *ret_fault,
                                            struct datadir_building **ret_building);

/* A small file in DIR that everybody may read. UNAVAILABLE: the disk said no. */
MUST_USE enum status datadir_building_write(struct datadir_building *building, const char *name,
                                            const char *text, struct datadir_fault *ret_fault);

/* All of it on disk; then it is a vault. UNAVAILABLE: the disk said no. */
MUST_USE enum status datadir_building_commit(struct datadir_building *building,
                                             struct datadir_fault *ret_fault);

/* Removes what was not committed, DIR too if it was not there before. NULL is fine. */
void datadir_building_end(struct datadir_building **building);

#endif

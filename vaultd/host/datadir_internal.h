/* SPDX-License-Identifier: Apache-2.0 */
/* datadir_internal.h: what the making of a data directory by init and by restore share. */
#ifndef CONTACT_VAULT_DATADIR_INTERNAL_H
#define CONTACT_VAULT_DATADIR_INTERNAL_H

#include <stdbool.h>
#include <sys/stat.h>

#include "datadir.h"

enum {
    DATADIR_ROOT_MODE = 0711,
    DATADIR_DATA_MODE = 0700,
    DATADIR_FILE_MODE = 0600,
};

/* A sentence, and the status given. */
__attribute__((format(__printf__, 3, 4))) enum status
datadir_fault(struct datadir_fault *ret_fault, enum status status, const char *format, ...);
/* The disk's own word for it: errno, right after the call that failed at `path`. */
enum status datadir_fault_of_disk(struct datadir_fault *ret_fault, const char *act,
                                  const char *path);

MUST_USE enum status datadir_check_sockets(const struct datadir_paths *paths,
                                           struct datadir_fault *ret_fault);
MUST_USE enum status datadir_check_owner(const struct stat *info, const char *path,
                                         struct datadir_fault *ret_fault);
/* OK for a folder that holds nothing, or only what mkfs puts into a new file system. */
MUST_USE enum status datadir_check_empty(int root, const char *path,
                                         struct datadir_fault *ret_fault);
/* The last thing that makes it a vault's. False: errno. */
bool datadir_write_version(int folder, const char *name);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* keyring_disk.h: small files of keys, read whole and written so that a crash leaves old or new. */
#ifndef CONTACT_VAULT_KEYRING_DISK_H
#define CONTACT_VAULT_KEYRING_DISK_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "status.h"

/* One write may only make, the other only replace. */
enum keyring_write_mode {
    KEYRING_WRITE_NEW, /* CONFLICT where there is such a file; it is left as it was */
    KEYRING_WRITE_OVER,
};

/*
 * keyring_disk_read: *ret_data is for the caller to free. NOT_FOUND: no such file. CORRUPT: no
 * regular file, empty, or over bytes_max. UNAVAILABLE: the system said no; logged.
 */
MUST_USE enum status keyring_disk_read(const char *path, size_t bytes_max, uint8_t **ret_data,
                                       size_t *ret_size);

/*
 * keyring_disk_write: durable on return, mode 0600. UNAVAILABLE or CONFLICT: nothing has changed.
 * INTERNAL: the new file is in place, but not known to be on disk.
 */
MUST_USE enum status keyring_disk_write(const char *path, enum keyring_write_mode mode,
                                        struct bytes data);

/*
 * keyring_disk_replace: the same over a file that is there, and what was written is read back
 * first: `check` says whether it is what it should be. Another status than OK of check's: that
 * status, and nothing has changed.
 */
typedef enum status keyring_disk_check(void *state, struct bytes data);
MUST_USE enum status keyring_disk_replace(const char *path, struct bytes data,
                                          keyring_disk_check *check, void *state);

/* What a crash left of a write that never came into force: it may open with a root key that did not
 * either. */
void keyring_disk_forget_unfinished(const char *path);

/* All of data to an open file. UNAVAILABLE: logged. */
MUST_USE enum status keyring_disk_write_all(int file, struct bytes data);
/* The folder that `path` stands in. UNAVAILABLE: logged. */
MUST_USE enum status keyring_disk_sync_folder(const char *path);

#endif

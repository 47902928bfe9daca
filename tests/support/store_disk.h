/* SPDX-License-Identifier: Apache-2.0 */
/* store_disk.h: a small disk of a test's own, so that it can really be full. */
#ifndef CONTACT_VAULT_STORE_DISK_H
#define CONTACT_VAULT_STORE_DISK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Mounts a tmpfs of that size over the folder, seen by this process alone and gone with it: in a
 * mount namespace, made as root or in a user namespace. To be called before there are threads, in a
 * process of its own (run_role). False where that may not be done: then the test is skipped.
 */
bool disk_mount(const char *folder, size_t bytes);

/* Writes `ballast` into the folder until nothing fits any more; and takes it away. */
void disk_fill(const char *folder);
void disk_empty(const char *folder);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* trusted_file.h: may a program of this path be run with what the vault knows? */
#ifndef CONTACT_VAULT_TRUSTED_FILE_H
#define CONTACT_VAULT_TRUSTED_FILE_H

#include <stddef.h>

/*
 * NULL: a file that we may execute, root's or ours, as is every folder above it; nobody else may
 * write to one of them (but to root's sticky ones, where nobody takes another's file away), and no
 * link is on the way. Else why not: a sentence that names the place, static or in `room`.
 */
const char *trusted_file_fault(const char *path, char *room, size_t size);

#endif

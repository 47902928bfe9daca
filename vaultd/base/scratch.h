/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch.h: where a request's plaintext lives: locked memory, handed out by moving a pointer, and
 * wiped as a whole when the request is answered, whatever the outcome. One thread at a time.
 */
#ifndef CONTACT_VAULT_SCRATCH_H
#define CONTACT_VAULT_SCRATCH_H

#include <stddef.h>

#include "status.h"

struct scratch;

enum {
    SCRATCH_FIRST_BYTES = 32 * 1024,      /* kept for the scratch's life */
    SCRATCH_BYTES_MAX = 16 * 1024 * 1024, /* with the chunks a large batch adds until the wipe */
};

/* UNAVAILABLE: no more memory may be locked (RLIMIT_MEMLOCK). */
MUST_USE enum status scratch_new(struct scratch **ret_scratch);
void scratch_free(struct scratch **scratch);

/* Zeroed, aligned for any type; NULL when the limit is reached or memory cannot be locked. */
void *scratch_alloc(struct scratch *scratch, size_t size);

/* Everything handed out since the last wipe is zeroed and gone. */
void scratch_wipe(struct scratch *scratch);

#endif

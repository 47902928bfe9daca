/* SPDX-License-Identifier: Apache-2.0 */
/*
 * locked.h: pages that are never swapped, dumped or inherited, and are wiped when given back.
 * For buffers that hold contacts; keys live in secret.h. Any thread.
 */
#ifndef CONTACT_VAULT_LOCKED_H
#define CONTACT_VAULT_LOCKED_H

#include <stddef.h>

#include "status.h"

/* Zeroed; NULL when the kernel will not lock that much (RLIMIT_MEMLOCK). Rounded up to pages. */
void *locked_new(size_t size);
/* Wipes all `size` bytes, then unmaps. NULL is fine. */
void locked_free(void *data, size_t size);

/*
 * locked_probe: raises RLIMIT_MEMLOCK as far as it may, then locks `size` bytes and lets go again.
 * UNAVAILABLE: this process must not hold keys. Called once, at start.
 */
MUST_USE enum status locked_probe(size_t size);

#endif

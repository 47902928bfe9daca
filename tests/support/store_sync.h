/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_sync.h: stands in front of fdatasync and fsync for the whole test program, liblmdb
 * included: counts the calls and makes one fail.
 */
#ifndef CONTACT_VAULT_STORE_SYNC_H
#define CONTACT_VAULT_STORE_SYNC_H

#include <stdint.h>

uint64_t sync_count(void);
/* The next `calls`-th call fails with EIO; 0: none does. */
void sync_fail_in(uint64_t calls);

#endif

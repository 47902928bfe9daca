/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_sync.h: stands in front of fdatasync and fsync for the whole test program, liblmdb
 * included: counts the calls and makes one fail. And before fallocate, which a full disk refuses.
 */
#ifndef CONTACT_VAULT_STORE_SYNC_H
#define CONTACT_VAULT_STORE_SYNC_H

#include <stdbool.h>
#include <stdint.h>

uint64_t sync_count(void);
/* The next `calls`-th call fails; 0: none does. */
void sync_fail_in(uint64_t calls);
/* With that errno; until it is told, EIO. */
void sync_fail_with(int error);

/* While `full`, fallocate gives ENOSPC. Files that are there can be written as before. */
void space_full(bool full);
/* How often it was called. */
uint64_t space_asked(void);
/* The next call of it stops: then space_await_call returns, and space_go_on lets it go on. */
void space_pause_next(void);
void space_await_call(void);
void space_go_on(void);

#endif

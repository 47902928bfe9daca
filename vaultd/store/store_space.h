/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_space.h: blocks of the database file, had from the file system before they are needed. A
 * full disk so shows before the engine has written a byte (LMDB answers a short write with EIO,
 * which cannot be told from a broken disk), and what is in hand keeps deletions going. One thread
 * at a time.
 */
#ifndef CONTACT_VAULT_STORE_SPACE_H
#define CONTACT_VAULT_STORE_SPACE_H

#include <stdbool.h>
#include <stdint.h>

struct store_space {
    int fd;
    uint64_t have;  /* blocks are there up to this offset */
    uint64_t limit; /* the engine uses none beyond */
    bool is_blind;  /* the file system cannot reserve: every write may fail by itself */
};

/* `have` is the file's size. */
void store_space_init(struct store_space *space, int fd, uint64_t limit);

/* Are there `need` bytes behind `used`? Gets more if not. A file that grows leaves a reserve, so
 * that one that does not (deletions, small rows about the whole) still finds room. */
bool store_space_ensure(struct store_space *space, uint64_t used, uint64_t need, bool grows);

#endif

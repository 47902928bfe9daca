/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_space.h: blocks of the database file, had from the file system before they are needed. A
 * full disk so shows before the engine has written a byte (LMDB answers a short write with EIO,
 * which cannot be told from a broken disk), and what is in hand is the reserve: nobody else can
 * take it from a full disk, and it is held back from a full map too. One thread at a time.
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

/* Who writes, and so what he leaves to the others. */
enum store_writer {
    STORE_WRITES_CONTACTS, /* leaves what small things need, and the reserve */
    STORE_WRITES_OTHER,    /* deletions, rows about the whole: leaves the reserve */
    STORE_WRITES_RESERVED, /* leaves nothing */
};

void store_space_init(struct store_space *space, int fd, uint64_t limit);

/* Are there `need` bytes behind `used`, and behind them what this writer leaves? Gets more if not.
 */
bool store_space_ensure(struct store_space *space, uint64_t used, uint64_t need,
                        enum store_writer writer);

/* Is what is left to the reserve there, or can it be had? */
bool store_space_keep(struct store_space *space, uint64_t used);

/* What contacts' rows leave to the others, the reserve and all. */
uint64_t store_space_left(const struct store_space *space);

/* Gives back the blocks behind that. Nobody writes meanwhile. */
void store_space_trim(struct store_space *space, uint64_t used);

/* Bytes of the file, those among them that were had in advance. */
uint64_t store_space_size(const struct store_space *space);

#endif

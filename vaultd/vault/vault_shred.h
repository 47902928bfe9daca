/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault_shred.h: a namespace is shredded: its data and index keys are destroyed at once, its rows
 * are swept by and by. Who may ask for it, and that nobody is served there any more, is access's
 * and dispatch's.
 *
 * Threads: vault_shred_keys while no other thread is in vault/ (dispatch's gate), and before any
 * step of the sweep; a sweep belongs to one thread; the rest: any.
 */
#ifndef CONTACT_VAULT_VAULT_SHRED_H
#define CONTACT_VAULT_VAULT_SHRED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

struct vault;
struct vault_key;

/*
 * Every data and index key of the namespace leaves the keyring's file, then the memory; OK where
 * there is none (any more). On a full disk too, if the file system has room for another keyring
 * file. UNAVAILABLE: all are still there, unless vault_failed.
 */
MUST_USE enum status vault_shred_keys(struct vault *vault, uint32_t namespace_id);
/* Those the keyring has; how many. `ret_keys` takes VAULT_SHRED_KEYS_MAX, and gets no more. */
enum { VAULT_SHRED_KEYS_MAX = 32 };
size_t vault_shred_keys_left(const struct vault *vault, uint32_t namespace_id,
                             struct vault_key *ret_keys);

/* Contacts whose rows are not swept yet, as the counts say. *ret_swept: nothing of the namespace is
 * left in the store, and vault_sweep_end was called. */
MUST_USE enum status vault_sweep_left(struct vault *vault, uint32_t namespace_id,
                                      uint64_t *ret_contacts, bool *ret_swept);

/* Where the sweep of one namespace has come to; begins as zeros but for its id. It may be begun
 * anew at any time: what is gone is not found again. */
struct vault_swept_namespace {
    uint32_t namespace_id;
    unsigned stage;
    uint64_t next;     /* record to look at next */
    uint8_t token[16]; /* token row to look at next */
};

enum { VAULT_SWEEP_AT_ONCE = 60 /* contacts; their rows fit into the store's reserve */ };

/*
 * One bounded step, on a full disk too: rows of the blind index, then every token row that leads to
 * a record of the namespace, then its records. *ret_rows: how many were deleted. *ret_done: none is
 * left. By a record's header, which nobody can vouch for once the keys are gone: a record whose
 * header somebody changed to name the namespace goes with it, and one changed to name another
 * stays, and opens under no key.
 */
MUST_USE enum status vault_sweep_step(struct vault *vault, struct vault_swept_namespace *sweep,
                                      size_t limit, size_t *ret_rows, bool *ret_done);
/* After the last step: the rows that say that there was something go, too. */
MUST_USE enum status vault_sweep_end(struct vault *vault, uint32_t namespace_id);

#endif

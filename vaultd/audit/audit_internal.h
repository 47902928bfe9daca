/* SPDX-License-Identifier: Apache-2.0 */
/* audit_internal.h: the open log, as its own files see it. */
#ifndef CONTACT_VAULT_AUDIT_INTERNAL_H
#define CONTACT_VAULT_AUDIT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "audit.h"
#include "audit_checkpoint.h"
#include "audit_entry.h"
#include "audit_instance.h"
#include "audit_kept.h"
#include "audit_start.h"
#include "journal.h"
#include "keyring.h"

/*
 * 1. Under `lock`: `tip` is the link of the newest entry taken, with that entry's own digest in
 *    `previous`: what the next one will carry. `newest` is the newest checkpoint taken, `since` how
 *    many entries were taken after it, `made_ms` and `due_ms` when (monotonic) this process made
 *    its last one and the next one falls due, `told` the newest that audit_tick has told of.
 * 2. An entry is numbered, linked, signed and given to the journal under one hold of the lock, so
 *    that the order of numbers is the order in the file.
 * 3. Under `keeping`: what was written elsewhere of the checkpoints. Whoever holds it may be held
 * up by that place for long: nothing else waits for it, and no other lock is held meanwhile.
 */
struct audit {
    struct journal *journal;
    const struct keyring *keyring;
    uint8_t vault_id[VAULT_ID_BYTES];
    uint8_t instance_id[INSTANCE_ID_BYTES];
    uint64_t (*store_changes)(const void *store);
    const void *store;
    uint64_t period_ms; /* between two checkpoints, at most */
    char *folder;

    pthread_mutex_t lock;
    struct audit_link tip;
    struct audit_checkpoint newest; /* sequence 0: none */
    uint8_t newest_digest[AUDIT_DIGEST_BYTES];
    uint64_t newest_noted; /* its amount */
    uint64_t since;
    uint64_t made_ms;
    uint64_t due_ms;
    uint64_t told;
    _Atomic uint64_t noted; /* so far has the store noted the log */
    _Atomic uint64_t last;  /* tip.sequence, for who asks without the lock */
    _Atomic uint64_t first; /* start.first, likewise */
    struct audit_start start;
    struct audit_instances instances; /* as opening found them */
    bool restoring;                   /* no RESTORED yet; one thread, nobody else */

    pthread_mutex_t keeping;
    struct audit_kept kept; /* the folder's name is read without the lock */
    uint64_t kept_sequence; /* the newest one that the second place has */
    uint64_t keep_after_ms; /* monotonic: not written there again before */

    /* As opening found the log: what others may have written. */
    uint64_t found_last;
    uint64_t found_time_ms;
    uint64_t found_checkpoint; /* 0: none */
    bool told_of_none;         /* in the second place */
    struct audit_erasure *erasures;
    size_t erasure_count;
    struct audit_key_act *key_acts;
    size_t key_act_count;
};

/* audit_key_acts.c: an entry met by the walk at opening. TOO_LARGE: more are open than can be. */
MUST_USE enum status audit_note_key_act(struct audit *audit, const struct audit_entry *entry);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_work.h: keys that rotate, keys made and destroyed on record, namespaces that are shredded,
 * and the compaction of the database file.
 */
#ifndef CONTACT_VAULT_DISPATCH_KEY_WORK_H
#define CONTACT_VAULT_DISPATCH_KEY_WORK_H

#include "dispatch_internal.h"

/* ---- rekey.c: keys that rotate ---- */

/*
 * A new key of that purpose in each of these namespaces, or, if `where_possible`, in those in which
 * none rotates that must not: intents, keys, outcomes; then the maintenance thread goes on. `as`
 * says who. The gate is held exclusively. CONFLICT: there is one that must not, or no other.
 */
MUST_USE enum status dispatch_rotate(struct dispatch *dispatch, const struct audit_entry *as,
                                     enum rotated_key purpose, const uint32_t *namespace_ids,
                                     size_t count, bool where_possible, const char **ret_fault);
/* CONFLICT: it is the present one. Else the entry says what is to be. */
MUST_USE enum status dispatch_prepare_root(const struct dispatch *dispatch,
                                           const struct secret *root,
                                           const struct unseal_slot *slot,
                                           struct audit_entry *entry, const char **ret_fault);
/* Another root key: intent, change, outcome. The gate is held exclusively. */
MUST_USE enum status dispatch_rotate_root(struct dispatch *dispatch, const struct audit_entry *as,
                                          const struct secret *root, const struct unseal_slot *slot,
                                          const char **ret_fault);
/* Keys have come or gone, or somebody may have mended what was stuck: the job looks at everything
 * anew. */
void dispatch_wake_rekeying(struct rekeying *rekeying);
/* Chores: some steps of the job; data keys that are too old; then, with the gate held exclusively,
 * what the two found. */
void dispatch_rekey(struct dispatch *dispatch);
void dispatch_look_for_old_keys(struct dispatch *dispatch);
/* When a key is to be replaced for its age, or for the records under it; 0: never. ms since 1970.
 */
uint64_t dispatch_key_due_ms(const struct dispatch *dispatch, const struct vault_key_state *key);
bool dispatch_has_key_work(const struct dispatch *dispatch);
void dispatch_do_key_work(struct dispatch *dispatch);

/* How many contacts may be rewritten or swept now: a second's worth at the most; and what was. */
size_t dispatch_take_room(struct dispatch *dispatch);
void dispatch_pay_room(struct dispatch *dispatch, uint64_t contacts);

/* ---- key_acts.c: keys made and destroyed, on record ---- */

/* Keys about to be made or destroyed, and an entry for each: intents, then outcomes. */
struct key_acts {
    struct vault_key *keys;
    struct audit_entry *entries;
    size_t count;
};
MUST_USE enum status dispatch_announce_keys(struct dispatch *dispatch, const struct audit_entry *as,
                                            struct key_acts *acts);
MUST_USE enum status dispatch_record_key_outcomes(struct dispatch *dispatch, struct key_acts *acts,
                                                  enum status done);
/* What a crash cut in two, of compactions too: looks, and writes the outcomes. */
MUST_USE enum status dispatch_settle_key_acts(struct dispatch *dispatch);
/* As the log has it. */
struct bytes dispatch_purpose_name(enum rotated_key purpose);

/* ---- shred.c: namespaces that are shredded ---- */

/* The namespace is marked as shredded in the access state, durably: its keys leave the keyring, and
 * the sweep is woken. How many are still in the file: those the maintenance thread tries again. The
 * gate is held exclusively. */
size_t dispatch_shred_keys(struct dispatch *dispatch, uint32_t namespace_id);
/* Of all that are marked, whatever cut it short; the gate is held exclusively. The first while the
 * shred's own intent is open; the second enters each key. */
MUST_USE enum status dispatch_finish_shreds(struct dispatch *dispatch);
MUST_USE enum status dispatch_destroy_shredded(struct dispatch *dispatch);
/* Chores: some steps of the sweep; are there keys that wait? */
void dispatch_sweep_shredded(struct dispatch *dispatch);
bool dispatch_has_shred_work(const struct dispatch *dispatch);
void dispatch_do_shred_work(struct dispatch *dispatch);
/* ---- compact.c: the database file gives its free space back ---- */

/*
 * Begins the compaction of that number, unless it was made before or is under way: intent, then
 * the maintenance thread goes on. `as` says who. UNAVAILABLE, with a fault in scratch or static:
 * there is no room on the disk, or the log cannot be written. CONFLICT: not the next number.
 */
MUST_USE enum status dispatch_compact(struct dispatch *dispatch, struct scratch *scratch,
                                      const struct audit_entry *as, uint64_t number,
                                      const char **ret_fault);
/* Chores: some steps of it, without the gate; its outcome with the gate held. */
void dispatch_compact_step(struct dispatch *dispatch);

#endif

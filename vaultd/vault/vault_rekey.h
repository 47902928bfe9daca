/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault_rekey.h: data and index keys are replaced while the vault serves. A rotation makes a new
 * key; a job then moves what is under the old ones, in bounded steps, makes sure that nothing is
 * left under them, and has them destroyed. What is to be done is read from the keyring and the
 * store, so it goes on after a crash by itself (DESIGN.md, "Rotation").
 *
 * Threads: the job belongs to one thread. vault_rotate, vault_rekey_wake and vault_rekey_destroy
 * change or follow the keyring: while no other thread is in vault/ (dispatch's gate). vault_keys_of
 * and vault_has_key: any.
 */
#ifndef CONTACT_VAULT_VAULT_REKEY_H
#define CONTACT_VAULT_VAULT_REKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kind.h"
#include "status.h"

struct scratch;
struct vault;
struct vault_rekey;

enum {
    VAULT_KEYS_MAX = 8,        /* of one purpose in one namespace: older ones are stuck */
    VAULT_REKEY_AT_ONCE = 512, /* contacts in one step */
};

struct vault_key {
    enum rotated_key purpose;
    uint32_t namespace_id;
    uint32_t number; /* epoch, generation */
};

bool vault_has_key(const struct vault *vault, struct vault_key key);
/* It, or one made after it. */
bool vault_made_key(const struct vault *vault, struct vault_key key);

/*
 * vault_rotation_plan: which key a rotation would make. NOT_FOUND: no such namespace. CONFLICT: an
 * index key of it rotates already, or too many data keys of it could not be destroyed.
 */
MUST_USE enum status vault_rotation_plan(struct vault *vault, enum rotated_key purpose,
                                         uint32_t namespace_id, struct vault_key *ret_key);
/* Makes the keys that were planned; from then on what is new is written under them. A crash in
 * between is finished by the job. UNAVAILABLE, TOO_LARGE: nothing was made. */
MUST_USE enum status vault_rotate(struct vault *vault, const struct vault_key *keys, size_t count);

struct vault_key_state {
    struct vault_key key;
    bool active; /* else it only opens, or finds, what was there before it */
    uint64_t records;
    uint64_t created_ms; /* wall clock */
};
/* Contacts that a rotation under way has moved, of those it has to; an index key's moves each
 * twice: new row, old row. total 0: no rotation. */
struct vault_rekey_progress {
    uint64_t done, total;
};
/* A namespace's keys, at most 2 x VAULT_KEYS_MAX. *progress is added to. NOT_FOUND: no such
 * namespace. */
MUST_USE enum status vault_keys_of(struct vault *vault, uint32_t namespace_id,
                                   struct vault_key_state ret_states[static 2 * VAULT_KEYS_MAX],
                                   size_t *ret_count, struct vault_rekey_progress *progress);

/* ---- the job ---- */

MUST_USE enum status vault_rekey_new(struct vault_rekey **ret_job);
void vault_rekey_free(struct vault_rekey **job);
/* Looks again at what there is to do, at what was stuck too. */
void vault_rekey_wake(struct vault_rekey *job);

enum vault_rekey_what {
    REKEY_NOTHING, /* to do */
    REKEY_BEGUN,   /* `key` is the new one */
    REKEY_WORKED,
    REKEY_MISSING,  /* `rows` that the counts know are gone: vault_rekey_recount, or ask again */
    REKEY_DESTROYS, /* `keys` are not needed any more: vault_rekey_destroy, or ask again */
    REKEY_ENDED,    /* of `key` */
    REKEY_STUCK,    /* records do not open, or counts disagree: old keys stay; `rows` of them */
};

struct vault_rekey_event {
    enum vault_rekey_what what;
    struct vault_key key;
    uint64_t rows; /* contacts sealed or written by this step */
    struct vault_key keys[VAULT_KEYS_MAX];
    size_t key_count;
};

/* One bounded step: at most `limit` contacts (VAULT_REKEY_AT_ONCE). What fails, a full disk, is
 * tried again by the next call. Scratch is for contacts; wiped by the caller. */
MUST_USE enum status vault_rekey_step(struct vault *vault, struct vault_rekey *job,
                                      struct scratch *scratch, size_t limit,
                                      struct vault_rekey_event *ret_event);
/* After REKEY_MISSING was put on record: the counts forget what is gone, and the rotation goes on.
 * Any time, by the job's thread. */
MUST_USE enum status vault_rekey_recount(struct vault *vault, struct vault_rekey *job);
/* What REKEY_DESTROYS named. */
MUST_USE enum status vault_rekey_destroy(struct vault *vault, struct vault_rekey *job);

#endif

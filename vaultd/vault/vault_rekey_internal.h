/* SPDX-License-Identifier: Apache-2.0 */
/* vault_rekey_internal.h: the job that replaces keys, as its own files see it. */
#ifndef CONTACT_VAULT_VAULT_REKEY_INTERNAL_H
#define CONTACT_VAULT_VAULT_REKEY_INTERNAL_H

#include "vault_internal.h"
#include "vault_rekey.h"

enum {
    REKEY_STUCK_MAX = 64,       /* rotations passed over until the next wake */
    REKEY_LOOKED_AT_MAX = 4096, /* records that one step looks at */
    /* Index rows that one step writes: they stand anywhere in the tree, so each is a page of the
     * commit that others wait for, where records that follow each other share pages. */
    REKEY_INDEX_AT_ONCE = 64,
};

enum rekey_stage {
    STAGE_LOOK,    /* for something to do */
    STAGE_FLIP,    /* a key was made, and is not written under yet */
    STAGE_MARK,    /* which records may be under the old keys: those there are now */
    STAGE_MOVE,    /* records under the old keys are sealed anew; rows of the new index made */
    STAGE_VERIFY,  /* is there anything left? */
    STAGE_PROVE,   /* counts miss some: does every record there is open, and none by an old key? */
    STAGE_MISSING, /* it does: what is missing is gone, and is to be put on record */
    STAGE_SWITCH,  /* contacts are found by the new index from now on */
    STAGE_SWEEP,   /* rows of the old index go */
    STAGE_DESTROY, /* keys may go */
    STAGE_END,
};

struct vault_rekey {
    enum rekey_stage stage;
    struct vault_key key; /* the new one */
    uint32_t old;         /* of an index key: the generation before */
    uint64_t next;        /* record to look at next */
    uint64_t end;  /* one past the last record there was when what is new went under the new key */
    uint64_t left; /* what the verify found under old keys, or without a new row */
    uint64_t missing; /* what the counts say beyond what there is */
    bool disproved;   /* by a record that does not open: it may be one of them */
    bool recounted;
    uint32_t kept[VAULT_KEYS_MAX]; /* old data keys under which the verify found records */
    size_t kept_count;
    struct vault_key destroys[VAULT_KEYS_MAX];
    size_t destroy_count;
    struct vault_key stuck[REKEY_STUCK_MAX];
    size_t stuck_count;
};

/* One step at work: records found by a view, then written by an update that reads them again. */
struct rekey_work {
    const struct vault *vault;
    struct vault_rekey *job;
    size_t limit;
    uint8_t *inner; /* two of RECORD_INNER_MAX, for a contact opened and sealed again */
    uint8_t *again;
    uint64_t rows[VAULT_REKEY_AT_ONCE];
    size_t count;
    size_t looked_at;
    uint64_t next;
    bool ended;    /* by the visitor, which has seen enough */
    uint64_t left; /* of this view */
    uint32_t kept[VAULT_KEYS_MAX];
    size_t kept_count;
    uint64_t written;
};

/* Visits records of the job's namespace from job->next to job->end, in a view; at most
 * REKEY_LOOKED_AT_MAX of all. *ret_done: that was the end. Resets count, next, left, kept. */
typedef enum status rekey_visit(struct rekey_work *work, struct store_txn *txn, uint64_t row,
                                struct bytes record, const struct record_header *header);
MUST_USE enum status rekey_scan(struct rekey_work *work, rekey_visit *visit, bool *ret_done);

/* Records that `visit` collects into work->rows go through `each` in one update, which reads them
 * again, and the cursor with them. Counts work->written. */
typedef enum status rekey_each(struct rekey_work *work, struct store_txn *txn, uint64_t row);
MUST_USE enum status rekey_move(struct rekey_work *work, rekey_visit *visit, rekey_each *each,
                                bool *ret_done);
/* For visitors: one more row. BUSY: there are as many as one step takes. */
MUST_USE enum status rekey_collect(struct rekey_work *work, uint64_t row);

/* How far the move has come, durable with what it wrote. Within a step. */
MUST_USE enum status rekey_cursor_write(struct store_txn *txn, const struct vault_key *key,
                                        uint64_t next);
/* 0: none was written for that key. */
MUST_USE enum status rekey_cursor_read(struct store_txn *txn, const struct vault_key *key,
                                       uint64_t *ret_next);

/* Within a step: is the epoch row as the job believes? CONFLICT: it looks again. */
MUST_USE enum status rekey_epoch_of(struct store_txn *txn, const struct vault_rekey *job,
                                    struct vault_epoch *ret_epoch);

/* vault_rekey_data.c, vault_rekey_index.c: one step of a stage; *ret_done: the stage is over. */
MUST_USE enum status rekey_data_move(struct rekey_work *work, bool *ret_done);
MUST_USE enum status rekey_data_verify(struct rekey_work *work, bool *ret_done);
MUST_USE enum status rekey_index_move(struct rekey_work *work, bool *ret_done);
MUST_USE enum status rekey_index_verify(struct rekey_work *work, bool *ret_done);
MUST_USE enum status rekey_index_sweep(struct rekey_work *work, bool *ret_done);

/* vault_rekey_prove.c: likewise, over every record of the store. Sets job->disproved. */
MUST_USE enum status rekey_prove(struct rekey_work *work, bool *ret_done);
/* What the counts say of old data keys without a record is taken back. */
MUST_USE enum status rekey_recount(struct vault *vault, struct vault_rekey *job);
/* Did the verify find records under it? */
bool rekey_is_kept(const struct vault_rekey *job, uint32_t epoch);

/* The next rotation that is not stuck, and the stage it begins with; REKEY_NOTHING: there is none.
 */
MUST_USE enum status rekey_look(struct vault *vault, struct vault_rekey *job,
                                struct vault_rekey_event *ret_event);
/* Of one purpose, in one namespace. */
bool rekey_same_kind(const struct key_name *a, const struct key_name *b);

/* What is new is written under these keys from now on. */
MUST_USE enum status rekey_flip(struct vault *vault, const struct vault_key *keys, size_t count);

#endif

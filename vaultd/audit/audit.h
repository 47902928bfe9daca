/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.h: the hash chain of who did what. Each entry carries the SHA-256 of the one before, in a
 * journal of its own that can be copied and verified as files. Never a contact, a hash of one, a
 * key or a credential. Checkpoints in it are signed (Ed25519, RFC 8032), and copies of them can be
 * kept elsewhere. Formats: DESIGN.md, "The audit entry", "Checkpoints".
 *
 * Threads: open, close, audit_prove and audit_retain by one; all else by any number at once. What
 * signs or seals needs the keyring unsealed, and holds dispatch's gate for it.
 */
#ifndef CONTACT_VAULT_AUDIT_H
#define CONTACT_VAULT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit_reason.h"
#include "audit_receipt.h"
#include "bounds.h"
#include "bytes.h"
#include "kind.h"
#include "status.h"

struct audit;
struct keyring;

enum {
    AUDIT_DIGEST_BYTES = 32,
    AUDIT_PLACE_BYTES = 192,
    AUDIT_CHECKPOINT_ENTRIES = 1000, /* so many entries since the last one, and one is added */
    AUDIT_UNSIGNED_MAX = 3 * 4096 + AUDIT_CHECKPOINT_ENTRIES, /* more without one: removed */
    AUDIT_OPEN_ERASURES_MAX = 8192, /* erase intents without outcome; a batch has 4,096 at most */
    AUDIT_OPEN_KEY_ACTS_MAX = 8192, /* likewise: one for each namespace at the most */
    AUDIT_RECENT_MS = 48 * 3600 * 1000,   /* so far back audit_summary.recent_begins looks */
    AUDIT_LEAP_MS = 2 * 24 * 3600 * 1000, /* longer without an entry: stopped, or a clock set */
};

/* Numbers are on disk. */
enum audit_phase {
    AUDIT_DONE = 1,    /* one entry says all */
    AUDIT_INTENT = 2,  /* about to change something */
    AUDIT_OUTCOME = 3, /* what became of the intent `refers` names */
};

/* What an entry says. Views: the caller's when written, valid during the visit when read. */
struct audit_entry {
    uint64_t sequence;  /* given by the chain: 1, 2, ... */
    uint64_t time_ms;   /* wall clock; given by the chain, which never goes back */
    uint32_t operation; /* enum operation; the vault's own acts: enum audit_act */
    enum audit_phase phase;
    enum status result;
    uint64_t refers;             /* of an outcome: the intent's sequence; else 0 */
    uint32_t uid;                /* of the peer */
    bool relayed;                /* the principal proved its key from behind that uid */
    struct bytes principal;      /* name; empty for the vault itself and for strangers */
    struct bytes namespace_name; /* or absent */
    struct bytes subject;        /* the principal or purpose of keys an act is about; or absent */
    uint8_t role;                /* enum role of a grant or revoke; else 0 */
    uint8_t token_kind;          /* enum contact_kind, or 0: no token */
    uint8_t token[TOKEN_BYTES];
    bool has_access_tag; /* of an access change: vouches for the access state after it (access_tag)
                          */
    uint8_t access_tag[AUDIT_DIGEST_BYTES];
    uint64_t amount; /* how much: a block's size, ms of a clock's jump, a grant's daily budget, the
                        first entry kept; of a checkpoint: audit_noted; else 0 */
    /* Of OPENED, CLOSED, CHECKPOINT and RESTORED, which need it, and of nothing else: written:
     * signed by audit; read: it is a checkpoint. */
    bool has_checkpoint;
    uint8_t instance_id[INSTANCE_ID_BYTES]; /* of a checkpoint: filled in by audit */
    uint64_t changes;                       /* likewise: the store's durable commits */
    uint8_t signature[SIGNATURE_BYTES];     /* likewise */
    /* Written: a line of text, or what audit_reason_pack made; sealed by audit under the year's
     * key. Read: sealed; audit_open_reason opens it. */
    struct bytes reason;
};

/* Acts of the vault itself, beside enum operation's numbers. On disk. */
enum audit_act {
    AUDIT_ACT_CREATED = 200, /* the chain's first entry */
    AUDIT_ACT_OPENED = 201,  /* unsealed */
    AUDIT_ACT_CLOSED = 202,  /* sealed, or stopped in good order */
    AUDIT_ACT_CUT = 203,     /* a torn tail was cut at start */
    AUDIT_ACT_CHECKPOINT = 204,
    AUDIT_ACT_BUDGET = 205,        /* a block of `amount` for tokenize and lookup */
    AUDIT_ACT_CLOCK_FORWARD = 206, /* somebody set the wall clock; by `amount` ms */
    AUDIT_ACT_CLOCK_BACK = 207,
    AUDIT_ACT_RETAINED = 208,      /* entries before number `amount` were removed as too old */
    AUDIT_ACT_BUDGET_EXTRA = 209,  /* a block of `amount` of a grant that ends */
    AUDIT_ACT_KEY_DESTROYED = 210, /* number `amount`, of the purpose that `subject` names */
    /* The first entry of another instance of the vault, with an access tag. `subject`:
     * AUDIT_LOG_LOST, where what stood behind the entry before it in the lost log is not known. */
    AUDIT_ACT_RESTORED = 211,
    AUDIT_ACT_SWEPT = 212, /* the last row of a shredded namespace is gone; `amount` contacts of its
                              counts were not found */
    AUDIT_ACT_BACKUP_ENDED = 213, /* whose last entry of the log is `amount`; of one that failed,
                                     `subject` says why */
    AUDIT_ACT_CANARY = 214, /* of canary number `amount`: a person tried to open it (DENIED), or a
                               service opens it */
};
#define AUDIT_LOG_LOST "log-lost"

/* Name of an operation or act ("detokenize", "opened"), or "unknown". */
const char *audit_act_name(uint32_t operation);

/* What the walk at opening learned. */
struct audit_summary {
    uint64_t entries;
    bool has_access_tag;      /* of the last access change that is known to have come about */
    uint64_t access_sequence; /* of the entry that carries it */
    uint8_t access_tag[AUDIT_DIGEST_BYTES];
    bool intent_open; /* the last access change has an intent and no outcome */
    uint64_t intent;  /* its sequence */
    uint32_t intent_operation;
    uint8_t intent_tag[AUDIT_DIGEST_BYTES];
    bool clean; /* CLOSED, and since then only what a sealed vault writes; or there is no entry */
    uint64_t time_ms;  /* of the last entry before this opening's own; 0: none */
    uint64_t leapt_ms; /* of the last one made more than AUDIT_LEAP_MS after the one before it; 0:
                          none */
    uint64_t restored; /* the last RESTORED: intents before it are void; 0: none */
    uint64_t recent_begins; /* number of the first entry made in the AUDIT_RECENT_MS before time_ms,
                               or up to an hour earlier */
};

/* An erase that was announced, and of which the log does not say what became. */
struct audit_erasure {
    uint64_t sequence; /* of the intent */
    enum contact_kind kind;
    uint8_t token[TOKEN_BYTES];
};

/* A key that was about to be made or destroyed, and of which the log does not say what became. */
struct audit_key_act {
    uint64_t sequence; /* of the intent; 0: settled */
    uint32_t operation;
    uint64_t number;
    char namespace_name[NAME_BYTES_MAX + 1];
    char subject[NAME_BYTES_MAX + 1]; /* the key's purpose */
};

struct audit_options {
    const char *folder;
    const uint8_t *vault_id;    /* VAULT_ID_BYTES */
    const uint8_t *instance_id; /* INSTANCE_ID_BYTES */
    struct keyring *keyring;
    /* How many durable commits the store has made: stands in every checkpoint. NULL: 0. */
    uint64_t (*store_changes)(const void *store); /* called with the chain locked: must not wait */
    const void *store;
    const char *checkpoint_folder; /* where checkpoints are written too; NULL: nowhere */
    uint32_t checkpoint_s;         /* 0: 60 */
    uint64_t segment_bytes;        /* of the journal; 0: its default */
    /* By a restore: the chain is another instance's, and nothing is signed before RESTORED. */
    bool restoring;
};

/*
 * audit_open: walks and proves the whole chain, all but the signatures, which want the keyring
 * unsealed: audit_prove. CORRUPT: *ret_place says where it breaks. A torn tail is cut, and the cut
 * becomes an entry. Starts vault time (clock_vault_start) at the newest checkpoint's: what is
 * behind it is nobody's word yet.
 *
 * What was written while sealed is held to what a sealed vault writes: between CREATED or CLOSED
 * and the next OPENED stand CUT, CHECKPOINT and outcomes, without principal, and nothing else.
 */
MUST_USE enum status audit_open(const struct audit_options *options,
                                struct audit_summary *ret_summary,
                                char ret_place[static AUDIT_PLACE_BYTES], struct audit **ret_audit);
void audit_close(struct audit **audit);

/* Erase intents that opening found without outcome, in order; valid until close. */
const struct audit_erasure *audit_open_erasures(const struct audit *audit, size_t *ret_count);
/* The same of keys. */
const struct audit_key_act *audit_open_key_acts(const struct audit *audit, size_t *ret_count);

/*
 * audit_prove: at unseal. Of the chain: where it begins, and its newest checkpoint, are signed by
 * this vault's key, the latter under this instance_id and with a count of store changes that is not
 * above the store's (else the store is an older copy put back); what was found behind it is not
 * from the future; and the newest checkpoint kept in checkpoint_folder, if there is one, stands in
 * it (else the log is). CORRUPT: ret_place says which. A checkpoint_folder that cannot be read, or
 * has nothing of this vault's, is logged, and OK. Then vault time is no less than the last entry's.
 * *ret_noted: what audit_noted had been told by the newest checkpoint, so that the store's note is
 * at least that; 0: none. Waits for nobody who writes to checkpoint_folder, but reads it itself.
 */
MUST_USE enum status audit_prove(struct audit *audit, uint64_t *ret_noted,
                                 char ret_place[static AUDIT_PLACE_BYTES]);
/* The store has on disk that the log had come that far: stands in every checkpoint from now on. */
void audit_noted(struct audit *audit, uint64_t sequence);
/* SHA-256 of that entry. NOT_FOUND: there is none, or it was removed as too old. */
MUST_USE enum status audit_digest_at(struct audit *audit, uint64_t sequence,
                                     uint8_t ret_digest[static AUDIT_DIGEST_BYTES]);

/*
 * audit_append: numbers, chains and takes the entries, in order and together; not yet on disk.
 * Fills in sequence and time_ms. UNAVAILABLE: the log cannot be written, the year has no reason
 * key, or a checkpoint is wanted of a sealed vault. INVALID: an entry against its format (a name
 * not of printable ASCII, a reason too long). Whatever the failure, nothing was taken. When
 * AUDIT_CHECKPOINT_ENTRIES have gathered since the last checkpoint and the vault is unsealed, one
 * is put behind the entries by itself.
 */
MUST_USE enum status audit_append(struct audit *audit, struct audit_entry *entries, size_t count);
/* Who may go on when the disk is full, and how far. */
enum audit_reserve {
    AUDIT_RESERVE_NONE = 0,
    AUDIT_RESERVE_ERASE = 1, /* leaves room for the others */
    AUDIT_RESERVE_STOP = 2,  /* freeze, disable, revoke, closing, retention: all there is */
};
/* The same out of the reserve. */
MUST_USE enum status audit_append_reserved(struct audit *audit, struct audit_entry *entries,
                                           size_t count, enum audit_reserve use);
/* The same, and then on disk. */
MUST_USE enum status audit_record(struct audit *audit, struct audit_entry *entries, size_t count,
                                  enum audit_reserve use);
/*
 * audit_tick: a checkpoint if one is due, made durable. Keeps the journal's reserve. Called some
 * ten times a second with the gate held shared, unsealed or sealed. True: a checkpoint was made
 * durable since the last call; then *ret_sequence and ret_digest are those of the newest.
 */
bool audit_tick(struct audit *audit, uint64_t *ret_sequence,
                uint8_t ret_digest[static AUDIT_DIGEST_BYTES]);
/* The next tick makes a checkpoint; not more than one a second because of this. */
void audit_hasten_checkpoint(struct audit *audit);
/*
 * audit_keep_checkpoint: writes the newest checkpoint to the second place, unless it is there.
 * `now`: at once; else a line a second at most, and 5 s after a failure. May take as long as that
 * place does (NFS): called without the gate. Nobody waits for it but another call of it.
 */
void audit_keep_checkpoint(struct audit *audit, bool now);
/* Until that entry is on disk. UNAVAILABLE: unknown; audit_failed is set. */
MUST_USE enum status audit_wait(struct audit *audit, uint64_t sequence);
/* When the newest entry was taken, as the chain counts: never less than the one before. */
uint64_t audit_last_time_ms(struct audit *audit);
/* The newest entry taken, on disk or not yet; 0: none. */
uint64_t audit_last(const struct audit *audit);
bool audit_failed(const struct audit *audit);

/* Both of the above for reveals granted, and a receipt for each: the one place that makes them. */
MUST_USE enum status audit_record_reveals(struct audit *audit, struct audit_entry *entries,
                                          size_t count, struct audit_receipt *ret_receipts);

/* The reason of an entry that was read, in clear, in `room`, which the views point into. SEALED;
 * NOT_FOUND: it has none, or the year's key is destroyed. CORRUPT: nothing audit wrote. */
MUST_USE enum status audit_open_reason(const struct audit *audit, const struct audit_entry *entry,
                                       uint8_t room[static AUDIT_REASON_BYTES_MAX],
                                       struct audit_reason *ret_reason);
/* The first entry made at that time or later; audit_last + 1 if there is none. */
MUST_USE enum status audit_find_time(struct audit *audit, uint64_t time_ms, uint64_t *ret_sequence);
/* The first entry there still is. */
uint64_t audit_first(const struct audit *audit);

/*
 * audit_retain: removes whole segments of which every entry is older than before_ms, after it has
 * signed where the chain begins from then on (DESIGN.md, "Where the chain begins"). Never the
 * segment being written, nor the last 50 hours. First `entry` is appended as RETAINED: made by the
 * caller, with an access tag for number audit_last + 1, because the entry that vouched for the
 * access state last may be among those that go; audit fills in act, phase and amount. *ret_removed:
 * how many entries; 0, and nothing appended, when there is nothing to remove. Needs the keyring,
 * and that nobody else appends.
 */
MUST_USE enum status audit_retain(struct audit *audit, uint64_t before_ms,
                                  struct audit_entry *entry, uint64_t *ret_removed);
/* Would it remove anything? Cheap; late by one entry at most. */
bool audit_retain_due(struct audit *audit, uint64_t before_ms);

typedef enum status audit_visit(void *state, const struct audit_entry *entry);
MUST_USE enum status audit_read(struct audit *audit, uint64_t from, uint64_t limit,
                                audit_visit *visit, void *state);

/* The entry's bytes as they are on disk too; decoded as they come: CORRUPT if one cannot be. */
typedef enum status audit_raw_visit(void *state, const struct audit_entry *entry,
                                    struct bytes bytes);
MUST_USE enum status audit_read_raw(struct audit *audit, uint64_t from, uint64_t limit,
                                    audit_raw_visit *visit, void *state);

uint64_t audit_flushes(const struct audit *audit);

#endif

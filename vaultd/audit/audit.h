/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.h: the hash chain of who did what. Each entry carries the SHA-256 of the one before, in a
 * journal of its own that can be copied and verified as files. Never a contact, a hash of one, a
 * key or a credential. Format: DESIGN.md, "The audit entry".
 *
 * Threads: audit_append, audit_wait, audit_record_reveals and audit_read by any number at once.
 */
#ifndef CONTACT_VAULT_AUDIT_H
#define CONTACT_VAULT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit_receipt.h"
#include "bounds.h"
#include "bytes.h"
#include "kind.h"
#include "status.h"

struct audit;
struct keyring;

enum { AUDIT_DIGEST_BYTES = 32, AUDIT_PLACE_BYTES = 192 };

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
    struct bytes principal;      /* name; empty for the vault itself and for strangers */
    struct bytes namespace_name; /* or absent */
    struct bytes subject;        /* the principal or namespace an act is about; or absent */
    uint8_t role;                /* enum role of a grant or revoke; else 0 */
    uint8_t token_kind;          /* enum contact_kind, or 0: no token */
    uint8_t token[TOKEN_BYTES];
    bool has_access_tag; /* of an access change: vouches for the access state after it (access_tag)
                          */
    uint8_t access_tag[AUDIT_DIGEST_BYTES];
    struct bytes reason; /* written: plain, sealed by audit under the year's key; read: sealed */
};

/* Acts of the vault itself, beside enum operation's numbers. On disk. */
enum audit_act {
    AUDIT_ACT_CREATED = 200, /* the chain's first entry */
    AUDIT_ACT_OPENED = 201,  /* unsealed */
    AUDIT_ACT_CLOSED = 202,  /* sealed, or stopped in good order */
    AUDIT_ACT_CUT = 203,     /* a torn tail was cut at start */
};

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
    bool clean; /* the last entry is CLOSED, or there is none */
};

/*
 * audit_open: walks and proves the whole chain. CORRUPT: *ret_place says where it breaks. A torn
 * tail is cut, and the cut becomes an entry.
 */
MUST_USE enum status audit_open(const char *folder, const uint8_t vault_id[static 16],
                                struct keyring *keyring, struct audit_summary *ret_summary,
                                char ret_place[static AUDIT_PLACE_BYTES], struct audit **ret_audit);
void audit_close(struct audit **audit);

/*
 * audit_append: numbers, chains and takes the entries, in order and together; not yet on disk.
 * Fills in sequence and time_ms. UNAVAILABLE: the log cannot be written, or the year has no reason
 * key. INVALID: an entry against its format (a name not of printable ASCII, a reason too long).
 * Whatever the failure, nothing was taken.
 */
MUST_USE enum status audit_append(struct audit *audit, struct audit_entry *entries, size_t count);
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

typedef enum status audit_visit(void *state, const struct audit_entry *entry);
MUST_USE enum status audit_read(struct audit *audit, uint64_t from, uint64_t limit,
                                audit_visit *visit, void *state);

uint64_t audit_flushes(const struct audit *audit);

/* ---- offline, without a daemon and without a key ---- */

struct audit_report {
    uint64_t entries;
    uint64_t first_bad;            /* sequence, or 0 */
    char place[AUDIT_PLACE_BYTES]; /* the first fault: file, byte, what is wrong */
};

/*
 * CORRUPT: the report names the first fault: damage, a broken link, a torn end that no start has
 * cut yet, or no entry at all. NOT_FOUND: no such folder. The folder is only read, and may be that
 * of a running daemon.
 */
MUST_USE enum status audit_verify(const char *folder, struct audit_report *ret_report);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* audit_verify.h: the whole chain proved offline, without a daemon and without the vault's keys. */
#ifndef CONTACT_VAULT_AUDIT_VERIFY_H
#define CONTACT_VAULT_AUDIT_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "audit.h"
#include "status.h"

struct audit_check {
    const char *folder;
    const uint8_t *public_key; /* PUBLIC_KEY_BYTES; NULL: signatures are not checked */
    const char
        *checkpoint_file; /* kept elsewhere: every line of it must stand in the chain; NULL */
};

struct audit_report {
    uint64_t entries;
    uint64_t first;                /* number of the first entry there still is */
    uint64_t checkpoints;          /* signed and verified; without a public key: not verified */
    uint64_t unsigned_tail;        /* entries behind the last checkpoint */
    uint64_t unclean;              /* openings that no CLOSED stands before */
    uint64_t restored;             /* the last RESTORED; 0: none */
    uint64_t kept;                 /* checkpoints of checkpoint_file that were found in the chain */
    bool anchored;                 /* kept > 0, and signatures were checked */
    uint64_t first_bad;            /* sequence, or 0 */
    char place[AUDIT_PLACE_BYTES]; /* the first fault: file, byte, what is wrong */
};

/*
 * CORRUPT: the report names the first fault: damage, a broken link, a torn end that no start has
 * cut yet, no entry at all, a signature that does not hold, a kept checkpoint that does not stand
 * in the chain, and is not of a log that was lost before the last restore, more than
 * AUDIT_UNSIGNED_MAX entries in a row without one, an entry of a sealed vault that none writes, a
 * beginning after entry 1 that no public key proves. NOT_FOUND: no such folder, or no such file.
 * INVALID: checkpoint_file holds no checkpoint of this vault. The folder is only read, and may be
 * that of a running daemon.
 */
MUST_USE enum status audit_verify(const struct audit_check *check, struct audit_report *ret_report);

#endif

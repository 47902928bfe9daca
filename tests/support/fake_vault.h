/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_vault.h: a vault without a vault, for the client's tests: a child process that speaks SP
 * over a Unix socket by hand and answers from a small script. Being another process, its memory
 * holds what the client's must not.
 *
 * What it does is told by the first value of a batch, or by the reason:
 *   slow      no answer                  drop      the connection is closed instead
 *   busy      BUSY, retry in 30 s        sealed    SEALED
 *   soon      BUSY, retry in 1 s         twice     BUSY twice in a run of the fake, then an answer
 *   quota     QUOTA, retry in 86399 s    over      QUOTA, never
 *   frozen    FROZEN                     expired   EXPIRED
 *   unavailable, internal                UNAVAILABLE, INTERNAL
 *   pending   PENDING, number 4711
 *   forget    UNAUTHENTICATED, and the connection is a stranger's again
 *   forever   UNAUTHENTICATED, always
 *   raw:HEX   these bytes are the answer
 *   die       the whole vault is gone, as by kill -9
 *   +few      UNAVAILABLE, no memory for so many, when there are more than FAKE_FEW values
 *   +over     QUOTA, never, when there are more than FAKE_FEW values
 *
 * It lists its two principals one a page.
 *
 * FAKE_CODE enrols a person, "maria"; FAKE_FACTOR is always her code of now, "locked" locks. Her
 * key outlives a restart, her session does not.
 *
 * Its log has FAKE_ENTRIES entries, and one more for each change it was asked for. Asked for some
 * of them, it looks at two a call.
 */
#ifndef CONTACT_VAULT_FAKE_VAULT_H
#define CONTACT_VAULT_FAKE_VAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { FAKE_FEW = 100, FAKE_ENTRIES = 5, FAKE_REQUEST_BYTES = 4096 };

/* In memory shared with the child, and kept through a restart. */
struct fake_counts {
    atomic_uint connections; /* that said the SP header */
    atomic_uint hellos;
    atomic_uint requests; /* that carried the right connection id; HELLOs not counted */
    atomic_uint executed; /* of those: what was tokenized, revealed or changed */
    atomic_uint frames;   /* whatever came after the SP header */
    atomic_uint enrolled;
    unsigned char person[32]; /* her public key, once she is enrolled */
    /* The last of `requests`, or none if it was longer. */
    size_t request_size;
    unsigned char request[FAKE_REQUEST_BYTES];
};

struct fake_options {
    const char *path;
    uid_t uid;             /* to listen as; 0: as the caller */
    const char *principal; /* NULL: "tester"; "nobody": HELLO is refused */
    bool sealed, frozen;
    bool mute;                       /* says nothing to HELLO */
    bool throttled;                  /* says BUSY to HELLO twice */
    bool passphrase;                 /* is how it says it is unsealed; else by a key file */
    bool stuck;                      /* its list of principals does not go forward */
    bool compact_fails;              /* BUSY, after a while */
    bool loses_confirmation;         /* enrols, and the connection breaks instead of an answer */
    bool knows_uid;                  /* as the person who is enrolled, by HELLO without a key */
    bool root_waits;                 /* PENDING, to another root key */
    const unsigned char *public_key; /* known by this key only; NULL: by uid */
};

struct fake {
    pid_t pid;
    struct fake_options options;
    struct fake_counts *counts;
};

#define FAKE_CODE "0000-0000-0000-0000-0000-0000-00c"
#define FAKE_FACTOR "123456"
#define FAKE_WRONG "the code is wrong: is the clock of your phone right?"
#define FAKE_RECOVERY "rrrr-rrrr-rrr1"
#define FAKE_TOKEN "phn_0123456789abcdefghjkmnpqrs0"
#define FAKE_MASK "+39 \u2022\u2022\u2022 \u2022\u2022\u2022 \u2022\u202267"
#define FAKE_VALUE "+393331234567"
/* What entry 4 of its log says: written by somebody who wishes the reader ill. */
#define FAKE_TICKET "INC-\x1b[7"
#define FAKE_REASON "\"call\" \x1b[2Jback\n\u202e\\"

/* Listening when it returns. */
void fake_start(struct fake *fake, const struct fake_options *options);
void fake_kill(struct fake *fake); /* as by kill -9 */
void fake_restart(struct fake *fake);
void fake_stop(struct fake *fake);

#endif

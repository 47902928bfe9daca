/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logins.h: what each person's second factor was used for: the newest step of her TOTP that was
 * taken, and when codes were wrong. In memory; dispatch fills it from the log at the first unseal.
 * Vault time, in ms. Any number of threads; two of one person at once are kept apart by the caller.
 */
#ifndef CONTACT_VAULT_LOGINS_H
#define CONTACT_VAULT_LOGINS_H

#include <stdbool.h>
#include <stdint.h>

#include "status.h"

struct logins;

enum {
    LOGINS_FAILURES = 5,            /* so many */
    LOGINS_WINDOW_MS = 15 * 60 * 1000, /* within this */
    LOGINS_LOCKED_MS = 15 * 60 * 1000, /* lock for that, from the last one on */
};

MUST_USE enum status logins_new(struct logins **ret_logins);
void logins_free(struct logins **logins);
/* Forgets all. */
void logins_clear(struct logins *logins);

/* A step of her TOTP was taken; an older one than the newest changes nothing. */
void logins_note_step(struct logins *logins, uint32_t principal, uint64_t step);
uint64_t logins_last_step(struct logins *logins, uint32_t principal); /* 0: none */

/* True: that was the one that locks. */
bool logins_note_failure(struct logins *logins, uint32_t principal, uint64_t time_ms);
/* For how long yet, in whole seconds; 0: not. */
uint32_t logins_locked_s(struct logins *logins, uint32_t principal, uint64_t now_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logins.h: when persons' second factors were wrong, and who is locked for it. In memory; dispatch
 * fills it from the log at the first unseal. Vault time, in ms. Any number of threads.
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

/* True: that was the one that locks. */
bool logins_note_failure(struct logins *logins, uint32_t principal, uint64_t time_ms);
/* For how long yet, in whole seconds; 0: not. */
uint32_t logins_locked_s(struct logins *logins, uint32_t principal, uint64_t now_ms);

#endif

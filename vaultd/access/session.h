/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h: the sessions of persons who have logged in: an Ed25519 key made for a while, which
 * speaks for one of them. In memory only: a restart and a seal end them all. Times are those of
 * CLOCK_BOOTTIME, in ms, so that one cannot be made longer by setting a clock or by a sleep.
 * Any number of threads.
 */
#ifndef CONTACT_VAULT_SESSION_H
#define CONTACT_VAULT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "status.h"

struct sessions;

enum {
    SESSIONS_MAX = 4096,
    SESSIONS_OF_ONE_MAX = 64, /* then her least recently used one makes room */
    SESSION_IDLE_MS = 15 * 60 * 1000,
    SESSION_LASTS_MS = 8 * 3600 * 1000,
};

/* Who logs in, and from where. */
struct session_spec {
    uint32_t principal;
    uint32_t uid;              /* the peer's: the session is proved by that uid alone */
    bool relayed;              /* or by any */
    const uint8_t *key;        /* PUBLIC_KEY_BYTES */
    const uint8_t *connection; /* CONNECTION_ID_BYTES: the one she logged in on has it too */
};

MUST_USE enum status sessions_new(struct sessions **ret_sessions);
void sessions_free(struct sessions **sessions);

/* CONFLICT: this key has a session. BUSY: there are SESSIONS_MAX live ones. *ret_id is not 0. */
MUST_USE enum status sessions_open(struct sessions *sessions, const struct session_spec *spec,
                                   uint64_t now_ms, uint64_t *ret_id);

/* Of the live session with this key, proved by that uid; 0: there is none. */
uint64_t sessions_by_key(struct sessions *sessions, const uint8_t key[static PUBLIC_KEY_BYTES],
                         uint32_t uid, uint64_t now_ms, uint32_t *ret_principal);
/* Of the live session that began on this connection; 0: there is none. */
uint64_t sessions_by_connection(struct sessions *sessions,
                                const uint8_t connection[static CONNECTION_ID_BYTES],
                                uint64_t now_ms);

/* Is it live, and this principal's? Then it was used now. */
bool sessions_use(struct sessions *sessions, uint64_t id, uint32_t principal, uint64_t now_ms);
/* How long it goes on, unused, and at the most. False: it is not live. */
bool sessions_left(struct sessions *sessions, uint64_t id, uint64_t now_ms, uint32_t *ret_idle_s,
                   uint32_t *ret_lasts_s);

void sessions_end(struct sessions *sessions, uint64_t id);
void sessions_end_of(struct sessions *sessions, uint32_t principal);
/* Those of every principal of whom `is_over` says so; called with the sessions' lock held. */
void sessions_end_where(struct sessions *sessions,
                        bool (*is_over)(const void *state, uint32_t principal), const void *state);
void sessions_end_all(struct sessions *sessions);
/* Live ones of a principal; 0 for `principal`: of all. */
size_t sessions_count(struct sessions *sessions, uint32_t principal, uint64_t now_ms);

#endif

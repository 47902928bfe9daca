/* SPDX-License-Identifier: Apache-2.0 */
#include "logins.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"

enum { SECOND_MS = 1000 };

struct login_past {
    uint64_t failures[LOGINS_FAILURES]; /* a ring; 0: none */
    unsigned next;                      /* where the next one goes: the oldest stands there */
    uint64_t locked_until_ms;
};

struct logins {
    pthread_mutex_t lock; /* over all below; a leaf */
    struct login_past pasts[ACCESS_ROWS_MAX];
};

enum status
logins_new(struct logins **ret_logins)
{
    struct logins *logins = calloc(1, sizeof *logins);

    if (logins == NULL) {
        return STATUS_UNAVAILABLE;
    }
    (void)pthread_mutex_init(&logins->lock, NULL);
    *ret_logins = logins;
    return STATUS_OK;
}

void
logins_free(struct logins **logins)
{
    if (*logins != NULL) {
        (void)pthread_mutex_destroy(&(*logins)->lock);
        free(*logins);
        *logins = NULL;
    }
}

void
logins_clear(struct logins *logins)
{
    (void)pthread_mutex_lock(&logins->lock);
    memset(logins->pasts, 0, sizeof logins->pasts);
    (void)pthread_mutex_unlock(&logins->lock);
}

static struct login_past *
lock_past(struct logins *logins, uint32_t principal)
{
    assert(principal >= 1 && principal <= ACCESS_ROWS_MAX);
    (void)pthread_mutex_lock(&logins->lock);
    return &logins->pasts[principal - 1];
}

bool
logins_note_failure(struct logins *logins, uint32_t principal, uint64_t time_ms)
{
    struct login_past *past = lock_past(logins, principal);
    uint64_t oldest;
    bool locks;

    past->failures[past->next] = time_ms;
    past->next = (past->next + 1) % LOGINS_FAILURES;
    oldest = past->failures[past->next];
    locks = oldest != 0 && time_ms - oldest < LOGINS_WINDOW_MS;
    if (locks) {
        past->locked_until_ms = time_ms + LOGINS_LOCKED_MS;
        memset(past->failures, 0, sizeof past->failures);
    }
    (void)pthread_mutex_unlock(&logins->lock);
    return locks;
}

uint32_t
logins_locked_s(struct logins *logins, uint32_t principal, uint64_t now_ms)
{
    uint64_t until_ms = lock_past(logins, principal)->locked_until_ms;

    (void)pthread_mutex_unlock(&logins->lock);
    return now_ms < until_ms ? (uint32_t)((until_ms - now_ms + SECOND_MS - 1) / SECOND_MS) : 0;
}

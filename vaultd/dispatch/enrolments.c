/* SPDX-License-Identifier: Apache-2.0 */
/* What the vault has shown to persons who are enrolling and have not confirmed it yet. In memory:
 * who is cut off in between begins again, and gets another secret. */
#include "enrolments.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"

enum {
    ENROLMENTS_MAX = 32,
    LIFE_MS = 15 * 60 * 1000,
    TRIES = 5, /* to type the first code */
    SECRET_BYTES = TOTP_SECRET_BYTES + RECOVERY_CODES * RECOVERY_BYTES,
};

struct begun {
    uint32_t principal; /* 0: free */
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint8_t nonce[NONCE_BYTES];
    struct secret *secret; /* struct enrolment_secret's bytes */
    uint64_t begun_ms;
    unsigned tries;
};

struct enrolments {
    pthread_mutex_t lock; /* over all below; a leaf */
    struct begun begun[ENROLMENTS_MAX];
};

_Static_assert(sizeof(struct enrolment_secret) == SECRET_BYTES, "no padding");

enum status
enrolments_new(struct enrolments **ret_enrolments)
{
    struct enrolments *enrolments = calloc(1, sizeof *enrolments);

    if (enrolments == NULL) {
        return STATUS_UNAVAILABLE;
    }
    (void)pthread_mutex_init(&enrolments->lock, NULL);
    *ret_enrolments = enrolments;
    return STATUS_OK;
}

static void
drop(struct begun *begun)
{
    secret_free(&begun->secret);
    *begun = (struct begun){0};
}

void
enrolments_forget_all(struct enrolments *enrolments)
{
    (void)pthread_mutex_lock(&enrolments->lock);
    for (size_t i = 0; i < ENROLMENTS_MAX; i++) {
        drop(&enrolments->begun[i]);
    }
    (void)pthread_mutex_unlock(&enrolments->lock);
}

void
enrolments_free(struct enrolments **enrolments)
{
    if (*enrolments != NULL) {
        enrolments_forget_all(*enrolments);
        (void)pthread_mutex_destroy(&(*enrolments)->lock);
        free(*enrolments);
        *enrolments = NULL;
    }
}

static struct begun *
find(struct enrolments *enrolments, uint32_t principal)
{
    for (size_t i = 0; i < ENROLMENTS_MAX; i++) {
        if (enrolments->begun[i].principal == principal) {
            return &enrolments->begun[i];
        }
    }
    return NULL;
}

/* Hers, a free one, or the oldest: only who has a valid code comes here. */
static struct begun *
find_place(struct enrolments *enrolments, uint32_t principal)
{
    struct begun *oldest = &enrolments->begun[0];
    struct begun *mine = find(enrolments, principal);

    if (mine != NULL || find(enrolments, 0) != NULL) {
        return mine != NULL ? mine : find(enrolments, 0);
    }
    for (size_t i = 1; i < ENROLMENTS_MAX; i++) {
        if (enrolments->begun[i].begun_ms < oldest->begun_ms) {
            oldest = &enrolments->begun[i];
        }
    }
    return oldest;
}

enum status
enrolments_begin(struct enrolments *enrolments, uint32_t principal,
                 const uint8_t public_key[static PUBLIC_KEY_BYTES], uint64_t now_ms,
                 uint8_t ret_nonce[static NONCE_BYTES], struct enrolment_secret *ret_secret)
{
    struct begun fresh = {.principal = principal, .begun_ms = now_ms};
    struct begun *place;
    enum status status = secret_new(sizeof *ret_secret, &fresh.secret);

    if (status != STATUS_OK) {
        return status;
    }
    randombytes_buf(secret_write(fresh.secret), sizeof *ret_secret);
    secret_freeze(fresh.secret);
    randombytes_buf(fresh.nonce, sizeof fresh.nonce);
    memcpy(fresh.public_key, public_key, PUBLIC_KEY_BYTES);
    memcpy(ret_secret, secret_read(fresh.secret), sizeof *ret_secret);
    memcpy(ret_nonce, fresh.nonce, NONCE_BYTES);
    (void)pthread_mutex_lock(&enrolments->lock);
    place = find_place(enrolments, principal);
    drop(place);
    *place = fresh;
    (void)pthread_mutex_unlock(&enrolments->lock);
    return STATUS_OK;
}

bool
enrolments_find(struct enrolments *enrolments, uint32_t principal,
                const uint8_t public_key[static PUBLIC_KEY_BYTES], uint64_t now_ms,
                uint8_t ret_nonce[static NONCE_BYTES], struct enrolment_secret *ret_secret)
{
    const struct begun *begun;
    bool found;

    (void)pthread_mutex_lock(&enrolments->lock);
    begun = find(enrolments, principal);
    found = begun != NULL && now_ms - begun->begun_ms < LIFE_MS &&
            memcmp(begun->public_key, public_key, PUBLIC_KEY_BYTES) == 0;
    if (found) {
        memcpy(ret_nonce, begun->nonce, NONCE_BYTES);
        memcpy(ret_secret, secret_read(begun->secret), sizeof *ret_secret);
    }
    (void)pthread_mutex_unlock(&enrolments->lock);
    return found;
}

bool
enrolments_miss(struct enrolments *enrolments, uint32_t principal)
{
    struct begun *begun;
    bool over;

    (void)pthread_mutex_lock(&enrolments->lock);
    begun = find(enrolments, principal);
    over = begun != NULL && ++begun->tries == TRIES;
    if (over) {
        drop(begun);
    }
    (void)pthread_mutex_unlock(&enrolments->lock);
    return over;
}

void
enrolments_end(struct enrolments *enrolments, uint32_t principal)
{
    struct begun *begun;

    (void)pthread_mutex_lock(&enrolments->lock);
    begun = find(enrolments, principal);
    if (begun != NULL) {
        drop(begun);
    }
    (void)pthread_mutex_unlock(&enrolments->lock);
}

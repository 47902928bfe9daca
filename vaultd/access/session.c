/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND_MS = 1000 };

/* A slot is used again under another id: id modulo SESSIONS_MAX is its place. */
struct session {
    uint64_t id; /* 0: free */
    uint32_t principal;
    uint32_t uid;
    bool relayed;
    uint8_t key[PUBLIC_KEY_BYTES];
    uint8_t connection[CONNECTION_ID_BYTES];
    uint64_t opened_ms;
    uint64_t used_ms;
};

struct sessions {
    pthread_mutex_t lock; /* over all below; a leaf */
    uint64_t round;       /* of ids */
    struct session slots[SESSIONS_MAX];
};

enum status
sessions_new(struct sessions **ret_sessions)
{
    struct sessions *sessions = calloc(1, sizeof *sessions);

    if (sessions == NULL) {
        return STATUS_UNAVAILABLE;
    }
    (void)pthread_mutex_init(&sessions->lock, NULL);
    *ret_sessions = sessions;
    return STATUS_OK;
}

void
sessions_free(struct sessions **sessions)
{
    if (*sessions != NULL) {
        (void)pthread_mutex_destroy(&(*sessions)->lock);
        free(*sessions);
        *sessions = NULL;
    }
}

/* ---- with the lock held ---- */

/* Callers read the clock before they come to the lock, so they may come in another order. */
static uint64_t
passed_ms(uint64_t since_ms, uint64_t now_ms)
{
    return now_ms > since_ms ? now_ms - since_ms : 0;
}

static bool
is_live(const struct session *session, uint64_t now_ms)
{
    return session->id != 0 && passed_ms(session->used_ms, now_ms) < SESSION_IDLE_MS &&
           passed_ms(session->opened_ms, now_ms) < SESSION_LASTS_MS;
}

static struct session *
find_id(struct sessions *sessions, uint64_t id, uint64_t now_ms)
{
    struct session *slot = &sessions->slots[id % SESSIONS_MAX];

    return id != 0 && slot->id == id && is_live(slot, now_ms) ? slot : NULL;
}

static void
end(struct session *session)
{
    *session = (struct session){0};
}

/* One that is over is free; NULL: all are live. */
static struct session *
find_free(struct sessions *sessions, uint64_t now_ms)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (!is_live(&sessions->slots[i], now_ms)) {
            return &sessions->slots[i];
        }
    }
    return NULL;
}

/* What a person forgot to end makes room for what she begins. */
static void
make_room(struct sessions *sessions, uint32_t principal, uint64_t now_ms)
{
    struct session *oldest = NULL;
    size_t count = 0;

    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *slot = &sessions->slots[i];

        if (slot->principal == principal && is_live(slot, now_ms)) {
            count++;
            oldest = oldest == NULL || slot->used_ms < oldest->used_ms ? slot : oldest;
        }
    }
    if (count >= SESSIONS_OF_ONE_MAX) {
        end(oldest);
    }
}

static struct session *
find_key(struct sessions *sessions, const uint8_t *key, uint64_t now_ms)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (is_live(&sessions->slots[i], now_ms) &&
            memcmp(sessions->slots[i].key, key, PUBLIC_KEY_BYTES) == 0) {
            return &sessions->slots[i];
        }
    }
    return NULL;
}

/* ---- what others call ---- */

enum status
sessions_open(struct sessions *sessions, const struct session_spec *spec, uint64_t now_ms,
              uint64_t *ret_id)
{
    struct session *slot = NULL;
    enum status status = STATUS_OK;

    (void)pthread_mutex_lock(&sessions->lock);
    if (find_key(sessions, spec->key, now_ms) != NULL) {
        status = STATUS_CONFLICT;
        goto out;
    }
    make_room(sessions, spec->principal, now_ms);
    slot = find_free(sessions, now_ms);
    if (slot == NULL) {
        status = STATUS_BUSY;
        goto out;
    }
    *slot = (struct session){
        .id = ++sessions->round * SESSIONS_MAX + (uint64_t)(slot - sessions->slots),
        .principal = spec->principal,
        .uid = spec->uid,
        .relayed = spec->relayed,
        .opened_ms = now_ms,
        .used_ms = now_ms,
    };
    memcpy(slot->key, spec->key, PUBLIC_KEY_BYTES);
    memcpy(slot->connection, spec->connection, CONNECTION_ID_BYTES);
    *ret_id = slot->id;
out:
    (void)pthread_mutex_unlock(&sessions->lock);
    return status;
}

uint64_t
sessions_by_key(struct sessions *sessions, const uint8_t key[static PUBLIC_KEY_BYTES], uint32_t uid,
                uint64_t now_ms, uint32_t *ret_principal)
{
    const struct session *found;
    uint64_t id = 0;

    (void)pthread_mutex_lock(&sessions->lock);
    found = find_key(sessions, key, now_ms);
    if (found != NULL && (found->relayed || found->uid == uid)) {
        id = found->id;
        *ret_principal = found->principal;
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    return id;
}

uint64_t
sessions_by_connection(struct sessions *sessions,
                       const uint8_t connection[static CONNECTION_ID_BYTES], uint64_t now_ms)
{
    uint64_t id = 0;

    (void)pthread_mutex_lock(&sessions->lock);
    for (size_t i = 0; i < SESSIONS_MAX && id == 0; i++) {
        const struct session *slot = &sessions->slots[i];

        if (is_live(slot, now_ms) &&
            sodium_memcmp(slot->connection, connection, CONNECTION_ID_BYTES) == 0) {
            id = slot->id;
        }
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    return id;
}

bool
sessions_use(struct sessions *sessions, uint64_t id, uint32_t principal, uint64_t now_ms)
{
    struct session *session;
    bool live;

    (void)pthread_mutex_lock(&sessions->lock);
    session = find_id(sessions, id, now_ms);
    live = session != NULL && session->principal == principal;
    if (live && now_ms > session->used_ms) {
        session->used_ms = now_ms;
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    return live;
}

static uint32_t
seconds_left(uint64_t since_ms, uint64_t lasts_ms, uint64_t now_ms)
{
    uint64_t passed = passed_ms(since_ms, now_ms);

    return passed < lasts_ms ? (uint32_t)((lasts_ms - passed) / SECOND_MS) : 0;
}

bool
sessions_left(struct sessions *sessions, uint64_t id, uint64_t now_ms, uint32_t *ret_idle_s,
              uint32_t *ret_lasts_s)
{
    const struct session *session;

    (void)pthread_mutex_lock(&sessions->lock);
    session = find_id(sessions, id, now_ms);
    if (session != NULL) {
        *ret_idle_s = seconds_left(session->used_ms, SESSION_IDLE_MS, now_ms);
        *ret_lasts_s = seconds_left(session->opened_ms, SESSION_LASTS_MS, now_ms);
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    return session != NULL;
}

void
sessions_end(struct sessions *sessions, uint64_t id)
{
    struct session *slot = &sessions->slots[id % SESSIONS_MAX];

    (void)pthread_mutex_lock(&sessions->lock);
    if (id != 0 && slot->id == id) {
        end(slot);
    }
    (void)pthread_mutex_unlock(&sessions->lock);
}

void
sessions_end_where(struct sessions *sessions, bool (*is_over)(const void *state, uint32_t principal),
                   const void *state)
{
    (void)pthread_mutex_lock(&sessions->lock);
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (sessions->slots[i].id != 0 && is_over(state, sessions->slots[i].principal)) {
            end(&sessions->slots[i]);
        }
    }
    (void)pthread_mutex_unlock(&sessions->lock);
}

static bool
is_same(const void *state, uint32_t principal)
{
    return *(const uint32_t *)state == principal;
}

void
sessions_end_of(struct sessions *sessions, uint32_t principal)
{
    sessions_end_where(sessions, is_same, &principal);
}

void
sessions_end_all(struct sessions *sessions)
{
    (void)pthread_mutex_lock(&sessions->lock);
    memset(sessions->slots, 0, sizeof sessions->slots);
    (void)pthread_mutex_unlock(&sessions->lock);
}

size_t
sessions_count(struct sessions *sessions, uint32_t principal, uint64_t now_ms)
{
    size_t count = 0;

    (void)pthread_mutex_lock(&sessions->lock);
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        const struct session *slot = &sessions->slots[i];

        count += is_live(slot, now_ms) && (principal == 0 || slot->principal == principal);
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    return count;
}

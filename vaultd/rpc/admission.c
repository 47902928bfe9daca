/* SPDX-License-Identifier: Apache-2.0 */
#include "admission.h"

#include "connection.h"
#include "log.h"
#include "server_internal.h"

enum {
    UID_BUCKETS = 64,
    UNFREED_FACTOR = 2, /* closed and not yet freed, times the caps; they hold no locked memory */
};

struct crowd {
    uint32_t count;
    struct connection *oldest;
};

/* Uids that share a bucket are taken for one, which costs only them: it is the oldest that goes. */
struct strangers {
    uint32_t count;
    uint32_t unfreed; /* connections of any kind, closing ones too */
    struct crowd of_uid;
    struct crowd buckets[UID_BUCKETS];
};

/* The list has the newest first, so the last that is added is the oldest. */
static void
add(struct crowd *crowd, struct connection *connection)
{
    crowd->count++;
    crowd->oldest = connection;
}

/* Under server.lock. */
static void
count_strangers(const struct server *server, uint32_t uid, struct strangers *ret_strangers)
{
    *ret_strangers = (struct strangers){0};
    for (struct connection *at = server->connections; at != NULL; at = at->next) {
        ret_strangers->unfreed++;
        if (at->known || at->closing) {
            continue;
        }
        ret_strangers->count++;
        add(&ret_strangers->buckets[at->uid % UID_BUCKETS], at);
        if (at->uid == uid) {
            add(&ret_strangers->of_uid, at);
        }
    }
}

static struct connection *
oldest_of_most(const struct strangers *strangers)
{
    const struct crowd *most = &strangers->buckets[0];

    for (unsigned i = 1; i < UID_BUCKETS; i++) {
        if (strangers->buckets[i].count > most->count) {
            most = &strangers->buckets[i];
        }
    }
    return most->oldest;
}

bool
admission_make_room(struct server *server, uint32_t uid)
{
    const struct server_limits *limits = &server->limits;
    uint64_t caps =
        (uint64_t)limits->connections_max + limits->admin_connections_max + limits->strangers_max;
    struct strangers strangers;

    (void)pthread_mutex_lock(&server->lock);
    count_strangers(server, uid, &strangers);
    if (strangers.of_uid.count >= limits->strangers_per_uid_max) {
        connection_close(strangers.of_uid.oldest, CLOSE_MADE_ROOM);
    } else if (strangers.count >= limits->strangers_max) {
        connection_close(oldest_of_most(&strangers), CLOSE_MADE_ROOM);
    }
    (void)pthread_mutex_unlock(&server->lock);
    return strangers.unfreed + 1 < UNFREED_FACTOR * caps;
}

static void
refused(struct server *server, uint32_t uid, uint32_t count, uint32_t of_uid)
{
    server->refused++;
    if (server_may_log(server)) {
        LOG(LOG_LEVEL_WARNING, EVENT_CONNECTION_REFUSED, F("uid", uid), F("connections", count),
            F("of_uid", of_uid), F("refused", atomic_exchange(&server->refused, 0)));
    }
}

bool
admission_of_known(struct connection *connection)
{
    struct server *server = connection->server;
    uint32_t cap = connection->socket == PEER_ADMIN ? server->limits.admin_connections_max
                                                    : server->limits.connections_max;
    uint32_t on_socket = 0, of_uid = 0;
    bool admitted;

    (void)pthread_mutex_lock(&server->lock);
    for (const struct connection *at = server->connections; at != NULL; at = at->next) {
        if (at->known && !at->closing) {
            on_socket += at->socket == connection->socket;
            of_uid += at->uid == connection->uid;
        }
    }
    admitted = on_socket < cap && of_uid < server->limits.connections_per_uid_max;
    if (admitted) {
        connection_set_known(connection);
    }
    (void)pthread_mutex_unlock(&server->lock);
    if (!admitted) {
        refused(server, connection->uid, on_socket, of_uid);
        connection_close(connection, CLOSE_TOO_MANY);
    }
    return admitted;
}
